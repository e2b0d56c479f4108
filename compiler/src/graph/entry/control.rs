//! The identity going forward, something else going back.

use super::{Arity, Elem, Entry, Eval, Gradient, Typing, dense};
use crate::graph::build::node;
use crate::graph::op::Op;

const fn identity(
    name: &'static str,
    doc: &'static str,
    gradient: Gradient,
    eval: fn(f64) -> f64,
) -> Entry {
    let typing = Typing::Inferred(|operands| {
        operands.expect_elem(0, &[Elem::F32])?;
        Ok(operands.types[0].clone())
    });
    Entry {
        name,
        doc,
        arity: Arity::Exactly(1),
        typing,
        gradient,
        eval: Eval::Map(eval),
    }
}

pub(super) const STOP: Entry = identity(
    "stop",
    "The value; no cotangent passes.",
    Gradient::Zero,
    |x| x,
);

pub(super) const REVERSE: Entry = identity(
    "reverse",
    "The value; the cotangent is multiplied by `-scale`.",
    Gradient::Rule {
        keeps: &[],
        rule: |b, _| {
            let Op::Reverse(scale) = b.op() else {
                unreachable!("the entry of reverse")
            };
            let scale = b.build.scalar(-scale);
            dense(node!(b.build, (Mul { b.g } scale)))
        },
    },
    |x| x,
);

pub(super) const ROUND_STRAIGHT_THROUGH: Entry = identity(
    "round_straight_through",
    "The nearest whole number, the even one of two; the cotangent passes.",
    Gradient::Rule {
        keeps: &[],
        rule: |b, _| dense(b.g),
    },
    f64::round_ties_even,
);
