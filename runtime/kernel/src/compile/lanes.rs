//! Two values at a time: the rows or elements that one round of a loop computes, in one vector or in two registers.
//!
//! Arithmetic on floats is done in vectors. Integers go into registers where an instruction needs them there, such as
//! a multiplication, a conversion or a call, and what follows stays there.

use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::{InstBuilder, MemFlags, Type, Value, types};
use cranelift_frontend::FunctionBuilder;

use super::Lane;

/// Two values of one kind. Truth values are 0 or 1 in a register of one byte, and all bits of half a vector.
#[derive(Clone, Copy, Debug)]
pub(super) enum Lanes {
    /// Side by side in 128 bits.
    Vector(Value),
    /// In two registers.
    Pair([Value; 2]),
    /// The same value twice, in one register.
    Same(Value),
}

/// Two values of a kind, and which of them are there; `None` where both always are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Typed {
    pub(super) lane: Lane,
    pub(super) lanes: Lanes,
    pub(super) valid: Option<Lanes>,
}

impl Typed {
    pub(super) fn new(lane: Lane, lanes: Lanes) -> Self {
        Self {
            lane,
            lanes,
            valid: None,
        }
    }
}

/// The type of a register.
pub(super) fn scalar(lane: Lane) -> Type {
    match lane {
        Lane::Int => types::I64,
        Lane::Float => types::F64,
        Lane::Bool => types::I8,
    }
}

/// The type of a vector.
fn vector(lane: Lane) -> Type {
    match lane {
        Lane::Int | Lane::Bool => types::I64X2,
        Lane::Float => types::F64X2,
    }
}

/// The bytes of an element of a column, as a power of two.
pub(super) fn shift(lane: Lane) -> i64 {
    match lane {
        Lane::Int | Lane::Float => 3,
        Lane::Bool => 0,
    }
}

/// A reinterpretation of the bits of a vector; both sides have two halves, so their order never matters.
pub(super) fn bits(b: &mut FunctionBuilder<'_>, ty: Type, value: Value) -> Value {
    let flags = MemFlags::new().with_endianness(cranelift_codegen::ir::Endianness::Little);
    b.ins().bitcast(ty, flags, value)
}

/// Both values in one vector.
pub(super) fn to_vector(b: &mut FunctionBuilder<'_>, lane: Lane, lanes: Lanes) -> Value {
    let wide = |b: &mut FunctionBuilder<'_>, value| match lane {
        Lane::Bool => b.ins().bmask(types::I64, value),
        Lane::Int | Lane::Float => value,
    };
    match lanes {
        Lanes::Vector(value) => value,
        Lanes::Same(value) => {
            let value = wide(b, value);
            b.ins().splat(vector(lane), value)
        }
        Lanes::Pair([low, high]) => {
            let (low, high) = (wide(b, low), wide(b, high));
            let first = b.ins().scalar_to_vector(vector(lane), low);
            b.ins().insertlane(first, high, 1)
        }
    }
}

/// Each value in a register of its own.
pub(super) fn to_pair(b: &mut FunctionBuilder<'_>, lane: Lane, lanes: Lanes) -> [Value; 2] {
    match lanes {
        Lanes::Pair(pair) => pair,
        Lanes::Same(value) => [value, value],
        Lanes::Vector(value) => [0, 1].map(|at| {
            let half = b.ins().extractlane(value, at);
            match lane {
                Lane::Bool => b.ins().icmp_imm(IntCC::NotEqual, half, 0),
                Lane::Int | Lane::Float => half,
            }
        }),
    }
}

