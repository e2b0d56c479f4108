//! The order of trainings, where there is more than one.

use std::collections::BTreeSet;

use super::Text;
use crate::graph::Op;
use crate::plan::{PhasePlan, Plan};

pub(super) fn schedule(text: &mut Text, plan: &Plan) {
    if plan.phases.len() < 2 {
        return;
    }
    text.section("schedule", |text| {
        let rows: Vec<Vec<String>> = plan
            .phases
            .iter()
            .enumerate()
            .map(|(at, phase)| row(plan, at, phase))
            .collect();
        text.columns(&rows);
    });
}

fn row(plan: &Plan, at: usize, phase: &PhasePlan) -> Vec<String> {
    let after: Vec<&str> = phase
        .after
        .iter()
        .map(|at| plan.phases[*at].name.as_str())
        .collect();
    let after = match after.is_empty() {
        true => String::new(),
        false => format!("after {}", after.join(", ")),
    };
    let (mut trains, mut reads) = (BTreeSet::new(), BTreeSet::new());
    let held = phase.held.iter().map(|held| &held.program.graph);
    for graph in held.chain([&phase.step.graph, phase.updating()]) {
        for id in graph.order() {
            match &graph.node(id).op {
                Op::Param(path) | Op::Table(path) => reads.insert(owner(path)),
                Op::Update { path, .. } => trains.insert(owner(path)),
                _ => continue,
            };
        }
    }
    let reads: Vec<String> = reads.difference(&trains).cloned().collect();
    let mut what = format!("trains {}", Vec::from_iter(trains).join(", "));
    if !reads.is_empty() {
        what.push_str(&format!("; reads {}", reads.join(", ")));
    }
    vec![format!("{at}  {}", phase.name), after, what]
}

/// The model space or the tower that a path is of.
fn owner(path: &str) -> String {
    match (path.split_once('/'), path.split_once('.')) {
        (Some((space, _)), _) => format!("{space}/"),
        (None, Some((tower, _))) => tower.to_owned(),
        (None, None) => path.to_owned(),
    }
}
