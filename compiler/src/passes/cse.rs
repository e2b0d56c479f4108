//! One node for equal nodes. Two draws are equal only at one place in the program.

use std::collections::BTreeMap;

use super::Pass;
use super::rewrite::rewrite;
use crate::graph::{Graph, NodeId, Op};

pub(super) const PASS: Pass = Pass {
    name: "cse",
    reason: "computes equal values once",
    run,
};

fn run(graph: &Graph) -> Graph {
    let mut known: BTreeMap<(String, Vec<NodeId>), Vec<NodeId>> = BTreeMap::new();
    rewrite(graph, |build, found| {
        if let Op::Update { .. } | Op::Assign { .. } = found.op {
            return None;
        }
        let mut operands = found.operands.clone();
        if commutes(found.op) {
            operands.sort_unstable();
        }
        let site = &graph.node(found.id).site;
        let place = match found.op {
            Op::RandomUniform | Op::RandomNormal => site.path.as_str(),
            _ => "",
        };
        let alike = known
            .entry((format!("{:?} {place}", found.op), operands))
            .or_default();
        if let Some(same) = alike.iter().find(|id| build.graph.ty(**id) == found.ty) {
            return Some(*same);
        }
        let node = build.graph.add(
            found.op.clone(),
            &found.operands,
            found.ty.clone(),
            site.clone(),
        );
        alike.push(node);
        Some(node)
    })
}

/// Not `Max` and `Min`, whose first operand takes the gradient of equals.
fn commutes(op: &Op) -> bool {
    matches!(op, Op::Add | Op::Mul | Op::Eq | Op::Ne | Op::And | Op::Or)
}
