//! First values of parameters: a function of the seed, the path and the place of the element, so that a table has the
//! same rows whether it was made large or grew.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use reckon_compiler::graph::Init;
use reckon_compiler::random::{self, Key};

use crate::kernels::parallel;

/// The elements of a parameter of `shape`, row-major, as if `skipped` rows came before.
pub(super) fn values(
    init: &Init,
    shape: &[usize],
    skipped: usize,
    path: &str,
    seed: u64,
) -> Vec<f32> {
    let key = Key {
        seed,
        stream: random::site_hash("init"),
        site: random::site_hash(path),
        step: 0,
    }
    .fold();
    let width: usize = shape.iter().skip(1).product();
    let rows = shape.first().copied().unwrap_or(1);
    let rows = skipped..skipped + rows;
    let uniform = |bound: f64| {
        fill(rows.clone(), width, |row, element| {
            (2.0 * random::uniform(key, row, element) - 1.0) * bound
        })
    };
    match init {
        Init::Constant(value) => vec![*value as f32; rows.len() * width],
        Init::Uniform(bound) => uniform(*bound),
        Init::Normal(deviation) => fill(rows.clone(), width, |row, element| {
            random::normal(key, row, element) * deviation
        }),
        Init::HeUniform => uniform((6.0 / fan(shape, 0)).sqrt()),
        Init::GlorotUniform => uniform((6.0 / (fan(shape, 0) + fan(shape, 1))).sqrt()),
    }
}

/// The elements of these rows, by row and element, each of which is drawn for itself, so that threads share the rows.
fn fill(rows: Range<usize>, width: usize, draw: impl Fn(u64, u64) -> f64 + Sync) -> Vec<f32> {
    let mut values = vec![0.0; rows.len() * width];
    if values.is_empty() {
        return values;
    }
    let parts = Mutex::new(values.chunks_mut(ROWS_A_PART * width).enumerate());
    let next = || parts.lock().unwrap_or_else(PoisonError::into_inner).next();
    parallel(rows.len().div_ceil(ROWS_A_PART), 1, |_| {
        while let Some((part, values)) = next() {
            let first = rows.start + part * ROWS_A_PART;
            for (at, values) in values.chunks_mut(width).enumerate() {
                let row = (first + at) as u64;
                for (element, value) in values.iter_mut().enumerate() {
                    *value = draw(row, element as u64) as f32;
                }
            }
        }
    });
    values
}

/// Rows that a thread draws before it asks for more.
const ROWS_A_PART: usize = 1 << 14;

/// The size of a dimension as a divisor; a missing one counts as 1.
fn fan(shape: &[usize], axis: usize) -> f64 {
    shape.get(axis).copied().unwrap_or(1).max(1) as f64
}
