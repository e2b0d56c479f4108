//! From row values to tensors, and joining the two sides of an operator.

use reckon_grammar::ast::BinaryOp;
use reckon_grammar::span::Span;

use super::Checker;
use super::constant::symbol;
use crate::build::rows::{bag_identity, bag_of};
use crate::graph::Elem;
use crate::hir::ty::Shown;
use crate::hir::{Expr, ExprKind, HandleTy, Kind, SpaceRef, Tensor, Ty};
use crate::plan::row::{RowKind, RowType};
use crate::value::Value;

impl Checker<'_> {
    /// How a type prints in a message.
    pub(super) fn show(&self, ty: &Ty) -> String {
        Shown(ty, &self.hir.spaces).to_string()
    }

    /// The value as a tensor; what cannot be one is reported.
    pub(super) fn tensor(&mut self, value: Expr) -> Expr {
        let span = value.span;
        match &value.ty {
            Ty::Tensor(_) | Ty::Error => value,
            Ty::Const(constant) => match constant_tensor(constant) {
                Some(tensor) => Expr {
                    ty: Ty::Tensor(tensor),
                    ..value
                },
                None => self.not_a_tensor(&value),
            },
            Ty::Row(row) if row.nullable && !self.is_masked(&value) => {
                let shown = self.show(&value.ty);
                self.report(
                    self.error(309, span, "a null would reach a tensor")
                        .here(format!("this is `{shown}`"))
                        .help("give nulls a value with `fill(..., 0)`, or make ids of them with `vocab`"),
                );
                Expr::error(span)
            }
            Ty::Row(row) => {
                let Some((elem, is_list)) = tensor_elem(&row.kind) else {
                    return self.not_a_tensor(&value);
                };
                let spaces = self.feed_spaces(&value, is_list);
                let ty = Ty::Tensor(Tensor {
                    elem,
                    kind: self.score_kind(&value).unwrap_or(Kind::Plain),
                    spaces,
                    dims: Vec::new(),
                });
                let facts = value.facts.clone();
                Expr::new(ExprKind::Feed(Box::new(value)), ty, facts, span)
            }
            Ty::Tuple(items) if !items.is_empty() => self.stacked(value),
            Ty::Handle(_) | Ty::Tuple(_) | Ty::Record(_) => self.not_a_tensor(&value),
        }
    }

    fn not_a_tensor(&mut self, value: &Expr) -> Expr {
        let shown = self.show(&value.ty);
        let diagnostic = self.error(
            310,
            value.span,
            format!("expected numbers, found `{shown}`"),
        );
        self.report(match &value.ty {
            Ty::Row(row)
                if row.kind == RowKind::Str
                    || row.kind == RowKind::List(Box::new(RowKind::Str)) =>
            {
                diagnostic
                    .help("turn text into ids and then into a vector: `... |> vocab |> embed(16)`")
            }
            Ty::Handle(handle) => diagnostic.help(format!(
                "write `concat({0})` for all its features, or name one: `{0}.NAME`",
                handle.source
            )),
            Ty::Record(fields) => match fields.first() {
                Some((name, _)) => diagnostic.help(format!("name the field: `.{name}`")),
                None => diagnostic,
            },
            _ => diagnostic,
        });
        Expr::error(value.span)
    }

    /// Values beside each other as one tensor with a new first dimension.
    fn stacked(&mut self, value: Expr) -> Expr {
        let ExprKind::Tuple(items) = value.kind.clone() else {
            return self.not_a_tensor(&value);
        };
        let items: Vec<Expr> = items.into_iter().map(|item| self.tensor(item)).collect();
        self.stack(items, value.span)
    }

    pub(super) fn stack(&mut self, items: Vec<Expr>, span: Span) -> Expr {
        let mut spaces = Vec::new();
        let mut dims: Option<Vec<usize>> = None;
        let mut facts = crate::hir::Facts::default();
        for item in &items {
            let Ty::Tensor(tensor) = &item.ty else {
                return Expr::error(span);
            };
            spaces = self.join_spaces(&spaces, &tensor.spaces);
            facts = facts.join(&item.facts);
            if dims.get_or_insert_with(|| tensor.dims.clone()) != &tensor.dims {
                let (first, this) = (self.show(&items[0].ty), self.show(&item.ty));
                self.report(
                    self.error(
                        302,
                        item.span,
                        format!("expected `{first}` as the first element, found `{this}`"),
                    )
                    .note("all elements of a stack have one shape"),
                );
                return Expr::error(span);
            }
        }
        let mut shape = vec![items.len()];
        shape.extend(dims.unwrap_or_default());
        Expr::new(
            ExprKind::Prim("stack".into(), items),
            Ty::Tensor(Tensor::f32(spaces, shape)),
            facts,
            span,
        )
    }

    /// The spaces of a row value: those of the handle it is read from, and its own list.
    fn feed_spaces(&mut self, value: &Expr, is_list: bool) -> Vec<SpaceRef> {
        let Some((key, handle)) = row_root(value) else {
            return Vec::new();
        };
        if is_list {
            let identity = match bag_of(value) {
                Some(bag) => bag_identity(&key, &bag),
                None => format!("{key}/{:?}", value.span),
            };
            return vec![self.list_space(identity, &handle, None)];
        }
        handle.space.into_iter().collect()
    }

    /// An operator over two values of any stage.
    pub(super) fn join(&mut self, op: BinaryOp, a: Expr, b: Expr, span: Span) -> Expr {
        if a.is_error() || b.is_error() {
            return Expr::error(span);
        }
        if let (Ty::Const(x), Ty::Const(y)) = (&a.ty, &b.ty) {
            return match super::constant::binary(op, x, y) {
                Ok(value) => Expr::constant(value, span),
                Err(why) => {
                    self.report(self.error(303, span, why));
                    Expr::error(span)
                }
            };
        }
        if op == BinaryOp::Add
            && let Some(mixture) = self.mixture(&a, &b, span)
        {
            return mixture;
        }
        let as_rows = match (&a.ty, &b.ty) {
            (Ty::Row(_), Ty::Const(_)) | (Ty::Const(_), Ty::Row(_)) => true,
            (Ty::Row(_), Ty::Row(_)) => match (row_root(&a), row_root(&b)) {
                (Some((x, _)), Some((y, _))) => x == y,
                _ => true,
            },
            _ => false,
        };
        if as_rows {
            self.join_rows(op, a, b, span)
        } else {
            self.join_tensors(op, a, b, span)
        }
    }

    fn join_rows(&mut self, op: BinaryOp, a: Expr, b: Expr, span: Span) -> Expr {
        let (Some(x), Some(y)) = (row_type(&a.ty), row_type(&b.ty)) else {
            return self.join_tensors(op, a, b, span);
        };
        match join_row_types(op, &x, &y) {
            Some(kind) => {
                let ty = Ty::Row(RowType {
                    kind,
                    nullable: x.nullable || y.nullable,
                });
                let facts = a.facts.clone().join(&b.facts);
                Expr::new(
                    ExprKind::Binary(op, Box::new(a), Box::new(b)),
                    ty,
                    facts,
                    span,
                )
            }
            None => {
                let message = format!("`{}` does not join `{x}` and `{y}`", symbol(op));
                let refused = self.error(303, span, message);
                let truth = x.kind == RowKind::Bool || y.kind == RowKind::Bool;
                self.report(match (&x.kind, &y.kind) {
                    _ if truth && matches!(op, BinaryOp::Eq | BinaryOp::Ne) => refused.help("a truth value stands by itself: `click`, `not click`"),
                    (RowKind::Time, RowKind::Str) | (RowKind::Str, RowKind::Time) => refused.help("times are compared with times, or `day(at)` with a number of days since 1970"),
                    _ => refused,
                });
                Expr::error(span)
            }
        }
    }

    fn join_tensors(&mut self, op: BinaryOp, a: Expr, b: Expr, span: Span) -> Expr {
        let (a, b) = (self.tensor(a), self.tensor(b));
        let (Ty::Tensor(x), Ty::Tensor(y)) = (&a.ty, &b.ty) else {
            return Expr::error(span);
        };
        let Some(dims) = join_dims(&x.dims, &y.dims) else {
            let (x, y) = (self.show(&a.ty), self.show(&b.ty));
            self.report(
                self.error(302, span, format!("dimensions differ: `{x}` {} `{y}`", symbol(op)))
                    .note("positional dimensions align from the right and must be equal; spaces align by name"),
            );
            return Expr::error(span);
        };
        let Some((elem, kind)) = join_kinds(op, x, y) else {
            let (x, y) = (self.show(&a.ty), self.show(&b.ty));
            self.report(self.error(
                304,
                span,
                format!("`{}` does not join `{x}` and `{y}`", symbol(op)),
            ));
            return Expr::error(span);
        };
        let ty = Ty::Tensor(Tensor {
            elem,
            kind,
            spaces: self.join_spaces(&x.spaces, &y.spaces),
            dims,
        });
        let facts = a.facts.clone().join(&b.facts);
        Expr::new(
            ExprKind::Binary(op, Box::new(a), Box::new(b)),
            ty,
            facts,
            span,
        )
    }
}

