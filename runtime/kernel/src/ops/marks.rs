//! The places of a few bytes in texts, such as separators, found in many texts at once where those stand back to back.

use std::ops::Range;

use crate::column::Texts;
use crate::wide::{self, WIDTH};

/// Texts whose bytes are looked at together.
const ABREAST: usize = 256;

/// The places that were found, read from the first to the last.
pub(super) struct Marks<'m> {
    places: &'m [usize],
    read: usize,
    /// Where the bytes begin of which these are places.
    base: usize,
}

impl Marks<'_> {
    /// The next place, if it is before `end`.
    #[inline]
    pub(super) fn next_before(&mut self, end: usize) -> Option<usize> {
        let at = self.base + self.places.get(self.read)?;
        (at < end).then(|| {
            self.read += 1;
            at
        })
    }
}

/// Goes through the texts of `rows`: `each` gets where a text stands among [`Texts::all`], and the places of the wanted bytes from there
/// on, of which it reads those of the text.
pub(super) fn each_marked(
    texts: &Texts,
    rows: Range<usize>,
    wanted: [u8; 3],
    mut each: impl FnMut(Range<usize>, &mut Marks<'_>),
) {
    let bytes = texts.all().as_bytes();
    let mut places = Vec::new();
    let marked = |base: usize, end: usize, places: &mut Vec<usize>| {
        places.clear();
        places_of(&bytes[base..end], wanted, places);
    };
    let mut first = rows.start;
    while first < rows.end {
        let next = rows.end.min(first + ABREAST);
        if let Some(ends) = texts.ends(first..next) {
            let base = ends[0];
            marked(base, ends[next - first], &mut places);
            let mut marks = Marks {
                places: &places,
                read: 0,
                base,
            };
            for text in ends.windows(2) {
                each(text[0]..text[1], &mut marks);
            }
        } else {
            for row in first..next {
                let text = texts.range(row);
                marked(text.start, text.end, &mut places);
                let mut marks = Marks {
                    places: &places,
                    read: 0,
                    base: text.start,
                };
                each(text, &mut marks);
            }
        }
        first = next;
    }
}

/// Puts the places of the wanted bytes behind others.
fn places_of(bytes: &[u8], wanted: [u8; 3], places: &mut Vec<usize>) {
    let mut put = |before: usize, mut found: u64| {
        while found != 0 {
            places.push(before + found.trailing_zeros() as usize);
            found &= found - 1;
        }
    };
    let (chunks, rest) = bytes.as_chunks::<WIDTH>();
    for (number, chunk) in chunks.iter().enumerate() {
        put(number * WIDTH, wide::wanted(chunk, wanted));
    }
    if !rest.is_empty() {
        let mut last = [0; WIDTH];
        last[..rest.len()].copy_from_slice(rest);
        let there = (1 << rest.len()) - 1;
        put(
            bytes.len() - rest.len(),
            wide::wanted(&last, wanted) & there,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_a_look_at_each_byte_however_texts_are_stored() {
        let words: Vec<String> = (0..700)
            .map(|at| {
                let bytes = (0..at % 90).map(|place| match crate::hash::word(at, place) % 9 {
                    0 => ',',
                    1 => ':',
                    2 => '\0',
                    3 => 'ä',
                    _ => 'x',
                });
                bytes.collect()
            })
            .collect();
        let each: Texts = words.iter().map(String::as_str).collect();
        let once = Texts::at_places(each.clone(), (0..700).map(|at| at * 3 % 700).collect());
        for (texts, wanted) in [(each, [b','; 3]), (once, [b':', b'\0', b','])] {
            let mut row = 5;
            each_marked(&texts, 5..699, wanted, |text, marks| {
                assert_eq!(text, texts.range(row));
                let expected = text
                    .clone()
                    .filter(|at| wanted.contains(&texts.all().as_bytes()[*at]));
                let found: Vec<usize> =
                    std::iter::from_fn(|| marks.next_before(text.end)).collect();
                assert!(found.into_iter().eq(expected), "row {row}");
                row += 1;
            });
            assert_eq!(row, 699);
        }
    }
}
