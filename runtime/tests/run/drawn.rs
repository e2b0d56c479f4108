//! Runs over rows that are drawn beside others: computed labels in losses, and evaluations that draw, weigh and thin out.

use std::fs;

use reckon_compiler::plan::Plan;
use reckon_runtime::evaluate::Report;
use reckon_runtime::observer::Recorder;
use serde_json::Value;

use crate::fixture::{USERS, World, compiled};

/// A label that is computed from plain columns of its own row, as a target program has it.
const SPEC: &str = r#"
entity user from "users.csv" { key user_id: int }
entity movie from "movies.csv" { key movie_id: int }

events rating from "ratings.csv" {
  user_id -> user
  movie_id -> movie
  label stars: float
  label click = stars >= 3
  label seconds: float
  known length: float
  label read = click and seconds > mean(rating where click, seconds, by: quantiles(length, 2))
  at: time
}

split rating by at { train 80%, valid 10%, test 10% }

features user { id = user_id |> vocab |> embed(4) }
features movie { id = movie_id |> vocab |> embed(4) }
weight bias: f32 = 0

selector pool = rating where click |> negatives(movie, 4, by: count(movie), except: clicked)

loss reads over pool = bce(dot(user.id, movie.id) + bias, read)
train { minimize reads; batch 640; epochs 12; optimizer adam(lr: 0.05); embeddings adagrad(lr: 0.5) }
"#;

/// The ratings with how long each took; the films that a user likes are seen to the end.
fn world() -> World {
    let world = World::new();
    let ratings = fs::read_to_string(world.path("ratings.csv")).unwrap();
    let timed = |(at, line): (usize, &str)| match at {
        0 => format!("{line},seconds,length\n"),
        _ => {
            let stars: f64 = line.split(',').nth(2).unwrap().parse().unwrap();
            let length = 60 + at % 2 * 60;
            format!("{line},{},{length}\n", stars * length as f64 / 5.0)
        }
    };
    let text: String = ratings.lines().enumerate().map(timed).collect();
    fs::write(world.path("ratings.csv"), text).unwrap();
    world
}

fn plan(evaluations: &str) -> Plan {
    compiled(&format!("{SPEC}{evaluations}"))
}

impl World {
    /// The report of an evaluation on test rows, and what was said of each row.
    fn evaluated(&self, plan: &Plan, name: &str, out: &str, seed: u64) -> (Report, Vec<Value>) {
        let adjust = |options: &mut reckon_runtime::run::RunOptions<'_>| options.seed = seed;
        let result = self
            .run(plan, out, adjust, &mut Recorder::default())
            .unwrap();
        let is_it = |report: &&Report| report.evaluation == name && report.split == "test";
        let report = result.reports.iter().find(is_it).unwrap().clone();
        let path = format!("predictions/{name}.test.jsonl");
        let said = fs::read_to_string(self.path(out).join(path)).unwrap();
        let said = said.lines().map(|line| serde_json::from_str(line).unwrap());
        (report, said.collect())
    }
}

#[test]
fn an_evaluation_draws_the_same_rows_in_every_run_and_knows_their_labels() {
    let plan = plan(
        "evaluate likes: ranking over pool {
           score dot(user.id, movie.id) + bias against read
           report auc, logloss(correct: log_q), logloss(correct: none)
           interval by user
         }",
    );
    let world = world();
    let (report, said) = world.evaluated(&plan, "likes", "one", 1);
    let (_, again) = world.evaluated(&plan, "likes", "other", 2);
    let drawn: Vec<&Value> = said
        .iter()
        .filter(|one| one.get("drawn").is_some())
        .collect();
    assert_eq!(said.len(), report.count);
    assert_eq!(drawn.len(), 4 * (said.len() - drawn.len()));
    assert!(drawn.iter().all(|one| one["label"] == 0.0));
    let own = said.iter().filter(|one| one.get("drawn").is_none());
    let read = own.clone().filter(|one| one["label"] == 1.0).count();
    assert!(
        0 < read && read < own.count(),
        "some of the clicked are read"
    );
    let which =
        |said: &[Value]| -> Vec<Value> { said.iter().map(|one| one["of"].clone()).collect() };
    assert_eq!(
        which(&said),
        which(&again),
        "the seed of a run draws nothing here"
    );
    assert_ne!(said, again, "and the models differ");
    assert!(report.metric("auc").unwrap() > 0.7, "{report:?}");
    // All films instead of four: positives are rarer, and what is said of them is not as wrong.
    let (all, pool) = (
        report.metric("logloss(correct: log_q)").unwrap(),
        report.metric("logloss(correct: none)").unwrap(),
    );
    assert!((all - pool).abs() > 0.01, "{all} {pool}");
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("drawn beside"))
    );
}

#[test]
fn rows_count_by_their_weight_and_those_left_out_at_random_are_made_up_for() {
    let plan = plan(
        "evaluate whole: ranking over rating {
           score dot(user.id, movie.id) + bias against stars >= 4
           report auc, logloss
         }
         evaluate thin: ranking over rating |> down_sample(stars < 4, 50%) |> weigh(length / 60) {
           score dot(user.id, movie.id) + bias against stars >= 4
           report auc, logloss(correct: log_q)
         }",
    );
    let world = world();
    let (whole, all) = world.evaluated(&plan, "whole", "run", 1);
    let (thin, said) = world.evaluated(&plan, "thin", "again", 1);
    assert!(said.len() < all.len() && said.len() > all.len() / 3);
    let weight = |one: &Value| {
        one.get("weight")
            .map_or(1.0, |weight| weight.as_f64().unwrap())
    };
    assert!(said.iter().all(|one| [1.0, 2.0].contains(&weight(one))));
    let count = |one: &Value| {
        one.get("log_count")
            .map_or(0.0, |log| log.as_f64().unwrap())
    };
    let half = 0.5_f64.ln();
    for one in &said {
        let expected = if one["label"] == 0.0 { half } else { 0.0 };
        assert!((count(one) - expected).abs() < 1e-6, "{one}");
    }
    let by_hand: (f64, f64) = said.iter().fold((0.0, 0.0), |(sum, total), one| {
        let (score, label) = (
            one["score"].as_f64().unwrap(),
            one["label"].as_f64().unwrap(),
        );
        let weight = weight(one) * (-count(one)).exp();
        let loss = score.max(0.0) - score * label + (-score.abs()).exp().ln_1p();
        (sum + weight * loss, total + weight)
    });
    let found = thin.metric("logloss(correct: log_q)").unwrap();
    assert!((found - by_hand.0 / by_hand.1).abs() < 1e-6);
    assert!(whole.count == all.len() && whole.count > USERS);
}
