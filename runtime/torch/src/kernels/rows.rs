//! Rows at indices.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use super::{Shared, fetch, parallel, wide};

/// How many rows before it is its turn a row is asked for: rows lie anywhere, and memory takes as long as some of them.
const AHEAD: usize = 8;
/// Fewer columns than this are not worth a thread.
const COLUMNS: usize = 16;
/// Less work than this, in elements, is not worth a thread.
const ELEMENTS: usize = 1 << 17;
/// Fewer look-ups of ids than this are not worth a thread.
const IDS: usize = 1 << 13;

/// Adds rows of `source[_, width]` to rows of `target[_, width]`: for each `n` in order, row `from[n]` (or `n`) to row
/// `to[n]`. The first row number that lies outside is returned, and nothing is done then.
pub(crate) fn accumulate(
    target: &mut [f32],
    to: &[i64],
    source: &[f32],
    from: Option<&[i64]>,
    width: usize,
) -> Result<(), i64> {
    if width == 0 {
        return Ok(());
    }
    inside(to, target.len() / width)?;
    match from {
        Some(from) => inside(from, source.len() / width)?,
        None => assert!(
            to.len() * width == source.len(),
            "internal: as many rows as indices"
        ),
    }
    let target = Shared::new(target);
    let grain = if to.len() * width < ELEMENTS {
        width
    } else {
        COLUMNS
    };
    parallel(width, grain, |columns| {
        add_columns(&target, to, source, from, width, columns);
    });
    Ok(())
}

wide! {
    /// One thread's columns of all rows.
    fn add_columns(
        target: &Shared<'_>,
        to: &[i64],
        source: &[f32],
        from: Option<&[i64]>,
        width: usize,
        columns: Range<usize>,
    ) {
        for (n, row) in to.iter().enumerate() {
            if let Some(next) = to.get(n + AHEAD) {
                let first = |row: i64| row as usize * width + columns.start;
                target.fetch(first(*next), columns.len());
                if let Some(from) = from {
                    fetch(source.as_ptr().wrapping_add(first(from[n + AHEAD])), columns.len());
                }
            }
            let row = *row as usize * width;
            let read = from.map_or(n, |from| from[n] as usize) * width;
            // SAFETY: each thread has its own columns, and this is the only part that it holds.
            let into = unsafe { target.part(row + columns.start..row + columns.end) };
            for (into, value) in into.iter_mut().zip(&source[read + columns.start..read + columns.end]) {
                *into += *value;
            }
        }
    }
}

/// Puts the largest of the rows of `source[_, width]` that go to each row of `target[_, width]` there, element by element; a NaN is larger
/// than all numbers. Rows to which none goes stay as they are. The first row number that lies outside is returned, and nothing is
/// done then.
pub(crate) fn largest(
    target: &mut [f32],
    to: &[i64],
    source: &[f32],
    width: usize,
) -> Result<(), i64> {
    if width == 0 {
        return Ok(());
    }
    inside(to, target.len() / width)?;
    let mut reached = vec![false; target.len() / width];
    for (row, source) in to.iter().zip(source.chunks_exact(width)) {
        let row = *row as usize;
        let into = &mut target[row * width..(row + 1) * width];
        if !std::mem::replace(&mut reached[row], true) {
            into.copy_from_slice(source);
            continue;
        }
        for (into, value) in into.iter_mut().zip(source) {
            if *value > *into || value.is_nan() {
                *into = *value;
            }
        }
    }
    Ok(())
}

/// Whether all are row numbers below `rows`; else the first that is not.
pub(crate) fn inside(ids: &[i64], rows: usize) -> Result<(), i64> {
    let largest = ids.iter().fold(0, |largest, id| largest.max(*id as u64));
    if ids.is_empty() || largest < rows as u64 {
        return Ok(());
    }
    Err(ids
        .iter()
        .copied()
        .find(|id| *id as u64 >= rows as u64)
        .expect("the largest lies outside"))
}

/// Whether values are numbers of so many rows.
pub(crate) fn all_below(values: &[i64], rows: usize) -> bool {
    let mut joined = 0;
    join(values, rows as i64 - 1, &mut joined);
    joined >= 0
}

wide! {
    /// One value that is negative or beyond the last row leaves its sign in what is joined.
    fn join(values: &[i64], last: i64, joined: &mut i64) {
        let with = |joined, &value| joined | value | last.wrapping_sub(value);
        *joined = values.iter().fold(0, with);
    }
}

/// A set of row numbers that knows the place of each among them.
struct Ranks {
    words: Vec<u64>,
    /// How many members there are before each word.
    before: Vec<u32>,
}

impl Ranks {
    /// The set, if its largest member is small enough for a bit each.
    fn new(ids: &[i64]) -> Option<Self> {
        let largest = ids.iter().fold(0, |largest, id| largest.max(*id as u64));
        let words = usize::try_from(largest / 64).ok()? + 1;
        if words > (1 << 20) + 4 * ids.len() {
            return None;
        }
        let mut words = vec![0u64; words];
        for id in ids {
            words[*id as usize / 64] |= 1 << (*id % 64);
        }
        let before = words.iter().scan(0, |count, word| {
            let before = *count;
            *count += word.count_ones();
            Some(before)
        });
        let before = before.collect();
        Some(Self { words, before })
    }

