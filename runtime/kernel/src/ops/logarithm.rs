//! Natural logarithms, by the same steps in the interpreter and in machine code, which takes two at a time
//! (`compile/ops/logarithm.rs`): products, sums and quotients of 64 bits in a fixed order, without a fused multiplication,
//! so that they are the same bits on every machine. The result is off by less than one unit in the last place.
//!
//! With x = 2^k m, m from sqrt(1/2) to sqrt(2), f = m - 1 and s = f / (2 + f), log(x) is k log(2) + 2 atanh(s), and
//! 2 atanh(s) = f - (f²/2 - s (f²/2 + s² P(s²))), in which all that is rounded stands behind the exact f. P is the best
//! polynomial of its degree for the error of the whole; log(2) is a sum of two numbers, and k times the first is exact.

/// The bits of 1.
pub(crate) const ONE: u64 = 1.0_f64.to_bits();
/// The bits of the square root of 1/2, rounded.
pub(crate) const LEAST: u64 = 0x3FE6_A09E_667F_3BCD;
/// The bits of a float that are not sign and exponent.
pub(crate) const FRACTION: u64 = (1 << 52) - 1;
/// The bits of 2^52, which as a float has the integer of its fraction bits above 2^52.
pub(crate) const SHIFTED: u64 = 0x4330_0000_0000_0000;
/// 2^52 and what exponents are biased by.
pub(crate) const BIAS: f64 = 4_503_599_627_370_496.0 + 1023.0;
/// What makes the smallest numbers normal ones: 2^54.
pub(crate) const RAISE: f64 = 18_014_398_509_481_984.0;
/// By how much that raises the exponent.
pub(crate) const RAISED: f64 = 54.0;
/// log(2), its bits of 2^-31 and above.
pub(crate) const LOG_2_HIGH: f64 = f64::from_bits(0x3FE6_2E42_FEC0_0000);
/// The rest of log(2).
pub(crate) const LOG_2_LOW: f64 = 4.236_521_365_809_284e-10;
/// P, the constant first.
pub(crate) const P: [f64; 7] = [
    0.666_666_666_666_673_3,
    0.399_999_999_994_212_8,
    0.285_714_287_411_361_96,
    0.222_221_986_868_609_2,
    0.181_835_589_687_552_7,
    0.153_141_769_168_006_54,
    0.147_947_700_121_255_22,
];

/// `log(x)`: of 0 minus infinity, of what is below NaN.
pub(crate) fn log(x: f64) -> f64 {
    let small = x < f64::MIN_POSITIVE;
    let (normal, raised) = match small {
        true => (x * RAISE, RAISED),
        false => (x, 0.0),
    };
    let (k, m) = parts(normal);
    match x > 0.0 && x < f64::INFINITY {
        true => sum(k - raised, m - 1.0, 0.0),
        false if x >= 0.0 => {
            if x == 0.0 {
                f64::NEG_INFINITY
            } else {
                x
            }
        }
        false => f64::NAN,
    }
}

/// `log(1 + x)`, also where 1 + x has no room for what x says: of -1 minus infinity, of what is below NaN.
pub(crate) fn log1p(x: f64) -> f64 {
    let whole = 1.0 + x;
    // What the sum has lost, exactly.
    let back = whole - 1.0;
    let lost = (1.0 - (whole - back)) + (x - back);
    let (k, m) = parts(whole);
    match x > -1.0 && x < f64::INFINITY && x != 0.0 {
        true => sum(k, m - 1.0, lost / whole),
        false if x >= -1.0 => {
            if x == -1.0 {
                f64::NEG_INFINITY
            } else {
                x
            }
        }
        false => f64::NAN,
    }
}

/// The exponent and the rest of a normal number.
fn parts(x: f64) -> (f64, f64) {
    let bits = x.to_bits().wrapping_add(ONE - LEAST);
    let k = f64::from_bits((bits >> 52) | SHIFTED) - BIAS;
    (k, f64::from_bits((bits & FRACTION).wrapping_add(LEAST)))
}

