//! What the tests share: the repository's specs and a parser for them.

#![allow(missing_docs, clippy::unwrap_used, dead_code)]

use std::fs;
use std::path::{Path, PathBuf};

use reckon_tree_sitter::LANGUAGE;
use tree_sitter::{Parser, Tree};

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

pub(crate) fn parse(text: &str) -> Tree {
    let mut parser = Parser::new();
    parser.set_language(&LANGUAGE.into()).unwrap();
    parser.parse(text, None).unwrap()
}

/// The specs in a folder of the repository and below it, by path.
pub(crate) fn specs(folder: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    collect(&root().join(folder), &mut found);
    found.sort();
    found
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|end| end == "rec") {
            let text = fs::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
}
