//! From a graph to instructions: their order, their slots, and what has to be checked before they run.

use std::collections::{BTreeMap, BTreeSet};

use reckon_compiler::graph::{Dim, Elem, Graph, NodeId, Op, SpaceId, SpaceKind, TensorType};
use tch::Device;

use crate::align::View;
use crate::error::Error;
use crate::exec::{self, Kernel};
use crate::fuse::{self, Fused, Uses};
use crate::kernels::Kernels;
use crate::program::{Instruction, Output, Program, RowCheck, Target};

/// Lowers a graph for a device.
pub(crate) fn compile(graph: &Graph, device: Device, kernels: Kernels) -> Result<Program, Error> {
    let reads = Reads::new(graph, kernels);
    let schedule = schedule(graph, &reads);
    let slots: BTreeMap<NodeId, usize> = schedule
        .iter()
        .enumerate()
        .map(|(slot, id)| (*id, slot))
        .collect();
    let slot_of = |id: NodeId| slots[&value_of(graph, id)];
    let shared = shared_with_parameters(graph, &schedule);
    let outputs: Vec<Output> = graph
        .outputs
        .iter()
        .map(|(name, id)| {
            let shared = shared.contains(&value_of(graph, *id));
            Output {
                name: name.clone(),
                slot: slot_of(*id),
                shared,
            }
        })
        .collect();
    let kept: BTreeSet<usize> = outputs.iter().map(|output| output.slot).collect();
    let frees = last_uses(&reads, &schedule, &slot_of, &kept);
    let feeding_effects: BTreeSet<NodeId> = schedule
        .iter()
        .filter(|id| is_effect(&graph.node(**id).op))
        .flat_map(|id| graph.operands(*id))
        .map(|id| value_of(graph, id))
        .collect();

    let mut bound = known_spaces(graph, &schedule);
    let mut instructions = Vec::with_capacity(schedule.len());
    for ((slot, id), frees) in schedule.iter().enumerate().zip(frees) {
        let node = graph.node(*id);
        let mut kernel = match reads.fused.get(id) {
            Some(fused) => (fused.kernel)(graph, *id, &reads.uses),
            None => in_place(graph, *id, &reads, &frees, &slot_of, kernels)
                .map_or_else(|| lower(graph, *id, device, kernels), Ok)?,
        };
        if shared.contains(id) && feeding_effects.contains(id) {
            kernel = copied(kernel);
        }
        instructions.push(Instruction {
            node: *id,
            op: node.op.clone(),
            path: node.site.path.clone(),
            kernel,
            operands: reads.of(*id).into_iter().map(slot_of).collect(),
            views: if reads.fused.contains_key(id) {
                Vec::new()
            } else {
                views(graph, *id)
            },
            result: slot,
            binds: spaces(&node.ty)
                .filter(|(_, space)| bound.insert(*space))
                .collect(),
            frees,
        });
    }
    Ok(Program {
        device,
        spaces: graph.spaces.clone(),
        axes: axes(graph).collect(),
        inputs: inputs(graph, &schedule),
        parameter_spaces: parameter_spaces(graph, &schedule),
        checks: row_checks(graph, &schedule),
        slots: instructions.len(),
        instructions,
        outputs,
    })
}

/// What each node reads: its operands, or those of the group that it runs.
struct Reads<'g> {
    graph: &'g Graph,
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
        Self { graph, uses, fused }
    }

    fn of(&self, id: NodeId) -> Vec<NodeId> {
        self.fused
            .get(&id)
            .map_or_else(|| self.graph.operands(id), |fused| fused.operands.clone())
    }
}

