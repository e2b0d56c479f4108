//! Places as editors count them: lines and UTF-16 units, both from 0.

/// A place in a text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line, from 0.
    pub line: u32,
    /// UTF-16 units from the line's start.
    pub character: u32,
}

/// Where the lines of a text begin. Lines end at `\n`, `\r\n` and a lone `\r`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    /// The lines of a text; the empty text has one.
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let ends = bytes.iter().enumerate().filter(|&(at, byte)| match byte {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        let starts = std::iter::once(0).chain(ends.map(|(at, _)| at + 1));
        Self {
            starts: starts.collect(),
        }
    }

    /// The byte at a position. Past the end of a line it is the line's end, past the last line the text's; inside a
    /// character of two units it is the character's start.
    pub fn offset(&self, text: &str, position: Position) -> usize {
        let line = position.line as usize;
        let Some(&start) = self.starts.get(line) else {
            return text.len();
        };
        let end = self.starts.get(line + 1).copied().unwrap_or(text.len());
        let content = text.get(start..end).unwrap_or("");
        let content = content.trim_end_matches(['\n', '\r']);
        let mut units = 0;
        for (at, c) in content.char_indices() {
            units += c.len_utf16();
            if units > position.character as usize {
                return start + at;
            }
        }
        start + content.len()
    }

    /// The position of a byte; inside a character it is the character's.
    pub fn position(&self, text: &str, offset: usize) -> Position {
        let line = self.starts.partition_point(|start| *start <= offset).max(1) - 1;
        let start = self.starts.get(line).copied().unwrap_or(0);
        let before = text.get(start..).unwrap_or("").char_indices();
        let units = before
            .take_while(|(at, c)| start + at + c.len_utf8() <= offset)
            .map(|(_, c)| c.len_utf16())
            .sum::<usize>();
        Position {
            line: u32::try_from(line).unwrap_or(u32::MAX),
            character: u32::try_from(units).unwrap_or(u32::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Lines, Position};

    fn at(line: u32, character: u32) -> Position {
        Position { line, character }
    }

    #[test]
    fn characters_beyond_the_basic_plane_count_twice() {
        let text = "a🎬b\nä";
        let lines = Lines::new(text);
        assert_eq!(lines.position(text, 5), at(0, 3));
        assert_eq!(lines.offset(text, at(0, 3)), 5);
        assert_eq!(lines.position(text, 9), at(1, 1));
    }

    #[test]
    fn a_position_inside_a_character_is_its_start() {
        let text = "🎬";
        let lines = Lines::new(text);
        assert_eq!(lines.offset(text, at(0, 1)), 0);
        assert_eq!(lines.position(text, 2), at(0, 0));
    }

    #[test]
    fn positions_past_an_end_are_the_end() {
        let text = "ab\ncd";
        let lines = Lines::new(text);
        assert_eq!(lines.offset(text, at(0, 9)), 2);
        assert_eq!(lines.offset(text, at(7, 0)), 5);
        assert_eq!(lines.position(text, 99), at(1, 2));
    }

    #[test]
    fn lines_end_as_the_protocol_says() {
        let text = "a\r\nb\rc\nd";
        let lines = Lines::new(text);
        assert_eq!(lines.position(text, 3), at(1, 0));
        assert_eq!(lines.position(text, 5), at(2, 0));
        assert_eq!(lines.position(text, 7), at(3, 0));
        assert_eq!(lines.offset(text, at(0, 5)), 1, "before the line's end");
    }

    #[test]
    fn every_byte_that_begins_a_character_comes_back() {
        let text = "x = \"ä🎬\"\r\n\r\n// é\n";
        let lines = Lines::new(text);
        for (at, _) in text.char_indices().filter(|(_, c)| *c != '\n') {
            assert_eq!(lines.offset(text, lines.position(text, at)), at);
        }
    }
}
