//! Hashes of rows, a block of them side by side: each step of the hash is taken for all states of the block before the next.

use super::ids::{each_row, hashed};
use super::{Call, Operand};
use crate::column::{Data, Texts};
use crate::hash::{Hashed, absorb, begin, begin_text, two_words_at, word};
use crate::wide;

/// Rows of a block.
const ABREAST: usize = 128;

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
                    wide::gather_words(&self.stored, places, 0, &mut block.states[..rows]);
                }
                None => {
                    let found = block.find_texts(texts, arg.first + from);
                    self.begin_texts(&mut block.states[..rows], &block.lengths, &found);
                    block.absorb_texts(texts.all().as_bytes(), &found);
                }
            },
            Data::Float(_) | Data::Bool(_) | Data::List(_) => {
                block.states[..rows].fill(self.first);
                return block.one_by_one(arg, from);
            }
        }
        if !arg.scalar && arg.valid.is_some() {
            block.before.clear();
            block.before.resize(rows, self.first);
            block.nulls(arg, from);
        }
    }

    /// The states after the beginnings of texts of these lengths.
    fn begin_texts(&self, states: &mut [u64], lengths: &[u64], found: &Found<'_>) {
        let after = |len: u64| match self.lengths.get(len as usize) {
            Some(known) => *known,
            None => begin_text(self.first, len as usize),
        };
        if found.shortest == found.longest {
            return states.fill(after(found.longest));
        }
        for (state, len) in states.iter_mut().zip(lengths) {
            *state = after(*len);
        }
    }
}

/// Where the texts of a block are, and how long.
struct Found<'t> {
    /// Where each begins and the last ends, where they stand back to back.
    ends: Option<&'t [usize]>,
    shortest: u64,
    longest: u64,
}

/// The states of some rows, and what is on its way into them.
struct Block {
    rows: usize,
    states: [u64; ABREAST],
    /// The states before an operand with nulls.
    before: Vec<u64>,
    /// Where texts begin that do not stand back to back.
    starts: Vec<usize>,
    /// The next two words of texts that do not, or that are the last.
    words: Vec<[u64; 2]>,
    /// Bytes of texts.
    lengths: [u64; ABREAST],
}

impl Block {
    fn new() -> Self {
        Self {
            rows: 0,
            states: [0; ABREAST],
            before: Vec::new(),
            starts: Vec::new(),
            words: Vec::new(),
            lengths: [0; ABREAST],
        }
    }

    /// The states after an operand that is not the first, at the rows from `from` on.
    fn absorb(&mut self, arg: &Operand<'_>, from: usize) {
        let rows = self.rows;
        if arg.valid.is_some() {
            self.before.clear();
            self.before.extend_from_slice(&self.states[..rows]);
        }
        match arg.data {
            Data::Int(values) if !arg.scalar => {
                let from = arg.first + from;
                wide::absorb_tag(&mut self.states[..rows], 1);
                wide::absorb_ints(&mut self.states[..rows], &values[from..from + rows]);
            }
            Data::Str(texts) if !arg.scalar => {
                let found = self.find_texts(texts, arg.first + from);
                let states = &mut self.states[..rows];
                wide::absorb_tag(states, 4);
                match found.shortest == found.longest {
                    true => wide::absorb_tag(states, found.longest),
                    false => wide::absorb(states, &self.lengths[..rows]),
                }
                self.absorb_texts(texts.all().as_bytes(), &found);
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
            wide::absorb_nulls(&mut self.states[..rows], &self.before, valid);
        }
    }

    /// Looks where the texts of the rows from `from` on are.
    fn find_texts<'t>(&mut self, texts: &'t Texts, from: usize) -> Found<'t> {
        let rows = self.rows;
        let lengths = &mut self.lengths[..rows];
        let ends = texts.ends(from..from + rows);
        if let Some(ends) = ends {
            let next = from + rows..texts.len().min(from + 2 * rows);
            wide::fetch_ahead(texts.ends(next).unwrap_or_default());
            let (shortest, longest) = wide::lengths_between(ends, lengths);
            return Found {
                ends: Some(ends),
                shortest,
                longest,
            };
        }
        let mut found = Found {
            ends: None,
            shortest: u64::MAX,
            longest: 0,
        };
        self.starts.clear();
        for (row, length) in lengths.iter_mut().enumerate() {
            let range = texts.range(from + row);
            self.starts.push(range.start);
            *length = range.len() as u64;
            found.shortest = found.shortest.min(*length);
            found.longest = found.longest.max(*length);
        }
        found
    }

    /// The states after the words of the texts, of which it is known where they are.
    fn absorb_texts(&mut self, bytes: &[u8], found: &Found<'_>) {
        let rows = self.rows;
        let (states, lengths) = (&mut self.states[..rows], &self.lengths[..rows]);
        if let Some(ends) = found.ends {
            // The next block is about the next so many bytes.
            let (first, end) = (ends[0], ends[rows]);
            wide::fetch_ahead(&bytes[end..bytes.len().min(2 * end - first)]);
            if end + found.longest as usize + 16 <= bytes.len() {
                for before in (0..found.longest).step_by(16) {
                    match found.shortest == found.longest {
                        true => {
                            let length = found.longest;
                            wide::absorb_even_texts(states, bytes, &ends[..rows], length, before);
                        }
                        false => {
                            wide::absorb_texts(states, bytes, &ends[..rows], lengths, before);
                        }
                    }
                }
                return;
            }
        }
        let starts = found.ends.map_or(&self.starts[..], |ends| &ends[..rows]);
        for before in (0..found.longest).step_by(16) {
            let words = starts
                .iter()
                .map(|start| two_words_at(bytes, start + before as usize));
            self.words.clear();
            self.words.extend(words);
            wide::absorb_words(states, &self.words, lengths, before);
        }
    }
}
