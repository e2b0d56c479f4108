//! Expressions: names, fields, operators, choices and loops.

use reckon_grammar::ast::{self, Body, ExprKind as Syntax, Name, UnaryOp};
use reckon_grammar::diagnostic::nearest;
use reckon_grammar::span::Span;

use super::values::handle_key;
use super::{Checker, Frame, constant, list};
use crate::hir::{Expr, ExprKind, Facts, HandleTy, Kind, SpaceKind, Tensor, Ty};
use crate::plan::row::RowKind;
use crate::value::Value;

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
            Syntax::Pipe(value, callee, args) => self.call(callee, Some(value), args, span),
            Syntax::Unary(op, value) => self.unary(*op, value, span),
            Syntax::Binary(op, a, b) => {
                let (a, b) = (self.expr(a), self.expr(b));
                self.join(*op, a, b, span)
            }
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
            lets.extend(self.binding(&binding.name, &binding.value));
        }
        let value = self.expr(&body.value);
        if let Some(frame) = self.frames.last_mut() {
            frame.locals.truncate(mark);
        }
        self.segments.pop();
        scope(segment, lets, value)
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

    /// The entity rows that a handle refers to.
    pub(super) fn reference(
        &mut self,
        handle: &Expr,
        source: &str,
        target: &str,
        span: Span,
    ) -> Option<Expr> {
        let source = self.hir.sources.iter().find(|known| known.name == source)?;
        source
            .references
            .iter()
            .find(|reference| reference.target == target)?;
        let Ty::Handle(from) = &handle.ty else {
            return None;
        };
        let ty = Ty::Handle(HandleTy {
            source: target.to_owned(),
            candidates: false,
            ..from.clone()
        });
        let kind = ExprKind::Refer(Box::new(handle.clone()), target.to_owned());
        Some(Expr::new(kind, ty, Facts::default(), span))
    }

    fn field(&mut self, base: &ast::Expr, name: &Name, span: Span) -> Expr {
        if let Syntax::Field(inner, raw) = &base.kind
            && raw.text == "raw"
        {
            let handle = self.expr(inner);
            if let Ty::Handle(ty) = &handle.ty {
                let source = ty.source.clone();
                return self.raw_column(handle, &source, name, span);
            }
        }
        let base = self.expr(base);
        self.project(base, name, span)
    }

    fn raw_column(&mut self, handle: Expr, source: &str, name: &Name, span: Span) -> Expr {
        if self.has_column(source, &name.text) {
            return self.column(handle, source, &name.text, span);
        }
        let columns = self.column_names(source);
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        self.unknown(
            212,
            name.span,
            &format!("column of `{source}`"),
            &name.text,
            &columns,
        )
    }

    /// `base.name`; over several values, of each.
    pub(super) fn project(&mut self, base: Expr, name: &Name, span: Span) -> Expr {
        match &base.ty {
            Ty::Error => Expr::error(span),
            Ty::Record(fields) => match fields.iter().find(|(field, _)| *field == name.text) {
                Some((_, ty)) => {
                    let (ty, facts) = (ty.clone(), base.facts.clone());
                    if let (true, Some(value)) = (by_name(&ty), field_of(&base, &name.text)) {
                        return Expr { span, ..value };
                    }
                    Expr::new(
                        ExprKind::Field(Box::new(base), name.text.clone()),
                        ty,
                        facts,
                        span,
                    )
                }
                None => {
                    let names: Vec<&str> = fields.iter().map(|(field, _)| field.as_str()).collect();
                    self.unknown(213, name.span, "field", &name.text, &names)
                }
            },
            Ty::Tuple(_) => {
                let ExprKind::Tuple(items) = base.kind else {
                    return Expr::error(span);
                };
                let items: Vec<Expr> = items
                    .into_iter()
                    .map(|item| self.project(item, name, span))
                    .collect();
                tuple(items, span)
            }
            Ty::Handle(handle) => {
                let handle = handle.clone();
                self.of_handle(base, &handle, name, span)
            }
            Ty::Const(_) | Ty::Row(_) | Ty::Tensor(_) => {
                let shown = self.show(&base.ty);
                let diagnostic = self
                    .error(214, name.span, format!("`{shown}` has no field `{}`", name.text))
                    .note("`.` takes a field of a record or a feature of a row; `|>` applies a function");
                self.report(if self.fns.contains_key(name.text.as_str()) {
                    diagnostic.help(format!("write `... |> {}`", name.text))
                } else {
                    diagnostic
                });
                Expr::error(span)
            }
        }
    }

    fn of_handle(&mut self, base: Expr, handle: &HandleTy, name: &Name, span: Span) -> Expr {
        if let Some(found) = self.candidate_field(&base, handle, &name.text, span) {
            return found;
        }
        if let Some(at) = self.feature_index(&handle.source, &name.text) {
            self.used
                .insert(format!("feature {}.{}", handle.source, name.text));
            return self.feature(base, handle, at, span);
        }
        if self
            .feature_items
            .iter()
            .any(|(source, known, _)| *source == handle.source && *known == name.text)
        {
            return Expr::error(span);
        }
        if let Some(found) = self.reference(&base, &handle.source, &name.text, span) {
            return found;
        }
        if name.text == "at"
            && let Some(time) = self
                .hir
                .sources
                .iter()
                .find(|s| s.name == handle.source)
                .and_then(|s| s.time.clone())
        {
            return self.column(base, &handle.source, &time, span);
        }
        let mut known: Vec<String> = self
            .feature_items
            .iter()
            .filter(|(source, _, _)| *source == handle.source)
            .map(|(_, name, _)| name.clone())
            .collect();
        if let Some(source) = self
            .hir
            .sources
            .iter()
            .find(|source| source.name == handle.source)
        {
            known.extend(
                source
                    .references
                    .iter()
                    .map(|reference| reference.target.clone()),
            );
        }
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        if self.has_column(&handle.source, &name.text)
            && nearest(&name.text, known.iter().copied()) != Some(&name.text)
        {
            self.report(
                self.error(215, name.span, format!("`{}` is a column of `{}`, not a feature", name.text, handle.source))
                    .help(format!("write `.raw.{0}` for the column, or add a feature `{0} = ...` to `features {1}`", name.text, handle.source)),
            );
            return Expr::error(span);
        }
        self.unknown(
            215,
            name.span,
            &format!("feature of `{}`", handle.source),
            &name.text,
            &known,
        )
    }

    /// What candidates carry beside their features.
    fn candidate_field(
        &mut self,
        base: &Expr,
        handle: &HandleTy,
        name: &str,
        span: Span,
    ) -> Option<Expr> {
        if !handle.candidates {
            return None;
        }
        let ExprKind::Candidates(_, own) = &base.kind else {
            return None;
        };
        let Ty::Handle(own) = &own.ty else {
            return None;
        };
        let (shared, batch) = (
            handle.space.into_iter().collect::<Vec<_>>(),
            own.space.into_iter().collect::<Vec<_>>(),
        );
        let (elem, spaces) = match name {
            "index" | "column" => (crate::graph::Elem::I64, shared),
            "own" | "positive" => (crate::graph::Elem::I64, batch),
            "log_count" => (crate::graph::Elem::F32, shared),
            "known" => (crate::graph::Elem::Bool, self.join_spaces(&batch, &shared)),
            _ => return None,
        };
        let ty = Ty::Tensor(Tensor {
            elem,
            kind: Kind::Plain,
            spaces,
            dims: Vec::new(),
        });
        Some(Expr::new(
            ExprKind::Builtin(Box::new(base.clone()), name.to_owned()),
            ty,
            Facts::default(),
            span,
        ))
    }

    /// A feature as a tensor over the handle's space.
    pub(super) fn feature(&mut self, base: Expr, handle: &HandleTy, at: usize, span: Span) -> Expr {
        let feature = &self.hir.features[at];
        let (source, name) = (feature.source.clone(), feature.name.clone());
        let mut facts = Facts::default();
        if handle.past {
            facts.sides.insert("past".into());
        } else {
            facts.sides = feature.value.facts.sides.clone();
        }
        let ty = match feature.value.ty.clone() {
            Ty::Tensor(tensor) => {
                let mut spaces: Vec<_> = handle.space.into_iter().collect();
                for space in &tensor.spaces {
                    let SpaceKind::List { max, .. } = self.hir.spaces[space.0 as usize].kind else {
                        continue;
                    };
                    let identity = format!("{}/{source}.{name}/{}", handle_key(&base), space.0);
                    let list = self.list_space(identity, handle, max);
                    spaces = self.join_spaces(&spaces, &[list]);
                }
                Ty::Tensor(Tensor { spaces, ..tensor })
            }
            _ => return Expr::error(span),
        };
        Expr::new(ExprKind::Feature(Box::new(base), name), ty, facts, span)
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

    fn choice(
        &mut self,
        cond: &ast::Expr,
        then: &ast::Expr,
        otherwise: &ast::Expr,
        span: Span,
    ) -> Expr {
        if matches!(&cond.kind, Syntax::Name(name) if name == "training") {
            let (then, otherwise) = (self.expr(then), self.expr(otherwise));
            let (then, otherwise) = (self.tensor(then), self.tensor(otherwise));
            if then.is_error() || otherwise.is_error() {
                return Expr::error(span);
            }
            if then.ty != otherwise.ty {
                let (a, b) = (self.show(&then.ty), self.show(&otherwise.ty));
                self.report(
                    self.error(302, span, "both branches of `if training` have one type")
                        .label(then.span, format!("`{a}`"))
                        .label(otherwise.span, format!("`{b}`")),
                );
                return Expr::error(span);
            }
            let (ty, facts) = (
                otherwise.ty.clone(),
                then.facts.clone().join(&otherwise.facts),
            );
            return Expr::new(
                ExprKind::IfTraining(Box::new(then), Box::new(otherwise)),
                ty,
                facts,
                span,
            );
        }
        let cond = self.expr(cond);
        match &cond.ty {
            Ty::Const(Value::Bool(true)) => self.expr(then),
            Ty::Const(Value::Bool(false)) => self.expr(otherwise),
            Ty::Error => Expr::error(span),
            other => {
                let shown = self.show(other);
                self.report(
                    self.error(
                        306,
                        cond.span,
                        format!("`if` needs a condition known while compiling, found `{shown}`"),
                    )
                    .help("choose between tensors or row values with `where(cond, a, b)`"),
                );
                Expr::error(span)
            }
        }
    }

    fn matched(
        &mut self,
        subject: &ast::Expr,
        arms: &[(ast::Expr, ast::Expr)],
        span: Span,
    ) -> Expr {
        let subject = self.expr(subject);
        let Ty::Const(value) = &subject.ty else {
            if !subject.is_error() {
                let shown = self.show(&subject.ty);
                self.report(self.error(
                    306,
                    subject.span,
                    format!("`match` needs a value known while compiling, found `{shown}`"),
                ));
            }
            return Expr::error(span);
        };
        let mut patterns = Vec::new();
        for (pattern, result) in arms {
            let matches = match (&pattern.kind, value) {
                (Syntax::Name(name), Value::Word(word)) => name == word || name == "_",
                (Syntax::Name(name), _) if name == "_" => true,
                _ => self.expr(pattern).ty.value() == Some(value),
            };
            if matches {
                return self.expr(result);
            }
            patterns.push(reckon_grammar::print_expr(pattern));
        }
        let patterns: Vec<&str> = patterns.iter().map(String::as_str).collect();
        self.report(
            self.error(307, span, format!("no arm matches `{value}`"))
                .note(format!("the arms are {}", list(&patterns))),
        );
        Expr::error(span)
    }

    fn unrolled(
        &mut self,
        var: &Name,
        over: &ast::Expr,
        carry: Option<&(Name, Box<ast::Expr>)>,
        body: &ast::Expr,
        span: Span,
    ) -> Expr {
        let over = self.expr(over);
        let elements: Vec<Expr> = match (&over.ty, &over.kind) {
            (Ty::Error, _) => return Expr::error(span),
            (Ty::Const(Value::List(items)), _) => items
                .iter()
                .map(|item| Expr::constant(item.clone(), over.span))
                .collect(),
            (_, ExprKind::Tuple(items)) => items.clone(),
            (other, _) => {
                let shown = self.show(other);
                self.report(
                    self.error(308, over.span, format!("`for` needs a list known while compiling, found `{shown}`"))
                        .help("functions apply to every element of a ragged list by themselves: `xs |> f`"),
                );
                return Expr::error(span);
            }
        };
        let mut carried = carry.map(|(_, start)| self.expr(start));
        let (mut lets, mut results) = (Vec::new(), Vec::new());
        for (at, element) in elements.into_iter().enumerate() {
            let mark = self.frames.last().map_or(0, |frame| frame.locals.len());
            if let (Some((name, _)), Some(value)) = (carry, carried.take()) {
                lets.extend(self.bound(&name.text, value));
            }
            self.bind(&var.text, element);
            self.segments.push(Default::default());
            let value = self.expr(body);
            self.segments.pop();
            let value = if value.ty.value().is_some() {
                value
            } else {
                scope(Some(at.to_string()), Vec::new(), value)
            };
            match carry {
                Some(_) => carried = Some(value),
                None => results.push(value),
            }
            if let Some(frame) = self.frames.last_mut() {
                frame.locals.truncate(mark);
            }
        }
        match carried {
            Some(value) => scope(None, lets, value),
            None => tuple(results, span),
        }
    }

    fn range(&mut self, low: &ast::Expr, high: &ast::Expr, span: Span) -> Expr {
        let (low, high) = (self.expr(low), self.expr(high));
        match (&low.ty, &high.ty) {
            (Ty::Const(Value::Int(low)), Ty::Const(Value::Int(high)))
                if high.saturating_sub(*low) <= 10_000 =>
            {
                Expr::constant(Value::List((*low..*high).map(Value::Int).collect()), span)
            }
            (Ty::Error, _) | (_, Ty::Error) => Expr::error(span),
            _ => {
                self.report(self.error(308, span, "a range goes between two whole numbers known while compiling, at most 10,000 apart"));
                Expr::error(span)
            }
        }
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
fn by_name(ty: &Ty) -> bool {
    match ty {
        Ty::Row(_) | Ty::Tuple(_) | Ty::Handle(_) => true,
        Ty::Record(fields) => fields.iter().any(|(_, ty)| by_name(ty)),
        Ty::Const(_) | Ty::Tensor(_) | Ty::Error => false,
    }
}

/// The field of a record that is written out.
fn field_of(base: &Expr, name: &str) -> Option<Expr> {
    match &base.kind {
        ExprKind::Record(fields) => {
            let found = fields.iter().find(|(field, _)| field == name);
            found.map(|(_, value)| value.clone())
        }
        ExprKind::Scope { value, .. } => field_of(value, name),
        _ => None,
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
