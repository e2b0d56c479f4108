//! The places of values: open tables with linear probing, whose entries hold what is compared, so that a look-up of a
//! number or of a short text reads one line of memory.

use crate::hash::words_of;
use crate::wide;

/// An entry without a value.
const EMPTY: u32 = u32::MAX;
/// Look-ups whose entries are asked for while those before them are made, so that they wait for memory together.
pub(crate) const ABREAST: usize = 16;
/// Texts of at most so many bytes are held by their entries.
const SHORT: usize = 16;

/// Places of integers or of bits.
#[derive(Clone, Debug)]
pub(crate) enum WordIndex {
    /// The values are near each other: for each from the least on its place, [`EMPTY`] for none.
    Near {
        /// The least value, as an integer.
        least: i64,
        /// By distance from the least.
        places: Vec<u32>,
    },
    /// The values are anywhere.
    Far {
        /// Values with their places; a power of two of them.
        entries: Vec<(u64, u32)>,
        /// How far a hash is shifted down to an entry.
        shift: u32,
    },
}

/// So many places may stand empty for one that does not before values are no longer near each other.
const SPARSE: u64 = 8;

impl WordIndex {
    /// The places of distinct values, the first 0.
    pub(crate) fn new(values: &[u64]) -> Self {
        let signed = || values.iter().map(|value| *value as i64);
        let (Some(least), Some(most)) = (signed().min(), signed().max()) else {
            return Self::Near {
                least: 0,
                places: Vec::new(),
            };
        };
        if most.abs_diff(least) / SPARSE < values.len() as u64 {
            let mut places = vec![EMPTY; most.abs_diff(least) as usize + 1];
            for (value, place) in signed().zip(0..) {
                places[value.abs_diff(least) as usize] = place;
            }
            return Self::Near { least, places };
        }
        let (mut entries, shift) = (vec![(0, EMPTY); room(values.len())], shift(values.len()));
        let mask = entries.len() - 1;
        for (value, place) in values.iter().zip(0..) {
            let mut at = entry(folded(*value, 0), shift);
            while entries[at].1 != EMPTY {
                at = (at + 1) & mask;
            }
            entries[at] = (*value, place);
        }
        Self::Far { entries, shift }
    }

    /// The place of a value.
    pub(crate) fn find(&self, value: u64) -> Option<u32> {
        match self {
            Self::Near { least, places } => {
                let value = value as i64;
                let place = *places.get(usize::try_from(value.abs_diff(*least)).ok()?)?;
                (value >= *least && place != EMPTY).then_some(place)
            }
            Self::Far { entries, shift } => {
                let mask = entries.len() - 1;
                let mut at = entry(folded(value, 0), *shift);
                loop {
                    match entries[at] {
                        (_, EMPTY) => return None,
                        (known, place) if known == value => return Some(place),
                        _ => at = (at + 1) & mask,
                    }
                }
            }
        }
    }
}

impl WordIndex {
    /// Asks for the entries where values would be, before they are searched for one by one.
    pub(crate) fn touch(&self, values: impl Iterator<Item = u64>) {
        if let Self::Far { entries, shift } = self {
            for value in values {
                wide::fetch(&entries[entry(folded(value, 0), *shift)]);
            }
        }
    }
}

/// Places of texts, which are kept elsewhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct TextIndex {
    /// A power of two of them, or none.
    entries: Vec<Entry>,
    filled: usize,
}

/// A text: its length, its first eight bytes, and its last eight or, of a long one, what stands for the others.
#[derive(Clone, Copy, Debug)]
struct Entry {
    head: u64,
    tail: u64,
    len: u32,
    place: u32,
}

impl Entry {
    fn of(text: &str, place: u32) -> Self {
        let bytes = text.as_bytes();
        let (head, tail) = match (bytes.first_chunk(), bytes.last_chunk()) {
            (Some(head), Some(tail)) if bytes.len() <= SHORT => {
                (u64::from_le_bytes(*head), u64::from_le_bytes(*tail))
            }
            (Some(head), _) => {
                let rest = words_of(&bytes[8..]);
                (u64::from_le_bytes(*head), rest.fold(1, folded))
            }
            (None, _) => (words_of(bytes).next().unwrap_or(0), 0),
        };
        Self {
            head,
            tail,
            // Texts whose lengths differ by a multiple of 2^32 are long, so their bytes are compared.
            len: bytes.len() as u32,
            place,
        }
    }

    fn hash(&self) -> u64 {
        folded(self.head ^ u64::from(self.len), self.tail)
    }

    fn is(&self, other: &Self) -> bool {
        (self.head, self.tail, self.len) == (other.head, other.tail, other.len)
    }
}

impl TextIndex {
    /// An index with room for so many texts.
    pub(crate) fn with_room(texts: usize) -> Self {
        Self {
            entries: vec![Entry::of("", EMPTY); room(texts)],
            filled: 0,
        }
    }

