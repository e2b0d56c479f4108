//! What an `evaluate` and an `export` become.

use reckon_grammar::span::Span;

use super::{Program, StreamPlan, WindowPlan};

/// An evaluation.
#[derive(Clone, Debug)]
pub struct EvaluationPlan {
    /// Its name.
    pub name: String,
    /// The events.
    pub source: String,
    /// A boolean output of the source's kernel that rows must satisfy.
    pub condition: Option<String>,
    /// Which rows a day asks about, in a loop.
    pub window: Option<WindowPlan>,
    /// How rows that satisfy the condition are narrowed, weighed and drawn, where they are. A sampler counts training rows.
    pub pool: Option<StreamPlan>,
    /// What is asked.
    pub kind: EvaluationKind,
    /// Metrics by full name: `recall@50`, `gauc(user)`, `logloss(correct: log_q)`.
    pub metrics: Vec<String>,
    /// Slices beside those by training count.
    pub slices: Vec<SlicePlan>,
    /// The reference whose rows are resampled for intervals.
    pub interval: Option<String>,
    /// Baselines by name: `popularity`, `itemknn`, `ease`, `constant`, `item_rate`.
    pub baselines: Vec<String>,
    /// The declaration.
    pub span: Span,
}

impl EvaluationPlan {
    /// Its tensor programs, in the order in which they run.
    pub fn programs(&self) -> Vec<&Program> {
        match &self.kind {
            EvaluationKind::Retrieval {
                catalogue, query, ..
            } => vec![catalogue, query],
            EvaluationKind::Ranking { score } => vec![score],
        }
    }
}

/// What an evaluation asks.
#[derive(Clone, Debug)]
pub enum EvaluationKind {
    /// Ranks every row of an entity for each query.
    Retrieval {
        /// The entity that is ranked.
        entity: String,
        /// The entity that asks, one query each; `None` asks one query a row.
        per: Option<String>,
        /// Leaves out what the asking entity had in earlier splits or strictly before.
        except_seen: bool,
        /// Computed once for all rows of the catalogue; its outputs feed `query` under the same names.
        catalogue: Program,
        /// `score: f32[B, E]` for a block of query rows.
        query: Program,
    },
    /// Scores each row.
    Ranking {
        /// `score: f32[B]`, `label: f32[B]`.
        score: Program,
    },
}

/// A slice of an evaluation.
#[derive(Clone, Debug, PartialEq)]
pub enum SlicePlan {
    /// `popularity(movie, 3)`: the catalogue in so many groups of equal share of training events, most popular first.
    Popularity {
        /// The entity.
        entity: String,
        /// The number of groups.
        groups: usize,
    },
    /// By the value of an output of a source's kernel at the query's rows.
    Output {
        /// The source.
        source: String,
        /// The output.
        output: String,
    },
}

/// A tower that serves alone.
#[derive(Clone, Debug)]
pub struct ExportPlan {
    /// The tower.
    pub tower: String,
    /// Its output is named after the tower.
    pub program: Program,
}
