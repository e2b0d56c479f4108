//! Sums of many numbers, read once: the squares of gradients, and the rows of a matrix added up, as in the gradient of a bias.

use super::{Shared, parallel, wide};

/// Numbers are added up a block at a time, so that rounding does not grow with their count, and not with threads.
const BLOCK: usize = 4_096;
const LANES: usize = 16;
/// Rows of a matrix that one partial sum is of.
const ROWS: usize = 64;

/// The sum of all squares.
pub(crate) fn squares(values: &[f32]) -> f64 {
    let mut sums = vec![0.0; values.len().div_ceil(BLOCK)];
    let blocks = sums.len();
    let out = Shared::new(&mut sums);
    parallel(blocks, 16, |range| {
        // SAFETY: ranges are disjoint.
        let sums = unsafe { out.part(range.clone()) };
        block_squares(&values[range.start * BLOCK..], sums);
    });
    sums.iter().sum()
}

wide! {
    /// A sum for each of the next blocks.
    fn block_squares(values: &[f32], sums: &mut [f64]) {
        for (block, sum) in values.chunks(BLOCK).zip(sums) {
            let mut lanes = [0.0_f32; LANES];
            let (whole, rest) = block.as_chunks::<LANES>();
            for chunk in whole {
                for (lane, value) in lanes.iter_mut().zip(chunk) {
                    *lane += value * value;
                }
            }
            for (lane, value) in lanes.iter_mut().zip(rest) {
                *lane += value * value;
            }
            *sum = lanes.iter().copied().map(f64::from).sum();
        }
    }
}

/// The sum of all rows of a matrix of `out.len()` columns, at least one.
pub(crate) fn of_rows(matrix: &[f32], out: &mut [f32]) {
    let width = out.len();
    let mut blocks = (matrix.len() / width).div_ceil(ROWS);
    let mut partial = vec![0.0; blocks * width];
    let shared = Shared::new(&mut partial);
    parallel(blocks, 4, |range| {
        // SAFETY: ranges are disjoint.
        let sums = unsafe { shared.part(range.start * width..range.end * width) };
        block_rows(&matrix[range.start * ROWS * width..], sums, width);
    });
    // Neighbours are added first, so that each number is rounded as seldom as can be.
    while blocks > 1 {
        for at in 0..blocks / 2 {
            for column in 0..width {
                let first = 2 * at * width + column;
                partial[at * width + column] = partial[first] + partial[first + width];
            }
        }
        if blocks % 2 == 1 {
            partial.copy_within((blocks - 1) * width..blocks * width, blocks / 2 * width);
        }
        blocks = blocks.div_ceil(2);
    }
    out.copy_from_slice(&partial[..width]);
}

wide! {
    /// A row of sums for each of the next blocks of rows.
    fn block_rows(matrix: &[f32], sums: &mut [f32], width: usize) {
        for (block, sums) in matrix.chunks(ROWS * width).zip(sums.chunks_exact_mut(width)) {
            for row in block.chunks_exact(width) {
                for (sum, value) in sums.iter_mut().zip(row) {
                    *sum += value;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{of_rows, squares};
    use crate::set_threads;

    const ROWS: usize = 70_003;

    fn sums() -> (f64, [f32; 3]) {
        let values: Vec<f32> = (0..3 * ROWS).map(|at| 0.1 + (at % 3) as f32).collect();
        let mut rows = [0.0; 3];
        of_rows(&values, &mut rows);
        (squares(&values), rows)
    }

    #[test]
    fn many_numbers_are_added_up_to_the_last_digits() {
        let (squares, rows) = sums();
        let near = |sum: f64, each: f64| (sum / (each * ROWS as f64) - 1.0).abs() < 1e-6;
        assert!(near(squares, 0.01 + 1.21 + 4.41), "{squares}");
        for (column, sum) in rows.into_iter().enumerate() {
            assert!(near(f64::from(sum), 0.1 + column as f64), "{sum}");
        }
    }

    #[test]
    fn sums_have_the_same_bits_with_any_number_of_threads() {
        set_threads(1);
        let one = sums();
        for threads in [2, 3] {
            set_threads(threads);
            assert_eq!(sums(), one);
        }
    }
}
