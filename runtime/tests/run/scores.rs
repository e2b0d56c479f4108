//! Runs of students whose teacher is a table of scores.

use std::fs;

use reckon_compiler::plan::Plan;
use reckon_runtime::data::ScoresReport;
use reckon_runtime::observer::{Event, Recorder};

use crate::fixture::{World, compiled};

const SPEC: &str = r#"
use std.loss

entity user from "users.csv" { key user_id: int }
entity movie from "movies.csv" { key movie_id: int }

events rating from "ratings.csv" {
  user_id -> user
  movie_id -> movie
  label stars: float
  at: time
  group user_id
}

split rating by at { train 80%, test 20% }

features user { id = user_id |> vocab |> embed(8) }
features movie { id = movie_id |> vocab |> embed(8) }

teacher judge(u: user, m: movie) -> { liked: logit?, sure: f32? } from scores "scores/*.csv" as of at - 1d
weight bias: f32 = 0
"#;

const TRAIN: &str = "
train { minimize follow; batch 200; epochs 30; optimizer adam(lr: 0.02); embeddings adagrad(lr: 0.3) }
evaluate likes: ranking over rating {
  score dot(user.id, movie.id) + bias against stars >= 5
  report auc, gauc(user)
}
";

const DAY: i64 = 86_400;

/// Ratings of a month later, and what a judge said of most of them two days before, in two files. What it said at the time of a
/// row is the opposite, and no row may see it.
fn world() -> World {
    let world = World::new();
    let ratings = fs::read_to_string(world.path("ratings.csv")).unwrap();
    let mut lines = ratings.lines();
    let mut later = lines.next().unwrap().to_owned() + "\n";
    let mut files = ["user_id,movie_id,at,liked,sure\n".to_owned(), String::new()];
    files[1] = files[0].clone();
    for (row, line) in lines.enumerate() {
        let cells: Vec<i64> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        let [user, movie, stars, at] = cells[..] else {
            panic!("{line}");
        };
        let at = at + 30 * DAY;
        later += &format!("{user},{movie},{stars},{at}\n");
        let liked = if stars >= 5 { 2 } else { -2 };
        if row % 4 > 0 {
            files[row % 2] += &format!("{user},{movie},{},{liked},1\n", at - 2 * DAY);
        }
        files[row % 2] += &format!("{user},{movie},{at},{},0\n", -liked);
    }
    fs::write(world.path("ratings.csv"), later).unwrap();
    fs::create_dir(world.path("scores")).unwrap();
    for (at, text) in files.iter().enumerate() {
        fs::write(world.path(&format!("scores/{at}.csv")), text).unwrap();
    }
    world
}

fn plan(loss: &str) -> Plan {
    compiled(&format!("{SPEC}{loss}{TRAIN}"))
}

/// The events of a run, and a metric of its test rows.
fn run(world: &World, loss: &str, out: &str, metric: &str) -> (Vec<Event>, f64) {
    let mut recorder = Recorder::default();
    let result = world.run(&plan(loss), out, |_| {}, &mut recorder).unwrap();
    let report = result.reports.iter().find(|report| report.split == "test");
    (recorder.events, report.unwrap().metric(metric).unwrap())
}

const POINT: &str = "loss follow over rating = logit_regression(judge(user, movie).liked, dot(user.id, movie.id) + bias)";

#[test]
fn rows_without_a_score_of_the_day_before_are_left_out_and_counted() {
    let world = world();
    let (events, auc) = run(&world, POINT, "point", "auc");
    assert!(
        auc > 0.8,
        "{auc}: no row has seen what was said at its own time"
    );
    let read = events.iter().find_map(|event| match event {
        Event::ScoresRead(read) => Some(read.clone()),
        _ => None,
    });
    let expected = ScoresReport {
        teacher: "judge".to_owned(),
        source: "rating".to_owned(),
        rows: 800 + 600,
        found: 600,
        missing: 200,
    };
    assert_eq!(read, Some(expected));
    let rows = events.iter().find_map(|event| match event {
        Event::PhaseStarted { streams, .. } => Some(streams[0].1),
        _ => None,
    });
    assert_eq!(rows, Some(480), "three quarters of the rows that train");
}

#[test]
fn a_student_learns_the_order_of_pairs_and_lists_of_a_group() {
    let world = world();
    let losses = ["pairwise", "listnet"].map(|form| {
        format!(
            "loss follow over rating |> group(most: 20) {{
               let t = judge(user, movie).liked
               let s = dot(user.id, movie.id) + bias
               {form}(padded(t), padded(s), present: padded(zeros_like(s) + 1))
             }}"
        )
    });
    for (at, loss) in losses.iter().enumerate() {
        let (_, auc) = run(&world, loss, &format!("run{at}"), "gauc(user)");
        assert!(auc > 0.8, "{loss}: {auc}");
    }
}

#[test]
fn a_score_that_is_filled_leaves_no_row_out() {
    let world = world();
    let filled = "loss follow over rating = (dot(user.id, movie.id) + bias - fill(judge(user, movie).liked, 0.0)) ^ 2";
    let (events, _) = run(&world, filled, "filled", "auc");
    let rows = events.iter().find_map(|event| match event {
        Event::PhaseStarted { streams, .. } => Some(streams[0].1),
        _ => None,
    });
    assert_eq!(rows, Some(640));
}
