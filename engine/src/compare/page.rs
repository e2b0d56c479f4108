//! Runs side by side on one page.

use std::collections::BTreeSet;

use reckon_compiler::training::{GRADIENT_NORM, TOTAL_LOSS};
use reckon_runtime::compare::{Comparison, Difference, Verdict};

use super::word;
use crate::report::chart::{Axis, Bar, COLOURS, Line, Look, bars, dashed, lines};
use crate::report::data::Run;
use crate::report::html::{Cell, document, duration, escaped, section, table, value};
use reckon_compiler::figures::grouped;

/// Most curves that are drawn.
const CURVES: usize = 12;

/// The page. `comparisons` are those of each run after the first with the first.
pub(super) fn page(runs: &[Run], comparisons: &[Vec<Comparison>]) -> String {
    let parts = [
        head(runs),
        differences(runs, comparisons),
        settings(runs),
        curves(runs),
        costs(runs),
    ];
    let names: Vec<&str> = runs.iter().map(|run| run.name.as_str()).collect();
    document(&names.join(" · "), &parts.concat())
}

fn head(runs: &[Run]) -> String {
    let items: String = runs
        .iter()
        .enumerate()
        .map(|(at, run)| {
            let seed = run
                .seed
                .map_or(String::new(), |seed| format!(", seed {seed}"));
            let text = escaped(&format!("{} ({}{seed})", run.name, run.spec));
            format!(
                "<li><i class=\"k{}{}\"></i>{text}</li>",
                at % COLOURS,
                dashed(at)
            )
        })
        .collect();
    format!(
        "<header>\n<h1>{} runs</h1>\n<p class=\"soft\">The first is what the others are set beside. A difference is called better or \
         worse only where its 95 % interval, paired by user, leaves 0 out.</p>\n<ul class=\"keys\">{items}</ul>\n</header>\n",
        runs.len()
    )
}

/// A section an evaluation: values of all runs as bars, and a line a metric and run with its difference.
fn differences(runs: &[Run], comparisons: &[Vec<Comparison>]) -> String {
    let mut names: Vec<&String> = Vec::new();
    for comparison in comparisons.iter().flatten() {
        if !names.contains(&&comparison.evaluation) {
            names.push(&comparison.evaluation);
        }
    }
    let of = |name: &String| -> String {
        let found: Vec<(usize, &Comparison)> = comparisons
            .iter()
            .enumerate()
            .filter_map(|(at, all)| {
                let found = all.iter().find(|one| one.evaluation == *name)?;
                Some((at + 1, found))
            })
            .collect();
        let mut out = charts(runs, &found);
        for (at, comparison) in &found {
            out += &pair(&runs[*at], comparison);
        }
        section(name, &out)
    };
    names.into_iter().map(of).collect()
}

fn charts(runs: &[Run], found: &[(usize, &Comparison)]) -> String {
    let Some((_, first)) = found.first() else {
        return String::new();
    };
    let mut out = String::new();
    for difference in &first.metrics {
        let mut all = vec![Bar {
            name: last_part(&runs[0].name),
            value: difference.base,
            interval: None,
            look: Look::Line(0),
        }];
        for (at, comparison) in found {
            let same = |one: &&Difference| one.metric == difference.metric;
            all.extend(comparison.metrics.iter().find(same).map(|one| Bar {
                name: last_part(&runs[*at].name),
                value: one.other,
                interval: None,
                look: Look::Line(*at),
            }));
        }
        out += &bars(&difference.metric, &all);
    }
    format!("<div class=\"charts\">\n{out}</div>\n")
}

/// The folder alone: what tells runs apart stands at the end.
fn last_part(name: &str) -> String {
    let trimmed = name.trim_end_matches('/');
    trimmed.rsplit('/').next().unwrap_or(trimmed).to_owned()
}

fn pair(run: &Run, comparison: &Comparison) -> String {
    let signed = |value: f64| format!("{value:+.4}");
    let rows: Vec<(&str, Vec<Cell>)> = comparison
        .metrics
        .iter()
        .map(|one| {
            let bound = |pick: fn(&reckon_runtime::Interval) -> f64| {
                one.interval
                    .as_ref()
                    .map(pick)
                    .map_or("–".to_owned(), signed)
            };
            let class = match one.verdict {
                Verdict::Better => "number good",
                Verdict::Worse => "number bad",
                Verdict::NotSeen => "number soft",
            };
            let cells = vec![
                Cell::text(&one.metric),
                Cell::number(value(Some(one.base))),
                Cell::number(value(Some(one.other))),
                Cell::number(signed(one.other - one.base)),
                Cell::number(bound(|interval| interval.low)),
                Cell::number(bound(|interval| interval.high)),
                Cell::number(word(one.verdict)).of_class(class),
            ];
            ("", cells)
        })
        .collect();
    let heads = ["", "first", "this", "difference", "95 % from", "to", ""];
    format!(
        "<h3>{}</h3>\n<p class=\"soft\">{} asked, paired over {} groups</p>\n{}",
        escaped(&run.name),
        grouped(comparison.count),
        grouped(comparison.groups),
        table(&heads, &rows)
    )
}

