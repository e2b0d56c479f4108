//! Fitted statistics as row programs read them.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hash, Hasher};

use crate::column::{Data, Texts};
use crate::groups::Groups;
use crate::hash::{CANONICAL_NAN, Hashed, hash, slot, word};

/// The state of one fit.
#[derive(Clone, Debug, PartialEq)]
pub enum Fitted {
    /// Ids of values.
    Vocab(Vocabulary),
    /// Ascending distinct borders of buckets.
    Borders(Vec<f64>),
    /// Mean and population standard deviation; both 0 where nothing was seen.
    Moments {
        /// The mean.
        mean: f64,
        /// The standard deviation.
        std: f64,
    },
    /// Smallest and largest value; both 0 where nothing was seen.
    Extent {
        /// The smallest.
        min: f64,
        /// The largest.
        max: f64,
    },
    /// A square matrix in row-major order.
    Matrix {
        /// The number of rows.
        size: usize,
        /// The elements.
        values: Vec<f64>,
    },
    /// Statistics by group.
    Groups(Groups),
    /// Not fitted yet: it is over a column that a run computes later.
    Waiting,
}

/// Ids of values. The ids below `unknown()` are shared by all other values; value `i` has the id `unknown() + i`.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    unknown: usize,
    values: VocabularyValues,
    counts: Vec<u64>,
    ids: Ids,
}

/// The values of a vocabulary in the order of their ids.
#[derive(Clone, Debug, PartialEq)]
pub enum VocabularyValues {
    /// Integers, times or durations.
    Int(Vec<i64>),
    /// Floats, told apart by their bits, but for NaNs, which are one.
    Float(Vec<f64>),
    /// Truth values.
    Bool(Vec<bool>),
    /// Texts.
    Str(Texts),
}

#[derive(Clone, Debug)]
enum Ids {
    Words(HashMap<u64, u32, Mixing>),
    Texts(HashMap<String, u32, Mixing>),
}

/// Of maps by texts or words.
pub(crate) type Mixing = BuildHasherDefault<Words>;

/// Hashes the keys of a vocabulary by the stable hash, which is faster than what the standard library does against
/// attackers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words(u64);

impl Hasher for Words {
    fn write(&mut self, bytes: &[u8]) {
        for part in bytes.chunks(8) {
            let mut full = [0; 8];
            full[..part.len()].copy_from_slice(part);
            self.write_u64(u64::from_le_bytes(full));
        }
    }

    // The length comes with the texts themselves: two that differ only in zeros at their end are compared by bytes.
    fn write_u8(&mut self, _: u8) {}

