//! Where floating point and empty sets bite: ties, empty lists, rows that a mask empties, logits of 80, a batch of one.
//! Values and gradients are those of the reference evaluator, which is exact there.

use reckon_compiler::differentiate::grad_of;
use reckon_compiler::graph::eval::{Env, Value, evaluate};
use reckon_compiler::graph::{Builder, Dim, Elem, Graph, NodeId, Op, Site, SpaceId, TensorType};
use tch::Device;

use super::world::{B, C, L, V, graph};
use super::{Fed, close, key, store};
use crate::Program;

/// An input's type, sizes and elements.
type Given<'a> = (Elem, &'a [Dim], &'a [usize], &'a [f64]);

struct Built {
    graph: Graph,
    env: Env,
    operands: Vec<NodeId>,
    y: NodeId,
}

fn build(op: &Op, inputs: &[Given]) -> Built {
    let mut graph = graph();
    let mut env = Env::default();
    let mut build = Builder {
        graph: &mut graph,
        site: Site::default(),
    };
    let mut operands: Vec<NodeId> = Vec::new();
    for (at, (elem, dims, sizes, data)) in inputs.iter().enumerate() {
        operands.push(build.typed(
            Op::Input(format!("x{at}")),
            &[],
            TensorType::new(*elem, *dims),
        ));
        env.inputs
            .insert(format!("x{at}"), Value::new(*sizes, *data));
        for (dim, size) in dims.iter().zip(*sizes) {
            if let Dim::Space(space) = dim {
                env.sizes.insert(*space, *size);
            }
        }
    }
    env.sizes.entry(SpaceId(0)).or_insert(3);
    let y = build.op(op.clone(), &operands);
    graph.outputs.push(("y".to_owned(), y));
    Built {
        graph,
        env,
        operands,
        y,
    }
}

/// Runs an op on inputs and compares its value and its gradients with the reference; returns the value.
fn check(op: &Op, inputs: &[Given]) -> Vec<f32> {
    let mut built = build(op, inputs);
    for (at, operand) in built.operands.iter().enumerate() {
        if let Some(gradient) = grad_of(&mut built.graph, built.y, *operand) {
            built
                .graph
                .outputs
                .push((format!("gradient {at}"), gradient));
        }
    }
    compare(&built)
}

fn compare(built: &Built) -> Vec<f32> {
    let Built { graph, env, y, .. } = built;
    let op = &graph.node(*y).op;
    let expected = evaluate(graph, env).unwrap();
    let fed = Fed::new(graph, env);
    let mut value = Vec::new();
    for compile in [Program::compile, Program::compile_plain] {
        let program = compile(graph, Device::Cpu).unwrap();
        let outputs = program
            .run(&mut store(graph, env), &fed.feeds(env), &key(env))
            .unwrap();
        for (name, id) in &graph.outputs {
            let (expected, found) = (&expected.get(*id).unwrap().data, outputs.f32(name).unwrap());
            let same = expected
                .iter()
                .zip(&found)
                .all(|(a, b)| close(*a, f64::from(*b), 1.0));
            assert!(
                same && expected.len() == found.len(),
                "{op:?} {name}: expected {expected:?}, found {found:?}"
            );
        }
        value = outputs.f32("y").unwrap();
    }
    value
}

const INF: f64 = f64::INFINITY;
const FOUR: Dim = Dim::Fixed(4);

#[test]
fn of_equal_elements_the_first_is_taken() {
    let row: Given = (Elem::F32, &[B, FOUR], &[1, 4], &[2.0, 5.0, 5.0, 2.0]);
    assert_eq!(check(&Op::Argmax(1), &[row]), [1.0]);
    assert_eq!(check(&Op::MaxOver(1), &[row]), [5.0]);
    assert_eq!(check(&Op::Argsort(1), &[row]), [0.0, 3.0, 1.0, 2.0]);
    assert_eq!(check(&Op::TopK { axis: 1, k: 3 }, &[row]), [1.0, 2.0, 0.0]);
    let pair: Given = (Elem::F32, &[B], &[2], &[3.0, -1.0]);
    check(&Op::Max, &[pair, pair]);
    check(&Op::Min, &[pair, pair]);
    let values: Given = (Elem::F32, &[L], &[4], &[1.0, 4.0, 4.0, 1.0]);
    let segments: Given = (Elem::I64, &[L], &[4], &[0.0, 0.0, 0.0, 2.0]);
    assert_eq!(
        check(&Op::ScatterMax(B), &[values, segments]),
        [4.0, 0.0, 1.0]
    );
}

#[test]
fn many_equal_elements_keep_their_order() {
    let row: Vec<f64> = (0..3000).map(|at| f64::from(at % 3)).collect();
    let found = check(
        &Op::TopK { axis: 1, k: 2000 },
        &[(Elem::F32, &[B, C], &[1, 3000], &row)],
    );
    let expected = (2..3000).step_by(3).chain((1..3000).step_by(3));
    assert!(found.iter().zip(expected).all(|(a, b)| *a == b as f32));
}

