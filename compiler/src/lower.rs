//! From the typed program to the plan: one row program a source, one tensor program a training step, two an evaluation.

mod evaluation;
mod export;

use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use crate::build::rows::RowPrograms;
use crate::build::{Built, GraphBuilder, Mode, Val};
use crate::graph::{Graph, Op, ParamKind, SpaceKind};
use crate::hir::{self, Hir};
use crate::passes::{FORWARD, Pass, Place, STEP, optimise};
use crate::plan::{
    Feed, FeedKind, Handle, HandleRows, HistoryPlan, PhasePlan, Plan, Program, StopPlan,
    StreamOrder, StreamPlan,
};
use crate::training::{Group, LEARNING_RATE, Objective, Recipe, training_step};

/// How graphs are optimised on their way to the plan.
pub struct Pipeline<'a> {
    /// Before differentiation.
    pub forward: &'a [Place],
    /// After it.
    pub step: &'a [Place],
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
            step: STEP,
            after: &mut |_, _| {},
        },
    )
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
    let phases: Vec<PhasePlan> = hir
        .trains
        .iter()
        .filter_map(|train| lowering.phase(train))
        .collect();
    let evaluations = hir
        .evaluations
        .iter()
        .filter_map(|evaluation| lowering.evaluation(evaluation))
        .collect();
    let exports = hir
        .exports
        .iter()
        .filter_map(|(name, span)| lowering.export(name, *span))
        .collect();
    let Lowering {
        rows, diagnostics, ..
    } = lowering;
    if !diagnostics.is_empty() {
        return Err(diagnostics);
    }
    Ok(Plan {
        settings: hir.settings.iter().cloned().collect(),
        sources: hir.sources.clone(),
        splits: hir.splits.clone(),
        histories,
        kernels: rows.kernels(hir),
        fits: rows.fits,
        tables: rows.tables,
        phases,
        evaluations,
        exports,
    })
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
            });
        }
        plans
    }

    fn phase(&mut self, train: &hir::Train) -> Option<PhasePlan> {
        let losses: Vec<(f64, &hir::Loss)> = train
            .minimize
            .iter()
            .filter_map(|(factor, name)| {
                Some((
                    *factor,
                    self.hir.losses.iter().find(|loss| loss.name == *name)?,
                ))
            })
            .collect();
        let (streams, of_loss) = self.streams(&losses, train);
        let (program, objectives) = self.forward(&losses, &streams, &of_loss)?;
        let mut graph = program.graph;
        optimise(&mut graph, self.pipeline.forward, self.pipeline.after);
        let recipe = Recipe {
            objectives,
            groups: groups(&graph, train),
            clip: train.clip,
        };
        let step = training_step(&graph, &recipe);
        for idle in &step.idle {
            self.idle(idle);
        }
        let mut graph = step.graph;
        optimise(&mut graph, self.pipeline.step, self.pipeline.after);
        let mut feeds = program.feeds;
        feeds.push(Feed {
            input: LEARNING_RATE.to_owned(),
            what: FeedKind::Schedule,
            span: None,
        });
        let step = fed(graph, program.handles, &feeds);
        let stop = train
            .stop
            .as_ref()
            .map(|(split, evaluation, metric, patience)| StopPlan {
                split: split.clone(),
                evaluation: evaluation.clone(),
                metric: metric.clone(),
                patience: *patience,
            });
        Some(PhasePlan {
            name: train.name.clone(),
            streams,
            step,
            epochs: train.epochs,
            schedule: train.schedule,
            stop,
            span: train.span,
        })
    }

    fn idle(&mut self, name: &str) {
        let span = self
            .hir
            .losses
            .iter()
            .find(|loss| loss.name == name)
            .map_or_else(no_span, |loss| loss.span);
        self.diagnostics.push(
            Diagnostic::error(
                Code(603),
                span,
                format!("loss `{name}` reaches no trainable weight"),
            )
            .note("every path from it to a weight ends in `stop(...)`, or there is none")
            .help("let it read a tower, or leave it out of `minimize`"),
        );
    }

    /// Losses over equal rows share a stream. Gives the streams and the stream of each loss.
    fn streams(
        &mut self,
        losses: &[(f64, &hir::Loss)],
        train: &hir::Train,
    ) -> (Vec<StreamPlan>, Vec<usize>) {
        let mut streams: Vec<StreamPlan> = Vec::new();
        let mut of_loss = Vec::new();
        for (_, loss) in losses {
            let rows = &loss.rows;
            let condition = rows
                .condition
                .as_ref()
                .map(|cond| self.rows.output(&rows.source, cond, false, None));
            let name = match &condition {
                Some(condition) => format!("{} where {condition}", rows.source),
                None => rows.source.clone(),
            };
            let order = if rows.drawn {
                StreamOrder::Drawn
            } else {
                StreamOrder::Shuffled
            };
            let stream = StreamPlan {
                name,
                source: rows.source.clone(),
                condition,
                batch: rows.batch.unwrap_or(train.batch),
                order,
            };
            let at = streams
                .iter()
                .position(|known| *known == stream)
                .unwrap_or_else(|| {
                    streams.push(stream);
                    streams.len() - 1
                });
            of_loss.push(at);
        }
        (streams, of_loss)
    }

    /// The losses as outputs of one graph, each the mean over its rows.
    fn forward(
        &mut self,
        losses: &[(f64, &hir::Loss)],
        streams: &[StreamPlan],
        of_loss: &[usize],
    ) -> Option<(Program, Vec<Objective>)> {
        let mut builder = GraphBuilder::new(self.hir, &mut self.rows, Mode::Training, "step");
        let mut outputs = Vec::new();
        let mut failed = Vec::new();
        for ((factor, loss), stream) in losses.iter().zip(of_loss) {
            let handle = stream_handle(&mut builder, *stream, &streams[*stream].source);
            builder.set_local(loss.rows.row, Val::Handle(handle));
            let built = builder.at_path(&loss.name, |builder| {
                let value = builder.node(&loss.value)?;
                builder.mean_over_rows(value, &loss.value)
            });
            match built {
                Ok(node) => outputs.push((*factor, *loss, node)),
                Err(diagnostic) => failed.push(*diagnostic),
            }
        }
        let mut program = builder.finish();
        self.diagnostics.extend(failed);
        program.graph.outputs = outputs
            .iter()
            .map(|(_, loss, node)| (loss.name.clone(), *node))
            .collect();
        let objectives = outputs
            .iter()
            .map(|(factor, loss, _)| Objective {
                output: loss.name.clone(),
                weight: *factor,
                trains: trained(&program.graph, &loss.trains),
            })
            .collect();
        (outputs.len() == losses.len() && !outputs.is_empty()).then_some((program, objectives))
    }

    fn optimised(&mut self, graph: &mut Graph) {
        optimise(graph, self.pipeline.forward, self.pipeline.after);
        optimise(graph, self.pipeline.step, self.pipeline.after);
    }
}

