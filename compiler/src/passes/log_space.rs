//! Logarithms of probabilities, computed without the probabilities: exact where these round to 0 or 1.

use super::Pass;
use super::rewrite::{Found, filled, operand_if, rewrite};
use crate::graph::build::{Builder, node};
use crate::graph::{Graph, NodeId, Op};

pub(super) const PASS: Pass = Pass {
    name: "log-space",
    reason: "turns logarithms of probabilities into their stable forms",
    run,
};

/// How deep a product of probabilities may nest.
const DEPTH: usize = 8;

fn run(graph: &Graph) -> Graph {
    rewrite(graph, |build, found| match found.op {
        Op::Log => log_of(build, found.operands[0]),
        Op::Log1p => {
            let probability = operand_if(build.graph, found.operands[0], |op| *op == Op::Neg)?;
            log_of_complement(build, probability)
        }
        Op::Sub => expm1(build, found),
        _ => None,
    })
}

fn log_of(build: &mut Builder, x: NodeId) -> Option<NodeId> {
    let operands = build.graph.operands(x);
    match (build.graph.node(x).op.clone(), &operands[..]) {
        (Op::Sub, [one, probability]) if filled(build.graph, *one) == Some(1.0) => {
            log_of_complement(build, *probability)
        }
        (Op::Add, [a, b]) if filled(build.graph, *b) == Some(1.0) => {
            Some(node!(build, (Log1p { *a })))
        }
        (Op::Add, [a, b]) if filled(build.graph, *a) == Some(1.0) => {
            Some(node!(build, (Log1p { *b })))
        }
        (Op::SumOver(axis), [exponentials]) => {
            let exponents = operand_if(build.graph, *exponentials, |op| *op == Op::Exp)?;
            Some(node!(build, ([Op::LogSumExp(axis)] exponents)))
        }
        _ if is_exponential(build.graph, x, DEPTH) => Some(exponent(build, x)),
        _ => None,
    }
}

/// `log(1 - p)`.
fn log_of_complement(build: &mut Builder, probability: NodeId) -> Option<NodeId> {
    if let Some(logit) = operand_if(build.graph, probability, |op| *op == Op::Sigmoid) {
        return Some(node!(build, (LogSigmoid (Neg logit))));
    }
    if !is_exponential(build.graph, probability, DEPTH) {
        return None;
    }
    let log = exponent(build, probability);
    Some(node!(build, (Log1mExp log)))
}

/// `e^x - 1`.
fn expm1(build: &mut Builder, found: &Found) -> Option<NodeId> {
    let exponent = operand_if(build.graph, found.operands[0], |op| *op == Op::Exp)?;
    (filled(build.graph, found.operands[1]) == Some(1.0)).then(|| node!(build, (Expm1 exponent)))
}

/// Whether [`exponent`] knows the logarithm.
fn is_exponential(graph: &Graph, id: NodeId, depth: usize) -> bool {
    let operands = graph.operands(id);
    match graph.node(id).op {
        Op::Exp | Op::Sigmoid | Op::Softmax(_) => true,
        Op::Mul | Op::Div if depth > 0 => operands
            .iter()
            .all(|operand| is_exponential(graph, *operand, depth - 1)),
        _ => false,
    }
}

fn exponent(build: &mut Builder, id: NodeId) -> NodeId {
    let operands = build.graph.operands(id);
    match build.graph.node(id).op.clone() {
        Op::Exp => operands[0],
        Op::Sigmoid => node!(build, (LogSigmoid { operands[0] })),
        Op::Softmax(axis) => {
            let dim = build.graph.ty(id).dims[axis];
            let total = node!(build, ([Op::LogSumExp(axis)] { operands[0] }));
            node!(build, (Sub { operands[0] } ([Op::Expand { axis, dim }] total)))
        }
        op => {
            let (a, b) = (exponent(build, operands[0]), exponent(build, operands[1]));
            if op == Op::Mul {
                node!(build, (Add a b))
            } else {
                node!(build, (Sub a b))
            }
        }
    }
}
