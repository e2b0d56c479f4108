//! Intrinsics as graph ops.

use super::{Built, GraphBuilder, Mode, Val};
use crate::check::step_op;
use crate::graph::{Dim, Elem, NodeId, Op, TensorType};
use crate::hir::{Expr, Kind, Ty};
use crate::plan::{Clock, FeedKind};
use crate::value::Value;

/// What `epoch` and `step` are when serving: beyond every schedule, and far from where 32 bits end.
const TRAINED: f64 = 1e9;

impl GraphBuilder<'_> {
    pub(super) fn prim(&mut self, name: &str, args: &[Expr], e: &Expr) -> Built<Val> {
        if name == "stop" {
            let value = self.value(&args[0])?;
            return self.stopped(value, e);
        }
        if let Some(clock) = clock(name) {
            return self.clock(name, clock, e).map(Val::Node);
        }
        if let Some(op) = step_op(name) {
            return self.elementwise(op, args, e).map(Val::Node);
        }
        self.shaped(name, args, e).map(Val::Node)
    }

    /// A score as a logit: metrics compare scores of all kinds, and take the likelihood of logits.
    pub(crate) fn logit(&mut self, score: &Expr) -> Built<NodeId> {
        let x = self.node(score)?;
        let kind = match &score.ty {
            Ty::Tensor(tensor) => tensor.kind,
            _ => Kind::Plain,
        };
        let (yes, no) = match kind {
            Kind::Plain | Kind::Logit => return Ok(x),
            Kind::Prob => {
                let against = self.push(Op::Neg, &[x], score)?;
                let against = self.push(Op::Log1p, &[against], score)?;
                (self.push(Op::Log, &[x], score)?, against)
            }
            Kind::LogProb => (x, self.push(Op::Log1mExp, &[x], score)?),
        };
        self.push(Op::Sub, &[yes, no], score)
    }

    /// The value without its gradient; whole numbers and truth values have none.
    pub(super) fn stopped(&mut self, value: Val, e: &Expr) -> Built<Val> {
        Ok(match value {
            Val::Node(node) if self.graph.ty(node).elem != Elem::F32 => Val::Node(node),
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
            Val::Handle(_) | Val::View(_) | Val::Record(_) | Val::Tuple(_) => {
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
            "update" => self.update(args, e),
            "rows_sum" => {
                let x = self.scalar_or_node(&args[0])?;
                self.rows_sum(x, e)
            }
            "as_list" => {
                let x = self.node(&args[0])?;
                self.as_list(x, e)
            }
            "padded" => {
                let x = self.node(&args[0])?;
                self.padded(x, e)
            }
            "hardest" => self.hardest(args, e),
            "softmax_xent" => self.softmax_xent(args, e),
            "batch_mean" => self.batch_mean(&args[0], e),
            "per_row" => self.each_row(args, e),
            "mutual_information" => self.mutual_information(args, e),
            "across" => self.across(&args[0], e),
            "sum_across" | "logsumexp_across" => self.over_across(name, &args[0], e),
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
        let number = |default: f64| {
            let written = args.get(1).and_then(|arg| arg.ty.value());
            written.and_then(Value::as_f64).unwrap_or(default)
        };
        let op = match name {
            "to_number" => return self.float(x, e),
            "zeros_like" | "random_like" => return self.like(name, ty.dims, e),
            "squeeze" | "unsqueeze" | "flatten" | "split_vector" => {
                let dims = reshaped(name, ty.dims, e);
                return self.reshape(x, dims, e);
            }
            "softmax" => Op::Softmax(last),
            "logsumexp" => Op::LogSumExp(last),
            "cumsum" => Op::CumSum(last),
            "argmax" => Op::Argmax(last),
            "argsort" => Op::Argsort(last),
            "slice" => Op::Slice {
                axis: last,
                start: args.get(1).and_then(whole).unwrap_or(0),
                len: args.get(2).and_then(whole).unwrap_or(1),
            },
            "transpose" => {
                let mut axes: Vec<usize> = (0..ty.dims.len()).collect();
                axes.swap(last, last - 1);
                Op::Permute(axes)
            }
            "reverse" => Op::Reverse(number(1.0)),
            "standardize" => Op::LayerNorm { eps: number(1e-5) },
            _ => {
                let message = format!("the intrinsic `{name}` has no lowering");
                return Err(self.internal(e.span, &message));
            }
        };
        self.push(op, &[x], e)
    }

    /// How far the training is. What serves has trained for long.
    fn clock(&mut self, name: &str, clock: Clock, e: &Expr) -> Built<NodeId> {
        match self.mode {
            Mode::Serving => self.number(TRAINED, e),
            Mode::Training => {
                let what = FeedKind::Clock(clock);
                self.input(name.to_owned(), TensorType::scalar(), what, e)
            }
        }
    }

    /// Zeros, or numbers drawn from 0 to 1, whose mean serves.
    fn like(&mut self, name: &str, dims: Vec<Dim>, e: &Expr) -> Built<NodeId> {
        let ty = TensorType::new(Elem::F32, dims);
        match (name, self.mode) {
            ("random_like", Mode::Training) => {
                let site = self.draw_site(e.span);
                self.graph
                    .push_typed(Op::RandomUniform, &[], ty, site)
                    .map_err(|error| self.internal(e.span, &error.message))
            }
            ("random_like", Mode::Serving) => self.push_typed(Op::Const(vec![0.5]), &[], ty, e),
            _ => self.push_typed(Op::Const(vec![0.0]), &[], ty, e),
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

    /// The mean over the rows of a batch that may have none: then it is 0.
    pub(crate) fn mean_over_perhaps_no_rows(&mut self, x: NodeId, e: &Expr) -> Built<NodeId> {
        let x = self.float(x, e)?;
        let [Dim::Space(space)] = self.graph.ty(x).dims[..] else {
            return self.mean_over_rows(x, e);
        };
        let sum = self.push(Op::SumOver(0), &[x], e)?;
        let size = self.push(Op::Size(space), &[], e)?;
        let least = self.number(1.0, e)?;
        let size = self.push(Op::Max, &[size, least], e)?;
        self.push(Op::Div, &[sum, size], e)
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
}

fn clock(name: &str) -> Option<Clock> {
    match name {
        "epoch" => Some(Clock::Epoch),
        "step" => Some(Clock::Step),
        _ => None,
    }
}

/// A whole number that the compiler knows.
pub(super) fn whole(arg: &Expr) -> Option<usize> {
    match arg.ty.value() {
        Some(Value::Int(n)) => usize::try_from(*n).ok(),
        _ => None,
    }
}

/// The dimensions after a function that only reshapes: those of the rows stay, the others are the result's.
fn reshaped(name: &str, mut dims: Vec<Dim>, e: &Expr) -> Vec<Dim> {
    let (given, wanted) = match name {
        "squeeze" => (1, 0),
        "unsqueeze" => {
            dims.push(Dim::Fixed(1));
            return dims;
        }
        "flatten" => (2, 1),
        _ => (1, 2),
    };
    dims.truncate(dims.len() - given);
    if let Ty::Tensor(tensor) = &e.ty {
        let inner = &tensor.dims[tensor.dims.len() - wanted..];
        dims.extend(inner.iter().map(|size| Dim::Fixed(*size)));
    }
    dims
}
