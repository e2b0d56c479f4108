//! Features, towers, computed columns and losses.

use std::collections::{BTreeMap, BTreeSet};

use reckon_grammar::span::Span;

use super::{Compiled, Paired, came_and_went, paired, shortened, was};
use crate::figures::grouped;
use crate::graph::{Dim, Param, ParamKind};
use crate::hir::functions::outer_functions;
use crate::hir::print::{Item, init, one};
use crate::hir::{
    Expr, ExprKind, Feature, ItemGraph, ItemWeight, Loss, StoredColumn, Tower, Ty, ty::Shown,
};
use crate::plan::ScoresPlan;
use crate::plan::print::scores_lines;
use crate::routing::belongs;

pub(super) fn features(old: &Compiled<'_>, new: &Compiled<'_>) -> Vec<String> {
    let name = |feature: &Feature| format!("{}.{}", feature.source, feature.name);
    let mut said = Vec::new();
    for pair in paired(&old.hir.features, &new.hir.features, name) {
        match pair {
            Paired::Gone(one) => said.push(format!("{} is gone", name(one))),
            Paired::New(one) => {
                let text = shortened(&new.written(one.value.span));
                said.push(format!("{} is new: {text}", name(one)));
            }
            Paired::Both(a, b) => {
                let (before, after) = (
                    one(old.hir, Item::Feature(a)),
                    one(new.hir, Item::Feature(b)),
                );
                if before != after {
                    let places = (a.value.span, b.value.span);
                    let more = types(old, new, &a.value, &b.value);
                    said.push(name(b) + &rewritten(old, new, places, more.is_some()));
                    said.extend(more);
                }
            }
        }
    }
    said
}

/// `: embed(8), was embed(16)`, or that the same text means something else now, which lines below may say.
fn rewritten(old: &Compiled<'_>, new: &Compiled<'_>, places: (Span, Span), told: bool) -> String {
    let (before, after) = (old.written(places.0), new.written(places.1));
    match (before == after, told) {
        (false, _) => was(":", &shortened(&before), &shortened(&after)),
        (true, true) => " is written as it was:".to_owned(),
        (true, false) => " is written as it was, and means something else".to_owned(),
    }
}

/// The type of a value, where it is another.
fn types(old: &Compiled<'_>, new: &Compiled<'_>, a: &Expr, b: &Expr) -> Option<String> {
    let (before, after) = (
        Shown(&a.ty, &old.hir.spaces).to_string(),
        Shown(&b.ty, &new.hir.spaces).to_string(),
    );
    (before != after).then(|| was("  it gives", &before, &after))
}

pub(super) fn towers(old: &Compiled<'_>, new: &Compiled<'_>) -> Vec<String> {
    let mut said = Vec::new();
    for pair in paired(&old.hir.towers, &new.hir.towers, |tower| tower.name.clone()) {
        match pair {
            Paired::Gone(tower) => said.push(format!("{} {} is gone", kind(tower), tower.name)),
            Paired::New(tower) => said.push(format!(
                "{} {} is new: {}, {}",
                kind(tower),
                tower.name,
                Shown(&tower.value.ty, &new.hir.spaces),
                counted(&weights(new, &tower.name))
            )),
            Paired::Both(a, b) => said.extend(tower(old, new, a, b)),
        }
    }
    said.extend(score_tables(old, new));
    said.extend(item_weights(old, new));
    said
}

/// Teachers that are tables of scores: where from, by which columns, and how old scores have to be.
fn score_tables(old: &Compiled<'_>, new: &Compiled<'_>) -> Vec<String> {
    let name = |table: &ScoresPlan| table.teacher.clone();
    let mut said = Vec::new();
    for pair in paired(&old.hir.scores, &new.hir.scores, name) {
        match pair {
            Paired::Gone(table) => said.push(format!("teacher {} is gone", table.teacher)),
            Paired::New(table) => said.push(format!(
                "teacher {} is new: scores from {}",
                table.teacher,
                table.table.paths.join(", ")
            )),
            Paired::Both(a, b) => {
                let (before, after) = (scores_lines(a), scores_lines(b));
                if before != after {
                    let what = format!("teacher {} reads other scores", b.teacher);
                    said.extend(detailed(&what, &before, &after));
                }
            }
        }
    }
    said
}

