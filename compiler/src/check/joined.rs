//! Tables of scores applied to rows: which columns are equal, and the columns that heads become.

use reckon_grammar::ast::{self, Arg};
use reckon_grammar::span::Span;

use super::Checker;
use super::scores::{Head, ScoreTable};
use super::values::{handle_key, root_handle};
use crate::graph::Elem;
use crate::hir::{Expr, ExprKind, Facts, HandleTy, Ty};
use crate::plan::row::{RowKind, RowType};
use crate::plan::{BadRows, ColumnPlan, Immature, ScoresPlan, SourceKind, SourcePlan, TimeFormat};

impl<'a> Checker<'a> {
    /// `reader(user, article)`: columns of the rows that refer to both.
    pub(super) fn apply_scores(
        &mut self,
        tower: &'a ast::Tower,
        piped: Option<&ast::Expr>,
        args: &[Arg],
        span: Span,
    ) -> Expr {
        let name = &tower.name.text;
        let Some(table) = self.score_table(tower) else {
            return Expr::error(span);
        };
        let params = tower.params.clone().unwrap_or_default();
        let Some(values) = self.arguments(&params, name, piped, args, span) else {
            return Expr::error(span);
        };
        self.used.insert(format!("tower {name}"));
        let Some((root, ty)) = self.rows_of_scores(name, &table, &values, span) else {
            return Expr::error(span);
        };
        if !self.joined(tower, &table, &ty.source, span) {
            return Expr::error(span);
        }
        let mut facts = Facts::default();
        match ty.past {
            true => drop(facts.sides.insert("past".to_owned())),
            false => {
                facts.sides.insert("context".to_owned());
                facts
                    .sides
                    .extend(table.params.iter().filter(|of| **of != ty.source).cloned());
            }
        }
        let head = |head: &Head| {
            let column = ScoresPlan::column(name, &head.name);
            let ty = Ty::Row(RowType {
                kind: row_kind(head.elem),
                nullable: true,
            });
            let kind = ExprKind::Column(Box::new(root.clone()), column);
            Expr::new(kind, ty, facts.clone(), span)
        };
        let mut heads: Vec<(String, Expr)> = table
            .heads
            .iter()
            .map(|of| (of.name.clone(), head(of)))
            .collect();
        if table.one {
            return heads
                .pop()
                .map_or_else(|| Expr::error(span), |(_, only)| only);
        }
        let fields = heads
            .iter()
            .map(|(name, e)| (name.clone(), e.ty.clone()))
            .collect();
        Expr::new(ExprKind::Record(heads), Ty::Record(fields), facts, span)
    }

    /// The rows of events that all arguments are of.
    fn rows_of_scores(
        &mut self,
        name: &str,
        table: &ScoreTable,
        values: &[Expr],
        span: Span,
    ) -> Option<(Expr, HandleTy)> {
        let mut rows: Option<(Expr, HandleTy)> = None;
        for (wanted, value) in table.params.iter().zip(values) {
            if value.is_error() {
                return None;
            }
            let given = match &value.ty {
                Ty::Handle(given) if given.source == *wanted && !given.candidates => {
                    Some(root_handle(value))
                }
                _ => None,
            };
            let root = given.and_then(|root| match &root.ty {
                Ty::Handle(ty) if self.is_events(&ty.source) => Some((root.clone(), ty.clone())),
                _ => None,
            });
            let same = |(known, _): &(Expr, HandleTy)| {
                root.as_ref()
                    .is_some_and(|(root, _)| handle_key(root) == handle_key(known))
            };
            if root.is_none() || !rows.as_ref().is_none_or(same) {
                let shown = self.show(&value.ty);
                self.report(
                    self.error(614, value.span, format!("`{name}` has scores of what rows of events refer to, found `{shown}`"))
                        .note("a table knows the pairs that it holds, as of the time of a row: not those of candidates or of a catalogue")
                        .help(format!("apply it to the references of one row: `{name}({})`", table.params.join(", "))),
                );
                return None;
            }
            rows = rows.or(root);
        }
        if rows.is_none() {
            self.report(self.error(614, span, format!("`{name}` takes no rows")));
        }
        rows
    }

    pub(super) fn is_events(&self, source: &str) -> bool {
        let mut sources = self.hir.sources.iter();
        sources.any(|known| known.name == source && known.kind == SourceKind::Events)
    }

