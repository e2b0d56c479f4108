//! Groups of ops that run as one, where what passes between them would be large: found when a graph is lowered, because
//! whether they pay depends on the device.

use std::collections::BTreeMap;

use reckon_compiler::graph::{Dim, Elem, Graph, NodeId, Op};
use tch::{Kind, TchError, Tensor};

use crate::error::Error;
use crate::exec::matmul::Products;
use crate::exec::{Kernel, outside};
use crate::kernels::{self, Kernels, rows};

/// How often each live node is read, outputs included.
pub(crate) type Uses = BTreeMap<NodeId, usize>;

/// An op that also does the work of some of its operands.
pub(crate) struct Fused {
    /// What it reads instead of its operands.
    pub(crate) operands: Vec<NodeId>,
    pub(crate) kernel: fn(&Graph, NodeId, &Uses) -> Kernel,
}

/// How often each node of `order` is read.
pub(crate) fn uses(graph: &Graph, order: &[NodeId]) -> Uses {
    let mut uses = Uses::new();
    let read = order.iter().flat_map(|id| graph.operands(*id));
    for id in read.chain(graph.outputs.iter().map(|(_, id)| *id)) {
        *uses.entry(id).or_default() += 1;
    }
    uses
}

/// The group that ends in a node, if there is one.
pub(crate) fn fused(graph: &Graph, id: NodeId, uses: &Uses) -> Option<Fused> {
    match &graph.node(id).op {
        Op::ScatterAdd(_) => scattered_rows(graph, id, uses),
        Op::Select => relu_gradient(graph, id),
        Op::Sub => softmax_xent_gradient(graph, id, uses),
        Op::Add => added_product(graph, id, uses),
        _ => None,
    }
}

/// Rows to scatter: a value, or rows of a value at indices.
type Source = (NodeId, Option<NodeId>);

/// `scatter_add(concat(a, gather(b, ids)), index)`: the gradient of a table, without copying its rows together first.
fn scattered_rows(graph: &Graph, id: NodeId, uses: &Uses) -> Option<Fused> {
    let [values, index] = graph.operands(id)[..] else {
        return None;
    };
    let (ty, rank) = (graph.ty(values), graph.ty(index).rank());
    if ty.elem != Elem::F32 || ty.rank() != 2 || rank != 1 {
        return None;
    }
    let sources = sources(graph, values, uses);
    if sources[..] == [(values, None)] {
        return None;
    }
    let mut operands = vec![index];
    operands.extend(
        sources
            .iter()
            .flat_map(|(value, at)| [Some(*value), *at])
            .flatten(),
    );
    Some(Fused {
        operands,
        kernel: scattered_rows_kernel,
    })
}

fn sources(graph: &Graph, id: NodeId, uses: &Uses) -> Vec<Source> {
    let operands = graph.operands(id);
    match &graph.node(id).op {
        _ if uses.get(&id) != Some(&1) => vec![(id, None)],
        Op::Concat { axis: 0 } => operands
            .iter()
            .flat_map(|operand| sources(graph, *operand, uses))
            .collect(),
        Op::Gather if graph.ty(operands[1]).rank() == 1 => vec![(operands[0], Some(operands[1]))],
        _ => vec![(id, None)],
    }
}

fn scattered_rows_kernel(graph: &Graph, id: NodeId, uses: &Uses) -> Kernel {
    let gathered: Vec<bool> = sources(graph, graph.operands(id)[0], uses)
        .iter()
        .map(|(_, index)| index.is_some())
        .collect();
    let dims: Vec<Dim> = graph.ty(id).dims.clone();
    Box::new(move |x, frame| {
        let (size, width) = (frame.extent(dims[0])?, frame.extent(dims[1])?);
        let mut result = Tensor::f_zeros([size, width], (Kind::Float, x[0].device()))?;
        let index = x[0].f_contiguous()?;
        let mut index = kernels::slice::<i64>(&index);
        let mut rest = x[1..].iter();
        for gathered in &gathered {
            let values = rest.next().expect("a value a source").f_contiguous()?;
            let from = if *gathered {
                Some(rest.next().expect("an index").f_contiguous()?)
            } else {
                None
            };
            let from = from.as_ref().map(kernels::slice);
            let rows = from.map_or(values.size()[0] as usize, <[i64]>::len);
            let (to, later) = index.split_at(rows);
            index = later;
            let into = kernels::slice_mut(&mut result);
            let done = rows::accumulate(into, to, kernels::slice(&values), from, width as usize);
            done.map_err(|row| outside(row, size))?;
        }
        Ok(result)
    })
}

