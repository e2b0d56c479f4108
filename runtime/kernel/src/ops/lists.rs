//! Lists.

use reckon_compiler::plan::row::RowOp;

use super::{Call, Numbers, Operand, coerce};
use crate::column::{Column, Data, Lists};

pub(super) fn apply(op: &RowOp, call: &Call<'_>) -> Result<Column, String> {
    let x = call.arg(0)?;
    let list = lists(x)?;
    match op {
        RowOp::First => Ok(element(call, x, list, |range| range.start)),
        RowOp::Last => Ok(element(call, x, list, |range| range.end - 1)),
        RowOp::Take(n) => Ok(keep(call, x, list, |_, kept| kept.len() < *n)),
        RowOp::Pad(n) => padded(call, x, list, *n),
        RowOp::Distinct => Ok(keep(call, x, list, |at, kept| {
            !kept.iter().any(|other| same(&list.values, at, *other))
        })),
        RowOp::Count => {
            let counts = (0..call.rows).map(|row| list.range(x.at(row)).len() as i64);
            Ok(call.strict(Data::Int(counts.collect())))
        }
        RowOp::ListSum => match list.values.as_ref() {
            Data::Int(values) => {
                let sums = (0..call.rows).map(|row| sum(&values[list.range(x.at(row))]));
                Ok(call.strict(coerce(Data::Int(sums.collect()), call.ty)))
            }
            _ => reduce(call, x, list, Reduction::Sum),
        },
        RowOp::ListMean => reduce(call, x, list, Reduction::Mean),
        RowOp::ListMax => reduce(call, x, list, Reduction::Max),
        RowOp::ListMin => reduce(call, x, list, Reduction::Min),
        RowOp::Contains => contains(call, x, list),
        other => Err(format!("internal: {other:?} is no function of a list")),
    }
}

fn lists(operand: Operand<'_>) -> Result<&Lists, String> {
    match &operand.data {
        Data::List(lists) => Ok(lists),
        other => Err(format!("expected a list, found {}", other.kind_name())),
    }
}

/// One element of each list, null where the list is empty.
fn element(
    call: &Call<'_>,
    x: Operand<'_>,
    list: &Lists,
    which: fn(std::ops::Range<usize>) -> usize,
) -> Column {
    let mut data = list.values.empty_like();
    let mut valid = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let range = list.range(x.at(row));
        let present = !range.is_empty() && !x.is_null(row);
        valid.push(present);
        if present {
            data.push_from(&list.values, which(range));
        } else {
            data.push_default();
        }
    }
    Column::with_validity(data, Some(valid))
}

/// The elements for which `keeps` holds, given the place of the element and of those kept before it.
fn keep(
    call: &Call<'_>,
    x: Operand<'_>,
    list: &Lists,
    keeps: impl Fn(usize, &[usize]) -> bool,
) -> Column {
    let mut values = list.values.empty_like();
    let mut offsets = vec![0];
    let mut kept = Vec::new();
    for row in 0..call.rows {
        kept.clear();
        for at in list.range(x.at(row)) {
            if keeps(at, &kept) {
                kept.push(at);
                values.push_from(&list.values, at);
            }
        }
        offsets.push(values.len());
    }
    call.strict(Data::List(Lists {
        offsets,
        values: Box::new(values),
    }))
}

/// Lists of exactly `n` elements.
fn padded(call: &Call<'_>, x: Operand<'_>, list: &Lists, n: usize) -> Result<Column, String> {
    let filling = call.arg(1)?;
    let mut values = list.values.empty_like();
    if std::mem::discriminant(&values) != std::mem::discriminant(filling.data) {
        let (of, with) = (values.kind_name(), filling.data.kind_name());
        return Err(format!("expected {of}, found {with}"));
    }
    let mut offsets = vec![0];
    for row in 0..call.rows {
        if !call.args.iter().any(|arg| arg.is_null(row)) {
            let range = list.range(x.at(row));
            let there = range.len().min(n);
            range
                .take(n)
                .for_each(|at| values.push_from(&list.values, at));
            (there..n).for_each(|_| values.push_from(filling.data, filling.at(row)));
        }
        offsets.push(values.len());
    }
    Ok(call.strict(Data::List(Lists {
        offsets,
        values: Box::new(values),
    })))
}