#[test]
fn empty_lists_sum_to_zero() {
    let table: Given = (
        Elem::F32,
        &[V, Dim::Fixed(2)],
        &[2, 2],
        &[1.0, 2.0, 3.0, 4.0],
    );
    let none: Given = (Elem::I64, &[L], &[0], &[]);
    assert_eq!(
        check(&Op::Bag { parent: SpaceId(0) }, &[table, none, none]),
        [0.0; 6]
    );
    assert_eq!(
        check(&Op::ScatterAdd(B), &[(Elem::F32, &[L], &[0], &[]), none]),
        [0.0; 3]
    );
    let ids: Given = (Elem::I64, &[L], &[2], &[1.0, 1.0]);
    let last: Given = (Elem::I64, &[L], &[2], &[2.0, 2.0]);
    assert_eq!(
        check(&Op::Bag { parent: SpaceId(0) }, &[table, ids, last]),
        [0.0, 0.0, 0.0, 0.0, 6.0, 8.0]
    );
}

#[test]
fn sets_without_elements_have_their_neutral_values() {
    let empty: Given = (Elem::F32, &[B, C], &[2, 0], &[]);
    assert_eq!(check(&Op::SumOver(1), &[empty]), [0.0; 2]);
    assert_eq!(check(&Op::MaxOver(1), &[empty]), [f32::NEG_INFINITY; 2]);
    assert_eq!(check(&Op::LogSumExp(1), &[empty]), [f32::NEG_INFINITY; 2]);
    assert_eq!(check(&Op::Argsort(1), &[empty]), [0.0; 0]);
    assert_eq!(check(&Op::Softmax(1), &[empty]), [0.0; 0]);
}

#[test]
fn rows_that_a_mask_empties_give_zero() {
    let row: Given = (
        Elem::F32,
        &[B, FOUR],
        &[2, 4],
        &[-INF, -INF, -INF, -INF, 1.0, -INF, 1.0, -INF],
    );
    assert_eq!(
        check(&Op::Softmax(1), &[row]),
        [0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.5, 0.0]
    );
    let (lists, elements) = ([B, Dim::Fixed(1)], [L, Dim::Fixed(1)]);
    let q: Given = (Elem::F32, &lists, &[2, 1], &[1.0, 2.0]);
    let values: Given = (Elem::F32, &elements, &[1, 1], &[3.0]);
    let segments: Given = (Elem::I64, &elements[..1], &[1], &[1.0]);
    let positions: Given = (Elem::I64, &elements[..1], &[1], &[0.0]);
    let one_a_list = Op::Attention {
        heads: 1,
        causal: false,
    };
    assert_eq!(
        check(&one_a_list, &[q, values, values, segments, positions]),
        [0.0, 3.0],
        "the first list is empty"
    );
}

#[test]
fn logits_of_eighty_neither_overflow_nor_vanish() {
    let logits: Given = (
        Elem::F32,
        &[B, FOUR],
        &[2, 4],
        &[80.0, -80.0, 0.0, 79.0, -80.0, 200.0, -200.0, 1.0],
    );
    let column: Given = (Elem::I64, &[B], &[2], &[1.0, 1.0]);
    check(&Op::SoftmaxXent, &[logits, column]);
    check(&Op::LogSumExp(1), &[logits]);
    check(&Op::CumLogSumExp(1), &[logits]);
    for op in [Op::Softmax(1), Op::Sigmoid, Op::LogSigmoid, Op::Tanh] {
        check(&op, &[logits]);
    }
    let targets: Given = (
        Elem::F32,
        &[B, FOUR],
        &[2, 4],
        &[0.0, 1.0, 1.0, 0.5, 1.0, 0.0, 0.0, 1.0],
    );
    let found = check(&Op::BceLogits, &[logits, targets]);
    assert_eq!(found[..2], [80.0, 80.0]);
    check(
        &Op::Log1mExp,
        &[(Elem::F32, &[B], &[4], &[-1e-6, -0.5, -80.0, -0.7])],
    );
}

#[test]
fn long_sums_to_one_number_are_right() {
    let row: Vec<f64> = (0..70_001).map(|at| f64::from(at % 7) - 3.0).collect();
    let row: Given = (Elem::F32, &[B], &[70_001], &row);
    check(&Op::SumOver(0), &[row]);
    check(&Op::LogSumExp(0), &[row]);
    check(&Op::GlobalNorm, &[row, row]);
}

#[test]
fn sums_over_many_rows_are_right() {
    let values: Vec<f64> = (0..15 * 9_001).map(|at| f64::from(at % 7) - 3.0).collect();
    let (three, five) = (Dim::Fixed(3), Dim::Fixed(5));
    let sums = |dims: &[Dim], sizes: &[usize]| {
        check(&Op::SumOver(0), &[(Elem::F32, dims, sizes, &values)]);
    };
    sums(&[B, Dim::Fixed(15)], &[9_001, 15]);
    sums(&[B, three, five], &[9_001, 3, 5]);
}
