//! The inputs of programs: what feeds them.

#![allow(clippy::unwrap_used, reason = "tests may fail where they stand")]

mod typed;

use std::collections::BTreeSet;

use reckon_compiler::graph::{Elem, Op};
use reckon_compiler::plan::FeedKind;

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

/// The kinds of feeds of a step over counts and means of clicks of a user.
fn fed_by(feature: &str) -> Vec<FeedKind> {
    let spec = format!(
        r#"
use std.tower

entity user from "users.csv" {{ key user_id: int }}
events click from "clicks.csv" {{ user_id -> user; price: float; at: time }}
features click {{ of_user = {feature} }}
tower likes(c: click) -> logit = concat(c) |> mlp([8, 1]) |> squeeze
loss clicks over click = bce(likes(click), true)
train {{ minimize clicks; epochs 1; batch 8 }}
"#
    );
    let feeds = plan(&spec).phases.remove(0).step.feeds;
    feeds.into_iter().map(|feed| feed.what).collect()
}

#[test]
fn a_history_that_is_only_counted_is_fed_as_lengths() {
    let history = "history(click of user, within: 30d)";
    let is_lengths = |what: &FeedKind| matches!(what, FeedKind::Lengths { .. });
    let is_segments = |what: &FeedKind| matches!(what, FeedKind::Segments { .. });
    let counted = fed_by(&format!("{history} |> count |> log1p"));
    assert!(counted.iter().any(is_lengths), "{counted:?}");
    assert!(!counted.iter().any(is_segments), "{counted:?}");
    let listed = fed_by(&format!("{history}.raw.price |> mean"));
    assert!(!listed.iter().any(is_lengths), "{listed:?}");
    assert!(listed.iter().any(is_segments), "{listed:?}");
}
