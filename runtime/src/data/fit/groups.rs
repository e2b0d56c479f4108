//! Groups of rows with equal keys: how many they are, and of their values mean, deviation and order.

use std::collections::HashMap;

use rayon::prelude::*;
use reckon_kernel::{Column, Data, Group, GroupKey, Groups};

use super::{CHUNK, Moments};

/// The outputs of the row program of a statistic by group.
pub(super) struct Rows<'a> {
    value: Option<&'a Column>,
    condition: Option<&'a Column>,
    keys: Vec<&'a Column>,
}

/// A group that grows.
#[derive(Default)]
struct State {
    count: u64,
    moments: Moments,
    values: Vec<f64>,
}

impl<'a> Rows<'a> {
    /// The outputs by their names; the last `keys` of them are the keys.
    pub(super) fn new(outputs: &'a [(String, Column)], keys: usize) -> Self {
        let named = |wanted: &str| {
            let mut outputs = outputs.iter();
            outputs
                .find(|(name, _)| name == wanted)
                .map(|(_, column)| column)
        };
        let first = outputs.len().saturating_sub(keys);
        Self {
            value: named("value"),
            condition: named("where"),
            keys: outputs[first..].iter().map(|(_, column)| column).collect(),
        }
    }

    /// One pass over the rows, each counted by its weight, a whole number; rows without a value do not count. `None` where values are no
    /// numbers.
    pub(super) fn groups(&self, weights: &[f64], keep: bool) -> Option<Groups> {
        if self
            .value
            .is_some_and(|value| matches!(value.data, Data::Str(_) | Data::List(_)))
        {
            return None;
        }
        let states: Vec<HashMap<GroupKey, State>> = (0..weights.len().div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| {
                let rows = chunk * CHUNK..weights.len().min((chunk + 1) * CHUNK);
                self.chunk(rows, weights, keep)
            })
            .collect();
        let mut all: HashMap<GroupKey, State> = HashMap::new();
        for (key, state) in states.into_iter().flatten() {
            let group = all.entry(key).or_default();
            group.count += state.count;
            group.moments.merge(state.moments);
            group.values.extend(state.values);
        }
        let groups = all.into_iter().map(|(key, mut state)| {
            state.values.sort_unstable_by(f64::total_cmp);
            Group {
                key,
                count: state.count,
                mean: state.moments.mean,
                std: state.moments.std(),
                values: state.values,
            }
        });
        Some(Groups::new(groups.collect()))
    }

    fn chunk(
        &self,
        rows: std::ops::Range<usize>,
        weights: &[f64],
        keep: bool,
    ) -> HashMap<GroupKey, State> {
        let mut groups: HashMap<GroupKey, State> = HashMap::new();
        for row in rows.filter(|row| weights[*row] > 0.0 && self.counts(*row)) {
            let value = self.value.map(|value| number(value, row));
            if value.is_some_and(|value| !value.is_finite()) {
                continue;
            }
            let key = GroupKey::of(self.keys.iter().map(|key| (*key, row)));
            let group = groups.entry(key).or_default();
            group.count += weights[row] as u64;
            if let Some(value) = value {
                group.moments.add(value, weights[row]);
                if keep {
                    let times = weights[row] as usize;
                    group.values.extend(std::iter::repeat_n(value, times));
                }
            }
        }
        groups
    }

    fn counts(&self, row: usize) -> bool {
        self.condition.is_none_or(|condition| {
            matches!(&condition.data, Data::Bool(holds) if holds[row] && !condition.is_null(row))
        })
    }
}

/// The number of a row; not a number where it is null.
fn number(column: &Column, row: usize) -> f64 {
    match &column.data {
        _ if column.is_null(row) => f64::NAN,
        Data::Int(values) => values[row] as f64,
        Data::Float(values) => values[row],
        Data::Bool(values) => f64::from(u8::from(values[row])),
        Data::Str(_) | Data::List(_) => f64::NAN,
    }
}
