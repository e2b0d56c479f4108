//! Intrinsics as graph ops.

use super::{Built, GraphBuilder, Mode, Val};
use crate::check::step_op;
use crate::graph::{Dim, Elem, NodeId, Op, SpaceKind, TensorType};
use crate::hir::{Expr, Ty};
use crate::value::Value;

impl GraphBuilder<'_> {
    pub(super) fn prim(&mut self, name: &str, args: &[Expr], e: &Expr) -> Built<Val> {
        if name == "stop" {
            let value = self.value(&args[0])?;
            return self.stopped(value, e);
        }
        if let Some(op) = step_op(name) {
            return self.elementwise(op, args, e).map(Val::Node);
        }
        self.shaped(name, args, e).map(Val::Node)
    }

    fn stopped(&mut self, value: Val, e: &Expr) -> Built<Val> {
        Ok(match value {
            Val::Node(node) => Val::Node(self.push(Op::Stop, &[node], e)?),
            Val::Record(fields) => {
                let fields = fields
                    .into_iter()
                    .map(|(name, value)| Ok((name, self.stopped(value, e)?)));
                Val::Record(fields.collect::<Built<_>>()?)
            }
            other => other,
        })
    }

    fn elementwise(&mut self, op: Op, args: &[Expr], e: &Expr) -> Built<NodeId> {
        let mut nodes = Vec::new();
        for arg in args {
            let node = self.scalar_or_node(arg)?;
            nodes.push(self.float(node, e)?);
        }
        if let [a, b] = nodes[..] {
            let (a, b) = self.aligned(a, b, e)?;
            nodes = vec![a, b];
        }
        self.push(op, &nodes, e)
    }

    /// A tensor, or a number of the compiler as one.
    fn scalar_or_node(&mut self, arg: &Expr) -> Built<NodeId> {
        match self.value(arg)? {
            Val::Node(node) => Ok(node),
            Val::Const(value) => match value.as_f64() {
                Some(value) => self.number(value, arg),
                None => Err(self.internal(arg.span, "expected a number")),
            },
            Val::Handle(_) | Val::Record(_) | Val::Tuple(_) => {
                Err(self.internal(arg.span, "expected a tensor"))
            }
        }
    }

    fn shaped(&mut self, name: &str, args: &[Expr], e: &Expr) -> Built<NodeId> {
        match name {
            "sum" | "mean" | "max" | "min" | "count" | "first" | "last" => {
                self.pool(name, &args[0], e)
            }
            "concat" => self.concat(args, e),
            "stack" => self.stack(args, e),
            "select" => self.select(args, e),
            "dot" => self.dot(args, e),
            "softmax_xent" => self.softmax_xent(args, e),
            "batch_mean" => self.batch_mean(&args[0], e),
            "attend" => self.attend(args, e),
            "bce_logits" => {
                let (s, target) = (
                    self.scalar_or_node(&args[0])?,
                    self.scalar_or_node(&args[1])?,
                );
                let target = self.float(target, e)?;
                let (s, target) = self.aligned(s, target, e)?;
                self.push(Op::BceLogits, &[s, target], e)
            }
            "matmul" => {
                let (a, b) = (self.node(&args[0])?, self.node(&args[1])?);
                self.push(Op::MatMul { transpose_b: false }, &[a, b], e)
            }
            "project" => self.project(args, e),
            "gather" => self.gather(args, e),
            "places" => {
                let x = self.node(&args[0])?;
                let Some(list) = self.list_of(x) else {
                    return Err(self.internal(e.span, "expected a list"));
                };
                let places = self.places_from_end(list, e)?;
                self.push(Op::Cast(Elem::I64), &[places], e)
            }
            "grad" | "weight" => Err(self.internal(e.span, "not an op")),
            _ => self.simple(name, args, e),
        }
    }

    /// Ops on one tensor.
    fn simple(&mut self, name: &str, args: &[Expr], e: &Expr) -> Built<NodeId> {
        if let ("eye" | "iota", Some(n)) = (name, args.first().and_then(whole)) {
            return self.matrix(name, n, e);
        }
        let x = self.node(&args[0])?;
        let ty = self.graph.ty(x).clone();
        let last = ty.dims.len().saturating_sub(1);
        match name {
            "to_number" => self.float(x, e),
            "softmax" => self.push(Op::Softmax(last), &[x], e),
            "logsumexp" => self.push(Op::LogSumExp(last), &[x], e),
            "cumsum" => self.push(Op::CumSum(last), &[x], e),
            "argmax" => self.push(Op::Argmax(last), &[x], e),
            "argsort" => self.push(Op::Argsort(last), &[x], e),
            "squeeze" => self.reshape(x, ty.dims[..last].to_vec(), e),
            "unsqueeze" => {
                let mut dims = ty.dims;
                dims.push(Dim::Fixed(1));
                self.reshape(x, dims, e)
            }
            "flatten" | "split_vector" => {
                let given = if name == "flatten" { 2 } else { 1 };
                let mut dims = ty.dims[..ty.dims.len() - given].to_vec();
                let result = if let Ty::Tensor(tensor) = &e.ty {
                    tensor.dims.clone()
                } else {
                    Vec::new()
                };
                let wanted = if name == "flatten" { 1 } else { 2 };
                dims.extend(
                    result[result.len() - wanted..]
                        .iter()
                        .map(|size| Dim::Fixed(*size)),
                );
                self.reshape(x, dims, e)
            }
            "slice" => {
                let (start, len) = (
                    args.get(1).and_then(whole).unwrap_or(0),
                    args.get(2).and_then(whole).unwrap_or(1),
                );
                self.push(
                    Op::Slice {
                        axis: last,
                        start,
                        len,
                    },
                    &[x],
                    e,
                )
            }
            "transpose" => {
                let mut axes: Vec<usize> = (0..ty.dims.len()).collect();
                axes.swap(last, last - 1);
                self.push(Op::Permute(axes), &[x], e)
            }
            "zeros_like" => self.push_typed(
                Op::Const(vec![0.0]),
                &[],
                TensorType::new(Elem::F32, ty.dims),
                e,
            ),
            "random_like" if self.mode == Mode::Serving => self.push_typed(
                Op::Const(vec![0.5]),
                &[],
                TensorType::new(Elem::F32, ty.dims),
                e,
            ),
            "random_like" => {
                self.path.push(format!("@{}", e.span.start));
                let drawn = self.push_typed(
                    Op::RandomUniform,
                    &[],
                    TensorType::new(Elem::F32, ty.dims),
                    e,
                );
                self.path.pop();
                drawn
            }
            "reverse" => {
                let scale = args
                    .get(1)
                    .and_then(|arg| arg.ty.value())
                    .and_then(Value::as_f64)
                    .unwrap_or(1.0);
                self.push(Op::Reverse(scale), &[x], e)
            }
            "standardize" => {
                let eps = args
                    .get(1)
                    .and_then(|arg| arg.ty.value())
                    .and_then(Value::as_f64)
                    .unwrap_or(1e-5);
                self.push(Op::LayerNorm { eps }, &[x], e)
            }
            _ => Err(self.internal(e.span, &format!("the intrinsic `{name}` has no lowering"))),
        }
    }

    fn matrix(&mut self, name: &str, n: usize, e: &Expr) -> Built<NodeId> {
        let (data, dims) = match name {
            "iota" => ((0..n).map(|at| at as f64).collect(), vec![Dim::Fixed(n)]),
            _ => (
                (0..n * n)
                    .map(|at| f64::from(u8::from(at / n == at % n)))
                    .collect(),
                vec![Dim::Fixed(n); 2],
            ),
        };
        self.push_typed(Op::Const(data), &[], TensorType::new(Elem::F32, dims), e)
    }

    fn concat(&mut self, args: &[Expr], e: &Expr) -> Built<NodeId> {
        let mut nodes = Vec::new();
        for arg in args {
            let node = self.node(arg)?;
            nodes.push(self.float(node, e)?);
        }
        self.level(&mut nodes, e)?;
        let rows = self.rows_of(&nodes);
        for (node, arg) in nodes.iter_mut().zip(args) {
            let width = match &arg.ty {
                Ty::Tensor(tensor) => tensor.dims.first().copied(),
                _ => None,
            };
            if width.is_none() {
                let mut dims = self.graph.ty(*node).dims.clone();
                dims.push(Dim::Fixed(1));
                *node = self.reshape(*node, dims, e)?;
            }
            let mut dims = rows.clone();
            dims.push(Dim::Fixed(width.unwrap_or(1)));
            *node = self.broadcast(*node, dims, e)?;
        }
        match nodes[..] {
            [only] => Ok(only),
            _ => self.joined(&nodes, rows.len(), e),
        }
    }

    /// Nodes one after another along a fixed dimension.
    fn joined(&mut self, nodes: &[NodeId], axis: usize, e: &Expr) -> Built<NodeId> {
        let mut ty = self.graph.ty(nodes[0]).clone();
        let size = |builder: &Self, node: NodeId| match builder.graph.ty(node).dims[axis] {
            Dim::Fixed(size) => size,
            Dim::Space(_) => 0,
        };
        ty.dims[axis] = Dim::Fixed(nodes.iter().map(|node| size(self, *node)).sum());
        self.push_typed(Op::Concat { axis }, nodes, ty, e)
    }

    fn broadcast(&mut self, x: NodeId, dims: Vec<Dim>, e: &Expr) -> Built<NodeId> {
        let ty = self.graph.ty(x).clone();
        if ty.dims == dims {
            return Ok(x);
        }
        self.push_typed(Op::Broadcast, &[x], TensorType::new(ty.elem, dims), e)
    }

    fn stack(&mut self, args: &[Expr], e: &Expr) -> Built<NodeId> {
        let mut nodes = args
            .iter()
            .map(|arg| self.node(arg))
            .collect::<Built<Vec<_>>>()?;
        self.level(&mut nodes, e)?;
        let rows = self.rows_of(&nodes);
        let inner = match &e.ty {
            Ty::Tensor(tensor) => tensor.dims[1..]
                .iter()
                .map(|size| Dim::Fixed(*size))
                .collect::<Vec<_>>(),
            _ => Vec::new(),
        };
        for node in &mut nodes {
            let whole = [rows.clone(), inner.clone()].concat();
            *node = self.broadcast(*node, whole, e)?;
            let dims = [rows.clone(), vec![Dim::Fixed(1)], inner.clone()].concat();
            *node = self.reshape(*node, dims, e)?;
        }
        match nodes[..] {
            [only] => Ok(only),
            _ => self.joined(&nodes, rows.len(), e),
        }
    }

    fn select(&mut self, args: &[Expr], e: &Expr) -> Built<NodeId> {
        let mut nodes: [NodeId; 3] = [
            self.node(&args[0])?,
            self.scalar_or_node(&args[1])?,
            self.scalar_or_node(&args[2])?,
        ];
        if self.graph.ty(nodes[1]).elem != self.graph.ty(nodes[2]).elem {
            nodes[1] = self.float(nodes[1], e)?;
            nodes[2] = self.float(nodes[2], e)?;
        }
        self.level(&mut nodes, e)?;
        self.push(Op::Select, &nodes, e)
    }

    fn dot(&mut self, args: &[Expr], e: &Expr) -> Built<NodeId> {
        let (a, b) = (self.node(&args[0])?, self.node(&args[1])?);
        let inner = |arg: &Expr| match &arg.ty {
            Ty::Tensor(tensor) => tensor.dims.len() - 1,
            _ => 0,
        };
        let (left, right) = (inner(&args[0]), inner(&args[1]));
        let rows = |builder: &Self, node| {
            let dims = &builder.graph.ty(node).dims;
            dims.iter()
                .filter(|dim| matches!(dim, Dim::Space(_)))
                .copied()
                .collect::<Vec<_>>()
        };
        let (a_rows, b_rows) = (rows(self, a), rows(self, b));
        let apart = !a_rows.is_empty()
            && !b_rows.is_empty()
            && !a_rows.iter().any(|dim| b_rows.contains(dim))
            && self.list_of(a).is_none()
            && self.list_of(b).is_none();
        match (apart, left, right) {
            (true, 0, 0) if a_rows.len() == 1 && b_rows.len() == 1 => {
                self.push(Op::MatMul { transpose_b: true }, &[a, b], e)
            }
            (true, 1, 0) if b_rows.len() == 1 => {
                let scores = self.push(Op::MatMul { transpose_b: true }, &[a, b], e)?;
                let rank = self.graph.ty(scores).dims.len();
                let mut axes: Vec<usize> = (0..rank).collect();
                axes.swap(rank - 1, rank - 2);
                self.push(Op::Permute(axes), &[scores], e)
            }
            (_, 0, 0) => {
                let (a, b) = self.aligned(a, b, e)?;
                let product = self.push(Op::Mul, &[a, b], e)?;
                let axis = self.graph.ty(product).dims.len() - 1;
                self.push(Op::SumOver(axis), &[product], e)
            }
            (false, 1, 0) | (false, 0, 1) => {
                let (many, one) = if left == 1 { (a, b) } else { (b, a) };
                let (many, one) = self.aligned(many, one, e)?;
                self.dot_many(many, one, e)
            }
            (false, 1, 1) if a_rows == b_rows => {
                self.push(Op::MatMul { transpose_b: true }, &[a, b], e)
            }
            _ => Err(Box::new(
                reckon_grammar::diagnostic::Diagnostic::error(
                    reckon_grammar::diagnostic::Code(902),
                    self.call.unwrap_or(e.span),
                    "this inner product over several spaces is not lowered",
                )
                .help("take it in steps: products of vectors first, then over their dimensions"),
            )),
        }
    }

    /// `[S.., K, D]` with `[S.., D]`: `[S.., K]`.
    fn dot_many(&mut self, many: NodeId, one: NodeId, e: &Expr) -> Built<NodeId> {
        let mut dims = self.graph.ty(one).dims.clone();
        dims.insert(dims.len() - 1, Dim::Fixed(1));
        let one = self.reshape(one, dims, e)?;
        let scores = self.push(Op::MatMul { transpose_b: true }, &[many, one], e)?;
        let dims = self.graph.ty(scores).dims.clone();
        self.reshape(scores, dims[..dims.len() - 1].to_vec(), e)
    }

    /// A vector times a matrix: the rows of all spaces are the rows of one matrix product.
    fn project(&mut self, args: &[Expr], e: &Expr) -> Built<NodeId> {
        let (x, w) = (self.node(&args[0])?, self.node(&args[1])?);
        let dims = self.graph.ty(x).dims.clone();
        if dims.len() >= 2 {
            return self.push(Op::MatMul { transpose_b: false }, &[x, w], e);
        }
        let x = self.reshape(x, [vec![Dim::Fixed(1)], dims].concat(), e)?;
        let y = self.push(Op::MatMul { transpose_b: false }, &[x, w], e)?;
        let dims = self.graph.ty(y).dims.clone();
        self.reshape(y, dims[1..].to_vec(), e)
    }

    /// Rows of a matrix; indices beyond its end take the last row.
    fn gather(&mut self, args: &[Expr], e: &Expr) -> Built<NodeId> {
        let (w, index) = (self.node(&args[0])?, self.node(&args[1])?);
        let Some(Dim::Fixed(rows)) = self.graph.ty(w).dims.first().copied() else {
            return Err(self.internal(e.span, "expected a matrix"));
        };
        let index = self.push(Op::Cast(Elem::F32), &[index], e)?;
        let largest = self.number((rows - 1) as f64, e)?;
        let index = self.push(Op::Min, &[index, largest], e)?;
        let index = self.push(Op::Cast(Elem::I64), &[index], e)?;
        self.push(Op::Gather, &[w, index], e)
    }

    fn softmax_xent(&mut self, args: &[Expr], e: &Expr) -> Built<NodeId> {
        let scores = self.node(&args[0])?;
        let candidates = self.handle(&args[1])?;
        let positive = self.builtin(&args[1], "positive", e)?;
        let space = Dim::Space(self.handles[candidates].space);
        let dims = self.graph.ty(scores).dims.clone();
        let last = dims.len() - 1;
        let scores = match dims.iter().position(|dim| *dim == space) {
            Some(at) if at != last => {
                let mut axes: Vec<usize> = (0..dims.len()).filter(|axis| *axis != at).collect();
                axes.push(at);
                self.push(Op::Permute(axes), &[scores], e)?
            }
            _ => scores,
        };
        self.push(Op::SoftmaxXent, &[scores, positive], e)
    }

    fn batch_mean(&mut self, arg: &Expr, e: &Expr) -> Built<NodeId> {
        let x = self.node(arg)?;
        self.mean_over_rows(x, e)
    }

    /// The mean of all elements.
    pub(crate) fn mean_over_rows(&mut self, x: NodeId, e: &Expr) -> Built<NodeId> {
        let mut x = self.float(x, e)?;
        while let Some(dim) = self.graph.ty(x).dims.first().copied() {
            x = self.push(Op::SumOver(0), &[x], e)?;
            let size = match dim {
                Dim::Space(space) => self.push(Op::Size(space), &[], e)?,
                Dim::Fixed(size) => self.number(size as f64, e)?,
            };
            x = self.push(Op::Div, &[x, size], e)?;
        }
        Ok(x)
    }

    /// Attention within each list: padded, split into heads, attended, joined and unpadded.
    fn attend(&mut self, args: &[Expr], e: &Expr) -> Built<NodeId> {
        let nodes = [
            self.node(&args[0])?,
            self.node(&args[1])?,
            self.node(&args[2])?,
        ];
        let heads = args.get(3).and_then(whole).unwrap_or(1).max(1);
        let causal = !matches!(
            args.get(4).and_then(|arg| arg.ty.value()),
            Some(Value::Bool(false))
        );
        let list = self.list_of(nodes[0]);
        let (Some(list), Some(Dim::Fixed(width))) =
            (list, self.graph.ty(nodes[0]).dims.last().copied())
        else {
            return Err(self.internal(e.span, "expected a list of vectors"));
        };
        let inputs = self.lists[&list];
        let SpaceKind::List {
            max: Some(longest), ..
        } = self.graph.space(list).kind
        else {
            return Err(self.unbounded(e));
        };
        if width % heads != 0 {
            return Err(self.uneven(width, heads, e));
        }
        let pad = Op::PadList {
            parent: inputs.parent,
            max: longest,
        };
        let parent = Dim::Space(inputs.parent);
        let mut split = Vec::new();
        for node in nodes {
            let padded = self.push(pad.clone(), &[node, inputs.segments, inputs.positions], e)?;
            let dims = vec![
                parent,
                Dim::Fixed(longest),
                Dim::Fixed(heads),
                Dim::Fixed(width / heads),
            ];
            let parts = self.reshape(padded, dims, e)?;
            split.push(self.push(Op::Permute(vec![0, 2, 1, 3]), &[parts], e)?);
        }
        let ones = self.push_typed(
            Op::Const(vec![1.0]),
            &[],
            TensorType::new(Elem::F32, [Dim::Space(list)]),
            e,
        )?;
        let present = self.push(pad, &[ones, inputs.segments, inputs.positions], e)?;
        let mask = self.attention_mask(present, longest, heads, causal, e)?;
        let attended = self.push(Op::Attention, &[split[0], split[1], split[2], mask], e)?;
        let joined = self.push(Op::Permute(vec![0, 2, 1, 3]), &[attended], e)?;
        let joined = self.reshape(
            joined,
            vec![parent, Dim::Fixed(longest), Dim::Fixed(width)],
            e,
        )?;
        self.push(
            Op::UnpadList,
            &[joined, inputs.segments, inputs.positions],
            e,
        )
    }

    /// Which key each query may see: `bool[P, heads, T, T]` from `present: f32[P, T]`.
    fn attention_mask(
        &mut self,
        present: NodeId,
        longest: usize,
        heads: usize,
        causal: bool,
        e: &Expr,
    ) -> Built<NodeId> {
        let time = Dim::Fixed(longest);
        let keys = self.push(Op::Expand { axis: 1, dim: time }, &[present], e)?;
        let zero = self.number(0.0, e)?;
        let mut mask = self.push(Op::Gt, &[keys, zero], e)?;
        if causal {
            let place = self.push_typed(Op::Iota, &[], TensorType::new(Elem::I64, [time]), e)?;
            let query = self.push(Op::Expand { axis: 1, dim: time }, &[place], e)?;
            let earlier = self.push(Op::Ge, &[query, place], e)?;
            mask = self.push(Op::And, &[mask, earlier], e)?;
        }
        self.push(
            Op::Expand {
                axis: 1,
                dim: Dim::Fixed(heads),
            },
            &[mask],
            e,
        )
    }

    fn unbounded(&self, e: &Expr) -> Box<reckon_grammar::diagnostic::Diagnostic> {
        Box::new(
            reckon_grammar::diagnostic::Diagnostic::error(
                reckon_grammar::diagnostic::Code(903),
                self.call.unwrap_or(e.span),
                "attention needs a list of bounded length",
            )
            .help("bound the history: `history(... of ..., last: 50)`"),
        )
    }

    fn uneven(
        &self,
        width: usize,
        heads: usize,
        e: &Expr,
    ) -> Box<reckon_grammar::diagnostic::Diagnostic> {
        Box::new(
            reckon_grammar::diagnostic::Diagnostic::error(
                reckon_grammar::diagnostic::Code(904),
                self.call.unwrap_or(e.span),
                format!("vectors of {width} do not split into {heads} heads"),
            )
            .help("take a number of heads that divides the width"),
        )
    }
}

/// A whole number that the compiler knows.
fn whole(arg: &Expr) -> Option<usize> {
    match arg.ty.value() {
        Some(Value::Int(n)) => usize::try_from(*n).ok(),
        _ => None,
    }
}
