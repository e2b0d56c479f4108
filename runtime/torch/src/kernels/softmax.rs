//! Sums and exponentials, as wide as registers are.

/// Numbers added up in eight columns, so that wide registers serve; the order is the same on every machine.
#[inline(always)]
pub(super) fn sum(row: &[f32], value: impl Fn(usize) -> f32) -> f32 {
    const LANES: usize = 8;
    let mut columns = [0.0; LANES];
    let whole = row.len() / LANES * LANES;
    for start in (0..whole).step_by(LANES) {
        for (lane, column) in columns.iter_mut().enumerate() {
            *column += value(start + lane);
        }
    }
    let rest: f32 = (whole..row.len()).map(value).sum();
    columns.iter().sum::<f32>() + rest
}

/// `e^x` for `x <= 0`, to about one unit in the last place, 0 below the smallest normal number. By the polynomial of the
/// Cephes library (Moshier) on `x - n ln 2`, written so that eight are computed at a time.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    const SMALLEST: f32 = -87.0;
    /// Adding it rounds to a whole number, which then stands in the last bits.
    const ROUND: f32 = 12_582_912.0;
    const HIGH: f32 = 0.693_359_4;
    const LOW: f32 = -2.121_944_4e-4;
    let near = if x < SMALLEST { SMALLEST } else { x };
    let rounded = near * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = near - n * HIGH - n * LOW;
    let mut p = 1.987_569_2e-4;
    for coefficient in [
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        0.5,
    ] {
        p = p * r + coefficient;
    }
    let power = rounded
        .to_bits()
        .wrapping_sub(ROUND.to_bits())
        .wrapping_add(127)
        << 23;
    let value = (p * r * r + r + 1.0) * f32::from_bits(power);
    if x < SMALLEST { 0.0 } else { value }
}

#[cfg(test)]
mod tests {
    use super::exp;

    #[test]
    fn exponentials_are_right_to_the_last_digits_and_end_in_zero() {
        for at in 0..=87_000 {
            let x = -(at as f32) / 1_000.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 2e-7, "{x}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!([exp(-88.0), exp(f32::NEG_INFINITY)], [0.0, 0.0]);
        assert!(exp(f32::NAN).is_nan());
    }
}