/// The kernel that writes over its first operand, if nothing else sees that operand's memory, now or later.
fn in_place(
    graph: &Graph,
    id: NodeId,
    reads: &Reads<'_>,
    frees: &[usize],
    slot_of: &dyn Fn(NodeId) -> usize,
    kernels: Kernels,
) -> Option<Kernel> {
    let first = *graph.operands(id).first()?;
    let own = reads.uses.get(&first) == Some(&1)
        && frees.contains(&slot_of(first))
        && graph.ty(first) == graph.ty(id)
        && graph.ty(id).elem == Elem::F32
        && makes_memory(&graph.node(first).op);
    if kernels == Kernels::Own && own {
        exec::in_place(&graph.node(id).op)
    } else {
        None
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

fn lower(graph: &Graph, id: NodeId, device: Device, kernels: Kernels) -> Result<Kernel, Error> {
    let node = graph.node(id);
    let operands = graph.operands(id);
    let types: Vec<&TensorType> = operands.iter().map(|operand| graph.ty(*operand)).collect();
    exec::kernel(&node.op, &node.site.path, &node.ty, &types, device, kernels)
}

/// A kernel whose result shares no memory with what it reads.
fn copied(kernel: Kernel) -> Kernel {
    Box::new(move |operands, frame| Ok(kernel(operands, frame)?.copy()))
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

/// All live nodes: operands first, the op that tells the size of a space before those that need it, effects last.
fn schedule(graph: &Graph, reads: &Reads<'_>) -> Vec<NodeId> {
    let order = graph.order();
    let known = known_spaces(graph, &order);
    let mut tellers: BTreeMap<SpaceId, NodeId> = BTreeMap::new();
    for id in &order {
        let node = graph.node(*id);
        let needed = needed_spaces(&node.op, &node.ty);
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
                let node = graph.node(id);
                let needed = needed_spaces(&node.op, &node.ty);
                stack.extend(
                    needed
                        .iter()
                        .filter_map(|space| tellers.get(space))
                        .map(|teller| (*teller, false)),
                );
                let operands = reads.of(id).into_iter().rev();
                stack.extend(operands.map(|operand| (value_of(graph, operand), false)));
            }
        }
    }
    scheduled.extend(effects);
    scheduled
}

/// Spaces whose sizes inputs, tables or parameters tell, before any op runs.
fn known_spaces(graph: &Graph, nodes: &[NodeId]) -> BTreeSet<SpaceId> {
    let leaves = nodes.iter().map(|id| graph.node(*id));
    let leaves =
        leaves.filter(|node| matches!(node.op, Op::Input(_) | Op::Table(_) | Op::Param(_)));
    let told = leaves.flat_map(|node| spaces(&node.ty).map(|(_, space)| space));
    told.chain(axes(graph).map(|(space, _)| space)).collect()
}

/// Spaces that stand for a positional dimension, with its size.
fn axes(graph: &Graph) -> impl Iterator<Item = (SpaceId, usize)> + '_ {
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

fn spaces(ty: &TensorType) -> impl Iterator<Item = (usize, SpaceId)> {
    ty.dims
        .iter()
        .enumerate()
        .filter_map(|(axis, dim)| match dim {
            Dim::Space(space) => Some((axis, *space)),
            Dim::Fixed(_) => None,
        })
}

/// Spaces whose size an op has to know, because its operands do not tell.
fn needed_spaces(op: &Op, ty: &TensorType) -> Vec<SpaceId> {
    match op {
        Op::Const(_) | Op::Iota | Op::Broadcast | Op::RandomUniform | Op::RandomNormal => {
            spaces(ty).map(|(_, space)| space).collect()
        }
        Op::Size(space) | Op::PadList { parent: space, .. } | Op::Bag { parent: space } => {
            vec![*space]
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

/// How the operands line up with the result; empty if libtorch does that anyway.
fn views(graph: &Graph, id: NodeId) -> Vec<View> {
    let node = graph.node(id);
    if !exec::joins(&node.op) {
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

/// Nodes whose result may share memory with a parameter.
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

/// For each instruction the slots that nothing reads after it.
fn last_uses(
    reads: &Reads<'_>,
    schedule: &[NodeId],
    slot_of: &dyn Fn(NodeId) -> usize,
    kept: &BTreeSet<usize>,
) -> Vec<Vec<usize>> {
    let mut last: Vec<usize> = (0..schedule.len()).collect();
    for (at, id) in schedule.iter().enumerate() {
        for operand in reads.of(*id) {
            last[slot_of(operand)] = at;
        }
    }
    let mut frees = vec![Vec::new(); schedule.len()];
    for (slot, at) in last
        .into_iter()
        .enumerate()
        .filter(|(slot, _)| !kept.contains(slot))
    {
        frees[at].push(slot);
    }
    frees
}

/// The inputs with their types, each node once.
fn inputs(graph: &Graph, schedule: &[NodeId]) -> Vec<(String, TensorType)> {
    let nodes = schedule.iter().map(|id| graph.node(*id));
    nodes
        .filter_map(|node| match &node.op {
            Op::Input(name) => Some((name.clone(), node.ty.clone())),
            _ => None,
        })
        .collect()
}

/// The spaces of parameters' dimensions, with the path of the parameter that tells their size and the dimension.
fn parameter_spaces(graph: &Graph, schedule: &[NodeId]) -> Vec<(SpaceId, String, usize)> {
    let mut told = BTreeMap::new();
    for node in schedule.iter().map(|id| graph.node(*id)) {
        if let Op::Table(path) | Op::Param(path) = &node.op {
            for (axis, space) in spaces(&node.ty) {
                told.entry(space).or_insert_with(|| (path.clone(), axis));
            }
        }
    }
    told.into_iter()
        .map(|(space, (path, axis))| (space, path, axis))
        .collect()
}

/// Which inputs have to hold row numbers of what.
fn row_checks(graph: &Graph, schedule: &[NodeId]) -> Vec<RowCheck> {
    let mut checks = BTreeSet::new();
    for id in schedule {
        let operands = graph.operands(*id);
        let dim = |operand: usize, axis: usize| target(graph.ty(operands[operand]).dims[axis]);
        let rows = || match &graph.node(operands[0]).op {
            Op::Table(path) => Target::Table(path.clone()),
            _ => dim(0, 0),
        };
        let indices: Vec<(usize, Target)> = match &graph.node(*id).op {
            Op::Lookup | Op::Gather => vec![(1, rows())],
            Op::Bag { parent } => vec![(1, rows()), (2, Target::Space(*parent))],
            Op::ScatterAdd(dim) | Op::ScatterMax(dim) | Op::Place(dim) => vec![(1, target(*dim))],
            Op::Pick | Op::SoftmaxXent => vec![(1, dim(0, graph.ty(operands[0]).rank() - 1))],

            Op::PadList { parent, max } => {
                vec![(1, Target::Space(*parent)), (2, Target::Fixed(*max))]
            }
            Op::UnpadList => vec![(1, dim(0, 0)), (2, dim(0, 1))],
            _ => Vec::new(),
        };
        for (operand, target) in indices {
            for input in source_inputs(graph, operands[operand]) {
                checks.insert(RowCheck {
                    input,
                    target: target.clone(),
                });
            }
        }
    }
    checks.into_iter().collect()
}

fn target(dim: Dim) -> Target {
    match dim {
        Dim::Space(space) => Target::Space(space),
        Dim::Fixed(size) => Target::Fixed(size),
    }
}

/// The inputs all of whose elements reach a node unchanged.
fn source_inputs(graph: &Graph, id: NodeId) -> Vec<String> {
    match &graph.node(id).op {
        Op::Input(name) => vec![name.clone()],
        Op::Reshape
        | Op::Permute(_)
        | Op::Broadcast
        | Op::Expand { .. }
        | Op::Flip(_)
        | Op::Stop
        | Op::Unique => source_inputs(graph, graph.operands(id)[0]),
        Op::Concat { .. } => graph
            .operands(id)
            .into_iter()
            .flat_map(|operand| source_inputs(graph, operand))
            .collect(),
        _ => Vec::new(),
    }
}
