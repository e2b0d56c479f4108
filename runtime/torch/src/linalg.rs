//! Linear algebra that baselines need.

use tch::{Kind, Tensor};

use crate::reproducible;

/// The inverse of a symmetric positive definite matrix of `size` rows, row by row, by Cholesky's factors. `None` where
/// it has none in 32 bits.
///
/// # Panics
/// If the matrix does not have `size * size` elements.
pub fn inverse_positive_definite(matrix: Vec<f32>, size: usize) -> Option<Vec<f32>> {
    assert_eq!(matrix.len(), size * size, "internal: a square matrix");
    reproducible::ensure();
    let side = size as i64;
    let whole = Tensor::from_slice(&matrix).view([side, side]);
    drop(matrix);
    // Each is let go before the next is made: these are the largest tensors of an evaluation.
    let factor = whole.f_linalg_cholesky(false).ok()?;
    drop(whole);
    let inverse = factor.f_cholesky_inverse(false).ok()?;
    drop(factor);
    let all_finite = inverse.isfinite().all().int64_value(&[]) == 1;
    let inverse = inverse.contiguous().to_kind(Kind::Float).view([-1]);
    all_finite.then(|| Vec::try_from(inverse).ok()).flatten()
}
