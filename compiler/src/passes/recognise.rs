//! Finds composites that were written out.

use super::Pass;
use super::rewrite::{Found, operand_if, rewrite};
use crate::graph::build::{Builder, node};
use crate::graph::{Dim, Graph, NodeId, Op};

pub(super) const PASS: Pass = Pass {
    name: "recognise",
    reason: "finds bags and cross-entropies that were written out",
    run,
};

fn run(graph: &Graph) -> Graph {
    rewrite(graph, |build, found| match found.op {
        Op::ScatterAdd(Dim::Space(_)) => bag(build, found),
        Op::Sub => softmax_xent(build, found),
        Op::Pick => picked_log_softmax(build, found),
        Op::Neg => bce_logits(build, found),
        _ => None,
    })
}

/// `scatter_add(lookup(table, ids), segments)`, where only the sum reads the rows.
fn bag(build: &mut Builder, found: &Found) -> Option<NodeId> {
    let Op::ScatterAdd(Dim::Space(parent)) = *found.op else {
        return None;
    };
    let rows = found.old.operands(found.id)[0];
    if found.old.users(rows).len() > 1 || found.old.roots().any(|root| root == rows) {
        return None;
    }
    operand_if(build.graph, found.operands[0], |op| *op == Op::Lookup)?;
    let lookup = build.graph.operands(found.operands[0]);
    let operands = [lookup[0], lookup[1], found.operands[1]];
    build
        .graph
        .push(Op::Bag { parent }, &operands, build.site.clone())
        .ok()
}

/// `logsumexp(x) - pick(x, column)`.
fn softmax_xent(build: &mut Builder, found: &Found) -> Option<NodeId> {
    let scores = log_sum_exp(build.graph, found.operands[0])?;
    let picked = found.operands[1];
    let same = operand_if(build.graph, picked, |op| *op == Op::Pick)? == scores;
    let column = build.graph.operands(picked)[1];
    same.then(|| node!(build, (SoftmaxXent scores column)))
}

/// `pick(x - logsumexp(x), column)`, which is the negated cross-entropy.
fn picked_log_softmax(build: &mut Builder, found: &Found) -> Option<NodeId> {
    let scores = operand_if(build.graph, found.operands[0], |op| *op == Op::Sub)?;
    let total = build.graph.operands(found.operands[0])[1];
    let axis = build.graph.ty(scores).rank() - 1;
    let total = operand_if(
        build.graph,
        total,
        |op| matches!(op, Op::Expand { axis: at, .. } if *at == axis),
    )?;
    let same = log_sum_exp(build.graph, total)? == scores;
    same.then(|| node!(build, (Neg (SoftmaxXent scores { found.operands[1] }))))
}

/// `-(t log_sigmoid(x) + (1 - t) log_sigmoid(-x))`.
fn bce_logits(build: &mut Builder, found: &Found) -> Option<NodeId> {
    let graph = &*build.graph;
    let pair = |id: NodeId, op: Op| {
        let operands = graph.operands(id);
        (graph.node(id).op == op).then(|| (operands[0], operands[1]))
    };
    let (first, second) = pair(found.operands[0], Op::Add)?;
    let (target, log) = pair(first, Op::Mul)?;
    let (rest, log_of_rest) = pair(second, Op::Mul)?;
    let (one, subtracted) = pair(rest, Op::Sub)?;
    let logit = operand_if(graph, log, |op| *op == Op::LogSigmoid)?;
    let negated = operand_if(graph, log_of_rest, |op| *op == Op::LogSigmoid)?;
    let same = operand_if(graph, negated, |op| *op == Op::Neg)? == logit;
    let is_one = super::rewrite::filled(graph, one) == Some(1.0);
    (same && is_one && subtracted == target).then(|| node!(build, (BceLogits logit target)))
}

/// The operand of a `logsumexp` along its innermost axis.
fn log_sum_exp(graph: &Graph, id: NodeId) -> Option<NodeId> {
    operand_if(
        graph,
        id,
        |op| matches!(op, Op::LogSumExp(axis) if *axis == graph.ty(id).rank()),
    )
}
