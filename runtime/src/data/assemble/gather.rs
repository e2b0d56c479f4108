//! Gathering: values of outputs at the rows of a handle.

use reckon_compiler::random::{Key, site_hash, uniform};
use reckon_kernel::{Data, Lists};

use super::rows::RowSet;
use super::{HostValues, StepKey};

/// Ids that are replaced by the unknown one in training.
#[derive(Clone, Copy)]
pub(super) struct Drop {
    rate: f64,
    folded: u64,
}

impl Drop {
    pub(super) fn new(rate: f64, input: &str, key: StepKey) -> Option<Self> {
        (key.training && rate > 0.0).then(|| {
            let key = Key {
                seed: key.seed,
                stream: 0,
                site: site_hash(input),
                step: key.step,
            };
            Self {
                rate,
                folded: key.fold(),
            }
        })
    }

    fn apply(drop: Option<Self>, ids: &mut [i64]) {
        let Some(drop) = drop else { return };
        for (row, id) in ids.iter_mut().enumerate() {
            if uniform(drop.folded, row as u64, 0) < drop.rate {
                *id = 0;
            }
        }
    }
}

/// The values of an output.
pub(super) fn column(set: &RowSet<'_>, output: &str, drop: Option<Drop>) -> HostValues {
    match set.source.outputs.get(output).map(|column| &column.data) {
        Some(data) => values(data, set.places(), drop),
        None => HostValues::I64(Vec::new()),
    }
}

/// The elements of the lists of an output, back to back.
pub(super) fn list_values(set: &RowSet<'_>, output: &str, drop: Option<Drop>) -> HostValues {
    let Some(lists) = lists(set, output) else {
        return HostValues::I64(Vec::new());
    };
    values(&lists.values, elements(set, lists), drop)
}

/// For each element of the lists the row of the handle.
pub(super) fn list_segments(set: &RowSet<'_>, output: &str) -> Vec<i64> {
    let Some(lists) = lists(set, output) else {
        return Vec::new();
    };
    let mut segments = Vec::with_capacity(elements(set, lists).size_hint().0);
    for (segment, row) in set.places().enumerate() {
        segments.resize(segments.len() + lists.range(row).len(), segment as i64);
    }
    segments
}

/// For each element of the lists its place in the list.
pub(super) fn list_positions(set: &RowSet<'_>, output: &str) -> Vec<i64> {
    let Some(lists) = lists(set, output) else {
        return Vec::new();
    };
    set.places()
        .flat_map(|row| 0..lists.range(row).len() as i64)
        .collect()
}

fn lists<'s>(set: &RowSet<'s>, output: &str) -> Option<&'s Lists> {
    match &set.source.outputs.get(output)?.data {
        Data::List(lists) => Some(lists),
        Data::Int(_) | Data::Float(_) | Data::Bool(_) | Data::Str(_) => None,
    }
}

fn elements<'s>(set: &'s RowSet<'_>, lists: &'s Lists) -> impl Iterator<Item = usize> + 's {
    set.places().flat_map(|row| lists.range(row))
}

fn values(data: &Data, places: impl Iterator<Item = usize>, drop: Option<Drop>) -> HostValues {
    match data {
        Data::Int(values) => {
            let mut ids: Vec<i64> = places.map(|at| values[at]).collect();
            Drop::apply(drop, &mut ids);
            HostValues::I64(ids)
        }
        Data::Float(values) => HostValues::F32(places.map(|at| values[at] as f32).collect()),
        Data::Bool(values) => HostValues::Bool(places.map(|at| values[at]).collect()),
        // `prepare` has refused such outputs.
        Data::Str(_) | Data::List(_) => HostValues::I64(Vec::new()),
    }
}
