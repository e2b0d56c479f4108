//! Trainings, the loop, evaluations and exports: items that print an entry a line, compared by the head of each.

use super::{Compiled, Paired, came_and_went, paired, shortened, was};
use crate::hir::print::{Item, one};
use crate::hir::{Evaluation, Train};

pub(super) fn trainings(old: &Compiled<'_>, new: &Compiled<'_>) -> Vec<String> {
    let name = |train: &Train| train.name.clone();
    let mut said = Vec::new();
    for pair in paired(&old.hir.trains, &new.hir.trains, name) {
        match pair {
            Paired::Gone(train) => said.push(format!("{} is gone", train.name)),
            Paired::New(train) => said.push(format!("{} is new", train.name)),
            Paired::Both(a, b) => {
                let (before, after) = (one(old.hir, Item::Train(a)), one(new.hir, Item::Train(b)));
                said.extend(entries(&b.name, &before, &after));
            }
        }
    }
    let order = |of: &Compiled<'_>| {
        let phases = of.plan.phases.iter().map(|phase| phase.name.clone());
        phases.collect::<Vec<_>>()
    };
    let (before, after) = (order(old), order(new));
    let is_kept = |names: &[String], other: &[String]| -> Vec<String> {
        let kept = names.iter().filter(|name| other.contains(name));
        kept.cloned().collect()
    };
    if is_kept(&before, &after) != is_kept(&after, &before) {
        said.push(was("they run as", &before.join(", "), &after.join(", ")));
    }
    said.extend(daily(old, new));
    said
}

fn daily(old: &Compiled<'_>, new: &Compiled<'_>) -> Option<String> {
    let text = |of: &Compiled<'_>| {
        let daily = of.hir.daily.as_ref()?;
        let text = one(of.hir, Item::Loop(daily)).replace(['{', '}'], "");
        Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    match (text(old), text(new)) {
        (None, None) => None,
        (Some(before), None) => Some(format!("the {before} is gone")),
        (None, Some(after)) => Some(format!("a {after} is new")),
        (Some(before), Some(after)) => (before != after).then(|| was("the", &before, &after)),
    }
}

pub(super) fn evaluations(old: &Compiled<'_>, new: &Compiled<'_>) -> Vec<String> {
    let name = |evaluation: &Evaluation| evaluation.name.clone();
    let mut said = Vec::new();
    for pair in paired(&old.hir.evaluations, &new.hir.evaluations, name) {
        match pair {
            Paired::Gone(one) => said.push(format!("{} is gone", one.name)),
            Paired::New(one) => {
                said.push(format!("{} is new: {}", one.name, one.metrics.join(", ")))
            }
            Paired::Both(a, b) => {
                for change in came_and_went(&a.metrics, &b.metrics) {
                    said.push(format!("{}: {change}", b.name));
                }
                let of = |side: &Compiled<'_>, evaluation: &Evaluation| {
                    let text = one(side.hir, Item::Evaluation(evaluation));
                    let lines = text
                        .lines()
                        .map(|line| line.replacen(" over ", "\nover ", 1));
                    let lines = lines.filter(|line| !line.trim_start().starts_with("report "));
                    lines.collect::<Vec<_>>().join("\n")
                };
                said.extend(entries(&b.name, &of(old, a), &of(new, b)));
            }
        }
    }
    said
}

/// What differs between two items that print an entry a line: entries of one head are the same entry.
fn entries(name: &str, before: &str, after: &str) -> Vec<String> {
    let split = |text: &str| -> Vec<(String, String)> {
        let lines = text.lines().map(|line| line.trim().trim_end_matches(" {"));
        let entries = lines.filter(|line| !line.is_empty() && *line != "}");
        entries
            .map(|line| line.split_once(' ').unwrap_or((line, "")))
            .map(|(head, rest)| (head.to_owned(), rest.to_owned()))
            .collect()
    };
    let (before, after) = (split(before), split(after));
    let only = |one: &[(String, String)], other: &[(String, String)]| -> Vec<(String, String)> {
        let fresh = one.iter().filter(|entry| !other.contains(entry));
        fresh.cloned().collect()
    };
    let (mut gone, came) = (only(&before, &after), only(&after, &before));
    let mut said = Vec::new();
    for (head, rest) in came {
        let partner = gone.iter().position(|(other, _)| *other == head);
        said.push(match partner.map(|at| gone.remove(at)) {
            Some((_, had)) => {
                let (had, rest) = (shortened(&had), shortened(&rest));
                was(&format!("{name}: {head}"), &had, &rest)
            }
            None => format!("{name}: {head} {} is new", shortened(&rest)),
        });
    }
    for (head, rest) in gone {
        said.push(format!("{name}: {head} {} is gone", shortened(&rest)));
    }
    said
}

pub(super) fn exports(old: &Compiled<'_>, new: &Compiled<'_>) -> Vec<String> {
    let names = |of: &Compiled<'_>| -> Vec<String> {
        let exports = of.hir.exports.iter();
        exports.map(|(name, _)| name.clone()).collect()
    };
    came_and_went(&names(old), &names(new))
}
