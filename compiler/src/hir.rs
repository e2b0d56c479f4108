//! The typed program: every name resolved, every library function expanded at its call, every value with its stage,
//! type, spaces and sides.
//!
//! A tower is typed once, as a function of one row: inside it values have no batch dimension. Losses and evaluations
//! apply towers to handles, and there the space of the handle appears in the types.

mod daily;
mod expr;
pub(crate) mod functions;
pub mod print;
mod rows;
mod stored;
pub mod ty;
mod views;

use std::collections::{BTreeMap, BTreeSet};

use reckon_grammar::span::Span;

use crate::graph::Init;
use crate::plan::{Schedule, ScoresPlan, SlicePlan, SourcePlan, SplitPlan};
use crate::value::Value;
pub use daily::{Affinity, ItemGraph, Loop, Turn};
pub use expr::{EmbedTable, Expr, ExprKind, Facts, LocalId, Vectors};
pub(crate) use rows::first_condition;
pub use rows::{Amount, Draw, Except, Negatives, Pick, Rows, Sampler};
pub use stored::{StatisticOf, StoredColumn};
pub use ty::{HandleTy, Kind, SpaceInfo, SpaceKind, SpaceRef, Stage, Tensor, Ty};
pub use views::{Candidates, Fill, Scoped, View};

/// A checked spec.
#[derive(Clone, Debug, Default)]
pub struct Hir {
    /// Settings with their final values, in the order of the spec.
    pub settings: Vec<(String, Value)>,
    /// Entities and events.
    pub sources: Vec<SourcePlan>,
    /// Which rows of its files a source has, by its name, where it has not all.
    pub conditions: BTreeMap<String, Expr>,
    /// Columns known only afterwards, by source and name.
    pub labels: BTreeSet<(String, String)>,
    /// Teachers that are tables, each with the events that read it.
    pub scores: Vec<ScoresPlan>,
    /// Splits.
    pub splits: Vec<SplitPlan>,
    /// Features in the order of the spec.
    pub features: Vec<Feature>,
    /// Histories that expressions refer to by index.
    pub histories: Vec<History>,
    /// Towers.
    pub towers: Vec<Tower>,
    /// Weights declared as items.
    pub weights: Vec<ItemWeight>,
    /// Columns that a run computes and keeps, in an order in which each comes after those that it reads.
    pub columns: Vec<StoredColumn>,
    /// Losses.
    pub losses: Vec<Loss>,
    /// Trainings.
    pub trains: Vec<Train>,
    /// Evaluations.
    pub evaluations: Vec<Evaluation>,
    /// Item graphs.
    pub graphs: Vec<ItemGraph>,
    /// Columns that item graphs fill.
    pub affinities: Vec<Affinity>,
    /// What is run once a day.
    pub daily: Option<Loop>,
    /// Towers that are exported.
    pub exports: Vec<(String, Span)>,
    /// Tests.
    pub tests: Vec<Test>,
    /// The index spaces that types refer to.
    pub spaces: Vec<SpaceInfo>,
}

/// A feature.
#[derive(Clone, Debug)]
pub struct Feature {
    /// The source.
    pub source: String,
    /// Its name.
    pub name: String,
    /// The row it belongs to.
    pub row: LocalId,
    /// How it is computed.
    pub value: Expr,
    /// Its doc lines.
    pub docs: Vec<String>,
    /// Its name's place.
    pub span: Span,
}

/// `history(...)` as written.
#[derive(Clone, Debug)]
pub struct History {
    /// The events.
    pub source: String,
    /// The entity.
    pub entity: String,
    /// The row that the condition speaks of, and the condition.
    pub condition: Option<(LocalId, Expr)>,
    /// At most so many.
    pub last: Option<usize>,
    /// Not older, in microseconds.
    pub within: Option<i64>,
    /// Labels that it reads and that become known later than their rows.
    pub labels: BTreeSet<String>,
    /// The call.
    pub span: Span,
    /// Equal for histories of equal text.
    pub key: String,
}

/// A tower.
#[derive(Clone, Debug)]
pub struct Tower {
    /// Its name.
    pub name: String,
    /// Parameters: local, name, type.
    pub params: Vec<(LocalId, String, Ty)>,
    /// What it computes.
    pub value: Expr,
    /// Where its weights come from, for a teacher: a tower that others read with the gradient stopped.
    pub teacher: Option<Teacher>,
    /// Its name's place.
    pub span: Span,
}

/// A teacher's weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Teacher {
    /// Where they come from.
    pub origin: Origin,
    /// Whose tables it reads.
    pub tables: Tables,
}

/// Where the weights of a teacher come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// Its own, trained by losses that are for it.
    Own,
    /// Its own, in the structure of another tower.
    Like(String),
    /// Those of another tower as a training begins that reads it.
    CopyOf(String),
    /// Those that a finished run has, in the structure of a tower of this spec.
    Taken {
        /// The tower.
        like: String,
        /// The run directory, relative to the folder of the spec.
        run: String,
    },
    /// Those of another tower as the day began.
    Before(String),
    /// A running average of those of another tower, moved once a step: `average = decay * average + (1 - decay) * weight`.
    EmaOf(String, f64),
}

