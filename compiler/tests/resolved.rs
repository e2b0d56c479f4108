//! The resolved spec says all, and says the same.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the crate is pure, its tests read files"
)]

use std::collections::BTreeMap;
use std::path::Path;

use reckon_compiler::check::{Checked, check};
use reckon_compiler::lower::compile;
use reckon_compiler::plan::print;
use reckon_compiler::resolved::resolved;
use reckon_compiler::world::{Texts, World};

/// The files of a folder of examples, the main one in memory.
struct Example<'a>(&'a str, &'a Path);

impl World for Example<'_> {
    fn read(&self, path: &str) -> Result<String, String> {
        match path == self.1.to_string_lossy() {
            true => Ok(self.0.to_owned()),
            false => std::fs::read_to_string(path).map_err(|error| error.to_string()),
        }
    }
}

fn plan(checked: &Checked) -> String {
    let hir = checked.hir.as_ref();
    let hir = hir.unwrap_or_else(|| panic!("{:#?}", checked.diagnostics));
    let plan = compile(hir).unwrap();
    let graphs = print::graphs(&plan);
    let graphs = graphs
        .iter()
        .map(|(_, graph)| reckon_compiler::graph::text::print(graph));
    print::print(&plan) + &graphs.collect::<String>()
}

#[test]
fn every_example_resolved_is_clean_compiles_to_the_same_plan_and_has_nothing_left_to_resolve() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/movielens");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rec") {
            continue;
        }
        seen += 1;
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.to_string_lossy();
        let given = check(&Example(&text, &path), &name, &[]);
        let full = resolved(&given).unwrap();
        let again = check(&Example(&full, &path), &name, &[]);
        assert_eq!(again.diagnostics, [], "{full}");
        assert_eq!(plan(&given), plan(&again), "{full}");
        assert_eq!(resolved(&again).unwrap(), full);
    }
    assert!(seen >= 4);
}

const SPEC: &str = r#"use std.tower.mlp

// how wide vectors are
setting dim = 64

entity user from "users.csv" { key user_id: int }
entity movie from "movies.csv" { key movie_id: int; title: str }

events rating from "ratings.csv" {
  user_id -> user
  movie_id -> movie
  label stars: float
  at: time
}

split rating by at { train 80%, valid 10%, test 10% }

features user { id = user_id |> vocab(min_count: 3) |> embed(dim) }
features movie { words = title |> tokens |> vocab |> embed(dim) |> mean }

tower viewer(u: user) = concat(u) |> mlp([dim])
tower film(m: movie) = m.words                 // words alone

loss main over rating = bce(sum(viewer(user) * film(movie)), stars >= 4)

train {
  minimize main
  embeddings sgd(lr: 0.5)
}

evaluate likes: ranking over rating {
  score sigmoid(sum(viewer(user) * film(movie))) against stars >= 4
  report logloss
}
"#;

fn checked(text: &str, overrides: &[(String, String)]) -> Checked {
    let world = Texts(BTreeMap::from([("main.rec".to_owned(), text.to_owned())]));
    check(&world, "main.rec", overrides)
}

#[test]
fn settings_options_and_arguments_are_written_out_and_comments_stay() {
    let overrides = [("dim".to_owned(), "8".to_owned())];
    let given = checked(SPEC, &overrides);
    assert_eq!(given.diagnostics, []);
    let full = resolved(&given).unwrap();
    assert_eq!(plan(&given), plan(&checked(&full, &[])));
    let spec = full.split_once("split rating").unwrap();
    assert!(
        spec.0
            .contains("// how wide vectors are\nsetting dim = 8\n")
    );
    insta::assert_snapshot!(spec.1);
}

#[test]
fn a_spec_with_errors_has_no_resolved_text() {
    assert_eq!(resolved(&checked("tower t(u: user) = 1", &[])), None);
}

#[test]
fn a_ranking_by_a_probability_is_one_by_its_logit() {
    let by_logit = SPEC.replace(
        "score sigmoid(sum(viewer(user) * film(movie)))",
        "score sum(viewer(user) * film(movie))",
    );
    let scores = |text: &str| {
        let checked = checked(text, &[]);
        let plan = compile(checked.hir.as_ref().unwrap()).unwrap();
        let graphs = print::graphs(&plan);
        let (_, graph) = graphs
            .iter()
            .find(|(what, _)| what.starts_with("likes"))
            .unwrap();
        reckon_compiler::graph::text::print(graph)
    };
    assert!(!scores(&by_logit).contains("sigmoid"));
    let by_probability = scores(SPEC);
    let of_logit = by_probability.matches("= log_sigmoid").count();
    assert_eq!(
        (of_logit, by_probability.matches("= sigmoid").count()),
        (2, 0),
        "{by_probability}"
    );
}
