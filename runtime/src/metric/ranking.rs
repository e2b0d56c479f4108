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
    /// The same metric, each row counting one over its expected number among drawn rows (Horvitz and Thompson 1952), or
    /// as it was drawn.
    Correct(Correction, Box<Self>),
}

/// What becomes of the probabilities with which rows were drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Correction {
    /// Each row counts one over its expected number.
    LogQ,
    /// Rows count as they were drawn.
    None,
}

impl RankingMetric {
    /// The metric of this full name, `None` where there is none.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        for (correction, word) in CORRECTIONS {
            let Some(rest) = name.strip_suffix(&format!("correct: {word})")) else {
                continue;
            };
            let plain = match rest.strip_suffix(", ") {
                Some(of) => format!("{of})"),
                None => rest.strip_suffix('(')?.to_owned(),
            };
            return Some(Self::Correct(correction, Box::new(Self::parse(&plain)?)));
        }
        Some(match name {
            "auc" => Self::Auc,
            "logloss" => Self::Logloss,
            "calibration" => Self::CalibrationError,
            "ne" => Self::NormalisedEntropy,
            _ => Self::Gauc(name.strip_prefix("gauc(")?.strip_suffix(')')?.to_owned()),
        })
    }

    /// The metric without what is said of drawn rows.
    pub(crate) fn plain(&self) -> &Self {
        match self {
            Self::Correct(_, of) => of.plain(),
            Self::Auc
            | Self::Gauc(_)
            | Self::Logloss
            | Self::CalibrationError
            | Self::NormalisedEntropy => self,
        }
    }

    /// Whether each row counts one over its expected number among drawn rows.
    pub(crate) fn corrects(&self) -> bool {
        matches!(self, Self::Correct(Correction::LogQ, _))
    }
}

const CORRECTIONS: [(Correction, &str); 2] =
    [(Correction::LogQ, "log_q"), (Correction::None, "none")];

impl fmt::Display for RankingMetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auc => f.write_str("auc"),
            Self::Gauc(group) => write!(f, "gauc({group})"),
            Self::Logloss => f.write_str("logloss"),
            Self::CalibrationError => f.write_str("calibration"),
            Self::NormalisedEntropy => f.write_str("ne"),
            Self::Correct(correction, of) => {
                let word = CORRECTIONS.iter().find(|(known, _)| known == correction);
                let word = word.map_or("", |(_, word)| word);
                match of.to_string().strip_suffix(')') {
                    Some(open) => write!(f, "{open}, correct: {word})"),
                    None => write!(f, "{of}(correct: {word})"),
                }
            }
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

/// The area under the curve of all rows, with a weight a row.
pub(crate) fn auc(scores: &[f32], labels: &[f32], weights: &[f64]) -> Option<f64> {
    ByScore::new(scores).auc(labels, |row| weights[row])
}

/// The groups that have both classes, each with its weight and area, and how many have not.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GroupedAuc {
    /// Group, weight of its rows, area.
    pub(crate) groups: Vec<(u32, f64, f64)>,
    /// Groups of one class.
    pub(crate) dropped: usize,
}

impl GroupedAuc {
    /// The areas within groups of rows.
    pub(crate) fn new(scores: &[f32], labels: &[f32], weights: &[f64], group: &[u32]) -> Self {
        let mut rows: Vec<u32> = (0..scores.len()).map(|row| row as u32).collect();
        rows.sort_by_key(|row| group[*row as usize]);
        let (mut groups, mut dropped) = (Vec::new(), 0);
        for rows in rows.chunk_by(|a, b| group[*a as usize] == group[*b as usize]) {
            let of = |values: &[f32]| {
                rows.iter()
                    .map(|row| values[*row as usize])
                    .collect::<Vec<f32>>()
            };
            let weights: Vec<f64> = rows.iter().map(|row| weights[*row as usize]).collect();
            match auc(&of(scores), &of(labels), &weights) {
                Some(area) => groups.push((group[rows[0] as usize], weights.iter().sum(), area)),
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

/// The mean distance of predicted from observed rates, with a weight a row; `None` without rows.
pub(crate) fn calibration_error(scores: &[f32], labels: &[f32], weights: &[f64]) -> Option<f64> {
    let order = ByScore::new(scores).order;
    let mut total = 0.0;
    let until = |row: &u32| {
        total += weights[*row as usize];
        total
    };
    let until: Vec<f64> = order.iter().map(until).collect();
    if total <= 0.0 {
        return None;
    }
    let border = |bucket: usize| match bucket {
        CALIBRATION_BUCKETS => order.len(),
        _ => {
            let share = bucket as f64 * total / CALIBRATION_BUCKETS as f64;
            until.partition_point(|weight| *weight <= share)
        }
    };
    let distance: f64 = (0..CALIBRATION_BUCKETS)
        .map(|bucket| {
            let rows = &order[border(bucket)..border(bucket + 1)];
            let sum = |of: &dyn Fn(usize) -> f64| -> f64 {
                rows.iter()
                    .map(|row| weights[*row as usize] * of(*row as usize))
                    .sum()
            };
            let predicted = sum(&|row| sigmoid(scores[row]));
            let observed = sum(&|row| f64::from(labels[row]));
            (predicted - observed).abs()
        })
        .sum();
    Some(distance / total)
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

    fn auc(scores: &[f32], labels: &[f32]) -> Option<f64> {
        super::auc(scores, labels, &vec![1.0; scores.len()])
    }

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
        let grouped = GroupedAuc::new(&scores, &labels, &[1.0; 7], &group);
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
        let error = |logit| calibration_error(&[logit; 80], &labels, &[1.0; 80]).unwrap();
        assert!(error(logit) < 1e-6);
        assert!((error(0.0) - 0.25).abs() < 1e-6);
    }

    #[test]
    fn a_row_of_weight_three_is_calibrated_as_three_rows() {
        // Forty rows in the order of their scores; two of them, of weights 3 and 1, fill a bucket.
        let times = |row: usize| 3 - 2 * (row % 2);
        let score = |row: &usize| *row as f32 / 10.0 - 2.0;
        let label = |row: &usize| f32::from(u8::from(row.is_multiple_of(3)));
        let error = |rows: &[usize], weights: &[f64]| {
            let (scores, labels): (Vec<f32>, Vec<f32>) =
                rows.iter().map(|row| (score(row), label(row))).unzip();
            calibration_error(&scores, &labels, weights)
        };
        let rows: Vec<usize> = (0..40).collect();
        let weights: Vec<f64> = rows.iter().map(|row| times(*row) as f64).collect();
        let thrice: Vec<usize> = (0..40).flat_map(|row| vec![row; times(row)]).collect();
        let weighted = error(&rows, &weights);
        let repeated = error(&thrice, &vec![1.0; thrice.len()]);
        assert!((weighted.unwrap() - repeated.unwrap()).abs() < 1e-9);
    }

    #[test]
    fn names_are_read_as_they_print() {
        let corrected = ["logloss(correct: log_q)", "gauc(user, correct: none)"];
        let plain = ["auc", "gauc(user)", "logloss", "calibration", "ne"];
        for name in plain.into_iter().chain(corrected) {
            assert_eq!(RankingMetric::parse(name).unwrap().to_string(), name);
        }
        assert_eq!(RankingMetric::parse("gauc"), None);
    }
}
