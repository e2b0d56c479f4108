//! The abstract syntax: what a `.rec` file says, with nothing resolved and nothing typed.
//!
//! Every node keeps its span. Where the text is broken the parser has reported it and puts [`ExprKind::Error`], an
//! empty [`Name`] or [`TypeKind::Error`] in place; later stages pass over those in silence.

mod data;
mod expression;
mod tower;
mod training;

use crate::span::Span;

pub use data::{
    Availability, ColumnDecl, Feature, Features, Joined, Role, Source, SourceEntry, SourceKind,
    Split, SplitRule,
};
pub use expression::{Arg, BinaryOp, Dim, Expr, ExprKind, Type, TypeKind, UnaryOp, Window};
pub use tower::{Origin, Tower};
pub use training::{Evaluate, EvaluateEntry, EvaluateKind, Metric, Train, TrainEntry};

/// A file: items in the order of the text.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// The items.
    pub items: Vec<Item>,
    /// The whole text.
    pub span: Span,
}

/// An identifier as written. Empty where the parser found none.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// The identifier.
    pub text: String,
    /// Its place.
    pub span: Span,
}

/// An item with its doc comments.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The lines after `///`, without the marker and one following blank.
    pub docs: Vec<String>,
    /// From the keyword to the end of the body.
    pub span: Span,
    /// What it declares.
    pub kind: ItemKind,
}

/// The kinds of items.
#[derive(Clone, Debug, PartialEq)]
pub enum ItemKind {
    /// `use std.loss.repel` or `use "./mine.rec"`
    Use(Use),
    /// `setting dim = 64`
    Setting(Setting),
    /// `weight bias: f32 = 0`
    Weight(Weight),
    /// `entity user from "users.csv" { ... }` and `events rating from "ratings.csv" { ... }`
    Source(Source),
    /// `features movie { ... }`
    Features(Features),
    /// `split rating by at { ... }`
    Split(Split),
    /// `fn repel(x: f32[.., K, D]) -> f32[..] = ...`
    Fn(Fn),
    /// `tower film(m: movie) -> f32[dim] = ...` and `teacher first like ranker`
    Tower(Tower),
    /// `loss main over rating = ...`
    Loss(Loss),
    /// `selector pool = log where click |> negatives(...)`
    Selector(Selector),
    /// `column g over view where click cross_fit 5 by user = ...`
    Column(Column),
    /// `graph near = swing(...)`
    Graph(Graph),
    /// `train { ... }`
    Train(Train),
    /// `loop day over visit.at by 1d { ... }`
    Loop(Loop),
    /// `evaluate films: retrieval over rating { ... }`
    Evaluate(Evaluate),
    /// `export viewer, film`
    Export(Export),
    /// `test "..." { ... }`
    Test(Test),
}

/// What a `use` names.
#[derive(Clone, Debug, PartialEq)]
pub enum Use {
    /// `std.tower.mlp`
    Library(Vec<Name>),
    /// `"./mine.rec"`, the path with its place.
    File(String, Span),
}

/// `setting NAME [: TYPE] = EXPR`
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// Its name.
    pub name: Name,
    /// Written type, if any.
    pub ty: Option<Type>,
    /// The default.
    pub value: Expr,
}

/// `weight NAME: TYPE = INIT [was "old.path"]`
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// Its name.
    pub name: Name,
    /// Element type and shape.
    pub ty: Type,
    /// Initial value.
    pub init: Expr,
    /// The path it had in older checkpoints.
    pub was: Option<String>,
}

/// `fn NAME(PARAMS) -> TYPE BODY`. Without a body it is an intrinsic, which only the library may declare.
#[derive(Clone, Debug, PartialEq)]
pub struct Fn {
    /// Its name.
    pub name: Name,
    /// Parameters.
    pub params: Vec<Param>,
    /// Result type; inferred where absent.
    pub ret: Option<Type>,
    /// What it computes.
    pub body: Option<Body>,
}

/// `[each] NAME: TYPE [= DEFAULT]`
#[derive(Clone, Debug, PartialEq)]
pub struct Param {
    /// Takes an expression evaluated in the scope of the rows.
    pub each: bool,
    /// Its name.
    pub name: Name,
    /// Its type; absent means anything.
    pub ty: Option<Type>,
    /// Default value.
    pub default: Option<Expr>,
}

/// `= EXPR` (no lets) or `{ LETS EXPR }`
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    /// Bindings in order.
    pub lets: Vec<Let>,
    /// The value.
    pub value: Expr,
    /// Everything.
    pub span: Span,
}

impl Body {
    /// Visits all expressions of the body, outermost first.
    pub fn walk<'e>(&'e self, visit: &mut impl FnMut(&'e Expr)) {
        for binding in &self.lets {
            binding.value.walk(visit);
        }
        self.value.walk(visit);
    }
}

/// `let NAME = EXPR`
#[derive(Clone, Debug, PartialEq)]
pub struct Let {
    /// The new name.
    pub name: Name,
    /// Its value.
    pub value: Expr,
}

/// Rows of a loss, column or evaluation: an expression of rows and an own batch size.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// [`ExprKind::Rows`], a name, or pipes of row functions over one.
    pub expr: Expr,
    /// `batch 1024` at the end.
    pub batch: Option<Expr>,
}

/// `loss NAME [for TOWER, ...] over ROWS BODY`
#[derive(Clone, Debug, PartialEq)]
pub struct Loss {
    /// Its name.
    pub name: Name,
    /// The towers that it alone trains.
    pub trains: Vec<Name>,
    /// The rows.
    pub rows: Rows,
    /// A value a row.
    pub body: Body,
}

/// `selector NAME = ROWS`
#[derive(Clone, Debug, PartialEq)]
pub struct Selector {
    /// Its name.
    pub name: Name,
    /// The rows.
    pub rows: Rows,
}

/// `column NAME over ROWS [over all splits] [cross_fit N by K] BODY`
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: Name,
    /// The rows.
    pub rows: Rows,
    /// `over all splits`
    pub all_splits: bool,
    /// Number of folds and what keeps together: `user`, `row`, `request`.
    pub cross_fit: Option<(Expr, Name)>,
    /// A value a row.
    pub body: Body,
}

/// `graph NAME = EXPR`
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// Its name.
    pub name: Name,
    /// How it is built.
    pub value: Expr,
}

/// `loop NAME over SOURCE.COLUMN by DURATION { ITEMS }`
#[derive(Clone, Debug, PartialEq)]
pub struct Loop {
    /// The loop variable, `day`.
    pub name: Name,
    /// `visit.at`
    pub over: Expr,
    /// `1d`
    pub by: Expr,
    /// Items run once a step in the order written.
    pub items: Vec<Item>,
}

/// `export viewer, film`
#[derive(Clone, Debug, PartialEq)]
pub struct Export {
    /// The towers.
    pub names: Vec<Name>,
}

/// `test "..." { LETS ASSERTS }`
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// What it says.
    pub title: String,
    /// Lets and asserts in order.
    pub statements: Vec<Statement>,
}

/// A line of a test.
#[derive(Clone, Debug, PartialEq)]
pub enum Statement {
    /// `let x = ...`
    Let(Let),
    /// `assert EXPR` or `assert EXPR ~= EXPR [within TOLERANCE]`
    Assert {
        /// Left side, or the condition.
        left: Expr,
        /// Right side of `~=`.
        right: Option<Expr>,
        /// Absolute tolerance.
        within: Option<Expr>,
        /// Everything.
        span: Span,
    },
    /// Not readable, already reported.
    Error(Span),
}
