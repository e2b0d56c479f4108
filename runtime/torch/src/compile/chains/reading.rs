//! Which nodes can be steps of a chain, and how it reads what it does not compute.

use std::collections::BTreeSet;

use reckon_compiler::graph::{Dim, Elem, NodeId, Op, TensorType};

use crate::compile::{Reads, value_of};
use crate::kernels::chain::Two;

/// The rows and the width of the values of a chain.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::compile) struct Frame {
    pub(super) rows: Vec<Dim>,
    pub(super) width: Dim,
}

/// The frame of a value that could be a chain's. What has a space twice could not tell what a row of it is from what a column is.
pub(super) fn frame_of(ty: &TensorType) -> Option<Frame> {
    let (width, rows) = ty.dims.split_last()?;
    let before = |at: usize| &ty.dims[..at];
    let spaces = rows.iter().all(|dim| matches!(dim, Dim::Space(_)))
        && (1..ty.rank()).all(|at| !before(at).contains(&ty.dims[at]));
    (spaces && !rows.is_empty() && ty.elem != Elem::I64).then(|| Frame {
        rows: rows.to_vec(),
        width: *width,
    })
}

/// How nodes are read within a frame.
pub(super) struct Reading<'a, 'g> {
    pub(super) reads: &'a Reads<'g>,
    pub(super) frame: &'a Frame,
    /// Nodes of the same part of the schedule. What stands elsewhere is read as it is.
    pub(super) part: BTreeSet<NodeId>,
}

/// What an operand is to a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Matrix,
    Column,
    Row,
    Number,
}

impl Reading<'_, '_> {
    pub(super) fn is_matrix(&self, id: NodeId) -> bool {
        self.shape(id) == Some(Shape::Matrix)
    }

    fn shape(&self, id: NodeId) -> Option<Shape> {
        let dims = &self.reads.graph.ty(id).dims;
        let Frame { rows, width } = self.frame;
        match &dims[..] {
            [] => Some(Shape::Number),
            dims if dims == rows => Some(Shape::Column),
            [only] if only == width => Some(Shape::Row),
            [first @ .., last] if first == rows && last == width => Some(Shape::Matrix),
            _ => None,
        }
    }

    /// What an operand repeats, where the chain can repeat it by itself.
    pub(super) fn source(&self, id: NodeId) -> Option<(NodeId, Shape)> {
        let graph = self.reads.graph;
        let id = value_of(graph, id);
        let mut plain = id;
        while self.part.contains(&plain)
            && matches!(graph.node(plain).op, Op::Broadcast | Op::Expand { .. })
        {
            plain = value_of(graph, graph.operands(plain)[0]);
        }
        let found = |id: NodeId| self.shape(id).map(|shape| (id, shape));
        found(plain).or_else(|| found(id))
    }

    /// Whether a node can be a step.
    pub(super) fn fits(&self, id: NodeId) -> bool {
        let graph = self.reads.graph;
        let node = graph.node(id);
        let column = match self.shape(id) {
            Some(Shape::Matrix) => false,
            Some(Shape::Column) => true,
            Some(Shape::Row | Shape::Number) | None => return false,
        };
        let last = self.frame.rows.len();
        let operands = self.reads.of(id);
        let reads = |id: NodeId, elem: Elem, shapes: &[Shape]| {
            graph.ty(id).elem == elem
                && self
                    .source(id)
                    .is_some_and(|(_, shape)| shapes.contains(&shape))
        };
        let any: &[Shape] = match column {
            false => &[Shape::Matrix, Shape::Column, Shape::Row, Shape::Number],
            true => &[Shape::Column, Shape::Number],
        };
        let floats = || operands.iter().all(|id| reads(*id, Elem::F32, any));
        let truths = |ids: &[NodeId]| ids.iter().all(|id| reads(*id, Elem::Bool, any));
        if let Some(fused) = self.reads.fused.get(&id) {
            let scores = || reads(fused.operands[0], Elem::F32, &[Shape::Matrix]);
            let place = || reads(fused.operands[2], Elem::I64, &[Shape::Column]);
            let g = || {
                reads(
                    fused.operands[1],
                    Elem::F32,
                    &[Shape::Column, Shape::Number],
                )
            };
            return !column
                && match node.op {
                    Op::Select => floats(),
                    Op::Sub => scores() && g() && place(),
                    _ => false,
                };
        }
        match &node.op {
            Op::Neg | Op::Abs | Op::Sqrt | Op::Relu => floats(),
            Op::Not => truths(&operands),
            Op::Cast(Elem::F32) => truths(&operands),
            Op::Select => {
                node.ty.elem == Elem::F32
                    && truths(&operands[..1])
                    && operands[1..].iter().all(|id| reads(*id, Elem::F32, any))
            }
            op => match two(op) {
                Some(Two::And | Two::Or) => truths(&operands),
                Some(Two::Add | Two::Sub | Two::Mul | Two::Div | Two::Max | Two::Min) => floats(),
                Some(_) => floats() || operands.iter().all(|id| reads(*id, Elem::I64, any)),
                None => self.reduces(id, last),
            },
        }
    }

    /// Softmaxes along the width, and sums of rows.
    fn reduces(&self, id: NodeId, last: usize) -> bool {
        let graph = self.reads.graph;
        let operands = self.reads.of(id);
        // What repeats a matrix is none.
        let is = |at: usize, elem: Elem, shape: Shape| {
            let found = self.source(operands[at]).map(|(_, shape)| shape);
            graph.ty(operands[at]).elem == elem
                && found == Some(shape)
                && self.shape(operands[at]) == Some(shape)
        };
        match &graph.node(id).op {
            Op::SumOver(axis) | Op::Softmax(axis) => {
                *axis == last && is(0, Elem::F32, Shape::Matrix)
            }
            Op::SoftmaxXent => is(0, Elem::F32, Shape::Matrix) && is(1, Elem::I64, Shape::Column),
            _ => false,
        }
    }
}

pub(super) fn two(op: &Op) -> Option<Two> {
    Some(match op {
        Op::Add => Two::Add,
        Op::Sub => Two::Sub,
        Op::Mul => Two::Mul,
        Op::Div => Two::Div,
        Op::Max => Two::Max,
        Op::Min => Two::Min,
        Op::Eq => Two::Eq,
        Op::Ne => Two::Ne,
        Op::Lt => Two::Lt,
        Op::Le => Two::Le,
        Op::Gt => Two::Gt,
        Op::Ge => Two::Ge,
        Op::And => Two::And,
        Op::Or => Two::Or,
        _ => return None,
    })
}
