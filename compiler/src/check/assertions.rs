//! `test` items.

use reckon_grammar::ast;
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use super::{Checker, Frame};
use crate::hir::{Assert, Expr, Test, Ty};
use crate::value::Value;

impl Checker<'_> {
    pub(super) fn test(&mut self, test: &ast::Test, span: Span) {
        self.frames.push(Frame::default());
        self.segments = vec![Default::default()];
        let (mut lets, mut asserts) = (Vec::new(), Vec::new());
        for statement in &test.statements {
            match statement {
                ast::Statement::Let(binding) => {
                    let value = self.test_value(binding);
                    lets.extend(self.bound(&binding.name.text, value));
                }
                ast::Statement::Assert {
                    left,
                    right,
                    within,
                    span,
                } => asserts.extend(self.assertion(left, right.as_ref(), within.as_ref(), *span)),
                ast::Statement::Error(_) => {}
            }
        }
        self.frames.pop();
        self.hir.tests.push(Test {
            title: test.title.clone(),
            lets,
            asserts,
            span,
        });
    }

    /// A list of numbers is bound as a tensor, so that gradients with respect to it can be asked for.
    fn test_value(&mut self, binding: &ast::Let) -> Expr {
        self.hint = Some(binding.name.text.clone());
        let value = self.expr(&binding.value);
        self.hint = None;
        match &value.ty {
            Ty::Const(Value::List(items)) if items.iter().all(is_numeric) => self.tensor(value),
            _ => value,
        }
    }

    fn assertion(
        &mut self,
        left: &ast::Expr,
        right: Option<&ast::Expr>,
        within: Option<&ast::Expr>,
        span: Span,
    ) -> Option<Assert> {
        let left = self.expr(left);
        let left = self.tensor(left);
        let right = right.map(|right| {
            let right = self.expr(right);
            self.tensor(right)
        });
        let within = within
            .and_then(|e| self.expr(e).ty.value().and_then(Value::as_f64))
            .unwrap_or(1e-5);
        if left.is_error() || right.as_ref().is_some_and(Expr::is_error) {
            return None;
        }
        if let (Ty::Tensor(a), Some(Ty::Tensor(b))) =
            (&left.ty, right.as_ref().map(|right| &right.ty))
            && a.dims != b.dims
            && !b.dims.is_empty()
        {
            let (a, b) = (self.show(&left.ty), self.show(&Ty::Tensor(b.clone())));
            let message = format!("shapes differ: `{a}` ~= `{b}`");
            self.report(Diagnostic::error(Code(302), span, message));
            return None;
        }
        Some(Assert {
            left,
            right,
            within,
            span,
        })
    }
}

fn is_numeric(value: &Value) -> bool {
    match value {
        Value::List(items) => items.iter().all(is_numeric),
        other => other.as_f64().is_some(),
    }
}
