//! Arithmetic, conversions and parts of a time.

use reckon_compiler::plan::row::{RowKind, RowOp};

use super::{Call, Numbers, Operand, coerce, logarithm};
use crate::column::{Column, Data};

/// Microseconds.
pub(crate) const SECOND: f64 = 1e6;
/// Microseconds.
pub(crate) const HOUR: i64 = 3_600_000_000;
/// Microseconds.
pub(crate) const DAY: i64 = 24 * HOUR;

pub(super) fn apply(op: &RowOp, call: &Call<'_>) -> Result<Column, String> {
    let data = match op {
        RowOp::Add => binary(call, i64::wrapping_add, |a, b| a + b)?,
        RowOp::Sub => binary(call, i64::wrapping_sub, |a, b| a - b)?,
        RowOp::Mul => binary(call, i64::wrapping_mul, |a, b| a * b)?,
        RowOp::Pow => binary(call, int_power, f64::powf)?,
        RowOp::Min => binary(call, i64::min, least)?,
        RowOp::Max => binary(call, i64::max, most)?,
        RowOp::Div => {
            let (a, b) = (call.arg(0)?, call.arg(1)?);
            let (x, y) = (Numbers::of(a.data)?, Numbers::of(b.data)?);
            Data::Float(
                (0..call.rows)
                    .map(|row| x.get(a.at(row)) / y.get(b.at(row)))
                    .collect(),
            )
        }
        RowOp::Neg => unary(call, i64::wrapping_neg, |x| -x)?,
        RowOp::Abs => unary(call, i64::wrapping_abs, f64::abs)?,
        RowOp::Floor => unary(call, |x| x, f64::floor)?,
        RowOp::Log => float(call, logarithm::log)?,
        RowOp::Log1p => float(call, logarithm::log1p)?,
        RowOp::Exp => float(call, f64::exp)?,
        RowOp::Sqrt => float(call, f64::sqrt)?,
        RowOp::Clip => clip(call)?,
        RowOp::ToFloat => match call.arg(0)?.kind {
            RowKind::Duration => float(call, |micros| micros / SECOND)?,
            _ => float(call, |x| x)?,
        },
        RowOp::ToInt => {
            let x = call.arg(0)?;
            if let Data::Int(values) = &x.data {
                Data::Int((0..call.rows).map(|row| values[x.at(row)]).collect())
            } else {
                let numbers = Numbers::of(x.data)?;
                Data::Int(
                    (0..call.rows)
                        .map(|row| numbers.get(x.at(row)) as i64)
                        .collect(),
                )
            }
        }
        RowOp::Hour => time(call, |at| at.rem_euclid(DAY) / HOUR)?,
        // 1970 began on a Thursday.
        RowOp::Weekday => time(call, |at| (at.div_euclid(DAY) + 3).rem_euclid(7))?,
        RowOp::Day => time(call, |at| at.div_euclid(DAY))?,
        other => return Err(format!("internal: {other:?} is not arithmetic")),
    };
    Ok(call.strict(coerce(data, call.ty)))
}

fn binary(
    call: &Call<'_>,
    ints: fn(i64, i64) -> i64,
    floats: fn(f64, f64) -> f64,
) -> Result<Data, String> {
    let (a, b) = (call.arg(0)?, call.arg(1)?);
    if let (Data::Int(x), Data::Int(y)) = (&a.data, &b.data) {
        return Ok(Data::Int(
            (0..call.rows)
                .map(|row| ints(x[a.at(row)], y[b.at(row)]))
                .collect(),
        ));
    }
    let (x, y) = (Numbers::of(a.data)?, Numbers::of(b.data)?);
    Ok(Data::Float(
        (0..call.rows)
            .map(|row| floats(x.get(a.at(row)), y.get(b.at(row))))
            .collect(),
    ))
}

fn unary(call: &Call<'_>, ints: fn(i64) -> i64, floats: fn(f64) -> f64) -> Result<Data, String> {
    let x = call.arg(0)?;
    if let Data::Int(values) = &x.data {
        return Ok(Data::Int(
            (0..call.rows).map(|row| ints(values[x.at(row)])).collect(),
        ));
    }
    float(call, floats)
}

fn float(call: &Call<'_>, f: fn(f64) -> f64) -> Result<Data, String> {
    let x = call.arg(0)?;
    let numbers = Numbers::of(x.data)?;
    Ok(Data::Float(
        (0..call.rows)
            .map(|row| f(numbers.get(x.at(row))))
            .collect(),
    ))
}

fn clip(call: &Call<'_>) -> Result<Data, String> {
    let [x, low, high] = [call.arg(0)?, call.arg(1)?, call.arg(2)?];
    let ints = |operand: Operand<'_>| matches!(operand.data, Data::Int(_));
    let [value, lows, highs] = [&x, &low, &high].map(|operand| Numbers::of(operand.data));
    let (value, lows, highs) = (value?, lows?, highs?);
    let clipped = (0..call.rows).map(|row| {
        // Not `clamp`, which panics where the borders are the wrong way round.
        let raised = most(value.get(x.at(row)), lows.get(low.at(row)));
        least(raised, highs.get(high.at(row)))
    });
    if ints(x) && ints(low) && ints(high) {
        let (Numbers::Int(value), Numbers::Int(lows), Numbers::Int(highs)) = (value, lows, highs)
        else {
            return Err("internal: integers are read as integers".to_owned());
        };
        let clipped = (0..call.rows).map(|row| {
            value[x.at(row)]
                .max(lows[low.at(row)])
                .min(highs[high.at(row)])
        });
        return Ok(Data::Int(clipped.collect()));
    }
    Ok(Data::Float(clipped.collect()))
}

fn time(call: &Call<'_>, f: fn(i64) -> i64) -> Result<Data, String> {
    let x = call.arg(0)?;
    match &x.data {
        Data::Int(values) => Ok(Data::Int(
            (0..call.rows).map(|row| f(values[x.at(row)])).collect(),
        )),
        other => Err(format!("expected a time, found {}", other.kind_name())),
    }
}

/// The smaller value; of two that are equal, and of any with NaN, the second, or the first where the second is NaN. Other
/// than `f64::min`, this leaves no choice of -0 or 0 to the compiler.
fn least(a: f64, b: f64) -> f64 {
    if a < b || b.is_nan() { a } else { b }
}

/// The larger value, as [`least`].
fn most(a: f64, b: f64) -> f64 {
    if a > b || b.is_nan() { a } else { b }
}

/// `base ^ exponent`, wrapping; a negative exponent gives the power cut towards zero, and 0 for base 0.
pub(crate) fn int_power(base: i64, exponent: i64) -> i64 {
    match u32::try_from(exponent) {
        Ok(exponent) => base.wrapping_pow(exponent),
        Err(_) if base == 1 || (base == -1 && exponent % 2 == 0) => 1,
        Err(_) if base == -1 => -1,
        Err(_) => 0,
    }
}
