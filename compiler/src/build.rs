//! From the typed program to graphs: towers are applied to handles, and every value gets its index spaces.
//!
//! Row values leave through `RowPrograms` as outputs of kernels and come back as inputs of the graph.

mod across;
mod attention;
mod candidates;
mod draws;
mod handles;
mod params;
mod prim;
mod products;
pub mod rows;
mod shape;
mod step;
mod towers;
mod views;

use std::collections::BTreeMap;

use reckon_grammar::ast::{BinaryOp, UnaryOp};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use crate::differentiate::grad_of;
use crate::graph::{Dim, Elem, Graph, NodeId, Op, ParamKind, Site, SpaceId, TensorType};
use crate::hir::{self, Expr, ExprKind, Hir, LocalId, Ty};
use crate::modules::is_library;
use crate::plan::{Feed, FeedKind, Handle, Program};
use crate::value::Value;
use draws::Draws;
use rows::RowPrograms;
pub(crate) use towers::Learning;
use towers::Reading;

/// Whether a program trains or serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Dropout and replacement of ids happen.
    Training,
    /// They do not.
    Serving,
}

/// What a local stands for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Val {
    /// A tensor.
    Node(NodeId),
    /// Rows, by index into the program's handles.
    Handle(usize),
    /// Rows with fields hidden, by index into the builder's views.
    View(usize),
    /// Named values.
    Record(Vec<(String, Val)>),
    /// Values beside each other.
    Tuple(Vec<Val>),
    /// A constant that is no tensor.
    Const(Value),
}

/// What a graph cannot be built of; the diagnostic has been made.
pub(crate) type Built<T> = Result<T, Box<Diagnostic>>;

/// Builds one graph.
pub(crate) struct GraphBuilder<'h> {
    hir: &'h Hir,
    rows: &'h mut RowPrograms,
    /// Of the whole program.
    program: Mode,
    /// Of the open body: a teacher that does not learn is read as it serves.
    mode: Mode,
    reading: Reading,
    pub(crate) learning: Learning,
    pub(crate) graph: Graph,
    pub(crate) handles: Vec<Handle>,
    feeds: Vec<Feed>,
    locals: BTreeMap<LocalId, Val>,
    /// The open path, for names of weights and for random draws.
    path: Vec<String>,
    draws: Draws,
    /// The user's call that is being expanded.
    call: Option<Span>,
    lists: BTreeMap<SpaceId, ListInputs>,
    /// The spaces of keys and weights by handle and bag, with the output that came first.
    bags: BTreeMap<(usize, String), (SpaceId, String)>,
    axes: BTreeMap<hir::SpaceRef, SpaceId>,
    /// The features of the program by source and name, once one was read.
    checked: BTreeMap<(&'h str, &'h str), &'h hir::Feature>,
    features: BTreeMap<String, Val>,
    towers: BTreeMap<String, Val>,
    views: Vec<views::Seen>,
    /// Features of views, by view, name and whose weights are read.
    view_features: BTreeMap<String, Val>,
    /// Thinned handles by the views that ask for them.
    thinned: BTreeMap<LocalId, usize>,
    thinning: Option<views::Thinning>,
    inputs: BTreeMap<String, NodeId>,
}

/// Which row each element of a list belongs to, and its place in the list.
#[derive(Clone, Copy)]
struct ListInputs {
    segments: NodeId,
    positions: NodeId,
    parent: SpaceId,
}

impl<'h> GraphBuilder<'h> {
    pub(crate) fn new(hir: &'h Hir, rows: &'h mut RowPrograms, mode: Mode, name: &str) -> Self {
        Self {
            hir,
            rows,
            program: mode,
            mode,
            reading: Reading::default(),
            learning: Learning::default(),
            graph: Graph::new(name),
            handles: Vec::new(),
            feeds: Vec::new(),
            locals: BTreeMap::new(),
            path: Vec::new(),
            draws: Draws::default(),
            call: None,
            lists: BTreeMap::new(),
            bags: BTreeMap::new(),
            axes: BTreeMap::new(),
            checked: BTreeMap::new(),
            features: BTreeMap::new(),
            towers: BTreeMap::new(),
            views: Vec::new(),
            view_features: BTreeMap::new(),
            thinned: BTreeMap::new(),
            thinning: None,
            inputs: BTreeMap::new(),
        }
    }

