//! What is read and how it is cut.

use super::{Compiled, Paired, came_and_went, paired, was};
use crate::build::rows::text;
use crate::plan::print::{bad_rows, immature, source_lines, split};
use crate::plan::{SourcePlan, SplitPlan};

pub(super) fn settings(old: &Compiled<'_>, new: &Compiled<'_>) -> Vec<String> {
    let pairs = paired(&old.hir.settings, &new.hir.settings, |(name, _)| {
        name.clone()
    });
    pairs
        .into_iter()
        .filter_map(|pair| match pair {
            Paired::Gone((name, value)) => Some(format!("{name} is gone, was {value}")),
            Paired::New((name, value)) => Some(format!("{name} is new: {value}")),
            Paired::Both((_, a), (_, b)) if a == b => None,
            Paired::Both((name, a), (_, b)) => {
                Some(was(&format!("{name}:"), &a.to_string(), &b.to_string()))
            }
        })
        .collect()
}

pub(super) fn sources(old: &Compiled<'_>, new: &Compiled<'_>) -> Vec<String> {
    let name = |source: &SourcePlan| source.name.clone();
    let mut said = Vec::new();
    for pair in paired(&old.hir.sources, &new.hir.sources, name) {
        match pair {
            Paired::Gone(source) => said.push(format!("{} is gone", source.name)),
            Paired::New(source) => said.push(format!(
                "{} is new: {} from {}",
                source.name,
                source_kind(source),
                source.paths.join(", ")
            )),
            Paired::Both(a, b) => said.extend(source(old, new, a, b)),
        }
    }
    said
}

fn source_kind(source: &SourcePlan) -> &'static str {
    match source.kind {
        crate::plan::SourceKind::Entity => "entity",
        crate::plan::SourceKind::Events => "events",
    }
}

fn source(old: &Compiled<'_>, new: &Compiled<'_>, a: &SourcePlan, b: &SourcePlan) -> Vec<String> {
    let name = &b.name;
    let mut said = Vec::new();
    if a.kind != b.kind {
        said.push(was(&format!("{name}:"), source_kind(a), source_kind(b)));
    }
    if a.paths != b.paths {
        let (a, b) = (a.paths.join(", "), b.paths.join(", "));
        said.push(was(&format!("{name}: read from"), &a, &b));
    }
    let (before, after) = (columns(old, a), columns(new, b));
    let pairs = paired(&before, &after, |(column, _)| column.clone());
    for pair in pairs {
        match pair {
            Paired::Gone((column, _)) => said.push(format!("{name}: column {column} is gone")),
            Paired::New((column, what)) => {
                said.push(format!("{name}: column {column} is new: {what}"));
            }
            Paired::Both((_, a), (_, b)) if a == b => {}
            Paired::Both((column, a), (_, b)) => {
                said.push(was(&format!("{name}: column {column}:"), a, b));
            }
        }
    }
    said.extend(rows(old, new, a, b));
    said
}

/// Which rows of its files a source has, and what becomes of them.
fn rows(old: &Compiled<'_>, new: &Compiled<'_>, a: &SourcePlan, b: &SourcePlan) -> Vec<String> {
    let name = &b.name;
    let mut said = Vec::new();
    if a.versions != b.versions {
        let of = |column: &Option<String>| match column {
            Some(column) => format!("versions as of {column}"),
            None => "one row each".to_owned(),
        };
        let (a, b) = (of(&a.versions), of(&b.versions));
        said.push(was(&format!("{name}: of its things,"), &a, &b));
    }
    let of = |of: &Compiled<'_>| match of.hir.conditions.get(name) {
        Some(condition) => format!("those of which {} holds", text(condition)),
        None => "all".to_owned(),
    };
    let (kept, keeps) = (of(old), of(new));
    if kept != keeps {
        said.push(was(
            &format!("{name}: of the rows of its files,"),
            &kept,
            &keeps,
        ));
    }
    if a.unique != b.unique {
        let of = |columns: &[String]| match columns.is_empty() {
            true => "all".to_owned(),
            false => format!("the first of equal ({})", columns.join(", ")),
        };
        let (a, b) = (of(&a.unique), of(&b.unique));
        said.push(was(&format!("{name}: of its rows,"), &a, &b));
    }
    if a.waits() && b.waits() && a.immature != b.immature {
        let (a, b) = (immature(a.immature), immature(b.immature));
        said.push(was(&format!("{name}:"), a, b));
    }
    if a.on_bad_row != b.on_bad_row {
        let of = |policy| match bad_rows(policy) {
            said if said.is_empty() => "rows that cannot be read are errors".to_owned(),
            said => said,
        };
        let (a, b) = (of(a.on_bad_row), of(b.on_bad_row));
        said.push(was(&format!("{name}:"), &a, &b));
    }
    said
}

/// The columns of a source by name, each with its type and what it is for.
fn columns(of: &Compiled<'_>, source: &SourcePlan) -> Vec<(String, String)> {
    let label = |column: &str| {
        let column = (source.name.clone(), column.to_owned());
        of.hir.labels.contains(&column)
    };
    let text = source_lines(source, &label);
    let columns = text.lines().skip(1).take(source.columns.len());
    columns
        .filter_map(|line| {
            let (name, what) = line.trim().split_once(": ")?;
            let words: Vec<&str> = what.split_whitespace().collect();
            Some((name.to_owned(), words.join(" ")))
        })
        .collect()
}

pub(super) fn splits(old: &Compiled<'_>, new: &Compiled<'_>) -> Vec<String> {
    let name = |split: &SplitPlan| split.source.clone();
    let mut said = Vec::new();
    for pair in paired(&old.hir.splits, &new.hir.splits, name) {
        match pair {
            Paired::Gone(one) => said.extend(came_and_went(&[split(one)], &[])),
            Paired::New(one) => said.extend(came_and_went(&[], &[split(one)])),
            Paired::Both(a, b) if split(a) == split(b) => {}
            Paired::Both(a, b) => {
                let (before, after) = (split(a), split(b));
                let before = before
                    .strip_prefix(&format!("{} ", a.source))
                    .unwrap_or(&before);
                said.push(format!("{after}; was {before}"));
            }
        }
    }
    said
}
