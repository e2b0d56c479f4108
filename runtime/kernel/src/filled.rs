//! Values written into memory that nobody has cleared before, piece by piece while a piece is in the first-level cache.
#![allow(
    unsafe_code,
    reason = "values of a vector may only be said to be there by who has written them"
)]

use rayon::prelude::*;
use std::mem::MaybeUninit;

use crate::wide;

/// Values, or rows, that one thread takes at a time.
pub(crate) const CHUNK: usize = 65_536;
/// Values of a piece: they are cleared and then written while they are in the first-level cache.
pub(crate) const AT_HAND: usize = 512;

/// Whether so many values are work for one thread.
pub(crate) fn is_for_one(values: usize) -> bool {
    values < 2 * CHUNK || rayon::current_num_threads() == 1
}

/// What a value costs.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    /// No more than it takes to write it.
    Copied,
    /// Enough for memory to be fetched meanwhile.
    Computed,
}

/// So many values, written by all threads: `fill` gets the place of the first of some, which are defaults, and writes those.
pub(crate) fn filled<T: Copy + Default + Send>(
    len: usize,
    pace: Pace,
    fill: impl Fn(usize, &mut [T]) + Sync,
) -> Vec<T> {
    let mut all = Vec::with_capacity(len);
    let room = &mut all.spare_capacity_mut()[..len];
    let write = |first: usize, room: &mut [MaybeUninit<T>]| {
        let mut first = first;
        let mut rest = room;
        while !rest.is_empty() {
            let (piece, next) = rest.split_at_mut(rest.len().min(AT_HAND));
            for value in piece.iter_mut() {
                value.write(T::default());
            }
            // SAFETY: each has just been written.
            let values = unsafe { piece.assume_init_mut() };
            if pace == Pace::Computed {
                wide::fetch_ahead(&next[..next.len().min(AT_HAND)]);
            }
            fill(first, values);
            first += values.len();
            rest = next;
        }
    };
    match is_for_one(len) {
        true => write(0, room),
        false => {
            let parts = room.par_chunks_mut(CHUNK).enumerate();
            parts.for_each(|(part, room)| write(part * CHUNK, room));
        }
    }
    // SAFETY: each value is in one piece of one part, and each piece was filled.
    unsafe { all.set_len(len) };
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_is_written_at_its_place_by_any_number_of_threads() {
        for len in [0, 1, AT_HAND, AT_HAND + 1, 2 * CHUNK + 7] {
            let found = filled(len, Pace::Computed, |first, values| {
                for (at, value) in values.iter_mut().enumerate() {
                    assert_eq!(*value, 0, "it is a default before");
                    *value = first + at + 1;
                }
            });
            assert!(found.iter().copied().eq(1..=len), "{len} values");
        }
    }
}
