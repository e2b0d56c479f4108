//! Adding nodes whose types are computed.

use super::entry::{Operands, Typing};
use super::op::Op;
use super::ty::{Dim, Elem, TensorType};
use super::{Graph, NodeId, Site};

/// Why operands do not suit an op.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TypeError {
    /// What was expected and what was found, naming the op.
    pub message: String,
}

impl Graph {
    /// Adds a node and computes its type. Ops whose type the operands do not tell take [`Graph::push_typed`].
    pub fn push(&mut self, op: Op, operands: &[NodeId], site: Site) -> Result<NodeId, TypeError> {
        let ty = self.infer(&op, operands)?;
        Ok(self.add(op, operands, ty, site))
    }

    /// Adds a node of the given type: leaves, `Reshape`, `Broadcast`, `Unique`, and the like.
    pub fn push_typed(
        &mut self,
        op: Op,
        operands: &[NodeId],
        ty: TensorType,
        site: Site,
    ) -> Result<NodeId, TypeError> {
        self.check(&op, operands, &ty)?;
        Ok(self.add(op, operands, ty, site))
    }

    /// The type that `op` gives on these operands.
    pub fn infer(&self, op: &Op, operands: &[NodeId]) -> Result<TensorType, TypeError> {
        let entry = op.entry();
        let operands = self.operands_of(op, operands)?;
        match entry.typing {
            Typing::Inferred(rule) => rule(&operands),
            Typing::Given(_) => Err("needs its type to be given".to_owned()),
        }
        .map_err(|message| TypeError {
            message: format!("`{}` {message}", entry.name),
        })
    }

    /// Whether `op` on these operands may have the type `ty`.
    pub fn check(&self, op: &Op, operands: &[NodeId], ty: &TensorType) -> Result<(), TypeError> {
        let entry = op.entry();
        let typed = self.operands_of(op, operands)?;
        match entry.typing {
            Typing::Inferred(rule) => rule(&typed).and_then(|inferred| {
                if inferred == *ty {
                    Ok(())
                } else {
                    Err(format!(
                        "gives `{}`, not `{}`",
                        inferred.show(&self.spaces),
                        ty.show(&self.spaces)
                    ))
                }
            }),
            Typing::Given(rule) => rule(&typed, ty),
        }
        .map_err(|message| TypeError {
            message: format!("`{}` {message}", entry.name),
        })
    }

    fn operands_of<'a>(
        &'a self,
        op: &'a Op,
        operands: &[NodeId],
    ) -> Result<Operands<'a>, TypeError> {
        let entry = op.entry();
        if !entry.arity.fits(operands.len()) {
            let message = format!(
                "`{}` takes {}, found {}",
                entry.name,
                entry.arity,
                operands.len()
            );
            return Err(TypeError { message });
        }
        let reads_table = |(at, id): (usize, &NodeId)| {
            let is_rows_op = at == 0 && matches!(op, Op::Lookup | Op::Bag { .. });
            matches!(self.node(*id).op, Op::Table(_)) && !is_rows_op
        };
        if operands.iter().enumerate().any(reads_table) {
            let message = format!(
                "`{}` cannot read a table; `lookup` gives its rows",
                entry.name
            );
            return Err(TypeError { message });
        }
        Ok(Operands {
            graph: self,
            op,
            types: operands.iter().map(|id| self.ty(*id)).collect(),
        })
    }
}

/// Builds nodes of which the compiler knows that they are well typed: gradients, decompositions, rewrites. A type error is
/// a bug of the compiler and panics.
pub struct Builder<'g> {
    /// Where the nodes go.
    pub graph: &'g mut Graph,
    /// The site of every node that is built.
    pub site: Site,
}

