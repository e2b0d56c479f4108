//! The parts of a run's page, each from plain data to HTML; a part without data is empty.

mod curves;

use reckon_compiler::flow::Flow;
use reckon_compiler::graph::ParamKind;
use reckon_grammar::span::Sources;

use super::Ending;
use super::chart::{Bar, COLOURS, Look, bars};
use super::data::{Report, Run, Split};
use super::html::{Cell, duration, escaped, folded, section, table, value};
pub(super) use curves::curves;
use reckon_compiler::figures::grouped;

/// Most metrics of an evaluation that are drawn; all are in its table.
const DRAWN: usize = 6;

/// A longer table of parts, such as the days of a loop, is folded.
const FOLDED: usize = 8;

pub(super) fn head(run: &Run, ending: Ending) -> String {
    let (class, state) = match ending {
        Ending::Finished => ("good", "finished"),
        Ending::Interrupted => ("open", "interrupted: what follows is what there was"),
        Ending::Unfinished => ("open", "not finished: what follows is what there was"),
        Ending::Diverged => ("bad", "diverged: a loss or a gradient was not finite"),
        Ending::Failed => ("bad", "failed: the data, the device or the disk ended it"),
    };
    let mut facts = Vec::new();
    let mut fact = |name: &str, what: Option<String>| {
        facts.extend(
            what.map(|what| format!("<li><span>{name}</span><b>{}</b></li>", escaped(&what))),
        );
    };
    fact("run", Some(run.name.clone()));
    fact("seed", run.seed.map(|seed| seed.to_string()));
    fact("steps", run.steps.map(|steps| grouped(steps as usize)));
    let total: f64 = run.parts.iter().map(|(_, seconds)| seconds).sum();
    fact("time", (total > 0.0).then(|| duration(total)));
    for (name, version) in &run.versions {
        fact(name, Some(version.clone()));
    }
    format!(
        "<header>\n<h1>{}</h1>\n<p><span class=\"state {class}\">{state}</span></p>\n<ul class=\"facts\">{}</ul>\n</header>\n",
        escaped(&run.spec),
        facts.concat()
    )
}

/// The last report of each evaluation, in the order in which evaluations come: that on the test part, with all there is to know.
fn last_reports(run: &Run) -> Vec<&Report> {
    let mut found: Vec<&Report> = Vec::new();
    for report in &run.reports {
        match found
            .iter_mut()
            .find(|one| one.evaluation == report.evaluation)
        {
            Some(one) => *one = report,
            None => found.push(report),
        }
    }
    found
}

pub(super) fn evaluations(run: &Run) -> String {
    let mut out = String::new();
    for report in last_reports(run) {
        let heading = format!("{} on {}", report.evaluation, report.split);
        let mut content = format!(
            "<p class=\"soft\">{} {}</p>\n",
            grouped(report.count as usize),
            escaped(&report.unit)
        );
        content += &metrics_table(report);
        content += &charts(report);
        for note in &report.notes {
            content += &format!("<p class=\"note\">{}</p>\n", escaped(note));
        }
        out += &section(&heading, &content);
    }
    out + &other_parts(run)
}

fn metrics_table(report: &Report) -> String {
    let heads = heads(&report.metrics);
    let heads: Vec<&str> = std::iter::once("").chain(heads).collect();
    let mut rows = vec![("model", row("model", &report.metrics))];
    if !report.intervals.is_empty() {
        let mut bound = |name: &str, pick: fn(&(f64, f64, f64)) -> f64| {
            let cells = report.metrics.iter().map(|(metric, _)| {
                let of = report.intervals.get(metric).map(pick);
                Cell::number(value(of.filter(|of| of.is_finite())))
            });
            let cells = std::iter::once(Cell::text(name)).chain(cells);
            rows.push(("soft", cells.collect()));
        };
        bound("95 % from", |of| of.0);
        bound("95 % to", |of| of.1);
        bound("detectable difference", |of| of.2);
    }
    for (name, metrics) in &report.baselines {
        rows.push(("", row(name, metrics)));
    }
    table(&heads, &rows)
}

fn heads(metrics: &[(String, Option<f64>)]) -> impl Iterator<Item = &str> {
    metrics.iter().map(|(name, _)| name.as_str())
}

