//! Views: rows with some of their features hidden, or with values of lists left out.

use super::Checker;
use super::tables::id_source;
use crate::graph::Elem;
use crate::hir::{Expr, ExprKind, Facts, Fill, HandleTy, Scoped, SpaceKind, Tensor, Ty, View};
use crate::value::Value;
use reckon_grammar::span::Span;

/// What kind of values a feature is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FieldKind {
    /// Ids of the key of its entity: every row has another.
    Key,
    /// Ids of other values.
    Categories,
    /// Numbers.
    Numbers,
}

impl Checker<'_> {
    /// Functions of views; `None` where the name is another's.
    pub(super) fn view_form(&mut self, name: &str, args: &[Expr], span: Span) -> Option<Expr> {
        let first = args.first()?;
        Some(match name {
            "hide" => self.hide(args, span),
            "drop_values" => self.drop_values(args, span),
            "maskable_fields" => self.maskable_fields(args, span),
            "fields_kept" => self.fields_kept(first, args.get(1)?, span),
            "mutual_information" => self.mutual_information(args, span),
            "per_row" => self.per_row(args, span),
            _ => return None,
        })
    }

    /// The rows of a view.
    fn viewed(&mut self, rows: &Expr, span: Span) -> Option<HandleTy> {
        let Ty::Handle(handle) = &rows.ty else {
            if !rows.is_error() {
                let shown = self.show(&rows.ty);
                self.report(
                    self.error(
                        301,
                        rows.span,
                        format!("a view is of rows, found `{shown}`"),
                    )
                    .help("name the rows: `hide(movie, mask)`"),
                );
            }
            return None;
        };
        if handle.space.is_none() {
            self.report(
                self.error(
                    521,
                    span,
                    "a view is made of a batch of rows, not inside of a tower",
                )
                .help("make it in the loss, and apply the tower to it: `film(hide(movie, mask))`"),
            );
            return None;
        }
        Some(HandleTy {
            candidates: false,
            ..handle.clone()
        })
    }

    fn hide(&mut self, args: &[Expr], span: Span) -> Expr {
        let [rows, mask, fill] = args else {
            return Expr::error(span);
        };
        let Some(handle) = self.viewed(rows, span) else {
            return Expr::error(span);
        };
        let names = self.field_names(&handle.source);
        if names.is_empty() {
            drop(self.fields_of(rows));
            return Expr::error(span);
        }
        let Some(mask) = self.mask(mask, &handle, &names, span) else {
            return Expr::error(span);
        };
        let fill = match fill.ty.value() {
            Some(Value::Word(word)) if word == "zero" => Fill::Zero,
            _ => Fill::Learned,
        };
        // The mask is bound, so that all uses of a view see one draw.
        let bound = self.local();
        let read = Expr::new(
            ExprKind::Local(bound),
            mask.ty.clone(),
            mask.facts.clone(),
            mask.span,
        );
        let view = View {
            id: self.local(),
            scopes: vec![Scoped {
                segment: None,
                lets: vec![(bound, "mask".to_owned(), mask)],
            }],
            mask: Some(read),
            fields: names,
            fill,
            drop: 0.0,
        };
        self.view(rows, view, handle, span)
    }

    /// A mask that fits the features of its rows and hides not all of them.
    fn mask(
        &mut self,
        mask: &Expr,
        handle: &HandleTy,
        names: &[String],
        span: Span,
    ) -> Option<Expr> {
        let written = mask.ty.value().cloned();
        let mask = self.tensor(mask.clone());
        let Ty::Tensor(tensor) = &mask.ty else {
            return None;
        };
        let mut spaces = tensor.spaces.iter();
        let over_rows = spaces.all(|space| Some(*space) == handle.space);
        if tensor.elem != Elem::Bool || tensor.dims != [names.len()] || !over_rows {
            let shown = self.show(&mask.ty);
            let (count, source) = (names.len(), &handle.source);
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let message = format!("a mask of `{source}` is `bool[{count}]`, found `{shown}`");
            self.report(self.error(521, mask.span, message).note(format!(
                "it says of each feature whether it is hidden: {}",
                super::list(&names)
            )));
            return None;
        }
        if all_hidden(written.as_ref()) {
            self.no_field(span);
            return None;
        }
        Some(mask)
    }

    fn drop_values(&mut self, args: &[Expr], span: Span) -> Expr {
        let [rows, rate] = args else {
            return Expr::error(span);
        };
        let Some(handle) = self.viewed(rows, span) else {
            return Expr::error(span);
        };
        let rate_of = rate.ty.value().and_then(Value::as_f64);
        let Some(drop) = rate_of.filter(|rate| (0.0..1.0).contains(rate)) else {
            self.report(self.error(
                301,
                rate.span,
                "the rate of `drop_values` is from 0 to below 1",
            ));
            return Expr::error(span);
        };
        if drop == 0.0 {
            return rows.clone();
        }
        let view = View {
            id: self.local(),
            scopes: Vec::new(),
            mask: None,
            fields: Vec::new(),
            fill: Fill::Learned,
            drop,
        };
        self.view(rows, view, handle, span)
    }

    fn view(&mut self, rows: &Expr, view: View, handle: HandleTy, span: Span) -> Expr {
        let kind = ExprKind::View(Box::new(rows.clone()), Box::new(view));
        Expr::new(kind, Ty::Handle(handle), rows.facts.clone(), span)
    }

    /// 1 for each feature that masks may hide, else 0: `id_in_masking` and `dense_masking` say which.
    fn maskable_fields(&mut self, args: &[Expr], span: Span) -> Expr {
        let [rows, ids, dense] = args else {
            return Expr::error(span);
        };
        let word = |arg: &Expr| match arg.ty.value() {
            Some(Value::Word(word)) => word.clone(),
            _ => String::new(),
        };
        let (ids, dense) = (word(ids), word(dense));
        let Some(kinds) = self.field_kinds(rows) else {
            return Expr::error(span);
        };
        let marks = kinds.into_iter().map(|kind| {
            Value::Int(i64::from(match kind {
                FieldKind::Key => ids == "include" || ids == "only",
                FieldKind::Categories => ids != "only",
                FieldKind::Numbers => dense != "keep",
            }))
        });
        Expr::constant(Value::List(marks.collect()), span)
    }

    /// The number of fields that a view keeps; a view that keeps none is refused.
    fn fields_kept(&mut self, kept: &Expr, of: &Expr, span: Span) -> Expr {
        match (kept.ty.value(), of.ty.value()) {
            (Some(Value::Int(kept)), Some(Value::Int(of))) if *kept > 0 && kept <= of => {
                Expr::constant(Value::Int(*kept), span)
            }
            _ => {
                self.no_field(span);
                Expr::error(span)
            }
        }
    }

    fn no_field(&mut self, span: Span) {
        self.report(
            self.error(520, span, "a view keeps no field")
                .note(
                    "a tower that sees no field of its rows gives the same vector for all of them",
                )
                .help("hide fewer fields: give the entity more features, or lower `n`"),
        );
    }

    fn mutual_information(&mut self, args: &[Expr], span: Span) -> Expr {
        let Some((rows, Ty::Handle(handle))) = args.first().map(|rows| (rows, &rows.ty)) else {
            return Expr::error(span);
        };
        let names = self.field_names(&handle.source);
        if self.field_kinds(rows).is_none() {
            return Expr::error(span);
        }
        let ty = Ty::Tensor(Tensor::f32(vec![], vec![names.len(); 2]));
        let names = Value::List(names.into_iter().map(Value::Str).collect());
        let args = [args, &[Expr::constant(names, span)]].concat();
        let kind = ExprKind::Prim("mutual_information".into(), args);
        Expr::new(kind, ty, Facts::default(), span)
    }

    /// A value repeated for each row.
    fn per_row(&mut self, args: &[Expr], span: Span) -> Expr {
        let [rows, value] = args else {
            return Expr::error(span);
        };
        let Some(handle) = self.viewed(rows, span) else {
            return Expr::error(span);
        };
        let value = self.tensor(value.clone());
        let (Ty::Tensor(tensor), Some(space)) = (&value.ty, handle.space) else {
            return Expr::error(span);
        };
        let listed = matches!(
            self.hir.spaces[space.0 as usize].kind,
            SpaceKind::List { .. }
        );
        if listed || !tensor.spaces.is_empty() {
            self.report(self.error(
                302,
                span,
                "`per_row` repeats one value for the rows of a batch",
            ));
            return Expr::error(span);
        }
        let (ty, facts) = (
            Ty::Tensor(Tensor {
                spaces: vec![space],
                ..tensor.clone()
            }),
            value.facts.clone(),
        );
        Expr::new(
            ExprKind::Prim("per_row".into(), vec![rows.clone(), value]),
            ty,
            facts,
            span,
        )
    }

    /// The names of a source's features in the order of their declaration.
    fn field_names(&self, source: &str) -> Vec<String> {
        let of = self
            .feature_items
            .iter()
            .filter(|(known, _, _)| known == source);
        of.map(|(_, name, _)| name.clone()).collect()
    }

    fn field_kinds(&mut self, rows: &Expr) -> Option<Vec<FieldKind>> {
        let Ty::Handle(handle) = &rows.ty else {
            drop(self.viewed(rows, rows.span));
            return None;
        };
        let source = handle.source.clone();
        let fields = self.fields_of(rows);
        if fields.iter().any(Expr::is_error) {
            return None;
        }
        let key = self.hir.sources.iter().find(|known| known.name == source);
        let key = key.map_or_else(Vec::new, |found| found.key.clone());
        let kind = |name: &String| {
            let slot = (source.clone(), name.clone());
            let value = self
                .features
                .get(&slot)
                .map(|at| &self.hir.features[*at].value);
            match value.and_then(embedded) {
                Some(ids) if columns(ids).iter().all(|name| key.contains(name)) => FieldKind::Key,
                Some(_) => FieldKind::Categories,
                None => FieldKind::Numbers,
            }
        };
        Some(self.field_names(&source).iter().map(kind).collect())
    }
}

