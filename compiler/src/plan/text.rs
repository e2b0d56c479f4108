//! The plan as text: sections in the order in which a run goes through them.

use std::fmt::Write as _;

use super::row::Kernel;
use super::{
    Absent, Domain, EvaluationKind, EvaluationPlan, FeedKind, FitKind, FitPlan, HandleRows,
    HistoryPlan, PhasePlan, Plan, Program, Schedule, SlicePlan, SourceKind, SourcePlan, SplitPlan,
    SplitRule, StreamOrder, TableRows, TimeFormat,
};
use crate::graph::text::print as print_graph;

/// Prints all of a plan. Equal plans print equally.
pub fn print(plan: &Plan) -> String {
    let mut out = String::new();
    let mut section = |text: String| {
        if !text.is_empty() {
            out += if out.is_empty() { "" } else { "\n" };
            out += &text;
        }
    };
    section(
        plan.settings
            .iter()
            .map(|(name, value)| format!("setting {name} = {value}\n"))
            .collect(),
    );
    plan.sources
        .iter()
        .for_each(|source| section(source_text(source)));
    section(plan.splits.iter().map(split).collect());
    section(
        plan.histories
            .iter()
            .enumerate()
            .map(|(at, entry)| history(at, entry))
            .collect(),
    );
    plan.fits
        .iter()
        .enumerate()
        .for_each(|(at, entry)| section(fit(at, entry)));
    plan.kernels
        .iter()
        .for_each(|entry| section(format!("rows of {}\n{}", entry.source, kernel(entry))));
    section(
        plan.tables
            .iter()
            .map(|(path, rows)| format!("table {path}: {}\n", table(rows)))
            .collect(),
    );
    plan.phases.iter().for_each(|entry| section(phase(entry)));
    plan.evaluations
        .iter()
        .for_each(|entry| section(evaluation(entry)));
    plan.exports.iter().for_each(|entry| {
        section(format!(
            "export {}\n{}",
            entry.tower,
            program(&entry.program)
        ))
    });
    out
}

fn source_text(source: &SourcePlan) -> String {
    let kind = match source.kind {
        SourceKind::Entity => "entity",
        SourceKind::Events => "events",
    };
    let paths: Vec<String> = source
        .paths
        .iter()
        .map(|path| format!("{path:?}"))
        .collect();
    let mut out = format!("{kind} {} from {}\n", source.name, paths.join(", "));
    for column in &source.columns {
        let nulls: Vec<String> = column.nulls.iter().map(ToString::to_string).collect();
        let nulls = if nulls.is_empty() {
            String::new()
        } else {
            format!(", null {}", nulls.join(" "))
        };
        out += &format!(
            "  {}: {}{}{nulls}\n",
            column.name,
            column.ty,
            time(&column.time)
        );
    }
    if !source.key.is_empty() {
        out += &format!("  key {}\n", source.key.join(", "));
    }
    for reference in &source.references {
        let absent = match reference.absent {
            Absent::Error => "",
            Absent::Unknown => ", absent: unknown",
        };
        out += &format!(
            "  {} -> {}{absent}\n",
            reference.columns.join(", "),
            reference.target
        );
    }
    if let Some(time) = &source.time {
        out += &format!("  dated by {time}\n");
    }
    if !source.unique.is_empty() {
        out += &format!("  unique by {}\n", source.unique.join(", "));
    }
    out
}

fn time(format: &TimeFormat) -> String {
    match format {
        TimeFormat::Seconds => String::new(),
        TimeFormat::Millis => " in ms".to_owned(),
        TimeFormat::Micros => " in us".to_owned(),
        TimeFormat::Text { format, zone } => format!(" as {format:?} in {zone}"),
    }
}

