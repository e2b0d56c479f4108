//! Entities whose things have dated versions: `entity user from "users.csv" as of updated_at`. A row of events sees the latest
//! version strictly before its time, so versions are read where there is a row with a time, and nowhere else.

use std::collections::BTreeMap;

use reckon_grammar::ast;
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use super::Checker;
use super::values::row_root;
use crate::hir::{Amount, EvaluationKind, Expr, ExprKind, Pick, Rows, Ty};
use crate::plan::SourcePlan;
use crate::plan::row::RowKind;
use crate::value::Value;

impl Checker<'_> {
    /// The column behind `as of`: a time that is never null.
    pub(super) fn versions_of(
        &mut self,
        source: &ast::Source,
        plan: &SourcePlan,
    ) -> Option<String> {
        let name = source.as_of.as_ref()?;
        if source.kind == ast::SourceKind::Events {
            let message = format!("`{}` are events, and things have versions", plan.name);
            self.report(
                Diagnostic::error(Code(430), name.span, message)
                    .help("leave out `as of`: a column of type `time` dates events"),
            );
            return None;
        }
        let column = self.column_of(plan, name)?;
        if column.ty.kind != RowKind::Time || column.ty.nullable {
            let message = format!(
                "`{}` is `{}`, and versions are dated by a time",
                name.text, column.ty
            );
            self.report(
                Diagnostic::error(Code(430), name.span, message)
                    .label(column.span, "declared here")
                    .help(format!("write `{}: time`", name.text)),
            );
            return None;
        }
        Some(name.text.clone())
    }

    /// Whether the things of an entity have dated versions.
    pub(super) fn is_dated(&self, entity: &str) -> bool {
        let mut sources = self.hir.sources.iter();
        sources.any(|known| known.name == entity && known.versions.is_some())
    }

    /// Whether a column is of the key of an entity.
    pub(super) fn is_key(&self, entity: &str, column: &str) -> bool {
        let mut sources = self.hir.sources.iter();
        sources.any(|known| known.name == entity && known.key.iter().any(|key| key == column))
    }

    /// Refuses whatever reads things with versions where no time says which.
    pub(super) fn dated_entities(&mut self) {
        let mut sources = self.hir.sources.iter();
        if sources.all(|source| source.versions.is_none()) {
            return;
        }
        let mut found = self.without_a_time();
        found.sort_by_key(|(span, _)| (span.file, span.start, span.end));
        found.dedup();
        for (span, message) in found {
            self.report(
                Diagnostic::error(Code(428), span, message)
                    .note("a thing with versions is read as of the time of a row: the latest version strictly before it")
                    .help("leave out `as of` where the file has one row a thing, or read it by a reference from events with a time"),
            );
        }
    }

    fn without_a_time(&self) -> Vec<(Span, String)> {
        let mut found: Vec<(Span, String)> = Vec::new();
        let sources = self.hir.sources.iter();
        for source in sources.filter(|source| source.time.is_none()) {
            let references = source.references.iter();
            for reference in references.filter(|reference| self.is_dated(&reference.target)) {
                let (of, to) = (&source.name, &reference.target);
                found.push((
                    reference.span,
                    format!("`{of}` has no time to read a version of `{to}` at"),
                ));
            }
        }
        let hir = &self.hir;
        let rows = hir.losses.iter().map(|loss| &loss.rows);
        let rows = rows.chain(hir.columns.iter().map(|column| &column.rows));
        let rows = rows.chain(hir.evaluations.iter().map(|evaluation| &evaluation.rows));
        rows.for_each(|rows| self.rows_without_a_time(rows, &mut found));
        for graph in hir
            .graphs
            .iter()
            .filter(|graph| self.is_dated(&graph.things))
        {
            let message = format!(
                "a graph of `{}` speaks of things, not of versions of them",
                graph.things
            );
            found.push((graph.span, message));
        }
        for evaluation in &hir.evaluations {
            if let EvaluationKind::Retrieval { entity, .. } = &evaluation.kind
                && self.is_dated(entity)
            {
                found.push((evaluation.span, no_catalogue(entity)));
            }
        }
        let values = hir.features.iter().map(|feature| &feature.value);
        let values = values.chain(hir.towers.iter().map(|tower| &tower.value));
        let values = values.chain(hir.losses.iter().map(|loss| &loss.value));
        let values = values.chain(hir.columns.iter().map(|column| &column.value));
        let values =
            values.chain(
                hir.evaluations
                    .iter()
                    .flat_map(|evaluation| match &evaluation.kind {
                        // What is ranked was looked at above.
                        EvaluationKind::Retrieval { entity, .. } if self.is_dated(entity) => vec![],
                        EvaluationKind::Retrieval { score, .. } => vec![score],
                        EvaluationKind::Ranking { score, label } => vec![score, label],
                    }),
            );
        values.for_each(|value| self.value_without_a_time(value, &mut found));
        found
    }

    /// Rows of things with versions, and things drawn by what only a version says.
    fn rows_without_a_time(&self, rows: &Rows, found: &mut Vec<(Span, String)>) {
        if self.is_dated(&rows.source) {
            found.push((
                rows.span,
                format!(
                    "rows of `{}` are versions, and none of them has a time to be seen at",
                    rows.source
                ),
            ));
        }
        let sampler = rows.negatives.iter().map(|negatives| &negatives.sampler);
        for sampler in sampler.filter(|sampler| self.is_dated(&sampler.entity)) {
            if let Some(weight) = &sampler.weight {
                let message = format!(
                    "a version of `{}` weighs draws, and no time says which",
                    sampler.entity
                );
                found.push((weight.span, message));
            }
        }
        let picks = rows.picks.iter().chain(rows.balanced.iter().flatten());
        for pick in picks {
            if let Pick::AtMost(Amount::Times(_, counted), _) = pick {
                self.rows_without_a_time(counted, found);
            }
        }
        for e in rows.expressions() {
            self.value_without_a_time(e, found);
        }
    }

    /// Candidates with versions, and statistics over a catalogue of versions; of each kind the first in the text.
    fn value_without_a_time(&self, value: &Expr, found: &mut Vec<(Span, String)>) {
        let mut here: BTreeMap<String, Span> = BTreeMap::new();
        let mut note = |message: String, span: Span| {
            let first = here.entry(message).or_insert(span);
            if (span.file, span.start) < (first.file, first.start) {
                *first = span;
            }
        };
        value.walk(&mut |e| match &e.kind {
            ExprKind::Candidates(_, own) => {
                if let Ty::Handle(own) = &own.ty
                    && self.is_dated(&own.source)
                {
                    note(no_catalogue(&own.source), e.span);
                }
            }
            ExprKind::Prim(_, args) if args.iter().any(is_catalogue) => {
                if let Some((_, handle)) = args.first().and_then(row_root)
                    && self.is_dated(&handle.source)
                {
                    let of = handle.source;
                    let message =
                        format!("`over: catalogue` would count versions of `{of}` of all times");
                    note(message, e.span);
                }
            }
            _ => {}
        });
        found.extend(here.into_iter().map(|(message, span)| (span, message)));
    }
}

fn is_catalogue(arg: &Expr) -> bool {
    matches!(&arg.kind, ExprKind::Const(Value::Word(word)) if word == "catalogue")
}

fn no_catalogue(entity: &str) -> String {
    format!("candidates of `{entity}` are versions, and rows of different times share them")
}
