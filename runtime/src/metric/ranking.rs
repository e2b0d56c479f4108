//! Metrics of scored rows with a label.

use std::fmt;

/// Buckets of the calibration error.
const CALIBRATION_BUCKETS: usize = 20;

/// A metric of scored rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RankingMetric {
    /// The chance that a positive row scores above a negative one, a tie counting half.
    Auc,
    /// The mean of `auc` within groups that have both classes, weighted by their rows. Holds the reference that groups.
    Gauc(String),
    /// Binary cross-entropy of the label under the scores as logits, the mean over rows.
    Logloss,
    /// The mean distance of predicted from observed rates over 20 buckets of equally many rows by score.
    CalibrationError,
    /// `logloss` over the entropy of the mean label (He et al. 2014).
    NormalisedEntropy,
}

impl RankingMetric {
    /// The metric of this full name, `None` where there is none.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "auc" => Self::Auc,
            "logloss" => Self::Logloss,
            "calibration" => Self::CalibrationError,
            "ne" => Self::NormalisedEntropy,
            _ => Self::Gauc(name.strip_prefix("gauc(")?.strip_suffix(')')?.to_owned()),
        })
    }
}

impl fmt::Display for RankingMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auc => f.write_str("auc"),
            Self::Gauc(group) => write!(f, "gauc({group})"),
            Self::Logloss => f.write_str("logloss"),
            Self::CalibrationError => f.write_str("calibration"),
            Self::NormalisedEntropy => f.write_str("ne"),
        }
    }
}

/// Rows in the order of their scores, so that the area under the curve of any weighting of them takes one pass.
pub(crate) struct ByScore {
    /// Rows, lowest score first.
    order: Vec<u32>,
    /// Where in `order` each run of equal scores ends.
    ends: Vec<u32>,
}

impl ByScore {
    /// Sorts the rows.
    pub(crate) fn new(scores: &[f32]) -> Self {
        let mut order: Vec<u32> = (0..scores.len()).map(|row| row as u32).collect();
        let score = |row: u32| scores[row as usize];
        order.sort_unstable_by(|a, b| score(*a).total_cmp(&score(*b)).then(a.cmp(b)));
        let same = |a: u32, b: u32| score(a) == score(b);
        let ends = (1..=order.len())
            .filter(|end| *end == order.len() || !same(order[end - 1], order[*end]))
            .map(|end| end as u32)
            .collect();
        Self { order, ends }
    }

    /// The area under the curve with a weight a row; `None` where one class has no weight.
    pub(crate) fn auc(&self, labels: &[f32], weight: impl Fn(usize) -> f64) -> Option<f64> {
        let (mut below, mut won, mut positives) = (0.0, 0.0, 0.0);
        let mut start = 0;
        for end in &self.ends {
            let (mut positive, mut negative) = (0.0, 0.0);
            for row in &self.order[start..*end as usize] {
                let row = *row as usize;
                if is_positive(labels[row]) {
                    positive += weight(row);
                } else {
                    negative += weight(row);
                }
            }
            won += positive * (below + negative / 2.0);
            below += negative;
            positives += positive;
            start = *end as usize;
        }
        let pairs = positives * below;
        (pairs > 0.0).then(|| won / pairs)
    }
}

/// Whether a label counts as the positive class.
pub(crate) fn is_positive(label: f32) -> bool {
    label > 0.5
}

/// The area under the curve of all rows.
pub(crate) fn auc(scores: &[f32], labels: &[f32]) -> Option<f64> {
    ByScore::new(scores).auc(labels, |_| 1.0)
}

/// The groups that have both classes, each with its weight and area, and how many have not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GroupedAuc {
    /// Group, number of rows, area.
    pub(crate) groups: Vec<(u32, f64, f64)>,
    /// Groups of one class.
    pub(crate) dropped: usize,
}

impl GroupedAuc {
    /// The areas within groups of rows.
    pub(crate) fn new(scores: &[f32], labels: &[f32], group: &[u32]) -> Self {
        let mut rows: Vec<u32> = (0..scores.len()).map(|row| row as u32).collect();
        rows.sort_by_key(|row| group[*row as usize]);
        let (mut groups, mut dropped) = (Vec::new(), 0);
        for rows in rows.chunk_by(|a, b| group[*a as usize] == group[*b as usize]) {
            let of = |values: &[f32]| {
                rows.iter()
                    .map(|row| values[*row as usize])
                    .collect::<Vec<f32>>()
            };
            match auc(&of(scores), &of(labels)) {
                Some(area) => groups.push((group[rows[0] as usize], rows.len() as f64, area)),
                None => dropped += 1,
            }
        }
        Self { groups, dropped }
    }

    /// The weighted mean; `None` without a group.
    pub(crate) fn mean(&self) -> Option<f64> {
        let weight: f64 = self.groups.iter().map(|(_, weight, _)| weight).sum();
        let sum: f64 = self
            .groups
            .iter()
            .map(|(_, weight, area)| weight * area)
            .sum();
        (weight > 0.0).then(|| sum / weight)
    }
}

