//! Expressions and written types.

use super::Name;
use crate::span::Span;

/// A written type.
#[derive(Clone, Debug, PartialEq)]
pub struct Type {
    /// Its kind.
    pub kind: TypeKind,
    /// `?` follows.
    pub nullable: bool,
    /// Its place.
    pub span: Span,
}

/// Kinds of written types.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeKind {
    /// `int`, `f32[.., K, D]`, `user`, `logit`, `time(unit: ms)`, `list<int>`
    Named {
        /// The name.
        name: Name,
        /// `<...>`
        of: Vec<Type>,
        /// `[...]`; `None` where no bracket is written.
        dims: Option<Vec<Dim>>,
        /// `(...)`
        args: Vec<Arg>,
    },
    /// `cosine_hinge | cosine_sq`
    Words(Vec<Name>),
    /// `{ click: logit, read: logit }`
    Record(Vec<(Name, Type)>),
    /// Not readable, already reported.
    Error,
}

/// A written dimension.
#[derive(Clone, Debug, PartialEq)]
pub enum Dim {
    /// `..`: any leading dimensions.
    Leading(Span),
    /// `~50`: ragged, at most so many.
    Ragged(Expr),
    /// A constant, a name, or arithmetic over them.
    Expr(Expr),
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// Its kind.
    pub kind: ExprKind,
    /// Its place.
    pub span: Span,
}

impl Expr {
    /// Visits this expression and all below it, outermost first.
    pub fn walk<'e>(&'e self, visit: &mut impl FnMut(&'e Self)) {
        visit(self);
        match &self.kind {
            ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Percent(_)
            | ExprKind::Duration(_)
            | ExprKind::Str(_)
            | ExprKind::Bool(_)
            | ExprKind::Name(_)
            | ExprKind::Error => {}
            ExprKind::Field(a, _) | ExprKind::Unary(_, a) => a.walk(visit),
            ExprKind::Binary(_, a, b) | ExprKind::Range(a, b) => {
                a.walk(visit);
                b.walk(visit);
            }
            ExprKind::If(a, b, c) => [a, b, c].into_iter().for_each(|e| e.walk(visit)),
            ExprKind::Call(callee, args) => {
                callee.walk(visit);
                args.iter().for_each(|arg| arg.value.walk(visit));
            }
            ExprKind::Pipe(value, callee, args) => {
                value.walk(visit);
                callee.walk(visit);
                args.iter().for_each(|arg| arg.value.walk(visit));
            }
            ExprKind::Match(of, arms) => {
                of.walk(visit);
                arms.iter().for_each(|(_, value)| value.walk(visit));
            }
            ExprKind::For {
                list, carry, body, ..
            } => {
                list.walk(visit);
                if let Some((_, start)) = carry {
                    start.walk(visit);
                }
                body.walk(visit);
            }
            ExprKind::List(items) => items.iter().for_each(|item| item.walk(visit)),
            ExprKind::Record(fields) => fields.iter().for_each(|(_, value)| value.walk(visit)),
            ExprKind::Rows {
                source,
                windows,
                cond,
                ..
            } => {
                source.walk(visit);
                for window in windows {
                    match window {
                        Window::Within(e) => e.walk(visit),
                        Window::In(_) | Window::InNext(_) | Window::Before(_) => {}
                    }
                }
                if let Some(cond) = cond {
                    cond.walk(visit);
                }
            }
        }
    }
}

/// Kinds of expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// `64`, `1_000`
    Int(i64),
    /// `0.07`, `1e-3`
    Float(f64),
    /// `80%` is 0.8.
    Percent(f64),
    /// `1d 2h 30m 15s` in seconds.
    Duration(f64),
    /// `"text"` with escapes resolved.
    Str(String),
    /// `true`, `false`
    Bool(bool),
    /// A name.
    Name(String),
    /// `base.name`
    Field(Box<Expr>, Name),
    /// `callee(args)`
    Call(Box<Expr>, Vec<Arg>),
    /// `value |> callee` or `value |> callee(args)`; the value becomes the first argument.
    Pipe(Box<Expr>, Box<Expr>, Vec<Arg>),
    /// `-x`, `not x`
    Unary(UnaryOp, Box<Expr>),
    /// `a + b`
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// `if c then a else b`
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `match e { a => x, b => y }`; a pattern is a constant expression or a word.
    Match(Box<Expr>, Vec<(Expr, Expr)>),
    /// `for x in list => e`, or with a carried value `for x in list with h = start => e`
    For {
        /// The element.
        var: Name,
        /// A constant list.
        list: Box<Expr>,
        /// The carried name and its first value; the loop's value is then the last carried one.
        carry: Option<(Name, Box<Expr>)>,
        /// The body.
        body: Box<Expr>,
    },
    /// `0..K`
    Range(Box<Expr>, Box<Expr>),
    /// `[a, b]`
    List(Vec<Expr>),
    /// `{ a: x, b: y }`
    Record(Vec<(Name, Expr)>),
    /// `rating of user in day where stars >= 4`
    Rows {
        /// The source or selector.
        source: Box<Expr>,
        /// `of user`
        of: Option<Name>,
        /// `in day`, `before day within 30d`
        windows: Vec<Window>,
        /// `where COND`
        cond: Option<Box<Expr>>,
    },
    /// Not readable, already reported.
    Error,
}

/// A bound in time on rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Window {
    /// `in day`
    In(Name),
    /// `in next day`
    InNext(Name),
    /// `before day`
    Before(Name),
    /// `within 30d`
    Within(Expr),
}

/// `name: value` or `value`
#[derive(Clone, Debug, PartialEq)]
pub struct Arg {
    /// The name before the colon.
    pub name: Option<Name>,
    /// The value.
    pub value: Expr,
}

/// Operators of one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`
    Neg,
    /// `not`
    Not,
}

/// Operators of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`
    Div,
    /// `^`
    Pow,
    /// `==`
    Eq,
    /// `!=`
    Ne,
    /// `<`
    Lt,
    /// `<=`
    Le,
    /// `>`
    Gt,
    /// `>=`
    Ge,
    /// `and`
    And,
    /// `or`
    Or,
}
