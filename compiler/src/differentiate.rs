//! Reverse-mode differentiation, source to source: the backward program is built of the same ops in the same graph, so
//! that it prints, is optimised and can be differentiated again.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::build::Builder;
use crate::graph::entry::{Backward, Cotangent, Gradient, decompose};
use crate::graph::op::Op;
use crate::graph::ty::{Dim, Elem, TensorType};
use crate::graph::{Graph, NodeId};

/// The gradients of a loss by the path of the parameter. A parameter that the loss does not reach has none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gradients {
    /// By path.
    pub by_path: BTreeMap<String, ParamGradient>,
}

/// The gradient of one parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamGradient {
    /// Of a weight: a node of the weight's type.
    Dense(NodeId),
    /// Of a table.
    Rows {
        /// The distinct rows that have a gradient, ascending, `i64[U]`.
        ids: NodeId,
        /// Their gradients, `f32[U, D]`.
        values: NodeId,
    },
}

/// Adds to `graph` the gradients of `loss`, summed over its dimensions if it has any, with respect to the parameters
/// `wrt`. Paths that no live path from the loss reaches are absent from the result.
pub fn differentiate(graph: &mut Graph, loss: NodeId, wrt: &[String]) -> Gradients {
    differentiate_all(graph, &[(loss, wrt)])
}

/// The gradients of several losses, each with respect to parameters of its own, added up by parameter.
pub fn differentiate_all(graph: &mut Graph, losses: &[(NodeId, &[String])]) -> Gradients {
    let mut by_path: BTreeMap<String, (NodeId, Vec<Cotangent>)> = BTreeMap::new();
    for (loss, wrt) in losses {
        let leaves = leaves(graph, *loss, wrt);
        let targets: Vec<NodeId> = leaves.iter().map(|(_, leaf)| *leaf).collect();
        let mut found = backward(graph, *loss, &targets);
        for (path, leaf) in leaves {
            if let Some(parts) = found.remove(&leaf) {
                by_path
                    .entry(path)
                    .or_insert((leaf, Vec::new()))
                    .1
                    .extend(parts);
            }
        }
    }
    let total = by_path
        .into_iter()
        .map(|(path, (leaf, parts))| (path, total(graph, leaf, &parts)));
    Gradients {
        by_path: total.collect(),
    }
}

/// The paths of the parameters that a gradient of `loss` reaches, whatever its value: what stops and jumps leave.
pub fn reached(graph: &Graph, loss: NodeId) -> BTreeSet<String> {
    reached_but(graph, loss, None, |_| false)
}

/// As [`reached`], without the gradients that go from a node to one of its operands, `cut`, and those that pass an op that
/// `stops` them.
pub(crate) fn reached_but(
    graph: &Graph,
    loss: NodeId,
    cut: Option<(NodeId, NodeId)>,
    stops: fn(&Op) -> bool,
) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    let mut seen = vec![false; graph.bound()];
    let mut stack = vec![loss];
    while let Some(id) = stack.pop() {
        let node = graph.node(id);
        if node.ty.elem != Elem::F32 || std::mem::replace(&mut seen[id.index()], true) {
            continue;
        }
        if let Op::Param(path) | Op::Table(path) = &node.op {
            paths.insert(path.clone());
        }
        if let Gradient::Rule { .. } = node.op.entry().gradient
            && !stops(&node.op)
        {
            let operands = graph.operands(id).into_iter();
            stack.extend(operands.filter(|operand| cut != Some((id, *operand))));
        }
    }
    paths
}

/// The nodes that read the parameters `wrt` on the way to `loss`.
fn leaves(graph: &Graph, loss: NodeId, wrt: &[String]) -> Vec<(String, NodeId)> {
    let live = graph.needed_by([loss]);
    let mut leaves = Vec::new();
    for id in graph.ids().filter(|id| live[id.index()]) {
        if let Op::Param(path) | Op::Table(path) = &graph.node(id).op
            && wrt.contains(path)
        {
            leaves.push((path.clone(), id));
        }
    }
    leaves
}

