//! Random graphs with their gradients: what our kernels, fused groups and writes in place give is what libtorch's ops
//! give one by one. What such graphs have found stands below them.

use proptest::prelude::*;
use reckon_compiler::differentiate::grad_of;
use reckon_compiler::graph::eval::{Env, evaluate};
use reckon_compiler::graph::text::read;
use reckon_compiler::graph::{Elem, Graph, NodeId, Op};
use reckon_grammar::span::FileId;
use tch::Device;

use super::generated_graphs::generated;
use super::{Fed, key, store};
use crate::{Outputs, Program};

/// The graph and the gradients of all its outputs with respect to all its float leaves.
fn with_gradients(mut graph: Graph) -> Graph {
    let floats = |id: &NodeId| graph.node(*id).ty.elem == Elem::F32;
    let is_leaf = |id: &NodeId| {
        matches!(
            graph.node(*id).op,
            Op::Input(_) | Op::Param(_) | Op::Table(_)
        )
    };
    let order = graph.order().into_iter();
    let leaves: Vec<NodeId> = order.filter(is_leaf).filter(floats).collect();
    let results: Vec<NodeId> = graph.outputs.iter().map(|(_, id)| *id).collect();
    let pairs = results
        .iter()
        .flat_map(|y| leaves.iter().map(move |x| (*y, *x)));
    for (at, (result, leaf)) in pairs.enumerate() {
        if let Some(gradient) = grad_of(&mut graph, result, leaf) {
            graph.outputs.push((format!("gradient{at}"), gradient));
        }
    }
    graph
}

/// Where our kernels, on whole values or row by row, give something else than libtorch.
pub(super) fn difference(graph: &Graph, env: &Env) -> Option<String> {
    let fed = Fed::new(graph, env);
    let run = |program: Program| -> Outputs {
        let mut store = store(graph, env);
        program.run(&mut store, &fed.feeds(env), &key(env)).unwrap()
    };
    let ours = || Program::compile(graph, Device::Cpu).unwrap();
    // Small graphs run whole unless a tile is one row.
    let cut = run(Program { tile: 1, ..ours() });
    let whole = run(ours());
    let theirs = run(Program::compile_plain(graph, Device::Cpu).unwrap());
    for (name, _) in &graph.outputs {
        let b = theirs.f32(name).unwrap();
        let finite = b.iter().filter(|x| x.is_finite());
        let scale = finite.fold(1.0f32, |scale, x| scale.max(x.abs()));
        for (how, ours) in [("by rows", &cut), ("whole", &whole)] {
            let a = ours.f32(name).unwrap();
            let same = |(a, b): (&f32, &f32)| {
                a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-4 * scale
            };
            if a.len() != b.len() || !a.iter().zip(&b).all(same) {
                return Some(format!(
                    "{name} {how}: {a:?} by our kernels, {b:?} by libtorch"
                ));
            }
        }
    }
    None
}

/// Whether values jump when the leaves move by less than rounding may: which of two equal numbers is larger is nobody's to say.
fn jumps(graph: &Graph, env: &Env) -> bool {
    let outputs = |env: &Env| -> Vec<f64> {
        let values = evaluate(graph, env).unwrap();
        let outputs = graph.outputs.iter();
        outputs
            .flat_map(|(_, id)| values.get(*id).unwrap().data.clone())
            .collect()
    };
    let still = outputs(env);
    (0..8_u64).any(|turn| {
        let mut moved = env.clone();
        let mut state = turn + 1;
        let whole = ["ids", "segments"];
        let inputs = moved
            .inputs
            .iter_mut()
            .filter(|(name, _)| !whole.contains(&name.as_str()));
        let leaves = inputs.chain(moved.params.iter_mut());
        for x in leaves.flat_map(|(_, value)| value.data.iter_mut()) {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *x += ((state >> 40) as f64 / f64::from(1 << 24) - 0.5) * 1e-5;
        }
        let near = |(a, b): (&f64, &f64)| {
            a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-3 * (1.0 + b.abs())
        };
        !outputs(&moved).iter().zip(&still).all(near)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn lowering_does_not_change_what_a_graph_computes(
        choices in prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 1..24),
    ) {
        let (graph, env) = generated(&choices);
        let graph = with_gradients(graph);
        if let Some(difference) = difference(&graph, &env) {
            prop_assume!(!jumps(&graph, &env));
            prop_assert!(false, "{}", difference);
        }
    }
}

/// What is wrong in none of these was, by rows or whole, until a random graph had found it.
const FOUND: [(&str, &str); 4] = [
    (
        "a sum over what repeats a matrix is none over the rows of the matrix",
        "%0: f32[C, 4] = input item
         %1: f32[C, 2, 4] = expand %0 {axis: 1}
         %2: f32[C, 4] = sum %1 {axis: 1}
         %3: f32[C, 4] = neg %2
         return y = %3",
    ),
    (
        "of a matrix of pairs, a row is not a column",
        "%0: f32[B] = input label
         %1: f32[B, B] = expand %0 {axis: 0}
         %2: f32[B, B] = expand %0 {axis: 1}
         %3: f32[B, B] = sub %1 %2
         %4: f32[B, B] = neg %3
         return y = %4",
    ),
    (
        "products with pairs of one space are not cut along it",
        "%0: f32[B, 4] = input user
         %1: f32[C, 4] = input item
         %2: f32[B, C, 4] = add %0 %1
         %3: f32[B, C, B] = matmul %2 %0 {transpose_b: true}
         return y = %3",
    ),
    (
        "the first truth has a place",
        "%0: f32[B, 4] = input user
         %1: bool[B, 4] = gt %0 0.0
         %2: i64[B] = argmax %1 {axis: 1}
         %3: f32[B] = cast %2 {to: f32}
         return y = %3",
    ),
];

#[test]
fn what_random_graphs_have_found_stays_right() {
    let (_, mut env) = generated(&[]);
    env.sizes.retain(|space, _| space.0 < 2);
    for (what, lines) in FOUND {
        let text = format!("graph found {{\n space B = batch\n space C = candidates\n {lines}\n}}");
        let graph = with_gradients(read(FileId(0), &text).unwrap().remove(0));
        assert_eq!(difference(&graph, &env), None, "{what}");
    }
}
