//! Rows of items: a source, what narrows it, and how a step takes from it.

use reckon_grammar::ast::BinaryOp;
use reckon_grammar::span::Span;

use super::{Expr, ExprKind, LocalId};
use crate::plan::WindowPlan;

/// Rows of a source.
#[derive(Clone, Debug)]
pub struct Rows {
    /// The source.
    pub source: String,
    /// The local that stands for its row handle.
    pub row: LocalId,
    /// Which rows a day reads, in a loop.
    pub window: Option<WindowPlan>,
    /// What rows must satisfy.
    pub condition: Option<Expr>,
    /// What narrows and weighs them after that, in order.
    pub picks: Vec<Pick>,
    /// Drawn from an entity or events at each step instead of shuffled.
    pub drawn: Option<Draw>,
    /// The other half of each batch.
    pub balanced: Option<Vec<Pick>>,
    /// Rows drawn beside each row.
    pub negatives: Option<Negatives>,
    /// Rows with an equal value come together.
    pub group: Option<Expr>,
    /// At most so many rows of a group, the first of the file.
    pub most: Option<usize>,
    /// The selectors that all of them have passed.
    pub through: Vec<String>,
    /// An own batch size.
    pub batch: Option<usize>,
    /// The text.
    pub span: Span,
}

impl Rows {
    /// Whether they are rows of a source, each at most once: narrowed or weighed, but neither drawn nor grouped.
    pub(crate) fn are_of_a_source(&self) -> bool {
        self.drawn.is_none()
            && self.balanced.is_none()
            && self.negatives.is_none()
            && self.group.is_none()
    }

    /// Whether they are a source, perhaps of a day, with a condition and nothing else.
    pub(crate) fn is_plain(&self) -> bool {
        self.picks.is_empty() && self.are_of_a_source()
    }

    /// Narrows them, after all that narrows them already.
    pub(crate) fn keep(&mut self, condition: Expr) {
        if self.balanced.is_none() && self.picks.is_empty() {
            self.condition = Some(both(self.condition.take(), condition));
            return;
        }
        if let Some(second) = &mut self.balanced {
            second.push(Pick::Keep(condition.clone()));
        }
        self.picks.push(Pick::Keep(condition));
    }

    /// Whether some rows are more likely to be among them than others: drawn beside others, drawn by a value, or left out
    /// at random.
    pub(crate) fn is_drawn(&self) -> bool {
        let thinned = |pick: &Pick| matches!(pick, Pick::DownSample(..));
        self.negatives.is_some()
            || matches!(self.drawn, Some(Draw::By(_)))
            || self.picks.iter().any(thinned)
    }

    /// What decides which rows there are and how they are drawn, itself over rows of the source.
    pub(crate) fn expressions(&self) -> Vec<&Expr> {
        let picks = self.picks.iter().chain(self.balanced.iter().flatten());
        let picked = picks.filter_map(Pick::value);
        let drawn = self.drawn.iter().filter_map(|draw| match draw {
            Draw::Uniform => None,
            Draw::By(e) => Some(e),
        });
        let weight = self.negatives.iter().flat_map(|of| &of.sampler.weight);
        self.condition
            .iter()
            .chain(picked)
            .chain(drawn)
            .chain(weight)
            .chain(&self.group)
            .collect()
    }
}

/// Two conditions as one.
fn both(before: Option<Expr>, after: Expr) -> Expr {
    let Some(before) = before else { return after };
    let (ty, span) = (before.ty.clone(), after.span);
    let facts = before.facts.clone().join(&after.facts);
    let both = ExprKind::Binary(BinaryOp::And, Box::new(before), Box::new(after));
    Expr::new(both, ty, facts, span)
}

/// How rows are drawn.
#[derive(Clone, Debug)]
pub enum Draw {
    /// Each with the same probability.
    Uniform,
    /// In proportion to a value of the row.
    By(Expr),
}

impl Pick {
    /// What it reads of each row.
    pub(crate) fn value(&self) -> Option<&Expr> {
        match self {
            Self::Keep(e) | Self::Top(_, e) | Self::Weigh(e) | Self::DownSample(e, _) => Some(e),
            Self::AtMost(_, by) => by.as_ref(),
        }
    }
}

/// What narrows or weighs rows.
#[derive(Clone, Debug)]
pub enum Pick {
    /// Rows that satisfy a condition.
    Keep(Expr),
    /// At most so many: those with the largest values, or any where there is no value.
    AtMost(Amount, Option<Expr>),
    /// The share of the rows that has the largest values.
    Top(f64, Expr),
    /// The weight of each row in its loss.
    Weigh(Expr),
    /// Of the rows that satisfy the condition, each stays with this probability.
    DownSample(Expr, f64),
}

/// A number of rows.
#[derive(Clone, Debug)]
pub enum Amount {
    /// Known while compiling.
    Rows(usize),
    /// `10 * count(ROWS)`
    Times(f64, Box<Rows>),
}

/// Rows drawn beside each row: with another thing, and without its labels.
#[derive(Clone, Debug)]
pub struct Negatives {
    /// Where things are drawn from.
    pub sampler: Sampler,
    /// Drawn rows beside each row.
    pub count: usize,
    /// Which things are not drawn.
    pub except: Except,
    /// Columns that drawn rows have from their row.
    pub kept: Vec<String>,
    /// Columns that are 0 or false in drawn rows.
    pub labels: Vec<String>,
}

/// Things that are not drawn for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Except {
    /// All are.
    Nothing,
    /// What the user has among the rows of this stream.
    Clicked,
    /// What the user has among all training rows.
    Seen,
}

/// Draws things in proportion to `count ^ power * weight`.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampler {
    /// The entity.
    pub entity: String,
    /// The exponent of the number of rows of the stream that refer to a thing; 0 is uniform.
    pub power: f64,
    /// A value of each thing.
    pub weight: Option<Expr>,
}

/// Takes the conditions that picks begin with, as one.
pub(crate) fn first_condition(picks: &mut Vec<Pick>) -> Option<Expr> {
    let mut all: Option<Expr> = None;
    while let Some(Pick::Keep(cond)) = picks.first() {
        let cond = cond.clone();
        picks.remove(0);
        all = Some(both(all, cond));
    }
    all
}
