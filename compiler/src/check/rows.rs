//! Functions with typing rules of their own: histories, tables, candidates, shapes.

use reckon_grammar::ast::{self, Arg, ExprKind as Syntax};
use reckon_grammar::span::Span;

use super::Checker;
use super::values::join_dims;
use crate::graph::Elem;
use crate::hir::{Candidates, Expr, ExprKind, Facts, Kind, Tensor, Ty};
use crate::value::Value;

impl Checker<'_> {
    /// Calls whose first argument is rows; `None` where the name is an ordinary function.
    pub(super) fn rows_form(
        &mut self,
        name: &str,
        piped: Option<&ast::Expr>,
        args: &[Arg],
        span: Span,
    ) -> Option<Expr> {
        if name == "affinity" && piped.is_none() {
            return Some(self.affinity(args, span));
        }
        if let Some(found) = self.statistic(name, piped, args, span) {
            return Some(found);
        }
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
        if let ("sampled" | "mined", None) = (name, piped) {
            return Some(self.drawn_candidates(name, args, span));
        }
        let takes_rows = args
            .iter()
            .any(|arg| matches!(arg.value.kind, Syntax::Rows { .. }));
        let known = self.fns.contains_key(name) || self.towers.contains_key(name);
        let own = self.towers.contains_key(name)
            || self.fns.get(name).is_some_and(|found| !found.library);
        if self.is_function_of_rows(name) && !own {
            return Some(self.stands_behind_rows(name, span));
        }
        (takes_rows && known).then(|| {
            self.not_yet(
                span,
                &format!("rows as an argument of `{name}`"),
                "choose the rows where a loss or a selector names them: `loss l over EVENTS where ...`",
            )
        })
    }

    /// Intrinsics whose types no signature can say; `None` for all others.
    pub(super) fn special(&mut self, name: &str, args: &[Expr], span: Span) -> Option<Expr> {
        let first = args.first();
        if let Some(found) = self.view_form(name, args, span) {
            return Some(found);
        }
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
                let ty = Ty::Tensor(Tensor::f32(vec![], vec![]));
                Expr::new(ExprKind::Prim(name.into(), vec![value]), ty, facts, span)
            }
            "hardest" => self.hardest(args, span),
            "softmax_xent" => self.softmax_xent(args, span),
            "across" => self.across(first?, span),
            "sum_across" | "logsumexp_across" => self.over_across(name, first?, span),
            "rows_sum" | "as_list" | "padded" => self.of_all_rows(name, first?, span),
            "weight" | "state" => self.weight(name, args, span),
            "update" => self.update(args, span),
            "stop" if matches!(first?.ty, Ty::Record(_)) => self.stop_record(first?, span),
            "stop" | "zeros_like" | "random_like" => self.shaped_like(name, first?, span),
            "grad" => {
                let y = self.tensor(first?.clone());
                let x = self.tensor(args.get(1)?.clone());
                let ty = x.ty.clone();
                let kind = ExprKind::Grad(Box::new(y), Box::new(x));
                Expr::new(kind, ty, Facts::default(), span)
            }
            "in_batch" => self.candidates(Candidates::InBatch, first?.clone(), span),
            "catalogue" => self.candidates(Candidates::Catalogue, first?.clone(), span),
            "embed" => self.embed(args, span),
            "pretrained" => self.pretrained(args, span),
            "to_int" | "len" | "total" | "but_last" | "last_of" => {
                return self.of_list(name, &first?.ty, span);
            }
            _ => return None,
        })
    }

    /// A tensor with the shape of another.
    fn shaped_like(&mut self, name: &str, other: &Expr, span: Span) -> Expr {
        let value = self.tensor(other.clone());
        let facts = value.facts.clone();
        let ty = match (name, value.ty.clone()) {
            ("stop", ty) => ty,
            (_, Ty::Tensor(tensor)) => Ty::Tensor(Tensor {
                kind: Kind::Plain,
                ..tensor
            }),
            (_, ty) => ty,
        };
        Expr::new(ExprKind::Prim(name.into(), vec![value]), ty, facts, span)
    }

    /// Functions of lists that are known while compiling.
    fn of_list(&mut self, name: &str, of: &Ty, span: Span) -> Option<Expr> {
        Some(match (name, of) {
            ("to_int", Ty::Const(value)) => {
                Expr::constant(Value::Int(value.as_f64()? as i64), span)
            }
            ("total", Ty::Const(Value::List(items))) => {
                let add = |sum: i64, item: &Value| match item {
                    Value::Int(n) => sum.checked_add(*n),
                    _ => None,
                };
                Expr::constant(Value::Int(items.iter().try_fold(0, add)?), span)
            }
            ("len", Ty::Const(Value::List(items))) => {
                Expr::constant(Value::Int(items.len() as i64), span)
            }
            ("len", Ty::Tuple(items)) => Expr::constant(Value::Int(items.len() as i64), span),
            ("but_last", Ty::Const(Value::List(items))) => {
                let most = items[..items.len().saturating_sub(1)].to_vec();
                Expr::constant(Value::List(most), span)
            }
            ("last_of", Ty::Const(Value::List(items))) if !items.is_empty() => {
                Expr::constant(items[items.len() - 1].clone(), span)
            }
            ("last_of", other) => {
                let shown = self.show(other);
                let message = format!("expected a list with at least one element, found `{shown}`");
                self.report(self.error(301, span, message));
                Expr::error(span)
            }
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

    /// The fields of rows.
    pub(super) fn fields_of(&mut self, rows: &Expr) -> Vec<Expr> {
        self.fields(rows.clone())
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
            if !self.joins(&part, tensor) {
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

    /// Whether `concat` takes this part: a vector or a number, and no list of its own.
    fn joins(&mut self, part: &Expr, tensor: &Tensor) -> bool {
        let name = match &part.kind {
            ExprKind::Feature(handle, name) => match &handle.ty {
                Ty::Handle(handle) => format!("`{}.{name}`", handle.source),
                _ => format!("`{name}`"),
            },
            _ => "a part".to_owned(),
        };
        let shown = self.show(&part.ty);
        let own_list = matches!(part.kind, ExprKind::Feature(..))
            && self
                .innermost_list(&tensor.spaces)
                .is_some_and(|list| !self.holds(part, list));
        if own_list {
            self.report(
                self.error(
                    409,
                    part.span,
                    format!("{name} is a list, `{shown}`, and `concat` joins vectors"),
                )
                .help("pool it first: `... |> mean`, or name the other features one by one"),
            );
        } else if tensor.dims.len() > 1 {
            self.report(
                self.error(
                    302,
                    part.span,
                    format!("`concat` joins vectors and numbers, and {name} is `{shown}`"),
                )
                .help("flatten it first: `... |> flatten`"),
            );
        }
        !own_list && tensor.dims.len() <= 1
    }

    /// Whether the list is the space of the handle itself, as when a tower runs over a history.
    fn holds(&self, part: &Expr, list: crate::hir::SpaceRef) -> bool {
        matches!(&part.kind, ExprKind::Feature(handle, _) if matches!(&handle.ty, Ty::Handle(ty) if ty.space == Some(list)))
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
}