fn row(name: &str, metrics: &[(String, Option<f64>)]) -> Vec<Cell> {
    let cells = metrics.iter().map(|(_, of)| Cell::number(value(*of)));
    std::iter::once(Cell::text(name)).chain(cells).collect()
}

/// Each metric of the model beside the baselines; without baselines the table says it all.
fn charts(report: &Report) -> String {
    if report.baselines.is_empty() {
        return String::new();
    }
    let mut out = String::new();
    for (metric, own) in report.metrics.iter().take(DRAWN) {
        let Some(own) = own else { continue };
        let mut all = vec![Bar {
            name: "model".to_owned(),
            value: *own,
            interval: report.intervals.get(metric).map(|of| (of.0, of.1)),
            look: Look::Own,
        }];
        for (name, metrics) in &report.baselines {
            let found = metrics.iter().find(|(one, _)| one == metric);
            if let Some((_, Some(of))) = found {
                all.push(Bar {
                    name: name.clone(),
                    value: *of,
                    interval: None,
                    look: Look::Other,
                });
            }
        }
        out += &bars(metric, &all);
    }
    match out.is_empty() {
        true => out,
        false => format!("<div class=\"charts\">\n{out}</div>\n"),
    }
}

/// Reports before the last of an evaluation: the validation part, the days of a loop.
fn other_parts(run: &Run) -> String {
    let last = last_reports(run);
    let mut out = String::new();
    for shown in &last {
        let others = run
            .reports
            .iter()
            .filter(|one| one.evaluation == shown.evaluation);
        let others: Vec<&Report> = others.filter(|one| !std::ptr::eq(*one, *shown)).collect();
        let Some(first) = others.first() else {
            continue;
        };
        let heads: Vec<&str> = std::iter::once("").chain(heads(&first.metrics)).collect();
        let rows: Vec<(&str, Vec<Cell>)> = others
            .iter()
            .map(|report| ("", row(&report.split, &report.metrics)))
            .collect();
        let mut text = table(&heads, &rows);
        if rows.len() > FOLDED {
            let many = rows.len();
            text = format!("<details><summary>{many} parts</summary>\n{text}</details>\n");
        }
        let name = escaped(&shown.evaluation);
        out += &format!("<h3>{name}</h3>\n{text}");
    }
    section("On other parts", &out)
}

pub(super) fn slices(run: &Run) -> String {
    let mut out = String::new();
    for report in last_reports(run) {
        let shown: Vec<_> = report
            .slices
            .iter()
            .filter(|slice| slice.count > 0)
            .collect();
        let Some(first) = shown.first() else { continue };
        let heads: Vec<&str> = ["", report.unit.as_str()]
            .into_iter()
            .chain(heads(&first.metrics))
            .collect();
        let mut by = "";
        let mut rows = Vec::new();
        for slice in &shown {
            if slice.by != by {
                by = &slice.by;
                rows.push(("head", vec![Cell::text(format!("by {by}"))]));
            }
            let mut cells = row(&slice.group, &slice.metrics);
            cells.insert(1, Cell::number(grouped(slice.count as usize)));
            rows.push(("", cells));
        }
        let heading = format!("{} on {}", report.evaluation, report.split);
        out += &format!("<h3>{}</h3>\n{}", escaped(&heading), table(&heads, &rows));
    }
    section("Slices", &out)
}

pub(super) fn picture(svg: &str) -> String {
    section(
        "The model",
        &format!("<div class=\"picture\">\n{svg}</div>\n"),
    )
}

