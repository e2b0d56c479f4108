//! The example of a daily loop on a few generated visits, with the settings of its README.

#![cfg(feature = "torch")]
#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

const DAYS: usize = 4;
const ROWS_A_DAY: usize = 150;
const USERS: usize = 30;
const ITEMS: usize = 24;

#[test]
fn ecat_and_its_baselines_run_day_by_day() {
    let data = visits(DAYS);
    for settings in [
        &["dim=4"][..],
        &["dim=4", "beta=0", "eta=0"],
        &["dim=4", "eta=0", "theta=0", "most=1000", "weighted=false"],
        &["dim=4", "theta=0", "most=1000"],
        &["dim=4", "share=1"],
        &["dim=4", "eta=0", "theta=0", "weighted=false", "oracle=true"],
        &["dim=4", "gate=hard"],
        &["dim=4", "gate=constant"],
    ] {
        let summary = run(data.path(), settings);
        let shop = summary["shop"].as_object().unwrap();
        let mut splits: Vec<&str> = shop.keys().map(String::as_str).collect();
        splits.sort_unstable();
        let expected = [
            "2020-09-15",
            "2020-09-16",
            "2020-09-17",
            "mean of days",
            "pooled",
        ];
        assert_eq!(splits, expected, "{settings:?}");
        for metric in ["auc", "gauc(user)"] {
            assert!(
                shop["pooled"][metric].is_number(),
                "{settings:?}: {summary}"
            );
        }
    }
}

#[test]
fn labels_of_a_day_change_nothing_that_ecat_computes_before_it_trains_on_them() {
    let found = |other: usize| {
        let (data, out) = (visits(other), tempfile::tempdir().unwrap());
        run_into(
            &out.path().join("run"),
            "world",
            data.path(),
            &["dim=4", "theta=0.02"],
        );
        let read = |name: String| fs::read_to_string(out.path().join("run").join(name)).unwrap();
        let ratios: Vec<String> = (0..DAYS)
            .map(|day| read(format!("columns/ratio.2020-09-{}.jsonl", 14 + day)))
            .collect();
        let asked = read("predictions/shop.pooled.jsonl".to_owned());
        let scores = asked.lines().map(|line| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            (
                line["day"].to_string(),
                line["row"].to_string(),
                line["score"].to_string(),
            )
        });
        (ratios, scores.collect::<Vec<_>>())
    };
    let (ratios, scores) = found(DAYS);
    assert!(ratios[1..].iter().all(|day| !day.is_empty()), "{ratios:?}");
    for first in 1..DAYS {
        let (with_others, scored_with_others) = found(first);
        for day in 0..DAYS {
            let same = ratios[day] == with_others[day];
            assert_eq!(
                same,
                day <= first,
                "ratios of day {day}, labels from {first} on"
            );
        }
        for (one, other) in scores.iter().zip(&scored_with_others) {
            let known = one.0 <= format!("\"2020-09-{}\"", 14 + first);
            assert!(one == other || !known, "{one:?} {other:?}");
        }
    }
}

#[test]
fn a_model_of_everything_is_tuned_to_the_target_each_day() {
    let data = visits(DAYS);
    let of = |settings: &[&str]| {
        let summary = run_of("tuned_world", data.path(), settings);
        summary["shop"]["pooled"]["auc"].as_f64().unwrap()
    };
    let (tuned, everything) = (of(&["dim=4"]), of(&["dim=4", "tune=0"]));
    assert!((tuned - everything).abs() > 1e-6, "{tuned} {everything}");
}

/// The summary of a run of the example.
fn run(data: &Path, settings: &[&str]) -> serde_json::Value {
    run_of("world", data, settings)
}

/// The summary of a run of a spec of the example's folder.
fn run_of(spec: &str, data: &Path, settings: &[&str]) -> serde_json::Value {
    let out = tempfile::tempdir().unwrap();
    let run = out.path().join("run");
    run_into(&run, spec, data, settings);
    let summary = fs::read_to_string(run.join("summary.json")).unwrap();
    serde_json::from_str(&summary).unwrap()
}

/// Runs a spec of the example's folder into a folder.
fn run_into(run: &Path, spec: &str, data: &Path, settings: &[&str]) {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/ecat");
    let model = examples.join(spec).with_extension("rec");
    let mut command = Command::new(env!("CARGO_BIN_EXE_reckon"));
    command.arg("run").arg(model).args(["--seed", "1", "--out"]);
    command.arg(run);
    let data = format!("data={}", data.display());
    for setting in [data.as_str()].iter().chain(settings) {
        command.args(["--set", setting]);
    }
    let output = command.env("OMP_NUM_THREADS", "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{settings:?}: {said}");
    assert!(!said.contains("warning["), "{settings:?}: {said}");
}

/// A folder with visits of a shop and of three other places, in which like users click on like items; from day `other` on they
/// click on all others.
fn visits(other: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (mut users, mut items) = (
        "user_id,region\n".to_owned(),
        "item_id,category\n".to_owned(),
    );
    let mut visits = "user_id,item_id,domain,click,good,at\n".to_owned();
    (0..USERS).for_each(|id| writeln!(users, "{id},{}", id % 3).unwrap());
    (0..ITEMS).for_each(|id| writeln!(items, "{id},{}", id % 4).unwrap());
    for row in 0..DAYS * ROWS_A_DAY {
        let (day, place) = (row / ROWS_A_DAY, row % ROWS_A_DAY);
        let (user, item) = (row * 7 % USERS, (row * row + row) % ITEMS);
        let domain = ["target", "home", "search", "feed"][row % 4];
        let click = (user % 3 == item % 3 || row % 11 == 0) != (day >= other);
        let at = 1_600_041_600 + day * 86_400 + place * 500;
        let (click, good) = (u8::from(click), u8::from(row % 8 < 5));
        writeln!(visits, "{user},{item},{domain},{click},{good},{at}").unwrap();
    }
    for (name, text) in [("users", users), ("items", items), ("visits", visits)] {
        fs::write(folder.path().join(name).with_extension("csv"), text).unwrap();
    }
    folder
}
