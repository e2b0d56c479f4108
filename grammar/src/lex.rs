//! Cuts a text into tokens. The grammar reads characters; tokens serve the layout of lines, the places of messages and
//! the comments of the formatter.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Letters, digits and `_`, not beginning with a digit.
    Word,
    /// With its fraction, exponent, unit or percent sign.
    Number,
    /// With quotes; ends at the line's end where the closing quote is missing.
    Text,
    /// An operator, a bracket, or a character that the language does not know.
    Mark,
    /// From `//` up to the line's end.
    Comment,
    /// `\n`
    Newline,
}

/// A piece of the text that is not white space.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Its first byte.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
}

impl Token {
    /// Its text in the source that it was cut from.
    pub fn text<'a>(&self, source: &'a str) -> &'a str {
        &source[self.start..self.end]
    }

    /// Whether it stands for something in the program.
    pub fn is_code(&self) -> bool {
        !matches!(self.kind, TokenKind::Comment | TokenKind::Newline)
    }
}

const MARKS: &[&str] = &["|>", "=>", "->", "==", "!=", "<=", ">=", "~=", ".."];

/// All tokens of `source` in order; what lies between them is blanks.
pub fn lex(source: &str) -> Vec<Token> {
    let mut tokens = Vec::with_capacity(source.len() / 4);
    let mut at = 0;
    while let Some(first) = source[at..].chars().next() {
        let rest = &source[at..];
        let (kind, length) = match first {
            '\n' => (TokenKind::Newline, 1),
            ' ' | '\t' | '\r' => {
                at += 1;
                continue;
            }
            '"' => (TokenKind::Text, text_length(rest)),
            '0'..='9' => (TokenKind::Number, number_length(rest)),
            'a'..='z' | 'A'..='Z' | '_' => (TokenKind::Word, run(rest, is_word)),
            _ if rest.starts_with("//") => (TokenKind::Comment, comment_length(rest)),
            _ => {
                let long = MARKS.iter().find(|mark| rest.starts_with(**mark));
                (
                    TokenKind::Mark,
                    long.map_or(first.len_utf8(), |mark| mark.len()),
                )
            }
        };
        tokens.push(Token {
            kind,
            start: at,
            end: at + length,
        });
        at += length;
    }
    tokens
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn run(rest: &str, member: impl Fn(char) -> bool) -> usize {
    rest.find(|c| !member(c)).unwrap_or(rest.len())
}

fn comment_length(rest: &str) -> usize {
    let line = run(rest, |c| c != '\n');
    rest[..line].trim_end_matches('\r').len()
}

fn text_length(rest: &str) -> usize {
    let mut escaped = false;
    for (at, c) in rest.char_indices().skip(1) {
        match c {
            '\n' => return rest[..at].trim_end_matches('\r').len(),
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// Digits with their fraction, exponent, unit or percent sign; `0..K` is a number and a mark.
fn number_length(rest: &str) -> usize {
    let mut length = run(rest, is_word);
    let exponent = |length: usize| rest[..length].ends_with(['e', 'E']);
    let signed = |length: usize| rest[length..].starts_with(['+', '-']);
    let digit_at = |at: usize| rest[at..].starts_with(|c: char| c.is_ascii_digit());
    if rest[length..].starts_with('.') && digit_at(length + 1) {
        length += 1 + run(&rest[length + 1..], is_word);
    }
    if exponent(length) && signed(length) && digit_at(length + 1) {
        length += 1 + run(&rest[length + 1..], is_word);
    }
    if rest[length..].starts_with('%') {
        length + 1
    } else {
        length
    }
}
