//! Values that statistics are made of, taken chunk by chunk.
//!
//! Where a row program gives numbers of numbers alone, it runs over one chunk after another, and its results are never there for all rows at
//! once. Other programs run over all rows, as what recurs is then computed once.

use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, RandomState};

use rayon::prelude::*;
use rayon::slice::ParallelSliceMut;
use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::Span;
use reckon_kernel::{Column, Data, Fitted, RowProgram, Texts, Vocabulary, VocabularyValues};

use super::super::keys::IntHasher;
use super::super::program::{InChunks, run_over_rows};
use super::super::source::Source;
use super::CHUNK;
use super::weights::Weights;

/// The first output of a row program.
pub(super) enum Given<'a> {
    /// Of all rows.
    Whole(Column),
    /// As it is asked for.
    InChunks(InChunks<'a>),
}

impl<'a> Given<'a> {
    /// Of a program over the rows of its source; `None` where it has no output.
    pub(super) fn new(
        program: &'a RowProgram,
        (sources, before): (&'a [Source], &'a [Fitted]),
        span: Span,
    ) -> Result<Option<Self>, Diagnostic> {
        if let Some(chunks) = InChunks::new(program, sources, (before, span))
            && chunks.rows() >= 2 * CHUNK
        {
            return Ok(Some(Self::InChunks(chunks)));
        }
        let outputs = run_over_rows(program, sources, before, span)?;
        let first = outputs.into_iter().next();
        Ok(first.map(|(_, column)| Self::Whole(column)))
    }

    fn rows(&self) -> usize {
        match self {
            Self::Whole(column) => column.len(),
            Self::InChunks(chunks) => chunks.rows(),
        }
    }
}

/// Values with how often each row counts.
pub(super) struct Values<'a> {
    pub(super) given: Given<'a>,
    pub(super) weights: Weights<'a>,
}

