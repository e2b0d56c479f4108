//! Values of columns at other places.

use std::ops::Range;

use rayon::prelude::*;

use super::{Data, Lists};
use crate::filled::{AT_HAND, CHUNK, Pace, filled, is_for_one};
use crate::wide;

/// Whether some of `rows` are beyond the end of so many values.
pub(crate) fn any_beyond(rows: &[u32], len: usize) -> bool {
    // The largest of many is found faster than the first that is too large.
    rows.iter().fold(0, |most, row| most.max(*row)) as usize >= len && !rows.is_empty()
}

/// Values that are taken from their places.
pub(super) trait Placed: Copy + Default + Send + Sync {
    /// For each place the value that stands there, `none` where it is beyond the end.
    fn gather(values: &[Self], places: &[u32], none: Self, found: &mut [Self]);
}

impl Placed for i64 {
    fn gather(values: &[Self], places: &[u32], none: Self, found: &mut [Self]) {
        wide::gather_ints(values, places, none, found);
    }
}

impl Placed for f64 {
    fn gather(values: &[Self], places: &[u32], none: Self, found: &mut [Self]) {
        wide::gather_floats(values, places, none, found);
    }
}

impl Placed for u32 {
    fn gather(values: &[Self], places: &[u32], none: Self, found: &mut [Self]) {
        wide::gather_places(values, places, none, found);
    }
}

impl Placed for bool {
    fn gather(values: &[Self], places: &[u32], none: Self, found: &mut [Self]) {
        for (found, place) in found.iter_mut().zip(places) {
            *found = values.get(*place as usize).copied().unwrap_or(none);
        }
    }
}

/// The values at `rows`; `none` where the row is beyond the end.
pub(super) fn gathered<T: Placed>(values: &[T], rows: &[u32], none: T) -> Vec<T> {
    filled(rows.len(), Pace::Copied, |first, found| {
        T::gather(values, &rows[first..first + found.len()], none, found);
    })
}

impl Data {
    /// The values at `rows`; the default where the row is beyond the end.
    pub(super) fn take(&self, rows: &[u32]) -> Self {
        match self {
            Self::Int(values) => Self::Int(gathered(values, rows, 0)),
            Self::Float(values) => Self::Float(gathered(values, rows, 0.0)),
            Self::Bool(values) => Self::Bool(gathered(values, rows, false)),
            Self::Str(texts) => Self::Str(texts.take(rows)),
            Self::List(lists) => Self::List(lists.take(rows)),
        }
    }

    /// The values of ranges, one range behind the other, `len` in all.
    fn take_ranges(&self, ranges: &[Range<usize>], len: usize) -> Self {
        match self {
            Self::Int(values) => Self::Int(copied(values, ranges, len)),
            Self::Float(values) => Self::Float(copied(values, ranges, len)),
            Self::Bool(values) => Self::Bool(copied(values, ranges, len)),
            Self::Str(texts) => Self::Str(match texts.places() {
                Some(places) => texts.replaced(copied(places, ranges, len)),
                None => {
                    let places = ranges.iter().flat_map(|range| range.clone());
                    let places: Vec<u32> = places.map(|at| at as u32).collect();
                    texts.take(&places)
                }
            }),
            Self::List(lists) => {
                let places = ranges.iter().flat_map(|range| range.clone());
                let places: Vec<u32> = places.map(|at| at as u32).collect();
                Self::List(lists.take(&places))
            }
        }
    }
}

impl Lists {
    /// The lists at `rows`; empty where the row is beyond the end.
    pub(crate) fn take(&self, rows: &[u32]) -> Self {
        let range = |row: &u32| match (*row as usize) < self.len() {
            true => self.range(*row as usize),
            false => 0..0,
        };
        let mut offsets = Vec::with_capacity(rows.len() + 1);
        let mut end = 0;
        offsets.push(end);
        offsets.extend(rows.iter().map(|row| {
            end += range(row).len();
            end
        }));
        let values = match self.values.as_ref() {
            Data::Int(values) => Data::Int(self.elements(values, rows, &offsets)),
            Data::Float(values) => Data::Float(self.elements(values, rows, &offsets)),
            values => values.take_ranges(&rows.iter().map(range).collect::<Vec<_>>(), end),
        };
        Self {
            values: Box::new(values),
            offsets,
        }
    }

    /// The elements of the lists at `rows`, which `offsets` say where to put.
    fn elements<T: Copy + Default + Send + Sync>(
        &self,
        values: &[T],
        rows: &[u32],
        offsets: &[usize],
    ) -> Vec<T> {
        let fill = |all: &mut [T], first: usize, rows: &[u32]| {
            let start = offsets[first];
            for (at, row) in rows.iter().enumerate() {
                let (to, end) = (offsets[first + at] - start, offsets[first + at + 1] - start);
                if to < end {
                    let from = self.offsets[*row as usize];
                    copy(&mut all[to..], &values[from..], end - to);
                }
            }
        };
        if is_for_one(rows.len()) {
            let mut all = Vec::with_capacity(offsets[rows.len()]);
            for (number, rows) in rows.chunks(AT_HAND).enumerate() {
                let first = number * AT_HAND;
                all.resize(offsets[first + rows.len()], T::default());
                fill(&mut all[offsets[first]..], first, rows);
            }
            return all;
        }
        let mut all = vec![T::default(); offsets[rows.len()]];
        let (mut parts, mut rest) = (Vec::new(), &mut all[..]);
        for (number, rows) in rows.chunks(CHUNK).enumerate() {
            let first = number * CHUNK;
            let len = offsets[first + rows.len()] - offsets[first];
            let (part, others) = rest.split_at_mut(len);
            parts.push((part, first, rows));
            rest = others;
        }
        let parts = parts.into_par_iter();
        parts.for_each(|(part, first, rows)| fill(part, first, rows));
        all
    }
}

/// Copies the first `len` values. Of few, four are copied where there are as many: what is too much is written over later.
fn copy<T: Copy>(to: &mut [T], from: &[T], len: usize) {
    match (to.first_chunk_mut::<4>(), from.first_chunk::<4>()) {
        // One by one: as a copy it would become one of `len` values, a call for each list.
        (Some(to), Some([a, b, c, d])) if len <= 4 => *to = [*a, *b, *c, *d],
        _ => to[..len].copy_from_slice(&from[..len]),
    }
}

/// The values of ranges, one range behind the other, `len` in all.
fn copied<T: Copy>(values: &[T], ranges: &[Range<usize>], len: usize) -> Vec<T> {
    let mut all = Vec::with_capacity(len);
    for range in ranges {
        all.extend_from_slice(&values[range.clone()]);
    }
    all
}
