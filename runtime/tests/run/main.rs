//! Runs of a small plan from its data to its run directory.

#![expect(clippy::unwrap_used, reason = "tests may fail where they stand")]

mod accumulate;
mod bits;
mod columns;
mod daily;
mod daily_drawn;
mod daily_growing;
mod drawn;
mod files;
mod fixture;
mod held;
mod late;
mod nearest;
mod predict;
mod pretrained;
mod scores;
mod teachers;

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use bits::{assert_same, bits};
use fixture::{MOVIES, World, plan, step};
use reckon_runtime::observer::{Event, Observer, Recorder};
use reckon_runtime::run::{DeviceName, RunOptions, origin, recommend};
use reckon_runtime::{Failure, FailureKind};
use serde_json::Value;

#[track_caller]
fn failed(result: Result<impl std::fmt::Debug, Failure>, kind: FailureKind, code: u16) -> Failure {
    let failure = result.unwrap_err();
    assert_eq!(
        (failure.kind, failure.diagnostics[0].code.0),
        (kind, code),
        "{failure:?}"
    );
    failure
}

/// Sets a flag at the end of an epoch.
struct StopAfter<'a> {
    epoch: usize,
    flag: &'a AtomicBool,
}

impl Observer for StopAfter<'_> {
    fn notice(&mut self, event: &Event) {
        if matches!(event, Event::EpochFinished { epoch, .. } if *epoch == self.epoch) {
            self.flag.store(true, Ordering::Relaxed);
        }
    }
}

#[test]
fn training_learns_the_clusters_and_beats_popularity() {
    let world = World::new();
    let mut recorder = Recorder::default();
    let result = world
        .run(&plan(12, None), "run", |_| {}, &mut recorder)
        .unwrap();
    let report = &result.reports[1];
    let popularity = report.baselines[0].metrics[0].value.unwrap();
    assert_eq!(
        (report.split.as_str(), report.baselines[0].name.as_str()),
        ("test", "popularity")
    );
    assert!(
        report.metric("recall@5").unwrap() > popularity + 0.1,
        "{report:?}"
    );
    let losses: Vec<f64> = recorder
        .events
        .iter()
        .filter_map(|event| match event {
            Event::EpochFinished { losses, .. } => Some(losses[0].1),
            _ => None,
        })
        .collect();
    assert_eq!(losses.len(), 12);
    assert!(losses[11] < losses[0] - 0.3, "{losses:?}");
}

#[test]
fn a_run_directory_holds_what_the_contract_lists() {
    let world = World::new();
    world
        .run(&plan(1, None), "run", |_| {}, &mut Recorder::default())
        .unwrap();
    let run = world.path("run");
    for file in [
        "spec/two_tower.rec",
        "resolved.rec",
        "plan.txt",
        "settings.json",
        "metrics.jsonl",
        "summary.json",
        "timing.json",
        "checkpoint/manifest.json",
        "checkpoint/weights.safetensors",
        "export/film/weights.safetensors",
    ] {
        assert!(run.join(file).is_file(), "{file}");
    }
    assert!(
        !run.join("spec/std").exists(),
        "the library is not part of the spec"
    );
    let summary: Value =
        serde_json::from_slice(&fs::read(run.join("summary.json")).unwrap()).unwrap();
    assert!(summary["films"]["test"]["recall@5"].is_f64(), "{summary}");
    assert!(summary["films"]["valid"]["ndcg@5"].is_f64(), "{summary}");
    assert_eq!(
        (&summary["seed"], &summary["rows"]["movie"]["all"]),
        (&Value::from(7), &Value::from(MOVIES))
    );
    let report = &summary["reports"][1];
    assert_eq!(
        report["baselines"].as_object().unwrap().len(),
        3,
        "{report}"
    );
    assert_eq!(report["slices"].as_array().unwrap().len(), 4 + 3);
    assert!(report["intervals"]["recall@5"]["low"].is_f64());
    let origin = origin(&run).unwrap();
    assert_eq!((origin.seed, origin.settings["dim"].as_str()), (7, "8"));
    assert!(origin.spec.is_file());
}

