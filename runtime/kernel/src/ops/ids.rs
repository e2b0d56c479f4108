//! Ids and scales: hashes, buckets and fitted look-ups.

use reckon_compiler::plan::row::RowOp;

use super::hashing::hash_rows;
use super::{Call, Numbers, Operand};
use crate::column::{Column, Data};
use crate::filled::{Pace, filled};
use crate::fitted::{Fitted, Vocabulary};
use crate::hash::Hashed;

pub(super) fn apply(op: &RowOp, call: &Call<'_>) -> Result<Column, String> {
    match op {
        RowOp::Buckets(borders) => bucket(call, borders),
        RowOp::Quantile(fit) => match fitted(call, *fit)? {
            Fitted::Borders(borders) => bucket(call, borders),
            other => Err(mismatch("borders", other)),
        },
        RowOp::ZScore(fit) => match *fitted(call, *fit)? {
            Fitted::Moments { mean, std } => {
                scale(call, |x| if std > 0.0 { (x - mean) / std } else { 0.0 })
            }
            ref other => Err(mismatch("moments", other)),
        },
        RowOp::MinMax(fit) => match *fitted(call, *fit)? {
            Fitted::Extent { min, max } => scale(call, |x| {
                if max > min {
                    ((x - min) / (max - min)).clamp(0.0, 1.0)
                } else {
                    0.0
                }
            }),
            ref other => Err(mismatch("an extent", other)),
        },
        RowOp::OfGroup(fit, statistic) => match fitted(call, *fit)? {
            Fitted::Groups(groups) => super::groups::apply(call, groups, *statistic),
            other => Err(mismatch("groups", other)),
        },
        other => Err(format!("internal: {other:?} gives no ids")),
    }
}

fn fitted<'a>(call: &Call<'a>, fit: usize) -> Result<&'a Fitted, String> {
    call.fitted
        .get(fit)
        .ok_or_else(|| format!("internal: fit {fit} is read before it is fitted"))
}

fn mismatch(expected: &str, found: &Fitted) -> String {
    let found = match found {
        Fitted::Vocab(_) => "a vocabulary",
        Fitted::Borders(_) => "borders",
        Fitted::Moments { .. } => "moments",
        Fitted::Extent { .. } => "an extent",
        Fitted::Matrix { .. } => "a matrix",
        Fitted::Groups(_) => "groups",
        Fitted::Waiting => "nothing yet",
    };
    format!("internal: expected {expected}, found {found}")
}

/// The number of borders that are at most the value.
fn bucket(call: &Call<'_>, borders: &[f64]) -> Result<Column, String> {
    let x = call.arg(0)?;
    let numbers = Numbers::of(x.data)?;
    let ids = (0..call.rows).map(|row| {
        let value = numbers.get(x.at(row));
        borders.partition_point(|border| *border <= value) as i64
    });
    Ok(call.strict(Data::Int(ids.collect())))
}

fn scale(call: &Call<'_>, f: impl Fn(f64) -> f64) -> Result<Column, String> {
    let x = call.arg(0)?;
    let numbers = Numbers::of(x.data)?;
    Ok(call.strict(Data::Float(
        (0..call.rows)
            .map(|row| f(numbers.get(x.at(row))))
            .collect(),
    )))
}

/// Slots of hashes and ids of vocabularies, written in place by all threads; `None` for other ops.
pub(super) fn numbered(op: &RowOp, call: &Call<'_>) -> Result<Option<Column>, String> {
    match op {
        RowOp::Hash { n, seed } => {
            let slots = hash_rows(call, *n, *seed)?;
            Ok(Some(call.strict(Data::Int(slots))))
        }
        RowOp::Cross { n, seed } => {
            let slots = hash_rows(call, *n, *seed)?;
            Ok(Some(Column::new(Data::Int(slots))))
        }
        RowOp::Vocab(fit) => match fitted(call, *fit)? {
            Fitted::Vocab(vocabulary) => vocab(call, vocabulary).map(Some),
            other => Err(mismatch("a vocabulary", other)),
        },
        _ => Ok(None),
    }
}

/// One integer a row; `fill` writes those of some rows, given the operands from the first of them on.
pub(super) fn each_row(
    call: &Call<'_>,
    fill: impl Fn(&[Operand<'_>], &mut [i64]) + Sync,
) -> Vec<i64> {
    filled(call.rows, Pace::Computed, |first, values| {
        fill(&call.from(first), values)
    })
}

fn vocab(call: &Call<'_>, vocabulary: &Vocabulary) -> Result<Column, String> {
    call.arg(0)?;
    let ids = each_row(call, |args, ids| {
        let x = &args[0];
        vocabulary.ids(x.data, |row| x.at(row), ids);
        if x.valid.is_some() {
            let nulls = ids
                .iter_mut()
                .enumerate()
                .filter(|(row, _)| x.is_null(*row));
            nulls.for_each(|(_, id)| *id = 0);
        }
    });
    Ok(Column::new(Data::Int(ids)))
}

pub(super) fn hashed<'a>(operand: &Operand<'a>, row: usize) -> Hashed<'a> {
    if operand.is_null(row) {
        return Hashed::Null;
    }
    let at = operand.at(row);
    match operand.data {
        Data::Int(values) => Hashed::Int(values[at]),
        Data::Float(values) => Hashed::Float(values[at]),
        Data::Bool(values) => Hashed::Bool(values[at]),
        Data::Str(texts) => Hashed::Str(texts.get(at)),
        Data::List(_) => Hashed::Null,
    }
}
