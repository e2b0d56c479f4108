//! What changed while a run trained: its losses, and what was evaluated on the way.

use std::collections::BTreeSet;

use reckon_compiler::training::{GRADIENT_NORM, TOTAL_LOSS};

use super::super::chart::{Axis, Line, lines};
use super::super::data::{Measured, Run};
use super::super::html::section;
use super::DRAWN;

/// Losses of each training, and what was evaluated on the way.
pub(in crate::report) fn curves(run: &Run) -> String {
    let mut out = String::new();
    let mut groups: Vec<(&Option<String>, &Option<String>)> = Vec::new();
    // What was measured at the end, after all trainings, is no curve.
    for one in run
        .measured
        .iter()
        .filter(|one| one.phase.is_some() || one.day.is_some())
    {
        let group = (&one.phase, &one.evaluation);
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    for (phase, evaluation) in groups {
        let of: Vec<&Measured> = run
            .measured
            .iter()
            .filter(|one| (&one.phase, &one.evaluation) == (phase, evaluation))
            .filter(|one| one.phase.is_some() || one.day.is_some())
            .collect();
        if of.len() < 2 {
            continue;
        }
        let kept = run
            .stopped
            .iter()
            .find(|(stopped, _)| Some(stopped) == phase.as_ref());
        let (axis, places) = axis(&of, kept.map(|(_, epoch)| *epoch as f64));
        out += &match (phase, evaluation) {
            (Some(phase), None) => losses(phase, &axis, &of, &places),
            (_, Some(evaluation)) => measured(evaluation, &axis, &of, &places),
            (None, None) => String::new(),
        };
    }
    match out.is_empty() {
        true => out,
        false => section(
            "Training",
            &format!("<div class=\"charts\">\n{out}</div>\n"),
        ),
    }
}

/// Epochs, or in a loop the days; the place of each measurement on it.
fn axis(of: &[&Measured], kept: Option<f64>) -> (Axis, Vec<f64>) {
    let days: Vec<&String> = of.iter().filter_map(|one| one.day.as_ref()).collect();
    if days.len() == of.len() {
        let mut places: Vec<String> = Vec::new();
        for day in days {
            if places.last() != Some(day) {
                places.push(day.clone());
            }
        }
        // Several epochs of a day stand between it and the next.
        let mut at = Vec::new();
        for (number, day) in places.iter().enumerate() {
            let within = of
                .iter()
                .filter(|one| one.day.as_ref() == Some(day))
                .count();
            at.extend((0..within).map(|one| number as f64 + one as f64 / within as f64));
        }
        let axis = Axis {
            name: "day",
            places,
            kept: None,
        };
        return (axis, at);
    }
    let at = of.iter().enumerate();
    let at = at.map(|(number, one)| one.epoch.map_or(number as f64 + 1.0, |epoch| epoch as f64));
    let axis = Axis {
        name: "epoch",
        places: Vec::new(),
        kept,
    };
    (axis, at.collect())
}

fn losses(phase: &str, axis: &Axis, of: &[&Measured], places: &[f64]) -> String {
    let all = names(of);
    let several = all.iter().filter(|name| is_loss(name)).count() > 1;
    let shown: Vec<Line> = all
        .iter()
        .filter(|name| is_loss(name) || several && *name == TOTAL_LOSS)
        .enumerate()
        .map(|(colour, name)| line(colour, name, of, places))
        .collect();
    let norm: Vec<Line> = all
        .iter()
        .filter(|name| *name == GRADIENT_NORM)
        .map(|name| line(0, name, of, places))
        .collect();
    lines(&format!("{phase}: loss by {}", axis.name), axis, &shown)
        + &lines(&format!("{phase}: norm of the gradient"), axis, &norm)
}

fn is_loss(name: &str) -> bool {
    name != TOTAL_LOSS && name != GRADIENT_NORM
}

/// What an evaluation said on the way, a chart a metric.
fn measured(evaluation: &str, axis: &Axis, of: &[&Measured], places: &[f64]) -> String {
    let split = of.first().map_or("", |one| one.split.as_str());
    let on = if axis.places.is_empty() {
        format!(" on {split}")
    } else {
        String::new()
    };
    names(of)
        .iter()
        .take(DRAWN)
        .map(|name| {
            let caption = format!("{evaluation}: {name}{on}");
            lines(&caption, axis, &[line(0, name, of, places)])
        })
        .collect()
}

/// All names in the order in which they come.
fn names(of: &[&Measured]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let all = of.iter().flat_map(|one| &one.values);
    all.filter(|(name, _)| seen.insert(name.clone()))
        .map(|(name, _)| name.clone())
        .collect()
}

fn line(colour: usize, name: &str, of: &[&Measured], places: &[f64]) -> Line {
    let values = of.iter().zip(places).filter_map(|(one, at)| {
        let (_, value) = one.values.iter().find(|(known, _)| known == name)?;
        Some((*at, *value))
    });
    Line {
        name: name.to_owned(),
        colour,
        points: values.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::data::{Measured, Run};
    use super::curves;

    #[test]
    fn what_is_measured_at_the_end_is_no_curve() {
        let line = |phase: Option<&str>, epoch| Measured {
            phase: phase.map(str::to_owned),
            epoch,
            split: "train".to_owned(),
            values: vec![("main".to_owned(), 0.5)],
            ..Measured::default()
        };
        let at_the_end = Run {
            measured: vec![line(None, None), line(None, None)],
            ..Run::default()
        };
        assert_eq!(curves(&at_the_end), "");
        let trained = Run {
            measured: vec![line(Some("train"), Some(1)), line(Some("train"), Some(2))],
            ..Run::default()
        };
        assert!(curves(&trained).contains("train: loss by epoch"));
    }
}
