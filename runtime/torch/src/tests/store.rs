//! Parameters: first values, growing, optimiser steps, checkpoints.

use std::collections::BTreeMap;

use reckon_compiler::graph::{Dim, Elem, Init, Param, ParamKind, SpaceId, TensorType, UpdateRule};
use tch::{Device, Tensor};

use crate::kernels::Kernels;
use crate::{Error, Store};

fn table(width: usize) -> Param {
    let dims = [Dim::Space(SpaceId(0)), Dim::Fixed(width)];
    Param {
        kind: ParamKind::Table,
        ty: TensorType::new(Elem::F32, dims),
        init: Init::Normal(0.1),
    }
}

fn weight(sizes: &[usize], init: Init) -> Param {
    let dims: Vec<Dim> = sizes.iter().map(|size| Dim::Fixed(*size)).collect();
    Param {
        kind: ParamKind::Weight,
        ty: TensorType::new(Elem::F32, dims),
        init,
    }
}

fn store(path: &str, param: &Param, shape: &[usize]) -> Store {
    let mut store = Store::new(Device::Cpu);
    store.add(path, param, shape, 7).unwrap();
    store
}

/// A store with one table of ones, `t[4, 2]`.
fn ones() -> Store {
    store(
        "t",
        &Param {
            init: Init::Constant(1.0),
            ..table(2)
        },
        &[4, 2],
    )
}

fn rows(ids: &[i64], values: &[f32]) -> (Tensor, Tensor) {
    (
        Tensor::from_slice(ids),
        Tensor::from_slice(values).view([ids.len() as i64, -1]),
    )
}

fn assert_close(found: &[f32], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (a, b) in found.iter().zip(expected) {
        assert!(
            (f64::from(*a) - b).abs() < 1e-6,
            "expected {expected:?}, found {found:?}"
        );
    }
}

const RULES: [UpdateRule; 6] = [
    UpdateRule::Sgd { momentum: 0.0 },
    UpdateRule::Sgd { momentum: 0.9 },
    UpdateRule::Adam {
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
    },
    UpdateRule::AdamW {
        beta1: 0.9,
        beta2: 0.999,
        eps: 1e-8,
        decay: 0.01,
    },
    UpdateRule::Adagrad { eps: 1e-8 },
    UpdateRule::RowwiseAdagrad { eps: 1e-8 },
];

/// All rules, each by our kernels and by libtorch.
fn rules() -> impl Iterator<Item = (UpdateRule, Kernels)> {
    RULES
        .into_iter()
        .flat_map(|rule| [(rule, Kernels::Own), (rule, Kernels::Libtorch)])
}

#[test]
fn first_values_follow_from_seed_and_path_alone() {
    let first = |path, seed| {
        let mut store = Store::new(Device::Cpu);
        store.add(path, &table(2), &[3, 2], seed).unwrap();
        store.get(path).unwrap()
    };
    assert_eq!(first("a", 1), first("a", 1));
    assert_ne!(first("a", 1), first("b", 1));
    assert_ne!(first("a", 1), first("a", 2));
}

#[test]
fn initialisers_fill_their_ranges() {
    let largest = |init| {
        let values = store("w", &weight(&[24, 126], init), &[24, 126])
            .get("w")
            .unwrap();
        values
            .iter()
            .fold(0.0f32, |largest, value| largest.max(value.abs()))
    };
    assert!((0.48..=0.5).contains(&largest(Init::HeUniform)));
    assert!((0.19..=0.2).contains(&largest(Init::GlorotUniform)));
    assert!((0.69..=0.7).contains(&largest(Init::Uniform(0.7))));
    assert!((2.0..6.0).contains(&largest(Init::Normal(1.0))));
    assert_eq!(largest(Init::Constant(-3.0)), 3.0);
}