/// Which loss trains which weights, a table a training.
pub(super) fn flow(flows: &[Flow], sources: &Sources) -> String {
    let mut out = String::new();
    for flow in flows {
        let heads: Vec<&str> = ["", "kind"]
            .into_iter()
            .chain(flow.losses.iter().map(String::as_str))
            .chain([""])
            .collect();
        let rows: Vec<(&str, Vec<Cell>)> = flow
            .weights
            .iter()
            .map(|weight| {
                let kind = match weight.kind {
                    ParamKind::Weight => "weight",
                    ParamKind::Table => "table",
                    ParamKind::State => "state",
                };
                let mut cells = vec![Cell::text(&weight.path), Cell::number(kind)];
                cells.extend((0..flow.losses.len()).map(
                    |at| match weight.trained_by.contains(&at) {
                        true => Cell::number("trains").of_class("number trains"),
                        false => Cell::number("–"),
                    },
                ));
                let why = weight.why.clone().unwrap_or_default();
                cells.push(Cell::text(why).of_class("soft"));
                ("", cells)
            })
            .collect();
        let after = match flow.after.is_empty() {
            true => String::new(),
            false => format!(", after {}", flow.after.join(", ")),
        };
        out += &format!("<h3>{}{}</h3>\n", escaped(&flow.train), escaped(&after));
        out += &table(&heads, &rows);
        for stop in &flow.stops {
            let (line, _) = sources.line_column(stop.span.file, stop.span.start);
            let text = sources.slice(stop.span);
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let losses: Vec<&str> = stop
                .losses
                .iter()
                .map(|at| flow.losses[*at].as_str())
                .collect();
            out += &format!(
                "<p class=\"note\">{} in line {line}, <code>{}</code>: {}, in {}</p>\n",
                escaped(&stop.op),
                escaped(&text),
                escaped(&stop.why),
                escaped(&losses.join(", "))
            );
        }
    }
    section("Gradient flow", &out)
}

pub(super) fn times(run: &Run) -> String {
    let total: f64 = run.parts.iter().map(|(_, seconds)| seconds).sum();
    if total <= 0.0 {
        return String::new();
    }
    let shares: String = run
        .parts
        .iter()
        .enumerate()
        .map(|(at, (name, seconds))| {
            let share = 100.0 * seconds / total;
            let (name, time) = (escaped(name), duration(*seconds));
            format!(
                "<i class=\"k{}\" style=\"width:{share:.2}%\" title=\"{name}: {time}\"></i>",
                at % COLOURS
            )
        })
        .collect();
    let keys: String = run
        .parts
        .iter()
        .enumerate()
        .map(|(at, (name, seconds))| {
            let (name, time) = (escaped(name), duration(*seconds));
            format!("<li><i class=\"k{}\"></i>{name} {time}</li>", at % COLOURS)
        })
        .collect();
    let mut out = format!("<div class=\"shares\">{shares}</div>\n<ul class=\"keys\">{keys}</ul>\n");
    let rows: Vec<(&str, Vec<Cell>)> = run
        .phases
        .iter()
        .map(|(name, seconds)| ("", vec![Cell::text(name), Cell::number(duration(*seconds))]))
        .collect();
    out += &table(&["training", "time, evaluations included"], &rows);
    if run.went_on {
        out +=
            "<p class=\"note\">the run went on from a checkpoint: times are those since then</p>\n";
    }
    section("Time", &out)
}

pub(super) fn facts(run: &Run) -> String {
    let rows: Vec<(&str, Vec<Cell>)> = run
        .sources
        .iter()
        .map(|source| {
            let absent = source.absent.iter().filter(|(_, count)| *count > 0);
            let mut remarks: Vec<String> = absent
                .map(|(entity, count)| {
                    format!("{} without their {entity}", grouped(*count as usize))
                })
                .collect();
            for (count, what) in [
                (source.left_out, "left out by its condition"),
                (source.skipped, "skipped that cannot be read"),
                (source.defaulted, "with defaults for what cannot be read"),
            ] {
                if count > 0 {
                    remarks.push(format!("{} {what}", grouped(count as usize)));
                }
            }
            let cells = vec![
                Cell::text(&source.name),
                Cell::number(grouped(source.rows as usize)),
                Cell::number(grouped(source.repeats as usize)),
                Cell::text(remarks.join(", ")),
            ];
            ("", cells)
        })
        .collect();
    let mut out = table(&["source", "rows", "repeats dropped", ""], &rows);
    for split in &run.splits {
        out += &of_split(split);
    }
    let rows: Vec<(&str, Vec<Cell>)> = run
        .tables
        .iter()
        .map(|(path, rows)| {
            (
                "",
                vec![Cell::text(path), Cell::number(grouped(*rows as usize))],
            )
        })
        .collect();
    out += &table(&["embedding table", "rows"], &rows);
    section("Data", &out)
}

