//! The parts of rows: a source, a condition, whole numbers.

use reckon_grammar::ast::{self, ExprKind as Syntax};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use super::{Checker, Frame};
use crate::hir::Ty;
use crate::value::Value;

impl Checker<'_> {
    /// The parts of `SOURCE where CONDITION`.
    pub(super) fn source_and_condition<'e>(
        &mut self,
        rows: &'e ast::Expr,
    ) -> Option<(&'e ast::Expr, Option<&'e ast::Expr>)> {
        let Syntax::Rows {
            source,
            windows: _,
            cond,
            of,
        } = &rows.kind
        else {
            return Some((rows, None));
        };
        if let Some(of) = of {
            let message = "`of` belongs into `history(...)`";
            self.report(Diagnostic::error(Code(305), of.span, message));
            return None;
        }
        Some((source, cond.as_deref()))
    }

    /// Reports a name that is no source.
    pub(super) fn source_known(&mut self, name: &str, span: Span) -> Option<()> {
        let known = self.hir.sources.iter().map(|source| source.name.clone());
        let mut known: Vec<String> = known.collect();
        if known.iter().any(|known| known == name) {
            return Some(());
        }
        if !self.refused.contains(name) {
            known.extend(self.selector_names());
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            self.unknown(230, span, "rows", name, &known);
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
