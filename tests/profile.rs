//! What `reckon run --profile` leaves in a run directory, and that it changes nothing else there. Times are never judged.

#![cfg(feature = "torch")]
#![expect(clippy::unwrap_used, reason = "tests may fail where they stand")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// A run of the first spec in the folder, with more words on its command line.
fn run(folder: &Path, out: &str, words: &[&str]) {
    let done = Command::new(env!("CARGO_BIN_EXE_reckon"))
        .args(["run", "first/main.rec", "--threads", "1"])
        .args(["--out", out])
        .args(words)
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}");
}

/// A folder with a first spec, and its profiled run in `profiled`.
fn profiled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new(env!("CARGO_BIN_EXE_reckon"))
        .args(["new", "first"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(made.status.success());
    let spec = folder.path().join("first/main.rec");
    let text = fs::read_to_string(&spec).unwrap();
    fs::write(&spec, text.replace("epochs 20", "epochs 2")).unwrap();
    run(folder.path(), "profiled", &["--profile"]);
    folder
}

/// The blocks of a table: a title, or heads with the rows below.
fn blocks(table: &str) -> Vec<Vec<&str>> {
    let blocks = table.split("\n\n").filter(|block| !block.trim().is_empty());
    blocks
        .map(|block| block.trim_matches('\n').lines().collect())
        .collect()
}

/// The shares of the rows below heads, in hundredths of a per cent, and what each row is about.
fn rows<'t>(block: &[&'t str]) -> Vec<(f64, Vec<&'t str>)> {
    let row = |line: &&'t str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        assert_eq!(words[1], "%", "{line}");
        (words[0].parse().unwrap(), words[2..].to_vec())
    };
    block[1..].iter().map(row).collect()
}

/// Whether `first/main.rec:12` names a line of the spec that has text.
fn stands(spec: &str, place: &str) -> bool {
    let (file, number) = place.rsplit_once(':').unwrap();
    let number: usize = number.parse().unwrap();
    let line = spec.lines().nth(number - 1);
    file == "first/main.rec" && line.is_some_and(|line| !line.trim().is_empty())
}

#[test]
fn a_profile_accounts_for_all_of_the_time_and_names_lines_of_the_spec() {
    let folder = profiled();
    let spec = fs::read_to_string(folder.path().join("first/main.rec")).unwrap();
    let table = fs::read_to_string(folder.path().join("profiled/profile.txt")).unwrap();
    let blocks = blocks(&table);
    let titles: Vec<&str> = blocks
        .iter()
        .filter(|block| block.len() == 1)
        .map(|block| block[0].split(':').next().unwrap())
        .collect();
    assert_eq!(titles, ["training `train`", "evaluation `next`"], "{table}");
    for block in blocks.iter().filter(|block| block.len() > 1) {
        let rows = rows(block);
        let sum: f64 = rows.iter().map(|(share, _)| share).sum();
        // Each is rounded to a hundredth.
        let rounding = 0.005 * rows.len() as f64 + 1e-6;
        assert!((sum - 100.0).abs() <= rounding, "{sum}: {block:?}");
    }
    let lines: Vec<_> = blocks
        .iter()
        .filter(|block| block[0].ends_with("  line"))
        .collect();
    assert_eq!(lines.len(), 2, "{table}");
    for block in lines {
        let (outside, of_lines) = block[1..].split_last().unwrap();
        assert!(outside.ends_with("outside of nodes"), "{outside}");
        assert!(!of_lines.is_empty(), "{table}");
        for (_, words) in rows(&block[..block.len() - 1]) {
            assert!(stands(&spec, words[3]), "{words:?}");
        }
    }
    for part in [
        "waiting for data",
        "nodes of `step` that update parameters",
        "rest",
    ] {
        assert!(
            table.lines().any(|line| line.ends_with(part)),
            "{part}: {table}"
        );
    }
}

#[test]
fn a_trace_has_an_event_for_each_node_of_the_steps_it_keeps() {
    let folder = profiled();
    let spec = fs::read_to_string(folder.path().join("first/main.rec")).unwrap();
    let trace = fs::read(folder.path().join("profiled/profile.json")).unwrap();
    let trace: Value = serde_json::from_slice(&trace).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let of = |kind: &str| {
        events
            .iter()
            .filter(|event| event["cat"] == kind)
            .collect::<Vec<_>>()
    };
    let runs = of("program");
    let steps: Vec<u64> = runs
        .iter()
        .filter(|run| run["name"] == "step")
        .map(|run| run["args"]["run"].as_u64().unwrap())
        .collect();
    assert_eq!(steps[..2], [1, 10], "{steps:?}");
    let nodes = of("node");
    for node in &nodes {
        let args = &node["args"];
        assert_eq!(args["op"], node["name"]);
        assert!(args["type"].is_string() && args["bytes"].is_u64(), "{node}");
        assert!(stands(&spec, args["line"].as_str().unwrap()), "{node}");
    }
    // Each lies in a run, and all that is read or computed in a step is there.
    let number = |event: &Value, field: &str| event[field].as_f64().unwrap();
    let ends = |event: &Value| number(event, "ts") + number(event, "dur");
    for node in &nodes {
        let inside =
            |run: &&Value| number(run, "ts") <= number(node, "ts") && ends(node) <= ends(run) + 1.0;
        assert!(runs.iter().any(inside), "{node}");
    }
    for op in ["lookup", "matmul", "update"] {
        assert!(
            nodes
                .iter()
                .any(|node| node["name"].as_str().unwrap().starts_with(op)),
            "{op}"
        );
    }
}

#[test]
fn a_profiled_run_has_the_bits_of_one_that_is_not() {
    let folder = profiled();
    run(folder.path(), "plain", &[]);
    for file in [
        "checkpoint/weights.safetensors",
        "metrics.jsonl",
        "summary.json",
        "predictions/next.test.jsonl",
    ] {
        let [profiled, plain] =
            ["profiled", "plain"].map(|run| fs::read(folder.path().join(run).join(file)).unwrap());
        assert!(profiled == plain, "{file} differs");
    }
    assert!(!folder.path().join("plain/profile.txt").exists());
}
