//! Rows of an item: a source with a condition, perhaps drawn.

use reckon_grammar::ast::{self, ExprKind as Syntax};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use super::{Checker, Frame};
use crate::hir::{Expr, HandleTy, Rows, SpaceKind, Ty};
use crate::value::Value;

impl Checker<'_> {
    /// Rows of an item, and a handle over a batch of them.
    pub(super) fn rows(&mut self, rows: &ast::Rows, batch_name: &str) -> Option<(Rows, Expr)> {
        let span = rows.expr.span;
        let (base, drawn) = self.drawn(&rows.expr)?;
        let (source, cond) = self.source_and_condition(base)?;
        let (name, source_span) = self.rows_named(source)?;
        let space = self.space(format!("batch {batch_name}"), "B", SpaceKind::Batch);
        let ty = HandleTy {
            source: name.clone(),
            space: Some(space),
            past: false,
            candidates: false,
        };
        let (row, handle) = self.row_handle(ty, source_span);
        let condition = match cond {
            Some(cond) => {
                let value = self.in_row_scope(handle.clone(), &name, |checker| checker.expr(cond));
                Some(self.condition(value)?)
            }
            None => None,
        };
        let batch = match &rows.batch {
            Some(batch) => Some(self.whole(batch, "batch")?),
            None => None,
        };
        let rows = Rows {
            source: name,
            row,
            condition,
            drawn,
            batch,
            span,
        };
        Some((rows, handle))
    }

    /// The rows before their pipe, and whether a step draws from them.
    fn drawn<'e>(&mut self, rows: &'e ast::Expr) -> Option<(&'e ast::Expr, bool)> {
        let Syntax::Pipe(base, callee, args) = &rows.kind else {
            return Some((rows, false));
        };
        let Syntax::Name(name) = &callee.kind else {
            return None;
        };
        if let [arg] = args.as_slice()
            && name == "sample"
            && matches!(&arg.value.kind, Syntax::Name(word) if word == "uniform")
        {
            return Some((base, true));
        }
        self.not_yet(callee.span, &format!("the row function `{name}`"));
        None
    }

    /// The parts of `SOURCE where CONDITION`.
    fn source_and_condition<'e>(
        &mut self,
        rows: &'e ast::Expr,
    ) -> Option<(&'e ast::Expr, Option<&'e ast::Expr>)> {
        let Syntax::Rows {
            source,
            windows,
            cond,
            of,
        } = &rows.kind
        else {
            return Some((rows, None));
        };
        if !windows.is_empty() {
            self.not_yet(rows.span, "a window of a loop");
            return None;
        }
        if let Some(of) = of {
            let message = "`of` belongs into `history(...)`";
            self.report(Diagnostic::error(Code(305), of.span, message));
            return None;
        }
        Some((source, cond.as_deref()))
    }

    /// The name of a source.
    fn rows_named(&mut self, source: &ast::Expr) -> Option<(String, Span)> {
        let Syntax::Name(name) = &source.kind else {
            if !matches!(source.kind, Syntax::Error) {
                self.report(Diagnostic::error(
                    Code(305),
                    source.span,
                    "expected the name of events, an entity or a selector",
                ));
            }
            return None;
        };
        let known = self.hir.sources.iter().map(|source| source.name.clone());
        let known: Vec<String> = known.collect();
        if known.contains(name) {
            return Some((name.clone(), source.span));
        }
        if !self.refused.contains(name) {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            self.unknown(230, source.span, "rows", name, &known);
        }
        None
    }

    /// A whole number above 0.
    pub(super) fn whole(&mut self, e: &ast::Expr, what: &str) -> Option<usize> {
        self.frames.push(Frame::default());
        let value = self.expr(e);
        self.frames.pop();
        match value.ty {
            Ty::Const(Value::Int(n)) if n > 0 => Some(n as usize),
            Ty::Error => None,
            _ => {
                self.report(Diagnostic::error(
                    Code(802),
                    e.span,
                    format!("`{what}` is a whole number above 0"),
                ));
                None
            }
        }
    }
}
