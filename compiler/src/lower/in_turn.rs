//! Columns of a loop are made anew each day: what reads one comes after it in the day, inside of the loop.

use std::collections::BTreeSet;

use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use super::columns::{behind, of_program, of_rows, of_stream, reference};
use super::phases::head;
use crate::plan::{ColumnRef, EvaluationPlan, PhasePlan, Plan, SlicePlan, StoredPlan, Turn};

/// Something that reads columns.
struct Reader<'a> {
    name: &'a str,
    span: Span,
    reads: BTreeSet<ColumnRef>,
}

/// What reads columns of the loop before the day has them, or outside of the loop.
pub(super) fn read_too_early(plan: &Plan) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let Some(daily) = &plan.daily else {
        return diagnostics;
    };
    let turns = daily.turns.clone();
    let computed = |turns: &[Turn]| -> Vec<&StoredPlan> {
        let columns = turns.iter().filter_map(|turn| match turn {
            Turn::Column(at) => plan.columns.get(*at),
            Turn::Graph(_) | Turn::Train(_) | Turn::Evaluate(_) => None,
        });
        columns.collect()
    };
    for (at, turn) in turns.iter().enumerate() {
        let reader = of_turn(plan, *turn);
        for column in missing(plan, &reader, &computed(&turns[at..])) {
            let (reader_name, name) = (reader.name, &column.name);
            diagnostics.push(
                Diagnostic::error(
                    Code(716),
                    head(reader.span),
                    format!("`{reader_name}` reads `{name}`, which the day has not computed by then"),
                )
                .label(column.span, "computed here")
                .note("a loop goes through its items in the order of the text, and its columns are made anew each day")
                .help(format!("move `column {name}` before it")),
            );
        }
    }
    for reader in outside(plan, &turns) {
        for column in missing(plan, &reader, &computed(&turns)) {
            let (reader_name, name) = (reader.name, &column.name);
            diagnostics.push(
                Diagnostic::error(
                    Code(716),
                    head(reader.span),
                    format!("`{reader_name}` reads `{name}`, a column of the loop, outside of it"),
                )
                .label(column.span, "computed anew each day")
                .help("move what reads it into the loop, behind the column"),
            );
        }
    }
    diagnostics
}

/// Of columns that are not there yet those that a reader needs, through other columns too.
fn missing<'p>(
    plan: &Plan,
    reader: &Reader<'_>,
    not_there: &[&'p StoredPlan],
) -> Vec<&'p StoredPlan> {
    let mut all = reader.reads.clone();
    let mut open: Vec<ColumnRef> = all.iter().cloned().collect();
    while let Some(name) = open.pop() {
        let mut columns = plan.columns.iter();
        let column = columns.find(|column| reference(column) == name);
        for read in column.into_iter().flat_map(|column| behind(plan, column)) {
            if all.insert(read.clone()) {
                open.push(read);
            }
        }
    }
    let columns = not_there.iter().copied();
    columns
        .filter(|column| all.contains(&reference(column)))
        .collect()
}

fn of_turn(plan: &Plan, turn: Turn) -> Reader<'_> {
    match turn {
        Turn::Graph(at) => {
            let graph = &plan.graphs[at];
            let seeds = plan
                .affinities
                .iter()
                .filter(|affinity| affinity.graph == at);
            let rows = seeds.map(|affinity| &affinity.seeds).chain([&graph.rows]);
            let mut reads: BTreeSet<_> = rows.flat_map(|rows| of_rows(plan, rows)).collect();
            let weight = graph.weight.iter();
            reads.extend(weight.flat_map(|weight| plan.stored_behind(&graph.rows.source, weight)));
            Reader {
                name: &graph.name,
                span: graph.span,
                reads,
            }
        }
        Turn::Column(at) => of_column(plan, &plan.columns[at]),
        Turn::Train(at) => of_phase(plan, &plan.phases[at]),
        Turn::Evaluate(at) => of_evaluation(plan, &plan.evaluations[at]),
    }
}

fn outside<'p>(plan: &'p Plan, turns: &[Turn]) -> Vec<Reader<'p>> {
    let is_out = |turn: Turn| !turns.contains(&turn);
    let phases = (0..plan.phases.len()).map(Turn::Train);
    let evaluations = (0..plan.evaluations.len()).map(Turn::Evaluate);
    let columns = (0..plan.columns.len()).map(Turn::Column);
    // A tower is exported as the last day leaves it.
    let exports = plan.daily.iter().flat_map(|daily| {
        let exports = plan.exports.iter();
        exports.map(|export| Reader {
            name: &export.tower,
            span: daily.span,
            reads: of_program(plan, &export.program),
        })
    });
    let readers = phases
        .chain(evaluations)
        .chain(columns)
        .filter(|turn| is_out(*turn));
    readers
        .map(|turn| of_turn(plan, turn))
        .chain(exports)
        .collect()
}

fn of_column<'p>(plan: &Plan, column: &'p StoredPlan) -> Reader<'p> {
    Reader {
        name: &column.name,
        span: column.span,
        reads: behind(plan, column),
    }
}

fn of_phase<'p>(plan: &Plan, phase: &'p PhasePlan) -> Reader<'p> {
    let mut reads = of_program(plan, &phase.step);
    reads.extend(
        phase
            .streams
            .iter()
            .flat_map(|stream| of_stream(plan, stream)),
    );
    Reader {
        name: &phase.name,
        span: phase.span,
        reads,
    }
}

fn of_evaluation<'p>(plan: &Plan, evaluation: &'p EvaluationPlan) -> Reader<'p> {
    let programs = evaluation.programs().into_iter();
    let mut reads: BTreeSet<ColumnRef> = programs
        .flat_map(|program| of_program(plan, program))
        .collect();
    let pool = evaluation.pool.iter();
    reads.extend(pool.flat_map(|pool| of_stream(plan, pool)));
    let slices = evaluation.slices.iter().filter_map(|slice| match slice {
        SlicePlan::Output { output, .. } => Some(output),
        SlicePlan::Popularity { .. } => None,
    });
    for output in evaluation.condition.iter().chain(slices) {
        reads.extend(plan.stored_behind(&evaluation.source, output));
    }
    Reader {
        name: &evaluation.name,
        span: evaluation.span,
        reads,
    }
}
