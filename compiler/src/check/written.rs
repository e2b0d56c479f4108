//! Written types, and the dimensions in them.

use super::Checker;
use super::call::kind_named;
use super::signature::{MAX_SIZE, Matched};
use crate::hir::{Expr, Tensor, Ty};
use crate::value::Value;
use reckon_grammar::ast::{self, Dim, TypeKind};

const LONGEST: i64 = MAX_SIZE as i64;

impl Checker<'_> {
    /// The number that a written dimension stands for.
    pub(super) fn dim(&mut self, dim: &ast::Expr, matched: &Matched) -> Option<usize> {
        match self.dim_value(dim, matched).ty {
            Ty::Const(Value::Int(size)) => usize::try_from(size).ok(),
            _ => None,
        }
    }

    fn dim_value(&mut self, dim: &ast::Expr, matched: &Matched) -> Expr {
        self.frames.push(super::Frame {
            library: matched.library,
            ..Default::default()
        });
        for (name, size) in &matched.dims {
            self.bind(name, Expr::constant(Value::Int(*size as i64), dim.span));
        }
        let value = self.expr(dim);
        self.frames.pop();
        value
    }

    /// The type that a tower's parameter or result is written with.
    pub(super) fn written(&mut self, ty: &ast::Type) -> Option<Ty> {
        match &ty.kind {
            TypeKind::Named { name, dims, .. } => {
                let (elem, kind) = match kind_named(&name.text) {
                    Some(found) => found,
                    None => {
                        self.unknown(
                            311,
                            name.span,
                            "type",
                            &name.text,
                            &["f32", "logit", "prob", "log_prob", "i64", "bool"],
                        );
                        return None;
                    }
                };
                let mut sizes = Vec::new();
                for dim in dims.iter().flatten() {
                    let Dim::Expr(e) = dim else {
                        self.not_yet(
                            ty.span,
                            "a list as a parameter or result of a tower",
                            "let the tower take the row that has the list, `t(r: rating)`, and read `r.recent` in its body",
                        );
                        return None;
                    };
                    let value = self.dim_value(e, &Matched::default());
                    match value.ty {
                        Ty::Const(Value::Int(size @ 0..=LONGEST)) => sizes.push(size as usize),
                        Ty::Error => return None,
                        _ => {
                            self.report(
                                self.error(
                                    312,
                                    e.span,
                                    "a dimension is a whole number or a setting",
                                )
                                .help("write a number, or the name of a `setting`"),
                            );
                            return None;
                        }
                    }
                }
                Some(Ty::Tensor(Tensor {
                    elem,
                    kind,
                    spaces: Vec::new(),
                    dims: sizes,
                }))
            }
            TypeKind::Record(fields) => fields
                .iter()
                .map(|(name, ty)| Some((name.text.clone(), self.written(ty)?)))
                .collect::<Option<_>>()
                .map(Ty::Record),
            TypeKind::Words(_) => {
                self.report(self.error(311, ty.span, "a tower does not give words"));
                None
            }
            TypeKind::Error => None,
        }
    }
}