    fn write_u64(&mut self, value: u64) {
        self.0 = word(self.0, value);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Values with their counts, and behind them those that only `later` has.
fn appended<T: Copy + Eq + Hash>(
    (values, counts): (&[T], &[u64]),
    later: (&[T], &[u64]),
    top: usize,
) -> (Vec<T>, Vec<u64>) {
    let since: HashMap<T, u64> = later
        .0
        .iter()
        .copied()
        .zip(later.1.iter().copied())
        .collect();
    let known: HashSet<T> = values.iter().copied().collect();
    let kept = values.iter().zip(counts);
    let kept = kept.map(|(value, count)| (*value, since.get(value).copied().unwrap_or(*count)));
    let new = later.0.iter().copied().zip(later.1.iter().copied());
    let new = new.filter(|(value, _)| !known.contains(value));
    let room = top.saturating_sub(values.len());
    kept.chain(new.take(room)).unzip()
}

impl PartialEq for Vocabulary {
    fn eq(&self, other: &Self) -> bool {
        self.unknown == other.unknown && self.values == other.values && self.counts == other.counts
    }
}

impl Vocabulary {
    /// A vocabulary of distinct values with their counts, in the order of their ids. There is always at least one
    /// unknown slot, whatever `oov` says, because a row may refer to an absent entity.
    pub fn new(oov: usize, values: VocabularyValues, counts: Vec<u64>) -> Self {
        let numbered = |words: &mut dyn Iterator<Item = u64>| Ids::Words(words.zip(0..).collect());
        let ids = match &values {
            VocabularyValues::Int(values) => {
                numbered(&mut values.iter().map(|value| *value as u64))
            }
            VocabularyValues::Float(values) => {
                numbered(&mut values.iter().map(|value| bits(*value)))
            }
            VocabularyValues::Bool(values) => {
                numbered(&mut values.iter().map(|value| u64::from(*value)))
            }
            VocabularyValues::Str(texts) => {
                Ids::Texts(texts.iter().map(str::to_owned).zip(0..).collect())
            }
        };
        Self {
            unknown: oov.max(1),
            values,
            counts,
            ids,
        }
    }

    /// This one with what was counted since: its values keep their ids, and behind them come those that only `later` has, at
    /// most `top` values in all. Counts are those of `later` where it has the value.
    pub fn grown(&self, later: &Self, top: Option<usize>) -> Self {
        let top = top.unwrap_or(usize::MAX);
        let (now, then) = (&self.counts, &later.counts);
        let (values, counts) = match (&self.values, &later.values) {
            (VocabularyValues::Int(a), VocabularyValues::Int(b)) => {
                let (values, counts) = appended((a, now), (b, then), top);
                (VocabularyValues::Int(values), counts)
            }
            (VocabularyValues::Float(a), VocabularyValues::Float(b)) => {
                let bits = |values: &[f64]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                let (values, counts) = appended((&bits(a), now), (&bits(b), then), top);
                let values = values.into_iter().map(f64::from_bits).collect();
                (VocabularyValues::Float(values), counts)
            }
            (VocabularyValues::Bool(a), VocabularyValues::Bool(b)) => {
                let (values, counts) = appended((a, now), (b, then), top);
                (VocabularyValues::Bool(values), counts)
            }
            (VocabularyValues::Str(a), VocabularyValues::Str(b)) => {
                let (a, b): (Vec<&str>, Vec<&str>) = (a.iter().collect(), b.iter().collect());
                let (values, counts) = appended((&a, now), (&b, then), top);
                let values = values.into_iter().collect::<Texts>();
                (VocabularyValues::Str(values), counts)
            }
            (
                VocabularyValues::Int(_)
                | VocabularyValues::Float(_)
                | VocabularyValues::Bool(_)
                | VocabularyValues::Str(_),
                _,
            ) => unreachable!("internal: the values of a fit have one kind on all days"),
        };
        Self::new(self.unknown, values, counts)
    }

    /// The number of unknown slots.
    pub fn unknown(&self) -> usize {
        self.unknown
    }

    /// The number of ids, unknown slots included.
    pub fn rows(&self) -> usize {
        self.unknown + self.counts.len()
    }

    /// The values in the order of their ids.
    pub fn values(&self) -> &VocabularyValues {
        &self.values
    }

    /// How often each value counted, in the order of their ids.
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// The id of one value of `data`. Values of another kind than the vocabulary's are unknown.
    pub(crate) fn id(&self, data: &Data, at: usize) -> i64 {
        let (known, value) = match (&self.values, data) {
            (VocabularyValues::Int(_), Data::Int(values)) => {
                (self.word(values[at] as u64), Hashed::Int(values[at]))
            }
            (VocabularyValues::Float(_), Data::Float(values)) => {
                (self.word(bits(values[at])), Hashed::Float(values[at]))
            }
            (VocabularyValues::Bool(_), Data::Bool(values)) => {
                (self.word(u64::from(values[at])), Hashed::Bool(values[at]))
            }
            (VocabularyValues::Str(_), Data::Str(texts)) => {
                (self.text(texts.get(at)), Hashed::Str(texts.get(at)))
            }
            (_, Data::Int(_) | Data::Float(_) | Data::Bool(_) | Data::Str(_) | Data::List(_)) => {
                (None, Hashed::Null)
            }
        };
        match known {
            Some(index) => self.unknown as i64 + i64::from(index),
            None if self.unknown == 1 => 0,
            None => slot(hash(0, &[value]), self.unknown as u64) as i64,
        }
    }

    fn word(&self, word: u64) -> Option<u32> {
        match &self.ids {
            Ids::Words(ids) => ids.get(&word).copied(),
            Ids::Texts(_) => None,
        }
    }

    fn text(&self, text: &str) -> Option<u32> {
        match &self.ids {
            Ids::Texts(ids) => ids.get(text).copied(),
            Ids::Words(_) => None,
        }
    }
}

fn bits(value: f64) -> u64 {
    if value.is_nan() {
        CANONICAL_NAN
    } else {
        value.to_bits()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: &[(&str, u64)]) -> Vocabulary {
        let (values, counts): (Vec<&str>, Vec<u64>) = values.iter().copied().unzip();
        Vocabulary::new(
            1,
            VocabularyValues::Str(values.into_iter().collect()),
            counts,
        )
    }

    #[test]
    fn a_vocabulary_that_grows_keeps_its_ids_and_counts_on() {
        let first = texts(&[("b", 3), ("a", 2)]);
        let later = texts(&[("c", 9), ("a", 5), ("d", 4), ("b", 4)]);
        let grown = texts(&[("b", 4), ("a", 5), ("c", 9), ("d", 4)]);
        assert_eq!(first.grown(&later, None), grown);
        assert_eq!(
            grown.grown(&later, None),
            grown,
            "a day seen twice adds nothing"
        );
        let at_most_three = texts(&[("b", 4), ("a", 5), ("c", 9)]);
        assert_eq!(first.grown(&later, Some(3)), at_most_three);
    }

    #[test]
    fn a_value_that_is_no_longer_counted_keeps_its_place() {
        let first = Vocabulary::new(2, VocabularyValues::Int(vec![7, 8]), vec![2, 1]);
        let later = Vocabulary::new(2, VocabularyValues::Int(vec![9]), vec![3]);
        let grown = first.grown(&later, None);
        assert_eq!(grown.values(), &VocabularyValues::Int(vec![7, 8, 9]));
        assert_eq!(grown.counts(), [2, 1, 3]);
    }
}
