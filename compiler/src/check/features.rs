//! Features, checked where they are first read.

use super::Checker;
use super::tables::id_source;
use crate::hir::{Expr, Feature};
use reckon_grammar::ast::{self, ItemKind};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::{FileId, Span};

impl<'a> Checker<'a> {
    /// Features of a source that does not exist are said once, at the item.
    pub(super) fn feature_sources(&mut self, items: &[&'a ast::Item]) {
        for item in items {
            let ItemKind::Features(features) = &item.kind else {
                continue;
            };
            let name = &features.source.text;
            if self.hir.sources.iter().all(|source| source.name != *name) {
                let known: Vec<String> = self
                    .hir
                    .sources
                    .iter()
                    .map(|source| source.name.clone())
                    .collect();
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                self.unknown(232, features.source.span, "entity or events", name, &known);
            }
        }
        let known: Vec<String> = self
            .hir
            .sources
            .iter()
            .map(|source| source.name.clone())
            .collect();
        self.feature_items
            .retain(|(source, _, _)| known.contains(source));
        self.written_features
            .retain(|(source, _), _| known.iter().any(|known| known == source));
        let mut seen: std::collections::BTreeMap<(String, String), Span> = Default::default();
        for (source, name, feature) in self.feature_items.clone() {
            if let Some(first) = seen.insert((source.clone(), name.clone()), feature.name.span) {
                self.report(
                    Diagnostic::error(
                        Code(204),
                        feature.name.span,
                        format!("feature `{source}.{name}` is declared twice"),
                    )
                    .label(first, "first declared here"),
                );
            }
        }
    }

    /// The checked feature of this name; it is checked on first use, so order in the text does not matter.
    pub(super) fn feature_index(&mut self, source: &str, name: &str) -> Option<usize> {
        if let Some(at) = self.features.get(&(source.to_owned(), name.to_owned())) {
            return (*at != usize::MAX).then_some(*at);
        }
        let feature = *self.written_features.get(&(source, name))?;
        let key = format!("{source}.{name}");
        if self.open.contains(&key) {
            self.report(Diagnostic::error(
                Code(418),
                feature.name.span,
                format!("feature `{key}` is computed from itself"),
            ).help("a column of that name is reached by `.raw`, earlier rows through `history(...)`"));
            return None;
        }
        self.open.push(key);
        let outer = self.open_body();
        self.current_feature = Some((source.to_owned(), name.to_owned()));
        let (row, handle) = self.feature_row(source, feature.name.span);
        let value = self.in_row_scope(handle, source, |checker| checker.expr(&feature.value));
        let value = self.feature_value(value, source, name);
        self.reveal(feature.value.span, &value);
        self.close_body(outer);
        self.open.pop();
        let slot = (source.to_owned(), name.to_owned());
        if value.is_error() {
            self.features.insert(slot, usize::MAX);
            return None;
        }
        let docs = feature.docs.clone();
        self.hir.features.push(Feature {
            source: source.to_owned(),
            name: name.to_owned(),
            row,
            value,
            docs,
            span: feature.name.span,
        });
        self.features.insert(slot, self.hir.features.len() - 1);
        Some(self.hir.features.len() - 1)
    }

    /// Where labels of earlier rows are read.
    fn earlier_labels(&self, source: &str) -> String {
        if !self.is_entity(source) {
            let of = self.references_of(source).first().cloned();
            let of = of.unwrap_or_else(|| "user".into());
            return format!(
                "read it from earlier rows: `history({source} of {of}, last: 50)`, or declare the column without `label`"
            );
        }
        let mut sources = self.hir.sources.iter();
        let events = sources.find(|known| {
            known.time.is_some() && known.references.iter().any(|to| to.target == source)
        });
        match events {
            Some(events) => format!(
                "read earlier ones in `features {0}`: `history({0} of {source}, last: 50)`",
                events.name
            ),
            None => "declare the column without `label`, if it is known before it is asked for"
                .to_owned(),
        }
    }

    fn feature_value(&mut self, value: Expr, source: &str, name: &str) -> Expr {
        if let Some(leak) = value.facts.label {
            self.report(
                Diagnostic::error(
                    Code(420),
                    leak,
                    format!("feature `{source}.{name}` reads a label of its own row"),
                )
                .here("known only after the row happened")
                .help(self.earlier_labels(source)),
            );
            return Expr::error(value.span);
        }
        if id_source(&value).is_some() {
            self.report(
                Diagnostic::error(
                    Code(419),
                    value.span,
                    format!("feature `{source}.{name}` ends in ids, and ids are no numbers"),
                )
                .help("give every id a vector: `... |> embed(16)`"),
            );
            return Expr::error(value.span);
        }
        self.tensor(value)
    }

    /// Warns of features that nothing reads.
    pub(super) fn unused(&mut self) {
        // Where something is wrong, what would have read a feature may be what is wrong.
        if self.hir.towers.is_empty() || self.diagnostics.iter().any(Diagnostic::is_error) {
            return;
        }
        for (source, name, feature) in self.feature_items.clone() {
            let key = format!("feature {source}.{name}");
            // A file that others use serves several specs, of which each reads what it needs.
            if feature.name.span.file == FileId(0)
                && !self.used.contains(&key)
                && self
                    .features
                    .get(&(source.clone(), name.clone()))
                    .is_some_and(|at| *at != usize::MAX)
            {
                self.report(
                    Diagnostic::warning(
                        Code(421),
                        feature.name.span,
                        format!("feature `{source}.{name}` is never read"),
                    )
                    .help(format!(
                        "pass it to a tower, `concat({source})` takes all, or delete it"
                    )),
                );
            }
        }
    }
}
