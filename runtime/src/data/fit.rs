//! Fitted statistics: one pass over the values that a row program gives for the rows of a domain.
//!
//! Each kind has a state that takes values one by one and that merges with the state of other rows. Rows are taken in
//! chunks of a fixed size whose states merge in order, so the number of threads cannot change a bit. Only training rows
//! are read: other rows have weight 0.

mod groups;
mod mutual;
mod store;

use std::collections::HashMap;
use std::hash::Hash;

use rayon::prelude::*;
use reckon_compiler::plan::{Domain, FitKind, FitPlan};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::{Column, Data, Fitted, RowProgram, Texts, Vocabulary, VocabularyValues};

use super::fault::KERNEL;
use super::grow::Until;
use super::program::{run_over_rows, source_named};
use super::select;
use super::source::{ABSENT_ROW, Source};

pub(crate) use store::{FIT_NAMES, fit_names, load_named};
pub use store::{content_hash, load, save};

const CHUNK: usize = 65_536;

/// Fits one statistic over the rows of its domain until an instant; `before` holds those that come before it in the plan.
pub(crate) fn fit(
    plan: &FitPlan,
    sources: &[Source],
    before: &[Fitted],
    until: Until,
) -> Result<Fitted, Diagnostic> {
    let outputs = run_over_rows(
        &RowProgram::new(plan.kernel.clone()),
        sources,
        before,
        plan.span,
    )?;
    let unlike = |found: &str| {
        Diagnostic::error(
            KERNEL,
            plan.span,
            format!("statistic `{}` cannot be fitted over {found}", plan.name),
        )
    };
    let weights = weights(plan, sources, before, until)?;
    if let FitKind::Groups { keys, values } = &plan.kind {
        let groups = groups::Rows::new(&outputs, *keys).groups(&weights, *values);
        return groups.map(Fitted::Groups).ok_or_else(|| unlike("texts"));
    }
    let Some((_, column)) = outputs.first() else {
        return Err(unlike("nothing"));
    };
    if let FitKind::MutualInformation { fields } = &plan.kind {
        return Ok(mutual::mutual_information(fields, &outputs, &weights));
    }
    let values = Values {
        column,
        weights: &weights,
    };
    match &plan.kind {
        FitKind::Vocab {
            min_count,
            oov,
            top,
        } => values
            .vocabulary(*min_count, *oov, *top)
            .map(Fitted::Vocab)
            .ok_or_else(|| unlike("lists of lists")),
        FitKind::Quantiles(n) => {
            let seen = values.numbers(
                Vec::new,
                |seen, x, weight| seen.push((x, weight)),
                |seen, more| seen.extend(more),
            );
            seen.map(|seen| Fitted::Borders(borders(seen, *n)))
                .ok_or_else(|| unlike("texts"))
        }
        FitKind::Moments => values
            .numbers(Moments::default, Moments::add, Moments::merge)
            .map(|moments| Fitted::Moments {
                mean: moments.mean,
                std: moments.std(),
            })
            .ok_or_else(|| unlike("texts")),
        FitKind::MutualInformation { .. } => Err(unlike("one field")),
        FitKind::Extent => values
            .extent()
            .map(|(min, max)| Fitted::Extent { min, max })
            .ok_or_else(|| unlike("texts")),
        FitKind::Groups { .. } => unreachable!("internal: groups were fitted above"),
    }
}

/// How often each row of a domain counts.
fn weights(
    plan: &FitPlan,
    sources: &[Source],
    before: &[Fitted],
    until: Until,
) -> Result<Vec<f64>, Diagnostic> {
    Ok(match &plan.domain {
        Domain::Referred { entity } => {
            let counts = counts(entity, sources, until, Source::reads).into_iter();
            counts.map(|count| count as f64).collect()
        }
        Domain::Catalogue { entity } => {
            vec![1.0; source_named(sources, entity).map_or(0, |source| source.rows)]
        }
        Domain::Events { source } => {
            let source = source_named(sources, source);
            source.map_or_else(Vec::new, |source| {
                (0..source.rows)
                    .map(|row| match until.has(source, row) {
                        // In a loop a row counts by what is read of it, not by what is trained on today.
                        true if source.wait.is_some() => f64::from(u8::from(source.trains(row))),
                        true => source.training_weight(row),
                        false => 0.0,
                    })
                    .collect()
            })
        }
        Domain::Loss { rows, entity, .. } => {
            let Some(source) = source_named(sources, &rows.kernel.source) else {
                return Ok(Vec::new());
            };
            let outputs = run_over_rows(
                &RowProgram::new(rows.kernel.clone()),
                sources,
                before,
                plan.span,
            )?;
            let mut of_rows = select::counted(rows, source, &outputs.into_iter().collect());
            for (row, weight) in of_rows.iter_mut().enumerate() {
                *weight *= f64::from(u8::from(until.has(source, row)));
            }
            match entity {
                Some(entity) => referred(entity, source, &of_rows, sources),
                None => of_rows,
            }
        }
    })
}

