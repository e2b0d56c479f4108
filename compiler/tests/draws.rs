//! The places of random draws: they are named by calls and rows, so that an edit elsewhere changes no bits of a run.

#![allow(clippy::unwrap_used, reason = "tests may fail where they stand")]

mod typed;

use std::collections::BTreeSet;

use reckon_compiler::graph::Op;

use typed::plan;

const DATA: &str = r#"
use std.tower.dropout
use std.tower.linear

entity user from "users.csv" { key user_id: int }
entity movie from "movies.csv" { key movie_id: int }

events rating from "ratings.csv" {
  user_id -> user
  movie_id -> movie
  label stars: float
  at: time
}

features user { id = user_id |> vocab |> embed(4) }
features movie { id = movie_id |> vocab |> embed(4) }
"#;

const MODEL: &str = r#"
fn noisy(x: f32[.., D]) -> f32[.., D] = (x + random_like(x)) * random_like(x)

tower viewer(u: user) -> f32[4] = concat(u) |> noisy |> dropout(0.5) |> linear(4) |> dropout(0.5)
tower film(m: movie) -> f32[4] = concat(m) |> dropout(0.5)

loss main over rating {
  let c = in_batch(movie)
  softmax_loss(dot(viewer(user), film(c)), c)
}
loss apart over rating = dot(film(movie), film(movie)) |> dropout(0.1)
"#;

/// The places of all draws of a training of these losses.
fn places(model: &str, minimize: &str) -> Vec<String> {
    let train = format!("train {{ minimize {minimize}; batch 8 }}\n");
    let plan = plan(&format!("{DATA}{model}{train}"));
    let graph = &plan.phases[0].step.graph;
    let drawn = graph.order().into_iter().filter_map(|id| {
        let node = graph.node(id);
        (node.op == Op::RandomUniform).then(|| node.site.path.clone())
    });
    let mut places: Vec<String> = drawn.collect();
    places.sort();
    places
}

#[test]
fn a_place_names_the_body_its_rows_and_the_calls() {
    assert_eq!(
        places(MODEL, "main + apart"),
        [
            "apart.dropout.draw",
            "film(movie).dropout.draw",
            "film(movie@C).dropout.draw",
            "viewer(user).dropout.draw",
            "viewer(user).dropout_2.draw",
            "viewer(user).noisy.draw",
            "viewer(user).noisy.draw_2",
        ]
    );
}

#[test]
fn no_place_moves_with_an_edit_elsewhere() {
    let before: BTreeSet<String> = places(MODEL, "main").into_iter().collect();
    let edited = MODEL.replace(
        "\ntower film",
        "\n// A comment, a function and a tower more.\n\
         fn scaled(x: f32[..]) -> f32[..] = x * random_like(x)\n\
         tower other(m: movie) -> f32[4] = concat(m) |> scaled |> dropout(0.5)\n\n\
         loss first over rating = dot(other(movie), film(movie))\n\ntower film",
    );
    let after: BTreeSet<String> = places(&edited, "first + main").into_iter().collect();
    assert_eq!(before.len(), 5);
    assert!(after.is_superset(&before), "{before:#?} {after:#?}");
}
