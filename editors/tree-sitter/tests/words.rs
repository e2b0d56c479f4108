//! What is written from the compiler's table of words: the words in the grammar, in its scanner and in the queries of the editors. Run
//! with `INSTA_UPDATE=always` to write them anew; `parser.c` is then generated anew by `tree-sitter generate --abi 14`.

#![allow(missing_docs, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use reckon_grammar::keywords::{
    CONSTANTS, CONTEXTUAL, EVALUATE_ENTRIES, ITEMS, RESERVED, SOURCE_ENTRIES, TRAIN_ENTRIES,
};
use reckon_tree_sitter::LANGUAGE;
use serde_json::json;
use tree_sitter::Language;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Holds a file to what it should be, or writes it.
fn is_current(path: &str, wanted: &str) {
    let path = here(path);
    if env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&path, wanted).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap();
    assert!(
        found == wanted,
        "{} is not what the table of words gives: write it anew with INSTA_UPDATE=always",
        path.display()
    );
}

fn quoted(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
    words.join(" ")
}

/// What an editor calls the colours that others call differently.
struct Editor {
    file: &'static str,
    note: &'static str,
    names: &'static [(&'static str, &'static str)],
}

const EDITORS: &[Editor] = &[
    Editor {
        file: "queries/highlights.scm",
        note: "Written by tests/words.rs from highlights.scm.in and the table of words.",
        names: &[],
    },
    Editor {
        file: "../helix/queries/highlights.scm",
        note: "For Helix, written by the tests of editors/tree-sitter.",
        names: &[
            ("@comment.documentation", "@comment.line.documentation"),
            ("@comment", "@comment.line"),
            ("@string.escape", "@constant.character.escape"),
            ("@number", "@constant.numeric"),
            ("@boolean", "@constant.builtin.boolean"),
            ("@property", "@variable.other.member"),
        ],
    },
    Editor {
        file: "../zed/languages/reckon/highlights.scm",
        note: "For Zed, written by the tests of editors/tree-sitter.",
        names: &[("@comment.documentation", "@comment.doc")],
    },
];

fn highlights(editor: &Editor) -> String {
    let entries: Vec<&str> =
        [SOURCE_ENTRIES, TRAIN_ENTRIES, EVALUATE_ENTRIES, &["assert"]].concat();
    let mut text = fs::read_to_string(here("highlights.scm.in")).unwrap();
    for (place, words) in [
        ("{note}", editor.note.to_string()),
        ("{constants}", quoted(CONSTANTS)),
        ("{items}", quoted(ITEMS)),
        ("{clauses}", quoted(CONTEXTUAL)),
        ("{entries}", quoted(&entries)),
        ("{sources}", quoted(SOURCE_ENTRIES)),
    ] {
        assert!(text.contains(place), "no {place}");
        text = text.replace(place, &words);
    }
    let words = text.split_inclusive(|c: char| !(c.is_ascii_alphanumeric() || "@._".contains(c)));
    words.map(|word| named(editor, word)).collect()
}

/// A capture under the editor's own name; anything else as it is.
fn named(editor: &Editor, word: &str) -> String {
    let name = word.trim_end_matches(|c: char| !(c.is_ascii_alphanumeric() || "@._".contains(c)));
    match editor.names.iter().find(|(standard, _)| *standard == name) {
        Some((_, own)) => word.replacen(name, own, 1),
        None => word.to_string(),
    }
}

#[test]
fn the_grammar_reads_the_words_of_the_language() {
    let words = json!({ "items": ITEMS, "reserved": RESERVED });
    is_current(
        "keywords.json",
        &(serde_json::to_string_pretty(&words).unwrap() + "\n"),
    );
    let lines: Vec<String> = ITEMS
        .iter()
        .map(|word| format!("  \"{word}\",\n"))
        .collect();
    is_current(
        "src/items.h",
        &format!(
            "// Written from the compiler's table of words by tests/words.rs.\n\nstatic const char *const ITEMS[] = {{\n{}}};\n",
            lines.concat()
        ),
    );
}

#[test]
fn the_parser_was_generated_with_the_words_of_the_language() {
    let language = Language::from(LANGUAGE);
    let known: Vec<&str> = (0..language.node_kind_count())
        .filter_map(|id| language.node_kind_for_id(u16::try_from(id).unwrap()))
        .collect();
    for word in ITEMS {
        assert!(
            known.contains(word),
            "`{word}`: run `tree-sitter generate --abi 14`"
        );
    }
}

#[test]
fn editors_colour_the_words_of_the_language() {
    for editor in EDITORS {
        is_current(editor.file, &highlights(editor));
    }
}

/// A whole generation takes less than a second; the command is not everywhere, and the test says so where it is not.
#[test]
fn the_parser_is_what_the_grammar_generates() {
    let quiet =
        |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    if quiet(Command::new("tree-sitter").arg("--version")).is_err() {
        eprintln!("not run: `tree-sitter` is not installed");
        return;
    }
    let folder = here("../../target/tree-sitter-again");
    fs::create_dir_all(folder.join("src")).unwrap();
    for file in ["grammar.js", "keywords.json", "tree-sitter.json"] {
        fs::copy(here(file), folder.join(file)).unwrap();
    }
    let status = quiet(
        Command::new("tree-sitter")
            .args(["generate", "--abi", "14"])
            .current_dir(&folder),
    );
    assert!(status.unwrap().success());
    let same =
        fs::read(folder.join("src/parser.c")).unwrap() == fs::read(here("src/parser.c")).unwrap();
    assert!(same, "src/parser.c: run `tree-sitter generate --abi 14`");
}
