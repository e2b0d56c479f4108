//! The TextMate grammar of `editors/vscode` is what the table of the language's words gives. Run with
//! `INSTA_UPDATE=always` to write it anew.

#![allow(missing_docs, clippy::unwrap_used, clippy::disallowed_methods)]

use std::path::Path;
use std::{env, fs};

use reckon_grammar::keywords::{
    CONSTANTS, CONTEXTUAL, EVALUATE_ENTRIES, ITEMS, RESERVED, SOURCE_ENTRIES, TRAIN_ENTRIES,
};
use serde_json::{Value, json};

fn rule(scope: &str, pattern: &str) -> Value {
    json!({ "name": format!("{scope}.reckon"), "match": pattern })
}

/// Any of several words, longest first, so that no word hides one that it begins.
fn any(words: &[&str]) -> String {
    let mut words = words.to_vec();
    words.sort_by_key(|word| (std::cmp::Reverse(word.len()), *word));
    words.dedup();
    words.join("|")
}

/// The grammar. Contextual words are coloured where an entry or a clause can begin; the server's colours, which know what
/// a word stands for, lie over these.
fn grammar() -> Value {
    let entries = [SOURCE_ENTRIES, TRAIN_ENTRIES, EVALUATE_ENTRIES].concat();
    let entries: Vec<&str> = entries
        .into_iter()
        .filter(|word| !ITEMS.contains(word))
        .collect();
    let clauses: Vec<&str> = CONTEXTUAL
        .iter()
        .copied()
        .filter(|word| !entries.contains(word) && *word != "day")
        .collect();
    // Behind these words stands a name, but in `by day`.
    let clauses = format!(
        "(?:\\bday|(?<!\\bby )(?<!\\bafter )(?<!\\bof )\\b({}))\\b",
        any(&clauses)
    );
    json!({
        "$schema": "https://raw.githubusercontent.com/martinring/tmlanguage/master/tmlanguage.json",
        "name": "Reckon",
        "scopeName": "source.reckon",
        "fileTypes": ["rec"],
        "patterns": [
            rule("comment.line.documentation", "///.*$"),
            rule("comment.line.double-slash", "//.*$"),
            {
                "name": "string.quoted.double.reckon",
                "begin": "\"",
                "end": "\"|$",
                "patterns": [rule("constant.character.escape", "\\\\.")],
            },
            {
                "match": format!("^(\\s*)({})\\b(?:\\s+([A-Za-z_]\\w*))?", any(ITEMS)),
                "captures": {
                    "2": { "name": "keyword.declaration.reckon" },
                    "3": { "name": "entity.name.reckon" },
                },
            },
            rule("constant.language", &format!("\\b({})\\b", any(CONSTANTS))),
            rule("keyword.control", &format!("\\b({})\\b", any(RESERVED))),
            rule("variable.parameter", "\\b[A-Za-z_]\\w*(?=\\s*:)"),
            rule("keyword.other.entry", &format!("(?:^|(?<=[{{;]))\\s*({})\\b(?!\\s*[=.:(])", any(&entries))),
            rule("keyword.other.clause", &format!("(?<![.|>] )(?<!\\.){clauses}(?!\\s*[=.:(,)|])")),
            rule("entity.name.function", "\\b[A-Za-z_]\\w*(?=\\s*\\()"),
            rule("entity.name.function.pipe", "(?<=\\|>)\\s*[A-Za-z_]\\w*"),
            rule("constant.numeric", "\\b\\d[\\d_]*(\\.\\d+)?([eE][+-]?\\d+)?(%|[a-z]+)?"),
            rule("keyword.operator", "\\|>|=>|->|==|!=|<=|>=|~=|\\.\\.|[-+*/^=<>~@?]"),
        ],
    })
}

#[test]
fn the_extension_colours_the_words_of_the_language() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../editors/vscode/syntaxes/reckon.tmLanguage.json");
    let wanted = serde_json::to_string_pretty(&grammar()).unwrap() + "\n";
    if env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        fs::write(&path, &wanted).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        wanted,
        "write it anew with INSTA_UPDATE=always"
    );
}
