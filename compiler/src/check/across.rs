//! Rows against each other: `across` gives the rows of a batch a second space, and `sum_across` and `logsumexp_across`
//! reduce over it.

use super::Checker;
use crate::hir::{Expr, ExprKind, SpaceKind, SpaceRef, Tensor, Ty};
use reckon_grammar::span::Span;

/// What the identities of such spaces begin with.
const ACROSS: &str = "across ";

impl Checker<'_> {
    /// The same rows in a space of their own.
    pub(super) fn across(&mut self, value: &Expr, span: Span) -> Expr {
        let value = self.tensor(value.clone());
        let Ty::Tensor(tensor) = value.ty.clone() else {
            return Expr::error(span);
        };
        let kind = |space: &SpaceRef| self.hir.spaces[space.0 as usize].kind.clone();
        let (space, kind) = match tensor.spaces.as_slice() {
            [space] => (*space, kind(space)),
            _ => (SpaceRef(0), SpaceKind::Catalogue),
        };
        let kind = match kind {
            SpaceKind::Batch => SpaceKind::Candidates,
            SpaceKind::Axis(size) => SpaceKind::Axis(size),
            SpaceKind::Candidates | SpaceKind::Catalogue | SpaceKind::List { .. } => {
                let shown = self.show(&value.ty);
                self.report(
                    self.error(
                        601,
                        span,
                        format!("rows of one batch can meet each other, found `{shown}`"),
                    )
                    .help("apply a tower to the rows of the loss: `film(movie)`"),
                );
                return Expr::error(span);
            }
        };
        let other = self.space(format!("{ACROSS}{}", space.0), "C", kind);
        let ty = Ty::Tensor(Tensor {
            spaces: vec![other],
            ..tensor
        });
        let facts = value.facts.clone();
        Expr::new(
            ExprKind::Prim("across".into(), vec![value]),
            ty,
            facts,
            span,
        )
    }

    /// A reduction over the rows that `across` gave.
    pub(super) fn over_across(&mut self, name: &str, value: &Expr, span: Span) -> Expr {
        let value = self.tensor(value.clone());
        let Ty::Tensor(tensor) = value.ty.clone() else {
            return Expr::error(span);
        };
        let Some(over) = self.across_space(&tensor.spaces) else {
            let shown = self.show(&value.ty);
            self.report(
                self.error(
                    601,
                    span,
                    format!("`{name}` reduces over the rows of `across`, found `{shown}`"),
                )
                .help("score rows against each other first: `dot(x, across(y))`"),
            );
            return Expr::error(span);
        };
        let spaces = tensor.spaces.iter().filter(|space| **space != over);
        let ty = Ty::Tensor(Tensor::f32(spaces.copied().collect(), tensor.dims.clone()));
        let facts = value.facts.clone();
        Expr::new(
            ExprKind::Prim(name.to_owned(), vec![value]),
            ty,
            facts,
            span,
        )
    }

    fn across_space(&self, spaces: &[SpaceRef]) -> Option<SpaceRef> {
        let across = |space: &&SpaceRef| {
            let identity = &self.hir.spaces[space.0 as usize].identity;
            identity.starts_with(ACROSS)
        };
        spaces.iter().find(across).copied()
    }
}
