//! Ranks the whole catalogue for each query, in blocks, and measures the lists.

use std::collections::BTreeMap;

use rayon::prelude::*;
use reckon_compiler::cost::scored_a_block;

use super::queries::{ABSENT, Asked, Query};
use super::report::{MetricValue, SliceValue};
use super::slice::{Members, Slice};
use super::top::{Best, Wanted, best_of_scores};
use crate::metric::interval::bootstrap_mean;
use crate::metric::retrieval::{RetrievalKind, RetrievalMetric};
use crate::random::Key;

/// Which items stay out of the lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Except {
    /// None.
    Nothing,
    /// What the asker had before.
    Seen,
}

/// How lists are measured.
pub(crate) struct Measure<'a> {
    /// The metrics, in the order of the spec.
    pub(crate) metrics: &'a [RetrievalMetric],
    /// The slices.
    pub(crate) slices: &'a [Slice],
    /// What stays out.
    pub(crate) except: Except,
    /// What becomes of the lists.
    pub(crate) lists: Lists,
}

/// What becomes of the lists once they are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lists {
    /// They are dropped.
    Measured,
    /// They are kept, for [`Ranked::lists`].
    Kept,
}

/// The measured lists of one scorer.
pub(crate) struct Ranked {
    metrics: Vec<RetrievalMetric>,
    /// For each query and metric its value, row by row; 0 for metrics of many lists.
    values: Vec<f64>,
    shown: Shown,
    slices: Vec<SliceValue>,
    lists: Vec<Vec<u32>>,
    /// Scores that were not finite.
    pub(crate) not_finite: usize,
}

impl Ranked {
    /// The metrics over all queries, with intervals over groups of queries where a group is given for each.
    pub(crate) fn metrics(&self, groups: Option<(&[u32], Key)>) -> Vec<MetricValue> {
        let width = self.metrics.len();
        let column = |at: usize| self.values.iter().skip(at).step_by(width).copied();
        let measure = |(at, metric): (usize, &RetrievalMetric)| {
            if metric.kind == RetrievalKind::Coverage {
                let value = self.shown.coverage(metric.depth, |_| true);
                return MetricValue {
                    name: metric.to_string(),
                    value,
                    interval: None,
                };
            }
            let interval = groups.and_then(|(groups, key)| {
                bootstrap_mean(&sums_by_group(groups, column(at)), key.with(at as u64))
            });
            MetricValue {
                name: metric.to_string(),
                value: mean(column(at)),
                interval,
            }
        };
        self.metrics.iter().enumerate().map(measure).collect()
    }

    /// For each query its list, best first, with the value of each metric of one list; empty where lists are dropped.
    /// An empty sum is -0.0, which adding 0.0 turns into 0.0.
    pub(crate) fn lists(&self) -> impl Iterator<Item = (&[u32], BTreeMap<String, f64>)> {
        let width = self.metrics.len();
        self.lists.iter().enumerate().map(move |(at, list)| {
            let values = self.metrics.iter().zip(&self.values[at * width..]);
            let values = values
                .filter(|(metric, _)| metric.kind != RetrievalKind::Coverage)
                .map(|(metric, value)| (metric.to_string(), *value + 0.0));
            (list.as_slice(), values.collect())
        })
    }

    /// The metrics over the groups of each slice.
    pub(crate) fn slices(self) -> Vec<SliceValue> {
        self.slices
    }
}

/// Scores, ranks and measures all queries. `score` gives the scores of a block of queries, a row of all items each.
pub(crate) fn rank<S: AsRef<[f32]>, E>(
    asked: &Asked<'_>,
    measure: &Measure<'_>,
    mut score: impl FnMut(&[Query]) -> Result<S, E>,
) -> Result<Ranked, E> {
    let items = asked.events.items;
    let block = scored_a_block(items);
    rank_by(asked, measure, block, |queries, wanted| {
        let scores = score(queries)?;
        let scores = scores.as_ref();
        assert_eq!(
            scores.len(),
            queries.len() * items,
            "internal: a score for each query and item"
        );
        Ok(best_of_scores(scores, items, wanted))
    })
}