/// Weights that are items of their own.
fn item_weights(old: &Compiled<'_>, new: &Compiled<'_>) -> Vec<String> {
    let text = |of: &Compiled<'_>, weight: &ItemWeight| {
        let ty = Shown(&Ty::Tensor(weight.ty.clone()), &of.hir.spaces).to_string();
        format!("{ty} = {}", init(&weight.init))
    };
    let name = |weight: &ItemWeight| weight.name.clone();
    let pairs = paired(&old.hir.weights, &new.hir.weights, name).into_iter();
    pairs
        .filter_map(|pair| match pair {
            Paired::Gone(weight) => Some(format!("weight {} is gone", weight.name)),
            Paired::New(weight) => Some(format!(
                "weight {} is new: {}",
                weight.name,
                text(new, weight)
            )),
            Paired::Both(a, b) => {
                let (before, after) = (text(old, a), text(new, b));
                (before != after).then(|| was(&format!("weight {}:", b.name), &before, &after))
            }
        })
        .collect()
}

fn kind(tower: &Tower) -> &'static str {
    match tower.teacher {
        Some(_) => "teacher",
        None => "tower",
    }
}

fn tower(old: &Compiled<'_>, new: &Compiled<'_>, a: &Tower, b: &Tower) -> Vec<String> {
    let (before, after) = (one(old.hir, Item::Tower(a)), one(new.hir, Item::Tower(b)));
    let (heavy, light) = (weights(old, &a.name), weights(new, &b.name));
    if before == after && heavy == light {
        return Vec::new();
    }
    let mut more = Vec::new();
    if kind(a) != kind(b) {
        more.push(was("  it is a", kind(a), kind(b)));
    }
    if a.teacher != b.teacher && kind(a) == kind(b) {
        more.push("  its weights come from elsewhere".to_owned());
    }
    more.extend(types(old, new, &a.value, &b.value));
    let (read, reads) = (features_of(&a.value), features_of(&b.value));
    more.extend(listed("  it reads", reads.difference(&read)));
    more.extend(listed("  it no longer reads", read.difference(&reads)));
    let functions = |e: &Expr| BTreeSet::from_iter(outer_functions(e));
    let (used, uses) = (functions(&a.value), functions(&b.value));
    more.extend(listed("  it is made with", uses.difference(&used)));
    more.extend(listed("  it is made without", used.difference(&uses)));
    more.extend(of_weights(&heavy, &light));
    let places = (a.value.span, b.value.span);
    let head = b.name.clone() + &rewritten(old, new, places, !more.is_empty());
    std::iter::once(head).chain(more).collect()
}

/// What became of the weights of a tower, which it would take from an earlier run where they have the same shape.
fn of_weights(
    old: &BTreeMap<String, Vec<usize>>,
    new: &BTreeMap<String, Vec<usize>>,
) -> Option<String> {
    if old == new {
        return None;
    }
    let kept = new
        .iter()
        .filter(|(path, dims)| old.get(*path) == Some(dims));
    let kept = match (kept.count(), new.len()) {
        (0, _) => "none of them is kept".to_owned(),
        (kept, all) if kept == all => "all of them are kept".to_owned(),
        (kept, all) => format!("{kept} of its {all} arrays are kept"),
    };
    Some(format!(
        "  {}, were {}; {kept}",
        counted(new),
        grouped(total(old))
    ))
}

fn counted(weights: &BTreeMap<String, Vec<usize>>) -> String {
    format!("{} weights", grouped(total(weights)))
}

fn total(weights: &BTreeMap<String, Vec<usize>>) -> usize {
    weights
        .values()
        .map(|dims| dims.iter().product::<usize>())
        .sum()
}

/// The dense weights of a tower with their shapes.
fn weights(of: &Compiled<'_>, tower: &str) -> BTreeMap<String, Vec<usize>> {
    let all = all_weights(of).into_iter();
    all.filter(|(path, _)| belongs(path, tower)).collect()
}

/// All dense weights with their shapes.
pub(super) fn all_weights(of: &Compiled<'_>) -> BTreeMap<String, Vec<usize>> {
    let graphs = crate::plan::print::graphs(&of.plan);
    let params = graphs.into_iter().flat_map(|(_, graph)| &graph.params);
    params
        .filter(|(_, param)| param.kind == ParamKind::Weight)
        .map(|(path, param)| (path.clone(), dims(param)))
        .collect()
}

fn dims(param: &Param) -> Vec<usize> {
    let fixed = param.ty.dims.iter().filter_map(|dim| match dim {
        Dim::Fixed(size) => Some(*size),
        Dim::Space(_) => None,
    });
    fixed.collect()
}