/// `select(x > 0, g, 0)`: the gradient of `relu`.
fn relu_gradient(graph: &Graph, id: NodeId) -> Option<Fused> {
    let [condition, g, other] = graph.operands(id)[..] else {
        return None;
    };
    let ty = graph.ty(id);
    let [x, zero] = graph.operands(condition)[..] else {
        return None;
    };
    let fits = graph.node(condition).op == Op::Gt
        && is_zero(graph, zero)
        && is_zero(graph, other)
        && graph.ty(x) == ty
        && graph.ty(g) == ty;
    fits.then(|| Fused {
        operands: vec![g, x],
        kernel: |_, _, _| Box::new(|x, _| Ok(x[1].f_threshold_backward(x[0], 0.0)?)),
    })
}

fn is_zero(graph: &Graph, id: NodeId) -> bool {
    graph.node(id).op == Op::Const(vec![0.0]) && graph.ty(id).rank() == 0
}

/// `add(sum, matmul(a, weight))`: the product is added where the sum stands, as where several layers read one value.
fn added_product(graph: &Graph, id: NodeId, uses: &Uses) -> Option<Fused> {
    let (sum, product) = sum_and_product(graph, id, uses)?;
    let mut operands = vec![sum];
    operands.extend(graph.operands(product));
    Some(Fused {
        operands,
        kernel: added_product_kernel,
    })
}

fn sum_and_product(graph: &Graph, id: NodeId, uses: &Uses) -> Option<(NodeId, NodeId)> {
    let ty = graph.ty(id);
    let [Dim::Space(_), Dim::Fixed(_)] = ty.dims[..] else {
        return None;
    };
    let [left, right] = graph.operands(id)[..] else {
        return None;
    };
    let own = |id: NodeId| uses.get(&id) == Some(&1) && graph.ty(id) == ty;
    let is_weight = |id: NodeId| {
        let dims = &graph.ty(id).dims;
        dims.iter().all(|dim| matches!(dim, Dim::Fixed(_)))
    };
    let fits = |(sum, product): &(NodeId, NodeId)| {
        own(*sum)
            && own(*product)
            && matches!(graph.node(*sum).op, Op::MatMul { .. } | Op::Add)
            && matches!(graph.node(*product).op, Op::MatMul { .. })
            && is_weight(graph.operands(*product)[1])
    };
    [(left, right), (right, left)].into_iter().find(fits)
}

fn added_product_kernel(graph: &Graph, id: NodeId, uses: &Uses) -> Kernel {
    let (_, product) = sum_and_product(graph, id, uses).expect("the group was found before");
    let products = Products::of(graph, product, Kernels::Own);
    Box::new(move |x, _| Ok(products.add_to(x[0], x[1], x[2])?))
}

/// `softmax(scores) * g - place(g, column)`: the gradient of softmax cross-entropy.
fn softmax_xent_gradient(graph: &Graph, id: NodeId, uses: &Uses) -> Option<Fused> {
    let once = |id: NodeId| uses.get(&id) == Some(&1);
    let [spread, placed] = graph.operands(id)[..] else {
        return None;
    };
    let (Op::Mul, Op::Place(_)) = (&graph.node(spread).op, &graph.node(placed).op) else {
        return None;
    };
    let ([softmax, expand], [g, column]) =
        (&graph.operands(spread)[..], &graph.operands(placed)[..])
    else {
        return None;
    };
    let last = graph.ty(id).rank() - 1;
    let expands = matches!(graph.node(*expand).op, Op::Expand { axis, .. } if axis == last);
    let fits = graph.node(*softmax).op == Op::Softmax(last)
        && expands
        && graph.operands(*expand)[0] == *g
        && [*softmax, spread, placed].into_iter().all(once);
    fits.then(|| Fused {
        operands: vec![graph.operands(*softmax)[0], *g, *column],
        kernel: |_, _, _| Box::new(|x, _| spread_softmax(x[0], x[1], x[2]).map_err(Error::from)),
    })
}

fn spread_softmax(scores: &Tensor, g: &Tensor, column: &Tensor) -> Result<Tensor, TchError> {
    let g = g.f_unsqueeze(-1)?;
    let mut result = crate::exec::softmax(scores, scores.dim() as i64 - 1)?;
    let _ = result.f_mul_(&g)?;
    result.f_scatter_add_(-1, &column.f_unsqueeze(-1)?, &g.f_neg()?)
}
