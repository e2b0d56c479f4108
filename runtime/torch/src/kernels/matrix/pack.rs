//! Numbers as the matrix unit takes them. A float of 24 significant bits is the sum of three bfloat16 numbers, which have eight
//! each and its range; products of those are exact in a float.

use std::arch::x86_64::*;
use std::ops::Range;

use super::super::fetch;
use super::super::lines::Lines;
use super::unit::{SIDE, is_there};

/// Bytes of a tile: 16 rows of 64.
pub(super) const TILE: usize = LANES * ROW;
const ROW: usize = 64;
/// Numbers of a line that lie in one tile.
pub(super) const DEEP: usize = 32;
/// Bytes of a block: [`SIDE`] lines of [`DEEP`] numbers, of each number the large part, the middle and the small one.
pub(super) const BLOCK: usize = PIECES * (SIDE / LANES) * TILE;
const PIECES: usize = 3;

const LANES: usize = 16;

/// How a tile lies in memory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// Line after line: the left operand of the unit.
    Left,
    /// Pairs of numbers of all lines after another: the right operand.
    Right,
}

impl Lines<'_> {
    /// Packs some numbers of strips of [`SIDE`] lines, from strip `first` on, as many as there is room for. Beyond the last line
    /// are zeros.
    pub(super) fn pack(&self, first: usize, slice: Range<usize>, layout: Layout, out: &mut [u8]) {
        let blocks = slice.len().div_ceil(DEEP);
        assert!(
            is_there()
                && self.fit()
                && slice.end <= self.length
                && out.len().is_multiple_of(blocks * BLOCK),
            "internal: lines outside of their numbers"
        );
        let out = out.as_chunks_mut::<BLOCK>().0;
        let strips = out.len() / blocks.max(1);
        let along = self.steps.1 == 1;
        // Memory is read in its order.
        for at in 0..out.len() {
            let (strip, block) = match along {
                true => (at / blocks, at % blocks),
                false => (at % strips, at / strips),
            };
            let from = slice.start + block * DEEP;
            let part = from..slice.end.min(from + DEEP);
            let block = &mut out[strip * blocks + block];
            // SAFETY: processors that have the unit have these instructions.
            unsafe { self.block((first + strip) * SIDE, part, layout, block) };
        }
    }

    /// Packs one block.
    #[target_feature(enable = "avx512f,avx512bw")]
    fn block(&self, first: usize, part: Range<usize>, layout: Layout, block: &mut [u8; BLOCK]) {
        let along = self.steps.1 == 1;
        for half in 0..SIDE / LANES {
            let first = first + half * LANES;
            let lines = self.count.saturating_sub(first).min(LANES);
            let (of, numbers) = ((first, lines), (part.start, part.len()));
            if along {
                self.along(of, numbers, half, block);
            } else {
                self.across(of, numbers, half, block);
            }
            if along != (layout == Layout::Left) {
                for piece in 0..PIECES {
                    transpose(block, tile(piece, half));
                }
            }
        }
    }

    /// Tiles of a line in each row, where the numbers of a line lie side by side.
    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    fn along(
        &self,
        (first, lines): (usize, usize),
        (from, count): (usize, usize),
        half: usize,
        block: &mut [u8; BLOCK],
    ) {
        let (low, high) = (mask(count), mask(count.saturating_sub(LANES)));
        for line in 0..LANES {
            let there = line < lines;
            let at = (first + line) * self.steps.0 + from;
            // The next block of the line.
            fetch(self.numbers.as_ptr().wrapping_add(at + DEEP), DEEP);
            let low = split(self.load(at, if there { low } else { 0 }));
            let high = split(self.load(at + LANES, if there { high } else { 0 }));
            for piece in 0..PIECES {
                let row = _mm512_permutex2var_epi16(low[piece], upper_words(), high[piece]);
                store(block, tile(piece, half) + line, row);
            }
        }
    }

    /// Tiles of a pair of numbers of all lines in each row, where the same number of all lines lies side by side.
    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    fn across(
        &self,
        (first, lines): (usize, usize),
        (from, count): (usize, usize),
        half: usize,
        block: &mut [u8; BLOCK],
    ) {
        let lines = mask(lines);
        for pair in 0..LANES {
            let at = (from + 2 * pair) * self.steps.1 + first;
            // The next strip of lines.
            let next = self.numbers.as_ptr().wrapping_add(at + SIDE);
            fetch(next, LANES);
            fetch(next.wrapping_add(self.steps.1), LANES);
            let even = split(self.load(at, if 2 * pair < count { lines } else { 0 }));
            let odd = if 2 * pair + 1 < count { lines } else { 0 };
            let odd = split(self.load(at + self.steps.1, odd));
            for piece in 0..PIECES {
                let even = _mm512_srli_epi32::<16>(even[piece]);
                let row = _mm512_mask_blend_epi16(0xaaaa_aaaa, even, odd[piece]);
                store(block, tile(piece, half) + pair, row);
            }
        }
    }

    /// The numbers of a mask from a place on, others as 0.
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn load(&self, at: usize, mask: __mmask16) -> __m512 {
        let first = self.numbers.as_ptr().wrapping_add(at);
        // SAFETY: `fit` saw that all lines are in bounds, and what the mask leaves out is not read.
        unsafe { _mm512_maskz_loadu_ps(mask, first) }
    }
}

