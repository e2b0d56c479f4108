//! Trainings, evaluations and exports: what feeds their tensor programs and what comes out.

use std::collections::BTreeMap;

use super::Text;
use crate::graph::{Graph, Op, ParamKind};
use crate::plan::{
    Clock, EvaluationKind, EvaluationPlan, Feed, FeedKind, Handle, HandleRows, Plan, Program,
    Schedule, SlicePlan, StreamOrder,
};

pub(super) fn phases(text: &mut Text, plan: &Plan) {
    for phase in &plan.phases {
        text.section(&format!("train {}", phase.name), |text| {
            for (at, stream) in phase.streams.iter().enumerate() {
                let order = match &stream.order {
                    StreamOrder::Shuffled => "shuffled anew each epoch".to_owned(),
                    StreamOrder::Drawn => "drawn uniformly".to_owned(),
                    StreamOrder::DrawnBy(output) => format!("drawn in proportion to {output}"),
                };
                text.line(format!(
                    "stream {at}: {} rows a step of {}, {order}",
                    stream.batch, stream.name
                ));
            }
            for copy in &phase.begins {
                text.line(format!("begins with {} as {}", copy.from, copy.to));
            }
            text.line(format!("{} epochs of stream 0", phase.epochs));
            for moved in &phase.averages {
                text.line(format!(
                    "after a step {} moves towards {}, decay {:?}",
                    moved.average, moved.value, moved.decay
                ));
            }
            text.line(format!("learning rates {}", schedule(phase.schedule)));
            if let Some(stop) = &phase.stop {
                text.line(format!(
                    "stops when {}.{} on {} has not risen for {} epochs; keeps the best weights",
                    stop.evaluation, stop.metric, stop.split, stop.patience
                ));
            }
            for held in &phase.held {
                let of = format!(
                    "once for each row of stream {}, and remembered",
                    held.stream
                );
                program(text, &of, &held.program);
            }
            match &phase.accumulate {
                None => program(text, "a step", &phase.step),
                Some(accumulate) => {
                    let batches = accumulate.batches;
                    program(
                        text,
                        &format!("each of {batches} batches of a step"),
                        &phase.step,
                    );
                    program(
                        text,
                        "then the update by their gradients",
                        &accumulate.update,
                    );
                }
            }
        });
    }
}

fn schedule(schedule: Schedule) -> String {
    let (shape, warmup) = match schedule {
        Schedule::Constant { warmup } => ("stay", warmup),
        Schedule::Cosine { warmup } => ("fall to 0 by a half cosine", warmup),
        Schedule::Linear { warmup } => ("fall to 0 by a line", warmup),
    };
    if warmup == 0 {
        shape.to_owned()
    } else {
        format!("{shape} after a warm-up of {warmup} steps")
    }
}

pub(super) fn evaluations(text: &mut Text, plan: &Plan) {
    for one in &plan.evaluations {
        text.section(&format!("evaluate {}", one.name), |text| {
            evaluation(text, one)
        });
    }
}

fn evaluation(text: &mut Text, evaluation: &EvaluationPlan) {
    let mut rows = evaluation.source.clone();
    if let Some(window) = &evaluation.window {
        rows.push_str(&format!(" {window}"));
    }
    if let Some(condition) = &evaluation.condition {
        rows.push_str(&format!(" where `{condition}`"));
    }
    if let Some(pool) = &evaluation.pool {
        rows = pool.describe();
    }
    match &evaluation.kind {
        EvaluationKind::Retrieval {
            entity,
            per,
            except_seen,
            ..
        } => {
            let who = match per {
                Some(per) => format!("one query for each {per} of {rows}"),
                None => format!("one query for each row of {rows}"),
            };
            let seen = if *except_seen {
                " but those already seen"
            } else {
                ""
            };
            text.line(format!("{who} ranks every {entity}{seen}"));
        }
        EvaluationKind::Ranking { .. } => text.line(format!("scores each row of {rows}")),
    }
    text.line(format!("metrics: {}", evaluation.metrics.join(", ")));
    for slice in &evaluation.slices {
        text.line(match slice {
            SlicePlan::Popularity { entity, groups } => {
                format!("slices: {groups} groups of {entity} by popularity")
            }
            SlicePlan::Output { source, output } => format!("slices: by `{output}` of {source}"),
        });
    }
    if let Some(interval) = &evaluation.interval {
        text.line(format!("intervals: by resampling {interval}"));
    }
    let baselines = match evaluation.baselines.is_empty() {
        true => "none".to_owned(),
        false => evaluation.baselines.join(", "),
    };
    text.line(format!("baselines: {baselines}"));
    match &evaluation.kind {
        EvaluationKind::Retrieval {
            entity,
            catalogue,
            query,
            ..
        } => {
            program(text, &format!("once for every {entity}"), catalogue);
            program(text, "a block of queries", query);
        }
        EvaluationKind::Ranking { score } => program(text, "a block of rows", score),
    }
}