/// For each row of an entity the weights of the rows of a source that refer to it.
fn referred(entity: &str, source: &Source, of_rows: &[f64], sources: &[Source]) -> Vec<f64> {
    let mut weights = vec![0.0; source_named(sources, entity).map_or(0, |source| source.rows)];
    let referred = source.reads(entity).into_iter().flatten();
    for (thing, weight) in referred
        .zip(of_rows)
        .filter(|(thing, _)| **thing != ABSENT_ROW)
    {
        weights[*thing as usize] += weight;
    }
    weights
}

/// For each row of an entity the number of training events that refer to it, over all events that are split; where none
/// is, over all events. Those from an instant on do not count.
pub(crate) fn training_counts(entity: &str, sources: &[Source], until: Until) -> Vec<u64> {
    counts(entity, sources, until, |source, entity| {
        source.references.get(entity)
    })
}

/// The same by the rows that events refer to, or that they read.
fn counts(
    entity: &str,
    sources: &[Source],
    until: Until,
    rows: for<'s> fn(&'s Source, &str) -> Option<&'s Vec<u32>>,
) -> Vec<u64> {
    let mut counts = vec![0; source_named(sources, entity).map_or(0, |source| source.rows)];
    let referring = || {
        sources
            .iter()
            .filter(|source| source.references.contains_key(entity))
    };
    let any_split = referring().any(|source| source.parts.is_some());
    for source in referring().filter(|source| source.parts.is_some() || !any_split) {
        for (row, referred) in rows(source, entity).into_iter().flatten().enumerate() {
            if *referred != ABSENT_ROW && source.trains(row) && until.has(source, row) {
                counts[*referred as usize] += 1;
            }
        }
    }
    counts
}

/// Values with how often each row counts.
struct Values<'a> {
    column: &'a Column,
    weights: &'a [f64],
}

impl<'a> Values<'a> {
    /// The values themselves: those of the elements where they are lists, each with the weight of its row.
    fn data(&self) -> &'a Data {
        match &self.column.data {
            Data::List(lists) => &lists.values,
            data => data,
        }
    }

    /// One pass: `add` takes the place of each value that counts, with its weight.
    fn reduce<S: Send>(
        &self,
        new: impl Fn() -> S + Sync,
        add: impl Fn(&mut S, usize, f64) + Sync,
        merge: impl Fn(&mut S, S),
    ) -> S {
        let rows = self.column.len().min(self.weights.len());
        let chunk = |chunk: usize| {
            let mut state = new();
            for row in chunk * CHUNK..rows.min((chunk + 1) * CHUNK) {
                let weight = self.weights[row];
                if weight == 0.0 || self.column.is_null(row) {
                    continue;
                }
                match &self.column.data {
                    Data::List(lists) => {
                        lists.range(row).for_each(|at| add(&mut state, at, weight))
                    }
                    Data::Int(_) | Data::Float(_) | Data::Bool(_) | Data::Str(_) => {
                        add(&mut state, row, weight)
                    }
                }
            }
            state
        };
        let states: Vec<S> = (0..rows.div_ceil(CHUNK))
            .into_par_iter()
            .map(chunk)
            .collect();
        let mut all = new();
        states.into_iter().for_each(|state| merge(&mut all, state));
        all
    }

    /// One pass over finite numbers; `None` where the values are no numbers.
    fn numbers<S: Send>(
        &self,
        new: impl Fn() -> S + Sync,
        add: impl Fn(&mut S, f64, f64) + Sync,
        merge: impl Fn(&mut S, S),
    ) -> Option<S> {
        let data = self.data();
        let number = |at: usize| match data {
            Data::Int(values) => values[at] as f64,
            Data::Float(values) => values[at],
            Data::Bool(values) => f64::from(u8::from(values[at])),
            Data::Str(_) | Data::List(_) => f64::NAN,
        };
        let add = |state: &mut S, at: usize, weight: f64| {
            let x = number(at);
            if x.is_finite() {
                add(state, x, weight);
            }
        };
        (!matches!(data, Data::Str(_) | Data::List(_))).then(|| self.reduce(new, add, merge))
    }

    /// The smallest and the largest number; `None` where the values are no numbers.
    fn extent(&self) -> Option<(f64, f64)> {
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
        );
        extent.map(|extent| extent.unwrap_or((0.0, 0.0)))
    }

    fn counts<K: Eq + Hash + Send>(&self, key: impl Fn(usize) -> K + Sync) -> Vec<(K, f64)> {
        let counts = self.reduce(
            HashMap::new,
            |counts: &mut HashMap<K, f64>, at, weight| {
                *counts.entry(key(at)).or_insert(0.0) += weight
            },
            |all, more| {
                more.into_iter()
                    .for_each(|(key, count)| *all.entry(key).or_insert(0.0) += count)
            },
        );
        counts.into_iter().collect()
    }

    fn vocabulary(&self, min_count: u64, oov: usize, top: Option<usize>) -> Option<Vocabulary> {
        let (values, counts) = match self.data() {
            Data::Int(values) => {
                let (kept, counts) = ranked(self.counts(|at| values[at]), min_count, top);
                (VocabularyValues::Int(kept), counts)
            }
            Data::Float(values) => {
                let (kept, counts) = ranked(
                    self.counts(|at| OrderedBits::of(values[at])),
                    min_count,
                    top,
                );
                (
                    VocabularyValues::Float(kept.into_iter().map(OrderedBits::value).collect()),
                    counts,
                )
            }
            Data::Bool(values) => {
                let (kept, counts) = ranked(self.counts(|at| values[at]), min_count, top);
                (VocabularyValues::Bool(kept), counts)
            }
            Data::Str(texts) => {
                let (kept, counts) = ranked(self.counts(|at| texts.get(at)), min_count, top);
                (
                    VocabularyValues::Str(kept.into_iter().collect::<Texts>()),
                    counts,
                )
            }
            Data::List(_) => return None,
        };
        Some(Vocabulary::new(oov, values, counts))
    }
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

