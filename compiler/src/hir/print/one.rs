//! Single items as text, for those that compare specs or draw them.

use super::Printer;
use crate::hir::{
    Evaluation, Expr, Feature, Hir, ItemGraph, Loop, Loss, Rows, StoredColumn, Tower, Train,
};

/// Something that prints by itself.
#[derive(Clone, Copy)]
pub(crate) enum Item<'h> {
    /// A feature with its type, its doc lines left out.
    Feature(&'h Feature),
    /// A part of a feature.
    Part(&'h Feature, &'h Expr),
    /// An item graph.
    Graph(&'h ItemGraph),
    /// A tower or teacher.
    Tower(&'h Tower),
    /// A computed column.
    Column(&'h StoredColumn),
    /// A loop, a turn a line.
    Loop(&'h Loop),
    /// A loss.
    Loss(&'h Loss),
    /// A training, an option a line.
    Train(&'h Train),
    /// An evaluation, an entry a line.
    Evaluation(&'h Evaluation),
    /// Rows, on one line.
    Rows(&'h Rows),
}

/// The text of an item, as the text of its spec has it.
pub(crate) fn one(hir: &Hir, item: Item<'_>) -> String {
    let mut printer = Printer::new(hir);
    match item {
        Item::Feature(feature) => printer.feature(&Feature {
            docs: Vec::new(),
            ..feature.clone()
        }),
        Item::Part(feature, part) => {
            printer.name(feature.row, &feature.source);
            return printer.whole(part, 0, 0);
        }
        Item::Graph(graph) => printer.graph(graph),
        Item::Tower(tower) => printer.tower(tower),
        Item::Column(column) => printer.column(column),
        Item::Loop(daily) => printer.turns(daily),
        Item::Loss(loss) => printer.loss(loss),
        Item::Train(train) => printer.training(train),
        Item::Evaluation(evaluation) => printer.evaluation(evaluation),
        Item::Rows(rows) => return printer.rows(rows),
    }
    printer.out
}
