//! Randomness without state: every draw is a hash of what it is for, so that draws depend neither on the order in which
//! they are made nor on the number of threads, and a resumed run draws what an uninterrupted one would have.

use std::f64::consts::TAU;

/// What a draw is for, but for its row and element.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Key {
    /// The seed of the run.
    pub seed: u64,
    /// The stream, as a hash of its name.
    pub stream: u64,
    /// The place in the program: [`site_hash`] of its path.
    pub site: u64,
    /// The training step.
    pub step: u64,
}

impl Key {
    /// Folds the key into the word that [`uniform`] and [`normal`] count from.
    pub fn fold(self) -> u64 {
        [self.stream, self.site, self.step]
            .iter()
            .fold(mix(self.seed ^ GOLDEN), |state, word| {
                mix(state ^ mix(word.wrapping_add(GOLDEN)))
            })
    }
}

/// A hash of a path such as `film.mlp.0`, the same on every machine and in every version (FNV-1a, 64 bits, then mixed).
pub fn site_hash(path: &str) -> u64 {
    let fnv = path.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    mix(fnv)
}

/// 64 random bits for an element of a row of the global batch. `folded` is [`Key::fold`].
#[inline]
pub fn bits(folded: u64, row: u64, element: u64) -> u64 {
    let state = mix(folded ^ row.wrapping_mul(GOLDEN));
    mix(state
        .wrapping_add(element.wrapping_mul(STRIDE))
        .wrapping_add(GOLDEN))
}

/// Uniform in `[0, 1)`, a multiple of 2^-24 and so exact in 32-bit floats.
#[inline]
pub fn uniform(folded: u64, row: u64, element: u64) -> f64 {
    (bits(folded, row, element) >> 40) as f64 / (1_u64 << 24) as f64
}

/// Standard normal, by Box and Muller's transform of two uniform draws.
#[inline]
pub fn normal(folded: u64, row: u64, element: u64) -> f64 {
    let bits = bits(folded, row, element);
    let radius = ((bits >> 32) as f64 + 0.5) / (1_u64 << 32) as f64;
    let angle = (bits & 0xffff_ffff) as f64 / (1_u64 << 32) as f64;
    (-2.0 * radius.ln()).sqrt() * (TAU * angle).cos()
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
const STRIDE: u64 = 0xd1b5_4a32_d192_ed03;

/// The finaliser of splitmix64 (Steele, Lea and Flood 2014): every input bit flips each output bit with probability 1/2.
#[inline]
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> u64 {
        Key {
            seed: 1,
            stream: site_hash("main"),
            site: site_hash("film.mlp.0"),
            step: 7,
        }
        .fold()
    }

    #[test]
    fn draws_never_change_between_versions() {
        let drawn: Vec<_> = (0..3).map(|element| bits(key(), 5, element)).collect();
        assert_eq!(
            drawn,
            [
                15_554_367_666_215_427_514,
                2_058_730_940_265_238_300,
                2_485_709_830_309_996_781
            ]
        );
        assert_eq!(
            (uniform(key(), 0, 0), normal(key(), 0, 0), site_hash("")),
            (
                0.533019483089447,
                0.3777804362022038,
                17_665_956_581_633_026_203
            )
        );
    }

    #[test]
    fn each_part_of_the_key_changes_the_draw() {
        let base = Key {
            seed: 1,
            stream: 2,
            site: 3,
            step: 4,
        };
        let keys = [
            base,
            Key { seed: 2, ..base },
            Key { stream: 3, ..base },
            Key { site: 4, ..base },
            Key { step: 5, ..base },
        ];
        let swapped = Key {
            seed: 1,
            stream: 3,
            site: 2,
            step: 4,
        };
        let mut drawn: Vec<_> = keys
            .iter()
            .chain([&swapped])
            .map(|key| bits(key.fold(), 0, 0))
            .collect();
        drawn.extend([bits(base.fold(), 1, 0), bits(base.fold(), 0, 1)]);
        drawn.sort_unstable();
        drawn.dedup();
        assert_eq!(drawn.len(), 8);
    }

    #[test]
    fn uniform_draws_fill_the_unit_interval_evenly() {
        let folded = key();
        let mut bins = [0_u32; 10];
        for row in 0..1000 {
            for element in 0..10 {
                bins[(uniform(folded, row, element) * 10.0) as usize] += 1;
            }
        }
        assert!(
            bins.iter().all(|count| (880..1120).contains(count)),
            "{bins:?}"
        );
    }

    #[test]
    fn normal_draws_have_mean_zero_and_variance_one() {
        let folded = key();
        let drawn: Vec<f64> = (0..20_000).map(|row| normal(folded, row, 0)).collect();
        let mean = drawn.iter().sum::<f64>() / drawn.len() as f64;
        let variance = drawn.iter().map(|x| x * x).sum::<f64>() / drawn.len() as f64;
        assert!(
            mean.abs() < 0.03 && (variance - 1.0).abs() < 0.04,
            "{mean} {variance}"
        );
    }
}
