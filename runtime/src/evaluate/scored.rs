//! Measures scored rows: one score and one label a row.

use std::collections::BTreeMap;

use super::predictions::{Prediction, Said};
use super::queries::ABSENT;
use super::report::{MetricValue, SliceValue};
use super::slice::{Members, Slice};
use crate::metric::Interval;
use crate::metric::interval::bootstrap;
use crate::metric::ranking::{
    ByScore, GroupedAuc, RankingMetric, auc, calibration_error, cross_entropy, entropy,
};
use crate::random::Key;

/// Rows with what a model says of them, and which row of each entity they refer to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scored {
    /// Logits.
    pub(crate) scores: Vec<f32>,
    /// 0 or 1.
    pub(crate) labels: Vec<f32>,
    /// By reference, [`ABSENT`] where the entity is absent.
    pub(crate) references: BTreeMap<String, Vec<u32>>,
    /// What each row counts.
    pub(crate) weights: Vec<f32>,
    /// The log of the expected number of each row among those that were drawn, 0 where none were.
    pub(crate) log_counts: Vec<f32>,
}

/// Metrics with what a reader has to know about them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Measured {
    pub(crate) metrics: Vec<MetricValue>,
    pub(crate) notes: Vec<String>,
}

impl Scored {
    /// What was said of scored rows, without what they refer to.
    pub(crate) fn of(predictions: &[Prediction]) -> Self {
        let mut scored = Self::default();
        for one in predictions {
            let Said::Score {
                score,
                label,
                weight,
                log_count,
            } = &one.said
            else {
                continue;
            };
            scored.scores.push(*score);
            scored.labels.push(*label);
            scored.weights.push(*weight);
            scored.log_counts.push(*log_count);
        }
        scored
    }

    /// The metrics over all rows, with intervals by the rows of a reference where one is named.
    pub(crate) fn measure(
        &self,
        metrics: &[RankingMetric],
        interval: Option<(&str, Key)>,
    ) -> Measured {
        let mut measured = Measured::default();
        for (at, metric) in metrics.iter().enumerate() {
            let (value, note) = self.value(metric);
            let interval =
                interval.and_then(|(by, key)| self.interval(metric, by, key.with(at as u64)));
            measured.metrics.push(MetricValue {
                name: metric.to_string(),
                value,
                interval,
            });
            measured.notes.extend(note);
        }
        measured
    }

    /// The metrics over the groups of slices, by row or by what a row refers to of the named entity; `rows` are the event
    /// rows of these scores.
    pub(crate) fn slices(
        &self,
        metrics: &[RankingMetric],
        slices: &[(Slice, Option<String>)],
        rows: &[u32],
    ) -> Vec<SliceValue> {
        let mut values = Vec::new();
        for (slice, entity) in slices {
            let group_of = |row: usize| match &slice.members {
                Members::Rows(group_of) => group_of.get(rows[row] as usize).copied(),
                Members::Items(group_of) => {
                    let thing = self.references.get(entity.as_ref()?)?.get(row)?;
                    group_of.get(*thing as usize).copied()
                }
            };
            for (at, group) in slice.groups.iter().enumerate() {
                let part = self.part(|row| group_of(row) == Some(at as u32));
                values.push(SliceValue {
                    by: slice.by.clone(),
                    group: group.clone(),
                    count: part.scores.len(),
                    metrics: part.measure(metrics, None).metrics,
                });
            }
        }
        values
    }

    /// The same rows with other scores.
    pub(crate) fn with_scores(&self, scores: Vec<f32>) -> Self {
        Self {
            scores,
            ..self.clone()
        }
    }

    fn part(&self, keep: impl Fn(usize) -> bool) -> Self {
        let rows: Vec<usize> = (0..self.scores.len()).filter(|row| keep(*row)).collect();
        Self {
            scores: rows.iter().map(|row| self.scores[*row]).collect(),
            labels: rows.iter().map(|row| self.labels[*row]).collect(),
            references: self
                .references
                .iter()
                .map(|(name, of)| (name.clone(), rows.iter().map(|row| of[*row]).collect()))
                .collect(),
            weights: rows.iter().map(|row| self.weights[*row]).collect(),
            log_counts: rows.iter().map(|row| self.log_counts[*row]).collect(),
        }
    }

    /// What each row counts in a metric.
    pub(crate) fn weights_in(&self, metric: &RankingMetric) -> Vec<f64> {
        let weights = self.weights.iter().map(|weight| f64::from(*weight));
        match metric.corrects() {
            true => {
                let counts = self.log_counts.iter().map(|log| f64::from(*log));
                weights
                    .zip(counts)
                    .map(|(weight, log)| weight * (-log).exp())
                    .collect()
            }
            false => weights.collect(),
        }
    }

