//! Of a list whose first or last element alone is read, computes what leads to that element. A transformer that ends in `last`
//! computes its last block for one element a list; keys and values it needs of all.

mod plan;

use std::collections::BTreeMap;

use super::Pass;
use super::rewrite::{filled, operand_if};
use crate::graph::build::{Builder, node};
use crate::graph::{Dim, Elem, Graph, NodeId, Op, SpaceId, TensorType};
use plan::Plan;

pub(super) const PASS: Pass = Pass {
    name: "narrow",
    reason: "computes of a list the one element that is read",
    run,
};

fn run(graph: &Graph) -> Graph {
    let mut graph = graph.clone();
    for id in graph.order() {
        let end = End::of(&graph, id);
        let plan = end.as_ref().and_then(|end| Plan::of(&graph, end));
        if let (Some(end), Some(plan)) = (end, plan) {
            let narrowed = Narrowing::new(&end, &mut graph, id).built(&plan);
            graph.replace(id, narrowed);
        }
    }
    graph
}

/// `scatter_add(x * here, segments)`, where `here` is 1 for one element of each list that is not empty, 0 for others.
struct End {
    x: NodeId,
    here: NodeId,
    segments: NodeId,
    positions: NodeId,
    list: SpaceId,
    parent: SpaceId,
    side: Side,
}

/// Which element is read.
enum Side {
    First,
    /// The last, of lists of these lengths.
    Last(NodeId),
}

impl End {
    fn of(graph: &Graph, id: NodeId) -> Option<Self> {
        let Op::ScatterAdd(Dim::Space(parent)) = graph.node(id).op else {
            return None;
        };
        let [kept, segments] = graph.operands(id)[..] else {
            return None;
        };
        let Op::Mul = graph.node(kept).op else {
            return None;
        };
        let [x, here] = graph.operands(kept)[..] else {
            return None;
        };
        let ty = graph.ty(x);
        let (Elem::F32, Some(Dim::Space(list))) = (ty.elem, ty.dims.first().copied()) else {
            return None;
        };
        let compared = operand_if(graph, here, |op| *op == Op::Cast(Elem::F32))?;
        let place = operand_if(graph, compared, |op| *op == Op::Eq)?;
        let zero = graph.operands(compared)[1];
        let one_each = graph.ty(here).dims == [Dim::Space(list)];
        (one_each && filled(graph, zero) == Some(0.0)).then_some(())?;
        let cast = |id: NodeId| operand_if(graph, id, |op| *op == Op::Cast(Elem::F32));
        let (positions, side) = match cast(place) {
            Some(positions) => (positions, Side::First),
            None => {
                let (positions, lengths) = from_end(graph, place, segments)?;
                (positions, Side::Last(lengths))
            }
        };
        Some(Self {
            x,
            here,
            segments,
            positions,
            list,
            parent,
            side,
        })
    }
}

/// The positions and the lengths in `gather(lengths, segments) - positions - 1`.
fn from_end(graph: &Graph, place: NodeId, segments: NodeId) -> Option<(NodeId, NodeId)> {
    let after = operand_if(graph, place, |op| *op == Op::Sub)?;
    let one = filled(graph, graph.operands(place)[1])?;
    let gathered = operand_if(graph, after, |op| *op == Op::Sub)?;
    let lengths = operand_if(graph, gathered, |op| *op == Op::Gather)?;
    let ones = operand_if(graph, lengths, |op| matches!(op, Op::ScatterAdd(_)))?;
    let counts = filled(graph, ones) == Some(1.0)
        && graph.operands(lengths)[1] == segments
        && graph.operands(gathered)[1] == segments;
    let cast = graph.operands(after)[1];
    let positions = operand_if(graph, cast, |op| *op == Op::Cast(Elem::F32))?;
    (counts && one == 1.0).then_some((positions, lengths))
}

/// A plan being carried out.
struct Narrowing<'a> {
    end: &'a End,
    build: Builder<'a>,
    /// The number of elements of each list, or 1 where it is 1 or more.
    some: NodeId,
    narrowed: BTreeMap<NodeId, NodeId>,
}

impl<'a> Narrowing<'a> {
    fn new(end: &'a End, graph: &'a mut Graph, root: NodeId) -> Self {
        let site = graph.node(root).site.clone();
        let mut build = Builder { graph, site };
        let parent = Dim::Space(end.parent);
        let lengths = match end.side {
            Side::Last(lengths) => lengths,
            Side::First => {
                let ones = TensorType::new(Elem::F32, [Dim::Space(end.list)]);
                let (ones, segments) = (build.fill(ones, 1.0), end.segments);
                node!(build, ([Op::ScatterAdd(parent)] ones segments))
            }
        };
        let some = node!(build, (Min lengths 1.0));
        Self {
            end,
            build,
            some,
            narrowed: BTreeMap::new(),
        }
    }

    /// What stands for the end. Of an empty list something finite is computed, and not kept.
    fn built(mut self, plan: &Plan) -> NodeId {
        for (id, through) in plan.in_order() {
            let site = self.build.graph.node(id).site.clone();
            self.build.site = site;
            let narrowed = if through {
                self.through(id)
            } else {
                self.begun(id)
            };
            self.narrowed.insert(id, narrowed);
        }
        let (x, some) = (self.narrowed[&self.end.x], self.some);
        node!(self.build, (Mul x some))
    }

    /// The part of a value that is computed whole.
    fn begun(&mut self, id: NodeId) -> NodeId {
        let (here, segments) = (self.end.here, self.end.segments);
        let to = Op::ScatterAdd(Dim::Space(self.end.parent));
        node!(self.build, ([to] (Mul id here) segments))
    }

    /// The op on the parts of its operands.
    fn through(&mut self, id: NodeId) -> NodeId {
        let old = self.build.graph.node(id);
        let (op, mut ty) = (old.op.clone(), old.ty.clone());
        let parent = Dim::Space(self.end.parent);
        ty.dims[0] = parent;
        let operands = self.build.graph.operands(id);
        let part = |of: &NodeId| self.narrowed.get(of).copied().unwrap_or(*of);
        match op {
            Op::Gather => operands[0],
            Op::Expand { axis: 0, .. } => {
                let along = Op::Expand {
                    axis: 0,
                    dim: parent,
                };
                self.build.op(along, &operands)
            }
            Op::Attention { heads, .. } => {
                let one_each = Op::Attention {
                    heads,
                    causal: false,
                };
                let operands = [&[part(&operands[0])], &operands[1..]].concat();
                self.build.op(one_each, &operands)
            }
            op => {
                let operands: Vec<NodeId> = operands.iter().map(part).collect();
                self.build.typed(op, &operands, ty)
            }
        }
    }
}
