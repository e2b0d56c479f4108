//! Aligning nodes over different spaces, and pooling lists.

use std::cmp::Ordering;

use super::{Built, GraphBuilder, Val};
use crate::graph::{Dim, Elem, NodeId, Op, SpaceId, SpaceKind, TensorType};
use crate::hir::{self, Expr, Tensor, Ty};

impl GraphBuilder<'_> {
    fn parent(&self, space: SpaceId) -> Option<SpaceId> {
        match self.graph.space(space).kind {
            SpaceKind::List { parent, .. } => Some(parent),
            _ => None,
        }
    }

    /// The deepest list among the spaces of a node.
    pub(super) fn list_of(&self, node: NodeId) -> Option<SpaceId> {
        let depth =
            |space: SpaceId| std::iter::successors(Some(space), |at| self.parent(*at)).count();
        let spaces = self.graph.ty(node).dims.iter().filter_map(|dim| match dim {
            Dim::Space(space) => Some(*space),
            Dim::Fixed(_) => None,
        });
        spaces
            .filter(|space| self.parent(*space).is_some())
            .max_by_key(|space| depth(*space))
    }

    /// Two nodes over compatible rows.
    pub(super) fn aligned(&mut self, a: NodeId, b: NodeId, e: &Expr) -> Built<(NodeId, NodeId)> {
        let mut nodes = [a, b];
        self.level(&mut nodes, e)?;
        Ok((nodes[0], nodes[1]))
    }

    /// Spreads values over the lists among them, and lets the first lead to rows in one order everywhere: the batch, then
    /// lists, candidates and axes.
    pub(super) fn level(&mut self, nodes: &mut [NodeId], e: &Expr) -> Built<()> {
        let lists: Vec<SpaceId> = nodes
            .iter()
            .filter_map(|node| self.list_of(*node))
            .collect();
        for list in lists {
            for node in nodes.iter_mut() {
                *node = self.spread(*node, list, e)?;
            }
        }
        let rows = self.rows_of(nodes);
        let mut sorted = rows.clone();
        sorted.sort_by_key(|dim| self.rank(*dim));
        if let Some(first) = nodes.first_mut().filter(|_| sorted != rows) {
            let ty = self.graph.ty(*first).clone();
            let positional = ty.dims.iter().filter(|dim| matches!(dim, Dim::Fixed(_)));
            let dims: Vec<Dim> = sorted.iter().chain(positional).copied().collect();
            *first =
                self.push_typed(Op::Broadcast, &[*first], TensorType::new(ty.elem, dims), e)?;
        }
        Ok(())
    }

    /// The spaces of several nodes, in order of appearance.
    pub(super) fn rows_of(&self, nodes: &[NodeId]) -> Vec<Dim> {
        let mut rows: Vec<Dim> = Vec::new();
        for node in nodes {
            let spaces = self
                .graph
                .ty(*node)
                .dims
                .iter()
                .filter(|dim| matches!(dim, Dim::Space(_)));
            rows.extend(
                spaces
                    .filter(|dim| !rows.contains(dim))
                    .copied()
                    .collect::<Vec<_>>(),
            );
        }
        rows
    }

    fn rank(&self, dim: Dim) -> usize {
        let Dim::Space(space) = dim else {
            return usize::MAX;
        };
        match self.graph.space(space).kind {
            SpaceKind::Batch => 0,
            SpaceKind::List { .. } => 1,
            SpaceKind::Flat | SpaceKind::Vocabulary { .. } => 2,
            SpaceKind::Candidates | SpaceKind::Catalogue { .. } => 3,
            SpaceKind::Axis(_) => 4,
        }
    }

    /// Repeats a value of the rows that hold a list for each element.
    pub(super) fn spread(&mut self, x: NodeId, list: SpaceId, e: &Expr) -> Built<NodeId> {
        let has = |builder: &Self, space| builder.graph.ty(x).dims.contains(&Dim::Space(space));
        if has(self, list) {
            return Ok(x);
        }
        let Some(inputs) = self.lists.get(&list).copied() else {
            return Ok(x);
        };
        let held = std::iter::successors(Some(inputs.parent), |at| self.parent(*at))
            .any(|space| has(self, space));
        if !held {
            return Ok(x);
        }
        let at_parent = self.spread(x, inputs.parent, e)?;
        if self.graph.ty(at_parent).dims.first() != Some(&Dim::Space(inputs.parent)) {
            return Err(self.internal(
                e.span,
                "a value over rows and another space cannot be spread over a list",
            ));
        }
        self.push(Op::Gather, &[at_parent, inputs.segments], e)
    }

    /// `sum`, `mean`, `max`, `min`, `count`, `first`, `last`.
    pub(super) fn pool(&mut self, name: &str, arg: &Expr, e: &Expr) -> Built<NodeId> {
        let x = self.node(arg)?;
        let Ty::Tensor(tensor) = &arg.ty else {
            return Err(self.internal(e.span, "expected a tensor"));
        };
        let is_list = tensor.spaces.iter().any(|space| {
            matches!(
                self.hir.spaces[space.0 as usize].kind,
                hir::SpaceKind::List { .. }
            )
        });
        // The mean of truth values is a share.
        let x = match self.graph.ty(x).elem {
            Elem::Bool => self.float(x, e)?,
            Elem::F32 | Elem::I64 => x,
        };
        match self.list_of(x).filter(|_| is_list) {
            Some(list) => self.pool_list(name, x, list, e),
            None => self.pool_axis(name, x, e),
        }
    }

    fn pool_list(&mut self, name: &str, x: NodeId, list: SpaceId, e: &Expr) -> Built<NodeId> {
        let Some(inputs) = self.lists.get(&list).copied() else {
            return Err(self.internal(e.span, "a list has no inputs"));
        };
        let parent = Dim::Space(inputs.parent);
        match name {
            "sum" => self.push(Op::ScatterAdd(parent), &[x, inputs.segments], e),
            "count" => self.lengths(list, e),
            "mean" => {
                let sum = self.push(Op::ScatterAdd(parent), &[x, inputs.segments], e)?;
                let count = self.lengths(list, e)?;
                let one = self.number(1.0, e)?;
                let count = self.push(Op::Max, &[count, one], e)?;
                self.per_row(Op::Div, sum, count, e)
            }
            "max" => self.push(Op::ScatterMax(parent), &[x, inputs.segments], e),
            "min" => {
                let negative = self.push(Op::Neg, &[x], e)?;
                let largest = self.push(Op::ScatterMax(parent), &[negative, inputs.segments], e)?;
                self.push(Op::Neg, &[largest], e)
            }
            _ => {
                let place = if name == "last" {
                    self.places_from_end(list, e)?
                } else {
                    self.push(Op::Cast(Elem::F32), &[inputs.positions], e)?
                };
                let zero = self.number(0.0, e)?;
                let here = self.push(Op::Eq, &[place, zero], e)?;
                let here = self.push(Op::Cast(Elem::F32), &[here], e)?;
                let kept = self.per_row(Op::Mul, x, here, e)?;
                self.push(Op::ScatterAdd(parent), &[kept, inputs.segments], e)
            }
        }
    }

    /// The number of elements in each row, as floats.
    fn lengths(&mut self, list: SpaceId, e: &Expr) -> Built<NodeId> {
        let inputs = self.lists[&list];
        let ones = self.push_typed(
            Op::Const(vec![1.0]),
            &[],
            TensorType::new(Elem::F32, [Dim::Space(list)]),
            e,
        )?;
        self.push(
            Op::ScatterAdd(Dim::Space(inputs.parent)),
            &[ones, inputs.segments],
            e,
        )
    }

    /// The place of each element counted from the end, as floats.
    pub(super) fn places_from_end(&mut self, list: SpaceId, e: &Expr) -> Built<NodeId> {
        let Some(inputs) = self.lists.get(&list).copied() else {
            return Err(self.internal(e.span, "a list has no inputs"));
        };
        let lengths = self.lengths(list, e)?;
        let lengths = self.push(Op::Gather, &[lengths, inputs.segments], e)?;
        let positions = self.push(Op::Cast(Elem::F32), &[inputs.positions], e)?;
        let one = self.number(1.0, e)?;
        let after = self.push(Op::Sub, &[lengths, positions], e)?;
        self.push(Op::Sub, &[after, one], e)
    }

    /// An op between `x: [S.., D..]` and one number for each row of `S`.
    fn per_row(&mut self, op: Op, x: NodeId, row: NodeId, e: &Expr) -> Built<NodeId> {
        self.push(op, &[x, row], e)
    }

    fn pool_axis(&mut self, name: &str, x: NodeId, e: &Expr) -> Built<NodeId> {
        let dims = self.graph.ty(x).dims.clone();
        let Some((Dim::Fixed(size), axis)) = dims.last().copied().zip(dims.len().checked_sub(1))
        else {
            return Err(self.internal(e.span, "expected a positional dimension"));
        };
        match name {
            "sum" => self.push(Op::SumOver(axis), &[x], e),
            "mean" => {
                let sum = self.push(Op::SumOver(axis), &[x], e)?;
                let size = self.number(size as f64, e)?;
                self.push(Op::Div, &[sum, size], e)
            }
            "max" => self.push(Op::MaxOver(axis), &[x], e),
            "min" => {
                let negative = self.push(Op::Neg, &[x], e)?;
                let largest = self.push(Op::MaxOver(axis), &[negative], e)?;
                self.push(Op::Neg, &[largest], e)
            }
            _ => {
                let start = if name == "last" { size - 1 } else { 0 };
                let one = self.push(
                    Op::Slice {
                        axis,
                        start,
                        len: 1,
                    },
                    &[x],
                    e,
                )?;
                let ty = TensorType::new(self.graph.ty(x).elem, &dims[..axis]);
                self.push_typed(Op::Reshape, &[one], ty, e)
            }
        }
    }

    /// Leading dimensions become spaces and back; kinds change nothing.
    pub(super) fn retype(&mut self, inner: &Expr, e: &Expr) -> Built<Val> {
        let value = self.value(inner)?;
        let (Val::Node(x), Ty::Tensor(from), Ty::Tensor(to)) = (&value, &inner.ty, &e.ty) else {
            return Ok(value);
        };
        let alone = |these: &Tensor, others: &Tensor| -> Vec<hir::SpaceRef> {
            let mut spaces = these.spaces.clone();
            spaces.retain(|space| !others.spaces.contains(space));
            spaces
        };
        let (before, after) = (from.dims.len(), to.dims.len());
        match before.cmp(&after) {
            Ordering::Greater => self.enter(*x, &alone(to, from), after, e).map(Val::Node),
            Ordering::Less => self.leave(*x, &alone(from, to), before, e).map(Val::Node),
            Ordering::Equal => Ok(value),
        }
    }

    fn axis_space(&mut self, space: hir::SpaceRef) -> (SpaceId, usize) {
        let size = match self.hir.spaces[space.0 as usize].kind {
            hir::SpaceKind::Axis(size) => size,
            _ => 1,
        };
        if let Some(done) = self.axes.get(&space) {
            return (*done, size);
        }
        let id = self.new_space("K", SpaceKind::Axis(size));
        self.axes.insert(space, id);
        (id, size)
    }

    fn enter(
        &mut self,
        x: NodeId,
        axes: &[hir::SpaceRef],
        positional: usize,
        e: &Expr,
    ) -> Built<NodeId> {
        let ty = self.graph.ty(x).clone();
        let first = ty.dims.len() - positional - axes.len();
        let mut dims = ty.dims.clone();
        for (at, axis) in axes.iter().enumerate() {
            dims[first + at] = Dim::Space(self.axis_space(*axis).0);
        }
        self.push_typed(Op::Reshape, &[x], TensorType::new(ty.elem, dims), e)
    }

    fn leave(
        &mut self,
        x: NodeId,
        axes: &[hir::SpaceRef],
        positional: usize,
        e: &Expr,
    ) -> Built<NodeId> {
        let axes: Vec<(SpaceId, usize)> = axes.iter().map(|axis| self.axis_space(*axis)).collect();
        let dims = self.graph.ty(x).dims.clone();
        let rows = dims.len() - positional;
        let is_axis = |dim: &Dim| axes.iter().any(|(space, _)| *dim == Dim::Space(*space));
        let mut order: Vec<usize> = (0..rows).filter(|at| !is_axis(&dims[*at])).collect();
        for (space, _) in &axes {
            order.extend(dims.iter().position(|dim| *dim == Dim::Space(*space)));
        }
        order.extend(rows..dims.len());
        let sorted = order.windows(2).all(|pair| pair[0] < pair[1]);
        let x = if sorted {
            x
        } else {
            self.push(Op::Permute(order), &[x], e)?
        };
        let ty = self.graph.ty(x).clone();
        let dims: Vec<Dim> = ty
            .dims
            .iter()
            .map(
                |dim| match axes.iter().find(|(space, _)| *dim == Dim::Space(*space)) {
                    Some((_, size)) => Dim::Fixed(*size),
                    None => *dim,
                },
            )
            .collect();
        self.push_typed(Op::Reshape, &[x], TensorType::new(ty.elem, dims), e)
    }

    /// Same elements, other dimensions.
    pub(super) fn reshape(&mut self, x: NodeId, dims: Vec<Dim>, e: &Expr) -> Built<NodeId> {
        let elem = self.graph.ty(x).elem;
        if self.graph.ty(x).dims == dims {
            return Ok(x);
        }
        self.push_typed(Op::Reshape, &[x], TensorType::new(elem, dims), e)
    }
}
