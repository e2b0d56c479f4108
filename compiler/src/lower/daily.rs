//! What a loop runs once a day, and item graphs.

use reckon_grammar::diagnostic::{Code, Diagnostic};

use super::Lowering;
use super::phases::{Forward, head};
use super::schedule::waits;
use crate::hir;
use crate::plan::{
    AffinityPlan, EvaluationPlan, GraphPlan, LoopPlan, PhasePlan, RowsPlan, StoredPlan, Turn,
};

impl Lowering<'_, '_> {
    /// The loop of a spec. Trainings and evaluations that were refused are left out.
    pub(super) fn daily(
        &self,
        phases: &[PhasePlan],
        columns: &[StoredPlan],
        evaluations: &[EvaluationPlan],
    ) -> Option<LoopPlan> {
        let daily = self.hir.daily.as_ref()?;
        let place = |turn: &hir::Turn| match turn {
            hir::Turn::Graph(name) => {
                let at = self.hir.graphs.iter().position(|known| known.name == *name);
                at.map(Turn::Graph)
            }
            hir::Turn::Column(source, name) => {
                let is_it = |known: &StoredPlan| known.source == *source && known.name == *name;
                columns.iter().position(is_it).map(Turn::Column)
            }
            hir::Turn::Train(name) => {
                let at = phases.iter().position(|known| known.name == *name);
                at.map(Turn::Train)
            }
            hir::Turn::Evaluate(name) => {
                let at = evaluations.iter().position(|known| known.name == *name);
                at.map(Turn::Evaluate)
            }
        };
        Some(LoopPlan {
            name: daily.name.clone(),
            source: daily.source.clone(),
            by: daily.by,
            begins: Vec::new(),
            turns: daily.turns.iter().filter_map(place).collect(),
            span: daily.span,
        })
    }

    pub(super) fn graphs(&mut self) -> Vec<GraphPlan> {
        let graphs = self.hir.graphs.iter();
        graphs
            .map(|graph| GraphPlan {
                name: graph.name.clone(),
                nearness: graph.nearness,
                rows: self.rows_as_they_are(&graph.rows),
                weight: graph
                    .weight
                    .as_ref()
                    .map(|weight| self.rows.output(&graph.rows.source, weight, true, None)),
                people: graph.people.clone(),
                things: graph.things.clone(),
                span: graph.span,
            })
            .collect()
    }

    pub(super) fn affinities(&mut self) -> Vec<AffinityPlan> {
        let affinities = self.hir.affinities.iter();
        affinities
            .filter_map(|affinity| {
                let mut graphs = self.hir.graphs.iter();
                let graph = graphs.position(|graph| graph.name == affinity.graph)?;
                Some(AffinityPlan {
                    column: affinity.column.clone(),
                    graph,
                    seeds: self.rows_as_they_are(&affinity.seeds),
                })
            })
            .collect()
    }

    /// Rows with a window and a condition.
    pub(super) fn rows_as_they_are(&mut self, rows: &hir::Rows) -> RowsPlan {
        let condition = rows.condition.as_ref();
        RowsPlan {
            source: rows.source.clone(),
            condition: condition.map(|cond| self.rows.output(&rows.source, cond, false, None)),
            window: rows.window,
        }
    }

    /// The trainings of the loop, in its order.
    pub(super) fn of_the_loop(&self, forwards: &[Forward<'_>]) -> Vec<usize> {
        let turns = self.hir.daily.iter().flat_map(|daily| &daily.turns);
        let place = |turn: &hir::Turn| match turn {
            hir::Turn::Train(name) => forwards.iter().position(|known| known.train.name == *name),
            hir::Turn::Graph(_) | hir::Turn::Column(..) | hir::Turn::Evaluate(_) => None,
        };
        turns.filter_map(place).collect()
    }

    /// Trainings outside of a loop end before it begins.
    pub(super) fn nothing_waits_for_the_loop(
        &mut self,
        forwards: &[Forward<'_>],
        outside: &[usize],
        inside: &[usize],
    ) {
        for at in outside {
            let waits = |other: &&usize| waits(&forwards[*at].flow, &forwards[**other].flow);
            let Some(other) = inside.iter().find(waits) else {
                continue;
            };
            let (one, other) = (forwards[*at].train, forwards[*other].train);
            self.diagnostics.push(
                Diagnostic::error(
                    Code(818),
                    head(one.span),
                    format!(
                        "`{}` waits for `{}`, which a loop trains",
                        one.name, other.name
                    ),
                )
                .label(head(other.span), "in the loop")
                .note("trainings outside of a loop end before it begins")
                .help("move the training into the loop"),
            );
        }
    }
}
