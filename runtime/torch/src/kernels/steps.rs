//! Optimiser steps in one pass: each element of value, gradient and moments is read and written once.

use std::ops::Range;

use reckon_compiler::graph::UpdateRule;

use super::{Shared, parallel, wide};

/// How many rows before it is its turn a row is asked for.
const AHEAD: usize = 4;
/// Fewer elements than this are not worth a thread.
const ELEMENTS: usize = 1 << 16;

/// A step's constants, with the bias corrections of Adam worked in.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    rule: UpdateRule,
    lr: f32,
    /// `lr / (1 - beta1^t)` for Adam.
    scaled: f32,
    /// `1 / sqrt(1 - beta2^t)` for Adam.
    root: f32,
}

impl Step {
    /// The constants of step number `steps`, from 1.
    pub(crate) fn new(rule: UpdateRule, lr: f64, steps: i64) -> Self {
        let correct = |beta: f64| 1.0 - beta.powf(steps as f64);
        let (scaled, root) = match rule {
            UpdateRule::Adam { beta1, beta2, .. } | UpdateRule::AdamW { beta1, beta2, .. } => {
                (lr / correct(beta1), correct(beta2).sqrt().recip())
            }
            UpdateRule::Sgd { .. }
            | UpdateRule::Adagrad { .. }
            | UpdateRule::RowwiseAdagrad { .. } => (lr, 1.0),
        };
        Self {
            rule,
            lr: lr as f32,
            scaled: scaled as f32,
            root: root as f32,
        }
    }
}

/// The parameter and its moments, whole; moments that the rule has not are empty.
pub(crate) struct Target<'a> {
    pub(crate) value: &'a mut [f32],
    pub(crate) first: &'a mut [f32],
    pub(crate) second: &'a mut [f32],
}

/// Steps the rows `ids`, ascending and so distinct, by their gradients. `width` is the number of elements in a row.
pub(crate) fn rows(step: Step, target: Target<'_>, ids: &[i64], gradient: &[f32], width: usize) {
    assert!(
        ids.is_sorted_by(|a, b| a < b),
        "internal: rows to step are distinct"
    );
    assert_eq!(
        ids.len() * width,
        gradient.len(),
        "internal: a gradient for each row"
    );
    let [value, first, second] = [target.value, target.first, target.second].map(Shared::new);
    parallel(ids.len(), ELEMENTS / width.max(1), |range| {
        each_row(
            step,
            &[value, first, second],
            &ids[range.clone()],
            &gradient[range.start * width..],
            width,
        );
    });
}

/// Steps all elements.
pub(crate) fn dense(step: Step, target: Target<'_>, gradient: &[f32]) {
    let [value, first, second] = [target.value, target.first, target.second].map(Shared::new);
    parallel(gradient.len(), ELEMENTS, |range| {
        stretch(
            step,
            &[value, first, second],
            range.clone(),
            &gradient[range],
        );
    });
}

