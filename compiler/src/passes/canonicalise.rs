//! One spelling for what can be written in several ways: no identities, constants on the right, no broadcasting that the
//! reader does by itself.

mod factors;

use super::Pass;
use super::rewrite::{Found, filled, operand_if, rewrite};
use crate::graph::build::{Builder, node};
use crate::graph::ty::{align, join};
use crate::graph::{Dim, Graph, NodeId, Op};

pub(super) const PASS: Pass = Pass {
    name: "canonicalise",
    reason: "drops identities and gives equal expressions one spelling",
    run,
};

fn run(graph: &Graph) -> Graph {
    rewrite(graph, |build, found| {
        let result = simpler(build, found)?;
        Some(simplest(build, found, result))
    })
}

/// What the rules leave of what a rule made in place of `found`; each makes less of it.
fn simplest(build: &mut Builder, found: &Found, mut made: NodeId) -> NodeId {
    loop {
        let node = build.graph.node(made).clone();
        let operands = build.graph.operands(made);
        let again = simpler(
            build,
            &Found {
                op: &node.op,
                operands,
                ty: &node.ty,
                ..*found
            },
        );
        match again.filter(|again| build.graph.ty(*again) == &node.ty) {
            Some(again) => made = again,
            None => return made,
        }
    }
}

fn simpler(build: &mut Builder, found: &Found) -> Option<NodeId> {
    let mut changed = Found {
        operands: found.operands.clone(),
        ..*found
    };
    unrepeat(build, &mut changed);
    order_constants(build, &mut changed);
    let replaced = identity(build, &changed)
        .or_else(|| sign(build, &changed))
        .or_else(|| factors::outward(build, &changed))
        .or_else(|| factors::together(build, &changed))
        .or_else(|| moves(build, &changed))
        .or_else(|| product(build, &changed));
    if replaced.is_none() && found.operands != changed.operands {
        return Some(build.graph.add(
            found.op.clone(),
            &changed.operands,
            found.ty.clone(),
            build.site.clone(),
        ));
    }
    replaced
}

/// Elementwise ops repeat their operands by themselves where these still join to the same type in the same way.
fn unrepeat(build: &Builder, found: &mut Found) {
    if !found.op.is_elementwise() || found.operands.len() < 2 {
        return;
    }
    for at in 0..found.operands.len() {
        while let Some((inner, axes)) = repeated(build.graph, found.operands[at], found.ty.rank()) {
            let dims: Vec<Vec<Dim>> = found
                .operands
                .iter()
                .enumerate()
                .map(|(other, id)| {
                    build
                        .graph
                        .ty(if other == at { inner } else { *id })
                        .dims
                        .clone()
                })
                .collect();
            let slices: Vec<&[Dim]> = dims.iter().map(Vec::as_slice).collect();
            let same = join(&build.graph.spaces, &slices)
                .is_ok_and(|joined| joined == found.ty.dims)
                && align(&dims[at], &found.ty.dims) == Some(axes);
            if !same {
                break;
            }
            found.operands[at] = inner;
        }
    }
}

/// The operand of a node that repeats it to `rank` dimensions or fewer, and the axes on which it then lies.
fn repeated(graph: &Graph, id: NodeId, rank: usize) -> Option<(NodeId, Vec<usize>)> {
    let inner = *graph.operands(id).first()?;
    let (ty, whole) = (graph.ty(inner), graph.ty(id));
    let axes = match &graph.node(id).op {
        Op::Expand { axis, .. } => (0..whole.rank()).filter(|at| at != axis).collect(),
        Op::Broadcast => align(&ty.dims, &whole.dims)?,
        _ => return None,
    };
    // A value without dimensions lies nowhere, so it joins in any way.
    (whole.rank() == rank || ty.rank() == 0).then_some((inner, axes))
}

fn order_constants(build: &Builder, found: &mut Found) {
    if let (Op::Add | Op::Mul | Op::Eq | Op::Ne, [a, b]) = (found.op, &found.operands[..])
        && filled(build.graph, *a).is_some()
        && filled(build.graph, *b).is_none()
        && joins(build.graph, [*b, *a], found)
    {
        found.operands = vec![*b, *a];
    }
}

