//! Statistics of groups of rows with equal keys.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use reckon_compiler::plan::row::Statistic;

use crate::column::{Column, Data};
use crate::hash::{Hashed, absorb, begin, words_of};

/// What tells groups apart: two stable hashes of the keys in order, null being a key of its own. That two groups of a
/// million share both happens once in 10^26 data sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey(pub u64, pub u64);

impl GroupKey {
    /// The key of one row; each column comes with the place of the row in it. Lists are no keys and read as null.
    pub fn of<'a>(keys: impl Iterator<Item = (&'a Column, usize)>) -> Self {
        Self::of_values(keys.map(|(column, at)| value(column, at)))
    }

    /// As [`GroupKey::of`], of values.
    pub(crate) fn of_values<'a>(values: impl Iterator<Item = Hashed<'a>>) -> Self {
        let begun = (begin(1), begin(2));
        let (first, second) = values.fold(begun, |(first, second), value| {
            (absorb(first, value), absorb(second, value))
        });
        Self(first, second)
    }
}

fn value(column: &Column, at: usize) -> Hashed<'_> {
    if column.is_null(at) {
        return Hashed::Null;
    }
    match &column.data {
        Data::Int(values) => Hashed::Int(values[at]),
        Data::Float(values) => Hashed::Float(values[at]),
        Data::Bool(values) => Hashed::Bool(values[at]),
        Data::Str(texts) => Hashed::Str(texts.get(at)),
        Data::List(_) => Hashed::Null,
    }
}

/// One group.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// What tells it apart.
    pub key: GroupKey,
    /// The number of its rows.
    pub count: u64,
    /// The mean of its values; 0 where rows are only counted.
    pub mean: f64,
    /// Their population standard deviation.
    pub std: f64,
    /// Its values in rising order; empty where they are not kept.
    pub values: Vec<f64>,
}

/// Groups with at least one row each.
#[derive(Clone, Debug)]
pub struct Groups {
    groups: Vec<Group>,
    /// The rows of all groups together, for a row whose group has none.
    all: Group,
    places: HashMap<GroupKey, usize, BuildHasherDefault<OfHashes>>,
}

/// The hash of a key, which is made of hashes.
#[derive(Clone, Debug, Default)]
struct OfHashes(u64);

impl Hasher for OfHashes {
    fn write(&mut self, bytes: &[u8]) {
        words_of(bytes).for_each(|word| self.write_u64(word));
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = self.0.rotate_left(32) ^ value;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

impl PartialEq for Groups {
    fn eq(&self, other: &Self) -> bool {
        self.groups == other.groups
    }
}

impl Groups {
    /// Groups in any order; they are kept in the order of their keys.
    pub fn new(mut groups: Vec<Group>) -> Self {
        groups.sort_unstable_by_key(|group| group.key);
        let places = groups.iter().map(|group| group.key).zip(0..).collect();
        let all = together(&groups);
        Self {
            groups,
            all,
            places,
        }
    }

    /// The groups in the order of their keys.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// What a statistic tells of a group; of one without rows what it tells of all rows, unless its rows are counted.
    pub(crate) fn tell(&self, key: GroupKey, statistic: Statistic, own: f64) -> f64 {
        let found = self.places.get(&key).map(|at| &self.groups[*at]);
        let group = found.unwrap_or(&self.all);
        match statistic {
            Statistic::Count => found.map_or(0.0, |group| group.count as f64),
            Statistic::Sum => found.map_or(0.0, |group| group.mean * group.count as f64),
            Statistic::Mean => group.mean,
            Statistic::Std => group.std,
            Statistic::Quantile(share) => {
                let place = (share * group.values.len() as f64).ceil() as usize;
                let value = group.values.get(place.saturating_sub(1));
                value.copied().unwrap_or(0.0)
            }
            Statistic::Percentile => percentile(&group.values, own),
        }
    }
}

/// The rows of all groups as one.
fn together(groups: &[Group]) -> Group {
    let count: u64 = groups.iter().map(|group| group.count).sum();
    let share = |group: &Group| group.count as f64 / count.max(1) as f64;
    let mean: f64 = groups.iter().map(|group| share(group) * group.mean).sum();
    let spread = |group: &Group| group.std * group.std + (group.mean - mean) * (group.mean - mean);
    let variance: f64 = groups
        .iter()
        .map(|group| share(group) * spread(group))
        .sum();
    let values = groups.iter().flat_map(|group| group.values.iter().copied());
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    Group {
        key: GroupKey(0, 0),
        count,
        mean,
        std: variance.sqrt(),
        values,
    }
}

fn percentile(values: &[f64], own: f64) -> f64 {
    let below = values.partition_point(|value| *value < own);
    let equal = values.partition_point(|value| *value <= own) - below;
    match values.len() {
        0 | 1 => 0.5,
        count => {
            let rank = below as f64 + 0.5 * equal.saturating_sub(1) as f64;
            (rank / (count - 1) as f64).min(1.0)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(value: i64) -> GroupKey {
        let column = Column::new(Data::Int(vec![value]));
        GroupKey::of([(&column, 0)].into_iter())
    }

    fn groups() -> Groups {
        Groups::new(vec![Group {
            key: key(1),
            count: 4,
            mean: 2.5,
            std: 1.5,
            values: vec![1.0, 2.0, 2.0, 5.0],
        }])
    }

    #[test]
    fn a_group_tells_its_statistics() {
        let groups = groups();
        let tell = |statistic| groups.tell(key(1), statistic, 2.0);
        assert_eq!(tell(Statistic::Count), 4.0);
        assert_eq!(tell(Statistic::Sum), 10.0);
        assert_eq!(tell(Statistic::Mean), 2.5);
        assert_eq!(tell(Statistic::Std), 1.5);
    }

    #[test]
    fn a_group_without_rows_has_none_and_otherwise_tells_of_all() {
        let far = Group {
            key: key(2),
            count: 1,
            mean: 10.0,
            std: 0.0,
            values: vec![10.0],
        };
        let groups = Groups::new(vec![groups().groups[0].clone(), far]);
        let tell = |statistic| groups.tell(key(3), statistic, 10.0);
        assert_eq!(tell(Statistic::Count), 0.0);
        assert_eq!(tell(Statistic::Sum), 0.0);
        assert_eq!(tell(Statistic::Mean), 4.0);
        assert!((tell(Statistic::Std) - 10.8_f64.sqrt()).abs() < 1e-12);
        assert_eq!(tell(Statistic::Percentile), 1.0);
        assert_eq!(
            Groups::new(Vec::new()).tell(key(1), Statistic::Mean, 0.0),
            0.0
        );
    }

    #[test]
    fn quantiles_are_values_that_were_seen() {
        let groups = groups();
        let at = |share| groups.tell(key(1), Statistic::Quantile(share), 0.0);
        assert_eq!([at(0.0), at(0.25), at(0.3), at(1.0)], [1.0, 1.0, 2.0, 5.0]);
    }

    #[test]
    fn the_lowest_value_is_below_all_others_and_equal_ones_share_their_place() {
        let groups = groups();
        let of = |own| groups.tell(key(1), Statistic::Percentile, own);
        assert_eq!([of(1.0), of(2.0), of(5.0), of(9.0)], [0.0, 0.5, 1.0, 1.0]);
        assert_eq!(percentile(&[3.0], 3.0), 0.5);
    }
}
