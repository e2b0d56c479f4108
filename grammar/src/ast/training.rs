//! `train` and `evaluate`.

use super::{Arg, Expr, Name, Rows};
use crate::span::Span;

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
