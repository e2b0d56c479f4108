//! Loops over days and item graphs.

use reckon_grammar::span::Span;

use super::{Expr, Rows};
use crate::plan::NearnessPlan;

/// `loop day over visit.at by 1d { ... }`
#[derive(Clone, Debug)]
pub struct Loop {
    /// Its name.
    pub name: String,
    /// The events whose times cut the days.
    pub source: String,
    /// How long a day is, in microseconds.
    pub by: i64,
    /// What is run once a day, by name, in the order of the text.
    pub turns: Vec<Turn>,
    /// Its name's place.
    pub span: Span,
}

impl Loop {
    /// The columns that it computes each day, by source and name.
    pub(crate) fn columns(&self) -> impl Iterator<Item = (String, String)> + use<'_> {
        self.turns.iter().filter_map(|turn| match turn {
            Turn::Column(source, name) => Some((source.clone(), name.clone())),
            Turn::Graph(_) | Turn::Train(_) | Turn::Evaluate(_) => None,
        })
    }
}

/// What is run once a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// An item graph.
    Graph(String),
    /// A column, by source and name.
    Column(String, String),
    /// A training.
    Train(String),
    /// An evaluation.
    Evaluate(String),
}

/// `graph near = swing(ROWS, user, item)`
#[derive(Clone, Debug)]
pub struct ItemGraph {
    /// Its name.
    pub name: String,
    /// How near two things are.
    pub nearness: NearnessPlan,
    /// Whose pairs it is made of.
    pub rows: Rows,
    /// How strong the edge of a row's pair is; all are equal where there is none.
    pub weight: Option<Expr>,
    /// The entity of people.
    pub people: String,
    /// The entity of things.
    pub things: String,
    /// Its name's place.
    pub span: Span,
}

/// `affinity(near, item, seeds: ROWS)`: a column of the graph's things.
#[derive(Clone, Debug)]
pub struct Affinity {
    /// The name of the column; equal calls share it.
    pub column: String,
    /// The graph.
    pub graph: String,
    /// The rows that refer to the seeds.
    pub seeds: Rows,
}