fn of_split(split: &Split) -> String {
    let all: u64 = split.parts.iter().map(|part| part.rows).sum::<u64>() + split.cut;
    let rows: Vec<(&str, Vec<Cell>)> = split
        .parts
        .iter()
        .map(|part| {
            let share = 100.0 * part.rows as f64 / all.max(1) as f64;
            let entities: Vec<String> = part
                .entities
                .iter()
                .map(|(entity, with, without)| {
                    let (with, without) = (grouped(*with as usize), grouped(*without as usize));
                    format!("{with} of {entity} have rows, {without} have none")
                })
                .collect();
            let cells = vec![
                Cell::text(&part.name),
                Cell::number(grouped(part.rows as usize)),
                Cell::number(format!("{share:.1} %")),
                Cell::text(entities.join("; ")),
            ];
            ("", cells)
        })
        .collect();
    let mut out = format!("<h3>split of {}</h3>\n", escaped(&split.source));
    out += &table(&["part", "rows", "share", ""], &rows);
    if split.cut > 0 {
        let cut = grouped(split.cut as usize);
        out += &format!("<p class=\"note\">{cut} rows are in no part</p>\n");
    }
    if split.immature > 0 {
        let immature = grouped(split.immature as usize);
        out += &format!(
            "<p class=\"note\">the labels of {immature} rows are not known at the end of their part</p>\n"
        );
    }
    if split.later > 0.0 {
        let later = split.later * 100.0;
        out += &format!(
            "<p class=\"note warn\">{later:.0} % of training rows are later than the median row of the last part</p>\n"
        );
    }
    out
}

pub(super) fn settings(run: &Run) -> String {
    let rows: Vec<(&str, Vec<Cell>)> = run
        .settings
        .iter()
        .map(|(name, value)| ("", vec![Cell::text(name), Cell::number(value)]))
        .collect();
    section("Settings", &table(&[], &rows))
}

pub(super) fn texts(run: &Run) -> String {
    let mut out = String::new();
    if !run.text.is_empty() {
        out += &folded(&run.spec, &run.text);
    }
    if !run.resolved.is_empty() {
        out += &folded(
            "resolved.rec: with all that the spec leaves unsaid",
            &run.resolved,
        );
    }
    section("Spec", &out)
}

#[cfg(test)]
mod tests {
    use super::super::data::{Report, Run, Slice};
    use super::{Ending, evaluations, head, slices, times};

    fn report(split: &str) -> Report {
        let metrics = |value| {
            vec![
                ("recall@10".to_owned(), Some(value)),
                ("auc".to_owned(), None),
            ]
        };
        Report {
            evaluation: "films".to_owned(),
            split: split.to_owned(),
            unit: "queries".to_owned(),
            count: 1943,
            metrics: metrics(0.25),
            intervals: [("recall@10".to_owned(), (0.2, 0.3, 0.05))].into(),
            baselines: vec![("ease".to_owned(), metrics(0.125))],
            slices: vec![Slice {
                by: "age < 20".to_owned(),
                group: "true".to_owned(),
                count: 7,
                metrics: metrics(0.5),
            }],
            notes: vec!["a <b> note".to_owned()],
        }
    }

    #[test]
    fn the_last_part_of_an_evaluation_is_told_in_full_and_the_others_by_their_metrics() {
        let run = Run {
            reports: vec![report("valid"), report("test")],
            ..Run::default()
        };
        let page = evaluations(&run);
        assert!(
            page.contains("<h2>films on test</h2>") && page.contains("1,943 queries"),
            "{page}"
        );
        assert!(
            page.contains("95 % from") && page.contains("ease"),
            "{page}"
        );
        assert!(
            page.contains("On other parts") && page.contains(">valid<"),
            "{page}"
        );
        assert!(page.contains("a &lt;b&gt; note"), "{page}");
        assert!(slices(&run).contains("by age &lt; 20"));
    }

    #[test]
    fn a_run_that_was_interrupted_says_so_and_has_no_part_that_it_lacks() {
        let run = Run::default();
        assert!(head(&run, Ending::Interrupted).contains("interrupted"));
        assert_eq!(evaluations(&run) + &slices(&run) + &times(&run), "");
    }
}
