//! Runs of specs with teachers: what they leave in their checkpoints, bit for bit.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;

use reckon_compiler::plan::Plan;
use reckon_runtime::FailureKind;
use reckon_runtime::evaluate::Report;
use reckon_runtime::observer::Recorder;
use serde_json::Value;

use crate::StopAfter;
use crate::bits::{assert_same, bits};
use crate::fixture::{World, compiled};

const BASE: &str = r#"
use std.tower.mlp

entity user from "users.csv" { key user_id: int }
entity movie from "movies.csv" { key movie_id: int }

events rating from "ratings.csv" {
  user_id -> user
  movie_id -> movie
  label stars: float
  at: time
}

split rating by at { train 80%, valid 10%, test 10% }

features user { id = user_id |> vocab |> embed(4) }
features movie { id = movie_id |> vocab(drop: 5%) |> embed(4) }

tower ranker(u: user, m: movie) -> logit = concat(u, m) |> mlp([8, 1], dropout: 0.1) |> squeeze

teacher first like ranker
loss learn for first over rating = bce(first(user, movie), stars >= 5)
loss main over rating = bce(ranker(user, movie), stars >= 5)
loss follow over rating = (ranker(user, movie) - first(user, movie)) ^ 2

evaluate films: ranking over rating { score ranker(user, movie) against stars >= 5; report auc }
"#;

fn plan(rest: &str) -> Plan {
    compiled(&format!("{BASE}{rest}"))
}

/// The tensors of a run's checkpoint by name, as bytes.
pub(crate) fn weights(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let bytes = fs::read(run.join("checkpoint/weights.safetensors")).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let names: Value = serde_json::from_slice(&bytes[8..8 + header]).unwrap();
    let data = &bytes[8 + header..];
    let tensors = names
        .as_object()
        .unwrap()
        .iter()
        .filter(|(name, _)| *name != "__metadata__");
    tensors
        .map(|(name, about)| {
            let at = |end: usize| about["data_offsets"][end].as_u64().unwrap() as usize;
            (name.clone(), data[at(0)..at(1)].to_vec())
        })
        .collect()
}

pub(crate) fn floats(bytes: &[u8]) -> Vec<f32> {
    let words = bytes.chunks_exact(4);
    words
        .map(|word| f32::from_le_bytes(word.try_into().unwrap()))
        .collect()
}

impl World {
    /// Runs a spec and gives the tensors that it leaves.
    fn left(&self, rest: &str, out: &str) -> BTreeMap<String, Vec<u8>> {
        self.run(&plan(rest), out, |_| {}, &mut Recorder::default())
            .unwrap();
        weights(&self.path(out))
    }
}

#[test]
fn a_joint_teacher_ends_with_the_same_bits_with_and_without_its_student() {
    let world = World::new();
    let alone = world.left(
        "train teaching { minimize learn; batch 64; epochs 2 }\n train rest { minimize main; batch 64 }",
        "alone",
    );
    let joint = world.left(
        "train teaching { minimize learn + follow; batch 64; epochs 2 }",
        "joint",
    );
    let mut compared = 0;
    for (name, bytes) in alone.iter().filter(|(name, _)| name.starts_with("first")) {
        assert!(*bytes == joint[name], "{name} differs");
        compared += 1;
    }
    assert!(compared >= 6, "{:?}", alone.keys());
    assert!(joint["ranker.mlp.0.linear.weight"] != alone["ranker.mlp.0.linear.weight"]);
}

#[test]
fn a_teacher_of_an_earlier_training_does_not_move_in_a_later_one() {
    let world = World::new();
    let phases = "train teaching { minimize learn; batch 64; epochs 2 }";
    let before = world.left(phases, "before");
    let after = world.left(
        &format!("train learning {{ minimize main + follow; batch 64; epochs 2 }}\n{phases}"),
        "after",
    );
    for (name, bytes) in before.iter().filter(|(name, _)| name.starts_with("first")) {
        assert!(*bytes == after[name], "{name} differs");
    }
}