/// The longer of two shapes, where the shorter is its end.
pub(super) fn join_dims(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    long.ends_with(short).then(|| long.to_vec())
}

fn join_kinds(op: BinaryOp, a: &Tensor, b: &Tensor) -> Option<(Elem, Kind)> {
    use BinaryOp as Op;
    match op {
        Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge => (a.elem == b.elem
            || (a.elem != Elem::Bool && b.elem != Elem::Bool))
            .then_some((Elem::Bool, Kind::Plain)),
        Op::And | Op::Or => {
            (a.elem == Elem::Bool && b.elem == Elem::Bool).then_some((Elem::Bool, Kind::Plain))
        }
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Pow => {
            let elem =
                if a.elem == Elem::I64 && b.elem == Elem::I64 && op != Op::Div && op != Op::Pow {
                    Elem::I64
                } else {
                    Elem::F32
                };
            Some((elem, arithmetic_kind(op, a.kind, b.kind)))
        }
    }
}

/// Products of probabilities are probabilities, sums of their logs are logs of probabilities, and a shifted logit
/// stays one; anything else is a plain number.
fn arithmetic_kind(op: BinaryOp, a: Kind, b: Kind) -> Kind {
    match (op, a, b) {
        (BinaryOp::Mul, Kind::Prob, Kind::Prob) => Kind::Prob,
        (BinaryOp::Add, Kind::LogProb, Kind::LogProb) => Kind::LogProb,
        (BinaryOp::Add | BinaryOp::Sub, Kind::Logit, Kind::Plain | Kind::Logit)
        | (BinaryOp::Add, Kind::Plain, Kind::Logit)
        | (BinaryOp::Mul | BinaryOp::Div, Kind::Logit, Kind::Plain)
        | (BinaryOp::Mul, Kind::Plain, Kind::Logit) => Kind::Logit,
        _ => Kind::Plain,
    }
}

