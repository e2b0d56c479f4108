//! The stable hash `reckon1`: 64 bits, the same on every machine and in every version, for ever.
//!
//! Ids of hashed features and unknown slots are computed with it and live on in checkpoints, so neither the steps nor
//! the constants may ever change; the golden values below hold them in place.
//!
//! A value is hashed as a tag word and then its content in words of 64 bits: integers (and times and durations) as they
//! are, floats by their bits with -0 as 0 and one NaN, truth values as 0 or 1, texts as their length and their UTF-8
//! bytes in little-endian words, the last one filled up with zeros, null as the tag alone.

pub(crate) const STEP: u64 = 0x9E37_79B9_7F4A_7C15;
pub(crate) const FIRST_FACTOR: u64 = 0xBF58_476D_1CE4_E5B9;
pub(crate) const SECOND_FACTOR: u64 = 0x94D0_49BB_1331_11EB;
/// The bits that stand for every NaN.
pub(crate) const CANONICAL_NAN: u64 = 0x7FF8_0000_0000_0000;

/// A value to hash.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Hashed<'a> {
    /// No value.
    Null,
    /// An integer, time or duration.
    Int(i64),
    /// A float.
    Float(f64),
    /// A truth value.
    Bool(bool),
    /// A text.
    Str(&'a str),
}