/// Ranks and measures all queries. `best` finds the best items of so many queries, one after another.
pub(crate) fn rank_by<E>(
    asked: &Asked<'_>,
    measure: &Measure<'_>,
    block: usize,
    mut best: impl FnMut(&[Query], &Wanted<'_>) -> Result<Vec<Best>, E>,
) -> Result<Ranked, E> {
    let depths = measure.metrics.iter().map(|metric| metric.depth);
    let depth = depths.max().unwrap_or(0);
    let mut tally = Tally::new(measure, asked.events.items);
    for block in asked.queries.chunks(block) {
        let seen = |query: &Query| match measure.except {
            Except::Nothing => Vec::new(),
            Except::Seen => asked.seen(query),
        };
        let left_out: Vec<Vec<u32>> = block.par_iter().map(seen).collect();
        let wanted = Wanted {
            left_out: &left_out,
            depth,
        };
        for (query, best) in block.iter().zip(best(block, &wanted)?) {
            let list = best.rows();
            tally.not_finite += best.not_finite;
            tally.add(query, &list);
            if measure.lists == Lists::Kept {
                tally.lists.push(list);
            }
        }
    }
    Ok(tally.finish())
}

/// Sums up lists as they come.
struct Tally<'a> {
    measure: &'a Measure<'a>,
    values: Vec<f64>,
    shown: Shown,
    /// Slice by slice, group by group.
    groups: Vec<Vec<GroupTally>>,
    lists: Vec<Vec<u32>>,
    not_finite: usize,
}

struct GroupTally {
    queries: usize,
    /// By metric.
    sums: Vec<f64>,
    /// The lists of the group; kept only where the slice is by query.
    shown: Option<Shown>,
}

impl<'a> Tally<'a> {
    fn new(measure: &'a Measure<'a>, items: usize) -> Self {
        let shown = Shown::new(measure.metrics, items);
        let group = |slice: &Slice| GroupTally {
            queries: 0,
            sums: vec![0.0; measure.metrics.len()],
            shown: matches!(slice.members, Members::Rows(_)).then(|| shown.clone()),
        };
        let groups = measure
            .slices
            .iter()
            .map(|slice| slice.groups.iter().map(|_| group(slice)).collect())
            .collect();
        Self {
            measure,
            values: Vec::new(),
            shown,
            groups,
            lists: Vec::new(),
            not_finite: 0,
        }
    }

    fn add(&mut self, query: &Query, list: &[u32]) {
        let metrics = self.measure.metrics;
        let hits = hits(list, &query.targets);
        self.values
            .extend(values(metrics, &hits, query.targets.len()));
        self.shown.add(list);
        for (slice, groups) in self.measure.slices.iter().zip(&mut self.groups) {
            match &slice.members {
                Members::Rows(group) => {
                    if let Some(group) = groups.get_mut(group[query.row as usize] as usize) {
                        group.add(values(metrics, &hits, query.targets.len()));
                        if let Some(shown) = &mut group.shown {
                            shown.add(list);
                        }
                    }
                }
                Members::Items(of_item) => {
                    for (at, group) in groups.iter_mut().enumerate() {
                        let mut targets = query.targets.clone();
                        targets.retain(|item| of_item[*item as usize] as usize == at);
                        if !targets.is_empty() {
                            group.add(values(metrics, &self::hits(list, &targets), targets.len()));
                        }
                    }
                }
            }
        }
    }