wide! {
    fn each_row(step: Step, slices: &[Shared<'_>; 3], ids: &[i64], gradient: &[f32], width: usize) {
        let widths = match step.rule {
            UpdateRule::RowwiseAdagrad { .. } => [width, 1, 0],
            _ => [width; 3],
        };
        for (n, (id, gradient)) in ids.iter().zip(gradient.chunks_exact(width.max(1))).enumerate() {
            if let Some(next) = ids.get(n + AHEAD) {
                for (slice, wide) in slices.iter().zip(widths) {
                    slice.fetch(*next as usize * wide, wide);
                }
            }
            let id = *id as usize;
            match step.rule {
                UpdateRule::RowwiseAdagrad { eps } => {
                    // SAFETY: rows are distinct, so threads share none.
                    let (value, sum) = unsafe { (slices[0].part(id * width..(id + 1) * width), slices[1].part(id..id + 1)) };
                    row_wise(step.lr, eps as f32, value, &mut sum[0], gradient);
                }
                UpdateRule::Sgd { .. } | UpdateRule::Adam { .. } | UpdateRule::AdamW { .. } | UpdateRule::Adagrad { .. } => {
                    elements(step, slices, id * width..(id + 1) * width, gradient);
                }
            }
        }
    }
}

wide! {
    fn stretch(step: Step, slices: &[Shared<'_>; 3], range: Range<usize>, gradient: &[f32]) {
        elements(step, slices, range, gradient);
    }
}

/// One accumulator a row: the mean of the squared gradient.
#[inline(always)]
fn row_wise(lr: f32, eps: f32, value: &mut [f32], sum: &mut f32, gradient: &[f32]) {
    // Eight sums side by side, so that the loop is wide and its order fixed.
    let mut lanes = [0.0f32; 8];
    let chunks = gradient.chunks_exact(8);
    let tail: f32 = chunks.remainder().iter().map(|g| g * g).sum();
    for chunk in chunks {
        for (lane, g) in lanes.iter_mut().zip(chunk) {
            *lane += g * g;
        }
    }
    *sum += (lanes.iter().sum::<f32>() + tail) / gradient.len() as f32;
    let scale = lr / (sum.sqrt() + eps);
    for (value, g) in value.iter_mut().zip(gradient) {
        *value -= scale * g;
    }
}

/// Steps the elements of a range, all by one formula.
#[inline(always)]
fn elements(step: Step, slices: &[Shared<'_>; 3], range: Range<usize>, gradient: &[f32]) {
    let part = |at: usize| {
        // SAFETY: ranges of different threads, and of different rows, are disjoint.
        unsafe { slices[at].part(range.clone()) }
    };
    let value = part(0);
    match step.rule {
        UpdateRule::Sgd { momentum: 0.0 } => {
            for (value, g) in value.iter_mut().zip(gradient) {
                *value -= step.lr * g;
            }
        }
        UpdateRule::Sgd { momentum } => {
            let momentum = momentum as f32;
            for ((value, buffer), g) in value.iter_mut().zip(part(1)).zip(gradient) {
                *buffer = *buffer * momentum + g;
                *value -= step.lr * *buffer;
            }
        }
        UpdateRule::Adam { beta1, beta2, eps } => {
            adam(
                step,
                [beta1, beta2, eps],
                1.0,
                value,
                part(1),
                part(2),
                gradient,
            );
        }
        UpdateRule::AdamW {
            beta1,
            beta2,
            eps,
            decay,
        } => {
            let keep = 1.0 - step.lr * decay as f32;
            adam(
                step,
                [beta1, beta2, eps],
                keep,
                value,
                part(1),
                part(2),
                gradient,
            );
        }
        UpdateRule::Adagrad { eps } => {
            let eps = eps as f32;
            for ((value, sum), g) in value.iter_mut().zip(part(1)).zip(gradient) {
                *sum += g * g;
                *value -= step.lr * g / (sum.sqrt() + eps);
            }
        }
        UpdateRule::RowwiseAdagrad { .. } => unreachable!("internal: this rule steps row by row"),
    }
}

/// Kingma and Ba 2015, algorithm 1; `keep` is what decoupled decay leaves of the value.
#[inline(always)]
fn adam(
    step: Step,
    constants: [f64; 3],
    keep: f32,
    value: &mut [f32],
    m: &mut [f32],
    v: &mut [f32],
    gradient: &[f32],
) {
    let [beta1, beta2, eps] = constants;
    // What is left of 1 is taken before rounding: 1 - 0.999 of rounded numbers is wrong in the fifth digit.
    let (fresh1, fresh2, eps) = ((1.0 - beta1) as f32, (1.0 - beta2) as f32, eps as f32);
    for (((value, m), v), g) in value.iter_mut().zip(m).zip(v).zip(gradient) {
        *m += fresh1 * (g - *m);
        *v += fresh2 * (g * g - *v);
        *value = *value * keep - step.scaled * *m / (v.sqrt() * step.root + eps);
    }
}
