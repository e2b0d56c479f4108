//! A batch gives each row the ids that it gets alone: what a model was trained on is what it is asked about.

use std::borrow::Cow;

use reckon_compiler::plan::row::{Inst, Kernel, RowKind, RowOp, RowType};
use reckon_kernel::{
    Column, Data, Fitted, Inputs, Means, RowProgram, Texts, Vocabulary, VocabularyValues,
};

use crate::generate::Draw;

const COLUMNS: [(&str, RowKind); 5] = [
    ("number", RowKind::Int),
    ("price", RowKind::Float),
    ("at", RowKind::Time),
    ("word", RowKind::Str),
    ("name", RowKind::Str),
];

/// Instructions behind the columns: op, operands, kind of the result or of its elements, whether it is mapped.
fn ids() -> Vec<(RowOp, &'static [usize], RowKind, bool)> {
    use RowKind::{Int, Str};
    let hash = || RowOp::Hash { n: 1000, seed: 3 };
    let cross = || RowOp::Cross {
        n: 1 << 40,
        seed: 7,
    };
    let borders = vec![-1.5, 0.0, 2.25, 80.0];
    vec![
        (hash(), &[0], Int, false),
        (RowOp::Vocab(0), &[0], Int, false),
        (RowOp::Buckets(borders), &[1], Int, false),
        (RowOp::Quantile(1), &[1], Int, false),
        (RowOp::Hour, &[2], Int, false),
        (hash(), &[3], Int, false),
        (hash(), &[4], Int, false),
        (RowOp::Vocab(2), &[3], Int, false),
        (RowOp::Vocab(2), &[4], Int, false),
        (cross(), &[0, 3], Int, false),
        (cross(), &[3, 4, 2], Int, false),
        (RowOp::Lower, &[4], Str, false),
        (RowOp::Vocab(2), &[16], Int, false),
        (RowOp::Trim, &[4], Str, false),
        (hash(), &[18], Int, false),
        (RowOp::Split("|".to_owned()), &[3], Str, true),
        (hash(), &[20], Int, true),
        (RowOp::Split("|".to_owned()), &[4], Str, true),
        (RowOp::Vocab(2), &[22], Int, true),
    ]
}

fn kernel() -> Kernel {
    let ty = |kind| RowType {
        kind,
        nullable: true,
    };
    let columns = COLUMNS.into_iter().map(|(name, kind)| Inst {
        op: RowOp::Column(name.to_owned()),
        args: Vec::new(),
        ty: ty(kind),
        mapped: false,
        span: None,
    });
    let ids = ids().into_iter().map(|(op, args, kind, list)| Inst {
        mapped: list && !matches!(op, RowOp::Split(_)),
        op,
        args: args.to_vec(),
        ty: ty(if list {
            RowKind::List(Box::new(kind))
        } else {
            kind
        }),
        span: None,
    });
    let code: Vec<Inst> = columns.chain(ids).collect();
    let outputs = (COLUMNS.len()..code.len()).map(|at| (format!("o{at}"), at));
    Kernel {
        source: "rating".to_owned(),
        outputs: outputs.collect(),
        code,
    }
}

fn fits() -> Vec<Fitted> {
    let texts = ["drama", "comedy", "a", "x1 y22", "name 7|b"];
    let texts = VocabularyValues::Str(texts.into_iter().collect());
    vec![
        Fitted::Vocab(Vocabulary::new(
            3,
            VocabularyValues::Int(vec![7, 1, -3]),
            vec![3, 2, 1],
        )),
        Fitted::Borders(vec![-2.0, 0.5, 3.0]),
        Fitted::Vocab(Vocabulary::new(2, texts, vec![5, 4, 3, 2, 1])),
    ]
}

fn column(draw: &mut Draw, name: &str, kind: &RowKind, rows: usize) -> Column {
    let valid: Vec<bool> = (0..rows).map(|_| draw.below(9) > 0).collect();
    let data = match kind {
        RowKind::Float => Data::Float((0..rows).map(|_| draw.float()).collect()),
        RowKind::Str if name == "word" => Data::Str((0..rows).map(|_| draw.text()).collect()),
        RowKind::Str => {
            let names = (0..rows).map(|_| format!("Name {}|b", draw.below(rows)));
            let names: Vec<String> = names.collect();
            Data::Str(names.iter().map(String::as_str).collect::<Texts>())
        }
        _ => Data::Int((0..rows).map(|_| draw.int()).collect()),
    };
    Column::with_validity(data, Some(valid)).once_each()
}

fn run(
    program: &RowProgram,
    fits: &[Fitted],
    columns: &[Column],
    rows: usize,
    means: Means,
) -> Vec<Column> {
    let named = COLUMNS.iter().zip(columns);
    let inputs = Inputs {
        rows,
        columns: named
            .map(|((name, _), column)| (*name, Cow::Borrowed(column)))
            .collect(),
        ..Inputs::default()
    };
    let outputs = program.run_by(means, &inputs, fits);
    let outputs = outputs.unwrap_or_else(|error| panic!("{error}"));
    outputs.into_iter().map(|(_, column)| column).collect()
}

/// Compares every `step`th of random rows.
#[track_caller]
fn check(rows: usize, step: usize) {
    let mut draw = Draw::new(11);
    let columns = COLUMNS.iter();
    let columns: Vec<Column> = columns
        .map(|(name, kind)| column(&mut draw, name, kind, rows))
        .collect();
    let program = RowProgram::new(kernel());
    let fits = fits();
    let batch = run(&program, &fits, &columns, rows, Means::MachineCode);
    for row in (0..rows as u32).step_by(step) {
        let one: Vec<Column> = columns.iter().map(|column| column.take(&[row])).collect();
        let alone = run(&program, &fits, &one, 1, Means::Interpreter);
        for (at, (batch, alone)) in batch.iter().zip(&alone).enumerate() {
            assert_eq!(batch.take(&[row]), *alone, "output {at} of row {row}");
        }
    }
}

#[test]
fn a_row_gets_the_ids_alone_that_it_gets_in_a_batch() {
    check(140_000, 70);
}

#[test]
#[ignore = "a million rows one by one"]
fn a_million_rows_get_the_ids_alone_that_they_get_in_a_batch() {
    check(1_000_000, 1);
}
