//! Transcripts of the command line: each page in `tests/cli` is played in an empty folder and must come out as written.
//!
//! A page is prose with blocks. A block ` ```file NAME ` is put into the folder; in a block ` ```console ` each line that
//! begins with `$ ` is run by a shell that finds `reckon`, and what it says replaces the lines up to the next command:
//! stdout as it is, stderr behind `2| `, an exit status other than 0 as `[exit 1]`. Pages that need libtorch say so in
//! their first line.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// First line of pages that only a build with libtorch can play.
const NEEDS_TORCH: &str = "<!-- needs libtorch -->";

#[test]
fn transcripts_come_out_as_written() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let mut pages: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    pages.sort();
    let wrong = play_all(&pages);
    assert!(
        wrong.is_empty(),
        "{}\naccept with INSTA_UPDATE=always",
        wrong.join("\n")
    );
}

/// Plays all pages, as many at a time as there are cores; messages come in the order of the pages.
fn play_all(pages: &[PathBuf]) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let found = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(|| {
                while let Some(page) = pages.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(message) = play(page) {
                        found.lock().unwrap().insert(page, message);
                    }
                }
            });
        }
    });
    found.into_inner().unwrap().into_values().collect()
}

/// Plays a page; gives a message if it comes out otherwise. Accepts what came out where snapshots are accepted.
fn play(path: &Path) -> Option<String> {
    let page = fs::read_to_string(path).unwrap();
    if page.starts_with(NEEDS_TORCH) && cfg!(not(feature = "torch")) {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let played = play_in(&page, folder.path());
    if played == page {
        return None;
    }
    if std::env::var("INSTA_UPDATE").is_ok_and(|mode| mode == "always") {
        fs::write(path, played).unwrap();
        return None;
    }
    let line = page
        .lines()
        .zip(played.lines())
        .take_while(|(a, b)| a == b)
        .count();
    let (expected, found) = (page.lines().nth(line), played.lines().nth(line));
    let name = path.file_name().unwrap().to_string_lossy();
    Some(format!(
        "{name}:{}: expected {expected:?}, found {found:?}\nall of it:\n{played}",
        line + 1
    ))
}

fn play_in(page: &str, folder: &Path) -> String {
    let mut out = String::new();
    let mut lines = page.lines().peekable();
    while let Some(line) = lines.next() {
        out += line;
        out.push('\n');
        if let Some(name) = line.strip_prefix("```file ") {
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, body.join("\n") + "\n").unwrap();
            out += &(body.join("\n") + "\n```\n");
        } else if line == "```console" {
            for line in lines.by_ref().take_while(|line| *line != "```") {
                if let Some(command) = line.strip_prefix("$ ") {
                    out += &format!("$ {command}\n{}", run(command, folder));
                }
            }
            out += "```\n";
        }
    }
    out
}

fn run(command: &str, folder: &Path) -> String {
    let reckon = Path::new(env!("CARGO_BIN_EXE_reckon"));
    let path = format!(
        "{}:{}",
        reckon.parent().unwrap().display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let output = Command::new("sh")
        .args(["-c", command])
        .current_dir(folder)
        .env("PATH", path)
        .env("LC_ALL", "C.UTF-8")
        .env("COLUMNS", "80")
        .output()
        .unwrap();
    let mut out = String::from_utf8(output.stdout).unwrap();
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
    for line in String::from_utf8(output.stderr).unwrap().lines() {
        out += format!("2| {line}").trim_end();
        out.push('\n');
    }
    match output.status.code() {
        Some(0) => {}
        Some(code) => out += &format!("[exit {code}]\n"),
        None => out += "[killed]\n",
    }
    out.replace(&folder.display().to_string(), "FOLDER")
}
