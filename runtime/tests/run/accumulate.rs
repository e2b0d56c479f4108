//! `accumulate n`: the gradients of n batches, applied once.

use reckon_compiler::plan::Plan;
use reckon_runtime::observer::{Event, Recorder};

use crate::StopAfter;
use crate::bits::{assert_same, bits};
use crate::fixture::{World, compiled};
use crate::teachers::weights;

fn plan(options: &str) -> Plan {
    compiled(&format!(
        r#"
use std.tower.mlp

entity user from "users.csv" {{ key user_id: int }}
entity movie from "movies.csv" {{ key movie_id: int }}

events rating from "ratings.csv" {{
  user_id -> user
  movie_id -> movie
  label stars: float
  at: time
}}

split rating by at {{ train 80%, valid 10%, test 10% }}

features user {{ id = user_id |> vocab |> embed(4) }}
features movie {{ id = movie_id |> vocab |> embed(4) }}

tower ranker(u: user, m: movie) -> logit = concat(u, m) |> mlp([8, 1], dropout: 0.2) |> squeeze
loss main over rating = bce(ranker(user, movie), stars >= 5)
train {{ minimize main; epochs 2; clip 0.5; optimizer adam(lr: 1e-3, eps: 1e-3); {options} }}
"#
    ))
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    let words = bytes.chunks_exact(4);
    words
        .map(|word| f32::from_le_bytes(word.try_into().unwrap()))
        .collect()
}

#[test]
fn four_batches_of_16_are_one_of_64() {
    let world = World::new();
    let run = |options: &str, out: &str| {
        let mut recorder = Recorder::default();
        world
            .run(&plan(options), out, |_| {}, &mut recorder)
            .unwrap();
        let steps = recorder.events.iter().find_map(|event| match event {
            Event::PhaseFinished { steps, .. } => Some(*steps),
            _ => None,
        });
        (weights(&world.path(out)), steps.unwrap())
    };
    let (whole, steps) = run("batch 64", "whole");
    let (parts, updates) = run("batch 16; accumulate 4", "parts");
    assert_eq!(steps, updates);
    assert_eq!(
        whole.keys().collect::<Vec<_>>(),
        parts.keys().collect::<Vec<_>>()
    );
    let mut moved = 0;
    for (name, bytes) in whole.iter().filter(|(name, _)| !name.contains(':')) {
        let (one, other) = (floats(bytes), floats(&parts[name]));
        let apart = one.iter().zip(&other).map(|(a, b)| (a - b).abs());
        let apart = apart.fold(0.0, f32::max);
        assert!(apart < 1e-5, "{name} is {apart} apart");
        moved += 1;
    }
    assert!(moved >= 6, "{:?}", whole.keys());
    let (small, _) = run("batch 16", "small");
    let differs = |name: &&String| small[*name] != parts[*name];
    assert!(
        small.keys().any(|name| differs(&name)),
        "16 rows a step are another training"
    );
}

#[test]
fn a_run_with_several_batches_a_step_that_was_stopped_ends_with_the_same_bits() {
    let world = World::new();
    let plan = plan("batch 16; accumulate 3");
    world
        .run(&plan, "whole", |_| {}, &mut Recorder::default())
        .unwrap();
    let mut stop = StopAfter {
        epoch: 1,
        flag: &world.interrupted,
    };
    world.stopped(&plan, "stopped", &mut stop);
    world.resumed(&plan, "stopped");
    assert_same(&bits(&world.path("whole")), &bits(&world.path("stopped")));
}