/// The ids that a feature looks up, the first where there are several.
fn embedded(value: &Expr) -> Option<&Expr> {
    match &value.kind {
        ExprKind::Embed(ids, _) if id_source(ids).is_some() => Some(ids),
        _ => value.children().into_iter().find_map(embedded),
    }
}

fn columns(e: &Expr) -> Vec<String> {
    match &e.kind {
        ExprKind::Column(_, name) => vec![name.clone()],
        _ => e.children().into_iter().flat_map(columns).collect(),
    }
}

fn all_hidden(mask: Option<&Value>) -> bool {
    match mask {
        Some(Value::List(items)) => items.iter().all(|item| *item == Value::Bool(true)),
        _ => false,
    }
}

/// Bindings around a value of rows: they move into the views that it holds, and are otherwise read by nothing.
pub(super) fn bind_views(
    segment: Option<&String>,
    lets: &[(usize, String, Expr)],
    mut value: Expr,
) -> Expr {
    match &mut value.kind {
        ExprKind::View(of, view) => {
            **of = bind_views(segment, lets, (**of).clone());
            if view.mask.is_some() {
                let scoped = Scoped {
                    segment: segment.cloned(),
                    lets: lets.to_vec(),
                };
                view.scopes.insert(0, scoped);
            }
        }
        ExprKind::Record(fields) => {
            for (_, field) in fields {
                *field = bind_views(segment, lets, field.clone());
            }
        }
        ExprKind::Tuple(items) => {
            for item in items {
                *item = bind_views(segment, lets, item.clone());
            }
        }
        _ => {}
    }
    value
}

/// What a call returns, at the place of the call; so are views inside of it.
pub(super) fn placed(value: Expr, span: Span) -> Expr {
    let kind = match value.kind {
        ExprKind::Record(fields) => {
            let fields = fields.into_iter();
            ExprKind::Record(fields.map(|(name, e)| (name, of_call(e, span))).collect())
        }
        ExprKind::Tuple(items) => {
            ExprKind::Tuple(items.into_iter().map(|e| of_call(e, span)).collect())
        }
        kind => kind,
    };
    Expr {
        kind,
        span,
        ..value
    }
}

fn of_call(e: Expr, span: Span) -> Expr {
    match e.kind {
        ExprKind::View(..) => Expr { span, ..e },
        _ => e,
    }
}
