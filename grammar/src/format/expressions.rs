//! Expressions: on one line where they fit, else broken by kind.

use crate::ast::{Arg, BinaryOp, Expr, ExprKind, UnaryOp, Window};
use crate::parse::UNITS;
use crate::span::Span;

use super::{Printer, WIDTH};

/// How tightly an expression holds together; what stands in a place that asks for more gets parentheses.
mod level {
    /// `if`, `for`: they reach as far right as they can.
    pub(super) const OPEN: u8 = 0;
    pub(super) const ANY: u8 = 1;
    pub(super) const AND: u8 = 2;
    pub(super) const NOT: u8 = 3;
    pub(super) const COMPARE: u8 = 4;
    pub(super) const PIPE: u8 = 5;
    pub(super) const RANGE: u8 = 6;
    pub(super) const ADD: u8 = 7;
    pub(super) const MULTIPLY: u8 = 8;
    pub(super) const NEGATE: u8 = 9;
    pub(super) const POWER: u8 = 10;
    pub(super) const ATOM: u8 = 11;
}

use level::{ADD, AND, ANY, ATOM, COMPARE, MULTIPLY, NEGATE, NOT, OPEN, PIPE, POWER, RANGE};

fn level_of(expr: &Expr) -> u8 {
    match &expr.kind {
        ExprKind::If(..) | ExprKind::For { .. } | ExprKind::Rows { .. } => OPEN,
        ExprKind::Binary(op, ..) => binary(*op).1,
        ExprKind::Unary(UnaryOp::Not, _) => NOT,
        ExprKind::Unary(UnaryOp::Neg, _) => NEGATE,
        ExprKind::Int(value) if *value < 0 => NEGATE,
        ExprKind::Float(value) | ExprKind::Percent(value) | ExprKind::Duration(value)
            if *value < 0.0 =>
        {
            NEGATE
        }
        ExprKind::Pipe(..) => PIPE,
        ExprKind::Range(..) => RANGE,
        _ => ATOM,
    }
}

fn binary(op: BinaryOp) -> (&'static str, u8) {
    match op {
        BinaryOp::Or => ("or", ANY),
        BinaryOp::And => ("and", AND),
        BinaryOp::Eq => ("==", COMPARE),
        BinaryOp::Ne => ("!=", COMPARE),
        BinaryOp::Lt => ("<", COMPARE),
        BinaryOp::Le => ("<=", COMPARE),
        BinaryOp::Gt => (">", COMPARE),
        BinaryOp::Ge => (">=", COMPARE),
        BinaryOp::Add => ("+", ADD),
        BinaryOp::Sub => ("-", ADD),
        BinaryOp::Mul => ("*", MULTIPLY),
        BinaryOp::Div => ("/", MULTIPLY),
        BinaryOp::Pow => ("^", POWER),
    }
}

/// The levels that the operands of an operator need.
fn sides(own: u8) -> (u8, u8) {
    match own {
        COMPARE => (PIPE, PIPE),
        POWER => (ATOM, NEGATE),
        _ => (own, own + 1),
    }
}

/// Whether rows stand at the left end of a chain of pipes and row suffixes.
fn begins_with_rows(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Rows { .. } => true,
        ExprKind::Pipe(value, ..) => begins_with_rows(value),
        _ => false,
    }
}

/// Whether a pipe stands where a condition of rows would end at it.
fn has_open_pipe(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Pipe(..) => true,
        ExprKind::Binary(op, left, right) => {
            let (left_level, right_level) = sides(binary(*op).1);
            [(left, left_level), (right, right_level)]
                .into_iter()
                .any(|(side, needed)| level_of(side) >= needed && has_open_pipe(side))
        }
        ExprKind::Unary(_, value) => has_open_pipe(value),
        ExprKind::Range(left, right) => has_open_pipe(left) || has_open_pipe(right),
        _ => false,
    }
}

