//! Decides what the ends of lines mean, so that the grammar need not.
//!
//! The result is a text of the same length in which a newline is `\n` where it ends an entry, [`BORDER`] where the next
//! line begins an item, and `\r` where the line goes on. Unclosed parentheses do not swallow the file: the head of an
//! item, `let` or `name =` at the beginning of a line closes them. What is nested too deeply is replaced by [`DEEP`], comments
//! and tabs by blanks.

use crate::keywords;
use crate::lex::{Token, TokenKind, lex};

/// Stands for the newline before the head of an item.
pub(crate) const BORDER: u8 = 3;
/// Stands for each byte of what is nested too deeply.
pub(crate) const DEEP: u8 = 1;
/// How many brackets and operators may be open at once. Every recursion over a spec is bounded by it.
const MAX_DEPTH: usize = 128;

/// A text made ready for the grammar.
pub(crate) struct Layout {
    /// As long as the source, byte for byte.
    pub(crate) masked: String,
    pub(crate) tokens: Vec<Token>,
    /// The ranges that are nested too deeply.
    pub(crate) deep: Vec<(usize, usize)>,
}

/// An open bracket.
struct Frame {
    bracket: u8,
    /// The parameters of a `fn`, `tower` or `teacher`, where a line may begin with `name =`.
    params: bool,
    /// Operators since the last comma or line.
    weight: usize,
}

struct Reader<'a> {
    source: &'a str,
    tokens: &'a [Token],
    masked: Vec<u8>,
    frames: Vec<Frame>,
    /// Brackets and operators open now.
    depth: usize,
    /// Where too deep a part began, and how many frames were open around it.
    deep_since: Option<(usize, usize)>,
    deep: Vec<(usize, usize)>,
}

/// Reads the layout of `source`.
pub(crate) fn layout(source: &str) -> Layout {
    let blank;
    // Some editors begin a file with a mark of its encoding, which says nothing.
    let source = match source.strip_prefix('\u{feff}') {
        Some(rest) => {
            blank = format!("{}{rest}", " ".repeat('\u{feff}'.len_utf8()));
            blank.as_str()
        }
        None => source,
    };
    let tokens = lex(source);
    let mut reader = Reader {
        source,
        tokens: &tokens,
        masked: source.bytes().map(plain).collect(),
        frames: vec![Frame {
            bracket: b'{',
            params: false,
            weight: 0,
        }],
        depth: 0,
        deep_since: None,
        deep: Vec::new(),
    };
    reader.read();
    let Reader {
        mut masked, deep, ..
    } = reader;
    for &(start, end) in &deep {
        masked[start..end].fill(DEEP);
    }
    let masked = String::from_utf8(masked).expect("only ASCII bytes and whole tokens are replaced");
    Layout {
        masked,
        tokens,
        deep,
    }
}

/// The bytes that carry a meaning in a masked text may not come from the source.
fn plain(byte: u8) -> u8 {
    match byte {
        b'\r' | b'\t' => b' ',
        b'\n' => byte,
        0..=31 => 127,
        _ => byte,
    }
}

