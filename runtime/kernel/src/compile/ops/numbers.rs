//! Arithmetic, comparisons, conversions and parts of a time.

use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{InstBuilder, Value};
use cranelift_frontend::FunctionBuilder;
use reckon_compiler::plan::row::{RowKind, RowOp};

use super::{Call, called, logarithm, to_float, to_int};
use crate::compile::island::Loop;
use crate::compile::lanes::{Lanes, Typed, choose, each, each2, lift, lift2, or};
use crate::compile::words::Helper;
use crate::compile::{Lane, lanes};
use crate::ops::{DAY, HOUR, SECOND};

/// The number that an op gives, before it takes the form of the result.
pub(super) fn emit(code: &mut Loop<'_, '_>, call: &Call<'_>) -> Typed {
    let ints = call.args.iter().all(|arg| arg.lane == Lane::Int);
    match call.op {
        RowOp::ToInt if ints => Typed::new(Lane::Int, call.args[0].lanes),
        RowOp::ToInt => Typed::new(Lane::Int, to_int(code, call.args[0])),
        RowOp::Hour | RowOp::Weekday | RowOp::Day => {
            Typed::new(Lane::Int, part_of_time(code, call))
        }
        RowOp::Div | RowOp::Log | RowOp::Log1p | RowOp::Exp | RowOp::Sqrt | RowOp::ToFloat => {
            Typed::new(Lane::Float, of_floats(code, call))
        }
        _ if ints => Typed::new(Lane::Int, of_ints(code, call)),
        _ => Typed::new(Lane::Float, of_floats(code, call)),
    }
}

fn of_ints(code: &mut Loop<'_, '_>, call: &Call<'_>) -> Lanes {
    let x = call.args[0].lanes;
    let y = || call.args[1].lanes;
    let b = &mut code.b;
    match call.op {
        RowOp::Add => lift2(b, Lane::Int, [x, y()], |b, x, y| b.ins().iadd(x, y)),
        RowOp::Sub => lift2(b, Lane::Int, [x, y()], |b, x, y| b.ins().isub(x, y)),
        RowOp::Mul => each2(b, Lane::Int, [x, y()], |b, x, y| b.ins().imul(x, y)),
        RowOp::Pow => called(code, Helper::IntPower, Lane::Int, &[x, y()]),
        RowOp::Neg => lift(b, x, |b, x| b.ins().ineg(x)),
        RowOp::Abs => {
            let negative = lift(b, x, |b, x| b.ins().ineg(x));
            let zero = code.int(0);
            let below = below(code, [x, zero]);
            choose(&mut code.b, Lane::Int, below, [negative, x])
        }
        RowOp::Min => {
            let first = below(code, [x, y()]);
            choose(&mut code.b, Lane::Int, first, [x, y()])
        }
        RowOp::Max => {
            let first = below(code, [y(), x]);
            choose(&mut code.b, Lane::Int, first, [x, y()])
        }
        RowOp::Clip => {
            let [_, low, high] = [0, 1, 2].map(|at| call.args[at].lanes);
            let under = below(code, [x, low]);
            let raised = choose(&mut code.b, Lane::Int, under, [low, x]);
            let over = below(code, [high, raised]);
            choose(&mut code.b, Lane::Int, over, [high, raised])
        }
        // Only `Floor` is left, which leaves integers as they are.
        _ => x,
    }
}

fn of_floats(code: &mut Loop<'_, '_>, call: &Call<'_>) -> Lanes {
    let floats: Vec<Lanes> = call.args.iter().map(|arg| to_float(code, *arg)).collect();
    let x = floats[0];
    let b = &mut code.b;
    match call.op {
        RowOp::Add => lift2(b, Lane::Float, [x, floats[1]], |b, x, y| b.ins().fadd(x, y)),
        RowOp::Sub => lift2(b, Lane::Float, [x, floats[1]], |b, x, y| b.ins().fsub(x, y)),
        RowOp::Mul => lift2(b, Lane::Float, [x, floats[1]], |b, x, y| b.ins().fmul(x, y)),
        RowOp::Div => divide(b, [x, floats[1]]),
        RowOp::Pow => called(code, Helper::Power, Lane::Float, &floats),
        RowOp::Log => logarithm::log(code, x),
        RowOp::Log1p => logarithm::log1p(code, x),
        RowOp::Exp => called(code, Helper::Exp, Lane::Float, &floats),
        RowOp::Sqrt => lift(b, x, |b, x| b.ins().sqrt(x)),
        RowOp::Neg => lift(b, x, |b, x| b.ins().fneg(x)),
        RowOp::Abs => lift(b, x, |b, x| b.ins().fabs(x)),
        RowOp::Floor => lift(b, x, |b, x| b.ins().floor(x)),
        RowOp::Min => extreme(code, FloatCC::LessThan, [x, floats[1]]),
        RowOp::Max => extreme(code, FloatCC::GreaterThan, [x, floats[1]]),
        RowOp::Clip => {
            let raised = extreme(code, FloatCC::GreaterThan, [x, floats[1]]);
            extreme(code, FloatCC::LessThan, [raised, floats[2]])
        }
        RowOp::ToFloat if *call.first == RowKind::Duration => {
            let second = code.float(SECOND);
            divide(&mut code.b, [x, second])
        }
        // Only `ToFloat` of what is no duration is left.
        _ => x,
    }
}

