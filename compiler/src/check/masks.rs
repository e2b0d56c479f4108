//! Rows that an item leaves out: where a score is missing.
//!
//! A head of a table of scores is a nullable column of the rows that it is applied to. Where it reaches a tensor of a loss, a ranking
//! or a column, the rows without a score are left out; `fill` and `is_null` say otherwise.

use reckon_grammar::ast::UnaryOp;

use super::Checker;
use super::values::{handle_key, row_root};
use crate::build::rows::text;
use crate::hir::{Expr, ExprKind, Kind, Rows, Ty};
use crate::plan::ScoresPlan;
use crate::plan::row::{RowKind, RowType};

/// What leaves rows out of the item being checked: conditions on the rows of one handle.
pub(super) struct Masks {
    rows: String,
    conditions: Vec<Expr>,
}

impl Checker<'_> {
    /// Begins an item that leaves out rows of this handle.
    pub(super) fn open_masks(&mut self, handle: &Expr) -> Option<Masks> {
        let masks = Masks {
            rows: handle_key(handle),
            conditions: Vec::new(),
        };
        self.masks.replace(masks)
    }

    /// Ends it: its rows are those that have all scores that it reads.
    pub(super) fn close_masks(&mut self, outer: Option<Masks>, rows: &mut Rows) {
        let masks = std::mem::replace(&mut self.masks, outer);
        for condition in masks.into_iter().flat_map(|masks| masks.conditions) {
            rows.keep(condition);
        }
    }

    /// Whether a null of a row value is one of scores, and its row is left out.
    pub(super) fn is_masked(&mut self, value: &Expr) -> bool {
        let mut scores = false;
        value.walk(&mut |e| scores |= self.score_kind(e).is_some());
        let root = row_root(value).map(|(key, _)| key);
        let Some(masks) = self.masks.as_mut().filter(|_| scores) else {
            return false;
        };
        if root.as_ref() != Some(&masks.rows) {
            return false;
        }
        let (facts, span) = (value.facts.clone(), value.span);
        let truth = || Ty::Row(RowType::new(RowKind::Bool));
        let null = ExprKind::Prim("is_null".into(), vec![value.clone()]);
        let null = Expr::new(null, truth(), facts.clone(), span);
        let there = ExprKind::Unary(UnaryOp::Not, Box::new(null));
        let there = Expr::new(there, truth(), facts, span);
        let same = |known: &Expr| text(known) == text(&there);
        if !masks.conditions.iter().any(same) {
            masks.conditions.push(there);
        }
        true
    }

    /// What a head of a table of scores is, a logit or another kind of number.
    pub(super) fn score_kind(&self, value: &Expr) -> Option<Kind> {
        let ExprKind::Column(handle, column) = &value.kind else {
            return None;
        };
        let Ty::Handle(handle) = &handle.ty else {
            return None;
        };
        let of = |scores: &&ScoresPlan| {
            scores.source == handle.source && scores.heads.iter().any(|(_, name)| name == column)
        };
        let scores = self.hir.scores.iter().find(of)?;
        let (head, _) = scores.heads.iter().find(|(_, name)| name == column)?;
        let table = self.score_tables.get(&scores.teacher)?.as_ref()?;
        let head = table.heads.iter().find(|known| known.name == *head)?;
        Some(head.kind)
    }
}
