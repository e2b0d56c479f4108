//! Columns that a run computes and keeps, and statistics of training rows by group.

use reckon_grammar::span::Span;

use super::{Expr, Rows};
use crate::plan::row::{RowType, Statistic};
use crate::plan::{CrossFit, Reach};

/// `column NAME over ROWS = EXPR`
#[derive(Clone, Debug)]
pub struct StoredColumn {
    /// Its name.
    pub name: String,
    /// The rows that have a value.
    pub rows: Rows,
    /// The selector that these rows are, where they are written as one and nothing else.
    pub selector: Option<String>,
    /// Whether rows of evaluation have one too.
    pub reach: Reach,
    /// How training rows get values of towers that have not seen them.
    pub cross_fit: Option<CrossFit>,
    /// The value of a row: a number of a tower, or of the row's columns.
    pub value: Expr,
    /// The type that its readers see.
    pub ty: RowType,
    /// Its name's place.
    pub span: Span,
}

/// A statistic of the training rows of a source, of the group that the reading row is in.
#[derive(Clone, Debug, PartialEq)]
pub struct StatisticOf {
    /// What is told of the group.
    pub statistic: Statistic,
    /// The source whose training rows count.
    pub source: String,
    /// Whether the source was named: then each row of an entity counts once, else once for each training event of it.
    pub named: bool,
    /// What is measured, of a row that counts; absent where rows are counted.
    pub value: Option<Expr>,
    /// Which rows count.
    pub condition: Option<Expr>,
    /// What tells groups apart, of a row that counts.
    pub keys: Vec<Expr>,
    /// The row that reads.
    pub row: Expr,
    /// The same keys, of the row that reads.
    pub at: Vec<Expr>,
}

impl StatisticOf {
    /// What is read of the row that asks: its keys, and for its place in the group its own value.
    pub(crate) fn read(&self) -> impl Iterator<Item = &Expr> {
        let own = match self.statistic {
            Statistic::Percentile => self.value.as_ref(),
            Statistic::Count
            | Statistic::Sum
            | Statistic::Mean
            | Statistic::Std
            | Statistic::Quantile(_) => None,
        };
        self.at.iter().chain(own)
    }
}
