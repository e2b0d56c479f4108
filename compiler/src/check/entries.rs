//! What the entries of a source may say of each other: an entry that stands twice or does nothing is no silence.

use reckon_grammar::ast::{self, ColumnDecl, Role, SourceEntry};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use super::Checker;
use crate::plan::row::{RowKind, RowType};
use crate::value::Value;

impl<'a> Checker<'a> {
    /// Entries of a source that stand twice, or that it has no use for.
    pub(super) fn entries_fit(&mut self, source: &ast::Source) {
        self.keys_fit(source);
        self.entries_once(source);
        self.references_fit(source);
        for entry in &source.entries {
            if let SourceEntry::Column(column) = entry {
                self.column_fits(source, column);
            }
        }
    }

    fn unfit(&mut self, span: Span, message: String, help: &str) {
        self.report(Diagnostic::error(Code(430), span, message).help(help));
    }

    /// An entity has one key, which is never null; events have references instead.
    fn keys_fit(&mut self, source: &ast::Source) {
        let keys = source.entries.iter().filter_map(|entry| match entry {
            SourceEntry::Key(columns) => columns.first().map(|first| (&first.0, columns)),
            _ => None,
        });
        for (at, (first, columns)) in keys.enumerate() {
            if source.kind == ast::SourceKind::Events {
                let message = format!("`{}` is events, and events have no key", source.name.text);
                let help = "write a column, or a reference such as `user_id -> user`; `unique by` drops rows that repeat";
                self.unfit(first.span, message, help);
            } else if at > 0 {
                let message = format!("`{}` has a second key", source.name.text);
                self.report(
                    Diagnostic::error(Code(204), first.span, message).help(
                        "write a key of several columns as one: `key (shop: int, item: str)`",
                    ),
                );
            }
            for (name, ty) in columns {
                if ty.nullable {
                    let message = format!("the key `{}` may be null", name.text);
                    self.unfit(
                        ty.span,
                        message,
                        "leave out the `?`: a row without a key is not found",
                    );
                }
            }
        }
    }

    /// `unique by` and `absent` stand once.
    fn entries_once(&mut self, source: &ast::Source) {
        let mut seen: Vec<(&str, Span)> = Vec::new();
        for entry in &source.entries {
            let (what, span) = match entry {
                SourceEntry::Unique(_, span) => ("unique by", *span),
                SourceEntry::Policy { name, .. } => (name.text.as_str(), name.span),
                _ => continue,
            };
            match seen.iter().find(|(known, _)| *known == what) {
                Some((_, first)) => self.report(
                    Diagnostic::error(Code(204), span, format!("`{what}` is given twice"))
                        .label(*first, "first given here")
                        .help("keep one of the two"),
                ),
                None => seen.push((what, span)),
            }
        }
    }

    /// A reference is read by the name of its entity, so there is one to each.
    fn references_fit(&mut self, source: &ast::Source) {
        let mut targets: Vec<&ast::Name> = Vec::new();
        for entry in &source.entries {
            match entry {
                SourceEntry::Reference { columns, target } => {
                    self.reference_is_there(source, columns);
                    if targets.iter().any(|known| known.text == target.text) {
                        let what = format!("a second reference to `{}`", target.text);
                        let instead = format!(
                            "declare the things once more under another name, `entity other_{} from ...`, and refer to that",
                            target.text
                        );
                        self.not_yet(target.span, &what, instead);
                    }
                    targets.push(target);
                }
                SourceEntry::Policy { name, .. } if name.text == "absent" => {
                    let refers =
                        |entry: &SourceEntry| matches!(entry, SourceEntry::Reference { .. });
                    if !source.entries.iter().any(refers) {
                        let message = format!(
                            "`{}` refers to nothing that could be absent",
                            source.name.text
                        );
                        self.unfit(name.span, message, "write `absent: unknown` among events whose references may lead nowhere");
                    }
                }
                _ => {}
            }
        }
    }

    /// A reference that may be null leads nowhere where it is: that has to be meant.
    fn reference_is_there(&mut self, source: &ast::Source, columns: &[ast::Name]) {
        let absent = |entry: &SourceEntry| matches!(entry, SourceEntry::Policy { name, .. } if name.text == "absent");
        if source.entries.iter().any(absent) {
            return;
        }
        // A column that the reference itself declares is what the key is.
        let declared = source.entries.iter().find_map(|entry| match entry {
            SourceEntry::Column(ColumnDecl {
                name, ty: Some(ty), ..
            }) => {
                let refers = columns.iter().any(|column| column.text == name.text);
                (ty.nullable && refers).then_some(name)
            }
            _ => None,
        });
        if let Some(null) = declared {
            let (name, span) = (&null.text, null.span);
            let message = format!("`{name}` may be null, and refers to nothing where it is");
            self.unfit(
                span,
                message,
                "write the line `absent: unknown`, or leave out the `?`",
            );
        }
    }

