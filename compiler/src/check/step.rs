//! Functions of a whole step: sums over its rows, states that it updates, and lists made of vectors.

use super::Checker;
use crate::hir::{Expr, ExprKind, SpaceKind, Tensor, Ty};
use reckon_grammar::span::Span;

impl Checker<'_> {
    /// `rows_sum`, `as_list` and `padded`.
    pub(super) fn of_all_rows(&mut self, name: &str, value: &Expr, span: Span) -> Expr {
        let value = self.tensor(value.clone());
        let Ty::Tensor(tensor) = value.ty.clone() else {
            return Expr::error(span);
        };
        let ty = match name {
            "rows_sum" => Some(Tensor::f32(Vec::new(), tensor.dims)),
            "as_list" => self.as_list(tensor),
            _ => self.padded(tensor),
        };
        let Some(ty) = ty else {
            let shown = self.show(&value.ty);
            let takes = match name {
                "as_list" => "vectors beside each other, `f32[N, D]`",
                _ => "a list of bounded length, `f32[~N, D]`",
            };
            let message = format!("`{name}` takes {takes}, found `{shown}`");
            let mut diagnostic = self.error(302, span, message);
            if name == "padded" {
                diagnostic = diagnostic.help(
                    "bound a history by `last: 50`, a group of rows by `group(..., most: 50)`",
                );
            }
            self.report(diagnostic);
            return Expr::error(span);
        };
        let facts = value.facts.clone();
        let kind = ExprKind::Prim(name.to_owned(), vec![value]);
        Expr::new(kind, Ty::Tensor(ty), facts, span)
    }

    /// `update(state, value)` is the value; the state has it from the next step on.
    pub(super) fn update(&mut self, args: &[Expr], span: Span) -> Expr {
        let values: Vec<Expr> = args.iter().map(|arg| self.tensor(arg.clone())).collect();
        let [Ty::Tensor(state), Ty::Tensor(value)] = [&values[0].ty, &values[1].ty] else {
            return Expr::error(span);
        };
        if *state != *value {
            let [state, value] = [&values[0].ty, &values[1].ty].map(|ty| self.show(ty));
            let message =
                format!("`update` of a state that is `{state}` takes `{state}`, found `{value}`");
            self.report(self.error(302, values[1].span, message));
            return Expr::error(span);
        }
        let (ty, facts) = (values[1].ty.clone(), values[1].facts.clone());
        Expr::new(ExprKind::Prim("update".to_owned(), values), ty, facts, span)
    }

    /// A bounded list as a positional dimension.
    fn padded(&mut self, tensor: Tensor) -> Option<Tensor> {
        let list = self.innermost_list(&tensor.spaces)?;
        let SpaceKind::List { max: Some(max), .. } = self.hir.spaces[list.0 as usize].kind else {
            return None;
        };
        Some(Tensor {
            spaces: self.pooled(&tensor.spaces, list),
            dims: [&[max], &tensor.dims[..]].concat(),
            ..tensor
        })
    }

    /// The outermost positional dimension as a list.
    fn as_list(&mut self, tensor: Tensor) -> Option<Tensor> {
        let (first, inner) = tensor.dims.split_first()?;
        let parent = match tensor.spaces[..] {
            [] => None,
            [parent] => Some(parent),
            _ => return None,
        };
        let (identity, max) = (format!("as list {}", self.hir.spaces.len()), Some(*first));
        let kind = SpaceKind::List { parent, max };
        let list = self.space(identity, &format!("~{first}"), kind);
        Some(Tensor {
            spaces: vec![list],
            dims: inner.to_vec(),
            ..tensor
        })
    }
}