fn join_row_types(op: BinaryOp, a: &RowType, b: &RowType) -> Option<RowKind> {
    use BinaryOp as Op;
    use RowKind::{Bool, Duration, Float, Int, List, Str, Time};
    let number = |kind: &RowKind| matches!(kind, Int | Float);
    match op {
        Op::And | Op::Or => (a.kind == Bool && b.kind == Bool).then_some(Bool),
        Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge => {
            let comparable = (number(&a.kind) && number(&b.kind))
                || (a.kind == b.kind && !matches!(a.kind, List(_)));
            comparable.then_some(Bool)
        }
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Pow => match (&a.kind, &b.kind) {
            (Int, Int) => Some(if matches!(op, Op::Div | Op::Pow) {
                Float
            } else {
                Int
            }),
            (x, y) if number(x) && number(y) => Some(Float),
            (Time, Time) if op == Op::Sub => Some(Duration),
            (Time, Duration) if matches!(op, Op::Add | Op::Sub) => Some(Time),
            (Duration, Duration) if matches!(op, Op::Add | Op::Sub) => Some(Duration),
            (Duration, Duration) if op == Op::Div => Some(Float),
            (Duration, y) if number(y) && matches!(op, Op::Mul | Op::Div) => Some(Duration),
            (x, Duration) if number(x) && op == Op::Mul => Some(Duration),
            (Str, Str) if op == Op::Add => None,
            _ => None,
        },
    }
}

