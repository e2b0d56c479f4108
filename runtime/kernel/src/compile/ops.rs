//! The ops of row programs in Cranelift's language. Each does exactly what the interpreter does in `crate::ops`.

mod ids;
mod logarithm;
mod numbers;
mod select;

use reckon_compiler::plan::row::{RowKind, RowOp};

use super::Lane;
use super::island::Loop;
use super::lanes::{Lanes, Typed, both, each, to_pair};
use cranelift_codegen::ir::{InstBuilder, types};

/// An instruction as a loop sees it: mapped ones with elements in place of lists.
pub(super) struct Call<'a> {
    /// The place of the instruction in its kernel.
    pub(super) at: usize,
    pub(super) op: &'a RowOp,
    pub(super) args: &'a [Typed],
    /// The kind of the first operand.
    pub(super) first: &'a RowKind,
    pub(super) result: Lane,
}

/// Whether an op over these operands has machine code; `None` is a text or a list.
pub(super) fn supports(op: &RowOp, args: &[Option<Lane>], result: Lane) -> bool {
    if let RowOp::IsNull = op {
        return args.len() == 1 && result == Lane::Bool;
    }
    let Some(args) = args.iter().copied().collect::<Option<Vec<Lane>>>() else {
        return false;
    };
    let number = result != Lane::Bool;
    match (op, args.as_slice()) {
        (RowOp::Add | RowOp::Sub | RowOp::Mul | RowOp::Div | RowOp::Pow, [_, _])
        | (RowOp::Min | RowOp::Max, [_, _])
        | (RowOp::Neg | RowOp::Abs | RowOp::Floor | RowOp::Log | RowOp::Log1p, [_])
        | (RowOp::Exp | RowOp::Sqrt | RowOp::ToFloat | RowOp::ToInt, [_])
        | (RowOp::Clip, [_, _, _]) => number,
        (RowOp::Hour | RowOp::Weekday | RowOp::Day, [of]) => *of == Lane::Int && number,
        (RowOp::Eq | RowOp::Ne | RowOp::Lt | RowOp::Le | RowOp::Gt | RowOp::Ge, [_, _]) => {
            result == Lane::Bool
        }
        (RowOp::And | RowOp::Or, [Lane::Bool, Lane::Bool]) | (RowOp::Not, [Lane::Bool]) => {
            result == Lane::Bool
        }
        (RowOp::Fill, [a, b]) | (RowOp::Where, [Lane::Bool, a, b]) => {
            coerced(*a, result) == result && coerced(*b, result) == result
        }
        (RowOp::Buckets(_) | RowOp::Quantile(_), [_]) => result == Lane::Int,
        (RowOp::Hash { n, .. }, [_, ..]) | (RowOp::Cross { n, .. }, [_, ..]) => {
            *n > 0 && result == Lane::Int
        }
        (RowOp::ZScore(_) | RowOp::MinMax(_), [_]) => result == Lane::Float,
        _ => false,
    }
}

/// The kind of a value where one of another kind is asked for: integers and floats give way, truth values do not.
fn coerced(lane: Lane, result: Lane) -> Lane {
    match (lane, result) {
        (Lane::Int | Lane::Float, Lane::Int | Lane::Float) => result,
        (Lane::Int | Lane::Float, Lane::Bool) | (Lane::Bool, _) => lane,
    }
}

/// The code of an instruction; what [`supports`] refuses is never asked for.
pub(super) fn emit(code: &mut Loop<'_, '_>, call: &Call<'_>) -> Typed {
    match call.op {
        RowOp::And | RowOp::Or | RowOp::Not | RowOp::IsNull | RowOp::Fill | RowOp::Where => {
            select::emit(code, call)
        }
        RowOp::Eq | RowOp::Ne | RowOp::Lt | RowOp::Le | RowOp::Gt | RowOp::Ge => {
            let truth = numbers::compare(code, call);
            strict(code, call, Typed::new(Lane::Bool, truth))
        }
        RowOp::Cross { .. } => Typed::new(Lane::Int, ids::hash(code, call)),
        RowOp::Hash { .. } => {
            let slots = ids::hash(code, call);
            strict(code, call, Typed::new(Lane::Int, slots))
        }
        RowOp::Buckets(_) | RowOp::Quantile(_) => {
            let ids = ids::bucket(code, call);
            strict(code, call, Typed::new(Lane::Int, ids))
        }
        RowOp::ZScore(_) | RowOp::MinMax(_) => {
            let scaled = ids::scale(code, call);
            strict(code, call, Typed::new(Lane::Float, scaled))
        }
        _ => {
            let number = numbers::emit(code, call);
            let number = coerce(code, number, call.result);
            strict(code, call, number)
        }
    }
}

/// The result of a function of which a null makes null.
fn strict(code: &mut Loop<'_, '_>, call: &Call<'_>, result: Typed) -> Typed {
    let valid = call
        .args
        .iter()
        .fold(None, |valid, arg| both(&mut code.b, valid, arg.valid));
    Typed { valid, ..result }
}

/// A number in the form that the type of the result asks for.
fn coerce(code: &mut Loop<'_, '_>, value: Typed, result: Lane) -> Typed {
    let lanes = match (value.lane, coerced(value.lane, result)) {
        (Lane::Int, Lane::Float) => to_float(code, value),
        (Lane::Float, Lane::Int) => to_int(code, value),
        _ => return value,
    };
    Typed {
        lane: result,
        lanes,
        ..value
    }
}

/// As a float; a truth value is 0 or 1.
fn to_float(code: &mut Loop<'_, '_>, value: Typed) -> Lanes {
    match value.lane {
        Lane::Float => value.lanes,
        Lane::Int => each(&mut code.b, Lane::Int, value.lanes, |b, value| {
            b.ins().fcvt_from_sint(types::F64, value)
        }),
        Lane::Bool => each(&mut code.b, Lane::Bool, value.lanes, |b, value| {
            let wide = b.ins().uextend(types::I64, value);
            b.ins().fcvt_from_sint(types::F64, wide)
        }),
    }
}

/// Cut towards zero; beyond the range the nearest integer, of NaN 0.
fn to_int(code: &mut Loop<'_, '_>, value: Typed) -> Lanes {
    let floats = to_float(code, value);
    each(&mut code.b, Lane::Float, floats, |b, value| {
        b.ins().fcvt_to_sint_sat(types::I64, value)
    })
}

/// The results of a Rust function of each value.
fn called(code: &mut Loop<'_, '_>, helper: super::Helper, lane: Lane, args: &[Lanes]) -> Lanes {
    let args: Vec<_> = args
        .iter()
        .map(|arg| to_pair(&mut code.b, lane, *arg))
        .collect();
    Lanes::Pair([0, 1].map(|at| {
        let args: Vec<_> = args.iter().map(|pair| pair[at]).collect();
        code.call(helper, &args)
    }))
}