#[test]
fn a_copy_is_the_weights_with_which_a_training_begins() {
    let world = World::new();
    let once = "train once { minimize main + learn; batch 64; epochs 2 }";
    let before = world.left(once, "before");
    let after = world.left(
        &format!(
            "teacher old copy of ranker
             loss stay over rating = (ranker(user, movie) - old(user, movie)) ^ 2 + bce(ranker(user, movie), stars >= 3)
             train again {{ minimize stay; batch 64; epochs 2 }}\n{once}"
        ),
        "after",
    );
    for path in [
        "main/user/id",
        "main/movie/id",
        "ranker.mlp.0.linear.weight",
    ] {
        assert!(
            before[path] == after[&format!("old/{path}")],
            "{path} differs"
        );
        assert!(before[path] != after[path], "{path} has not moved");
    }
}

#[test]
fn an_average_moves_once_a_step_by_what_its_decay_leaves() {
    let world = World::new();
    // 800 rows, 640 of them for training: one step.
    let step = |decay: f64, lr: &str| {
        format!(
            "teacher slow ema of ranker decay {decay:?}
             loss near over rating = bce(ranker(user, movie), stars >= 5) + (ranker(user, movie) - slow(user, movie)) ^ 2
             train {{ minimize near + learn; batch 640; optimizer adam(lr: {lr}); embeddings adagrad(lr: {lr}) }}"
        )
    };
    let first = world.left(&step(0.75, "1e-30"), "first");
    let moved = world.left(&step(0.75, "0.01"), "moved");
    let at_once = world.left(&step(0.0, "0.01"), "at_once");
    for path in [
        "main/user/id",
        "ranker.mlp.0.linear.weight",
        "ranker.mlp.linear.bias",
    ] {
        let slow = format!("slow/{path}");
        assert!(
            at_once[&slow] == at_once[path],
            "{path}: an average without memory"
        );
        let (begin, end) = (floats(&first[path]), floats(&moved[path]));
        assert_ne!(begin, end, "{path} has not moved");
        for (at, average) in floats(&moved[&slow]).into_iter().enumerate() {
            let expected = 0.75 * begin[at] + 0.25 * end[at];
            assert!(
                (average - expected).abs() < 1e-6,
                "{path}: {average} for {expected}"
            );
        }
    }
}

#[test]
fn a_run_of_several_trainings_is_resumed_within_each_with_the_same_bits() {
    let world = World::new();
    let plan = plan(
        "teacher slow ema of ranker decay 0.9
         loss near over rating = bce(ranker(user, movie), stars >= 5) + (ranker(user, movie) - slow(user, movie)) ^ 2
         train learning { minimize near + follow; batch 64; epochs 3; stop early on valid films.auc patience 3 }
         train teaching { minimize learn; batch 64; epochs 3 }",
    );
    world
        .run(&plan, "whole", |_| {}, &mut Recorder::default())
        .unwrap();
    // The flag is set at the end of the second epoch of each training in turn.
    for _ in &plan.phases {
        let resume = world.path("parts").join("checkpoint").exists();
        let mut stop = StopAfter {
            epoch: 2,
            flag: &world.interrupted,
        };
        let stopped = world.run(&plan, "parts", |options| options.resume = resume, &mut stop);
        assert_eq!(stopped.unwrap_err().kind, FailureKind::Interrupted);
        world.interrupted.store(false, Ordering::Relaxed);
    }
    world.resumed(&plan, "parts");
    assert_same(&bits(&world.path("whole")), &bits(&world.path("parts")));
    let lines = fs::read_to_string(world.path("whole").join("metrics.jsonl")).unwrap();
    let lines = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut phases: Vec<String> = lines
        .filter_map(|line| Some(line["phase"].as_str()?.to_owned()))
        .collect();
    phases.dedup();
    assert_eq!(phases, ["teaching", "learning"]);
}

