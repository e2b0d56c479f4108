//! First values of parameters: a function of the seed, the path and the place of the element, so that a table has the
//! same rows whether it was made large or grew.

use reckon_compiler::graph::Init;
use reckon_compiler::random::{self, Key};

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
    let fill = |draw: &dyn Fn(u64, u64) -> f64| {
        let mut values = Vec::with_capacity(rows * width);
        for row in skipped..skipped + rows {
            values.extend((0..width).map(|element| draw(row as u64, element as u64) as f32));
        }
        values
    };
    let uniform =
        |bound: f64| fill(&|row, element| (2.0 * random::uniform(key, row, element) - 1.0) * bound);
    match init {
        Init::Constant(value) => vec![*value as f32; rows * width],
        Init::Uniform(bound) => uniform(*bound),
        Init::Normal(deviation) => {
            fill(&|row, element| random::normal(key, row, element) * deviation)
        }
        Init::HeUniform => uniform((6.0 / fan(shape, 0)).sqrt()),
        Init::GlorotUniform => uniform((6.0 / (fan(shape, 0) + fan(shape, 1))).sqrt()),
    }
}

/// The size of a dimension as a divisor; a missing one counts as 1.
fn fan(shape: &[usize], axis: usize) -> f64 {
    shape.get(axis).copied().unwrap_or(1).max(1) as f64
}
