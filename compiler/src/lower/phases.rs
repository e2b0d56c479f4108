//! Trainings: the losses of each as one graph, their order, and the steps.

mod refused;

use std::collections::{BTreeMap, BTreeSet};

use reckon_grammar::span::Span;

use super::copies::{Copies, merge_copies};
use super::schedule::{Flow, order};
use super::{Lowering, fed, stream_handle};
use crate::build::{GraphBuilder, Learning, Mode, Val};
use crate::differentiate::reached;
use crate::graph::{Graph, Op, ParamKind};
use crate::hir::{self, Hir};
use crate::passes::optimise;
use crate::plan::{
    AccumulatePlan, Feed, FeedKind, PhasePlan, Program, StopPlan, StoredPlan, StreamPlan, Tune,
    VectorsPlan,
};
use crate::routing::{followed, trained};
use crate::training::{Group, LEARNING_RATE, Objective, Recipe, accumulated_step, training_step};

/// A training whose losses are a graph, before it is differentiated.
pub(super) struct Forward<'h> {
    pub(super) train: &'h hir::Train,
    pub(super) losses: Vec<&'h hir::Loss>,
    pub(super) program: Program,
    pub(super) objectives: Vec<Objective>,
    pub(super) flow: Flow,
    pub(super) streams: Vec<StreamPlan>,
    learning: Learning,
}

impl Forward<'_> {
    /// The paths that a loss trains: its gradient reaches them, and they are its to train.
    pub(super) fn trained_by(&self, loss: usize) -> BTreeSet<String> {
        trained_by(&self.program.graph, &self.objectives[loss])
    }
}

fn trained_by(graph: &Graph, objective: &Objective) -> BTreeSet<String> {
    let output = graph
        .outputs
        .iter()
        .find(|(name, _)| *name == objective.output);
    let mut paths = output.map_or_else(BTreeSet::new, |(_, node)| reached(graph, *node));
    let own: BTreeSet<&String> = objective.trains.iter().collect();
    paths.retain(|path| own.contains(path));
    paths
}