#[test]
fn a_table_that_grows_has_the_rows_of_one_made_large() {
    let mut grown = store("t", &table(3), &[2, 3]);
    grown.grow("t", 5, &Init::Normal(0.1), 7).unwrap();
    assert_eq!(
        grown.get("t").unwrap(),
        store("t", &table(3), &[5, 3]).get("t").unwrap()
    );
}

#[test]
fn growing_keeps_what_the_optimiser_remembers() {
    let mut store = ones();
    let (ids, gradient) = rows(&[1], &[3.0, 4.0]);
    store
        .update_rows(
            "t",
            UpdateRule::RowwiseAdagrad { eps: 0.0 },
            0.1,
            (&ids, &gradient),
            Kernels::Own,
        )
        .unwrap();
    store.grow("t", 6, &Init::Constant(1.0), 7).unwrap();
    let moment = store
        .export()
        .into_iter()
        .find(|stored| stored.name == "t:row_sum")
        .unwrap();
    let sums: Vec<f32> = moment
        .bytes
        .chunks(4)
        .map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap()))
        .collect();
    assert_eq!(sums, [0.0, 12.5, 0.0, 0.0, 0.0, 0.0]);
}

#[test]
fn only_rows_with_a_gradient_move() {
    for (rule, kernels) in rules() {
        let mut store = ones();
        let (ids, gradient) = rows(&[0, 3], &[1.0, -2.0, 0.5, 4.0]);
        for _ in 0..2 {
            store
                .update_rows("t", rule, 0.1, (&ids, &gradient), kernels)
                .unwrap();
        }
        let after = store.get("t").unwrap();
        assert_eq!(after[2..6], [1.0; 4], "{rule:?}");
        assert!(
            [0, 1, 6, 7].into_iter().all(|at| after[at] != 1.0),
            "{rule:?}: {after:?}"
        );
    }
}

#[test]
fn rows_of_a_table_step_as_a_weight_would() {
    for (rule, kernels) in rules() {
        let gradient: Vec<f32> = (0..8).map(|at| (at as f32 - 3.5) / 2.0).collect();
        let (ids, gradient) = rows(&[0, 1, 2, 3], &gradient);
        let (mut sparse, mut dense) = (ones(), ones());
        for _ in 0..3 {
            sparse
                .update_rows("t", rule, 0.1, (&ids, &gradient), kernels)
                .unwrap();
            dense
                .update_dense("t", rule, 0.1, &gradient, kernels)
                .unwrap();
        }
        let expected: Vec<f64> = dense.get("t").unwrap().into_iter().map(f64::from).collect();
        assert_close(&sparse.get("t").unwrap(), &expected);
    }
}

/// Two steps on a weight of 1 with gradients 2 and -1, at rate 0.1.
fn two_steps(rule: UpdateRule, kernels: Kernels) -> f64 {
    let mut store = store("w", &weight(&[1], Init::Constant(1.0)), &[1]);
    for gradient in [2.0f32, -1.0] {
        store
            .update_dense("w", rule, 0.1, &Tensor::from_slice(&[gradient]), kernels)
            .unwrap();
    }
    f64::from(store.get("w").unwrap()[0])
}

#[test]
fn steps_are_those_of_the_papers() {
    let check = |rule, expected: f64| {
        let found = two_steps(rule, Kernels::Own);
        let plain = two_steps(rule, Kernels::Libtorch);
        assert!(
            (found - plain).abs() < 1e-6,
            "{rule:?}: {found} by our kernel, {plain} by libtorch"
        );
        assert!(
            (found - expected).abs() < 1e-6,
            "{rule:?}: expected {expected}, found {found}"
        );
    };
    check(UpdateRule::Sgd { momentum: 0.0 }, 1.0 - 0.1 * (2.0 - 1.0));
    check(
        UpdateRule::Sgd { momentum: 0.5 },
        1.0 - 0.1 * 2.0 - 0.1 * (0.5 * 2.0 - 1.0),
    );
    let adagrad = 1.0 - 0.1 * 2.0 / 2.0 + 0.1 / 5.0f64.sqrt();
    check(UpdateRule::Adagrad { eps: 0.0 }, adagrad);
    check(UpdateRule::RowwiseAdagrad { eps: 0.0 }, adagrad);
    let (b1, b2) = (0.9f64, 0.99f64);
    let (m, v) = (
        b1 * (1.0 - b1) * 2.0 - (1.0 - b1),
        b2 * (1.0 - b2) * 4.0 + (1.0 - b2),
    );
    let second = 0.1 * (m / (1.0 - b1 * b1)) / (v / (1.0 - b2 * b2)).sqrt();
    check(
        UpdateRule::Adam {
            beta1: b1,
            beta2: b2,
            eps: 0.0,
        },
        1.0 - 0.1 - second,
    );
    let decayed = (1.0 * 0.95 - 0.1) * 0.95 - second;
    check(
        UpdateRule::AdamW {
            beta1: b1,
            beta2: b2,
            eps: 0.0,
            decay: 0.5,
        },
        decayed,
    );
}

