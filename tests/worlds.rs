//! The examples of click confidence and of a teacher of reads on a few generated views, with the settings of their pages.

#![cfg(feature = "torch")]
#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const USERS: usize = 40;
const THINGS: usize = 30;
const VIEWS: usize = 2_000;

#[test]
fn click_confidence_leaves_its_columns_and_its_baselines_run() {
    let data = clicks();
    let out = tempfile::tempdir().unwrap();
    let run = |name: &str, settings: &[&str]| {
        let path = out.path().join(name);
        let summary = train("clsd", data.path(), &path, settings);
        assert!(summary["clean"]["test"]["auc"].is_number(), "{settings:?}");
        path
    };
    let plain = run("plain", &["lambda=0"]);
    let local = run("local", &[]);
    run("all", &["per=all"]);
    run("truth", &["trusted=truth", "lambda=1"]);
    run("chance", &["trusted=chance"]);
    run("label", &["reading=label"]);
    let confidence = fs::read_to_string(local.join("columns/c.jsonl")).unwrap();
    let clicked = confidence.lines().count();
    assert!(clicked > 100, "a confidence for each click that trains");
    // The plain ranker has the same teacher, and so the same confidence, which it does not use.
    let unused = fs::read_to_string(plain.join("columns/c.jsonl")).unwrap();
    assert_eq!(confidence, unused);
    let said =
        |run: &PathBuf| fs::read_to_string(run.join("predictions/clean.test.jsonl")).unwrap();
    assert_ne!(
        said(&plain),
        said(&local),
        "the confidence changes the ranker"
    );
}

#[test]
fn a_student_of_reads_and_two_towers_on_clicks_run_from_one_spec() {
    let data = reads();
    let out = tempfile::tempdir().unwrap();
    for (name, settings) in [
        ("student", &[][..]),
        ("clicks", &["distil=0", "direct=1"]),
        ("lesson", &["lesson=clicks"]),
        ("reads", &["distil=0", "reads=1"]),
    ] {
        let summary = train("dmtl", data.path(), &out.path().join(name), settings);
        let recall = &summary["articles"]["test"]["recall@50"];
        assert!(recall.is_number(), "{settings:?}: {summary}");
        for evaluation in ["student", "taught"] {
            let auc = &summary[evaluation]["test"]["auc"];
            assert!(auc.is_number(), "{settings:?}: {summary}");
        }
    }
}

/// The summary of a run of an example's `world.rec`.
fn train(example: &str, data: &Path, out: &Path, settings: &[&str]) -> serde_json::Value {
    let spec = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(example)
        .join("world.rec");
    let mut command = Command::new(env!("CARGO_BIN_EXE_reckon"));
    command.arg("run").arg(spec).args(["--seed", "1", "--out"]);
    command.arg(out);
    let data = format!("data={}", data.display());
    for setting in [data.as_str(), "dim=4", "epochs=1"].iter().chain(settings) {
        command.args(["--set", setting]);
    }
    let output = command.env("OMP_NUM_THREADS", "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{settings:?}: {said}");
    let summary = fs::read_to_string(out.join("summary.json")).unwrap();
    serde_json::from_str(&summary).unwrap()
}

/// A number that looks drawn, from 0 to 99.
fn mixed(row: usize, salt: usize) -> usize {
    (row * 7_919 + salt * 104_729) % 9_973 % 100
}

/// Views in which like users mean to click like things, and some click by accident.
fn clicks() -> tempfile::TempDir {
    let mut users = "user_id,segment,taste\n".to_owned();
    let mut items = "item_id,category,bait\n".to_owned();
    let mut views = "user_id,item_id,at,click,intended,p_intended,chance\n".to_owned();
    (0..USERS).for_each(|id| writeln!(users, "{id},g{},{}", id % 2, id % 3).unwrap());
    (0..THINGS)
        .for_each(|id| writeln!(items, "{id},{},{}", id % 3, u8::from(id % 7 == 0)).unwrap());
    for row in 0..VIEWS {
        let (user, item) = (row * 7 % USERS, (row * row + row) % THINGS);
        let chance = if user % 3 == item % 3 { 60 } else { 10 };
        let intended = mixed(row, 1) < chance;
        let click = intended || mixed(row, 2) < 10 + 20 * (user % 2);
        let at = 1_600_000_000 + row * 20;
        let (click, intended) = (u8::from(click), u8::from(intended));
        let noise = mixed(row, 3);
        writeln!(
            views,
            "{user},{item},{at},{click},{intended},0.{chance},0.{noise:02}"
        )
        .unwrap();
    }
    folder(&[("users", users), ("items", items), ("views", views)])
}

/// Views of articles, of which some are clicked and not read.
fn reads() -> tempfile::TempDir {
    let mut users = "user_id,taste\n".to_owned();
    let mut articles = "article_id,topic,length,bait\n".to_owned();
    let mut views = "user_id,article_id,session_id,at,length,click,seconds,meant\n".to_owned();
    let length = |article: usize| 40 + 10 * (article % 5);
    (0..USERS).for_each(|id| writeln!(users, "{id},{}", id % 3).unwrap());
    (0..THINGS).for_each(|id| {
        let bait = u8::from(id % 7 == 0);
        writeln!(articles, "{id},{},{}.0,{bait}", id % 3, length(id)).unwrap();
    });
    for row in 0..VIEWS {
        let (user, article) = (row * 7 % USERS, (row * row + row) % THINGS);
        let click = mixed(row, 1) < if user % 3 == article % 3 { 60 } else { 20 };
        let meant = click && mixed(row, 2) < if article % 7 == 0 { 20 } else { 70 };
        let seconds = match (click, meant) {
            (false, _) => 0,
            (true, false) => length(article) / 10,
            (true, true) => length(article),
        };
        let (at, length) = (1_600_000_000 + row * 20, length(article));
        let (click, meant) = (u8::from(click), u8::from(meant));
        writeln!(
            views,
            "{user},{article},{},{at},{length}.0,{click},{seconds}.0,{meant}",
            row / 5
        )
        .unwrap();
    }
    folder(&[("users", users), ("articles", articles), ("views", views)])
}

fn folder(tables: &[(&str, String)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in tables {
        fs::write(folder.path().join(name).with_extension("csv"), text).unwrap();
    }
    folder
}
