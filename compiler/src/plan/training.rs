//! What a `train` becomes.

use reckon_grammar::span::Span;

use super::{CountedRows, NegativesPlan, PickPlan, Program, SamplerPlan, WindowPlan};
use crate::graph::{Graph, Param};

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
    /// What teachers that stand still say of the rows of streams: inputs of the step, which are the same whenever a row comes again.
    pub held: Vec<HeldPlan>,
    /// How the gradients of several batches are applied at once, where they are; then `step` is one batch without updates, and
    /// has the gradients among its outputs.
    pub accumulate: Option<AccumulatePlan>,
    /// Times through the first stream.
    pub epochs: usize,
    /// The factor on learning rates.
    pub schedule: Schedule,
    /// When to stop.
    pub stop: Option<StopPlan>,
    /// The declaration.
    pub span: Span,
}

/// What is computed once for each row of a stream and remembered: forward passes of teachers that stand still.
#[derive(Clone, Debug)]
pub struct HeldPlan {
    /// The stream, index into [`PhasePlan::streams`].
    pub stream: usize,
    /// Its outputs have the names of the inputs of the step that they fill, and one element or vector a row of the batch.
    pub program: Program,
}

/// `accumulate 4`
#[derive(Clone, Debug)]
pub struct AccumulatePlan {
    /// Batches of an update.
    pub batches: usize,
    /// Clips and updates by gradients that are its inputs, see [`crate::training::accumulated_step`]. Its output is `grad_norm`.
    pub update: Program,
}

impl PhasePlan {
    /// The graph that changes parameters.
    pub fn updating(&self) -> &Graph {
        match &self.accumulate {
            Some(accumulate) => &accumulate.update.graph,
            None => &self.step.graph,
        }
    }
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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StreamPlan {
    /// How it prints.
    pub name: String,
    /// The source.
    pub source: String,
    /// Which rows a day takes, in a loop.
    pub window: Option<WindowPlan>,
    /// A boolean output of the source's kernel that rows must satisfy.
    pub condition: Option<String>,
    /// What narrows and weighs rows after that, in order.
    pub picks: Vec<PickPlan>,
    /// What narrows and weighs the second half of each batch, where batches have halves; `condition` is not asked of it.
    pub balanced: Option<Vec<PickPlan>>,
    /// Rows drawn beside each row.
    pub negatives: Option<NegativesPlan>,
    /// An output of the source's kernel: rows with an equal value are in one batch, beside each other.
    pub group: Option<String>,
    /// At most so many rows of a group, the first of the file.
    pub most: Option<usize>,
    /// Rows a step, drawn ones included; of groups, so many rows or one group more.
    pub batch: usize,
    /// In which order rows come.
    pub order: StreamOrder,
}

/// The order of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum StreamOrder {
    /// Shuffled anew each epoch.
    #[default]
    Shuffled,
    /// Drawn uniformly at each step, without replacement where the stream has enough rows.
    Drawn,
    /// Drawn with replacement at each step, in proportion to an output of the source's kernel.
    DrawnBy(String),
}

impl StreamPlan {
    /// Whether its rows have weights.
    pub fn is_weighed(&self) -> bool {
        let second = self.balanced.iter().flatten();
        self.picks
            .iter()
            .chain(second)
            .any(|pick| matches!(pick, PickPlan::Weigh(_)))
    }

    /// How it prints: its rows as they are written.
    pub fn describe(&self) -> String {
        let mut text = self.source.clone();
        if let Some(window) = &self.window {
            text.push_str(&format!(" {window}"));
        }
        if let Some(condition) = &self.condition {
            text.push_str(&format!(" where {condition}"));
        }
        self.picks
            .iter()
            .for_each(|pick| text.push_str(&pick.to_string()));
        if let Some(picks) = &self.balanced {
            let second: Vec<String> = picks.iter().map(PickPlan::to_string).collect();
            text = format!("balanced({text}, {}{})", self.source, second.concat());
        }
        if let Some(negatives) = &self.negatives {
            let sampler = &negatives.sampler;
            text.push_str(&format!(
                " |> negatives({}, {}{})",
                sampler.entity,
                negatives.count,
                by(sampler)
            ));
        }
        if let Some(group) = &self.group {
            let most = self.most.map(|most| format!(", most: {most}"));
            text.push_str(&format!(" |> group({group}{})", most.unwrap_or_default()));
        }
        text
    }
}

impl CountedRows {
    /// How they print: as they are written.
    pub fn describe(&self) -> String {
        let stream = StreamPlan {
            source: self.kernel.source.clone(),
            condition: self.condition.clone(),
            picks: self.picks.clone(),
            ..StreamPlan::default()
        };
        stream.describe()
    }
}

/// The weight of a sampler's things.
fn by(sampler: &SamplerPlan) -> String {
    let count =
        (sampler.power != 0.0).then(|| format!("count({}) ^ {}", sampler.entity, sampler.power));
    let factors: Vec<String> = count.into_iter().chain(sampler.output.clone()).collect();
    match factors.is_empty() {
        true => String::new(),
        false => format!(", by: {}", factors.join(" * ")),
    }
}

impl std::fmt::Display for SamplerPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match by(self).strip_prefix(", by: ") {
            Some(weight) => write!(f, "in proportion to {weight}"),
            None => f.write_str("uniformly"),
        }
    }
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
