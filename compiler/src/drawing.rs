//! A spec as a picture: cards for sources, towers, teachers, columns, losses and trainings, and arrows that say how values flow
//! and whether gradients flow back.

mod dot;
mod gather;
mod layout;
mod letters;
mod svg;

use reckon_grammar::diagnostic::Diagnostic;

use crate::flow::flow;
use crate::hir::Hir;

/// What is drawn, before it has a place.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Drawing {
    cards: Vec<Card>,
    arrows: Vec<Arrow>,
}

/// One thing of a spec.
#[derive(Clone, Debug, PartialEq)]
struct Card {
    kind: Kind,
    /// What stands above the title: `entity`, `teacher`.
    what: String,
    title: String,
    /// Text on the left and on the right of each line.
    lines: Vec<(String, String)>,
}

/// Kinds of cards, which have their own colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Source,
    Graph,
    Column,
    Tower,
    Teacher,
    Loss,
    Train,
}

/// Values that flow from one card to another, by their indexes.
#[derive(Clone, Debug, PartialEq)]
struct Arrow {
    from: usize,
    to: usize,
    kind: Flowing,
    /// What is said beside it: `0.1 ×`, `copy`.
    note: String,
}

/// What flows back along an arrow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Flowing {
    /// Nothing could: rows, columns, statistics.
    Rows,
    /// No gradient, though weights stand before it.
    Stopped,
    /// Gradients.
    Gradient,
}

/// Draws a checked spec.
///
/// # Errors
/// What keeps the spec from being lowered.
pub fn drawing(hir: &Hir) -> Result<Drawing, Vec<Diagnostic>> {
    Ok(gather::gather(hir, &flow(hir)?))
}

impl Drawing {
    /// As a picture that follows the reader's choice of light and dark, and is made of nothing but itself.
    pub fn svg(&self) -> String {
        svg::svg(self, &layout::layout(self))
    }

    /// As a graph for Graphviz.
    pub fn dot(&self) -> String {
        dot::dot(self)
    }
}

impl Kind {
    /// As styles call it.
    fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Graph => "graph",
            Self::Column => "column",
            Self::Tower => "tower",
            Self::Teacher => "teacher",
            Self::Loss => "loss",
            Self::Train => "train",
        }
    }
}
