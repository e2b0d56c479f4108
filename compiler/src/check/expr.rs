//! Expressions: names, fields, operators, choices and loops.

use reckon_grammar::ast::{self, BinaryOp, Body, ExprKind as Syntax, Name, UnaryOp};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use super::{Checker, Frame, constant};
use crate::hir::{Expr, ExprKind, Facts, HandleTy, Kind, Tensor, Ty};
use crate::plan::row::RowKind;
use crate::value::Value;

/// Scalars that say how far the training is.
const CLOCKS: [&str; 2] = ["epoch", "step"];

impl Checker<'_> {
    /// The typed form of an expression. What is wrong has been reported, and the result is then an error.
    pub(super) fn expr(&mut self, e: &ast::Expr) -> Expr {
        let span = e.span;
        match &e.kind {
            Syntax::Int(value) => Expr::constant(Value::Int(*value), span),
            Syntax::Float(value) | Syntax::Percent(value) => {
                Expr::constant(Value::Float(*value), span)
            }
            Syntax::Duration(seconds) => {
                Expr::constant(Value::Duration((seconds * 1e6).round() as i64), span)
            }
            Syntax::Str(text) => Expr::constant(Value::Str(text.clone()), span),
            Syntax::Bool(value) => Expr::constant(Value::Bool(*value), span),
            Syntax::Name(name) => self.name(name, span),
            Syntax::Field(base, name) => self.field(base, name, span),
            Syntax::Call(callee, args) => self.call(callee, None, args, span),
            Syntax::Pipe(value, callee, args) => {
                let piped = self.call(callee, Some(value), args, span);
                self.reveal_step(span, &piped);
                piped
            }
            Syntax::Unary(op, value) => self.unary(*op, value, span),
            Syntax::Binary(op, a, b) => match self.chained(*op, a, span) {
                Some(middle) => self.chain(*op, a, middle, b, span),
                None => {
                    let (a, b) = (self.expr(a), self.expr(b));
                    self.join(*op, a, b, span)
                }
            },
            Syntax::If(cond, then, otherwise) => self.choice(cond, then, otherwise, span),
            Syntax::Match(subject, arms) => self.matched(subject, arms, span),
            Syntax::For {
                var,
                list,
                carry,
                body,
            } => self.unrolled(var, list, carry.as_ref(), body, span),
            Syntax::Range(low, high) => self.range(low, high, span),
            Syntax::List(items) => self.list(items, span),
            Syntax::Record(fields) => self.record(fields, span),
            Syntax::Rows { .. } => {
                self.report(
                    self.error(305, span, "rows stand where a value is expected")
                        .help("rows belong after `over`, or into a function of rows such as `history(...)`"),
                );
                Expr::error(span)
            }
            Syntax::Error => Expr::error(span),
        }
    }

    /// A body: its lets in order, then its value, wrapped so that weights inside get the segment.
    pub(super) fn body(&mut self, body: &Body, segment: Option<String>) -> Expr {
        self.segments.push(Default::default());
        let mark = self.frames.last().map_or(0, |frame| frame.locals.len());
        let mut lets = Vec::new();
        for binding in &body.lets {
            self.let_once(&binding.name);
            lets.extend(self.binding(&binding.name, &binding.value));
        }
        let value = self.expr(&body.value);
        if let Some(frame) = self.frames.last_mut() {
            frame.locals.truncate(mark);
        }
        self.segments.pop();
        scope(segment, lets, value)
    }

    /// Names of one body are never each other's: the second would hide the first.
    fn let_once(&mut self, name: &Name) {
        let taken = self.frames.last().is_some_and(|frame| {
            !frame.library && frame.locals.iter().any(|known| known.name == name.text)
        });
        if taken && !name.text.is_empty() {
            let twice = format!("`{}` is declared twice", name.text);
            self.report(
                self.error(204, name.span, twice)
                    .help("give one of them another name"),
            );
        }
    }

    /// One `let`. Constants and broken values need no binding at run time.
    pub(super) fn binding(
        &mut self,
        name: &Name,
        value: &ast::Expr,
    ) -> Option<(usize, String, Expr)> {
        let span = value.span;
        self.hint = Some(name.text.clone());
        let value = self.expr(value);
        self.hint = None;
        self.reveal(span, &value);
        self.bound(&name.text, value)
    }

    pub(super) fn bound(&mut self, name: &str, value: Expr) -> Option<(usize, String, Expr)> {
        if matches!(value.ty, Ty::Const(_) | Ty::Error) || matches!(value.kind, ExprKind::Local(_))
        {
            self.bind(name, value);
            return None;
        }
        let id = self.local();
        let reference = Expr::new(
            ExprKind::Local(id),
            value.ty.clone(),
            value.facts.clone(),
            value.span,
        );
        let reference = if by_name(&value.ty) {
            value.clone()
        } else {
            reference
        };
        let transparent = !matches!(reference.kind, ExprKind::Local(_));
        self.bind(name, reference);
        (!transparent).then(|| (id, name.to_owned(), value))
    }

    fn name(&mut self, name: &str, span: Span) -> Expr {
        if let Some(found) = self.lookup(name, span) {
            return found;
        }
        if CLOCKS.contains(&name) {
            let ty = Ty::Tensor(Tensor::f32(Vec::new(), Vec::new()));
            let clock = ExprKind::Prim(name.to_owned(), Vec::new());
            return Expr::new(clock, ty, Facts::default(), span);
        }
        let mut known: Vec<String> = self.names_in_scope();
        known.sort();
        known.dedup();
        if let Some(found) = self.fns.get(name) {
            let module = if found.library {
                format!(" of `{}`", found.module)
            } else {
                String::new()
            };
            self.report(
                self.error(
                    210,
                    span,
                    format!("`{name}` is a function{module}, not a value"),
                )
                .help(format!("call it: `{name}(...)`, or write `... |> {name}`")),
            );
            return Expr::error(span);
        }
        if self.towers.contains_key(name) {
            self.report(
                self.error(210, span, format!("`{name}` is a tower, not a value"))
                    .help(format!("apply it to rows: `{name}(...)`")),
            );
            return Expr::error(span);
        }
        if let Some(told) = self.name_elsewhere(name, span) {
            self.report(told);
            return Expr::error(span);
        }
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        self.unknown(211, span, "name", name, &known)
    }

    /// A name in value position: a local, a column or handle of the row in scope, a setting or a weight.
    fn lookup(&mut self, name: &str, span: Span) -> Option<Expr> {
        let frame = self.frames.last()?;
        let bound = frame.locals.iter().rev().find(|known| known.name == name);
        if let Some(binding) = bound {
            return Some(Expr {
                span,
                ..binding.value.clone()
            });
        }
        // What the library says does not depend on the names of a spec.
        if frame.library {
            return None;
        }
        if let Some(row) = frame.row.clone()
            && let Some(found) = self.in_row(&row, name, span)
        {
            return Some(found);
        }
        if let Some((_, value)) = self.hir.settings.iter().find(|(known, _)| known == name) {
            let value = value.clone();
            self.used.insert(format!("setting {name}"));
            return Some(Expr::constant(value, span));
        }
        // What was refused where it is declared is not refused again where it is read.
        if self.refused.contains(name) {
            return Some(Expr::error(span));
        }
        let weight = self.hir.weights.iter().find(|weight| weight.name == name)?;
        let ty = Ty::Tensor(weight.ty.clone());
        Some(Expr::new(
            ExprKind::ItemWeight(name.to_owned()),
            ty,
            Facts::default(),
            span,
        ))
    }

    fn in_row(&mut self, row: &super::RowScope, name: &str, span: Span) -> Option<Expr> {
        if row.source == name {
            return Some(Expr {
                span,
                ..row.handle.clone()
            });
        }
        if self.has_column(&row.source, name) {
            return Some(self.column(row.handle.clone(), &row.source, name, span));
        }
        self.reference(&row.handle, &row.source, name, span)
    }

    fn names_in_scope(&self) -> Vec<String> {
        let mut names = Vec::new();
        if let Some(frame) = self.frames.last() {
            names.extend(frame.locals.iter().map(|binding| binding.name.clone()));
            if let Some(source) = frame
                .row
                .as_ref()
                .and_then(|row| self.hir.sources.iter().find(|s| s.name == row.source))
            {
                names.push(source.name.clone());
                names.extend(self.column_names(&source.name));
                names.extend(
                    source
                        .references
                        .iter()
                        .map(|reference| reference.target.clone()),
                );
            }
        }
        names.extend(self.hir.settings.iter().map(|(name, _)| name.clone()));
        names.extend(self.hir.weights.iter().map(|weight| weight.name.clone()));
        names
    }

    /// What stands between two comparisons that the parser has found in a chain.
    fn chained<'e>(&self, op: BinaryOp, left: &'e ast::Expr, span: Span) -> Option<&'e ast::Expr> {
        let Syntax::Binary(first, _, middle) = &left.kind else {
            return None;
        };
        let refused = |found: &Diagnostic| {
            let at = found.primary.span;
            found.code == Code(115)
                && at.file == span.file
                && at.start >= left.span.end
                && at.end <= span.end
        };
        let chains = compares(*first) && compares(op);
        (chains && self.program.diagnostics.iter().any(refused)).then_some(middle)
    }

    /// `a < b < c` was refused, and goes on as the `a < b and b < c` that it stands for.
    fn chain(
        &mut self,
        op: BinaryOp,
        left: &ast::Expr,
        middle: &ast::Expr,
        right: &ast::Expr,
        span: Span,
    ) -> Expr {
        let first = self.expr(left);
        let (middle, right) = (self.expr(middle), self.expr(right));
        let second = self.join(op, middle, right, span);
        self.join(BinaryOp::And, first, second, span)
    }

    fn unary(&mut self, op: UnaryOp, value: &ast::Expr, span: Span) -> Expr {
        let value = self.expr(value);
        let facts = value.facts.clone();
        let ty = match (&value.ty, op) {
            (Ty::Error, _) => return Expr::error(span),
            (Ty::Const(constant), _) => {
                return match constant::unary(op, constant) {
                    Ok(value) => Expr::constant(value, span),
                    Err(why) => {
                        self.report(self.error(303, span, why));
                        Expr::error(span)
                    }
                };
            }
            (Ty::Row(row), UnaryOp::Not) if row.kind == RowKind::Bool => value.ty.clone(),
            (Ty::Row(row), UnaryOp::Neg)
                if matches!(row.kind, RowKind::Int | RowKind::Float | RowKind::Duration) =>
            {
                value.ty.clone()
            }
            (Ty::Tensor(tensor), UnaryOp::Not) if tensor.elem == crate::graph::Elem::Bool => {
                value.ty.clone()
            }
            (Ty::Tensor(tensor), UnaryOp::Neg) if tensor.elem != crate::graph::Elem::Bool => {
                let kind = if tensor.kind == Kind::Logit {
                    Kind::Logit
                } else {
                    Kind::Plain
                };
                Ty::Tensor(Tensor {
                    kind,
                    ..tensor.clone()
                })
            }
            _ => {
                let (shown, symbol) = (
                    self.show(&value.ty),
                    if op == UnaryOp::Neg { "-" } else { "not" },
                );
                self.report(self.error(303, span, format!("`{symbol}` does not take `{shown}`")));
                return Expr::error(span);
            }
        };
        Expr::new(ExprKind::Unary(op, Box::new(value)), ty, facts, span)
    }

    fn list(&mut self, items: &[ast::Expr], span: Span) -> Expr {
        let items: Vec<Expr> = items.iter().map(|item| self.expr(item)).collect();
        tuple(items, span)
    }

    fn record(&mut self, fields: &[(Name, ast::Expr)], span: Span) -> Expr {
        let mut values: Vec<(String, Expr)> = Vec::new();
        for (name, value) in fields {
            let value = self.expr(value);
            if values.iter().any(|(known, _)| *known == name.text) {
                self.report(self.error(
                    204,
                    name.span,
                    format!("field `{}` is given twice", name.text),
                ));
                return Expr::error(span);
            }
            values.push((name.text.clone(), value));
        }
        named(values, span)
    }

    /// Runs `work` with the columns and references of a row in scope.
    pub(super) fn in_row_scope<T>(
        &mut self,
        handle: Expr,
        source: &str,
        work: impl FnOnce(&mut Self) -> T,
    ) -> T {
        let row = Some(super::RowScope {
            handle,
            source: source.to_owned(),
        });
        self.frames.push(Frame {
            row,
            ..Frame::default()
        });
        let result = work(self);
        self.frames.pop();
        result
    }

    /// A handle over rows of a source, as a fresh local.
    pub(super) fn row_handle(&mut self, ty: HandleTy, span: Span) -> (usize, Expr) {
        let id = self.local();
        (
            id,
            Expr::new(ExprKind::Local(id), Ty::Handle(ty), Facts::default(), span),
        )
    }
}