/// The sum of integers, which wraps around.
pub(super) fn sum(values: &[i64]) -> i64 {
    values.iter().copied().fold(0, i64::wrapping_add)
}

/// What is made of the numbers of a list.
#[derive(Clone, Copy)]
pub(super) enum Reduction {
    Sum,
    Mean,
    Max,
    Min,
}

impl Reduction {
    /// `None` for the largest or smallest of no numbers.
    pub(super) fn of<T: Copy>(self, values: &[T], float: fn(T) -> f64) -> Option<f64> {
        let floats = values.iter().map(|value| float(*value));
        // From 0 on, so that the sum of nothing is 0 and not the -0 that `Iterator::sum` gives.
        let sum = || floats.clone().fold(0.0, |sum, value| sum + value);
        match self {
            Self::Sum => Some(sum()),
            Self::Mean if values.is_empty() => Some(0.0),
            Self::Mean => Some(sum() / values.len() as f64),
            Self::Max => floats.reduce(f64::max),
            Self::Min => floats.reduce(f64::min),
        }
    }
}

fn reduce(
    call: &Call<'_>,
    x: Operand<'_>,
    list: &Lists,
    reduction: Reduction,
) -> Result<Column, String> {
    let numbers = Numbers::of(&list.values)?;
    let of = |row: usize| {
        let range = list.range(x.at(row));
        match numbers {
            Numbers::Int(values) => reduction.of(&values[range], |value| value as f64),
            Numbers::Float(values) => reduction.of(&values[range], |value| value),
            Numbers::Bool(values) => {
                reduction.of(&values[range], |value| f64::from(u8::from(value)))
            }
        }
    };
    if let Reduction::Sum | Reduction::Mean = reduction {
        // Of no numbers there is one too, and of a null list, which is empty, it is what stands for a null.
        let results = (0..call.rows).map(|row| of(row).unwrap_or_default());
        return Ok(call.strict(coerce(Data::Float(results.collect()), call.ty)));
    }
    let results: Vec<Option<f64>> = (0..call.rows)
        .map(|row| if x.is_null(row) { None } else { of(row) })
        .collect();
    let valid = results.iter().map(Option::is_some).collect();
    let data = Data::Float(results.into_iter().map(Option::unwrap_or_default).collect());
    Ok(Column::with_validity(coerce(data, call.ty), Some(valid)))
}

fn contains(call: &Call<'_>, x: Operand<'_>, list: &Lists) -> Result<Column, String> {
    let wanted = call.arg(1)?;
    let other = &wanted.data;
    if std::mem::discriminant(list.values.as_ref()) != std::mem::discriminant(other) {
        return Err(format!(
            "expected {}, found {}",
            list.values.kind_name(),
            other.kind_name()
        ));
    }
    let found = (0..call.rows).map(|row| {
        list.range(x.at(row))
            .any(|at| equal(&list.values, at, other, wanted.at(row)))
    });
    Ok(call.strict(Data::Bool(found.collect())))
}

fn same(values: &Data, a: usize, b: usize) -> bool {
    equal(values, a, values, b)
}

fn equal(x: &Data, a: usize, y: &Data, b: usize) -> bool {
    match (x, y) {
        (Data::Int(x), Data::Int(y)) => x[a] == y[b],
        (Data::Float(x), Data::Float(y)) => x[a] == y[b],
        (Data::Bool(x), Data::Bool(y)) => x[a] == y[b],
        (Data::Str(x), Data::Str(y)) => x.get(a) == y.get(b),
        (Data::List(x), Data::List(y)) => {
            let (left, right) = (x.range(a), y.range(b));
            left.len() == right.len()
                && left
                    .zip(right)
                    .all(|(a, b)| equal(&x.values, a, &y.values, b))
        }
        (Data::Int(_) | Data::Float(_) | Data::Bool(_) | Data::Str(_) | Data::List(_), _) => false,
    }
}
