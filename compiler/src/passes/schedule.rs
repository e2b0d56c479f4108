//! Puts the nodes in an order in which few large values live at a time. Sizes of spaces are guesses, and the same graph
//! always gets the same order.

use std::collections::BTreeSet;

use super::Pass;
use crate::graph::space::SpaceKind;
use crate::graph::{Dim, Elem, Graph, NodeId, TensorType};

pub(super) const PASS: Pass = Pass {
    name: "schedule",
    reason: "orders nodes so that few large values live at a time",
    run,
};

fn run(graph: &Graph) -> Graph {
    let given = graph.order();
    let costs = Costs::of(graph, &given);
    let greedy = greedy(&costs, &given);
    // Greed does not look ahead, so it may lose against the order of the program.
    if costs.peak(&greedy) < costs.peak(&given) {
        ordered(graph, &greedy)
    } else {
        ordered(graph, &given)
    }
}

/// Bytes and readers of each live node, by [`NodeId::index`].
struct Costs {
    bytes: Vec<u64>,
    /// How many live nodes and roots read the value.
    readers: Vec<u32>,
    operands: Vec<Vec<NodeId>>,
    users: Vec<Vec<NodeId>>,
}

impl Costs {
    fn of(graph: &Graph, order: &[NodeId]) -> Self {
        let bound = graph.bound();
        let mut costs = Self {
            bytes: vec![0; bound],
            readers: vec![0; bound],
            operands: vec![Vec::new(); bound],
            users: vec![Vec::new(); bound],
        };
        let sized = graph.sized_by(&graph.live());
        for id in order {
            let mut operands = graph.operands(*id);
            operands.extend(sized.get(id).into_iter().flatten());
            operands.sort_unstable();
            operands.dedup();
            // Leaves live elsewhere and cost nothing here.
            costs.bytes[id.index()] = if operands.is_empty() {
                0
            } else {
                bytes(graph, graph.ty(*id))
            };
            for operand in &operands {
                costs.readers[operand.index()] += 1;
                costs.users[operand.index()].push(*id);
            }
            costs.operands[id.index()] = operands;
        }
        for root in graph.roots() {
            costs.readers[root.index()] += 1;
        }
        costs
    }

    /// The bytes that computing a node adds, less those that it is the last to read.
    fn growth(&self, id: NodeId, left: &[u32]) -> i128 {
        let freed: u64 = self
            .last_read(id, left)
            .map(|operand| self.bytes[operand.index()])
            .sum();
        i128::from(self.bytes[id.index()]) - i128::from(freed)
    }

    fn last_read<'a>(&'a self, id: NodeId, left: &'a [u32]) -> impl Iterator<Item = NodeId> + 'a {
        self.operands[id.index()]
            .iter()
            .copied()
            .filter(|operand| left[operand.index()] == 1)
    }

    fn peak(&self, order: &[NodeId]) -> u64 {
        let mut left = self.readers.clone();
        let (mut now, mut peak) = (0, 0);
        for id in order {
            now += self.bytes[id.index()];
            peak = peak.max(now);
            for operand in &self.operands[id.index()] {
                left[operand.index()] -= 1;
                if left[operand.index()] == 0 {
                    now -= self.bytes[operand.index()];
                }
            }
        }
        peak
    }
}

/// Of the nodes that can run, always the one that grows the live bytes least; of equals the first in the given order.
fn greedy(costs: &Costs, given: &[NodeId]) -> Vec<NodeId> {
    let mut choice = Choice::among(costs, given);
    // Leaves cost nothing: they come when they are first read.
    let is_leaf = |id: NodeId| costs.operands[id.index()].is_empty();
    let mut done = vec![false; costs.bytes.len()];
    let leaves = || given.iter().copied().filter(|id| is_leaf(*id));
    for leaf in leaves() {
        choice.release(leaf);
    }
    let mut order = Vec::with_capacity(given.len());
    while let Some(id) = choice.take() {
        for operand in &costs.operands[id.index()] {
            if is_leaf(*operand) && !std::mem::replace(&mut done[operand.index()], true) {
                order.push(*operand);
            }
        }
        order.push(id);
        choice.release(id);
    }
    order.extend(leaves().filter(|id| !done[id.index()]));
    order
}

