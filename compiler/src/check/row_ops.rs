//! The ops behind intrinsics: which row op a function is over values of these types, which op of graphs.

use super::values::row_type;
use crate::graph::Op;
use crate::hir::Ty;
use crate::plan::row::{Bag, RowKind, RowOp, RowType};
use crate::value::Value;

/// A row op with its result type, how many arguments are operands, and whether it maps over a list.
pub(crate) struct RowCall {
    pub(crate) op: RowOp,
    pub(crate) ty: RowType,
    pub(crate) operands: usize,
    pub(crate) mapped: bool,
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
        "capture" | "number" | "lookup" | "max" | "min" | "first" | "last" => {
            !mapped || first.nullable
        }
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
            | "pad"
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
        "number" => (RowOp::Number, Wants::Text, Float, 1),
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
            "bag_keys" | "bag_weights" => bag(args).map(|bag| of_bag(name, bag)),
            "take" => whole(1).map(|n| (RowOp::Take(n as usize), Wants::List, element.clone(), 1)),
            "hash" => some(1)
                .and_then(|n| whole(2).map(|seed| (RowOp::Hash { n, seed }, Wants::Any, Int, 1))),
            "cross" => return Some(cross(args)),
            "lookup" => bag(args).and_then(|bag| match args.get(1).and_then(row_type) {
                Some(RowType { kind: Str, .. }) => {
                    Ok((RowOp::Lookup(bag), Wants::Text, RowKind::Float, 2))
                }
                Some(_) | None => {
                    Err("looks a key up in a text of keys and weights, `drama:0.5|war:2`".into())
                }
            }),
            "pad" => pad(args, element),
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

/// `cross(a, b, .., n, seed)`: what its values are is looked at by the kernel, which hashes all that are no lists.
fn cross(args: &[Ty]) -> Result<Entry, String> {
    let [values @ .., n, seed] = args else {
        return Err("needs values of rows".into());
    };
    if values.len() < 2 {
        return Err("needs two values or more; a single one is hashed by `hash`".into());
    }
    match (n.value(), seed.value()) {
        (Some(Value::Int(n @ 1..)), Some(Value::Int(seed @ 0..))) => {
            let (n, seed) = (n.unsigned_abs(), seed.unsigned_abs());
            let op = RowOp::Cross { n, seed };
            Ok((op, Wants::Any, RowKind::Int, values.len()))
        }
        _ => Err("needs whole numbers, an `n` above 0".into()),
    }
}

/// The longest list that is padded to.
const MAX_PADDED: i64 = 65_536;

/// `pad(x, value, n)`
fn pad(args: &[Ty], list: &RowKind) -> Result<Entry, String> {
    let RowKind::List(of) = list else {
        return Err(format!("takes a list, found `{list}`"));
    };
    let n = match args.get(2).and_then(Ty::value) {
        Some(Value::Int(n @ 1..=MAX_PADDED)) => n.unsigned_abs() as usize,
        _ => return Err(format!("needs an `n` from 1 to {MAX_PADDED}")),
    };
    match args.get(1).and_then(row_type) {
        Some(value) if value.kind == **of => Ok((RowOp::Pad(n), Wants::List, list.clone(), 2)),
        Some(value) => Err(format!("fills a `{list}` with `{of}`, found `{value}`")),
        None => Err(format!("fills a `{list}` with `{of}`")),
    }
}

fn of_bag(name: &str, bag: Bag) -> Entry {
    let (op, of) = match name {
        "bag_keys" => (RowOp::BagKeys(bag), RowKind::Str),
        _ => (RowOp::BagWeights(bag), RowKind::Float),
    };
    (op, Wants::Text, RowKind::List(Box::new(of)), 1)
}

/// The characters of `bag_keys(x, separator, pair)`, the last two arguments.
fn bag(args: &[Ty]) -> Result<Bag, String> {
    let first = args.len().saturating_sub(2);
    let character = |at: usize| match args.get(at).and_then(Ty::value) {
        Some(Value::Str(text)) => match text.as_bytes() {
            [byte] if byte.is_ascii() && *byte != b'\\' => Some(*byte),
            _ => None,
        },
        _ => None,
    };
    match (character(first), character(first + 1)) {
        (Some(separator), Some(pair)) if separator != pair => Ok(Bag { separator, pair }),
        _ => Err("needs two different characters between parts and between key and weight, such as \"|\" and \":\"".into()),
    }
}

/// The numbers of `vocab(x, min_count, oov, top, drop)`.
fn vocabulary(args: &[Ty]) -> Result<(), String> {
    let number = |at: usize| args.get(at).and_then(Ty::value).and_then(Value::as_f64);
    for (at, name, least) in [(1, "min_count", 1.0), (2, "oov", 0.0), (3, "top", 0.0)] {
        if number(at).is_some_and(|value| value < least || value.fract() != 0.0) {
            return Err(format!("needs a whole `{name}` of at least {least}"));
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
