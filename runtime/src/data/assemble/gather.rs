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
        Some(data) => values(data, set.outputs(), drop),
        None => HostValues::I64(Vec::new()),
    }
}

/// The elements of the lists of an output, back to back; of thinned rows those that stay of the output `like`.
pub(super) fn list_values(
    set: &RowSet<'_>,
    (output, like): (&str, &str),
    drop: Option<Drop>,
) -> HostValues {
    let Some(lists) = lists(set, output) else {
        return HostValues::I64(Vec::new());
    };
    let kept = kept(set, lists, like);
    values(&lists.values, kept.into_iter().map(|(_, at)| at), drop)
}

/// For each element of the lists the row of the handle.
pub(super) fn list_segments(set: &RowSet<'_>, output: &str) -> Vec<i64> {
    let Some(lists) = lists(set, output) else {
        return Vec::new();
    };
    kept(set, lists, output)
        .into_iter()
        .map(|(row, _)| row as i64)
        .collect()
}

/// For each element of the lists its place in the list.
pub(super) fn list_positions(set: &RowSet<'_>, output: &str) -> Vec<i64> {
    let Some(lists) = lists(set, output) else {
        return Vec::new();
    };
    let (mut last, mut place) = (usize::MAX, 0);
    let position = |(row, _): (usize, usize)| {
        place = if row == last { place + 1 } else { 0 };
        last = row;
        place
    };
    kept(set, lists, output).into_iter().map(position).collect()
}

/// For each row whether thinning has taken all elements of a list that had some.
pub(super) fn emptied(set: &RowSet<'_>, output: &str) -> Vec<bool> {
    let Some(lists) = lists(set, output) else {
        return vec![false; set.rows.len()];
    };
    let mut emptied: Vec<bool> = set
        .outputs()
        .map(|row| !lists.range(row).is_empty())
        .collect();
    for (row, _) in kept(set, lists, output) {
        emptied[row] = false;
    }
    emptied
}

fn lists<'s>(set: &RowSet<'s>, output: &str) -> Option<&'s Lists> {
    match &set.source.outputs.get(output)?.data {
        Data::List(lists) => Some(lists),
        Data::Int(_) | Data::Float(_) | Data::Bool(_) | Data::Str(_) => None,
    }
}

/// The elements that stay: the row of the handle, and where the element is.
fn kept(set: &RowSet<'_>, lists: &Lists, output: &str) -> Vec<(usize, usize)> {
    let output = set.thin.map_or(0, |_| site_hash(output));
    let mut kept = Vec::new();
    for (row, place) in set.outputs().enumerate() {
        let range = lists.range(place);
        let start = range.start;
        let stays = |at: &usize| {
            set.thin
                .is_none_or(|thin| thin.keeps(output, row, at - start))
        };
        kept.extend(range.filter(stays).map(|at| (row, at)));
    }
    kept
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
