//! Numbers of the parts of texts, where nothing else reads the parts: they are looked at where they stand in their text, and
//! never stored.

use rayon::prelude::*;
use reckon_compiler::plan::row::RowOp;

use super::texts::each_part;
use super::{CHUNK, Operand};
use crate::column::{Column, Data, Lists, Texts};
use crate::fitted::{Fitted, Vocabulary};
use crate::hash::{Hashed, absorb, begin, slot};

/// Whether an op gives a number of a part that is taken from its text.
pub(crate) fn reads_parts(op: &RowOp) -> bool {
    match op {
        RowOp::Length | RowOp::Vocab(_) => true,
        RowOp::Hash { n, .. } => *n > 0,
        _ => false,
    }
}

/// What becomes of each part.
enum Number<'a> {
    /// Its characters.
    Length,
    /// The slot of its hash.
    Slot { first: u64, n: u64 },
    /// Its id.
    Id(&'a Vocabulary),
}

/// Rows that tell how many parts a row has.
const SOME: usize = 4_096;
/// Parts that wait for their ids.
const WAITING: usize = 1024;

/// A list of numbers a row: what `op` gives of the parts of its text between separators. `None` where this is not what the
/// operand and the fits are for.
pub(crate) fn numbers_of_parts(
    x: &Operand<'_>,
    separator: &str,
    op: &RowOp,
    fitted: &[Fitted],
) -> Option<Column> {
    let Data::Str(texts) = x.data else {
        return None;
    };
    let number = match op {
        RowOp::Length => Number::Length,
        RowOp::Hash { n, seed } => Number::Slot {
            first: begin(*seed),
            n: *n,
        },
        RowOp::Vocab(fit) => match fitted.get(*fit)? {
            Fitted::Vocab(vocabulary) if vocabulary.is_of_texts() => Number::Id(vocabulary),
            _ => return None,
        },
        _ => return None,
    };
    let rows = texts.len();
    let data = if rows < 2 * CHUNK || rayon::current_num_threads() == 1 {
        Data::List(lists(texts, 0..rows, separator, &number))
    } else {
        let parts = (0..rows.div_ceil(CHUNK)).into_par_iter().map(|part| {
            let first = part * CHUNK;
            let of = lists(texts, first..rows.min(first + CHUNK), separator, &number);
            Column::new(Data::List(of))
        });
        Column::joined(parts.collect())?.data
    };
    Some(Column::with_validity(data, x.valid.map(<[bool]>::to_vec)))
}

fn lists(
    texts: &Texts,
    rows: std::ops::Range<usize>,
    separator: &str,
    number: &Number<'_>,
) -> Lists {
    let mut offsets = Vec::with_capacity(rows.len() + 1);
    offsets.push(0);
    let mut numbers: Vec<i64> = Vec::with_capacity(2 * rows.len());
    let mut waiting: Vec<&str> = Vec::with_capacity(WAITING);
    let (first, count) = (rows.start, rows.len());
    for row in rows {
        if row - first == SOME {
            // As many more as these have, and an eighth: a large vector is moved once at most.
            numbers.reserve(numbers.len() * (count - SOME) / SOME * 9 / 8);
        }
        let text = texts.get(row);
        match number {
            Number::Length if text.is_ascii() => {
                each_part(text, separator, |part| numbers.push(part.len() as i64));
            }
            Number::Length => {
                let mut length = |part: &str| numbers.push(part.chars().count() as i64);
                each_part(text, separator, &mut length);
            }
            Number::Slot { first, n } => each_part(text, separator, |part| {
                let hash = absorb(*first, Hashed::Str(part));
                numbers.push(slot(hash, *n) as i64);
            }),
            Number::Id(vocabulary) => {
                each_part(text, separator, |part| waiting.push(part));
                offsets.push(numbers.len() + waiting.len());
                if waiting.len() >= WAITING {
                    vocabulary.ids_of_texts(&waiting, &mut numbers);
                    waiting.clear();
                }
                continue;
            }
        }
        offsets.push(numbers.len());
    }
    if let Number::Id(vocabulary) = number {
        vocabulary.ids_of_texts(&waiting, &mut numbers);
    }
    Lists {
        offsets,
        values: Box::new(Data::Int(numbers)),
    }
}
