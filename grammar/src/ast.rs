//! The abstract syntax: what a `.rec` file says, with nothing resolved and nothing typed.
//!
//! Every node keeps its span. Where the text is broken the parser has reported it and puts [`ExprKind::Error`], an
//! empty [`Name`] or [`TypeKind::Error`] in place; later stages pass over those in silence.

use crate::span::Span;

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

/// Whether a source holds things or happenings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// Rows with a key.
    Entity,
    /// Rows with references and a time.
    Events,
}

/// `entity NAME from EXPR [as of COLUMN] { ... }` or `events ...`
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// Entity or events.
    pub kind: SourceKind,
    /// Its name.
    pub name: Name,
    /// A constant path, glob or list of them.
    pub from: Expr,
    /// The column that dates versions of an entity.
    pub as_of: Option<Name>,
    /// The entries of the body.
    pub entries: Vec<SourceEntry>,
}

/// An entry in the body of an entity or events.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceEntry {
    /// `key user_id: int` or `key (shop: int, item: str)`
    Key(Vec<(Name, Type)>),
    /// `user_id -> user` or `(shop, item) -> article`
    Reference {
        /// The columns that hold the key.
        columns: Vec<Name>,
        /// The entity.
        target: Name,
    },
    /// Any column.
    Column(ColumnDecl),
    /// `unique by (user_id, movie_id)`
    Unique(Vec<Name>, Span),
    /// `group request_id`
    Group(Name),
    /// `absent: unknown`, `immature: drop`, `on_bad_row: skip(max: 10)`
    Policy {
        /// `absent`, `immature` or `on_bad_row`.
        name: Name,
        /// The policy.
        value: Expr,
    },
    /// Entries that could not be read, already reported.
    Error(Span),
}

/// The role of a column.
#[derive(Clone, Debug, PartialEq)]
pub enum Role {
    /// A plain column.
    Plain,
    /// Known only afterwards.
    Label,
    /// Known before; with `of user`, belongs to that side.
    Known(Option<Name>),
}

/// A declared column, `label stars: float known 7d after at`.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDecl {
    /// Label, known or plain.
    pub role: Role,
    /// Its name.
    pub name: Name,
    /// The type; absent for derived columns.
    pub ty: Option<Type>,
    /// `= EXPR` of a derived column.
    pub value: Option<Expr>,
    /// `from clicks on (request_id, video_id) within 30m else false`
    pub joined: Option<Joined>,
    /// `known 7d after at` or `known at paid_at`
    pub availability: Option<Availability>,
    /// `null [-124]`: values that stand for null.
    pub nulls: Option<Expr>,
    /// Everything.
    pub span: Span,
}

/// An outcome joined from another events source.
#[derive(Clone, Debug, PartialEq)]
pub struct Joined {
    /// The events that hold the outcome.
    pub source: Name,
    /// Columns that match.
    pub on: Vec<Name>,
    /// Bound in time.
    pub within: Expr,
    /// Value where nothing matches.
    pub otherwise: Option<Expr>,
}

/// When a label becomes known.
#[derive(Clone, Debug, PartialEq)]
pub enum Availability {
    /// `known 7d after at`
    After(Expr, Name),
    /// `known at paid_at`
    At(Name),
}

/// `features SOURCE { NAME = EXPR [was "..."] ... }`
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// The entity or events whose rows get the features.
    pub source: Name,
    /// The features in order.
    pub entries: Vec<Feature>,
}

/// One feature.
#[derive(Clone, Debug, PartialEq)]
pub struct Feature {
    /// Doc lines.
    pub docs: Vec<String>,
    /// Its name.
    pub name: Name,
    /// How it is computed.
    pub value: Expr,
    /// The path its table had in older checkpoints.
    pub was: Option<String>,
    /// Everything.
    pub span: Span,
}

/// `split EVENTS RULE { PART AMOUNT, ... }`
#[derive(Clone, Debug, PartialEq)]
pub struct Split {
    /// The events.
    pub source: Name,
    /// How rows are ordered and cut.
    pub rule: SplitRule,
    /// Part name (`train`, `valid`, `test`) and its share or count.
    pub parts: Vec<(Name, Expr)>,
}