#[test]
fn a_run_goes_on_from_a_checkpoint_with_the_same_bits() {
    for (rule, kernels) in rules() {
        let (ids, gradient) = rows(&[0, 2], &[1.0, -2.0, 0.5, 4.0]);
        let step = |store: &mut Store| {
            store
                .update_rows("t", rule, 0.1, (&ids, &gradient), kernels)
                .unwrap()
        };
        let mut straight = ones();
        step(&mut straight);
        let mut resumed = ones();
        for stored in straight.export() {
            resumed.import(&stored).unwrap();
        }
        step(&mut straight);
        step(&mut resumed);
        assert_eq!(resumed.export(), straight.export(), "{rule:?}");
    }
}

#[test]
fn what_is_imported_has_to_have_the_declared_shape() {
    let stored = store("w", &weight(&[2, 3], Init::Constant(0.0)), &[2, 3])
        .export()
        .remove(0);
    let mut other = store("w", &weight(&[3, 2], Init::Constant(0.0)), &[3, 2]);
    let error = other.import(&stored).unwrap_err();
    assert_eq!(
        error.to_string(),
        "parameter `w` has to be f32[3, 2], found f32[2, 3]"
    );
    let error = Store::new(Device::Cpu).import(&stored).unwrap_err();
    assert_eq!(
        error,
        Error::MissingParam {
            path: "w".to_owned()
        }
    );
}

#[test]
fn values_can_be_put_in_from_outside() {
    let mut store = store("w", &weight(&[2, 2], Init::HeUniform), &[2, 2]);
    store.set("w", &[1.0, 2.0, 3.0, 4.0]).unwrap();
    assert_eq!(store.get("w").unwrap(), [1.0, 2.0, 3.0, 4.0]);
    let error = store.set("w", &[1.0]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "parameter `w` has to be f32[2, 2], found 1 elements"
    );
}

#[test]
fn an_average_follows_its_parameter_and_a_copy_does_not() {
    let mut store = store("w", &weight(&[1], Init::Constant(1.0)), &[1]);
    store.copy("w", "frozen").unwrap();
    store.copy("w", "average").unwrap();
    store.set("w", &[3.0]).unwrap();
    store.average("w", "average", 0.75).unwrap();
    assert_eq!(store.get("average").unwrap(), [1.5]);
    assert_eq!(store.get("frozen").unwrap(), [1.0]);
}

#[test]
fn declaring_keeps_parameters_that_are_there() {
    let mut store = store("w", &weight(&[1], Init::Constant(1.0)), &[1]);
    let mut graph = reckon_compiler::graph::Graph::new("g");
    graph
        .params
        .insert("w".to_owned(), weight(&[1], Init::Constant(5.0)));
    graph.params.insert("t".to_owned(), table(2));
    store
        .declare(&graph, &BTreeMap::from([("t".to_owned(), 3)]), 0)
        .unwrap();
    assert_eq!(store.get("w").unwrap(), [1.0]);
    assert_eq!(store.shape("t").unwrap(), [3, 2]);
}