impl<'a> Lowering<'a, '_> {
    /// All trainings in the order of their dataflow, and the columns that are computed between them.
    pub(super) fn phases(&mut self) -> (Vec<PhasePlan>, Vec<StoredPlan>) {
        let hir: &'a Hir = self.hir;
        let mut forwards: Vec<Forward<'a>> = hir
            .trains
            .iter()
            .filter_map(|train| self.forward(train))
            .collect();
        self.one_optimiser_each(&forwards);
        let columns = self.columns();
        let read = self.reads_columns(&columns, &mut forwards);
        let flows: Vec<Flow> = forwards
            .iter()
            .map(|forward| forward.flow.clone())
            .collect();
        let inside = self.of_the_loop(&forwards);
        let outside: Vec<usize> = (0..flows.len()).filter(|at| !inside.contains(at)).collect();
        self.nothing_waits_for_the_loop(&forwards, &outside, &inside);
        let before_it: Vec<Flow> = outside.iter().map(|at| flows[*at].clone()).collect();
        let order = match order(&before_it) {
            Ok(order) => order,
            Err(circle) => {
                let circle = circle.iter().map(|at| &forwards[outside[*at]]);
                self.circle(&circle.collect::<Vec<_>>());
                return (Vec::new(), Vec::new());
            }
        };
        let number = |at: &usize| outside[*at];
        let mut order: Vec<(usize, Vec<usize>)> = order
            .iter()
            .map(|(at, before)| (number(at), before.iter().map(number).collect()))
            .collect();
        // A loop goes through its trainings in the order of the text.
        order.extend(inside.iter().map(|at| (*at, Vec::new())));
        let ordered: Vec<&Forward<'a>> = order.iter().map(|(at, _)| &forwards[*at]).collect();
        let read: Vec<_> = order.iter().map(|(at, _)| &read[*at]).collect();
        let flows: Vec<&Flow> = order.iter().map(|(at, _)| &flows[*at]).collect();
        let columns = self.place_columns(columns, &read, &flows);
        self.teachers_keep_to_themselves(&ordered, outside.len());
        let place = |text: usize| order.iter().position(|(at, _)| *at == text);
        let phases = order.iter().zip(ordered);
        let phases = phases.map(|((_, before), forward)| {
            let after = before.iter().filter_map(|at| place(*at)).collect();
            self.phase(forward, after)
        });
        (phases.collect(), columns)
    }

    /// The losses of a training as outputs of one graph, each the mean over its rows.
    fn forward(&mut self, train: &'a hir::Train) -> Option<Forward<'a>> {
        let hir: &'a Hir = self.hir;
        let losses: Vec<(f64, &'a hir::Loss)> = train
            .minimize
            .iter()
            .filter_map(|(factor, name)| {
                let loss = hir.losses.iter().find(|loss| loss.name == *name)?;
                Some((*factor, loss))
            })
            .collect();
        let (streams, of_loss) = self.streams(&losses, train);
        let (mut program, learning) = self.losses(&losses, &streams, &of_loss)?;
        optimise(
            &mut program.graph,
            self.pipeline.forward,
            self.pipeline.after,
        );
        if self.pipeline.copies == Copies::Merged {
            merge_copies(&mut program, &streams);
        }
        let objectives: Vec<Objective> = losses
            .iter()
            .map(|(factor, loss)| Objective {
                output: loss.name.clone(),
                weight: *factor,
                trains: trained(hir, &program.graph, loss),
            })
            .collect();
        let graph = &program.graph;
        let trains = objectives
            .iter()
            .flat_map(|objective| trained_by(graph, objective))
            .collect();
        Some(Forward {
            flow: flow_of(hir, graph, trains),
            train,
            losses: losses.into_iter().map(|(_, loss)| loss).collect(),
            program,
            objectives,
            streams,
            learning,
        })
    }

    fn losses(
        &mut self,
        losses: &[(f64, &hir::Loss)],
        streams: &[StreamPlan],
        of_loss: &[usize],
    ) -> Option<(Program, Learning)> {
        let mut builder = GraphBuilder::new(self.hir, &mut self.rows, Mode::Training, "step");
        let here = losses.iter().flat_map(|(_, loss)| loss.trains.clone());
        builder.learning.here = here.collect();
        let mut outputs = Vec::new();
        let mut failed = Vec::new();
        for ((_, loss), stream) in losses.iter().zip(of_loss) {
            let plan = &streams[*stream];
            let handle = match plan.group {
                Some(_) => builder.group_handle((*stream, plan), &loss.value),
                None => Ok(stream_handle(&mut builder, *stream, &plan.source)),
            };
            builder.learning.open = loss.trains.iter().cloned().collect();
            let built = handle.and_then(|handle| {
                builder.set_local(loss.rows.row, Val::Handle(handle));
                builder.at_path(&loss.name, |builder| {
                    let value = builder.node(&loss.value)?;
                    match plan.is_weighed() {
                        true => builder.weighted_mean(value, handle, &loss.value),
                        false if plan.window.is_some() => {
                            builder.mean_over_perhaps_no_rows(value, &loss.value)
                        }
                        false => builder.mean_over_rows(value, &loss.value),
                    }
                })
            });
            match built {
                Ok(node) => outputs.push((loss.name.clone(), node)),
                Err(diagnostic) => failed.push(*diagnostic),
            }
        }
        let learning = std::mem::take(&mut builder.learning);
        let mut program = builder.finish();
        self.diagnostics.extend(failed);
        let complete = outputs.len() == losses.len() && !outputs.is_empty();
        program.graph.outputs = outputs;
        complete.then_some((program, learning))
    }

    fn phase(&mut self, forward: &Forward<'_>, after: Vec<usize>) -> PhasePlan {
        let train = forward.train;
        let recipe = Recipe {
            objectives: forward.objectives.clone(),
            groups: groups(&forward.program.graph, train, &self.rows.vectors),
            clip: train.clip,
        };
        let (step, update) = match train.accumulate {
            0 | 1 => (training_step(&forward.program.graph, &recipe), None),
            _ => {
                let (step, update) = accumulated_step(&forward.program.graph, &recipe);
                (step, Some(update))
            }
        };
        for (at, loss) in forward.losses.iter().enumerate() {
            self.reaches_what_it_is_for(loss, &forward.trained_by(at));
        }
        self.gates(forward);
        let mut graph = step.graph;
        optimise(&mut graph, self.pipeline.step, self.pipeline.after);
        let mut feeds = forward.program.feeds.clone();
        feeds.push(Feed {
            input: LEARNING_RATE.to_owned(),
            what: FeedKind::Schedule,
            span: None,
        });
        let step = fed(graph, forward.program.handles.clone(), &feeds);
        let accumulate = update.map(|mut update| {
            optimise(&mut update, self.pipeline.step, self.pipeline.after);
            AccumulatePlan {
                batches: train.accumulate,
                update: fed(update, Vec::new(), &feeds),
            }
        });
        let stop = train
            .stop
            .as_ref()
            .map(|(split, evaluation, metric, patience)| StopPlan {
                split: split.clone(),
                evaluation: evaluation.clone(),
                metric: metric.clone(),
                patience: *patience,
            });
        PhasePlan {
            name: train.name.clone(),
            after,
            begins: Vec::new(),
            averages: Vec::new(),
            streams: forward.streams.clone(),
            step,
            held: Vec::new(),
            accumulate,
            epochs: train.epochs,
            schedule: train.schedule,
            stop,
            span: train.span,
        }
    }
}

/// What live ops read, through copies and averages too.
fn flow_of(hir: &Hir, graph: &Graph, trains: BTreeSet<String>) -> Flow {
    let (reads, copies) = paths(hir, graph);
    Flow {
        reads,
        copies,
        trains,
    }
}

/// The paths that live ops read, those behind copies and averages included.
pub(super) fn paths_read(hir: &Hir, graph: &Graph) -> BTreeSet<String> {
    paths(hir, graph).0
}

/// The paths that live ops read, and those of them that stand behind a copy.
fn paths(hir: &Hir, graph: &Graph) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut reads, mut copies) = (BTreeSet::new(), BTreeSet::new());
    for id in graph.order() {
        let (Op::Param(path) | Op::Table(path)) = &graph.node(id).op else {
            continue;
        };
        let mut path = path.as_str();
        reads.insert(path.to_owned());
        let of = |path| {
            let mut towers = hir.towers.iter();
            towers.find_map(|tower| {
                let origin = &tower.teacher.as_ref()?.origin;
                let is_copy = matches!(origin, hir::Origin::CopyOf(_));
                tower.follows()?;
                Some((is_copy, followed(path, &tower.name)?))
            })
        };
        while let Some((is_copy, kept)) = of(path) {
            reads.insert(kept.to_owned());
            if is_copy {
                copies.insert(kept.to_owned());
            }
            path = kept;
        }
    }
    (reads, copies)
}

