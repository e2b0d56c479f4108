//! Reads a text part by part: items, and the entries of sources, features and loops.
//!
//! pest reads each part from a window, the text from where the part begins to some lines behind its end. What a part is
//! depends on its window alone. So after an edit only those parts are read again whose windows it touches, and the tree is
//! the one that reading everything gives. It is also the one that the rule `file` gives for the whole text at once.

mod older;

use std::ops::Range;

use pest::Parser as _;
use pest::Token as Mark;
use pest::iterators::Pair;

pub(crate) use older::{Older, Same};

use crate::layout::{BORDER, Layout};
use crate::lex::Token;
use crate::tree::grammar::Grammar;
use crate::tree::{Piece, Rule};

/// So many ends of lines lie between the end of a part and that of its window, if the text has them. The grammar looks into
/// the next line, to see whether it is an entry, and no further.
const AHEAD: usize = 2;

/// A part that was read.
#[derive(Clone, Debug)]
pub(crate) struct Part {
    rule: Rule,
    start: usize,
    end: usize,
    /// Where its window ends.
    window: usize,
    /// The last token that begins before it: how far before it that begins, and where it ends. A part without a token of
    /// its own stands there.
    before: Option<(usize, usize)>,
    /// Its place in the list of the tree.
    pieces: Range<usize>,
}

/// A text that was read: its pieces in the order of the tree, and the parts that they were read in.
pub(crate) struct Pieces {
    pub(crate) pieces: Vec<Piece>,
    pub(crate) parts: Vec<Part>,
}

/// Reads a text. What an older text has in common with it is taken over.
pub(crate) fn read(layout: &Layout, older: Option<&Older<'_>>) -> Pieces {
    let text = layout.masked.as_str();
    let line_ends = text
        .bytes()
        .enumerate()
        .filter(|(_, byte)| is_line_end(*byte));
    let mut reader = Reader {
        text,
        code: layout
            .tokens
            .iter()
            .copied()
            .filter(Token::is_code)
            .collect(),
        line_ends: line_ends.map(|(at, _)| at).collect(),
        older,
        at: 0,
        read: Pieces {
            pieces: Vec::with_capacity(text.len() / 2),
            parts: Vec::new(),
        },
    };
    let root = reader.open(Rule::file);
    reader.items(Rule::file_part);
    reader.close(root);
    let mut read = reader.read;
    let root = &mut read.pieces[0];
    (root.start, root.end) = (0, text.len());
    read
}

/// What pest reads at the beginning of a text.
fn pest(rule: Rule, text: &str) -> Pair<'_, Rule> {
    let mut pairs = Grammar::parse(rule, text).expect("the grammar accepts every text");
    pairs
        .next()
        .expect("a parse gives the rule that was asked for")
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | BORDER)
}

struct Reader<'a> {
    /// The masked text.
    text: &'a str,
    /// Its tokens without comments and newlines.
    code: Vec<Token>,
    line_ends: Vec<usize>,
    older: Option<&'a Older<'a>>,
    /// What is before this was read.
    at: usize,
    read: Pieces,
}

impl<'a> Reader<'a> {
    /// The items of a file, or of a loop up to its end.
    fn items(&mut self, asked: Rule) {
        loop {
            self.pass(|byte| is_line_end(byte) || byte == b';');
            match self.byte() {
                None => return,
                Some(b'}') if asked != Rule::file_part => return,
                Some(_) => {}
            }
            match self.word() {
                "features" => self.block(
                    Rule::features_item,
                    Rule::features_head,
                    Rule::features_part,
                ),
                "entity" | "events" => {
                    self.block(Rule::source_item, Rule::source_head, Rule::source_part);
                }
                "loop" => self.block(Rule::loop_item, Rule::loop_head, Rule::loop_part),
                _ => self.part(asked),
            }
        }
    }

    /// An item that is a head, entries and a closing brace.
    fn block(&mut self, kind: Rule, head: Rule, entry: Rule) {
        let outer = self.open(Rule::item);
        let inner = self.open(kind);
        self.part(head);
        match kind {
            Rule::loop_item => self.items(entry),
            _ => self.entries(entry),
        }
        match self.byte() {
            Some(b'}') => self.at += 1,
            _ => {
                let missing = self.open(Rule::err_close);
                self.close(missing);
            }
        }
        self.close(inner);
        self.pass(|_| false);
        if !matches!(self.byte(), None | Some(b'\n' | BORDER | b';' | b'}')) {
            self.part(Rule::rest_part);
        }
        self.close(outer);
    }

    fn entries(&mut self, entry: Rule) {
        loop {
            self.pass(|byte| matches!(byte, b'\n' | b';'));
            match self.byte() {
                None | Some(BORDER | b'}') => return,
                Some(_) => self.part(entry),
            }
        }
    }

