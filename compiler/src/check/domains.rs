//! Statistics over the rows of a loss: `vocab(over: main)`. They count before anything is trained, so the rows have to be
//! known by then.

use std::collections::BTreeSet;

use reckon_grammar::ast;
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use super::Checker;
use super::values::row_root;
use crate::hir::{Amount, Expr, ExprKind, Pick, Rows, Ty};
use crate::value::Value;

/// A statistic over the rows of a loss.
pub(super) struct Counted {
    loss: String,
    /// The source whose values are counted.
    source: String,
    /// The call.
    span: Span,
}

/// `over: catalogue`
fn is_catalogue(arg: &Expr) -> bool {
    matches!(&arg.kind, ExprKind::Const(Value::Word(word)) if word == "catalogue")
}

impl Checker<'_> {
    /// Notes a fitted function over the rows of a loss, for [`Self::counted_losses`].
    pub(super) fn note_domain(&mut self, args: &[Expr], span: Span) {
        let Some((_, handle)) = args.first().and_then(row_root) else {
            return;
        };
        if let Some(loss) = args.iter().find_map(|arg| self.loss_counted(arg)) {
            self.counted.push(Counted {
                loss,
                source: handle.source,
                span: self.user_span(span),
            });
        } else if args.iter().any(is_catalogue) && self.is_events(&handle.source) {
            let source = &handle.source;
            let message = format!("`{source}` is events, and events have no catalogue");
            self.report(
                Diagnostic::error(Code(429), self.user_span(span), message)
                    .note("`over: catalogue` counts each thing of an entity once")
                    .help("leave `over` out: training rows are counted; or make it a feature of the entity"),
            );
        }
    }

    /// The loss that an argument names. A word that is the name of a loss is one only where `over` takes it.
    fn loss_counted(&self, arg: &Expr) -> Option<String> {
        match &arg.kind {
            ExprKind::Const(Value::Word(word))
                if !matches!(word.as_str(), "training" | "catalogue") && self.is_loss(word) =>
            {
                Some(word.clone())
            }
            _ => None,
        }
    }

    /// Refuses statistics over rows of losses that cannot be counted before training.
    pub(super) fn counted_losses(&mut self) {
        let mut refused = BTreeSet::new();
        for Counted { loss, source, span } in std::mem::take(&mut self.counted) {
            let Some(found) = self.hir.losses.iter().find(|known| known.name == loss) else {
                continue;
            };
            let rows = found.rows.clone();
            if !refused.insert((span.file, span.start, span.end)) {
                continue;
            }
            let of = &rows.source;
            if *of != source && !self.references_of(of).contains(&source) {
                let message =
                    format!("loss `{loss}` is over `{of}`, which says nothing of `{source}`");
                self.not_counted(span, &rows, message)
            } else if let Some(why) = drawn(&rows) {
                let message =
                    format!("the rows of loss `{loss}` {why}, and this counts before training");
                self.not_counted(span, &rows, message);
            } else if self.counts_itself(&loss, &rows) {
                let message =
                    format!("which rows loss `{loss}` has depends on this statistic over them");
                self.not_counted(span, &rows, message);
            }
        }
    }

    /// Refuses a statistic over rows that evaluations ask about.
    pub(super) fn counts_what_is_held_out(&mut self, span: Span, message: String) -> Expr {
        let diagnostic = self
            .error(425, span, message)
            .note("what is fitted counts training rows only: a figure on rows that it had seen would say too much")
            .help("leave it out: training rows are counted");
        self.report(diagnostic);
        Expr::error(span)
    }

    /// Whether a word is the name of an evaluation.
    pub(super) fn is_evaluation(&self, word: &str) -> bool {
        self.user_items().any(|item| {
            matches!(&item.kind, ast::ItemKind::Evaluate(evaluation) if evaluation.name.text == word)
        })
    }

    fn not_counted(&mut self, span: Span, rows: &Rows, message: String) {
        self.report(
            Diagnostic::error(Code(424), span, message)
                .label(rows.span, "its rows")
                .note("`over:` takes a loss whose rows are known before training: those of a source, narrowed by conditions and weighed")
                .help("leave `over` out: training rows are counted"),
        );
    }

    /// Whether what chooses or weighs the rows of a loss reads a statistic over those rows, through other losses too.
    fn counts_itself(&self, loss: &str, rows: &Rows) -> bool {
        let (mut open, mut seen) = (self.counted_by(rows), BTreeSet::new());
        while let Some(next) = open.pop() {
            if next == loss {
                return true;
            }
            let found = self.hir.losses.iter().find(|known| known.name == next);
            if let Some(found) = found.filter(|_| seen.insert(next)) {
                open.extend(self.counted_by(&found.rows));
            }
        }
        false
    }

    /// The losses over whose rows statistics are read to choose or weigh rows.
    fn counted_by(&self, rows: &Rows) -> Vec<String> {
        let picks = rows.picks.iter().filter_map(Pick::value);
        let mut found = Vec::new();
        for e in rows.condition.iter().chain(picks) {
            e.walk(&mut |e| {
                if let ExprKind::Prim(_, args) = &e.kind
                    && matches!(e.ty, Ty::Row(_))
                {
                    found.extend(args.iter().find_map(|arg| self.loss_counted(arg)));
                }
            });
        }
        found
    }
}

/// Why the rows of a loss are not known before training.
fn drawn(rows: &Rows) -> Option<&'static str> {
    let at_random = |pick: &Pick| {
        matches!(
            pick,
            Pick::AtMost(_, None) | Pick::AtMost(Amount::Times(..), _) | Pick::DownSample(..)
        )
    };
    if rows.window.is_some() {
        Some("are those of a day")
    } else if rows.negatives.is_some() || rows.drawn.is_some() || rows.balanced.is_some() {
        Some("are drawn at each step")
    } else if rows.picks.iter().any(at_random) {
        Some("are chosen at random or by a count of others")
    } else {
        None
    }
}
