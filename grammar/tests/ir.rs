//! The textual form of graphs.

use proptest::prelude::*;
use reckon_grammar::ir::{IrFile, IrKind, IrValue, read_ir};
use reckon_grammar::span::FileId;

fn read(text: &str) -> IrFile {
    read_ir(FileId(0), text)
}

fn kinds(values: &[IrValue]) -> Vec<IrKind> {
    values.iter().map(|value| value.kind.clone()).collect()
}

const TEXT: &str = r#"
// a small graph
graph films {
  space B = rows(rating) {ragged: false}
  param film.mlp.0.weight: f32[64, 256] = normal(0.1)
  %0: f32[B, 256] = input "x"
  %12: f32[B, 64] = matmul %0 film.mlp.0.weight {transpose: true, axes: [0, -1], scale: 1e-3, r: {a: inf}} @ "film.mlp.0"
  %c: f32 = const -2.5
  return loss = %12, %c
}

graph "two words" {
}
"#;

#[test]
fn a_line_gives_its_result_operands_attributes_and_site() {
    let file = read(TEXT);
    assert_eq!(file.diagnostics, []);
    let names: Vec<_> = file
        .graphs
        .iter()
        .map(|graph| graph.name.text.as_str())
        .collect();
    assert_eq!(names, ["films", "two words"]);
    let line = &file.graphs[0].lines[3];
    let (name, ty) = line.result.as_ref().expect("a result");
    assert_eq!((name.text.as_str(), ty.elem.text.as_str()), ("12", "f32"));
    let dims: Vec<_> = ty
        .dims
        .iter()
        .flatten()
        .map(|dim| dim.text.as_str())
        .collect();
    assert_eq!(dims, ["B", "64"]);
    assert_eq!(line.op.text, "matmul");
    let weight = IrKind::Word("film.mlp.0.weight".into());
    assert_eq!(kinds(&line.operands), [IrKind::Ref("0".into()), weight]);
    let keys: Vec<_> = line
        .attrs
        .iter()
        .map(|(key, _)| key.text.as_str())
        .collect();
    assert_eq!(keys, ["transpose", "axes", "scale", "r"]);
    assert_eq!(line.attrs[2].1.kind, IrKind::Float(1e-3));
    assert_eq!(line.site.as_deref(), Some("film.mlp.0"));
}

#[test]
fn a_declaration_gives_its_type_and_definition() {
    let file = read(TEXT);
    let [space, param] = &file.graphs[0].lines[..2] else {
        panic!("two declarations")
    };
    assert_eq!(kinds(&space.operands), [IrKind::Word("B".into())]);
    assert!(matches!(&space.definition[0].kind, IrKind::Call(name, _) if name == "rows"));
    assert_eq!(
        param.ty.as_ref().map(|ty| ty.elem.text.as_str()),
        Some("f32")
    );
    let last = file.graphs[0].lines.last().expect("a last line");
    assert_eq!(
        kinds(&last.definition),
        [IrKind::Ref("12".into()), IrKind::Ref("c".into())]
    );
}

#[test]
fn a_bad_line_is_reported_and_the_others_are_kept() {
    let file = read("graph g {\n  %0: f32 = const 1\n  %1 = = what\n  return %0\n");
    let messages: Vec<_> = file
        .diagnostics
        .iter()
        .map(|diagnostic| diagnostic.message.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "this line of a graph cannot be read",
            "expected `}`, found the end of the file"
        ]
    );
    assert_eq!(file.graphs[0].lines.len(), 2);
}

#[test]
fn deep_nesting_is_reported() {
    let file = read(&format!("graph g {{\n  x {}\n}}", "[".repeat(100_000)));
    assert_eq!(file.diagnostics.len(), 1);
}

#[test]
fn every_prefix_reads_without_a_panic() {
    for (at, _) in TEXT.char_indices() {
        read(&TEXT[..at]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_soup_of_tokens_is_read(words in proptest::collection::vec(proptest::sample::select(vec![
        "graph", "g", "{", "}", "\n", "\n", "%1", ":", "f32", "[", "]", ",", "=", "exp", "1", "-2.5", "1e-3", "-inf", "nan",
        "\"s\"", "\"", "\\", "(", ")", "@", "?", "// c", "é", "\r\n", "a.b/c", "1e999", "99999999999999999999",
    ]), 0..60)) {
        read(&words.join(" "));
    }
}
