//! Columns that a run computes and keeps: `column g over view where click cross_fit 5 by user = ...`.

use reckon_grammar::ast::{self, ExprKind as Syntax, ItemKind};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use super::{Checker, Frame};
use crate::graph::Elem;
use crate::hir::{Expr, ExprKind, HandleTy, Pick, StoredColumn, Ty};
use crate::plan::row::{RowKind, RowType};
use crate::plan::{CrossFit, Reach};
use crate::value::Value;

impl<'a> Checker<'a> {
    /// The columns by source and name, before any is checked.
    pub(super) fn declare_columns(&mut self) {
        for column in self.column_items() {
            let Some(source) = self.source_of(&column.rows.expr) else {
                continue;
            };
            let name = &column.name.text;
            if self.has_column(source, name) {
                let twice = format!("`{source}` has a column `{name}` already");
                self.report(
                    Diagnostic::error(Code(204), column.name.span, twice)
                        .help("give the new one another name"),
                );
                continue;
            }
            self.stored
                .insert((source.to_owned(), name.clone()), column);
        }
    }

    fn column_items(&self) -> Vec<&'a ast::Column> {
        let all = self.user_items().filter_map(|item| match &item.kind {
            ItemKind::Column(column) => Some(column),
            _ => None,
        });
        all.collect()
    }

    /// The loop that a column stands in.
    fn loop_of(&self, column: &ast::Column) -> Option<&'a ast::Loop> {
        self.loops().into_iter().find(|each| {
            let mut items = each.items.iter();
            items.any(|item| matches!(&item.kind, ItemKind::Column(inside) if std::ptr::eq(inside, column)))
        })
    }

    /// Checks every column, those too that nothing reads.
    pub(super) fn columns(&mut self) {
        for column in self.column_items() {
            match self.source_of(&column.rows.expr) {
                Some(source) => drop(self.stored_index(source, &column.name.text)),
                None => {
                    let of = self.loop_of(column);
                    let outer = std::mem::replace(&mut self.open_loop, of);
                    self.frames.push(Frame::default());
                    self.rows(&column.rows, &column.name.text);
                    self.frames.pop();
                    self.open_loop = outer;
                }
            }
        }
    }

    /// The source that rows are of, before anything is checked; through selectors.
    pub(super) fn source_of(&self, rows: &'a ast::Expr) -> Option<&'a str> {
        let mut rows = rows;
        // What is made of itself has been refused, and this only must end.
        for _ in 0..=self.program.modules.len() + self.user_items().count() {
            rows = match &rows.kind {
                Syntax::Rows { source, .. } => source,
                Syntax::Pipe(rows, ..) => rows,
                Syntax::Name(name) => {
                    let mut selectors = self.user_items().filter_map(|item| match &item.kind {
                        ItemKind::Selector(selector) => Some(selector),
                        _ => None,
                    });
                    match selectors.find(|selector| selector.name.text == *name) {
                        Some(selector) => &selector.rows.expr,
                        None => return Some(name),
                    }
                }
                _ => return None,
            };
        }
        None
    }

    pub(super) fn is_cross_fitted(&self, source: &str, name: &str) -> bool {
        let key = (source.to_owned(), name.to_owned());
        self.stored
            .get(&key)
            .is_some_and(|column| column.cross_fit.is_some())
    }

    /// A column that a run has computed, read like one of a file.
    pub(super) fn stored_column(
        &mut self,
        handle: Expr,
        source: &str,
        name: &str,
        span: Span,
    ) -> Expr {
        let in_a_history = matches!(
            &handle.ty,
            Ty::Handle(HandleTy {
                past: true,
                space: None,
                ..
            })
        );
        if in_a_history {
            let instead = format!(
                "read it of each event: `where(fill(h.raw.{name}, 0.0) > 0.5, h.item.id, 0.0)`, where `h` is the history without this condition"
            );
            return self.not_yet(
                span,
                "a computed column in the condition of a history",
                instead,
            );
        }
        let Some(at) = self.stored_index(source, name) else {
            return Expr::error(span);
        };
        let column = &self.hir.columns[at];
        let (ty, past) = (
            column.ty.clone(),
            matches!(&handle.ty, Ty::Handle(HandleTy { past: true, .. })),
        );
        let picks = column.rows.picks.iter().filter_map(Pick::value);
        let conditions = column.rows.condition.iter().chain(picks);
        let mut facts = conditions.fold(column.value.facts.clone(), |facts, cond| {
            facts.join(&cond.facts)
        });
        // A tower that has seen the row has seen its label.
        if column.cross_fit.is_none() && reads_a_tower(&column.value) {
            facts.label = Some(span);
        }
        facts.label = facts.label.filter(|_| !past).map(|_| self.user_span(span));
        if past {
            facts.sides = ["past".to_owned()].into();
        }
        let reached = column
            .selector
            .as_ref()
            .is_some_and(|selector| self.has_passed(&handle, selector));
        let null_itself = matches!(&column.value.ty, Ty::Row(row) if row.nullable);
        let kind = ExprKind::Column(Box::new(handle), name.to_owned());
        let read = Expr::new(kind, Ty::Row(ty), facts, span);
        match reached && !null_itself {
            true => never_null(read),
            false => read,
        }
    }

    /// Whether all rows of a handle are among those of a selector.
    fn has_passed(&self, handle: &Expr, selector: &String) -> bool {
        let ExprKind::Local(row) = &handle.kind else {
            return false;
        };
        let passed = self.reach.get(row);
        passed.is_some_and(|passed| passed.contains(selector))
    }

    /// The checked column of this name; it is checked on first use, so order in the text does not matter.
    fn stored_index(&mut self, source: &str, name: &str) -> Option<usize> {
        let is_it = |known: &StoredColumn| known.rows.source == source && known.name == name;
        if let Some(at) = self.hir.columns.iter().position(is_it) {
            return Some(at);
        }
        let key = (source.to_owned(), name.to_owned());
        let column = *self.stored.get(&key)?;
        let open = format!("column {source}.{name}");
        if self.open.contains(&open) {
            self.report(Diagnostic::error(
                Code(416),
                column.name.span,
                format!("column `{name}` is computed from itself"),
            ));
            self.broken_columns.insert(key);
            return None;
        }
        if self.broken_columns.contains(&key) {
            return None;
        }
        self.open.push(open);
        let outer = self.open_body();
        let of = self.loop_of(column);
        let outer_loop = std::mem::replace(&mut self.open_loop, of);
        let checked = self.checked_column(column);
        self.open_loop = outer_loop;
        self.close_body(outer);
        self.open.pop();
        match checked {
            Some(checked) => {
                self.hir.columns.push(checked);
                Some(self.hir.columns.len() - 1)
            }
            None => {
                self.broken_columns.insert(key);
                None
            }
        }
    }

    fn checked_column(&mut self, column: &'a ast::Column) -> Option<StoredColumn> {
        let name = &column.name.text;
        self.frames.push(Frame::default());
        let rows = self.rows(&column.rows, name);
        self.frames.pop();
        let (mut rows, handle) = rows?;
        if !rows.are_of_a_source() || rows.batch.is_some() {
            self.report(
                Diagnostic::error(
                    Code(622),
                    rows.span,
                    format!("column `{name}` is over rows that are drawn or grouped"),
                )
                .note("a column has one value for each row of a source")
                .help("name the rows and a condition: `over SOURCE where ...`"),
            );
            return None;
        }
        self.has_window(&rows);
        let source = rows.source.clone();
        let outer = self.open_masks(&handle);
        let value = self.in_row_scope(handle.clone(), &source, |checker| {
            checker.body(&column.body, None)
        });
        self.close_masks(outer, &mut rows);
        self.reveal(column.body.value.span, &value);
        let kind = self.column_kind(name, &value, &handle)?;
        let reach = match column.all_splits {
            true => Reach::AllSplits,
            false => Reach::Training,
        };
        let cross_fit = match &column.cross_fit {
            Some((folds, by)) => Some(self.cross_fit(name, &source, &value, folds, by)?),
            None => None,
        };
        let split = self.hir.splits.iter().any(|split| split.source == source);
        let whole = rows.is_plain() && rows.condition.is_none() && rows.window.is_none();
        let everywhere = whole && (reach == Reach::AllSplits || !split);
        let nullable = !everywhere || matches!(&value.ty, Ty::Row(row) if row.nullable);
        Some(StoredColumn {
            name: name.clone(),
            selector: match &column.rows.expr.kind {
                Syntax::Name(name) if rows.through.contains(name) => Some(name.clone()),
                _ => None,
            },
            rows,
            reach,
            cross_fit,
            value,
            ty: RowType { kind, nullable },
            span: column.name.span,
        })
    }

    /// The kind of a column's values: one number or truth value a row.
    fn column_kind(&mut self, name: &str, value: &Expr, handle: &Expr) -> Option<RowKind> {
        let Ty::Handle(HandleTy { space, .. }) = &handle.ty else {
            return None;
        };
        let kind = match &value.ty {
            Ty::Error => return None,
            Ty::Row(row) => Some(row.kind.clone())
                .filter(|kind| matches!(kind, RowKind::Int | RowKind::Float | RowKind::Bool)),
            Ty::Tensor(tensor) => {
                let a_row = tensor.dims.is_empty() && tensor.spaces.iter().copied().eq(*space);
                (a_row && tensor.elem == Elem::F32).then_some(RowKind::Float)
            }
            _ => None,
        };
        if kind.is_none() {
            let shown = self.show(&value.ty);
            self.report(
                Diagnostic::error(
                    Code(622),
                    value.span,
                    format!("column `{name}` is `{shown}`, and a column is one number a row"),
                )
                .help("reduce it: `sum` or `mean` over a dimension, `sigmoid` of a logit"),
            );
        }
        kind
    }

    fn cross_fit(
        &mut self,
        name: &str,
        source: &str,
        value: &Expr,
        folds: &ast::Expr,
        by: &ast::Name,
    ) -> Option<CrossFit> {
        if self.open_loop.is_some() {
            self.report(
                Diagnostic::error(Code(621), folds.span, "a loop over days has no folds")
                    .note("a day is judged by what the days before it have trained")
                    .help("leave out `cross_fit`; a teacher as the day began is `TEACHER.before(...)`"),
            );
            return None;
        }
        let by = self.folds_by(source, by)?;
        let number = self.whole(folds, "cross_fit")?;
        if number < 2 {
            self.report(
                Diagnostic::error(Code(621), folds.span, "`cross_fit` needs at least 2 folds")
                    .help("write `cross_fit 5 by ...`"),
            );
            return None;
        }
        if !reads_a_tower(value) {
            self.report(
                Diagnostic::error(
                    Code(621),
                    folds.span,
                    format!("column `{name}` reads no tower, so there is nothing to train without a fold"),
                )
                .note("statistics over a column with folds are taken fold by fold anyway")
                .help("leave out `cross_fit`"),
            );
            return None;
        }
        Some(CrossFit { folds: number, by })
    }
}

/// A value of rows that all have one. Other rows of the source have 0, which nobody reads.
fn never_null(read: Expr) -> Expr {
    let Ty::Row(ty) = &read.ty else { return read };
    let nothing = match ty.kind {
        RowKind::Bool => Value::Bool(false),
        RowKind::Int => Value::Int(0),
        _ => Value::Float(0.0),
    };
    let ty = Ty::Row(RowType::new(ty.kind.clone()));
    let (facts, span) = (read.facts.clone(), read.span);
    let nothing = Expr::constant(nothing, span);
    let filled = ExprKind::Prim("fill".to_owned(), vec![read, nothing]);
    Expr::new(filled, ty, facts, span)
}

fn reads_a_tower(value: &Expr) -> bool {
    let mut found = false;
    value.walk(&mut |e| found |= matches!(e.kind, ExprKind::Tower(..) | ExprKind::Frozen(..)));
    found
}
