//! Teachers that are tables of scores.

use reckon_grammar::span::Span;

use super::SourcePlan;

/// What a teacher said of pairs, joined to the rows of events as columns: each row sees the latest scores of its keys that are
/// older than the row by more than a lag.
#[derive(Clone, Debug)]
pub struct ScoresPlan {
    /// The teacher.
    pub teacher: String,
    /// The events whose rows it is read at.
    pub source: String,
    /// Its files: keys, time and heads.
    pub table: SourcePlan,
    /// The columns that must be equal, of the same names in the table and in the events.
    pub on: Vec<String>,
    /// The column that dates rows, of the same name in both.
    pub time: String,
    /// How much older than a row its scores are at least, in microseconds.
    pub lag: i64,
    /// Columns of the table, and of the events that they become.
    pub heads: Vec<(String, String)>,
    /// The declaration.
    pub span: Span,
}

impl ScoresPlan {
    /// The column of the events that holds a head of a teacher; a teacher of one head calls it `score`.
    pub fn column(teacher: &str, head: &str) -> String {
        format!("{teacher}.{head}")
    }
}