fn split(split: &SplitPlan) -> String {
    let rule = match &split.rule {
        SplitRule::Time => "by time".to_owned(),
        SplitRule::TimePer(entity) => format!("by time per {entity}"),
        SplitRule::LastPer(entity) => format!("last rows per {entity}"),
        SplitRule::Day => "by day".to_owned(),
        SplitRule::Random(seed) => format!("random({seed})"),
    };
    let parts: Vec<String> = split
        .parts
        .iter()
        .map(|(name, amount)| format!("{name} {amount}"))
        .collect();
    format!("split {} {rule}: {}\n", split.source, parts.join(", "))
}

fn history(at: usize, history: &HistoryPlan) -> String {
    let mut out = format!("history {at}: {} of {}", history.source, history.entity);
    if let Some(condition) = &history.condition {
        out += &format!(" where {condition}");
    }
    if let Some(last) = history.last {
        out += &format!(", last {last}");
    }
    if let Some(within) = history.within {
        out += &format!(", within {}", crate::value::Value::Duration(within));
    }
    out + "\n"
}

fn fit(at: usize, fit: &FitPlan) -> String {
    let kind = match &fit.kind {
        FitKind::Vocab {
            min_count,
            oov,
            top,
        } => {
            let top = top.map_or(String::new(), |top| format!(", top: {top}"));
            format!("vocab(min_count: {min_count}, oov: {oov}{top})")
        }
        FitKind::Quantiles(count) => format!("quantiles({count})"),
        FitKind::Moments => "moments".to_owned(),
        FitKind::Extent => "extent".to_owned(),
    };
    let domain = match &fit.domain {
        Domain::Referred { entity } => format!("training events that refer to {entity}"),
        Domain::Catalogue { entity } => format!("rows of {entity}"),
        Domain::Events { source } => format!("training rows of {source}"),
    };
    format!(
        "fit {at} {}: {kind} over {domain}\n{}",
        fit.name,
        kernel(&fit.kernel)
    )
}

fn kernel(kernel: &Kernel) -> String {
    let mut out = String::new();
    for (at, inst) in kernel.code.iter().enumerate() {
        let args: String = inst.args.iter().map(|arg| format!(" %{arg}")).collect();
        let mapped = if inst.mapped { " for each" } else { "" };
        writeln!(out, "  %{at}: {} = {:?}{args}{mapped}", inst.ty, inst.op)
            .expect("writing to a string succeeds");
    }
    out + &kernel
        .outputs
        .iter()
        .map(|(name, at)| format!("  {name} = %{at}\n"))
        .collect::<String>()
}

fn table(rows: &TableRows) -> String {
    match rows {
        TableRows::Vocabulary(fit) => format!("rows by fit {fit}"),
        TableRows::Fixed(rows) => format!("{rows} rows"),
    }
}

fn phase(phase: &PhasePlan) -> String {
    let schedule = match phase.schedule {
        Schedule::Constant { warmup } => format!("constant, warm-up {warmup}"),
        Schedule::Cosine { warmup } => format!("cosine, warm-up {warmup}"),
        Schedule::Linear { warmup } => format!("linear, warm-up {warmup}"),
    };
    let mut out = format!(
        "train {}: {} epochs, learning rate {schedule}\n",
        phase.name, phase.epochs
    );
    for (at, stream) in phase.streams.iter().enumerate() {
        let condition = stream
            .condition
            .as_ref()
            .map_or(String::new(), |condition| format!(" where {condition}"));
        let order = match stream.order {
            StreamOrder::Shuffled => "shuffled",
            StreamOrder::Drawn => "drawn",
        };
        out += &format!(
            "  stream {at}: {}{condition} by {}, {order}\n",
            stream.source, stream.batch
        );
    }
    if let Some(stop) = &phase.stop {
        let (split, evaluation, metric, patience) =
            (&stop.split, &stop.evaluation, &stop.metric, stop.patience);
        out += &format!("  stop early on {split} {evaluation}.{metric}, patience {patience}\n");
    }
    out + &program(&phase.step)
}

