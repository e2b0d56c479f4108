//! Counter-based randomness: a draw is a function of its key, so neither the number of threads nor the order of work
//! can change it.

use reckon_compiler::random::bits;

/// A key of independent draws, built from a seed by adding the numbers that name what is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(u64);

impl Key {
    /// The key of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(bits(seed, 0, 0))
    }

    /// The key of a part of what this key names.
    #[must_use]
    pub(crate) fn with(self, part: u64) -> Self {
        Self(bits(self.0, part, 1))
    }

    /// The draw at `counter`.
    pub(crate) fn draw(self, counter: u64) -> u64 {
        bits(self.0, counter, 0)
    }

    /// The draw at `counter` as a number in `0..limit`, by multiplication, with a bias below `limit / 2^64`.
    pub(crate) fn below(self, counter: u64, limit: usize) -> usize {
        let wide = u128::from(self.draw(counter)) * limit as u128;
        (wide >> 64) as usize
    }

    /// A permutation of `0..len`, by Fisher and Yates.
    pub(crate) fn permutation(self, len: usize) -> Vec<u32> {
        let mut order: Vec<u32> = (0..len).map(|at| at as u32).collect();
        for at in (1..len).rev() {
            order.swap(at, self.below(at as u64, at + 1));
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permutation_holds_every_number_once_and_differs_by_key() {
        let first = Key::new(1).with(0).permutation(100);
        let mut sorted = first.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<u32>>());
        assert_ne!(first, Key::new(1).with(1).permutation(100));
        assert_eq!(first, Key::new(1).with(0).permutation(100));
    }

    #[test]
    fn draws_below_a_limit_are_even() {
        let key = Key::new(7);
        let mut counts = [0_u32; 5];
        for counter in 0..10_000 {
            counts[key.below(counter, 5)] += 1;
        }
        assert!(
            counts.iter().all(|count| (1_850..2_150).contains(count)),
            "{counts:?}"
        );
    }
}
