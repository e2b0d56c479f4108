//! Expressions: flat runs of operands and operators get their precedence here.
//!
//! Loosest first: `or`, `and`, `not`, comparison (not chained), `|>`, `..`, `+ -`, `* /`, unary minus, `^`, postfix.

use crate::ast::{Arg, BinaryOp, Expr, ExprKind, Name, UnaryOp, Window};
use crate::diagnostic::Fix;
use crate::recover::{CHAINED, PIPE, UNEXPECTED};
use crate::span::Span;
use crate::tree::{Children, Node, Rule};

use super::Parser;

/// How tightly an operator holds its operands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Or,
    And,
    Not,
    Compare,
    Pipe,
    Range,
    Add,
    Multiply,
    Negate,
    Power,
}

impl Level {
    /// The next tighter level.
    fn tighter(self) -> Self {
        match self {
            Self::Or => Self::And,
            Self::And => Self::Not,
            Self::Not => Self::Compare,
            Self::Compare => Self::Pipe,
            Self::Pipe => Self::Range,
            Self::Range => Self::Add,
            Self::Add => Self::Multiply,
            Self::Multiply => Self::Negate,
            Self::Negate | Self::Power => Self::Power,
        }
    }
}

#[derive(Clone, Copy)]
enum Operator {
    Binary(BinaryOp),
    Pipe,
    Range,
    /// Of other languages.
    At,
}

fn operator(text: &str) -> (Operator, Level) {
    use Operator::{At, Binary, Pipe, Range};
    match text {
        "or" => (Binary(BinaryOp::Or), Level::Or),
        "and" => (Binary(BinaryOp::And), Level::And),
        "==" => (Binary(BinaryOp::Eq), Level::Compare),
        "!=" => (Binary(BinaryOp::Ne), Level::Compare),
        "<" => (Binary(BinaryOp::Lt), Level::Compare),
        "<=" => (Binary(BinaryOp::Le), Level::Compare),
        ">" => (Binary(BinaryOp::Gt), Level::Compare),
        ">=" => (Binary(BinaryOp::Ge), Level::Compare),
        "|>" => (Pipe, Level::Pipe),
        ".." => (Range, Level::Range),
        "+" => (Binary(BinaryOp::Add), Level::Add),
        "-" => (Binary(BinaryOp::Sub), Level::Add),
        "*" => (Binary(BinaryOp::Mul), Level::Multiply),
        "/" => (Binary(BinaryOp::Div), Level::Multiply),
        "@" => (At, Level::Multiply),
        "^" => (Binary(BinaryOp::Pow), Level::Power),
        _ => unreachable!("internal: the grammar knows no operator `{text}`"),
    }
}

/// The children of a flat run that are still to be read.
struct Run<'t> {
    next: Option<Node<'t>>,
    rest: Children<'t>,
    /// Where the last one that was read ends.
    end: usize,
}

impl<'t> Run<'t> {
    fn over(mut children: Children<'t>) -> Self {
        Self {
            next: children.next(),
            rest: children,
            end: 0,
        }
    }

