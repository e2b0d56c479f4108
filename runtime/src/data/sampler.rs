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
            if weight.is_finite() { weight } else { 0.0 }
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
