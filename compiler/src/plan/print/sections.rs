//! What a run reads, cuts and counts before any tensor.

use super::{Text, kernel};
use crate::plan::{
    Absent, BadRows, ColumnPlan, Domain, FitKind, FitPlan, HistoryPlan, Immature, JoinPlan, Known,
    Plan, Sees, SkipLimit, SourceKind, SourcePlan, SplitPlan, SplitRule, TableRows, TimeFormat,
};
use crate::value::Value;

pub(super) fn settings(text: &mut Text, plan: &Plan) {
    if plan.settings.is_empty() {
        return;
    }
    text.section("settings", |text| {
        for (name, value) in &plan.settings {
            text.line(format!("{name} = {value}"));
        }
    });
}

pub(super) fn sources(text: &mut Text, plan: &Plan) {
    if plan.sources.is_empty() {
        return;
    }
    text.section("sources", |text| {
        for one in &plan.sources {
            source(text, one, &|_| false);
        }
    });
}

/// A source as the typed program shows it; `label` says which columns are labels.
pub(crate) fn source_lines(of: &SourcePlan, label: &dyn Fn(&str) -> bool) -> String {
    let mut text = Text::default();
    source(&mut text, of, label);
    text.out
}

fn source(text: &mut Text, source: &SourcePlan, label: &dyn Fn(&str) -> bool) {
    let kind = match source.kind {
        SourceKind::Entity => "entity",
        SourceKind::Events => "events",
    };
    let head = format!("{kind} {} from {}", source.name, source.written_paths());
    text.nested(head, |text| {
        let rows: Vec<Vec<String>> = source
            .columns
            .iter()
            .map(|column| {
                let mut remarks = remarks(source, column);
                if label(&column.name) {
                    remarks.insert(0, "label".to_owned());
                }
                vec![
                    format!("{}: {}", column.name, column.ty),
                    remarks.join(", "),
                ]
            })
            .collect();
        text.columns(&rows);
        if let Some(condition) = &source.condition {
            text.nested("rows of which this holds", |text| {
                kernel::kernel(text, condition);
            });
        }
        if !source.unique.is_empty() {
            text.line(format!(
                "the first of rows of equal ({})",
                source.unique.join(", ")
            ));
        }
        for (label, all) in &source.computed {
            let all: Vec<String> = all.iter().map(known).collect();
            text.line(format!("{label} known {}", all.join(" and ")));
        }
        if source.waits() {
            text.line(immature(source.immature));
        }
        if source.on_bad_row != BadRows::Fail {
            text.line(bad_rows(source.on_bad_row));
        }
    });
}

/// What becomes of rows whose labels are not known at the end of their part.
pub(crate) fn immature(policy: Immature) -> &'static str {
    match policy {
        Immature::Drop => "without rows whose labels are not known at the end of their part",
        Immature::Keep => "with rows whose labels are not known at the end of their part",
        Immature::Weight => {
            "rows whose labels are not known at the end of their part weigh the share of the wait that is over"
        }
    }
}

/// `a day after at`
fn known(known: &Known) -> String {
    match known {
        Known::After(delay, time) => format!("{} after {time}", Value::Duration(*delay)),
        Known::At(time) => format!("at {time}"),
    }
}

fn join(join: &JoinPlan) -> String {
    let value = match &join.value {
        Some(value) => format!("{value} of"),
        None => "whether there is".to_owned(),
    };
    let otherwise = match &join.otherwise {
        Some(otherwise) => otherwise.to_string(),
        None => "null".to_owned(),
    };
    format!(
        "{value} a {} of the same ({}) within {}, else {otherwise}",
        join.source,
        join.on.join(", "),
        Value::Duration(join.within)
    )
}

/// What becomes of rows that cannot be read; empty where they are diagnostics.
pub(crate) fn bad_rows(policy: BadRows) -> String {
    match policy {
        BadRows::Fail => String::new(),
        BadRows::Skip(SkipLimit::Rows(most)) => {
            format!("without rows that cannot be read, at most {most}")
        }
        BadRows::Skip(SkipLimit::Share(most)) => {
            format!(
                "without rows that cannot be read, at most {}% of all",
                most * 100.0
            )
        }
        BadRows::Default => "with null, 0, false or nothing for what cannot be read".to_owned(),
    }
}

