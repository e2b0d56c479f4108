//! Hashes of rows, a block of them side by side: each step of the hash is taken for all states of the block before the next.

use super::ids::{each_row, hashed};
use super::{Call, Operand};
use crate::column::{Data, Texts};
use crate::hash::{Hashed, absorb, begin, begin_text, word, word_at};
use crate::wide;

/// Rows of a block.
const ABREAST: usize = 256;

/// The slots of the hashes of the operands of each row.
pub(super) fn hash_rows(call: &Call<'_>, n: u64, seed: u64) -> Result<Vec<i64>, String> {
    if n == 0 {
        return Err("expected at least one slot to hash into, found 0".to_owned());
    }
    call.arg(0)?;
    if call
        .args
        .iter()
        .any(|arg| matches!(arg.data, Data::List(_)))
    {
        return Err("expected one value to hash, found a list".to_owned());
    }
    let first = begin(seed);
    let begun = Begun::new(first, &call.args[0]);
    Ok(each_row(call, |args, slots| {
        let mut block = Block::new();
        for (part, slots) in slots.chunks_mut(ABREAST).enumerate() {
            let from = part * ABREAST;
            block.rows = slots.len();
            begun.absorb(&mut block, &args[0], from);
            for arg in &args[1..] {
                block.absorb(arg, from);
            }
            wide::slots(&block.states[..block.rows], n, slots);
        }
    }))
}

/// The states after the first operand, as far as they are the same for many rows.
struct Begun {
    first: u64,
    /// After the tag of an integer.
    int: u64,
    /// After the beginning of a text, for each length that is not long.
    lengths: [u64; Self::LONG],
    /// After each text that is stored once.
    stored: Vec<u64>,
}

impl Begun {
    const LONG: usize = 64;

    fn new(first: u64, arg: &Operand<'_>) -> Self {
        let mut lengths = [first; Self::LONG];
        for (len, state) in lengths.iter_mut().enumerate() {
            *state = begin_text(first, len);
        }
        let stored = match arg.data {
            Data::Str(texts) if texts.places().is_some() => texts
                .stored()
                .iter()
                .map(|text| absorb(first, Hashed::Str(text)))
                .collect(),
            _ => Vec::new(),
        };
        Self {
            first,
            int: word(first, 1),
            lengths,
            stored,
        }
    }

    /// The states after the first operand at the rows from `from` on.
    fn absorb(&self, block: &mut Block, arg: &Operand<'_>, from: usize) {
        let rows = block.rows;
        match arg.data {
            Data::Int(_) | Data::Str(_) if arg.scalar => {
                block.states[..rows].fill(absorb(self.first, hashed(arg, 0)));
            }
            Data::Int(values) => {
                let from = arg.first + from;
                block.states[..rows].fill(self.int);
                wide::absorb_ints(&mut block.states[..rows], &values[from..from + rows]);
            }
            Data::Str(texts) => match texts.places() {
                Some(places) => {
                    let places = &places[arg.first + from..][..rows];
                    for (state, place) in block.states.iter_mut().zip(places) {
                        *state = self.stored[*place as usize];
                    }
                }
                None => {
                    block.begin_texts(texts, arg.first + from);
                    for (state, len) in block.states[..rows].iter_mut().zip(&block.lengths) {
                        let known = self.lengths.get(*len as usize);
                        *state = known
                            .copied()
                            .unwrap_or_else(|| begin_text(self.first, *len as usize));
                    }
                    block.texts(texts.bytes());
                }
            },
            Data::Float(_) | Data::Bool(_) | Data::List(_) => {
                block.states[..rows].fill(self.first);
                return block.one_by_one(arg, from);
            }
        }
        if !arg.scalar {
            block.before = [self.first; ABREAST];
            block.nulls(arg, from);
        }
    }
}

