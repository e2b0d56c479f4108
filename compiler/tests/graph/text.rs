//! The textual form: what is printed reads back as the same graph.

use proptest::prelude::*;
use reckon_compiler::graph::eval::{Env, evaluate};
use reckon_compiler::graph::text::{print, read};
use reckon_compiler::graph::verify::verify;
use reckon_compiler::graph::{Graph, Space, SpaceId};
use reckon_grammar::span::FileId;

use crate::cases::cases;
use crate::generated::generated;
use crate::world::WORLDS;

fn round_trip(text: &str) -> String {
    let graphs = read(FileId(0), text).unwrap_or_else(|errors| panic!("{errors:#?}\n{text}"));
    let [graph] = &graphs[..] else {
        panic!("one graph in\n{text}")
    };
    verify(graph).unwrap_or_else(|error| panic!("{error}\n{text}"));
    print(graph)
}

#[test]
fn every_op_reads_as_it_was_printed() {
    for case in cases(WORLDS[0]).into_values().flatten() {
        let mut graph = case.graph;
        // Updates stand among the effects only.
        let is_effect = ["update", "assign"].contains(&graph.node(case.result).op.entry().name);
        if is_effect {
            graph.effects = graph.outputs.drain(..).map(|(_, id)| id).collect();
        }
        let text = print(&graph);
        assert_eq!(round_trip(&text), text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn generated_graphs_read_as_they_were_printed(choices in prop::collection::vec(any::<(u8, u8, u8)>(), 0..60)) {
        let (graph, env) = generated(&choices);
        verify(&graph).unwrap();
        let text = print(&graph);
        prop_assert_eq!(round_trip(&text), text.clone());
        let again = &read(FileId(0), &text).unwrap()[0];
        let values = |graph: &Graph| {
            let values = evaluate(graph, &env_of(graph, &env)).unwrap();
            graph.outputs.iter().map(|(_, id)| format!("{:?}", values.get(*id))).collect::<Vec<_>>()
        };
        prop_assert_eq!(values(&graph), values(again));
    }
}

/// Spaces that nothing uses are not printed, so spaces are known by name.
fn env_of(graph: &Graph, env: &Env) -> Env {
    let names = crate::world::graph().spaces;
    let size = |space: &Space| {
        env.sizes
            .get(&SpaceId(
                names.iter().position(|other| *other == *space)? as u32
            ))
            .copied()
    };
    let sizes = graph
        .spaces
        .iter()
        .enumerate()
        .filter_map(|(at, space)| Some((SpaceId(at as u32), size(space)?)));
    Env {
        sizes: sizes.collect(),
        ..env.clone()
    }
}

#[test]
fn a_wrong_line_is_named() {
    let text = "graph g {\n  space B = batch\n  %0: f32[B, 2] = input x\n  %1: f32[B] = exp %0\n  %2: f32 = sum %7 {axis: 0}\n  return y = w\n}\n";
    let errors = read(FileId(0), text).unwrap_err();
    let found: Vec<_> = errors
        .iter()
        .map(|error| {
            format!(
                "{}: {}",
                &text[error.primary.span.range()].trim(),
                error.message
            )
        })
        .collect();
    let expected = [
        "%1: f32[B] = exp %0: `exp` gives `f32[B, 2]`, not `f32[B]`",
        "%7: `%7` is not defined above",
        "w: parameter `w` is not declared",
    ];
    assert_eq!(found, expected);
}
