//! The identity going forward, something else going back.

use super::elementwise::map;
use super::{Entry, Gradient, dense};
use crate::graph::build::node;
use crate::graph::op::Op;

pub(super) const STOP: Entry = map(
    "stop",
    "The value; no cotangent passes.",
    |x| x,
    Gradient::Zero,
);

pub(super) const REVERSE: Entry = map(
    "reverse",
    "The value; the cotangent is multiplied by `-scale`.",
    |x| x,
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
);

pub(super) const ROUND_STRAIGHT_THROUGH: Entry = map(
    "round_straight_through",
    "The nearest whole number, the even one of two; the cotangent passes.",
    f64::round_ties_even,
    Gradient::Rule {
        keeps: &[],
        rule: |b, _| dense(b.g),
    },
);
