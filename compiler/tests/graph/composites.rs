//! Composites against their textbook formulas: the evaluator itself only knows their decompositions.

use reckon_compiler::graph::eval::evaluate;
use reckon_compiler::graph::{Dim, Op, SpaceId};

use crate::world::{B, C, Case, Draw, Expect, L, WORLDS, World, case};

fn value(case: &Case) -> Vec<f64> {
    evaluate(&case.graph, &case.env)
        .unwrap()
        .get(case.result)
        .unwrap()
        .data
        .clone()
}

fn assert_close(found: &[f64], expected: &[f64]) {
    let close = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-9 * (1.0 + a.abs());
    assert!(
        found.len() == expected.len() && found.iter().zip(expected).all(close),
        "{found:?} {expected:?}"
    );
}

fn worlds(op: &Op, draws: impl Fn(World) -> Vec<Draw>) -> Vec<Case> {
    let small = |world: &World| World {
        scale: world.scale.min(3.0),
        ..*world
    };
    WORLDS
        .iter()
        .map(small)
        .map(|world| case(world, op.clone(), None, &draws(world), Expect::Differences))
        .collect()
}

#[test]
fn a_bag_is_the_sum_of_the_rows_of_each_list() {
    let draws = |world: World| {
        vec![
            Draw::Table(2),
            Draw::Ids(vec![L], world.vocabulary),
            Draw::Segments,
        ]
    };
    for case in worlds(&Op::Bag { parent: SpaceId(0) }, draws) {
        let (table, ids, segments) = (
            &case.env.params["table"],
            &case.env.inputs["x1"],
            &case.env.inputs["x2"],
        );
        let mut expected = vec![0.0; case.env.sizes[&SpaceId(0)] * 2];
        for (id, segment) in ids.data.iter().zip(&segments.data) {
            for d in 0..2 {
                expected[*segment as usize * 2 + d] += table.data[*id as usize * 2 + d];
            }
        }
        assert_close(&value(&case), &expected);
    }
}

#[test]
fn softmax_cross_entropy_is_minus_the_logarithm_of_the_share() {
    for case in worlds(&Op::SoftmaxXent, |world| {
        vec![Draw::Any(vec![B, C]), Draw::Ids(vec![B], world.candidates)]
    }) {
        let (scores, column) = (&case.env.inputs["x0"], &case.env.inputs["x1"]);
        let rows = scores.data.chunks(scores.dims[1]).zip(&column.data);
        let share = |row: &[f64], column: f64| {
            row[column as usize].exp() / row.iter().map(|x| x.exp()).sum::<f64>()
        };
        let expected: Vec<f64> = rows
            .map(|(row, column)| -share(row, *column).ln())
            .collect();
        assert_close(&value(&case), &expected);
    }
}

#[test]
fn binary_cross_entropy_is_that_of_the_sigmoid() {
    for case in worlds(&Op::BceLogits, |_| {
        vec![Draw::Any(vec![B]), Draw::Positive(vec![B])]
    }) {
        let pairs = case.env.inputs["x0"]
            .data
            .iter()
            .zip(&case.env.inputs["x1"].data);
        let p = |x: f64| 1.0 / (1.0 + (-x).exp());
        let expected: Vec<f64> = pairs
            .map(|(x, t)| -t * p(*x).ln() - (1.0 - t) * (1.0 - p(*x)).ln())
            .collect();
        assert_close(&value(&case), &expected);
    }
}

#[test]
fn layer_norm_has_mean_zero_and_variance_one() {
    for case in worlds(&Op::LayerNorm { eps: 0.0 }, |_| {
        vec![Draw::Any(vec![B, Dim::Fixed(8)])]
    }) {
        for row in value(&case).chunks(8) {
            assert_close(
                &[
                    row.iter().sum::<f64>(),
                    row.iter().map(|x| x * x).sum::<f64>() / 8.0,
                ],
                &[0.0, 1.0],
            );
        }
    }
}

#[test]
fn attention_is_a_weighted_mean_of_the_values_it_may_see() {
    for causal in [false, true] {
        let rows = || Draw::Any(vec![L, Dim::Fixed(4)]);
        let op = Op::Attention { heads: 2, causal };
        for case in worlds(&op, |_| {
            vec![rows(), rows(), rows(), Draw::Segments, Draw::Positions]
        }) {
            let x = |at: usize| &case.env.inputs[&format!("x{at}")].data;
            let (segments, places) = (x(3), x(4));
            let of_head = |at: usize, n: usize, head: usize| &x(at)[n * 4 + head * 2..][..2];
            let mut expected = Vec::new();
            for query in 0..segments.len() {
                for head in 0..2 {
                    let score = |key: &usize| {
                        let pairs = of_head(0, query, head).iter().zip(of_head(1, *key, head));
                        pairs.map(|(a, b)| a * b).sum::<f64>() / 2.0_f64.sqrt()
                    };
                    let seen: Vec<usize> = (0..segments.len())
                        .filter(|key| segments[*key] == segments[query])
                        .filter(|key| !causal || places[*key] <= places[query])
                        .collect();
                    let largest = seen.iter().map(score).fold(f64::NEG_INFINITY, f64::max);
                    let share = |key: &usize| (score(key) - largest).exp();
                    let total: f64 = seen.iter().map(share).sum();
                    expected.extend((0..2).map(|d| {
                        let values = seen
                            .iter()
                            .map(|key| share(key) * of_head(2, *key, head)[d]);
                        values.sum::<f64>() / total
                    }));
                }
            }
            assert_close(&value(&case), &expected);
        }
    }
}

#[test]
fn the_error_function_has_its_known_values() {
    let found = case(
        WORLDS[0],
        Op::Erf,
        None,
        &[Draw::Any(vec![Dim::Fixed(4)])],
        Expect::Differences,
    );
    let mut case = found;
    case.env.inputs.get_mut("x0").unwrap().data = vec![0.5, 1.0, -3.0, 10.0];
    let expected = [
        0.520_499_877_813_046_5,
        0.842_700_792_949_714_9,
        -0.999_977_909_503_001_4,
        1.0,
    ];
    let found = value(&case);
    assert!(
        found
            .iter()
            .zip(&expected)
            .all(|(a, b)| (a - b).abs() < 1e-14),
        "{found:?}"
    );
}
