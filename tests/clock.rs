//! `epoch` and `step` in losses and towers.

#![cfg(feature = "torch")]
#![allow(clippy::unwrap_used)]

mod ratings;

use std::fs;
use std::process::Command;

use ratings::ratings;

const SPEC: &str = r#"
entity user from "users.csv" { key user_id: int }
entity movie from "movies.csv" { key movie_id: int }

events rating from "ratings.csv" {
  user_id -> user
  movie_id -> movie
  label stars: float
  at: time
}

split rating by at { train 50%, test 50% }

features movie { id = movie_id |> vocab |> embed(4) }
features user { id = user_id |> vocab |> embed(4) }

tower viewer(u: user) -> f32[4] = concat(u) * where(step < 1000, 0.5, 2.0)
tower film(m: movie) -> f32[4] = concat(m)

loss main over rating = 1000 * epoch + step + where(epoch < 2, 0.0, 0.25) + 0.0 * dot(viewer(user), film(movie))

train {
  minimize main
  batch 120
  epochs 4
}

evaluate likes: ranking over rating {
  score dot(viewer(user), film(movie)) against stars >= 4
  report auc
}
"#;

#[test]
fn losses_count_epochs_and_steps_from_zero_and_change_with_them() {
    let data = ratings();
    fs::write(data.path().join("main.rec"), SPEC).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_reckon"))
        .args(["run", "main.rec", "--seed", "1", "--out", "run"])
        .current_dir(data.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let metrics = fs::read_to_string(data.path().join("run/metrics.jsonl")).unwrap();
    let losses: Vec<f64> = metrics
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter_map(|event| event["main"].as_f64())
        .collect();
    // Two steps an epoch: 0 and 1, 2 and 3, ...
    assert_eq!(losses, [0.5, 1002.5, 2004.75, 3006.75], "{metrics}");
}
