//! What `reckon diff` tells of weights by themselves, of tables of scores, and of item graphs.

#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;

use reckon_compiler::changes::{Compiled, changes};
use reckon_compiler::check::{Checked, check};
use reckon_compiler::world::Texts;

const SPEC: &str = r#"
entity user from "users.csv" { key user_id: int }
entity article from "articles.csv" { key article_id: int }

events view from "views.csv" {
  user_id -> user
  article_id -> article
  label click: bool
  at: time
}

split view by at { train 80%, valid 10%, test 10% }

features user { id = user_id |> vocab |> embed(8) }
features article { id = article_id |> vocab |> embed(8) }

teacher ranker(u: user, a: article) -> logit? from scores "scores.csv" as of at - 1d
tower student(u: user, a: article) -> logit = dot(u.id, a.id)
weight bias: f32 = 0

graph near = swing(view where click, user, article, alpha: 1.0, top: 20)

loss main over view = (student(user, article) + bias - ranker(user, article)) ^ 2
train { minimize main }
"#;

fn checked(text: &str) -> Checked {
    let world = Texts([("main.rec".to_owned(), text.to_owned())].into());
    let checked = check(&world, "main.rec", &[]);
    assert!(checked.hir.is_some(), "{:#?}", checked.diagnostics);
    checked
}

fn compiled(checked: &Checked) -> Compiled<'_> {
    let hir = checked.hir.as_ref().unwrap();
    Compiled::new(hir, &checked.sources, BTreeMap::new()).unwrap()
}

/// The lines of some chapters when `from` became `to`.
fn said(titles: &[&str], from: &str, to: &str) -> Vec<String> {
    assert!(SPEC.contains(from), "{from}");
    let (old, new) = (checked(SPEC), checked(&SPEC.replace(from, to)));
    let chapters = changes(&compiled(&old), &compiled(&new)).into_iter();
    let asked = chapters.filter(|chapter| titles.contains(&chapter.title));
    asked.flat_map(|chapter| chapter.lines).collect()
}

#[test]
fn a_weight_that_begins_otherwise_is_told_with_both_values() {
    let lines = said(&["towers"], "bias: f32 = 0", "bias: f32 = 0.5");
    assert_eq!(lines, ["weight bias: f32 = 0.5, was f32 = 0.0"]);
}

#[test]
fn a_weight_that_comes_and_goes_is_told() {
    let lines = said(
        &["towers"],
        "weight bias",
        "weight shift: f32[4] = 1\nweight bias",
    );
    assert_eq!(lines, ["weight shift is new: f32[4] = 1.0"]);
}

#[test]
fn scores_that_have_to_be_older_are_told() {
    let lines = said(&["towers"], "at - 1d", "at - 2d");
    assert_eq!(
        lines,
        [
            "teacher ranker reads other scores:",
            "  - the latest before at - 1d",
            "  + the latest before at - 2d",
        ]
    );
}

#[test]
fn a_source_of_other_rows_is_told() {
    let lines = said(&["sources"], "\"views.csv\"", "\"views.csv\" where click");
    assert_eq!(
        lines,
        ["view: of the rows of its files, those of which click holds, was all"]
    );
}

#[test]
fn a_graph_of_other_neighbours_is_told() {
    let lines = said(&["columns and graphs"], "top: 20", "top: 50");
    assert_eq!(lines[0], "graph near is made otherwise:");
    assert!(lines.len() > 1, "{lines:?}");
}

#[test]
fn what_did_not_change_is_told_nowhere() {
    let all = [
        "settings", "sources", "features", "tables", "towers", "losses", "cost",
    ];
    assert_eq!(
        said(&all, "\nfeatures user", "\n\n// users\nfeatures user"),
        [] as [&str; 0]
    );
}
