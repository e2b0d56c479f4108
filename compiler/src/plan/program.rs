//! Tensor programs: a graph, the rows that it runs over, and what feeds it.

use reckon_grammar::span::Span;

use super::SamplerPlan;
use crate::graph::{Graph, SpaceId};

/// A tensor program with what feeds it.
#[derive(Clone, Debug)]
pub struct Program {
    /// The graph.
    pub graph: Graph,
    /// Sets of rows.
    pub handles: Vec<Handle>,
    /// What each graph input holds.
    pub feeds: Vec<Feed>,
}

/// A set of rows of a source, in an index space.
#[derive(Clone, Debug, PartialEq)]
pub struct Handle {
    /// How diagnostics call it.
    pub name: String,
    /// The source whose rows it holds.
    pub source: String,
    /// The space whose size is the number of its rows.
    pub space: SpaceId,
    /// Where the rows come from.
    pub rows: HandleRows,
}

/// Where the rows of a handle come from. Numbers of handles are indexes into [`Program::handles`].
#[derive(Clone, Debug, PartialEq)]
pub enum HandleRows {
    /// The rows of the batch of a stream (index into the phase's streams; 0 for an evaluation).
    Stream(usize),
    /// The entity rows that the rows of another handle refer to.
    Referred(usize),
    /// Earlier events of the entity that the rows of a handle refer to: handle and index into [`super::Plan::histories`].
    /// The space is a list over the handle's space.
    History(usize, usize),
    /// The rows of another handle of the same source, row for row, as shared candidates.
    Shared(usize),
    /// The things of another handle, each once, in the order in which they first occur, as shared candidates.
    Distinct(usize),
    /// Every row of the entity.
    Catalogue,
    /// Rows of several handles, one after another: in-batch candidates and sampled ones.
    Joined(Vec<usize>),
    /// The rows of another handle, row for row; in training each value of their lists is left out with this probability.
    Thinned {
        /// The rows.
        of: usize,
        /// The probability.
        rate: f64,
        /// Tells draws over the same rows apart.
        draw: usize,
    },
    /// Things drawn anew each step, with replacement.
    Sampled {
        /// How many.
        count: usize,
        /// What they are drawn by.
        sampler: SamplerPlan,
        /// The stream whose rows the sampler counts.
        stream: usize,
    },
    /// The first row of each group of a stream of groups.
    Groups(usize),
}

impl HandleRows {
    /// The handles that the rows are made from.
    pub fn parents(&self) -> Vec<usize> {
        match self {
            Self::Referred(of)
            | Self::History(of, _)
            | Self::Shared(of)
            | Self::Distinct(of)
            | Self::Thinned { of, .. } => vec![*of],
            Self::Joined(parts) => parts.clone(),
            Self::Stream(_) | Self::Catalogue | Self::Sampled { .. } | Self::Groups(_) => {
                Vec::new()
            }
        }
    }
}

/// What a graph input holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Feed {
    /// The name of the graph input.
    pub input: String,
    /// What it holds.
    pub what: FeedKind,
    /// The place in the spec that reads it.
    pub span: Option<Span>,
}

/// What a training counts from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Passes over the rows of the first stream.
    Epoch,
    /// Batches.
    Step,
}

