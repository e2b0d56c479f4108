//! The plan: everything that the runtime does, as plain data.
//!
//! A run goes through the plan from top to bottom: it reads `sources`, cuts them by `splits`, fits `fits` in order,
//! runs `kernels` over every row of their source, then takes the `phases` and `evaluations`. Tensor programs are fed
//! through [`Program::feeds`]: each graph input says which column it holds, at the rows of which handle.

pub mod print;
pub mod row;

use std::collections::BTreeMap;

use reckon_grammar::span::Span;

use crate::graph::{Graph, SpaceId};
use crate::value::Value;
use row::{Kernel, RowType};

/// A compiled spec.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Settings by name with their final values.
    pub settings: BTreeMap<String, Value>,
    /// Entities and events in the order of the spec.
    pub sources: Vec<SourcePlan>,
    /// One split an events source at most.
    pub splits: Vec<SplitPlan>,
    /// Histories that handles read.
    pub histories: Vec<HistoryPlan>,
    /// Fitted statistics; a kernel of a later one may use the state of an earlier one.
    pub fits: Vec<FitPlan>,
    /// One row program a source: features, conditions and labels of its rows.
    pub kernels: Vec<Kernel>,
    /// How many rows each embedding table has, by the path of the table.
    pub tables: BTreeMap<String, TableRows>,
    /// Trainings in the order of their dataflow.
    pub phases: Vec<PhasePlan>,
    /// Evaluations in the order of the spec.
    pub evaluations: Vec<EvaluationPlan>,
    /// Towers that serve alone.
    pub exports: Vec<ExportPlan>,
}

impl Plan {
    /// The source of this name.
    pub fn source(&self, name: &str) -> Option<&SourcePlan> {
        self.sources.iter().find(|source| source.name == name)
    }
}

/// An entity or events source.
#[derive(Clone, Debug)]
pub struct SourcePlan {
    /// Its name.
    pub name: String,
    /// Whether rows are things or happenings.
    pub kind: SourceKind,
    /// Paths and globs as written, relative to the folder of the spec.
    pub paths: Vec<String>,
    /// Declared columns, keys and reference columns included.
    pub columns: Vec<ColumnPlan>,
    /// Columns that make up the key; empty for events.
    pub key: Vec<String>,
    /// References to entities.
    pub references: Vec<ReferencePlan>,
    /// The column of type time that dates events.
    pub time: Option<String>,
    /// `unique by`: columns whose repeats are dropped, the first kept.
    pub unique: Vec<String>,
    /// The declaration, for diagnostics.
    pub span: Span,
}

/// Entity or events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// Rows with a key.
    Entity,
    /// Rows with references and a time.
    Events,
}

/// A declared column.
#[derive(Clone, Debug)]
pub struct ColumnPlan {
    /// Its name in the file.
    pub name: String,
    /// Its type.
    pub ty: RowType,
    /// How a time is written in the file.
    pub time: TimeFormat,
    /// Values that stand for null.
    pub nulls: Vec<Value>,
    /// The declaration.
    pub span: Span,
}

/// How times are written.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum TimeFormat {
    /// Whole or fractional seconds since 1970 UTC.
    #[default]
    Seconds,
    /// Milliseconds.
    Millis,
    /// Microseconds.
    Micros,
    /// Text by a strftime pattern, in a fixed zone such as `+08:00` or `UTC`.
    Text {
        /// The pattern.
        format: String,
        /// The zone.
        zone: String,
    },
}

/// `user_id -> user`
#[derive(Clone, Debug)]
pub struct ReferencePlan {
    /// The columns that hold the key.
    pub columns: Vec<String>,
    /// The entity.
    pub target: String,
    /// What happens when the entity has no such row.
    pub absent: Absent,
    /// The declaration.
    pub span: Span,
}

/// Policy for events that refer to an absent entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// A diagnostic that names file, row and key.
    Error,
    /// The row is kept and the entity's features are those of an unknown one; counted.
    Unknown,
}

/// How events are cut into parts.
#[derive(Clone, Debug)]
pub struct SplitPlan {
    /// The events.
    pub source: String,
    /// The rule.
    pub rule: SplitRule,
    /// Names and amounts in order: `train`, `valid`, `test`. Shares sum to 1; `Day` and `LastPer` take counts.
    pub parts: Vec<(String, f64)>,
    /// The declaration.
    pub span: Span,
}

/// The rule of a split. Rows of equal time never end up on two sides of a time border.
#[derive(Clone, Debug, PartialEq)]
pub enum SplitRule {
    /// One border for all rows, by share of rows.
    Time,
    /// Borders for each row of the entity, by share of its rows.
    TimePer(String),
    /// The last rows of each row of the entity: counts of `valid` and `test`, the rest trains.
    LastPer(String),
    /// Whole days: counts from the first day on.
    Day,
    /// Each row by itself, with this seed.
    Random(u64),
}

