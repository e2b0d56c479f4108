//! Once gradients exist, a stop or a reversal is the identity.

use super::Pass;
use super::rewrite::rewrite;
use crate::graph::Op;

pub(super) const PASS: Pass = Pass {
    name: "settle",
    reason: "drops stops and reversals, which have steered the gradients",
    run: |graph| {
        rewrite(graph, |_, found| match found.op {
            Op::Stop | Op::Reverse(_) => Some(found.operands[0]),
            _ => None,
        })
    },
};
