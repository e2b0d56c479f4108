//! Lines made of pieces, and blocks made of lines.

use crate::ast::{Body, Expr, ExprKind, Param};
use crate::span::Span;

use super::Printer;
use super::breaking::Place;
use super::expressions::guard;

/// A part of a line.
pub(super) enum Piece<'a> {
    /// Words and marks, with the blanks around them.
    Text(String),
    /// An expression.
    Value(&'a Expr),
    /// Item rows.
    Rows(&'a Expr),
    /// A condition of rows.
    Cond(&'a Expr),
    /// One operand, where a word follows.
    Small(&'a Expr),
    /// `(a: A, b: B)`
    Params(&'a [Param]),
    /// ` = value`, which may begin a line of its own.
    Definition(&'a Expr),
    /// ` { lines }` with where it ends in the text.
    Block(Vec<Line<'a>>, usize),
}

/// A line of a block: an entry, a binding, a value.
pub(super) struct Line<'a> {
    /// Where it begins in the text, for comments and blank lines.
    pub(super) start: usize,
    pub(super) docs: &'a [String],
    pub(super) pieces: Vec<Piece<'a>>,
    /// The name before `=` where consecutive lines are aligned there; the pieces begin after it.
    pub(super) aligned: Option<&'a str>,
}

impl<'a> Line<'a> {
    pub(super) fn new(start: Span, pieces: Vec<Piece<'a>>) -> Self {
        Self {
            start: start.start as usize,
            docs: &[],
            pieces,
            aligned: None,
        }
    }
}

impl<'a> Piece<'a> {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// The pieces of a body: ` = value`, or a block where it has bindings.
    pub(super) fn body(printer: &Printer<'_>, body: &'a Body) -> Self {
        let inside = Span {
            end: body.value.span.start,
            ..body.span
        };
        if body.lets.is_empty() && !printer.has_comments(inside) {
            return Self::Definition(&body.value);
        }
        let lets = body.lets.iter().map(|binding| {
            let name = Self::text(format!("let {} = ", binding.name.text));
            Line::new(binding.name.span, vec![name, Self::Value(&binding.value)])
        });
        let value = Line::new(body.value.span, vec![Self::Value(&body.value)]);
        Self::Block(lets.chain([value]).collect(), body.span.end as usize)
    }
}

impl Printer<'_> {
    /// Pieces on one line; blocks separate their lines by `separator`.
    pub(super) fn flat_pieces(&self, pieces: &[Piece<'_>], separator: &str) -> String {
        let flat = |piece: &Piece<'_>| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Value(expr) => self.flat_open(expr),
            Piece::Rows(expr) => guard(self.flat_rows(expr)),
            Piece::Cond(expr) => guard(self.flat_cond(expr)),
            Piece::Small(expr) => self.flat_small(expr),
            Piece::Params(params) => {
                let params: Vec<_> = params.iter().map(|param| self.flat_param(param)).collect();
                format!("({})", params.join(", "))
            }
            Piece::Definition(expr) => format!(" = {}", self.flat_open(expr)),
            Piece::Block(lines, _) if lines.is_empty() => " {}".to_owned(),
            Piece::Block(lines, _) => {
                let lines: Vec<_> = lines
                    .iter()
                    .map(|line| self.flat_line(line, separator))
                    .collect();
                format!(" {{ {} }}", lines.join(separator))
            }
        };
        pieces.iter().map(flat).collect()
    }

    fn flat_line(&self, line: &Line<'_>, separator: &str) -> String {
        let name = line
            .aligned
            .map(|name| format!("{name} = "))
            .unwrap_or_default();
        name + &self.flat_pieces(&line.pieces, separator)
    }

    /// Writes pieces from the current place on, broken where they do not fit.
    pub(super) fn pieces(&mut self, pieces: &[Piece<'_>]) {
        for (at, piece) in pieces.iter().enumerate() {
            // what has to stay on the line of this piece: the texts after it
            let texts = pieces[at + 1..].iter().map_while(|piece| match piece {
                Piece::Text(text) => Some(text.chars().count()),
                Piece::Block(..) => Some(2),
                _ => None,
            });
            let tail = texts.sum();
            match piece {
                Piece::Text(text) => self.push(text),
                Piece::Value(expr) => self.expr(expr, Place::Open, tail),
                Piece::Rows(expr) => match guard(self.flat_rows(expr)) {
                    guarded if guarded.starts_with("({") => self.push(&guarded),
                    _ => self.expr(expr, Place::Rows, tail),
                },
                Piece::Cond(expr) => match guard(self.flat_cond(expr)) {
                    guarded if guarded.starts_with("({") => self.push(&guarded),
                    _ => self.expr(expr, Place::Cond, tail),
                },
                Piece::Small(expr) => {
                    let flat = self.flat_small(expr);
                    self.push(&flat);
                }
                Piece::Params(params) => self.params(params, tail),
                Piece::Definition(expr) => self.definition(expr, tail),
                Piece::Block(lines, end) => self.block(lines, *end),
            }
        }
    }

    /// Parameters on one line, or a line each.
    fn params(&mut self, params: &[Param], tail: usize) {
        let flat = self.flat_pieces(&[Piece::Params(params)], "");
        let (Some(first), Some(last)) = (params.first(), params.last()) else {
            return self.push("()");
        };
        let span = first.name.span.to(last.name.span);
        if self.fits(&flat, tail.min(40)) && !self.has_comments(span) {
            return self.push(&flat);
        }
        self.push("(");
        self.newline();
        self.indent += 1;
        for (at, param) in params.iter().enumerate() {
            self.comments_before(usize::MAX, param.name.span.start as usize);
            let flat = self.flat_param(param);
            self.push(&flat);
            self.push(",");
            if let Some(next) = params.get(at + 1) {
                self.trailing_comment(next.name.span.start as usize);
            }
            self.newline();
        }
        self.indent -= 1;
        self.push(")");
    }

    /// ` = value` on this line if it fits, on the next if it fits there or no other way is better.
    fn definition(&mut self, value: &Expr, tail: usize) {
        let flat = self.flat_open(value);
        self.push(" =");
        let commented = self.has_comments(value.span);
        // what is broken in braces begins on this line
        let braced = matches!(value.kind, ExprKind::Match(..) | ExprKind::Record(_));
        if !commented && (braced || self.fits(&flat, tail + 1)) {
            self.push(" ");
            return self.expr(value, Place::Open, tail);
        }
        self.newline();
        self.indent += 1;
        self.expr(value, Place::Open, tail);
        self.indent -= 1;
    }

    /// ` { lines }`, a line each.
    fn block(&mut self, lines: &[Line<'_>], end: usize) {
        self.push(" {");
        let first = lines.first().map_or(end, |line| line.start);
        if lines.is_empty() && !self.has_pending(end) {
            return self.push("}");
        }
        self.opening_comment(first);
        self.newline();
        self.indent += 1;
        self.lines(lines, end);
        self.indent -= 1;
        self.push("}");
    }

    fn lines(&mut self, lines: &[Line<'_>], end: usize) {
        let widths = self.alignment(lines);
        let mut previous = usize::MAX;
        for (at, line) in lines.iter().enumerate() {
            let above = self.comments_before(previous, line.start);
            if self.had_blank_line(above, line.start) {
                self.blank_line();
            }
            self.docs(line.docs);
            if let Some(name) = line.aligned {
                self.push(&format!("{name:width$} = ", width = widths[at]));
            }
            self.pieces(&line.pieces);
            self.trailing_comment(lines.get(at + 1).map_or(end, |next| next.start));
            self.newline();
            previous = line.start;
        }
        self.comments_before(previous, end);
    }

    /// The width of the name of each line: that of the longest among neighbours without a blank line between.
    fn alignment(&self, lines: &[Line<'_>]) -> Vec<usize> {
        let mut widths = vec![0; lines.len()];
        let mut from = 0;
        for at in 1..=lines.len() {
            let ends = lines
                .get(at)
                .is_none_or(|line| self.had_blank_line(lines[at - 1].start, line.start));
            if ends {
                let names = lines[from..at].iter().filter_map(|line| line.aligned);
                let width = names.map(|name| name.chars().count()).max().unwrap_or(0);
                widths[from..at].fill(width);
                from = at;
            }
        }
        widths
    }

    /// Writes doc comments; those of a text stand among its comments already.
    pub(super) fn docs(&mut self, docs: &[String]) {
        if self.original.is_some() {
            return;
        }
        for doc in docs {
            self.push(&format!("/// {doc}"));
            self.newline();
        }
    }
}
