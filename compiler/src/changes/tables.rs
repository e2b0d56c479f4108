//! Which embedding tables a model that goes on from the old weights could keep.
//!
//! A table is kept where the same ids mean the same values and a row has the same width; it grows or shrinks where ids at the
//! end come or go; else it begins anew.

use std::collections::BTreeMap;

use super::{Compiled, shortened};
use crate::figures::grouped;
use crate::graph::{Dim, ParamKind};
use crate::hir::print::{Item, one};
use crate::hir::{Expr, ExprKind};
use crate::plan::{FitKind, FitPlan, TableRows};

pub(super) fn tables(old: &Compiled<'_>, new: &Compiled<'_>) -> Vec<String> {
    let (olds, news) = (widths(old), widths(new));
    let mut kept = Vec::new();
    let mut said = Vec::new();
    for (path, width) in &olds {
        match news.get(path) {
            None => said.push(format!("{path} is gone{}", sized(old, path, *width))),
            Some(now) => match fate(old, new, path, *width, *now) {
                Fate::Kept => kept.push(path.as_str()),
                Fate::Grown(why) => said.push(format!("{path} grows: {why}")),
                Fate::Shrunk(why) => said.push(format!("{path} shrinks: {why}")),
                Fate::Reset(why) => said.push(format!("{path} begins anew: {why}")),
            },
        }
    }
    for (path, width) in news.iter().filter(|(path, _)| !olds.contains_key(*path)) {
        said.push(format!("{path} is new{}", sized(new, path, *width)));
    }
    if !said.is_empty() && !kept.is_empty() {
        said.push(format!("kept: {}", kept.join(", ")));
    }
    said
}

/// What becomes of a table, and why.
enum Fate {
    Kept,
    Grown(String),
    Shrunk(String),
    Reset(String),
}

fn fate(old: &Compiled<'_>, new: &Compiled<'_>, path: &str, width: usize, now: usize) -> Fate {
    if width != now {
        return Fate::Reset(format!("{now} wide, was {width}"));
    }
    let (before, after) = (recipe(old, path), recipe(new, path));
    if before != after {
        let (before, after) = (
            before.unwrap_or_else(|| "nothing".to_owned()),
            after.unwrap_or_else(|| "nothing".to_owned()),
        );
        let (before, after) = (shortened(&before), shortened(&after));
        return Fate::Reset(format!("ids of {after}, were of {before}"));
    }
    match (old.plan.tables.get(path), new.plan.tables.get(path)) {
        (Some(TableRows::Fixed(a)), Some(TableRows::Fixed(b))) if a != b => {
            Fate::Reset(format!("{} rows, had {}", grouped(*b), grouped(*a)))
        }
        (Some(TableRows::Vocabulary(a)), Some(TableRows::Vocabulary(b))) => {
            match (old.plan.fits.get(*a), new.plan.fits.get(*b)) {
                (Some(a), Some(b)) => of_vocabularies(a, b),
                _ => Fate::Kept,
            }
        }
        (Some(TableRows::Fixed(_)), Some(TableRows::Vocabulary(_)))
        | (Some(TableRows::Vocabulary(_)), Some(TableRows::Fixed(_))) => {
            Fate::Reset("its ids are made otherwise".to_owned())
        }
        _ => Fate::Kept,
    }
}

