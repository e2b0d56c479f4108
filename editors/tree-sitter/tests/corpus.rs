//! The pages of `test/corpus`, which `tree-sitter test` reads too: a title between `=` lines, a text, `---`, its tree. Run with
//! `INSTA_UPDATE=always` to write the trees anew.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use std::{env, fs};

use common::{parse, root};

/// A page: its heading with both lines of `=`, the text, the tree as it is written there.
struct Page<'a> {
    heading: &'a str,
    text: &'a str,
    tree: &'a str,
}

fn pages(file: &str) -> Vec<Page<'_>> {
    let line = format!("{}\n", "=".repeat(18));
    let mut parts = file.split(line.as_str()).skip(1);
    let mut pages = Vec::new();
    while let (Some(heading), Some(body)) = (parts.next(), parts.next()) {
        let (text, tree) = body.split_once("\n---\n").unwrap();
        pages.push(Page {
            heading,
            text,
            tree,
        });
    }
    pages
}

/// A tree with a node a line, indented by depth, behind the name of its field.
fn tree(text: &str) -> String {
    let flat = parse(text).root_node().to_sexp();
    let mut lines = String::new();
    let (mut depth, mut field) = (0, "");
    for piece in flat.split('(').skip(1) {
        if !lines.is_empty() {
            lines.push('\n');
        }
        lines.push_str(&"  ".repeat(depth));
        let (node, next) = match piece.trim_end().rsplit_once(' ') {
            Some((node, next)) if next.ends_with(':') => (node, next),
            _ => (piece.trim_end(), ""),
        };
        if !field.is_empty() {
            lines.push_str(&format!("{field} "));
        }
        lines.push_str(&format!("({node}"));
        depth = depth + 1 - node.matches(')').count();
        field = next;
    }
    lines
}

#[test]
fn every_page_has_its_tree() {
    let mut files: Vec<_> = fs::read_dir(root().join("editors/tree-sitter/test/corpus"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    let mut count = 0;
    for path in files {
        let file = fs::read_to_string(&path).unwrap();
        let pages = pages(&file);
        count += pages.len();
        let wanted: Vec<String> = pages
            .iter()
            .map(|page| {
                let line = "=".repeat(18);
                let Page { heading, text, .. } = page;
                format!("{line}\n{heading}{line}\n{text}\n---\n\n{}\n", tree(text))
            })
            .collect();
        if env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
            fs::write(&path, wanted.join("\n")).unwrap();
            continue;
        }
        for (page, wanted) in pages.iter().zip(&wanted) {
            let tree = wanted.split_once("\n---\n").unwrap().1;
            assert_eq!(
                page.tree.trim(),
                tree.trim(),
                "{}: {}",
                path.display(),
                page.heading.trim()
            );
        }
    }
    assert!(count >= 12, "only {count} pages");
}
