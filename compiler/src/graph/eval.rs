//! The reference evaluator: what a graph means, in 64-bit floats. Slow and plain; every faster way of running a graph is
//! tested against it. Composites are evaluated by their decomposition.

use std::collections::BTreeMap;
use std::fmt;

use super::entry::Eval;
use super::op::Op;
use super::space::{SpaceId, SpaceKind};
use super::ty::{Dim, TensorType, align};
use super::{Graph, NodeId, Site};
use crate::random::Key;

/// A tensor. Integers and truth values are held as floats.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    /// The size of each dimension, outermost first.
    pub dims: Vec<usize>,
    /// The elements in row-major order.
    pub data: Vec<f64>,
}

/// What a graph is evaluated on.
#[derive(Clone, Debug, Default)]
pub struct Env {
    /// Inputs by name.
    pub inputs: BTreeMap<String, Value>,
    /// Weights, states and tables by path.
    pub params: BTreeMap<String, Value>,
    /// Sizes of spaces; those that an input or a table shows may be left out.
    pub sizes: BTreeMap<SpaceId, usize>,
    /// The key of random draws; its site is filled in by each draw.
    pub key: Key,
    /// The row of the global batch at which this batch begins.
    pub first_row: u64,
}

/// The values of all live nodes.
#[derive(Clone, Debug)]
pub struct Values {
    by_index: Vec<Option<Value>>,
}

/// Why a graph has no value on some inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct EvalError {
    /// The node.
    pub node: NodeId,
    /// What is wrong with it.
    pub message: String,
}

/// One op on its operands.
pub(crate) struct Call<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) op: &'a Op,
    pub(crate) site: &'a Site,
    pub(crate) ty: &'a TensorType,
    pub(crate) types: Vec<&'a TensorType>,
    pub(crate) operands: Vec<&'a Value>,
    pub(crate) sizes: &'a BTreeMap<SpaceId, usize>,
    pub(crate) env: &'a Env,
}

/// The values of all live nodes of `graph`, in `env`.
pub fn evaluate(graph: &Graph, env: &Env) -> Result<Values, EvalError> {
    let mut sizes = env.sizes.clone();
    let mut by_index: Vec<Option<Value>> = vec![None; graph.bound()];
    bind_leaves(graph, env, &mut sizes)?;
    for id in graph.order() {
        let node = graph.node(id);
        let operands = graph.operands(id);
        let call = Call {
            graph,
            op: &node.op,
            site: &node.site,
            ty: &node.ty,
            types: operands.iter().map(|operand| graph.ty(*operand)).collect(),
            operands: operands
                .iter()
                .map(|operand| {
                    by_index[operand.index()]
                        .as_ref()
                        .expect("operands come first")
                })
                .collect(),
            sizes: &sizes,
            env,
        };
        let value = call
            .run()
            .map_err(|message| EvalError { node: id, message })?;
        bind(graph, id, &value, &mut sizes)?;
        by_index[id.index()] = Some(value);
    }
    Ok(Values { by_index })
}

impl Values {
    /// The value of a live node.
    pub fn get(&self, id: NodeId) -> Option<&Value> {
        self.by_index.get(id.index()).and_then(Option::as_ref)
    }
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}: {}", self.node.index(), self.message)
    }
}

/// Spaces have their sizes before the first op runs, as a constant may range over the space of a later input.
fn bind_leaves(
    graph: &Graph,
    env: &Env,
    sizes: &mut BTreeMap<SpaceId, usize>,
) -> Result<(), EvalError> {
    let live = graph.live();
    for id in graph.ids().filter(|id| live[id.index()]) {
        let value = match &graph.node(id).op {
            Op::Input(name) => env.inputs.get(name),
            Op::Param(path) | Op::Table(path) => env.params.get(path),
            _ => None,
        };
        if let Some(value) = value {
            bind(graph, id, value, sizes)?;
        }
    }
    Ok(())
}

fn bind(
    graph: &Graph,
    id: NodeId,
    value: &Value,
    sizes: &mut BTreeMap<SpaceId, usize>,
) -> Result<(), EvalError> {
    let ty = graph.ty(id);
    let wrong = |what: String| EvalError {
        node: id,
        message: format!(
            "`{}` has the type `{}`, and {what}",
            graph.node(id).op.entry().name,
            ty.show(&graph.spaces)
        ),
    };
    if ty.rank() != value.dims.len() || value.dims.iter().product::<usize>() != value.data.len() {
        return Err(wrong(format!(
            "found dimensions {:?} with {} elements",
            value.dims,
            value.data.len()
        )));
    }
    for (dim, found) in ty.dims.iter().zip(&value.dims) {
        let expected = match dim {
            Dim::Fixed(size) => *size,
            Dim::Space(space) => *sizes.entry(*space).or_insert(*found),
        };
        if expected != *found {
            return Err(wrong(format!(
                "`{}` is {expected}, found {found}",
                dim.show(&graph.spaces)
            )));
        }
    }
    Ok(())
}

impl Value {
    /// A tensor.
    pub fn new(dims: impl Into<Vec<usize>>, data: impl Into<Vec<f64>>) -> Self {
        Self {
            dims: dims.into(),
            data: data.into(),
        }
    }

