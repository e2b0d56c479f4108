//! Gradients in the graph against libtorch's autograd on the forward program.

use reckon_compiler::differentiate::grad_of;
use reckon_compiler::graph::{Elem, Init, Op, Param, ParamKind};
use tch::{Device, Tensor};

use super::cases::cases;
use super::world::{Case, Expect, WORLDS};
use super::{Fed, close, key, store};
use crate::Program;

/// Makes parameters of all float inputs, so that libtorch can be asked for their gradients.
fn with_parameters(mut case: Case) -> Case {
    for operand in &case.operands {
        let node = case.graph.node_mut(*operand);
        if let (Op::Input(name), Elem::F32) = (&node.op, node.ty.elem) {
            let name = name.clone();
            node.op = Op::Param(name.clone());
            let param = Param {
                kind: ParamKind::Weight,
                ty: node.ty.clone(),
                init: Init::Constant(0.0),
            };
            case.graph.params.insert(name.clone(), param);
            let value = case.env.inputs.remove(&name).unwrap();
            case.env.params.insert(name, value);
        }
    }
    case
}

fn check(case: Case) {
    let Case {
        mut graph,
        env,
        result,
        operands,
        label,
        ..
    } = with_parameters(case);
    let fed = Fed::new(&graph, &env);
    let mut taped = store(&graph, &env);
    taped.require_gradients();
    let forward = Program::compile_plain(&graph, Device::Cpu).unwrap();
    let outputs = forward
        .run_taped(&mut taped, &fed.feeds(&env), &key(&env))
        .unwrap();
    let y = outputs.tensor("y");
    for operand in operands {
        let (Op::Param(path) | Op::Table(path)) = graph.node(operand).op.clone() else {
            continue;
        };
        let Some(gradient) = grad_of(&mut graph, result, operand) else {
            continue;
        };
        let oracle =
            Tensor::run_backward(&[y.sum(None)], &[taped.tensor(&path).unwrap()], true, false);
        graph.outputs = vec![("y".to_owned(), result), ("gradient".to_owned(), gradient)];
        let backward = Program::compile(&graph, Device::Cpu).unwrap();
        let found = backward
            .run(&mut store(&graph, &env), &fed.feeds(&env), &key(&env))
            .unwrap();
        let expected: Vec<f32> = crate::outputs::to_vec(&oracle[0], tch::Kind::Float);
        let found = found.f32("gradient").unwrap();
        assert_eq!(found.len(), expected.len(), "{label}");
        for (at, (a, b)) in expected.iter().zip(&found).enumerate() {
            assert!(
                close(f64::from(*a), f64::from(*b), 1.0),
                "{label}: `{path}` expected {a} at {at}, found {b}"
            );
        }
    }
}

#[test]
fn gradients_in_the_graph_are_those_of_autograd() {
    for case in WORLDS
        .iter()
        .flat_map(|world| cases(*world))
        .flat_map(|(_, cases)| cases)
    {
        if case.expect == Expect::Differences {
            check(case);
        }
    }
}
