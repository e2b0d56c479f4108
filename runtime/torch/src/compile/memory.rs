//! Where results stand, how long they are kept, and which of them are one memory.

use std::collections::{BTreeMap, BTreeSet};

use reckon_compiler::graph::{Elem, Graph, NodeId, Op};

use super::{Reads, is_effect, value_of};
use crate::kernels::Kernels;

/// The memory of a schedule.
pub(super) struct Memory<'g> {
    graph: &'g Graph,
    slots: BTreeMap<NodeId, usize>,
    /// For each instruction the slots that nothing reads after it.
    pub(super) frees: Vec<Vec<usize>>,
    /// Nodes whose result may share memory with a parameter.
    pub(super) shared: BTreeSet<NodeId>,
    /// Nodes that effects read.
    feeding_effects: BTreeSet<NodeId>,
}

impl<'g> Memory<'g> {
    pub(super) fn new(reads: &Reads<'g>, schedule: &[NodeId]) -> Self {
        let graph = reads.graph;
        let numbered = schedule.iter().enumerate();
        let effects = schedule.iter().filter(|id| is_effect(&graph.node(**id).op));
        let mut memory = Self {
            graph,
            slots: numbered.map(|(slot, id)| (*id, slot)).collect(),
            frees: Vec::new(),
            shared: shared_with_parameters(graph, schedule),
            feeding_effects: effects
                .flat_map(|id| graph.operands(*id))
                .map(|id| value_of(graph, id))
                .collect(),
        };
        memory.frees = memory.last_uses(reads, schedule);
        memory
    }

    /// Where the value of a node stands.
    pub(super) fn slot(&self, id: NodeId) -> usize {
        self.slots[&value_of(self.graph, id)]
    }

    /// Where the values of nodes stand.
    pub(super) fn slots(&self, ids: &[NodeId]) -> Vec<usize> {
        ids.iter().map(|id| self.slot(*id)).collect()
    }

    /// Whether the result of a node would change with a parameter before an effect has read it.
    pub(super) fn needs_copy(&self, id: NodeId) -> bool {
        self.shared.contains(&id) && self.feeding_effects.contains(&id)
    }

    /// Whether a node may write over its first operand, because nothing else sees that operand's memory, now or later.
    pub(super) fn is_overwritten(&self, reads: &Reads<'_>, id: NodeId) -> bool {
        let graph = self.graph;
        let Some(first) = graph.operands(id).first().copied() else {
            return false;
        };
        reads.kernels == Kernels::Own
            && reads.uses.get(&first) == Some(&1)
            && self.frees[self.slots[&id]].contains(&self.slot(first))
            && graph.ty(first) == graph.ty(id)
            && graph.ty(id).elem == Elem::F32
            && makes_memory(&graph.node(first).op)
    }

    fn last_uses(&self, reads: &Reads<'_>, schedule: &[NodeId]) -> Vec<Vec<usize>> {
        let mut last: Vec<usize> = (0..schedule.len()).collect();
        for (at, id) in schedule.iter().enumerate() {
            for operand in reads.of(*id) {
                last[self.slot(operand)] = at;
            }
        }
        let outputs = self.graph.outputs.iter();
        let kept: BTreeSet<usize> = outputs.map(|(_, id)| self.slot(*id)).collect();
        let mut frees = vec![Vec::new(); schedule.len()];
        for (slot, at) in last.into_iter().enumerate() {
            if !kept.contains(&slot) {
                frees[at].push(slot);
            }
        }
        frees
    }
}

/// Ops whose result is always memory of its own, with each element once.
fn makes_memory(op: &Op) -> bool {
    matches!(
        op,
        Op::Add
            | Op::Sub
            | Op::Mul
            | Op::Div
            | Op::MatMul { .. }
            | Op::Exp
            | Op::Tanh
            | Op::Sigmoid
            | Op::Relu
            | Op::Sqrt
            | Op::Softmax(_)
            | Op::Bag { .. }
            | Op::Lookup
            | Op::Gather
    )
}

fn shared_with_parameters(graph: &Graph, schedule: &[NodeId]) -> BTreeSet<NodeId> {
    let mut shared = BTreeSet::new();
    for id in schedule {
        let shares = match &graph.node(*id).op {
            Op::Param(_) | Op::Table(_) => true,
            Op::Reshape
            | Op::Permute(_)
            | Op::Broadcast
            | Op::Expand { .. }
            | Op::Slice { .. }
            | Op::Cast(_)
            | Op::Stop
            | Op::Reverse(_)
            | Op::RoundStraightThrough => graph
                .operands(*id)
                .iter()
                .any(|operand| shared.contains(operand)),
            _ => false,
        };
        if shares {
            shared.insert(*id);
        }
    }
    shared
}
