//! The main example on MovieLens-100K, trained to the band that its page promises. Without the data it says so and passes.

#![cfg(feature = "torch")]
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

#[test]
fn two_towers_reach_their_band_on_movielens_100k() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !root.join("examples/movielens/data/ratings.csv").exists() {
        eprintln!("NOT RUN: MovieLens-100K is not here; `cargo xtask data ml-100k` gets it");
        return;
    }
    let out = tempfile::tempdir().unwrap();
    let run = out.path().join("run");
    let output = Command::new(env!("CARGO_BIN_EXE_reckon"))
        .args([
            "run",
            "examples/movielens/two_tower.rec",
            "--seed",
            "1",
            "--out",
        ])
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
    let recall = summary["films"]["test"]["recall@50"].as_f64().unwrap();
    assert!((0.35..0.43).contains(&recall), "recall@50 is {recall}");
}