    fn members(&self) -> Vec<i64> {
        let mut members = Vec::new();
        for (at, word) in self.words.iter().enumerate() {
            let mut rest = *word;
            while rest != 0 {
                members.push((at * 64) as i64 + i64::from(rest.trailing_zeros()));
                rest &= rest - 1;
            }
        }
        members
    }

    /// The place of a member.
    fn rank(&self, id: i64) -> Option<i64> {
        let at = usize::try_from(id).ok()? / 64;
        let (word, bit) = (self.words.get(at)?, 1u64 << (id % 64));
        let below = (word & (bit - 1)).count_ones();
        (word & bit != 0).then(|| i64::from(self.before[at] + below))
    }
}

/// The distinct ids, ascending.
pub(crate) fn unique(ids: &[i64]) -> Vec<i64> {
    if let Some(ranks) = Ranks::new(ids) {
        return if ids.is_empty() {
            Vec::new()
        } else {
            ranks.members()
        };
    }
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    sorted
}

/// Puts the place of each id among the distinct ones into `out`; the first id that is not among them is an error.
pub(crate) fn unique_inverse(out: &mut [i64], ids: &[i64], distinct: &[i64]) -> Result<(), i64> {
    assert!(out.len() == ids.len(), "internal: a place for each id");
    let ranks = Ranks::new(distinct);
    let rank = |id: i64| match &ranks {
        Some(ranks) => ranks.rank(id),
        None => distinct.binary_search(&id).ok().map(|at| at as i64),
    };
    let out = Shared::new(out);
    let strange = AtomicBool::new(false);
    parallel(ids.len(), IDS, |range| {
        // SAFETY: each thread has its own ids, and this is the only part that it holds.
        let out = unsafe { out.part(range.clone()) };
        for (out, id) in out.iter_mut().zip(&ids[range]) {
            match rank(*id) {
                Some(rank) => *out = rank,
                None => strange.store(true, Ordering::Relaxed),
            }
        }
    });
    if strange.into_inner() {
        let first = ids.iter().find(|id| rank(**id).is_none());
        return Err(*first.expect("an id was strange"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{accumulate, all_below, largest, unique, unique_inverse};

    #[test]
    fn what_is_no_row_is_seen_among_what_is() {
        for rows in [1, 5, 8, 100_001] {
            let within = [0, rows as i64 - 1, rows as i64 / 2];
            assert!(all_below(&within, rows) && all_below(&[], rows));
            for wrong in [rows as i64, rows as i64 + 1, -1, i64::MIN, i64::MAX] {
                let [a, b, c] = within;
                assert!(!all_below(&[a, wrong, b, c], rows), "{wrong} of {rows}");
            }
        }
        assert!(all_below(&[], 0) && !all_below(&[0], 0));
    }

    #[test]
    fn rows_are_added_in_order_and_rows_outside_are_refused() {
        let mut target = [0.0; 4];
        accumulate(
            &mut target,
            &[1, 0, 1],
            &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0],
            None,
            2,
        )
        .unwrap();
        assert_eq!(target, [3.0, 4.0, 6.0, 8.0]);
        accumulate(&mut target, &[0], &[1.0, 2.0, 3.0, 4.0], Some(&[1]), 2).unwrap();
        assert_eq!(target, [6.0, 8.0, 6.0, 8.0]);
        assert_eq!(accumulate(&mut target, &[2], &[1.0, 2.0], None, 2), Err(2));
        assert_eq!(
            accumulate(&mut target, &[0], &[1.0, 2.0], Some(&[-1]), 2),
            Err(-1)
        );
    }

    #[test]
    fn the_largest_of_a_row_counts_below_zero_too_and_a_nan_is_seen() {
        let mut target = [0.0; 6];
        let source = [-2.0, 5.0, -1.0, f32::NAN, -3.0, 7.0];
        largest(&mut target, &[0, 0, 2], &source, 2).unwrap();
        assert_eq!(target[0], -1.0);
        assert!(target[1].is_nan());
        assert_eq!(target[2..], [0.0, 0.0, -3.0, 7.0]);
        assert_eq!(largest(&mut target, &[3], &[1.0, 2.0], 2), Err(3));
    }

    #[test]
    fn distinct_ids_are_sorted_however_large_they_are() {
        for far in [0, 1 << 40] {
            let ids = [5 + far, 64 + far, 5 + far, 63 + far, 200 + far];
            let distinct = unique(&ids);
            assert_eq!(distinct, [5 + far, 63 + far, 64 + far, 200 + far]);
            let mut places = [9; 5];
            unique_inverse(&mut places, &ids, &distinct).unwrap();
            assert_eq!(places, [0, 2, 0, 1, 3]);
            let strange = [5 + far, 6 + far, 7 + far];
            let refused = unique_inverse(&mut [0; 3], &strange, &distinct);
            assert_eq!(refused, Err(6 + far));
        }
        assert_eq!(unique(&[]), Vec::<i64>::new());
        assert_eq!(unique_inverse(&mut [], &[], &[]), Ok(()));
    }
}