    /// Passes over blanks and what else may stand between parts.
    fn pass(&mut self, between: impl Fn(u8) -> bool) {
        let rest = self.text.as_bytes()[self.at..].iter();
        let passed = rest.take_while(|byte| matches!(byte, b' ' | b'\r') || between(**byte));
        self.at += passed.count();
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The word that begins here.
    fn word(&self) -> &'a str {
        let rest = self.text.as_bytes()[self.at..].iter();
        let letters = rest.take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_');
        &self.text[self.at..self.at + letters.count()]
    }

    /// Begins a piece here, to be closed when all inside it was read.
    fn open(&mut self, rule: Rule) -> usize {
        self.read.pieces.push(Piece {
            rule,
            start: self.at,
            end: self.at,
            size: 0,
        });
        self.read.pieces.len() - 1
    }

    fn close(&mut self, open: usize) {
        let size = self.read.pieces.len() - open;
        let code = &self.code;
        let piece = &mut self.read.pieces[open];
        piece.size = size;
        piece.end = self.at;
        // no piece that is opened and closed by hand stands inside another without a token
        settle(std::slice::from_mut(piece), code);
    }

    /// Reads a part, which begins here whatever the text.
    fn part(&mut self, rule: Rule) {
        let before = self.before();
        if self.keep(rule, before) {
            return;
        }
        let start = self.at;
        let first_end = self.line_ends.partition_point(|end| *end < start);
        let mut lines = self.lines_expected(rule, first_end);
        let (part, end, window) = loop {
            let last_end = first_end + lines + AHEAD - 1;
            let window = self
                .line_ends
                .get(last_end)
                .map_or(self.text.len(), |end| end + 1);
            let part = pest(rule, &self.text[start..window]);
            let end = start + part.as_span().end();
            let behind = self.line_ends.partition_point(|line| *line < end);
            if window == self.text.len() || last_end + 1 - behind >= AHEAD {
                break (part, end, window);
            }
            lines = 2 * lines + 1;
        };
        let first = self.read.pieces.len();
        self.take(part, start);
        self.read.parts.push(Part {
            rule,
            start,
            end,
            window,
            before,
            pieces: first..self.read.pieces.len(),
        });
        self.at = end;
    }

    /// After how many ends of lines, from the one of this index on, a part seems to end: an entry is a line, an item reaches
    /// up to the next.
    fn lines_expected(&self, rule: Rule, first_end: usize) -> usize {
        match rule {
            Rule::file_part | Rule::loop_part => {
                let bytes = self.text.as_bytes();
                let ends = self.line_ends[first_end..].iter();
                ends.take_while(|end| bytes[**end] != BORDER).count()
            }
            _ => 0,
        }
    }

    /// Adds what pest found, whose places count from `start`.
    fn take(&mut self, part: Pair<'_, Rule>, start: usize) {
        let pieces = &mut self.read.pieces;
        let first = pieces.len();
        let mut open = Vec::new();
        for mark in part.into_inner().tokens() {
            match mark {
                Mark::Start { rule, pos } => {
                    open.push(pieces.len());
                    pieces.push(Piece {
                        rule,
                        start: start + pos.pos(),
                        end: 0,
                        size: 0,
                    });
                }
                Mark::End { pos, .. } => {
                    let at = open.pop().expect("what ends has begun");
                    let size = pieces.len() - at;
                    let piece = &mut pieces[at];
                    (piece.end, piece.size) = (start + pos.pos(), size);
                }
            }
        }
        settle(&mut pieces[first..], &self.code);
    }

    /// The last token that begins before this place, as a part remembers it.
    fn before(&self) -> Option<(usize, usize)> {
        let before = self.code.partition_point(|token| token.start < self.at);
        let token = self.code[..before].last()?;
        Some((self.at - token.start, token.end - token.start))
    }

    /// Takes over the part of the older text that was read from the same window, if there is one.
    fn keep(&mut self, rule: Rule, before: Option<(usize, usize)>) -> bool {
        let Some(older) = self.older else {
            return false;
        };
        let kept = older.part(rule, self.at);
        let Some(part) = kept.filter(|part| part.before == before) else {
            return false;
        };
        let (old, new) = (part.start, self.at);
        let first = self.read.pieces.len();
        let pieces = older.pieces[part.pieces.clone()].iter();
        self.read.pieces.extend(pieces.map(|piece| Piece {
            start: piece.start + new - old,
            end: piece.end + new - old,
            ..*piece
        }));
        self.read.parts.push(Part {
            start: new,
            end: part.end + new - old,
            window: part.window + new - old,
            pieces: first..self.read.pieces.len(),
            ..part.clone()
        });
        self.at = part.end + new - old;
        true
    }
}