/// Whose tables a teacher reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tables {
    /// Its own model space.
    Own,
    /// Those of the program, `shares tables`.
    Shared,
}

/// `weight bias: f32 = 0`
#[derive(Clone, Debug)]
pub struct ItemWeight {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: Tensor,
    /// First values.
    pub init: Init,
    /// Its name's place.
    pub span: Span,
}

/// A loss.
#[derive(Clone, Debug)]
pub struct Loss {
    /// Its name.
    pub name: String,
    /// The rows.
    pub rows: Rows,
    /// The names of the towers that it alone trains; empty for all.
    pub trains: Vec<String>,
    /// A value a row, or one value.
    pub value: Expr,
    /// Its name's place.
    pub span: Span,
}

/// A training.
#[derive(Clone, Debug)]
pub struct Train {
    /// Its name.
    pub name: String,
    /// Losses with their factors.
    pub minimize: Vec<(f64, String)>,
    /// Rows a step.
    pub batch: usize,
    /// Times through the first stream.
    pub epochs: usize,
    /// For dense weights.
    pub optimizer: Optimizer,
    /// For tables.
    pub embeddings: Optimizer,
    /// Largest norm of the gradient.
    pub clip: Option<f64>,
    /// Steps whose gradients are added before an update.
    pub accumulate: usize,
    /// The factor on learning rates.
    pub schedule: Schedule,
    /// When to stop: split, evaluation, metric, patience.
    pub stop: Option<(String, String, String, usize)>,
    /// The declaration.
    pub span: Span,
}

/// An optimiser with its learning rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Optimizer {
    /// The rule.
    pub rule: crate::graph::UpdateRule,
    /// The learning rate.
    pub lr: f64,
}

/// An evaluation.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Its name.
    pub name: String,
    /// The rows.
    pub rows: Rows,
    /// What is asked.
    pub kind: EvaluationKind,
    /// Metrics by full name.
    pub metrics: Vec<String>,
    /// Slices.
    pub slices: Vec<SlicePlan>,
    /// Slices by an expression over the query's rows: name and expression.
    pub slice_exprs: Vec<Expr>,
    /// The reference whose rows are resampled.
    pub interval: Option<String>,
    /// Baselines; `None` takes the usual ones.
    pub baselines: Option<Vec<String>>,
    /// Its name's place.
    pub span: Span,
}

impl Evaluation {
    /// Whether what it asks could not be checked.
    pub(crate) fn is_broken(&self) -> bool {
        match &self.kind {
            EvaluationKind::Retrieval { score, .. } => score.is_error(),
            EvaluationKind::Ranking { score, label } => score.is_error() || label.is_error(),
        }
    }
}

/// What an evaluation asks.
#[derive(Clone, Debug)]
pub enum EvaluationKind {
    /// Ranks a catalogue.
    Retrieval {
        /// The entity.
        entity: String,
        /// The local of its catalogue handle.
        catalogue: LocalId,
        /// The entity that asks; `None` for one query a row.
        per: Option<String>,
        /// The score, over batch and catalogue.
        score: Expr,
        /// Leaves out what was seen.
        except_seen: bool,
    },
    /// Scores rows.
    Ranking {
        /// The score.
        score: Expr,
        /// The label.
        label: Expr,
    },
}

/// A test.
#[derive(Clone, Debug)]
pub struct Test {
    /// What it says.
    pub title: String,
    /// Bindings in order.
    pub lets: Vec<(LocalId, String, Expr)>,
    /// Claims.
    pub asserts: Vec<Assert>,
    /// The item.
    pub span: Span,
}

/// A claim of a test.
#[derive(Clone, Debug)]
pub struct Assert {
    /// Left side, or the condition.
    pub left: Expr,
    /// Right side of `~=`.
    pub right: Option<Expr>,
    /// Absolute tolerance.
    pub within: f64,
    /// The line.
    pub span: Span,
}

impl Hir {
    /// The tower of this name.
    pub fn tower(&self, name: &str) -> Option<&Tower> {
        self.towers.iter().find(|tower| tower.name == name)
    }
}

impl Tower {
    /// Whether losses that are for it train it: neither a copy nor an average.
    pub fn learns(&self) -> bool {
        match &self.teacher {
            None => true,
            Some(teacher) => matches!(teacher.origin, Origin::Own | Origin::Like(_)),
        }
    }

    /// The tower whose weights it copies or averages.
    pub fn follows(&self) -> Option<&str> {
        match &self.teacher.as_ref()?.origin {
            Origin::CopyOf(of) | Origin::Before(of) | Origin::EmaOf(of, _) => Some(of),
            Origin::Own | Origin::Like(_) | Origin::Taken { .. } => None,
        }
    }
}
