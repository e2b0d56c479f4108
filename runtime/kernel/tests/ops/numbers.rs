//! Arithmetic, conversions and parts of a time.

use reckon_compiler::plan::row::{RowKind, RowOp};

use crate::{Case, N, bools, check, compute, floats, ints, texts};

#[test]
fn integers_stay_integers_but_for_division() {
    let [a, b] = [
        ints(&[Some(7), Some(-3), None]),
        ints(&[Some(2), Some(-2), Some(1)]),
    ];
    let cases = [
        (RowOp::Add, [Some(9), Some(-5), None]),
        (RowOp::Sub, [Some(5), Some(-1), None]),
        (RowOp::Mul, [Some(14), Some(6), None]),
        (RowOp::Pow, [Some(49), Some(0), None]),
        (RowOp::Min, [Some(2), Some(-3), None]),
        (RowOp::Max, [Some(7), Some(-2), None]),
    ];
    for (op, expected) in cases {
        check(op, &[a.clone(), b.clone()], &ints(&expected));
    }
    check(RowOp::Div, &[a.clone(), b], &floats(&[3.5, 1.5, N]));
    check(
        RowOp::Neg,
        std::slice::from_ref(&a),
        &ints(&[Some(-7), Some(3), None]),
    );
    check(
        RowOp::Abs,
        std::slice::from_ref(&a),
        &ints(&[Some(7), Some(3), None]),
    );
    check(RowOp::Floor, &[a], &ints(&[Some(7), Some(-3), None]));
    check(
        RowOp::Add,
        &[ints(&[Some(i64::MAX)]), ints(&[Some(1)])],
        &ints(&[Some(i64::MIN)]),
    );
}

#[test]
fn a_float_on_either_side_makes_floats() {
    let [a, b] = [ints(&[Some(4), None]), floats(&[0.5, 1.0])];
    let cases = [
        (RowOp::Add, 4.5),
        (RowOp::Sub, 3.5),
        (RowOp::Mul, 2.0),
        (RowOp::Div, 8.0),
        (RowOp::Pow, 2.0),
        (RowOp::Min, 0.5),
        (RowOp::Max, 4.0),
    ];
    for (op, expected) in cases {
        check(op, &[a.clone(), b.clone()], &floats(&[expected, N]));
    }
}

#[test]
fn functions_of_one_number() {
    let cases = [
        (RowOp::Log, 1.0, 0.0),
        (RowOp::Log1p, 0.0, 0.0),
        (RowOp::Exp, 0.0, 1.0),
        (RowOp::Sqrt, 9.0, 3.0),
        (RowOp::Floor, -1.5, -2.0),
        (RowOp::Neg, 1.5, -1.5),
        (RowOp::Abs, -1.5, 1.5),
    ];
    for (op, x, expected) in cases {
        check(op, &[floats(&[x, N])], &floats(&[expected, N]));
    }
}

#[test]
fn clip_keeps_the_kind_and_survives_borders_the_wrong_way_round() {
    let borders = |low, high| [ints(&[Some(low); 3]), ints(&[Some(high); 3])];
    let x = ints(&[Some(-5), Some(5), None]);
    let [low, high] = borders(0, 3);
    check(
        RowOp::Clip,
        &[x.clone(), low, high],
        &ints(&[Some(0), Some(3), None]),
    );
    let [low, high] = borders(3, 0);
    check(
        RowOp::Clip,
        &[x.clone(), low, high.clone()],
        &ints(&[Some(0), Some(0), None]),
    );
    check(
        RowOp::Clip,
        &[x, floats(&[-0.5; 3]), high],
        &floats(&[-0.5, 0.0, N]),
    );
}

#[test]
fn conversions() {
    check(
        RowOp::ToFloat,
        &[ints(&[Some(3), None])],
        &floats(&[3.0, N]),
    );
    check(
        RowOp::ToFloat,
        &[bools(&[Some(true), None])],
        &floats(&[1.0, N]),
    );
    check(
        RowOp::ToInt,
        &[floats(&[-2.9, N])],
        &ints(&[Some(-2), None]),
    );
    check(
        RowOp::ToInt,
        &[bools(&[Some(true), None])],
        &ints(&[Some(1), None]),
    );
    check(
        RowOp::ToStr,
        &[ints(&[Some(-7), None])],
        &texts(&[Some("-7"), None]),
    );
    check(
        RowOp::ToStr,
        &[floats(&[2.0, 0.1, N])],
        &texts(&[Some("2.0"), Some("0.1"), None]),
    );
    check(
        RowOp::ToStr,
        &[bools(&[Some(false), None])],
        &texts(&[Some("false"), None]),
    );
    let durations = [ints(&[Some(90_500_000), Some(-1), None])];
    let case = |op| Case {
        op,
        args: &durations,
        kinds: vec![RowKind::Duration],
        mapped: false,
    };
    assert_eq!(
        compute(&case(RowOp::ToFloat), RowKind::Float),
        Ok(floats(&[90.5, -1e-6, N]))
    );
    let written = texts(&[Some("90.5"), Some("-0.000001"), None]);
    assert_eq!(compute(&case(RowOp::ToStr), RowKind::Str), Ok(written));
}

#[test]
fn parts_of_a_time_are_those_of_utc_before_1970_too() {
    let x = ints(&[Some(891_717_742_000_000), Some(-1), None]);
    check(
        RowOp::Hour,
        std::slice::from_ref(&x),
        &ints(&[Some(19), Some(23), None]),
    );
    check(
        RowOp::Weekday,
        std::slice::from_ref(&x),
        &ints(&[Some(5), Some(2), None]),
    );
    check(RowOp::Day, &[x], &ints(&[Some(10_320), Some(-1), None]));
}
