//! Columns that all threads fill, in memory that is cleared piece by piece while it is at hand: to clear a large column first is to
//! write it twice.
#![allow(
    unsafe_code,
    reason = "memory becomes values once all of it has been written"
)]

use std::mem::MaybeUninit;

use rayon::prelude::*;

/// Values that one thread takes at a time.
const CHUNK: usize = 65_536;
/// Values that are cleared and filled at a time, which stay in the first-level cache between the two.
const PIECE: usize = 4096;

/// So many values; `fill` gets the place of the first of a piece, and the piece with the default in all places.
pub(crate) fn filled<T: Copy + Default + Send>(
    len: usize,
    fill: impl Fn(usize, &mut [T]) + Sync,
) -> Vec<T> {
    let mut all: Vec<T> = Vec::with_capacity(len);
    let room = &mut all.spare_capacity_mut()[..len];
    let write = |(chunk, room): (usize, &mut [MaybeUninit<T>])| {
        for (piece, room) in room.chunks_mut(PIECE).enumerate() {
            fill(chunk * CHUNK + piece * PIECE, cleared(room));
        }
    };
    match len < 2 * CHUNK || rayon::current_num_threads() == 1 {
        true => room.chunks_mut(CHUNK).enumerate().for_each(write),
        false => room.par_chunks_mut(CHUNK).enumerate().for_each(write),
    }
    // SAFETY: there is room for `len` values, and the chunks, of which all are gone through, have cleared each of them at least.
    unsafe { all.set_len(len) }
    all
}

/// The memory with the default in all places.
fn cleared<T: Copy + Default>(room: &mut [MaybeUninit<T>]) -> &mut [T] {
    room.fill(MaybeUninit::new(T::default()));
    // SAFETY: the line above has written every value of the slice, and a value that may not be written is laid out as one that is.
    unsafe { &mut *(std::ptr::from_mut(room) as *mut [T]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_piece_is_filled_in_its_place_and_what_is_not_filled_is_the_default() {
        for len in [0, 1, PIECE, PIECE + 1, 3 * CHUNK + 5] {
            let all: Vec<usize> = filled(len, |first, piece| {
                let even = piece.iter_mut().enumerate().filter(|(at, _)| at % 2 == 0);
                even.for_each(|(at, value)| *value = first + at);
            });
            let expected = (0..len).map(|at| if at % 2 == 0 { at } else { 0 });
            assert!(all.into_iter().eq(expected), "{len}");
        }
    }
}
