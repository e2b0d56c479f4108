//! Weights that a loss would drive to zero: those that reach it only as factors of what it minimises.
//!
//! In `mean(w * bce(s, y))` the cross-entropy is never negative, so a learned `w` falls without end, or a gate to 0, whatever
//! the data say. That is found by following the loss downwards while it is linear, to products with something that is a
//! loss by its form, and asking which weights are left if the other factor is taken away.

use std::collections::BTreeSet;

use crate::differentiate::reached_but;
use crate::graph::{Elem, Graph, NodeId, Op};

/// A weight that is only a factor of a loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Gate {
    /// The weights.
    pub(crate) paths: BTreeSet<String>,
    /// The product.
    pub(crate) product: NodeId,
}

/// The gates of a training whose losses are `losses`: each weight of a gate reaches no loss in another way.
pub(crate) fn gates(graph: &Graph, losses: &[NodeId]) -> Vec<Gate> {
    let mut found = Vec::new();
    for loss in losses {
        for (product, gate) in products(graph, *loss) {
            let others: BTreeSet<String> = losses
                .iter()
                .flat_map(|loss| reached_but(graph, *loss, Some((product, gate)), turns))
                .collect();
            let mut paths = reached_but(graph, gate, None, turns);
            paths.retain(|path| !others.contains(path));
            if !paths.is_empty() {
                found.push(Gate { paths, product });
            }
        }
    }
    found
}

/// A gradient that is turned around drives the gate up, which is what an adversary wants.
fn turns(op: &Op) -> bool {
    matches!(op, Op::Reverse(_))
}

/// The products that a loss is linear in and grows with, each with the factor that is no loss where the other is one.
fn products(graph: &Graph, loss: NodeId) -> Vec<(NodeId, NodeId)> {
    let (mut found, mut seen, mut open) = (Vec::new(), BTreeSet::new(), vec![loss]);
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        let operands = graph.operands(id);
        match (&graph.node(id).op, operands.as_slice()) {
            (Op::Mul, [a, b]) => {
                for (gate, other) in [(*a, *b), (*b, *a)] {
                    if is_loss(graph, other) && !is_loss(graph, gate) {
                        found.push((id, gate));
                        open.push(other);
                    }
                }
            }
            (op, _) if is_linear(op) => open.extend(summands(graph, id)),
            _ => {}
        }
    }
    found
}

/// What keeps the sign of its operands and their sum.
fn is_linear(op: &Op) -> bool {
    matches!(
        op,
        Op::Add
            | Op::SumOver(_)
            | Op::Div
            | Op::Reshape
            | Op::Permute(_)
            | Op::Broadcast
            | Op::Expand { .. }
            | Op::Gather
            | Op::ScatterAdd(_)
            | Op::Select
    )
}

/// The operands in which a linear op is linear.
fn summands(graph: &Graph, id: NodeId) -> Vec<NodeId> {
    let operands = graph.operands(id);
    match graph.node(id).op {
        Op::Add => operands,
        Op::Select => operands[1..].to_vec(),
        _ => operands[..1].to_vec(),
    }
}

/// Whether a value is never negative and measures how far two things are apart: a cross-entropy, a square, a distance.
/// Probabilities and truth values are not: they are what gates are made of.
fn is_loss(graph: &Graph, id: NodeId) -> bool {
    let operands = graph.operands(id);
    match (&graph.node(id).op, operands.as_slice()) {
        (Op::BceLogits | Op::SoftmaxXent | Op::Abs, _) => true,
        (Op::Mul, [a, b]) => {
            a == b
                || (is_loss(graph, *a) && is_positive(graph, *b))
                || (is_loss(graph, *b) && is_positive(graph, *a))
        }
        (Op::Pow, [_, power]) => is_even(graph, *power),
        (Op::Neg, [inner]) => matches!(graph.node(*inner).op, Op::LogSigmoid | Op::Log1mExp),
        (Op::Add, [a, b]) => is_loss(graph, *a) && is_loss(graph, *b),
        (op, _) if is_linear(op) => {
            let summands = summands(graph, id);
            let divisor = match op {
                Op::Div => operands.get(1).is_none_or(|by| is_positive(graph, *by)),
                _ => true,
            };
            divisor && summands.iter().all(|part| is_loss(graph, *part))
        }
        _ => false,
    }
}

fn is_even(graph: &Graph, id: NodeId) -> bool {
    matches!(&graph.node(id).op, Op::Const(data) if data.iter().all(|power| power % 2.0 == 0.0))
}

/// Whether a value is never negative by its form.
fn is_positive(graph: &Graph, id: NodeId) -> bool {
    match &graph.node(id).op {
        Op::Const(data) => data.iter().all(|value| *value >= 0.0),
        Op::Size(_) | Op::Sigmoid | Op::Softmax(_) | Op::Exp | Op::Relu => true,
        // Of a truth value.
        Op::Cast(_) => graph
            .operands(id)
            .iter()
            .all(|of| graph.ty(*of).elem == Elem::Bool),
        op if is_linear(op) => summands(graph, id)
            .iter()
            .all(|part| is_positive(graph, *part)),
        _ => is_loss(graph, id),
    }
}