#[test]
fn one_seed_gives_the_same_bits_with_one_thread_and_with_two() {
    let world = World::new();
    for (out, threads) in [("one", 1), ("two", 2)] {
        world
            .run(
                &plan(3, Some(5)),
                out,
                |options| options.threads = threads,
                &mut Recorder::default(),
            )
            .unwrap();
    }
    assert_same(&bits(&world.path("one")), &bits(&world.path("two")));
    world
        .run(
            &plan(3, Some(5)),
            "other",
            |options| options.seed = 8,
            &mut Recorder::default(),
        )
        .unwrap();
    let summary = |run: &str| fs::read(world.path(run).join("summary.json")).unwrap();
    assert_ne!(summary("one"), summary("other"));
}

#[test]
fn a_run_that_was_stopped_and_resumed_ends_with_the_same_bits() {
    let world = World::new();
    let plan = plan(6, Some(6));
    world
        .run(&plan, "whole", |_| {}, &mut Recorder::default())
        .unwrap();
    let mut stop = StopAfter {
        epoch: 3,
        flag: &world.interrupted,
    };
    world.stopped(&plan, "parts", &mut stop);
    assert!(!world.path("parts").join("summary.json").exists());
    let recorder = world.resumed(&plan, "parts");
    let epochs = recorder
        .events
        .iter()
        .filter(|event| matches!(event, Event::EpochFinished { .. }))
        .count();
    assert_eq!(epochs, 3, "the first three are not trained again");
    assert_same(&bits(&world.path("whole")), &bits(&world.path("parts")));
}

#[test]
fn early_stopping_ends_with_the_weights_of_the_best_epoch() {
    let world = World::new();
    let mut recorder = Recorder::default();
    let result = world
        .run(&plan(60, Some(2)), "run", |_| {}, &mut recorder)
        .unwrap();
    let mut watched = Vec::new();
    let mut stopped = None;
    for event in &recorder.events {
        match event {
            Event::Evaluated {
                during: Some((_, epoch, _)),
                report,
            } => {
                watched.push((*epoch, report.metric("recall@5").unwrap()));
            }
            Event::StoppedEarly {
                epoch,
                best_epoch,
                best,
                ..
            } => stopped = Some((*epoch, *best_epoch, *best)),
            _ => {}
        }
    }
    let (epoch, best_epoch, best) = stopped.unwrap();
    assert_eq!(epoch, best_epoch + 2);
    assert!(watched.iter().all(|(_, value)| *value <= best));
    assert_eq!(watched[best_epoch - 1], (best_epoch, best));
    assert_eq!(
        result.reports[0].metric("recall@5"),
        Some(best),
        "the final model is that of the best epoch"
    );
}

#[test]
fn a_loss_that_is_not_finite_stops_the_run_and_names_the_op() {
    let world = World::new();
    let forward = include_str!("diverging.graph");
    let mut plan = plan(3, None);
    plan.phases[0].step = step(forward);
    let failure = failed(
        world.run(&plan, "run", |_| {}, &mut Recorder::default()),
        FailureKind::Diverged,
        1020,
    );
    let diagnostic = &failure.diagnostics[0];
    assert!(diagnostic.message.contains("of `train`"), "{diagnostic:?}");
    assert!(diagnostic.notes[0].contains("`Log"), "{diagnostic:?}");
    assert!(diagnostic.notes[1].contains("`user.id`"), "{diagnostic:?}");
}

#[test]
fn a_checkpoint_of_another_model_is_refused() {
    let world = World::new();
    let narrow = plan(1, None);
    world
        .run(&narrow, "run", |_| {}, &mut Recorder::default())
        .unwrap();
    let mut wide = plan(2, None);
    let param = wide.phases[0]
        .step
        .graph
        .params
        .get_mut("viewer.weight")
        .unwrap();
    param.ty.dims[1] = reckon_compiler::graph::Dim::Fixed(9);
    let resumed = world.run(
        &wide,
        "run",
        |options| options.resume = true,
        &mut Recorder::default(),
    );
    let failure = failed(resumed, FailureKind::Checkpoint, 1032);
    assert!(
        failure.diagnostics[0].notes[0].contains("`viewer.weight`"),
        "{failure:?}"
    );
}

