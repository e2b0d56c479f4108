//! Ops on the numbers of a row, in loops that wide registers serve.

use super::{One, Two, number};

/// Numbers along a row, or one for all of them.
#[derive(Clone, Copy)]
pub(super) enum Src<'a> {
    Many(&'a [f32]),
    Same(f32),
}

#[inline(always)]
pub(super) fn map1(out: &mut [f32], a: Src<'_>, f: impl Fn(f32) -> f32) {
    match a {
        Src::Many(a) => out.iter_mut().zip(a).for_each(|(out, a)| *out = f(*a)),
        Src::Same(a) => out.fill(f(a)),
    }
}

#[inline(always)]
fn map2(out: &mut [f32], [a, b]: [Src<'_>; 2], f: impl Fn(f32, f32) -> f32) {
    match (a, b) {
        (Src::Many(a), Src::Many(b)) => {
            let operands = a.iter().zip(b);
            out.iter_mut()
                .zip(operands)
                .for_each(|(out, (a, b))| *out = f(*a, *b));
        }
        (a, Src::Same(b)) => map1(out, a, |a| f(a, b)),
        (Src::Same(a), b) => map1(out, b, |b| f(a, b)),
    }
}

/// An op on numbers of a row each. Methods and not closures, as those would not be compiled for wide registers.
pub(super) trait Apply<const N: usize> {
    fn apply(&self, out: &mut [f32], operands: [Src<'_>; N]);
}

impl Apply<1> for One {
    #[inline(always)]
    fn apply(&self, out: &mut [f32], [a]: [Src<'_>; 1]) {
        match self {
            One::Copy => map1(out, a, |a| a),
            One::Neg => map1(out, a, |a| -a),
            One::Abs => map1(out, a, f32::abs),
            One::Sqrt => map1(out, a, f32::sqrt),
            One::Relu => map1(out, a, |a| if a < 0.0 { 0.0 } else { a }),
            One::Not => map1(out, a, |a| number(a == 0.0)),
        }
    }
}

impl Apply<2> for Two {
    #[inline(always)]
    fn apply(&self, out: &mut [f32], operands: [Src<'_>; 2]) {
        match self {
            Two::Add => map2(out, operands, |a, b| a + b),
            Two::Sub => map2(out, operands, |a, b| a - b),
            Two::Mul => map2(out, operands, |a, b| a * b),
            Two::Div => map2(out, operands, |a, b| a / b),
            // What is no number stays none.
            Two::Max => map2(
                out,
                operands,
                |a, b| if a > b || a.is_nan() { a } else { b },
            ),
            Two::Min => map2(
                out,
                operands,
                |a, b| if a < b || a.is_nan() { a } else { b },
            ),
            Two::Eq => map2(out, operands, |a, b| number(a == b)),
            Two::Ne => map2(out, operands, |a, b| number(a != b)),
            Two::Lt => map2(out, operands, |a, b| number(a < b)),
            Two::Le => map2(out, operands, |a, b| number(a <= b)),
            Two::Gt => map2(out, operands, |a, b| number(a > b)),
            Two::Ge => map2(out, operands, |a, b| number(a >= b)),
            Two::And => map2(out, operands, |a, b| number(a != 0.0 && b != 0.0)),
            Two::Or => map2(out, operands, |a, b| number(a != 0.0 || b != 0.0)),
        }
    }
}

/// The second where the first is not 0, else the third.
pub(super) struct Choice;

impl Apply<3> for Choice {
    #[inline(always)]
    fn apply(&self, out: &mut [f32], [condition, a, b]: [Src<'_>; 3]) {
        let chosen = |condition: f32, a: f32, b: f32| if condition == 0.0 { b } else { a };
        match (condition, a, b) {
            (Src::Same(0.0), _, b) => map1(out, b, |b| b),
            (Src::Same(_), a, _) => map1(out, a, |a| a),
            (condition, a, Src::Same(b)) => map2(out, [condition, a], |c, a| chosen(c, a, b)),
            (condition, Src::Same(a), b) => map2(out, [condition, b], |c, b| chosen(c, a, b)),
            (Src::Many(condition), Src::Many(a), Src::Many(b)) => {
                let operands = condition.iter().zip(a.iter().zip(b));
                let all = out.iter_mut().zip(operands);
                all.for_each(|(out, (c, (a, b)))| *out = chosen(*c, *a, *b));
            }
        }
    }
}

/// Comparisons of whole numbers, an operand of one number with all of the other.
#[inline(always)]
pub(super) fn whole(op: Two, out: &mut [f32], a: &[i64], b: &[i64]) {
    #[inline(always)]
    fn compare(out: &mut [f32], a: &[i64], b: &[i64], f: impl Fn(i64, i64) -> bool) {
        match (a, b) {
            ([a], [b]) => out.fill(number(f(*a, *b))),
            ([a], b) => out
                .iter_mut()
                .zip(b)
                .for_each(|(out, b)| *out = number(f(*a, *b))),
            (a, [b]) => out
                .iter_mut()
                .zip(a)
                .for_each(|(out, a)| *out = number(f(*a, *b))),
            (a, b) => {
                let operands = a.iter().zip(b);
                out.iter_mut()
                    .zip(operands)
                    .for_each(|(out, (a, b))| *out = number(f(*a, *b)));
            }
        }
    }
    match op {
        Two::Eq => compare(out, a, b, |a, b| a == b),
        Two::Ne => compare(out, a, b, |a, b| a != b),
        Two::Lt => compare(out, a, b, |a, b| a < b),
        Two::Le => compare(out, a, b, |a, b| a <= b),
        Two::Gt => compare(out, a, b, |a, b| a > b),
        Two::Ge => compare(out, a, b, |a, b| a >= b),
        Two::Add | Two::Sub | Two::Mul | Two::Div | Two::Max | Two::Min | Two::And | Two::Or => {
            unreachable!("internal: whole numbers are only compared")
        }
    }
}

/// The largest of a row, taken in columns so that wide registers serve; `-inf` where nothing is above it.
#[inline(always)]
pub(super) fn largest_of(row: &[f32]) -> f32 {
    const LANES: usize = 8;
    let larger = |a: f32, b: f32| if b > a { b } else { a };
    let mut columns = [f32::NEG_INFINITY; LANES];
    let (whole, rest) = row.split_at(row.len() / LANES * LANES);
    for part in whole.chunks_exact(LANES) {
        for (column, value) in columns.iter_mut().zip(part) {
            *column = larger(*column, *value);
        }
    }
    columns
        .iter()
        .chain(rest)
        .copied()
        .fold(f32::NEG_INFINITY, larger)
}
