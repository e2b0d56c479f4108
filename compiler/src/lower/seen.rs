//! Inside a loop, weights that were trained on rows of the day are not evaluated on those rows.

use std::collections::BTreeMap;

use reckon_grammar::diagnostic::{Code, Diagnostic};

use super::followers::{changed, graphs_of, read};
use super::phases::head;
use crate::plan::{EvaluationPlan, PhasePlan, Plan, StreamPlan, Turn, WindowPlan};

/// Evaluations of rows that the day has trained on by then.
pub(super) fn judged_on_what_was_trained(plan: &Plan) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let turns = plan.daily.iter().flat_map(|daily| &daily.turns);
    let mut trained: Vec<&PhasePlan> = Vec::new();
    for turn in turns {
        match *turn {
            Turn::Train(at) => trained.push(&plan.phases[at]),
            Turn::Evaluate(at) => {
                let evaluation = &plan.evaluations[at];
                diagnostics.extend(trained_on(plan, &trained, evaluation).map(|phase| {
                    let (name, by) = (&evaluation.name, &phase.name);
                    Diagnostic::error(
                        Code(823),
                        head(evaluation.span),
                        format!("`{name}` asks about rows of the day, which `{by}` has trained on"),
                    )
                    .label(head(phase.span), "trained here, earlier in the day")
                    .note("what a model has learnt by heart tells nothing of what it will say of new rows")
                    .help(format!("write `in next day`, or move `{name}` before `{by}`"))
                }));
            }
            Turn::Graph(_) | Turn::Column(_) => {}
        }
    }
    diagnostics
}

/// The first training that has shown rows which an evaluation asks about to weights which it reads, through copies and
/// through what other trainings have learnt from such weights too.
fn trained_on<'p>(
    plan: &Plan,
    trained: &[&'p PhasePlan],
    evaluation: &EvaluationPlan,
) -> Option<&'p PhasePlan> {
    if evaluation.window != Some(WindowPlan::Day) {
        return None;
    }
    let mut seen: BTreeMap<String, &'p PhasePlan> = BTreeMap::new();
    for phase in trained {
        for copy in &phase.begins {
            if let Some(by) = seen.get(&copy.from).copied() {
                seen.insert(copy.to.clone(), by);
            }
        }
        let shows = phase
            .streams
            .iter()
            .any(|stream| shows(plan, stream, evaluation));
        let through = || {
            read(&phase.step.graph)
                .iter()
                .find_map(|path| seen.get(path).copied())
        };
        if let Some(by) = if shows { Some(*phase) } else { through() } {
            for path in changed(phase) {
                seen.entry(path).or_insert(by);
            }
        }
    }
    let mut reads = graphs_of(evaluation).flat_map(read);
    reads.find_map(|path| seen.get(&path).copied())
}

/// Whether a stream trains on rows that an evaluation asks about. Of two conditions that differ nothing is known: one may
/// leave out what the other asks for.
fn shows(plan: &Plan, stream: &StreamPlan, evaluation: &EvaluationPlan) -> bool {
    let of_the_day = stream.source == evaluation.source && stream.window == Some(WindowPlan::Day);
    let apart = match (&stream.condition, &evaluation.condition) {
        (Some(one), Some(other)) => {
            instruction(plan, &stream.source, one) != instruction(plan, &stream.source, other)
        }
        (Some(_), None) | (None, Some(_)) | (None, None) => false,
    };
    of_the_day && !apart
}

/// The instruction behind an output of a source's row program.
fn instruction(plan: &Plan, source: &str, output: &str) -> Option<usize> {
    let kernel = plan.kernels.iter().find(|kernel| kernel.source == source)?;
    let mut outputs = kernel.outputs.iter();
    outputs.find(|(name, _)| name == output).map(|(_, at)| *at)
}
