//! A second stream leaves the first as it is: with the weight 0 the second task changes no bit of the model.

#![cfg(feature = "torch")]
#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

const SPEC: &str = r#"
use std.tower.mlp
use std.loss.info_nce
use std.augment.correlated_masks

setting alpha = 0.0

entity user from "users.csv" { key user_id: int }
entity movie from "movies.csv" {
  key movie_id: int
  genres: str
  maker: str
}

events rating from "ratings.csv" {
  user_id -> user
  movie_id -> movie
  label stars: float
  at: time
}

split rating by at { train 70%, valid 10%, test 20% }

features user { id = user_id |> vocab |> embed(8) }
features movie {
  id     = movie_id |> vocab(drop: 0.1) |> embed(8)
  genres = genres |> split("|") |> vocab |> embed(4) |> mean
  maker  = maker |> vocab |> embed(4)
}

tower viewer(u: user) -> f32[8] = concat(u) |> mlp([16, 8], dropout: 0.2) |> normalize
tower film(m: movie) -> f32[8] = concat(m) |> mlp([16, 8], dropout: 0.2) |> normalize

loss main over rating where stars >= 4 {
  let c = in_batch(movie)
  softmax_loss(dot(viewer(user), film(c)), c, temperature: 0.1)
}

loss self over movie |> sample(uniform) batch 8 {
  let v = correlated_masks(movie, value_dropout: 0.2)
  info_nce(film(v.a), film(v.b), temperature: 0.1)
}

train {
  minimize OBJECTIVE
  batch 16
  epochs 3
}

evaluate films: retrieval over rating where stars >= 4 {
  rank movie by dot(viewer(user), film(movie))
  report recall@5, ndcg@5
  baselines none
}
"#;

fn world(folder: &Path) {
    let (mut users, mut movies) = ("user_id\n".to_owned(), "movie_id,genres,maker\n".to_owned());
    let mut ratings = "user_id,movie_id,stars,at\n".to_owned();
    for movie in 0..20 {
        writeln!(
            movies,
            "{movie},g{}|h{},m{}",
            movie % 3,
            movie % 5,
            movie % 4
        )
        .unwrap();
    }
    for user in 0..15 {
        writeln!(users, "{user}").unwrap();
        for at in 0..12 {
            let (movie, stars) = ((user * 3 + at * 7) % 20, 3 + (user + at) % 3);
            writeln!(ratings, "{user},{movie},{stars},{}", at * 100 + user).unwrap();
        }
    }
    for (name, text) in [
        ("users.csv", users),
        ("movies.csv", movies),
        ("ratings.csv", ratings),
    ] {
        std::fs::write(folder.join(name), text).unwrap();
    }
}

/// The metrics and the losses of the main task, as the run wrote them.
fn run(folder: &Path, objective: &str, out: &str) -> (serde_json::Value, Vec<String>) {
    let spec = format!("{out}.rec");
    std::fs::write(folder.join(&spec), SPEC.replace("OBJECTIVE", objective)).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_reckon"))
        .args(["run", &spec, "--seed", "5", "--out", out])
        .current_dir(folder)
        .output()
        .unwrap();
    let messages = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{messages}");
    let read = |name: &str| std::fs::read_to_string(folder.join(out).join(name)).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&read("summary.json")).unwrap();
    let main = |line: &str| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        event["main"]
            .as_f64()
            .map(|loss| format!("{:x}", loss.to_bits()))
    };
    let losses = read("metrics.jsonl").lines().filter_map(main).collect();
    (summary["films"].clone(), losses)
}

#[test]
fn a_second_task_of_weight_0_leaves_the_two_towers_bit_for_bit_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    world(folder.path());
    let base = run(folder.path(), "main", "base");
    let idle = run(folder.path(), "main + alpha * self", "idle");
    assert!(base.0["test"]["recall@5"].is_number(), "{:?}", base.0);
    assert_eq!(base.1.len(), 3, "a loss an epoch");
    assert_eq!(base, idle);
    let trained = run(folder.path(), "main + 0.5 * self", "both");
    assert_ne!(base.1, trained.1, "with a weight it does change the model");
}
