//! Bootstrap intervals: groups of rows (users) are drawn anew with replacement, and the metric is taken of each draw.

use rayon::prelude::*;

use crate::random::Key;

/// How many times the groups are drawn.
const RESAMPLES: usize = 1_000;

/// The sum of the quantiles of the normal distribution at 97.5 % and at 80 %.
const TWO_SIDED_5_AT_POWER_80: f64 = 1.959_964 + 0.841_621;

/// How sure a metric is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower end of the 95 % interval.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// The smallest difference between two runs, evaluated on as many other users each, that a two-sided test at 5 %
    /// finds four times in five. A comparison paired by user sees smaller ones.
    pub smallest_difference: f64,
}

/// The interval of `statistic` under resampling of `groups`. It is given how often each group was drawn, and may be
/// undefined for a draw, which is then left out. `None` where fewer than two groups or no defined draw is left.
pub(crate) fn bootstrap(
    groups: usize,
    key: Key,
    statistic: impl Fn(&[u32]) -> Option<f64> + Sync,
) -> Option<Interval> {
    if groups < 2 {
        return None;
    }
    let draws: Vec<Option<f64>> = (0..RESAMPLES)
        .into_par_iter()
        .map_init(
            || vec![0_u32; groups],
            |counts, resample| {
                counts.fill(0);
                let key = key.with(resample as u64);
                for draw in 0..groups {
                    counts[key.below(draw as u64, groups)] += 1;
                }
                statistic(counts)
            },
        )
        .collect();
    let mut draws: Vec<f64> = draws.into_iter().flatten().collect();
    draws.sort_unstable_by(f64::total_cmp);
    let mean = draws.iter().sum::<f64>() / draws.len() as f64;
    let variance = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / draws.len() as f64;
    Some(Interval {
        low: quantile(&draws, 0.025)?,
        high: quantile(&draws, 0.975)?,
        smallest_difference: TWO_SIDED_5_AT_POWER_80 * (2.0 * variance).sqrt(),
    })
}

/// The interval of a mean: each group with the sum of its values and their number.
pub(crate) fn bootstrap_mean(groups: &[(f64, f64)], key: Key) -> Option<Interval> {
    bootstrap(groups.len(), key, |counts| {
        let mut total = (0.0, 0.0);
        for (count, (sum, weight)) in counts.iter().zip(groups) {
            total.0 += f64::from(*count) * sum;
            total.1 += f64::from(*count) * weight;
        }
        (total.1 > 0.0).then(|| total.0 / total.1)
    })
}

/// The value below which this share of sorted values lies, linear between neighbours.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = share * last as f64;
    let (low, high) = (
        sorted[place.floor() as usize],
        sorted[place.ceil() as usize],
    );
    Some(low + (high - low) * place.fract())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_of_a_mean_is_that_of_the_normal_approximation() {
        let groups: Vec<_> = (0..400).map(|at| (f64::from(at % 2), 1.0)).collect();
        let interval = bootstrap_mean(&groups, Key::new(3)).unwrap();
        let error = 0.5 / 400_f64.sqrt();
        assert!(
            (interval.low - (0.5 - 1.96 * error)).abs() < 0.01,
            "{interval:?}"
        );
        assert!(
            (interval.high - (0.5 + 1.96 * error)).abs() < 0.01,
            "{interval:?}"
        );
        assert!(
            (interval.smallest_difference - 2.8 * 2_f64.sqrt() * error).abs() < 0.01,
            "{interval:?}"
        );
    }

    #[test]
    fn one_seed_gives_the_same_bits_whatever_the_number_of_threads() {
        let groups: Vec<_> = (0..50).map(|at| (f64::from(at).sin(), 1.0)).collect();
        let run = |threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| bootstrap_mean(&groups, Key::new(3)).unwrap())
        };
        assert_eq!(run(1), run(2));
        assert_ne!(run(1), bootstrap_mean(&groups, Key::new(4)).unwrap());
    }

    #[test]
    fn a_single_group_has_no_interval() {
        assert_eq!(bootstrap_mean(&[(1.0, 1.0)], Key::new(0)), None);
    }
}
