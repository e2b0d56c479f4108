//! Files of text, a window at a time: memory holds what is parsed and what is read meanwhile, however long the file.
//!
//! A window begins where a record does and is cut where others end, into about as many pieces as its bytes were read in. Plain
//! files are read by range on all threads; packed ones as a stream. What follows the last record that ends in a window
//! begins the next one, so a window grows until it holds a whole record.

use std::fs::File as Handle;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::delimited::Style;
use super::format::{Packing, Unpacked};

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// How much is read at a time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// About so many bytes make a piece.
    pub(super) piece: usize,
    /// So many pieces make a window.
    pub(super) pieces: usize,
}

impl Size {
    /// Two pieces a thread.
    pub(super) fn by_threads() -> Self {
        Self {
            piece: 4 << 20,
            pieces: 2 * rayon::current_num_threads(),
        }
    }
}

/// A file on its way through memory.
pub(super) struct Windows {
    input: Input,
    /// Fields of csv may hold line breaks in quotes; `None` where a record is a line.
    quoting: Option<Style>,
    size: Size,
    /// So many bytes are read at most, and no record that they cut off.
    most: Option<usize>,
    /// How many bytes were read.
    read: usize,
    /// What is read and belongs to the next window.
    rest: Vec<u8>,
    /// The line on which that begins.
    line: usize,
    is_at_end: bool,
}

enum Input {
    Ranges { path: PathBuf, size: u64 },
    Stream(Unpacked),
}

/// Whole records that follow one another.
pub(super) struct Window {
    bytes: Vec<u8>,
    /// Where pieces lie, each with the line on which it begins.
    pieces: Vec<(usize, Range<usize>)>,
    /// Which share of the file as it is packed is read with it.
    pub(super) share: f64,
}

impl Window {
    /// Its pieces, each with the line on which it begins.
    pub(super) fn pieces(&self) -> Vec<(usize, &[u8])> {
        let pieces = self.pieces.iter();
        pieces
            .map(|(line, range)| (*line, &self.bytes[range.clone()]))
            .collect()
    }
}

impl Windows {
    /// # Errors
    /// A file that cannot be opened.
    pub(super) fn open(
        path: &Path,
        packing: Packing,
        style: Option<Style>,
        (size, most): (Size, Option<usize>),
    ) -> io::Result<Self> {
        let about = std::fs::metadata(path)?;
        let input = match packing {
            Packing::Plain if about.is_file() => {
                Handle::open(path)?;
                Input::Ranges {
                    path: path.to_owned(),
                    size: about.len(),
                }
            }
            Packing::Plain | Packing::Gzip | Packing::Zstd => {
                Input::Stream(Unpacked::open(path, packing)?)
            }
        };
        Ok(Self {
            input,
            quoting: style.filter(|style| *style == Style::Csv),
            size,
            most,
            read: 0,
            rest: Vec::new(),
            line: 1,
            is_at_end: false,
        })
    }

    /// The records that come next, `None` at the end.
    ///
    /// # Errors
    /// Bytes that cannot be read or unpacked.
    pub(super) fn next(&mut self) -> io::Result<Option<Window>> {
        if self.is_at_end {
            return Ok(None);
        }
        let mut bytes = std::mem::take(&mut self.rest);
        loop {
            let is_first = self.read == 0;
            self.more(&mut bytes)?;
            if is_first && bytes.starts_with(BYTE_ORDER_MARK) {
                bytes.drain(..BYTE_ORDER_MARK.len());
            }
            // A record that had not ended is gone through again: whether its last quote was doubled is known only now.
            let ends = ends_of_records(&bytes, self.size.piece, self.quoting);
            let is_cut_off = self.most == Some(self.read);
            if let Some(last) = ends.last().copied()
                && (!self.is_at_end || is_cut_off)
            {
                self.rest = bytes.split_off(last);
                return Ok(Some(self.window(bytes, &ends)));
            }
            if is_cut_off && self.line > 1 {
                return Ok(None);
            }
            if self.is_at_end {
                let ends: Vec<usize> = ends.into_iter().chain([bytes.len()]).collect();
                return Ok(Some(self.window(bytes, &ends)));
            }
        }
    }

    /// Adds the next bytes of the file, as many again as there are where those are many.
    fn more(&mut self, bytes: &mut Vec<u8>) -> io::Result<()> {
        let most = self.most.map_or(usize::MAX, |most| most - self.read);
        let wanted = (self.size.piece * self.size.pieces).max(bytes.len());
        let (wanted, before) = (wanted.min(most), bytes.len());
        match &mut self.input {
            Input::Ranges { path, size } => {
                let left = size.saturating_sub(self.read as u64);
                let wanted = usize::try_from(left).map_or(wanted, |left| wanted.min(left));
                bytes.resize(before + wanted, 0);
                read_ranges(
                    path,
                    self.read as u64,
                    (&mut bytes[before..], self.size.piece),
                )?;
                self.is_at_end = wanted as u64 == left;
            }
            Input::Stream(stream) => {
                let read = stream.take(wanted as u64).read_to_end(bytes)?;
                self.is_at_end = read < wanted;
            }
        }
        self.read += bytes.len() - before;
        self.is_at_end |= self.most == Some(self.read);
        Ok(())
    }

    fn window(&mut self, bytes: Vec<u8>, ends: &[usize]) -> Window {
        let begins = std::iter::once(0).chain(ends.iter().copied());
        let ranges = begins.zip(ends).map(|(begin, end)| begin..*end);
        let ranges: Vec<Range<usize>> = ranges.filter(|range| !range.is_empty()).collect();
        let lines: Vec<usize> = ranges
            .par_iter()
            .map(|range| lines_of(&bytes[range.clone()]))
            .collect();
        let mut pieces = Vec::new();
        for (range, lines) in ranges.into_iter().zip(lines) {
            pieces.push((self.line, range));
            self.line += lines;
        }
        Window {
            bytes,
            pieces,
            share: self.share(),
        }
    }