fn no_span() -> Span {
    Span::new(reckon_grammar::span::FileId(0), 0, 0)
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

/// The parameters that a loss trains: all, or those of the named towers with the tables.
pub(crate) fn trained(graph: &Graph, towers: &[String]) -> Vec<String> {
    let ours = |path: &str| {
        towers.iter().any(|tower| {
            path.strip_prefix(tower.as_str())
                .is_some_and(|rest| rest.starts_with('.'))
        })
    };
    graph
        .params
        .iter()
        .filter(|(path, param)| {
            param.kind != ParamKind::State
                && (towers.is_empty() || param.kind == ParamKind::Table || ours(path))
        })
        .map(|(path, _)| path.clone())
        .collect()
}

fn groups(graph: &Graph, train: &hir::Train) -> Vec<Group> {
    let paths = |kind: ParamKind| {
        graph
            .params
            .iter()
            .filter(|(_, param)| param.kind == kind)
            .map(|(path, _)| path.clone())
            .collect()
    };
    vec![
        Group {
            paths: paths(ParamKind::Weight),
            rule: train.optimizer.rule,
            rate: train.optimizer.lr,
        },
        Group {
            paths: paths(ParamKind::Table),
            rule: train.embeddings.rule,
            rate: train.embeddings.lr,
        },
    ]
}

/// The program with the feeds whose inputs are alive, and the handles that those need.
fn fed(graph: Graph, handles: Vec<Handle>, feeds: &[Feed]) -> Program {
    let live: Vec<String> = graph
        .order()
        .into_iter()
        .filter_map(|id| match &graph.node(id).op {
            Op::Input(name) => Some(name.clone()),
            _ => None,
        })
        .collect();
    let feeds = feeds
        .iter()
        .filter(|feed| live.contains(&feed.input))
        .cloned()
        .collect();
    Program {
        graph,
        handles,
        feeds,
    }
}
