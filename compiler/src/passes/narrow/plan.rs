//! Which values are computed in part.

use std::collections::BTreeMap;

use super::{End, filled};
use crate::graph::ty::align;
use crate::graph::{Dim, Elem, Graph, NodeId, Op};

/// The part of a value that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Of `[L, ..]` the row of one element of each list: `[P, ..]`.
    Element,
    /// Of `[P, .., T, ..]` the place of that element along an axis: `[P, .., 1, ..]`.
    Step(usize),
}

/// The values of which a part is enough, with that part.
pub(super) struct Plan {
    order: Vec<NodeId>,
    asked: BTreeMap<NodeId, Asked>,
}

#[derive(Clone, Copy)]
struct Asked {
    part: Part,
    /// How many times it is asked for.
    times: usize,
    /// Whether the part is computed from parts of operands; else it is taken out of the whole.
    through: bool,
}

impl Plan {
    /// The plan for an end, if it spares a product of matrices.
    pub(super) fn of(graph: &Graph, end: &End) -> Option<Self> {
        let order = graph.order();
        let mut uses: BTreeMap<NodeId, usize> = BTreeMap::new();
        let read = order.iter().flat_map(|id| graph.operands(*id));
        for id in read.chain(graph.roots()) {
            *uses.entry(id).or_default() += 1;
        }
        let first = Asked {
            part: Part::Element,
            times: 1,
            through: false,
        };
        let mut asked = BTreeMap::from([(end.x, first)]);
        let mut spared = false;
        for id in order.iter().rev() {
            let Some(found) = asked.get(id).copied() else {
                continue;
            };
            let alone = found.times == uses[id];
            let parts = alone.then(|| through(graph, end, *id, found.part));
            let Some(parts) = parts.flatten() else {
                if !is_cut(graph, end, *id, found.part) {
                    return None;
                }
                continue;
            };
            spared |= matches!(graph.node(*id).op, Op::MatMul { .. });
            asked.entry(*id).and_modify(|asked| asked.through = true);
            for (operand, part) in graph.operands(*id).into_iter().zip(parts) {
                let Some(part) = part else { continue };
                let asked = asked.entry(operand).or_insert(Asked {
                    part,
                    times: 0,
                    through: false,
                });
                asked.times += 1;
                if asked.part != part {
                    return None;
                }
            }
        }
        spared.then_some(Self { order, asked })
    }

    /// Values with their parts, and whether those come from parts of operands; operands first.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (NodeId, Part, bool)> {
        self.order.iter().filter_map(|id| {
            let asked = self.asked.get(id)?;
            Some((*id, asked.part, asked.through))
        })
    }
}

/// Whether a part can be taken out of a value that is there.
fn is_cut(graph: &Graph, end: &End, id: NodeId, part: Part) -> bool {
    let ty = graph.ty(id);
    match part {
        Part::Element => ty.elem == Elem::F32 && ty.dims.first() == Some(&Dim::Space(end.list)),
        Part::Step(axis) => axis == 0 && graph.axis_of(id, end.parent).is_none(),
    }
}

/// The parts of its operands that a part of a value needs, none where all of one is needed; nothing where the op does not go
/// through.
fn through(graph: &Graph, end: &End, id: NodeId, part: Part) -> Option<Vec<Option<Part>>> {
    match part {
        Part::Element => of_element(graph, end, id),
        Part::Step(axis) => of_step(graph, end, id, axis),
    }
}

