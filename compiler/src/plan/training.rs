//! What a `train` becomes.

use reckon_grammar::span::Span;

use super::Program;
use crate::graph::Param;

/// A training.
#[derive(Clone, Debug)]
pub struct PhasePlan {
    /// Its name, `train` where the spec gives none.
    pub name: String,
    /// The phases whose weights it reads, or whose training it goes on with: indexes into [`super::Plan::phases`], all
    /// smaller than its own.
    pub after: Vec<usize>,
    /// Parameters that take the values of others before the first step, in order: copies of teachers, and averages that
    /// begin here.
    pub begins: Vec<CopyPlan>,
    /// Averages that are moved after every step, in order.
    pub averages: Vec<AveragePlan>,
    /// The streams; the first is the clock.
    pub streams: Vec<StreamPlan>,
    /// One step: losses, gradients and updates. Its outputs are the losses by name, then `total_loss` and `grad_norm`.
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

/// A parameter that takes the value of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyPlan {
    /// The path of the value.
    pub from: String,
    /// The path that takes it.
    pub to: String,
}

/// The weights of a teacher out of a finished run.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadPlan {
    /// The teacher.
    pub teacher: String,
    /// The run directory, relative to the folder of the spec.
    pub run: String,
    /// Its parameters, in the order of their paths.
    pub params: Vec<LoadParam>,
    /// The declaration of the teacher.
    pub span: Span,
}

/// A parameter that is taken from a run.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadParam {
    /// Its path here.
    pub path: String,
    /// Its type.
    pub param: Param,
    /// The paths that it may have there; the first that the run has is taken.
    pub from: Vec<String>,
}

/// A running average of a parameter: `average = decay * average + (1 - decay) * value`.
#[derive(Clone, Debug, PartialEq)]
pub struct AveragePlan {
    /// The path of the value.
    pub value: String,
    /// The path of the average.
    pub average: String,
    /// What stays of the average in a step, from 0 up to 1.
    pub decay: f64,
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
