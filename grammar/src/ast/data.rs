//! Sources, their features and their splits.

use super::{Expr, Name, Type};
use crate::span::Span;

/// Whether a source holds things or happenings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// Rows with a key.
    Entity,
    /// Rows with references and a time.
    Events,
}

/// `entity NAME from EXPR [as of COLUMN] [where COND] { ... }` or `events ...`
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
    /// Which rows of its files it has.
    pub cond: Option<Expr>,
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
