//! Which rows of its files a source has: `events log from "log.parquet" where tab == 4`. Rows are chosen while files are read, so a
//! condition reads what their columns hold.

use reckon_grammar::ast;
use reckon_grammar::span::Span;

use super::Checker;
use super::row_ops::row_op;
use crate::hir::{Expr, ExprKind, HandleTy, Ty};
use crate::plan::row::RowOp;

impl Checker<'_> {
    /// The condition of a source, where it has one.
    pub(super) fn source_condition(&mut self, source: &ast::Source) {
        let Some(cond) = &source.cond else {
            return;
        };
        let name = source.name.text.clone();
        let ty = HandleTy {
            source: name.clone(),
            space: None,
            past: false,
            candidates: false,
        };
        let (_, handle) = self.row_handle(ty, cond.span);
        let value = self.in_row_scope(handle, &name, |checker| checker.expr(cond));
        let Some(value) = self.condition(value) else {
            return;
        };
        if let Some((span, what)) = self.beyond_files(&name, &value) {
            let help = format!(
                "leave it out here, and write it where rows are chosen: `over {name} where {}`",
                reckon_grammar::print_expr(cond)
            );
            self.report(self.error(431, span, what).help(help));
            return;
        }
        self.hir.conditions.insert(name, value);
    }

    /// The first thing in a condition that is not known of a row when its file is read, with where it stands.
    fn beyond_files(&self, source: &str, e: &Expr) -> Option<(Span, String)> {
        let found = |what: String| Some((e.span, what));
        match &e.kind {
            ExprKind::Column(handle, name) | ExprKind::Label(handle, name, _)
                if matches!(handle.kind, ExprKind::Refer(..)) =>
            {
                found(format!(
                    "`{name}` is of another source, and `{source}` is read by itself"
                ))
            }
            ExprKind::Column(_, name) | ExprKind::Label(_, name, _)
                if !self.late_labels(source, Some(e)).is_empty() =>
            {
                found(format!(
                    "`{name}` is known only later, and rows of `{source}` are there from the start"
                ))
            }
            ExprKind::Column(_, name) => {
                let columns = self.source_plan(source).map(|plan| &plan.columns);
                let mut columns = columns.into_iter().flatten();
                let is_of_file =
                    columns.any(|column| column.name == *name && column.joined.is_none());
                match is_of_file {
                    true => None,
                    false => found(format!("`{name}` is in no file of `{source}`")),
                }
            }
            ExprKind::Prim(name, args) if is_fitted(name, args) => found(format!(
                "`{name}` is fitted to rows, and these are not chosen yet"
            )),
            ExprKind::Statistic(_) => {
                found("a statistic is of training rows, and rows are not chosen yet".to_owned())
            }
            ExprKind::Const(_)
            | ExprKind::Label(..)
            | ExprKind::Prim(..)
            | ExprKind::Binary(..)
            | ExprKind::Unary(..)
            | ExprKind::Scope { .. } => {
                let mut parts = e.children().into_iter();
                // A computed label stands for what it is computed from.
                parts.find_map(|part| self.beyond_files(source, part))
            }
            _ => found(format!("this is no column of a file of `{source}`")),
        }
    }
}

/// Whether a row function reads statistics of rows.
fn is_fitted(name: &str, args: &[Expr]) -> bool {
    let types: Vec<Ty> = args.iter().map(|arg| arg.ty.clone()).collect();
    matches!(
        row_op(name, &types),
        Some(Ok(call)) if matches!(
            call.op,
            RowOp::Vocab(_) | RowOp::Quantile(_) | RowOp::ZScore(_) | RowOp::MinMax(_)
        )
    )
}
