//! Checking and compiling never panic, whatever a spec says.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the crate is pure, its tests read files"
)]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use reckon_compiler::check::check;
use reckon_compiler::lower::compile;
use reckon_compiler::world::Texts;
use reckon_grammar::print;
use reckon_grammar::span::FileId;

/// How many mutations of each kind are tried; `RECKON_FUZZ` asks for more.
fn tries(usual: u32) -> u32 {
    std::env::var("RECKON_FUZZ")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

/// The examples, and a spec that uses a bit of everything.
fn specs() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut paths = Vec::new();
    for folder in fs::read_dir(root.join("../examples")).unwrap() {
        let files = fs::read_dir(folder.unwrap().path()).into_iter().flatten();
        paths.extend(files.map(|file| file.unwrap().path()));
    }
    paths.push(root.join("tests/specs/everything.rec"));
    paths.sort();
    paths.retain(|path| path.extension().is_some_and(|ext| ext == "rec"));
    paths
        .into_iter()
        .map(|path| fs::read_to_string(path).unwrap())
        .collect()
}

/// Checks and compiles a spec; says what it was where that panics. Lowering without a diagnostic of the checker must
/// not end in an internal error either.
fn survives(text: &str) -> Result<(), String> {
    let run = || {
        let world = Texts([("main.rec".to_owned(), text.to_owned())].into());
        let checked = check(&world, "main.rec", &[]);
        let failed = checked.hir.map(|hir| compile(&hir));
        for found in failed.into_iter().filter_map(Result::err).flatten() {
            assert_ne!(found.code.0, 999, "{}", found.message);
        }
        let parsed = reckon_grammar::parse(FileId(0), text);
        if parsed.diagnostics.is_empty() {
            let printed = reckon_grammar::parse(FileId(0), &print(&parsed.ast));
            assert_eq!(printed.ast.items.len(), parsed.ast.items.len());
        }
    };
    catch_unwind(AssertUnwindSafe(run)).map_err(|_| format!("this spec is fatal:\n{text}"))
}

/// The places of the tokens of a text.
fn tokens(text: &str) -> Vec<(usize, usize)> {
    let mut at = 0;
    let mut tokens = Vec::new();
    for leaf in reckon_grammar::parse(FileId(0), text).tree.leaves(text) {
        if !leaf.trim().is_empty() && !leaf.starts_with("//") {
            tokens.push((at, at + leaf.len()));
        }
        at += leaf.len();
    }
    tokens
}

/// What tokens are replaced by: the other tokens of the spec, and values that are odd everywhere.
const ODD: &[&str] = &[
    "0",
    "-1",
    "9223372036854775807",
    "1e308",
    "[]",
    "[[]]",
    "{ a: 1 }",
    "\"\"",
    "user",
    "click",
    "item",
    "stars",
    "dim",
    "true",
    "1d",
    "80%",
    "history",
    "vocab",
    "mean",
    "history(click of user)",
    "in_batch(item)",
    "for x in [] => x",
    "(for k in 0..2 => user)",
    "concat(user)",
    "stack([])",
    "weight([0])",
    "user.id",
    "user.raw.age",
    "item.raw.tags",
    "c.known",
    "if training then 1 else 2",
    "training",
    "not",
    "|> sum",
    "|> fill(0)",
    "|> first",
];

/// Deletes, doubles, swaps and replaces a few tokens.
fn mutated(text: &str, edits: &[(u8, usize, usize)]) -> String {
    let places = tokens(text);
    let mut parts: Vec<String> = places
        .iter()
        .map(|(from, to)| text[*from..*to].to_owned())
        .collect();
    let names: Vec<String> = parts.clone();
    let count = parts.len();
    for (kind, at, other) in edits {
        let (at, other) = (at % count, other % count);
        match kind {
            0 => parts[at].clear(),
            1 => parts[at] = format!("{0} {0}", parts[at]),
            2 => parts.swap(at, other),
            3 => parts[at].clone_from(&names[other]),
            _ => parts[at] = ODD[other % ODD.len()].to_owned(),
        }
    }
    let mut result = String::new();
    let mut end = 0;
    for ((from, to), part) in places.iter().zip(parts) {
        result.push_str(&text[end..*from]);
        result.push_str(&part);
        end = *to;
    }
    result.push_str(&text[end..]);
    result
}

#[test]
fn the_spec_with_a_bit_of_everything_compiles() {
    let text = specs().pop().unwrap();
    let world = Texts([("main.rec".to_owned(), text)].into());
    let checked = check(&world, "main.rec", &[]);
    let said: Vec<String> = checked
        .diagnostics
        .iter()
        .map(|found| {
            format!(
                "{} {} {:?}",
                found.code,
                found.message,
                checked.sources.slice(found.primary.span)
            )
        })
        .collect();
    assert_eq!(said, Vec::<String>::new());
    let compiled = compile(&checked.hir.unwrap());
    assert!(compiled.is_ok(), "{:?}", compiled.err());
}

#[test]
fn a_spec_cut_anywhere_or_without_one_token_is_no_reason_to_panic() {
    for text in specs() {
        let places = tokens(&text);
        let step = (places.len() as u32 / tries(60)).max(1) as usize;
        for (from, to) in places.iter().skip(step / 2).step_by(step) {
            survives(&format!("{}{}", &text[..*from], &text[*to..])).unwrap();
        }
        let ends: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
        let step = (ends.len() as u32 / tries(60)).max(1) as usize;
        for end in ends.into_iter().step_by(step) {
            survives(&text[..end]).unwrap();
        }
    }
}

#[test]
fn mutated_specs_are_no_reason_to_panic() {
    let specs = specs();
    let config = Config {
        cases: tries(200),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let edits = prop::collection::vec((0..5_u8, any::<usize>(), any::<usize>()), 1..4);
    TestRunner::new_with_rng(config, rng)
        .run(&(0..specs.len(), edits), |(spec, edits)| {
            survives(&mutated(&specs[spec], &edits)).map_err(TestCaseError::fail)
        })
        .unwrap();
}
