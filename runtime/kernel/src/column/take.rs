//! Values of columns at other places.

use std::ops::Range;

use rayon::prelude::*;

use super::{Data, Lists};

/// Places that one thread takes at a time.
const CHUNK: usize = 65_536;

/// Whether some of `rows` are beyond the end of so many values.
pub(crate) fn any_beyond(rows: &[u32], len: usize) -> bool {
    // The largest of many is found faster than the first that is too large.
    rows.iter().fold(0, |most, row| most.max(*row)) as usize >= len && !rows.is_empty()
}

/// The values at `rows`; `none` where the row is beyond the end.
pub(super) fn gathered<T: Copy + Send + Sync>(values: &[T], rows: &[u32], none: T) -> Vec<T> {
    let mut taken = vec![none; rows.len()];
    let fill = |(taken, rows): (&mut [T], &[u32])| {
        for (to, row) in taken.iter_mut().zip(rows) {
            if let Some(value) = values.get(*row as usize) {
                *to = *value;
            }
        }
    };
    if rows.len() < 2 * CHUNK {
        fill((&mut taken, rows));
    } else {
        let parts = taken.par_chunks_mut(CHUNK).zip(rows.par_chunks(CHUNK));
        parts.for_each(fill);
    }
    taken
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
        let ranges: Vec<Range<usize>> = rows.iter().map(range).collect();
        let mut offsets = Vec::with_capacity(rows.len() + 1);
        let mut end = 0;
        offsets.push(end);
        for range in &ranges {
            end += range.len();
            offsets.push(end);
        }
        Self {
            values: Box::new(self.values.take_ranges(&ranges, end)),
            offsets,
        }
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
