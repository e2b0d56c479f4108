//! Comparisons, logic and choices.

use reckon_compiler::plan::row::RowOp;

use crate::{N, bools, check, floats, int_lists, ints, texts};

#[test]
fn comparisons_of_a_null_are_null() {
    let [a, b] = [
        ints(&[Some(1), Some(2), Some(3), None]),
        ints(&[Some(2); 4]),
    ];
    let [x, y] = [
        texts(&[Some("a"), Some("b"), Some("c"), None]),
        texts(&[Some("b"); 4]),
    ];
    let cases = [
        (RowOp::Eq, [false, true, false]),
        (RowOp::Ne, [true, false, true]),
        (RowOp::Lt, [true, false, false]),
        (RowOp::Le, [true, true, false]),
        (RowOp::Gt, [false, false, true]),
        (RowOp::Ge, [false, true, true]),
    ];
    for (op, [less, equal, greater]) in cases {
        let expected = bools(&[Some(less), Some(equal), Some(greater), None]);
        check(op.clone(), &[a.clone(), b.clone()], &expected);
        check(op.clone(), &[a.clone(), floats(&[2.0; 4])], &expected);
        check(op, &[x.clone(), y.clone()], &expected);
    }
}

#[test]
fn and_is_false_and_or_true_whatever_a_null_would_be() {
    let [t, f] = [Some(true), Some(false)];
    let a = bools(&[t, t, t, f, f, f, None, None, None]);
    let b = bools(&[t, f, None, t, f, None, t, f, None]);
    check(
        RowOp::And,
        &[a.clone(), b.clone()],
        &bools(&[t, f, None, f, f, f, None, f, None]),
    );
    check(
        RowOp::Or,
        &[a, b],
        &bools(&[t, t, t, t, f, None, t, None, None]),
    );
    check(RowOp::Not, &[bools(&[t, f, None])], &bools(&[f, t, None]));
}

#[test]
fn choices() {
    check(
        RowOp::IsNull,
        &[ints(&[Some(1), None])],
        &bools(&[Some(false), Some(true)]),
    );
    check(
        RowOp::Fill,
        &[ints(&[Some(1), None]), ints(&[Some(8), Some(9)])],
        &ints(&[Some(1), Some(9)]),
    );
    check(
        RowOp::Fill,
        &[texts(&[None, Some("x")]), texts(&[None, Some("y")])],
        &texts(&[None, Some("x")]),
    );
    check(
        RowOp::Fill,
        &[
            int_lists(&[None, Some(&[1])]),
            int_lists(&[Some(&[7, 8]), None]),
        ],
        &int_lists(&[Some(&[7, 8]), Some(&[1])]),
    );
    let cond = bools(&[Some(true), Some(false), None]);
    check(
        RowOp::Where,
        &[cond.clone(), ints(&[Some(1); 3]), floats(&[2.5, N, 2.5])],
        &floats(&[1.0, N, 2.5]),
    );
}
