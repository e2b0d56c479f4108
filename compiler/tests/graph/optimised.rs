//! Passes keep what a graph computes, gradients included, and take little time.

use std::time::Instant;

use proptest::prelude::*;
use reckon_compiler::differentiate::grad_of;
use reckon_compiler::graph::eval::{Env, evaluate};
use reckon_compiler::graph::text::print;
use reckon_compiler::graph::verify::verify;
use reckon_compiler::graph::{Elem, Graph, NodeId, Op, Site};
use reckon_compiler::passes::{FORWARD, STEP, hoist, optimise};

use crate::cases::cases;
use crate::generated::generated;
use crate::world::WORLDS;

/// The values of the outputs by name.
fn outputs(graph: &Graph, env: &Env) -> Vec<(String, Vec<f64>)> {
    let values = evaluate(graph, env).unwrap_or_else(|error| panic!("{error}\n{}", print(graph)));
    graph
        .outputs
        .iter()
        .map(|(name, id)| (name.clone(), values.get(*id).unwrap().data.clone()))
        .collect()
}

fn assert_same(found: &[(String, Vec<f64>)], expected: &[(String, Vec<f64>)], what: &str) {
    for ((name, found), (_, expected)) in found.iter().zip(expected) {
        let close = |(a, b): (&f64, &f64)| {
            a == b
                || a.is_nan() == b.is_nan()
                    && (a.is_nan() || (a - b).abs() <= 1e-7 * (1.0 + a.abs()))
        };
        assert!(
            found.len() == expected.len() && found.iter().zip(expected).all(close),
            "{what}: `{name}` was {expected:?}, is {found:?}"
        );
    }
}

/// Adds the gradients of the sum of the first output with respect to all float leaves as outputs.
fn with_gradients(mut graph: Graph) -> Graph {
    let Some((_, first)) = graph.outputs.first().cloned() else {
        return graph;
    };
    let leaves: Vec<NodeId> = graph
        .order()
        .into_iter()
        .filter(|id| {
            matches!(
                graph.node(*id).op,
                Op::Input(_) | Op::Param(_) | Op::Table(_)
            )
        })
        .collect();
    for (at, leaf) in leaves.into_iter().enumerate() {
        if let Some(gradient) = grad_of(&mut graph, first, leaf) {
            graph.outputs.push((format!("gradient{at}"), gradient));
        }
    }
    graph
}

#[test]
fn pipelines_keep_the_values_of_every_op_and_its_gradient() {
    for world in WORLDS {
        for case in cases(*world).into_values().flatten() {
            if ["update", "assign"].contains(&case.graph.node(case.result).op.entry().name) {
                continue;
            }
            let expected = outputs(&with_gradients(case.graph.clone()), &case.env);
            let mut graph = case.graph;
            optimise(&mut graph, FORWARD, &mut |_, _| {});
            let mut graph = with_gradients(graph);
            verify(&graph).unwrap_or_else(|error| panic!("{}: {error}", case.label));
            optimise(&mut graph, STEP, &mut |_, _| {});
            assert_same(&outputs(&graph, &case.env), &expected, &case.label);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn pipelines_keep_the_values_of_generated_graphs(choices in prop::collection::vec(any::<(u8, u8, u8)>(), 0..60)) {
        let (graph, env) = generated(&choices);
        let expected = outputs(&graph, &env);
        for pipeline in [FORWARD, STEP] {
            let mut graph = graph.clone();
            optimise(&mut graph, pipeline, &mut |pass, after| {
                assert_same(&outputs(after, &env), &expected, pass.name);
            });
        }
    }

    #[test]
    fn gradients_of_generated_graphs_are_well_typed_and_the_same_after_passes(
        choices in prop::collection::vec(any::<(u8, u8, u8)>(), 0..40),
    ) {
        let (graph, env) = generated(&choices);
        let mut graph = with_gradients(graph);
        verify(&graph).unwrap();
        let expected = outputs(&graph, &env);
        optimise(&mut graph, STEP, &mut |_, _| {});
        assert_same(&outputs(&graph, &env), &expected, "step");
    }

    #[test]
    fn a_graph_cut_in_two_computes_the_same(choices in prop::collection::vec(any::<(u8, u8, u8)>(), 0..60)) {
        let (graph, mut env) = generated(&choices);
        let expected = outputs(&graph, &env);
        let hoisted = hoist(&graph);
        verify(&hoisted.once).unwrap();
        verify(&hoisted.per_query).unwrap();
        let values = evaluate(&hoisted.once, &env).unwrap();
        for (name, id) in &hoisted.once.outputs {
            env.inputs.insert(name.clone(), values.get(*id).unwrap().clone());
        }
        assert_same(&outputs(&hoisted.per_query, &env), &expected, "hoist");
    }
}

#[test]
fn two_thousand_nodes_are_differentiated_and_optimised_quickly() {
    let mut choices = Vec::new();
    let mut state = 1_u32;
    while choices.len() < 600 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        choices.push((
            (state >> 24) as u8,
            (state >> 16) as u8 % 8,
            (state >> 8) as u8 % 8,
        ));
    }
    let (mut graph, _) = generated(&choices);
    // A chain through all float values, so that few nodes are dead.
    let nodes: Vec<NodeId> = graph.ids().collect();
    let mut total: Option<NodeId> = None;
    for node in nodes {
        let mut summed = node;
        let is_table = matches!(graph.node(node).op, Op::Table(_));
        if is_table || graph.ty(node).elem != Elem::F32 {
            continue;
        }
        while graph.ty(summed).rank() > 0 {
            summed = graph
                .push(Op::SumOver(0), &[summed], Site::default())
                .unwrap();
        }
        total = Some(match total {
            Some(total) => graph
                .push(Op::Add, &[total, summed], Site::default())
                .unwrap(),
            None => summed,
        });
    }
    graph.outputs = vec![("loss".to_owned(), total.unwrap())];
    assert!(graph.order().len() > 1_000, "{}", graph.order().len());
    let start = Instant::now();
    let mut graph = with_gradients(graph);
    optimise(&mut graph, STEP, &mut |_, _| {});
    // Unoptimised builds that verify after each pass; alone on a core this takes 25 ms.
    assert!(start.elapsed().as_secs_f64() < 2.0, "{:?}", start.elapsed());
}
