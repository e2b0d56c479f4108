//! Which nodes run on a few rows at a time, so that a matrix of every row against every candidate is never stored.
//!
//! The scores of a batch, their softmax and its gradient have the shape `[B, C]` and are large, but each row of them depends
//! on the same row of its operands alone. A group is all of them: it is cut along `B`, its tiles stay in the cache, and
//! what the rest of the program reads of it is joined along `B`, or added up where `B` is summed over, as in the gradient of the
//! candidates. Forward and backward are one group unless the gradient waits for a number that all rows make.

use std::collections::BTreeSet;
use std::ops::Range;

use reckon_compiler::graph::{Dim, Graph, NodeId, Op, SpaceId, SpaceKind};

use super::memory::Memory;
use super::schedule::Needs;
use super::{Reads, is_effect, spaces, value_of};
use crate::kernels::Kernels;

/// A run of instructions that is repeated for each tile of a space.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tiles {
    pub(crate) instructions: Range<usize>,
    /// What is cut.
    pub(crate) space: SpaceId,
    /// The other dimensions of the widest value: a row of it.
    pub(crate) row: Vec<Dim>,
    /// Slots of operands that have the space, with its place among their dimensions.
    pub(crate) cut: Vec<(usize, usize)>,
    /// Slots of operands that do not.
    pub(crate) whole: Vec<usize>,
    /// Slots of results that are read afterwards, with how those of the tiles become one.
    pub(crate) results: Vec<(usize, Joined)>,
}

/// How the results of tiles become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joined {
    /// One after another along a dimension.
    Along(usize),
    /// Added up.
    Summed,
}

/// A group of nodes that stand together in a schedule.
pub(super) struct Group {
    pub(super) range: Range<usize>,
    space: SpaceId,
}

/// The schedule with the nodes of each group together, and the groups.
pub(super) fn grouped(reads: &Reads<'_>, schedule: Vec<NodeId>) -> (Vec<NodeId>, Vec<Group>) {
    if reads.kernels != Kernels::Own {
        return (schedule, Vec::new());
    }
    let graph = reads.graph;
    let needs = Needs::new(graph, &graph.order());
    let spaces = (0..).map(SpaceId).take(graph.spaces.len());
    let mut schedule = schedule;
    let mut found: Vec<(SpaceId, BTreeSet<NodeId>)> = Vec::new();
    for space in spaces.filter(|space| grows(graph, *space)) {
        let search = Search {
            reads,
            needs: &needs,
            schedule: &schedule,
            space,
            taken: found.iter().flat_map(|(_, nodes)| nodes).copied().collect(),
        };
        if let Some(members) = search.members() {
            schedule = search.together(&members);
            found.push((space, members));
        }
    }
    let group = |(space, nodes)| {
        Some(Group {
            range: place(&schedule, &nodes)?,
            space,
        })
    };
    let mut groups: Vec<Group> = found.into_iter().filter_map(group).collect();
    groups.sort_by_key(|group| group.range.start);
    (schedule, groups)
}

/// Where nodes stand. A later group may have parted them: those run whole then.
fn place(schedule: &[NodeId], nodes: &BTreeSet<NodeId>) -> Option<Range<usize>> {
    let first = schedule.iter().position(|id| nodes.contains(id))?;
    let range = first..first + nodes.len();
    let found = schedule.get(range.clone())?;
    found.iter().all(|id| nodes.contains(id)).then_some(range)
}

/// What a group reads and leaves, by slots.
pub(super) fn tiles(
    reads: &Reads<'_>,
    memory: &Memory<'_>,
    schedule: &[NodeId],
    group: &Group,
) -> Tiles {
    let graph = reads.graph;
    let nodes = &schedule[group.range.clone()];
    let members: BTreeSet<NodeId> = nodes.iter().copied().collect();
    let axis = |id: NodeId| graph.axis_of(id, group.space);
    let outside: BTreeSet<NodeId> = nodes
        .iter()
        .flat_map(|id| reads.of(*id))
        .map(|id| value_of(graph, id))
        .filter(|id| !members.contains(id))
        .collect();
    let elsewhere = schedule.iter().filter(|id| !members.contains(id));
    let read: BTreeSet<NodeId> = elsewhere
        .flat_map(|id| reads.of(*id))
        .chain(graph.outputs.iter().map(|(_, id)| *id))
        .map(|id| value_of(graph, id))
        .collect();
    let widest = nodes
        .iter()
        .filter(|id| is_pairwise(graph, **id, group.space));
    let widest = widest.max_by_key(|id| graph.ty(**id).rank());
    let row = widest.map_or(Vec::new(), |id| {
        let dims = graph.ty(*id).dims.iter().copied();
        dims.filter(|dim| *dim != Dim::Space(group.space)).collect()
    });
    Tiles {
        instructions: group.range.clone(),
        space: group.space,
        row,
        cut: outside
            .iter()
            .filter_map(|id| Some((memory.slot(*id), axis(*id)?)))
            .collect(),
        whole: outside
            .iter()
            .filter(|id| axis(**id).is_none())
            .map(|id| memory.slot(*id))
            .collect(),
        results: nodes
            .iter()
            .filter(|id| read.contains(id))
            .map(|id| {
                let joined = axis(*id).map_or(Joined::Summed, Joined::Along);
                (memory.slot(*id), joined)
            })
            .collect(),
    }
}

