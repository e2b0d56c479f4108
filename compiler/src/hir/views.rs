//! Views of rows, and candidates.

use super::{Expr, LocalId, Sampler};

/// What a view changes.
#[derive(Clone, Debug, PartialEq)]
pub struct View {
    /// Equal for two expressions of the same view.
    pub id: LocalId,
    /// The bindings that the mask reads, outermost first.
    pub scopes: Vec<Scoped>,
    /// Which features are hidden, in the order of their declaration: `bool[K]`, for all rows or for each.
    pub mask: Option<Expr>,
    /// The names of the features that the mask speaks of.
    pub fields: Vec<String>,
    /// What stands in the place of hidden features.
    pub fill: Fill,
    /// The probability with which each value of a list is left out in training.
    pub drop: f64,
}

/// Bindings that open a segment of the path, as a [`super::ExprKind::Scope`] does.
#[derive(Clone, Debug, PartialEq)]
pub struct Scoped {
    /// The path segment; `None` adds none.
    pub segment: Option<String>,
    /// Bindings in order.
    pub lets: Vec<(LocalId, String, Expr)>,
}

/// What stands in the place of a hidden feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fill {
    /// A learned vector of the feature.
    Learned,
    /// Zeros.
    Zero,
}

/// Kinds of candidates.
#[derive(Clone, Debug, PartialEq)]
pub enum Candidates {
    /// Every entity row of the batch.
    InBatch,
    /// The whole catalogue.
    Catalogue,
    /// A row's own thing, and so many drawn ones that all rows share.
    Sampled(usize, Box<Sampler>),
    /// In-batch ones and so many drawn ones.
    Mixed(usize, Box<Sampler>),
    /// A row's own thing, and so many of the batch that score highest for it.
    Mined(usize),
}