fn evaluation(evaluation: &EvaluationPlan) -> String {
    let mut out = format!("evaluate {} over {}", evaluation.name, evaluation.source);
    if let Some(condition) = &evaluation.condition {
        out += &format!(" where {condition}");
    }
    out += &format!("\n  report {}\n", evaluation.metrics.join(", "));
    for slice in &evaluation.slices {
        out += &match slice {
            SlicePlan::Popularity { entity, groups } => {
                format!("  slice by popularity({entity}, {groups})\n")
            }
            SlicePlan::Output { source, output } => format!("  slice by {source}.{output}\n"),
        };
    }
    if let Some(reference) = &evaluation.interval {
        out += &format!("  interval by {reference}\n");
    }
    out += &format!("  baselines {}\n", evaluation.baselines.join(", "));
    match &evaluation.kind {
        EvaluationKind::Retrieval {
            entity,
            per,
            except_seen,
            catalogue,
            query,
        } => {
            let per = per.as_ref().map_or("one query a row".to_owned(), |per| {
                format!("one query a {per}")
            });
            let seen = if *except_seen { ", except seen" } else { "" };
            out += &format!("  rank {entity}, {per}{seen}\n");
            out + &program(catalogue) + &program(query)
        }
        EvaluationKind::Ranking { score } => out + &program(score),
    }
}

/// What feeds a graph, then the graph.
fn program(program: &Program) -> String {
    let mut out = String::new();
    for (at, handle) in program.handles.iter().enumerate() {
        let rows = match &handle.rows {
            HandleRows::Stream(stream) => format!("the batch of stream {stream}"),
            HandleRows::Referred(from) => format!("what handle {from} refers to"),
            HandleRows::History(from, history) => format!("history {history} of handle {from}"),
            HandleRows::Shared(from) => format!("handle {from}, shared"),
            HandleRows::Catalogue => "all rows".to_owned(),
            HandleRows::Joined(of) => format!("handles {of:?} joined"),
            HandleRows::Sampled(count) => format!("{count} drawn uniformly"),
        };
        out += &format!(
            "  handle {at} {}: {} of {rows}\n",
            handle.name, handle.source
        );
    }
    for feed in &program.feeds {
        out += &format!("  feed {} = {}\n", feed.input, feed_text(&feed.what));
    }
    out + &print_graph(&program.graph)
        .lines()
        .map(|line| format!("  {line}").trim_end().to_owned() + "\n")
        .collect::<String>()
}

fn feed_text(feed: &FeedKind) -> String {
    let dropped = |drop: f64| {
        if drop > 0.0 {
            format!(", dropped {drop}")
        } else {
            String::new()
        }
    };
    match feed {
        FeedKind::Column {
            handle,
            output,
            drop,
        } => format!("{output} of handle {handle}{}", dropped(*drop)),
        FeedKind::ListValues {
            handle,
            output,
            drop,
            ..
        } => {
            format!("elements of {output} of handle {handle}{}", dropped(*drop))
        }
        FeedKind::ListSegments { handle, output } => {
            format!("rows of the elements of {output} of handle {handle}")
        }
        FeedKind::ListPositions { handle, output } => {
            format!("places of the elements of {output} of handle {handle}")
        }
        FeedKind::Segments { handle } => format!("parents of handle {handle}"),
        FeedKind::Positions { handle } => format!("places of handle {handle}"),
        FeedKind::Rows { handle } => format!("row numbers of handle {handle}"),
        FeedKind::Positive { of, candidates } => {
            format!("places of handle {of} among handle {candidates}")
        }
        FeedKind::LogExpectedCount { candidates } => {
            format!("log of expected counts of handle {candidates}")
        }
        FeedKind::KnownPositive { of, candidates } => {
            format!("whether handle {of} has handle {candidates}")
        }
        FeedKind::RowWeight { handle } => format!("weights of handle {handle}"),
        FeedKind::Schedule => "the factor of the schedule".to_owned(),
    }
}