/// Adds to `graph` the gradient of `y`, summed over its dimensions if it has any, with respect to any node `x`; none where
/// `y` does not depend on `x` or only through jumps and stops. Rows of a table give a dense gradient.
pub fn grad_of(graph: &mut Graph, y: NodeId, x: NodeId) -> Option<NodeId> {
    let parts = backward(graph, y, &[x]).remove(&x)?;
    let ty = graph.ty(x).clone();
    let mut build = Builder {
        site: graph.node(y).site.clone(),
        graph,
    };
    let dense: Vec<_> = parts
        .into_iter()
        .map(|part| to_dense(&mut build, part, &ty))
        .collect();
    dense.into_iter().reduce(|a, b| build.op(Op::Add, &[a, b]))
}

/// What an operand of a composite gets of its cotangent by way of its decomposition: the rule of those without one of their own.
pub(crate) fn by_decomposition(b: &mut Backward, at: usize) -> Option<Cotangent> {
    let op = b.build.graph.node(b.node).op.clone();
    // An identity that no other operand depends on, whatever it shares with this one.
    let moved = b.build.op(Op::Reverse(-1.0), &[b.operands[at]]);
    let mut operands = b.operands.clone();
    operands[at] = moved;
    let result = decompose(&mut b.build, &op, &operands)?;
    let weighted = b.build.op(Op::Mul, &[result, b.g]);
    grad_of(b.build.graph, weighted, moved).map(Cotangent::Dense)
}

/// The cotangents that reach each target, of those that any reaches.
fn backward(graph: &mut Graph, y: NodeId, targets: &[NodeId]) -> BTreeMap<NodeId, Vec<Cotangent>> {
    let live = graph.needed_by([y]);
    let order = graph.order_of(&live);
    let active = active(graph, &order, targets);
    let mut arrived: BTreeMap<NodeId, Vec<Cotangent>> = BTreeMap::new();
    let mut found = BTreeMap::new();
    if !active.get(y.index()).copied().unwrap_or(false) {
        return found;
    }
    let ty = graph.ty(y).clone();
    let site = graph.node(y).site.clone();
    let seed = Builder { graph, site }.fill(ty, 1.0);
    arrived.insert(y, vec![Cotangent::Dense(seed)]);
    for id in order.into_iter().rev() {
        let Some(parts) = arrived.remove(&id) else {
            continue;
        };
        let parts = if graph.operands(id).is_empty() {
            parts
        } else {
            vec![Cotangent::Dense(sum(graph, id, &parts))]
        };
        if targets.contains(&id) {
            found.insert(id, parts.clone());
        }
        if let [Cotangent::Dense(g)] = parts[..] {
            pass(graph, id, g, &active, &mut arrived);
        }
    }
    found
}

/// Hands the cotangent of a node on to its active operands.
fn pass(
    graph: &mut Graph,
    id: NodeId,
    g: NodeId,
    active: &[bool],
    arrived: &mut BTreeMap<NodeId, Vec<Cotangent>>,
) {
    let Gradient::Rule { rule, .. } = graph.node(id).op.entry().gradient else {
        return;
    };
    let operands = graph.operands(id);
    let site = graph.node(id).site.clone();
    let mut backward = Backward {
        build: Builder { graph, site },
        node: id,
        operands,
        g,
    };
    for (at, operand) in backward.operands.clone().into_iter().enumerate() {
        if !active[operand.index()] {
            continue;
        }
        let Some(cotangent) = rule(&mut backward, at) else {
            continue;
        };
        let ty = backward.build.graph.ty(operand).clone();
        let is_table = matches!(backward.build.graph.node(operand).op, Op::Table(_));
        let part = match cotangent {
            Cotangent::Rows { .. } if is_table => cotangent,
            Cotangent::Rows { .. } => {
                Cotangent::Dense(to_dense(&mut backward.build, cotangent, &ty))
            }
            Cotangent::Dense(part) => Cotangent::Dense(backward.build.fit(part, &ty)),
        };
        arrived.entry(operand).or_default().push(part);
    }
}

