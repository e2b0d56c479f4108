//! Wrong specs and what is said about them: each `tests/wrong/*.rec` has a page with its source and the messages.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn wrong_specs_are_answered_as_on_their_pages() {
    let messages = messages();
    insta::glob!("wrong/*.rec", |path| {
        let name = path.file_name().unwrap().to_string_lossy();
        let said = messages.get(name.as_ref()).map_or("", String::as_str);
        assert!(!said.is_empty(), "nothing is wrong with {name}");
        let source = fs::read_to_string(path).unwrap();
        let page = format!("{}\n----\n\n{said}", source.trim_end());
        let stem = path.file_stem().unwrap().to_string_lossy();
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path("wrong");
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.remove_snapshot_suffix();
        settings.remove_input_file();
        settings.bind(|| insta::assert_snapshot!(stem.as_ref(), page));
    });
}

/// What is said about each spec, by file name. One process checks all of them: starting one takes longer than its work.
fn messages() -> BTreeMap<String, String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".rec"))
        .collect();
    names.sort();
    let output = Command::new(env!("CARGO_BIN_EXE_reckon"))
        .arg("check")
        .args(&names)
        .current_dir(folder)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(output.stdout.is_empty(), "findings go to stderr");
    by_file(&said, &names)
}

/// Findings are shown file by file, and each file's end with a summary, `2 errors in FILE`.
fn by_file(said: &str, names: &[String]) -> BTreeMap<String, String> {
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    let mut open = String::new();
    for line in said.lines() {
        open += line;
        open.push('\n');
        let summary = line.split_once(" in ").filter(|(counts, _)| {
            counts.starts_with(|first: char| first.is_ascii_digit())
                && (counts.contains("error") || counts.contains("warning"))
        });
        if let Some((_, name)) = summary.filter(|(_, name)| names.iter().any(|known| known == name))
        {
            *files.entry(name.to_owned()).or_default() += &std::mem::take(&mut open);
        }
    }
    assert_eq!(open, "", "said after the last summary");
    files
}

#[test]
fn a_check_is_not_cut_short_where_no_one_hears_its_talk() {
    let mut check = Command::new(env!("CARGO_BIN_EXE_reckon"))
        .args(["check", "no_features.rec"])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wrong"))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(check.stderr.take());
    assert_eq!(check.wait().unwrap().code(), Some(1));
}
