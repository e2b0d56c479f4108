//! What the score of an evaluation may read beside towers. Rows of evaluation train nothing, so what was fitted or computed by
//! training rows tells no label of theirs: statistics, and columns computed `over all splits` by towers.

use reckon_grammar::ast::BinaryOp;
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use super::Checker;
use crate::build::rows::{plain, text};
use crate::hir::{Expr, ExprKind, Pick, Rows, StoredColumn, Ty};
use crate::plan::{Reach, WindowPlan};

impl Checker<'_> {
    /// Refuses a score of rows that reads a label of theirs, or a column that has no value there. Whether it does.
    pub(super) fn judges_by_the_answer(&mut self, score: &Expr, rows: &Rows) -> bool {
        let split = self
            .hir
            .splits
            .iter()
            .any(|split| split.source == rows.source);
        if !split && rows.window != Some(WindowPlan::NextDay) {
            return self.score_reads_label(score);
        }
        if let Some((span, name)) = self.without_value(score) {
            self.report(
                Diagnostic::error(
                    Code(623),
                    span,
                    format!("column `{name}` has no value at rows of evaluation"),
                )
                .note("a column is computed for training rows, unless it says more")
                .help(format!(
                    "write `column {name} over ROWS over all splits = ...`"
                )),
            );
            return true;
        }
        let kept = rows.picks.iter().filter_map(|pick| match pick {
            Pick::Keep(cond) => Some(cond),
            Pick::AtMost(..) | Pick::Top(..) | Pick::Weigh(_) | Pick::DownSample(..) => None,
        });
        let mut held = Vec::new();
        let conditions = rows.condition.iter().chain(kept);
        conditions.for_each(|cond| conjuncts(cond, &mut held));
        let Some(leak) = self.leak(score, &held) else {
            return false;
        };
        self.label_in_score(leak);
        true
    }

    /// A column behind a value that a run computes for training rows alone.
    fn without_value(&self, e: &Expr) -> Option<(Span, String)> {
        if let Some(column) = self.computed(e) {
            let split = self
                .hir
                .splits
                .iter()
                .any(|split| split.source == column.rows.source);
            if split && column.reach == Reach::Training {
                return Some((e.span, column.name.clone()));
            }
            return self
                .without_value(&column.value)
                .map(|(_, name)| (e.span, name));
        }
        e.children()
            .into_iter()
            .find_map(|child| self.without_value(child))
    }

    /// The first place where a value reads a label of its own row, of rows for which some conditions hold.
    fn leak(&self, e: &Expr, held: &[String]) -> Option<Span> {
        let declared = e.facts.label?;
        if let Some(column) = self.computed(e) {
            let picks = column.rows.picks.iter().filter_map(Pick::value);
            let mut needed = Vec::new();
            let conditions = column.rows.condition.iter().chain(picks);
            conditions
                .filter(|cond| cond.facts.label.is_some())
                .for_each(|cond| conjuncts(cond, &mut needed));
            let known = needed.iter().all(|cond| held.contains(cond));
            let inside = self.leak(&column.value, held);
            return inside.map(|_| declared).or((!known).then_some(declared));
        }
        let mut children = e.children().into_iter();
        match &e.kind {
            // What it counts are training rows.
            ExprKind::Statistic(_) => children.find_map(|child| self.leak(child, held)),
            _ if children.clone().any(|child| child.facts.label.is_some()) => {
                children.find_map(|child| self.leak(child, held))
            }
            _ => Some(declared),
        }
    }

    /// The column of a run that an expression is.
    fn computed(&self, e: &Expr) -> Option<&StoredColumn> {
        let ExprKind::Column(handle, name) = &e.kind else {
            return None;
        };
        let Ty::Handle(handle) = &handle.ty else {
            return None;
        };
        let mut columns = self.hir.columns.iter();
        columns.find(|column| column.rows.source == handle.source && column.name == *name)
    }
}

/// The conditions that a condition says together, as text.
fn conjuncts(cond: &Expr, found: &mut Vec<String>) {
    match &plain(cond).kind {
        ExprKind::Binary(BinaryOp::And, a, b) => {
            conjuncts(a, found);
            conjuncts(b, found);
        }
        _ => found.push(text(cond)),
    }
}