    /// The places of texts: `text_at` gives the text of a place, and `found` is told where each is. The entries where they
    /// would be are asked for before.
    pub(crate) fn find_all<'a, 't>(
        &self,
        texts: &[&'a str],
        text_at: impl Fn(u32) -> &'t str,
        mut found: impl FnMut(usize, &'a str, Option<u32>),
    ) {
        if self.entries.is_empty() {
            return (0..texts.len()).for_each(|at| found(at, texts[at], None));
        }
        let shift = 64 - self.entries.len().trailing_zeros();
        let fetched = |texts: &[&str]| {
            let mut wanted = [Entry::of("", EMPTY); ABREAST];
            for (wanted, text) in wanted.iter_mut().zip(texts) {
                *wanted = Entry::of(text, EMPTY);
                wide::fetch(&self.entries[entry(wanted.hash(), shift)]);
            }
            wanted
        };
        let mut next = fetched(texts);
        for (part, now) in texts.chunks(ABREAST).enumerate() {
            let first = part * ABREAST;
            let wanted = next;
            next = fetched(&texts[first + now.len()..]);
            for (at, (wanted, text)) in wanted.iter().zip(now).enumerate() {
                let (_, place) = self.search(wanted, text, &text_at);
                found(first + at, text, place);
            }
        }
    }

    /// The place of a text, which is `next` where it was not there before.
    pub(crate) fn find_or_add<'t>(
        &mut self,
        text: &str,
        next: u32,
        text_at: impl Fn(u32) -> &'t str,
    ) -> u32 {
        if self.entries.len() < room(self.filled + 1) {
            self.grow();
        }
        let wanted = Entry::of(text, next);
        let (at, found) = self.search(&wanted, text, text_at);
        found.unwrap_or_else(|| {
            self.entries[at] = wanted;
            self.filled += 1;
            next
        })
    }

    /// Where a text is or would be, and its place where it is.
    fn search<'t>(
        &self,
        wanted: &Entry,
        text: &str,
        text_at: impl Fn(u32) -> &'t str,
    ) -> (usize, Option<u32>) {
        let mask = self.entries.len() - 1;
        let mut at = entry(wanted.hash(), 64 - self.entries.len().trailing_zeros());
        loop {
            let known = &self.entries[at];
            if known.place == EMPTY {
                return (at, None);
            }
            if known.is(wanted) && (text.len() <= SHORT || text_at(known.place) == text) {
                return (at, Some(known.place));
            }
            at = (at + 1) & mask;
        }
    }

    fn grow(&mut self) {
        let larger = Self::with_room(2 * self.filled.max(SHORT));
        let before = std::mem::replace(self, larger);
        let mask = self.entries.len() - 1;
        let shift = 64 - self.entries.len().trailing_zeros();
        for known in before.entries.iter().filter(|known| known.place != EMPTY) {
            let mut at = entry(known.hash(), shift);
            while self.entries[at].place != EMPTY {
                at = (at + 1) & mask;
            }
            self.entries[at] = *known;
        }
        self.filled = before.filled;
    }
}

/// Entries for so many values, of which at least a third stay empty.
fn room(values: usize) -> usize {
    (values + values / 2 + 2).next_power_of_two()
}

/// How far a hash is shifted down to one of the entries for so many values.
fn shift(values: usize) -> u32 {
    64 - room(values).trailing_zeros()
}

fn entry(hash: u64, shift: u32) -> usize {
    (hash >> shift) as usize
}

/// Two words as one in which all bits of both count. It is stored nowhere, unlike the stable hash, and so may be quick.
fn folded(a: u64, b: u64) -> u64 {
    const A: u64 = 0x9E37_79B9_7F4A_7C15;
    const B: u64 = 0xD6E8_FEB8_6659_FD93;
    let product = u128::from(a ^ A) * u128::from(b ^ B);
    let low = (product as u64) ^ ((product >> 64) as u64);
    low.wrapping_mul(A)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_found_at_its_place_and_no_other_value_is() {
        let near: Vec<u64> = (0..1000).map(|at| (at * 3 - 500_i64) as u64).collect();
        let far: Vec<u64> = (0..1000_u64).map(|at| at.wrapping_mul(1 << 40)).collect();
        for values in [near, far, vec![i64::MIN as u64, i64::MAX as u64], vec![]] {
            let index = WordIndex::new(&values);
            for (value, place) in values.iter().zip(0..) {
                assert_eq!(index.find(*value), Some(place));
            }
            for other in [1_u64, 7, u64::MAX, 1 << 63, 12_345] {
                let known = values.iter().position(|value| *value == other);
                assert_eq!(index.find(other), known.map(|at| at as u32));
            }
        }
    }

    #[test]
    fn texts_of_all_lengths_are_told_apart() {
        let long = "abcdefghijklmnopqrstuvwxyz\0\0";
        let mut texts: Vec<&str> = (0..=long.len()).map(|end| &long[..end]).collect();
        texts.extend(["abcdefgh\0", "\0", "\0\0", "bcdefghijklmnopqrstuvwxyzz\0\0"]);
        let mut index = TextIndex::default();
        for (text, next) in texts.iter().zip(0..) {
            let place = index.find_or_add(text, next, |place| texts[place as usize]);
            assert_eq!(place, next, "{text:?} is new");
        }
        for (text, place) in texts.iter().zip(0..) {
            let again = index.find_or_add(text, 99, |place| texts[place as usize]);
            assert_eq!(again, place, "{text:?}");
        }
        let mut found = Vec::new();
        let wanted = [&texts[..], &["zzz"]].concat();
        index.find_all(
            &wanted,
            |place| texts[place as usize],
            |at, text, place| found.push((at, text, place)),
        );
        let places = (0..texts.len() as u32).map(Some).chain([None]);
        let expected = wanted.iter().enumerate().zip(places);
        let expected = expected.map(|((at, text), place)| (at, *text, place));
        assert!(found.into_iter().eq(expected));
    }
}
