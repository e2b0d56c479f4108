//! The queries of the editors: they fit the grammar, no text is caught twice, and an example has the colours that it should.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::fs;
use std::path::Path;

use common::{parse, root, specs};
use reckon_tree_sitter::LANGUAGE;
use tree_sitter::{Query, QueryCursor, StreamingIterator};

fn query(path: &Path) -> Query {
    let text = fs::read_to_string(path).unwrap();
    Query::new(&LANGUAGE.into(), &text)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What a query catches, in the order of the text: range and name.
fn caught<'a>(query: &'a Query, text: &str) -> Vec<(usize, usize, &'a str)> {
    let tree = parse(text);
    let mut cursor = QueryCursor::new();
    let mut captures = cursor.captures(query, tree.root_node(), text.as_bytes());
    let mut found = Vec::new();
    while let Some((one, at)) = captures.next() {
        let capture = one.captures()[*at];
        let name = query.capture_names()[capture.index as usize];
        // What such a name catches is only compared.
        if name.starts_with('_') {
            continue;
        }
        found.push((capture.node.start_byte(), capture.node.end_byte(), name));
    }
    found
}

fn queries() -> Vec<std::path::PathBuf> {
    let editors = root().join("editors");
    let folders = [
        "tree-sitter/queries",
        "helix/queries",
        "zed/languages/reckon",
    ];
    let files = folders
        .iter()
        .flat_map(|folder| fs::read_dir(editors.join(folder)).unwrap());
    let mut queries: Vec<_> = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "scm"))
        .collect();
    queries.sort();
    queries
}

#[test]
fn every_query_fits_the_grammar_and_finds_something() {
    let text = include_str!("../../../examples/movielens/two_tower.rec");
    let queries = queries();
    assert!(queries.len() >= 8, "{queries:?}");
    for path in queries {
        assert!(
            !caught(&query(&path), text).is_empty(),
            "{}",
            path.display()
        );
    }
}

#[test]
fn no_text_has_two_colours() {
    let query = query(&root().join("editors/tree-sitter/queries/highlights.scm"));
    for (path, text) in ["examples", "stdlib", "benches"]
        .iter()
        .flat_map(|folder| specs(folder))
    {
        let mut found = caught(&query, &text);
        found.sort_unstable();
        for two in found.windows(2) {
            let same = two[0].0 == two[1].0 && two[0].1 == two[1].1;
            assert!(
                !same,
                "{}: `{}` is {two:?}",
                path.display(),
                &text[two[0].0..two[0].1]
            );
        }
    }
}

/// A spec line by line, with what has a colour below each line; marks are left out.
fn page(text: &str) -> String {
    let query = query(&root().join("editors/tree-sitter/queries/highlights.scm"));
    let found = caught(&query, text);
    let mut page = String::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let end = start + line.len();
        page.push_str(line);
        let here = found.iter().filter(|(first, _, name)| {
            (start..end).contains(first) && !name.starts_with("punctuation") && *name != "operator"
        });
        let words: Vec<String> = here
            .map(|(first, last, name)| format!("{name} `{}`", &text[*first..*last]))
            .collect();
        if !words.is_empty() {
            page.push_str(&format!("      {}\n", words.join(", ")));
        }
        start = end;
    }
    page
}

#[test]
fn the_main_example_has_these_colours() {
    insta::assert_snapshot!(page(include_str!(
        "../../../examples/movielens/two_tower.rec"
    )));
}

#[test]
fn loops_teachers_and_columns_have_these_colours() {
    insta::assert_snapshot!(page(include_str!(
        "../../../grammar/tests/programs/continual_transfer.rec"
    )));
}