    /// The value of a metric, and a note where it leaves something out.
    fn value(&self, metric: &RankingMetric) -> (Option<f64>, Option<String>) {
        let weights = self.weights_in(metric);
        let value = match metric.plain() {
            RankingMetric::Auc => auc(&self.scores, &self.labels, &weights),
            RankingMetric::Gauc(reference) => {
                let Some(grouped) = self.grouped(reference, &weights) else {
                    return (None, None);
                };
                let (kept, dropped) = (grouped.groups.len(), grouped.dropped);
                let note = format!(
                    "{metric} rests on {kept} groups; {dropped} with one class are left out"
                );
                return (grouped.mean(), Some(note));
            }
            RankingMetric::Logloss => self.losses(&weights).over(|_| 1.0).map(|mean| mean.loss),
            RankingMetric::CalibrationError => {
                calibration_error(&self.scores, &self.labels, &weights)
            }
            RankingMetric::NormalisedEntropy => self
                .losses(&weights)
                .over(|_| 1.0)
                .and_then(MeanLoss::normalised),
            RankingMetric::Correct(..) => unreachable!("internal: a plain metric corrects nothing"),
        };
        (value, None)
    }

    fn grouped(&self, reference: &str, weights: &[f64]) -> Option<GroupedAuc> {
        Some(GroupedAuc::new(
            &self.scores,
            &self.labels,
            weights,
            self.references.get(reference)?,
        ))
    }

    fn interval(&self, metric: &RankingMetric, by: &str, key: Key) -> Option<Interval> {
        let statistic = self.statistic(metric, by)?;
        bootstrap(statistic.groups, key, statistic.of)
    }

    /// A metric as a function of how often each group of rows counts. Metrics that are not sums over rows of the same `by`
    /// have none: calibration, and `gauc` of another group.
    pub(crate) fn statistic(&self, metric: &RankingMetric, by: &str) -> Option<Statistic<'_>> {
        let group_of = dense(self.references.get(by)?);
        let groups = group_of.iter().max().map_or(0, |last| *last as usize + 1);
        let weights = self.weights_in(metric);
        let of: OfDraw<'_> = match metric.plain() {
            RankingMetric::Auc => {
                let order = ByScore::new(&self.scores);
                Box::new(move |drawn| {
                    order.auc(&self.labels, |row| {
                        f64::from(drawn[group_of[row] as usize]) * weights[row]
                    })
                })
            }
            RankingMetric::Gauc(reference) if reference == by => {
                let areas = GroupedAuc::new(&self.scores, &self.labels, &weights, &group_of).groups;
                Box::new(move |drawn| {
                    let (mut sum, mut total) = (0.0, 0.0);
                    for (group, weight, area) in &areas {
                        let weight = f64::from(drawn[*group as usize]) * weight;
                        sum += weight * area;
                        total += weight;
                    }
                    (total > 0.0).then(|| sum / total)
                })
            }
            RankingMetric::Gauc(_)
            | RankingMetric::CalibrationError
            | RankingMetric::Correct(..) => return None,
            RankingMetric::Logloss => {
                let losses = self.losses(&weights).by_group(&group_of, groups);
                Box::new(move |drawn| Some(losses.over(|group| f64::from(drawn[group]))?.loss))
            }
            RankingMetric::NormalisedEntropy => {
                let losses = self.losses(&weights).by_group(&group_of, groups);
                Box::new(move |drawn| losses.over(|group| f64::from(drawn[group]))?.normalised())
            }
        };
        Some(Statistic { groups, of })
    }

    fn losses(&self, weights: &[f64]) -> Losses {
        let rows = self.scores.iter().zip(&self.labels).zip(weights);
        let loss = |((score, label), weight): ((&f32, &f32), &f64)| {
            let loss = cross_entropy(*score, *label);
            (weight * loss, weight * f64::from(*label), *weight)
        };
        Losses(rows.map(loss).collect())
    }
}

/// From how often each group was drawn to the metric, `None` where it is not defined.
type OfDraw<'a> = Box<dyn Fn(&[u32]) -> Option<f64> + Sync + 'a>;

/// A metric that can be taken of any draw of groups of rows.
pub(crate) struct Statistic<'a> {
    /// How many groups there are.
    pub(crate) groups: usize,
    /// The metric where each group counts so many times.
    pub(crate) of: OfDraw<'a>,
}

/// Sums of loss, label and weight, of a row or of a group of rows.
struct Losses(Vec<(f64, f64, f64)>);

/// Means over rows.
struct MeanLoss {
    loss: f64,
    label: f64,
}

impl Losses {
    fn by_group(&self, groups: &[u32], count: usize) -> Self {
        let mut sums = vec![(0.0, 0.0, 0.0); count];
        for ((loss, label, rows), group) in self.0.iter().zip(groups) {
            let sum: &mut (f64, f64, f64) = &mut sums[*group as usize];
            *sum = (sum.0 + loss, sum.1 + label, sum.2 + rows);
        }
        Self(sums)
    }

    fn over(&self, weight: impl Fn(usize) -> f64) -> Option<MeanLoss> {
        let (mut loss, mut label, mut rows) = (0.0, 0.0, 0.0);
        for (at, sums) in self.0.iter().enumerate() {
            let weight = weight(at);
            loss += weight * sums.0;
            label += weight * sums.1;
            rows += weight * sums.2;
        }
        (rows > 0.0).then(|| MeanLoss {
            loss: loss / rows,
            label: label / rows,
        })
    }
}

