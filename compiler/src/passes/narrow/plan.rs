//! Which values are computed in part.

use std::collections::BTreeMap;

use super::{End, Side, filled};
use crate::graph::{Dim, Elem, Graph, NodeId, Op};

/// The values of which the row of one element of each list is enough: of `[L, ..]` the part `[P, ..]`.
pub(super) struct Plan {
    order: Vec<NodeId>,
    asked: BTreeMap<NodeId, Asked>,
}

#[derive(Clone, Copy)]
struct Asked {
    /// How many times the part is asked for.
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
            let parts = alone.then(|| of_element(graph, end, *id));
            let Some(parts) = parts.flatten() else {
                if !is_cut(graph, end, *id) {
                    return None;
                }
                continue;
            };
            spared |= matches!(graph.node(*id).op, Op::MatMul { .. } | Op::Attention { .. });
            asked.entry(*id).and_modify(|asked| asked.through = true);
            for operand in parts {
                let asked = asked.entry(operand).or_insert(Asked {
                    times: 0,
                    through: false,
                });
                asked.times += 1;
            }
        }
        spared.then_some(Self { order, asked })
    }

    /// Values, and whether their parts come from parts of operands; operands first.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (NodeId, bool)> {
        self.order.iter().filter_map(|id| {
            let asked = self.asked.get(id)?;
            Some((*id, asked.through))
        })
    }
}

/// Whether the part can be taken out of a value that is there.
fn is_cut(graph: &Graph, end: &End, id: NodeId) -> bool {
    let ty = graph.ty(id);
    ty.elem == Elem::F32 && ty.dims.first() == Some(&Dim::Space(end.list))
}

/// The operands of whose parts the part of a value is computed, others being needed whole; nothing where the op does not go
/// through.
fn of_element(graph: &Graph, end: &End, id: NodeId) -> Option<Vec<NodeId>> {
    let operands = graph.operands(id);
    let dims = &graph.ty(id).dims;
    let lists = dims.iter().filter(|dim| **dim == Dim::Space(end.list));
    if dims.first() != Some(&Dim::Space(end.list))
        || lists.count() != 1
        || graph.axis_of(id, end.parent).is_some()
    {
        return None;
    }
    let each = || {
        let axis = |of: &NodeId| graph.axis_of(*of, end.list);
        let parts = operands.iter().filter(|of| axis(of).is_some());
        let parts: Vec<NodeId> = parts.copied().collect();
        parts.iter().all(|of| axis(of) == Some(0)).then_some(parts)
    };
    match &graph.node(id).op {
        Op::Gather => {
            let own =
                operands[1] == end.segments && graph.axis_of(operands[0], end.parent) == Some(0);
            own.then(Vec::new)
        }
        Op::Attention { causal, .. } => {
            let own = operands[3..] == [end.segments, end.positions];
            let sees_all = !causal || matches!(end.side, Side::Last(_));
            (own && sees_all).then(|| vec![operands[0]])
        }
        Op::Expand { axis: 0, .. } => Some(Vec::new()),
        Op::Reshape => each(),
        Op::Concat { axis } | Op::Slice { axis, .. } if *axis != 0 => each(),
        Op::LayerNorm { .. } if dims.len() > 1 => each(),
        Op::Broadcast => None,
        _ if is_tame(graph, id) && graph.is_rowwise(id, end.list) => each(),
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
