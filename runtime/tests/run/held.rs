//! A teacher that stands still is asked once about each row: what a run leaves has the bits that it has where the teacher is asked
//! at every step.

use std::fs;

use reckon_compiler::check::check;
use reckon_compiler::graph::{Graph, Op};
use reckon_compiler::lower::{Copies, Pipeline, Teachers, compile_with};
use reckon_compiler::passes::{FORWARD, STEP};
use reckon_compiler::plan::Plan;
use reckon_compiler::world::Texts;
use reckon_runtime::observer::Recorder;

use crate::StopAfter;
use crate::bits::{assert_same, bits};
use crate::fixture::World;

/// A teacher with a list and a history among what it reads, trained first, and a student of it over rows that come four times.
const SPEC: &str = r#"
use std.tower.mlp

entity user from "users.csv" { key user_id: int }
entity movie from "movies.csv" { key movie_id: int; title: str }

events rating from "ratings.csv" {
  user_id -> user
  movie_id -> movie
  label stars: float
  at: time
}

split rating by at { train 80%, valid 10%, test 10% }

features user { id = user_id |> vocab |> embed(4) }
features movie { id = movie_id |> vocab |> embed(4); words = title |> lower |> tokens |> vocab |> embed(4) |> mean }
features rating { recent = history(rating of user where stars >= 4, last: 5).movie.id |> mean }

teacher reader(u: user, m: movie, r: rating) -> { h: f32[6], liked: logit } {
  let h = concat(u, m, r) |> mlp([12, 6])
  { h: h, liked: h |> mlp([1]) |> squeeze }
}
tower ranker(u: user, m: movie) -> { h: f32[6], liked: logit } {
  let h = concat(u, m) |> mlp([8, 6], dropout: 0.1)
  { h: h, liked: h |> mlp([1]) |> squeeze }
}

loss learn for reader over rating = bce(reader(user, movie, rating).liked, stars >= 5)
train first { minimize learn; batch 64; epochs 2 }

loss follow over ROWS {
  let t = reader(user, movie, rating)
  let s = ranker(user, movie)
  (s.liked - t.liked) ^ 2 + sum((s.h - t.h) ^ 2)
}
train second { minimize follow; batch 64; epochs EPOCHS; optimizer adam(lr: 0.01) }

evaluate films: ranking over rating { score ranker(user, movie).liked against stars >= 5; report auc, logloss }
"#;

fn plan(rows: &str, epochs: usize, teachers: Teachers) -> Plan {
    let text = SPEC
        .replace("ROWS", rows)
        .replace("EPOCHS", &epochs.to_string());
    let checked = check(
        &Texts([("main.rec".to_owned(), text)].into()),
        "main.rec",
        &[],
    );
    let hir = checked
        .hir
        .unwrap_or_else(|| panic!("{:#?}", checked.diagnostics));
    let mut pipeline = Pipeline {
        forward: FORWARD,
        copies: Copies::Merged,
        step: STEP,
        teachers,
        after: &mut |_, _| {},
    };
    compile_with(&hir, &mut pipeline).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn reads(graph: &Graph, owner: &str) -> bool {
    let mut nodes = graph.order().into_iter();
    nodes.any(|id| match &graph.node(id).op {
        Op::Param(path) | Op::Table(path) => path.starts_with(owner),
        _ => false,
    })
}

#[test]
fn what_a_still_teacher_says_is_an_input_of_the_step() {
    let phases = plan("rating", 4, Teachers::Remembered).phases;
    assert!(phases[0].held.is_empty(), "it learns there");
    let second = &phases[1];
    assert!(
        !reads(&second.step.graph, "reader"),
        "no weight of the teacher is left in the step"
    );
    let [held] = &second.held[..] else {
        panic!("one stream has a teacher: {}", second.held.len());
    };
    assert!(reads(&held.program.graph, "reader") && !reads(&held.program.graph, "ranker"));
    let mut named: Vec<&str> = held
        .program
        .graph
        .outputs
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    named.sort_unstable();
    assert_eq!(named, ["held 0.0", "held 0.1"], "its vector and its logit");
}

#[test]
fn rows_that_come_once_or_never_as_themselves_are_asked_about_at_every_step() {
    for (rows, epochs) in [
        ("rating", 1),
        ("rating |> negatives(movie, 1, by: count(movie))", 4),
        ("rating |> sample(uniform)", 4),
    ] {
        let phases = plan(rows, epochs, Teachers::Remembered).phases;
        assert!(phases[1].held.is_empty(), "{rows}, {epochs}");
        assert!(reads(&phases[1].step.graph, "reader"));
    }
    assert!(plan("rating", 4, Teachers::Asked).phases[1].held.is_empty());
}

#[test]
fn a_run_that_remembers_its_teacher_leaves_the_same_bits() {
    let world = World::new();
    // 640 rows in batches of 64, and fewer, of which the last batch has not as many.
    for rows in ["rating", "rating where stars >= 3"] {
        let run = |teachers, out: &str| {
            let plan = plan(rows, 4, teachers);
            assert_eq!(plan.phases[1].held.is_empty(), teachers == Teachers::Asked);
            world
                .run(&plan, out, |_| {}, &mut Recorder::default())
                .unwrap();
            bits(&world.path(out))
        };
        let name = |what: &str| format!("{what} {}", rows.len());
        let (asked, remembered) = (
            run(Teachers::Asked, &name("asked")),
            run(Teachers::Remembered, &name("remembered")),
        );
        assert_same(&asked, &remembered);
    }
}

#[test]
fn a_run_that_was_stopped_asks_its_teacher_again_and_ends_with_the_same_bits() {
    let world = World::new();
    let plan = plan("rating", 4, Teachers::Remembered);
    world
        .run(&plan, "whole", |_| {}, &mut Recorder::default())
        .unwrap();
    let mut stop = StopAfter {
        epoch: 3,
        flag: &world.interrupted,
    };
    world.stopped(&plan, "stopped", &mut stop);
    world.resumed(&plan, "stopped");
    let read =
        |out: &str| fs::read(world.path(out).join("checkpoint/weights.safetensors")).unwrap();
    assert!(read("whole") == read("stopped"));
}
