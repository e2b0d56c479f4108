//! Parts of texts between separators, and numbers of them where nothing else reads the parts: those are looked at where they stand
//! in their text, and never stored.

use std::ops::Range;

use rayon::prelude::*;
use reckon_compiler::plan::row::{RowOp, RowType};

use super::lists::{Reduction, sum};
use super::marks::each_marked;
use super::{Operand, coerce};
use crate::column::{Column, Data, Lists, Texts};
use crate::filled::{CHUNK, Pace, filled, is_for_one};
use crate::fitted::{Fitted, Vocabulary};
use crate::hash::{Hashed, absorb, begin, slot};

/// What is met on the way through texts.
pub(super) enum Met {
    /// A part, by where it stands among [`Texts::all`].
    Part(Range<usize>),
    /// The end of a text.
    End,
}

/// Goes through the parts of the texts of `rows` between separators, without empty ones; a text is its own part where the separator
/// is empty.
pub(super) fn each_part(
    texts: &Texts,
    rows: Range<usize>,
    separator: &str,
    mut met: impl FnMut(Met),
) {
    // A byte below 128 stands for itself wherever it is found.
    if let [byte] = separator.as_bytes() {
        return each_marked(texts, rows, [*byte; 3], |text, marks| {
            let mut start = text.start;
            while let Some(at) = marks.next_before(text.end) {
                if at > start {
                    met(Met::Part(start..at));
                }
                start = at + 1;
            }
            if text.end > start {
                met(Met::Part(start..text.end));
            }
            met(Met::End);
        });
    }
    for row in rows {
        let text = texts.range(row);
        if separator.is_empty() {
            met(Met::Part(text));
        } else {
            let mut start = text.start;
            for part in texts.get(row).split(separator) {
                let end = start + part.len();
                if end > start {
                    met(Met::Part(start..end));
                }
                start = end + separator.len();
            }
        }
        met(Met::End);
    }
}

/// Whether an op gives a number of a part that is taken from its text.
pub(crate) fn reads_parts(op: &RowOp) -> bool {
    match op {
        RowOp::Length | RowOp::Vocab(_) => true,
        RowOp::Hash { n, .. } => *n > 0,
        _ => false,
    }
}

/// Whether an op makes one number of those of the parts of a text.
pub(crate) fn pools_parts(op: &RowOp) -> bool {
    matches!(op, RowOp::ListSum | RowOp::ListMean)
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
/// Rows whose numbers are made before those of the next.
const BLOCK: usize = 512;

/// Texts, how they are split, and what becomes of each part.
pub(crate) struct Parts<'a> {
    texts: &'a Texts,
    valid: Option<&'a [bool]>,
    separator: &'a str,
    number: Number<'a>,
}

impl<'a> Parts<'a> {
    /// What `op` gives of the parts; `None` where this is not what the operand and the fits are for.
    pub(crate) fn new(
        x: &Operand<'a>,
        separator: &'a str,
        op: &RowOp,
        fitted: &'a [Fitted],
    ) -> Option<Self> {
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
        Some(Self {
            texts,
            valid: x.valid,
            separator,
            number,
        })
    }

    /// A list of numbers a row.
    pub(crate) fn lists(&self) -> Option<Column> {
        let rows = self.texts.len();
        let data = match is_for_one(rows) {
            true => Data::List(self.lists_of(0..rows)),
            false => {
                let parts = (0..rows.div_ceil(CHUNK)).into_par_iter().map(|part| {
                    let first = part * CHUNK;
                    let of = self.lists_of(first..rows.min(first + CHUNK));
                    Column::new(Data::List(of))
                });
                Column::joined(parts.collect())?.data
            }
        };
        Some(self.valid(data))
    }

    /// One number a row, of a type: what `pool` makes of its list.
    pub(crate) fn pooled(&self, pool: &RowOp, ty: &RowType) -> Option<Column> {
        let rows = self.texts.len();
        let data = match pool {
            RowOp::ListSum => Data::Int(self.each_row(rows, sum)),
            RowOp::ListMean => Data::Float(self.each_row(rows, |numbers| {
                let mean = Reduction::Mean.of(numbers, |number| number as f64);
                mean.unwrap_or_default()
            })),
            _ => return None,
        };
        Some(self.valid(coerce(data, ty)))
    }

    fn valid(&self, data: Data) -> Column {
        Column::with_validity(data, self.valid.map(<[bool]>::to_vec))
    }

    fn each_row<T: Copy + Default + Send>(
        &self,
        rows: usize,
        pool: impl Fn(&[i64]) -> T + Sync,
    ) -> Vec<T> {
        filled(rows, Pace::Computed, |first, pooled| {
            let (mut numbers, mut offsets) = (Vec::new(), vec![0]);
            self.put(first..first + pooled.len(), &mut numbers, &mut offsets);
            for (pooled, ends) in pooled.iter_mut().zip(offsets.windows(2)) {
                *pooled = pool(&numbers[ends[0]..ends[1]]);
            }
        })
    }

    fn lists_of(&self, rows: Range<usize>) -> Lists {
        let count = rows.len();
        let mut offsets = Vec::with_capacity(count + 1);
        offsets.push(0);
        let mut numbers: Vec<i64> = Vec::with_capacity(2 * count);
        for first in rows.clone().step_by(BLOCK) {
            if first - rows.start == SOME {
                // As many more as these have, and an eighth: a large vector is moved once at most.
                numbers.reserve(numbers.len() * (count - SOME) / SOME * 9 / 8);
            }
            let block = first..rows.end.min(first + BLOCK);
            self.put(block, &mut numbers, &mut offsets);
        }
        Lists {
            offsets,
            values: Box::new(Data::Int(numbers)),
        }
    }

    /// Puts the numbers of some rows behind others, and where each row ends.
    fn put(&self, rows: Range<usize>, numbers: &mut Vec<i64>, offsets: &mut Vec<usize>) {
        let all = self.texts.all();
        let walk =
            |rows, met: &mut dyn FnMut(Met)| each_part(self.texts, rows, self.separator, met);
        match &self.number {
            Number::Length if self.is_ascii(&rows) => {
                each_part(self.texts, rows, self.separator, |met| match met {
                    Met::Part(part) => numbers.push(part.len() as i64),
                    Met::End => offsets.push(numbers.len()),
                });
            }
            Number::Length => walk(rows, &mut |met| match met {
                Met::Part(part) => numbers.push(all[part].chars().count() as i64),
                Met::End => offsets.push(numbers.len()),
            }),
            Number::Slot { first, n } => walk(rows, &mut |met| match met {
                Met::Part(part) => {
                    let hash = absorb(*first, Hashed::Str(&all[part]));
                    numbers.push(slot(hash, *n) as i64);
                }
                Met::End => offsets.push(numbers.len()),
            }),
            Number::Id(vocabulary) => {
                let mut parts: Vec<&str> = Vec::with_capacity(4 * BLOCK);
                walk(rows, &mut |met| match met {
                    Met::Part(part) => parts.push(&all[part]),
                    Met::End => offsets.push(numbers.len() + parts.len()),
                });
                vocabulary.ids_of_texts(&parts, numbers);
            }
        }
    }

    /// Whether texts that stand back to back have one byte a character.
    fn is_ascii(&self, rows: &Range<usize>) -> bool {
        let ends = self.texts.ends(rows.clone());
        ends.is_some_and(|ends| self.texts.all().as_bytes()[ends[0]..ends[rows.len()]].is_ascii())
    }
}