/// The type of a row value or of a constant beside one.
pub(super) fn row_type(ty: &Ty) -> Option<RowType> {
    match ty {
        Ty::Row(row) => Some(row.clone()),
        Ty::Const(value) => constant_kind(value).map(RowType::new),
        _ => None,
    }
}

fn constant_kind(value: &Value) -> Option<RowKind> {
    Some(match value {
        Value::Int(_) => RowKind::Int,
        Value::Float(_) => RowKind::Float,
        Value::Bool(_) => RowKind::Bool,
        Value::Str(_) => RowKind::Str,
        Value::Duration(_) => RowKind::Duration,
        Value::Word(_) => return None,
        Value::List(items) => RowKind::List(Box::new(constant_kind(items.first()?)?)),
    })
}

fn constant_tensor(value: &Value) -> Option<Tensor> {
    let elem = match value {
        Value::Int(_) | Value::Float(_) => Elem::F32,
        Value::Bool(_) => Elem::Bool,
        Value::List(items) => {
            let inner: Vec<Tensor> = items.iter().map(constant_tensor).collect::<Option<_>>()?;
            let first = inner.first()?;
            if inner.iter().any(|item| item != first) {
                return None;
            }
            let mut dims = vec![items.len()];
            dims.extend(&first.dims);
            return Some(Tensor {
                elem: first.elem,
                kind: Kind::Plain,
                spaces: Vec::new(),
                dims,
            });
        }
        Value::Str(_) | Value::Duration(_) | Value::Word(_) => return None,
    };
    Some(Tensor {
        elem,
        kind: Kind::Plain,
        spaces: Vec::new(),
        dims: Vec::new(),
    })
}

fn tensor_elem(kind: &RowKind) -> Option<(Elem, bool)> {
    Some(match kind {
        RowKind::Int | RowKind::Float | RowKind::Duration => (Elem::F32, false),
        RowKind::Bool => (Elem::Bool, false),
        RowKind::List(of) => (tensor_elem(of)?.0, true),
        RowKind::Str | RowKind::Time => return None,
    })
}

/// The handle that a row value is read from, references followed back, with a key that tells handles apart.
pub(crate) fn row_root(value: &Expr) -> Option<(String, HandleTy)> {
    match &value.kind {
        ExprKind::Column(handle, _) | ExprKind::Builtin(handle, _) => {
            let root = root_handle(handle);
            match &root.ty {
                Ty::Handle(ty) => Some((handle_key(root), ty.clone())),
                _ => None,
            }
        }
        ExprKind::Statistic(of) => {
            let root = root_handle(&of.row);
            match &root.ty {
                Ty::Handle(ty) => Some((handle_key(root), ty.clone())),
                _ => None,
            }
        }
        ExprKind::Label(handle, _, _) => {
            let root = root_handle(handle);
            match &root.ty {
                Ty::Handle(ty) => Some((handle_key(root), ty.clone())),
                _ => None,
            }
        }
        ExprKind::Prim(_, args) => args.iter().find_map(row_root),
        ExprKind::Binary(_, a, b) => row_root(a).or_else(|| row_root(b)),
        ExprKind::Unary(_, a) => row_root(a),
        ExprKind::Scope { lets, value, .. } => {
            row_root(value).or_else(|| lets.iter().find_map(|(_, _, e)| row_root(e)))
        }
        _ => None,
    }
}

/// The handle before any references were followed.
pub(crate) fn root_handle(handle: &Expr) -> &Expr {
    match &handle.kind {
        ExprKind::Refer(of, _) | ExprKind::View(of, _) => root_handle(of),
        _ => handle,
    }
}

/// Equal for handles that hold the same rows.
pub(crate) fn handle_key(handle: &Expr) -> String {
    match &handle.kind {
        ExprKind::Local(id) => format!("h{id}"),
        ExprKind::Refer(of, target) => format!("{}.{target}", handle_key(of)),
        ExprKind::History(of, index) => format!("{}#{index}", handle_key(of)),
        ExprKind::Candidates(kind, of) => format!("{}@{kind:?}", handle_key(of)),
        ExprKind::View(of, view) => format!("{}~{}", handle_key(of), view.id),
        _ => format!("{:?}", handle.span),
    }
}