/// `k log(2) + log(1 + f) + rest`
fn sum(k: f64, f: f64, rest: f64) -> f64 {
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let even = z * (P[0] + w * (P[2] + w * (P[4] + w * P[6])));
    let odd = w * (P[1] + w * (P[3] + w * P[5]));
    let half = 0.5 * f * f;
    let beside = k * LOG_2_LOW + rest;
    k * LOG_2_HIGH - ((half - (s * (half + (even + odd)) + beside)) - f)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Arguments near which logarithms are hard to get right, or at the ends of the ranges, with the floats next to the
    /// exact logarithms, worked out with 60 digits.
    #[test]
    fn hard_cases_are_right_to_a_unit_in_the_last_place() {
        for (x, expected) in HARD_LOG {
            within_one(log(x), expected, &format!("log({x:e})"));
        }
        for (x, expected) in HARD_LOG1P {
            within_one(log1p(x), expected, &format!("log1p({x:e})"));
        }
    }

    #[track_caller]
    fn within_one(found: f64, expected: f64, what: &str) {
        let apart = (found.to_bits() as i64).abs_diff(expected.to_bits() as i64);
        assert!(apart <= 1, "{what} is {found:e}, expected {expected:e}");
    }

    #[test]
    fn what_has_no_logarithm_says_so() {
        for f in [log, |x: f64| log1p(x - 1.0)] {
            assert_eq!(f(0.0), f64::NEG_INFINITY);
            assert_eq!(f(1.0), 0.0);
            assert_eq!(f(f64::INFINITY), f64::INFINITY);
            assert!(f(-1.0).is_nan() && f(f64::NAN).is_nan() && f(f64::NEG_INFINITY).is_nan());
        }
        assert_eq!(log(-0.0), f64::NEG_INFINITY);
        assert_eq!(log1p(-0.0).to_bits(), (-0.0_f64).to_bits());
        assert_eq!(log1p(5e-324), 5e-324);
    }

    #[test]
    fn logarithms_never_fall_where_numbers_rise() {
        let mut before = f64::NEG_INFINITY;
        for step in 0..200_000_u64 {
            let x = f64::from_bits(0x3FE0_0000_0000_0000 + step * 0x1_0000_0000);
            let found = log(x);
            assert!(found >= before, "log falls at {x:e}");
            before = found;
        }
    }

    const HARD_LOG: [(f64, f64); 32] = [
        (
            f64::from_bits(0x0000_0000_0000_0001),
            f64::from_bits(0xC087_4385_446D_71C3),
        ),
        (
            f64::from_bits(0x0010_0000_0000_0000),
            f64::from_bits(0xC086_232B_DD7A_BCD2),
        ),
        (
            f64::from_bits(0x000F_FFFF_FFFF_FFFF),
            f64::from_bits(0xC086_232B_DD7A_BCD2),
        ),
        (
            f64::from_bits(0x7FEF_FFFF_FFFF_FFFF),
            f64::from_bits(0x4086_2E42_FEFA_39EF),
        ),
        (
            f64::from_bits(0x3FEF_FFFF_FFFF_FFFF),
            f64::from_bits(0xBCA0_0000_0000_0000),
        ),
        (
            f64::from_bits(0x3FF0_0000_0000_0001),
            f64::from_bits(0x3CAF_FFFF_FFFF_FFFF),
        ),
        (
            f64::from_bits(0x3FE6_A09E_667F_3BCD),
            f64::from_bits(0xBFD6_2E42_FEFA_39EE),
        ),
        (
            f64::from_bits(0x3FE6_A09E_667F_3BCC),
            f64::from_bits(0xBFD6_2E42_FEFA_39F1),
        ),
        (
            f64::from_bits(0x3FF6_A09E_667F_3BCD),
            f64::from_bits(0x3FD6_2E42_FEFA_39F0),
        ),
        (
            f64::from_bits(0x3FF6_A09E_667F_3BCE),
            f64::from_bits(0x3FD6_2E42_FEFA_39F3),
        ),
        (
            f64::from_bits(0x3FE0_0000_0000_0000),
            f64::from_bits(0xBFE6_2E42_FEFA_39EF),
        ),
        (
            f64::from_bits(0x4000_0000_0000_0000),
            f64::from_bits(0x3FE6_2E42_FEFA_39EF),
        ),
        (
            f64::from_bits(0x4024_0000_0000_0000),
            f64::from_bits(0x4002_6BB1_BBB5_5516),
        ),
        (
            f64::from_bits(0x3FB9_9999_9999_999A),
            f64::from_bits(0xC002_6BB1_BBB5_5515),
        ),
        (
            f64::from_bits(0x3FF0_0000_1AD7_F29B),
            f64::from_bits(0x3E7A_D7F2_847B_6492),
        ),
        (
            f64::from_bits(0x3FEF_FFFF_CA50_1ACB),
            f64::from_bits(0xBE7A_D7F2_B104_9B9F),
        ),
        (
            f64::from_bits(0x4005_BF0A_8B14_5769),
            f64::from_bits(0x3FF0_0000_0000_0000),
        ),
        (
            f64::from_bits(0x4008_0000_0000_0000),
            f64::from_bits(0x3FF1_93EA_7AAD_030B),
        ),
        (
            f64::from_bits(0x01A5_6E1F_C2F8_F359),
            f64::from_bits(0xC085_9634_47F8_7FB5),
        ),
        (
            f64::from_bits(0x4480_F0CF_064D_D592),
            f64::from_bits(0x4049_5414_6219_54FE),
        ),
        (
            f64::from_bits(0x70E1_0E0F_EB99_D0DF),
            f64::from_bits(0x4080_F662_7E94_32EB),
        ),
        (
            f64::from_bits(0x3FF3_06A2_FF72_4CE1),
            f64::from_bits(0x3FC6_2BDE_84C4_CC7D),
        ),
        (
            f64::from_bits(0x3FF1_8BDC_A1D6_2D65),
            f64::from_bits(0x3FB7_9E1D_6DB6_B3CC),
        ),
        (
            f64::from_bits(0x2FD7_DFB0_7A34_A4D9),
            f64::from_bits(0xC066_4DD1_24CE_2AE4),
        ),
        (
            f64::from_bits(0x77DB_348D_FBAA_D42F),
            f64::from_bits(0x4083_61A2_9D9D_EA6A),
        ),
        (
            f64::from_bits(0x3FE5_8DE0_3F66_B247),
            f64::from_bits(0xBFD9_4A62_6FA7_2C0D),
        ),
        (
            f64::from_bits(0x76C0_9031_C97C_E70F),
            f64::from_bits(0x4082_FF65_BC52_1E30),
        ),
        (
            f64::from_bits(0x7725_3CAA_DFF9_EF28),
            f64::from_bits(0x4083_22A8_2C57_5E27),
        ),
        (
            f64::from_bits(0x3FEC_6882_C71B_011D),
            f64::from_bits(0xBFBE_7A7C_0725_C33E),
        ),
        (
            f64::from_bits(0x258C_CC01_935D_DCAE),
            f64::from_bits(0xC072_49D1_3792_E181),
        ),
        (
            f64::from_bits(0x3FE9_554F_1DA8_AE4A),
            f64::from_bits(0xBFCD_E736_D300_72D2),
        ),
        (
            f64::from_bits(0x6201_EDE6_C1F3_03CC),
            f64::from_bits(0x4077_9E10_A254_420A),
        ),
    ];

    const HARD_LOG1P: [(f64, f64); 43] = [
        (
            f64::from_bits(0x0000_0000_0000_0001),
            f64::from_bits(0x0000_0000_0000_0001),
        ),
        (
            f64::from_bits(0x8000_0000_0000_0001),
            f64::from_bits(0x8000_0000_0000_0001),
        ),
        (
            f64::from_bits(0x0000_1268_8B70_E62B),
            f64::from_bits(0x0000_1268_8B70_E62B),
        ),
        (
            f64::from_bits(0x01A5_6E1F_C2F8_F359),
            f64::from_bits(0x01A5_6E1F_C2F8_F359),
        ),
        (
            f64::from_bits(0x3BC7_9CA1_0C92_4223),
            f64::from_bits(0x3BC7_9CA1_0C92_4223),
        ),
        (
            f64::from_bits(0xBBC7_9CA1_0C92_4223),
            f64::from_bits(0xBBC7_9CA1_0C92_4223),
        ),
        (
            f64::from_bits(0x3C9F_B491_40A1_644F),
            f64::from_bits(0x3C9F_B491_40A1_644F),
        ),
        (
            f64::from_bits(0xBC9F_B491_40A1_644F),
            f64::from_bits(0xBC9F_B491_40A1_644F),
        ),
        (
            f64::from_bits(0x3CB0_92C0_4A82_E8CC),
            f64::from_bits(0x3CB0_92C0_4A82_E8CB),
        ),
        (
            f64::from_bits(0x3DDB_7CDF_D9D7_BDBB),
            f64::from_bits(0x3DDB_7CDF_D9D1_D693),
        ),
        (
            f64::from_bits(0xBDDB_7CDF_D9D7_BDBB),
            f64::from_bits(0xBDDB_7CDF_D9DD_A4E3),
        ),
        (
            f64::from_bits(0x3EE4_F8B5_88E3_68F1),
            f64::from_bits(0x3EE4_F8AE_A9AE_7317),
        ),
        (
            f64::from_bits(0x3FB9_9999_9999_999A),
            f64::from_bits(0x3FB8_663F_793C_46C7),
        ),
        (
            f64::from_bits(0xBFB9_9999_9999_999A),
            f64::from_bits(0xBFBA_F8E8_210A_415E),
        ),
        (
            f64::from_bits(0x3FD2_8F5C_28F5_C28F),
            f64::from_bits(0x3FD0_4C0E_E006_1B5B),
        ),
        (
            f64::from_bits(0xBFD2_8F5C_28F5_C28F),
            f64::from_bits(0xBFD5_EB5C_7907_E4C8),
        ),
        (
            f64::from_bits(0xBFD2_BEC3_3301_8866),
            f64::from_bits(0xBFD6_2E42_FEFA_39EE),
        ),
        (
            f64::from_bits(0xBFD2_BEC3_3301_8867),
            f64::from_bits(0xBFD6_2E42_FEFA_39EF),
        ),
        (
            f64::from_bits(0x3FDA_8279_99FC_EF31),
            f64::from_bits(0x3FD6_2E42_FEFA_39EE),
        ),
        (
            f64::from_bits(0x3FDA_8279_99FC_EF33),
            f64::from_bits(0x3FD6_2E42_FEFA_39F0),
        ),
        (
            f64::from_bits(0xBFE0_0000_0000_0000),
            f64::from_bits(0xBFE6_2E42_FEFA_39EF),
        ),
        (
            f64::from_bits(0xBFEC_CCCC_CCCC_CCCD),
            f64::from_bits(0xC002_6BB1_BBB5_5516),
        ),
        (
            f64::from_bits(0xBFEF_FFFF_FFFF_FFFF),
            f64::from_bits(0xC042_5E4F_7B27_37FA),
        ),
        (
            f64::from_bits(0x3FF0_0000_0000_0000),
            f64::from_bits(0x3FE6_2E42_FEFA_39EF),
        ),
        (
            f64::from_bits(0x3FF8_0000_0000_0000),
            f64::from_bits(0x3FED_5240_F0E0_E078),
        ),
        (
            f64::from_bits(0x4008_0000_0000_0000),
            f64::from_bits(0x3FF6_2E42_FEFA_39EF),
        ),
        (
            f64::from_bits(0x408F_4000_0000_0000),
            f64::from_bits(0x401B_A290_9CE4_F864),
        ),
        (
            f64::from_bits(0x433F_FFFF_FFFF_FFFF),
            f64::from_bits(0x4042_5E4F_7B27_37FA),
        ),
        (
            f64::from_bits(0x4340_0000_0000_0000),
            f64::from_bits(0x4042_5E4F_7B27_37FA),
        ),
        (
            f64::from_bits(0x4341_C379_37E0_8000),
            f64::from_bits(0x4042_6BB1_BBB5_5516),
        ),
        (
            f64::from_bits(0x7FEF_FFFF_FFFF_FFFF),
            f64::from_bits(0x4086_2E42_FEFA_39EF),
        ),
        (
            f64::from_bits(0xBDDA_43FC_0A53_F186),
            f64::from_bits(0xBDDA_43FC_0A59_5548),
        ),
        (
            f64::from_bits(0x4049_001B_B1A5_2C65),
            f64::from_bits(0x400F_7469_AF80_1AEC),
        ),
        (
            f64::from_bits(0x3CF8_54C7_5A85_796E),
            f64::from_bits(0x3CF8_54C7_5A85_795B),
        ),
        (
            f64::from_bits(0x3DF3_1331_AC5D_28F1),
            f64::from_bits(0x3DF3_1331_AC51_CA1B),
        ),
        (
            f64::from_bits(0x3D78_11A4_3C48_83A1),
            f64::from_bits(0x3D78_11A4_3C48_7186),
        ),
        (
            f64::from_bits(0xBDB1_AC18_E4AE_1E60),
            f64::from_bits(0xBDB1_AC18_E4AE_BA87),
        ),
        (
            f64::from_bits(0xBD9D_F60F_6890_11B2),
            f64::from_bits(0xBD9D_F60F_6890_81E7),
        ),
        (
            f64::from_bits(0xBF88_9023_1ECC_F599),
            f64::from_bits(0xBF88_B626_7E01_785F),
        ),
        (
            f64::from_bits(0x3E35_9C95_7D63_C08E),
            f64::from_bits(0x3E35_9C95_7C7A_3867),
        ),
        (
            f64::from_bits(0xBCDE_FBA8_AA98_0E6E),
            f64::from_bits(0xBCDE_FBA8_AA98_0E75),
        ),
        (
            f64::from_bits(0x3DFA_8AF0_287E_6448),
            f64::from_bits(0x3DFA_8AF0_2868_6026),
        ),
        (
            f64::from_bits(0xBDCC_E289_4E78_0BF3),
            f64::from_bits(0xBDCC_E289_4E7B_4E49),
        ),
    ];
}
