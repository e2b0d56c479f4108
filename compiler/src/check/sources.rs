//! Entities, events and splits.

use reckon_grammar::ast::{self, ItemKind, Role, SourceEntry};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use super::Checker;
use crate::hir::{Expr, HandleTy, Ty};
use crate::plan::row::{RowKind, RowType};
use crate::plan::{Absent, BadRows, ColumnPlan, Immature, ReferencePlan, SourceKind, SourcePlan};
use crate::value::Value;

impl<'a> Checker<'a> {
    /// All sources first, then the references between them, then the splits.
    pub(super) fn declare_sources(&mut self) {
        self.frames.push(super::Frame::default());
        let sources: Vec<&'a ast::Source> = self
            .user_items()
            .filter_map(|item| match &item.kind {
                ItemKind::Source(source) => Some(source),
                _ => None,
            })
            .collect();
        for source in &sources {
            let plan = self.source(source);
            let names = plan.columns.iter().map(|column| column.name.clone());
            let places = names.zip(0..).collect();
            self.column_places
                .entry(plan.name.clone())
                .or_insert(places);
            self.hir.sources.push(plan);
        }
        for source in &sources {
            self.references(source);
            self.unique_columns(source);
            self.entries_fit(source);
            self.outcomes(source);
        }
        for source in &sources {
            self.source_condition(source);
        }
        for item in self.user_items() {
            if let ItemKind::Split(split) = &item.kind {
                self.split(split, item.span);
            }
        }
        self.frames.pop();
    }

    fn source(&mut self, source: &ast::Source) -> SourcePlan {
        self.open_columns.clear();
        let kind = match source.kind {
            ast::SourceKind::Entity => SourceKind::Entity,
            ast::SourceKind::Events => SourceKind::Events,
        };
        let mut plan = SourcePlan {
            name: source.name.text.clone(),
            kind,
            paths: self.paths(&source.from),
            columns: Vec::new(),
            key: Vec::new(),
            references: Vec::new(),
            time: None,
            versions: None,
            condition: None,
            computed: Vec::new(),
            unique: Vec::new(),
            on_bad_row: BadRows::Fail,
            immature: Immature::Drop,
            span: source.name.span,
        };
        for entry in &source.entries {
            self.source_entry(entry, &mut plan);
        }
        plan.versions = self.versions_of(source, &plan);
        match kind {
            SourceKind::Entity if plan.key.is_empty() => self.report(
                Diagnostic::error(
                    Code(401),
                    source.name.span,
                    format!("entity `{}` has no key", plan.name),
                )
                .help("name the column that tells its rows apart: `key user_id: int`"),
            ),
            SourceKind::Events => {
                plan.time = self.time_of(&plan);
            }
            SourceKind::Entity => {}
        }
        plan
    }

    /// The column that dates events: the first time that is never null.
    fn time_of(&mut self, plan: &SourcePlan) -> Option<String> {
        let times = || {
            let columns = plan.columns.iter();
            columns.filter(|column| column.ty.kind == RowKind::Time)
        };
        if let Some(time) = times().find(|column| !column.ty.nullable) {
            return Some(time.name.clone());
        }
        let null = times().next()?;
        let message = format!("`{}` dates the events, and may be null", null.name);
        self.report(
            Diagnostic::error(Code(430), null.span, message)
                .help("leave out the `?`: events without a time have no order"),
        );
        Some(null.name.clone())
    }

    pub(super) fn paths(&mut self, from: &ast::Expr) -> Vec<String> {
        let value = self.expr(from);
        match value.ty {
            Ty::Const(Value::Str(path)) => vec![path],
            Ty::Const(Value::List(items))
                if !items.is_empty() && items.iter().all(|item| matches!(item, Value::Str(_))) =>
            {
                items
                    .into_iter()
                    .filter_map(|item| {
                        if let Value::Str(path) = item {
                            Some(path)
                        } else {
                            None
                        }
                    })
                    .collect()
            }
            Ty::Error => Vec::new(),
            _ => {
                self.report(Diagnostic::error(
                    Code(402),
                    from.span,
                    "a source is read from a path, a glob or a list of them",
                ));
                Vec::new()
            }
        }
    }

