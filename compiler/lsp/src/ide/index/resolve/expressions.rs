//! Names in expressions and bodies.

use reckon_grammar::ast::{Arg, Body, Expr, ExprKind, Let, Name, Window};
use reckon_grammar::span::Span;

use super::super::{Meaning, SymbolId, SymbolKind, written};
use super::Resolver;

/// Functions that give rows of the source that their first argument names.
const GIVE_ROWS: &[&str] = &[
    "in_batch",
    "catalogue",
    "sampled",
    "mined",
    "hide",
    "drop_values",
    "history",
];

impl Resolver<'_> {
    /// Reads a body: its lets in order, then its value.
    pub(super) fn body(&mut self, body: &Body) {
        self.region(body.span);
        for binding in &body.lets {
            self.binding(binding);
            // What a `let` names is in scope from its end on.
            let rest = Span::new(
                body.span.file,
                binding.value.span.range().end,
                body.span.range().end,
            );
            self.region(rest);
        }
        self.expr(&body.value);
    }

    pub(super) fn binding(&mut self, binding: &Let) {
        let meaning = self.expr(&binding.value);
        let head = format!("let {} = {}", binding.name.text, written(&binding.value));
        self.declare_local(
            SymbolKind::Local,
            &binding.name,
            head,
            Some(binding.value.span),
            meaning,
        );
    }

    /// Reads an expression and says what it gives.
    pub(super) fn expr(&mut self, e: &Expr) -> Meaning {
        match &e.kind {
            ExprKind::Name(name) => self.name(name, e.span),
            ExprKind::Field(base, name) => {
                let before = self.expr(base);
                self.index.projections.push((base.span, before));
                self.projected(before, name)
            }
            ExprKind::Call(callee, args) => self.call(callee, None, args),
            ExprKind::Pipe(value, callee, args) => self.call(callee, Some(value), args),
            ExprKind::Unary(_, value) => self.parts(&[value]),
            ExprKind::Binary(_, a, b) | ExprKind::Range(a, b) => self.parts(&[a, b]),
            ExprKind::If(cond, then, otherwise) => {
                self.expr(cond);
                let meaning = self.expr(then);
                self.expr(otherwise);
                meaning
            }
            ExprKind::Match(subject, arms) => {
                self.expr(subject);
                for (pattern, value) in arms {
                    self.parts(&[pattern, value]);
                }
                Meaning::Other
            }
            ExprKind::For {
                var,
                list,
                carry,
                body,
            } => self.unrolled(e.span, var, list, carry.as_ref(), body),
            ExprKind::List(items) => {
                for item in items {
                    self.expr(item);
                }
                Meaning::Other
            }
            ExprKind::Record(fields) => {
                for (_, value) in fields {
                    self.expr(value);
                }
                Meaning::Other
            }
            ExprKind::Rows { .. } => self.rows(e).map_or(Meaning::Other, Meaning::Rows),
            ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Percent(_)
            | ExprKind::Duration(_)
            | ExprKind::Str(_)
            | ExprKind::Bool(_)
            | ExprKind::Error => Meaning::Other,
        }
    }

    fn parts(&mut self, parts: &[&Expr]) -> Meaning {
        for part in parts {
            self.expr(part);
        }
        Meaning::Other
    }

    fn unrolled(
        &mut self,
        span: Span,
        var: &Name,
        list: &Expr,
        carry: Option<&(Name, Box<Expr>)>,
        body: &Expr,
    ) -> Meaning {
        self.expr(list);
        if let Some((_, first)) = carry {
            self.expr(first);
        }
        let row = self.row;
        self.within(row, |resolver| {
            let head = format!("for {} in {}", var.text, written(list));
            resolver.declare_local(SymbolKind::Local, var, head, None, Meaning::Other);
            if let Some((name, first)) = carry {
                let head = format!("with {} = {}", name.text, written(first));
                resolver.declare_local(SymbolKind::Local, name, head, None, Meaning::Other);
            }
            resolver.region(Span::new(
                span.file,
                body.span.range().start,
                span.range().end,
            ));
            resolver.expr(body);
        });
        Meaning::Other
    }

    /// A name in value position: locals, then what the row has, then what the spec declares.
    fn name(&mut self, name: &str, span: Span) -> Meaning {
        if let Some(local) = self.local(name) {
            self.occurs(span, local.symbol);
            return local.meaning;
        }
        if self.library {
            return Meaning::Other;
        }
        if let Some(row) = self.row
            && self.index.symbol(row).name != name
            && let Some(column) = self.member(row, name, SymbolKind::Column)
        {
            self.occurs(span, column);
            return Meaning::Other;
        }
        let Some(found) = self.declared(name, |_| true) else {
            return Meaning::Other;
        };
        self.occurs(span, found);
        match self.index.symbol(found).kind {
            SymbolKind::Entity | SymbolKind::Events => Meaning::Rows(found),
            SymbolKind::Selector => self.selected(name).map_or(Meaning::Other, Meaning::Rows),
            _ => Meaning::Other,
        }
    }

    /// What stands after a dot.
    fn projected(&mut self, before: Meaning, name: &Name) -> Meaning {
        let (source, raw) = match before {
            Meaning::Other => return Meaning::Other,
            Meaning::Rows(source) => (source, false),
            Meaning::Raw(source) => (source, true),
        };
        if raw {
            self.named_column(Some(source), name);
            return Meaning::Other;
        }
        if let Some(feature) = self.member(source, &name.text, SymbolKind::Feature) {
            self.occurs(name.span, feature);
            return Meaning::Other;
        }
        if let Some(entity) = self.referred(source, &name.text) {
            self.occurs(name.span, entity);
            return Meaning::Rows(entity);
        }
        if name.text == "raw" {
            return Meaning::Raw(source);
        }
        // `rating.at` is a column that every row of events has under its own name.
        self.named_column(Some(source), name);
        Meaning::Other
    }

    /// A call. Where the first argument is rows, the others are read in the scope of a row.
    fn call(&mut self, callee: &Expr, piped: Option<&Expr>, args: &[Arg]) -> Meaning {
        let called = match &callee.kind {
            ExprKind::Name(name) => self.callee(name),
            // `frozen(t)(x)`, and mistakes.
            _ => {
                self.expr(callee);
                None
            }
        };
        if let Some(called) = called {
            self.occurs(callee.span, called);
        }
        let values = piped.into_iter().chain(args.iter().map(|arg| &arg.value));
        let mut row = self.row;
        let mut first = Meaning::Other;
        for (at, value) in values.enumerate() {
            let meaning = self.within(row, |resolver| resolver.expr(value));
            if at == 0 {
                first = meaning;
                row = self.rows_scope(value, meaning).or(row);
            }
        }
        for name in args.iter().filter_map(|arg| arg.name.as_ref()) {
            let parameter =
                called.and_then(|called| self.member(called, &name.text, SymbolKind::Parameter));
            if let Some(parameter) = parameter {
                self.occurs(name.span, parameter);
            }
        }
        match &callee.kind {
            ExprKind::Name(name) if GIVE_ROWS.contains(&name.as_str()) => first,
            _ => Meaning::Other,
        }
    }

    /// The source whose rows an argument is, where it is written as rows or as the bare name of events outside of a row.
    fn rows_scope(&self, value: &Expr, meaning: Meaning) -> Option<SymbolId> {
        match (&value.kind, meaning) {
            (ExprKind::Rows { .. }, Meaning::Rows(source)) => Some(source),
            (ExprKind::Name(_) | ExprKind::Pipe(..), Meaning::Rows(source))
                if self.row.is_none() =>
            {
                Some(source)
            }
            _ => None,
        }
    }

    /// Rows of a loss, column or evaluation, and those in an expression: the source, whose row the condition sees.
    pub(super) fn rows(&mut self, e: &Expr) -> Option<SymbolId> {
        match &e.kind {
            ExprKind::Rows {
                source,
                of,
                windows,
                cond,
            } => {
                let found = self.rows(source);
                if let Some(entity) = of {
                    self.named_source(entity);
                }
                for window in windows {
                    self.window(window);
                }
                if let Some(cond) = cond {
                    self.within(found, |resolver| {
                        resolver.region(cond.span);
                        resolver.expr(cond);
                    });
                }
                found
            }
            ExprKind::Pipe(value, callee, args) => {
                let found = self.rows(value);
                self.within(found, |resolver| {
                    resolver.region(e.span);
                    resolver.piped_rows(callee, args);
                });
                found
            }
            _ => match self.expr(e) {
                Meaning::Rows(source) => Some(source),
                Meaning::Raw(_) | Meaning::Other => None,
            },
        }
    }

    fn piped_rows(&mut self, callee: &Expr, args: &[Arg]) {
        if let ExprKind::Name(name) = &callee.kind
            && let Some(called) = self.callee(name)
        {
            self.occurs(callee.span, called);
        }
        for arg in args {
            self.expr(&arg.value);
        }
    }

    fn window(&mut self, window: &Window) {
        match window {
            Window::In(name) | Window::InNext(name) | Window::Before(name) => {
                if let Some(day) = self.declared(&name.text, |kind| kind == SymbolKind::Loop) {
                    self.occurs(name.span, day);
                }
            }
            Window::Within(age) => {
                self.expr(age);
            }
        }
    }

    /// A dimension of a type: a setting, or a name that the first type of a function to use it declares.
    pub(super) fn dimension(&mut self, size: &Expr) {
        if let ExprKind::Name(name) = &size.kind
            && self.local(name).is_none()
            && (self.library || self.declared(name, |_| true).is_none())
        {
            let name = Name {
                text: name.clone(),
                span: size.span,
            };
            let head = format!("dimension {}", name.text);
            self.declare_local(SymbolKind::Dimension, &name, head, None, Meaning::Other);
            return;
        }
        self.expr(size);
    }
}
