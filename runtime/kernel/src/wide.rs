//! Loops over words that are compiled twice: for any machine, and for one with vectors of 512 bits and products of their
//! words, where they take a quarter of the time or less. Both give the same words.
#![allow(
    unsafe_code,
    reason = "code for wider vectors may only be called where the machine has them"
)]

use crate::hash::{mixed, next, slot, word};

/// A function over slices of one length, in both ways.
macro_rules! widened {
    ($(#[$doc:meta])* fn $name:ident($($arg:ident: $ty:ty),*) $body:block) => {
        $(#[$doc])*
        pub(crate) fn $name($($arg: $ty),*) {
            #[inline(always)]
            fn plain($($arg: $ty),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512dq,avx512vl")]
                fn wide($($arg: $ty),*) {
                    plain($($arg),*);
                }
                if is_x86_feature_detected!("avx512dq") && is_x86_feature_detected!("avx512vl") {
                    // SAFETY: the machine has what the function is compiled for; the first asked for implies 512 bits.
                    return unsafe { wide($($arg),*) };
                }
            }
            plain($($arg),*);
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
    /// The states after a word each, where a text of so many bytes goes beyond what was taken before.
    fn absorb_beyond(states: &mut [u64], words: &[u64], lengths: &[u64], before: u64) {
        for ((state, of), length) in states.iter_mut().zip(words).zip(lengths) {
            let after = word(*state, *of);
            *state = if *length > before { after } else { *state };
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

#[cfg(test)]
mod tests {
    use super::*;

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
        let lengths: Vec<u64> = (0..77).map(|at| at % 20).collect();
        let mut beyond = before.clone();
        absorb_beyond(&mut beyond, &of, &lengths, 8);
        let one = |state, at: usize| {
            if lengths[at] > 8 {
                word(state, of[at])
            } else {
                state
            }
        };
        assert_eq!(beyond, each(&one));
        let valid: Vec<bool> = (0..77).map(|at| at % 3 > 0).collect();
        absorb_nulls(&mut states, &before, &valid);
        let one = |state, at: usize| word(state, if valid[at] { of[at] } else { 0 });
        assert_eq!(states, each(&one));
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