/// A record of values.
pub(super) fn named(values: Vec<(String, Expr)>, span: Span) -> Expr {
    if values.iter().any(|(_, value)| value.is_error()) {
        return Expr::error(span);
    }
    let facts = values.iter().fold(Facts::default(), |facts, (_, value)| {
        facts.join(&value.facts)
    });
    let types = values.iter();
    let types = types.map(|(name, value)| (name.clone(), value.ty.clone()));
    let ty = Ty::Record(types.collect());
    Expr::new(ExprKind::Record(values), ty, facts, span)
}

/// Whether values of this type are read anew where their name stands: kernels have no bindings, and rows need none.
pub(super) fn by_name(ty: &Ty) -> bool {
    match ty {
        Ty::Row(_) | Ty::Tuple(_) | Ty::Handle(_) => true,
        Ty::Record(fields) => fields.iter().any(|(_, ty)| by_name(ty)),
        Ty::Const(_) | Ty::Tensor(_) | Ty::Error => false,
    }
}

/// Wraps a value with bindings; without bindings and segment it stays as it is.
pub(super) fn scope(
    segment: Option<String>,
    lets: Vec<(usize, String, Expr)>,
    value: Expr,
) -> Expr {
    if lets.is_empty() && segment.is_none() {
        return value;
    }
    let value = super::views::bind_views(segment.as_ref(), &lets, value);
    if value.is_error() || value.ty.value().is_some() || matches!(value.ty, Ty::Handle(_)) {
        return value;
    }
    let (ty, facts, span) = (value.ty.clone(), value.facts.clone(), value.span);
    Expr::new(
        ExprKind::Scope {
            segment,
            lets,
            value: Box::new(value),
        },
        ty,
        facts,
        span,
    )
}

/// Several values beside each other; constants make a constant list.
pub(super) fn tuple(items: Vec<Expr>, span: Span) -> Expr {
    if items.iter().any(Expr::is_error) {
        return Expr::error(span);
    }
    if let Some(values) = items
        .iter()
        .map(|item| item.ty.value().cloned())
        .collect::<Option<Vec<Value>>>()
    {
        return Expr::constant(Value::List(values), span);
    }
    let facts = items
        .iter()
        .fold(Facts::default(), |facts, item| facts.join(&item.facts));
    let ty = Ty::Tuple(items.iter().map(|item| item.ty.clone()).collect());
    Expr::new(ExprKind::Tuple(items), ty, facts, span)
}

fn compares(op: BinaryOp) -> bool {
    use BinaryOp::{Eq, Ge, Gt, Le, Lt, Ne};
    matches!(op, Eq | Ne | Lt | Le | Gt | Ge)
}
