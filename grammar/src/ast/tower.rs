//! Towers and teachers.

use super::{Body, Expr, Name, Param, Type};

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
    /// `like ranker from checkpoint "..."`
    Taken {
        /// The tower that has its structure.
        like: Name,
        /// The run directory that has its weights.
        run: Expr,
    },
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
