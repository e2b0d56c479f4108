//! The lossless tree as `reckon build --emit tree` shows it.

use reckon_grammar::parse;
use reckon_grammar::span::FileId;

#[test]
fn a_dump_shows_nodes_with_ranges_and_leaves_with_text() {
    let text = "// one\nsetting dim = 64 * (k)\nexport\n";
    insta::assert_snapshot!(parse(FileId(0), text).tree.dump(text));
}
