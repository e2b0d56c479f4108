//! Loops over words that are compiled twice: for any machine, and for one with vectors of 512 bits and products of their
//! words, where they take a quarter of the time or less. Both give the same words.
#![allow(
    unsafe_code,
    reason = "code for wider vectors may only be called where the machine has them"
)]

use crate::hash::{mixed, next, slot, word};

/// A function over slices of one length, in both ways.
macro_rules! widened {
    ($(#[$doc:meta])* fn $name:ident($($arg:ident: $ty:ty),*) $(-> $out:ty)? $body:block) => {
        $(#[$doc])*
        pub(crate) fn $name($($arg: $ty),*) $(-> $out)? {
            #[inline(always)]
            fn plain($($arg: $ty),*) $(-> $out)? $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512dq,avx512vl")]
                fn wide($($arg: $ty),*) $(-> $out)? {
                    plain($($arg),*)
                }
                if is_x86_feature_detected!("avx512dq") && is_x86_feature_detected!("avx512vl") {
                    // SAFETY: the machine has what the function is compiled for; the first asked for implies 512 bits.
                    return unsafe { wide($($arg),*) };
                }
            }
            plain($($arg),*)
        }
    };
}

widened! {
    /// The states after a word each.
    fn absorb(states: &mut [u64], words: &[u64]) {
        for (state, of) in states.iter_mut().zip(words) {
            *state = word(*state, *of);
        }
    }
}

widened! {
    /// The states after an integer each.
    fn absorb_ints(states: &mut [u64], values: &[i64]) {
        for (state, value) in states.iter_mut().zip(values) {
            *state = word(*state, *value as u64);
        }
    }
}

widened! {
    /// The states after the same word, a tag.
    fn absorb_tag(states: &mut [u64], tag: u64) {
        let tag = mixed(tag);
        for state in states.iter_mut() {
            *state = next(*state, tag);
        }
    }
}

widened! {
    /// How long texts are that stand back to back, from where each begins and the last ends; the least and the most of it.
    fn lengths_between(ends: &[usize], lengths: &mut [u64]) -> (u64, u64) {
        let (mut least, mut most) = (u64::MAX, 0);
        for ((length, end), start) in lengths.iter_mut().zip(&ends[1..]).zip(ends) {
            *length = (end - start) as u64;
            (least, most) = (least.min(*length), most.max(*length));
        }
        (least, most)
    }
}

/// The state after the next one or two words of a text that has so many bytes more; what stands behind it in them is cut off.
#[inline(always)]
fn after_two(state: u64, words: [u64; 2], more: u64) -> u64 {
    let kept = |bytes: u64| match bytes {
        8.. => u64::MAX,
        few => (1 << (8 * few)) - 1,
    };
    let one = word(state, words[0] & kept(more));
    let two = word(one, words[1] & kept(more.saturating_sub(8)));
    let after = if more > 8 { two } else { one };
    if more > 0 { after } else { state }
}

widened! {
    /// The states after the next one or two words of texts of so many bytes, of which `before` were taken.
    fn absorb_words(states: &mut [u64], words: &[[u64; 2]], lengths: &[u64], before: u64) {
        for ((state, words), length) in states.iter_mut().zip(words).zip(lengths) {
            *state = after_two(*state, *words, length.saturating_sub(before));
        }
    }
}

/// The next two words of texts, of which it is known where they stand.
#[derive(Clone, Copy)]
struct Bytes<'t> {
    bytes: &'t [u8],
    /// Where the last whole word begins.
    last: usize,
}

impl<'t> Bytes<'t> {
    fn new(bytes: &'t [u8]) -> Self {
        let last = bytes.len().checked_sub(8);
        let last = last.unwrap_or_else(|| unreachable!("internal: there is a word for each text"));
        Self { bytes, last }
    }

    /// What is beyond the end is another word.
    #[inline(always)]
    fn two_words(self, at: usize) -> [u64; 2] {
        let word = |at: usize| {
            let from = self.bytes.as_ptr();
            // SAFETY: eight bytes begin at each place up to `last`.
            let word = unsafe { from.add(at.min(self.last)).cast::<u64>().read_unaligned() };
            u64::from_le(word)
        };
        [word(at), word(at + 8)]
    }
}