    fn column_fits(&mut self, source: &ast::Source, column: &ColumnDecl) {
        if let Role::Known(Some(of)) = &column.role {
            let targets = self.references_of(&source.name.text);
            if !targets.contains(&of.text) {
                let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
                let what = format!("reference of `{}`", source.name.text);
                self.unknown(231, of.span, &what, &of.text, &targets);
            }
        }
        if let (Some(_), Some(nulls)) = (&column.value, &column.nulls) {
            let message = format!("`{}` is computed, and no value of a file", column.name.text);
            self.unfit(
                nulls.span,
                message,
                "write `null` at the column that it is computed from",
            );
        }
        let repeats = |entry: &SourceEntry| match entry {
            SourceEntry::Unique(names, _) => {
                let name = names.iter().find(|name| name.text == column.name.text);
                name.map(|name| name.span)
            }
            _ => None,
        };
        if column.value.is_some()
            && let Some(span) = source.entries.iter().find_map(repeats)
        {
            let message = format!(
                "`{}` is computed, and rows repeat by what files hold",
                column.name.text
            );
            self.unfit(span, message, "name the columns that it is computed from");
        }
    }

    /// Values that stand for null are values of the column.
    pub(super) fn nulls_fit(
        &mut self,
        column: &ast::Name,
        ty: &RowType,
        nulls: &[Value],
        span: Span,
    ) {
        let fits = |value: &Value| match (&ty.kind, value) {
            (RowKind::Int | RowKind::Time, Value::Int(_))
            | (RowKind::Float, Value::Int(_) | Value::Float(_))
            | (RowKind::Str, Value::Str(_))
            | (RowKind::Bool, Value::Bool(_)) => true,
            (
                RowKind::Int
                | RowKind::Time
                | RowKind::Float
                | RowKind::Str
                | RowKind::Bool
                | RowKind::Duration
                | RowKind::List(_),
                _,
            ) => false,
        };
        if let Some(wrong) = nulls.iter().find(|value| !fits(value)) {
            let message = format!(
                "`{}` is `{}`, and `{wrong}` is no value of it",
                column.text, ty.kind
            );
            self.unfit(
                span,
                message,
                "write values as the file holds them: `null -1`, `null [\"\", \"unknown\"]`",
            );
        }
    }

    /// Derived columns that nothing reads are checked all the same.
    pub(super) fn unread_columns(&mut self) {
        let unread: Vec<(String, String)> = self
            .derived
            .keys()
            .filter(|(source, name)| !self.used.contains(&format!("column {source}.{name}")))
            .cloned()
            .collect();
        for (source, name) in unread {
            let Some(span) = self
                .derived
                .get(&(source.clone(), name.clone()))
                .map(|c| c.name.span)
            else {
                continue;
            };
            let outer = self.open_body();
            let (_, handle) = self.feature_row(&source, span);
            self.column(handle, &source, &name, span);
            self.close_body(outer);
        }
    }

    /// A derived column has the type that it is declared with; whole numbers are numbers.
    pub(super) fn derived_type(&mut self, column: &ColumnDecl, found: &RowType) -> bool {
        let Some(written) = &column.ty else {
            return true;
        };
        let Some((declared, _)) = self.column_type(written) else {
            return false;
        };
        let number = declared.kind == RowKind::Float && found.kind == RowKind::Int;
        if (declared.kind == found.kind || number) && (declared.nullable || !found.nullable) {
            return true;
        }
        let message = format!(
            "`{}` is declared `{declared}`, and its value is `{found}`",
            column.name.text
        );
        self.report(
            Diagnostic::error(Code(417), written.span, message)
                .help(format!("write `{found}`, or leave the type out")),
        );
        false
    }

    /// Paths in older checkpoints, which nothing reads yet.
    pub(super) fn old_paths(&mut self) {
        const WHAT: &str = "`was`, a path in older checkpoints,";
        const INSTEAD: &str =
            "leave it out and keep the old name, or let the weights begin anew under the new one";
        for item in self.user_items() {
            let (span, was) = match &item.kind {
                ast::ItemKind::Weight(weight) => (weight.name.span, weight.was.is_some()),
                ast::ItemKind::Tower(tower) => (tower.name.span, tower.was.is_some()),
                ast::ItemKind::Features(features) => {
                    for feature in features.entries.iter().filter(|entry| entry.was.is_some()) {
                        self.not_yet(feature.name.span, WHAT, INSTEAD);
                    }
                    continue;
                }
                _ => continue,
            };
            if was {
                self.not_yet(span, WHAT, INSTEAD);
            }
        }
    }
}
