//! Every model of the zoo, and MTMI with each of its options, trained for an epoch on a few generated ratings.

#![cfg(feature = "torch")]
#![allow(clippy::unwrap_used)]

mod ratings;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ratings::ratings;

#[test]
fn every_model_of_the_zoo_trains_and_is_evaluated() {
    let data = ratings();
    let mut models: Vec<PathBuf> = fs::read_dir(root().join("examples/zoo"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "rec"))
        .filter(|path| !path.ends_with("films.rec"))
        .collect();
    models.sort();
    assert_eq!(models.len(), 12, "{models:?}");
    for model in models {
        let (summary, said) = run(&model, data.path(), &["dim=8"]);
        assert!(!said.contains("warning["), "{}: {said}", model.display());
        finite(&summary, &model);
    }
}

#[test]
fn mtmi_trains_with_each_of_its_options() {
    let data = ratings();
    let model = root().join("examples/mtmi/model.rec");
    for settings in [
        &["dim=8", "K=1"][..],
        &["dim=8", "route=label_aware", "form=cosine_sq"],
        &["dim=8", "route=lse", "form=distance_hinge"],
        &["dim=8", "form=gaussian", "lambda=1", "side=false"],
    ] {
        finite(&run(&model, data.path(), settings).0, &model);
    }
}

#[test]
fn mtmi_without_repel_is_the_same_whatever_its_form() {
    let data = ratings();
    let model = root().join("examples/mtmi/model.rec");
    let metrics = |form: &str| {
        let (summary, _) = run(&model, data.path(), &["dim=8", "lambda=0", form]);
        summary["films"].clone()
    };
    assert_eq!(metrics("form=cosine_hinge"), metrics("form=gaussian"));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Trains for one epoch; the summary of the run, and what it said.
fn run(model: &Path, data: &Path, settings: &[&str]) -> (serde_json::Value, String) {
    let out = tempfile::tempdir().unwrap();
    let run = out.path().join("run");
    let data = format!("data={}", data.display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_reckon"));
    command.arg("run").arg(model).args(["--seed", "1", "--out"]);
    command.arg(&run);
    for setting in [&data, "epochs=1"]
        .into_iter()
        .chain(settings.iter().copied())
    {
        command.args(["--set", setting]);
    }
    let output = command.env("OMP_NUM_THREADS", "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {said}", model.display());
    let summary = fs::read_to_string(run.join("summary.json")).unwrap();
    (serde_json::from_str(&summary).unwrap(), said)
}

/// Each evaluation of a summary has figures, and all of them are numbers.
fn finite(summary: &serde_json::Value, model: &Path) {
    let evaluation = ["films", "likes"]
        .iter()
        .find_map(|name| summary.get(*name))
        .unwrap_or_else(|| panic!("{}: {summary}", model.display()));
    let figures = evaluation["test"].as_object().unwrap();
    let numbers = figures.values().filter(|value| value.is_number()).count();
    assert!(numbers >= 2, "{}: {summary}", model.display());
}
