//! Products of matrices that are small enough to stay in the first-level cache.

use std::ops::Range;

/// Widths are rounded up to this many numbers, so that whole registers serve.
pub(crate) const LANES: usize = 16;

/// Which part of a product a triangle of shares leaves.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Whole,
    /// Row `i` of the result is read up to column `i`.
    Columns,
    /// Row `i` is a sum up to `i`.
    UpTo,
    /// Row `i` is a sum from `i` on.
    From,
}

/// The product of small matrices `a[rows, inner]` and `b[inner, columns]`, where `columns` is a multiple of [`LANES`] and
/// `a[i, k]` lies at `i * steps.0 + k * steps.1`.
pub(crate) struct Product<'a> {
    pub(crate) a: &'a [f32],
    pub(crate) steps: (usize, usize),
    pub(crate) b: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) inner: usize,
    pub(crate) columns: usize,
    pub(crate) reach: Reach,
}

impl Product<'_> {
    /// Puts the part within reach; what lies beyond is of no use to anyone.
    #[inline(always)]
    pub(crate) fn put<const FUSED: bool>(&self, out: &mut Vec<f32>) {
        const TALL: usize = 4;
        out.resize(self.rows * self.columns, 0.0);
        let whole = self.rows / TALL * TALL;
        for row in (0..whole).step_by(TALL) {
            self.strip::<FUSED, TALL>(row, out);
        }
        for row in whole..self.rows {
            self.strip::<FUSED, 1>(row, out);
        }
    }

    /// Some rows of the result.
    #[inline(always)]
    fn strip<const FUSED: bool, const TALL: usize>(&self, row: usize, out: &mut [f32]) {
        let after = row + TALL;
        let (inner, columns) = match self.reach {
            Reach::Whole => (0..self.inner, self.columns),
            Reach::Columns => (0..self.inner, after.next_multiple_of(LANES)),
            Reach::UpTo => (0..after, self.columns),
            Reach::From => (row..self.inner, self.columns),
        };
        let mut column = 0;
        while column + 2 * LANES <= columns {
            self.block::<FUSED, TALL, { 2 * LANES }>(row, column, inner.clone(), out);
            column += 2 * LANES;
        }
        if column < columns {
            self.block::<FUSED, TALL, LANES>(row, column, inner, out);
        }
    }

    /// A block of the result, in registers while it is summed.
    #[inline(always)]
    fn block<const FUSED: bool, const TALL: usize, const WIDE: usize>(
        &self,
        row: usize,
        column: usize,
        inner: Range<usize>,
        out: &mut [f32],
    ) {
        let mut sums = [[0.0_f32; WIDE]; TALL];
        let (by_row, by_sum) = self.steps;
        if let Some(last) = inner.clone().last() {
            let within = self.a.len() > (row + TALL - 1) * by_row + last * by_sum
                && self.b.len() >= last * self.columns + column + WIDE;
            assert!(within, "internal: a product outside of its matrices");
        }
        for k in inner {
            // SAFETY: the last are within bounds, as was just checked, and the others come before them.
            let b = unsafe {
                self.b
                    .get_unchecked(k * self.columns + column..)
                    .get_unchecked(..WIDE)
            };
            for (at, sums) in sums.iter_mut().enumerate() {
                // SAFETY: as above.
                let a = unsafe { *self.a.get_unchecked((row + at) * by_row + k * by_sum) };
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum = if FUSED {
                        a.mul_add(*b, *sum)
                    } else {
                        a * b + *sum
                    };
                }
            }
        }
        for (at, sums) in sums.iter().enumerate() {
            out[(row + at) * self.columns + column..][..WIDE].copy_from_slice(sums);
        }
    }
}
