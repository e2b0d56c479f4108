//! Intrinsics: the functions that the library declares without a body.

use super::row_ops::row_op;
use reckon_grammar::ast;
use reckon_grammar::span::Span;

use super::Checker;
use super::signature::{MAX_SIZE, Matched};
use super::values::join_dims;
use crate::graph::Elem;
use crate::hir::{Expr, ExprKind, Facts, HandleTy, Kind, SpaceRef, Tensor, Ty};
use crate::plan::row::{RowKind, RowType};
use crate::value::Value;

impl Checker<'_> {
    /// Whether parameters that take words got words; a weight may also begin with a number.
    fn words_fit(&mut self, decl: &ast::Fn, args: &[Expr]) -> bool {
        let fits = |param: &ast::Param, arg: &Expr| {
            let words = matches!(&param.ty, Some(ty) if matches!(ty.kind, ast::TypeKind::Words(_)));
            // A word was looked at where it was read: it may also be the name of a loss.
            let word = matches!(arg.ty, Ty::Const(Value::Word(_)));
            let number = arg.ty.value().is_some_and(|value| value.as_f64().is_some());
            !words || word || arg.is_error() || param.name.text == "init" && number
        };
        let mut ok = true;
        for (param, arg) in decl.params.iter().zip(args) {
            if !fits(param, arg) {
                let matched = self.match_param(decl, param, arg.clone(), &mut Matched::default());
                ok &= matched.is_some();
            }
        }
        ok
    }

    pub(super) fn intrinsic(&mut self, decl: &ast::Fn, args: Vec<Expr>, span: Span) -> Expr {
        let name = decl.name.text.as_str();
        if !self.words_fit(decl, &args) {
            return Expr::error(span);
        }
        let args = match name {
            "cross" => one_by_one(args),
            _ => args,
        };
        if let Some(found) = self.special(name, &args, span) {
            return found;
        }
        let facts = args
            .iter()
            .fold(Facts::default(), |facts, arg| facts.join(&arg.facts));
        let of_rows = args.iter().any(|arg| matches!(arg.ty, Ty::Row(_)))
            && args
                .iter()
                .all(|arg| matches!(arg.ty, Ty::Row(_) | Ty::Const(_)));
        let as_list = self.is_list_of_rows(&args) && (decl.ret.is_some() || pools(name));
        if of_rows
            && !as_list
            && let Some(found) = self.of_values(name, &args, &facts, span)
        {
            return found;
        }
        if let Some(found) = self.pooling(name, &args, span) {
            return found;
        }
        let mut matched = Matched {
            library: true,
            ..Matched::default()
        };
        let mut values = Vec::new();
        for (param, arg) in decl.params.iter().zip(args) {
            match self.match_param(decl, param, arg, &mut matched) {
                Some(value) => values.push(strip_retype(value)),
                None => return Expr::error(span),
            }
        }
        self.typed_by_signature(decl, values, &matched, facts, span)
    }

    /// A function of the values of a row; `None` where the name is none of those.
    fn of_values(&mut self, name: &str, args: &[Expr], facts: &Facts, span: Span) -> Option<Expr> {
        let types: Vec<Ty> = args.iter().map(|arg| arg.ty.clone()).collect();
        match row_op(name, &types)? {
            Ok(call) => {
                if name == "vocab" {
                    self.vocabulary_options(args, span);
                }
                self.note_domain(args, span);
                let kind = ExprKind::Prim(name.to_owned(), args.to_vec());
                Some(Expr::new(kind, Ty::Row(call.ty), facts.clone(), span))
            }
            Err(why) => {
                let wrong = self.error(303, span, format!("`{name}` {why}"));
                self.report(match (name, &self.current_feature) {
                    ("mean", Some(_)) => {
                        wrong.help("write `... |> zscore` to bring a number to scale")
                    }
                    _ => wrong,
                });
                Some(Expr::error(span))
            }
        }
    }

    /// A row value over the rows of a history is a list to tensor functions.
    fn is_list_of_rows(&self, args: &[Expr]) -> bool {
        args.first()
            .and_then(super::values::row_root)
            .is_some_and(|(_, handle)| handle.past && handle.space.is_some())
    }

    fn typed_by_signature(
        &mut self,
        decl: &ast::Fn,
        values: Vec<Expr>,
        matched: &Matched,
        facts: Facts,
        span: Span,
    ) -> Expr {
        let name = &decl.name.text;
        let Some((mut spaces, leading)) = self.common_rows(decl, &values, span) else {
            return Expr::error(span);
        };
        let Some(ret) = &decl.ret else {
            self.not_taken(name, &values, span);
            return Expr::error(span);
        };
        let ast::TypeKind::Named {
            name: elem, dims, ..
        } = &ret.kind
        else {
            return Expr::error(span);
        };
        let (elem, kind) = super::call::kind_named(&elem.text).unwrap_or((Elem::F32, Kind::Plain));
        let written = dims.as_deref().unwrap_or(&[]);
        let Some(own) = self.result_dims(decl, written, &values, matched, span) else {
            return Expr::error(span);
        };
        let takes_list = decl.params.iter().any(|param| has_list(dims_of(param)));
        if takes_list
            && !has_list(written)
            && let Some(inner) = self.innermost_list(&spaces)
        {
            spaces = self.pooled(&spaces, inner);
        }
        let ty = Ty::Tensor(Tensor {
            elem,
            kind,
            spaces,
            dims: [leading, own].concat(),
        });
        Expr::new(ExprKind::Prim(name.clone(), values), ty, facts, span)
    }

    /// Says what a row function does not take.
    fn not_taken(&mut self, name: &str, values: &[Expr], span: Span) {
        let rows = values.iter().find_map(|value| match &value.ty {
            Ty::Handle(handle) => Some((value.span, handle.source.clone())),
            _ => None,
        });
        let diagnostic = match rows {
            Some((at, source)) => {
                let sources = self.hir.sources.iter();
                let columns = sources.filter(|known| known.name == source);
                let column = columns.flat_map(|known| &known.columns).next();
                let column = column.map_or("name", |column| column.name.as_str());
                self.error(
                    303,
                    at,
                    format!("`{name}` takes values, and `{source}` is a whole row"),
                )
                .help(format!(
                    "name a column of it, such as `{source}.raw.{column}`"
                ))
            }
            None => {
                // Options that the compiler knows are not what is wrong.
                let varying = values
                    .iter()
                    .filter(|value| !matches!(value.ty, Ty::Const(_)));
                let mut shown: Vec<String> = varying.map(|value| self.show(&value.ty)).collect();
                if shown.is_empty() {
                    shown = values
                        .iter()
                        .take(1)
                        .map(|value| self.show(&value.ty))
                        .collect();
                }
                self.error(
                    303,
                    span,
                    format!("`{name}` does not take `{}`", shown.join("`, `")),
                )
            }
        };
        self.report(diagnostic);
    }

    /// The spaces of all arguments together, and the dimensions before those that the signature names.
    fn common_rows(
        &mut self,
        decl: &ast::Fn,
        values: &[Expr],
        span: Span,
    ) -> Option<(Vec<SpaceRef>, Vec<usize>)> {
        let mut spaces = Vec::new();
        let mut leading: Vec<usize> = Vec::new();
        for (param, value) in decl.params.iter().zip(values) {
            let Ty::Tensor(tensor) = &value.ty else {
                continue;
            };
            spaces = self.join_spaces(&spaces, &tensor.spaces);
            let written = dims_of(param);
            if written.is_empty() {
                continue;
            }
            let named = written
                .iter()
                .filter(|dim| matches!(dim, ast::Dim::Expr(_)));
            let own = &tensor.dims[..tensor.dims.len().saturating_sub(named.count())];
            let Some(joined) = join_dims(&leading, own) else {
                let shown: Vec<String> = values.iter().map(|value| self.show(&value.ty)).collect();
                let message = format!(
                    "dimensions of the arguments of `{}` differ: `{}`",
                    decl.name.text,
                    shown.join("`, `")
                );
                self.report(self.error(302, span, message));
                return None;
            };
            leading = joined;
        }
        Some((spaces, leading))
    }

    /// The dimensions that the signature gives to the result; whole arguments count as dimensions of their name.
    fn result_dims(
        &mut self,
        decl: &ast::Fn,
        written: &[ast::Dim],
        values: &[Expr],
        matched: &Matched,
        span: Span,
    ) -> Option<Vec<usize>> {
        let mut bound = matched.clone();
        for (param, value) in decl.params.iter().zip(values) {
            if let Some(Value::Int(size)) = value.ty.value() {
                let size = usize::try_from(*size).unwrap_or(0);
                bound.dims.insert(param.name.text.clone(), size);
            }
        }
        let mut sizes = Vec::new();
        for dim in written {
            let ast::Dim::Expr(dim) = dim else { continue };
            match self.dim(dim, &bound) {
                Some(size) if size <= MAX_SIZE => sizes.push(size),
                _ => {
                    let (dim, name) = (reckon_grammar::print_expr(dim), &decl.name.text);
                    let message = format!(
                        "`{dim}` in the result of `{name}` is no whole number up to {MAX_SIZE}"
                    );
                    self.report(self.error(302, span, message));
                    return None;
                }
            }
        }
        Some(sizes)
    }

    /// A value for each row of a history, for `count` to count.
    fn marks(&mut self, name: &str, rows: &Expr) -> Option<Expr> {
        let Ty::Handle(HandleTy {
            source,
            space: Some(_),
            past: true,
            ..
        }) = &rows.ty
        else {
            return None;
        };
        if name != "count" {
            return None;
        }
        let found = self.hir.sources.iter().find(|known| known.name == *source);
        let column = found?.columns.first()?.name.clone();
        let (source, span) = (source.clone(), rows.span);
        let column = self.column(rows.clone(), &source, &column, span);
        let facts = column.facts.clone();
        let ty = Ty::Row(RowType::new(RowKind::Bool));
        Some(Expr::new(
            ExprKind::Prim("is_null".into(), vec![column]),
            ty,
            facts,
            span,
        ))
    }

    /// `sum`, `mean`, `max`, `min`, `count`, `first`, `last`: over a ragged list where the value is one, else over the innermost dimension.
    fn pooling(&mut self, name: &str, args: &[Expr], span: Span) -> Option<Expr> {
        if !pools(name) {
            return None;
        }
        let value = match self.marks(name, args.first()?) {
            Some(marks) => marks,
            None => args.first()?.clone(),
        };
        let value = self.tensor(value);
        let Ty::Tensor(tensor) = value.ty.clone() else {
            return Some(Expr::error(span));
        };
        let facts = value.facts.clone();
        let (spaces, dims) = match self.innermost_list(&tensor.spaces) {
            Some(list) => {
                let dims = if name == "count" {
                    Vec::new()
                } else {
                    tensor.dims.clone()
                };
                (self.pooled(&tensor.spaces, list), dims)
            }
            None if !tensor.dims.is_empty() && name != "count" => (
                tensor.spaces.clone(),
                tensor.dims[..tensor.dims.len() - 1].to_vec(),
            ),
            None => {
                let shown = self.show(&value.ty);
                self.report(self.error(
                    302,
                    span,
                    format!("`{name}` takes a list or a vector, found `{shown}`"),
                ));
                return Some(Expr::error(span));
            }
        };
        let ty = Ty::Tensor(Tensor {
            elem: Elem::F32,
            kind: Kind::Plain,
            spaces,
            dims,
        });
        Some(Expr::new(
            ExprKind::Prim(name.to_owned(), vec![value]),
            ty,
            facts,
            span,
        ))
    }
}