    fn source_entry(&mut self, entry: &ast::SourceEntry, plan: &mut SourcePlan) {
        match entry {
            SourceEntry::Key(columns) => {
                for (name, ty) in columns {
                    plan.key.push(name.text.clone());
                    self.add_column(plan, name, Some(ty), Vec::new());
                }
            }
            SourceEntry::Column(column) => self.column_entry(column, plan),
            SourceEntry::Unique(names, _) => {
                plan.unique = names.iter().map(|name| name.text.clone()).collect();
            }
            SourceEntry::Policy { name, value } if name.text == "on_bad_row" => {
                plan.on_bad_row = self.on_bad_row(value);
            }
            SourceEntry::Policy { name, value } if name.text == "immature" => {
                plan.immature = self.immature(value);
            }
            // The one policy that is left, `absent`, is read with the references.
            SourceEntry::Policy { .. }
            | SourceEntry::Group(_)
            | SourceEntry::Reference { .. }
            | SourceEntry::Error(_) => {}
        }
    }

    fn column_entry(&mut self, column: &ast::ColumnDecl, plan: &mut SourcePlan) {
        if column.role == Role::Label {
            self.hir
                .labels
                .insert((plan.name.clone(), column.name.text.clone()));
        }
        if column.value.is_some() {
            let key = (plan.name.clone(), column.name.text.clone());
            if self.declared_before(plan, &column.name) {
                return;
            }
            self.derived.insert(key, column.clone());
            return;
        }
        let nulls =
            column
                .nulls
                .as_ref()
                .map_or_else(Vec::new, |nulls| match self.expr(nulls).ty {
                    Ty::Const(Value::List(items)) => items,
                    Ty::Const(value) => vec![value],
                    Ty::Error => Vec::new(),
                    _ => {
                        self.report(Diagnostic::error(
                        Code(301),
                        nulls.span,
                        "a null is written as a value or a list of values known while compiling",
                    ));
                        Vec::new()
                    }
                });
        self.add_column(plan, &column.name, column.ty.as_ref(), nulls);
    }

    fn add_column(
        &mut self,
        plan: &mut SourcePlan,
        name: &ast::Name,
        ty: Option<&ast::Type>,
        nulls: Vec<Value>,
    ) {
        if self.declared_before(plan, name) {
            return;
        }
        let Some((ty, time)) = ty.and_then(|ty| self.column_type(ty)) else {
            self.broken_columns
                .insert((plan.name.clone(), name.text.clone()));
            return;
        };
        self.nulls_fit(name, &ty, &nulls, name.span);
        let nullable = ty.nullable || !nulls.is_empty();
        self.open_columns.insert(name.text.clone(), name.span);
        plan.columns.push(ColumnPlan {
            name: name.text.clone(),
            ty: RowType { nullable, ..ty },
            time,
            nulls,
            joined: None,
            known: Vec::new(),
            span: name.span,
        });
    }

    /// Whether a column of this name is declared; said where it is declared again.
    fn declared_before(&mut self, plan: &SourcePlan, name: &ast::Name) -> bool {
        let key = (plan.name.clone(), name.text.clone());
        let of_file = self.open_columns.get(&name.text).copied();
        let first = of_file.or_else(|| self.derived.get(&key).map(|column| column.name.span));
        if let Some(first) = first {
            let message = format!("column `{}` is declared twice", name.text);
            let twice = Diagnostic::error(Code(204), name.span, message);
            self.report(twice.label(first, "first declared here"));
        }
        first.is_some()
    }

    fn references(&mut self, source: &ast::Source) {
        let absent = source.entries.iter().find_map(|entry| match entry {
            SourceEntry::Policy { name, value } if name.text == "absent" => Some(value),
            _ => None,
        });
        let absent = match absent.map(|value| &value.kind) {
            Some(ast::ExprKind::Name(word)) if word == "unknown" => Absent::Unknown,
            Some(ast::ExprKind::Name(word)) if word == "error" => Absent::Error,
            Some(_) => {
                let span = absent.map_or(source.name.span, |value| value.span);
                self.report(Diagnostic::error(
                    Code(221),
                    span,
                    "`absent` is `error` or `unknown`",
                ));
                Absent::Error
            }
            None => Absent::Error,
        };
        for entry in &source.entries {
            let SourceEntry::Reference { columns, target } = entry else {
                continue;
            };
            self.one_reference(source, columns, target, absent);
        }
    }

