//! Mapped ops, constants, and programs that cannot run.

use std::borrow::Cow;

use reckon_compiler::plan::row::{Inst, Kernel, RowKind, RowOp, RowType};
use reckon_compiler::value::Value;
use reckon_kernel::{Inputs, Means, RowProgram};

use crate::{Case, check_mapped, compute, floats, int_lists, ints, text_lists, texts};

#[test]
fn a_mapped_op_leaves_out_elements_that_become_null() {
    let x = text_lists(&[Some(&["a1", "b", "c2"]), None, Some(&["d"])]);
    check_mapped(
        RowOp::Capture(r"\d".to_owned()),
        std::slice::from_ref(&x),
        &text_lists(&[Some(&["1", "2"]), None, Some(&[])]),
    );
    check_mapped(
        RowOp::Length,
        &[x],
        &int_lists(&[Some(&[2, 1, 2]), None, Some(&[1])]),
    );
    let [a, b] = [
        int_lists(&[Some(&[1, 2]), Some(&[3])]),
        ints(&[Some(10), None]),
    ];
    check_mapped(
        RowOp::Add,
        &[a, b],
        &int_lists(&[Some(&[11, 12]), Some(&[])]),
    );
}

#[test]
fn a_mapped_vocabulary_gives_ids_of_the_elements() {
    let x = text_lists(&[Some(&["drama", "comedy"]), Some(&[])]);
    check_mapped(
        RowOp::Vocab(0),
        &[x],
        &int_lists(&[Some(&[2, 3]), Some(&[])]),
    );
}

#[test]
fn constants_stand_for_all_rows() {
    let inst = |op, args, kind| Inst {
        op,
        args,
        ty: RowType::new(kind),
        mapped: false,
        span: None,
    };
    let kernel = Kernel {
        source: "movie".to_owned(),
        code: vec![
            inst(RowOp::Column("stars".to_owned()), vec![], RowKind::Int),
            inst(RowOp::Const(Value::Int(2)), vec![], RowKind::Float),
            inst(RowOp::Mul, vec![0, 1], RowKind::Float),
            inst(RowOp::Add, vec![1, 1], RowKind::Float),
        ],
        outputs: vec![("double".to_owned(), 2), ("four".to_owned(), 3)],
    };
    let stars = ints(&[Some(3), Some(5)]);
    let mut inputs = Inputs {
        rows: 2,
        ..Inputs::default()
    };
    inputs.columns.insert("stars", Cow::Borrowed(&stars));
    let program = RowProgram::new(kernel);
    for means in [Means::Interpreter, Means::MachineCode] {
        let outputs = program.run_by(means, &inputs, &[]).unwrap();
        assert_eq!(
            outputs,
            vec![
                ("double".to_owned(), floats(&[6.0, 10.0])),
                ("four".to_owned(), floats(&[4.0, 4.0])),
            ]
        );
    }
}

#[test]
fn what_cannot_run_is_an_error_with_its_reason() {
    let args = [texts(&[Some("x")])];
    let case = |op| Case {
        op,
        args: &args,
        kinds: vec![RowKind::Str],
        mapped: false,
    };
    let message = |op| compute(&case(op), RowKind::Float).unwrap_err();
    assert_eq!(message(RowOp::Log), "expected a number, found str");
    assert_eq!(
        message(RowOp::Capture("(".to_owned())),
        "`(` is not a regular expression"
    );
    assert_eq!(message(RowOp::Count), "expected a list, found str");
    assert_eq!(
        message(RowOp::Vocab(9)),
        "internal: fit 9 is read before it is fitted"
    );
    assert_eq!(
        message(RowOp::Hash { n: 0, seed: 0 }),
        "expected at least one slot to hash into, found 0"
    );
}
