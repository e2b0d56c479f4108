//! Random draws that are the same on every machine and for ever, which no library of distributions promises.

use std::f64::consts::TAU;

/// A stream of draws (SplitMix64: Steele et al. 2014).
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0xD134_2543_DE82_EF95).wrapping_add(1))
    }

    fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Uniform in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.word() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Uniform among 0 to `limit` - 1.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.uniform() * limit as f64) as usize
    }

    /// True with this probability.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Standard normal (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let (radius, angle) = (1.0 - self.uniform(), self.uniform());
        (-2.0 * radius.ln()).sqrt() * (TAU * angle).cos()
    }

    /// Standard normal in so many dimensions.
    pub(crate) fn normals(&mut self, dims: usize) -> Vec<f64> {
        (0..dims).map(|_| self.normal()).collect()
    }

    /// Shares that sum to 1, uniform over the simplex: Dirichlet(1).
    pub(crate) fn shares(&mut self, count: usize) -> Vec<f64> {
        let parts: Vec<f64> = (0..count).map(|_| -(1.0 - self.uniform()).ln()).collect();
        let sum: f64 = parts.iter().sum();
        parts.iter().map(|part| part / sum).collect()
    }

    /// `count` different numbers below `limit`.
    pub(crate) fn distinct(&mut self, count: usize, limit: usize) -> Vec<usize> {
        let mut found = Vec::new();
        while found.len() < count.min(limit) {
            let next = self.below(limit);
            if !found.contains(&next) {
                found.push(next);
            }
        }
        found
    }
}

/// Draws numbers in proportion to weights.
pub(crate) struct Lottery(Vec<f64>);

impl Lottery {
    pub(crate) fn new(weights: impl Iterator<Item = f64>) -> Self {
        let mut sum = 0.0;
        Self(
            weights
                .map(|weight| {
                    sum += weight;
                    sum
                })
                .collect(),
        )
    }

    pub(crate) fn draw(&self, draw: &mut Draw) -> usize {
        let sum = self.0.last().expect("a lottery has tickets");
        let at = draw.uniform() * sum;
        self.0.partition_point(|border| *border <= at)
    }

    /// The weight of each ticket.
    pub(crate) fn weights(&self) -> Vec<f64> {
        let before = [0.0].into_iter().chain(self.0.iter().copied());
        self.0
            .iter()
            .zip(before)
            .map(|(sum, before)| sum - before)
            .collect()
    }

    /// The sum of all weights.
    pub(crate) fn sum(&self) -> f64 {
        *self.0.last().expect("a lottery has tickets")
    }
}

/// Weights 1, 1/2, 1/3 ... to a power.
pub(crate) fn zipf(count: usize, power: f64) -> impl Iterator<Item = f64> {
    (1..=count).map(move |rank| (rank as f64).powf(-power))
}

/// The places of the largest of some values, first the largest: `3|0|7`.
pub(crate) fn largest(values: &[f64], count: usize) -> String {
    let mut places: Vec<usize> = (0..values.len()).collect();
    places.sort_by(|a, b| values[*b].total_cmp(&values[*a]).then(a.cmp(b)));
    let texts: Vec<String> = places.iter().take(count).map(ToString::to_string).collect();
    texts.join("|")
}

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

pub(crate) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_moments_of_their_distributions() {
        let mut draw = Draw::new(3);
        let count = 20_000;
        let normals = draw.normals(count);
        let mean = normals.iter().sum::<f64>() / count as f64;
        let square = normals.iter().map(|x| x * x).sum::<f64>() / count as f64;
        assert!(mean.abs() < 0.03 && (square - 1.0).abs() < 0.05);
        let lottery = Lottery::new([1.0, 0.0, 3.0].into_iter());
        let drawn: Vec<usize> = (0..count).map(|_| lottery.draw(&mut draw)).collect();
        let share = |of| drawn.iter().filter(|one| **one == of).count() as f64 / count as f64;
        assert!((share(0) - 0.25).abs() < 0.02 && share(1) == 0.0);
        assert!((draw.shares(4).iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_largest_come_first_and_equals_by_place() {
        assert_eq!(largest(&[0.2, 0.9, 0.2, 0.5], 3), "1|3|0");
        let lottery = Lottery::new([1.0, 0.0, 3.0].into_iter());
        assert_eq!(lottery.weights(), [1.0, 0.0, 3.0]);
    }

    #[test]
    fn the_first_draws_of_a_seed_never_change() {
        let mut draw = Draw::new(0);
        let first: Vec<u64> = (0..3).map(|_| (draw.uniform() * 1e6) as u64).collect();
        assert_eq!(first, [566_561, 745_781, 971_002]);
    }
}
