//! Draws things of an entity in proportion to weights.

use reckon_compiler::plan::SamplerPlan;

use super::select::{number, unit};
use super::source::Source;
use crate::random::Key;

/// A distribution over the rows of an entity.
#[derive(Clone, Debug)]
pub(crate) struct Sampler {
    cumulative: Vec<f64>,
}

/// Draws that may be refused before the rest is weighed exactly.
const ATTEMPTS: u64 = 32;

impl Sampler {
    /// `counts` holds for each thing the rows of the stream that refer to it.
    ///
    /// # Errors
    /// No thing has a weight above 0.
    pub(crate) fn new(plan: &SamplerPlan, entity: &Source, counts: &[f64]) -> Result<Self, String> {
        let weight = |row: usize| {
            let count = match plan.power == 0.0 {
                true => 1.0,
                false => counts.get(row).copied().unwrap_or(0.0).powf(plan.power),
            };
            let value = plan
                .output
                .as_ref()
                .map_or(1.0, |output| number(entity, output, row as u32).max(0.0));
            let weight = count * value;
            let counts = weight.is_finite() && entity.is_thing(row as u32);
            if counts { weight } else { 0.0 }
        };
        let mut total = 0.0;
        let sums = (0..entity.rows).map(|row| {
            total += weight(row);
            total
        });
        let cumulative: Vec<f64> = sums.collect();
        if total > 0.0 {
            Ok(Self { cumulative })
        } else {
            Err(format!(
                "no `{}` can be drawn: all have the weight 0",
                plan.entity
            ))
        }
    }

    /// The probability of a thing; 0 for an absent one.
    pub(crate) fn probability(&self, thing: usize) -> f64 {
        let total = self.cumulative.last().copied().unwrap_or(1.0);
        let before = if thing == 0 {
            0.0
        } else {
            self.cumulative.get(thing - 1).copied().unwrap_or(total)
        };
        let until = self.cumulative.get(thing).copied().unwrap_or(total);
        (until - before) / total
    }

    /// A thing, by a draw.
    pub(crate) fn draw(&self, bits: u64) -> u32 {
        let total = self.cumulative.last().copied().unwrap_or(0.0);
        let at = unit(bits) * total;
        let thing = self.cumulative.partition_point(|until| *until <= at);
        thing.min(self.cumulative.len() - 1) as u32
    }

    /// A thing that is not refused; `None` where all that can be drawn is.
    pub(crate) fn draw_except(&self, key: Key, refused: impl Fn(u32) -> bool) -> Option<u32> {
        let quick = (0..ATTEMPTS).map(|attempt| self.draw(key.draw(attempt)));
        if let Some(thing) = quick.into_iter().find(|thing| !refused(*thing)) {
            return Some(thing);
        }
        let allowed = |thing: &usize| self.probability(*thing) > 0.0 && !refused(*thing as u32);
        let rest: Vec<usize> = (0..self.cumulative.len()).filter(allowed).collect();
        let total: f64 = rest.iter().map(|thing| self.probability(*thing)).sum();
        let mut left = unit(key.draw(ATTEMPTS)) * total;
        for thing in &rest {
            left -= self.probability(*thing);
            if left < 0.0 {
                return Some(*thing as u32);
            }
        }
        rest.last().map(|thing| *thing as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: usize = 8;

    fn sampler(weights: [f64; SIZE]) -> Sampler {
        let mut sum = 0.0;
        let sums = weights.map(|weight| {
            sum += weight;
            sum
        });
        Sampler {
            cumulative: sums.to_vec(),
        }
    }

    /// The distance of 20,000 draws from what the sampler says, as chi-square; 24.3 is its 0.1 % point at 7 degrees of freedom.
    fn distance(sampler: &Sampler) -> f64 {
        let mut counts = [0.0; SIZE];
        for draw in 0..20_000 {
            counts[sampler.draw(Key::new(11).draw(draw)) as usize] += 1.0;
        }
        let term = |thing: usize| {
            let expected = 20_000.0 * sampler.probability(thing);
            (counts[thing] - expected).powi(2) / expected
        };
        (0..SIZE).map(term).sum()
    }

    #[test]
    fn uniform_draws_pass_a_chi_square_check() {
        let found = distance(&sampler([1.0; SIZE]));
        assert!(found < 24.3, "{found}");
    }

    #[test]
    fn draws_by_a_power_of_popularity_pass_a_chi_square_check() {
        let counts: [f64; SIZE] = [100.0, 50.0, 30.0, 20.0, 10.0, 5.0, 2.0, 1.0];
        let found = distance(&sampler(counts.map(|count| count.powf(0.75))));
        assert!(found < 24.3, "{found}");
    }

    #[test]
    fn what_has_no_weight_is_never_drawn() {
        let one = sampler([0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert!((0..100).all(|draw| one.draw(Key::new(1).draw(draw)) == 2));
        assert_eq!(
            (one.probability(2), one.probability(7), one.probability(8)),
            (1.0, 0.0, 0.0)
        );
    }

    #[test]
    fn refused_things_are_never_drawn_however_likely_they_are() {
        let heavy = sampler([1e9, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        let mut counts = [0; SIZE];
        for draw in 0..1_000 {
            let thing = heavy.draw_except(Key::new(2).with(draw), |thing| thing == 0);
            counts[thing.unwrap() as usize] += 1;
        }
        assert_eq!(counts[0], 0);
        assert!(counts[1] > 400 && counts[2] > 400, "{counts:?}");
        assert_eq!(heavy.draw_except(Key::new(2), |thing| thing < 3), None);
    }
}