/// A function of one value, in vectors unless the value stands in registers.
pub(super) fn lift(
    b: &mut FunctionBuilder<'_>,
    x: Lanes,
    f: impl Fn(&mut FunctionBuilder<'_>, Value) -> Value,
) -> Lanes {
    match x {
        Lanes::Vector(value) => Lanes::Vector(f(b, value)),
        Lanes::Same(value) => Lanes::Same(f(b, value)),
        Lanes::Pair(pair) => Lanes::Pair(pair.map(|value| f(b, value))),
    }
}

/// A function of two values of a kind, in vectors unless neither stands in one.
pub(super) fn lift2(
    b: &mut FunctionBuilder<'_>,
    lane: Lane,
    [x, y]: [Lanes; 2],
    f: impl Fn(&mut FunctionBuilder<'_>, Value, Value) -> Value,
) -> Lanes {
    match (x, y) {
        (Lanes::Same(x), Lanes::Same(y)) => Lanes::Same(f(b, x, y)),
        (Lanes::Vector(_), _) | (_, Lanes::Vector(_)) => {
            let (x, y) = (to_vector(b, lane, x), to_vector(b, lane, y));
            Lanes::Vector(f(b, x, y))
        }
        (Lanes::Pair(_) | Lanes::Same(_), Lanes::Pair(_) | Lanes::Same(_)) => {
            let (x, y) = (to_pair(b, lane, x), to_pair(b, lane, y));
            Lanes::Pair([f(b, x[0], y[0]), f(b, x[1], y[1])])
        }
    }
}

/// A function of values in registers.
pub(super) fn each(
    b: &mut FunctionBuilder<'_>,
    lane: Lane,
    x: Lanes,
    f: impl Fn(&mut FunctionBuilder<'_>, Value) -> Value,
) -> Lanes {
    match x {
        Lanes::Same(value) => Lanes::Same(f(b, value)),
        Lanes::Vector(_) | Lanes::Pair(_) => {
            Lanes::Pair(to_pair(b, lane, x).map(|value| f(b, value)))
        }
    }
}

/// A function of pairs of values in registers.
pub(super) fn each2(
    b: &mut FunctionBuilder<'_>,
    lane: Lane,
    [x, y]: [Lanes; 2],
    f: impl Fn(&mut FunctionBuilder<'_>, Value, Value) -> Value,
) -> Lanes {
    let (x, y) = (to_pair(b, lane, x), to_pair(b, lane, y));
    Lanes::Pair([f(b, x[0], y[0]), f(b, x[1], y[1])])
}

/// Of two values of a kind the first where a condition holds.
pub(super) fn choose(
    b: &mut FunctionBuilder<'_>,
    lane: Lane,
    cond: Lanes,
    [x, y]: [Lanes; 2],
) -> Lanes {
    if let (
        Lanes::Pair(_) | Lanes::Same(_),
        Lanes::Pair(_) | Lanes::Same(_),
        Lanes::Pair(_) | Lanes::Same(_),
    ) = (cond, x, y)
    {
        let cond = to_pair(b, Lane::Bool, cond);
        let (x, y) = (to_pair(b, lane, x), to_pair(b, lane, y));
        return Lanes::Pair([0, 1].map(|at| b.ins().select(cond[at], x[at], y[at])));
    }
    let cond = to_vector(b, Lane::Bool, cond);
    let (x, y) = (to_vector(b, lane, x), to_vector(b, lane, y));
    let cond = match lane {
        Lane::Float => bits(b, types::F64X2, cond),
        Lane::Int | Lane::Bool => cond,
    };
    Lanes::Vector(b.ins().bitselect(cond, x, y))
}

/// `a and b` of truth values, of which either may hold everywhere.
pub(super) fn both(
    b: &mut FunctionBuilder<'_>,
    x: Option<Lanes>,
    y: Option<Lanes>,
) -> Option<Lanes> {
    match (x, y) {
        (Some(x), Some(y)) => Some(and(b, x, y)),
        (known, None) | (None, known) => known,
    }
}

/// `a and b`
pub(super) fn and(b: &mut FunctionBuilder<'_>, x: Lanes, y: Lanes) -> Lanes {
    lift2(b, Lane::Bool, [x, y], |b, x, y| b.ins().band(x, y))
}

/// `a or b`
pub(super) fn or(b: &mut FunctionBuilder<'_>, x: Lanes, y: Lanes) -> Lanes {
    lift2(b, Lane::Bool, [x, y], |b, x, y| b.ins().bor(x, y))
}

/// `not a`
pub(super) fn not(b: &mut FunctionBuilder<'_>, x: Lanes) -> Lanes {
    match x {
        Lanes::Vector(value) => Lanes::Vector(b.ins().bnot(value)),
        Lanes::Same(_) | Lanes::Pair(_) => {
            lift(b, x, |b, value| b.ins().icmp_imm(IntCC::Equal, value, 0))
        }
    }
}
