//! What groups the rows of a statistic: the values after `by`, and the folds of what is measured.

use reckon_grammar::ast::{self, Arg};
use reckon_grammar::span::Span;

use super::Counted;
use crate::check::Checker;
use crate::hir::{Expr, ExprKind, Facts, Ty};
use crate::plan::row::{RowKind, RowType};
use crate::plan::{FoldBy, StoredPlan};

impl Checker<'_> {
    /// What `by` says, of a row that counts and of the row that reads.
    pub(super) fn keys(
        &mut self,
        of: &Counted,
        by: Option<&Arg>,
    ) -> Option<(Vec<Expr>, Vec<Expr>)> {
        let Some(by) = by else {
            return Some((Vec::new(), Vec::new()));
        };
        let read = self.expr(&by.value);
        let at = self.keys_of(read)?;
        let keys = match &of.counted {
            None => at.clone(),
            Some(row) => {
                let told =
                    self.in_row_scope(row.clone(), &of.source, |checker| checker.expr(&by.value));
                self.keys_of(told)?
            }
        };
        Some((keys, at))
    }

    /// Adds the folds of what is measured to the keys.
    pub(super) fn fold_keys(
        &self,
        of: &Counted,
        keys: &mut Vec<Expr>,
        at: &mut Vec<Expr>,
        span: Span,
    ) {
        let reads_its_source =
            matches!(&of.row.ty, Ty::Handle(reader) if reader.source == of.source);
        if !reads_its_source {
            return;
        }
        for column in self.fold_columns(of.value.iter().chain(&of.condition)) {
            let fold = |handle: &Expr| {
                let kind = ExprKind::Column(Box::new(handle.clone()), column.clone());
                let ty = RowType {
                    kind: RowKind::Int,
                    nullable: true,
                };
                Expr::new(kind, Ty::Row(ty), Facts::default(), span)
            };
            keys.push(fold(of.counted.as_ref().unwrap_or(&of.row)));
            at.push(fold(&of.row));
        }
    }

    /// The values that tell groups apart; things are told apart by their keys, and a constant tells nothing apart.
    fn keys_of(&mut self, by: Expr) -> Option<Vec<Expr>> {
        let parts = match by.kind {
            ExprKind::Tuple(items) => items,
            _ => vec![by],
        };
        let mut keys = Vec::new();
        for part in parts {
            match part.ty.clone() {
                Ty::Error => return None,
                Ty::Const(_) => {}
                Ty::Handle(handle) => keys.extend(self.key_columns(&part, &handle.source)?),
                Ty::Row(row) if !matches!(row.kind, RowKind::List(_)) => keys.push(part),
                other => {
                    let shown = self.show(&other);
                    self.report(
                        self.error(303, part.span, format!("rows are grouped by a value of each row, found `{shown}`"))
                            .help("group by a column, by what a row refers to, or by buckets: `by: quantiles(length, 20)`"),
                    );
                    return None;
                }
            }
        }
        Some(keys)
    }

    fn key_columns(&mut self, handle: &Expr, source: &str) -> Option<Vec<Expr>> {
        let found = self.hir.sources.iter().find(|known| known.name == source)?;
        let key = found.key.clone();
        if key.is_empty() {
            let message = format!("rows of `{source}` have no key to be grouped by");
            self.report(
                self.error(303, handle.span, message)
                    .help("group by one of its columns"),
            );
            return None;
        }
        let span = handle.span;
        Some(
            key.iter()
                .map(|name| self.column(handle.clone(), source, name, span))
                .collect(),
        )
    }

    /// The columns of folds behind values: statistics over values of a fold are taken of that fold alone.
    fn fold_columns<'e>(&self, values: impl Iterator<Item = &'e Expr>) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        for value in values {
            value.walk(&mut |e| {
                if let ExprKind::Column(handle, name) = &e.kind
                    && let Ty::Handle(handle) = &handle.ty
                    && self.is_cross_fitted(&handle.source, name)
                {
                    let fold = StoredPlan::fold_column(name);
                    if !found.contains(&fold) {
                        found.push(fold);
                    }
                }
            });
        }
        found
    }

    /// What `cross_fit ... by` names: `row`, a reference or a column of the source.
    pub(in crate::check) fn folds_by(&mut self, source: &str, by: &ast::Name) -> Option<FoldBy> {
        if by.text == "row" {
            return Some(FoldBy::Row);
        }
        let references = self.references_of(source);
        if references.contains(&by.text) {
            return Some(FoldBy::Reference(by.text.clone()));
        }
        let declared = self.hir.sources.iter().filter(|known| known.name == source);
        let mut columns =
            declared.flat_map(|known| known.columns.iter().map(|column| &column.name));
        if columns.any(|column| *column == by.text) {
            return Some(FoldBy::Column(by.text.clone()));
        }
        let mut known = references;
        known.push("row".into());
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        self.unknown(
            231,
            by.span,
            &format!("reference of `{source}`"),
            &by.text,
            &known,
        );
        None
    }
}