/// The search for a group that is cut along one space.
struct Search<'a, 'g> {
    reads: &'a Reads<'g>,
    needs: &'a Needs,
    schedule: &'a [NodeId],
    space: SpaceId,
    /// Nodes of other groups.
    taken: BTreeSet<NodeId>,
}

impl Search<'_, '_> {
    /// The nodes of the group; none where there is nothing to cut, or where a row of it depends on others.
    fn members(&self) -> Option<BTreeSet<NodeId>> {
        let graph = self.reads.graph;
        let free = |id: &NodeId| !self.taken.contains(id);
        let seeds: BTreeSet<NodeId> = self
            .schedule
            .iter()
            .copied()
            .filter(free)
            .filter(|id| is_pairwise(graph, *id, self.space) && self.by_rows(*id))
            .collect();
        let makes = |id: &&NodeId| matches!(graph.node(**id).op, Op::MatMul { .. });
        seeds.iter().find(makes)?;
        let mut members = seeds.clone();
        for id in self.schedule.iter().filter(|id| free(id)) {
            let reads_seed = self.reads.of(*id).iter().any(|of| seeds.contains(of));
            if reads_seed && (self.by_rows(*id) || self.sums(*id)) {
                members.insert(*id);
            }
        }
        let below = self.descendants(&members);
        let above = self.ancestors(&members);
        let between = below
            .intersection(&above)
            .filter(|id| !members.contains(id));
        let between: Vec<NodeId> = between.copied().collect();
        let whole = between.iter().all(|id| free(id) && self.by_rows(*id));
        members.extend(between);
        // What is added up over all tiles is known after the last one only.
        let mut sums = members.iter().filter(|id| !self.has_space(**id));
        let late = sums.all(|id| !above.contains(id));
        (whole && late).then_some(members)
    }

    /// The schedule with the members behind all that does not depend on them.
    fn together(&self, members: &BTreeSet<NodeId>) -> Vec<NodeId> {
        let graph = self.reads.graph;
        let below = self.descendants(members);
        let is_later = |id: &NodeId| below.contains(id) || is_effect(&graph.node(*id).op);
        let all = || self.schedule.iter().copied();
        let others = || all().filter(|id| !members.contains(id));
        let first = others().filter(|id| !is_later(id));
        let group = all().filter(|id| members.contains(id));
        first
            .chain(group)
            .chain(others().filter(is_later))
            .collect()
    }

    /// What depends on one of these; those of them that depend on another are among it.
    fn descendants(&self, of: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
        let mut below = BTreeSet::new();
        for id in self.schedule {
            let depends = |on: &NodeId| of.contains(on) || below.contains(on);
            if self.depends_on(*id).iter().any(depends) {
                below.insert(*id);
            }
        }
        below
    }

    /// What one of these depends on.
    fn ancestors(&self, of: &BTreeSet<NodeId>) -> BTreeSet<NodeId> {
        let mut above = BTreeSet::new();
        for id in self.schedule.iter().rev() {
            if of.contains(id) || above.contains(id) {
                above.extend(self.depends_on(*id));
            }
        }
        above
    }

    fn depends_on(&self, id: NodeId) -> Vec<NodeId> {
        let graph = self.reads.graph;
        let read = self.reads.of(id).into_iter().map(|of| value_of(graph, of));
        read.chain(self.needs.tellers(graph, id)).collect()
    }

    fn has_space(&self, id: NodeId) -> bool {
        self.reads.graph.axis_of(id, self.space).is_some()
    }

    /// Whether some rows of the result come from the same rows of the operands.
    fn by_rows(&self, id: NodeId) -> bool {
        let graph = self.reads.graph;
        if !self.reads.fused.contains_key(&id) {
            return graph.is_rowwise(id, self.space);
        }
        let last = graph.ty(id).rank() - 1;
        graph
            .axis_of(id, self.space)
            .filter(|_| !graph.has_pairs(id, self.space))
            .is_some_and(|place| match graph.node(id).op {
                Op::Select | Op::Add => true,
                Op::Sub => place != last,
                _ => false,
            })
    }

    /// Whether the result is a sum over the space.
    fn sums(&self, id: NodeId) -> bool {
        let graph = self.reads.graph;
        if self.has_space(id) || self.reads.fused.contains_key(&id) {
            return false;
        }
        let operands = self.reads.of(id);
        match graph.node(id).op {
            Op::SumOver(over) => graph.axis_of(operands[0], self.space) == Some(over),
            Op::MatMul { transpose_b } => graph.contracts(&operands, transpose_b, self.space),
            _ => false,
        }
    }
}

/// Whether the size of a space grows with the batch or the catalogue.
fn grows(graph: &Graph, space: SpaceId) -> bool {
    matches!(
        graph.space(space).kind,
        SpaceKind::Batch | SpaceKind::Candidates | SpaceKind::Catalogue { .. }
    )
}

/// Whether a node has a value for each row of the space and each row of another.
fn is_pairwise(graph: &Graph, id: NodeId, space: SpaceId) -> bool {
    let ty = graph.ty(id);
    graph.axis_of(id, space).is_some()
        && spaces(ty).any(|(_, of)| of != space && grows(graph, of))
        && !matches!(graph.node(id).op, Op::Input(_))
}