#[test]
fn a_directory_that_is_in_use_is_not_overwritten_and_one_without_a_checkpoint_is_not_resumed() {
    let world = World::new();
    fs::create_dir(world.path("run")).unwrap();
    fs::write(world.path("run").join("mine.txt"), "mine").unwrap();
    let run = |resume| {
        world.run(
            &plan(1, None),
            "run",
            |options| options.resume = resume,
            &mut Recorder::default(),
        )
    };
    failed(run(false), FailureKind::Data, 1022);
    failed(run(true), FailureKind::Checkpoint, 1030);
    let names: Vec<_> = fs::read_dir(world.path("run")).unwrap().collect();
    assert_eq!(names.len(), 1, "nothing was written");
}

#[test]
fn a_run_of_another_spec_is_not_resumed_and_stays_as_it_is() {
    let world = World::new();
    let plan = plan(1, None);
    world
        .run(&plan, "run", |_| {}, &mut Recorder::default())
        .unwrap();
    let before = bits(&world.path("run"));
    fs::write(world.path("run/plan.txt"), "another plan\n").unwrap();
    let resumed = world.run(
        &plan,
        "run",
        |options| options.resume = true,
        &mut Recorder::default(),
    );
    let failure = failed(resumed, FailureKind::Checkpoint, 1032);
    assert_eq!(
        failure.diagnostics[0].notes,
        ["line 1 of its plan has `another plan`, where the spec has `plan`"]
    );
    fs::write(world.path("run/plan.txt"), "plan\n").unwrap();
    assert_same(&before, &bits(&world.path("run")));
}

#[test]
fn a_run_that_ended_before_its_first_checkpoint_is_resumed_from_the_beginning_with_its_seed() {
    let world = World::new();
    let plan = plan(2, None);
    world
        .run(&plan, "run", |_| {}, &mut Recorder::default())
        .unwrap();
    let whole = bits(&world.path("run"));
    for name in ["checkpoint", "export"] {
        fs::remove_dir_all(world.path("run").join(name)).unwrap();
    }
    fs::remove_file(world.path("run/summary.json")).unwrap();
    let resume = |options: &mut RunOptions<'_>| (options.resume, options.seed) = (true, 99);
    world
        .run(&plan, "run", resume, &mut Recorder::default())
        .unwrap();
    assert_same(&whole, &bits(&world.path("run")));
}

#[test]
fn a_missing_file_is_a_fault_of_the_data() {
    let world = World::new();
    fs::remove_file(world.path("ratings.csv")).unwrap();
    let result = world.run(&plan(1, None), "run", |_| {}, &mut Recorder::default());
    assert_eq!(result.unwrap_err().kind, FailureKind::Data);
    assert!(
        !world.path("run").exists(),
        "the name is free for the next attempt"
    );
}

#[test]
fn a_finished_run_is_evaluated_again_with_the_same_result() {
    let world = World::new();
    let plan = plan(2, None);
    let result = world
        .run(&plan, "run", |_| {}, &mut Recorder::default())
        .unwrap();
    let again = world.eval(&plan, "run", "test").unwrap();
    assert_eq!(again[0], result.reports[1]);
    let unknown = world.eval(&plan, "run", "tset");
    let failure = failed(unknown, FailureKind::Data, 1024);
    assert_eq!(
        failure.diagnostics[0].help.as_deref(),
        Some("perhaps `test` is meant")
    );
}

#[test]
fn recommendations_leave_out_what_the_user_had_and_unknown_users_take_the_cold_path() {
    let world = World::new();
    let plan = plan(8, None);
    world
        .run(&plan, "run", |_| {}, &mut Recorder::default())
        .unwrap();
    let ask = |user: &str| {
        recommend(
            &world.path("run"),
            &plan,
            world.root(),
            user,
            4,
            DeviceName::Cpu,
        )
        .unwrap()
    };
    let known = ask("103");
    let ratings = fs::read_to_string(world.path("ratings.csv")).unwrap();
    for item in &known.items {
        assert!(
            !ratings.contains(&format!("\n103,{},", item.key)),
            "{item:?} was rated"
        );
        assert_eq!(
            item.columns,
            [("title".to_owned(), format!("Film {}", item.key))]
        );
    }
    assert_eq!(known.items.len(), 4);
    assert!(known.items.is_sorted_by(|a, b| a.score >= b.score));
    assert_eq!(
        known.notes,
        ["20 items are left out because `103` had them"]
    );
    let unknown = ask("nobody");
    assert_eq!(unknown.items.len(), 4);
    assert!(
        unknown.notes[0].starts_with("there is no `user` with the key nobody"),
        "{unknown:?}"
    );
}
