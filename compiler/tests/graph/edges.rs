//! Where gradients are chosen rather than given: ties, empty lists, masked rows, large logits, the ends of domains.

use reckon_compiler::differentiate::{differentiate, grad_of};
use reckon_compiler::graph::eval::{Env, Value, evaluate};
use reckon_compiler::graph::{Dim, Elem, NodeId, Op, Site, SpaceId, TensorType};

use crate::world::{B, L, graph};

/// The gradients of the sum of `op` on these operands: dimensions and elements; truth values and ids come with their type.
fn gradients(op: Op, operands: &[(Elem, &[Dim], Value)]) -> Vec<Option<Vec<f64>>> {
    let mut graph = graph();
    let mut env = Env {
        sizes: [(SpaceId(0), 2), (SpaceId(2), 3)].into(),
        ..Env::default()
    };
    let mut ids: Vec<NodeId> = Vec::new();
    for (at, (elem, dims, value)) in operands.iter().enumerate() {
        env.inputs.insert(at.to_string(), value.clone());
        let ty = TensorType::new(*elem, *dims);
        ids.push(
            graph
                .push_typed(Op::Input(at.to_string()), &[], ty, Site::default())
                .unwrap(),
        );
    }
    let result = graph.push(op, &ids, Site::default()).unwrap();
    ids.into_iter()
        .map(|x| {
            let gradient = grad_of(&mut graph, result, x)?;
            graph.outputs = vec![("g".to_owned(), gradient)];
            Some(
                evaluate(&graph, &env)
                    .unwrap()
                    .get(gradient)
                    .unwrap()
                    .data
                    .clone(),
            )
        })
        .collect()
}

fn row(op: Op, data: &[f64]) -> Vec<f64> {
    let value = Value::new([data.len()], data);
    gradients(op, &[(Elem::F32, &[Dim::Fixed(data.len())], value)])
        .remove(0)
        .unwrap()
}

#[test]
fn the_first_of_equal_maxima_takes_the_gradient() {
    assert_eq!(row(Op::MaxOver(0), &[1.0, 3.0, 3.0]), [0.0, 1.0, 0.0]);
}

#[test]
fn the_first_of_equal_operands_takes_the_gradient() {
    let x = || (Elem::F32, [Dim::Fixed(2)], Value::new([2], [1.0, 2.0]));
    for op in [Op::Max, Op::Min] {
        let (a, b) = (x(), x());
        let found = gradients(op, &[(a.0, &a.1, a.2), (b.0, &b.1, b.2)]);
        assert_eq!(found, [Some(vec![1.0, 1.0]), Some(vec![0.0, 0.0])]);
    }
}

#[test]
fn the_first_of_equal_elements_of_a_list_takes_the_gradient_and_an_empty_list_has_none() {
    let values = (Elem::F32, &[L][..], Value::new([3], [2.0, 5.0, 5.0]));
    let segments = (Elem::I64, &[L][..], Value::new([3], [1.0, 1.0, 1.0]));
    let found = gradients(Op::ScatterMax(B), &[values, segments]);
    assert_eq!(found, [Some(vec![0.0, 1.0, 0.0]), None]);
}

#[test]
fn rows_that_are_masked_throughout_have_a_gradient_of_zero() {
    let masked = [f64::NEG_INFINITY; 3];
    assert_eq!(row(Op::Softmax(0), &masked), [0.0; 3]);
    assert_eq!(row(Op::LogSumExp(0), &masked), [0.0; 3]);
}

#[test]
fn attention_over_an_empty_list_passes_nothing_on() {
    let of = |dims| [dims, Dim::Fixed(2)];
    let (lists, elements) = (of(B), of(L));
    let q = (
        Elem::F32,
        &lists[..],
        Value::new([2, 2], [1.0, 2.0, 3.0, 4.0]),
    );
    let rows = || {
        let values = [1.0, -2.0, 0.5, 4.0, -1.0, 3.0];
        (Elem::F32, &elements[..], Value::new([3, 2], values))
    };
    let places = |values: [f64; 3]| (Elem::I64, &elements[..1], Value::new([3], values));
    let op = Op::Attention {
        heads: 1,
        causal: false,
    };
    let (segments, positions) = (places([1.0; 3]), places([0.0, 1.0, 2.0]));
    let found = gradients(op, &[q, rows(), rows(), segments, positions]);
    let of_queries = found[0].as_ref().unwrap();
    assert_eq!(of_queries[..2], [0.0, 0.0], "the list of row 0 is empty");
    assert!(of_queries[2] != 0.0);
    assert_eq!(found[3..], [None, None]);
}

#[test]
fn logits_of_80_have_exact_gradients() {
    assert_eq!(row(Op::Sigmoid, &[80.0]), [0.0]);
    assert!((row(Op::LogSigmoid, &[-80.0])[0] - 1.0).abs() < 1e-12);
    assert_eq!(
        row(Op::LogSumExp(0), &[80.0, -80.0]),
        [1.0, (-160.0_f64).exp()]
    );
    assert!(
        (row(Op::CumLogSumExp(0), &[80.0, -80.0, 80.0])[1] - 1.5 * (-160.0_f64).exp()).abs()
            < 1e-75
    );
}

#[test]
fn outside_of_its_domain_an_op_passes_nothing_on() {
    for op in [Op::Log, Op::Sqrt, Op::Log1p] {
        assert_eq!(row(op, &[-1.0]), [0.0]);
    }
    assert_eq!(row(Op::Log1mExp, &[0.0]), [0.0]);
    let x = |value: f64| (Elem::F32, &[][..], Value::scalar(value));
    assert_eq!(
        gradients(Op::Div, &[x(0.0), x(0.0)]),
        [Some(vec![0.0]), Some(vec![0.0])]
    );
    assert_eq!(
        gradients(Op::Pow, &[x(0.0), x(0.5)]),
        [Some(vec![0.0]), Some(vec![0.0])]
    );
}

#[test]
fn a_loss_that_reaches_a_parameter_only_through_a_stop_has_no_gradient_for_it() {
    use reckon_compiler::graph::{Init, Param, ParamKind};
    let mut graph = graph();
    for path in ["a", "b"] {
        let param = Param {
            kind: ParamKind::Weight,
            ty: TensorType::scalar(),
            init: Init::Constant(1.0),
        };
        graph.params.insert(path.to_owned(), param);
    }
    let a = graph
        .push(Op::Param("a".to_owned()), &[], Site::default())
        .unwrap();
    let b = graph
        .push(Op::Param("b".to_owned()), &[], Site::default())
        .unwrap();
    let stopped = graph.push(Op::Stop, &[a], Site::default()).unwrap();
    let loss = graph.push(Op::Mul, &[stopped, b], Site::default()).unwrap();
    let found = differentiate(&mut graph, loss, &["a".to_owned(), "b".to_owned()]);
    assert_eq!(found.by_path.keys().collect::<Vec<_>>(), ["b"]);
}