/// The first row of a tile in a block.
fn tile(piece: usize, half: usize) -> usize {
    (piece * (SIDE / LANES) + half) * LANES
}

/// The first `count` of 16.
fn mask(count: usize) -> __mmask16 {
    ((1_u32 << count.min(LANES)) - 1) as __mmask16
}

/// The three parts of each number, in the upper halves of its bits. The first two are rounded to nearest, and what is left has
/// eight bits.
#[target_feature(enable = "avx512f")]
#[inline]
fn split(x: __m512) -> [__m512i; 3] {
    let large = round(x);
    let rest = _mm512_sub_ps(x, _mm512_castsi512_ps(large));
    let middle = round(rest);
    let small = _mm512_sub_ps(rest, _mm512_castsi512_ps(middle));
    [large, middle, _mm512_castps_si512(small)]
}

/// The nearest bfloat16 numbers.
#[target_feature(enable = "avx512f")]
#[inline]
fn round(x: __m512) -> __m512i {
    let bits = _mm512_castps_si512(x);
    let half = _mm512_set1_epi32(0x8000);
    _mm512_and_si512(_mm512_add_epi32(bits, half), _mm512_set1_epi32(!0xffff))
}

/// Of two registers the upper half of each number.
#[target_feature(enable = "avx512f")]
#[inline]
fn upper_words() -> __m512i {
    let words: [u16; 32] = std::array::from_fn(|at| 2 * at as u16 + 1);
    // SAFETY: both are 64 bytes of integers.
    unsafe { std::mem::transmute::<[u16; 32], __m512i>(words) }
}

/// Rows of a tile become columns, 16 by 16 pairs: first within four by four, then those.
#[target_feature(enable = "avx512f")]
#[inline]
fn transpose(block: &mut [u8; BLOCK], first: usize) {
    let rows: [__m512i; LANES] = std::array::from_fn(|at| load(block, first + at));
    let mut pairs = rows;
    for at in (0..LANES).step_by(2) {
        pairs[at] = _mm512_unpacklo_epi32(rows[at], rows[at + 1]);
        pairs[at + 1] = _mm512_unpackhi_epi32(rows[at], rows[at + 1]);
    }
    let mut fours = pairs;
    for at in (0..LANES).step_by(4) {
        fours[at] = _mm512_unpacklo_epi64(pairs[at], pairs[at + 2]);
        fours[at + 1] = _mm512_unpackhi_epi64(pairs[at], pairs[at + 2]);
        fours[at + 2] = _mm512_unpacklo_epi64(pairs[at + 1], pairs[at + 3]);
        fours[at + 3] = _mm512_unpackhi_epi64(pairs[at + 1], pairs[at + 3]);
    }
    for at in 0..4 {
        let [a, b, c, d] = [fours[at], fours[at + 4], fours[at + 8], fours[at + 12]];
        let even = (
            _mm512_shuffle_i32x4::<0x88>(a, b),
            _mm512_shuffle_i32x4::<0x88>(c, d),
        );
        let odd = (
            _mm512_shuffle_i32x4::<0xdd>(a, b),
            _mm512_shuffle_i32x4::<0xdd>(c, d),
        );
        store(
            block,
            first + at,
            _mm512_shuffle_i32x4::<0x88>(even.0, even.1),
        );
        store(
            block,
            first + at + 4,
            _mm512_shuffle_i32x4::<0x88>(odd.0, odd.1),
        );
        store(
            block,
            first + at + 8,
            _mm512_shuffle_i32x4::<0xdd>(even.0, even.1),
        );
        store(
            block,
            first + at + 12,
            _mm512_shuffle_i32x4::<0xdd>(odd.0, odd.1),
        );
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load(block: &[u8; BLOCK], row: usize) -> __m512i {
    let bytes = &block[row * ROW..][..ROW];
    // SAFETY: there are the 64 bytes of a register.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store(block: &mut [u8; BLOCK], row: usize, value: __m512i) {
    let bytes = &mut block[row * ROW..][..ROW];
    // SAFETY: there is room for the 64 bytes of a register.
    unsafe { _mm512_storeu_si512(bytes.as_mut_ptr().cast(), value) };
}