/// What a column is for.
fn remarks(source: &SourcePlan, column: &ColumnPlan) -> Vec<String> {
    let mut remarks = Vec::new();
    if source.key.contains(&column.name) {
        remarks.push("key".to_owned());
    }
    for reference in &source.references {
        if reference.columns.contains(&column.name) {
            remarks.push(match reference.absent {
                Absent::Error => format!("-> {}", reference.target),
                Absent::Unknown => format!("-> {}, unknown where absent", reference.target),
            });
        }
    }
    if source.time.as_ref() == Some(&column.name) {
        remarks.push("dates the row".to_owned());
    }
    if source.versions.as_ref() == Some(&column.name) {
        remarks.push("dates the version".to_owned());
    }
    if column.ty.kind == crate::plan::row::RowKind::Time {
        remarks.push(match &column.time {
            TimeFormat::Seconds => "in seconds since 1970".to_owned(),
            TimeFormat::Millis => "in milliseconds since 1970".to_owned(),
            TimeFormat::Micros => "in microseconds since 1970".to_owned(),
            TimeFormat::Text { format, zone } => format!("written {format:?} in zone {zone}"),
        });
    }
    if let Some(of) = &column.joined {
        remarks.push(join(of));
    }
    if !column.known.is_empty() {
        let all: Vec<String> = column.known.iter().map(known).collect();
        remarks.push(format!("known {}", all.join(" and ")));
    }
    if !column.nulls.is_empty() {
        let nulls: Vec<String> = column.nulls.iter().map(Value::to_string).collect();
        remarks.push(format!("null where {}", nulls.join(" or ")));
    }
    remarks
}

pub(super) fn splits(text: &mut Text, plan: &Plan) {
    if plan.splits.is_empty() {
        return;
    }
    text.section("splits", |text| {
        for one in &plan.splits {
            text.line(split(one));
        }
    });
}

/// `rating by time for each user: train 80%, valid 10%, test 10%`
pub(crate) fn split(split: &SplitPlan) -> String {
    let (rule, counted) = match &split.rule {
        SplitRule::Time => ("by time".to_owned(), false),
        SplitRule::TimePer(entity) => (format!("by time for each {entity}"), false),
        SplitRule::LastPer(entity) => (format!("by the last rows of each {entity}"), true),
        SplitRule::Day => ("by day".to_owned(), true),
        SplitRule::DayShare => ("by whole days".to_owned(), false),
        SplitRule::Random(seed) => (format!("at random with seed {seed}"), false),
    };
    let parts: Vec<String> = split
        .parts
        .iter()
        .map(
            |(name, amount)| match (counted, split.rule == SplitRule::Day) {
                (true, true) => format!("{name} {amount} days"),
                (true, false) if name == "train" => format!("{name} the rest"),
                (true, false) => format!("{name} {amount}"),
                (false, _) => format!("{name} {}%", (amount * 1e8).round() / 1e6),
            },
        )
        .collect();
    format!("{} {rule}: {}", split.source, parts.join(", "))
}

pub(super) fn histories(text: &mut Text, plan: &Plan) {
    if plan.histories.is_empty() {
        return;
    }
    text.section("histories", |text| {
        for (at, one) in plan.histories.iter().enumerate() {
            text.line(format!("{at}  {}", history(one)));
        }
    });
}

fn history(history: &HistoryPlan) -> String {
    let mut line = format!(
        "earlier rows of {} of the same {}",
        history.source, history.entity
    );
    if let Some(condition) = &history.condition {
        line.push_str(&format!(" where `{condition}`"));
    }
    if !history.known.is_empty() {
        let all: Vec<String> = history.known.iter().map(known).collect();
        line.push_str(&format!(", once known {}", all.join(" and ")));
    }
    if let Some(last) = history.last {
        line.push_str(&format!(", the last {last}"));
    }
    if let Some(within) = history.within {
        line.push_str(&format!(", within {}", Value::Duration(within)));
    }
    line
}

