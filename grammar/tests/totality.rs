//! Every text parses, nothing is lost, and a mistake costs no more than the item it stands in.

#![allow(clippy::disallowed_methods, reason = "a test measures time")]

mod common;

use std::time::{Duration, Instant};

use common::{check_laws, errors, programs};
use proptest::prelude::*;
use reckon_grammar::ast::{Item, ItemKind, Use};
use reckon_grammar::span::FileId;
use reckon_grammar::{format, parse, print};

/// The kind and name of an item.
fn head(item: &Item) -> String {
    match &item.kind {
        ItemKind::Use(Use::Library(path)) => {
            format!(
                "use {}",
                path.iter()
                    .map(|name| name.text.as_str())
                    .collect::<Vec<_>>()
                    .join(".")
            )
        }
        ItemKind::Use(Use::File(path, _)) => format!("use {path}"),
        ItemKind::Setting(it) => format!("setting {}", it.name.text),
        ItemKind::Weight(it) => format!("weight {}", it.name.text),
        ItemKind::Source(it) => format!("{:?} {}", it.kind, it.name.text),
        ItemKind::Features(it) => format!("features {}", it.source.text),
        ItemKind::Split(it) => format!("split {}", it.source.text),
        ItemKind::Fn(it) => format!("fn {}", it.name.text),
        ItemKind::Tower(it) => format!("tower {}", it.name.text),
        ItemKind::Loss(it) => format!("loss {}", it.name.text),
        ItemKind::Selector(it) => format!("selector {}", it.name.text),
        ItemKind::Column(it) => format!("column {}", it.name.text),
        ItemKind::Graph(it) => format!("graph {}", it.name.text),
        ItemKind::Train(it) => format!(
            "train {}",
            it.name.as_ref().map_or("", |name| name.text.as_str())
        ),
        ItemKind::Loop(it) => format!("loop {}", it.name.text),
        ItemKind::Evaluate(it) => format!("evaluate {}", it.name.text),
        ItemKind::Export(_) => "export".to_owned(),
        ItemKind::Test(it) => format!("test {}", it.title),
    }
}

/// All items, those in loops too, with where they begin and end.
fn heads(text: &str) -> Vec<(String, usize, usize)> {
    fn collect(items: &[Item], heads: &mut Vec<(String, usize, usize)>) {
        for item in items {
            heads.push((head(item), item.span.start as usize, item.span.end as usize));
            if let ItemKind::Loop(it) = &item.kind {
                collect(&it.items, heads);
            }
        }
    }
    let mut all = Vec::new();
    collect(&parse(FileId(0), text).ast.items, &mut all);
    all
}

/// The items of `expected` that `found` lacks.
fn lost(expected: Vec<String>, text: &str) -> Vec<String> {
    let mut found: Vec<String> = heads(text).into_iter().map(|(head, ..)| head).collect();
    let missing =
        expected
            .into_iter()
            .filter(|head| match found.iter().position(|other| other == head) {
                Some(at) => {
                    found.remove(at);
                    false
                }
                None => true,
            });
    missing.collect()
}

/// Reads a text as everything reads it, and checks that its leaves are the text.
fn read(text: &str) {
    let parsed = parse(FileId(0), text);
    assert_eq!(parsed.tree.leaves(text).concat(), text);
    let _ = print(&parsed.ast);
    if parsed.diagnostics.is_empty() {
        check_laws(text);
    } else {
        assert!(
            format(text).is_err(),
            "a text with errors is refused: {text:?}"
        );
    }
}

/// The places of the tokens of a text.
fn tokens(text: &str) -> Vec<(usize, usize)> {
    let parsed = parse(FileId(0), text);
    let mut at = 0;
    let mut tokens = Vec::new();
    for leaf in parsed.tree.leaves(text) {
        if !leaf.trim().is_empty() && !leaf.starts_with("//") {
            tokens.push((at, at + leaf.len()));
        }
        at += leaf.len();
    }
    tokens
}

#[test]
fn every_program_with_a_token_deleted_keeps_all_other_items() {
    for (name, text) in programs() {
        let all = heads(&text);
        for (start, end) in tokens(&text) {
            let broken = format!("{}{}", &text[..start], &text[end..]);
            let untouched = all
                .iter()
                .filter(|(_, from, to)| !(*from..*to).contains(&start));
            let untouched = untouched.map(|(head, ..)| head.clone()).collect();
            let lost = lost(untouched, &broken);
            assert!(
                lost.is_empty(),
                "without {:?} at {start} of {name}, {lost:?} are lost",
                &text[start..end]
            );
        }
    }
}

#[test]
fn every_program_cut_at_every_byte_keeps_the_items_before() {
    for (name, text) in programs() {
        let all = heads(&text);
        for at in (0..text.len()).filter(|at| text.is_char_boundary(*at)) {
            let before = all
                .iter()
                .filter(|(_, _, to)| *to <= at)
                .map(|(head, ..)| head.clone())
                .collect();
            let lost = lost(before, &text[..at]);
            assert!(lost.is_empty(), "cut at {at} of {name}, {lost:?} are lost");
        }
    }
}

