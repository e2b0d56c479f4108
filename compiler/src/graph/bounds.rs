//! What the shape of an expression says about the sign of its value. Gradient rules mask the edge of a domain only where
//! an operand could reach it.

use super::op::Op;
use super::{Graph, NodeId};

/// How far an expression is followed.
const DEPTH: usize = 8;

/// Whether every element is above 0, as far as the expression tells.
pub(crate) fn is_positive(graph: &Graph, id: NodeId) -> bool {
    above(graph, id, true, DEPTH)
}

/// Whether no element is 0, as far as the expression tells.
pub(crate) fn is_nonzero(graph: &Graph, id: NodeId) -> bool {
    match &graph.node(id).op {
        Op::Const(data) => data.iter().all(|value| *value != 0.0),
        Op::Neg => is_nonzero(graph, graph.operands(id)[0]),
        _ => is_positive(graph, id),
    }
}

/// Whether every element is above 0 (`strictly`), or at least 0.
fn above(graph: &Graph, id: NodeId, strictly: bool, depth: usize) -> bool {
    if depth == 0 {
        return false;
    }
    let operands = graph.operands(id);
    let test = |at: usize, strictly: bool| above(graph, operands[at], strictly, depth - 1);
    match &graph.node(id).op {
        Op::Const(data) => data
            .iter()
            .all(|value| *value > 0.0 || (*value == 0.0 && !strictly)),
        // A space without rows has no elements that a cotangent could reach.
        Op::Size(_) => true,
        // Positive on paper; in floats they reach 0.
        Op::Abs | Op::Relu | Op::Exp | Op::Sigmoid | Op::Softmax(_) => !strictly,
        Op::Sqrt
        | Op::Reshape
        | Op::Permute(_)
        | Op::Broadcast
        | Op::Expand { .. }
        | Op::Flip(_)
        | Op::Stop => test(0, strictly),
        Op::Add => (test(0, strictly) && test(1, false)) || (test(0, false) && test(1, strictly)),
        Op::Mul if operands[0] == operands[1] => !strictly || test(0, true),
        Op::Mul | Op::Div | Op::Min => test(0, strictly) && test(1, strictly),
        Op::Max => test(0, strictly) || test(1, strictly),
        Op::Select => test(1, strictly) && test(2, strictly),
        Op::SumOver(_) => !strictly && test(0, false),
        _ => false,
    }
}
