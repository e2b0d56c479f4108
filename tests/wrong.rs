//! Wrong specs and what is said about them: each `tests/wrong/*.rec` has a page with its source and the messages.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn wrong_specs_are_answered_as_on_their_pages() {
    insta::glob!("wrong/*.rec", |path| {
        let page = page(path);
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

/// The source, then the messages; a wrong spec must be refused or at least warned about.
fn page(path: &Path) -> String {
    let source = fs::read_to_string(path).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_reckon"))
        .arg("check")
        .arg(path.file_name().unwrap())
        .current_dir(path.parent().unwrap())
        .env("LC_ALL", "C.UTF-8")
        .output()
        .unwrap();
    let messages = String::from_utf8(output.stderr).unwrap();
    let code = output.status.code();
    assert!(
        matches!(code, Some(0 | 1)),
        "{}: exit status {code:?}\n{messages}",
        path.display()
    );
    assert!(
        !messages.is_empty(),
        "{}: nothing is wrong with it",
        path.display()
    );
    assert!(output.stdout.is_empty(), "findings go to stderr");
    format!("{}\n----\n\n{}", source.trim_end(), messages)
}
