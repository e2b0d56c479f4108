//! Parts of texts between separators, and numbers of them where nothing else reads the parts: those are looked at where they stand
//! in their text, and never stored. So are the keys of bags, whose weights are read on the same way.

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;
use reckon_compiler::plan::row::{Bag, RowOp, RowType};

use super::bags;
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

/// What the parts of a text are.
#[derive(Clone, Copy)]
enum Taken<'a> {
    /// What stands between separators.
    Split(&'a str),
    /// The keys of a bag.
    Keys(Bag),
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

/// Texts, what is taken from them, and what becomes of each part.
pub(crate) struct Parts<'a> {
    texts: &'a Texts,
    valid: Option<&'a [bool]>,
    taken: Taken<'a>,
    number: Number<'a>,
}

/// Numbers of the parts of some rows, back to back.
struct Made {
    /// Where each row ends, behind a zero.
    offsets: Vec<usize>,
    numbers: Vec<i64>,
    /// The weights of keys, where they are asked for.
    weights: Option<Vec<f64>>,
}

impl Made {
    fn none(weights: Option<Vec<f64>>) -> Self {
        Self {
            offsets: vec![0],
            numbers: Vec::new(),
            weights,
        }
    }

    fn reserve(&mut self, rows: usize, parts: usize) {
        self.offsets.reserve(rows);
        self.numbers.reserve(parts);
        if let Some(weights) = &mut self.weights {
            weights.reserve(parts);
        }
    }
}

fn list(offsets: Vec<usize>, values: Data) -> Column {
    Column::new(Data::List(Lists {
        offsets,
        values: Box::new(values),
    }))
}

impl<'a> Parts<'a> {
    /// What the second op gives of the parts that the first one takes; `None` where this is not what the operand and the fits
    /// are for.
    pub(crate) fn new(
        x: &Operand<'a>,
        [taken, op]: [&'a RowOp; 2],
        fitted: &'a [Fitted],
    ) -> Option<Self> {
        let Data::Str(texts) = x.data else {
            return None;
        };
        let taken = match taken {
            RowOp::Split(separator) => Taken::Split(separator),
            RowOp::BagKeys(bag) => Taken::Keys(*bag),
            _ => return None,
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
            taken,
            number,
        })
    }

    /// A list of numbers a row.
    pub(crate) fn lists(&self) -> Option<Column> {
        let parts = self.made(None).into_iter();
        let lists = parts.map(|of| list(of.offsets, Data::Int(of.numbers)));
        Some(self.valid(Column::joined(lists.collect())?.data))
    }

    /// A list of the numbers of the keys of each row, and one of their weights.
    pub(crate) fn lists_and_weights(&self) -> Option<[Column; 2]> {
        let (mut lists, mut weights) = (Vec::new(), Vec::new());
        for of in self.made(Some(Vec::new())) {
            weights.push(list(of.offsets.clone(), Data::Float(of.weights?)));
            lists.push(list(of.offsets, Data::Int(of.numbers)));
        }
        let lists = self.valid(Column::joined(lists)?.data);
        Some([lists, self.valid(Column::joined(weights)?.data)])
    }

    /// The numbers of all parts, range of rows by range of rows; `weights` is where those of a range go.
    fn made(&self, weights: Option<Vec<f64>>) -> Vec<Made> {
        let rows = self.texts.len();
        if is_for_one(rows) {
            return vec![self.of_rows(0..rows, weights)];
        }
        let parts = (0..rows.div_ceil(CHUNK)).into_par_iter().map(|part| {
            let first = part * CHUNK;
            self.of_rows(first..rows.min(first + CHUNK), weights.clone())
        });
        parts.collect()
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
            let mut made = Made::none(None);
            self.put(first..first + pooled.len(), &mut made);
            for (pooled, ends) in pooled.iter_mut().zip(made.offsets.windows(2)) {
                *pooled = pool(&made.numbers[ends[0]..ends[1]]);
            }
        })
    }

    fn of_rows(&self, rows: Range<usize>, weights: Option<Vec<f64>>) -> Made {
        let count = rows.len();
        let mut made = Made::none(weights);
        made.reserve(count, 2 * count);
        for first in rows.clone().step_by(BLOCK) {
            if first - rows.start == SOME {
                // As many more as these have, and an eighth: a large vector is moved once at most.
                let parts = made.numbers.len() * (count - SOME) / SOME * 9 / 8;
                made.reserve(count - SOME, parts);
            }
            let block = first..rows.end.min(first + BLOCK);
            self.put(block, &mut made);
        }
        made
    }

    /// Puts the numbers of some rows behind others.
    fn put(&self, rows: Range<usize>, made: &mut Made) {
        match self.taken {
            Taken::Split(separator) => self.put_parts(rows, separator, made),
            Taken::Keys(bag) => self.put_keys(rows, bag, made),
        }
    }

    fn put_parts(&self, rows: Range<usize>, separator: &str, made: &mut Made) {
        let Made {
            offsets, numbers, ..
        } = made;
        let all = self.texts.all();
        let walk = |rows, met: &mut dyn FnMut(Met)| each_part(self.texts, rows, separator, met);
        match &self.number {
            Number::Length if self.is_ascii(&rows) => {
                each_part(self.texts, rows, separator, |met| match met {
                    Met::Part(part) => numbers.push(part.len() as i64),
                    Met::End => offsets.push(numbers.len()),
                });
            }
            Number::Length => walk(rows, &mut |met| match met {
                Met::Part(part) => numbers.push(length(&all[part])),
                Met::End => offsets.push(numbers.len()),
            }),
            Number::Slot { first, n } => walk(rows, &mut |met| match met {
                Met::Part(part) => numbers.push(slot_of(&all[part], *first, *n)),
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

    fn put_keys(&self, rows: Range<usize>, bag: Bag, made: &mut Made) {
        let Made {
            offsets,
            numbers,
            weights,
        } = made;
        let before = numbers.len();
        // Keys without the backslashes of their texts, by their places among the others.
        let mut unescaped: Vec<(usize, String)> = Vec::new();
        let mut keys: Vec<&str> = Vec::with_capacity(4 * BLOCK);
        bags::each(self.texts, rows, bag, |met| match met {
            bags::Met::Pair(key, weight) => {
                match key {
                    Cow::Borrowed(key) => keys.push(key),
                    Cow::Owned(key) => {
                        unescaped.push((keys.len(), key));
                        keys.push("");
                    }
                }
                if let Some(weights) = weights {
                    weights.push(weight);
                }
            }
            bags::Met::End => offsets.push(before + keys.len()),
        });
        for (at, key) in &unescaped {
            keys[*at] = key;
        }
        match &self.number {
            Number::Length => numbers.extend(keys.iter().map(|key| length(key))),
            Number::Slot { first, n } => {
                numbers.extend(keys.iter().map(|key| slot_of(key, *first, *n)));
            }
            Number::Id(vocabulary) => vocabulary.ids_of_texts(&keys, numbers),
        }
    }

    /// Whether texts that stand back to back have one byte a character.
    fn is_ascii(&self, rows: &Range<usize>) -> bool {
        let ends = self.texts.ends(rows.clone());
        ends.is_some_and(|ends| self.texts.all().as_bytes()[ends[0]..ends[rows.len()]].is_ascii())
    }
}

fn length(part: &str) -> i64 {
    part.chars().count() as i64
}

fn slot_of(part: &str, first: u64, n: u64) -> i64 {
    slot(absorb(first, Hashed::Str(part)), n) as i64
}
