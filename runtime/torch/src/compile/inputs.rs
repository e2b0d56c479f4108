//! What a program is fed, and what has to hold of it.

use std::collections::{BTreeMap, BTreeSet};

use reckon_compiler::graph::{Dim, Graph, NodeId, Op, SpaceId, TensorType};

use super::spaces;
use crate::program::{RowCheck, Target};

/// The inputs with their types, each node once.
pub(super) fn inputs(graph: &Graph, schedule: &[NodeId]) -> Vec<(String, TensorType)> {
    let nodes = schedule.iter().map(|id| graph.node(*id));
    nodes
        .filter_map(|node| match &node.op {
            Op::Input(name) => Some((name.clone(), node.ty.clone())),
            _ => None,
        })
        .collect()
}

/// The spaces of parameters' dimensions, with the path of the parameter that tells their size and the dimension.
pub(super) fn parameter_spaces(
    graph: &Graph,
    schedule: &[NodeId],
) -> Vec<(SpaceId, String, usize)> {
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
pub(super) fn row_checks(graph: &Graph, schedule: &[NodeId]) -> Vec<RowCheck> {
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
            Op::Attention { .. } | Op::AttentionGradient { .. } => {
                let list = graph.bounded_list(operands[1]).into_iter();
                list.flat_map(|(parent, max)| [(3, Target::Space(parent)), (4, Target::Fixed(max))])
                    .collect()
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
