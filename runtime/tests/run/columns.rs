//! Runs of specs with columns that the run computes: values, folds, resumption, and what they may not change.

use std::collections::BTreeMap;
use std::fs;

use reckon_compiler::plan::Plan;
use reckon_runtime::observer::{Event, Recorder};
use serde_json::Value;

use crate::StopAfter;
use crate::bits::{assert_same, bits};
use crate::fixture::{World, compiled};

const BASE: &str = r#"
use std.tower.mlp
use std.confidence.local_confidence
use std.loss.confident_bce

entity user from "users.csv" {
  key user_id: int
  label clicks = count(rating where stars >= 5, by: user)
}
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
"#;

const TEACHER: &str = r"
teacher first like ranker
loss learn for first over rating = bce(first(user, movie), stars >= 5)
train teaching { minimize learn; batch 64; epochs 2 }
";

/// Confidence as weight, of a teacher with folds.
fn distilled(lambda: f64) -> String {
    format!(
        "{TEACHER}
         column g over rating where stars >= 5 cross_fit 3 by user = sigmoid(first(user, movie))
         column c over rating where stars >= 5 =
           local_confidence(g, group: quantiles(user.raw.clicks, 2), min_group: 5)
         loss main over rating =
           confident_bce(ranker(user, movie), stars >= 5, fill(c, 1.0), lambda: {lambda})
         train rest {{ minimize main; batch 64; epochs 2 }}"
    )
}

fn plan(rest: &str) -> Plan {
    compiled(&format!("{BASE}{rest}"))
}

impl World {
    /// Runs a spec and gives the tensors that it leaves.
    fn weights_of(&self, rest: &str, out: &str) -> BTreeMap<String, Vec<u8>> {
        self.run(&plan(rest), out, |_| {}, &mut Recorder::default())
            .unwrap();
        crate::teachers::weights(&self.path(out))
    }

    /// The lines of a column of a run.
    fn column(&self, out: &str, name: &str) -> Vec<Value> {
        let text =
            fs::read_to_string(self.path(out).join(format!("columns/{name}.jsonl"))).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    }

    /// Rewrites the ratings line by line: `user, movie, stars, at`.
    fn rewrite(&self, change: impl Fn([i64; 4]) -> [i64; 4]) {
        let text = fs::read_to_string(self.path("ratings.csv")).unwrap();
        let mut lines = text.lines();
        let mut changed = format!("{}\n", lines.next().unwrap());
        for line in lines {
            let numbers: Vec<i64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
            let [user, movie, stars, at] = change(numbers.try_into().unwrap());
            changed += &format!("{user},{movie},{stars},{at}\n");
        }
        fs::write(self.path("ratings.csv"), changed).unwrap();
    }
}

fn values(lines: &[Value]) -> Vec<f64> {
    lines
        .iter()
        .map(|line| line["value"].as_f64().unwrap())
        .collect()
}

#[test]
fn without_weight_a_distilled_run_ends_with_the_bits_of_the_plain_one() {
    let world = World::new();
    let plain = world.weights_of(
        "loss main over rating = bce(ranker(user, movie), stars >= 5)
         train rest { minimize main; batch 64; epochs 2 }",
        "plain",
    );
    let distilled_run = world.weights_of(&distilled(0.0), "distilled");
    for (name, bytes) in &plain {
        assert!(*bytes == distilled_run[name], "{name} differs");
    }
    let weighed = world.weights_of(&distilled(0.5), "weighed");
    assert!(plain.iter().any(|(name, bytes)| *bytes != weighed[name]));
}

