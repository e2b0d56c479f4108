//! Tables that begin with the vectors of a file.

use reckon_grammar::span::Span;

use super::SourcePlan;

/// `movie_id |> vocab |> pretrained("vectors.parquet", 64)`: where the first values of a table stand.
#[derive(Clone, Debug)]
pub struct VectorsPlan {
    /// The file as an entity: its key, and a column of lists of numbers.
    pub file: SourcePlan,
    /// The column of lists.
    pub column: String,
    /// How many numbers a vector has.
    pub width: usize,
    /// Whether they learn.
    pub tune: Tune,
    /// The call.
    pub span: Span,
}

/// How a table learns that begins with the vectors of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tune {
    /// Not at all.
    Frozen,
    /// At [`Tune::SLOW`] of the rate of the tables.
    Slow,
    /// As all tables do.
    Free,
}

impl Tune {
    /// The share of the rate of the tables at which slow ones learn.
    pub const SLOW: f64 = 0.1;

    /// The word that specs write.
    pub fn word(self) -> &'static str {
        match self {
            Self::Frozen => "frozen",
            Self::Slow => "slow",
            Self::Free => "free",
        }
    }
}

impl VectorsPlan {
    /// `the column vector of "vectors.parquet" by movie_id, frozen`
    pub fn words(&self) -> String {
        format!(
            "the column {} of {} by {}, {}",
            self.column,
            self.file.written_paths(),
            self.file.key.join(", "),
            self.tune.word()
        )
    }
}
