//! Matching arguments against written types: named dimensions are bound, leading ones become spaces.

mod result;

use std::collections::BTreeMap;

use reckon_grammar::ast::{self, Dim, Param, TypeKind};
use reckon_grammar::span::Span;

use super::Checker;
use super::call::kind_named;
use crate::graph::Elem;
use crate::hir::{Expr, ExprKind, Kind, SpaceKind, SpaceRef, Tensor, Ty};
use crate::value::Value;

/// The longest dimension.
pub(super) const MAX_SIZE: usize = 1 << 24;
/// What the arguments of a call have bound so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Matched {
    /// Named dimensions.
    pub(super) dims: BTreeMap<String, usize>,
    /// Positional dimensions that `..` took, as spaces, outermost first.
    pub(super) axes: Vec<SpaceRef>,
    /// The function is the library's, which does not see the settings of a spec.
    pub(super) library: bool,
}

impl Checker<'_> {
    /// An argument as its parameter wants it; a mismatch is reported.
    pub(super) fn match_param(
        &mut self,
        decl: &ast::Fn,
        param: &Param,
        arg: Expr,
        matched: &mut Matched,
    ) -> Option<Expr> {
        let Some(ty) = &param.ty else {
            return Some(arg);
        };
        match &ty.kind {
            TypeKind::Words(words) => {
                if let Ty::Const(Value::Word(word) | Value::Str(word)) = &arg.ty
                    && words.iter().any(|known| known.text == *word)
                {
                    return Some(Expr::constant(Value::Word(word.clone()), arg.span));
                }
                let words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
                let what = format!("one of {}", super::list(&words));
                self.wrong_argument(decl, param, &arg, &what)
            }
            TypeKind::Named { name, dims, .. } => {
                self.match_named(decl, param, &name.text, dims.as_deref(), arg, matched)
            }
            TypeKind::Record(_) | TypeKind::Error => Some(arg),
        }
    }

    fn match_named(
        &mut self,
        decl: &ast::Fn,
        param: &Param,
        name: &str,
        dims: Option<&[Dim]>,
        arg: Expr,
        matched: &mut Matched,
    ) -> Option<Expr> {
        let value = arg.ty.value().cloned();
        let ok = match name {
            "any" => true,
            "int" => match value {
                Some(Value::Int(size)) => {
                    matched
                        .dims
                        .extend(usize::try_from(size).map(|size| (param.name.text.clone(), size)));
                    true
                }
                _ => false,
            },
            "number" => value.as_ref().is_some_and(|value| value.as_f64().is_some()),
            "text" => matches!(value, Some(Value::Str(_))),
            "flag" => matches!(value, Some(Value::Bool(_))),
            "list" => matches!(value, Some(Value::List(_))) || matches!(arg.ty, Ty::Tuple(_)),
            "rows" => matches!(arg.ty, Ty::Handle(_)),
            "candidates" => matches!(&arg.ty, Ty::Handle(handle) if handle.candidates),
            "pairs" => return self.pairs(arg),
            source if self.hir.sources.iter().any(|known| known.name == source) => {
                let rows = matches!(&arg.ty, Ty::Handle(handle) if handle.source == source);
                let what = format!("rows of `{source}`");
                return match rows {
                    true => Some(arg),
                    false => self.wrong_argument(decl, param, &arg, &what),
                };
            }
            _ => {
                let Some((elem, kind)) = kind_named(name) else {
                    return Some(arg);
                };
                return self.match_tensor(
                    decl,
                    param,
                    (elem, kind),
                    dims.unwrap_or(&[]),
                    arg,
                    matched,
                );
            }
        };
        if ok {
            return Some(arg);
        }
        let what = match name {
            "int" => "a whole number known while compiling",
            "number" => "a number known while compiling",
            "text" => "a text known while compiling",
            "flag" => "`true` or `false`",
            "list" => "a list known while compiling",
            "rows" => "rows",
            _ => "candidates, such as `in_batch(movie)`",
        };
        self.wrong_argument(decl, param, &arg, what)
    }

    /// Scores of rows against candidates.
    fn pairs(&mut self, arg: Expr) -> Option<Expr> {
        let scores = self.tensor(arg);
        let Ty::Tensor(tensor) = &scores.ty else {
            return None;
        };
        let candidates = |space: &SpaceRef| {
            matches!(
                self.hir.spaces[space.0 as usize].kind,
                SpaceKind::Candidates
            )
        };
        if tensor.dims.is_empty() && tensor.spaces.len() > 1 && tensor.spaces.iter().any(candidates)
        {
            return Some(scores);
        }
        self.not_pairs(&scores);
        None
    }

    /// Says that scores are not over rows and candidates.
    pub(super) fn not_pairs(&mut self, scores: &Expr) {
        let shown = self.show(&scores.ty);
        self.report(
            self.error(
                314,
                scores.span,
                format!("a softmax needs a score for each row and candidate, found `{shown}`"),
            )
            .help("score rows against candidates: `dot(viewer(user, rating), film(c))`, where `c` is `in_batch(movie)`"),
        );
    }

    fn wrong_argument(
        &mut self,
        decl: &ast::Fn,
        param: &Param,
        arg: &Expr,
        what: &str,
    ) -> Option<Expr> {
        let shown = self.show(&arg.ty);
        let shown = arg.ty.value().map_or(shown, Value::to_string);
        let number = arg.ty.value().is_some_and(|value| value.as_f64().is_some());
        let wrong = self.error(
            301,
            arg.span,
            format!(
                "`{}` of `{}` takes {what}, found `{shown}`",
                param.name.text, decl.name.text
            ),
        );
        self.report(match number && what.starts_with("a list") {
            true => wrong.help(format!("write a list: `[{shown}]`")),
            false => wrong,
        });
        None
    }

    fn match_tensor(
        &mut self,
        decl: &ast::Fn,
        param: &Param,
        (elem, kind): (Elem, Kind),
        dims: &[Dim],
        arg: Expr,
        matched: &mut Matched,
    ) -> Option<Expr> {
        if dims.is_empty()
            && arg
                .ty
                .value()
                .is_some_and(|value| value.as_f64().is_some() || matches!(value, Value::Bool(_)))
        {
            return Some(arg);
        }
        let span = arg.span;
        let arg = self.tensor(arg);
        let Ty::Tensor(given) = arg.ty.clone() else {
            return None;
        };
        if !self.kind_fits(decl, param, elem, kind, &given, span) {
            return None;
        }
        let leading = matches!(dims.first(), Some(Dim::Leading(_)));
        let ragged = dims.iter().find_map(|dim| match dim {
            Dim::Ragged(max) => Some(max),
            _ => None,
        });
        let positional: Vec<&ast::Expr> = dims
            .iter()
            .filter_map(|dim| match dim {
                Dim::Expr(e) => Some(e),
                Dim::Leading(_) | Dim::Ragged(_) => None,
            })
            .collect();
        let fits = given.dims.len() == positional.len()
            || (leading && given.dims.len() >= positional.len());
        let listed = ragged.is_none() || self.innermost_list(&given.spaces).is_some();
        if !fits || !listed {
            return self.wrong_shape(decl, param, &given, span);
        }
        if let (Some(max), Some(list)) = (ragged, self.innermost_list(&given.spaces)) {
            self.bind_list(max, list, matched);
        }
        let split = given.dims.len() - positional.len();
        for (dim, size) in positional.iter().zip(&given.dims[split..]) {
            if !self.match_dim(dim, *size, matched) {
                return self.wrong_shape(decl, param, &given, span);
            }
        }
        Some(if elementwise(decl) {
            arg
        } else {
            self.enter_axes(arg, &given, split, matched)
        })
    }

    fn bind_list(&mut self, max: &ast::Expr, list: SpaceRef, matched: &mut Matched) {
        if let (
            ast::ExprKind::Name(name),
            SpaceKind::List {
                max: Some(size), ..
            },
        ) = (&max.kind, self.hir.spaces[list.0 as usize].kind.clone())
        {
            matched.dims.insert(name.clone(), size);
        }
    }

    /// Leading positional dimensions become spaces, so that the body sees one row.
    fn enter_axes(
        &mut self,
        arg: Expr,
        given: &Tensor,
        split: usize,
        matched: &mut Matched,
    ) -> Expr {
        if split == 0 || given.dims.is_empty() {
            return arg;
        }
        let mut axes = Vec::new();
        for (from_right, size) in given.dims[..split].iter().rev().enumerate() {
            let identity = format!("axis {} {from_right} {size}", self.depth);
            axes.push(self.space(identity, &size.to_string(), SpaceKind::Axis(*size)));
        }
        axes.reverse();
        if axes.len() > matched.axes.len() {
            matched.axes.clone_from(&axes);
        }
        let mut spaces = given.spaces.clone();
        spaces.extend(axes);
        let ty = Ty::Tensor(Tensor {
            spaces,
            dims: given.dims[split..].to_vec(),
            ..given.clone()
        });
        let (facts, span) = (arg.facts.clone(), arg.span);
        Expr::new(ExprKind::Retype(Box::new(arg)), ty, facts, span)
    }

    fn kind_fits(
        &mut self,
        decl: &ast::Fn,
        param: &Param,
        elem: Elem,
        kind: Kind,
        given: &Tensor,
        span: Span,
    ) -> bool {
        let fits = match (kind, given.kind) {
            (Kind::Plain, _) | (_, Kind::Plain) => true,
            (wanted, given) => wanted == given,
        };
        let elem_fits = elem == given.elem || (elem == Elem::F32 && given.elem == Elem::Bool);
        if fits && elem_fits {
            return true;
        }
        let shown = self.show(&Ty::Tensor(given.clone()));
        let diagnostic = self.error(
            304,
            span,
            format!(
                "`{}` of `{}` takes a {}, found `{shown}`",
                param.name.text,
                decl.name.text,
                word(elem, kind)
            ),
        );
        self.report(match (kind, given.kind) {
            (Kind::Logit, Kind::Prob) => diagnostic
                .help("pass the value before `sigmoid(...)`; the loss applies it in a stable form"),
            (Kind::Prob, Kind::Logit) => diagnostic.help("apply `sigmoid(...)` first"),
            (Kind::LogProb, Kind::Logit) => diagnostic.help("apply `log_sigmoid(...)` first"),
            _ => diagnostic,
        });
        false
    }

    fn wrong_shape(
        &mut self,
        decl: &ast::Fn,
        param: &Param,
        given: &Tensor,
        span: Span,
    ) -> Option<Expr> {
        let wanted = param
            .ty
            .as_ref()
            .map_or_else(String::new, reckon_grammar::print_type);
        let shown = self.show(&Ty::Tensor(given.clone()));
        let mut diagnostic = self.error(
            302,
            span,
            format!(
                "`{}` of `{}` takes `{wanted}`, found `{shown}`",
                param.name.text, decl.name.text
            ),
        );
        if wanted.contains('~') && self.innermost_list(&given.spaces).is_none() {
            diagnostic = diagnostic.note("it works on a list of vectors, and this is a single one");
        } else if !wanted.contains('~') && given.dims.is_empty() && wanted.contains("..,") {
            diagnostic = diagnostic.help(match (&self.current_feature, given.elem) {
                (Some(_), _) => "a number is no vector: write `... |> zscore` to bring it to scale",
                (None, Elem::Bool) => {
                    "a truth value is no vector; against one there is `bce(logit, y)`"
                }
                (None, Elem::F32 | Elem::I64) => {
                    "a number is no vector; join several with `concat(...)`"
                }
            });
        }
        self.report(diagnostic);
        None
    }

    fn match_dim(&mut self, dim: &ast::Expr, size: usize, matched: &mut Matched) -> bool {
        if let ast::ExprKind::Name(name) = &dim.kind
            && (matched.library || self.hir.settings.iter().all(|(setting, _)| setting != name))
        {
            return *matched.dims.entry(name.clone()).or_insert(size) == size;
        }
        self.dim(dim, matched) == Some(size)
    }
}

/// Whether no parameter names a dimension: such a function works on each number by itself, and rows make no difference.
fn elementwise(decl: &ast::Fn) -> bool {
    decl.params
        .iter()
        .all(|param| match param.ty.as_ref().map(|ty| &ty.kind) {
            Some(TypeKind::Named {
                dims: Some(dims), ..
            }) => dims.iter().all(|dim| matches!(dim, Dim::Leading(_))),
            _ => true,
        })
}

fn word(elem: Elem, kind: Kind) -> &'static str {
    match (elem, kind) {
        (Elem::F32, Kind::Plain) => "number",
        (Elem::F32, Kind::Logit) => "logit",
        (Elem::F32, Kind::Prob) => "probability",
        (Elem::F32, Kind::LogProb) => "log probability",
        (Elem::I64, _) => "whole number",
        (Elem::Bool, _) => "truth value",
    }
}
