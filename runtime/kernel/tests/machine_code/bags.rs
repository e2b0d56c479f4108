//! Keys of bags become numbers where they stand in their texts, and their weights are read on the same way.

use std::borrow::Cow;

use reckon_compiler::plan::row::{Bag, Inst, Kernel, RowKind, RowOp, RowType};
use reckon_kernel::{
    Column, Data, Fitted, Inputs, Means, RowProgram, Texts, Vocabulary, VocabularyValues, clif,
};

use crate::generate::Draw;
use crate::same;

const BAG: Bag = Bag {
    separator: b'|',
    pair: b':',
};

const PARTS: [&str; 22] = [
    "",
    ":",
    ":3",
    "war",
    "war:",
    "war:x",
    "war:2",
    "drama:0.5",
    "drama:.5",
    "drama:1.",
    "drama:007",
    "drama:-1",
    "drama:+1.25",
    "drama: 2 ",
    "drama:1e-3",
    "drama:nan",
    "drama:inf",
    "a rather long key:12345678901234567890",
    "two:1:2",
    "ö:0.1234567",
    r"a\|b:0.25",
    r"c\:d\:12",
];

/// Texts of no part to four, some of them null.
fn texts(draw: &mut Draw, rows: usize, escapes: Escapes) -> Column {
    let parts = match escapes {
        Escapes::Some => PARTS.len(),
        Escapes::None => PARTS.len() - 2,
    };
    let texts = (0..rows).map(|_| {
        let parts: Vec<&str> = (0..draw.below(5))
            .map(|_| PARTS[draw.below(parts)])
            .collect();
        parts.join("|")
    });
    let texts: Vec<String> = texts.collect();
    let valid = (0..rows).map(|_| draw.below(9) > 0).collect();
    let texts = texts.iter().map(String::as_str).collect::<Texts>();
    Column::with_validity(Data::Str(texts), Some(valid))
}

#[derive(Clone, Copy)]
enum Escapes {
    Some,
    None,
}

/// What stands behind the column: the keys with what becomes of them, the weights, and what is made of those.
#[derive(Clone, Copy, PartialEq)]
enum Line {
    Keys,
    Number,
    Weights,
    Sum,
}

fn kernel(op: &RowOp, lines: &[Line]) -> Kernel {
    let list = |of| RowKind::List(Box::new(of));
    let place = |line: Line| {
        1 + lines
            .iter()
            .position(|other| *other == line)
            .expect("there")
    };
    let made = lines.iter().map(|line| match line {
        Line::Keys => (RowOp::BagKeys(BAG), 0, list(RowKind::Str), false),
        Line::Number => (op.clone(), place(Line::Keys), list(RowKind::Int), true),
        Line::Weights => (RowOp::BagWeights(BAG), 0, list(RowKind::Float), false),
        Line::Sum => (RowOp::ListSum, place(Line::Weights), RowKind::Float, false),
    });
    let inst = |op, args, kind, mapped| Inst {
        op,
        args,
        ty: RowType {
            kind,
            nullable: true,
        },
        mapped,
        span: None,
    };
    let text = inst(
        RowOp::Column("bag".to_owned()),
        Vec::new(),
        RowKind::Str,
        false,
    );
    let made = made.map(|(op, arg, kind, mapped)| inst(op, vec![arg], kind, mapped));
    let outputs = lines.iter().filter(|line| **line != Line::Keys);
    Kernel {
        source: "rating".to_owned(),
        code: [text].into_iter().chain(made).collect(),
        outputs: outputs
            .map(|line| (format!("o{}", place(*line)), place(*line)))
            .collect(),
    }
}

const ORDERS: [&[Line]; 5] = [
    &[Line::Keys, Line::Number],
    &[Line::Keys, Line::Number, Line::Weights],
    &[Line::Keys, Line::Weights, Line::Number, Line::Sum],
    &[Line::Weights, Line::Sum, Line::Keys, Line::Number],
    &[Line::Keys, Line::Weights, Line::Sum, Line::Number],
];

fn fits() -> Vec<Fitted> {
    let keys = ["drama", "war", "a|b", "ö", "a rather long key", "c:d:12"];
    let keys = VocabularyValues::Str(keys.into_iter().collect());
    vec![Fitted::Vocab(Vocabulary::new(
        2,
        keys,
        vec![6, 5, 4, 3, 2, 1],
    ))]
}

#[track_caller]
fn check(rows: usize, escapes: Escapes) {
    let bags = texts(&mut Draw::new(rows as u64), rows, escapes);
    let fits = fits();
    for op in [
        RowOp::Vocab(0),
        RowOp::Hash { n: 1000, seed: 3 },
        RowOp::Length,
    ] {
        for lines in ORDERS {
            let program = RowProgram::new(kernel(&op, lines));
            let inputs = Inputs {
                rows,
                columns: [("bag", Cow::Borrowed(&bags))].into(),
                ..Inputs::default()
            };
            let run = |means| program.run_by(means, &inputs, &fits).expect("it runs");
            let (expected, found) = (run(Means::Interpreter), run(Means::MachineCode));
            for ((name, expected), (_, found)) in expected.iter().zip(&found) {
                assert!(
                    same(expected, found),
                    "{rows} rows, {op:?}, {name}:\n{expected:?}\n{found:?}"
                );
            }
        }
    }
}

#[test]
fn keys_and_weights_that_are_read_together_are_those_that_are_read_apart() {
    for rows in [0, 1, 2, 33, 513, 5_000] {
        check(rows, Escapes::None);
        check(rows, Escapes::Some);
    }
}

#[test]
fn ranges_of_bags_are_put_behind_one_another() {
    check(140_000, Escapes::Some);
}

#[test]
fn keys_become_numbers_and_weights_are_read_on_one_way() {
    for lines in ORDERS {
        let text = clif(&kernel(&RowOp::Vocab(0), lines), |_| 0, |_| String::new());
        let apart = usize::from(lines.contains(&Line::Sum));
        let steps = ["// over the parts of texts:", "// over columns:"];
        assert_eq!(
            steps.map(|step| text.matches(step).count()),
            [1, apart],
            "{text}"
        );
    }
}
