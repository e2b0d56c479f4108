//! What a text has in common with an older one, of which it is an edit, and the parts that this spares it to read.

use super::Part;
use crate::tree::{Piece, Rule};

/// What was read of an older text.
pub(crate) struct Older<'a> {
    pub(crate) pieces: &'a [Piece],
    pub(crate) parts: &'a [Part],
    pub(crate) same: Same,
}

impl Older<'_> {
    /// The part that begins at a place of the newer text and has the same window as in the older one.
    pub(super) fn part(&self, rule: Rule, at: usize) -> Option<&Part> {
        let Same {
            lengths: (older, newer),
            prefix,
            suffix,
        } = self.same;
        let begins = |start: usize| {
            let found = self.parts.binary_search_by_key(&start, |part| part.start);
            found.ok().map(|found| &self.parts[found])
        };
        // the end of the text is the end of a window too
        let stays = |part: &&Part| part.window <= prefix && (part.window < older || older == newer);
        let moved = (at + older)
            .checked_sub(newer)
            .filter(|start| *start >= suffix);
        let part = begins(at).filter(stays).or_else(|| moved.and_then(begins));
        part.filter(|part| part.rule == rule)
    }
}

/// Where two texts are the same.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Same {
    /// The lengths of the older and of the newer one.
    lengths: (usize, usize),
    /// Up to here they are the same.
    prefix: usize,
    /// From this place of the older one on they are the same again. A line begins here.
    suffix: usize,
}

impl Same {
    /// Compares the sources of two texts, and these texts as the grammar sees them.
    pub(crate) fn of(older: (&str, &str), newer: (&str, &str)) -> Self {
        let prefix = common(older.0.bytes(), newer.0.bytes());
        let prefix = prefix.min(common(older.1.bytes(), newer.1.bytes()));
        let suffix = common(older.0.bytes().rev(), newer.0.bytes().rev());
        let suffix = suffix.min(common(older.1.bytes().rev(), newer.1.bytes().rev()));
        let lengths = (older.0.len(), newer.0.len());
        let from = lengths.0 - suffix.min(lengths.0 - prefix).min(lengths.1 - prefix);
        let line = older.0.as_bytes()[from..]
            .iter()
            .position(|byte| *byte == b'\n');
        Self {
            lengths,
            prefix,
            suffix: line.map_or(lengths.0, |line| from + line + 1),
        }
    }
}

/// How many bytes are the same from the first on.
fn common(one: impl Iterator<Item = u8>, other: impl Iterator<Item = u8>) -> usize {
    one.zip(other)
        .take_while(|(one, other)| one == other)
        .count()
}