widened! {
    /// The same, with the words of texts that begin at `starts`, with sixteen bytes or more from there on.
    fn absorb_texts(states: &mut [u64], bytes: &[u8], starts: &[usize], lengths: &[u64], before: u64) {
        let bytes = Bytes::new(bytes);
        for ((state, start), length) in states.iter_mut().zip(starts).zip(lengths) {
            let words = bytes.two_words(start + before as usize);
            *state = after_two(*state, words, length.saturating_sub(before));
        }
    }
}

widened! {
    /// The same, where all texts are equally long.
    fn absorb_even_texts(states: &mut [u64], bytes: &[u8], starts: &[usize], length: u64, before: u64) {
        let bytes = Bytes::new(bytes);
        let more = length.saturating_sub(before);
        for (state, start) in states.iter_mut().zip(starts) {
            *state = after_two(*state, bytes.two_words(start + before as usize), more);
        }
    }
}

widened! {
    /// The states of before after a null, where there is no value.
    fn absorb_nulls(states: &mut [u64], before: &[u64], valid: &[bool]) {
        let null = mixed(0);
        for ((state, before), valid) in states.iter_mut().zip(before).zip(valid) {
            let none = next(*before, null);
            *state = if *valid { *state } else { none };
        }
    }
}

widened! {
    /// The slots of hashes among `n`, which has 32 bits, as [`slot`]: the high half of the product by halves.
    fn few_slots(states: &[u64], n: u32, slots: &mut [i64]) {
        let n = u64::from(n);
        for (slot, state) in slots.iter_mut().zip(states) {
            let low = ((state & u64::from(u32::MAX)) * n) >> 32;
            *slot = (((state >> 32) * n + low) >> 32) as i64;
        }
    }
}

/// For each of some places the value that stands there, `none` where it is beyond the end.
macro_rules! gathered {
    ($($name:ident: $of:ty),*) => {$(
        widened! {
            fn $name(values: &[$of], places: &[u32], none: $of, found: &mut [$of]) {
                for (found, place) in found.iter_mut().zip(places) {
                    *found = values.get(*place as usize).copied().unwrap_or(none);
                }
            }
        }
    )*};
}

gathered!(gather_words: u64, gather_ints: i64, gather_floats: f64, gather_places: u32);

/// The slots of hashes among `n`.
pub(crate) fn slots(states: &[u64], n: u64, slots: &mut [i64]) {
    match u32::try_from(n) {
        Ok(n) => few_slots(states, n, slots),
        Err(_) => {
            for (to, state) in slots.iter_mut().zip(states) {
                *to = slot(*state, n) as i64;
            }
        }
    }
}

/// Bytes that [`wanted`] looks at.
pub(crate) const WIDTH: usize = 64;

/// A bit for each byte that is one of three.
#[inline]
pub(crate) fn wanted(bytes: &[u8; WIDTH], these: [u8; 3]) -> u64 {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{
            _mm_cmpeq_epi8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x, _mm_set1_epi8,
        };
        #[inline]
        #[target_feature(enable = "sse2")]
        fn sixteen([low, high]: [[u8; 8]; 2], these: [u8; 3]) -> u64 {
            let bytes = _mm_set_epi64x(i64::from_le_bytes(high), i64::from_le_bytes(low));
            let same = |byte: u8| _mm_cmpeq_epi8(bytes, _mm_set1_epi8(byte.cast_signed()));
            let [a, b, c] = these.map(same);
            let any = _mm_or_si128(_mm_or_si128(a, b), c);
            u64::from(_mm_movemask_epi8(any).cast_unsigned())
        }
        let (words, _) = bytes.as_chunks::<8>();
        let (pairs, _) = words.as_chunks::<2>();
        let all = pairs.iter().rev();
        // SAFETY: every such machine has the vectors.
        all.fold(0, |found, pair| {
            found << 16 | unsafe { sixteen(*pair, these) }
        })
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let all = bytes.iter().enumerate();
        all.fold(0, |found, (at, byte)| {
            found | u64::from(these.contains(byte)) << at
        })
    }
}