impl MeanLoss {
    fn normalised(self) -> Option<f64> {
        Some(self.loss / entropy(self.label)?)
    }
}

/// Numbers groups from 0 in ascending order; rows without a group are each a group of their own.
fn dense(groups: &[u32]) -> Vec<u32> {
    let mut present: Vec<u32> = groups
        .iter()
        .copied()
        .filter(|group| *group != ABSENT)
        .collect();
    present.sort_unstable();
    present.dedup();
    let mut next = present.len() as u32;
    groups
        .iter()
        .map(|group| match present.binary_search(group) {
            Ok(at) => at as u32,
            Err(_) => {
                next += 1;
                next - 1
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored() -> Scored {
        let key = Key::new(9);
        let rows = 0..400_u64;
        let labels: Vec<f32> = rows
            .clone()
            .map(|row| f32::from(u8::from(key.below(row, 3) == 0)))
            .collect();
        let noise = |row: u64| key.with(1).below(row, 1_000) as f32 / 300.0;
        let scores = rows
            .clone()
            .map(|row| labels[row as usize] + noise(row) - 2.5)
            .collect();
        let user = rows.map(|row| key.with(2).below(row, 30) as u32).collect();
        Scored {
            scores,
            labels,
            references: BTreeMap::from([("user".to_owned(), user)]),
            weights: vec![1.0; 400],
            log_counts: vec![0.0; 400],
        }
    }

    fn all() -> Vec<RankingMetric> {
        let names = ["auc", "gauc(user)", "logloss", "ne", "calibration"];
        names
            .iter()
            .map(|name| RankingMetric::parse(name).unwrap())
            .collect()
    }

    #[test]
    fn intervals_hold_their_value_and_calibration_has_none() {
        for metric in scored()
            .measure(&all(), Some(("user", Key::new(1))))
            .metrics
        {
            let value = metric.value.unwrap();
            match metric.interval {
                Some(interval) => {
                    assert!(interval.low < value && value < interval.high, "{metric:?}")
                }
                None => assert_eq!(metric.name, "calibration"),
            }
        }
    }

    #[test]
    fn the_mean_label_as_a_constant_has_an_entropy_of_one_and_no_order() {
        let scored = scored();
        let mean = scored.labels.iter().sum::<f32>() / scored.labels.len() as f32;
        let constant = scored.with_scores(vec![(mean / (1.0 - mean)).ln(); scored.labels.len()]);
        let metrics = constant.measure(&all(), None).metrics;
        assert_eq!(metrics[0].value, Some(0.5));
        assert!((metrics[3].value.unwrap() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_groups_that_gauc_leaves_out_are_told() {
        let mut scored = scored();
        scored
            .references
            .insert("user".to_owned(), (0..400).collect());
        let measured = scored.measure(&all(), None);
        assert_eq!(measured.metrics[1].value, None);
        assert_eq!(
            measured.notes,
            ["gauc(user) rests on 0 groups; 400 with one class are left out"]
        );
    }

    #[test]
    fn slices_by_row_measure_their_rows_alone() {
        let scored = scored();
        let slice = Slice {
            by: "half".to_owned(),
            groups: vec!["first".to_owned(), "second".to_owned()],
            members: Members::Rows((0..400).map(|row| row / 200).collect()),
        };
        let rows: Vec<u32> = (0..400).collect();
        let slices = scored.slices(&all(), &[(slice, None)], &rows);
        let first = auc(&scored.scores[..200], &scored.labels[..200], &[1.0; 200]);
        assert_eq!((slices[0].count, slices[0].metrics[0].value), (200, first));
    }

    #[test]
    fn rows_without_a_user_are_users_of_their_own() {
        assert_eq!(dense(&[7, ABSENT, 3, 7, ABSENT]), [1, 2, 0, 1, 3]);
    }

    #[test]
    fn a_row_that_is_expected_a_quarter_of_a_time_counts_four_times_once_corrected() {
        let whole = scored();
        // Of the negatives each fourth is kept.
        let kept: Vec<usize> = (0..400)
            .filter(|row| whole.labels[*row] > 0.5 || row % 4 == 0)
            .collect();
        let drawn = Scored {
            log_counts: (0..400)
                .map(|row| {
                    if whole.labels[row] > 0.5 {
                        0.0
                    } else {
                        0.25_f32.ln()
                    }
                })
                .collect(),
            ..whole.clone()
        };
        let drawn = drawn.part(|row| kept.contains(&row));
        // What a rate for all says of all rows.
        let value = |scored: &Scored, metric: &str| {
            let rate = (0.5_f32).ln();
            let constant = scored.with_scores(vec![rate; scored.labels.len()]);
            constant
                .value(&RankingMetric::parse(metric).unwrap())
                .0
                .unwrap()
        };
        let truth = value(&whole, "logloss");
        let corrected = value(&drawn, "logloss(correct: log_q)");
        assert!((truth - corrected).abs() < 0.03, "{truth} {corrected}");
        assert!(value(&drawn, "logloss(correct: none)") - truth > 0.15);
    }
}
