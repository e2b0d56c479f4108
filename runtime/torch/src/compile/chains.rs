//! Which nodes run as one pass over rows: elementwise ops, sums and softmaxes of values with the same rows and the same width.
//!
//! A chain is found for values `[R.., W]`, and for the numbers `[R..]` that it makes of their rows. Nodes of one chain do not wait for
//! anything that waits for another of its nodes, so that they may stand together.

mod reading;
mod write;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use reckon_compiler::graph::{Dim, NodeId};

use super::schedule::Needs;
use super::tiles::Group;
use super::{Reads, value_of};
use crate::kernels::Kernels;
use reading::{Frame, Reading, frame_of};
pub(super) use write::chain;

/// Nodes that stand together in a schedule.
pub(super) struct Run {
    range: Range<usize>,
    /// The part of the schedule that it stands in.
    part: Range<usize>,
    frame: Frame,
}

/// The schedule with the nodes of each chain together. Nodes stay in their part of the schedule.
pub(super) fn chained(
    reads: &Reads<'_>,
    mut schedule: Vec<NodeId>,
    groups: &[Group],
) -> (Vec<NodeId>, Vec<Run>) {
    let mut runs = Vec::new();
    if reads.kernels != Kernels::Own {
        return (schedule, runs);
    }
    let needs = Needs::new(reads.graph, &reads.graph.order());
    for range in parts(schedule.len(), groups) {
        let part = Part::new(reads, &needs, &schedule[range.clone()]);
        let units = part.units();
        let (order, found) = part.ordered(&units);
        schedule[range.clone()].copy_from_slice(&order);
        runs.extend(found.into_iter().map(|(at, frame)| Run {
            range: range.start + at.start..range.start + at.end,
            part: range.clone(),
            frame,
        }));
    }
    (schedule, runs)
}

/// The groups that run by tiles, and what lies between them.
fn parts(end: usize, groups: &[Group]) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let mut start = 0;
    for group in groups {
        parts.extend([start..group.range.start, group.range.clone()]);
        start = group.range.end;
    }
    parts.push(start..end);
    parts
}

/// Nodes of a chain, in the order of the schedule.
struct Unit {
    nodes: BTreeSet<usize>,
    frame: Frame,
}

/// A part of a schedule; its nodes by their places there.
struct Part<'a, 'g> {
    reads: &'a Reads<'g>,
    nodes: &'a [NodeId],
    /// What each node waits for in this part.
    waits: Vec<Vec<usize>>,
}

impl<'a, 'g> Part<'a, 'g> {
    fn new(reads: &'a Reads<'g>, needs: &Needs, nodes: &'a [NodeId]) -> Self {
        let graph = reads.graph;
        let places: BTreeMap<NodeId, usize> = nodes.iter().copied().zip(0..).collect();
        let waits = nodes.iter().map(|id| {
            let read = reads.of(*id).into_iter().map(|of| value_of(graph, of));
            let all = read.chain(needs.tellers(graph, *id));
            all.filter_map(|of| places.get(&of).copied()).collect()
        });
        Self {
            reads,
            nodes,
            waits: waits.collect(),
        }
    }

    /// Chains that do not wait for each other in a circle.
    fn units(&self) -> Vec<Unit> {
        let frames = self
            .nodes
            .iter()
            .filter_map(|id| frame_of(self.reads.graph.ty(*id)));
        // Spaces are wider than positional dimensions.
        let mut frames: Vec<Frame> = frames.collect::<BTreeSet<_>>().into_iter().collect();
        frames.sort_by_key(|frame| matches!(frame.width, Dim::Fixed(_)));
        let mut units: Vec<Unit> = Vec::new();
        for frame in frames {
            let taken: BTreeSet<usize> =
                units.iter().flat_map(|unit| &unit.nodes).copied().collect();
            for nodes in self.found(&frame, &taken) {
                units.push(Unit {
                    nodes,
                    frame: frame.clone(),
                });
                if self.sorted(&units).is_none() {
                    units.pop();
                }
            }
        }
        units
    }

    /// Connected nodes of a frame between which nothing else runs.
    fn found(&self, frame: &Frame, taken: &BTreeSet<usize>) -> Vec<BTreeSet<usize>> {
        let reading = Reading {
            reads: self.reads,
            frame,
            part: self.nodes.iter().copied().collect(),
        };
        let fits = |at: &usize| !taken.contains(at) && reading.fits(self.nodes[*at]);
        let fitting: BTreeSet<usize> = (0..self.nodes.len()).filter(fits).collect();
        // How often the way to a node leaves the frame and comes back.
        let mut levels = vec![0; self.nodes.len()];
        for at in 0..self.nodes.len() {
            for of in &self.waits[at] {
                let leaves = fitting.contains(of) && !fitting.contains(&at);
                levels[at] = levels[at].max(levels[*of] + usize::from(leaves));
            }
        }
        let mut groups: Vec<BTreeSet<usize>> = Vec::new();
        for at in &fitting {
            let level = levels[*at];
            let near = |group: &BTreeSet<usize>| {
                let mut waits = self.waits[*at].iter();
                waits.any(|of| group.contains(of) && levels[*of] == level)
            };
            let (joined, apart): (Vec<_>, Vec<_>) = groups.into_iter().partition(near);
            groups = apart;
            let nodes = joined.into_iter().flatten().chain([*at]);
            groups.push(nodes.collect());
        }
        let wide = |at: &&usize| reading.is_matrix(self.nodes[**at]);
        groups.retain(|group| group.iter().filter(wide).count() > 1);
        groups
    }

    /// The nodes with those of each unit together, and where each unit stands.
    fn ordered(&self, units: &[Unit]) -> (Vec<NodeId>, Vec<(Range<usize>, Frame)>) {
        let sorted = self.sorted(units).expect("units were tried before");
        let mut order = Vec::with_capacity(self.nodes.len());
        let mut runs = Vec::new();
        for (nodes, unit) in sorted {
            let start = order.len();
            order.extend(nodes.iter().map(|at| self.nodes[*at]));
            runs.extend(unit.map(|unit| (start..order.len(), units[unit].frame.clone())));
        }
        (order, runs)
    }

    /// Single nodes and units, each after what it waits for, else as they stood; none where units wait in a circle.
    fn sorted(&self, units: &[Unit]) -> Option<Vec<(Vec<usize>, Option<usize>)>> {
        let mut of_node: Vec<Option<usize>> = vec![None; self.nodes.len()];
        for (number, unit) in units.iter().enumerate() {
            unit.nodes.iter().for_each(|at| of_node[*at] = Some(number));
        }
        let first = |at: usize| {
            of_node[at].map_or(at, |unit| {
                *units[unit].nodes.first().expect("units have nodes")
            })
        };
        let mut waiting: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
        for at in 0..self.nodes.len() {
            let others = self.waits[at]
                .iter()
                .map(|of| first(*of))
                .filter(|of| *of != first(at));
            waiting.entry(first(at)).or_default().extend(others);
        }
        let mut sorted = Vec::new();
        let mut done = BTreeSet::new();
        while !waiting.is_empty() {
            let ready = |(_, waits): &(&usize, &BTreeSet<usize>)| waits.is_subset(&done);
            let next = *waiting.iter().find(ready)?.0;
            waiting.remove(&next);
            done.insert(next);
            let nodes = of_node[next].map_or(vec![next], |unit| {
                units[unit].nodes.iter().copied().collect()
            });
            sorted.push((nodes, of_node[next]));
        }
        Some(sorted)
    }
}
