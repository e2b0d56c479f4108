//! Candidates, and products of rows with them.

use super::Checker;
use super::values::handle_key;
use crate::hir::{Candidates, Expr, ExprKind, Facts, HandleTy, SpaceKind, SpaceRef, Tensor, Ty};
use reckon_grammar::ast::Arg;
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

impl Checker<'_> {
    pub(super) fn dot(&mut self, args: &[Expr], span: Span) -> Expr {
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
                .label(a.span, format!("{m} wide"))
                .help(format!(
                    "bring the first to {n} as well: `... |> linear({n})`"
                )),
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

    pub(super) fn softmax_xent(&mut self, args: &[Expr], span: Span) -> Expr {
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
        let others = |space: &SpaceRef| {
            let kind = &self.hir.spaces[space.0 as usize].kind;
            Some(*space) != over && matches!(kind, SpaceKind::Candidates)
        };
        if handle.candidates && tensor.spaces.iter().any(others) {
            self.report(
                self.error(314, c.span, "the scores are over other candidates than these")
                    .help("name candidates once, `let c = in_batch(movie)`, and pass `c` to the tower and to the softmax"),
            );
            return Expr::error(span);
        }
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
        if matches!(c.kind, ExprKind::Candidates(Candidates::InBatch, _)) && !self.in_library() {
            self.report(
                Diagnostic::warning(
                    Code(610),
                    span,
                    "this softmax takes popular candidates for more than they are",
                )
                .note("a row is a candidate in its batch as often as it is popular, and nothing corrects for it")
                .help("write `softmax_loss(scores, c)`, or `softmax_loss(scores, c, log_q: none)` where that is meant"),
            );
        }
        let facts = scores.facts.clone();
        Expr::new(
            ExprKind::Prim("softmax_xent".into(), vec![scores, c.clone()]),
            Ty::Tensor(Tensor::f32(spaces, vec![])),
            facts,
            span,
        )
    }

    /// Scores over candidates, all but the highest taken out.
    pub(super) fn hardest(&mut self, args: &[Expr], span: Span) -> Expr {
        let [scores, c, n] = args else {
            return Expr::error(span);
        };
        let scores = self.tensor(scores.clone());
        let over = match &c.ty {
            Ty::Handle(handle) => handle.space,
            _ => None,
        };
        let fits = |space| matches!(&scores.ty, Ty::Tensor(tensor) if tensor.spaces.len() == 2 && tensor.spaces.contains(&space));
        if !over.is_some_and(fits) {
            self.not_pairs(&scores);
            return Expr::error(span);
        }
        let (ty, facts) = (scores.ty.clone(), scores.facts.clone());
        let args = vec![scores, c.clone(), n.clone()];
        Expr::new(ExprKind::Prim("hardest".into(), args), ty, facts, span)
    }

    /// `sampled(movie, 1000, by: count(movie) ^ 0.75)`, `mined(movie, 32)`.
    pub(super) fn drawn_candidates(&mut self, name: &str, args: &[Arg], span: Span) -> Expr {
        let made = self.drawn(name, args, span);
        made.unwrap_or_else(|| Expr::error(span))
    }

    fn drawn(&mut self, name: &str, args: &[Arg], span: Span) -> Option<Expr> {
        if name == "mined" {
            let [rows, n] = self.row_arguments(name, args, [("rows", true), ("n", true)], span)?;
            let (own, n) = (self.expr(rows?), self.whole(n?, "n")?);
            return Some(self.candidates(Candidates::Mined(n), own, span));
        }
        let params = [("rows", true), ("n", true), ("by", false)];
        let [rows, n, by] = self.row_arguments(name, args, params, span)?;
        let (own, n) = (self.expr(rows?), self.whole(n?, "n")?);
        let Ty::Handle(handle) = &own.ty else {
            return Some(self.candidates(Candidates::InBatch, own, span));
        };
        let entity = handle.source.clone();
        let sampler = self.sampler(&entity, by)?;
        Some(self.candidates(Candidates::Sampled(n, Box::new(sampler)), own, span))
    }

    /// `in_batch(movie) + sampled(movie, 512)`; `None` where these are no candidates.
    pub(super) fn mixture(&mut self, a: &Expr, b: &Expr, span: Span) -> Option<Expr> {
        let (ExprKind::Candidates(x, own), ExprKind::Candidates(y, other)) = (&a.kind, &b.kind)
        else {
            return None;
        };
        let sampled = match (x, y) {
            (Candidates::InBatch, Candidates::Sampled(n, sampler))
            | (Candidates::Sampled(n, sampler), Candidates::InBatch)
                if handle_key(own) == handle_key(other) =>
            {
                Candidates::Mixed(*n, sampler.clone())
            }
            _ => {
                self.report(
                    self.error(
                        601,
                        span,
                        "a mixture of candidates is `in_batch` and `sampled` of the same rows",
                    )
                    .help("write `in_batch(movie) + sampled(movie, 512)`"),
                );
                return Some(Expr::error(span));
            }
        };
        Some(self.candidates(sampled, (**own).clone(), span))
    }

    pub(super) fn candidates(&mut self, how: Candidates, own: Expr, span: Span) -> Expr {
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
        let is_view = matches!(own.kind, ExprKind::View(..));
        if !in_loss || handle.candidates || is_view {
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
}
