//! Which nodes run, and in which order.
//!
//! Beside its operands a node may need the size of a flat space, which only the program knows: a constant over the
//! distinct ids needs the node that finds them. Such nodes are kept and ordered like operands.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::op::Op;
use super::space::SpaceKind;
use super::ty::Dim;
use super::{Graph, NodeId, SpaceId};

impl Graph {
    /// The live nodes, operands first. Among ready nodes the one that was added first comes first.
    pub fn order(&self) -> Vec<NodeId> {
        self.order_of(&self.live())
    }

    /// The nodes marked by [`NodeId::index`], as [`Graph::needed_by`] marks them, in the order of [`Graph::order`].
    pub fn order_of(&self, live: &[bool]) -> Vec<NodeId> {
        let mut waiting = vec![0_u32; live.len()];
        let mut users: Vec<Vec<NodeId>> = vec![Vec::new(); live.len()];
        let sized = self.sized_by(live);
        for id in self.ids().filter(|id| live.get(id.index()) == Some(&true)) {
            for operand in self
                .operands(id)
                .into_iter()
                .chain(sized.get(&id).into_iter().flatten().copied())
            {
                waiting[id.index()] += 1;
                users[operand.index()].push(id);
            }
        }
        let leaves = self
            .ids()
            .filter(|id| live.get(id.index()) == Some(&true) && waiting[id.index()] == 0);
        let mut ready: BinaryHeap<_> = leaves.map(Reverse).collect();
        let mut order = Vec::new();
        while let Some(Reverse(id)) = ready.pop() {
            order.push(id);
            for user in &users[id.index()] {
                waiting[user.index()] -= 1;
                if waiting[user.index()] == 0 {
                    ready.push(Reverse(*user));
                }
            }
        }
        order
    }

    /// Which nodes an output or an effect needs, by [`NodeId::index`].
    pub fn live(&self) -> Vec<bool> {
        self.needed_by(self.roots())
    }

    /// Which nodes `roots` need, themselves included, by [`NodeId::index`].
    pub fn needed_by(&self, roots: impl IntoIterator<Item = NodeId>) -> Vec<bool> {
        let mut live = vec![false; self.bound()];
        let mut stack: Vec<NodeId> = roots.into_iter().collect();
        while !stack.is_empty() {
            while let Some(id) = stack.pop() {
                if !std::mem::replace(&mut live[id.index()], true) {
                    stack.extend(self.operands(id));
                }
            }
            stack.extend(
                self.sized_by(&live)
                    .into_values()
                    .flatten()
                    .filter(|sizer| !live[sizer.index()]),
            );
        }
        live
    }

    /// For each marked node that needs the sizes of flat spaces which none of its operands has, the nodes that size them:
    /// the first of the marked ones that stands before it, or else the first of all.
    pub(crate) fn sized_by(&self, live: &[bool]) -> BTreeMap<NodeId, Vec<NodeId>> {
        let mut sized: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
        if self
            .spaces
            .iter()
            .all(|space| space.kind != SpaceKind::Flat)
        {
            return sized;
        }
        let marked = |id: NodeId| live.get(id.index()) == Some(&true);
        let mut first: BTreeMap<SpaceId, NodeId> = BTreeMap::new();
        let mut first_marked: BTreeMap<SpaceId, NodeId> = BTreeMap::new();
        let mut needs = Vec::new();
        for id in self.ids() {
            for space in self.asked(id) {
                if !self.sizes(id) {
                    needs.push((id, space));
                    continue;
                }
                first.entry(space).or_insert(id);
                if marked(id) {
                    first_marked.entry(space).or_insert(id);
                }
            }
        }
        for (id, space) in needs.into_iter().filter(|(id, _)| marked(*id)) {
            let sizer = first_marked
                .get(&space)
                .filter(|sizer| **sizer < id)
                .or_else(|| first.get(&space));
            sized.entry(id).or_default().extend(sizer);
        }
        sized
    }

    /// The flat spaces that a node ranges over and its operands do not.
    fn asked(&self, id: NodeId) -> Vec<SpaceId> {
        let node = self.node(id);
        let is_flat = |space: &SpaceId| {
            self.spaces
                .get(space.0 as usize)
                .is_some_and(|space| space.kind == SpaceKind::Flat)
        };
        let ranged = node.ty.dims.iter().filter_map(|dim| {
            if let Dim::Space(space) = dim {
                Some(*space)
            } else {
                None
            }
        });
        let size = if let Op::Size(space) = node.op {
            Some(space)
        } else {
            None
        };
        let asked: Vec<SpaceId> = ranged.chain(size).filter(is_flat).collect();
        if asked.is_empty() {
            return asked;
        }
        let operands = self.operands(id);
        let had = |space: &SpaceId| {
            operands
                .iter()
                .any(|operand| self.ty(*operand).dims.contains(&Dim::Space(*space)))
        };
        asked.into_iter().filter(|space| !had(space)).collect()
    }

    /// Whether the op finds the size of a dimension of its result by itself.
    fn sizes(&self, id: NodeId) -> bool {
        matches!(
            self.node(id).op,
            Op::Input(_)
                | Op::Param(_)
                | Op::Table(_)
                | Op::Reshape
                | Op::Concat { .. }
                | Op::Unique
        )
    }

    /// One more than the largest [`NodeId::index`] so far.
    pub fn bound(&self) -> usize {
        self.ids().last().map_or(0, |last| last.index() + 1)
    }

    /// The nodes that keep others alive: outputs, then effects.
    pub fn roots(&self) -> impl Iterator<Item = NodeId> + '_ {
        self.outputs
            .iter()
            .map(|(_, id)| *id)
            .chain(self.effects.iter().copied())
    }
}