/// Cross-entropy of a label under a logit, without overflow.
pub(crate) fn cross_entropy(logit: f32, label: f32) -> f64 {
    let (logit, label) = (f64::from(logit), f64::from(label));
    logit.max(0.0) - logit * label + (-logit.abs()).exp().ln_1p()
}

/// The mean distance of predicted from observed rates; `None` without rows.
pub(crate) fn calibration_error(scores: &[f32], labels: &[f32]) -> Option<f64> {
    let order = ByScore::new(scores).order;
    if order.is_empty() {
        return None;
    }
    let border = |bucket: usize| bucket * order.len() / CALIBRATION_BUCKETS;
    let distance: f64 = (0..CALIBRATION_BUCKETS)
        .map(|bucket| {
            let rows = &order[border(bucket)..border(bucket + 1)];
            let predicted: f64 = rows.iter().map(|row| sigmoid(scores[*row as usize])).sum();
            let observed: f64 = rows
                .iter()
                .map(|row| f64::from(labels[*row as usize]))
                .sum();
            (predicted - observed).abs()
        })
        .sum();
    Some(distance / order.len() as f64)
}

/// The entropy of a rate; `None` at 0 and 1.
pub(crate) fn entropy(rate: f64) -> Option<f64> {
    (rate > 0.0 && rate < 1.0).then(|| -rate * rate.ln() - (1.0 - rate) * (1.0 - rate).ln())
}

fn sigmoid(logit: f32) -> f64 {
    1.0 / (1.0 + (-f64::from(logit)).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every pair of a positive and a negative row, ties half.
    fn pairs(scores: &[f32], labels: &[f32]) -> f64 {
        let (mut won, mut all) = (0.0, 0.0);
        for positive in (0..scores.len()).filter(|row| labels[*row] == 1.0) {
            for negative in (0..scores.len()).filter(|row| labels[*row] == 0.0) {
                all += 1.0;
                won += match scores[positive].total_cmp(&scores[negative]) {
                    std::cmp::Ordering::Greater => 1.0,
                    std::cmp::Ordering::Equal => 0.5,
                    std::cmp::Ordering::Less => 0.0,
                };
            }
        }
        won / all
    }

    #[test]
    fn the_area_counts_won_pairs_and_half_of_the_ties() {
        let scores = [0.1, 0.4, 0.4, 0.8, 0.4, 0.1, 0.9];
        let labels = [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0];
        assert!((auc(&scores, &labels).unwrap() - pairs(&scores, &labels)).abs() < 1e-12);
    }

    #[test]
    fn one_class_has_no_area() {
        assert_eq!(auc(&[0.1, 0.2], &[1.0, 1.0]), None);
        assert_eq!(auc(&[], &[]), None);
    }

    #[test]
    fn weights_count_rows_as_if_repeated() {
        let (scores, labels) = ([0.3, 0.5, 0.4], [0.0, 1.0, 1.0]);
        let weighted = ByScore::new(&[0.3, 0.5, 0.2])
            .auc(&labels, |row| [2.0, 1.0, 3.0][row])
            .unwrap();
        let repeated = auc(
            &[0.3, 0.3, 0.5, 0.2, 0.2, 0.2],
            &[0.0, 0.0, 1.0, 1.0, 1.0, 1.0],
        )
        .unwrap();
        assert!((weighted - repeated).abs() < 1e-12);
        assert_eq!(auc(&scores, &labels), Some(1.0));
    }

    #[test]
    fn groups_of_one_class_are_dropped_and_counted() {
        let scores = [0.1, 0.9, 0.5, 0.2, 0.8, 0.7, 0.3];
        let labels = [0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 0.0];
        let group = [4, 4, 9, 9, 2, 2, 2];
        let grouped = GroupedAuc::new(&scores, &labels, &group);
        assert_eq!(grouped.dropped, 1);
        assert_eq!(grouped.groups, [(2, 3.0, 0.5), (4, 2.0, 1.0)]);
        assert!((grouped.mean().unwrap() - (3.0 * 0.5 + 2.0) / 5.0).abs() < 1e-12);
    }

    #[test]
    fn cross_entropy_stands_extreme_logits() {
        assert!((cross_entropy(0.0, 1.0) - 2_f64.ln()).abs() < 1e-12);
        assert!((cross_entropy(80.0, 0.0) - 80.0).abs() < 1e-9);
        assert!(cross_entropy(80.0, 1.0) < 1e-30);
    }

    #[test]
    fn a_rate_predicted_for_all_is_calibrated() {
        let logit = (0.25_f32 / 0.75).ln();
        let labels: Vec<f32> = (0..80)
            .map(|row| f32::from(u8::from(row % 4 == 0)))
            .collect();
        assert!(calibration_error(&[logit; 80], &labels).unwrap() < 1e-6);
        assert!((calibration_error(&[0.0; 80], &labels).unwrap() - 0.25).abs() < 1e-6);
    }

    #[test]
    fn names_are_read_as_they_print() {
        for name in ["auc", "gauc(user)", "logloss", "calibration", "ne"] {
            assert_eq!(RankingMetric::parse(name).unwrap().to_string(), name);
        }
        assert_eq!(RankingMetric::parse("gauc"), None);
    }
}
