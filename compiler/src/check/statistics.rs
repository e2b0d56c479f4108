//! Statistics of training rows by group: `mean(log where click, seconds, by: author)`, `mean(g, by: group)`.

mod keys;

use reckon_grammar::ast::{self, Arg, ExprKind as Syntax};
use reckon_grammar::span::Span;

use super::Checker;
use super::values::row_type;
use crate::build::rows::root_of;
use crate::hir::{Expr, ExprKind, Facts, HandleTy, StatisticOf, Ty};
use crate::plan::row::{RowKind, RowType, Statistic};
use crate::value::Value;

const STATISTICS: &[&str] = &[
    "count",
    "share",
    "sum",
    "mean",
    "std",
    "quantile",
    "percentile",
];

/// What a statistic is taken of: rows that count, and the row that reads.
struct Counted {
    source: String,
    named: bool,
    value: Option<Expr>,
    condition: Option<Expr>,
    /// A row that counts, where it is another than the one that reads.
    counted: Option<Expr>,
    row: Expr,
}

impl Checker<'_> {
    /// A call that is a statistic: its first argument is rows, or it says `by:` what. `None` for all others.
    pub(super) fn statistic(
        &mut self,
        name: &str,
        piped: Option<&ast::Expr>,
        args: &[Arg],
        span: Span,
    ) -> Option<Expr> {
        let by = args.iter().find(|arg| is_named(arg, "by"));
        let mut plain = piped.into_iter().chain(
            args.iter()
                .filter(|arg| arg.name.is_none())
                .map(|arg| &arg.value),
        );
        let first = plain.next()?;
        let rows = match &first.kind {
            Syntax::Rows { windows, .. } => windows.is_empty(),
            _ => false,
        };
        if !STATISTICS.contains(&name) || !(rows || by.is_some()) {
            return None;
        }
        let rest: Vec<&ast::Expr> = plain.collect();
        let other = args.iter().find(|arg| {
            arg.name.is_some()
                && !is_named(arg, "by")
                && !(name == "quantile" && is_named(arg, "at"))
        });
        if let Some(other) = other {
            let message = format!("`{name}` of a group takes `by`, and no other argument by name");
            self.report(self.error(222, other.value.span, message));
            return Some(Expr::error(span));
        }
        let at = args.iter().find(|arg| is_named(arg, "at"));
        let typed = self.statistic_of(name, first, &rest, at.map(|arg| &arg.value), by, span);
        Some(typed.unwrap_or_else(|| Expr::error(span)))
    }

    fn statistic_of(
        &mut self,
        name: &str,
        first: &ast::Expr,
        rest: &[&ast::Expr],
        at: Option<&ast::Expr>,
        by: Option<&Arg>,
        span: Span,
    ) -> Option<Expr> {
        let mut rest = rest.iter();
        let mut counted = match self.named_rows(first) {
            Some((source, cond)) => {
                let measured = matches!(name, "sum" | "mean" | "std" | "quantile" | "percentile");
                let value = if measured { rest.next().copied() } else { None };
                if measured && value.is_none() {
                    self.needs_a_value(name, &source, span);
                    return None;
                }
                self.counted_rows(&source, cond, value, span)?
            }
            None => self.counted_value(name, first)?,
        };
        let statistic = self.which(name, at.or_else(|| rest.next().copied()), span)?;
        if name == "share" {
            let truth = match (counted.named, counted.condition.take()) {
                (true, Some(cond)) => cond,
                (false, None) => counted.value.take()?,
                (true, None) | (false, Some(_)) => {
                    self.report(
                        self.error(
                            223,
                            span,
                            "`share` needs to know which rows it is a share of",
                        )
                        .help(format!(
                            "write `share({} where ..., by: ...)`",
                            counted.source
                        )),
                    );
                    return None;
                }
            };
            counted.value = Some(self.truth(truth)?);
        }
        self.grouped(counted, statistic, by, span)
    }

    fn which(&mut self, name: &str, at: Option<&ast::Expr>, span: Span) -> Option<Statistic> {
        Some(match name {
            "count" => Statistic::Count,
            "sum" => Statistic::Sum,
            "std" => Statistic::Std,
            "percentile" => Statistic::Percentile,
            "quantile" => {
                let at = at.map(|at| self.expr(at).ty.value().and_then(Value::as_f64));
                let share = at.flatten().filter(|share| (0.0..=1.0).contains(share));
                let Some(share) = share else {
                    self.report(
                        self.error(
                            222,
                            span,
                            "a quantile is at a share from 0 to 1, known while compiling",
                        )
                        .help("write `quantile(VALUE, 10%, by: ...)`"),
                    );
                    return None;
                };
                Statistic::Quantile(share)
            }
            _ => Statistic::Mean,
        })
    }

    /// A source written as the rows of a statistic, with its condition.
    fn named_rows<'e>(&self, rows: &'e ast::Expr) -> Option<(String, Option<&'e ast::Expr>)> {
        let (source, cond) = match &rows.kind {
            Syntax::Rows { source, cond, .. } => (&**source, cond.as_deref()),
            _ => (rows, None),
        };
        let Syntax::Name(name) = &source.kind else {
            return None;
        };
        let is_local = self
            .frames
            .last()
            .is_some_and(|frame| frame.locals.iter().any(|known| known.name == *name));
        let is_rows = matches!(rows.kind, Syntax::Rows { .. })
            || (!is_local && self.hir.sources.iter().any(|known| known.name == *name));
        is_rows.then(|| (name.clone(), cond))
    }

    /// The rows of a named source.
    fn counted_rows(
        &mut self,
        source: &str,
        cond: Option<&ast::Expr>,
        value: Option<&ast::Expr>,
        span: Span,
    ) -> Option<Counted> {
        if self.hir.sources.iter().all(|known| known.name != source) {
            let known: Vec<String> = self.hir.sources.iter().map(|s| s.name.clone()).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            self.unknown(230, span, "rows", source, &known);
            return None;
        }
        let Some(row) = self.frames.last().and_then(|frame| frame.row.clone()) else {
            self.report(
                self.error(404, span, "a statistic of rows stands outside of a row")
                    .help("write it in a derived column, in `features`, in a column or in a loss"),
            );
            return None;
        };
        let (_, handle) = self.row_handle(
            HandleTy {
                source: source.to_owned(),
                space: None,
                past: false,
                candidates: false,
            },
            span,
        );
        let condition = match cond {
            Some(cond) => {
                let cond = self.counting(&handle, source, cond);
                Some(self.condition(cond)?)
            }
            None => None,
        };
        let value = match value {
            Some(value) => {
                let value = self.counting(&handle, source, value);
                Some(self.number_of_a_row(value)?)
            }
            None => None,
        };
        Some(Counted {
            source: source.to_owned(),
            named: true,
            value,
            condition,
            counted: Some(handle),
            row: row.handle,
        })
    }

    /// What a statistic reads of the rows that it counts.
    fn counting(&mut self, handle: &Expr, source: &str, e: &ast::Expr) -> Expr {
        let outer = self.counting.replace(source.to_owned());
        let typed = self.in_row_scope(handle.clone(), source, |checker| checker.expr(e));
        self.counting = outer;
        typed
    }

    /// All training rows with a value, of the source of that value.
    fn counted_value(&mut self, name: &str, value: &ast::Expr) -> Option<Counted> {
        let value = self.expr(value);
        let value = match name {
            "share" => value,
            _ => self.number_of_a_row(value)?,
        };
        let root = root_of(&value).cloned();
        let Some((row, Ty::Handle(handle))) = root.map(|root| (root.clone(), root.ty)) else {
            let shown = self.show(&value.ty);
            if !value.is_error() {
                let message =
                    format!("a statistic by group is of a value of each row, found `{shown}`");
                self.report(self.error(303, value.span, message));
            }
            return None;
        };
        Some(Counted {
            source: handle.source,
            named: false,
            value: Some(value),
            condition: None,
            counted: None,
            row,
        })
    }

    fn grouped(
        &mut self,
        of: Counted,
        statistic: Statistic,
        by: Option<&Arg>,
        span: Span,
    ) -> Option<Expr> {
        let (mut keys, mut at) = self.keys(&of, by)?;
        self.fold_keys(&of, &mut keys, &mut at, span);
        if statistic == Statistic::Percentile && (of.counted.is_some() || of.value.is_none()) {
            self.report(
                self.error(
                    303,
                    span,
                    "`percentile` takes a value of the row that reads it",
                )
                .help("write `percentile(VALUE, by: ...)`, without the name of a source"),
            );
            return None;
        }
        let joined = at.iter().map(|key| &key.facts);
        let mut facts = joined.fold(Facts::default(), Facts::join);
        for measured in of.value.iter().chain(&of.condition).chain(&keys) {
            facts.label = facts.label.or(measured.facts.label);
        }
        let own = of.value.as_ref().and_then(|value| row_type(&value.ty));
        let ty = RowType {
            kind: match statistic {
                Statistic::Count => RowKind::Int,
                _ => RowKind::Float,
            },
            nullable: statistic == Statistic::Percentile && own.is_some_and(|own| own.nullable),
        };
        let of = StatisticOf {
            statistic,
            source: of.source,
            named: of.named,
            value: of.value,
            condition: of.condition,
            keys,
            row: of.row,
            at,
        };
        let kind = ExprKind::Statistic(Box::new(of));
        Some(Expr::new(kind, Ty::Row(ty), facts, span))
    }

    fn number_of_a_row(&mut self, value: Expr) -> Option<Expr> {
        let numeric = row_type(&value.ty).is_some_and(|row| {
            matches!(
                row.kind,
                RowKind::Int | RowKind::Float | RowKind::Bool | RowKind::Duration
            )
        });
        if numeric {
            return Some(value);
        }
        if !value.is_error() {
            let shown = self.show(&value.ty);
            let message = format!("a statistic is of a number of each row, found `{shown}`");
            self.report(self.error(303, value.span, message));
        }
        None
    }

    /// A truth value as 1 or 0.
    fn truth(&mut self, cond: Expr) -> Option<Expr> {
        let cond = self.condition(cond)?;
        let nullable = row_type(&cond.ty).is_some_and(|row| row.nullable);
        let (facts, span) = (cond.facts.clone(), cond.span);
        let ty = Ty::Row(RowType {
            kind: RowKind::Float,
            nullable,
        });
        Some(Expr::new(
            ExprKind::Prim("to_float".into(), vec![cond]),
            ty,
            facts,
            span,
        ))
    }

    fn needs_a_value(&mut self, name: &str, source: &str, span: Span) {
        self.report(
            self.error(223, span, format!("`{name}` of rows needs to know of what"))
                .help(format!("write `{name}({source}, COLUMN, by: ...)`")),
        );
    }
}

fn is_named(arg: &Arg, name: &str) -> bool {
    arg.name.as_ref().is_some_and(|known| known.text == name)
}
