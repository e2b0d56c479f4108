//! What a function gives back.

use reckon_grammar::ast::{self, Dim, TypeKind};
use reckon_grammar::span::Span;

use super::Matched;
use crate::check::Checker;
use crate::check::call::kind_named;
use crate::graph::Elem;
use crate::hir::{Expr, ExprKind, Kind, SpaceKind, SpaceRef, Tensor, Ty};

impl Checker<'_> {
    /// The value of a body as its function declares it: the declared type holds, and the dimensions that `..` took return to their place.
    pub(in crate::check) fn result(
        &mut self,
        decl: &ast::Fn,
        value: Expr,
        matched: &Matched,
        span: Span,
    ) -> Expr {
        let Some(ret) = &decl.ret else {
            return self.leave_axes(value, matched);
        };
        let value = match (&ret.kind, &value.ty) {
            (
                TypeKind::Named { name, dims, .. },
                Ty::Row(_) | Ty::Tensor(_) | Ty::Const(_) | Ty::Tuple(_),
            ) if kind_named(&name.text).is_some() => {
                let value = self.tensor(value);
                self.declared(
                    decl,
                    &name.text,
                    dims.as_deref().unwrap_or(&[]),
                    value,
                    matched,
                    span,
                )
            }
            _ => value,
        };
        self.leave_axes(value, matched)
    }

    fn declared(
        &mut self,
        decl: &ast::Fn,
        name: &str,
        dims: &[Dim],
        value: Expr,
        matched: &Matched,
        span: Span,
    ) -> Expr {
        let Ty::Tensor(found) = value.ty.clone() else {
            return Expr::error(span);
        };
        let Some((elem, kind)) = kind_named(name) else {
            return value;
        };
        let mut wanted = Vec::new();
        for dim in dims {
            if let Dim::Expr(dim) = dim {
                match self.dim(dim, matched) {
                    Some(size) => wanted.push(size),
                    None => return value,
                }
            }
        }
        let leading = matches!(dims.first(), Some(Dim::Leading(_)));
        let fits = found.dims == wanted || (leading && found.dims.ends_with(&wanted));
        if !fits || (elem != found.elem && elem != Elem::F32) {
            let shown = self.show(&value.ty);
            let declared = decl
                .ret
                .as_ref()
                .map_or_else(String::new, reckon_grammar::print_type);
            self.report(self.error(
                302,
                value.span,
                format!(
                    "`{}` gives `{declared}`, and its body is `{shown}`",
                    decl.name.text
                ),
            ));
            return Expr::error(span);
        }
        let kind = if kind == Kind::Plain {
            found.kind
        } else {
            kind
        };
        let facts = value.facts.clone();
        let retyped = Ty::Tensor(Tensor { kind, ..found });
        if retyped == value.ty {
            value
        } else {
            Expr::new(ExprKind::Retype(Box::new(value)), retyped, facts, span)
        }
    }

    fn leave_axes(&mut self, value: Expr, matched: &Matched) -> Expr {
        let Ty::Tensor(tensor) = &value.ty else {
            return value;
        };
        let left: Vec<SpaceRef> = matched
            .axes
            .iter()
            .filter(|axis| tensor.spaces.contains(axis))
            .copied()
            .collect();
        if left.is_empty() {
            return value;
        }
        let size = |axis: &SpaceRef| match self.hir.spaces[axis.0 as usize].kind {
            SpaceKind::Axis(size) => size,
            _ => 0,
        };
        let mut dims: Vec<usize> = left.iter().map(size).collect();
        dims.extend(&tensor.dims);
        let spaces = tensor
            .spaces
            .iter()
            .filter(|space| !left.contains(space))
            .copied()
            .collect();
        let ty = Ty::Tensor(Tensor {
            spaces,
            dims,
            ..tensor.clone()
        });
        let (facts, span) = (value.facts.clone(), value.span);
        Expr::new(ExprKind::Retype(Box::new(value)), ty, facts, span)
    }
}