impl Reader<'_> {
    fn read(&mut self) {
        let mut previous: Option<usize> = None;
        let mut gap: Vec<usize> = Vec::new();
        for at in 0..self.tokens.len() {
            let token = self.tokens[at];
            match token.kind {
                TokenKind::Newline => gap.push(token.start),
                TokenKind::Comment => self.masked[token.start..token.end].fill(b' '),
                _ => {
                    if !gap.is_empty() {
                        self.read_line_start(previous, at, &gap);
                        gap.clear();
                    }
                    self.read_token(previous, at);
                    previous = Some(at);
                }
            }
        }
        let end = self.tokens.last().map_or(0, |token| token.end);
        self.end_deep_at(end, 0);
    }

    fn text(&self, at: usize) -> &str {
        self.tokens[at].text(self.source)
    }

    /// The token `ahead` places after `at` if it stands on the same line, else the empty text.
    fn on_line(&self, at: usize, ahead: usize) -> &str {
        let line = self.tokens[at..].iter().take(ahead + 1);
        match line.clone().count() == ahead + 1 && line.clone().all(Token::is_code) {
            true => self.text(at + ahead),
            false => "",
        }
    }

    fn is_word(&self, text: &str) -> bool {
        text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
    }

    fn read_line_start(&mut self, previous: Option<usize>, at: usize, gap: &[usize]) {
        let mark = if self.is_head(at) {
            self.close_parentheses();
            BORDER
        } else if self.is_entry_start(at)
            || previous.is_some_and(|previous| self.lacks_type(previous, at))
        {
            self.close_parentheses();
            b'\n'
        } else if self.in_parentheses()
            || previous.is_some_and(|previous| self.goes_on(previous, at))
        {
            b'\r'
        } else {
            b'\n'
        };
        for &newline in gap {
            self.masked[newline] = mark;
        }
        if mark != b'\r' {
            let level = self.frames.len();
            self.end_deep_at(gap[0], level);
            self.drop_weight();
        }
    }

    fn in_parentheses(&self) -> bool {
        self.frames
            .last()
            .is_some_and(|frame| frame.bracket != b'{')
    }

    /// Closes parentheses that were left open, with everything in them.
    fn close_parentheses(&mut self) {
        while let Some(open) = self.frames.iter().position(|frame| frame.bracket != b'{') {
            self.close_frames(open);
        }
    }

    fn close_frames(&mut self, keep: usize) {
        while self.frames.len() > keep.max(1) {
            let frame = self.frames.pop().expect("the base frame stays");
            self.depth -= frame.weight + 1;
        }
    }

    fn drop_weight(&mut self) {
        if let Some(frame) = self.frames.last_mut() {
            self.depth -= std::mem::take(&mut frame.weight);
        }
    }

    fn end_deep_at(&mut self, end: usize, level: usize) {
        if let Some((start, frames)) = self.deep_since
            && level <= frames
        {
            self.deep.push((start, end));
            self.deep_since = None;
        }
    }

    fn read_token(&mut self, previous: Option<usize>, at: usize) {
        let Token { start, kind, .. } = self.tokens[at];
        let text = self.tokens[at].text(self.source);
        match text {
            "(" | "[" | "{" => {
                // each call of a call is an operator: `f(a)(b)(c)`
                let called = previous.is_some_and(|previous| self.text(previous) == ")");
                self.add_weight(start, usize::from(called));
                let params =
                    text == "(" && previous.is_some_and(|previous| self.is_signature(previous));
                // what is far too deep is masked as a whole, so its brackets need not match
                if self.frames.len() < 2 * MAX_DEPTH {
                    self.frames.push(Frame {
                        bracket: text.as_bytes()[0],
                        params,
                        weight: 0,
                    });
                    self.depth += 1;
                }
            }
            ")" | "]" | "}" => self.close(text.as_bytes()[0], start),
            "," | ";" => {
                let level = self.frames.len();
                self.end_deep_at(start, level);
                self.drop_weight();
            }
            "if" | "for" | "match" | "not" | "and" | "or" => self.add_weight(start, 1),
            _ if kind == TokenKind::Mark && !matches!(text, ":" | "=" | "~") => {
                self.add_weight(start, 1)
            }
            _ => {}
        }
    }

    fn add_weight(&mut self, start: usize, weight: usize) {
        if self.depth + weight >= MAX_DEPTH && self.deep_since.is_none() {
            self.deep_since = Some((start, self.frames.len()));
        }
        if let Some(frame) = self.frames.last_mut() {
            frame.weight += weight;
            self.depth += weight;
        }
    }

    /// A closing bracket closes the nearest frame of its kind, unless a brace stands between.
    fn close(&mut self, bracket: u8, start: usize) {
        let open = match bracket {
            b')' => b'(',
            b']' => b'[',
            _ => b'{',
        };
        let mut nearest = (1..self.frames.len()).rev();
        let found = nearest.find(|at| {
            let frame = self.frames[*at].bracket;
            frame == open || (frame == b'{' && open != b'{')
        });
        let Some(found) = found.filter(|at| self.frames[*at].bracket == open) else {
            return;
        };
        self.end_deep_at(start, found + 1);
        self.close_frames(found);
    }

    /// Whether the token before `(` is the name of a function or tower that is being declared.
    fn is_signature(&self, name: usize) -> bool {
        name > 0 && matches!(self.text(name - 1), "fn" | "tower" | "teacher")
    }

    /// `let`, or `name =`, which stands in no expression.
    fn is_entry_start(&self, at: usize) -> bool {
        let in_signature = self.frames.last().is_some_and(|frame| frame.params);
        match self.text(at) {
            "let" => true,
            word => self.is_word(word) && self.on_line(at, 1) == "=" && !in_signature,
        }
    }

    /// Whether a line ends with `name:` and the next is an entry of its own, `name: type` or `name -> entity`.
    fn lacks_type(&self, previous: usize, next: usize) -> bool {
        let entry = matches!(self.on_line(next, 1), ":" | "->")
            || matches!(self.text(next), "label" | "known" | "key");
        self.text(previous) == ":" && entry && !self.in_parentheses()
    }

    /// Whether the line that begins with the token `next` continues the one that ends with `previous`.
    fn goes_on(&self, previous: usize, next: usize) -> bool {
        let glued = |at: usize| at > 0 && self.tokens[at - 1].end == self.tokens[at].start;
        let opens = match self.text(previous) {
            "=" | "," | "|>" | "=>" | "->" | ":" | "+" | "-" | "*" | "/" | "^" | "==" | "!="
            | "<" | "<=" | ">=" | "~=" | "." | "@" => true,
            // `list<float>` ends a line, `a >` does not
            ">" => !glued(previous),
            word => keywords::RESERVED.contains(&word),
        };
        opens
            || match self.text(next) {
                "|>" | "+" | "and" | "or" | "then" | "else" => true,
                // a condition goes on, a call `where(c, a, b)` is a line of its own
                "where" => self.on_line(next, 1) != "(",
                _ => false,
            }
    }

    /// Whether an item begins here: its keyword with what must follow it, or any keyword of an item and a name at the
    /// beginning of the line.
    fn is_head(&self, at: usize) -> bool {
        let word = self.text(at);
        if !keywords::ITEMS.contains(&word) {
            return false;
        }
        let (first, second) = (self.on_line(at, 1), self.on_line(at, 2));
        let named = self.is_word(first);
        let text = first.starts_with('"');
        let column = self.tokens[at].start == 0
            || self.source.as_bytes()[self.tokens[at].start - 1] == b'\n';
        // `train 80%` and `test 10%` are parts of a split wherever they stand
        let part = matches!(word, "train" | "test");
        if column && !part && (named || text || first == "{") {
            return true;
        }
        match word {
            "use" => named || text,
            "test" => text,
            "setting" | "weight" => named && matches!(second, "=" | ":"),
            "entity" | "events" => named && second == "from",
            "features" => named && second == "{",
            "split" => named && matches!(second, "by" | "per" | "random"),
            "fn" | "tower" => named && second == "(",
            "teacher" => named && matches!(second, "(" | "like" | "copy" | "ema" | "from"),
            "loss" => named && matches!(second, "over" | "for"),
            "selector" | "graph" => named && second == "=",
            "column" | "loop" => named && second == "over",
            "train" => first == "{" || (named && second == "{"),
            "evaluate" => named && second == ":",
            _ => named && matches!(second, "," | ""),
        }
    }
}
