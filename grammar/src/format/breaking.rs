//! Expressions that do not fit on a line, broken by kind.

use crate::ast::{Arg, BinaryOp, Expr, ExprKind, UnaryOp};
use crate::span::Span;

use super::expressions::level::{ADD, ANY, ATOM, NEGATE, NOT, OPEN, PIPE, RANGE};
use super::expressions::{begins_with_rows, binary, has_open_pipe, level_of, sides};
use super::{Printer, WIDTH};

/// The place of an expression: what may stand there without parentheses.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// Any expression of this level.
    Level(u8),
    /// Any expression.
    Open,
    /// Rows.
    Rows,
    /// A condition of rows.
    Cond,
}

impl Printer<'_> {
    fn flat_in(&self, expr: &Expr, place: Place) -> String {
        match place {
            Place::Level(needed) => self.flat(expr, needed),
            Place::Open => self.flat_open(expr),
            Place::Rows => self.flat_rows(expr),
            Place::Cond => self.flat_cond(expr),
        }
    }

    fn needs_parentheses(&self, expr: &Expr, place: Place) -> bool {
        match place {
            Place::Level(needed) => {
                level_of(expr) < needed || (needed != OPEN && begins_with_rows(expr))
            }
            Place::Open => begins_with_rows(expr),
            Place::Rows => false,
            Place::Cond => has_open_pipe(expr) || level_of(expr) < ANY,
        }
    }

    /// Writes an expression that `tail` more columns follow on its last line.
    pub(super) fn expr(&mut self, expr: &Expr, place: Place, tail: usize) {
        let flat = self.flat_in(expr, place);
        if !self.has_comments(expr.span) && !self.keeps_lines(expr) && self.fits(&flat, tail) {
            return self.push(&flat);
        }
        if self.needs_parentheses(expr, place) {
            self.push("(");
            self.broken(expr, tail + 1);
            return self.push(")");
        }
        self.broken(expr, tail);
    }

    /// Whether an expression stays broken though it may fit: a choice whose arms the author gave lines of their own.
    pub(super) fn keeps_lines(&self, expr: &Expr) -> bool {
        matches!(expr.kind, ExprKind::Match(..))
            && self.original.is_some()
            && !self.was_one_line(expr.span)
    }

    fn broken(&mut self, expr: &Expr, tail: usize) {
        match &expr.kind {
            ExprKind::Pipe(..) => self.broken_pipe(expr, tail),
            ExprKind::Call(callee, args) => {
                let callee = self.flat(callee, ATOM);
                self.push(&callee);
                self.broken_args(args, expr.span.end as usize);
            }
            ExprKind::Field(base, name) => {
                self.expr(base, Place::Level(ATOM), tail + name.text.len() + 1);
                self.push(&format!(".{}", name.text));
            }
            ExprKind::Unary(UnaryOp::Neg, value) => {
                self.push("-");
                self.expr(value, Place::Level(NEGATE), tail);
            }
            ExprKind::Unary(UnaryOp::Not, value) => {
                self.push("not ");
                self.expr(value, Place::Level(NOT), tail);
            }
            ExprKind::Binary(op, left, right) => self.broken_binary(*op, left, right, tail),
            ExprKind::If(cond, then, other) => {
                self.push("if ");
                self.expr(cond, Place::Level(ANY), 0);
                self.indented_line("then ", then, Place::Level(ANY), 0);
                self.indented_line("else ", other, Place::Open, tail);
            }
            ExprKind::For { body, .. } => {
                let head = self.flat_for(expr);
                self.push(&head);
                self.indented_line("", body, Place::Open, tail);
            }
            ExprKind::Match(subject, arms) => self.broken_match(expr, subject, arms),
            ExprKind::Record(fields) => {
                let fields: Vec<_> = fields
                    .iter()
                    .map(|(name, value)| (format!("{}: ", name.text), name.span.start, value))
                    .collect();
                self.broken_fields(&fields, ",", expr.span.end as usize);
            }
            ExprKind::List(elements) => self.broken_list(elements, expr.span.end as usize),
            ExprKind::Rows { source, cond, .. } => {
                self.broken_rows(expr, source, cond.as_deref(), tail);
            }
            ExprKind::Range(left, right) => {
                self.expr(left, Place::Level(RANGE), 2);
                self.push("..");
                self.expr(right, Place::Level(ADD), tail);
            }
            _ => {
                let flat = self.flat(expr, OPEN);
                self.push(&flat);
            }
        }
    }

    fn broken_match(&mut self, expr: &Expr, subject: &Expr, arms: &[(Expr, Expr)]) {
        let head = format!("match {} ", self.flat_head(subject));
        let arms: Vec<_> = arms
            .iter()
            .map(|(pattern, value)| (self.flat(pattern, ANY) + " => ", pattern.span.start, value))
            .collect();
        self.push(&head);
        self.broken_fields(&arms, "", expr.span.end as usize);
    }

    fn broken_rows(&mut self, expr: &Expr, source: &Expr, cond: Option<&Expr>, tail: usize) {
        let place = if matches!(source.kind, ExprKind::Pipe(..)) {
            Place::Rows
        } else {
            Place::Level(ANY)
        };
        let suffix = self.flat_suffix(expr);
        self.expr(source, place, suffix.len());
        self.push(&suffix);
        if let Some(cond) = cond {
            self.push(" where ");
            self.expr(cond, Place::Cond, tail);
        }
    }

    fn indented_line(&mut self, head: &str, value: &Expr, place: Place, tail: usize) {
        self.newline();
        self.indent += 1;
        self.push(head);
        self.expr(value, place, tail);
        self.indent -= 1;
    }

    /// The head, then a step a line.
    fn broken_pipe(&mut self, expr: &Expr, tail: usize) {
        let mut steps = Vec::new();
        let mut head = expr;
        while let ExprKind::Pipe(value, callee, args) = &head.kind {
            steps.push((callee, args));
            head = value;
        }
        let place = if begins_with_rows(expr) {
            Place::Rows
        } else {
            Place::Level(PIPE)
        };
        self.expr(head, place, 0);
        self.indent += 1;
        while let Some((callee, args)) = steps.pop() {
            self.trailing_comment(callee.span.start as usize);
            self.newline();
            self.comments_before(usize::MAX, callee.span.start as usize);
            let step = format!("|> {}", self.flat_step(callee, args));
            let tail = if steps.is_empty() { tail } else { 0 };
            let end = args
                .last()
                .map_or(callee.span.end, |arg| arg.value.span.end) as usize;
            let commented = args.iter().any(|arg| self.has_comments(arg.value.span));
            if args.is_empty() || (self.fits(&step, tail) && !commented) {
                self.push(&step);
            } else {
                let callee = format!("|> {}", self.flat(callee, ATOM));
                self.push(&callee);
                self.broken_args(args, end);
            }
        }
        self.indent -= 1;
    }

    /// Arguments a line each, in parentheses.
    fn broken_args(&mut self, args: &[Arg], end: usize) {
        if args.is_empty() {
            return self.push("()");
        }
        self.push("(");
        self.newline();
        self.indent += 1;
        let start = |arg: &Arg| {
            arg.name
                .as_ref()
                .map_or(arg.value.span.start, |name| name.span.start) as usize
        };
        for (at, arg) in args.iter().enumerate() {
            self.comments_before(usize::MAX, start(arg));
            if let Some(name) = &arg.name {
                self.push(&format!("{}: ", name.text));
            }
            self.expr(&arg.value, Place::Rows, 1);
            self.push(",");
            self.trailing_comment(args.get(at + 1).map_or(end, start));
            self.newline();
        }
        self.comments_before(usize::MAX, end);
        self.indent -= 1;
        self.push(")");
    }

    /// Fields or arms a line each, in braces.
    fn broken_fields(&mut self, fields: &[(String, u32, &Expr)], separator: &str, end: usize) {
        self.push("{");
        self.newline();
        self.indent += 1;
        for (at, (head, start, value)) in fields.iter().enumerate() {
            self.comments_before(usize::MAX, *start as usize);
            self.push(head);
            self.expr(value, Place::Open, separator.len());
            self.push(separator);
            self.trailing_comment(
                fields
                    .get(at + 1)
                    .map_or(end, |(_, start, _)| *start as usize),
            );
            self.newline();
        }
        self.comments_before(usize::MAX, end);
        self.indent -= 1;
        self.push("}");
    }

    /// As many elements a line as fit; one where comments stand between them.
    fn broken_list(&mut self, elements: &[Expr], end: usize) {
        let inside = elements.first().map(|first| Span {
            end: end as u32,
            ..first.span
        });
        let commented = inside.is_some_and(|inside| self.has_comments(inside));
        self.push("[");
        self.newline();
        self.indent += 1;
        for (at, element) in elements.iter().enumerate() {
            if self.is_line_start() {
                self.comments_before(usize::MAX, element.span.start as usize);
            } else if self.column() + self.flat_open(element).chars().count() + 2 > WIDTH {
                self.newline();
            } else {
                self.push(" ");
            }
            self.expr(element, Place::Open, 1);
            self.push(",");
            if commented {
                self.trailing_comment(
                    elements
                        .get(at + 1)
                        .map_or(end, |next| next.span.start as usize),
                );
                self.newline();
            }
        }
        if !self.is_line_start() {
            self.newline();
        }
        self.comments_before(usize::MAX, end);
        self.indent -= 1;
        self.push("]");
    }

    fn broken_binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr, tail: usize) {
        let (sign, own) = binary(op);
        let (left_level, right_level) = sides(own);
        self.expr(left, Place::Level(left_level), sign.len() + 1);
        if matches!(op, BinaryOp::And | BinaryOp::Or) {
            return self.indented_line(&format!("{sign} "), right, Place::Level(right_level), tail);
        }
        self.push(&format!(" {sign}"));
        self.indented_line("", right, Place::Level(right_level), tail);
    }
}