/// The features that an expression reads, as `source.name`.
fn features_of(e: &Expr) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    e.walk(&mut |e| {
        if let ExprKind::Feature(of, name) = &e.kind
            && let Ty::Handle(handle) = &of.ty
        {
            found.insert(format!("{}.{name}", handle.source));
        }
    });
    found
}

fn listed<'n>(what: &str, names: impl Iterator<Item = &'n String>) -> Option<String> {
    let names: Vec<&str> = names.map(String::as_str).collect();
    (!names.is_empty()).then(|| format!("{what} {}", names.join(", ")))
}

pub(super) fn columns(old: &Compiled<'_>, new: &Compiled<'_>) -> Vec<String> {
    let column = |column: &StoredColumn| column.name.clone();
    let mut said = Vec::new();
    for pair in paired(&old.hir.columns, &new.hir.columns, column) {
        match pair {
            Paired::Gone(one) => said.push(format!("column {} is gone", one.name)),
            Paired::New(one) => said.push(format!("column {} is new", one.name)),
            Paired::Both(a, b) => {
                let (before, after) =
                    (one(old.hir, Item::Column(a)), one(new.hir, Item::Column(b)));
                if before != after {
                    let what = format!("column {} is computed otherwise", b.name);
                    said.extend(detailed(&what, &before, &after));
                }
            }
        }
    }
    let graph = |graph: &ItemGraph| graph.name.clone();
    for pair in paired(&old.hir.graphs, &new.hir.graphs, graph) {
        match pair {
            Paired::Gone(one) => said.push(format!("graph {} is gone", one.name)),
            Paired::New(one) => said.push(format!("graph {} is new", one.name)),
            Paired::Both(a, b) => {
                let (before, after) = (one(old.hir, Item::Graph(a)), one(new.hir, Item::Graph(b)));
                if before != after {
                    let what = format!("graph {} is made otherwise", b.name);
                    said.extend(detailed(&what, &before, &after));
                }
            }
        }
    }
    said
}

pub(super) fn losses(old: &Compiled<'_>, new: &Compiled<'_>) -> Vec<String> {
    let mut said = Vec::new();
    for pair in paired(&old.hir.losses, &new.hir.losses, |loss| loss.name.clone()) {
        match pair {
            Paired::Gone(loss) => said.push(format!("{} is gone", loss.name)),
            Paired::New(loss) => {
                let rows = one(new.hir, Item::Rows(&loss.rows));
                said.push(format!("{} is new, over {rows}", loss.name));
            }
            Paired::Both(a, b) => said.extend(loss(old, new, a, b)),
        }
    }
    said
}

fn loss(old: &Compiled<'_>, new: &Compiled<'_>, a: &Loss, b: &Loss) -> Vec<String> {
    let mut said = Vec::new();
    let rows = (
        one(old.hir, Item::Rows(&a.rows)),
        one(new.hir, Item::Rows(&b.rows)),
    );
    if rows.0 != rows.1 {
        said.push(was(&format!("{}: over", b.name), &rows.0, &rows.1));
    }
    for change in came_and_went(&a.trains, &b.trains) {
        said.push(format!("{}: of those that it is for, {change}", b.name));
    }
    let value = |of: &Compiled<'_>, loss: &Loss| {
        let text = one(of.hir, Item::Loss(loss));
        text.split_once('\n')
            .map_or(String::new(), |(_, value)| value.to_owned())
    };
    let (before, after) = (value(old, a), value(new, b));
    if before != after {
        let what = format!("{} is computed otherwise", b.name);
        said.extend(detailed(&what, &before, &after));
    }
    said
}

/// A head, and below it the lines of two texts that differ, as far as they are few.
fn detailed(what: &str, before: &str, after: &str) -> Vec<String> {
    const MOST: usize = 6;
    let lines =
        |text: &str| -> Vec<String> { text.lines().map(|line| line.trim().to_owned()).collect() };
    let (before, after) = (lines(before), lines(after));
    let gone: Vec<&String> = before.iter().filter(|line| !after.contains(line)).collect();
    let came: Vec<&String> = after.iter().filter(|line| !before.contains(line)).collect();
    let all: Vec<String> = gone
        .iter()
        .map(|line| format!("  - {}", shortened(line)))
        .chain(came.iter().map(|line| format!("  + {}", shortened(line))))
        .collect();
    if all.is_empty() || all.len() > MOST {
        let count = all.len();
        let more = match count {
            0 => ": its lines have another order".to_owned(),
            count => format!(": {count} lines of its expansion differ"),
        };
        return vec![format!("{what}{more}")];
    }
    std::iter::once(format!("{what}:")).chain(all).collect()
}
