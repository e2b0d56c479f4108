//! Which rows a stream takes, and what it draws beside them.

use super::RowsPlan;
use super::row::Kernel;

/// What narrows or weighs the rows of a stream; names are outputs of the source's kernel.
#[derive(Clone, Debug, PartialEq)]
pub enum PickPlan {
    /// Rows for which a boolean output is true.
    Keep(String),
    /// At most so many, those with the largest values of an output, ties in file order; any where there is no output, the same
    /// ones for one seed.
    AtMost(AmountPlan, Option<String>),
    /// The share of the rows with the largest values of an output, ties in file order, at least one.
    Top(f64, String),
    /// The output is the weight of each row in its loss.
    Weigh(String),
    /// Of the rows for which a boolean output is true, each stays with this probability.
    DownSample(String, f64),
}

impl std::fmt::Display for PickPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keep(cond) => write!(f, " |> keep({cond})"),
            Self::AtMost(n, None) => write!(f, " |> at_most({n})"),
            Self::AtMost(n, Some(by)) => write!(f, " |> at_most({n}, by: {by})"),
            Self::Top(share, by) => write!(f, " |> top({}%, by: {by})", share * 100.0),
            Self::Weigh(weight) => write!(f, " |> weigh({weight})"),
            Self::DownSample(cond, rate) => write!(f, " |> down_sample({cond}, {rate})"),
        }
    }
}

/// The rows of a loss as statistics count them, before anything is trained.
#[derive(Clone, Debug, PartialEq)]
pub struct CountedRows {
    /// The row program whose outputs the others name; its source is that of the rows.
    pub kernel: Kernel,
    /// A boolean output that training rows must satisfy.
    pub condition: Option<String>,
    /// What narrows and weighs rows after that, in order.
    pub picks: Vec<PickPlan>,
}

/// A number of rows.
#[derive(Clone, Debug, PartialEq)]
pub enum AmountPlan {
    /// Known while compiling.
    Rows(usize),
    /// A multiple of the number of other rows.
    Times(f64, RowsPlan),
}

impl std::fmt::Display for AmountPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rows(n) => write!(f, "{n}"),
            Self::Times(factor, rows) => write!(f, "{factor} * count({rows})"),
        }
    }
}

/// Rows drawn beside each row of a batch: its references, time and history but another thing, labels 0 or false.
#[derive(Clone, Debug, PartialEq)]
pub struct NegativesPlan {
    /// What things are drawn by.
    pub sampler: SamplerPlan,
    /// Drawn rows beside each row.
    pub count: usize,
    /// Which things are not drawn for a row.
    pub except: crate::hir::Except,
    /// Which rows say how often a thing comes, and what a user has.
    pub counted: Counted,
    /// Columns that drawn rows have from their row.
    pub kept: Vec<String>,
    /// Columns that are 0 or false in drawn rows.
    pub labels: Vec<String>,
}

/// Which rows draws beside the rows of a stream go by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Those of the stream itself.
    Stream,
    /// Those that pass as the stream's do and happened before what a day asks about; where there are none all things are alike.
    Before,
}

/// Draws things of an entity, with replacement, in proportion to `count ^ power * output`.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplerPlan {
    /// The entity.
    pub entity: String,
    /// The exponent of the number of rows of the stream that refer to a thing; 0 is uniform.
    pub power: f64,
    /// A float output of the entity's kernel; negative values count as 0.
    pub output: Option<String>,
}

impl SamplerPlan {
    /// Every thing with the same probability.
    pub fn uniform(entity: &str) -> Self {
        Self {
            entity: entity.to_owned(),
            power: 0.0,
            output: None,
        }
    }
}