/// Asks for a value that will be read at once, where the machine can be asked.
pub(crate) fn fetch<T>(value: &T) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: every such machine has the instruction, which reads nothing that the program could see.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(value).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _none = value;
}

/// Asks for what will be read soon, where the machine can be asked.
pub(crate) fn fetch_ahead<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for line in values.chunks(64 / size_of::<T>()) {
        use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
        // SAFETY: every such machine has the instruction, which reads nothing that the program could see.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _none = values;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::{two_words_at, words_of};

    fn words(seed: u64) -> Vec<u64> {
        (0..77).map(|at| word(seed, at)).collect()
    }

    #[test]
    fn many_states_at_once_are_each_as_it_is_alone() {
        let (before, of) = (words(1), words(2));
        let each = |f: &dyn Fn(u64, usize) -> u64| -> Vec<u64> {
            let states = before.iter().enumerate();
            states.map(|(at, state)| f(*state, at)).collect()
        };
        let mut states = before.clone();
        absorb(&mut states, &of);
        assert_eq!(states, each(&|state, at| word(state, of[at])));
        let ints: Vec<i64> = of.iter().map(|word| *word as i64).collect();
        let mut again = before.clone();
        absorb_ints(&mut again, &ints);
        assert_eq!(again, states);
        let mut tagged = before.clone();
        absorb_tag(&mut tagged, 4);
        assert_eq!(tagged, each(&|state, _| word(state, 4)));
        let valid: Vec<bool> = (0..77).map(|at| at % 3 > 0).collect();
        absorb_nulls(&mut states, &before, &valid);
        let one = |state, at: usize| word(state, if valid[at] { of[at] } else { 0 });
        assert_eq!(states, each(&one));
    }

    #[test]
    fn texts_are_taken_two_words_at_a_time() {
        let text: Vec<u8> = (1..=40).collect();
        let lengths: Vec<u64> = (0..=40).collect();
        let mut states = words(1)[..lengths.len()].to_vec();
        let each = states.iter().zip(&lengths);
        let each: Vec<u64> = each
            .map(|(state, length)| words_of(&text[..*length as usize]).fold(*state, word))
            .collect();
        for before in (0..40).step_by(16) {
            let found = vec![two_words_at(&text, before); lengths.len()];
            absorb_words(&mut states, &found, &lengths, before as u64);
        }
        assert_eq!(states, each);
    }

    #[test]
    fn texts_are_read_where_they_stand() {
        let bytes: Vec<u8> = (0..200).collect();
        let starts: Vec<usize> = (0..77).map(|at| at * 2).collect();
        let after = |lengths: &[u64]| -> Vec<u64> {
            let texts = starts.iter().zip(lengths);
            let texts = texts.map(|(start, length)| &bytes[*start..*start + *length as usize]);
            let states = words(1);
            let states = states.iter().zip(texts);
            states
                .map(|(state, text)| words_of(text).fold(*state, word))
                .collect()
        };
        let lengths: Vec<u64> = (0..77).map(|at| at % 30).collect();
        let mut states = words(1);
        for before in [0, 16] {
            absorb_texts(&mut states, &bytes, &starts, &lengths, before);
        }
        assert_eq!(states, after(&lengths));
        for length in 0..30 {
            let mut states = words(1);
            for before in [0, 16] {
                absorb_even_texts(&mut states, &bytes, &starts, length, before);
            }
            assert_eq!(states, after(&[length; 77]), "texts of {length} bytes");
        }
    }

    #[test]
    fn slots_are_the_high_halves_of_products() {
        let states = [&words(3)[..], &[0, u64::MAX, 1 << 32, (1 << 32) - 1]].concat();
        for n in [1, 2, 100_000, u64::from(u32::MAX), 1 << 32, u64::MAX] {
            let mut found = vec![0; states.len()];
            slots(&states, n, &mut found);
            let expected: Vec<i64> = states.iter().map(|of| slot(*of, n) as i64).collect();
            assert_eq!(found, expected, "{n}");
        }
    }
}