    /// A single number.
    pub fn scalar(value: f64) -> Self {
        Self {
            dims: Vec::new(),
            data: vec![value],
        }
    }

    /// `outer`, `size` and `inner`: elements before, along and after an axis; `data[(o * size + n) * inner + i]`.
    pub(crate) fn around(&self, axis: usize) -> (usize, usize, usize) {
        (
            self.dims[..axis].iter().product(),
            self.dims[axis],
            self.dims[axis + 1..].iter().product(),
        )
    }
}

impl Call<'_> {
    fn run(&self) -> Result<Value, String> {
        match self.op.entry().eval {
            Eval::Map(f) => {
                let x = self.operands[0];
                Ok(Value {
                    dims: x.dims.clone(),
                    data: x.data.iter().map(|x| f(*x)).collect(),
                })
            }
            Eval::Zip(f) => {
                let (dims, joined) = self.joined()?;
                Ok(Value {
                    dims,
                    data: joined[0]
                        .iter()
                        .zip(&joined[1])
                        .map(|(a, b)| f(*a, *b))
                        .collect(),
                })
            }
            Eval::Lane(f) => Ok(self.lanes(f)),
            Eval::Whole(f) => f(self),
        }
    }

    /// The size of a dimension.
    pub(crate) fn extent(&self, dim: Dim) -> Result<usize, String> {
        match dim {
            Dim::Fixed(size) => Ok(size),
            Dim::Space(space) => {
                let size = match self.graph.space(space).kind {
                    SpaceKind::Axis(size) => Some(size),
                    _ => self.sizes.get(&space).copied(),
                };
                size.ok_or_else(|| {
                    format!(
                        "the size of `{}` is not known yet",
                        dim.show(&self.graph.spaces)
                    )
                })
            }
        }
    }

    /// The sizes of the result.
    pub(crate) fn extents(&self) -> Result<Vec<usize>, String> {
        self.ty.dims.iter().map(|dim| self.extent(*dim)).collect()
    }

    /// All operands repeated to the dimensions of the result.
    pub(crate) fn joined(&self) -> Result<(Vec<usize>, Vec<Vec<f64>>), String> {
        let axes: Vec<Vec<usize>> = self
            .types
            .iter()
            .map(|ty| {
                align(&ty.dims, &self.ty.dims).ok_or_else(|| "operands do not join".to_owned())
            })
            .collect::<Result<_, _>>()?;
        let mut dims = vec![None; self.ty.rank()];
        for (operand, axes) in self.operands.iter().zip(&axes) {
            for (size, axis) in operand.dims.iter().zip(axes) {
                dims[*axis] = Some(*size);
            }
        }
        let dims: Vec<usize> = dims
            .into_iter()
            .zip(&self.ty.dims)
            .map(|(size, dim)| size.map_or_else(|| self.extent(*dim), Ok))
            .collect::<Result<_, _>>()?;
        let joined = self
            .operands
            .iter()
            .zip(&axes)
            .map(|(operand, axes)| repeat(operand, axes, &dims))
            .collect();
        Ok((dims, joined))
    }

    fn lanes(&self, f: fn(&Op, &[f64]) -> Vec<f64>) -> Value {
        let x = self.operands[0];
        let axis = self.op.axis().expect("an op over lanes has an axis");
        let (outer, size, inner) = x.around(axis);
        let results: Vec<Vec<f64>> = (0..outer * inner)
            .map(|lane| {
                let start = lane / inner * size * inner + lane % inner;
                let lane: Vec<f64> = (0..size).map(|n| x.data[start + n * inner]).collect();
                f(self.op, &lane)
            })
            .collect();
        let mut dims = x.dims.clone();
        let kept = if self.ty.rank() == dims.len() {
            dims[axis] = match self.op {
                Op::TopK { k, .. } => *k,
                _ => size,
            };
            dims[axis]
        } else {
            dims.remove(axis);
            1
        };
        let mut data = Vec::with_capacity(outer * kept * inner);
        for lanes in results.chunks(inner.max(1)).take(outer) {
            for n in 0..kept {
                data.extend(lanes.iter().map(|lane| lane[n]));
            }
        }
        Value { dims, data }
    }
}

/// The operand with its dimensions on `axes`, repeated to fill `dims`.
pub(crate) fn repeat(operand: &Value, axes: &[usize], dims: &[usize]) -> Vec<f64> {
    if operand.dims == dims {
        return operand.data.clone();
    }
    let mut strides = vec![0; dims.len()];
    let mut stride = 1;
    for (size, axis) in operand.dims.iter().zip(axes).rev() {
        strides[*axis] = stride;
        stride *= size;
    }
    strided(&operand.data, dims, &strides)
}

/// The elements at all positions of `dims`, each axis stepping by its stride.
pub(crate) fn strided(data: &[f64], dims: &[usize], strides: &[usize]) -> Vec<f64> {
    let count: usize = dims.iter().product();
    let mut at = vec![0; dims.len()];
    let mut offset = 0;
    let mut result = Vec::with_capacity(count);
    for _ in 0..count {
        result.push(data[offset]);
        for axis in (0..dims.len()).rev() {
            at[axis] += 1;
            offset += strides[axis];
            if at[axis] < dims[axis] {
                break;
            }
            offset -= strides[axis] * dims[axis];
            at[axis] = 0;
        }
    }
    result
}