fn of_element(graph: &Graph, end: &End, id: NodeId) -> Option<Vec<Option<Part>>> {
    let operands = graph.operands(id);
    let dims = &graph.ty(id).dims;
    let lists = dims.iter().filter(|dim| **dim == Dim::Space(end.list));
    if dims.first() != Some(&Dim::Space(end.list))
        || lists.count() != 1
        || graph.axis_of(id, end.parent).is_some()
    {
        return None;
    }
    let each = || -> Option<Vec<Option<Part>>> {
        let part = |of: &NodeId| match graph.axis_of(*of, end.list) {
            None => Some(None),
            Some(0) => Some(Some(Part::Element)),
            Some(_) => None,
        };
        operands.iter().map(part).collect()
    };
    match &graph.node(id).op {
        Op::Gather => {
            let own =
                operands[1] == end.segments && graph.axis_of(operands[0], end.parent) == Some(0);
            own.then(|| vec![None, None])
        }
        Op::UnpadList => {
            let own = operands[1..] == [end.segments, end.positions];
            own.then(|| vec![Some(Part::Step(1)), None, None])
        }
        Op::Expand { axis: 0, .. } => Some(vec![None]),
        Op::Reshape => each(),
        Op::Concat { axis } | Op::Slice { axis, .. } if *axis != 0 => each(),
        Op::LayerNorm { .. } if dims.len() > 1 => each(),
        Op::Broadcast => None,
        _ if is_tame(graph, id) && graph.is_rowwise(id, end.list) => each(),
        _ => None,
    }
}

fn of_step(graph: &Graph, end: &End, id: NodeId, axis: usize) -> Option<Vec<Option<Part>>> {
    let operands = graph.operands(id);
    let dims = &graph.ty(id).dims;
    if dims.first() != Some(&Dim::Space(end.parent)) || axis == 0 {
        return None;
    }
    let rank = dims.len();
    let step = |axis: usize| Some(Part::Step(axis));
    match &graph.node(id).op {
        Op::PadList { .. } => {
            let own = axis == 1 && operands[1..] == [end.segments, end.positions];
            own.then(|| vec![Some(Part::Element), None, None])
        }
        Op::Attention => (axis == rank - 2).then(|| vec![step(axis), None, None, step(axis)]),
        Op::MatMul { .. } => {
            let rows = axis == rank - 2 && graph.ty(operands[0]).rank() == rank;
            rows.then(|| vec![step(axis), None])
        }
        Op::Softmax(over) => (*over != axis).then(|| vec![step(axis)]),
        Op::LayerNorm { .. } => (axis != rank - 1).then(|| vec![step(axis)]),
        Op::Permute(axes) => Some(vec![step(axes[axis])]),
        Op::Reshape => {
            let before = &graph.ty(operands[0]).dims;
            let same = before.get(..=axis) == dims.get(..=axis);
            same.then(|| vec![step(axis)])
        }
        Op::Expand { axis: at, .. } if *at == axis => Some(vec![None]),
        Op::Expand { axis: at, .. } => Some(vec![step(axis - usize::from(*at < axis))]),
        op if is_tame(graph, id) && (op.is_elementwise() || operands.len() == 1) => operands
            .iter()
            .map(|of| {
                let axes = align(&graph.ty(*of).dims, dims)?;
                Some(axes.iter().position(|at| *at == axis).and_then(step))
            })
            .collect(),
        _ => None,
    }
}

/// Whether the rows of a value are finite, and have finite derivatives, wherever those of its operands are finite: what is computed of an
/// empty list has to be.
fn is_tame(graph: &Graph, id: NodeId) -> bool {
    match &graph.node(id).op {
        Op::Div => filled(graph, graph.operands(id)[1]).is_some_and(|by| by != 0.0),
        Op::Pow | Op::Log | Op::Log1p | Op::Log1mExp | Op::Sqrt => false,
        Op::Neg | Op::Abs | Op::Sign | Op::Exp | Op::Expm1 | Op::Sin | Op::Cos | Op::Tanh => true,
        Op::Sigmoid | Op::LogSigmoid | Op::Erf | Op::Relu | Op::Floor | Op::Not => true,
        Op::Cast(_) | Op::Stop | Op::Permute(_) | Op::Expand { .. } => true,
        Op::Softmax(_) | Op::SumOver(_) | Op::MaxOver(_) | Op::MatMul { .. } => true,
        op => op.is_elementwise(),
    }
}
