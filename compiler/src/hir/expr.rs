//! Typed expressions.

use std::collections::BTreeSet;

use reckon_grammar::ast::{BinaryOp, UnaryOp};
use reckon_grammar::span::Span;

use super::{Candidates, StatisticOf, Ty, View};
use crate::graph::Init;
use crate::plan::Tune;
use crate::plan::row::RowKind;
use crate::value::Value;

/// A local: a parameter or a `let`.
pub type LocalId = usize;

/// What is known of a value beside its type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// The sides it reads: names of entities, `context`, `past`.
    pub sides: BTreeSet<String>,
    /// Where it reads a label of its own row.
    pub label: Option<Span>,
}

impl Facts {
    /// The union.
    #[must_use]
    pub fn join(mut self, other: &Self) -> Self {
        self.sides.extend(other.sides.iter().cloned());
        self.label = self.label.or(other.label);
        self
    }
}

/// A typed expression.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// Its kind.
    pub kind: ExprKind,
    /// Its type.
    pub ty: Ty,
    /// Sides and labels.
    pub facts: Facts,
    /// Where the text asks for it.
    pub span: Span,
}

/// Kinds of typed expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A constant.
    Const(Value),
    /// A parameter or let.
    Local(LocalId),
    /// An intrinsic on its operands.
    Prim(String, Vec<Expr>),
    /// An operator.
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    /// An expanded function, or the body of a loop's round: bindings, then the value. Weights inside have the segment in
    /// their path.
    Scope {
        /// The path segment; `None` adds none.
        segment: Option<String>,
        /// Bindings in order.
        lets: Vec<(LocalId, String, Expr)>,
        /// The value.
        value: Box<Expr>,
    },
    /// A tower applied to handles and tensors.
    Tower(String, Vec<Expr>),
    /// `frozen(t)(x)`: the same, and no gradient goes into the tower's weights.
    Frozen(String, Vec<Expr>),
    /// A weight of a function: name, initial value, and whether it is untrained state.
    Weight(String, Init, bool),
    /// A weight item.
    ItemWeight(String),
    /// A feature of a handle, as a tensor.
    Feature(Box<Expr>, String),
    /// A column of a handle.
    Column(Box<Expr>, String),
    /// The entity rows that a handle's rows refer to.
    Refer(Box<Expr>, String),
    /// Earlier events of the row, by index into [`super::Hir::histories`].
    History(Box<Expr>, usize),
    /// Rows seen with features hidden or lists of values thinned.
    View(Box<Expr>, Box<View>),
    /// Candidates of an entity: how, then the handle of the batch's own entity rows.
    Candidates(Candidates, Box<Expr>),
    /// What candidates and handles carry beside features: `key`, `index`, `positive`, `log_count`, `weight`.
    Builtin(Box<Expr>, String),
    /// Minus or not.
    Unary(UnaryOp, Box<Expr>),
    /// Row values as a tensor.
    Feed(Box<Expr>),
    /// Looks ids up in a table.
    Embed(Box<Expr>, EmbedTable),
    /// First branch in training, second elsewhere.
    IfTraining(Box<Expr>, Box<Expr>),
    /// Values beside each other.
    Tuple(Vec<Expr>),
    /// Named values.
    Record(Vec<(String, Expr)>),
    /// One of the named values.
    Field(Box<Expr>, String),
    /// Another type over the same elements: leading dimensions become spaces and back, a logit becomes plain.
    Retype(Box<Expr>),
    /// The gradient of a scalar with respect to a value.
    Grad(Box<Expr>, Box<Expr>),
    /// A statistic of training rows, of the group that a row is in.
    Statistic(Box<StatisticOf>),
    /// A label that is computed: of which row, its name, and from what.
    Label(Box<Expr>, String, Box<Expr>),
    /// Broken; reported.
    Error,
}

/// The table behind an `embed`.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbedTable {
    /// `movie/genres`
    pub path: String,
    /// Width of a row.
    pub width: usize,
    /// Replacement by the unknown slot in training.
    pub drop: f64,
    /// Initial values.
    pub init: Init,
    /// The file whose vectors it begins with, where it has them.
    pub vectors: Option<Box<Vectors>>,
}

/// The file behind a `pretrained`.
#[derive(Clone, Debug, PartialEq)]
pub struct Vectors {
    /// Relative to the folder of the spec.
    pub path: String,
    /// The column with the values of the vocabulary.
    pub key: String,
    /// What they are: texts or whole numbers.
    pub of: RowKind,
    /// The column with the vectors.
    pub column: String,
    /// Whether they learn.
    pub tune: Tune,
}

impl Expr {
    /// Visits this expression and all below it, outermost first.
    pub(crate) fn walk<'e>(&'e self, visit: &mut impl FnMut(&'e Self)) {
        visit(self);
        for child in self.children() {
            child.walk(visit);
        }
    }

    /// The expressions directly inside this one, in order.
    pub fn children(&self) -> Vec<&Self> {
        match &self.kind {
            ExprKind::Const(_)
            | ExprKind::Local(_)
            | ExprKind::Weight(..)
            | ExprKind::ItemWeight(_)
            | ExprKind::Error => Vec::new(),
            ExprKind::Prim(_, items)
            | ExprKind::Tower(_, items)
            | ExprKind::Frozen(_, items)
            | ExprKind::Tuple(items) => items.iter().collect(),
            ExprKind::Binary(_, a, b) | ExprKind::IfTraining(a, b) | ExprKind::Grad(a, b) => {
                vec![a, b]
            }
            ExprKind::Scope { lets, value, .. } => lets
                .iter()
                .map(|(_, _, e)| e)
                .chain(std::iter::once(&**value))
                .collect(),
            ExprKind::Feature(a, _)
            | ExprKind::Column(a, _)
            | ExprKind::Refer(a, _)
            | ExprKind::History(a, _)
            | ExprKind::Candidates(_, a)
            | ExprKind::Builtin(a, _)
            | ExprKind::Unary(_, a)
            | ExprKind::Feed(a)
            | ExprKind::Embed(a, _)
            | ExprKind::Field(a, _)
            | ExprKind::Retype(a)
            | ExprKind::Label(_, _, a) => vec![a],
            ExprKind::View(of, view) => {
                let lets = view.scopes.iter().flat_map(|scope| &scope.lets);
                std::iter::once(&**of)
                    .chain(lets.map(|(_, _, e)| e))
                    .chain(&view.mask)
                    .collect()
            }
            ExprKind::Record(fields) => fields.iter().map(|(_, e)| e).collect(),
            ExprKind::Statistic(of) => of.read().collect(),
        }
    }
}