#[test]
fn over_all_splits_rows_of_evaluation_have_values_and_those_of_training_stay_as_they_are() {
    let world = World::new();
    let spec = distilled(0.5);
    world.weights_of(&spec, "training");
    let everywhere = spec.replace(
        "where stars >= 5 cross_fit",
        "where stars >= 5 over all splits cross_fit",
    );
    let everywhere = everywhere.replace(
        "where stars >= 5 =\n",
        "where stars >= 5 over all splits =\n",
    );
    let asked = "evaluate sure: ranking over rating where stars >= 5 {
      score fill(c, 1.0) against stars >= 6
      report auc, logloss
    }";
    world.weights_of(&format!("{everywhere}\n{asked}"), "everywhere");
    for name in ["g", "c"] {
        let (few, many) = (
            world.column("training", name),
            world.column("everywhere", name),
        );
        assert!(many.len() > few.len(), "{name}");
        // A product of more rows may add up in another order, as the processor has it, and a standard score enlarges that.
        let is_close = |a: &Value, b: &Value| {
            let [x, y] = [a, b].map(|line| line["value"].as_f64().unwrap());
            a["row"] == b["row"] && (x - y).abs() < 1e-4
        };
        let stays = |line: &Value| many.iter().any(|other| is_close(line, other));
        assert!(few.iter().all(stays), "{name}");
    }
    let summary = fs::read_to_string(world.path("everywhere/summary.json")).unwrap();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    assert!(summary["sure"]["test"]["logloss"].is_number(), "{summary}");
}

#[test]
fn no_value_of_a_row_depends_on_the_labels_of_its_fold() {
    let spec = format!(
        "{TEACHER}\ncolumn g over rating cross_fit 3 by user = sigmoid(first(user, movie))"
    );
    let world = World::new();
    world
        .run(&plan(&spec), "true", |_| {}, &mut Recorder::default())
        .unwrap();
    let honest = world.column("true", "g");
    let fold_of = |user: &str| {
        let mut lines = honest.iter();
        lines.find(|line| line["of"]["user"] == user).unwrap()["fold"].clone()
    };
    for line in &honest {
        assert_eq!(line["fold"], fold_of(line["of"]["user"].as_str().unwrap()));
    }
    let folds: std::collections::BTreeSet<i64> = honest
        .iter()
        .map(|line| line["fold"].as_i64().unwrap())
        .collect();
    assert_eq!(folds, [0, 1, 2].into());
    // The labels of all users of one fold are turned around.
    let liar = fold_of("100");
    world.rewrite(|[user, movie, stars, at]| {
        let lies = fold_of(&user.to_string()) == liar;
        [user, movie, if lies { 10 - 2 * stars } else { stars }, at]
    });
    world
        .run(&plan(&spec), "lies", |_| {}, &mut Recorder::default())
        .unwrap();
    let lied = world.column("lies", "g");
    assert_eq!(honest.len(), lied.len());
    let mut elsewhere = 0;
    for (before, after) in honest.iter().zip(&lied) {
        if before["fold"] == liar {
            assert_eq!(before["value"], after["value"], "row {}", before["row"]);
        } else {
            elsewhere += usize::from(before["value"] != after["value"]);
        }
    }
    assert!(elsewhere > 0, "other folds learn from those labels");
}

#[test]
fn a_column_without_folds_is_what_its_tower_says() {
    let world = World::new();
    let spec = format!(
        "{TEACHER}
         column g over rating over all splits = first(user, movie)
         evaluate said: ranking over rating {{ score first(user, movie) against stars >= 5; report auc }}"
    );
    world
        .run(&plan(&spec), "out", |_| {}, &mut Recorder::default())
        .unwrap();
    let column = world.column("out", "g");
    assert_eq!(column.len(), 800, "every row of every split");
    let predictions = fs::read_to_string(world.path("out/predictions/said.test.jsonl")).unwrap();
    let mut compared = 0;
    for line in predictions.lines() {
        let said: Value = serde_json::from_str(line).unwrap();
        let row = said["row"].as_u64().unwrap() as usize;
        let (kept, scored) = (
            column[row]["value"].as_f64().unwrap(),
            said["score"].as_f64().unwrap(),
        );
        assert_eq!(kept as f32, scored as f32, "row {row}");
        compared += 1;
    }
    assert_eq!(compared, 80);
}

