//! One seed gives the same bits: with any number of threads, and however often the run was killed and went on.

#![cfg(feature = "torch")]
#![allow(clippy::unwrap_used)]

#[path = "../runtime/tests/run/bits.rs"]
mod bits;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bits::{assert_same, bits};

/// Wide enough that libtorch shares a product of matrices out among its threads.
const WIDE: &str = "dim=256";
/// A run that makes no progress for so long hangs.
const PATIENCE: Duration = Duration::from_secs(300);

#[test]
fn one_two_and_three_threads_give_the_same_bits() {
    let folder = example();
    for threads in ["1", "2", "3"] {
        let out = format!("threads{threads}");
        let status = run(folder.path(), &out, &["--set", WIDE, "--threads", threads]).status();
        assert!(status.unwrap().success());
    }
    let one = bits(&folder.path().join("threads1"));
    assert!(
        one.contains_key("./summary.json") && one.contains_key("checkpoint/weights.safetensors")
    );
    assert_same(&one, &bits(&folder.path().join("threads2")));
    assert_same(&one, &bits(&folder.path().join("threads3")));
}

#[test]
fn a_run_that_was_killed_again_and_again_ends_with_the_bits_of_one_that_was_not() {
    let folder = example();
    let threads = ["--threads", "1"];
    assert!(
        run(folder.path(), "whole", &threads)
            .status()
            .unwrap()
            .success()
    );
    let place = folder.path().join("parts");
    let mut arguments = threads.to_vec();
    // Before the first checkpoint, then from one checkpoint to a moment within or after the next epoch.
    for point in 0..4 {
        let before = fs::read(place.join("checkpoint/manifest.json")).ok();
        let mut run = run(folder.path(), "parts", &arguments).spawn().unwrap();
        wait(|| match point {
            0 => place.join("origin.json").exists(),
            _ => fs::read(place.join("checkpoint/manifest.json")).ok() != before,
        });
        thread::sleep(Duration::from_millis(7 * point));
        run.kill().unwrap();
        run.wait().unwrap();
        arguments = [&threads[..], &["--resume"]].concat();
    }
    assert!(
        !place.join("summary.json").exists(),
        "it was killed in time"
    );
    assert!(
        run(folder.path(), "parts", &arguments)
            .status()
            .unwrap()
            .success()
    );
    assert_same(&bits(&folder.path().join("whole")), &bits(&place));
}

/// A folder with the example of `reckon new`, which trains for a fixed number of epochs.
fn example() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new(env!("CARGO_BIN_EXE_reckon"))
        .args(["new", "first"])
        .current_dir(folder.path())
        .stderr(Stdio::null())
        .status();
    assert!(made.unwrap().success());
    let main = folder.path().join("first/main.rec");
    let text = fs::read_to_string(&main).unwrap();
    let all_epochs: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("stop early"))
        .collect();
    assert!(all_epochs.len() + 1 == text.lines().count());
    fs::write(
        &main,
        all_epochs.join("\n").replace("epochs 20", "epochs 6") + "\n",
    )
    .unwrap();
    folder
}

/// A run as a user would start it: the settings of cargo for threads do not reach it.
fn run(folder: &Path, out: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reckon"));
    command
        .args(["run", "first/main.rec", "--seed", "3", "--out", out])
        .args(arguments)
        .current_dir(folder)
        .env_remove("GOMP_SPINCOUNT")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command
}

#[track_caller]
fn wait(mut until: impl FnMut() -> bool) {
    let began = Instant::now();
    while !until() {
        assert!(began.elapsed() < PATIENCE, "nothing happens any more");
        thread::sleep(Duration::from_millis(2));
    }
}