pub(super) fn exports(text: &mut Text, plan: &Plan) {
    for export in &plan.exports {
        text.section(&format!("export {}", export.tower), |text| {
            program(text, "a block of rows", &export.program);
        });
    }
}

pub(super) fn program(text: &mut Text, head: &str, program: &Program) {
    let graph = &program.graph;
    text.nested(
        format!("{head}: graph {}, {}", graph.name, size(graph)),
        |text| {
            let rows: Vec<Vec<String>> = used(program)
                .into_iter()
                .map(|at| {
                    let handle = &program.handles[at];
                    vec![
                        format!("rows {}[{}]", handle.name, graph.space(handle.space).name),
                        format!("= {}", origin(handle, program)),
                    ]
                })
                .collect();
            text.columns(&rows);
            let feeds: Vec<Vec<String>> = program
                .feeds
                .iter()
                .map(|feed| {
                    vec![
                        format!("feed {}", feed.input),
                        format!("= {}", holds(feed, program)),
                    ]
                })
                .collect();
            text.columns(&feeds);
            let outputs: Vec<String> = graph
                .outputs
                .iter()
                .map(|(name, id)| format!("{name}: {}", graph.ty(*id).show(&graph.spaces)))
                .collect();
            text.line(format!("gives {}", outputs.join(", ")));
            updates(text, graph);
        },
    );
}

/// `153 ops, 8 weights, 6 tables`
fn size(graph: &Graph) -> String {
    let order = graph.order();
    let mut paths: BTreeMap<&str, ParamKind> = BTreeMap::new();
    let mut ops = 0;
    for id in order {
        match &graph.node(id).op {
            Op::Param(path) | Op::Table(path) => {
                if let Some(param) = graph.params.get(path) {
                    paths.insert(path, param.kind);
                }
            }
            _ => ops += 1,
        }
    }
    let count = |kind| paths.values().filter(|of| **of == kind).count();
    let mut parts = vec![format!("{ops} ops")];
    for (kind, name) in [
        (ParamKind::Weight, "weights"),
        (ParamKind::Table, "tables"),
        (ParamKind::State, "states"),
    ] {
        if count(kind) > 0 {
            parts.push(format!("{} {name}", count(kind)));
        }
    }
    parts.join(", ")
}

/// The parameters that a step changes, by their rule.
fn updates(text: &mut Text, graph: &Graph) {
    let mut by_rule: Vec<(String, Vec<&str>)> = Vec::new();
    for id in &graph.effects {
        if let Op::Update { path, rule } = &graph.node(*id).op {
            let rule = crate::graph::text::rule(*rule);
            match by_rule.iter_mut().find(|(known, _)| *known == rule) {
                Some((_, paths)) => paths.push(path),
                None => by_rule.push((rule, vec![path])),
            }
        }
    }
    for (rule, paths) in by_rule {
        text.nested(format!("updates by {rule}"), |text| {
            for path in paths {
                text.line(path);
            }
        });
    }
}

/// The handles that feeds or other used handles name.
fn used(program: &Program) -> Vec<usize> {
    let mut used = vec![false; program.handles.len()];
    for feed in &program.feeds {
        for at in feed.what.handles() {
            used[at] = true;
        }
    }
    // A handle names earlier ones only.
    for at in (0..program.handles.len()).rev() {
        if used[at] {
            for of in program.handles[at].rows.parents() {
                used[of] = true;
            }
        }
    }
    (0..used.len()).filter(|at| used[*at]).collect()
}

fn origin(handle: &Handle, program: &Program) -> String {
    let name = |at: usize| &program.handles[at].name;
    match &handle.rows {
        HandleRows::Stream(at) => format!("the batch of stream {at}, of {}", handle.source),
        HandleRows::Referred(of) => format!("the {} of each row of {}", handle.source, name(*of)),
        HandleRows::History(of, history) => {
            format!("history {history} of each row of {}", name(*of))
        }
        HandleRows::Shared(of) => format!("{}, as candidates of every row", name(*of)),
        HandleRows::Distinct(of) => {
            format!("{}, each once, as candidates of every row", name(*of))
        }
        HandleRows::Thinned { of, rate, .. } => {
            format!(
                "{}, each value of a list left out with probability {rate}",
                name(*of)
            )
        }
        HandleRows::Catalogue => format!("every {}", handle.source),
        HandleRows::Joined(parts) => {
            let parts: Vec<&str> = parts.iter().map(|at| name(*at).as_str()).collect();
            parts.join(" and ")
        }
        HandleRows::Sampled { count, sampler, .. } => {
            format!("{count} of {}, drawn {sampler}", handle.source)
        }
        HandleRows::Groups(at) => format!("the groups of stream {at}"),
    }
}

