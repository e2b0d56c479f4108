//! The grammar of editors beside the compiler's: what the one reads without a message, the other reads without an error.

#![allow(missing_docs, clippy::unwrap_used)]

mod common;

use common::{parse, specs};
use reckon_grammar::span::FileId;

const FOLDERS: &[&str] = &[
    "examples", "stdlib", "benches", "grammar", "compiler", "tests", "editors",
];

#[test]
fn what_the_compiler_reads_is_read_without_an_error() {
    let mut sound = 0;
    for (path, text) in FOLDERS.iter().flat_map(|folder| specs(folder)) {
        if !reckon_grammar::parse(FileId(0), &text)
            .diagnostics
            .is_empty()
        {
            continue;
        }
        sound += 1;
        let tree = parse(&text);
        assert!(
            !tree.root_node().has_error(),
            "{}: {}",
            path.display(),
            tree.root_node()
        );
    }
    assert!(sound > 200, "only {sound} specs");
}

#[test]
fn a_text_that_is_cut_anywhere_keeps_the_items_before_the_cut() {
    let text = include_str!("../../../examples/movielens/two_tower.rec");
    let whole = parse(text);
    for cut in (0..text.len()).step_by(7) {
        let tree = parse(&text[..cut]);
        let mut cursor = whole.walk();
        for item in whole.root_node().named_children(&mut cursor) {
            // the item that the cut goes through, and the one before it, may look different
            if item.end_byte() + 1 >= cut
                || item
                    .next_named_sibling()
                    .is_some_and(|next| next.start_byte() >= cut)
            {
                break;
            }
            let again = tree
                .root_node()
                .named_descendant_for_byte_range(item.start_byte(), item.end_byte());
            assert_eq!(
                again.map(|node| node.to_sexp()),
                Some(item.to_sexp()),
                "cut at {cut}"
            );
        }
    }
}

#[test]
fn an_item_that_is_left_open_does_not_swallow_the_next() {
    let open = [
        "loss main over rating {\n  let c = in_batch(movie, [1,\n",
        "features movie {\n  id = movie_id |> vocab(\n",
        "entity user from \"users.csv\" {\n  key user_id: int\n",
        "tower film(m: movie) -> f32[\n",
        "train {\n  minimize main",
    ];
    for start in open {
        let text = format!("{start}\n/// A film.\ntower late(m: movie) = concat(m)\n");
        let tree = parse(&text);
        let mut cursor = tree.walk();
        let names: Vec<&str> = tree
            .root_node()
            .named_children(&mut cursor)
            .filter_map(|item| item.child_by_field_name("name"))
            .map(|name| name.utf8_text(text.as_bytes()).unwrap())
            .collect();
        assert_eq!(names.last(), Some(&"late"), "{start}");
    }
}
