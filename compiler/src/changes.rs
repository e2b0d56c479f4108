//! What changed between two specs, in words: compared as typed programs and plans, so that neither layout nor comments nor the
//! order of items count.

mod cost;
mod data;
mod flow;
mod model;
mod tables;
mod training;

use std::collections::BTreeMap;

use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::{Sources, Span};

use crate::flow::{Flow, flow};
use crate::hir::Hir;
use crate::lower::compile;
use crate::plan::Plan;
use crate::plan::print::{graphs, print};

/// A spec as far as it is compared.
#[derive(Debug)]
pub struct Compiled<'a> {
    hir: &'a Hir,
    plan: Plan,
    flows: Vec<Flow>,
    sources: &'a Sources,
    rows: BTreeMap<String, usize>,
}

/// What changed of one kind of thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chapter {
    /// The kind: `settings`, `features`, `gradient flow`.
    pub title: &'static str,
    /// A line a change; lines that begin with blanks go on with the one above. None where nothing changed.
    pub lines: Vec<String>,
}

impl<'a> Compiled<'a> {
    /// Lowers a checked spec for comparison. `rows` are the rows of its tables by path, as far as a run has told them.
    ///
    /// # Errors
    /// What keeps the spec from being lowered.
    pub fn new(
        hir: &'a Hir,
        sources: &'a Sources,
        rows: BTreeMap<String, usize>,
    ) -> Result<Self, Vec<Diagnostic>> {
        Ok(Self {
            hir,
            plan: compile(hir)?,
            flows: flow(hir)?,
            sources,
            rows,
        })
    }

    /// The text of the spec at a place, on one line.
    fn written(&self, span: Span) -> String {
        let text = self.sources.slice(span);
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// All chapters, those without changes too, in the order of a spec; the last is about all that the others have no words for.
pub fn changes(old: &Compiled<'_>, new: &Compiled<'_>) -> Vec<Chapter> {
    let mut chapters = vec![
        chapter("settings", data::settings(old, new)),
        chapter("sources", data::sources(old, new)),
        chapter("splits", data::splits(old, new)),
        chapter("features", model::features(old, new)),
        chapter("tables", tables::tables(old, new)),
        chapter("towers", model::towers(old, new)),
        chapter("columns and graphs", model::columns(old, new)),
        chapter("losses", model::losses(old, new)),
        chapter("gradient flow", flow::flow(old, new)),
        chapter("training", training::trainings(old, new)),
        chapter("evaluation", training::evaluations(old, new)),
        chapter("exports", training::exports(old, new)),
        chapter("cost", cost::cost(old, new)),
    ];
    let nothing = chapters.iter().all(|chapter| chapter.lines.is_empty());
    let rest = match nothing && lowered(&old.plan) != lowered(&new.plan) {
        true => vec!["both say the same and are lowered otherwise".to_owned()],
        false => Vec::new(),
    };
    chapters.push(chapter("lowering", rest));
    chapters
}

fn chapter(title: &'static str, lines: Vec<String>) -> Chapter {
    Chapter { title, lines }
}

/// The whole plan with its graphs as text.
fn lowered(plan: &Plan) -> Vec<String> {
    let graphs = graphs(plan).into_iter();
    let printed = graphs.map(|(what, graph)| what + &crate::graph::text::print(graph));
    std::iter::once(print(plan)).chain(printed).collect()
}

/// Two lists set against each other by name.
enum Paired<'a, T> {
    Gone(&'a T),
    New(&'a T),
    Both(&'a T, &'a T),
}

/// The old ones in their order, then what is new.
fn paired<'a, T>(old: &'a [T], new: &'a [T], name: impl Fn(&T) -> String) -> Vec<Paired<'a, T>> {
    let find = |among: &'a [T], wanted: &str| among.iter().find(|one| name(one) == wanted);
    let mut pairs: Vec<Paired<T>> = old
        .iter()
        .map(|one| match find(new, &name(one)) {
            Some(other) => Paired::Both(one, other),
            None => Paired::Gone(one),
        })
        .collect();
    let came = new.iter().filter(|one| find(old, &name(one)).is_none());
    pairs.extend(came.map(Paired::New));
    pairs
}

/// `batch 2048, was 1024`
fn was(what: &str, old: &str, new: &str) -> String {
    let is_long = new.contains(", ") || new.contains(' ') && new.chars().count() > 30;
    let mark = if is_long { ";" } else { "," };
    format!("{what} {new}{mark} was {old}")
}

/// What only the new list has and what only the old one has: `recall@100 is new`, `ndcg@10 is gone`.
fn came_and_went(old: &[String], new: &[String]) -> Vec<String> {
    let mut said = Vec::new();
    let fresh: Vec<&String> = new.iter().filter(|one| !old.contains(one)).collect();
    let gone: Vec<&String> = old.iter().filter(|one| !new.contains(one)).collect();
    said.extend(fresh.iter().map(|one| format!("{one} is new")));
    said.extend(gone.iter().map(|one| format!("{one} is gone")));
    said
}

/// The middle of a text left out where it is long.
fn shortened(text: &str) -> String {
    const LONGEST: usize = 96;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    let head: String = text.chars().take(LONGEST - 3).collect();
    format!("{head}...")
}
