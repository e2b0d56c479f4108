//! Baselines for scored rows: the mean label of training, and that of each item.

/// How many rows of the mean label an item's own rows are mixed with.
const PRIOR: f64 = 20.0;

/// The largest distance of a predicted rate from 0 and 1 is kept above this, so that its logit is finite.
const EDGE: f64 = 1e-6;

/// Mean labels over training rows.
pub(crate) struct Rates {
    mean: f64,
    /// By item, drawn towards the mean by [`PRIOR`] rows.
    of_item: Vec<f64>,
}

impl Rates {
    /// From the labels of the training rows, what each counts, and the item of each; rows of an absent item count towards
    /// the mean only.
    pub(crate) fn fit(labels: &[f32], weights: &[f64], item: &[u32], items: usize) -> Self {
        let total: f64 = weights.iter().sum();
        let weighed = labels.iter().zip(weights);
        let positive: f64 = weighed
            .map(|(label, weight)| weight * f64::from(*label))
            .sum();
        let mean = match total > 0.0 {
            true => positive / total,
            false => 0.0,
        };
        let mut sums = vec![(PRIOR * mean, PRIOR); items];
        for ((label, weight), item) in labels.iter().zip(weights).zip(item) {
            if let Some(sum) = sums.get_mut(*item as usize) {
                sum.0 += weight * f64::from(*label);
                sum.1 += weight;
            }
        }
        Self {
            mean,
            of_item: sums.into_iter().map(|(sum, rows)| sum / rows).collect(),
        }
    }

    /// The same logit for each of so many rows.
    pub(crate) fn constant(&self, rows: usize) -> Vec<f32> {
        vec![logit(self.mean); rows]
    }

    /// The logit of each row's item, the mean's for absent ones.
    pub(crate) fn of_items(&self, item: &[u32]) -> Vec<f32> {
        item.iter()
            .map(|item| logit(*self.of_item.get(*item as usize).unwrap_or(&self.mean)))
            .collect()
    }
}

fn logit(rate: f64) -> f32 {
    let rate = rate.clamp(EDGE, 1.0 - EDGE);
    (rate / (1.0 - rate)).ln() as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::queries::ABSENT;

    #[test]
    fn an_items_rate_is_drawn_towards_the_mean_by_twenty_rows() {
        let rates = Rates::fit(&[1.0, 1.0, 0.0, 0.0], &[1.0; 4], &[0, 0, 1, ABSENT], 3);
        assert_eq!(rates.constant(2), [0.0, 0.0]);
        let expected = [12.0 / 22.0, 10.0 / 21.0, 0.5, 0.5].map(logit);
        assert_eq!(rates.of_items(&[0, 1, 2, ABSENT]), expected);
    }

    #[test]
    fn a_label_that_is_always_true_has_a_finite_logit() {
        assert!(Rates::fit(&[1.0], &[1.0], &[0], 1).constant(1)[0].is_finite());
    }
}