pub(super) fn divide(b: &mut FunctionBuilder<'_>, operands: [Lanes; 2]) -> Lanes {
    lift2(b, Lane::Float, operands, |b, x, y| b.ins().fdiv(x, y))
}

/// `a < b` of integers.
fn below(code: &mut Loop<'_, '_>, operands: [Lanes; 2]) -> Lanes {
    lift2(&mut code.b, Lane::Int, operands, |b, x, y| {
        b.ins().icmp(IntCC::SignedLessThan, x, y)
    })
}

/// The first operand where it is beyond the second or where the second is NaN, else the second.
pub(super) fn extreme(code: &mut Loop<'_, '_>, beyond: FloatCC, [x, y]: [Lanes; 2]) -> Lanes {
    let b = &mut code.b;
    let first = lift2(b, Lane::Float, [x, y], |b, x, y| b.ins().fcmp(beyond, x, y));
    let unknown = lift(b, y, |b, y| b.ins().fcmp(FloatCC::Unordered, y, y));
    let first = or(b, first, unknown);
    choose(b, Lane::Float, first, [x, y])
}

/// Equality and order of numbers, of truth values as 0 and 1; a NaN is unequal to all.
pub(super) fn compare(code: &mut Loop<'_, '_>, call: &Call<'_>) -> Lanes {
    let [x, y] = [call.args[0], call.args[1]];
    let (ints, floats) = match call.op {
        RowOp::Eq => (IntCC::Equal, FloatCC::Equal),
        RowOp::Ne => (IntCC::NotEqual, FloatCC::NotEqual),
        RowOp::Lt => (IntCC::SignedLessThan, FloatCC::LessThan),
        RowOp::Le => (IntCC::SignedLessThanOrEqual, FloatCC::LessThanOrEqual),
        RowOp::Gt => (IntCC::SignedGreaterThan, FloatCC::GreaterThan),
        // Only `Ge` is left.
        _ => (IntCC::SignedGreaterThanOrEqual, FloatCC::GreaterThanOrEqual),
    };
    if (x.lane, y.lane) == (Lane::Int, Lane::Int) {
        return lift2(&mut code.b, Lane::Int, [x.lanes, y.lanes], |b, x, y| {
            b.ins().icmp(ints, x, y)
        });
    }
    let operands = [to_float(code, x), to_float(code, y)];
    lift2(&mut code.b, Lane::Float, operands, |b, x, y| {
        b.ins().fcmp(floats, x, y)
    })
}

fn part_of_time(code: &mut Loop<'_, '_>, call: &Call<'_>) -> Lanes {
    let time = call.args[0].lanes;
    let hour = matches!(call.op, RowOp::Hour);
    let weekday = matches!(call.op, RowOp::Weekday);
    each(&mut code.b, Lane::Int, time, |b, time| {
        let (day, within) = floor_division(b, time, DAY);
        if hour {
            let hour = b.ins().iconst(lanes::scalar(Lane::Int), HOUR);
            b.ins().sdiv(within, hour)
        } else if weekday {
            // 1970 began on a Thursday.
            let shifted = b.ins().iadd_imm(day, 3);
            floor_division(b, shifted, 7).1
        } else {
            day
        }
    })
}

/// The quotient, rounded down, and the rest, which is never negative.
fn floor_division(b: &mut FunctionBuilder<'_>, x: Value, by: i64) -> (Value, Value) {
    let divisor = b.ins().iconst(lanes::scalar(Lane::Int), by);
    let quotient = b.ins().sdiv(x, divisor);
    let product = b.ins().imul(quotient, divisor);
    let rest = b.ins().isub(x, product);
    // -1 where the rest is negative.
    let below = b.ins().sshr_imm(rest, 63);
    let down = b.ins().iadd(quotient, below);
    let added = b.ins().band(below, divisor);
    (down, b.ins().iadd(rest, added))
}
