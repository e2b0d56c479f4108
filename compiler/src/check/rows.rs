//! Functions with typing rules of their own: histories, tables, candidates, shapes.

use reckon_grammar::ast::{self, Arg, ExprKind as Syntax, Window};
use reckon_grammar::span::Span;

use super::Checker;
use super::signature::MAX_SIZE;
use super::values::{handle_key, join_dims};
use crate::graph::{Elem, Init};
use crate::hir::{
    Candidates, EmbedTable, Expr, ExprKind, Facts, HandleTy, History, Kind, SpaceKind, Tensor, Ty,
};
use crate::plan::row::{RowKind, RowType};
use crate::value::Value;

/// The widest embedding.
const MAX_WIDTH: i64 = 65_536;

/// Functions of the language that this compiler does not lower yet.
const LATER: &[&str] = &[
    "sampled",
    "mined",
    "negatives",
    "balanced",
    "affinity",
    "density_ratio",
    "swing",
    "hide",
    "drop_values",
    "random_mask",
    "correlated_masks",
    "frozen",
    "local_confidence",
    "at_most",
    "keep",
    "weigh",
    "top",
    "rate",
    "since_last",
    "pretrained",
    "mutual_information",
    "pagerank",
    "state",
    "update",
];

impl Checker<'_> {
    /// Calls whose first argument is rows; `None` where the name is an ordinary function.
    pub(super) fn rows_form(
        &mut self,
        name: &str,
        piped: Option<&ast::Expr>,
        args: &[Arg],
        span: Span,
    ) -> Option<Expr> {
        if name == "history" {
            return Some(match piped {
                Some(piped) => {
                    self.report(
                        self.error(305, piped.span, "`history` takes its rows as an argument")
                            .help("write `history(EVENTS of ENTITY, last: 50)`"),
                    );
                    Expr::error(span)
                }
                None => self.history(args, span),
            });
        }
        let takes_rows = args
            .iter()
            .any(|arg| matches!(arg.value.kind, Syntax::Rows { .. }));
        let known = self.fns.contains_key(name) || self.towers.contains_key(name);
        if LATER.contains(&name) && !known {
            return Some(self.not_yet(span, &format!("`{name}`")));
        }
        (takes_rows && known)
            .then(|| self.not_yet(span, &format!("rows as an argument of `{name}`")))
    }

    fn history(&mut self, args: &[Arg], span: Span) -> Expr {
        let Some(first) = args.first().filter(|arg| arg.name.is_none()) else {
            self.report(
                self.error(223, span, "`history` needs rows")
                    .help("write `history(EVENTS of ENTITY, last: 50)`"),
            );
            return Expr::error(span);
        };
        let (source, of, windows, cond) = match &first.value.kind {
            Syntax::Rows {
                source,
                of,
                windows,
                cond,
            } => (&**source, of.as_ref(), windows.as_slice(), cond.as_deref()),
            _ => (&first.value, None, &[][..], None),
        };
        let Some((source, entity)) = self.history_of(source, of, span) else {
            return Expr::error(span);
        };
        let Some(row) = self.frames.last().and_then(|frame| frame.row.clone()) else {
            self.report(
                self.error(404, span, "`history` stands outside of a row")
                    .help("write it in `features`, and pass the feature to the tower"),
            );
            return Expr::error(span);
        };
        if !self.refers(&row.source, &entity) {
            let is_entity = self
                .hir
                .sources
                .iter()
                .any(|s| s.name == row.source && s.time.is_none());
            let diagnostic = self.error(
                405,
                span,
                format!("rows of `{}` have no history of `{entity}`", row.source),
            );
            self.report(if is_entity {
                diagnostic
                    .note(format!(
                        "`{}` has no time, so it is not known what is earlier",
                        row.source
                    ))
                    .help(format!("move the feature to `features {source}`"))
            } else {
                diagnostic.help(format!(
                    "declare a reference to `{entity}` in `{}`",
                    row.source
                ))
            });
            return Expr::error(span);
        }
        let mut numbers = (None, None);
        for arg in &args[1..] {
            let value = self.expr(&arg.value).ty;
            match (arg.name.as_ref().map(|name| name.text.as_str()), value) {
                (Some("last"), Ty::Const(Value::Int(n))) if n > 0 => numbers.0 = Some(n as usize),
                (Some("within"), Ty::Const(Value::Duration(micros))) => numbers.1 = Some(micros),
                (_, Ty::Error) => return Expr::error(span),
                (Some("last"), _) => {
                    return self.bad_history(arg, "`last` is a whole number above 0", span);
                }
                (Some("within"), _) => {
                    return self.bad_history(arg, "`within` is a duration such as `30d`", span);
                }
                (other, _) => {
                    let message = match other {
                        Some(name) => {
                            format!(
                                "`history` has no argument `{name}`; it takes `last` and `within`"
                            )
                        }
                        None => "`history` takes `last` and `within` by name".to_owned(),
                    };
                    return self.bad_history(arg, &message, span);
                }
            }
        }
        for window in windows {
            match window {
                Window::Within(e) => match self.expr(e).ty {
                    Ty::Const(Value::Duration(micros)) => numbers.1 = Some(micros),
                    _ => return Expr::error(span),
                },
                Window::In(_) | Window::InNext(_) | Window::Before(_) => {
                    return self.not_yet(span, "a window of a loop");
                }
            }
        }
        let condition = cond.and_then(|cond| self.history_condition(&source, cond));
        self.history_handle(&row.handle, source, entity, condition, numbers, cond, span)
    }

    fn bad_history(&mut self, arg: &Arg, message: &str, span: Span) -> Expr {
        self.report(self.error(222, arg.value.span, message));
        Expr::error(span)
    }

    fn history_of(
        &mut self,
        source: &ast::Expr,
        of: Option<&ast::Name>,
        span: Span,
    ) -> Option<(String, String)> {
        let Syntax::Name(name) = &source.kind else {
            self.report(self.error(305, source.span, "expected the name of events"));
            return None;
        };
        let events: Vec<String> = self
            .hir
            .sources
            .iter()
            .filter(|s| s.time.is_some())
            .map(|source| source.name.clone())
            .collect();
        if !events.contains(name) {
            if self.hir.sources.iter().any(|source| source.name == *name) {
                self.report(
                    self.error(
                        406,
                        source.span,
                        format!("`{name}` has no time, so it has no history"),
                    )
                    .help("declare a column of type `time`"),
                );
            } else {
                let events: Vec<&str> = events.iter().map(String::as_str).collect();
                self.unknown(230, source.span, "events", name, &events);
            }
            return None;
        }
        let Some(of) = of else {
            let targets: Vec<String> = self.references_of(name);
            let target = targets.first().cloned().unwrap_or_else(|| "user".into());
            self.report(
                self.error(223, span, "`history` needs to know whose events")
                    .help(format!("write `{name} of {target}`")),
            );
            return None;
        };
        if !self.refers(name, &of.text) {
            let targets = self.references_of(name);
            let targets: Vec<&str> = targets.iter().map(String::as_str).collect();
            self.unknown(
                231,
                of.span,
                &format!("reference of `{name}`"),
                &of.text,
                &targets,
            );
            return None;
        }
        Some((name.clone(), of.text.clone()))
    }

    pub(super) fn references_of(&self, source: &str) -> Vec<String> {
        let source = self.hir.sources.iter().find(|known| known.name == source);
        source.map_or_else(Vec::new, |source| {
            source.references.iter().map(|r| r.target.clone()).collect()
        })
    }

    fn refers(&self, source: &str, target: &str) -> bool {
        self.references_of(source)
            .iter()
            .any(|known| known == target)
    }

    fn history_condition(&mut self, source: &str, cond: &ast::Expr) -> Option<(usize, Expr)> {
        let (id, handle) = self.row_handle(
            HandleTy {
                source: source.to_owned(),
                space: None,
                past: true,
                candidates: false,
            },
            cond.span,
        );
        let value = self.in_row_scope(handle, source, |checker| checker.expr(cond));
        self.condition(value).map(|value| (id, value))
    }

    /// A condition on rows: a truth value of each row.
    pub(super) fn condition(&mut self, value: Expr) -> Option<Expr> {
        match &value.ty {
            Ty::Row(RowType {
                kind: RowKind::Bool,
                ..
            }) => Some(value),
            Ty::Error => None,
            other => {
                let shown = self.show(other);
                self.report(
                    self.error(
                        313,
                        value.span,
                        format!(
                            "a condition on rows is a truth value of each row, found `{shown}`"
                        ),
                    )
                    .help("compare it with something: `... > 0`"),
                );
                None
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn history_handle(
        &mut self,
        row: &Expr,
        source: String,
        entity: String,
        condition: Option<(usize, Expr)>,
        (last, within): (Option<usize>, Option<i64>),
        written: Option<&ast::Expr>,
        span: Span,
    ) -> Expr {
        let key = format!(
            "{source} {entity} {last:?} {within:?} {}",
            written.map_or_else(String::new, reckon_grammar::print_expr)
        );
        let found = self
            .hir
            .histories
            .iter()
            .position(|history| history.key == key);
        let index = found.unwrap_or_else(|| {
            let history = History {
                source: source.clone(),
                entity,
                condition,
                last,
                within,
                span,
                key,
            };
            self.hir.histories.push(history);
            self.hir.histories.len() - 1
        });
        let Ty::Handle(of) = row.ty.clone() else {
            return Expr::error(span);
        };
        let space = self.list_space(format!("{}#{index}", handle_key(row)), &of, last);
        let ty = Ty::Handle(HandleTy {
            source,
            space: Some(space),
            past: true,
            candidates: false,
        });
        Expr::new(
            ExprKind::History(Box::new(row.clone()), index),
            ty,
            Facts::default(),
            span,
        )
    }

    /// Intrinsics whose types no signature can say; `None` for all others.
    pub(super) fn special(&mut self, name: &str, args: &[Expr], span: Span) -> Option<Expr> {
        let first = args.first();
        Some(match name {
            "concat" => self.concat(first?.clone(), span),
            "stack" => {
                let items = self.elements(first?.clone());
                let items: Vec<Expr> = items.into_iter().map(|item| self.tensor(item)).collect();
                if items.is_empty() {
                    self.report(self.error(301, span, "`stack` needs at least one value"));
                    return Some(Expr::error(span));
                }
                self.stack(items, span)
            }
            "fields" => {
                let items = self.fields(first?.clone());
                super::expr::tuple(items, span)
            }
            "dot" => self.dot(args, span),
            "select" => return self.tensor_where(args, span),
            "batch_mean" => {
                let value = self.tensor(first?.clone());
                let facts = value.facts.clone();
                Expr::new(
                    ExprKind::Prim("batch_mean".into(), vec![value]),
                    Ty::Tensor(Tensor::f32(vec![], vec![])),
                    facts,
                    span,
                )
            }
            "softmax_xent" => self.softmax_xent(args, span),
            "weight" => self.weight(args, span),
            "stop" if matches!(first?.ty, Ty::Record(_)) => self.stop_record(first?, span),
            "stop" | "zeros_like" | "random_like" => {
                let value = self.tensor(first?.clone());
                let (ty, facts) = (value.ty.clone(), value.facts.clone());
                let ty = match (name, ty) {
                    ("stop", ty) => ty,
                    (_, Ty::Tensor(tensor)) => Ty::Tensor(Tensor {
                        kind: Kind::Plain,
                        ..tensor
                    }),
                    (_, ty) => ty,
                };
                Expr::new(ExprKind::Prim(name.into(), vec![value]), ty, facts, span)
            }
            "grad" => {
                let (y, x) = (
                    self.tensor(first?.clone()),
                    self.tensor(args.get(1)?.clone()),
                );
                let ty = x.ty.clone();
                Expr::new(
                    ExprKind::Grad(Box::new(y), Box::new(x)),
                    ty,
                    Facts::default(),
                    span,
                )
            }
            "in_batch" => self.candidates(Candidates::InBatch, first?.clone(), span),
            "catalogue" => self.candidates(Candidates::Catalogue, first?.clone(), span),
            "embed" => self.embed(args, span),
            "len" => match &first?.ty {
                Ty::Const(Value::List(items)) => {
                    Expr::constant(Value::Int(items.len() as i64), span)
                }
                Ty::Tuple(items) => Expr::constant(Value::Int(items.len() as i64), span),
                _ => return None,
            },
            "but_last" => match &first?.ty {
                Ty::Const(Value::List(items)) => Expr::constant(
                    Value::List(items[..items.len().saturating_sub(1)].to_vec()),
                    span,
                ),
                _ => return None,
            },
            "last_of" => match &first?.ty {
                Ty::Const(Value::List(items)) if !items.is_empty() => {
                    Expr::constant(items[items.len() - 1].clone(), span)
                }
                other => {
                    let shown = self.show(other);
                    self.report(self.error(
                        301,
                        span,
                        format!("expected a list with at least one element, found `{shown}`"),
                    ));
                    Expr::error(span)
                }
            },
            _ => return None,
        })
    }

    /// Stops the gradient of every field.
    fn stop_record(&mut self, base: &Expr, span: Span) -> Expr {
        let Ty::Record(fields) = &base.ty else {
            return Expr::error(span);
        };
        let mut stopped = Vec::new();
        for (name, _) in fields {
            let name = ast::Name {
                text: name.clone(),
                span,
            };
            let value = self.project(base.clone(), &name, span);
            let Some(value) = self.special("stop", &[value], span) else {
                return Expr::error(span);
            };
            stopped.push((name.text, value));
        }
        super::expr::named(stopped, span)
    }

    /// The elements of a tuple, or of a constant list.
    fn elements(&self, value: Expr) -> Vec<Expr> {
        match (&value.kind, &value.ty) {
            (ExprKind::Tuple(items), _)
                if items.len() == 1 && matches!(items[0].ty, Ty::Tuple(_)) =>
            {
                self.elements(items[0].clone())
            }
            (ExprKind::Tuple(items), _) => items.clone(),
            (_, Ty::Const(Value::List(items))) => items
                .iter()
                .map(|item| Expr::constant(item.clone(), value.span))
                .collect(),
            _ => vec![value],
        }
    }

    /// All features of a handle, in the order of their declaration.
    fn fields(&mut self, value: Expr) -> Vec<Expr> {
        let Ty::Handle(handle) = value.ty.clone() else {
            return vec![value];
        };
        let names: Vec<String> = self
            .feature_items
            .iter()
            .filter(|(source, _, _)| *source == handle.source)
            .map(|(_, name, _)| name.clone())
            .collect();
        if names.is_empty() {
            self.report(
                self.error(
                    408,
                    value.span,
                    format!("`{}` has no features", handle.source),
                )
                .help(format!(
                    "declare some: `features {} {{ ... }}`",
                    handle.source
                )),
            );
            return vec![Expr::error(value.span)];
        }
        let span = value.span;
        names
            .into_iter()
            .map(|name| self.project(value.clone(), &ast::Name { text: name, span }, span))
            .collect()
    }

    fn concat(&mut self, values: Expr, span: Span) -> Expr {
        let mut parts = Vec::new();
        for value in self.elements(values) {
            for part in self.fields(value) {
                if part.is_error() {
                    return Expr::error(span);
                }
                match part.kind {
                    ExprKind::Tuple(items) => parts.extend(items),
                    _ => parts.push(part),
                }
            }
        }
        let (mut spaces, mut width, mut checked, mut facts) =
            (Vec::new(), 0, Vec::new(), Facts::default());
        for part in parts {
            let part = self.tensor(part);
            let Ty::Tensor(tensor) = &part.ty else {
                return Expr::error(span);
            };
            let name = match &part.kind {
                ExprKind::Feature(handle, name) => match &handle.ty {
                    Ty::Handle(handle) => format!("`{}.{name}`", handle.source),
                    _ => format!("`{name}`"),
                },
                _ => "a part".to_owned(),
            };
            let own_list = matches!(part.kind, ExprKind::Feature(..))
                && self
                    .innermost_list(&tensor.spaces)
                    .is_some_and(|list| !self.holds(&part, list));
            if own_list {
                let shown = self.show(&part.ty);
                self.report(
                    self.error(
                        409,
                        part.span,
                        format!("{name} is a list, `{shown}`, and `concat` joins vectors"),
                    )
                    .help("pool it first: `... |> mean`, or name the other features one by one"),
                );
                return Expr::error(span);
            }
            if tensor.dims.len() > 1 {
                let shown = self.show(&part.ty);
                self.report(
                    self.error(
                        302,
                        part.span,
                        format!("`concat` joins vectors and numbers, and {name} is `{shown}`"),
                    )
                    .help("flatten it first: `... |> flatten`"),
                );
                return Expr::error(span);
            }
            width += tensor.dims.first().copied().unwrap_or(1);
            spaces = self.join_spaces(&spaces, &tensor.spaces);
            facts = facts.join(&part.facts);
            checked.push(part);
        }
        Expr::new(
            ExprKind::Prim("concat".into(), checked),
            Ty::Tensor(Tensor::f32(spaces, vec![width])),
            facts,
            span,
        )
    }

    /// Whether the list is the space of the handle itself, as when a tower runs over a history.
    fn holds(&self, part: &Expr, list: crate::hir::SpaceRef) -> bool {
        matches!(&part.kind, ExprKind::Feature(handle, _) if matches!(&handle.ty, Ty::Handle(ty) if ty.space == Some(list)))
    }

    fn dot(&mut self, args: &[Expr], span: Span) -> Expr {
        let [a, b] = args else {
            return Expr::error(span);
        };
        let (a, b) = (self.tensor(a.clone()), self.tensor(b.clone()));
        let (Ty::Tensor(x), Ty::Tensor(y)) = (a.ty.clone(), b.ty.clone()) else {
            return Expr::error(span);
        };
        let (Some((m, left)), Some((n, right))) = (x.dims.split_last(), y.dims.split_last()) else {
            let (x, y) = (self.show(&a.ty), self.show(&b.ty));
            self.report(self.error(
                302,
                span,
                format!("`dot` takes two vectors, found `{x}` and `{y}`"),
            ));
            return Expr::error(span);
        };
        if m != n {
            let (x, y) = (self.show(&a.ty), self.show(&b.ty));
            self.report(
                self.error(
                    302,
                    b.span,
                    format!("`dot` needs vectors of one width, found `{x}` and `{y}`"),
                )
                .here(format!("{n} wide"))
                .label(a.span, format!("{m} wide")),
            );
            return Expr::error(span);
        }
        let dims = [left, right].concat();
        let spaces = self.join_spaces(&x.spaces, &y.spaces);
        let facts = a.facts.clone().join(&b.facts);
        Expr::new(
            ExprKind::Prim("dot".into(), vec![a, b]),
            Ty::Tensor(Tensor::f32(spaces, dims)),
            facts,
            span,
        )
    }

    /// `where` over tensors; rows are left to the row op.
    fn tensor_where(&mut self, args: &[Expr], span: Span) -> Option<Expr> {
        let [cond, a, b] = args else { return None };
        if let Ty::Const(Value::Bool(value)) = cond.ty {
            return Some(if value { a.clone() } else { b.clone() });
        }
        if args
            .iter()
            .all(|arg| !matches!(arg.ty, Ty::Tensor(_) | Ty::Tuple(_)))
        {
            return None;
        }
        let (cond, a, b) = (
            self.tensor(cond.clone()),
            self.tensor(a.clone()),
            self.tensor(b.clone()),
        );
        let (Ty::Tensor(c), Ty::Tensor(x), Ty::Tensor(y)) = (&cond.ty, &a.ty, &b.ty) else {
            return Some(Expr::error(span));
        };
        let dims = join_dims(&x.dims, &y.dims).and_then(|dims| join_dims(&dims, &c.dims));
        let (Some(dims), Elem::Bool) = (dims, c.elem) else {
            let shown = [&cond, &a, &b].map(|value| self.show(&value.ty));
            self.report(self.error(
                302,
                span,
                format!(
                    "`where` takes a truth value and two values of one shape, found `{}`",
                    shown.join("`, `")
                ),
            ));
            return Some(Expr::error(span));
        };
        let spaces = self.join_spaces(&self.join_spaces(&c.spaces, &x.spaces), &y.spaces);
        let kind = if x.kind == y.kind {
            x.kind
        } else {
            Kind::Plain
        };
        let ty = Ty::Tensor(Tensor {
            elem: x.elem,
            kind,
            spaces,
            dims,
        });
        let facts = cond.facts.clone().join(&a.facts).join(&b.facts);
        Some(Expr::new(
            ExprKind::Prim("select".into(), vec![cond, a, b]),
            ty,
            facts,
            span,
        ))
    }

    fn softmax_xent(&mut self, args: &[Expr], span: Span) -> Expr {
        let [scores, c] = args else {
            return Expr::error(span);
        };
        let scores = self.tensor(scores.clone());
        let (Ty::Tensor(tensor), Ty::Handle(handle)) = (scores.ty.clone(), &c.ty) else {
            if !scores.is_error() && !c.is_error() {
                let shown = self.show(&c.ty);
                self.report(
                    self.error(301, c.span, format!("expected candidates, found `{shown}`"))
                        .help("make them with `in_batch(movie)` or `catalogue(movie)`"),
                );
            }
            return Expr::error(span);
        };
        let over = handle
            .space
            .filter(|space| tensor.spaces.contains(space) && handle.candidates);
        let (Some(over), true) = (over, tensor.dims.is_empty()) else {
            self.not_pairs(&scores);
            return Expr::error(span);
        };
        let spaces = tensor
            .spaces
            .iter()
            .filter(|space| **space != over)
            .copied()
            .collect();
        let facts = scores.facts.clone();
        Expr::new(
            ExprKind::Prim("softmax_xent".into(), vec![scores, c.clone()]),
            Ty::Tensor(Tensor::f32(spaces, vec![])),
            facts,
            span,
        )
    }

    fn weight(&mut self, args: &[Expr], span: Span) -> Expr {
        let dims = match args.first().map(|arg| &arg.ty) {
            Some(Ty::Const(Value::List(items))) => items
                .iter()
                .map(|item| match item {
                    Value::Int(n) => usize::try_from(*n)
                        .ok()
                        .filter(|n| (1..=MAX_SIZE).contains(n)),
                    _ => None,
                })
                .collect::<Option<Vec<usize>>>(),
            _ => None,
        };
        let Some(dims) = dims else {
            self.report(self.error(
                301,
                span,
                "the shape of a weight is a list of whole numbers from 1 to 16,777,216",
            ));
            return Expr::error(span);
        };
        let init = match args.get(1).and_then(|arg| arg.ty.value()) {
            Some(Value::Word(word)) => initial(word),
            _ => Init::GlorotUniform,
        };
        let hint = self.hint.clone().unwrap_or_else(|| "weight".into());
        let name = self.segment(&hint);
        Expr::new(
            ExprKind::Weight(name, init, false),
            Ty::Tensor(Tensor::f32(vec![], dims)),
            Facts::default(),
            span,
        )
    }

    /// Ids made of values that may be null: there is no row of the table for a null.
    fn null_ids(&mut self, ids: &Expr) -> bool {
        let is_null = matches!(&ids.ty, Ty::Row(row) if row.nullable) && id_source(ids).is_some();
        if is_null {
            let shown = self.show(&ids.ty);
            self.report(
                self.error(309, ids.span, "a null has no row in a table")
                    .here(format!("this is `{shown}`"))
                    .help("give nulls a value first: `... |> fill(0)`; `vocab` has an id for them"),
            );
        }
        is_null
    }

    fn candidates(&mut self, how: Candidates, own: Expr, span: Span) -> Expr {
        let Ty::Handle(handle) = &own.ty else {
            if !own.is_error() {
                let shown = self.show(&own.ty);
                self.report(self.error(
                    301,
                    own.span,
                    format!("candidates are rows of an entity, found `{shown}`"),
                ));
            }
            return Expr::error(span);
        };
        let in_loss = handle.space.is_some_and(|space| {
            matches!(self.hir.spaces[space.0 as usize].kind, SpaceKind::Batch)
        });
        if !in_loss || handle.candidates {
            self.report(
                self.error(601, span, "candidates belong to the batch of a loss")
                    .help("make them inside a `loss`, from an entity that its rows refer to"),
            );
            return Expr::error(span);
        }
        let source = handle.source.clone();
        let identity = format!("{}@{how:?}", handle_key(&own));
        let name = if how == Candidates::Catalogue {
            "E"
        } else {
            "C"
        };
        let space = self.space(identity, name, SpaceKind::Candidates);
        let ty = Ty::Handle(HandleTy {
            source,
            space: Some(space),
            past: false,
            candidates: true,
        });
        Expr::new(
            ExprKind::Candidates(how, Box::new(own)),
            ty,
            Facts::default(),
            span,
        )
    }

    fn embed(&mut self, args: &[Expr], span: Span) -> Expr {
        let [ids, dim, init] = args else {
            return Expr::error(span);
        };
        let Some((source, feature)) = self.current_feature.clone() else {
            self.report(
                self.error(407, span, "`embed` stands outside of `features`")
                    .help("make it a feature, and read the feature in the tower"),
            );
            return Expr::error(span);
        };
        let Ty::Const(Value::Int(width)) = dim.ty else {
            self.report(self.error(
                301,
                dim.span,
                "the width of an embedding is a whole number known while compiling",
            ));
            return Expr::error(span);
        };
        if !(1..=MAX_WIDTH).contains(&width) {
            self.report(self.error(
                301,
                dim.span,
                format!("the width of an embedding is from 1 to {MAX_WIDTH}, found `{width}`"),
            ));
            return Expr::error(span);
        }
        if self.null_ids(ids) {
            return Expr::error(span);
        }
        let Some(list) = ids_shape(&ids.ty) else {
            let shown = self.show(&ids.ty);
            self.report(
                self.error(410, ids.span, format!("`embed` takes ids, found `{shown}`"))
                    .help("make ids first: `... |> vocab |> embed(16)`, or `buckets([...])` for numbers"),
            );
            return Expr::error(span);
        };
        let Some(drop) = id_source(ids) else {
            self.report(
                self.error(411, ids.span, "it is not known how many ids there are")
                    .help("make ids with `vocab`, `hash`, `buckets`, `quantiles` or `cross`"),
            );
            return Expr::error(span);
        };
        let name = self.segment(&feature);
        let init = match init.ty.value() {
            Some(Value::Word(word)) => initial(word),
            _ => Init::Normal(0.05),
        };
        let table = EmbedTable {
            path: format!("{source}/{name}"),
            width: width as usize,
            drop,
            init,
        };
        let spaces = match (list, super::values::row_root(ids)) {
            (true, Some((key, handle))) => {
                vec![self.list_space(format!("{key}/{source}.{name}"), &handle, None)]
            }
            (false, Some((_, handle))) => handle.space.into_iter().collect(),
            (_, None) => Vec::new(),
        };
        let ty = Ty::Tensor(Tensor::f32(spaces, vec![width as usize]));
        Expr::new(
            ExprKind::Embed(Box::new(ids.clone()), table),
            ty,
            ids.facts.clone(),
            span,
        )
    }
}

/// Whether ids come one or many a row; `None` for what is no id.
fn ids_shape(ty: &Ty) -> Option<bool> {
    match ty {
        Ty::Row(RowType {
            kind: RowKind::Int,
            nullable: false,
        }) => Some(false),
        Ty::Row(RowType {
            kind: RowKind::List(of),
            nullable: false,
        }) if **of == RowKind::Int => Some(true),
        _ => None,
    }
}

/// The replacement rate of ids whose number is known; `None` where it is not.
pub(super) fn id_source(ids: &Expr) -> Option<f64> {
    let ExprKind::Prim(name, args) = &ids.kind else {
        return None;
    };
    match name.as_str() {
        "vocab" => args
            .get(4)
            .and_then(|arg| arg.ty.value())
            .and_then(Value::as_f64)
            .or(Some(0.0)),
        "buckets" | "quantiles" | "hash" | "cross" | "hour" | "weekday" => Some(0.0),
        "take" | "distinct" | "first" | "last" => args.first().and_then(id_source),
        _ => None,
    }
}

fn initial(word: &str) -> Init {
    match word {
        "zeros" => Init::Constant(0.0),
        "ones" => Init::Constant(1.0),
        "he" => Init::HeUniform,
        "small" => Init::Normal(0.05),
        _ => Init::GlorotUniform,
    }
}