/// Which nodes a cotangent on its way to a target can visit.
fn active(graph: &Graph, order: &[NodeId], targets: &[NodeId]) -> Vec<bool> {
    let mut active = vec![false; graph.bound()];
    for id in order {
        let node = graph.node(*id);
        let passes = matches!(node.op.entry().gradient, Gradient::Rule { .. });
        active[id.index()] = node.ty.elem == Elem::F32
            && (targets.contains(id)
                || (passes
                    && graph
                        .operands(*id)
                        .iter()
                        .any(|operand| active[operand.index()])));
    }
    active
}

fn sum(graph: &mut Graph, id: NodeId, parts: &[Cotangent]) -> NodeId {
    let (ty, site) = (graph.ty(id).clone(), graph.node(id).site.clone());
    let mut build = Builder { graph, site };
    let dense: Vec<_> = parts
        .iter()
        .map(|part| to_dense(&mut build, *part, &ty))
        .collect();
    dense
        .into_iter()
        .reduce(|a, b| build.op(Op::Add, &[a, b]))
        .expect("a node that was reached has a cotangent")
}

fn to_dense(build: &mut Builder, part: Cotangent, ty: &TensorType) -> NodeId {
    match part {
        Cotangent::Dense(id) => id,
        Cotangent::Rows { ids, values } => build.op(Op::ScatterAdd(ty.dims[0]), &[values, ids]),
    }
}

/// The gradient of a parameter from all that reached its leaves: sums of dense parts, or one row for each distinct id.
fn total(graph: &mut Graph, leaf: NodeId, parts: &[Cotangent]) -> ParamGradient {
    let site = graph.node(leaf).site.clone();
    let mut rows = Vec::new();
    let mut build = Builder { graph, site };
    for part in parts {
        match *part {
            Cotangent::Rows { ids, values } => rows.push(flat(&mut build, ids, values)),
            Cotangent::Dense(_) => return ParamGradient::Dense(sum(build.graph, leaf, parts)),
        }
    }
    let (ids, values) = match rows[..] {
        [single] => single,
        _ => {
            let all = Dim::Space(build.graph.new_flat_space("N"));
            let (ids, values): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
            let width = build.graph.ty(values[0]).dims[1];
            let ids = build.typed(
                Op::Concat { axis: 0 },
                &ids,
                TensorType::new(Elem::I64, [all]),
            );
            (
                ids,
                build.typed(
                    Op::Concat { axis: 0 },
                    &values,
                    TensorType::new(Elem::F32, [all, width]),
                ),
            )
        }
    };
    distinct(&mut build, ids, values)
}

/// The sum of the values `f32[N, D]` of each distinct id of `i64[N]`.
pub(crate) fn distinct(build: &mut Builder, ids: NodeId, values: NodeId) -> ParamGradient {
    let distinct = Dim::Space(build.graph.new_flat_space("U"));
    let unique = build.typed(Op::Unique, &[ids], TensorType::new(Elem::I64, [distinct]));
    let inverse = build.op(Op::UniqueInverse, &[ids, unique]);
    let values = build.op(Op::ScatterAdd(distinct), &[values, inverse]);
    ParamGradient::Rows {
        ids: unique,
        values,
    }
}

/// Ids in a row, and their values.
fn flat(build: &mut Builder, ids: NodeId, values: NodeId) -> (NodeId, NodeId) {
    let rank = build.graph.ty(ids).rank();
    if rank == 0 {
        let width = build.graph.ty(values).dims[0];
        let ids = build.typed(
            Op::Reshape,
            &[ids],
            TensorType::new(Elem::I64, [Dim::Fixed(1)]),
        );
        return (
            ids,
            build.typed(
                Op::Reshape,
                &[values],
                TensorType::new(Elem::F32, [Dim::Fixed(1), width]),
            ),
        );
    }
    (build.merge(ids, rank), build.merge(values, rank))
}