/// Puts pieces where their tokens are: one ends where its last token ends, not behind the blanks that follow, and one
/// without a token stands at the end of the token before it, yet not before the piece around it.
fn settle(pieces: &mut [Piece], code: &[Token]) {
    let mut around: Vec<(usize, usize)> = Vec::new();
    for (at, piece) in pieces.iter_mut().enumerate() {
        while around.last().is_some_and(|(end, _)| *end <= at) {
            around.pop();
        }
        let floor = around.last().map_or(0, |(_, start)| *start);
        let before = code.partition_point(|token| token.start < piece.end);
        let last = code[..before].last().map_or(0, |token| token.end);
        (piece.start, piece.end) = match last > piece.start {
            true => (piece.start, last.min(piece.end)),
            false => (last.max(floor), last.max(floor)),
        };
        around.push((at + piece.size, piece.start));
    }
}

#[cfg(test)]
mod tests {
    use pest::Parser as _;

    use super::{Older, Reader, Same, read};
    use crate::layout::layout;
    use crate::lex::Token;
    use crate::tree::Rule;
    use crate::tree::grammar::Grammar;

    /// The pieces of a text, each with its place and size.
    fn in_parts(text: &str) -> Vec<(Rule, usize, usize, usize)> {
        let read = read(&layout(text), None);
        let pieces = read.pieces.into_iter();
        pieces
            .map(|piece| (piece.rule, piece.start, piece.end, piece.size))
            .collect()
    }

    /// The same from one parse of the whole text.
    fn at_once(text: &str) -> Vec<(Rule, usize, usize, usize)> {
        let layout = layout(text);
        let mut pairs = Grammar::parse(Rule::file, &layout.masked).unwrap();
        let mut reader = Reader {
            text: &layout.masked,
            code: layout
                .tokens
                .iter()
                .copied()
                .filter(Token::is_code)
                .collect(),
            line_ends: Vec::new(),
            older: None,
            at: 0,
            read: super::Pieces {
                pieces: Vec::new(),
                parts: Vec::new(),
            },
        };
        let root = reader.open(Rule::file);
        reader.take(pairs.next().unwrap(), 0);
        let mut pieces = reader.read.pieces;
        let end = pieces.pop().unwrap();
        assert_eq!(end.rule, Rule::EOI);
        (pieces[root].end, pieces[root].size) = (text.len(), pieces.len());
        let pieces = pieces.into_iter();
        pieces
            .map(|piece| (piece.rule, piece.start, piece.end, piece.size))
            .collect()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the crate is pure, its tests read files"
    )]
    fn programs() -> Vec<String> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs");
        let entries = std::fs::read_dir(folder).unwrap();
        let texts = entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
        texts.collect()
    }

    #[test]
    fn an_edit_rereads_only_what_its_windows_touch() {
        let features: String = (0..50)
            .map(|at| format!("  f{at} = c{at} |> vocab\n"))
            .collect();
        let older = format!(
            "use std.math\n\nfeatures user {{\n{features}}}\n\nsetting a = 1\nsetting b = 2\n"
        );
        let newer = older.replace("c20", "column");
        let (old, new) = (layout(&older), layout(&newer));
        let mut read_before = read(&old, None);
        for piece in &mut read_before.pieces {
            piece.rule = Rule::err_brace;
        }
        let same = Same::of((&older, &old.masked), (&newer, &new.masked));
        let known = Older {
            pieces: &read_before.pieces,
            parts: &read_before.parts,
            same,
        };
        let read_again = read(&new, Some(&known));
        let fresh =
            |part: &&super::Part| read_again.pieces[part.pieces.start].rule != Rule::err_brace;
        let fresh: Vec<&str> = read_again
            .parts
            .iter()
            .filter(fresh)
            .map(|part| &newer[part.start..part.end])
            .collect();
        assert_eq!(fresh, ["f19 = c19 |> vocab", "f20 = column |> vocab"]);
    }

    #[test]
    fn parts_make_the_tree_of_the_whole_text() {
        for text in programs() {
            assert_eq!(in_parts(&text), at_once(&text));
        }
    }

    #[test]
    fn parts_make_the_tree_of_a_broken_text() {
        const BREAKS: &[&str] = &[
            "",
            "{",
            "}",
            "(",
            ")",
            "[",
            "\"",
            "//",
            ";",
            "\n",
            "\n\n",
            "loop ",
            "features ",
            "= {",
            "let ",
            "}}",
        ];
        for text in programs() {
            for at in (0..text.len())
                .step_by(13)
                .filter(|at| text.is_char_boundary(*at))
            {
                let junk = BREAKS[at / 13 % BREAKS.len()];
                let cut = (at + at % 7).min(text.len());
                let cut = (cut..=text.len())
                    .find(|cut| text.is_char_boundary(*cut))
                    .unwrap();
                let broken = format!("{}{junk}{}", &text[..at], &text[cut..]);
                assert_eq!(in_parts(&broken), at_once(&broken), "{broken}");
            }
        }
    }
}