/// How a split cuts.
#[derive(Clone, Debug, PartialEq)]
pub enum SplitRule {
    /// `by at`: one border in time for all rows.
    Time(Name),
    /// `by at per user`: borders for each entity row.
    TimePer(Name, Name),
    /// `per user last 1 test, 1 valid`: the last rows of each.
    LastPer(Name),
    /// `by day`: whole days.
    Day,
    /// `random(seed)`
    Random(Expr),
    /// Not readable, already reported.
    Error,
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

/// `let NAME = EXPR`
#[derive(Clone, Debug, PartialEq)]
pub struct Let {
    /// The new name.
    pub name: Name,
    /// Its value.
    pub value: Expr,
}

/// A tower, or a teacher: a tower that others read with the gradient stopped.
#[derive(Clone, Debug, PartialEq)]
pub struct Tower {
    /// Declared by `teacher`.
    pub teacher: bool,
    /// Its name.
    pub name: Name,
    /// What it may read; absent for `like`, `copy of` and `ema of`.
    pub params: Option<Vec<Param>>,
    /// Result type.
    pub ret: Option<Type>,
    /// What it computes; absent where an origin gives it.
    pub body: Option<Body>,
    /// Where a teacher comes from.
    pub origin: Option<Origin>,
    /// `shares tables`: uses the program's tables instead of its own.
    pub shares_tables: bool,
    /// The path it had in older checkpoints.
    pub was: Option<String>,
}

/// Where a teacher's structure or outputs come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// `like ranker`
    Like(Name),
    /// `copy of t`
    CopyOf(Name),
    /// `ema of t decay 0.999`
    EmaOf(Name, Expr),
    /// `from checkpoint "..."`
    Checkpoint(Expr),
    /// `from scores "..." on (keys) as of at - 1d`
    Scores {
        /// The dated table.
        path: Expr,
        /// Key columns; empty where the references give them.
        on: Vec<Name>,
        /// The time as of which scores are read.
        as_of: Option<Expr>,
    },
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

/// `train [NAME] { ... }`
#[derive(Clone, Debug, PartialEq)]
pub struct Train {
    /// Its name; `None` for the only one.
    pub name: Option<Name>,
    /// Entries in order.
    pub entries: Vec<TrainEntry>,
}

/// An entry of `train`.
#[derive(Clone, Debug, PartialEq)]
pub enum TrainEntry {
    /// `minimize main + 0.1 * apart`
    Minimize(Expr),
    /// `batch 1024`, `epochs 20`, `clip 1.0`, `accumulate 4`, `optimizer adam(lr: 1e-3)`,
    /// `embeddings rowwise_adagrad(lr: 0.05)`, `schedule cosine(warmup: 500)`, `ema 0.999`
    Option(Name, Expr),
    /// `stop early on valid films.recall@50 patience 3`
    StopEarly {
        /// `valid`
        split: Name,
        /// `films`
        evaluation: Name,
        /// `recall@50`
        metric: Metric,
        /// Epochs without a gain.
        patience: Expr,
    },
    /// Not readable, already reported.
    Error(Span),
}

/// `recall@[10, 50]`, `gauc(user)`, `auc`
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its name.
    pub name: Name,
    /// Arguments in parentheses.
    pub args: Vec<Arg>,
    /// What follows `@`: a number or a list of numbers.
    pub at: Option<Expr>,
    /// Everything.
    pub span: Span,
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

/// What an evaluation asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvaluateKind {
    /// Ranks a catalogue for each query.
    Retrieval,
    /// Scores each row.
    Ranking,
}

/// `evaluate NAME: retrieval over ROWS [per event] { ... }`
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluate {
    /// Its name.
    pub name: Name,
    /// Retrieval or ranking; `None` where it could not be read.
    pub kind: Option<EvaluateKind>,
    /// The rows.
    pub rows: Rows,
    /// `per event`: one query a row instead of one a user.
    pub per_event: bool,
    /// Entries in order.
    pub entries: Vec<EvaluateEntry>,
}

/// An entry of `evaluate`.
#[derive(Clone, Debug, PartialEq)]
pub enum EvaluateEntry {
    /// `rank movie by EXPR [except seen]`
    Rank {
        /// The catalogue.
        entity: Name,
        /// The score.
        by: Expr,
        /// What is left out.
        except: Option<Name>,
    },
    /// `score EXPR against EXPR`: the score of a ranking and the label it is held against.
    Score {
        /// The score of a row.
        score: Expr,
        /// The label.
        against: Expr,
    },
    /// `report recall@[10, 50], ndcg@10`
    Report(Vec<Metric>),
    /// `slice by EXPR`
    Slice(Expr),
    /// `interval by user`
    Interval(Name),
    /// `baselines none` or `baselines popularity, ease`
    Baselines(Vec<Name>),
    /// Not readable, already reported.
    Error(Span),
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
