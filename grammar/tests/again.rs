//! Parsing a text again after an edit gives what parsing it for the first time gives.
#![allow(
    clippy::disallowed_methods,
    reason = "the crate is pure, its tests read files"
)]

mod common;

use std::path::{Path, PathBuf};

use common::programs;
use reckon_grammar::span::FileId;
use reckon_grammar::{Earlier, Parsed, parse, parse_again};

/// Numbers that are the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }
}

/// What is typed.
const PIECES: &[&str] = &[
    "",
    "",
    "",
    " ",
    "\n",
    "\n\n",
    "{",
    "}",
    "(",
    ")",
    "[",
    "]",
    "\"",
    "//",
    "/// ",
    ";",
    ",",
    "=",
    ":",
    "x",
    "1d",
    "é",
    "\r\n",
    "let a = 1",
    "features movie {\n",
    "loop day over x by 1d {\n",
    "entity user from \"u.csv\" {",
    "\nfn f(x) = x\n",
    " |> f",
    " where ",
    "\u{1}",
    "\u{3}",
    "\u{feff}",
    "train { batch 1 }",
];

/// A place between two characters.
fn place(dice: &mut Dice, text: &str) -> usize {
    let at = dice.below(text.len() + 1);
    (at..=text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(text.len())
}

/// A text after one edit: something deleted, typed, or moved from elsewhere.
fn edit(dice: &mut Dice, text: &str) -> String {
    let start = place(dice, text);
    let end = match dice.below(3) {
        0 => start,
        1 => (start + dice.below(8)).min(text.len()),
        _ => (start + dice.below(300)).min(text.len()),
    };
    let end = (end..=text.len())
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(text.len());
    let typed = match dice.below(8) {
        0 => {
            let (a, b) = (place(dice, text), place(dice, text));
            text.get(a.min(b)..a.max(b))
                .unwrap_or("")
                .chars()
                .take(200)
                .collect()
        }
        _ => PIECES[dice.below(PIECES.len())].to_owned(),
    };
    format!("{}{typed}{}", &text[..start], &text[end..])
}

fn assert_same(text: &str, again: &Parsed) {
    let first = parse(FileId(0), text);
    assert_eq!(again.tree.dump(text), first.tree.dump(text), "{text}");
    assert_eq!(again.ast, first.ast, "{text}");
    assert_eq!(again.diagnostics, first.diagnostics, "{text}");
}

/// The programs of the manual, the examples and the library.
fn texts() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders: Vec<PathBuf> = vec![root.join("examples"), root.join("stdlib")];
    let mut paths = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a readable folder") {
            let path = entry.expect("a readable folder").path();
            match path.extension() {
                Some(ending) if ending == "rec" => paths.push(path),
                _ if path.is_dir() && !path.is_symlink() => folders.push(path),
                _ => {}
            }
        }
    }
    paths.sort();
    assert!(paths.len() > 40, "found {paths:?}");
    let read = |path| std::fs::read_to_string(path).expect("a readable program");
    let manual = programs().into_iter().map(|(_, text)| text);
    manual.chain(paths.iter().map(read)).collect()
}

#[test]
fn any_row_of_edits_gives_what_a_fresh_parse_gives() {
    let mut dice = Dice(7);
    for whole in texts() {
        let mut earlier: Option<Earlier> = None;
        let mut text = whole.clone();
        for round in 0..20 {
            assert_same(&text, &parse_again(FileId(0), &text, &mut earlier));
            text = match round % 10 {
                9 => whole.clone(),
                _ => edit(&mut dice, &text),
            };
        }
    }
}
