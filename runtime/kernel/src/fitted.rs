//! Fitted statistics as row programs read them.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use crate::column::{Data, Texts};
use crate::groups::Groups;
use crate::hash::{CANONICAL_NAN, Hashed, hash, slot};
use crate::index::{ABREAST, TextIndex, WordIndex};

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
    Words(WordIndex),
    Texts(TextIndex),
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
        let words = |words: Vec<u64>| Ids::Words(WordIndex::new(&words));
        let ids = match &values {
            VocabularyValues::Int(values) => {
                words(values.iter().map(|value| *value as u64).collect())
            }
            VocabularyValues::Float(values) => {
                words(values.iter().map(|value| bits(*value)).collect())
            }
            VocabularyValues::Bool(values) => {
                words(values.iter().map(|value| u64::from(*value)).collect())
            }
            VocabularyValues::Str(texts) => {
                let mut index = TextIndex::with_room(texts.len());
                for (text, next) in texts.iter().zip(0..) {
                    index.find_or_add(text, next, |place| texts.get(place as usize));
                }
                Ids::Texts(index)
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

    /// The ids of the values of `data` at `places`, one for each of `ids`. Values of another kind than the vocabulary's
    /// are unknown.
    pub(crate) fn ids(&self, data: &Data, places: impl Fn(usize) -> usize, ids: &mut [i64]) {
        match (&self.values, data, &self.ids) {
            (VocabularyValues::Str(known), Data::Str(texts), Ids::Texts(index)) => {
                let texts: Vec<&str> = (0..ids.len()).map(|row| texts.get(places(row))).collect();
                index.find_all(
                    &texts,
                    |place| known.get(place as usize),
                    |row, text, place| ids[row] = self.id(place, Hashed::Str(text)),
                );
            }
            (VocabularyValues::Int(_), Data::Int(values), Ids::Words(index)) => {
                let words = |row| values[places(row)] as u64;
                self.of_words(index, words, |word| Hashed::Int(word as i64), ids);
            }
            (VocabularyValues::Float(_), Data::Float(values), Ids::Words(index)) => {
                let words = |row| bits(values[places(row)]);
                self.of_words(
                    index,
                    words,
                    |word| Hashed::Float(f64::from_bits(word)),
                    ids,
                );
            }
            (VocabularyValues::Bool(_), Data::Bool(values), Ids::Words(index)) => {
                let words = |row| u64::from(values[places(row)]);
                self.of_words(index, words, |word| Hashed::Bool(word > 0), ids);
            }
            (
                _,
                Data::Int(_) | Data::Float(_) | Data::Bool(_) | Data::Str(_) | Data::List(_),
                _,
            ) => {
                ids.fill(self.id(None, Hashed::Null));
            }
        }
    }

    /// Whether its values are texts.
    pub(crate) fn is_of_texts(&self) -> bool {
        matches!(self.values, VocabularyValues::Str(_))
    }

    /// Puts the ids of texts behind others; none where the values are no texts.
    pub(crate) fn ids_of_texts(&self, texts: &[&str], ids: &mut Vec<i64>) {
        if let (VocabularyValues::Str(known), Ids::Texts(index)) = (&self.values, &self.ids) {
            index.find_all(
                texts,
                |place| known.get(place as usize),
                |_, text, place| ids.push(self.id(place, Hashed::Str(text))),
            );
        }
    }

    fn of_words<'a>(
        &self,
        index: &WordIndex,
        word: impl Fn(usize) -> u64,
        value: impl Fn(u64) -> Hashed<'a>,
        ids: &mut [i64],
    ) {
        let all = ids.len();
        index.touch((0..all.min(ABREAST)).map(&word));
        for (part, ids) in ids.chunks_mut(ABREAST).enumerate() {
            let first = part * ABREAST;
            let next = first + ABREAST;
            index.touch((next.min(all)..all.min(next + ABREAST)).map(&word));
            for (row, id) in ids.iter_mut().enumerate() {
                let word = word(first + row);
                *id = self.id(index.find(word), value(word));
            }
        }
    }

    fn id(&self, known: Option<u32>, value: Hashed<'_>) -> i64 {
        match known {
            Some(index) => self.unknown as i64 + i64::from(index),
            None if self.unknown == 1 => 0,
            None => slot(hash(0, &[value]), self.unknown as u64) as i64,
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
