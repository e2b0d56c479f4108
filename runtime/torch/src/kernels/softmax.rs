//! Softmax of scores under a mask, and its gradient, in one pass over each row.

use super::{Shared, parallel, wide};

/// Fewer elements than this are not worth a thread.
const ELEMENTS: usize = 1 << 15;

/// For each row of `width` scores the softmax of `scale * score` over the places that the mask allows, 0 elsewhere and 0
/// throughout where it allows none.
pub(crate) fn masked(out: &mut [f32], scores: &[f32], mask: &[bool], scale: f32, width: usize) {
    assert!(
        out.len() == scores.len() && scores.len() == mask.len(),
        "internal: a place in the mask for each score"
    );
    by_rows(out, width, |out, from, to| {
        masked_rows(out, &scores[from..to], &mask[from..to], scale, width);
    });
}

/// `scale * shares * (g - sum(g * shares))` of each row of `width`: what the scores get of the gradient `g` of their softmax.
pub(crate) fn gradient(out: &mut [f32], shares: &[f32], g: &[f32], scale: f32, width: usize) {
    assert!(
        out.len() == shares.len() && shares.len() == g.len(),
        "internal: a gradient for each share"
    );
    by_rows(out, width, |out, from, to| {
        gradient_rows(out, &shares[from..to], &g[from..to], scale, width);
    });
}

/// Shares rows out among threads.
fn by_rows(out: &mut [f32], width: usize, work: impl Fn(&mut [f32], usize, usize) + Sync) {
    if width == 0 {
        return;
    }
    let rows = out.len() / width;
    let out = Shared::new(out);
    parallel(rows, ELEMENTS / width, |range| {
        let (from, to) = (range.start * width, range.end * width);
        // SAFETY: each thread has its own rows, and this is the only part that it holds.
        let part = unsafe { out.part(from..to) };
        work(part, from, to);
    });
}

wide! {
    fn masked_rows(out: &mut [f32], scores: &[f32], mask: &[bool], scale: f32, width: usize) {
        let rows = scores.chunks_exact(width).zip(mask.chunks_exact(width));
        for (out, (scores, mask)) in out.chunks_exact_mut(width).zip(rows) {
            let mut largest = f32::NEG_INFINITY;
            for ((out, score), allowed) in out.iter_mut().zip(scores).zip(mask) {
                *out = if *allowed { score * scale } else { f32::NEG_INFINITY };
                largest = if *out > largest { *out } else { largest };
            }
            if largest == f32::NEG_INFINITY {
                // Nothing is allowed, or what is allowed is no number: that has to be seen.
                for value in out {
                    *value = if value.is_nan() { f32::NAN } else { 0.0 };
                }
                continue;
            }
            for value in out.iter_mut() {
                *value = exp(*value - largest);
            }
            let total = sum(out, |at| out[at]);
            for value in out {
                *value /= total;
            }
        }
    }
}

wide! {
    fn gradient_rows(out: &mut [f32], shares: &[f32], g: &[f32], scale: f32, width: usize) {
        let rows = shares.chunks_exact(width).zip(g.chunks_exact(width));
        for (out, (shares, g)) in out.chunks_exact_mut(width).zip(rows) {
            let total = sum(shares, |at| shares[at] * g[at]);
            for ((out, share), g) in out.iter_mut().zip(shares).zip(g) {
                *out = scale * (share * (g - total));
            }
        }
    }
}

/// Numbers added up in eight columns, so that wide registers serve; the order is the same on every machine.
#[inline(always)]
pub(super) fn sum(row: &[f32], value: impl Fn(usize) -> f32) -> f32 {
    const LANES: usize = 8;
    let mut columns = [0.0; LANES];
    let whole = row.len() / LANES * LANES;
    for start in (0..whole).step_by(LANES) {
        for (lane, column) in columns.iter_mut().enumerate() {
            *column += value(start + lane);
        }
    }
    let rest: f32 = (whole..row.len()).map(value).sum();
    columns.iter().sum::<f32>() + rest
}

/// `e^x` for `x <= 0`, to about one unit in the last place, 0 below the smallest normal number. By the polynomial of the
/// Cephes library (Moshier) on `x - n ln 2`, written so that eight are computed at a time.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    const SMALLEST: f32 = -87.0;
    /// Adding it rounds to a whole number, which then stands in the last bits.
    const ROUND: f32 = 12_582_912.0;
    const HIGH: f32 = 0.693_359_4;
    const LOW: f32 = -2.121_944_4e-4;
    let near = if x < SMALLEST { SMALLEST } else { x };
    let rounded = near * std::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = near - n * HIGH - n * LOW;
    let mut p = 1.987_569_2e-4;
    for coefficient in [
        1.398_199_9e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        0.5,
    ] {
        p = p * r + coefficient;
    }
    let power = rounded
        .to_bits()
        .wrapping_sub(ROUND.to_bits())
        .wrapping_add(127)
        << 23;
    let value = (p * r * r + r + 1.0) * f32::from_bits(power);
    if x < SMALLEST { 0.0 } else { value }
}

#[cfg(test)]
mod tests {
    use super::{exp, gradient, masked};

    #[test]
    fn exponentials_are_right_to_the_last_digits_and_end_in_zero() {
        for at in 0..=87_000 {
            let x = -(at as f32) / 1_000.0;
            let exact = f64::from(x).exp();
            assert!((f64::from(exp(x)) / exact - 1.0).abs() < 2e-7, "{x}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert_eq!([exp(-88.0), exp(f32::NEG_INFINITY)], [0.0, 0.0]);
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn places_that_the_mask_forbids_have_no_share() {
        let mut out = [9.0; 6];
        let mask = [true, false, true, false, false, false];
        masked(&mut out, &[2.0, 50.0, 2.0, 1.0, 2.0, 3.0], &mask, 0.5, 3);
        assert_eq!(out, [0.5, 0.0, 0.5, 0.0, 0.0, 0.0]);
    }

    #[test]
    fn a_score_that_is_no_number_is_seen() {
        let mut out = [0.0; 2];
        masked(&mut out, &[f32::NAN, 1.0], &[true, false], 1.0, 2);
        assert!(out[0].is_nan());
        masked(&mut out, &[f32::NAN, 1.0], &[true, true], 1.0, 2);
        assert!(out.iter().all(|value| value.is_nan()));
    }

    #[test]
    fn rows_longer_than_a_register_are_added_up_whole() {
        let scores: Vec<f32> = (0..50).map(|at| (at as f32 * 0.7).sin()).collect();
        let mut shares = vec![0.0; 50];
        masked(&mut shares, &scores, &[true; 50], 1.0, 50);
        assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        let mut of_scores = vec![0.0; 50];
        gradient(&mut of_scores, &shares, &scores, 2.0, 50);
        let mean: f64 = (0..50).map(|at| f64::from(shares[at] * scores[at])).sum();
        for at in 0..50 {
            let expected = 2.0 * f64::from(shares[at]) * (f64::from(scores[at]) - mean);
            assert!((f64::from(of_scores[at]) - expected).abs() < 1e-7);
        }
    }
}
