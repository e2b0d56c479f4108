//! The tutorial, run from an empty folder: its files are written, its commands run, its exit statuses hold.

#![cfg(feature = "torch")]
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

#[test]
fn every_command_of_the_tutorial_does_what_it_says() {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/tutorial.md")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut commands = 0;
    for (head, body) in blocks(&page) {
        if let Some(name) = option(&head, "file") {
            std::fs::write(folder.path().join(name), &body).unwrap();
        } else if head.starts_with("sh") {
            let wanted: i32 = option(&head, "exit").map_or(0, |code| code.parse().unwrap());
            for line in body.lines() {
                run(line, wanted, folder.path());
                commands += 1;
            }
        }
    }
    assert!(commands >= 10, "the tutorial has {commands} commands");
}

fn run(line: &str, wanted: i32, folder: &Path) {
    let mut words = line.split_whitespace();
    assert_eq!(
        words.next(),
        Some("reckon"),
        "`{line}` is no command of reckon"
    );
    let output = Command::new(env!("CARGO_BIN_EXE_reckon"))
        .args(words)
        .current_dir(folder)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.code(),
        Some(wanted),
        "`{line}` said:\n{said}\n{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

/// The fenced blocks: what follows the opening fence, and the lines inside.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(head)) => open = Some((head.to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((_, body)), None) => {
                body.push_str(line);
                body.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// The value of `name=value` after a fence.
fn option<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.split_whitespace()
        .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
}
