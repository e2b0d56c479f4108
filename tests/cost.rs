//! Forecasts beside what runs leave: bytes of tables to the byte, and plans that are too large.

#![cfg(feature = "torch")]
#![allow(clippy::unwrap_used)]

mod ratings;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use ratings::ratings;
use serde_json::Value;

/// The command at the root of the repository.
fn reckon(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_reckon"))
        .args(words)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("OMP_NUM_THREADS", "1")
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap()
}

#[track_caller]
fn json(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The bytes of each tensor of a checkpoint, as its header says.
fn tensors(run: &Path) -> BTreeMap<String, u64> {
    let file = fs::read(run.join("checkpoint/weights.safetensors")).unwrap();
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&file[8..8 + length]).unwrap();
    let tensors = header.as_object().unwrap().iter();
    let tensors = tensors.filter(|(name, _)| *name != "__metadata__");
    tensors
        .map(|(name, of)| {
            let [from, to] = [0, 1].map(|at| of["data_offsets"][at].as_u64().unwrap());
            (name.clone(), to - from)
        })
        .collect()
}

/// What a forecast says of tables and of what optimisers remember of them, by the names of tensors; all of it is exact.
fn tables(cost: &Value) -> BTreeMap<String, u64> {
    let exact = |amount: &Value| {
        assert_eq!(amount["sure"], "exact", "{amount}");
        amount["count"].as_u64().unwrap()
    };
    let mut tables = BTreeMap::new();
    for table in cost["tables"].as_array().unwrap() {
        let path = table["path"].as_str().unwrap();
        tables.insert(path.to_owned(), exact(&table["bytes"]));
        for (moment, bytes) in table["optimiser"].as_object().unwrap() {
            tables.insert(format!("{path}:{moment}"), exact(bytes));
        }
    }
    tables
}

#[test]
fn bytes_by_table_are_those_of_the_checkpoint() {
    let data = ratings();
    let data = format!("data={}", data.path().display());
    for spec in [
        "examples/movielens/two_tower.rec",
        "examples/zoo/deepfm.rec",
    ] {
        let out = tempfile::tempdir().unwrap();
        let run = out.path().join("run");
        let name = run.to_str().unwrap();
        let settings = ["--set", data.as_str(), "--set", "epochs=1"];
        let words = [&["run", spec, "--seed", "1", "--out", name][..], &settings].concat();
        let trained = reckon(&words);
        assert!(
            trained.status.success(),
            "{}",
            String::from_utf8_lossy(&trained.stderr)
        );
        let kept = tensors(&run);
        for how in [&["--data"][..], &["--sizes", name]] {
            let asked = ["build", spec, "--cost", "--format", "json"];
            let cost = json(&reckon(&[&asked[..], how, &settings].concat()));
            let tables = tables(&cost);
            assert!(!tables.is_empty());
            for (tensor, bytes) in &tables {
                assert_eq!(
                    kept.get(tensor),
                    Some(bytes),
                    "{tensor} of {spec} by {how:?}"
                );
            }
            // Weights and their moments are the rest, but for the counts of steps.
            let rest = kept
                .iter()
                .filter(|(name, _)| !tables.contains_key(*name) && !name.ends_with(":steps"));
            let rest: u64 = rest.map(|(_, bytes)| bytes).sum();
            let weights = &cost["weights"];
            let said = ["bytes", "optimiser"].map(|of| weights[of]["count"].as_u64().unwrap());
            assert_eq!(rest, said[0] + said[1], "{spec}");
        }
    }
}

/// A spec whose table of user ids has forty million rows of 64 numbers.
fn too_large(folder: &Path) -> String {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/zoo/films.rec"))
            .unwrap();
    let films = text.replace(
        "user_id |> vocab(min_count: 3) |> embed(dim)",
        "user_id |> hash(40000000) |> embed(64)",
    );
    assert_ne!(films, text);
    let model =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/zoo/dssm.rec"))
            .unwrap();
    fs::write(folder.join("films.rec"), films).unwrap();
    let path = folder.join("large.rec");
    fs::write(&path, model).unwrap();
    path.display().to_string()
}

#[test]
fn a_run_that_cannot_fit_is_refused_before_it_trains_and_fails_where_it_is_forced() {
    let data = ratings();
    let folder = tempfile::tempdir().unwrap();
    let spec = too_large(folder.path());
    let set = format!("data={}", data.path().display());
    let out = folder.path().join("run");
    let refused = reckon(&[
        "run",
        &spec,
        "--set",
        &set,
        "--memory",
        "8GB",
        "--out",
        out.to_str().unwrap(),
    ]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(3), "{said}");
    assert!(
        said.contains("E1027") && said.contains("hash(40000000)"),
        "{said}"
    );
    assert!(!out.exists(), "a run that is refused leaves nothing");
    if cfg!(target_os = "linux") {
        let limited =
            "ulimit -v 8000000; exec \"$0\" run \"$1\" --set \"$2\" --memory none --out \"$3\"";
        let forced = Command::new("sh")
            .args(["-c", limited, env!("CARGO_BIN_EXE_reckon"), &spec, &set])
            .arg(&out)
            .env("OMP_NUM_THREADS", "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&forced.stderr);
        assert!(!forced.status.success(), "{said}");
        assert!(said.contains("memory allocation of"), "{said}");
    }
}