/// The place of a training, which may be many lines long, is told by its first bytes.
pub(super) fn head(span: Span) -> Span {
    let end = span.end.min(span.start + "train".len() as u32);
    Span { end, ..span }
}

fn groups(
    graph: &Graph,
    train: &hir::Train,
    vectors: &BTreeMap<String, VectorsPlan>,
) -> Vec<Group> {
    let is_slow = |path: &String| vectors.get(path).is_some_and(|of| of.tune == Tune::Slow);
    let paths = |kind: ParamKind, slow: bool| -> Vec<String> {
        let of_kind = graph.params.iter().filter(|(_, param)| param.kind == kind);
        let paths = of_kind.map(|(path, _)| path.clone());
        paths.filter(|path| is_slow(path) == slow).collect()
    };
    let group = |paths, by: &hir::Optimizer, share| Group {
        paths,
        rule: by.rule,
        rate: share * by.lr,
    };
    let mut groups = vec![
        group(paths(ParamKind::Weight, false), &train.optimizer, 1.0),
        group(paths(ParamKind::Table, false), &train.embeddings, 1.0),
    ];
    let slow = paths(ParamKind::Table, true);
    if !slow.is_empty() {
        groups.push(group(slow, &train.embeddings, Tune::SLOW));
    }
    groups
}