    /// `unique by` and `group` name columns, those of references among them.
    fn unique_columns(&mut self, source: &ast::Source) {
        let columns = self.column_names(&source.name.text);
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        for entry in &source.entries {
            let names = match entry {
                SourceEntry::Unique(names, _) => names.as_slice(),
                SourceEntry::Group(name) => std::slice::from_ref(name),
                _ => continue,
            };
            for name in names {
                if !columns.contains(&name.text.as_str()) {
                    let what = format!("column of `{}`", source.name.text);
                    self.unknown(212, name.span, &what, &name.text, &columns);
                }
            }
        }
    }

    /// A column of a reference that is declared by itself has the type of the key.
    fn reference_type(&mut self, source: &str, column: &ast::Name, key: &ColumnPlan) -> bool {
        let source = self.hir.sources.iter().find(|known| known.name == source);
        let Some(declared) =
            source.and_then(|source| source.columns.iter().find(|c| c.name == column.text))
        else {
            return true;
        };
        if declared.ty.kind == key.ty.kind {
            return true;
        }
        let (found, wanted) = (declared.ty.clone(), key.ty.clone());
        self.report(
            Diagnostic::error(
                Code(412),
                declared.span,
                format!(
                    "`{}` is `{found}`, and the key that it refers to is `{wanted}`",
                    column.text
                ),
            )
            .label(key.span, "the key")
            .help("give both one type, or leave the column out: a reference declares it"),
        );
        false
    }

    fn one_reference(
        &mut self,
        source: &ast::Source,
        columns: &[ast::Name],
        target: &ast::Name,
        absent: Absent,
    ) {
        let Some(key) = self.key_of(target) else {
            return;
        };
        let span = columns
            .first()
            .map_or(target.span, |first| first.span.to(target.span));
        if key.len() != columns.len() && !key.is_empty() {
            self.report(
                Diagnostic::error(
                    Code(412),
                    span,
                    format!(
                        "the key of `{}` has {} columns, found {}",
                        target.text,
                        key.len(),
                        columns.len()
                    ),
                )
                .label(key[0].span, "the key"),
            );
            return;
        }
        let name = source.name.text.clone();
        let mut pairs = columns.iter().zip(&key);
        if !pairs.all(|(column, key)| self.reference_type(&name, column, key)) {
            return;
        }
        let plan = self.hir.sources.iter_mut().find(|s| s.name == name);
        let Some(plan) = plan else { return };
        for (column, key) in columns.iter().zip(&key) {
            if plan.columns.iter().all(|known| known.name != column.text) {
                let places = self.column_places.entry(name.clone()).or_default();
                places.insert(column.text.clone(), plan.columns.len());
                plan.columns.push(ColumnPlan {
                    name: column.text.clone(),
                    span: column.span,
                    ..key.clone()
                });
            }
        }
        plan.references.push(ReferencePlan {
            columns: columns.iter().map(|c| c.text.clone()).collect(),
            target: target.text.clone(),
            absent,
            span,
        });
    }

    /// The columns of an entity's key.
    fn key_of(&mut self, entity: &ast::Name) -> Option<Vec<ColumnPlan>> {
        let sources = self.hir.sources.iter();
        let entities = sources.filter(|s| s.kind == SourceKind::Entity);
        if let Some(found) = entities.clone().find(|s| s.name == entity.text) {
            let column = |key: &String| found.columns.iter().find(|column| column.name == *key);
            return Some(found.key.iter().filter_map(column).cloned().collect());
        }
        let known: Vec<String> = entities.map(|s| s.name.clone()).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        self.unknown(232, entity.span, "entity", &entity.text, &known);
        None
    }

    /// A handle over the rows of a source in a feature: the row itself.
    pub(super) fn feature_row(&mut self, source: &str, span: Span) -> (usize, Expr) {
        self.row_handle(
            HandleTy {
                source: source.to_owned(),
                space: None,
                past: false,
                candidates: false,
            },
            span,
        )
    }
}
