//! Names that stand for something, but not where they are written, or not in this language.

use reckon_grammar::ast::{Item, ItemKind};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::Span;

use super::Checker;
use crate::plan::SourceKind;

impl Checker<'_> {
    /// What is said of a name that a spec declares elsewhere, or that other languages have; `None` of any other.
    pub(super) fn name_elsewhere(&self, name: &str, span: Span) -> Option<Diagnostic> {
        if self.in_library() {
            return None;
        }
        self.later_setting(name, span)
            .or_else(|| self.sibling_feature(name, span))
            .or_else(|| self.rows_elsewhere(name, span))
            .or_else(|| self.loss_as_value(name, span))
            .or_else(|| {
                let told = self.error(211, span, format!("unknown name `{name}`"));
                Some(told.help(of_other_languages(name)?))
            })
    }

    /// Settings are computed in the order of the text.
    fn later_setting(&self, name: &str, span: Span) -> Option<Diagnostic> {
        let found = self.user_items().find_map(|item| match &item.kind {
            ItemKind::Setting(setting) if setting.name.text == name => Some(setting),
            _ => None,
        })?;
        let itself = found.value.span.file == span.file
            && found.value.span.start <= span.start
            && span.end <= found.value.span.end;
        let message = if itself {
            format!("setting `{name}` is computed from itself")
        } else {
            format!("setting `{name}` is declared further down")
        };
        let told = self.error(211, span, message);
        let told = told.label(found.name.span, "declared here");
        Some(match itself {
            true => told,
            false => told.help("move it up: settings are computed in the order of the text"),
        })
    }

    /// Features of the same row are read through its handle, for a column may have the same name.
    fn sibling_feature(&self, name: &str, span: Span) -> Option<Diagnostic> {
        let row = self.frames.last()?.row.as_ref()?;
        let source = &row.source;
        self.feature_items
            .iter()
            .find(|(of, feature, _)| of == source && feature == name)?;
        let message = format!("`{name}` is a feature, and names by themselves are columns");
        let told = self.error(211, span, message);
        let told = told.note(format!("`{source}.{name}` is what a tower reads of it"));
        let item = if self.is_entity(source) {
            "entity"
        } else {
            "events"
        };
        Some(told.help(format!(
            "what several features are computed from is a column of its own: `{name}: TYPE = ...` in `{item} {source}`"
        )))
    }

    /// Rows that the row in scope does not refer to.
    fn rows_elsewhere(&self, name: &str, span: Span) -> Option<Diagnostic> {
        let found = self.hir.sources.iter().find(|known| known.name == name)?;
        let Some(row) = self.frames.last().and_then(|frame| frame.row.as_ref()) else {
            let message = format!("`{name}` is rows, and there are none here");
            let told = self.error(211, span, message);
            return Some(told.help("make it a parameter: `tower NAME(x: ROWS) = ...`"));
        };
        let source = &row.source;
        let told = self.error(
            211,
            span,
            format!("a row of `{source}` does not refer to `{name}`"),
        );
        Some(if self.references_of(name).contains(source) {
            told.note(format!("many rows of `{name}` may refer to one of `{source}`"))
                .help(format!(
                    "count them, `count({name}, by: {source})`, or read earlier ones in `features {name}`: `history({name} of {source}, last: 50)`"
                ))
        } else if found.kind == SourceKind::Entity {
            told.help(format!(
                "declare the reference in `{source}`: `COLUMN -> {name}`"
            ))
        } else {
            told
        })
    }

    /// A loss is minimised, and no value of others.
    fn loss_as_value(&self, name: &str, span: Span) -> Option<Diagnostic> {
        let is_loss =
            |item: &&Item| matches!(&item.kind, ItemKind::Loss(loss) if loss.name.text == name);
        self.user_items().find(is_loss)?;
        let told = self.error(211, span, format!("`{name}` is a loss, not a value"));
        Some(told.help(format!(
            "add losses where they are minimised: `minimize {name} + ...`"
        )))
    }
}

/// What stands here for a function of other languages.
pub(super) fn function_of_other_languages(name: &str) -> Option<&'static str> {
    Some(match name {
        "one_hot" | "onehot" | "get_dummies" | "factorize" | "label_encode" | "string_lookup" => {
            "a vector for each value is learned: `... |> vocab |> embed(8)`"
        }
        "cat" | "hstack" | "concatenate" | "merge" => "write `concat(a, b)`",
        "standardize" | "standard_scaler" | "scale" | "batch_norm" => "write `... |> zscore`",
        "bucketize" | "discretize" | "cut" | "digitize" => {
            "write `... |> buckets([1, 10, 100])`, or `quantiles(10)`"
        }
        "dense" | "fc" | "Dense" | "Linear" => "`use std.tower.linear`, and `... |> linear(16)`",
        "matmul" | "inner" | "einsum" => "the product of two vectors is `dot(a, b)`",
        "tokenize" | "strsplit" => "write `... |> split(\" \")`",
        _ => return None,
    })
}

/// What stands here for a word of other languages.
fn of_other_languages(name: &str) -> Option<&'static str> {
    Some(match name {
        "return" => "the last line of a body is its value; leave `return` out",
        "True" | "TRUE" => "write `true`",
        "False" | "FALSE" => "write `false`",
        "None" | "null" | "nil" | "NULL" => {
            "there is no null to write: `is_null(x)` asks for it, `fill(x, 0)` ends it"
        }
        _ => return None,
    })
}