/// The states of some rows, and what is on its way into them.
struct Block {
    rows: usize,
    states: [u64; ABREAST],
    /// The states before the operand.
    before: [u64; ABREAST],
    words: [u64; ABREAST],
    /// Where texts begin, and their bytes.
    starts: [usize; ABREAST],
    lengths: [u64; ABREAST],
}

impl Block {
    fn new() -> Self {
        Self {
            rows: 0,
            states: [0; ABREAST],
            before: [0; ABREAST],
            words: [0; ABREAST],
            starts: [0; ABREAST],
            lengths: [0; ABREAST],
        }
    }

    /// The states after an operand that is not the first, at the rows from `from` on.
    fn absorb(&mut self, arg: &Operand<'_>, from: usize) {
        let rows = self.rows;
        if arg.valid.is_some() {
            self.before = self.states;
        }
        match arg.data {
            Data::Int(values) if !arg.scalar => {
                let from = arg.first + from;
                wide::absorb_tag(&mut self.states[..rows], 1);
                wide::absorb_ints(&mut self.states[..rows], &values[from..from + rows]);
            }
            Data::Str(texts) if !arg.scalar => {
                self.begin_texts(texts, arg.first + from);
                wide::absorb_tag(&mut self.states[..rows], 4);
                wide::absorb(&mut self.states[..rows], &self.lengths[..rows]);
                self.texts(texts.bytes());
            }
            Data::Int(_) | Data::Str(_) | Data::Float(_) | Data::Bool(_) | Data::List(_) => {
                return self.one_by_one(arg, from);
            }
        }
        self.nulls(arg, from);
    }

    fn one_by_one(&mut self, arg: &Operand<'_>, from: usize) {
        for (row, state) in self.states[..self.rows].iter_mut().enumerate() {
            *state = absorb(*state, hashed(arg, from + row));
        }
    }

    /// Where there is no value, the state before it after a null.
    fn nulls(&mut self, arg: &Operand<'_>, from: usize) {
        if let Some(valid) = arg.valid {
            let rows = self.rows;
            let valid = &valid[arg.first + from..][..rows];
            wide::absorb_nulls(&mut self.states[..rows], &self.before[..rows], valid);
        }
    }

    /// Looks where the texts of the rows from `from` on are.
    fn begin_texts(&mut self, texts: &Texts, from: usize) {
        let rows = self.rows;
        let (starts, lengths) = (&mut self.starts[..rows], &mut self.lengths[..rows]);
        match texts.ends(from..from + rows) {
            Some(ends) => {
                starts.copy_from_slice(&ends[..rows]);
                for ((length, end), start) in lengths.iter_mut().zip(&ends[1..]).zip(starts) {
                    *length = (end - *start) as u64;
                }
            }
            None => {
                for (row, (start, length)) in starts.iter_mut().zip(lengths).enumerate() {
                    let range = texts.range(from + row);
                    (*start, *length) = (range.start, range.len() as u64);
                }
            }
        }
    }

    /// The states after the words of the texts, of which it is known where they are.
    fn texts(&mut self, bytes: &[u8]) {
        let rows = self.rows;
        let (starts, lengths) = (&self.starts[..rows], &self.lengths[..rows]);
        let (words, states) = (&mut self.words[..rows], &mut self.states[..rows]);
        let shortest = lengths.iter().fold(u64::MAX, |least, len| least.min(*len));
        let longest = lengths.iter().fold(0, |most, len| most.max(*len));
        for before in (0..longest).step_by(8) {
            let at = before as usize;
            let places = words.iter_mut().zip(starts).zip(lengths);
            if shortest >= before + 8 {
                for ((word, start), _) in places {
                    *word = word_at(bytes, start + at, 8);
                }
            } else {
                for ((word, start), len) in places {
                    *word = match *len > before {
                        true => word_at(bytes, start + at, *len as usize - at),
                        false => 0,
                    };
                }
            }
            match shortest > before {
                true => wide::absorb(states, words),
                false => wide::absorb_beyond(states, words, lengths, before),
            }
        }
    }
}
