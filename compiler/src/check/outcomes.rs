//! Labels that become known later than their rows, and labels that are joined from other events.

use std::collections::BTreeSet;

use reckon_grammar::ast::{self, Availability, Role, SourceEntry};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use super::Checker;
use super::values::root_handle;
use crate::hir::{Expr, ExprKind, Ty};
use crate::plan::row::RowKind;
use crate::plan::{ColumnPlan, JoinPlan, Known, SourceKind, SourcePlan};
use crate::value::Value;

impl<'a> Checker<'a> {
    /// Where labels come from and from when on they are known, once all sources are declared.
    pub(super) fn outcomes(&mut self, source: &'a ast::Source) {
        for entry in &source.entries {
            let SourceEntry::Column(column) = entry else {
                continue;
            };
            let says = column.joined.is_some() || column.availability.is_some();
            if !says || !self.is_late_label(source, column) {
                continue;
            }
            if column.value.is_some() {
                self.computed_later(source, column);
                continue;
            }
            let joined = column
                .joined
                .as_ref()
                .and_then(|joined| self.outcome(source, column, joined));
            let mut known: Vec<Known> = Vec::new();
            if let (Some(join), Some(time)) = (&joined, self.time_column(&source.name.text)) {
                known.push(Known::After(join.within, time));
            }
            known.extend(
                column
                    .availability
                    .as_ref()
                    .and_then(|of| self.known(source, of)),
            );
            if let Some(plan) = self.plan_of(&source.name.text, &column.name.text) {
                plan.joined = joined;
                plan.known = known;
            }
        }
        self.immature_is_of_use(source);
    }

    /// `label kept: bool = stars > 3 known 7d after at`
    fn computed_later(&mut self, source: &ast::Source, column: &ast::ColumnDecl) {
        let availability = column.availability.as_ref();
        let Some(known) = availability.and_then(|of| self.known(source, of)) else {
            return;
        };
        let mut sources = self.hir.sources.iter_mut();
        if let Some(plan) = sources.find(|known| known.name == source.name.text) {
            plan.computed.push((column.name.text.clone(), vec![known]));
        }
    }

    fn plan_of(&mut self, source: &str, column: &str) -> Option<&mut ColumnPlan> {
        let source = self
            .hir
            .sources
            .iter_mut()
            .find(|known| known.name == source)?;
        source.columns.iter_mut().find(|known| known.name == column)
    }

    pub(super) fn source_plan(&self, name: &str) -> Option<&SourcePlan> {
        self.hir.sources.iter().find(|known| known.name == name)
    }

    fn time_column(&self, source: &str) -> Option<String> {
        self.source_plan(source)?.time.clone()
    }

    /// Only labels of events become known later.
    fn is_late_label(&mut self, source: &ast::Source, column: &ast::ColumnDecl) -> bool {
        let name = &column.name;
        if source.kind != ast::SourceKind::Events || column.role != Role::Label {
            let message = format!(
                "`{}` is no label of events, and only labels become known later",
                name.text
            );
            self.report(
                Diagnostic::error(Code(426), name.span, message)
                    .help("write `label` before it: `label buy: bool known 7d after at`"),
            );
            return false;
        }
        true
    }

    /// `known 7d after at`, `known at paid_at`
    fn known(&mut self, source: &ast::Source, availability: &Availability) -> Option<Known> {
        let (delay, time) = match availability {
            Availability::After(delay, time) => (Some(delay), time),
            Availability::At(time) => (None, time),
        };
        let columns = &self.source_plan(&source.name.text)?.columns;
        let Some(column) = columns.iter().find(|column| column.name == time.text) else {
            let known: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let what = format!("column of `{}`", source.name.text);
            self.unknown(212, time.span, &what, &time.text, &known);
            return None;
        };
        if column.ty.kind != RowKind::Time || column.joined.is_some() {
            let (declared, ty) = (column.span, column.ty.clone());
            let message = format!(
                "`{}` is `{ty}`, and labels become known at a time",
                time.text
            );
            self.report(
                Diagnostic::error(Code(426), time.span, message).label(declared, "declared here"),
            );
            return None;
        }
        self.used
            .insert(format!("column {}.{}", source.name.text, time.text));
        let Some(delay) = delay else {
            return Some(Known::At(time.text.clone()));
        };
        match self.expr(delay).ty {
            Ty::Const(Value::Duration(micros)) if micros >= 0 => {
                Some(Known::After(micros, time.text.clone()))
            }
            Ty::Error => None,
            _ => {
                let message =
                    "a label becomes known a duration after a time, such as `7d after at`";
                self.report(Diagnostic::error(Code(426), delay.span, message));
                None
            }
        }
    }

