//! Rows that a finished run is asked about: a file of raw rows gives what the evaluation of the same rows gave.

use std::fs;

use reckon_compiler::plan::Plan;
use reckon_runtime::observer::Recorder;
use reckon_runtime::run::{DeviceName, Predictions, predict};
use serde_json::Value;

use crate::fixture::{World, compiled};

const SPEC: &str = r#"
use std.loss
use std.tower

entity user from "users.csv" { key user_id: int }
entity movie from "movies.csv" { key movie_id: int; title: str }

events rating from "ratings.csv" {
  user_id -> user
  movie_id -> movie
  label stars: float
  at: time
}

split rating by at per user { train 80%, test 20% }

features user { id = user_id |> vocab |> embed(8) }
features movie {
  id = movie_id |> vocab |> embed(8)
  words = title |> lower |> split(" ") |> hash(64) |> embed(4) |> mean
}
features rating {
  recent = history(rating of user where stars >= 4, last: 5).movie.id |> mean
  stars = history(rating of movie, last: 5).raw.stars |> mean
  hour = at |> hour |> embed(4)
}

tower taste(u: user, m: movie, r: rating) -> logit = concat(u, m, r) |> mlp([16, 1]) |> squeeze
loss main over rating = bce(taste(user, movie, rating), stars >= 5)
train { minimize main; batch 100; epochs 3 }
evaluate likes: ranking over rating {
  score taste(user, movie, rating) against stars >= 5
  report auc
}
"#;

fn trained() -> (World, Plan) {
    let world = World::new();
    let plan = compiled(SPEC);
    world
        .run(&plan, "run", |_| {}, &mut Recorder::default())
        .unwrap();
    (world, plan)
}

fn asked(world: &World, plan: &Plan, rows: &str) -> Predictions {
    fs::write(world.path("rows.jsonl"), rows).unwrap();
    let (run, rows) = (world.path("run"), world.path("rows.jsonl"));
    let answer = predict(&run, plan, world.root(), &rows, None, DeviceName::Cpu);
    answer.unwrap_or_else(|failure| panic!("{failure:?}"))
}

/// The row of the ratings and the score of each test row, as the run has kept them.
fn kept(world: &World) -> Vec<(usize, f32)> {
    let text = fs::read_to_string(world.path("run/predictions/likes.test.jsonl")).unwrap();
    let one = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let row = line["row"].as_u64().unwrap() as usize;
        (row, line["score"].as_f64().unwrap() as f32)
    };
    text.lines().map(one).collect()
}

/// A rating as a raw row, without its label.
fn raw(world: &World, row: usize) -> String {
    let ratings = fs::read_to_string(world.path("ratings.csv")).unwrap();
    let line = ratings.lines().nth(row + 1).unwrap();
    let cells: Vec<&str> = line.split(',').collect();
    format!(
        "{{\"user_id\": {}, \"movie_id\": {}, \"at\": {}}}\n",
        cells[0], cells[1], cells[3]
    )
}

#[test]
fn raw_rows_get_the_scores_that_their_evaluation_gave() {
    let (world, plan) = trained();
    let kept = kept(&world);
    assert_eq!(kept.len(), 160);
    let rows: String = kept.iter().map(|(row, _)| raw(&world, *row)).collect();
    let answer = asked(&world, &plan, &rows);
    let scores: Vec<f32> = answer.rows.iter().map(|row| row.score).collect();
    let expected: Vec<f32> = kept.iter().map(|(_, score)| *score).collect();
    assert_eq!(scores, expected);
    assert_eq!(answer.notes, Vec::<String>::new());
    // One row alone is what it is among others, but for the order in which a matrix product adds.
    for (row, score) in kept.iter().step_by(20) {
        let alone = asked(&world, &plan, &raw(&world, *row)).rows.remove(0);
        assert!(
            (alone.score - score).abs() < 1e-5,
            "{} {score}",
            alone.score
        );
    }
}

#[test]
fn what_a_file_does_not_have_is_told() {
    let (world, plan) = trained();
    let now = asked(&world, &plan, "{\"user_id\": 100, \"movie_id\": 3}\n");
    assert_eq!(
        now.notes,
        ["rows.jsonl has no column `at`: rows come after everything that has happened"]
    );
    let said = |rows: &str, by: Option<&str>| {
        fs::write(world.path("rows.jsonl"), rows).unwrap();
        let (run, rows) = (world.path("run"), world.path("rows.jsonl"));
        let failure = predict(&run, &plan, world.root(), &rows, by, DeviceName::Cpu).unwrap_err();
        let first = failure.diagnostics[0].clone();
        let help = first.help.map(|help| format!(" ({help})"));
        format!(
            "{}: {}{}",
            first.code,
            first.message,
            help.unwrap_or_default()
        )
    };
    let mend = "(mend the row: the model was trained with the spec as it is)";
    assert_eq!(
        said("{\"user_id\": 100, \"at\": 5}\n", None),
        "E1002: rows.jsonl has no column `movie_id`"
    );
    assert_eq!(
        said(
            "{\"user_id\": 100, \"movie_id\": 3, \"at\": 5}\n{\"user_id\": 7, \"movie_id\": 3, \"at\": 5}\n",
            None
        ),
        format!("E1008: rows.jsonl row 2 (line 2): there is no `user` with the key 7 {mend}")
    );
    assert_eq!(
        said("{\"user_id\": \"x\", \"movie_id\": 3, \"at\": 5}\n", None),
        format!(
            "E1003: rows.jsonl row 1 (line 1): column `user_id` expects int, found `\"x\"` {mend}"
        )
    );
    assert_eq!(
        said(
            "{\"user_id\": 100, \"movie_id\": 3, \"at\": 5}\n{\"user_id\"",
            None
        ),
        "E1042: `rows.jsonl` line 2: expected an object: the line breaks off at column 10"
    );
    assert!(said("{}\n", Some("liked")).contains("the spec has no ranking `liked`"));
}
