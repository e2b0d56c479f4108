//! What the compiler chooses and repeats: `if`, `match`, `for` and ranges.

use super::expr::{scope, tuple};
use super::{Checker, list};
use crate::hir::{Expr, ExprKind, Ty};
use crate::value::Value;
use reckon_grammar::ast::{self, ExprKind as Syntax, Name};
use reckon_grammar::span::Span;

impl Checker<'_> {
    pub(super) fn choice(
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

    pub(super) fn matched(
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

    pub(super) fn unrolled(
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

    pub(super) fn range(&mut self, low: &ast::Expr, high: &ast::Expr, span: Span) -> Expr {
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
}