/// The nodes that can run. What one grows the live bytes by changes only when it becomes the last reader of an operand.
struct Choice<'a> {
    costs: &'a Costs,
    /// The given order.
    place: Vec<usize>,
    /// How many have yet to read each value.
    left: Vec<u32>,
    /// How many operands each node waits for.
    waiting: Vec<usize>,
    ready: BTreeSet<(i128, usize, NodeId)>,
}

impl<'a> Choice<'a> {
    fn among(costs: &'a Costs, given: &[NodeId]) -> Self {
        let mut place = vec![0; costs.bytes.len()];
        for (at, id) in given.iter().enumerate() {
            place[id.index()] = at;
        }
        Self {
            costs,
            place,
            left: costs.readers.clone(),
            waiting: costs.operands.iter().map(Vec::len).collect(),
            ready: BTreeSet::new(),
        }
    }

    fn key(&self, id: NodeId) -> (i128, usize, NodeId) {
        (
            self.costs.growth(id, &self.left),
            self.place[id.index()],
            id,
        )
    }

    /// The best node, which has read its operands then.
    fn take(&mut self) -> Option<NodeId> {
        let (.., id) = self.ready.pop_first()?;
        let costs = self.costs;
        for operand in &costs.operands[id.index()] {
            let last = match self.left[operand.index()] {
                2 => self.ready_user(*operand),
                _ => None,
            };
            if let Some(user) = last {
                self.ready.remove(&self.key(user));
            }
            self.left[operand.index()] -= 1;
            if let Some(user) = last {
                self.ready.insert(self.key(user));
            }
        }
        Some(id)
    }

    /// A node that can run and reads the value.
    fn ready_user(&self, value: NodeId) -> Option<NodeId> {
        let users = self.costs.users[value.index()].iter().copied();
        let mut ready = users.filter(|user| self.ready.contains(&self.key(*user)));
        ready.next()
    }

    /// Lets the nodes run that have waited for this one last.
    fn release(&mut self, id: NodeId) {
        let costs = self.costs;
        for user in &costs.users[id.index()] {
            self.waiting[user.index()] -= 1;
            if self.waiting[user.index()] == 0 {
                self.ready.insert(self.key(*user));
            }
        }
    }
}

/// The graph with its nodes added in this order.
fn ordered(graph: &Graph, order: &[NodeId]) -> Graph {
    let mut new = graph.without_nodes();
    let mut mapped: Vec<Option<NodeId>> = vec![None; graph.bound()];
    let at =
        |mapped: &[Option<NodeId>], id: NodeId| mapped[id.index()].expect("operands come first");
    for id in order {
        let node = graph.node(*id);
        let operands: Vec<_> = graph
            .operands(*id)
            .into_iter()
            .map(|operand| at(&mapped, operand))
            .collect();
        mapped[id.index()] = Some(new.add(
            node.op.clone(),
            &operands,
            node.ty.clone(),
            node.site.clone(),
        ));
    }
    new.outputs = graph
        .outputs
        .iter()
        .map(|(name, id)| (name.clone(), at(&mapped, *id)))
        .collect();
    new.effects = graph.effects.iter().map(|id| at(&mapped, *id)).collect();
    new
}

fn bytes(graph: &Graph, ty: &TensorType) -> u64 {
    let width = match ty.elem {
        Elem::F32 => 4,
        Elem::I64 => 8,
        Elem::Bool => 1,
    };
    ty.dims.iter().fold(width, |bytes: u64, dim| {
        bytes.saturating_mul(rows(graph, *dim))
    })
}

/// A guess at the size of a dimension.
fn rows(graph: &Graph, dim: Dim) -> u64 {
    match dim {
        Dim::Fixed(size) => size as u64,
        Dim::Space(space) => match &graph.space(space).kind {
            SpaceKind::Batch | SpaceKind::Candidates => 1024,
            SpaceKind::List { parent, max } => {
                rows(graph, Dim::Space(*parent)) * max.map_or(20, |max| max as u64)
            }
            SpaceKind::Catalogue { .. } | SpaceKind::Vocabulary { .. } => 16_384,
            SpaceKind::Axis(size) => *size as u64,
            SpaceKind::Flat => 8_192,
        },
    }
}
