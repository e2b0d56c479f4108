//! Fields of records, features and columns of rows.

use super::Checker;
use super::expr::{by_name, tuple};
use super::values::handle_key;
use crate::build::rows::{bag_identity, bag_in};
use crate::hir::{
    Candidates, Expr, ExprKind, Facts, HandleTy, Kind, SpaceKind, SpaceRef, Tensor, Ty,
};
use crate::plan::row::RowKind;
use crate::value::Value;
use reckon_grammar::ast::{self, ExprKind as Syntax, Name};
use reckon_grammar::diagnostic::nearest;
use reckon_grammar::span::Span;

impl Checker<'_> {
    /// The entity rows that a handle refers to.
    pub(super) fn reference(
        &mut self,
        handle: &Expr,
        source: &str,
        target: &str,
        span: Span,
    ) -> Option<Expr> {
        let source = self.hir.sources.iter().find(|known| known.name == source)?;
        source
            .references
            .iter()
            .find(|reference| reference.target == target)?;
        let Ty::Handle(from) = &handle.ty else {
            return None;
        };
        let ty = Ty::Handle(HandleTy {
            source: target.to_owned(),
            candidates: false,
            ..from.clone()
        });
        let kind = ExprKind::Refer(Box::new(handle.clone()), target.to_owned());
        Some(Expr::new(kind, ty, Facts::default(), span))
    }

    pub(super) fn field(&mut self, base: &ast::Expr, name: &Name, span: Span) -> Expr {
        if let Syntax::Field(inner, raw) = &base.kind
            && raw.text == "raw"
        {
            let handle = self.expr(inner);
            if let Ty::Handle(ty) = &handle.ty {
                let source = ty.source.clone();
                return self.raw_column(handle, &source, name, span);
            }
        }
        if matches!(&base.kind, Syntax::Name(row) if row == "row")
            && let Some(found) = self.of_the_row(name, span)
        {
            return found;
        }
        let base = self.expr(base);
        self.project(base, name, span)
    }

    /// `rating.weight` in a loss over ratings is `row.weight`; no other row has a weight.
    fn weight_of_the_rows(&mut self, base: &Expr, name: &Name, span: Span) -> Option<Expr> {
        let row = self.frames.last()?.row.as_ref()?;
        if handle_key(&row.handle) != handle_key(base) || self.has_column(&row.source, &name.text) {
            return None;
        }
        self.of_the_row(name, span)
    }

    /// `row.weight`, `row.log_q`, `row.sampled` of the rows of a loss.
    fn of_the_row(&mut self, name: &Name, span: Span) -> Option<Expr> {
        let frame = self.frames.last()?;
        if frame.locals.iter().any(|known| known.name == "row") {
            return None;
        }
        let handle = frame.row.as_ref()?.handle.clone();
        let Ty::Handle(HandleTy {
            space: Some(space), ..
        }) = handle.ty
        else {
            return None;
        };
        let elem = match name.text.as_str() {
            "weight" | "log_q" => crate::graph::Elem::F32,
            "sampled" => crate::graph::Elem::Bool,
            other => {
                return Some(self.unknown(
                    213,
                    name.span,
                    "field",
                    other,
                    &["weight", "log_q", "sampled"],
                ));
            }
        };
        let ty = Ty::Tensor(Tensor {
            elem,
            kind: Kind::Plain,
            spaces: vec![space],
            dims: Vec::new(),
        });
        let kind = ExprKind::Builtin(Box::new(handle), name.text.clone());
        Some(Expr::new(kind, ty, Facts::default(), span))
    }

    fn raw_column(&mut self, handle: Expr, source: &str, name: &Name, span: Span) -> Expr {
        if self.has_column(source, &name.text) {
            return self.column(handle, source, &name.text, span);
        }
        let columns = self.column_names(source);
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        self.unknown(
            212,
            name.span,
            &format!("column of `{source}`"),
            &name.text,
            &columns,
        )
    }

    /// `base.name`; over several values, of each.
    pub(super) fn project(&mut self, base: Expr, name: &Name, span: Span) -> Expr {
        match &base.ty {
            Ty::Error => Expr::error(span),
            Ty::Record(fields) => match fields.iter().find(|(field, _)| *field == name.text) {
                Some((_, Ty::Const(value))) => Expr::constant(value.clone(), span),
                Some((_, ty)) => {
                    let (ty, facts) = (ty.clone(), base.facts.clone());
                    if let (true, Some(value)) = (by_name(&ty), field_of(&base, &name.text)) {
                        return Expr { span, ..value };
                    }
                    Expr::new(
                        ExprKind::Field(Box::new(base), name.text.clone()),
                        ty,
                        facts,
                        span,
                    )
                }
                None => {
                    let names: Vec<&str> = fields.iter().map(|(field, _)| field.as_str()).collect();
                    self.unknown(213, name.span, "field", &name.text, &names)
                }
            },
            Ty::Tuple(_) => {
                let ExprKind::Tuple(items) = base.kind else {
                    return Expr::error(span);
                };
                let items: Vec<Expr> = items
                    .into_iter()
                    .map(|item| self.project(item, name, span))
                    .collect();
                tuple(items, span)
            }
            Ty::Handle(handle) => {
                let handle = handle.clone();
                self.of_handle(base, &handle, name, span)
            }
            Ty::Const(_) | Ty::Row(_) | Ty::Tensor(_) => {
                let shown = self.show(&base.ty);
                let diagnostic = self
                    .error(214, name.span, format!("`{shown}` has no field `{}`", name.text))
                    .note("`.` takes a field of a record or a feature of a row; `|>` applies a function");
                self.report(if self.fns.contains_key(name.text.as_str()) {
                    diagnostic.help(format!("write `... |> {}`", name.text))
                } else {
                    diagnostic
                });
                Expr::error(span)
            }
        }
    }

    fn of_handle(&mut self, base: Expr, handle: &HandleTy, name: &Name, span: Span) -> Expr {
        if let Some(found) = self.candidate_field(&base, handle, &name.text, span) {
            return found;
        }
        if let Some(at) = self.feature_index(&handle.source, &name.text) {
            self.used
                .insert(format!("feature {}.{}", handle.source, name.text));
            return self.feature(base, handle, at, span);
        }
        if self
            .feature_items
            .iter()
            .any(|(source, known, _)| *source == handle.source && *known == name.text)
        {
            return Expr::error(span);
        }
        if let Some(found) = self.reference(&base, &handle.source, &name.text, span) {
            return found;
        }
        if name.text == "at"
            && let Some(time) = self
                .hir
                .sources
                .iter()
                .find(|s| s.name == handle.source)
                .and_then(|s| s.time.clone())
        {
            return self.column(base, &handle.source, &time, span);
        }
        if name.text == "key"
            && let Some(key) = self.single_key(&handle.source)
        {
            return self.column(base, &handle.source, &key, span);
        }
        if name.text == "ago"
            && let ExprKind::History(..) = base.kind
        {
            return seconds_ago(base, handle.space, span);
        }
        if name.text == "weight"
            && let Some(weight) = self.weight_of_the_rows(&base, name, span)
        {
            return weight;
        }
        self.no_such_field(handle, name)
    }

    /// The key of an entity that has one of a single column.
    fn single_key(&self, source: &str) -> Option<String> {
        let source = self.hir.sources.iter().find(|known| known.name == source)?;
        match source.key.as_slice() {
            [key] => Some(key.clone()),
            _ => None,
        }
    }

    /// Says which features and references there are.
    fn no_such_field(&mut self, handle: &HandleTy, name: &Name) -> Expr {
        let source = &handle.source;
        let features = self.feature_items.iter();
        let features = features.filter(|(of, _, _)| of == source);
        let mut known: Vec<String> = features.map(|(_, name, _)| name.clone()).collect();
        known.extend(self.references_of(source));
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let built_in = matches!(name.text.as_str(), "weight" | "split");
        if built_in && !self.has_column(source, &name.text) {
            if name.text == "split" && self.counting.as_deref() == Some(source) {
                let message = "a statistic does not choose its rows by their part of the split";
                return self.counts_what_is_held_out(name.span, message.to_owned());
            }
            let what = format!("`.{}` of a handle", name.text);
            let instead = match name.text.as_str() {
                "weight" => {
                    "read it in the loss that the rows are of, as `row.weight`: only there a row has one"
                }
                _ => {
                    "leave it out: `train` reads rows of the part `train`, and `reckon eval --split` asks about another part"
                }
            };
            return self.not_yet(name.span, &what, instead);
        }
        if self.has_column(source, &name.text)
            && nearest(&name.text, known.iter().copied()) != Some(&name.text)
        {
            let text = &name.text;
            self.report(
                self.error(
                    215,
                    name.span,
                    format!("`{text}` is a column of `{source}`, not a feature"),
                )
                .help(self.feature_of(source, text)),
            );
            return Expr::error(name.span);
        }
        let what = format!("feature of `{source}`");
        self.unknown(215, name.span, &what, &name.text, &known)
    }

    /// How a column becomes what a tower can read.
    fn feature_of(&self, source: &str, column: &str) -> String {
        let known = self.hir.sources.iter().find(|known| known.name == source);
        let found = known.and_then(|known| known.columns.iter().find(|known| known.name == column));
        let made = match found.map(|found| (&found.ty.kind, found.ty.nullable)) {
            Some((RowKind::Str, _)) => "|> vocab |> embed(8)",
            Some((RowKind::Int | RowKind::Float, true)) => "|> fill(0)",
            Some((RowKind::Int | RowKind::Float | RowKind::Bool, false)) => {
                return format!(
                    "write `.raw.{column}` for the column, or add a feature `{column} = ...` to `features {source}`"
                );
            }
            Some(_) | None => "...",
        };
        let value = if made == "..." {
            made.to_owned()
        } else {
            format!("{column} {made}")
        };
        format!("add a feature to `features {source}`: `{column} = {value}`")
    }

    /// What candidates carry beside their features.
    fn candidate_field(
        &mut self,
        base: &Expr,
        handle: &HandleTy,
        name: &str,
        span: Span,
    ) -> Option<Expr> {
        if !handle.candidates {
            return None;
        }
        let ExprKind::Candidates(how, own) = &base.kind else {
            return None;
        };
        match (name, how) {
            ("drawn", how) => {
                let drawn = matches!(how, Candidates::Sampled(..));
                return Some(Expr::constant(Value::Bool(drawn), span));
            }
            ("hardest", Candidates::Mined(n)) => {
                return Some(Expr::constant(Value::Int(*n as i64), span));
            }
            ("hardest", _) => return Some(Expr::constant(Value::Int(0), span)),
            _ => {}
        }
        let Ty::Handle(own) = &own.ty else {
            return None;
        };
        let (shared, batch) = (
            handle.space.into_iter().collect::<Vec<_>>(),
            own.space.into_iter().collect::<Vec<_>>(),
        );
        let (elem, spaces) = match name {
            "index" | "column" => (crate::graph::Elem::I64, shared),
            "foreign" => (crate::graph::Elem::Bool, shared),
            "own" | "positive" => (crate::graph::Elem::I64, batch),
            "log_count" => (crate::graph::Elem::F32, shared),
            "known" | "seen" => (crate::graph::Elem::Bool, self.join_spaces(&batch, &shared)),
            _ => return None,
        };
        let ty = Ty::Tensor(Tensor {
            elem,
            kind: Kind::Plain,
            spaces,
            dims: Vec::new(),
        });
        Some(Expr::new(
            ExprKind::Builtin(Box::new(base.clone()), name.to_owned()),
            ty,
            Facts::default(),
            span,
        ))
    }

    /// A feature as a tensor over the handle's space.
    pub(super) fn feature(&mut self, base: Expr, handle: &HandleTy, at: usize, span: Span) -> Expr {
        let feature = &self.hir.features[at];
        let (source, name) = (feature.source.clone(), feature.name.clone());
        let mut facts = Facts::default();
        if handle.past {
            facts.sides.insert("past".into());
        } else {
            facts.sides = feature.value.facts.sides.clone();
        }
        let ty = match feature.value.ty.clone() {
            Ty::Tensor(tensor) => {
                let mut spaces: Vec<_> = handle.space.into_iter().collect();
                for space in &tensor.spaces {
                    let info = &self.hir.spaces[space.0 as usize];
                    let SpaceKind::List { max, .. } = info.kind else {
                        continue;
                    };
                    let identity = match bag_in(&info.identity) {
                        Some(bag) => bag_identity(&handle_key(&base), bag),
                        None => format!("{}/{source}.{name}/{}", handle_key(&base), space.0),
                    };
                    let list = self.list_space(identity, handle, max);
                    spaces = self.join_spaces(&spaces, &[list]);
                }
                Ty::Tensor(Tensor { spaces, ..tensor })
            }
            _ => return Expr::error(span),
        };
        Expr::new(ExprKind::Feature(Box::new(base), name), ty, facts, span)
    }
}

/// The field of a record that is written out.
fn field_of(base: &Expr, name: &str) -> Option<Expr> {
    match &base.kind {
        ExprKind::Record(fields) => {
            let found = fields.iter().find(|(field, _)| field == name);
            found.map(|(_, value)| value.clone())
        }
        ExprKind::Scope { value, .. } => field_of(value, name),
        _ => None,
    }
}

/// How long before the row each event of its history was.
fn seconds_ago(history: Expr, space: Option<SpaceRef>, span: Span) -> Expr {
    let ty = Ty::Tensor(Tensor {
        elem: crate::graph::Elem::F32,
        kind: Kind::Plain,
        spaces: space.into_iter().collect(),
        dims: Vec::new(),
    });
    let kind = ExprKind::Builtin(Box::new(history), "ago".to_owned());
    Expr::new(kind, ty, Facts::default(), span)
}