/// `x + 0`, `x * 1`, `where(c, x, x)` and the like.
fn identity(build: &mut Builder, found: &Found) -> Option<NodeId> {
    let graph = &*build.graph;
    let same = |at: usize| (graph.ty(found.operands[at]) == found.ty).then(|| found.operands[at]);
    let is = |at: usize, value: f64| filled(graph, found.operands[at]) == Some(value);
    match found.op {
        Op::Add | Op::Sub if is(1, 0.0) => same(0),
        Op::Mul | Op::Div | Op::Pow if is(1, 1.0) => same(0),
        Op::Select if found.operands[1] == found.operands[2] => same(1),
        Op::Reshape | Op::Broadcast | Op::Concat { .. } if found.operands.len() == 1 => same(0),
        Op::Cast(_) | Op::Slice { .. } => same(0),
        Op::Permute(axes) if axes.iter().copied().eq(0..axes.len()) => same(0),
        Op::Stop if graph.node(found.operands[0]).op == Op::Stop => same(0),
        Op::Not | Op::Neg | Op::Flip(_) => {
            operand_if(graph, found.operands[0], |op| op == found.op)
        }
        _ => None,
    }
}

/// Negations into sums and differences.
fn sign(build: &mut Builder, found: &Found) -> Option<NodeId> {
    let negated = |build: &Builder, at: usize| {
        operand_if(build.graph, found.operands[at], |op| *op == Op::Neg)
    };
    match (found.op, &found.operands[..]) {
        (Op::Mul | Op::Div, [a, b]) if filled(build.graph, *b) == Some(-1.0) => {
            Some(node!(build, (Neg { *a })))
        }
        (Op::Sub, [a, b]) if filled(build.graph, *a) == Some(0.0) => {
            Some(node!(build, (Neg { *b })))
        }
        (Op::Add, [a, b]) => match (negated(build, 0), negated(build, 1)) {
            (_, Some(inner)) => Some(node!(build, (Sub { *a } inner))),
            (Some(inner), None) => swapped(build, found, *b, inner),
            (None, None) => None,
        },
        (Op::Sub, [a, _]) => negated(build, 1).map(|inner| node!(build, (Add { *a } inner))),
        (Op::Neg, [x]) => match build.graph.node(*x).op {
            Op::Sub => {
                let inner = build.graph.operands(*x);
                swapped(build, found, inner[1], inner[0])
            }
            _ => None,
        },
        _ => None,
    }
}

/// The difference of two values that stood the other way round, unless they do not join to the same type then.
fn swapped(build: &mut Builder, found: &Found, a: NodeId, b: NodeId) -> Option<NodeId> {
    joins(build.graph, [a, b], found).then(|| node!(build, (Sub a b)))
}

/// Whether two values, in this order, join to the dimensions of `found`.
fn joins(graph: &Graph, operands: [NodeId; 2], found: &Found) -> bool {
    let [a, b] = operands.map(|id| &graph.ty(id).dims[..]);
    join(&graph.spaces, &[a, b]).is_ok_and(|joined| joined == found.ty.dims)
}

/// Moves after moves.
fn moves(build: &mut Builder, found: &Found) -> Option<NodeId> {
    let inner_op = &build.graph.node(*found.operands.first()?).op;
    match (found.op, inner_op) {
        (Op::Reshape, Op::Reshape) => {
            let inner = build.graph.operands(found.operands[0]);
            // A flat space has its size from the reshape that makes it.
            build
                .graph
                .push_typed(Op::Reshape, &inner, found.ty.clone(), build.site.clone())
                .ok()
        }
        (Op::Permute(outer), Op::Permute(inner)) => {
            let axes = outer.iter().map(|axis| inner[*axis]).collect();
            let operands = build.graph.operands(found.operands[0]);
            Some(build.op(Op::Permute(axes), &operands))
        }
        _ => None,
    }
}

/// `a x permute(b)` reads `b` transposed.
fn product(build: &mut Builder, found: &Found) -> Option<NodeId> {
    let Op::MatMul { transpose_b } = *found.op else {
        return None;
    };
    let swaps = |op: &Op| match op {
        Op::Permute(axes) => {
            let rank = axes.len();
            let mut swapped: Vec<usize> = (0..rank).collect();
            swapped.swap(rank - 2, rank - 1);
            *axes == swapped
        }
        _ => false,
    };
    let inner = operand_if(build.graph, found.operands[1], swaps)?;
    Some(build.op(
        Op::MatMul {
            transpose_b: !transpose_b,
        },
        &[found.operands[0], inner],
    ))
}