/// The hash of values in order, under a seed.
pub fn hash(seed: u64, values: &[Hashed<'_>]) -> u64 {
    values
        .iter()
        .fold(begin(seed), |state, value| absorb(state, *value))
}

/// The state before the first value.
pub(crate) fn begin(seed: u64) -> u64 {
    mixed(seed)
}

/// The slot of a hash among `n`, which is at least 1: the high half of their 128-bit product.
pub fn slot(hash: u64, n: u64) -> u64 {
    ((u128::from(hash) * u128::from(n)) >> 64) as u64
}

/// The state after a value.
pub(crate) fn absorb(state: u64, value: Hashed<'_>) -> u64 {
    match value {
        Hashed::Null => word(state, 0),
        Hashed::Int(value) => word(word(state, 1), value as u64),
        Hashed::Float(value) => {
            let canonical = if value.is_nan() {
                CANONICAL_NAN
            } else if value == 0.0 {
                0
            } else {
                value.to_bits()
            };
            word(word(state, 2), canonical)
        }
        Hashed::Bool(value) => word(word(state, 3), u64::from(value)),
        Hashed::Str(text) => words_of(text.as_bytes()).fold(begin_text(state, text.len()), word),
    }
}

/// The state before the words of a text of so many bytes.
pub(crate) fn begin_text(state: u64, bytes: usize) -> u64 {
    word(word(state, 4), bytes as u64)
}

/// Bytes as little-endian words, the last one filled up with zeros.
pub(crate) fn words_of(bytes: &[u8]) -> impl Iterator<Item = u64> {
    let (words, rest) = bytes.as_chunks::<8>();
    let last = (!rest.is_empty()).then(|| filled_up(rest));
    words
        .iter()
        .map(|word| u64::from_le_bytes(*word))
        .chain(last)
}

/// The next two words from a place of bytes on, whatever text they belong to; zeros behind the end.
#[inline]
pub(crate) fn two_words_at(bytes: &[u8], at: usize) -> [u64; 2] {
    let rest = bytes.get(at..).unwrap_or_default();
    match rest.first_chunk() {
        Some(both) => {
            let both = u128::from_le_bytes(*both);
            [both as u64, (both >> 64) as u64]
        }
        None => {
            let mut words = words_of(rest);
            [(); 2].map(|()| words.next().unwrap_or(0))
        }
    }
}

/// One to seven bytes as a word, by reads that may overlap.
fn filled_up(bytes: &[u8]) -> u64 {
    let len = bytes.len();
    match (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        (Some(low), Some(high)) => {
            let high = u64::from(u32::from_le_bytes(*high)) << (8 * (len - 4));
            u64::from(u32::from_le_bytes(*low)) | high
        }
        _ => {
            let at = |at: usize| u64::from(bytes[at]) << (8 * at);
            at(0) | at(len / 2) | at(len - 1)
        }
    }
}

/// The state after a word.
#[inline]
pub(crate) fn word(state: u64, word: u64) -> u64 {
    next(state, mixed(word))
}

/// The state after a word that has been mixed.
#[inline]
pub(crate) fn next(state: u64, mixed: u64) -> u64 {
    mix(state.rotate_left(23) ^ mixed)
}

/// A word before it meets the state.
#[inline]
pub(crate) fn mixed(word: u64) -> u64 {
    mix(word.wrapping_add(STEP))
}

/// A bijection of 64-bit words in which every bit of the input reaches every bit of the output.
#[inline]
fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(FIRST_FACTOR);
    let word = (word ^ (word >> 27)).wrapping_mul(SECOND_FACTOR);
    word ^ (word >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_values_never_change() {
        let golden: [(u64, &[Hashed<'_>], u64); 10] = [
            (0, &[], 0xE220_A839_7B1D_CDAF),
            (0, &[Hashed::Null], 0x8D94_91A0_B79F_15D0),
            (0, &[Hashed::Int(0)], 0x916F_E5DD_98B6_1A4E),
            (7, &[Hashed::Int(-1)], 0x1C4C_66F2_D435_BA4D),
            (0, &[Hashed::Float(-0.0)], 0xBCF3_2F3F_68FD_38F4),
            (0, &[Hashed::Bool(true)], 0x76AA_A880_6C08_7300),
            (0, &[Hashed::Str("")], 0x520D_ADAB_25AA_6595),
            (0, &[Hashed::Str("drama")], 0xBC4B_9C00_19C8_D2CD),
            (1, &[Hashed::Str("Toy Story (1995)")], 0xA002_F593_874C_BAD4),
            (
                0,
                &[Hashed::Int(3), Hashed::Null, Hashed::Str("M")],
                0x0C69_48EB_3322_AA8C,
            ),
        ];
        for (seed, values, expected) in golden {
            assert_eq!(hash(seed, values), expected, "{values:?} under seed {seed}");
        }
    }

    #[test]
    fn words_of_bytes_are_filled_up_with_zeros() {
        let bytes: Vec<u8> = (1..=23).collect();
        for len in 0..=bytes.len() {
            let whole = bytes[..len].chunks(8).map(|part| {
                let mut full = [0; 8];
                full[..part.len()].copy_from_slice(part);
                u64::from_le_bytes(full)
            });
            assert!(words_of(&bytes[..len]).eq(whole.clone()), "{len} bytes");
            let mut pairs = (0..len)
                .step_by(16)
                .flat_map(|at| two_words_at(&bytes[..len], at));
            assert!(
                whole.clone().all(|word| pairs.next() == Some(word)),
                "{len} bytes by twos"
            );
            assert!(pairs.all(|word| word == 0), "behind {len} bytes");
        }
    }

    #[test]
    fn equal_bytes_of_different_kinds_hash_apart() {
        let hashes = [
            Hashed::Null,
            Hashed::Int(1),
            Hashed::Bool(true),
            Hashed::Float(f64::from_bits(1)),
        ]
        .map(|value| hash(0, &[value]));
        assert!(
            (0..4).all(|at| !hashes[..at].contains(&hashes[at])),
            "{hashes:?}"
        );
        assert_eq!(
            hash(0, &[Hashed::Float(0.0)]),
            hash(0, &[Hashed::Float(-0.0)])
        );
        assert_eq!(
            hash(0, &[Hashed::Float(f64::NAN)]),
            hash(0, &[Hashed::Float(-f64::NAN)])
        );
    }

    #[test]
    fn slots_of_consecutive_integers_are_even() {
        let mut counts = [0_u32; 16];
        for value in 0..16_000 {
            counts[slot(hash(0, &[Hashed::Int(value)]), 16) as usize] += 1;
        }
        assert!(
            counts.iter().all(|count| (850..1150).contains(count)),
            "{counts:?}"
        );
    }
}