impl Values<'_> {
    /// Values of the same kind: of the elements where they are lists, each of which has the weight of its row.
    fn kind(&self) -> &Data {
        match &self.given {
            Given::Whole(Column {
                data: Data::List(lists),
                ..
            }) => &lists.values,
            Given::Whole(column) => &column.data,
            Given::InChunks(chunks) => chunks.kind(),
        }
    }

    fn has_numbers(&self) -> bool {
        !matches!(self.kind(), Data::Str(_) | Data::List(_))
    }

    /// One pass: `add` takes each value that counts, by its place, with its weight; `close` ends a chunk. The states of the chunks in
    /// their order.
    fn states<S: Send>(
        &self,
        new: impl Fn() -> S + Sync,
        add: impl Fn(&mut S, (&Data, usize), f64) + Sync,
        close: impl Fn(S) -> S + Sync,
    ) -> Result<Vec<S>, Diagnostic> {
        let rows = self.given.rows().min(self.weights.len());
        let chunk = |chunk: usize| {
            let rows = chunk * CHUNK..rows.min((chunk + 1) * CHUNK);
            let (column, before) = match &self.given {
                Given::Whole(column) => (Cow::Borrowed(column), 0),
                Given::InChunks(chunks) => (Cow::Owned(chunks.run(rows.clone())?), rows.start),
            };
            let mut state = new();
            for row in rows {
                let (weight, at) = (self.weights.of(row), row - before);
                if weight == 0.0 || column.is_null(at) {
                    continue;
                }
                match &column.data {
                    Data::List(lists) => lists
                        .range(at)
                        .for_each(|at| add(&mut state, (&lists.values, at), weight)),
                    data @ (Data::Int(_) | Data::Float(_) | Data::Bool(_) | Data::Str(_)) => {
                        add(&mut state, (data, at), weight)
                    }
                }
            }
            Ok(close(state))
        };
        let states: Vec<Result<S, Diagnostic>> = (0..rows.div_ceil(CHUNK))
            .into_par_iter()
            .map(chunk)
            .collect();
        states.into_iter().collect()
    }

    /// As [`Values::states`], merged.
    fn reduce<S: Send>(
        &self,
        new: impl Fn() -> S + Sync,
        add: impl Fn(&mut S, (&Data, usize), f64) + Sync,
        merge: impl Fn(&mut S, S),
    ) -> Result<S, Diagnostic> {
        let mut all = new();
        let states = self.states(&new, add, |state| state)?;
        states.into_iter().for_each(|state| merge(&mut all, state));
        Ok(all)
    }

    /// One pass over finite numbers; `None` where the values are no numbers.
    pub(super) fn numbers<S: Send>(
        &self,
        new: impl Fn() -> S + Sync,
        add: impl Fn(&mut S, f64, f64) + Sync,
        merge: impl Fn(&mut S, S),
    ) -> Result<Option<S>, Diagnostic> {
        if !self.has_numbers() {
            return Ok(None);
        }
        let add = |state: &mut S, at: (&Data, usize), weight: f64| {
            if let Some(x) = finite(at) {
                add(state, x, weight);
            }
        };
        self.reduce(new, add, merge).map(Some)
    }

    /// The finite numbers in ascending order, each with its weight; `None` where the values are no numbers. Where sums of weights are the
    /// same in any order, each number is there once for each chunk that has it, and all threads put them in order.
    pub(super) fn weighed(&self) -> Result<Option<Vec<(f64, f64)>>, Diagnostic> {
        if !self.has_numbers() {
            return Ok(None);
        }
        let whole = self.weights.are_whole();
        let states = self.states(
            Vec::new,
            |seen: &mut Vec<(f64, f64)>, at, weight| {
                seen.extend(finite(at).map(|x| (x, weight)));
            },
            |seen| match whole {
                true => distinct(seen),
                false => seen,
            },
        )?;
        let mut all = states.concat();
        drop(states);
        match whole {
            true => all.par_sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b)),
            false => all.sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b)),
        }
        Ok(Some(all))
    }

    /// The smallest and the largest number; `None` where the values are no numbers.
    pub(super) fn extent(&self) -> Result<Option<(f64, f64)>, Diagnostic> {
        let widen = |extent: &mut Option<(f64, f64)>, low: f64, high: f64| {
            *extent = Some(extent.map_or((low, high), |(min, max)| (min.min(low), max.max(high))));
        };
        let extent = self.numbers(
            || None,
            |extent, x, _| widen(extent, x, x),
            |extent, more| {
                more.into_iter()
                    .for_each(|(low, high)| widen(extent, low, high))
            },
        )?;
        Ok(extent.map(|extent| extent.unwrap_or((0.0, 0.0))))
    }

    /// How much each value counts, by hash maps of a kind.
    fn counts<K: Eq + Hash + Send, H: BuildHasher + Default + Send>(
        &self,
        key: impl Fn(&Data, usize) -> Option<K> + Sync,
    ) -> Result<Vec<(K, f64)>, Diagnostic> {
        let counts = self.reduce(
            HashMap::default,
            |counts: &mut HashMap<K, f64, H>, (data, at), weight| {
                if let Some(key) = key(data, at) {
                    *counts.entry(key).or_insert(0.0) += weight;
                }
            },
            |all, more| {
                more.into_iter()
                    .for_each(|(key, count)| *all.entry(key).or_insert(0.0) += count)
            },
        )?;
        Ok(counts.into_iter().collect())
    }

    /// The values that recur often enough, in the order of their counts; `None` where they are lists of lists.
    pub(super) fn vocabulary(
        &self,
        min_count: u64,
        oov: usize,
        top: Option<usize>,
    ) -> Result<Option<Vocabulary>, Diagnostic> {
        macro_rules! ranked_by {
            ($kind:ident, $key:expr) => {{
                let counts =
                    self.counts::<_, BuildHasherDefault<IntHasher>>(|data, at| match data {
                        Data::$kind(values) => Some($key(values[at])),
                        _ => None,
                    });
                ranked(counts?, min_count, top)
            }};
        }
        let (values, counts) = match self.kind() {
            Data::Int(_) => {
                let (kept, counts) = ranked_by!(Int, |value: i64| value);
                (VocabularyValues::Int(kept), counts)
            }
            Data::Float(_) => {
                let (kept, counts) = ranked_by!(Float, OrderedBits::of);
                let kept = kept.into_iter().map(OrderedBits::value).collect();
                (VocabularyValues::Float(kept), counts)
            }
            Data::Bool(_) => {
                let (kept, counts) = ranked_by!(Bool, |value: bool| value);
                (VocabularyValues::Bool(kept), counts)
            }
            Data::Str(texts) => {
                // Texts are never given in chunks, so these are the ones that places are of.
                let counts = self.counts::<_, RandomState>(|_, at| Some(texts.get(at)))?;
                let (kept, counts) = ranked(counts, min_count, top);
                let kept = kept.into_iter().collect::<Texts>();
                (VocabularyValues::Str(kept), counts)
            }
            Data::List(_) => return Ok(None),
        };
        Ok(Some(Vocabulary::new(oov, values, counts)))
    }
}