/// Ids are given by falling count, the unknown slots first: a limit moves the end alone.
fn of_vocabularies(a: &FitPlan, b: &FitPlan) -> Fate {
    let (
        FitKind::Vocab {
            min_count: least,
            oov: slots,
            top: most,
        },
        FitKind::Vocab {
            min_count,
            oov,
            top,
        },
    ) = (&a.kind, &b.kind)
    else {
        return Fate::Kept;
    };
    if slots != oov {
        return Fate::Reset(format!("{oov} unknown slots, had {slots}"));
    }
    if a.domain != b.domain {
        return Fate::Reset("its values are counted over other rows".to_owned());
    }
    if a.taken != b.taken {
        return Fate::Reset("its vocabulary comes from elsewhere".to_owned());
    }
    let limit = |top: &Option<usize>| top.unwrap_or(usize::MAX);
    let mut why = Vec::new();
    if least != min_count {
        why.push(format!(
            "values seen {min_count} times have a row, were {least}"
        ));
    }
    if most != top {
        let said = |top: &Option<usize>| top.map_or("no end".to_owned(), grouped);
        why.push(format!("at most {} values, were {}", said(top), said(most)));
    }
    let why = why.join("; ");
    let more = min_count < least || limit(top) > limit(most);
    let fewer = min_count > least || limit(top) < limit(most);
    match (more, fewer) {
        (false, false) => Fate::Kept,
        (true, false) => Fate::Grown(why),
        (false, true) => Fate::Shrunk(why),
        (true, true) => Fate::Reset(why),
    }
}

/// Tables by path with their widths.
pub(super) fn widths(of: &Compiled<'_>) -> BTreeMap<String, usize> {
    let graphs = crate::plan::print::graphs(&of.plan);
    let params = graphs.into_iter().flat_map(|(_, graph)| &graph.params);
    params
        .filter(|(_, param)| param.kind == ParamKind::Table)
        .filter_map(|(path, param)| match param.ty.dims.last() {
            Some(Dim::Fixed(width)) => Some((path.clone(), *width)),
            Some(Dim::Space(_)) | None => None,
        })
        .collect()
}

/// The rows of a table, where they are known: to the compiler, or from a run.
pub(super) fn rows(of: &Compiled<'_>, path: &str) -> Option<usize> {
    match of.plan.tables.get(path) {
        Some(TableRows::Fixed(rows)) => Some(*rows),
        Some(TableRows::Vocabulary(_)) | None => of.rows.get(path).copied(),
    }
}

/// The rows of a table, also where only the other spec has them from a run and both count the same values.
pub(super) fn rows_beside(of: &Compiled<'_>, other: &Compiled<'_>, path: &str) -> Option<usize> {
    let fit = |of: &Compiled<'_>| match of.plan.tables.get(path) {
        Some(TableRows::Vocabulary(fit)) => {
            let fit = of.plan.fits.get(*fit)?;
            Some((fit.kind.clone(), fit.domain.clone(), recipe(of, path)))
        }
        Some(TableRows::Fixed(_)) | None => None,
    };
    rows(of, path).or_else(|| match fit(of) == fit(other) {
        true => rows(other, path),
        false => None,
    })
}

/// `: 10 rows of 8`, `: a row for each id of movie.genres |> vocab, 16 wide`
fn sized(of: &Compiled<'_>, path: &str, width: usize) -> String {
    match (rows(of, path), of.plan.tables.get(path)) {
        (Some(rows), _) => format!(": {} rows of {width}", grouped(rows)),
        (None, Some(TableRows::Vocabulary(fit))) => {
            let name = of.plan.fits.get(*fit).map_or("", |fit| fit.name.as_str());
            format!(": a row of {width} for each id of {name}")
        }
        (None, Some(TableRows::Fixed(_)) | None) => format!(": {width} wide"),
    }
}

/// What the ids of a table are made of: limits of vocabularies left out, since they move the end alone.
fn recipe(of: &Compiled<'_>, path: &str) -> Option<String> {
    // A path names its feature last: `main/movie/genres`, and `old/main/movie/genres` in a copy.
    let mut found = None;
    for feature in &of.hir.features {
        feature.value.walk(&mut |e| {
            if let ExprKind::Embed(ids, table) = &e.kind
                && path.ends_with(&format!("/{}", table.path))
            {
                let values = unlimited(ids);
                found.get_or_insert(one(of.hir, Item::Part(feature, values)));
            }
        });
    }
    found
}

/// The values that a vocabulary counts; ids of another kind as they are.
fn unlimited(ids: &Expr) -> &Expr {
    match &ids.kind {
        ExprKind::Prim(name, args) if name == "vocab" => args.first().unwrap_or(ids),
        _ => ids,
    }
}
