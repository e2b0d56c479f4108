//! Ids and scales: hashes, buckets and fitted look-ups.

use rayon::prelude::*;
use reckon_compiler::plan::row::RowOp;

use super::{CHUNK, Call, Numbers, Operand};
use crate::column::{Column, Data, Texts};
use crate::fitted::{Fitted, Vocabulary};
use crate::hash::{Hashed, absorb, begin, begin_text, slot, word, words_of};

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
fn each_row(call: &Call<'_>, fill: impl Fn(&[Operand<'_>], &mut [i64]) + Sync) -> Vec<i64> {
    let mut all = vec![0; call.rows];
    if call.rows < 2 * CHUNK {
        fill(call.args, &mut all);
    } else {
        let parts = all.par_chunks_mut(CHUNK).enumerate();
        parts.for_each(|(part, ids)| fill(&call.from(part * CHUNK), ids));
    }
    all
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

/// Rows whose hashes are computed side by side, operand by operand.
const ABREAST: usize = 256;

fn hash_rows(call: &Call<'_>, n: u64, seed: u64) -> Result<Vec<i64>, String> {
    if n == 0 {
        return Err("expected at least one slot to hash into, found 0".to_owned());
    }
    call.arg(0)?;
    if call
        .args
        .iter()
        .any(|arg| matches!(arg.data, Data::List(_)))
    {
        return Err("expected one value to hash, found a list".to_owned());
    }
    let first = begin(seed);
    let begun = Begun::new(first, &call.args[0]);
    Ok(each_row(call, |args, slots| {
        let mut states = [first; ABREAST];
        for (part, slots) in slots.chunks_mut(ABREAST).enumerate() {
            let states = &mut states[..slots.len()];
            states.fill(first);
            for (number, arg) in args.iter().enumerate() {
                match (number, arg.valid, arg.data) {
                    (0, None, Data::Str(texts)) => {
                        begun.absorb_rows(arg, texts, part * ABREAST, states);
                    }
                    _ => absorb_rows(arg, part * ABREAST, states),
                }
            }
            for (to, state) in slots.iter_mut().zip(states) {
                *to = slot(*state, n) as i64;
            }
        }
    }))
}

/// The states after the beginning of a text, for each length that is not long, and after each text that is stored once.
struct Begun {
    lengths: [u64; Self::LONG],
    stored: Vec<u64>,
}

impl Begun {
    const LONG: usize = 64;

    fn new(first: u64, arg: &Operand<'_>) -> Self {
        let mut lengths = [0; Self::LONG];
        for (len, state) in lengths.iter_mut().enumerate() {
            *state = begin_text(first, len);
        }
        let stored = match arg.data {
            Data::Str(texts) if texts.places().is_some() => texts
                .stored()
                .iter()
                .map(|text| absorb(first, Hashed::Str(text)))
                .collect(),
            _ => Vec::new(),
        };
        Self { lengths, stored }
    }

    /// The states after the texts of the rows from `first` on, which are the first values.
    fn absorb_rows(&self, arg: &Operand<'_>, texts: &Texts, first: usize, states: &mut [u64]) {
        let rows = states.iter_mut().enumerate();
        let rows = rows.map(|(row, state)| (arg.at(first + row), state));
        if let Some(places) = texts.places() {
            return rows.for_each(|(at, state)| *state = self.stored[places[at] as usize]);
        }
        for (at, state) in rows {
            let text = texts.get(at);
            *state = match self.lengths.get(text.len()) {
                Some(begun) => words_of(text.as_bytes()).fold(*begun, word),
                None => absorb(*state, Hashed::Str(text)),
            };
        }
    }
}

/// The states after the values of the rows from `first` on.
fn absorb_rows(arg: &Operand<'_>, first: usize, states: &mut [u64]) {
    let rows = states.iter_mut().enumerate();
    let rows = rows.map(|(row, state)| (first + row, state));
    if arg.valid.is_some() {
        rows.for_each(|(row, state)| *state = absorb(*state, hashed(arg, row)));
        return;
    }
    match arg.data {
        Data::Int(values) => {
            rows.for_each(|(row, state)| *state = absorb(*state, Hashed::Int(values[arg.at(row)])));
        }
        Data::Str(texts) => {
            rows.for_each(|(row, state)| {
                *state = absorb(*state, Hashed::Str(texts.get(arg.at(row))));
            });
        }
        Data::Float(_) | Data::Bool(_) | Data::List(_) => {
            rows.for_each(|(row, state)| *state = absorb(*state, hashed(arg, row)));
        }
    }
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