    /// The program built so far. Feeds that no live node reads are left out when the plan is made.
    pub(crate) fn finish(self) -> Program {
        Program {
            graph: self.graph,
            handles: self.handles,
            feeds: self.feeds,
        }
    }

    pub(crate) fn set_local(&mut self, id: LocalId, value: Val) {
        self.locals.insert(id, value);
    }

    /// Opens the path of an item, `film` or `main`.
    pub(crate) fn at_path<T>(&mut self, segment: &str, work: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.path, vec![segment.to_owned()]);
        let result = work(self);
        self.path = outer;
        result
    }

    /// The value of an expression.
    pub(crate) fn value(&mut self, e: &Expr) -> Built<Val> {
        match &e.kind {
            ExprKind::Const(value) => self.constant(value, e),
            ExprKind::Local(id) => match self.locals.get(id) {
                Some(value) => Ok(value.clone()),
                None => Err(self.internal(e.span, "a local has no value")),
            },
            ExprKind::Prim(name, args) => self.prim(name, args, e),
            ExprKind::Binary(op, a, b) => self.binary(*op, a, b, e).map(Val::Node),
            ExprKind::Unary(op, a) => self.unary(*op, a, e).map(Val::Node),
            ExprKind::Scope {
                segment,
                lets,
                value,
            } => self.scope(segment.as_deref(), lets, value, e.span),
            ExprKind::Tower(name, args) => self.tower(name, args, e),
            ExprKind::Frozen(name, args) => self.frozen(name, args, e),
            ExprKind::Weight(name, init, state) => {
                let kind = match state {
                    true => ParamKind::State,
                    false => ParamKind::Weight,
                };
                self.weight(name, kind, init.clone(), e).map(Val::Node)
            }
            ExprKind::ItemWeight(name) => self.item_weight(name, e).map(Val::Node),
            ExprKind::Feature(handle, name) => match self.rows_value(handle)? {
                Val::Handle(handle) => self.feature(handle, name, e),
                Val::View(view) => self.view_feature(view, name, e),
                _ => Err(self.internal(e.span, "expected rows")),
            },
            ExprKind::View(of, view) => self.view(of, view, e).map(Val::View),
            ExprKind::Refer(..) | ExprKind::History(..) | ExprKind::Candidates(..) => {
                self.handle(e).map(Val::Handle)
            }
            ExprKind::Builtin(handle, name) => self.builtin(handle, name, e).map(Val::Node),
            ExprKind::Feed(rows) => self.feed(rows, e).map(Val::Node),
            ExprKind::Embed(ids, table) => self.embed(ids, table, e).map(Val::Node),
            ExprKind::IfTraining(a, b) => match self.mode {
                Mode::Training => self.value(a),
                Mode::Serving => self.value(b),
            },
            ExprKind::Tuple(items) => self.values(items).map(Val::Tuple),
            ExprKind::Record(fields) => {
                let fields = fields
                    .iter()
                    .map(|(name, e)| Ok((name.clone(), self.value(e)?)));
                fields.collect::<Built<_>>().map(Val::Record)
            }
            ExprKind::Field(base, name) => self.field(base, name, e),
            ExprKind::Retype(inner) => self.retype(inner, e),
            ExprKind::Grad(y, x) => self.gradient(y, x, e).map(Val::Node),
            ExprKind::Column(..)
            | ExprKind::Statistic(_)
            | ExprKind::Label(..)
            | ExprKind::Error => {
                Err(self.internal(e.span, "a row value stands where a tensor is expected"))
            }
        }
    }

    fn values(&mut self, items: &[Expr]) -> Built<Vec<Val>> {
        items.iter().map(|item| self.value(item)).collect()
    }

    fn field(&mut self, base: &Expr, name: &str, e: &Expr) -> Built<Val> {
        let Val::Record(fields) = self.value(base)? else {
            return Err(self.internal(e.span, "a field of what is no record"));
        };
        match fields.into_iter().find(|(field, _)| field == name) {
            Some((_, value)) => Ok(value),
            None => Err(self.internal(e.span, "a record misses a field")),
        }
    }

    fn unary(&mut self, op: UnaryOp, a: &Expr, e: &Expr) -> Built<NodeId> {
        let a = self.node(a)?;
        let op = match op {
            UnaryOp::Neg => Op::Neg,
            UnaryOp::Not => Op::Not,
        };
        self.push(op, &[a], e)
    }

    /// The value of an expression that is a tensor.
    pub(crate) fn node(&mut self, e: &Expr) -> Built<NodeId> {
        match self.value(e)? {
            Val::Node(node) => Ok(node),
            Val::Handle(_) | Val::View(_) | Val::Record(_) | Val::Tuple(_) | Val::Const(_) => {
                Err(self.internal(e.span, "expected a tensor"))
            }
        }
    }

    fn internal(&self, span: Span, what: &str) -> Box<Diagnostic> {
        Box::new(Diagnostic::error(
            Code(999),
            self.call.unwrap_or(span),
            format!("internal: {what}"),
        ))
    }

    fn site(&self, span: Span) -> Site {
        let definition = self.call.is_some().then_some(span);
        Site {
            call: Some(self.call.unwrap_or(span)),
            definition,
            path: self.path.join("."),
        }
    }

    /// Adds a node whose type follows from its operands.
    fn push(&mut self, op: Op, operands: &[NodeId], e: &Expr) -> Built<NodeId> {
        let site = self.site(e.span);
        self.graph
            .push(op, operands, site)
            .map_err(|error| self.internal(e.span, &error.message))
    }

    /// Adds a node of a given type.
    fn push_typed(
        &mut self,
        op: Op,
        operands: &[NodeId],
        ty: TensorType,
        e: &Expr,
    ) -> Built<NodeId> {
        let site = self.site(e.span);
        self.graph
            .push_typed(op, operands, ty, site)
            .map_err(|error| self.internal(e.span, &error.message))
    }

    fn constant(&mut self, value: &Value, e: &Expr) -> Built<Val> {
        let Ty::Tensor(tensor) = &e.ty else {
            return Ok(Val::Const(value.clone()));
        };
        let mut data = Vec::new();
        numbers(value, &mut data);
        let dims: Vec<Dim> = tensor.dims.iter().map(|size| Dim::Fixed(*size)).collect();
        self.push_typed(Op::Const(data), &[], TensorType::new(tensor.elem, dims), e)
            .map(Val::Node)
    }

    /// A float constant without dimensions.
    fn number(&mut self, value: f64, e: &Expr) -> Built<NodeId> {
        self.push_typed(Op::Const(vec![value]), &[], TensorType::scalar(), e)
    }

    fn scope(
        &mut self,
        segment: Option<&str>,
        lets: &[(LocalId, String, Expr)],
        value: &Expr,
        span: Span,
    ) -> Built<Val> {
        if let Some(segment) = segment {
            self.path.push(segment.to_owned());
        }
        let result = self.scope_value(lets, value, span);
        if segment.is_some() {
            self.path.pop();
        }
        result
    }

    /// The body of a library function is placed at the user's call of it, the arguments where they stand.
    fn scope_value(
        &mut self,
        lets: &[(LocalId, String, Expr)],
        value: &Expr,
        span: Span,
    ) -> Built<Val> {
        for (id, _, e) in lets {
            let bound = self.value(e)?;
            self.locals.insert(*id, bound);
        }
        let outer = self.placed_at(value, span);
        let result = self.value(value);
        self.call = outer;
        result
    }

    /// Places what follows at a call if it is the body of a library function; gives what it was placed at before.
    fn placed_at(&mut self, body: &Expr, call: Span) -> Option<Span> {
        let outer = self.call;
        if is_library(written(body).file) && !is_library(call.file) {
            self.call = outer.or(Some(call));
        }
        outer
    }

    fn feature(&mut self, handle: usize, name: &str, e: &Expr) -> Built<Val> {
        let key = format!("{handle} {name} {:?} {:?}", self.reading, self.mode);
        if let Some(done) = self.features.get(&key) {
            return Ok(done.clone());
        }
        let result = self.feature_at(handle, name, e)?;
        self.features.insert(key, result.clone());
        Ok(result)
    }

    /// A feature, computed anew.
    fn feature_at(&mut self, handle: usize, name: &str, e: &Expr) -> Built<Val> {
        let source = self.handles[handle].source.clone();
        if self.checked.is_empty() {
            let named = |of: &'h hir::Feature| ((of.source.as_str(), of.name.as_str()), of);
            self.checked = self.hir.features.iter().map(named).collect();
        }
        let Some(feature) = self.checked.get(&(source.as_str(), name)).copied() else {
            return Err(self.internal(e.span, "a feature is missing"));
        };
        self.locals.insert(feature.row, Val::Handle(handle));
        let outer = self.call.take();
        let path = self.reading.feature(&source, name);
        let result = self.drawing_for(&path, &[Val::Handle(handle)], |builder| {
            builder.at_path(&path, |builder| builder.value(&feature.value))
        });
        self.call = outer;
        result
    }

    fn gradient(&mut self, y: &Expr, x: &Expr, e: &Expr) -> Built<NodeId> {
        let (y, x) = (self.node(y)?, self.node(x)?);
        match grad_of(&mut self.graph, y, x) {
            Some(node) => Ok(node),
            None => {
                let ty = self.graph.ty(x).clone();
                self.push_typed(Op::Const(vec![0.0]), &[], ty, e)
            }
        }
    }

    fn binary(&mut self, op: BinaryOp, a: &Expr, b: &Expr, e: &Expr) -> Built<NodeId> {
        let (a, b) = (self.node(a)?, self.node(b)?);
        let (a, b) = self.aligned(a, b, e)?;
        self.arithmetic(op, a, b, e)
    }

    /// An operator over two aligned nodes; whole numbers and truth values become floats beside floats.
    fn arithmetic(&mut self, op: BinaryOp, a: NodeId, b: NodeId, e: &Expr) -> Built<NodeId> {
        let logical = matches!(op, BinaryOp::And | BinaryOp::Or);
        let (x, y) = (self.graph.ty(a).elem, self.graph.ty(b).elem);
        let whole =
            x == Elem::I64 && y == Elem::I64 && !matches!(op, BinaryOp::Div | BinaryOp::Pow);
        let (a, b) = if logical || whole {
            (a, b)
        } else {
            (self.float(a, e)?, self.float(b, e)?)
        };
        let op = match op {
            BinaryOp::Add => Op::Add,
            BinaryOp::Sub => Op::Sub,
            BinaryOp::Mul => Op::Mul,
            BinaryOp::Div => Op::Div,
            BinaryOp::Pow => Op::Pow,
            BinaryOp::Eq => Op::Eq,
            BinaryOp::Ne => Op::Ne,
            BinaryOp::Lt => Op::Lt,
            BinaryOp::Le => Op::Le,
            BinaryOp::Gt => Op::Gt,
            BinaryOp::Ge => Op::Ge,
            BinaryOp::And => Op::And,
            BinaryOp::Or => Op::Or,
        };
        self.push(op, &[a, b], e)
    }

    fn float(&mut self, x: NodeId, e: &Expr) -> Built<NodeId> {
        if self.graph.ty(x).elem == Elem::F32 {
            Ok(x)
        } else {
            self.push(Op::Cast(Elem::F32), &[x], e)
        }
    }

    /// An input of the graph, once for what feeds it. A feature may be called as what candidates carry is: the second of a
    /// name gets a number.
    fn input(&mut self, name: String, ty: TensorType, what: FeedKind, e: &Expr) -> Built<NodeId> {
        let numbered = (2..).map(|number| format!("{name}_{number}"));
        let mut names = std::iter::once(name.clone()).chain(numbered);
        let name = loop {
            let name = names.next().expect("numbers do not end");
            match self.fed(&name) {
                Some((node, known)) if *known == what => return Ok(node),
                Some(_) => {}
                None => break name,
            }
        };
        let node = self.push_typed(Op::Input(name.clone()), &[], ty, e)?;
        self.feeds.push(Feed {
            input: name.clone(),
            what,
            span: Some(self.call.unwrap_or(e.span)),
        });
        self.inputs.insert(name, node);
        Ok(node)
    }

    /// The input of this name, and what feeds it.
    fn fed(&self, name: &str) -> Option<(NodeId, &FeedKind)> {
        let node = *self.inputs.get(name)?;
        let feed = self.feeds.iter().find(|feed| feed.input == name)?;
        Some((node, &feed.what))
    }
}

fn numbers(value: &Value, data: &mut Vec<f64>) {
    match value {
        Value::List(items) => items.iter().for_each(|item| numbers(item, data)),
        Value::Bool(value) => data.push(f64::from(u8::from(*value))),
        other => data.extend(other.as_f64()),
    }
}

/// Where a body stands, below what its call makes of it.
fn written(e: &Expr) -> Span {
    match &e.kind {
        ExprKind::Retype(inner) | ExprKind::Scope { value: inner, .. } => written(inner),
        _ => e.span,
    }
}