pub(super) fn fits(text: &mut Text, plan: &Plan) {
    if plan.fits.is_empty() {
        return;
    }
    text.section("fits", |text| {
        for (at, one) in plan.fits.iter().enumerate() {
            text.nested(format!("{at}  {}", one.name), |text| {
                if let Some(taken) = &one.taken {
                    text.line(format!(
                        "taken from run {:?}, `{}` there",
                        taken.run, taken.name
                    ));
                    return;
                }
                text.line(fit(one));
                if plan.daily.is_some() {
                    text.line(days(one));
                }
                kernel::kernel(text, &one.kernel);
                if let Domain::Loss { loss, rows, .. } = &one.domain {
                    let head = format!("rows of loss {loss}: {}", rows.describe());
                    text.nested(head, |text| kernel::kernel(text, &rows.kernel));
                }
            });
        }
    });
}

fn fit(fit: &FitPlan) -> String {
    let kind = match &fit.kind {
        FitKind::Vocab {
            min_count,
            oov,
            top,
        } => {
            let top = match top {
                Some(top) => format!(", at most {top}"),
                None => String::new(),
            };
            let slots = if *oov == 1 { "slot" } else { "slots" };
            format!(
                "vocabulary of values seen at least {min_count} times{top}, {oov} unknown {slots}"
            )
        }
        FitKind::Quantiles(n) => format!("borders of {n} buckets of equal weight"),
        FitKind::Moments => "mean and standard deviation".to_owned(),
        FitKind::MutualInformation { fields } => {
            format!("mutual information of {}", fields.join(", "))
        }
        FitKind::Extent => "smallest and largest value".to_owned(),
        FitKind::Groups { keys, values } => {
            let of = match keys {
                0 => "of all rows together",
                _ => "of each group of rows with equal keys",
            };
            let kept = if *values { ", and the values" } else { "" };
            format!("number, mean and deviation {of}{kept}")
        }
    };
    let domain = match &fit.domain {
        Domain::Referred { entity } => {
            format!("rows of {entity}, once for each training row that refers to them")
        }
        Domain::Catalogue { entity } => format!("rows of {entity}, once each"),
        Domain::Events { source } => format!("training rows of {source}"),
        Domain::Loss { loss, entity, .. } => match entity {
            Some(entity) => {
                format!(
                    "rows of {entity}, by the weights of the rows of loss {loss} that refer to them"
                )
            }
            None => format!("the rows of loss {loss}, by their weights"),
        },
    };
    format!("{kind}, over {domain}")
}

/// What a statistic counts on each day of a loop.
fn days(fit: &FitPlan) -> String {
    let seen = match (fit.sees, fit.kind.stays()) {
        (Sees::Present, true) => "of the first day",
        (Sees::Before, true) => "of the days before the second",
        (Sees::Present, false) => "of days up to the present one",
        (Sees::Before, false) => "of days before the present one",
    };
    let then = match &fit.kind {
        FitKind::Vocab { .. } => "later values are appended",
        FitKind::Groups { .. } => "made anew each day",
        FitKind::Quantiles(_)
        | FitKind::Moments
        | FitKind::Extent
        | FitKind::MutualInformation { .. } => "then it stays",
    };
    format!("{seen}; {then}")
}

pub(super) fn kernels(text: &mut Text, plan: &Plan) {
    if plan.kernels.is_empty() {
        return;
    }
    text.section("kernels", |text| {
        for one in &plan.kernels {
            let head = format!("for each row of {}", one.source);
            text.nested(head, |text| kernel::kernel(text, one));
        }
    });
}

pub(super) fn tables(text: &mut Text, plan: &Plan) {
    if plan.tables.is_empty() {
        return;
    }
    text.section("tables", |text| {
        let rows: Vec<Vec<String>> = plan
            .tables
            .iter()
            .map(|(path, rows)| {
                let rows = match rows {
                    TableRows::Vocabulary(fit) => format!("a row for each id of fit {fit}"),
                    TableRows::Fixed(n) => format!("{n} rows"),
                };
                let begins = plan.vectors.get(path);
                let begins = begins.map(|of| format!("begins with {}", of.words()));
                [path.clone(), rows].into_iter().chain(begins).collect()
            })
            .collect();
        text.columns(&rows);
    });
}
