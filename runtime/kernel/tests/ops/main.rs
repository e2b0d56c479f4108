//! Every op on a small column, nulls included, by the interpreter and by machine code.

mod choices;
mod ids;
mod numbers;
mod run;
mod texts_and_lists;

use std::borrow::Cow;

use reckon_compiler::plan::row::{Inst, Kernel, RowKind, RowOp, RowType};

use reckon_kernel::{
    Column, Data, Fitted, Inputs, Lists, Means, RowProgram, Vocabulary, VocabularyValues,
};

const N: f64 = f64::NAN;

fn ints(values: &[Option<i64>]) -> Column {
    let valid = values.iter().map(Option::is_some).collect();
    Column::with_validity(
        Data::Int(values.iter().map(|value| value.unwrap_or(0)).collect()),
        Some(valid),
    )
}

/// NaN stands for null.
fn floats(values: &[f64]) -> Column {
    let valid = values.iter().map(|value| !value.is_nan()).collect();
    let data = values
        .iter()
        .map(|value| if value.is_nan() { 0.0 } else { *value })
        .collect();
    Column::with_validity(Data::Float(data), Some(valid))
}

fn bools(values: &[Option<bool>]) -> Column {
    let valid = values.iter().map(Option::is_some).collect();
    Column::with_validity(
        Data::Bool(values.iter().map(|value| value.unwrap_or(false)).collect()),
        Some(valid),
    )
}

fn texts(values: &[Option<&str>]) -> Column {
    let valid = values.iter().map(Option::is_some).collect();
    Column::with_validity(
        Data::Str(values.iter().map(|value| value.unwrap_or("")).collect()),
        Some(valid),
    )
}

fn listed(lens: &[Option<usize>], values: Data) -> Column {
    let mut offsets = vec![0];
    lens.iter()
        .for_each(|len| offsets.push(offsets[offsets.len() - 1] + len.unwrap_or(0)));
    let valid = lens.iter().map(Option::is_some).collect();
    Column::with_validity(
        Data::List(Lists {
            offsets,
            values: Box::new(values),
        }),
        Some(valid),
    )
}

fn int_lists(values: &[Option<&[i64]>]) -> Column {
    let lens: Vec<_> = values.iter().map(|list| list.map(<[i64]>::len)).collect();
    listed(
        &lens,
        Data::Int(
            values
                .iter()
                .flat_map(|list| list.unwrap_or(&[]).to_vec())
                .collect(),
        ),
    )
}

fn float_lists(values: &[Option<&[f64]>]) -> Column {
    let lens: Vec<_> = values.iter().map(|list| list.map(<[f64]>::len)).collect();
    listed(
        &lens,
        Data::Float(
            values
                .iter()
                .flat_map(|list| list.unwrap_or(&[]).to_vec())
                .collect(),
        ),
    )
}

fn text_lists(values: &[Option<&[&str]>]) -> Column {
    let lens: Vec<_> = values.iter().map(|list| list.map(<[&str]>::len)).collect();
    listed(
        &lens,
        Data::Str(
            values
                .iter()
                .flat_map(|list| list.unwrap_or(&[]).to_vec())
                .collect(),
        ),
    )
}

fn kind(data: &Data) -> RowKind {
    match data {
        Data::Int(_) => RowKind::Int,
        Data::Float(_) => RowKind::Float,
        Data::Bool(_) => RowKind::Bool,
        Data::Str(_) => RowKind::Str,
        Data::List(lists) => RowKind::List(Box::new(kind(&lists.values))),
    }
}

fn fits() -> Vec<Fitted> {
    let values = VocabularyValues::Str(["drama", "comedy"].into_iter().collect());
    vec![
        Fitted::Vocab(Vocabulary::new(2, values, vec![9, 4])),
        Fitted::Borders(vec![1.0, 2.5]),
        Fitted::Moments {
            mean: 2.0,
            std: 4.0,
        },
        Fitted::Extent {
            min: 0.0,
            max: 10.0,
        },
        Fitted::Vocab(Vocabulary::new(
            0,
            VocabularyValues::Int(vec![7, 3]),
            vec![5, 5],
        )),
        Fitted::Moments {
            mean: 2.0,
            std: 0.0,
        },
        Fitted::Extent { min: 1.0, max: 1.0 },
    ]
}

struct Case<'a> {
    op: RowOp,
    args: &'a [Column],
    kinds: Vec<RowKind>,
    mapped: bool,
}

fn compute(case: &Case<'_>, ty: RowKind) -> Result<Column, String> {
    let names: Vec<String> = (0..case.args.len()).map(|at| format!("c{at}")).collect();
    let nullable = |kind: &RowKind| RowType {
        kind: kind.clone(),
        nullable: true,
    };
    let inst = |op, args, ty, mapped| Inst {
        op,
        args,
        ty,
        mapped,
        span: None,
    };
    let mut code: Vec<Inst> = names
        .iter()
        .zip(&case.kinds)
        .map(|(name, kind)| inst(RowOp::Column(name.clone()), vec![], nullable(kind), false))
        .collect();
    code.push(inst(
        case.op.clone(),
        (0..names.len()).collect(),
        nullable(&ty),
        case.mapped,
    ));
    let kernel = Kernel {
        source: "movie".to_owned(),
        outputs: vec![("y".to_owned(), code.len() - 1)],
        code,
    };
    let inputs = Inputs {
        rows: case.args[0].len(),
        columns: names
            .iter()
            .map(String::as_str)
            .zip(case.args.iter().map(Cow::Borrowed))
            .collect(),
        ..Inputs::default()
    };
    let program = RowProgram::new(kernel);
    let run = |means| {
        let outputs = program.run_by(means, &inputs, &fits());
        outputs
            .map(|mut outputs| outputs.remove(0).1)
            .map_err(|error| error.message)
    };
    let (interpreted, compiled) = (run(Means::Interpreter), run(Means::MachineCode));
    assert_eq!(interpreted, compiled, "{:?}", case.op);
    interpreted
}

#[track_caller]
fn check(op: RowOp, args: &[Column], expected: &Column) {
    let kinds = args.iter().map(|column| kind(&column.data)).collect();
    let case = Case {
        op: op.clone(),
        args,
        kinds,
        mapped: false,
    };
    assert_eq!(
        compute(&case, kind(&expected.data)).as_ref(),
        Ok(expected),
        "{op:?}"
    );
}

#[track_caller]
fn check_mapped(op: RowOp, args: &[Column], expected: &Column) {
    let kinds = args.iter().map(|column| kind(&column.data)).collect();
    let case = Case {
        op: op.clone(),
        args,
        kinds,
        mapped: true,
    };
    assert_eq!(
        compute(&case, kind(&expected.data)).as_ref(),
        Ok(expected),
        "{op:?}"
    );
}