/// Distinct ascending borders that cut weighted values into at most `n` buckets of about equal weight. Border `k` is the
/// value at share `k / n`; one that is the smallest value would leave an empty bucket and is left out.
fn borders(mut seen: Vec<(f64, f64)>, n: usize) -> Vec<f64> {
    seen.sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b));
    let total: f64 = seen.iter().map(|(_, weight)| weight).sum();
    let (mut borders, mut below) = (Vec::<f64>::new(), 0.0);
    let mut next = 1;
    for (value, weight) in &seen {
        below += weight;
        while next < n && below * n as f64 > next as f64 * total {
            if *value > seen[0].0 && borders.last() != Some(value) {
                borders.push(*value);
            }
            next += 1;
        }
    }
    borders
}

/// Weight, mean and sum of squared deviations (West 1979; merged as in Chan, Golub and LeVeque 1979).
#[derive(Clone, Copy, Debug, Default)]
struct Moments {
    weight: f64,
    mean: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, x: f64, weight: f64) {
        self.merge(Self {
            weight,
            mean: x,
            squares: 0.0,
        });
    }

    fn merge(&mut self, other: Self) {
        let weight = self.weight + other.weight;
        if weight > 0.0 {
            let apart = other.mean - self.mean;
            self.mean += apart * (other.weight / weight);
            self.squares += other.squares + apart * apart * (self.weight * other.weight / weight);
            self.weight = weight;
        }
    }

    fn std(self) -> f64 {
        if self.weight > 0.0 {
            (self.squares / self.weight).sqrt()
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_cut_into_buckets_of_equal_weight() {
        let weighted = |values: &[(i32, u32)]| {
            values
                .iter()
                .map(|(x, w)| (f64::from(*x), f64::from(*w)))
                .collect::<Vec<_>>()
        };
        let all: Vec<(i32, u32)> = (1..=8).map(|x| (x, 1)).collect();
        assert_eq!(borders(weighted(&all), 4), [3.0, 5.0, 7.0]);
        assert_eq!(borders(weighted(&[(5, 1), (1, 6), (2, 1)]), 4), [2.0]);
        assert_eq!(borders(weighted(&[(1, 10)]), 4), [] as [f64; 0]);
        assert_eq!(borders(Vec::new(), 4), [] as [f64; 0]);
    }

    #[test]
    fn moments_of_parts_merge_to_those_of_the_whole() {
        let moments = |values: &[f64]| {
            let mut all = Moments::default();
            values.iter().for_each(|x| all.add(*x, 2.0));
            all
        };
        let mut merged = moments(&[1.0, 2.0]);
        merged.merge(moments(&[3.0, 6.0]));
        let whole = moments(&[1.0, 2.0, 3.0, 6.0]);
        assert!((merged.mean - 3.0).abs() < 1e-12 && (merged.std() - whole.std()).abs() < 1e-12);
        assert!((whole.std() - 3.5_f64.sqrt()).abs() < 1e-12);
        assert_eq!(Moments::default().std(), 0.0);
    }

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
}