/// `history(rating of user where stars >= 4, last: 50)`: earlier events of the entity that a row refers to.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryPlan {
    /// The events.
    pub source: String,
    /// The entity whose history it is.
    pub entity: String,
    /// A boolean output of the source's kernel that rows must satisfy.
    pub condition: Option<String>,
    /// At most so many, the latest.
    pub last: Option<usize>,
    /// Not older than this, in microseconds.
    pub within: Option<i64>,
}

/// A statistic over training rows.
#[derive(Clone, Debug)]
pub struct FitPlan {
    /// Its name, `movie.genres/vocab`.
    pub name: String,
    /// What is fitted.
    pub kind: FitKind,
    /// The row program whose only output `value` is what the statistic sees.
    pub kernel: Kernel,
    /// Which rows count.
    pub domain: Domain,
    /// The call.
    pub span: Span,
}

/// The kinds of statistics. Ids of values begin at `oov`; the ids below it are the unknown slots.
#[derive(Clone, Debug, PartialEq)]
pub enum FitKind {
    /// Ids of values by falling count, ties by value.
    Vocab {
        /// Rarer values are unknown.
        min_count: u64,
        /// Number of unknown slots; a value takes one by its hash.
        oov: usize,
        /// At most so many values.
        top: Option<usize>,
    },
    /// Borders that cut the values into so many buckets of equal weight.
    Quantiles(usize),
    /// Mean and population standard deviation.
    Moments,
    /// Smallest and largest value.
    Extent,
}

/// The rows over which a statistic counts.
#[derive(Clone, Debug, PartialEq)]
pub enum Domain {
    /// Rows of an entity, one count for each training event that refers to them.
    Referred {
        /// The entity.
        entity: String,
    },
    /// Rows of an entity, one count each.
    Catalogue {
        /// The entity.
        entity: String,
    },
    /// Training rows of events.
    Events {
        /// The events.
        source: String,
    },
}

/// How many rows a table has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TableRows {
    /// All ids of a fitted vocabulary, its unknown slots included: index into [`Plan::fits`].
    Vocabulary(usize),
    /// A number known to the compiler.
    Fixed(usize),
}

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
    /// Earlier events of the entity that the rows of a handle refer to: handle and index into [`Plan::histories`].
    /// The space is a list over the handle's space.
    History(usize, usize),
    /// The rows of another handle of the same source, row for row, as shared candidates.
    Shared(usize),
    /// Every row of the entity.
    Catalogue,
    /// Rows of several handles, one after another: in-batch candidates and sampled ones.
    Joined(Vec<usize>),
    /// Drawn anew each step, uniformly, with replacement.
    Sampled(usize),
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
    },
    /// For each pair of a batch row and a candidate, whether the user of the row has the candidate among the training
    /// rows of the stream: `bool[B, C]`.
    KnownPositive {
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
    /// The factor of the schedule at this step: `f32[]`.
    Schedule,
}

/// A training.
#[derive(Clone, Debug)]
pub struct PhasePlan {
    /// Its name, `train` where the spec gives none.
    pub name: String,
    /// The streams; the first is the clock.
    pub streams: Vec<StreamPlan>,
    /// One step: losses, gradients and updates. Its outputs are the losses by name, then `loss` and `grad_norm`.
    pub step: Program,
    /// Times through the first stream.
    pub epochs: usize,
    /// The factor on learning rates.
    pub schedule: Schedule,
    /// When to stop.
    pub stop: Option<StopPlan>,
    /// The declaration.
    pub span: Span,
}

/// The rows of one or more losses.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamPlan {
    /// How it prints.
    pub name: String,
    /// The source.
    pub source: String,
    /// A boolean output of the source's kernel that rows must satisfy.
    pub condition: Option<String>,
    /// Rows a step.
    pub batch: usize,
    /// In which order rows come.
    pub order: StreamOrder,
}

/// The order of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamOrder {
    /// Shuffled anew each epoch.
    Shuffled,
    /// Drawn uniformly with replacement at each step.
    Drawn,
}

/// The factor on learning rates by step. All begin with a linear warm-up over `warmup` steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schedule {
    /// 1.
    Constant {
        /// Steps of warm-up.
        warmup: usize,
    },
    /// A half cosine to 0 at the last step.
    Cosine {
        /// Steps of warm-up.
        warmup: usize,
    },
    /// A line to 0 at the last step.
    Linear {
        /// Steps of warm-up.
        warmup: usize,
    },
}

/// `stop early on valid films.recall@50 patience 3`: the best weights are kept.
#[derive(Clone, Debug, PartialEq)]
pub struct StopPlan {
    /// The split.
    pub split: String,
    /// The evaluation.
    pub evaluation: String,
    /// The metric by its full name, `recall@50`.
    pub metric: String,
    /// Epochs without a gain.
    pub patience: usize,
}

/// An evaluation.
#[derive(Clone, Debug)]
pub struct EvaluationPlan {
    /// Its name.
    pub name: String,
    /// The events.
    pub source: String,
    /// A boolean output of the source's kernel that rows must satisfy.
    pub condition: Option<String>,
    /// What is asked.
    pub kind: EvaluationKind,
    /// Metrics by full name: `recall@50`, `gauc(user)`.
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
