//! Random graphs with their gradients: what our kernels, fused groups and writes in place give is what libtorch's ops
//! give one by one.

use proptest::prelude::*;
use reckon_compiler::differentiate::grad_of;
use reckon_compiler::graph::{Elem, NodeId, Op};
use tch::Device;

use super::generated_graphs::generated;
use super::{Fed, key, store};
use crate::Program;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn lowering_does_not_change_what_a_graph_computes(
        choices in prop::collection::vec((any::<u8>(), any::<u8>(), any::<u8>()), 1..24),
    ) {
        let (mut graph, env) = generated(&choices);
        let floats = |id: &NodeId| graph.node(*id).ty.elem == Elem::F32;
        let leaves: Vec<NodeId> = graph
            .order()
            .into_iter()
            .filter(|id| matches!(graph.node(*id).op, Op::Input(_) | Op::Param(_) | Op::Table(_)))
            .filter(floats)
            .collect();
        let results: Vec<NodeId> = graph.outputs.iter().map(|(_, id)| *id).collect();
        for (at, (result, leaf)) in results.iter().flat_map(|y| leaves.iter().map(move |x| (*y, *x))).enumerate() {
            if let Some(gradient) = grad_of(&mut graph, result, leaf) {
                graph.outputs.push((format!("gradient{at}"), gradient));
            }
        }
        let fed = Fed::new(&graph, &env);
        let run = |program: Program| program.run(&mut store(&graph, &env), &fed.feeds(&env), &key(&env)).unwrap();
        let ours = || Program::compile(&graph, Device::Cpu).unwrap();
        // Small graphs run whole unless a tile is one row.
        let cut = run(Program { tile: 1, ..ours() });
        let ours = run(ours());
        let theirs = run(Program::compile_plain(&graph, Device::Cpu).unwrap());
        for ((name, _), ours) in graph.outputs.iter().flat_map(|output| [(output, &ours), (output, &cut)]) {
            let (a, b) = (ours.f32(name).unwrap(), theirs.f32(name).unwrap());
            prop_assert_eq!(a.len(), b.len());
            let scale = b.iter().filter(|x| x.is_finite()).fold(1.0f32, |scale, x| scale.max(x.abs()));
            for (a, b) in a.iter().zip(&b) {
                let same = a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-4 * scale;
                prop_assert!(same, "{}: {} by our kernels, {} by libtorch", name, a, b);
            }
        }
    }
}
