//! From a graph to instructions: their order, their slots, and what has to be checked before they run.

mod chains;
mod inputs;
mod memory;
mod schedule;
mod tiles;

use std::collections::BTreeMap;
use std::ops::Range;

use reckon_compiler::graph::{Dim, Graph, NodeId, Op, SpaceId, TensorType};
use tch::Device;

use crate::align::View;
use crate::chain::Chained;
use crate::error::Error;
use crate::exec::{self, Kernel};
use crate::fuse::{self, Fused, Uses};
use crate::kernels::Kernels;
use crate::program::{Instruction, Output, Program};
use memory::Memory;
use schedule::{axes, known_spaces, schedule};
pub(crate) use tiles::{Joined, Tiles};

/// Lowers a graph for a device.
pub(crate) fn compile(graph: &Graph, device: Device, kernels: Kernels) -> Result<Program, Error> {
    let reads = Reads::new(graph, kernels);
    let (schedule, groups) = tiles::grouped(&reads, schedule(&reads));
    let (schedule, runs) = chains::chained(&reads, schedule, &groups);
    let memory = Memory::new(&reads, &schedule);
    let mut bound = known_spaces(graph, &schedule);
    let mut instructions = Vec::with_capacity(schedule.len());
    for (slot, id) in schedule.iter().enumerate() {
        let node = graph.node(*id);
        instructions.push(Instruction {
            node: *id,
            op: node.op.clone(),
            path: node.site.path.clone(),
            kernel: kernel(&reads, &memory, *id, device)?,
            operands: memory.slots(&reads.of(*id)),
            views: views(&reads, *id),
            result: slot,
            binds: spaces(&node.ty)
                .filter(|(_, space)| bound.insert(*space))
                .collect(),
            frees: memory.frees[slot].clone(),
        });
    }
    let mut chains = BTreeMap::new();
    for run in &runs {
        let chain = chains::chain(&reads, &memory, &schedule, run);
        // What only a result tells is not known when the chain begins.
        if instructions[chain.instructions.clone()]
            .iter()
            .all(|of| of.binds.is_empty())
        {
            keep(&mut instructions, &chain);
            chains.insert(chain.instructions.start, chain);
        }
    }
    let output = |(name, id): &(String, NodeId)| Output {
        name: name.clone(),
        slot: memory.slot(*id),
        shared: memory.shared.contains(&value_of(graph, *id)),
    };
    let tiles = groups
        .iter()
        .map(|group| tiles::tiles(&reads, &memory, &schedule, group));
    Ok(Program {
        tiles: tiles.collect(),
        chains,
        tile: crate::tiles::ELEMENTS,
        device,
        spaces: graph.spaces.clone(),
        axes: axes(graph).collect(),
        inputs: inputs::inputs(graph, &schedule),
        parameter_spaces: inputs::parameter_spaces(graph, &schedule),
        checks: inputs::row_checks(graph, &schedule),
        slots: instructions.len(),
        instructions,
        outputs: graph.outputs.iter().map(output).collect(),
    })
}

/// Has what a chain reads released after it, where a view of it was released before.
fn keep(instructions: &mut [Instruction], chain: &Chained) {
    let Range { start, end } = chain.instructions;
    for operand in &chain.given {
        let released = |of: &Instruction| of.frees.contains(&operand.slot);
        if let Some(early) = instructions[..start].iter().position(released) {
            instructions[early]
                .frees
                .retain(|slot| *slot != operand.slot);
            instructions[end - 1].frees.push(operand.slot);
        }
    }
}

/// What each node reads: its operands, or those of the group that it runs.
struct Reads<'g> {
    graph: &'g Graph,
    kernels: Kernels,
    uses: Uses,
    fused: BTreeMap<NodeId, Fused>,
}

impl<'g> Reads<'g> {
    fn new(graph: &'g Graph, kernels: Kernels) -> Self {
        let order = graph.order();
        let uses = fuse::uses(graph, &order);
        let group = |id: &NodeId| Some((*id, fuse::fused(graph, *id, &uses)?));
        let fused = if kernels == Kernels::Own {
            order.iter().filter_map(group).collect()
        } else {
            BTreeMap::new()
        };
        Self {
            graph,
            kernels,
            uses,
            fused,
        }
    }

    fn of(&self, id: NodeId) -> Vec<NodeId> {
        self.fused
            .get(&id)
            .map_or_else(|| self.graph.operands(id), |fused| fused.operands.clone())
    }
}

/// What a node runs: the work of its group, its op in the place of an operand, or its op.
fn kernel(
    reads: &Reads<'_>,
    memory: &Memory<'_>,
    id: NodeId,
    device: Device,
) -> Result<Kernel, Error> {
    let graph = reads.graph;
    let node = graph.node(id);
    let in_place = || exec::in_place(&node.op).filter(|_| memory.is_overwritten(reads, id));
    let kernel = if let Some(fused) = reads.fused.get(&id) {
        (fused.kernel)(graph, id, &reads.uses)
    } else if let Some(kernel) = in_place() {
        kernel
    } else {
        exec::kernel(graph, id, device, reads.kernels)?
    };
    Ok(if memory.needs_copy(id) {
        copied(kernel)
    } else {
        kernel
    })
}

/// A kernel whose result shares no memory with what it reads.
fn copied(kernel: Kernel) -> Kernel {
    Box::new(move |operands, frame| Ok(kernel(operands, frame)?.copy()))
}

/// How what a node reads lines up with its result; empty if the kernel or libtorch does that anyway.
fn views(reads: &Reads<'_>, id: NodeId) -> Vec<View> {
    let graph = reads.graph;
    let node = graph.node(id);
    if reads.fused.contains_key(&id) || !exec::joins(&node.op) {
        return Vec::new();
    }
    let operands = graph.operands(id);
    let views: Vec<View> = operands
        .iter()
        .map(|operand| View::new(&graph.ty(*operand).dims, &node.ty.dims))
        .collect();
    if views.iter().all(View::is_identity) {
        Vec::new()
    } else {
        views
    }
}

fn is_effect(op: &Op) -> bool {
    matches!(op, Op::Update { .. } | Op::Assign { .. })
}

/// Effects return their first operand, so whatever reads an effect can read that, and effects can come last.
fn value_of(graph: &Graph, mut id: NodeId) -> NodeId {
    while is_effect(&graph.node(id).op) {
        id = graph.operands(id)[0];
    }
    id
}

/// The spaces among a type's dimensions, each with its place there.
fn spaces(ty: &TensorType) -> impl Iterator<Item = (usize, SpaceId)> {
    ty.dims
        .iter()
        .enumerate()
        .filter_map(|(axis, dim)| match dim {
            Dim::Space(space) => Some((axis, *space)),
            Dim::Fixed(_) => None,
        })
}
