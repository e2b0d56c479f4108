//! What trainings may not do: train nothing, a gate, or one weight in two manners; wait for each other; move a teacher.

use std::collections::BTreeSet;

use reckon_grammar::diagnostic::{Code, Diagnostic};

use super::{Forward, head};
use crate::gates::gates;
use crate::graph::ParamKind;
use crate::hir::{self, Tables};
use crate::lower::Lowering;
use crate::routing::{belongs, is_of_the_program};

impl Lowering<'_, '_> {
    /// Refuses weights that only multiply what is minimised.
    pub(super) fn gates(&mut self, forward: &Forward<'_>) {
        let graph = &forward.program.graph;
        let outputs: Vec<_> = graph.outputs.iter().map(|(_, node)| *node).collect();
        for gate in gates(graph, &outputs) {
            let trained = gate
                .paths
                .iter()
                .find(|path| forward.flow.trains.contains(*path));
            let Some(path) = trained else { continue };
            let place = graph.node(gate.product).site.call;
            self.diagnostics.push(
                Diagnostic::error(
                    Code(605),
                    place.unwrap_or(forward.train.span),
                    format!("`{path}` only multiplies the loss: training drives it to zero"),
                )
                .note("whatever the data say, the loss is smallest where its factor is")
                .help("keep its gradient back, `stop(...)`, or train it by a loss of its own"),
            );
        }
    }

    pub(super) fn reaches_what_it_is_for(&mut self, loss: &hir::Loss, trained: &BTreeSet<String>) {
        let name = &loss.name;
        if trained.is_empty() {
            let diagnostic = Diagnostic::error(
                Code(603),
                loss.span,
                format!("loss `{name}` reaches no trainable weight"),
            );
            let diagnostic = match self.stopping_teachers(loss).as_slice() {
                [] => diagnostic
                    .note("every path from it to a weight ends in `stop(...)`, or there is none")
                    .help("let it read a tower, or leave it out of `minimize`"),
                [teacher, ..] => diagnostic
                    .note(format!(
                        "its gradient ends at the output of teacher `{teacher}`, which it is not for"
                    ))
                    .help(format!("write `loss {name} for {teacher} over ...` to train the teacher by it")),
            };
            self.diagnostics.push(diagnostic);
            return;
        }
        for tower in &loss.trains {
            let tables = self
                .hir
                .tower(tower)
                .and_then(|tower| tower.teacher.as_ref());
            let shared = tables.is_none_or(|teacher| teacher.tables == Tables::Shared);
            let reached = trained
                .iter()
                .any(|path| belongs(path, tower) || (shared && is_of_the_program(self.hir, path)));
            if !reached {
                self.diagnostics.push(
                    Diagnostic::error(
                        Code(603),
                        loss.span,
                        format!("loss `{name}` is for `{tower}` and does not reach it"),
                    )
                    .help(format!(
                        "leave `{tower}` out of `for`, or let the loss read it"
                    )),
                );
            }
        }
    }

    /// The teachers that a loss reads and is not for.
    fn stopping_teachers(&self, loss: &hir::Loss) -> Vec<String> {
        let mut found = Vec::new();
        loss.value.walk(&mut |e| {
            if let hir::ExprKind::Tower(name, _) = &e.kind
                && self
                    .hir
                    .tower(name)
                    .is_some_and(|tower| tower.learns() && tower.teacher.is_some())
                && !loss.trains.contains(name)
                && !found.contains(name)
            {
                found.push(name.clone());
            }
        });
        found
    }

    /// A weight has one optimiser, whatever trains it.
    pub(super) fn one_optimiser_each(&mut self, forwards: &[Forward<'_>]) {
        for (at, second) in forwards.iter().enumerate() {
            for first in &forwards[..at] {
                let differs = |path: &&String| {
                    let is_table = |forward: &Forward<'_>| {
                        let param = forward.program.graph.params.get(*path);
                        param.is_some_and(|param| param.kind == ParamKind::Table)
                    };
                    match is_table(first) {
                        true => first.train.embeddings != second.train.embeddings,
                        false => first.train.optimizer != second.train.optimizer,
                    }
                };
                let both = first.flow.trains.intersection(&second.flow.trains);
                let Some(path) = both.into_iter().find(differs) else {
                    continue;
                };
                self.diagnostics.push(
                    Diagnostic::error(
                        Code(817),
                        head(second.train.span),
                        format!("`{path}` would have two optimisers"),
                    )
                    .here(format!("`{}` trains it too", second.train.name))
                    .label(head(first.train.span), format!("`{}` trains it first", first.train.name))
                    .help("give both trainings the same `optimizer` and `embeddings`, or say by `for` which towers a loss trains"),
                );
            }
        }
    }

    pub(super) fn circle(&mut self, circle: &[&Forward<'_>]) {
        let names: Vec<&str> = circle
            .iter()
            .map(|forward| forward.train.name.as_str())
            .collect();
        let Some(first) = circle.first() else { return };
        let mut diagnostic = Diagnostic::error(
            Code(818),
            head(first.train.span),
            format!(
                "the trainings {} wait for each other",
                crate::check::list(&names)
            ),
        )
        .note("a training comes after those whose weights it reads")
        .help("minimise the losses in one `train`, or read a `copy of` one of the teachers");
        for other in &circle[1..] {
            diagnostic = diagnostic.label(head(other.train.span), "and this one");
        }
        self.diagnostics.push(diagnostic);
    }

    /// Refuses losses that train what a teacher reads beside its own weights, once the teacher is trained: they would move
    /// it by the gradient of its students.
    pub(super) fn teachers_keep_to_themselves(&mut self, ordered: &[&Forward<'_>], daily: usize) {
        let hir = self.hir;
        let learning = hir.towers.iter().filter(|tower| tower.learns());
        for (tower, teacher) in learning.filter_map(|tower| Some((tower, tower.teacher.as_ref()?)))
        {
            let name = &tower.name;
            let is_for = |loss: &&hir::Loss| loss.trains.contains(name);
            let first = ordered
                .iter()
                .position(|forward| forward.losses.iter().any(is_for))
                // What comes first in a day follows what comes last in the day before.
                .map(|first| if first >= daily { daily } else { first });
            let borrowed: BTreeSet<&String> = ordered
                .iter()
                .filter_map(|forward| forward.learning.borrowed.get(name))
                .flatten()
                .filter(|path| teacher.tables == Tables::Own || !is_of_the_program(hir, path))
                .collect();
            for forward in ordered.iter().skip(first.unwrap_or(ordered.len())) {
                for (at, loss) in forward.losses.iter().enumerate() {
                    let moved = forward.trained_by(at);
                    let moved = moved.iter().find(|path| borrowed.contains(path));
                    if let Some(path) = moved.filter(|_| !is_for(loss)) {
                        self.moves_a_teacher(tower, loss, path);
                    }
                }
            }
        }
    }

    fn moves_a_teacher(&mut self, teacher: &hir::Tower, loss: &hir::Loss, path: &str) {
        let name = &teacher.name;
        self.diagnostics.push(
            Diagnostic::error(
                Code(604),
                loss.span,
                format!(
                    "loss `{}` would move teacher `{name}`: it trains `{path}`",
                    loss.name
                ),
            )
            .label(teacher.span, format!("reads `{path}` too"))
            .note("a teacher is not moved by the gradient of those that read it")
            .help(format!(
                "give `{name}` weights of its own, or let it read a `copy of` the tower that it shares"
            )),
        );
    }
}