    /// Notes that a table is joined to events, once; whether it can be.
    fn joined(&mut self, tower: &ast::Tower, table: &ScoreTable, source: &str, span: Span) -> bool {
        let name = &tower.name.text;
        let is_it = |known: &ScoresPlan| known.teacher == *name && known.source == source;
        if self.hir.scores.iter().any(is_it) {
            return true;
        }
        let Some(on) = self.join_columns(name, table, source, span) else {
            return false;
        };
        let Some(time) = self.join_column(source, &table.time, &[RowKind::Time]) else {
            return false;
        };
        let head = |head: &Head| ColumnPlan {
            name: head.name.clone(),
            ty: RowType {
                kind: row_kind(head.elem),
                nullable: true,
            },
            time: TimeFormat::default(),
            nulls: Vec::new(),
            joined: None,
            known: Vec::new(),
            span: head.span,
        };
        let keys = on.iter().chain([&time]).cloned();
        let columns: Vec<ColumnPlan> = keys.chain(table.heads.iter().map(head)).collect();
        let heads = table
            .heads
            .iter()
            .map(|head| (head.name.clone(), ScoresPlan::column(name, &head.name)));
        self.hir.scores.push(ScoresPlan {
            teacher: name.clone(),
            source: source.to_owned(),
            table: SourcePlan {
                name: name.clone(),
                kind: SourceKind::Events,
                paths: table.paths.clone(),
                columns,
                key: Vec::new(),
                references: Vec::new(),
                time: None,
                versions: None,
                computed: Vec::new(),
                condition: None,
                unique: Vec::new(),
                on_bad_row: BadRows::Fail,
                immature: Immature::Drop,
                span: tower.name.span,
            },
            on: on.into_iter().map(|column| column.name).collect(),
            time: time.name,
            lag: table.lag,
            heads: heads.collect(),
            span: tower.name.span,
        });
        true
    }

    /// The columns that must be equal: those that are named, else those that refer to the parameters.
    fn join_columns(
        &mut self,
        name: &str,
        table: &ScoreTable,
        source: &str,
        span: Span,
    ) -> Option<Vec<ColumnPlan>> {
        let mut on = table.on.clone();
        if on.is_empty() {
            let plan = self.hir.sources.iter().find(|known| known.name == source)?;
            for param in &table.params {
                let reference = plan.references.iter().find(|known| known.target == *param);
                let columns = reference.iter().flat_map(|reference| &reference.columns);
                on.extend(columns.map(|column| ast::Name {
                    text: column.clone(),
                    span,
                }));
            }
        }
        if on.is_empty() {
            self.report(
                self.error(614, span, format!("nothing says which rows of `{source}` the scores of `{name}` are of"))
                    .help("name the columns that both have: `from scores \"...\" on (request_id, article_id)`"),
            );
            return None;
        }
        on.iter()
            .map(|column| self.join_column(source, column, &[RowKind::Int, RowKind::Str]))
            .collect()
    }

    /// A column of events that the table has too.
    fn join_column(
        &mut self,
        source: &str,
        column: &ast::Name,
        kinds: &[RowKind],
    ) -> Option<ColumnPlan> {
        let plan = self.hir.sources.iter().find(|known| known.name == source)?;
        let Some(found) = plan.columns.iter().find(|known| known.name == column.text) else {
            let known: Vec<String> = plan
                .columns
                .iter()
                .map(|column| column.name.clone())
                .collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let what = format!("column of `{source}`");
            self.unknown(212, column.span, &what, &column.text, &known);
            return None;
        };
        if kinds.contains(&found.ty.kind) {
            let found = ColumnPlan {
                span: column.span,
                joined: None,
                known: Vec::new(),
                ..found.clone()
            };
            self.used.insert(format!("column {source}.{}", column.text));
            return Some(found);
        }
        let (ty, wanted) = (
            found.ty.clone(),
            match kinds {
                [RowKind::Time] => "a time",
                _ => "a whole number or a text",
            },
        );
        self.report(
            self.error(
                614,
                column.span,
                format!(
                    "`{}` is `{ty}`, and scores are joined by {wanted}",
                    column.text
                ),
            )
            .label(
                found_span(&self.hir.sources, source, &column.text, column.span),
                "declared here",
            ),
        );
        None
    }
}

fn row_kind(elem: Elem) -> RowKind {
    match elem {
        Elem::F32 => RowKind::Float,
        Elem::I64 => RowKind::Int,
        Elem::Bool => RowKind::Bool,
    }
}

fn found_span(sources: &[SourcePlan], source: &str, column: &str, otherwise: Span) -> Span {
    let columns = sources.iter().filter(|known| known.name == source);
    let mut columns = columns.flat_map(|known| &known.columns);
    columns
        .find(|known| known.name == column)
        .map_or(otherwise, |column| column.span)
}