/// The kinds of feeds. Numbers of handles are indexes into [`Program::handles`].
#[derive(Clone, Debug, PartialEq)]
pub enum FeedKind {
    /// An output of the source's kernel at the rows of the handle: ids as `i64[S]`, numbers as `f32[S]`, truth as `bool[S]`.
    Column {
        /// The handle.
        handle: usize,
        /// The output.
        output: String,
        /// In training, the probability with which an id is replaced by unknown slot 0.
        drop: f64,
    },
    /// The elements of a list output, back to back: `[L]`.
    ListValues {
        /// The handle.
        handle: usize,
        /// The output.
        output: String,
        /// As for `Column`.
        drop: f64,
        /// The list space.
        space: SpaceId,
        /// The output whose elements these stand beside: where rows are thinned, they are left out with them.
        like: Option<String>,
    },
    /// For each element of a list output the row that it belongs to: `i64[L]`.
    ListSegments {
        /// The handle.
        handle: usize,
        /// The output.
        output: String,
    },
    /// For each element of a list output its place in the list: `i64[L]`.
    ListPositions {
        /// The handle.
        handle: usize,
        /// The output.
        output: String,
    },
    /// Whether thinning has taken all elements of a list that had some: `bool[S]`.
    Emptied {
        /// A thinned handle.
        handle: usize,
        /// The output.
        output: String,
    },
    /// A fitted matrix, index into [`super::Plan::fits`]: `f32[K, K]`.
    Statistic {
        /// The fit.
        fit: usize,
    },
    /// For each row of a history handle the row of its parent: `i64[L]`.
    Segments {
        /// The handle.
        handle: usize,
    },
    /// For each row of a history handle its place in the list, oldest first: `i64[L]`.
    Positions {
        /// The handle.
        handle: usize,
    },
    /// For each row of the parent of a history handle how many rows it has there: `f32[S]`.
    Lengths {
        /// The handle of the history.
        handle: usize,
    },
    /// For each row of a history handle the seconds from its time to that of the row of the parent: `f32[L]`.
    Ago {
        /// The handle of the history.
        handle: usize,
    },
    /// Row numbers in the source: `i64[S]`. Equal numbers are equal things.
    Rows {
        /// The handle.
        handle: usize,
    },
    /// For each row of the batch the number of its own thing among the candidates: `i64[B]`.
    Positive {
        /// A handle of the batch that refers to the thing.
        of: usize,
        /// The candidates.
        candidates: usize,
    },
    /// For each candidate the log of its expected count among the candidates of a step: `f32[C]`.
    LogExpectedCount {
        /// The candidates.
        candidates: usize,
        /// Only what was drawn counts: things of the batch are there for their own row alone.
        drawn_only: bool,
    },
    /// For each candidate the log of the number of rows of the batch whose thing it is: `f32[C]`.
    LogCopies {
        /// The candidates, each once.
        candidates: usize,
    },
    /// For each pair of a batch row and a candidate, whether the user of the row has the candidate among the training
    /// rows of the stream: `bool[B, C]`.
    KnownPositive {
        /// The handle of the batch's entity, `user`.
        of: usize,
        /// The candidates.
        candidates: usize,
    },
    /// For each pair of a batch row and a candidate, whether the user of the row has the candidate among all training rows
    /// of the stream's source: `bool[B, C]`.
    Seen {
        /// The handle of the batch's entity, `user`.
        of: usize,
        /// The candidates.
        candidates: usize,
    },
    /// The weight of each row of the batch: `f32[B]`.
    RowWeight {
        /// The handle.
        handle: usize,
    },
    /// The log of the probability with which each row of the batch was drawn: `f32[B]`; 0 where nothing was drawn.
    RowLogQ {
        /// The handle.
        handle: usize,
    },
    /// Whether each row of the batch was drawn beside another: `bool[B]`.
    RowSampled {
        /// The handle.
        handle: usize,
    },
    /// The factor of the schedule at this step: `f32[]`.
    Schedule,
    /// How far the training is: `f32[]`.
    Clock(Clock),
}

impl FeedKind {
    /// The handles whose rows it is about.
    pub fn handles(&self) -> Vec<usize> {
        match self {
            Self::Column { handle, .. }
            | Self::ListValues { handle, .. }
            | Self::ListSegments { handle, .. }
            | Self::ListPositions { handle, .. }
            | Self::Emptied { handle, .. }
            | Self::Segments { handle }
            | Self::Positions { handle }
            | Self::Lengths { handle }
            | Self::Ago { handle }
            | Self::Rows { handle }
            | Self::RowWeight { handle }
            | Self::RowLogQ { handle }
            | Self::RowSampled { handle } => vec![*handle],
            Self::Positive { of, candidates }
            | Self::KnownPositive { of, candidates }
            | Self::Seen { of, candidates } => vec![*of, *candidates],
            Self::LogExpectedCount { candidates, .. } | Self::LogCopies { candidates } => {
                vec![*candidates]
            }
            Self::Schedule | Self::Clock(_) | Self::Statistic { .. } => Vec::new(),
        }
    }
}
