//! Ids and scales: hashes, buckets and fitted look-ups.

use reckon_compiler::plan::row::RowOp;

use super::{Call, Numbers, Operand};
use crate::column::{Column, Data};
use crate::fitted::{Fitted, Vocabulary};
use crate::hash::{Hashed, absorb, begin, slot};

pub(super) fn apply(op: &RowOp, call: &Call<'_>) -> Result<Column, String> {
    match op {
        RowOp::Buckets(borders) => bucket(call, borders),
        RowOp::Quantile(fit) => match fitted(call, *fit)? {
            Fitted::Borders(borders) => bucket(call, borders),
            other => Err(mismatch("borders", other)),
        },
        RowOp::Hash { n, seed } => {
            let slots = hash_rows(call, *n, *seed)?;
            Ok(call.strict(Data::Int(slots)))
        }
        RowOp::Cross { n, seed } => Ok(Column::new(Data::Int(hash_rows(call, *n, *seed)?))),
        RowOp::Vocab(fit) => match fitted(call, *fit)? {
            Fitted::Vocab(vocabulary) => vocab(call, vocabulary),
            other => Err(mismatch("a vocabulary", other)),
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
    let numbers = Numbers::of(&x.column.data)?;
    let ids = (0..call.rows).map(|row| {
        let value = numbers.get(x.at(row));
        borders.partition_point(|border| *border <= value) as i64
    });
    Ok(call.strict(Data::Int(ids.collect())))
}

fn scale(call: &Call<'_>, f: impl Fn(f64) -> f64) -> Result<Column, String> {
    let x = call.arg(0)?;
    let numbers = Numbers::of(&x.column.data)?;
    Ok(call.strict(Data::Float(
        (0..call.rows)
            .map(|row| f(numbers.get(x.at(row))))
            .collect(),
    )))
}

fn vocab(call: &Call<'_>, vocabulary: &Vocabulary) -> Result<Column, String> {
    let x = call.arg(0)?;
    let ids = (0..call.rows).map(|row| {
        if x.is_null(row) {
            0
        } else {
            vocabulary.id(&x.column.data, x.at(row))
        }
    });
    Ok(Column::new(Data::Int(ids.collect())))
}

fn hash_rows(call: &Call<'_>, n: u64, seed: u64) -> Result<Vec<i64>, String> {
    if n == 0 {
        return Err("expected at least one slot to hash into, found 0".to_owned());
    }
    call.arg(0)?;
    let first = begin(seed);
    (0..call.rows)
        .map(|row| {
            let mut state = first;
            for arg in call.args {
                state = absorb(state, hashed(arg, row)?);
            }
            Ok(slot(state, n) as i64)
        })
        .collect()
}

fn hashed<'a>(operand: &Operand<'a>, row: usize) -> Result<Hashed<'a>, String> {
    if operand.is_null(row) {
        return Ok(Hashed::Null);
    }
    let at = operand.at(row);
    match &operand.column.data {
        Data::Int(values) => Ok(Hashed::Int(values[at])),
        Data::Float(values) => Ok(Hashed::Float(values[at])),
        Data::Bool(values) => Ok(Hashed::Bool(values[at])),
        Data::Str(texts) => Ok(Hashed::Str(texts.get(at))),
        Data::List(_) => Err("expected one value to hash, found a list".to_owned()),
    }
}