/// The settings that are not the same in all runs.
fn settings(runs: &[Run]) -> String {
    let mut names: Vec<&String> = Vec::new();
    for (name, _) in runs.iter().flat_map(|run| &run.settings) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let of = |run: &Run, name: &String| {
        let found = run.settings.iter().find(|(known, _)| known == name);
        found.map_or("–".to_owned(), |(_, value)| value.clone())
    };
    let rows: Vec<(&str, Vec<Cell>)> = names
        .into_iter()
        .filter(|name| {
            runs.iter()
                .map(|run| of(run, name))
                .collect::<BTreeSet<_>>()
                .len()
                > 1
        })
        .map(|name| {
            let cells = runs.iter().map(|run| Cell::number(of(run, name)));
            ("", std::iter::once(Cell::text(name)).chain(cells).collect())
        })
        .collect();
    section("Settings that differ", &table(&heads(runs), &rows))
}

fn heads(runs: &[Run]) -> Vec<&str> {
    let names = runs.iter().map(|run| run.name.as_str());
    std::iter::once("").chain(names).collect()
}

/// What each training and evaluation measured on the way, a line a run.
fn curves(runs: &[Run]) -> String {
    let mut charts: Vec<(String, String)> = Vec::new();
    for one in runs.iter().flat_map(|run| &run.measured) {
        let Some(phase) = &one.phase else { continue };
        for (name, _) in &one.values {
            let place = one.evaluation.as_ref().unwrap_or(phase).clone();
            let chart = (place, name.clone());
            if name != TOTAL_LOSS && name != GRADIENT_NORM && !charts.contains(&chart) {
                charts.push(chart);
            }
        }
    }
    let axis = Axis {
        name: "epoch",
        places: Vec::new(),
        kept: None,
    };
    let drawn: String = charts
        .iter()
        .take(CURVES)
        .map(|(place, name)| {
            let all = runs.iter().enumerate();
            let all: Vec<Line> = all
                .map(|(colour, run)| curve(colour, run, place, name))
                .collect();
            lines(&format!("{place}: {name}"), &axis, &all)
        })
        .collect();
    match drawn.is_empty() {
        true => drawn,
        false => section(
            "Training",
            &format!("<div class=\"charts\">\n{drawn}</div>\n"),
        ),
    }
}

fn curve(colour: usize, run: &Run, place: &str, name: &str) -> Line {
    let of = run.measured.iter().filter(|one| {
        one.phase.is_some()
            && one
                .evaluation
                .as_ref()
                .or(one.phase.as_ref())
                .is_some_and(|at| at == place)
    });
    let points = of.enumerate().filter_map(|(number, one)| {
        let (_, value) = one.values.iter().find(|(known, _)| known == name)?;
        // Trainings that are run once a day begin again: there the number of the measurement counts.
        let at = match one.day {
            Some(_) => number as f64 + 1.0,
            None => one.epoch.map_or(number as f64 + 1.0, |epoch| epoch as f64),
        };
        Some((at, *value))
    });
    Line {
        name: last_part(&run.name),
        colour,
        points: points.collect(),
    }
}

fn costs(runs: &[Run]) -> String {
    let mut rows: Vec<(&str, Vec<Cell>)> = Vec::new();
    let mut row = |name: &str, of: &dyn Fn(&Run) -> String| {
        let cells = runs.iter().map(|run| Cell::number(of(run)));
        rows.push(("", std::iter::once(Cell::text(name)).chain(cells).collect()));
    };
    row("steps", &|run| {
        run.steps
            .map_or("–".to_owned(), |steps| grouped(steps as usize))
    });
    for part in ["load", "train", "evaluate", "export"] {
        row(part, &|run| {
            let found = run.parts.iter().find(|(name, _)| name == part);
            found.map_or("–".to_owned(), |(_, seconds)| duration(*seconds))
        });
    }
    row("rows of embedding tables", &|run| {
        let rows: u64 = run.tables.iter().map(|(_, rows)| rows).sum();
        grouped(rows as usize)
    });
    section("Cost", &table(&heads(runs), &rows))
}
