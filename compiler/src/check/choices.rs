//! What the compiler chooses and repeats: `if`, `match`, `for` and ranges.

use super::expr::{named, scope, tuple};
use super::{Checker, list};
use crate::hir::{Expr, ExprKind, Ty};
use crate::value::Value;
use reckon_grammar::ast::{self, ExprKind as Syntax, Name};
use reckon_grammar::diagnostic::Diagnostic;
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
        let asked = cond;
        let cond = self.expr(cond);
        match &cond.ty {
            Ty::Const(Value::Bool(true)) => self.expr(then),
            Ty::Const(Value::Bool(false)) => self.expr(otherwise),
            Ty::Error => Expr::error(span),
            other => {
                let shown = self.show(other);
                let nullable = matches!(other, Ty::Row(row) if row.nullable);
                let message =
                    format!("`if` needs a condition known while compiling, found `{shown}`");
                let finding = self.error(306, cond.span, message);
                self.report(advised(finding, nullable, [asked, then, otherwise], span));
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

    /// `for x in list => body`: a list of the results, or with a carried value the last one. Over a record, a record.
    pub(super) fn unrolled(
        &mut self,
        var: &Name,
        over: &ast::Expr,
        carry: Option<&(Name, Box<ast::Expr>)>,
        body: &ast::Expr,
        span: Span,
    ) -> Expr {
        let over = self.expr(over);
        let Some(elements) = self.rounds(&over) else {
            return Expr::error(span);
        };
        let mut carried = carry.map(|(_, start)| self.expr(start));
        let (mut lets, mut results) = (Vec::new(), Vec::new());
        for (segment, element) in elements {
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
                scope(Some(segment.clone()), Vec::new(), value)
            };
            match carry {
                Some(_) => carried = Some(value),
                None => results.push((segment, value)),
            }
            if let Some(frame) = self.frames.last_mut() {
                frame.locals.truncate(mark);
            }
        }
        match (carried, &over.ty) {
            (Some(value), _) => scope(None, lets, value),
            (None, Ty::Record(_)) => named(results, span),
            (None, _) => tuple(results.into_iter().map(|(_, value)| value).collect(), span),
        }
    }

    /// What a `for` goes over, each with its segment of the paths of weights: its number, or the name of its field.
    fn rounds(&mut self, over: &Expr) -> Option<Vec<(String, Expr)>> {
        let numbered = |items: Vec<Expr>| {
            let numbers = (0..).map(|at: usize| at.to_string());
            Some(numbers.zip(items).collect())
        };
        match (&over.ty, &over.kind) {
            (Ty::Error, _) => None,
            (Ty::Const(Value::List(items)), _) => {
                let constant = |item: &Value| Expr::constant(item.clone(), over.span);
                numbered(items.iter().map(constant).collect())
            }
            (_, ExprKind::Tuple(items)) => numbered(items.clone()),
            (Ty::Record(fields), _) => {
                let names: Vec<String> = fields.iter().map(|(name, _)| name.clone()).collect();
                let mut rounds = Vec::new();
                for text in names {
                    let span = over.span;
                    let name = Name { text, span };
                    let field = self.project(over.clone(), &name, span);
                    rounds.push((name.text, field));
                }
                Some(rounds)
            }
            (other, _) => {
                let shown = self.show(other);
                self.report(
                    self.error(308, over.span, format!("`for` needs a list known while compiling, found `{shown}`"))
                        .help("functions apply to every element of a ragged list by themselves: `xs |> f`"),
                );
                None
            }
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

/// Says how rows and tensors choose: by the choice that was written, where it could be read.
fn advised(finding: Diagnostic, nullable: bool, choice: [&ast::Expr; 3], span: Span) -> Diagnostic {
    let written = choice.map(reckon_grammar::print_expr);
    let [cond, then, otherwise] = match choice.iter().any(|e| e.kind == Syntax::Error) {
        true => ["cond", "a", "b"].map(str::to_owned),
        false => written,
    };
    let (cond, why) = match nullable {
        true => (
            format!("fill({cond}, false)"),
            ": it is null where what it reads is",
        ),
        false => (cond, ""),
    };
    let instead = format!("where({cond}, {then}, {otherwise})");
    let help = format!("choose between tensors or row values with `{instead}`{why}");
    match choice.iter().any(|e| e.kind == Syntax::Error) {
        true => finding.help(help),
        false => finding.help(help).fix(span, instead),
    }
}
