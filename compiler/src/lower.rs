//! From the typed program to the plan: one row program a source, one tensor program a training step, two an evaluation.

mod columns;
mod copies;
mod daily;
mod evaluation;
mod export;
mod followers;
mod held;
mod in_turn;
mod lengths;
mod phases;
mod schedule;
mod seen;
mod streams;

pub use copies::Copies;
pub(crate) use evaluation::usual_baselines;
pub use held::Teachers;

use std::collections::BTreeSet;

use reckon_grammar::diagnostic::Diagnostic;

use crate::build::rows::RowPrograms;
use crate::build::{Built, GraphBuilder};
use crate::graph::{Graph, Op, SpaceKind};
use crate::hir::{Hir, History};
use crate::passes::{FORWARD, Pass, Place, STEP, optimise};
use crate::plan::{
    EvaluationPlan, ExportPlan, Feed, Handle, HandleRows, HistoryPlan, Known, Plan, Program,
};
use lengths::feed_lengths;

/// How graphs are optimised on their way to the plan.
pub struct Pipeline<'a> {
    /// Before differentiation.
    pub forward: &'a [Place],
    /// Between the two, what candidates of a batch that are one thing become.
    pub copies: Copies,
    /// After it.
    pub step: &'a [Place],
    /// Last, what becomes of teachers that stand still.
    pub teachers: Teachers,
    /// Sees every graph after every pass.
    pub after: &'a mut dyn FnMut(&'static Pass, &Graph),
}

/// Compiles a checked spec with all passes.
///
/// # Errors
/// What the checker could not see: a loss that trains nothing, or what has no lowering.
pub fn compile(hir: &Hir) -> Result<Plan, Vec<Diagnostic>> {
    compile_with(
        hir,
        &mut Pipeline {
            forward: FORWARD,
            copies: Copies::Merged,
            step: STEP,
            teachers: Teachers::Remembered,
            after: &mut |_, _| {},
        },
    )
}

/// What lowering finds wrong with a checked spec. The passes that make steps fast are left out: no finding depends on them.
pub fn findings(hir: &Hir) -> Vec<Diagnostic> {
    let mut pipeline = Pipeline {
        forward: FORWARD,
        copies: Copies::Kept,
        step: &[],
        teachers: Teachers::Asked,
        after: &mut |_, _| {},
    };
    compile_with(hir, &mut pipeline).err().unwrap_or_default()
}

/// Compiles with a chosen pipeline.
///
/// # Errors
/// As [`compile`].
pub fn compile_with(hir: &Hir, pipeline: &mut Pipeline<'_>) -> Result<Plan, Vec<Diagnostic>> {
    let mut lowering = Lowering {
        hir,
        rows: RowPrograms::new(hir),
        pipeline,
        diagnostics: Vec::new(),
    };
    let histories = lowering.histories();
    let graphs = lowering.graphs();
    let (mut phases, columns) = lowering.phases();
    let evaluations: Vec<EvaluationPlan> = hir
        .evaluations
        .iter()
        .filter_map(|evaluation| lowering.evaluation(evaluation))
        .collect();
    let exports: Vec<ExportPlan> = hir
        .exports
        .iter()
        .filter_map(|(name, span)| lowering.export(name, *span))
        .collect();
    let affinities = lowering.affinities();
    let mut daily = lowering.daily(&phases, &columns, &evaluations);
    let loads = lowering.followers(&mut phases, &columns, &evaluations, &exports, &mut daily);
    let Lowering {
        mut rows,
        diagnostics,
        pipeline,
        ..
    } = lowering;
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    let mut plan = Plan {
        settings: hir.settings.iter().cloned().collect(),
        sources: rows.sources(hir),
        scores: hir.scores.clone(),
        splits: hir.splits.clone(),
        histories,
        kernels: rows.kernels(hir),
        fits: rows.fits,
        tables: rows.tables,
        vectors: rows.vectors,
        loads,
        graphs,
        affinities,
        phases,
        columns,
        evaluations,
        daily,
        exports,
    };
    let mut found = in_turn::read_too_early(&plan);
    found.extend(seen::judged_on_what_was_trained(&plan));
    if !found.is_empty() {
        return Err(found);
    }
    match pipeline.teachers {
        Teachers::Remembered => plan.phases.iter_mut().for_each(held::hold_teachers),
        Teachers::Asked => {}
    }
    Ok(plan)
}

struct Lowering<'a, 'p> {
    hir: &'a Hir,
    rows: RowPrograms,
    pipeline: &'a mut Pipeline<'p>,
    diagnostics: Vec<Diagnostic>,
}

impl Lowering<'_, '_> {
    fn kept<T>(&mut self, result: Built<T>) -> Option<T> {
        result
            .map_err(|diagnostic| self.diagnostics.push(*diagnostic))
            .ok()
    }

    fn histories(&mut self) -> Vec<HistoryPlan> {
        let mut plans = Vec::new();
        for history in &self.hir.histories {
            let condition = history
                .condition
                .as_ref()
                .map(|(_, cond)| self.rows.output(&history.source, cond, false, None));
            plans.push(HistoryPlan {
                source: history.source.clone(),
                entity: history.entity.clone(),
                condition,
                last: history.last,
                within: history.within,
                known: self.known(history),
            });
        }
        plans
    }

    /// From when on the labels are known that a history reads.
    fn known(&self, history: &History) -> Vec<Known> {
        let source = self
            .hir
            .sources
            .iter()
            .find(|known| known.name == history.source);
        let mut known: Vec<Known> = Vec::new();
        let labels = history.labels.iter();
        let all = labels.flat_map(|label| source.map_or(&[][..], |source| source.known_of(label)));
        for one in all {
            if !known.contains(one) {
                known.push(one.clone());
            }
        }
        known
    }

    fn optimised(&mut self, graph: &mut Graph) {
        optimise(graph, self.pipeline.forward, self.pipeline.after);
        optimise(graph, self.pipeline.step, self.pipeline.after);
    }
}

/// The handle of a stream's rows, with a batch space of its own.
fn stream_handle(builder: &mut GraphBuilder<'_>, stream: usize, source: &str) -> usize {
    if let Some(at) = builder
        .handles
        .iter()
        .position(|handle| handle.rows == HandleRows::Stream(stream))
    {
        return at;
    }
    let space = builder.new_space("B", SpaceKind::Batch);
    let name = if stream == 0 {
        source.to_owned()
    } else {
        format!("{source}_{}", stream + 1)
    };
    builder.add_handle(Handle {
        name,
        source: source.to_owned(),
        space,
        rows: HandleRows::Stream(stream),
    })
}

/// The program with the feeds whose inputs are alive, and the handles that those need.
fn fed(graph: Graph, handles: Vec<Handle>, feeds: &[Feed]) -> Program {
    let live: BTreeSet<&str> = graph
        .order()
        .into_iter()
        .filter_map(|id| match &graph.node(id).op {
            Op::Input(name) => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let feeds = feeds
        .iter()
        .filter(|feed| live.contains(feed.input.as_str()))
        .cloned()
        .collect();
    let mut program = Program {
        graph,
        handles,
        feeds,
    };
    feed_lengths(&mut program);
    program
}