impl Printer<'_> {
    /// An expression on one line, in a place that needs at least `needed`.
    pub(super) fn flat(&self, expr: &Expr, needed: u8) -> String {
        if level_of(expr) < needed || (needed != OPEN && begins_with_rows(expr)) {
            return format!("({})", self.flat_rows(expr));
        }
        match &expr.kind {
            ExprKind::Int(value) => self.spelled(expr, || value.to_string()),
            ExprKind::Float(value) => self.spelled(expr, || format!("{value:?}")),
            ExprKind::Percent(value) => self.spelled(expr, || percent(*value)),
            ExprKind::Duration(seconds) => self.spelled(expr, || duration(*seconds)),
            ExprKind::Str(text) => quote(text),
            ExprKind::Bool(value) => value.to_string(),
            ExprKind::Name(name) => name.clone(),
            ExprKind::Field(base, name) => format!("{}.{}", self.flat(base, ATOM), name.text),
            ExprKind::Call(callee, args) => {
                format!("{}({})", self.flat(callee, ATOM), self.flat_args(args))
            }
            ExprKind::Pipe(value, callee, args) => {
                format!(
                    "{} |> {}",
                    self.flat(value, PIPE),
                    self.flat_step(callee, args)
                )
            }
            ExprKind::Unary(UnaryOp::Neg, value) => format!("-{}", self.flat(value, NEGATE)),
            ExprKind::Unary(UnaryOp::Not, value) => format!("not {}", self.flat(value, NOT)),
            ExprKind::Binary(op, left, right) => {
                let (sign, own) = binary(*op);
                let (left_level, right_level) = sides(own);
                format!(
                    "{} {sign} {}",
                    self.flat(left, left_level),
                    self.flat(right, right_level)
                )
            }
            ExprKind::If(cond, then, other) => {
                let (cond, then) = (self.flat(cond, ANY), self.flat(then, ANY));
                format!("if {cond} then {then} else {}", self.flat_open(other))
            }
            ExprKind::Match(subject, arms) if arms.is_empty() => {
                format!("match {} {{}}", self.flat_head(subject))
            }
            ExprKind::Match(subject, arms) => {
                let arms = arms
                    .iter()
                    .map(|(pattern, value)| self.flat_arm(pattern, value));
                format!(
                    "match {} {{ {} }}",
                    self.flat_head(subject),
                    arms.collect::<Vec<_>>().join(", ")
                )
            }
            ExprKind::For { body, .. } => {
                format!("{} {}", self.flat_for(expr), self.flat_open(body))
            }
            ExprKind::Range(left, right) => {
                format!("{}..{}", self.flat(left, RANGE), self.flat(right, ADD))
            }
            ExprKind::List(elements) => {
                let elements = elements.iter().map(|element| self.flat_open(element));
                format!("[{}]", elements.collect::<Vec<_>>().join(", "))
            }
            ExprKind::Record(fields) if fields.is_empty() => "{}".to_owned(),
            ExprKind::Record(fields) => {
                let fields = fields
                    .iter()
                    .map(|(name, value)| format!("{}: {}", name.text, self.flat_open(value)));
                format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
            }
            ExprKind::Rows { .. } => self.flat_rows(expr),
            ExprKind::Error => "error".to_owned(),
        }
    }

    /// In a place that takes any expression, but no rows.
    pub(super) fn flat_open(&self, expr: &Expr) -> String {
        self.flat(expr, if begins_with_rows(expr) { ANY } else { OPEN })
    }

    /// Before `{`, where a record needs parentheses.
    fn flat_head(&self, expr: &Expr) -> String {
        let text = self.flat(expr, ANY);
        if text.starts_with('{') {
            format!("({text})")
        } else {
            text
        }
    }

    /// One operand, where a word follows: `within 30d`, `batch 64`.
    pub(super) fn flat_small(&self, expr: &Expr) -> String {
        match &expr.kind {
            ExprKind::Unary(UnaryOp::Neg, value) if level_of(value) == ATOM => {
                format!("-{}", self.flat_small(value))
            }
            ExprKind::Record(_) => format!("({})", self.flat(expr, OPEN)),
            _ => self.flat(expr, ATOM),
        }
    }

    /// In a place that takes rows: item rows, arguments, parentheses.
    pub(super) fn flat_rows(&self, expr: &Expr) -> String {
        match &expr.kind {
            ExprKind::Pipe(value, callee, args) if begins_with_rows(value) => {
                format!(
                    "{} |> {}",
                    self.flat_rows(value),
                    self.flat_step(callee, args)
                )
            }
            ExprKind::Rows { source, cond, .. } => {
                let source = match &source.kind {
                    ExprKind::Pipe(..) => self.flat_rows(source),
                    _ => self.flat(source, ANY),
                };
                let cond = cond
                    .as_ref()
                    .map(|cond| format!(" where {}", self.flat_cond(cond)));
                format!(
                    "{source}{}{}",
                    self.flat_suffix(expr),
                    cond.unwrap_or_default()
                )
            }
            _ => self.flat(expr, OPEN),
        }
    }

    /// ` of user in day` of rows.
    fn flat_suffix(&self, rows: &Expr) -> String {
        let ExprKind::Rows { of, windows, .. } = &rows.kind else {
            return String::new();
        };
        let mut text = of
            .as_ref()
            .map(|of| format!(" of {}", of.text))
            .unwrap_or_default();
        for window in windows {
            text += &match window {
                Window::In(name) => format!(" in {}", name.text),
                Window::InNext(name) => format!(" in next {}", name.text),
                Window::Before(name) => format!(" before {}", name.text),
                Window::Within(bound) => format!(" within {}", self.flat_small(bound)),
            };
        }
        text
    }

    /// A condition of rows, in which a pipe needs parentheses.
    fn flat_cond(&self, cond: &Expr) -> String {
        if has_open_pipe(cond) {
            format!("({})", self.flat(cond, OPEN))
        } else {
            self.flat(cond, ANY)
        }
    }

    fn flat_step(&self, callee: &Expr, args: &[Arg]) -> String {
        let name = self.flat(callee, ATOM);
        match &callee.kind {
            ExprKind::Name(_) | ExprKind::Field(..) if args.is_empty() => name,
            _ => format!("{name}({})", self.flat_args(args)),
        }
    }

    pub(super) fn flat_arg(&self, arg: &Arg) -> String {
        match &arg.name {
            Some(name) => format!("{}: {}", name.text, self.flat_rows(&arg.value)),
            None => self.flat_rows(&arg.value),
        }
    }

    fn flat_arm(&self, pattern: &Expr, value: &Expr) -> String {
        format!("{} => {}", self.flat(pattern, ANY), self.flat_open(value))
    }

    /// `for x in list with h = start =>`
    fn flat_for(&self, expr: &Expr) -> String {
        let ExprKind::For {
            var, list, carry, ..
        } = &expr.kind
        else {
            return String::new();
        };
        let carry = carry
            .as_ref()
            .map(|(name, start)| format!(" with {} = {}", name.text, self.flat(start, ANY)));
        format!(
            "for {} in {}{} =>",
            var.text,
            self.flat(list, ANY),
            carry.unwrap_or_default()
        )
    }

    /// The spelling of the text where there is one.
    fn spelled(&self, expr: &Expr, canonical: impl Fn() -> String) -> String {
        self.spelling(expr.span)
            .map_or_else(canonical, str::to_owned)
    }
}