fn holds(feed: &Feed, program: &Program) -> String {
    let name = |at: usize| &program.handles[at].name;
    let dropped = |drop: f64| match drop {
        0.0 => String::new(),
        _ => format!(", unknown with probability {drop}"),
    };
    match &feed.what {
        FeedKind::Column {
            handle,
            output,
            drop,
        } => format!("`{output}` of {}{}", name(*handle), dropped(*drop)),
        FeedKind::ListValues {
            handle,
            output,
            drop,
            ..
        } => format!(
            "elements of `{output}` of {}{}",
            name(*handle),
            dropped(*drop)
        ),
        FeedKind::ListSegments { handle, output } => {
            format!("the row of each element of `{output}` of {}", name(*handle))
        }
        FeedKind::ListPositions { handle, output } => {
            format!(
                "the place of each element of `{output}` of {}",
                name(*handle)
            )
        }
        FeedKind::Emptied { handle, output } => {
            format!("whether nothing is left of `{output}` of {}", name(*handle))
        }
        FeedKind::Statistic { fit } => format!("fit {fit}"),
        FeedKind::Segments { handle } => {
            format!("the row that each of {} belongs to", name(*handle))
        }
        FeedKind::Positions { handle } => {
            format!("the place of each of {} in its list", name(*handle))
        }
        FeedKind::Lengths { handle } => format!("how long each list of {} is", name(*handle)),
        FeedKind::Ago { handle } => format!("how long ago each of {} was", name(*handle)),
        FeedKind::Rows { handle } => format!("row numbers of {}", name(*handle)),
        FeedKind::Schedule => "the schedule's factor".to_owned(),
        FeedKind::Clock(Clock::Epoch) => "the epoch, from 0".to_owned(),
        FeedKind::Clock(Clock::Step) => "the step, from 0".to_owned(),
        FeedKind::Positive { .. }
        | FeedKind::LogExpectedCount { .. }
        | FeedKind::LogCopies { .. }
        | FeedKind::KnownPositive { .. }
        | FeedKind::Seen { .. }
        | FeedKind::RowLogQ { .. }
        | FeedKind::RowSampled { .. }
        | FeedKind::RowWeight { .. } => drawn(&feed.what, program),
    }
}

/// What rows and candidates carry by how they were drawn.
fn drawn(what: &FeedKind, program: &Program) -> String {
    let name = |at: usize| &program.handles[at].name;
    match what {
        FeedKind::Positive { of, candidates } => {
            format!("where {} stands among {}", name(*of), name(*candidates))
        }
        FeedKind::LogExpectedCount { candidates, .. } => {
            format!("log of the expected count of each of {}", name(*candidates))
        }
        FeedKind::LogCopies { candidates } => {
            format!("log of the number of rows of each of {}", name(*candidates))
        }
        FeedKind::KnownPositive { of, candidates } => format!(
            "whether {} has each of {} among its training rows",
            name(*of),
            name(*candidates)
        ),
        FeedKind::Seen { of, candidates } => format!(
            "whether {} has each of {} among all training rows",
            name(*of),
            name(*candidates)
        ),
        FeedKind::RowLogQ { handle } => {
            format!(
                "log of the probability of drawing each of {}",
                name(*handle)
            )
        }
        FeedKind::RowSampled { handle } => format!("whether each of {} was drawn", name(*handle)),
        FeedKind::RowWeight { handle } => format!("the weights of {}", name(*handle)),
        FeedKind::Column { .. }
        | FeedKind::ListValues { .. }
        | FeedKind::ListSegments { .. }
        | FeedKind::ListPositions { .. }
        | FeedKind::Emptied { .. }
        | FeedKind::Statistic { .. }
        | FeedKind::Segments { .. }
        | FeedKind::Positions { .. }
        | FeedKind::Lengths { .. }
        | FeedKind::Ago { .. }
        | FeedKind::Rows { .. }
        | FeedKind::Schedule
        | FeedKind::Clock(_) => String::new(),
    }
}
