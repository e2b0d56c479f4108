//! Columns: their types, and reading them.

use super::{Checker, list};
use crate::hir::{Expr, ExprKind, Facts, HandleTy, Ty};
use crate::plan::row::{RowKind, RowType};
use crate::plan::{Absent, ColumnPlan, SourceKind, TimeFormat};
use reckon_grammar::ast::{self, TypeKind};
use reckon_grammar::diagnostic::{Code, Diagnostic, nearest};
use reckon_grammar::span::Span;

impl Checker<'_> {
    pub(super) fn column_type(&mut self, ty: &ast::Type) -> Option<(RowType, TimeFormat)> {
        const KNOWN: &[&str] = &["int", "float", "bool", "str", "time", "list"];
        let TypeKind::Named { name, of, args, .. } = &ty.kind else {
            if !matches!(ty.kind, TypeKind::Error) {
                self.report(
                    Diagnostic::error(Code(403), ty.span, "expected the type of a column")
                        .note(format!("columns are {}", list(KNOWN))),
                );
            }
            return None;
        };
        let kind = match name.text.as_str() {
            "int" => RowKind::Int,
            "float" => RowKind::Float,
            "bool" => RowKind::Bool,
            "str" => RowKind::Str,
            "time" => RowKind::Time,
            "list" => match of.first().map(|of| self.column_type(of)) {
                Some(Some((inner, _))) => RowKind::List(Box::new(inner.kind)),
                Some(None) => return None,
                None => {
                    self.report(
                        Diagnostic::error(Code(403), ty.span, "a list column says what it holds")
                            .help("write `list<int>`, `list<float>` or `list<str>`"),
                    );
                    return None;
                }
            },
            other => {
                let unknown = Diagnostic::error(
                    Code(403),
                    name.span,
                    format!("unknown column type `{other}`"),
                );
                self.report(
                    match nearest(other, KNOWN.iter().copied()).or(alias(other)) {
                        Some(near) => unknown.help(format!("write `{near}`")).fix(name.span, near),
                        None => unknown.note(format!("columns are {}", list(KNOWN))),
                    },
                );
                return None;
            }
        };
        if !self.stands_alone(ty, &kind) {
            return None;
        }
        let time = self.time_format(args);
        Some((
            RowType {
                kind,
                nullable: ty.nullable,
            },
            time,
        ))
    }

    /// Whether a type has only what it can have behind its name: a time its format, a list what it holds.
    fn stands_alone(&mut self, ty: &ast::Type, kind: &RowKind) -> bool {
        let TypeKind::Named {
            name,
            of,
            args,
            dims,
        } = &ty.kind
        else {
            return true;
        };
        let arguments = *kind != RowKind::Time && !args.is_empty();
        if !arguments && dims.is_none() && (name.text == "list" || of.is_empty()) {
            return true;
        }
        let message = format!("`{}` stands by itself as the type of a column", name.text);
        let alone = Diagnostic::error(Code(403), ty.span, message);
        self.report(match dims {
            Some(_) => alone.help(format!(
                "write `list<{}>` for several in each row",
                name.text
            )),
            None => alone,
        });
        false
    }

    /// `unit: ms`, or `format: "%Y-%m-%d"` with a `zone`.
    fn time_format(&mut self, args: &[ast::Arg]) -> TimeFormat {
        const HELP: &str = "write `time(unit: ms)` or `time(format: \"%Y-%m-%d\", zone: \"UTC\")`";
        let (mut unit, mut format, mut zone) = (None, None, None);
        for arg in args {
            let name = arg.name.as_ref().map_or("", |name| name.text.as_str());
            let given = match name {
                "unit" => unit.is_some(),
                "format" => format.is_some(),
                _ => name == "zone" && zone.is_some(),
            };
            if given {
                let twice = format!("`{name}` is given twice");
                self.report(Diagnostic::error(Code(220), arg.value.span, twice));
                continue;
            }
            match (name, &arg.value.kind) {
                ("unit", ast::ExprKind::Name(word)) => unit = self.time_unit(word, arg.value.span),
                ("format", ast::ExprKind::Str(text)) => format = Some((text, arg.value.span)),
                ("zone", ast::ExprKind::Str(text)) => zone = Some((text, arg.value.span)),
                _ => self.report(
                    Diagnostic::error(
                        Code(222),
                        arg.value.span,
                        "a time takes `unit`, or `format` and `zone`",
                    )
                    .help(HELP),
                ),
            }
        }
        let without = match (&unit, &format, &zone) {
            (Some(_), Some((_, span)), _) => Some((
                *span,
                "a time is a number of units or a text of a format, not both",
            )),
            (_, None, Some((_, span))) => Some((
                *span,
                "`zone` belongs to a `format`: numbers count from 1970 in UTC",
            )),
            _ => None,
        };
        if let Some((span, message)) = without {
            self.report(Diagnostic::error(Code(222), span, message).help(HELP));
        }
        match format {
            Some((format, _)) => TimeFormat::Text {
                format: format.clone(),
                zone: zone.map_or_else(|| "UTC".to_owned(), |(zone, _)| zone.clone()),
            },
            None => unit.unwrap_or(TimeFormat::Seconds),
        }
    }

    fn time_unit(&mut self, word: &str, span: Span) -> Option<TimeFormat> {
        match word {
            "s" => Some(TimeFormat::Seconds),
            "ms" => Some(TimeFormat::Millis),
            "us" => Some(TimeFormat::Micros),
            _ => {
                self.unknown(221, span, "unit of time", word, &["s", "ms", "us"]);
                None
            }
        }
    }

    pub(super) fn has_column(&self, source: &str, name: &str) -> bool {
        let key = (source.to_owned(), name.to_owned());
        self.derived.contains_key(&key)
            || self.stored.contains_key(&key)
            || self.broken_columns.contains(&key)
            || self.declared_column(source, name).is_some()
    }

    /// A column as its source declares it.
    fn declared_column(&self, source: &str, name: &str) -> Option<&ColumnPlan> {
        let at = self.column_places.get(source)?.get(name)?;
        let declared = self.hir.sources.iter().find(|known| known.name == source);
        declared?.columns.get(*at)
    }

    pub(super) fn column_names(&self, source: &str) -> Vec<String> {
        let declared = self.hir.sources.iter().filter(|known| known.name == source);
        let mut names: Vec<String> = declared
            .flat_map(|known| known.columns.iter().map(|column| column.name.clone()))
            .collect();
        let other = self
            .derived
            .keys()
            .chain(self.stored.keys())
            .chain(&self.broken_columns);
        names.extend(
            other
                .filter(|(of, _)| of == source)
                .map(|(_, name)| name.clone()),
        );
        names
    }

    /// A column of a handle; a derived one is read through its expression.
    pub(super) fn column(&mut self, handle: Expr, source: &str, name: &str, span: Span) -> Expr {
        self.used.insert(format!("column {source}.{name}"));
        let key = (source.to_owned(), name.to_owned());
        if self.stored.contains_key(&key) {
            return self.stored_column(handle, source, name, span);
        }
        let mut facts = Facts::default();
        let past = matches!(&handle.ty, Ty::Handle(HandleTy { past: true, .. }));
        facts.sides.extend(self.sides_of(source, name, past));
        if self.hir.labels.contains(&key) && !past {
            facts.label = Some(self.user_span(span));
        }
        if past {
            self.reads_earlier(&handle, source, name);
        }
        if let Some(derived) = self.derived.get(&key).cloned() {
            return self.derived_column(handle, &key, &derived, &facts, span);
        }
        let Some(column) = self.declared_column(source, name) else {
            return Expr::error(span);
        };
        let through_absent =
            matches!(handle.kind, ExprKind::Refer(..)) && self.may_be_absent(&handle, name);
        let ty = RowType {
            nullable: column.ty.nullable || through_absent,
            ..column.ty.clone()
        };
        Expr::new(
            ExprKind::Column(Box::new(handle), name.to_owned()),
            Ty::Row(ty),
            facts,
            span,
        )
    }

    fn may_be_absent(&self, handle: &Expr, name: &str) -> bool {
        let ExprKind::Refer(of, target) = &handle.kind else {
            return false;
        };
        // Before its first version nothing is known of a thing but its key.
        if self.is_dated(target) && !self.is_key(target, name) {
            return true;
        }
        let Ty::Handle(of) = &of.ty else { return false };
        let source = self
            .hir
            .sources
            .iter()
            .find(|source| source.name == of.source);
        source.is_some_and(|source| {
            source
                .references
                .iter()
                .any(|r| r.target == *target && r.absent == Absent::Unknown)
        })
    }

    /// Whether rows of this source are things.
    pub(super) fn is_entity(&self, source: &str) -> bool {
        let mut sources = self.hir.sources.iter();
        sources.any(|known| known.name == source && known.kind == SourceKind::Entity)
    }

    /// The sides of a column: the key of a thing that a row refers to is of the thing's side, for it tells which one it is.
    fn sides_of(&self, source: &str, column: &str, past: bool) -> Vec<String> {
        let plan = self.hir.sources.iter().find(|known| known.name == source);
        let references = plan.into_iter().flat_map(|plan| &plan.references);
        let refers =
            references.filter(|reference| reference.columns.iter().any(|own| own == column));
        let targets: Vec<String> = refers.map(|reference| reference.target.clone()).collect();
        match past || targets.is_empty() {
            true => vec![self.side_of(source, past)],
            false => targets,
        }
    }

    fn side_of(&self, source: &str, past: bool) -> String {
        match (past, self.is_entity(source)) {
            (true, _) => "past".to_owned(),
            (false, true) => source.to_owned(),
            (false, false) => "context".to_owned(),
        }
    }

    fn derived_column(
        &mut self,
        handle: Expr,
        key: &(String, String),
        derived: &ast::ColumnDecl,
        facts: &Facts,
        span: Span,
    ) -> Expr {
        let Some(value) = &derived.value else {
            return Expr::error(span);
        };
        if self.deriving.contains(key) {
            self.report(Diagnostic::error(
                Code(416),
                derived.name.span,
                format!("column `{}` is computed from itself", key.1),
            ));
            return Expr::error(span);
        }
        self.deriving.push(key.clone());
        let value = self.in_row_scope(handle.clone(), &key.0, |checker| checker.expr(value));
        self.deriving.pop();
        let facts = value.facts.clone().join(facts);
        match &value.ty {
            Ty::Row(found) if !self.derived_type(derived, found) => Expr::error(span),
            Ty::Row(_) if derived.role == ast::Role::Label => {
                let (ty, name) = (value.ty.clone(), key.1.clone());
                let kind = ExprKind::Label(Box::new(handle), name, Box::new(value));
                Expr::new(kind, ty, facts, span)
            }
            Ty::Row(_) | Ty::Error => Expr {
                facts,
                span,
                ..value
            },
            _ => {
                let shown = self.show(&value.ty);
                self.report(Diagnostic::error(
                    Code(417),
                    derived.name.span,
                    format!("a derived column is a value of each row, found `{shown}`"),
                ));
                Expr::error(span)
            }
        }
    }
}

fn alias(name: &str) -> Option<&'static str> {
    Some(match name {
        "string" | "text" | "varchar" | "utf8" => "str",
        "i64" | "i32" | "int64" | "int32" | "integer" | "bigint" | "long" => "int",
        "f32" | "f64" | "double" | "number" | "float32" | "float64" => "float",
        "boolean" => "bool",
        "timestamp" | "datetime" | "date" => "time",
        _ => return None,
    })
}
