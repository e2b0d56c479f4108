//! Long lines of a source are cut around what is marked in them, so that a report fits a terminal.

use std::ops::Range;

use miette::{MietteError, MietteSpanContents, NamedSource, SourceCode, SourceSpan, SpanContents};

/// A text with its long lines cut, and where its marks lie in it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) text: String,
    /// Bytes, in the order in which they were given. A mark that is cut off stands at the cut.
    pub(super) marks: Vec<Range<usize>>,
}

/// Cuts all lines of `text` that are longer than `width` characters. Each shows its beginning, or the surroundings of the first of
/// its marks where that lies further on; `dots` stand for what is left out. No mark goes over the end of a line.
pub(super) fn window(text: &str, marks: &[Range<usize>], width: usize, dots: &str) -> Window {
    let mut cut = Window {
        text: String::with_capacity(text.len()),
        marks: marks.to_vec(),
    };
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches(['\n', '\r']);
        let first = marks
            .iter()
            .find(|mark| (start..=start + body.len()).contains(&mark.start));
        let shown = part(body, first.map(|mark| mark.start - start), width, dots);
        let before = if shown.start > 0 { dots } else { "" };
        let after = if shown.end < body.len() { dots } else { "" };
        // where a byte of the line stands now
        let base = cut.text.len();
        let moved =
            |at: usize| base + before.len() + at.clamp(shown.start, shown.end) - shown.start;
        for (mark, new) in marks.iter().zip(&mut cut.marks) {
            if (start..=start + body.len()).contains(&mark.start) {
                *new = moved(mark.start - start)..moved(mark.end.saturating_sub(start));
            }
        }
        cut.text += before;
        cut.text += &body[shown];
        cut.text += after;
        cut.text += &line[body.len()..];
        start += line.len();
    }
    cut
}

/// The bytes of a line that are shown: with the dots no more than `width` characters.
fn part(line: &str, mark: Option<usize>, width: usize, dots: &str) -> Range<usize> {
    let places: Vec<usize> = line
        .char_indices()
        .map(|(at, _)| at)
        .chain([line.len()])
        .collect();
    let count = places.len() - 1;
    let dots = dots.chars().count();
    if count <= width {
        return 0..line.len();
    }
    let mark = mark.map_or(0, |at| places.partition_point(|place| *place < at));
    // a third of the width stands before the mark, two thirds are for it and its label
    let first = match mark.saturating_sub(width / 3) {
        first if mark < width * 2 / 3 || first <= dots => 0,
        first => first.min(count + dots - width),
    };
    let room = width - if first > 0 { dots } else { 0 };
    let last = if count - first <= room {
        count
    } else {
        first + room - dots
    };
    places[first]..places[last]
}

/// A source with cut lines that says of its marks in which column of the whole line they stand.
pub(super) struct Cut {
    pub(super) source: NamedSource<String>,
    /// Where each mark begins in the cut text, and its column, from 0.
    pub(super) columns: Vec<(usize, usize)>,
}

impl SourceCode for Cut {
    /// The report asks for a mark alone, without lines around it, to say where it stands.
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let inner = self.source.read_span(span, before, after)?;
        let known = self.columns.iter().find(|(mark, _)| *mark == span.offset());
        let column = match known.filter(|_| (before, after) == (0, 0)) {
            Some((_, column)) => *column,
            None => inner.column(),
        };
        Ok(Box::new(MietteSpanContents::new_named(
            self.source.name().to_string(),
            inner.data(),
            *inner.span(),
            inner.line(),
            column,
            inner.line_count(),
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cut text with `^` under its marks.
    fn drawn(text: &str, words: &[&str]) -> String {
        let marks: Vec<Range<usize>> = words
            .iter()
            .map(|word| text.find(word).map(|at| at..at + word.len()).unwrap())
            .collect();
        let cut = window(text, &marks, 30, "…");
        let mut drawn = String::new();
        let mut start = 0;
        for line in cut.text.split_inclusive('\n') {
            let body = line.trim_end_matches('\n');
            assert!(body.chars().count() <= 30, "{body}");
            drawn += &format!("{body}\n");
            let here = cut
                .marks
                .iter()
                .filter(|mark| (start..start + line.len()).contains(&mark.start));
            for mark in here {
                let lead = cut.text[start..mark.start].chars().count();
                let under = cut.text[mark.clone()].chars().count();
                drawn += &format!("{}{}\n", " ".repeat(lead), "^".repeat(under));
            }
            start += line.len();
        }
        drawn
    }

    const LONG: &str = "tower film(m: movie) = concat(m) |> mlp([256, dim]) |> normalise";

    #[test]
    fn short_lines_stay() {
        assert_eq!(
            drawn("setting dim = 64\n", &["dim"]),
            "setting dim = 64\n        ^^^\n"
        );
    }

    #[test]
    fn a_mark_at_the_beginning_of_a_line_keeps_the_beginning() {
        assert_eq!(
            drawn(LONG, &["film"]),
            "tower film(m: movie) = concat…\n      ^^^^\n"
        );
    }

    #[test]
    fn a_mark_far_on_has_its_surroundings() {
        assert_eq!(
            drawn(LONG, &["normalise"]),
            "… mlp([256, dim]) |> normalise\n                     ^^^^^^^^^\n"
        );
        assert_eq!(
            drawn(LONG, &["concat(m)"]),
            "… movie) = concat(m) |> mlp([…\n           ^^^^^^^^^\n"
        );
    }

    #[test]
    fn a_second_mark_that_is_cut_off_stands_at_the_cut() {
        let cut = window(LONG, &[6..10, 55..64], 30, "…");
        assert_eq!(cut.marks[0], 6..10);
        assert_eq!(&cut.text[cut.marks[1].start..], "…");
        assert!(cut.marks[1].is_empty());
    }

    #[test]
    fn letters_of_several_bytes_are_cut_whole() {
        let text = "setting größe = \"ääääääääääääääääääääääääääääääääää\" + unbekannt";
        assert!(drawn(text, &["unbekannt"]).starts_with('…'));
    }

    #[test]
    fn the_place_is_that_in_the_whole_line() {
        let at = LONG.find("normalise").unwrap();
        let mark = at..at + "normalise".len();
        let cut = window(LONG, std::slice::from_ref(&mark), 30, "…");
        let mark = SourceSpan::from(cut.marks[0].clone());
        let source = Cut {
            source: NamedSource::new("a.rec", cut.text),
            columns: vec![(mark.offset(), at)],
        };
        assert_eq!(source.read_span(&mark, 0, 0).unwrap().column(), at);
        assert_eq!(source.read_span(&mark, 1, 1).unwrap().name(), Some("a.rec"));
    }
}
