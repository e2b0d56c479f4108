//! In which order nodes run.

use std::collections::{BTreeMap, BTreeSet};

use reckon_compiler::graph::{Dim, Graph, NodeId, Op, SpaceId, SpaceKind};

use super::{Reads, is_effect, spaces, value_of};

/// All live nodes: operands first, the op that tells the size of a space before those that need it, effects last.
pub(super) fn schedule(reads: &Reads<'_>) -> Vec<NodeId> {
    let graph = reads.graph;
    let order = graph.order();
    let needs = Needs::new(graph, &order);
    let effects: Vec<NodeId> = order
        .iter()
        .copied()
        .filter(|id| is_effect(&graph.node(*id).op))
        .collect();
    let mut scheduled = Vec::with_capacity(order.len());
    let mut seen = BTreeSet::new();
    // Nodes that only a group reads are not run by themselves.
    let outputs = graph.outputs.iter().map(|(_, id)| *id);
    let read = effects.iter().flat_map(|id| graph.operands(*id));
    for root in outputs.chain(read).map(|id| value_of(graph, id)) {
        let mut stack = vec![(root, false)];
        while let Some((id, expanded)) = stack.pop() {
            if expanded {
                scheduled.push(id);
            } else if seen.insert(id) {
                stack.push((id, true));
                stack.extend(needs.tellers(graph, id).map(|teller| (teller, false)));
                let operands = reads.of(id).into_iter().rev();
                stack.extend(operands.map(|operand| (value_of(graph, operand), false)));
            }
        }
    }
    scheduled.extend(effects);
    scheduled
}

/// Which nodes have to run before others, although those do not read them.
pub(super) struct Needs {
    tellers: BTreeMap<SpaceId, NodeId>,
}

impl Needs {
    pub(super) fn new(graph: &Graph, order: &[NodeId]) -> Self {
        Self {
            tellers: tellers(graph, order),
        }
    }

    /// The nodes that tell the sizes of spaces which a node has to know.
    pub(super) fn tellers(&self, graph: &Graph, id: NodeId) -> impl Iterator<Item = NodeId> {
        let needed = needed_spaces(graph, id).into_iter();
        needed.filter_map(|space| self.tellers.get(&space).copied())
    }
}

/// The first op that tells the size of each space that no leaf tells.
fn tellers(graph: &Graph, order: &[NodeId]) -> BTreeMap<SpaceId, NodeId> {
    let known = known_spaces(graph, order);
    let mut tellers = BTreeMap::new();
    for id in order {
        let node = graph.node(*id);
        let needed = needed_spaces(graph, *id);
        let read: Vec<SpaceId> = graph
            .operands(*id)
            .iter()
            .flat_map(|operand| spaces(graph.ty(*operand)))
            .map(|(_, space)| space)
            .collect();
        // Only an op whose operands lack the space can tell its size to others without waiting for them.
        let told = spaces(&node.ty).map(|(_, space)| space);
        for space in told.filter(|space| !needed.contains(space) && !read.contains(space)) {
            if !known.contains(&space) {
                tellers.entry(space).or_insert(*id);
            }
        }
    }
    tellers
}

/// Spaces whose sizes inputs, tables or parameters tell, before any op runs.
pub(super) fn known_spaces(graph: &Graph, nodes: &[NodeId]) -> BTreeSet<SpaceId> {
    let leaves = nodes.iter().map(|id| graph.node(*id));
    let leaves =
        leaves.filter(|node| matches!(node.op, Op::Input(_) | Op::Table(_) | Op::Param(_)));
    let told = leaves.flat_map(|node| spaces(&node.ty).map(|(_, space)| space));
    told.chain(axes(graph).map(|(space, _)| space)).collect()
}

/// Spaces that stand for a positional dimension, with its size.
pub(super) fn axes(graph: &Graph) -> impl Iterator<Item = (SpaceId, usize)> + '_ {
    graph
        .spaces
        .iter()
        .enumerate()
        .filter_map(|(at, space)| match space.kind {
            SpaceKind::Axis(size) => Some((SpaceId(at as u32), size)),
            SpaceKind::Batch
            | SpaceKind::Candidates
            | SpaceKind::Catalogue { .. }
            | SpaceKind::List { .. }
            | SpaceKind::Vocabulary { .. }
            | SpaceKind::Flat => None,
        })
}

/// Spaces whose size an op has to know, because its operands do not tell.
fn needed_spaces(graph: &Graph, id: NodeId) -> Vec<SpaceId> {
    match &graph.node(id).op {
        Op::Const(_) | Op::Iota | Op::Broadcast | Op::RandomUniform | Op::RandomNormal => {
            let all = spaces(graph.ty(id));
            all.map(|(_, space)| space).collect()
        }
        Op::Size(space) | Op::PadList { parent: space, .. } | Op::Bag { parent: space } => {
            vec![*space]
        }
        Op::Attention { .. } | Op::AttentionGradient { .. } => {
            let list = graph.bounded_list(graph.operands(id)[1]);
            list.map(|(parent, _)| parent).into_iter().collect()
        }
        Op::Expand { dim, .. } | Op::ScatterAdd(dim) | Op::ScatterMax(dim) | Op::Place(dim) => {
            match dim {
                Dim::Space(space) => vec![*space],
                Dim::Fixed(_) => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}