    fn finish(self) -> Ranked {
        let mut slices = Vec::new();
        for (slice, groups) in self.measure.slices.iter().zip(self.groups) {
            for (at, group) in groups.into_iter().enumerate() {
                let coverage = |depth| match (&slice.members, &group.shown) {
                    (Members::Items(of_item), _) => self
                        .shown
                        .coverage(depth, |item| of_item[item] as usize == at),
                    (Members::Rows(_), Some(shown)) => shown.coverage(depth, |_| true),
                    (Members::Rows(_), None) => None,
                };
                let value = |metric: &RetrievalMetric, sum: f64| match metric.kind {
                    RetrievalKind::Coverage => coverage(metric.depth),
                    _ => (group.queries > 0).then(|| sum / group.queries as f64),
                };
                let metrics = self.measure.metrics.iter().zip(&group.sums);
                slices.push(SliceValue {
                    by: slice.by.clone(),
                    group: slice.groups[at].clone(),
                    count: group.queries,
                    metrics: metrics
                        .map(|(metric, sum)| MetricValue {
                            name: metric.to_string(),
                            value: value(metric, *sum),
                            interval: None,
                        })
                        .collect(),
                });
            }
        }
        let metrics = self.measure.metrics.to_vec();
        Ranked {
            metrics,
            values: self.values,
            shown: self.shown,
            slices,
            lists: self.lists,
            not_finite: self.not_finite,
        }
    }
}

impl GroupTally {
    fn add(&mut self, values: impl Iterator<Item = f64>) {
        self.queries += 1;
        for (sum, value) in self.sums.iter_mut().zip(values) {
            *sum += value;
        }
    }
}

/// For each item the best place at which it was shown.
#[derive(Clone)]
struct Shown {
    best: Vec<u32>,
    wanted: bool,
}

impl Shown {
    fn new(metrics: &[RetrievalMetric], items: usize) -> Self {
        let wanted = metrics
            .iter()
            .any(|metric| metric.kind == RetrievalKind::Coverage);
        Self {
            best: vec![u32::MAX; if wanted { items } else { 0 }],
            wanted,
        }
    }

    fn add(&mut self, list: &[u32]) {
        if self.wanted {
            for (place, item) in list.iter().enumerate() {
                let best = &mut self.best[*item as usize];
                *best = (*best).min(place as u32);
            }
        }
    }

    /// The share of the items of a kind that were shown in the first `depth` places; `None` where there are none.
    fn coverage(&self, depth: usize, counts: impl Fn(usize) -> bool) -> Option<f64> {
        let places = self
            .best
            .iter()
            .enumerate()
            .filter(|(item, _)| counts(*item))
            .map(|(_, best)| best);
        let (mut shown, mut all) = (0_usize, 0_usize);
        for best in places {
            all += 1;
            shown += usize::from((*best as usize) < depth);
        }
        (all > 0).then(|| shown as f64 / all as f64)
    }
}

/// Which places of a list hold a target.
fn hits(list: &[u32], targets: &[u32]) -> Vec<bool> {
    list.iter()
        .map(|item| targets.binary_search(item).is_ok())
        .collect()
}

fn values(metrics: &[RetrievalMetric], hits: &[bool], targets: usize) -> impl Iterator<Item = f64> {
    metrics
        .iter()
        .map(move |metric| metric.of_list(hits, targets).unwrap_or(0.0))
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0_usize), |(sum, count), value| {
        (sum + value, count + 1)
    });
    (count > 0).then(|| sum / count as f64)
}

/// The sum and the number of the values of each group, in the order of the groups. Values without a group
/// ([`ABSENT`]) are each a group of their own.
fn sums_by_group(groups: &[u32], values: impl Iterator<Item = f64>) -> Vec<(f64, f64)> {
    let mut pairs: Vec<(u32, f64)> = groups.iter().copied().zip(values).collect();
    pairs.sort_by_key(|(group, _)| *group);
    pairs
        .chunk_by(|a, b| a.0 == b.0 && a.0 != ABSENT)
        .map(|chunk| {
            (
                chunk.iter().map(|(_, value)| value).sum(),
                chunk.len() as f64,
            )
        })
        .collect()
}

#[cfg(test)]
#[path = "retrieval_tests.rs"]
mod tests;