#[test]
fn what_is_not_read_is_reported() {
    for (_, text) in programs().into_iter().step_by(5) {
        let whole = common::shape(&text);
        for (start, _) in tokens(&text).into_iter().step_by(3) {
            for junk in ["}", ")", "§", "= 1", "\"", "where"] {
                let broken = format!("{}{junk} {}", &text[..start], &text[start..]);
                let reported = !errors(&broken).is_empty() || common::shape(&broken) != whole;
                assert!(reported, "{junk} at {start} is dropped in silence");
            }
        }
    }
}

#[test]
fn deep_nesting_is_an_error_and_no_crash() {
    let long = |part: &str| part.repeat(100_000);
    for text in [
        format!("setting x = {}", long("(")),
        format!("setting x = {}", long("[")),
        format!("setting x = {}", long("{ a: ")),
        format!("setting x = {}1{}", long("("), long(")")),
        format!("setting x = {}1", long("if a then ")),
        format!("setting x = {}1", long("if a then b else ")),
        format!("setting x = {}1", long("for a in b => ")),
        format!("setting x = {}1", long("match a { b => ")),
        format!("setting x = {}1", long("not ")),
        format!("setting x = {}1", long("-")),
        format!("setting x = {}1", long("1 + ")),
        format!("setting x = {}1", long("2 ^ ")),
        format!("setting x = y{}", long(".z")),
        format!("setting x = y{}", long("()")),
        format!("setting x = y{}", long(" |> z")),
        format!("setting x: {} = 1", long("list<")),
        format!("setting x: {} = 1", long("{ a: ")),
        long("loop d over x by 1d {\n"),
        long("{"),
        long("x {"),
    ] {
        let parsed = parse(FileId(0), &text);
        let _ = print(&parsed.ast);
        let shown: String = text.chars().take(40).collect();
        let deep = parsed
            .diagnostics
            .iter()
            .any(|diagnostic| diagnostic.code.to_string() == "E0114");
        assert!(deep, "{shown}… gives {:?}", parsed.diagnostics.first());
        assert!(
            parsed.diagnostics.len() < 1_000,
            "{shown}… gives {} errors",
            parsed.diagnostics.len()
        );
    }
}

#[test]
fn long_lists_are_not_deep() {
    let text = format!("setting x = [{}]", "f(1 + 2, [3]), ".repeat(2_000));
    assert_eq!(errors(&text), Vec::<String>::new());
}

/// The best of a few runs, as other work shares the machine.
fn time(text: &str) -> Duration {
    let run = || {
        let start = Instant::now();
        parse(FileId(0), text);
        start.elapsed()
    };
    (0..5).map(|_| run()).min().expect("a few runs")
}

#[test]
fn time_grows_with_the_text_and_not_faster() {
    let features = |n: usize| {
        let line = |at| {
            format!("  f{at} = (a{at} |> g(b, c: [1, 2, (3 + x * 4) ^ 2]) |> vocab) |> embed(8)\n")
        };
        format!(
            "features movie {{\n{}}}\n",
            (0..n).map(line).collect::<String>()
        )
    };
    let broken = |n: usize| "features movie { a = f(b, ]\n c d e (\n x = ;\n".repeat(n);
    for text in [&features as &dyn Fn(usize) -> String, &broken] {
        let (small, large) = (time(&text(500)), time(&text(4_000)));
        assert!(
            large < small * 8 * 5,
            "500 take {small:?}, 4000 take {large:?}"
        );
        assert!(small < Duration::from_millis(400), "500 take {small:?}");
    }
}

fn soup() -> impl Strategy<Value = String> {
    let words = [
        "use", "setting", "entity", "events", "features", "split", "fn", "tower", "teacher",
        "loss", "selector", "column", "graph", "train", "loop", "evaluate", "export", "test",
        "weight", "where", "in", "and", "or", "not", "for", "if", "then", "else", "match", "let",
        "over", "by", "of", "from", "x", "user", "like", "f32", "1", "2.5", "80%", "1d", "\"s\"",
        "\"", "(", ")", "[", "]", "{", "}", ",", ";", ":", ".", "..", "=", "==", "->", "=>", "|>",
        "|", "+", "-", "*", "/", "^", "<", ">", "~=", "~", "@", "?", "\n", "\n", "\n", " ",
        "// c\n", "/// d\n", "é", "\u{1}", "\u{3}", "\r\n", "\\",
    ];
    proptest::collection::vec(proptest::sample::select(words.to_vec()), 0..60)
        .prop_map(|words| words.join(" ").replace(" \n ", "\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_soup_of_tokens_is_read(text in soup()) {
        read(&text);
    }

    #[test]
    fn any_text_is_read(text in ".*") {
        read(&text);
    }

    #[test]
    fn any_bytes_are_read(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read(&String::from_utf8_lossy(&bytes));
    }

}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn comments_anywhere_survive_formatting(program in 0usize..6, places in proptest::collection::vec(0usize..10_000, 1..8)) {
        let (_, mut text) = programs().swap_remove(program);
        for place in places {
            let tokens = tokens(&text);
            let (_, at) = tokens[place % tokens.len()];
            let with = format!("{} // note {place}\n{}", &text[..at], &text[at..]);
            // a comment may end a line that may not end there
            if errors(&with).is_empty() {
                text = with;
            }
        }
        check_laws(&text);
    }
}
