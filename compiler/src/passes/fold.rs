//! Computes what depends on constants alone.

use super::Pass;
use super::rewrite::{Found, filled, rewrite};
use crate::graph::build::Builder;
use crate::graph::entry::folded;
use crate::graph::eval::{Env, evaluate};
use crate::graph::space::SpaceKind;
use crate::graph::{Dim, Graph, NodeId, Op, TensorType};

pub(super) const PASS: Pass = Pass {
    name: "fold",
    reason: "computes what depends on constants alone",
    run,
};

/// The most elements that a folded constant may have.
const LARGEST: usize = 4096;

fn run(graph: &Graph) -> Graph {
    rewrite(graph, |build, found| {
        size_of_axis(build, found)
            .or_else(|| select(build, found))
            .or_else(|| sum_of_fill(build, found))
            .or_else(|| fill(build, found))
            .or_else(|| small(build, found))
    })
}

fn size_of_axis(build: &mut Builder, found: &Found) -> Option<NodeId> {
    let Op::Size(space) = found.op else {
        return None;
    };
    match build.graph.space(*space).kind {
        SpaceKind::Axis(size) => Some(build.scalar(size as f64)),
        _ => None,
    }
}

fn select(build: &mut Builder, found: &Found) -> Option<NodeId> {
    let Op::Select = found.op else { return None };
    let condition = filled(build.graph, found.operands[0])?;
    let chosen = found.operands[if condition == 0.0 { 2 } else { 1 }];
    if build.graph.ty(chosen) == found.ty {
        Some(chosen)
    } else {
        Some(build.typed(Op::Broadcast, &[chosen], found.ty.clone()))
    }
}

/// The sum of equal numbers along a row: as many times the number.
fn sum_of_fill(build: &mut Builder, found: &Found) -> Option<NodeId> {
    let Op::SumOver(_) = found.op else {
        return None;
    };
    let value = filled(build.graph, found.operands[0])?;
    let dims = &build.graph.ty(found.operands[0]).dims;
    let [Dim::Space(space)] = dims[..] else {
        return None;
    };
    let size = build.op(Op::Size(space), &[]);
    if value == 1.0 {
        return Some(size);
    }
    let value = build.scalar(value);
    Some(build.op(Op::Mul, &[size, value]))
}

/// Elementwise ops and moves of constants with equal elements, of whatever size.
fn fill(build: &mut Builder, found: &Found) -> Option<NodeId> {
    let values: Vec<f64> = found
        .operands
        .iter()
        .map(|id| filled(build.graph, *id))
        .collect::<Option<_>>()?;
    let value = match (found.op, &values[..]) {
        (_, []) => return None,
        (
            Op::Reshape
            | Op::Permute(_)
            | Op::Broadcast
            | Op::Expand { .. }
            | Op::Flip(_)
            | Op::Slice { .. }
            | Op::Stop,
            [value],
        ) => *value,
        (op, values) => folded(op, values)?,
    };
    Some(build.fill(found.ty.clone(), value))
}

/// Any op on constants whose sizes are all known.
fn small(build: &mut Builder, found: &Found) -> Option<NodeId> {
    let constant = |id: &NodeId| matches!(build.graph.node(*id).op, Op::Const(_));
    if found.operands.is_empty()
        || !found.operands.iter().all(constant)
        || size(found.ty)? > LARGEST
    {
        return None;
    }
    if let Op::Update { .. } | Op::Assign { .. } = found.op {
        return None;
    }
    let mut alone = build.graph.without_nodes();
    let operands: Vec<NodeId> = found
        .operands
        .iter()
        .map(|id| {
            let node = build.graph.node(*id);
            alone.add(node.op.clone(), &[], node.ty.clone(), node.site.clone())
        })
        .collect();
    let result = alone.add(
        found.op.clone(),
        &operands,
        found.ty.clone(),
        build.site.clone(),
    );
    alone.outputs.push(("value".to_owned(), result));
    let values = evaluate(&alone, &Env::default()).ok()?;
    let data = values.get(result)?.data.clone();
    Some(build.typed(Op::Const(data), &[], found.ty.clone()))
}

fn size(ty: &TensorType) -> Option<usize> {
    ty.dims.iter().map(|dim| dim.fixed()).product()
}
