//! The plan: everything that the runtime does, as plain data.
//!
//! A run goes through the plan from top to bottom: it reads `sources`, cuts them by `splits`, fits `fits` in order,
//! runs `kernels` over every row of their source, then takes the `phases` and `evaluations`. Tensor programs are fed
//! through [`Program::feeds`]: each graph input says which column it holds, at the rows of which handle.

mod daily;
mod evaluation;
pub mod print;
mod program;
pub mod row;
mod rows;
mod scores;
mod source;
mod stored;
mod training;
mod vectors;

use std::collections::BTreeMap;

use reckon_grammar::span::Span;

use crate::value::Value;
use row::Kernel;

pub use daily::{AffinityPlan, GraphPlan, LoopPlan, NearnessPlan, RowsPlan, Turn, WindowPlan};
pub use evaluation::{EvaluationKind, EvaluationPlan, ExportPlan, SlicePlan};
pub use program::{Clock, Feed, FeedKind, Handle, HandleRows, Program};
pub use rows::{AmountPlan, Counted, CountedRows, NegativesPlan, PickPlan, SamplerPlan};
pub use scores::ScoresPlan;
pub use source::{
    Absent, BadRows, ColumnPlan, Immature, JoinPlan, Known, ReferencePlan, SkipLimit, SourceKind,
    SourcePlan, SplitPlan, SplitRule, TimeFormat,
};
pub use stored::{ColumnRef, CrossFit, FoldBy, Reach, StoredPlan, StoredValue};
pub use training::{
    AccumulatePlan, AveragePlan, CopyPlan, HeldPlan, LoadParam, LoadPlan, PhasePlan, Schedule,
    StopPlan, StreamOrder, StreamPlan,
};
pub use vectors::{Tune, VectorsPlan};

/// A compiled spec.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Settings by name with their final values.
    pub settings: BTreeMap<String, Value>,
    /// Entities and events in the order of the spec.
    pub sources: Vec<SourcePlan>,
    /// Teachers that are tables, each with the events that read it.
    pub scores: Vec<ScoresPlan>,
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
    /// Those of them that begin with the vectors of a file, by the path of the table.
    pub vectors: BTreeMap<String, VectorsPlan>,
    /// Teachers out of finished runs.
    pub loads: Vec<LoadPlan>,
    /// Item graphs in the order of the spec.
    pub graphs: Vec<GraphPlan>,
    /// Columns that item graphs fill.
    pub affinities: Vec<AffinityPlan>,
    /// Trainings in the order of their dataflow, those of the loop last and in its order.
    pub phases: Vec<PhasePlan>,
    /// Columns that a run computes and keeps, in the order in which they are computed.
    pub columns: Vec<StoredPlan>,
    /// Evaluations in the order of the spec.
    pub evaluations: Vec<EvaluationPlan>,
    /// What is run once a day, after everything else.
    pub daily: Option<LoopPlan>,
    /// Towers that serve alone.
    pub exports: Vec<ExportPlan>,
}

impl Plan {
    /// The source of this name.
    pub fn source(&self, name: &str) -> Option<&SourcePlan> {
        self.sources.iter().find(|source| source.name == name)
    }
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
    /// From when on the labels are known that it reads. A row sees the events whose labels were known before it, in the order
    /// in which they became known.
    pub known: Vec<Known>,
}

/// A statistic over training rows.
#[derive(Clone, Debug)]
pub struct FitPlan {
    /// Its name, `movie.genres/vocab`.
    pub name: String,
    /// Where it comes from, if it is not fitted here.
    pub taken: Option<TakenFit>,
    /// What is fitted.
    pub kind: FitKind,
    /// The row program whose output `value` is what the statistic sees.
    pub kernel: Kernel,
    /// Which rows count.
    pub domain: Domain,
    /// Of these, those of which days count, in a loop.
    pub sees: Sees,
    /// The call.
    pub span: Span,
}

/// A statistic that a finished run has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenFit {
    /// The run directory, relative to the folder of the spec.
    pub run: String,
    /// Its name there.
    pub name: String,
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
    /// The mutual information of all pairs of fields, each an output of the kernel; the diagonal holds entropies. Fields
    /// without an output have 0 with all others.
    MutualInformation {
        /// The names of the fields, in the order of rows and columns.
        fields: Vec<String>,
    },
    /// Number, mean and deviation of each group of rows with equal keys, and their values where a statistic needs them. The
    /// outputs of the kernel: `value` where there is one, `where` where there is a condition, then the keys.
    Groups {
        /// How many outputs are keys.
        keys: usize,
        /// Whether the values are kept.
        values: bool,
    },
}

/// The days that a statistic counts in a loop over days. Vocabularies keep what they have and append what comes later;
/// statistics by group are fitted anew each day; borders of buckets and scales stay as the first such days have made them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sees {
    /// Those up to the present one.
    #[default]
    Present,
    /// Those before the present one: it reads labels.
    Before,
}

impl FitKind {
    /// Whether a loop keeps it as it was first fitted: what is trained relies on its borders.
    pub fn stays(&self) -> bool {
        match self {
            Self::Quantiles(_) | Self::Moments | Self::Extent | Self::MutualInformation { .. } => {
                true
            }
            Self::Vocab { .. } | Self::Groups { .. } => false,
        }
    }
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
    /// The rows of a loss by their weights; of an entity, each row by the weights of those that refer to it.
    Loss {
        /// The loss.
        loss: String,
        /// Its rows.
        rows: Box<CountedRows>,
        /// The entity whose rows count, where it is not the loss's rows themselves.
        entity: Option<String>,
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