/// Functions over a ragged list, or over the innermost dimension where there is none.
fn pools(name: &str) -> bool {
    matches!(
        name,
        "sum" | "mean" | "max" | "min" | "count" | "first" | "last"
    )
}

/// The dimensions that a parameter is written with.
fn dims_of(param: &ast::Param) -> &[ast::Dim] {
    match param.ty.as_ref().map(|ty| &ty.kind) {
        Some(ast::TypeKind::Named {
            dims: Some(dims), ..
        }) => dims,
        _ => &[],
    }
}

fn has_list(dims: &[ast::Dim]) -> bool {
    dims.iter().any(|dim| matches!(dim, ast::Dim::Ragged(_)))
}

/// Intrinsics take leading dimensions as they are.
fn strip_retype(value: Expr) -> Expr {
    match value.kind {
        ExprKind::Retype(inner) if matches!(inner.ty, Ty::Tensor(_)) => *inner,
        _ => value,
    }
}

/// The values of a function that takes any number, which are one tuple, as arguments of their own before the others.
fn one_by_one(args: Vec<Expr>) -> Vec<Expr> {
    let mut args = args.into_iter();
    let mut all = match args.next() {
        Some(Expr {
            kind: ExprKind::Tuple(values),
            ..
        }) => values,
        values => values.into_iter().collect(),
    };
    all.extend(args);
    all
}
