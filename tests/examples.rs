//! The examples on MovieLens-100K, trained for a few epochs to the bands that `examples/movielens/README.md` promises.
//! Without the data they say so and pass.

#![cfg(feature = "torch")]
#![allow(clippy::unwrap_used)]

use std::ops::Range;
use std::path::Path;
use std::process::Command;

/// Trains an example for so many epochs and holds a metric of its test part to a band.
#[track_caller]
fn reaches(spec: &str, epochs: usize, evaluation: &str, metric: &str, band: Range<f64>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !root.join("examples/movielens/data/ratings.csv").exists() {
        eprintln!("NOT RUN: MovieLens-100K is not here; `cargo xtask data ml-100k` gets it");
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let run = out.path().join("run");
    let output = Command::new(env!("CARGO_BIN_EXE_reckon"))
        .args(["run", &format!("examples/movielens/{spec}.rec")])
        .args(["--set", &format!("epochs={epochs}"), "--seed", "1"])
        .arg("--out")
        .arg(&run)
        .current_dir(root)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let summary = std::fs::read_to_string(run.join("summary.json")).unwrap();
    let summary: serde_json::Value = serde_json::from_str(&summary).unwrap();
    let found = summary[evaluation]["test"][metric].as_f64().unwrap();
    assert!(band.contains(&found), "{metric} of {spec} is {found}");
}

#[test]
fn two_towers_reach_the_recall_of_ease() {
    reaches("two_tower", 2, "films", "recall@50", 0.38..0.43);
}

#[test]
fn two_towers_are_above_popularity_with_one_border_in_time() {
    reaches("two_tower_by_time", 2, "films", "recall@50", 0.29..0.38);
}

#[test]
fn ranking_is_above_the_rate_of_the_film() {
    reaches("ranking", 4, "likes", "auc", 0.78..0.81);
}

#[test]
fn self_attention_over_the_history_is_above_item_knn() {
    reaches("sasrec", 1, "films", "recall@50", 0.35..0.42);
}
