//! The example of a student of saved scores on a few generated views, in each of its forms.

#![cfg(feature = "torch")]
#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

const USERS: usize = 30;
const ARTICLES: usize = 24;
const VIEWS: usize = 1_500;
const DAY: usize = 86_400;

#[test]
fn two_towers_learn_from_yesterdays_scores_in_every_form() {
    let data = views();
    for form in ["point", "pair", "list", "calibrated", "none"] {
        let summary = run(data.path(), &["dim=8", &format!("form={form}")]);
        let auc = summary["student"]["test"]["auc"].as_f64().unwrap();
        assert!(auc > 0.9, "{form}: {auc}");
        // One view in eight was not scored, and some of those pairs had been scored before.
        let missing = summary["scores"][0]["missing"].as_u64().unwrap();
        assert!((1..=VIEWS as u64 / 8 + 1).contains(&missing), "{missing}");
        let recall = &summary["articles"]["test"]["recall@10"];
        assert!(recall.is_number(), "{form}: {summary}");
    }
}

/// The summary of a run of the example.
fn run(data: &Path, settings: &[&str]) -> serde_json::Value {
    let out = tempfile::tempdir().unwrap();
    let run = out.path().join("run");
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/dmtl/offline.rec");
    let mut command = Command::new(env!("CARGO_BIN_EXE_reckon"));
    command.arg("run").arg(model).args(["--seed", "1", "--out"]);
    command.arg(&run);
    let data = format!("data={}", data.display());
    for setting in [data.as_str(), "epochs=40"].iter().chain(settings) {
        command.args(["--set", setting]);
    }
    let output = command.env("OMP_NUM_THREADS", "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{settings:?}: {said}");
    assert!(!said.contains("warning["), "{settings:?}: {said}");
    assert!(said.contains("of view have some, "), "{settings:?}: {said}");
    let summary = fs::read_to_string(run.join("summary.json")).unwrap();
    serde_json::from_str(&summary).unwrap()
}

/// A folder with views in which users of a taste read articles of two topics, and what a ranker said of most of them the day before.
fn views() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (mut users, mut articles) = (
        "user_id,taste\n".to_owned(),
        "article_id,topic,length\n".to_owned(),
    );
    let mut views = "user_id,article_id,session_id,at,length,click,seconds\n".to_owned();
    let mut scores = "user_id,article_id,at,click,read\n".to_owned();
    (0..USERS).for_each(|id| writeln!(users, "{id},{}", id % 3).unwrap());
    let length = |article: usize| 60 + article % 5 * 20;
    (0..ARTICLES).for_each(|id| writeln!(articles, "{id},{},{}", id % 3, length(id)).unwrap());
    for row in 0..VIEWS {
        let (user, article) = (row / 5 % USERS, (row * row + row / 7) % ARTICLES);
        let (fits, at) = (user % 3 == article % 3, 1_600_000_000 + row * 400);
        let click = fits || row % 6 == 0;
        let seconds = match (click, fits) {
            (false, _) => 0,
            (true, true) => length(article),
            (true, false) => 5,
        };
        writeln!(
            views,
            "{user},{article},{},{at},{},{},{seconds}",
            row / 5,
            length(article),
            u8::from(click)
        )
        .unwrap();
        if row % 8 > 0 {
            let (click, read) = if fits { (2.0, 1.5) } else { (-1.5, -1.0) };
            writeln!(scores, "{user},{article},{},{click},{read}", at - DAY - 60).unwrap();
        }
    }
    let files = [
        ("users", users),
        ("articles", articles),
        ("views", views),
        ("scores", scores),
    ];
    for (name, text) in files {
        fs::write(folder.path().join(name).with_extension("csv"), text).unwrap();
    }
    folder
}