    /// `from clicks on (request_id, video_id) within 30m else false`
    fn outcome(
        &mut self,
        source: &'a ast::Source,
        column: &'a ast::ColumnDecl,
        joined: &'a ast::Joined,
    ) -> Option<JoinPlan> {
        let other = &joined.source;
        if other.text == source.name.text {
            self.no_outcome(other.span, "an outcome is joined from other events", None);
            return None;
        }
        let events = |plan: &&SourcePlan| plan.kind == SourceKind::Events;
        let Some(found) = self.source_plan(&other.text).filter(events).cloned() else {
            let events = self.hir.sources.iter().filter(events);
            let known: Vec<String> = events.map(|plan| plan.name.clone()).collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            self.unknown(230, other.span, "events", &other.text, &known);
            return None;
        };
        let own = self.source_plan(&source.name.text)?.clone();
        if let Some(timeless) = [&own, &found].into_iter().find(|plan| plan.time.is_none()) {
            let message = format!(
                "`{}` has no time, and outcomes are joined by time",
                timeless.name
            );
            self.no_outcome(
                other.span,
                &message,
                Some("declare a column of type `time`"),
            );
            return None;
        }
        self.equal_columns(&own, &found, &joined.on)?;
        let within = match self.expr(&joined.within).ty {
            Ty::Const(Value::Duration(micros)) if micros > 0 => micros,
            Ty::Error => return None,
            _ => {
                let message = "`within` is a duration above 0, such as `30m`";
                self.no_outcome(joined.within.span, message, None);
                return None;
            }
        };
        let value = self.outcome_value(&own, &found, column, other.span)?;
        let otherwise = self.otherwise(&own, &found, column, joined, value.as_deref())?;
        self.used.insert(format!("source {}", other.text));
        Some(JoinPlan {
            source: other.text.clone(),
            on: joined.on.iter().map(|name| name.text.clone()).collect(),
            within,
            value,
            otherwise,
        })
    }

    fn no_outcome(&mut self, span: Span, message: &str, help: Option<&str>) {
        let diagnostic = Diagnostic::error(Code(427), span, message);
        self.report(match help {
            Some(help) => diagnostic.help(help),
            None => diagnostic,
        });
    }

