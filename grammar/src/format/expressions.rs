//! Expressions on one line, with the parentheses that they need.

use crate::ast::{Arg, BinaryOp, Expr, ExprKind, Name, UnaryOp, Window};
use crate::parse::UNITS;

use super::Printer;

/// How tightly an expression holds together; what stands in a place that asks for more gets parentheses.
pub(super) mod level {
    /// `if`, `for`: they reach as far right as they can.
    pub(in crate::format) const OPEN: u8 = 0;
    pub(in crate::format) const ANY: u8 = 1;
    pub(in crate::format) const AND: u8 = 2;
    pub(in crate::format) const NOT: u8 = 3;
    pub(in crate::format) const COMPARE: u8 = 4;
    pub(in crate::format) const PIPE: u8 = 5;
    pub(in crate::format) const RANGE: u8 = 6;
    pub(in crate::format) const ADD: u8 = 7;
    pub(in crate::format) const MULTIPLY: u8 = 8;
    pub(in crate::format) const NEGATE: u8 = 9;
    pub(in crate::format) const POWER: u8 = 10;
    pub(in crate::format) const ATOM: u8 = 11;
}

use level::{ADD, AND, ANY, ATOM, COMPARE, MULTIPLY, NEGATE, NOT, OPEN, PIPE, POWER, RANGE};

pub(super) fn level_of(expr: &Expr) -> u8 {
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

pub(super) fn binary(op: BinaryOp) -> (&'static str, u8) {
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
pub(super) fn sides(own: u8) -> (u8, u8) {
    match own {
        COMPARE => (PIPE, PIPE),
        POWER => (ATOM, NEGATE),
        _ => (own, own + 1),
    }
}

/// Whether rows stand at the left end of a chain of pipes and row suffixes.
pub(super) fn begins_with_rows(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Rows { .. } => true,
        ExprKind::Pipe(value, ..) => begins_with_rows(value),
        _ => false,
    }
}

/// Whether a pipe stands where a condition of rows would end at it.
pub(super) fn has_open_pipe(expr: &Expr) -> bool {
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
            ExprKind::Match(subject, arms) => self.flat_match(subject, arms),
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
            ExprKind::Record(fields) => self.flat_record(fields),
            ExprKind::Rows { .. } => self.flat_rows(expr),
            ExprKind::Error => "...".to_owned(),
        }
    }

    fn flat_match(&self, subject: &Expr, arms: &[(Expr, Expr)]) -> String {
        let subject = self.flat_head(subject);
        if arms.is_empty() {
            return format!("match {subject} {{}}");
        }
        let arms = arms
            .iter()
            .map(|(pattern, value)| self.flat_arm(pattern, value));
        let arms = arms.collect::<Vec<_>>().join(", ");
        format!("match {subject} {{ {arms} }}")
    }

    fn flat_record(&self, fields: &[(Name, Expr)]) -> String {
        if fields.is_empty() {
            return "{}".to_owned();
        }
        let fields = fields
            .iter()
            .map(|(name, value)| format!("{}: {}", name.text, self.flat_open(value)));
        format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
    }

    /// In a place that takes any expression, but no rows.
    pub(super) fn flat_open(&self, expr: &Expr) -> String {
        self.flat(expr, if begins_with_rows(expr) { ANY } else { OPEN })
    }

    /// Before `{`, where a record needs parentheses.
    pub(super) fn flat_head(&self, expr: &Expr) -> String {
        guard(self.flat(expr, ANY))
    }

    /// One operand, where a word follows: `within 30d`, `batch 64`.
    pub(super) fn flat_small(&self, expr: &Expr) -> String {
        match &expr.kind {
            ExprKind::Unary(UnaryOp::Neg, value) if level_of(value) == ATOM => {
                format!("-{}", self.flat_small(value))
            }
            _ => guard(self.flat(expr, ATOM)),
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
    pub(super) fn flat_suffix(&self, rows: &Expr) -> String {
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
    pub(super) fn flat_cond(&self, cond: &Expr) -> String {
        if has_open_pipe(cond) {
            format!("({})", self.flat(cond, OPEN))
        } else {
            self.flat(cond, ANY)
        }
    }

    pub(super) fn flat_step(&self, callee: &Expr, args: &[Arg]) -> String {
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
    pub(super) fn flat_for(&self, expr: &Expr) -> String {
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

/// In parentheses if it begins with a brace, where a brace would begin the body.
pub(super) fn guard(text: String) -> String {
    if text.starts_with('{') {
        format!("({text})")
    } else {
        text
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

/// `1d 2h 30m`, from the largest unit that divides; weeks stay days. What has no exact parts is in seconds.
fn duration(seconds: f64) -> String {
    if seconds < 0.0 {
        return format!("-{}", duration(-seconds));
    }
    let mut rest = seconds;
    let mut parts = Vec::new();
    for &(unit, size) in UNITS.iter().filter(|(unit, _)| *unit != "w") {
        let count = (rest / size).floor();
        if count > 0.0 {
            parts.push(format!("{count}{unit}"));
            rest -= count * size;
        }
    }
    if rest != 0.0 || parts.is_empty() {
        format!("{seconds}s")
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
