//! What the tests of the grammar share.
#![allow(dead_code, reason = "each test file uses a part")]
#![allow(
    clippy::disallowed_methods,
    reason = "the crate is pure, its tests read files"
)]

use reckon_grammar::ast::File;
use reckon_grammar::span::FileId;
use reckon_grammar::{format, parse, print};

/// The programs of the manual with their names.
pub(crate) fn programs() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs");
    let mut programs: Vec<_> = std::fs::read_dir(folder)
        .expect("the programs are there")
        .map(|entry| entry.expect("a readable folder").path())
        .map(|path| {
            (
                path.display().to_string(),
                std::fs::read_to_string(&path).expect("a readable program"),
            )
        })
        .collect();
    programs.sort();
    programs
}

/// The errors of a text, a code and a message each.
pub(crate) fn errors(text: &str) -> Vec<String> {
    let parsed = parse(FileId(0), text);
    parsed
        .diagnostics
        .iter()
        .map(|diagnostic| format!("{} {}", diagnostic.code, diagnostic.message))
        .collect()
}

/// The abstract syntax of a text without its spans.
pub(crate) fn shape(text: &str) -> String {
    without_spans(&parse(FileId(0), text).ast)
}

/// A file as debug output without its spans.
pub(crate) fn without_spans(file: &File) -> String {
    let debug = format!("{file:?}");
    let mut shape = String::with_capacity(debug.len());
    let mut rest = debug.as_str();
    // spans show as `0:12..15`, which nothing else does
    while let Some(at) = rest.find("0:") {
        let tail = &rest[at + 2..];
        let end = tail
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(tail.len());
        shape.push_str(&rest[..at]);
        let is_span = tail[..end].contains("..")
            && !rest[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
        shape.push_str(if is_span {
            "_"
        } else {
            &rest[at..at + 2 + end]
        });
        rest = &tail[end..];
    }
    shape + rest
}

/// The comments of a text in order.
pub(crate) fn comments(text: &str) -> Vec<String> {
    let parsed = parse(FileId(0), text);
    let leaves = parsed.tree.leaves(text);
    leaves
        .iter()
        .filter(|leaf| leaf.starts_with("//"))
        .map(|leaf| leaf.trim_end().to_owned())
        .collect()
}

/// The words, numbers and strings of a text in order.
fn words(text: &str) -> Vec<String> {
    let parsed = parse(FileId(0), text);
    let leaves = parsed.tree.leaves(text).into_iter();
    let is_word =
        |leaf: &&str| leaf.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '"');
    leaves
        .filter(is_word)
        .flat_map(|leaf| leaf.split_ascii_whitespace())
        .map(str::to_owned)
        .collect()
}

/// Checks what formatting and printing promise about a text without errors.
#[track_caller]
pub(crate) fn check_laws(text: &str) {
    let formatted = format(text).expect("a text without errors is formatted");
    assert_eq!(
        errors(&formatted),
        Vec::<String>::new(),
        "formatted {text:?}\n{formatted}"
    );
    assert_eq!(
        format(&formatted).as_deref(),
        Ok(formatted.as_str()),
        "formatting holds still for {text:?}"
    );
    assert_eq!(
        shape(text),
        shape(&formatted),
        "formatting keeps the meaning of {text:?}\n{formatted}"
    );
    assert_eq!(
        comments(text),
        comments(&formatted),
        "formatting keeps the comments of {text:?}\n{formatted}"
    );
    assert_eq!(
        words(text),
        words(&formatted),
        "formatting keeps the words of {text:?}"
    );
    let printed = print(&parse(FileId(0), text).ast);
    assert_eq!(
        errors(&printed),
        Vec::<String>::new(),
        "printed {text:?}\n{printed}"
    );
    assert_eq!(
        shape(text),
        shape(&printed),
        "printing keeps the meaning of {text:?}\n{printed}"
    );
}