#[test]
fn a_run_that_goes_on_keeps_its_columns_and_ends_with_the_same_bits() {
    let world = World::new();
    let plan = plan(&distilled(0.5));
    let mut whole = Recorder::default();
    world.run(&plan, "whole", |_| {}, &mut whole).unwrap();
    let computed = |recorder: &Recorder| {
        let events = recorder.events.iter();
        events
            .filter(|event| matches!(event, Event::ColumnComputed { .. }))
            .count()
    };
    assert_eq!(computed(&whole), 2);
    let mut stop = StopInSecond {
        inner: StopAfter {
            epoch: 1,
            flag: &world.interrupted,
        },
        phase: "rest",
    };
    world.stopped(&plan, "parts", &mut stop);
    let rest = world.resumed(&plan, "parts");
    assert_eq!(computed(&rest), 0, "they are in the checkpoint");
    assert_same(&bits(&world.path("whole")), &bits(&world.path("parts")));
    assert_eq!(world.column("whole", "c"), world.column("parts", "c"));
}

/// Passes on what happens in one training.
struct StopInSecond<'a> {
    inner: StopAfter<'a>,
    phase: &'static str,
}

impl reckon_runtime::observer::Observer for StopInSecond<'_> {
    fn notice(&mut self, event: &Event) {
        if matches!(event, Event::EpochFinished { phase, .. } if phase == self.phase) {
            self.inner.notice(event);
        }
    }
}

/// The clicks of the golden values: two groups of three clicks, with a score each.
fn golden(value: &str) -> Vec<f64> {
    let world = World::new();
    fs::write(world.path("users.csv"), "user_id\n0\n1\n").unwrap();
    let rows = [
        (0, 9),
        (0, 6),
        (0, 3),
        (1, 5),
        (1, 3),
        (1, 1),
        (0, 0),
        (1, 0),
    ];
    let mut text = "user_id,movie_id,stars,at\n".to_owned();
    for (at, (user, tenths)) in rows.iter().enumerate() {
        text += &format!("{user},{at},{tenths},{at}\n");
    }
    fs::write(world.path("ratings.csv"), text).unwrap();
    let spec = format!(
        "column g over rating where stars > 0 = stars / 10
         column c over rating where stars > 0 = {value}
         loss main over rating = bce(ranker(user, movie), stars > 0)
         train {{ minimize main; batch 8 }}"
    );
    let spec = format!("{BASE}{spec}")
        .replace("split rating by at { train 80%, valid 10%, test 10% }", "");
    let plan = compiled(&spec);
    world
        .run(&plan, "out", |_| {}, &mut Recorder::default())
        .unwrap();
    values(&world.column("out", "c"))
}

#[track_caller]
fn assert_near(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-5, "{found} is not {expected}");
    }
}

#[test]
fn confidence_has_its_golden_values() {
    assert_near(
        &golden("local_confidence(g, group: user, min_group: 1)"),
        &[1.545_795, 1.0, 0.454_205, 1.545_795, 1.0, 0.454_205],
    );
    assert_near(
        &golden("local_confidence(g, group: user, form: mean_ratio, min_group: 1)"),
        &[1.5, 1.0, 0.5, 1.666_667, 1.0, 0.333_333],
    );
    assert_near(
        &golden("local_confidence(g, group: user, form: rank, normalise: none, min_group: 1)"),
        &[2.0, 1.1, 0.2, 2.0, 1.1, 0.2],
    );
    assert_near(
        &golden(
            "local_confidence(g, group: user, form: threshold, rho: 0.5, low: 0.0, normalise: none, min_group: 1)",
        ),
        &[1.0, 1.0, 0.0, 1.0, 1.0, 0.0],
    );
}

#[test]
fn a_small_group_takes_the_statistics_of_all_clicks() {
    let all = [0.9, 0.6, 0.3, 0.5, 0.3, 0.1_f64];
    let mean = all.iter().sum::<f64>() / 6.0;
    let expected: Vec<f64> = all.iter().map(|g| (g / mean).clamp(0.2, 2.0)).collect();
    assert_near(
        &golden(
            "local_confidence(g, group: user, form: mean_ratio, normalise: none, min_group: 4)",
        ),
        &expected,
    );
}

#[test]
fn a_constant_confidence_weighs_nothing() {
    assert_eq!(
        golden("local_confidence(g * 0.0 + 0.7, group: user, min_group: 1)"),
        [1.0; 6]
    );
}
