//! The inputs of programs: what feeds them.

#![allow(clippy::unwrap_used, reason = "tests may fail where they stand")]

mod typed;

use std::collections::BTreeSet;

use reckon_compiler::graph::{Elem, Op};

use typed::plan;

const MODEL: &str = r#"
use std.tower.linear

entity user from "users.csv" { key user_id: int }
entity movie from "movies.csv" { key movie_id: int; genres: str; prizes: int }

events rating from "ratings.csv" {
  user_id -> user
  movie_id -> movie
  label stars: float
  at: time
}

features user { id = user_id |> vocab |> embed(4) }

features movie {
  id        = movie_id |> vocab |> embed(4)
  known     = genres |> split("|") |> vocab |> embed(4) |> mean
  seen      = prizes |> fill(0)
  log_count = log1p(prizes)
}

tower viewer(u: user) -> f32[4] = concat(u) |> linear(4)
tower film(m: movie) -> f32[4] = concat(m) |> linear(4)

loss strict over rating {
  let c = in_batch(movie)
  softmax_loss(dot(viewer(user), film(c)), c, mask: seen) + softmax_loss(dot(viewer(user), film(c)), c, mask: known_positives)
}
train { minimize strict; batch 8 }
"#;

#[test]
fn features_may_be_called_as_what_candidates_carry() {
    let plan = plan(MODEL);
    let graph = &plan.phases[0].step.graph;
    let inputs = graph.order().into_iter().filter_map(|id| {
        let node = graph.node(id);
        match &node.op {
            Op::Input(name) => Some((name.clone(), node.ty.elem)),
            _ => None,
        }
    });
    let inputs: BTreeSet<(String, String)> = inputs
        .map(|(name, elem)| (name, format!("{elem:?}")))
        .collect();
    let of = |name: &str, elem: Elem| inputs.contains(&(name.to_owned(), format!("{elem:?}")));
    assert!(of("movie@C.seen", Elem::F32), "{inputs:?}");
    assert!(of("movie@C.seen_2", Elem::Bool), "{inputs:?}");
    assert!(of("movie@C.known", Elem::I64), "{inputs:?}");
    assert!(of("movie@C.known_2", Elem::Bool), "{inputs:?}");
    assert!(of("movie@C.log_count", Elem::F32), "{inputs:?}");
    assert!(of("movie@C.log_count_2", Elem::F32), "{inputs:?}");
}
