//! Loops over days, the windows of their rows, and item graphs.

use std::fmt;

use reckon_grammar::span::Span;

use super::CopyPlan;
use crate::value::Value;

/// `loop day over visit.at by 1d { ... }`
#[derive(Clone, Debug)]
pub struct LoopPlan {
    /// Its name, `day`.
    pub name: String,
    /// The events whose times cut the days.
    pub source: String,
    /// How long a day is, in microseconds; days begin at multiples of it since 1970 UTC.
    pub by: i64,
    /// Parameters that take the values of others as each day begins: teachers as they were before it.
    pub begins: Vec<CopyPlan>,
    /// What is run once a day, in order.
    pub turns: Vec<Turn>,
    /// The declaration.
    pub span: Span,
}

/// What is run once a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Makes a graph anew: index into [`super::Plan::graphs`].
    Graph(usize),
    /// Computes a column anew: index into [`super::Plan::columns`].
    Column(usize),
    /// A training: index into [`super::Plan::phases`].
    Train(usize),
    /// An evaluation: index into [`super::Plan::evaluations`].
    Evaluate(usize),
}

/// Which rows of a source with a time a day reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowPlan {
    /// Those of the day.
    Day,
    /// Those of the next day that has any.
    NextDay,
    /// Those before the day, not older than so many microseconds before it begins.
    Before(Option<i64>),
}

impl fmt::Display for WindowPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day => f.write_str("in day"),
            Self::NextDay => f.write_str("in next day"),
            Self::Before(None) => f.write_str("before day"),
            Self::Before(Some(within)) => {
                write!(f, "before day within {}", Value::Duration(*within))
            }
        }
    }
}

/// Rows that are read as they are.
#[derive(Clone, Debug, PartialEq)]
pub struct RowsPlan {
    /// The source.
    pub source: String,
    /// A boolean output of the source's kernel that rows must satisfy.
    pub condition: Option<String>,
    /// Those of a day; training rows where there is none.
    pub window: Option<WindowPlan>,
}

impl fmt::Display for RowsPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.source)?;
        if let Some(window) = &self.window {
            write!(f, " {window}")?;
        }
        match &self.condition {
            Some(condition) => write!(f, " where {condition}"),
            None => Ok(()),
        }
    }
}

/// `graph near = swing(visit before day where click, user, item)`
#[derive(Clone, Debug)]
pub struct GraphPlan {
    /// Its name.
    pub name: String,
    /// How near two things are.
    pub nearness: NearnessPlan,
    /// Whose pairs of a person and a thing it is made of, each pair once.
    pub rows: RowsPlan,
    /// A number of each row, an output of the source's kernel: how strong the edge of its pair is; the strongest row counts.
    /// All edges are equal where there is none.
    pub weight: Option<String>,
    /// The entity of people.
    pub people: String,
    /// The entity of things.
    pub things: String,
    /// The declaration.
    pub span: Span,
}

/// How near two things are, by the people who had them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NearnessPlan {
    /// `sum over pairs a < b of common people of 1 / (alpha + |things of a and b|)`.
    Swing {
        /// What is added to the number of common things.
        alpha: f64,
        /// Neighbours kept of a thing.
        top: usize,
        /// Of more people of a thing only so many are paired, always the same.
        users: usize,
    },
    /// Common people over the geometric mean of the numbers of people.
    Cosine {
        /// Neighbours kept of a thing.
        top: usize,
    },
    /// Visits of a walk that begins at seeds and returns to them.
    PageRank {
        /// The probability of a return in each round.
        restart: f64,
        /// Rounds walked.
        rounds: usize,
    },
}

impl fmt::Display for NearnessPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Swing { alpha, top, users } => write!(
                f,
                "swing, alpha {alpha:?}, the nearest {top}, of at most {users} users a thing"
            ),
            Self::Cosine { top } => write!(f, "cosine, the nearest {top}"),
            Self::PageRank { restart, rounds } => {
                write!(f, "pagerank, restart {restart:?}, {rounds} rounds")
            }
        }
    }
}

/// A column of an entity that says how near each thing is to the seeds: made whenever its graph is.
#[derive(Clone, Debug)]
pub struct AffinityPlan {
    /// The name of the column.
    pub column: String,
    /// Index into [`super::Plan::graphs`].
    pub graph: usize,
    /// The rows that refer to the seeds.
    pub seeds: RowsPlan,
}
