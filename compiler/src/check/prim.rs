//! Intrinsics: the functions that the library declares without a body.

use reckon_grammar::ast;
use reckon_grammar::span::Span;

use super::Checker;
use super::signature::{MAX_SIZE, Matched};
use super::values::{join_dims, row_type};
use crate::graph::{Elem, Op};
use crate::hir::{Expr, ExprKind, Facts, HandleTy, Kind, Tensor, Ty};
use crate::plan::row::{RowKind, RowOp, RowType};
use crate::value::Value;

/// A row op with its result type, how many arguments are operands, and whether it maps over a list.
pub(crate) struct RowCall {
    pub(crate) op: RowOp,
    pub(crate) ty: RowType,
    pub(crate) operands: usize,
    pub(crate) mapped: bool,
}

impl Checker<'_> {
    pub(super) fn intrinsic(&mut self, decl: &ast::Fn, args: Vec<Expr>, span: Span) -> Expr {
        let name = decl.name.text.as_str();
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
        if of_rows && !as_list {
            let types: Vec<Ty> = args.iter().map(|arg| arg.ty.clone()).collect();
            match row_op(name, &types) {
                Some(Ok(call)) => {
                    return Expr::new(
                        ExprKind::Prim(name.to_owned(), args),
                        Ty::Row(call.ty),
                        facts,
                        span,
                    );
                }
                Some(Err(why)) => {
                    self.report(self.error(303, span, format!("`{name}` {why}")));
                    return Expr::error(span);
                }
                None => {}
            }
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
        let name = decl.name.text.clone();
        let mut spaces = Vec::new();
        let mut leading: Vec<usize> = Vec::new();
        for (param, value) in decl.params.iter().zip(&values) {
            let Ty::Tensor(tensor) = &value.ty else {
                continue;
            };
            spaces = self.join_spaces(&spaces, &tensor.spaces);
            let trailing = match param.ty.as_ref().map(|ty| &ty.kind) {
                Some(ast::TypeKind::Named {
                    dims: Some(dims), ..
                }) => dims
                    .iter()
                    .filter(|dim| matches!(dim, ast::Dim::Expr(_)))
                    .count(),
                _ => continue,
            };
            let own = &tensor.dims[..tensor.dims.len().saturating_sub(trailing)];
            match join_dims(&leading, own) {
                Some(joined) => leading = joined,
                None => {
                    let shown: Vec<String> =
                        values.iter().map(|value| self.show(&value.ty)).collect();
                    self.report(self.error(
                        302,
                        span,
                        format!(
                            "dimensions of the arguments of `{name}` differ: `{}`",
                            shown.join("`, `")
                        ),
                    ));
                    return Expr::error(span);
                }
            }
        }
        let Some(ret) = &decl.ret else {
            let shown: Vec<String> = values.iter().map(|value| self.show(&value.ty)).collect();
            self.report(self.error(
                303,
                span,
                format!("`{name}` does not take `{}`", shown.join("`, `")),
            ));
            return Expr::error(span);
        };
        let ast::TypeKind::Named {
            name: elem, dims, ..
        } = &ret.kind
        else {
            return Expr::error(span);
        };
        let (elem, kind) = super::call::kind_named(&elem.text).unwrap_or((Elem::F32, Kind::Plain));
        let mut shape = leading;
        let mut list = false;
        let mut bound = matched.clone();
        for (param, value) in decl.params.iter().zip(&values) {
            if let Some(Value::Int(size)) = value.ty.value() {
                let size = usize::try_from(*size).unwrap_or(0);
                bound.dims.insert(param.name.text.clone(), size);
            }
        }
        for dim in dims.iter().flatten() {
            match dim {
                ast::Dim::Expr(dim) => match self.dim(dim, &bound) {
                    Some(size) if size <= MAX_SIZE => shape.push(size),
                    _ => {
                        let dim = reckon_grammar::print_expr(dim);
                        self.report(self.error(
                            302,
                            span,
                            format!("`{dim}` in the result of `{name}` is no whole number up to {MAX_SIZE}"),
                        ));
                        return Expr::error(span);
                    }
                },
                ast::Dim::Ragged(_) => list = true,
                ast::Dim::Leading(_) => {}
            }
        }
        let takes_list = decl.params.iter().any(|param| {
            matches!(param.ty.as_ref().map(|ty| &ty.kind), Some(ast::TypeKind::Named { dims: Some(dims), .. }) if dims.iter().any(|dim| matches!(dim, ast::Dim::Ragged(_))))
        });
        if takes_list
            && !list
            && let Some(inner) = self.innermost_list(&spaces)
        {
            spaces = self.pooled(&spaces, inner);
        }
        let ty = Ty::Tensor(Tensor {
            elem,
            kind,
            spaces,
            dims: shape,
        });
        Expr::new(ExprKind::Prim(name, values), ty, facts, span)
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

/// Intrinsics take leading dimensions as they are.
fn strip_retype(value: Expr) -> Expr {
    match value.kind {
        ExprKind::Retype(inner) if matches!(inner.ty, Ty::Tensor(_)) => *inner,
        _ => value,
    }
}

/// The graph op of an elementwise intrinsic.
pub(crate) fn step_op(name: &str) -> Option<Op> {
    Some(match name {
        "abs" => Op::Abs,
        "sign" => Op::Sign,
        "exp" => Op::Exp,
        "expm1" => Op::Expm1,
        "log" => Op::Log,
        "log1p" => Op::Log1p,
        "sqrt" => Op::Sqrt,
        "sin" => Op::Sin,
        "cos" => Op::Cos,
        "tanh" => Op::Tanh,
        "sigmoid" => Op::Sigmoid,
        "log_sigmoid" => Op::LogSigmoid,
        "log1mexp" => Op::Log1mExp,
        "erf" => Op::Erf,
        "relu" => Op::Relu,
        "floor" => Op::Floor,
        "minimum" => Op::Min,
        "maximum" => Op::Max,
        "round_st" => Op::RoundStraightThrough,
        _ => return None,
    })
}

/// The row op of an intrinsic over arguments of these types; `None` where it has none, `Err` says what is wrong.
pub(crate) fn row_op(name: &str, args: &[Ty]) -> Option<Result<RowCall, String>> {
    let first = row_type(args.first()?)?;
    let (element, mapped) = match &first.kind {
        RowKind::List(of) if !takes_list(name) => ((**of).clone(), true),
        other => (other.clone(), false),
    };
    let (op, wants, gives, operands) = match entry(name, args, &element) {
        Some(Ok(found)) => found,
        Some(Err(why)) => return Some(Err(why)),
        None => return None,
    };
    if !accepts(wants, &element) {
        return Some(Err(format!("takes {}, found `{first}`", wants.text())));
    }
    let nullable = match name {
        "is_null" | "vocab" | "cross" | "count" => false,
        "fill" => args
            .get(1)
            .and_then(row_type)
            .is_some_and(|other| other.nullable),
        "capture" | "max" | "min" | "first" | "last" => !mapped || first.nullable,
        _ => args[..operands.min(args.len())]
            .iter()
            .filter_map(row_type)
            .any(|ty| ty.nullable),
    };
    let kind = if mapped {
        RowKind::List(Box::new(gives))
    } else {
        gives
    };
    Some(Ok(RowCall {
        op,
        ty: RowType { kind, nullable },
        operands,
        mapped,
    }))
}

fn takes_list(name: &str) -> bool {
    matches!(
        name,
        "first"
            | "last"
            | "take"
            | "distinct"
            | "count"
            | "sum"
            | "mean"
            | "max"
            | "min"
            | "contains"
            | "is_null"
            | "fill"
            | "select"
    )
}

#[derive(Clone, Copy, PartialEq)]
enum Wants {
    Any,
    Number,
    Text,
    Time,
    List,
    NumberList,
    Bool,
}

impl Wants {
    fn text(self) -> &'static str {
        match self {
            Self::Any => "a value",
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Time => "a time",
            Self::List => "a list",
            Self::NumberList => "a list of numbers",
            Self::Bool => "a truth value",
        }
    }
}

fn accepts(wants: Wants, kind: &RowKind) -> bool {
    match wants {
        Wants::Any => true,
        Wants::Number => matches!(
            kind,
            RowKind::Int | RowKind::Float | RowKind::Bool | RowKind::Duration
        ),
        Wants::Text => *kind == RowKind::Str,
        Wants::Time => *kind == RowKind::Time,
        Wants::List => matches!(kind, RowKind::List(_)),
        Wants::NumberList => {
            matches!(kind, RowKind::List(of) if matches!(**of, RowKind::Int | RowKind::Float | RowKind::Bool))
        }
        Wants::Bool => *kind == RowKind::Bool,
    }
}

type Entry = (RowOp, Wants, RowKind, usize);

fn entry(name: &str, args: &[Ty], element: &RowKind) -> Option<Result<Entry, String>> {
    use RowKind::{Bool, Float, Int, List, Str};
    let of_list = match element {
        List(of) => (**of).clone(),
        other => other.clone(),
    };
    let same_number = if *element == Int { Int } else { Float };
    let found = match name {
        "abs" => (RowOp::Abs, Wants::Number, same_number, 1),
        "log" => (RowOp::Log, Wants::Number, Float, 1),
        "log1p" => (RowOp::Log1p, Wants::Number, Float, 1),
        "exp" => (RowOp::Exp, Wants::Number, Float, 1),
        "sqrt" => (RowOp::Sqrt, Wants::Number, Float, 1),
        "floor" => (RowOp::Floor, Wants::Number, Float, 1),
        "minimum" => (RowOp::Min, Wants::Number, joined_number(args), 2),
        "maximum" => (RowOp::Max, Wants::Number, joined_number(args), 2),
        "clip" => (RowOp::Clip, Wants::Number, joined_number(args), 3),
        "to_float" => (RowOp::ToFloat, Wants::Number, Float, 1),
        "to_int" => (RowOp::ToInt, Wants::Number, Int, 1),
        "to_str" => (RowOp::ToStr, Wants::Any, Str, 1),
        "is_null" => (RowOp::IsNull, Wants::Any, Bool, 1),
        "fill" => (RowOp::Fill, Wants::Any, filled(args, element)?, 2),
        "select" => (RowOp::Where, Wants::Bool, branch(args)?, 3),
        "hour" => (RowOp::Hour, Wants::Time, Int, 1),
        "weekday" => (RowOp::Weekday, Wants::Time, Int, 1),
        "day" => (RowOp::Day, Wants::Time, Int, 1),
        "lower" => (RowOp::Lower, Wants::Text, Str, 1),
        "trim" => (RowOp::Trim, Wants::Text, Str, 1),
        "tokens" => (RowOp::Tokens, Wants::Text, List(Box::new(Str)), 1),
        "length" => (RowOp::Length, Wants::Text, Int, 1),
        "first" => (RowOp::First, Wants::List, of_list, 1),
        "last" => (RowOp::Last, Wants::List, of_list, 1),
        "distinct" => (RowOp::Distinct, Wants::List, element.clone(), 1),
        "count" => (RowOp::Count, Wants::List, Int, 1),
        "sum" => (
            RowOp::ListSum,
            Wants::NumberList,
            if of_list == Int { Int } else { Float },
            1,
        ),
        "mean" => (RowOp::ListMean, Wants::NumberList, Float, 1),
        "max" => (RowOp::ListMax, Wants::NumberList, of_list, 1),
        "min" => (RowOp::ListMin, Wants::NumberList, of_list, 1),
        "contains" => (RowOp::Contains, Wants::List, Bool, 2),
        _ => return with_attributes(name, args, element),
    };
    Some(Ok(found))
}

/// The ops whose arguments after the first are constants of the op.
fn with_attributes(name: &str, args: &[Ty], element: &RowKind) -> Option<Result<Entry, String>> {
    use RowKind::{Int, List, Str};
    let text = |at: usize| match args.get(at).and_then(Ty::value) {
        Some(Value::Str(text)) => Ok(text.clone()),
        _ => Err(format!(
            "needs a text known while compiling as argument {}",
            at + 1
        )),
    };
    let whole = |at: usize| match args.get(at).and_then(Ty::value) {
        Some(Value::Int(value)) if *value >= 0 => Ok(*value as u64),
        _ => Err(format!(
            "needs a whole number known while compiling as argument {}",
            at + 1
        )),
    };
    let some = |at: usize| match whole(at) {
        Ok(0) => Err(format!(
            "needs a whole number above 0 as argument {}",
            at + 1
        )),
        other => other,
    };
    let entry =
        match name {
            "split" => text(1)
                .map(|separator| (RowOp::Split(separator), Wants::Text, List(Box::new(Str)), 1)),
            "capture" => text(1).map(|pattern| (RowOp::Capture(pattern), Wants::Text, Str, 1)),
            "ngrams" => some(1).map(|n| {
                (
                    RowOp::Ngrams(n as usize),
                    Wants::Text,
                    List(Box::new(Str)),
                    1,
                )
            }),
            "take" => whole(1).map(|n| (RowOp::Take(n as usize), Wants::List, element.clone(), 1)),
            "hash" => some(1)
                .and_then(|n| whole(2).map(|seed| (RowOp::Hash { n, seed }, Wants::Any, Int, 1))),
            "cross" => some(2)
                .and_then(|n| whole(3).map(|seed| (RowOp::Cross { n, seed }, Wants::Any, Int, 2))),
            "buckets" => {
                borders(args.get(1)).map(|borders| (RowOp::Buckets(borders), Wants::Number, Int, 1))
            }
            // The lowering puts the index of the fitted statistic in place of 0.
            "vocab" => vocabulary(args).map(|()| (RowOp::Vocab(0), Wants::Any, Int, 1)),
            "quantiles" => some(1).map(|_| (RowOp::Quantile(0), Wants::Number, Int, 1)),
            "zscore" => Ok((RowOp::ZScore(0), Wants::Number, RowKind::Float, 1)),
            "minmax" => Ok((RowOp::MinMax(0), Wants::Number, RowKind::Float, 1)),
            _ => return None,
        };
    Some(entry)
}

/// The numbers of `vocab(x, min_count, oov, top, drop)`.
fn vocabulary(args: &[Ty]) -> Result<(), String> {
    let number = |at: usize| args.get(at).and_then(Ty::value).and_then(Value::as_f64);
    for (at, name, least) in [(1, "min_count", 1.0), (2, "oov", 0.0), (3, "top", 0.0)] {
        if number(at).is_some_and(|value| value < least) {
            return Err(format!("needs a `{name}` of at least {least}"));
        }
    }
    match number(4) {
        Some(drop) if !(0.0..1.0).contains(&drop) => {
            Err("needs a `drop` of at least 0% and below 100%".into())
        }
        _ => Ok(()),
    }
}

fn borders(ty: Option<&Ty>) -> Result<Vec<f64>, String> {
    let Some(Value::List(items)) = ty.and_then(Ty::value) else {
        return Err("needs a list of borders known while compiling".into());
    };
    let borders: Option<Vec<f64>> = items.iter().map(Value::as_f64).collect();
    match borders {
        Some(borders)
            if borders.windows(2).all(|pair| pair[0] < pair[1]) && !borders.is_empty() =>
        {
            Ok(borders)
        }
        Some(_) => Err("needs borders that rise, at least one".into()),
        None => Err("needs borders that are numbers".into()),
    }
}

fn joined_number(args: &[Ty]) -> RowKind {
    let all_int = args
        .iter()
        .filter_map(row_type)
        .all(|ty| ty.kind == RowKind::Int);
    if all_int {
        RowKind::Int
    } else {
        RowKind::Float
    }
}

/// The kind of `fill(x, value)`: an int filled by a float becomes one.
fn filled(args: &[Ty], element: &RowKind) -> Option<RowKind> {
    let other = args.get(1).and_then(row_type)?.kind;
    match (element, other) {
        (RowKind::Int, RowKind::Float) | (RowKind::Float, RowKind::Int) => Some(RowKind::Float),
        (mine, other) => (*mine == other).then_some(other),
    }
}

fn branch(args: &[Ty]) -> Option<RowKind> {
    let (a, b) = (row_type(args.get(1)?)?.kind, row_type(args.get(2)?)?.kind);
    match (&a, &b) {
        _ if a == b => Some(a),
        (RowKind::Int | RowKind::Float, RowKind::Int | RowKind::Float) => Some(RowKind::Float),
        _ => None,
    }
}
