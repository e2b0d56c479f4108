//! How far the training is: an input while it trains, a constant when serving.

#![allow(clippy::unwrap_used, reason = "tests may fail where they stand")]

mod typed;

use reckon_compiler::graph::{Graph, Op};
use reckon_compiler::plan::{Clock, FeedKind, Plan};

fn plan(tower: &str) -> Plan {
    typed::plan(&format!(
        r#"
entity movie from "movies.csv" {{ key movie_id: int }}
events rating from "ratings.csv" {{ movie_id -> movie; label stars: float; at: time }}
features movie {{ id = movie_id |> vocab |> embed(4) }}
{tower}
loss main over rating = sum(film(movie)) * where(epoch < 2, 1.0, 0.5)
train {{ minimize main }}
export film
"#
    ))
}

fn reads(graph: &Graph, input: &str) -> bool {
    let mut nodes = graph.order().into_iter();
    nodes.any(|id| graph.node(id).op == Op::Input(input.to_owned()))
}

#[test]
fn a_training_is_told_how_far_it_is_and_what_serves_is_not() {
    let plan = plan("tower film(m: movie) -> f32[4] = concat(m) * (step + 1)");
    let step = &plan.phases[0].step;
    let clocks: Vec<&FeedKind> = step
        .feeds
        .iter()
        .map(|feed| &feed.what)
        .filter(|what| matches!(what, FeedKind::Clock(_)))
        .collect();
    assert_eq!(
        clocks,
        [
            &FeedKind::Clock(Clock::Step),
            &FeedKind::Clock(Clock::Epoch)
        ]
    );
    assert!(reads(&step.graph, "step") && reads(&step.graph, "epoch"));
    let served = &plan.exports[0].program.graph;
    assert!(!reads(served, "step"));
    let trained = Op::Const(vec![1e9 + 1.0]);
    assert!(
        served
            .order()
            .into_iter()
            .any(|id| served.node(id).op == trained)
    );
}

#[test]
fn a_setting_of_that_name_comes_first() {
    let plan = plan("setting step = 3\ntower film(m: movie) -> f32[4] = concat(m) * step");
    assert!(!reads(&plan.phases[0].step.graph, "step"));
}