#[test]
fn an_average_that_only_an_evaluation_reads_is_moved_and_kept() {
    let world = World::new();
    let plan = plan(
        "teacher slow ema of ranker decay 0.9
         evaluate slowly: ranking over rating { score slow(user, movie) against stars >= 5; report auc }
         train { minimize main + learn; batch 64; epochs 2 }",
    );
    let result = world
        .run(&plan, "run", |_| {}, &mut Recorder::default())
        .unwrap();
    let again = world.eval(&plan, "run", "test").unwrap();
    let auc = |reports: &[Report], name: &str| {
        let found = reports
            .iter()
            .find(|report| report.evaluation == name && report.split == "test");
        found.unwrap().metric("auc").unwrap()
    };
    assert_eq!(auc(&result.reports, "slowly"), auc(&again, "slowly"));
    assert_ne!(auc(&again, "slowly"), auc(&again, "films"));
}

/// The hashes of a run's statistics by name.
fn statistics(run: &Path) -> BTreeMap<String, String> {
    let bytes = fs::read(run.join("checkpoint/fits.json")).unwrap();
    let names: Vec<Value> = serde_json::from_slice(&bytes).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    names
        .iter()
        .map(|fit| (text(&fit["name"]), text(&fit["sha256"])))
        .collect()
}

const ONCE: &str = "train once { minimize main + learn; batch 64; epochs 2 }";
const FROM_A_RUN: &str = r#"
teacher old like ranker from checkpoint "before"
loss imitate over rating = (ranker(user, movie) - old(user, movie)) ^ 2
train { minimize imitate + learn; batch 64; epochs 2 }
"#;

/// Leaves out the last users, so that the values of a statistic are others.
fn shorten_ratings(world: &World) {
    let ratings = fs::read_to_string(world.path("ratings.csv")).unwrap();
    let lines: Vec<&str> = ratings.lines().collect();
    fs::write(world.path("ratings.csv"), lines[..500].join("\n") + "\n").unwrap();
}

#[test]
fn a_teacher_out_of_a_finished_run_has_its_weights_and_its_statistics() {
    let world = World::new();
    let before = world.left(ONCE, "before");
    shorten_ratings(&world);
    let after = world.left(FROM_A_RUN, "after");
    for (here, there) in [
        ("old/user/id", "main/user/id"),
        ("old/movie/id", "main/movie/id"),
        ("old.mlp.0.linear.weight", "ranker.mlp.0.linear.weight"),
        ("old.mlp.linear.bias", "ranker.mlp.linear.bias"),
    ] {
        assert!(after[here] == before[there], "{here} differs");
    }
    let (there, here) = (
        statistics(&world.path("before")),
        statistics(&world.path("after")),
    );
    let name = "user.user_id |> vocab";
    assert_eq!(here[&format!("old/{name}")], there[name]);
    assert_ne!(here[name], there[name], "the students fit their own");
}

#[test]
fn a_run_with_a_teacher_out_of_another_is_resumed_without_it() {
    let world = World::new();
    world.left(ONCE, "before");
    let plan = plan(FROM_A_RUN);
    let mut stop = StopAfter {
        epoch: 1,
        flag: &world.interrupted,
    };
    world.stopped(&plan, "after", &mut stop);
    fs::remove_dir_all(world.path("before")).unwrap();
    world.resumed(&plan, "after");
}

#[test]
fn a_run_of_another_structure_is_refused() {
    let world = World::new();
    let narrow = BASE.replace("mlp([8, 1]", "mlp([4, 1]");
    let text = format!("{narrow}{ONCE}");
    let other = compiled(&text);
    world
        .run(&other, "before", |_| {}, &mut Recorder::default())
        .unwrap();
    let run = |out| {
        world
            .run(&plan(FROM_A_RUN), out, |_| {}, &mut Recorder::default())
            .unwrap_err()
    };
    let failure = run("after");
    let diagnostic = &failure.diagnostics[0];
    assert_eq!(
        (diagnostic.code.0, failure.kind),
        (1032, FailureKind::Checkpoint)
    );
    assert!(
        diagnostic.notes.iter().any(|note| note
            .contains("`old.mlp.0.linear.weight` has shape [8, 4] there, and [8, 8] here")),
        "{diagnostic:?}"
    );
    fs::remove_dir_all(world.path("before")).unwrap();
    assert_eq!(
        run("again").kind,
        FailureKind::Checkpoint,
        "there is no such run"
    );
}