/// `80%`, exact: reading it back gives the same number.
fn percent(value: f64) -> String {
    let mut text = format!("{}", value * 100.0);
    for digits in 0..15 {
        let shorter = format!("{:.digits$}", value * 100.0);
        if shorter
            .parse::<f64>()
            .is_ok_and(|read| read / 100.0 == value)
        {
            text = shorter;
            break;
        }
    }
    text + "%"
}

/// `1d 2h 30m`, from the largest unit that divides; weeks stay days.
fn duration(seconds: f64) -> String {
    let mut rest = seconds;
    let mut parts = Vec::new();
    for &(unit, size) in UNITS.iter().filter(|(unit, _)| *unit != "w") {
        let last = unit == "ms";
        let count = if last {
            rest / size
        } else {
            (rest / size).floor()
        };
        if count > 0.0 && (!last || count > 1e-9) {
            parts.push(format!("{count}{unit}"));
            rest -= count * size;
        }
    }
    if parts.is_empty() {
        "0s".to_owned()
    } else {
        parts.join(" ")
    }
}

/// A string with its quotes and escapes.
pub(super) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

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
        if !self.has_comments(expr.span) && self.fits(&flat, tail) {
            return self.push(&flat);
        }
        if self.needs_parentheses(expr, place) {
            self.push("(");
            self.broken(expr, tail + 1);
            return self.push(")");
        }
        self.broken(expr, tail);
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
            ExprKind::Match(subject, arms) => {
                let head = format!("match {} ", self.flat_head(subject));
                let arms: Vec<_> = arms
                    .iter()
                    .map(|(pattern, value)| {
                        (self.flat(pattern, ANY) + " => ", pattern.span.start, value)
                    })
                    .collect();
                self.push(&head);
                self.broken_fields(&arms, expr.span.end as usize);
            }
            ExprKind::Record(fields) => {
                let fields: Vec<_> = fields
                    .iter()
                    .map(|(name, value)| (format!("{}: ", name.text), name.span.start, value))
                    .collect();
                self.broken_fields(&fields, expr.span.end as usize);
            }
            ExprKind::List(elements) => self.broken_list(elements, expr.span.end as usize),
            ExprKind::Rows { source, cond, .. } => {
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
    fn broken_fields(&mut self, fields: &[(String, u32, &Expr)], end: usize) {
        self.push("{");
        self.newline();
        self.indent += 1;
        for (at, (head, start, value)) in fields.iter().enumerate() {
            self.comments_before(usize::MAX, *start as usize);
            self.push(head);
            self.expr(value, Place::Open, 1);
            self.push(",");
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
