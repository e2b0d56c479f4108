//! Entities, events and splits.

use reckon_grammar::ast::{self, ItemKind, Role, SourceEntry, TypeKind};
use reckon_grammar::diagnostic::{Code, Diagnostic, nearest};
use reckon_grammar::span::Span;

use super::{Checker, list};
use crate::hir::{Expr, ExprKind, Facts, HandleTy, Ty};
use crate::plan::row::{RowKind, RowType};
use crate::plan::{
    Absent, ColumnPlan, ReferencePlan, SourceKind, SourcePlan, SplitPlan, SplitRule, TimeFormat,
};
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
            self.hir.sources.push(plan);
        }
        for source in &sources {
            self.references(source);
            self.unique_columns(source);
        }
        for item in self.user_items() {
            if let ItemKind::Split(split) = &item.kind {
                self.split(split, item.span);
            }
        }
        self.frames.pop();
    }

    fn source(&mut self, source: &ast::Source) -> SourcePlan {
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
            unique: Vec::new(),
            span: source.name.span,
        };
        if let Some(column) = &source.as_of {
            self.not_yet(column.span, "dated versions of an entity");
        }
        for entry in &source.entries {
            self.source_entry(entry, &mut plan);
        }
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
                plan.time = plan
                    .columns
                    .iter()
                    .find(|column| column.ty.kind == RowKind::Time)
                    .map(|column| column.name.clone());
            }
            SourceKind::Entity => {}
        }
        plan
    }

    fn paths(&mut self, from: &ast::Expr) -> Vec<String> {
        let value = self.expr(from);
        match value.ty {
            Ty::Const(Value::Str(path)) => vec![path],
            Ty::Const(Value::List(items))
                if items.iter().all(|item| matches!(item, Value::Str(_))) =>
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
            SourceEntry::Group(name) => {
                self.not_yet(name.span, "`group`");
            }
            SourceEntry::Policy { name, .. } if name.text == "absent" => {}
            SourceEntry::Policy { name, .. } => {
                self.not_yet(name.span, &format!("the policy `{}`", name.text));
            }
            SourceEntry::Reference { .. } | SourceEntry::Error(_) => {}
        }
    }

    fn column_entry(&mut self, column: &ast::ColumnDecl, plan: &mut SourcePlan) {
        if let Some(joined) = &column.joined {
            self.not_yet(joined.source.span, "a joined outcome");
        }
        if column.availability.is_some() {
            self.not_yet(column.span, "a time from which a label is known");
        }
        if column.role == Role::Label {
            self.hir
                .labels
                .insert((plan.name.clone(), column.name.text.clone()));
        }
        if column.value.is_some() {
            self.derived.insert(
                (plan.name.clone(), column.name.text.clone()),
                column.clone(),
            );
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
        if let Some(first) = plan.columns.iter().find(|column| column.name == name.text) {
            self.report(
                Diagnostic::error(
                    Code(204),
                    name.span,
                    format!("column `{}` is declared twice", name.text),
                )
                .label(first.span, "first declared here"),
            );
            return;
        }
        let Some((ty, time)) = ty.and_then(|ty| self.column_type(ty)) else {
            self.broken_columns
                .insert((plan.name.clone(), name.text.clone()));
            return;
        };
        let nullable = ty.nullable || !nulls.is_empty();
        plan.columns.push(ColumnPlan {
            name: name.text.clone(),
            ty: RowType { nullable, ..ty },
            time,
            nulls,
            span: name.span,
        });
    }

    fn column_type(&mut self, ty: &ast::Type) -> Option<(RowType, TimeFormat)> {
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
        let time = self.time_format(args);
        Some((
            RowType {
                kind,
                nullable: ty.nullable,
            },
            time,
        ))
    }

    fn time_format(&mut self, args: &[ast::Arg]) -> TimeFormat {
        let (mut format, mut zone) = (None, "UTC".to_owned());
        for arg in args {
            let name = arg.name.as_ref().map_or("", |name| name.text.as_str());
            match (name, &arg.value.kind) {
                ("unit", ast::ExprKind::Name(unit)) => match unit.as_str() {
                    "s" => return TimeFormat::Seconds,
                    "ms" => return TimeFormat::Millis,
                    "us" => return TimeFormat::Micros,
                    _ => {
                        self.unknown(
                            221,
                            arg.value.span,
                            "unit of time",
                            unit,
                            &["s", "ms", "us"],
                        );
                    }
                },
                ("format", ast::ExprKind::Str(text)) => format = Some(text.clone()),
                ("zone", ast::ExprKind::Str(text)) => zone.clone_from(text),
                _ => self.report(
                    Diagnostic::error(
                        Code(222),
                        arg.value.span,
                        "a time takes `unit`, or `format` and `zone`",
                    )
                    .help("write `time(unit: ms)` or `time(format: \"%Y-%m-%d\", zone: \"UTC\")`"),
                ),
            }
        }
        format.map_or(TimeFormat::Seconds, |format| TimeFormat::Text {
            format,
            zone,
        })
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

    /// `unique by` names columns, those of references among them.
    fn unique_columns(&mut self, source: &ast::Source) {
        let columns = self.column_names(&source.name.text);
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        for entry in &source.entries {
            let SourceEntry::Unique(names, _) = entry else {
                continue;
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
        let entities: Vec<&str> = self
            .hir
            .sources
            .iter()
            .filter(|s| s.kind == SourceKind::Entity)
            .map(|s| s.name.as_str())
            .collect();
        let Some(entity) = self
            .hir
            .sources
            .iter()
            .find(|s| s.name == target.text && s.kind == SourceKind::Entity)
        else {
            let entities: Vec<String> = entities.iter().map(|name| (*name).to_owned()).collect();
            let entities: Vec<&str> = entities.iter().map(String::as_str).collect();
            self.unknown(232, target.span, "entity", &target.text, &entities);
            return;
        };
        let key: Vec<ColumnPlan> = entity
            .key
            .iter()
            .filter_map(|key| entity.columns.iter().find(|column| column.name == *key))
            .cloned()
            .collect();
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
        let Some(plan) = self
            .hir
            .sources
            .iter_mut()
            .find(|s| s.name == source.name.text)
        else {
            return;
        };
        for (column, key) in columns.iter().zip(&key) {
            if plan.columns.iter().all(|known| known.name != column.text) {
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

    fn split(&mut self, split: &ast::Split, span: Span) {
        let name = &split.source.text;
        let Some(source) = self
            .hir
            .sources
            .iter()
            .find(|source| source.name == *name)
            .cloned()
        else {
            let events: Vec<String> = self
                .hir
                .sources
                .iter()
                .filter(|s| s.kind == SourceKind::Events)
                .map(|s| s.name.clone())
                .collect();
            let events: Vec<&str> = events.iter().map(String::as_str).collect();
            self.unknown(230, split.source.span, "events", name, &events);
            return;
        };
        if self.hir.splits.iter().any(|known| known.source == *name) {
            self.report(
                Diagnostic::error(
                    Code(413),
                    split.source.span,
                    format!("`{name}` is split twice"),
                )
                .help("keep one of the two"),
            );
            return;
        }
        let Some(rule) = self.split_rule(&split.rule, &source, split.source.span) else {
            return;
        };
        let mut parts = Vec::new();
        for (part, amount) in &split.parts {
            if !matches!(part.text.as_str(), "train" | "valid" | "test") {
                self.unknown(
                    414,
                    part.span,
                    "part of a split",
                    &part.text,
                    &["train", "valid", "test"],
                );
                return;
            }
            match self.expr(amount).ty.value().and_then(Value::as_f64) {
                Some(amount) if amount >= 0.0 => parts.push((part.text.clone(), amount)),
                _ => {
                    self.report(Diagnostic::error(
                        Code(414),
                        amount.span,
                        "a part of a split is a share such as `80%`, or a count",
                    ));
                    return;
                }
            }
        }
        let sum: f64 = parts.iter().map(|(_, share)| share).sum();
        let by_share = matches!(
            rule,
            SplitRule::Time | SplitRule::TimePer(_) | SplitRule::Random(_)
        );
        if by_share && (sum - 1.0).abs() > 1e-9 {
            self.report(
                Diagnostic::error(
                    Code(414),
                    split.source.span,
                    format!(
                        "the parts of the split are {:.0}% of the rows together",
                        sum * 100.0
                    ),
                )
                .help("make them 100%: `{ train 80%, valid 10%, test 10% }`"),
            );
            return;
        }
        self.hir.splits.push(SplitPlan {
            source: name.clone(),
            rule,
            parts,
            span,
        });
    }

    fn split_rule(
        &mut self,
        rule: &ast::SplitRule,
        source: &SourcePlan,
        span: Span,
    ) -> Option<SplitRule> {
        let per = |checker: &mut Self, name: &ast::Name| {
            let targets: Vec<&str> = source
                .references
                .iter()
                .map(|reference| reference.target.as_str())
                .collect();
            if targets.contains(&name.text.as_str()) {
                return true;
            }
            checker.unknown(
                231,
                name.span,
                &format!("reference of `{}`", source.name),
                &name.text,
                &targets,
            );
            false
        };
        let by = |checker: &mut Self, name: &ast::Name| {
            if source.time.as_deref() == Some(name.text.as_str()) {
                return true;
            }
            let times: Vec<&str> = source.time.iter().map(String::as_str).collect();
            checker.unknown(
                415,
                name.span,
                &format!("time of `{}`", source.name),
                &name.text,
                &times,
            );
            false
        };
        if source.time.is_none()
            && !matches!(rule, ast::SplitRule::Random(_) | ast::SplitRule::Error)
        {
            self.report(
                Diagnostic::error(
                    Code(415),
                    span,
                    format!("`{}` has no column of type `time`", source.name),
                )
                .help("declare one, or write `split NAME random(7) { ... }`"),
            );
            return None;
        }
        match rule {
            ast::SplitRule::Time(time) => by(self, time).then_some(SplitRule::Time),
            ast::SplitRule::TimePer(time, entity) => (by(self, time) && per(self, entity))
                .then(|| SplitRule::TimePer(entity.text.clone())),
            ast::SplitRule::LastPer(entity) => {
                per(self, entity).then(|| SplitRule::LastPer(entity.text.clone()))
            }
            ast::SplitRule::Day => Some(SplitRule::Day),
            ast::SplitRule::Random(seed) => match self.expr(seed).ty {
                Ty::Const(Value::Int(seed)) => Some(SplitRule::Random(seed as u64)),
                _ => {
                    self.report(Diagnostic::error(
                        Code(414),
                        seed.span,
                        "the seed of a random split is a whole number",
                    ));
                    None
                }
            },
            ast::SplitRule::Error => None,
        }
    }

    pub(super) fn has_column(&self, source: &str, name: &str) -> bool {
        let key = (source.to_owned(), name.to_owned());
        self.derived.contains_key(&key)
            || self.broken_columns.contains(&key)
            || self.hir.sources.iter().any(|known| {
                known.name == source && known.columns.iter().any(|column| column.name == name)
            })
    }

    pub(super) fn column_names(&self, source: &str) -> Vec<String> {
        let declared = self.hir.sources.iter().filter(|known| known.name == source);
        let mut names: Vec<String> = declared
            .flat_map(|known| known.columns.iter().map(|column| column.name.clone()))
            .collect();
        let other = self.derived.keys().chain(&self.broken_columns);
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
        let mut facts = Facts::default();
        let past = matches!(&handle.ty, Ty::Handle(HandleTy { past: true, .. }));
        facts.sides.insert(self.side_of(source, past));
        if self.hir.labels.contains(&key) && !past {
            facts.label = Some(self.user_span(span));
        }
        if let Some(derived) = self.derived.get(&key).cloned() {
            return self.derived_column(handle, &key, &derived, &facts, span);
        }
        let found = self.hir.sources.iter().find(|known| known.name == source);
        let Some(column) =
            found.and_then(|found| found.columns.iter().find(|column| column.name == name))
        else {
            return Expr::error(span);
        };
        let through_absent =
            matches!(handle.kind, ExprKind::Refer(..)) && self.may_be_absent(&handle);
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

    fn may_be_absent(&self, handle: &Expr) -> bool {
        let ExprKind::Refer(of, target) = &handle.kind else {
            return false;
        };
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

    fn side_of(&self, source: &str, past: bool) -> String {
        let entity = self
            .hir
            .sources
            .iter()
            .any(|known| known.name == source && known.kind == SourceKind::Entity);
        match (past, entity) {
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
        let value = self.in_row_scope(handle, &key.0, |checker| checker.expr(value));
        self.deriving.pop();
        let facts = value.facts.clone().join(facts);
        match value.ty {
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
