//! Which rows an evaluation may ask about.

use reckon_grammar::ast::EvaluateKind;

use super::Checker;
use crate::hir::{Evaluation, EvaluationKind, Negatives, Pick, Rows};

impl Checker<'_> {
    /// Whether rows can be asked about. A ranking asks about rows as they are narrowed, weighed and drawn; a retrieval ranks
    /// all things there are, so its rows are only narrowed.
    pub(super) fn may_be_asked(&mut self, rows: &Rows, kind: EvaluateKind) -> bool {
        let weighed = |pick: &Pick| matches!(pick, Pick::Weigh(_) | Pick::DownSample(..));
        let drawn = rows.negatives.is_some() || rows.drawn.is_some();
        let (message, help) = match kind {
            _ if rows.balanced.is_some() => (
                "the halves of `balanced` are halves of a batch, and an evaluation has none",
                "ask about each half in an evaluation of its own",
            ),
            _ if rows.group.is_some() => (
                "rows that are grouped are trained on together, and an evaluation asks about each",
                "leave out `group`; `gauc(...)` and `interval by` know of groups",
            ),
            EvaluateKind::Retrieval if drawn || rows.picks.iter().any(weighed) => (
                "a retrieval asks about rows as they are, and ranks all things there are",
                "leave out what draws and weighs them, or make it a `ranking`",
            ),
            EvaluateKind::Retrieval | EvaluateKind::Ranking => return true,
        };
        self.report(self.error(822, rows.span, message).help(help));
        false
    }

    /// Refuses what drawn rows cannot be asked: columns that they do not have, and slices by what is drawn or only labelled.
    pub(super) fn asked_of_drawn_rows(&mut self, evaluation: &Evaluation) {
        let Some(negatives) = &evaluation.rows.negatives else {
            return;
        };
        if let EvaluationKind::Ranking { score, label } = &evaluation.kind {
            self.reads_of_drawn_rows(&evaluation.rows, score);
            self.reads_of_drawn_rows(&evaluation.rows, label);
        }
        let mut unlabelled = evaluation.rows.clone();
        unlabelled.negatives = Some(Negatives {
            labels: Vec::new(),
            ..negatives.clone()
        });
        for slice in &evaluation.slice_exprs {
            let entity = &negatives.sampler.entity;
            match slice.facts.sides.contains(entity) {
                true => {
                    self.not_yet(
                        slice.span,
                        &format!("a slice of drawn rows by columns of the drawn `{entity}`"),
                        "slice by what a drawn row keeps: columns of its user, or those known of the user",
                    );
                }
                false => self.reads_of_drawn_rows(&unlabelled, slice),
            }
        }
    }
}
