//! Natural logarithms of two values at a time, step by step as in `crate::ops::logarithm`.

use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::{ConstantData, InstBuilder, Type, Value, types};
use cranelift_frontend::FunctionBuilder;

use crate::compile::Lane;
use crate::compile::island::Loop;
use crate::compile::lanes::{Lanes, bits, to_vector};
use crate::ops::logarithm::{
    BIAS, FRACTION, LEAST, LOG_2_HIGH, LOG_2_LOW, ONE, P, RAISE, RAISED, SHIFTED,
};

/// `log(x)`
pub(super) fn log(code: &mut Loop<'_, '_>, x: Lanes) -> Lanes {
    let b = &mut code.b;
    let x = to_vector(b, Lane::Float, x);
    let [zero, least] = [0.0, f64::MIN_POSITIVE].map(|value| both(b, value));
    let small = b.ins().fcmp(FloatCC::LessThan, x, least);
    let raise = both(b, RAISE);
    let raised = b.ins().fmul(x, raise);
    let normal = select(b, small, raised, x);
    let by = both(b, RAISED);
    let by = select(b, small, by, zero);
    let (k, m) = parts(b, normal);
    let k = b.ins().fsub(k, by);
    let one = both(b, 1.0);
    let f = b.ins().fsub(m, one);
    let found = sum(b, k, f, zero);
    let above = b.ins().fcmp(FloatCC::GreaterThan, x, zero);
    let ordinary = finite(b, above, x);
    Lanes::Vector(or_limit(b, (ordinary, found), x, zero))
}

/// `log(1 + x)`
pub(super) fn log1p(code: &mut Loop<'_, '_>, x: Lanes) -> Lanes {
    let b = &mut code.b;
    let x = to_vector(b, Lane::Float, x);
    let [zero, one, least] = [0.0, 1.0, -1.0].map(|value| both(b, value));
    let whole = b.ins().fadd(one, x);
    let back = b.ins().fsub(whole, one);
    let of_one = b.ins().fsub(whole, back);
    let of_one = b.ins().fsub(one, of_one);
    let of_x = b.ins().fsub(x, back);
    let lost = b.ins().fadd(of_one, of_x);
    let rest = b.ins().fdiv(lost, whole);
    let (k, m) = parts(b, whole);
    let f = b.ins().fsub(m, one);
    let found = sum(b, k, f, rest);
    let above = b.ins().fcmp(FloatCC::GreaterThan, x, least);
    let ordinary = finite(b, above, x);
    let is_zero = b.ins().fcmp(FloatCC::NotEqual, x, zero);
    let ordinary = b.ins().band(ordinary, is_zero);
    Lanes::Vector(or_limit(b, (ordinary, found), x, least))
}

/// The same float twice.
fn both(b: &mut FunctionBuilder<'_>, value: f64) -> Value {
    constant(b, types::F64X2, value.to_bits())
}

/// The same 64 bits twice.
fn constant(b: &mut FunctionBuilder<'_>, ty: Type, bits: u64) -> Value {
    let twice: Vec<u8> = [bits, bits]
        .into_iter()
        .flat_map(u64::to_le_bytes)
        .collect();
    let constant = b.func.dfg.constants.insert(ConstantData::from(twice));
    b.ins().vconst(ty, constant)
}

fn select(b: &mut FunctionBuilder<'_>, holds: Value, x: Value, y: Value) -> Value {
    let holds = bits(b, types::F64X2, holds);
    b.ins().bitselect(holds, x, y)
}

/// Where a condition holds of a number below infinity.
fn finite(b: &mut FunctionBuilder<'_>, holds: Value, x: Value) -> Value {
    let infinity = both(b, f64::INFINITY);
    let below = b.ins().fcmp(FloatCC::LessThan, x, infinity);
    b.ins().band(holds, below)
}

/// What was found of ordinary numbers; of the least that has a logarithm minus infinity, of what is above it the number
/// itself, of all others NaN.
fn or_limit(
    b: &mut FunctionBuilder<'_>,
    (ordinary, found): (Value, Value),
    x: Value,
    least: Value,
) -> Value {
    let is_least = b.ins().fcmp(FloatCC::Equal, x, least);
    let below_all = both(b, f64::NEG_INFINITY);
    let limit = select(b, is_least, below_all, x);
    let known = b.ins().fcmp(FloatCC::GreaterThanOrEqual, x, least);
    let none = both(b, f64::NAN);
    let limit = select(b, known, limit, none);
    select(b, ordinary, found, limit)
}

/// The exponent and the rest of normal numbers.
fn parts(b: &mut FunctionBuilder<'_>, x: Value) -> (Value, Value) {
    let words = bits(b, types::I64X2, x);
    let [lift, shifted, fraction, least] =
        [ONE - LEAST, SHIFTED, FRACTION, LEAST].map(|word| constant(b, types::I64X2, word));
    let lifted = b.ins().iadd(words, lift);
    let exponent = b.ins().ushr_imm(lifted, 52);
    let exponent = b.ins().bor(exponent, shifted);
    let exponent = bits(b, types::F64X2, exponent);
    let bias = both(b, BIAS);
    let k = b.ins().fsub(exponent, bias);
    let rest = b.ins().band(lifted, fraction);
    let rest = b.ins().iadd(rest, least);
    (k, bits(b, types::F64X2, rest))
}

/// `k log(2) + log(1 + f) + rest`
fn sum(b: &mut FunctionBuilder<'_>, k: Value, f: Value, rest: Value) -> Value {
    let [two, half_of, high, low] = [2.0, 0.5, LOG_2_HIGH, LOG_2_LOW].map(|value| both(b, value));
    let below = b.ins().fadd(two, f);
    let s = b.ins().fdiv(f, below);
    let z = b.ins().fmul(s, s);
    let w = b.ins().fmul(z, z);
    let even = series(b, w, &[P[0], P[2], P[4], P[6]]);
    let even = b.ins().fmul(z, even);
    let odd = series(b, w, &[P[1], P[3], P[5]]);
    let odd = b.ins().fmul(w, odd);
    let half = b.ins().fmul(half_of, f);
    let half = b.ins().fmul(half, f);
    let low = b.ins().fmul(k, low);
    let beside = b.ins().fadd(low, rest);
    let both = b.ins().fadd(even, odd);
    let inner = b.ins().fadd(half, both);
    let inner = b.ins().fmul(s, inner);
    let inner = b.ins().fadd(inner, beside);
    let inner = b.ins().fsub(half, inner);
    let inner = b.ins().fsub(inner, f);
    let high = b.ins().fmul(k, high);
    b.ins().fsub(high, inner)
}

/// `c0 + w (c1 + w (c2 ..))`
fn series(b: &mut FunctionBuilder<'_>, w: Value, coefficients: &[f64]) -> Value {
    let mut of = coefficients.iter().rev().copied();
    let last = of.next().unwrap_or(0.0);
    let mut found = both(b, last);
    for coefficient in of {
        let next = both(b, coefficient);
        let product = b.ins().fmul(w, found);
        found = b.ins().fadd(next, product);
    }
    found
}