/// A number that is neither infinite nor none.
fn finite((data, at): (&Data, usize)) -> Option<f64> {
    let x = match data {
        Data::Int(values) => values[at] as f64,
        Data::Float(values) => values[at],
        Data::Bool(values) => f64::from(u8::from(values[at])),
        Data::Str(_) | Data::List(_) => f64::NAN,
    };
    x.is_finite().then_some(x)
}

/// The distinct numbers in ascending order, with the sums of their weights. 0 and -0 are two.
fn distinct(mut seen: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    seen.sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b));
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for (x, weight) in seen {
        match kept.last_mut() {
            Some((last, sum)) if last.to_bits() == x.to_bits() => *sum += weight,
            Some(_) | None => kept.push((x, weight)),
        }
    }
    kept
}

/// The values with at least `min_count`, by falling count, ties by value, at most `top` of them. Counts that weights make
/// fractions are kept rounded.
fn ranked<K: Ord>(
    mut counts: Vec<(K, f64)>,
    min_count: u64,
    top: Option<usize>,
) -> (Vec<K>, Vec<u64>) {
    counts.retain(|(_, count)| *count >= min_count as f64);
    counts.sort_unstable_by(|(a, x), (b, y)| y.total_cmp(x).then_with(|| a.cmp(b)));
    counts.truncate(top.unwrap_or(usize::MAX));
    let kept = counts.into_iter();
    kept.map(|(value, count)| (value, count.round() as u64))
        .unzip()
}

/// The bits of a float, in its order.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct OrderedBits(u64);

impl OrderedBits {
    const SIGN: u64 = 1 << 63;

    fn of(value: f64) -> Self {
        let bits = value.to_bits();
        Self(if bits & Self::SIGN == 0 {
            bits | Self::SIGN
        } else {
            !bits
        })
    }

    fn value(self) -> f64 {
        f64::from_bits(if self.0 & Self::SIGN == 0 {
            !self.0
        } else {
            self.0 & !Self::SIGN
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_keep_their_order_as_bits() {
        let values = [f64::NEG_INFINITY, -2.5, -0.0, 0.0, 1e-300, 7.0];
        let bits = values.map(OrderedBits::of);
        assert!(bits.is_sorted());
        assert!(
            values
                .iter()
                .zip(bits)
                .all(|(value, bits)| bits.value().to_bits() == value.to_bits())
        );
    }

    #[test]
    fn values_rank_by_count_and_then_by_value() {
        let counts = vec![("b", 2.0), ("c", 5.0), ("a", 2.0), ("d", 1.0)];
        assert_eq!(
            ranked(counts.clone(), 2, None),
            (vec!["c", "a", "b"], vec![5, 2, 2])
        );
        assert_eq!(ranked(counts, 0, Some(1)), (vec!["c"], vec![5]));
    }

    #[test]
    fn numbers_that_recur_are_one_with_the_sum_of_their_weights() {
        let seen = vec![(2.0, 1.0), (0.0, 3.0), (2.0, 4.0), (-0.0, 1.0)];
        let kept = distinct(seen);
        assert_eq!(kept, [(-0.0, 1.0), (0.0, 3.0), (2.0, 5.0)]);
        assert!(kept[0].0.is_sign_negative());
    }
}
