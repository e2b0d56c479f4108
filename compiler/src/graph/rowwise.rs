//! Which ops keep the rows of a space apart.

use super::op::Op;
use super::space::{SpaceId, SpaceKind};
use super::ty::Dim;
use super::{Graph, NodeId};

impl Graph {
    /// Where a space stands among the dimensions of a node's type.
    pub fn axis_of(&self, id: NodeId, space: SpaceId) -> Option<usize> {
        let dims = self.ty(id).dims.iter();
        dims.into_iter().position(|dim| *dim == Dim::Space(space))
    }

    /// Whether the dimensions of a node's type have the space more than once.
    pub fn has_pairs(&self, id: NodeId, space: SpaceId) -> bool {
        let dims = self.ty(id).dims.iter();
        dims.filter(|dim| **dim == Dim::Space(space)).count() > 1
    }

    /// Whether a node has the space, and each row of it comes from the same row of those operands that have it, so that
    /// the op may run on some of the rows alone. Pairs of rows of one space are no rows of it.
    pub fn is_rowwise(&self, id: NodeId, space: SpaceId) -> bool {
        let node = self.node(id);
        let Some(place) = self.axis_of(id, space) else {
            return false;
        };
        let operands = self.operands(id);
        if operands.iter().any(|of| self.has_pairs(*of, space)) || self.has_pairs(id, space) {
            return false;
        }
        let axis = |at: usize| self.axis_of(operands[at], space);
        let beside = |over: usize| axis(0).is_some_and(|axis| axis != over);
        match &node.op {
            op if op.is_elementwise() => true,
            Op::Broadcast | Op::Expand { .. } | Op::Permute(_) | Op::Cast(_) | Op::Stop => true,
            Op::Neg | Op::Abs | Op::Sign | Op::Exp | Op::Expm1 | Op::Log | Op::Log1p => true,
            Op::Sqrt | Op::Sin | Op::Cos | Op::Tanh | Op::Sigmoid | Op::LogSigmoid => true,
            Op::Log1mExp | Op::Erf | Op::Relu | Op::Floor | Op::Not | Op::IsFinite => true,
            Op::Softmax(over)
            | Op::SumOver(over)
            | Op::MaxOver(over)
            | Op::LogSumExp(over)
            | Op::Argmax(over) => beside(*over),
            Op::Pick | Op::SoftmaxXent => beside(self.ty(operands[0]).rank() - 1),
            Op::Place(_) => place != node.ty.rank() - 1,
            Op::MatMul { transpose_b } => !self.contracts(&operands, *transpose_b, space),
            _ => false,
        }
    }

    /// Of a value whose rows are the elements of bounded lists: the space whose rows hold the lists, and their bound.
    pub fn bounded_list(&self, id: NodeId) -> Option<(SpaceId, usize)> {
        match self.space(self.ty(id).dims.first()?.space()?).kind {
            SpaceKind::List { parent, max } => Some((parent, max?)),
            _ => None,
        }
    }

    /// Whether a product of these two sums over the space.
    pub fn contracts(&self, operands: &[NodeId], transpose_b: bool, space: SpaceId) -> bool {
        let rank = |at: usize| self.ty(operands[at]).rank();
        let axis = |at: usize| self.axis_of(operands[at], space);
        let of_second = rank(1) - if transpose_b { 1 } else { 2 };
        axis(0) == Some(rank(0) - 1) || axis(1) == Some(of_second)
    }
}