    fn share(&self) -> f64 {
        let (read, size) = match &self.input {
            Input::Ranges { size, .. } => (self.read as u64, *size),
            Input::Stream(stream) => (stream.packed_read(), stream.packed_size()),
        };
        match self.is_at_end || size == 0 {
            true => 1.0,
            false => read as f64 / size as f64,
        }
    }
}

/// Fills the bytes with those of a file from a place on, each range by a thread with a handle of its own.
fn read_ranges(path: &Path, from: u64, (bytes, size): (&mut [u8], usize)) -> io::Result<()> {
    let range = |(at, range): (usize, &mut [u8])| {
        let mut handle = Handle::open(path)?;
        handle.seek(SeekFrom::Start(from + (at * size) as u64))?;
        handle.read_exact(range)
    };
    bytes.par_chunks_mut(size).enumerate().try_for_each(range)
}

/// How many lines end in a text.
pub(super) fn lines_of(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count()
}

/// Where records end, of bytes that begin with one: the first end in each range of `size` bytes but the first, and the last of all.
fn ends_of_records(bytes: &[u8], size: usize, quoting: Option<Style>) -> Vec<usize> {
    // A range begins behind all quotes at its border, so that none of them is told apart from the one that doubles it.
    let behind_quotes = |border: usize| {
        let quotes = bytes[border..].iter().position(|byte| *byte != b'"');
        quotes.map_or(bytes.len(), |quotes| border + quotes)
    };
    let borders = (size..bytes.len()).step_by(size).map(behind_quotes);
    let mut borders: Vec<usize> = [0]
        .into_iter()
        .chain(borders)
        .chain([bytes.len()])
        .collect();
    borders.dedup();
    let ranges: Vec<Range<usize>> = borders.windows(2).map(|ends| ends[0]..ends[1]).collect();
    // Most borders lie outside of quotes; what begins within is gone through once more.
    let outside: Vec<Walk> = ranges
        .par_iter()
        .map(|range| Walk::over(bytes, range.clone(), (quoting, false)))
        .collect();
    let (mut ends, mut last, mut is_quoted) = (Vec::new(), None, false);
    for (at, (range, outside)) in ranges.into_iter().zip(outside).enumerate() {
        let walk = match is_quoted {
            true => Walk::over(bytes, range, (quoting, true)),
            false => outside,
        };
        ends.extend(walk.first.filter(|_| at > 0));
        last = walk.last.or(last);
        is_quoted = walk.is_quoted;
    }
    ends.extend(last);
    ends.dedup();
    ends
}

/// What a range of bytes holds of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Walk {
    /// Behind the first record that ends in it.
    first: Option<usize>,
    /// Behind the last.
    last: Option<usize>,
    /// Whether it ends in quotes.
    is_quoted: bool,
}

impl Walk {
    /// Goes through the range, which begins in quotes or not. As [`super::delimited::Records`] reads them, a field is quoted that begins
    /// with a quote, up to the next one that is not doubled.
    fn over(
        bytes: &[u8],
        range: Range<usize>,
        (quoting, is_quoted): (Option<Style>, bool),
    ) -> Self {
        let mut walk = Self {
            is_quoted,
            ..Self::default()
        };
        let mut at = range.start;
        while at < range.end {
            let ahead = &bytes[at..range.end];
            if walk.is_quoted {
                let Some(quote) = quote_in(ahead) else {
                    return walk;
                };
                at += quote + 1;
                match bytes[at..range.end].first() {
                    Some(b'"') => at += 1,
                    Some(_) | None => walk.is_quoted = false,
                }
                continue;
            }
            let opens = quoting.and_then(|_| opening_quote(bytes, at..range.end));
            let until = opens.unwrap_or(range.end);
            walk.see_lines(&bytes[at..until], at);
            walk.is_quoted = opens.is_some();
            at = until + 1;
        }
        walk
    }

    /// The lines that end in bytes outside of quotes.
    fn see_lines(&mut self, bytes: &[u8], from: usize) {
        let behind = |at: usize| from + at + 1;
        let is_end = |byte: &u8| *byte == b'\n';
        if let Some(last) = bytes.iter().rposition(is_end) {
            self.last = Some(behind(last));
            self.first = self
                .first
                .or_else(|| bytes.iter().position(is_end).map(behind));
        }
    }
}

/// The next quote with which a field begins, in bytes that begin outside of quotes.
fn opening_quote(bytes: &[u8], range: Range<usize>) -> Option<usize> {
    let mut at = range.start;
    loop {
        let quote = at + quote_in(&bytes[at..range.end])?;
        let begins_field = |byte: &u8| matches!(byte, b',' | b'\n' | b'\r');
        if quote == 0 || begins_field(&bytes[quote - 1]) {
            return Some(quote);
        }
        at = quote + 1;
    }
}

/// The first quote: bytes near by are gone through one by one, blocks without a quote many at once.
fn quote_in(bytes: &[u8]) -> Option<usize> {
    const NEAR: usize = 32;
    const BLOCK: usize = 256;
    let is_quote = |byte: &u8| *byte == b'"';
    let (near, far) = bytes.split_at(bytes.len().min(NEAR));
    if let Some(quote) = near.iter().position(is_quote) {
        return Some(quote);
    }
    let block = far.chunks(BLOCK).position(|block| block.contains(&b'"'))?;
    let ahead = &far[block * BLOCK..];
    let quote = ahead.iter().position(is_quote)?;
    Some(near.len() + block * BLOCK + quote)
}
