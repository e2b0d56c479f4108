//! What the formatter takes from the text: comments, blank lines and spellings.

use crate::lex::Token;
use crate::lex::TokenKind;
use crate::span::Span;

use super::Printer;

/// A comment of the text.
pub(super) struct Comment {
    start: usize,
    end: usize,
    /// The column at which it stands if code stands before it on its line.
    trailing: Option<usize>,
    /// Directly after `{`.
    opens: bool,
}

/// The text that is being formatted.
pub(super) struct Original<'a> {
    text: &'a str,
    comments: Vec<Comment>,
    /// The comments before this one are written.
    next: usize,
}

impl<'a> Original<'a> {
    pub(super) fn new(text: &'a str, tokens: &[Token]) -> Self {
        let mut comments = Vec::new();
        let mut previous: Option<&Token> = None;
        for token in tokens {
            if token.kind == TokenKind::Comment {
                let line = text[..token.start].rfind('\n').map_or(0, |at| at + 1);
                let trailing = previous.is_some_and(|previous| previous.start >= line);
                comments.push(Comment {
                    start: token.start,
                    end: token.end,
                    trailing: trailing.then(|| text[line..token.start].chars().count()),
                    opens: trailing && previous.is_some_and(|previous| previous.text(text) == "{"),
                });
            } else if token.is_code() {
                previous = Some(token);
            }
        }
        Self {
            text,
            comments,
            next: 0,
        }
    }
}

impl Printer<'_> {
    /// Whether comments that are not written yet lie in a span.
    pub(super) fn has_comments(&self, span: Span) -> bool {
        let Some(original) = &self.original else {
            return false;
        };
        let pending = &original.comments[original.next..];
        let first = pending.partition_point(|comment| comment.start < span.start as usize);
        pending
            .get(first)
            .is_some_and(|comment| comment.start < span.end as usize)
    }

    /// The spelling of a literal, if the text has one there.
    pub(super) fn spelling(&self, span: Span) -> Option<&str> {
        let text = self.original.as_ref()?.text.get(span.range())?;
        let plain = text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| {
                c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '%' | '+' | '-' | ' ')
            });
        plain.then_some(text)
    }

    /// Whether something of the text stood on one line there. What has no text does not.
    pub(super) fn was_one_line(&self, span: Span) -> bool {
        let text = self
            .original
            .as_ref()
            .and_then(|original| original.text.get(span.range()));
        text.is_some_and(|text| !text.contains('\n'))
    }

    /// Whether the text has a blank line directly before the line of `start`, after `previous`.
    pub(super) fn had_blank_line(&self, previous: usize, start: usize) -> bool {
        let Some(before) = self
            .original
            .as_ref()
            .and_then(|original| original.text.get(..start))
        else {
            return false;
        };
        let line = before.rfind('\n').map_or(0, |at| at + 1);
        let above = before[..line].trim_end_matches([' ', '\t', '\r']);
        let above = above
            .strip_suffix('\n')
            .unwrap_or(above)
            .trim_end_matches([' ', '\t', '\r']);
        line > previous && above.ends_with('\n')
    }

    /// Writes the pending comments before `limit`, a line each, with the blank lines above them that lie after
    /// `previous`; gives the place of the last one, or `previous`.
    pub(super) fn comments_before(&mut self, previous: usize, limit: usize) -> usize {
        let mut above = previous;
        while let Some((start, text)) = self.pending(limit) {
            if self.had_blank_line(above, start) {
                self.blank_line();
            }
            self.push(&text);
            self.newline();
            above = start;
            self.advance();
        }
        above
    }

    /// Writes the pending comment at the end of the line if it stood so and lies before `limit`.
    pub(super) fn trailing_comment(&mut self, limit: usize) {
        let Some(original) = &self.original else {
            return;
        };
        let Some(column) = original
            .comments
            .get(original.next)
            .and_then(|comment| comment.trailing)
        else {
            return;
        };
        if let Some((_, text)) = self.pending(limit) {
            // comments that stand below each other stay so; one whose code has moved does not hang in the air
            let gap = column
                .checked_sub(self.column())
                .filter(|gap| (2..32).contains(gap))
                .unwrap_or(2);
            self.out.push_str(&" ".repeat(gap));
            self.out.push_str(&text);
            self.advance();
        }
    }

    /// Writes the pending comment if it stands directly after the brace that has just been written.
    pub(super) fn opening_comment(&mut self, limit: usize) {
        let opens = |original: &Original<'_>| {
            original
                .comments
                .get(original.next)
                .is_some_and(|comment| comment.opens)
        };
        if self.original.as_ref().is_some_and(opens) {
            self.trailing_comment(limit);
        }
    }

    /// Whether a comment before `limit` is not written yet.
    pub(super) fn has_pending(&self, limit: usize) -> bool {
        self.pending(limit).is_some()
    }

    fn pending(&self, limit: usize) -> Option<(usize, String)> {
        let original = self.original.as_ref()?;
        let comment = original
            .comments
            .get(original.next)
            .filter(|comment| comment.start < limit)?;
        Some((
            comment.start,
            original.text[comment.start..comment.end]
                .trim_end()
                .to_owned(),
        ))
    }

    fn advance(&mut self) {
        if let Some(original) = &mut self.original {
            original.next += 1;
        }
    }
}
