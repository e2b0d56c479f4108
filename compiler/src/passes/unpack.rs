//! An attention beside its gradient. The composite keeps its weights, `softmax(q k')`, to itself, and the gradient computes
//! them again; written out, both read the same.

use std::collections::BTreeSet;

use super::Pass;
use super::rewrite::rewrite;
use crate::graph::entry::decompose;
use crate::graph::{Graph, NodeId, Op};

pub(super) const PASS: Pass = Pass {
    name: "unpack",
    reason: "writes out an attention whose gradient is taken",
    run,
};

fn run(graph: &Graph) -> Graph {
    let scored: BTreeSet<Vec<NodeId>> = graph
        .order()
        .into_iter()
        .filter(|id| graph.node(*id).op == Op::MatMul { transpose_b: true })
        .map(|id| graph.operands(id))
        .collect();
    rewrite(graph, |build, found| {
        let operands = found.old.operands(found.id);
        let shared = *found.op == Op::Attention && scored.contains(&operands[..2]);
        shared
            .then(|| decompose(build, found.op, &found.operands))
            .flatten()
    })
}