    fn peek(&self) -> Option<Node<'t>> {
        self.next
    }

    fn step(&mut self) {
        self.end = self.next.map_or(self.end, |node| node.end);
        self.next = self.rest.next();
    }

    fn next_if(&mut self, wanted: impl Fn(Node<'t>) -> bool) -> Option<Node<'t>> {
        let node = self.peek().filter(|node| wanted(*node))?;
        self.step();
        Some(node)
    }
}

/// Two operands as one expression.
fn joined(left: Expr, right: Expr, kind: impl FnOnce(Box<Expr>, Box<Expr>) -> ExprKind) -> Expr {
    let span = left.span.to(right.span);
    Expr {
        kind: kind(Box::new(left), Box::new(right)),
        span,
    }
}

impl Parser<'_> {
    /// The expression among the children, or an error at the end of the node.
    pub(super) fn child_value(&mut self, node: Node<'_>) -> Expr {
        self.nth_value(node, 0)
    }

    pub(super) fn nth_value(&mut self, node: Node<'_>, n: usize) -> Expr {
        let is_value =
            |child: &Node<'_>| matches!(child.rule, Rule::value | Rule::small | Rule::from_value);
        match node.children().filter(is_value).nth(n) {
            Some(value) => self.value(value),
            None => Expr {
                kind: ExprKind::Error,
                span: self.no_name(node).span,
            },
        }
    }

    /// The expression in a `value`, `small` or `from_value`.
    pub(super) fn value(&mut self, node: Node<'_>) -> Expr {
        match node.rule {
            Rule::small => self.run(node),
            _ => self.expr_or_error(node.first()),
        }
    }

    /// An expression, rows, or the error node in their place.
    pub(super) fn expr_or_error(&mut self, node: Node<'_>) -> Expr {
        match node.rule {
            Rule::expr | Rule::cond => self.run(node),
            Rule::row_expr => self.row_expr(node),
            _ => Expr {
                kind: ExprKind::Error,
                span: self.span(node),
            },
        }
    }

    pub(super) fn run(&mut self, node: Node<'_>) -> Expr {
        self.operation(&mut Run::over(node.children()), Level::Or)
    }

    /// Reads operators of at least this level.
    fn operation(&mut self, run: &mut Run<'_>, level: Level) -> Expr {
        let mut left = self.prefixed(run, level);
        while let Some(node) = run
            .peek()
            .filter(|node| matches!(node.rule, Rule::op | Rule::plain_op))
        {
            let (operator, own) = operator(self.source(node));
            if own < level {
                break;
            }
            run.step();
            let right = match own {
                Level::Power => self.operation(run, Level::Negate),
                _ => self.operation(run, own.tighter()),
            };
            if own == Level::Compare {
                self.refuse_chain(run);
            }
            left = match operator {
                Operator::At => self.product(left, self.span(node), right),
                Operator::Binary(op) => joined(left, right, |a, b| ExprKind::Binary(op, a, b)),
                Operator::Range => joined(left, right, ExprKind::Range),
                Operator::Pipe => self.pipe(left, right),
            };
        }
        left
    }

    /// Comparisons do not chain; the rest of the chain is still read, and said to be wrong once.
    fn refuse_chain(&mut self, run: &Run<'_>) {
        let Some(node) = run
            .peek()
            .filter(|node| matches!(node.rule, Rule::op | Rule::plain_op))
        else {
            return;
        };
        if operator(self.source(node)).1 == Level::Compare {
            let (span, text) = (self.span(node), self.source(node).to_owned());
            self.error(
                CHAINED,
                span,
                format!("comparisons do not chain, found a second one, `{text}`"),
            )
            .help = Some("write `a < b and b < c`".to_owned());
        }
    }

    fn prefixed(&mut self, run: &mut Run<'_>, level: Level) -> Expr {
        let Some(node) = run.next_if(|node| node.rule == Rule::prefix) else {
            return self.operand(run);
        };
        let (op, inner) = match self.source(node) {
            "-" => (UnaryOp::Neg, Level::Negate),
            _ => (UnaryOp::Not, Level::Not),
        };
        // `a + not b` reads as it can, whatever stands around it
        let value = self.operation(run, if level > inner { level } else { inner });
        let span = self.span(node).to(value.span);
        Expr {
            kind: ExprKind::Unary(op, Box::new(value)),
            span,
        }
    }

    fn operand(&mut self, run: &mut Run<'_>) -> Expr {
        let Some(node) = run.peek() else {
            return Expr {
                kind: ExprKind::Error,
                span: Span::new(self.file, run.end, run.end),
            };
        };
        run.step();
        let mut value = self.atom(node);
        while let Some(node) =
            run.next_if(|node| matches!(node.rule, Rule::field | Rule::args | Rule::err_deep))
        {
            let span = value.span.to(self.span(node));
            let kind = match node.rule {
                Rule::field => ExprKind::Field(Box::new(value), self.first_name(node)),
                Rule::args => ExprKind::Call(Box::new(value), self.args(node)),
                _ => ExprKind::Error,
            };
            value = Expr { kind, span };
        }
        value
    }

    /// `a @ b`, which stands for the inner product in other languages: it is said how that is written, and read so.
    fn product(&mut self, left: Expr, mark: Span, right: Expr) -> Expr {
        let span = left.span.to(right.span);
        let written = |e: &Expr| &self.text[e.span.range()];
        let instead = format!("dot({}, {})", written(&left), written(&right));
        let one_line = !instead.contains('\n') && instead.len() <= 60;
        let whole = [&left, &right].iter().all(|e| e.kind != ExprKind::Error);
        let told = self.error(UNEXPECTED, mark, "expected an operator, found `@`");
        told.help = Some("the product of two vectors is `dot(a, b)`".to_owned());
        if whole && one_line {
            told.help = Some(format!("the product of two vectors is `{instead}`"));
            told.fix = Some(Fix {
                span,
                replacement: instead,
            });
        }
        let arg = |value| Arg { name: None, value };
        let dot = Expr {
            kind: ExprKind::Name("dot".to_owned()),
            span: mark,
        };
        Expr {
            kind: ExprKind::Call(Box::new(dot), vec![arg(left), arg(right)]),
            span,
        }
    }

    fn pipe(&mut self, value: Expr, callee: Expr) -> Expr {
        let whole = value.span.to(callee.span);
        let (value, span) = (Box::new(value), callee.span);
        let kind = match callee.kind {
            ExprKind::Call(function, args) => ExprKind::Pipe(value, function, args),
            kind @ (ExprKind::Name(_) | ExprKind::Field(..)) => {
                ExprKind::Pipe(value, Box::new(Expr { kind, span }), Vec::new())
            }
            ExprKind::Error => ExprKind::Error,
            _ => {
                let text = self.text[span.range()].to_owned();
                let shown = if text.len() > 40 || text.contains('\n') {
                    "an expression"
                } else {
                    &format!("`{text}`")
                };
                self.error(
                    PIPE,
                    span,
                    format!("expected a function after `|>`, found {shown}"),
                )
                .help = Some("`|>` binds looser than `+` and `*`: write `(x |> f) + y`".to_owned());
                ExprKind::Error
            }
        };
        Expr { kind, span: whole }
    }

    fn atom(&mut self, node: Node<'_>) -> Expr {
        let kind = match node.rule {
            Rule::ident => match self.source(node) {
                "true" => ExprKind::Bool(true),
                "false" => ExprKind::Bool(false),
                name => ExprKind::Name(name.to_owned()),
            },
            Rule::where_name => ExprKind::Name("where".to_owned()),
            Rule::number => self.number(node),
            Rule::percent => self.percent(node),
            Rule::duration => self.duration(node),
            Rule::string | Rule::err_string => ExprKind::Str(self.string(node)),
            Rule::paren => {
                let inner = self.expr_or_error(node.first());
                return Expr {
                    kind: inner.kind,
                    span: self.span(node),
                };
            }
            Rule::list => {
                let elements = node.all(Rule::element);
                ExprKind::List(
                    elements
                        .map(|element| self.expr_or_error(element.first()))
                        .collect(),
                )
            }
            Rule::record => ExprKind::Record(
                node.all(Rule::record_field)
                    .map(|field| (self.first_name(field), self.child_value(field)))
                    .collect(),
            ),
            Rule::if_expr => {
                let mut part = |n| Box::new(self.nth_value(node, n));
                ExprKind::If(part(0), part(1), part(2))
            }
            Rule::for_expr => self.for_expr(node),
            Rule::match_expr => {
                let arms = node.all(Rule::arm);
                let arms = arms
                    .map(|arm| (self.expr_or_error(arm.first()), self.child_value(arm)))
                    .collect();
                ExprKind::Match(Box::new(self.child_value(node)), arms)
            }
            _ => ExprKind::Error,
        };
        Expr {
            kind,
            span: self.span(node),
        }
    }

    fn for_expr(&mut self, node: Node<'_>) -> ExprKind {
        let carry = node.find(Rule::carry);
        ExprKind::For {
            var: self.first_name(node),
            list: Box::new(self.nth_value(node, 0)),
            carry: carry.map(|carry| (self.first_name(carry), Box::new(self.child_value(carry)))),
            body: Box::new(self.nth_value(node, 1)),
        }
    }

    pub(super) fn args(&mut self, node: Node<'_>) -> Vec<Arg> {
        node.all(Rule::arg).map(|arg| self.arg(arg)).collect()
    }

    fn arg(&mut self, node: Node<'_>) -> Arg {
        if let Some(named) = self.named_by_equals(node) {
            return named;
        }
        let name = node.find(Rule::arg_name).map(|name| self.name(name));
        let value = node
            .children()
            .find(|child| matches!(child.rule, Rule::row_expr | Rule::err_expr));
        let value = match value {
            Some(value) => self.expr_or_error(value),
            None => Expr {
                kind: ExprKind::Error,
                span: self.span(node),
            },
        };
        Arg { name, value }
    }

    /// `dim = 8` among arguments, where `dim: 8` is written. That was reported; whose argument it is meant to be is known.
    fn named_by_equals(&self, node: Node<'_>) -> Option<Arg> {
        let rest = node.find(Rule::err_extra)?;
        let written = &self.text[node.start..rest.start];
        let is_name = written
            .trim_end()
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '_');
        (is_name && self.source(rest).starts_with('=')).then(|| Arg {
            name: Some(Name {
                text: written.trim_end().to_owned(),
                span: Span::new(self.file, node.start, node.start + written.trim_end().len()),
            }),
            value: Expr {
                kind: ExprKind::Error,
                span: self.span(rest),
            },
        })
    }

    /// An expression, then any number of row suffixes and pipes.
    fn row_expr(&mut self, node: Node<'_>) -> Expr {
        let mut run = Run::over(node.children());
        run.step();
        let mut value = self.expr_or_error(node.first());
        while let Some(first) = run.peek() {
            value = match first.rule {
                Rule::row_pipe => {
                    run.step();
                    let callee = self.run(first);
                    self.pipe(value, callee)
                }
                _ => self.rows_of(value, &mut run),
            };
        }
        value
    }

    fn rows_of(&mut self, source: Expr, run: &mut Run<'_>) -> Expr {
        let mut span = source.span;
        let (mut of, mut windows, mut cond) = (None, Vec::new(), None);
        while let Some(node) = run.next_if(|node| node.rule != Rule::row_pipe) {
            span = span.to(self.span(node));
            match node.rule {
                Rule::row_of => self.set_once(&mut of, self.first_name(node), node, "of"),
                Rule::row_window => windows.push(self.window(node.first())),
                _ => {
                    let value = node.find(Rule::cond).map(|cond| Box::new(self.run(cond)));
                    match (value, &cond) {
                        (Some(value), None) => cond = Some(value),
                        _ => self.refuse_second(node, "where"),
                    }
                }
            }
        }
        Expr {
            kind: ExprKind::Rows {
                source: Box::new(source),
                of,
                windows,
                cond,
            },
            span,
        }
    }

    fn set_once(&mut self, slot: &mut Option<Name>, name: Name, node: Node<'_>, word: &str) {
        match slot {
            None => *slot = Some(name),
            Some(_) => self.refuse_second(node, word),
        }
    }

    fn refuse_second(&mut self, node: Node<'_>, word: &str) {
        let span = self.span(node);
        let diagnostic = self.error(
            crate::recover::UNEXPECTED,
            span,
            format!("rows have one `{word}`, found a second"),
        );
        if word == "where" {
            diagnostic.help = Some("join conditions with `and`".to_owned());
        }
    }

    fn window(&mut self, node: Node<'_>) -> Window {
        match node.rule {
            Rule::in_next => Window::InNext(self.first_name(node)),
            Rule::in_day => Window::In(self.first_name(node)),
            Rule::before => Window::Before(self.first_name(node)),
            _ => Window::Within(self.child_value(node)),
        }
    }
}