    /// A column of a source by its name, which counts as read.
    pub(super) fn column_of<'p>(
        &mut self,
        plan: &'p SourcePlan,
        name: &ast::Name,
    ) -> Option<&'p ColumnPlan> {
        let column = plan.columns.iter().find(|column| column.name == name.text);
        if column.is_none() {
            let known: Vec<&str> = plan
                .columns
                .iter()
                .map(|known| known.name.as_str())
                .collect();
            let what = format!("column of `{}`", plan.name);
            self.unknown(212, name.span, &what, &name.text, &known);
            return None;
        }
        self.used
            .insert(format!("column {}.{}", plan.name, name.text));
        column
    }

    /// Both sources have the columns, of one type that can be compared.
    fn equal_columns(
        &mut self,
        own: &SourcePlan,
        other: &SourcePlan,
        on: &[ast::Name],
    ) -> Option<()> {
        for name in on {
            let mut kinds = Vec::new();
            for plan in [own, other] {
                let column = self.column_of(plan, name)?;
                kinds.push((column.ty.kind.clone(), column.span));
            }
            let [(mine, here), (theirs, there)] = kinds.as_slice() else {
                return None;
            };
            if mine != theirs || !matches!(mine, RowKind::Int | RowKind::Str) {
                let message = format!(
                    "`{}` is `{mine}` and `{theirs}`, and rows are joined by whole numbers or texts",
                    name.text
                );
                self.report(
                    Diagnostic::error(Code(427), name.span, message)
                        .label(*here, "declared here")
                        .label(*there, "and here"),
                );
                return None;
            }
        }
        Some(())
    }

    /// The column that is taken: the one of the label's name; a truth value may do without.
    fn outcome_value(
        &mut self,
        own: &SourcePlan,
        other: &SourcePlan,
        column: &ast::ColumnDecl,
        span: Span,
    ) -> Option<Option<String>> {
        let name = &column.name.text;
        let label = own.columns.iter().find(|known| known.name == *name)?;
        match other.columns.iter().find(|known| known.name == *name) {
            Some(taken) if taken.ty.kind == label.ty.kind && taken.joined.is_none() => {
                self.used.insert(format!("column {}.{name}", other.name));
                Some(Some(name.clone()))
            }
            Some(taken) => {
                let message = format!(
                    "`{name}` is `{}`, and in `{}` it is `{}`",
                    label.ty.kind, other.name, taken.ty.kind
                );
                self.report(
                    Diagnostic::error(Code(427), span, message)
                        .label(taken.span, "declared here")
                        .help("an outcome has the type of the column that it is taken from"),
                );
                None
            }
            None if label.ty.kind == RowKind::Bool => Some(None),
            None => {
                let message = format!("`{}` has no column `{name}` to take", other.name);
                let help =
                    "declare it there, or join whether there is a row: a label of type `bool`";
                self.no_outcome(span, &message, Some(help));
                None
            }
        }
    }

    /// What rows without an outcome have. A label that is never null says it.
    fn otherwise(
        &mut self,
        own: &SourcePlan,
        other: &SourcePlan,
        column: &ast::ColumnDecl,
        joined: &ast::Joined,
        value: Option<&str>,
    ) -> Option<Option<Value>> {
        let label = own
            .columns
            .iter()
            .find(|known| known.name == column.name.text)?;
        let taken = other
            .columns
            .iter()
            .find(|known| value == Some(&known.name));
        let name = &label.name;
        if taken.is_some_and(|taken| taken.ty.nullable) && !label.ty.nullable {
            let message = format!("`{name}` is never null, and in `{}` it may be", other.name);
            let help = format!("write `{name}: {}?`", label.ty.kind);
            self.no_outcome(joined.source.span, &message, Some(&help));
            return None;
        }
        let Some(written) = &joined.otherwise else {
            if label.ty.nullable {
                return Some(None);
            }
            let message = format!("nothing says what `{name}` is where nothing is joined");
            let help = format!(
                "write `else ...` behind it, or `{name}: {}?`",
                label.ty.kind
            );
            self.no_outcome(column.name.span, &message, Some(&help));
            return None;
        };
        let found = match self.expr(written).ty {
            Ty::Const(found) => found,
            Ty::Error => return None,
            _ => {
                self.no_outcome(
                    written.span,
                    "`else` is a value known while compiling",
                    None,
                );
                return None;
            }
        };
        let fits = matches!(
            (&label.ty.kind, &found),
            (RowKind::Int, Value::Int(_))
                | (RowKind::Float, Value::Int(_) | Value::Float(_))
                | (RowKind::Bool, Value::Bool(_))
                | (RowKind::Str, Value::Str(_))
        );
        if !fits {
            let message = format!(
                "`{name}` is `{}`, and `{found}` is no value of it",
                label.ty.kind
            );
            self.no_outcome(written.span, &message, None);
            return None;
        }
        Some(Some(found))
    }

    /// `immature` stands where a label becomes known later.
    fn immature_is_of_use(&mut self, source: &ast::Source) {
        let policy = source.entries.iter().find_map(|entry| match entry {
            SourceEntry::Policy { name, .. } if name.text == "immature" => Some(name.span),
            _ => None,
        });
        let waits = self
            .source_plan(&source.name.text)
            .is_some_and(SourcePlan::waits);
        let Some(span) = policy.filter(|_| !waits) else {
            return;
        };
        let says = |entry: &SourceEntry| match entry {
            SourceEntry::Column(column) => column.joined.is_some() || column.availability.is_some(),
            _ => false,
        };
        if !source.entries.iter().any(says) {
            let message = format!(
                "`{}` has no label that becomes known later",
                source.name.text
            );
            let help = "say when a label is known: `label buy: bool known 7d after at`";
            self.report(Diagnostic::error(Code(430), span, message).help(help));
        }
    }

    /// Labels among the columns of a condition that become known later than their rows.
    pub(super) fn late_labels(&self, source: &str, read: Option<&Expr>) -> BTreeSet<String> {
        let mut labels = BTreeSet::new();
        if let Some(read) = read {
            read.walk(&mut |e| {
                if let ExprKind::Column(_, name) | ExprKind::Label(_, name, _) = &e.kind
                    && self.is_late(source, name)
                {
                    labels.insert(name.clone());
                }
            });
        }
        labels
    }

    fn is_late(&self, source: &str, column: &str) -> bool {
        let plan = self.source_plan(source);
        plan.is_some_and(|plan| !plan.known_of(column).is_empty())
    }

    /// Notes that a history reads a label that becomes known later.
    pub(super) fn reads_earlier(&mut self, handle: &Expr, source: &str, column: &str) {
        if let ExprKind::History(_, index) = root_handle(handle).kind
            && self.is_late(source, column)
        {
            self.hir.histories[index].labels.insert(column.to_owned());
        }
    }

    /// Histories of events whose labels become known later are told apart by where they stand: one that reads such a label
    /// sees fewer events than one of the same text that does not.
    pub(super) fn place_of_history(&self, source: &str, span: Span) -> String {
        match self.source_plan(source).is_some_and(SourcePlan::waits) {
            true => format!(" at {span:?}"),
            false => String::new(),
        }
    }
}