impl Builder<'_> {
    /// A node whose type is computed.
    pub fn op(&mut self, op: Op, operands: &[NodeId]) -> NodeId {
        match self.graph.push(op, operands, self.site.clone()) {
            Ok(id) => id,
            Err(error) => panic!("internal: at `{}`: {}", self.site.path, error.message),
        }
    }

    /// A node of the given type.
    pub fn typed(&mut self, op: Op, operands: &[NodeId], ty: TensorType) -> NodeId {
        match self.graph.push_typed(op, operands, ty, self.site.clone()) {
            Ok(id) => id,
            Err(error) => panic!("internal: at `{}`: {}", self.site.path, error.message),
        }
    }

    /// A float constant without dimensions.
    pub fn scalar(&mut self, value: f64) -> NodeId {
        self.typed(Op::Const(vec![value]), &[], TensorType::scalar())
    }

    /// A constant of an element type without dimensions.
    pub fn constant(&mut self, elem: Elem, value: f64) -> NodeId {
        self.typed(Op::Const(vec![value]), &[], TensorType::new(elem, []))
    }

    /// A constant of this type with all elements equal.
    pub fn fill(&mut self, ty: TensorType, value: f64) -> NodeId {
        self.typed(Op::Const(vec![value]), &[], ty)
    }

    /// The number of rows of a dimension, as a float without dimensions.
    pub fn extent(&mut self, dim: Dim) -> NodeId {
        match dim {
            Dim::Fixed(size) => self.scalar(size as f64),
            Dim::Space(space) => self.op(Op::Size(space), &[]),
        }
    }

    /// `x` with its last two dimensions swapped.
    pub fn transpose(&mut self, x: NodeId) -> NodeId {
        let rank = self.graph.ty(x).rank();
        let mut axes: Vec<_> = (0..rank).collect();
        axes.swap(rank - 2, rank - 1);
        self.op(Op::Permute(axes), &[x])
    }

    /// `0, 1, ..` along `axis`, with the dimensions `dims`.
    pub fn iota_along(&mut self, dims: &[Dim], axis: usize) -> NodeId {
        let iota = self.typed(Op::Iota, &[], TensorType::new(Elem::I64, [dims[axis]]));
        let mut along = iota;
        for (at, dim) in dims.iter().enumerate().filter(|(at, _)| *at != axis) {
            along = self.op(
                Op::Expand {
                    axis: at,
                    dim: *dim,
                },
                &[along],
            );
        }
        along
    }

    /// `x` with its first `count` dimensions made one; a flat space where one of them is a space.
    pub fn merge(&mut self, x: NodeId, count: usize) -> NodeId {
        let mut ty = self.graph.ty(x).clone();
        if count == 1 {
            return x;
        }
        let rest = ty.dims.split_off(count);
        let sizes: Option<Vec<usize>> = ty.dims.iter().map(|dim| dim.fixed()).collect();
        let merged = match sizes {
            Some(sizes) => Dim::Fixed(sizes.iter().product()),
            None => {
                let names: Vec<_> = ty
                    .dims
                    .iter()
                    .map(|dim| dim.show(&self.graph.spaces))
                    .collect();
                Dim::Space(self.graph.flat_space(&names.join("_")))
            }
        };
        ty.dims = [&[merged], rest.as_slice()].concat();
        self.typed(Op::Reshape, &[x], ty)
    }

    /// Sums `x` over the dimensions that `ty` lacks, and repeats it over those that it lacks itself.
    pub fn fit(&mut self, x: NodeId, ty: &TensorType) -> NodeId {
        let mut x = x;
        let dims = self.graph.ty(x).dims.clone();
        if dims == ty.dims {
            return x;
        }
        if let Some(kept) = super::ty::align(&ty.dims, &dims) {
            for axis in (0..dims.len()).rev().filter(|axis| !kept.contains(axis)) {
                x = self.op(Op::SumOver(axis), &[x]);
            }
            return x;
        }
        self.typed(Op::Broadcast, &[x], ty.clone())
    }
}

/// Writes an expression over a [`Builder`] as nested lists: `node!(b, (Mul g (Sub 1.0 y)))`. A name is a node, a number a
/// float constant, `{e}` any expression that is a node, `([op] x)` an op with attributes.
macro_rules! node {
    ($b:expr, ($op:ident $($arg:tt)*)) => {{
        let operands = [$($crate::graph::build::node!($b, $arg)),*];
        $b.op($crate::graph::Op::$op, &operands)
    }};
    ($b:expr, ([$op:expr] $($arg:tt)*)) => {{
        let operands = [$($crate::graph::build::node!($b, $arg)),*];
        $b.op($op, &operands)
    }};
    ($b:expr, {$node:expr}) => { $node };
    ($b:expr, $name:ident) => { $name };
    ($b:expr, $number:literal) => { $b.scalar($number) };
}
pub(crate) use node;
