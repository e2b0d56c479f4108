//! Every op on a small column, nulls included.

use std::borrow::Cow;

use reckon_compiler::plan::row::{Inst, Kernel, RowKind, RowOp, RowType};
use reckon_compiler::value::Value;
use reckon_kernel::{Column, Data, Fitted, Inputs, Lists, Vocabulary, VocabularyValues, run};

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
    run(&kernel, &inputs, &fits())
        .map(|mut outputs| outputs.remove(0).1)
        .map_err(|error| error.message)
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

#[test]
fn buckets_count_the_borders_that_are_at_most_the_value() {
    let x = floats(&[0.0, 1.0, 2.4, 2.5, 9.0, N]);
    let expected = ints(&[Some(0), Some(1), Some(1), Some(2), Some(2), None]);
    check(
        RowOp::Buckets(vec![1.0, 2.5]),
        std::slice::from_ref(&x),
        &expected,
    );
    check(RowOp::Quantile(1), &[x], &expected);
    check(
        RowOp::Buckets(vec![18.0, 25.0]),
        &[ints(&[Some(17), Some(18)])],
        &ints(&[Some(0), Some(1)]),
    );
}

#[test]
fn fitted_scales_of_an_empty_spread_are_zero() {
    check(RowOp::ZScore(2), &[floats(&[6.0, N])], &floats(&[1.0, N]));
    check(RowOp::ZScore(5), &[floats(&[6.0, N])], &floats(&[0.0, N]));
    check(
        RowOp::MinMax(3),
        &[floats(&[2.5, -1.0, 11.0, N])],
        &floats(&[0.25, 0.0, 1.0, N]),
    );
    check(RowOp::MinMax(6), &[floats(&[6.0, N])], &floats(&[0.0, N]));
}

#[test]
fn a_vocabulary_ends_null_and_hashes_unknown_values_into_its_slots() {
    let x = texts(&[
        Some("comedy"),
        Some("drama"),
        None,
        Some("horror"),
        Some("war"),
        Some("western"),
    ]);
    let expected = ints(&[Some(3), Some(2), Some(0), Some(0), Some(1), Some(1)]);
    check(RowOp::Vocab(0), &[x], &expected);
    check(
        RowOp::Vocab(4),
        &[ints(&[Some(3), Some(7), Some(8), None])],
        &ints(&[Some(2), Some(1), Some(0), Some(0)]),
    );
}

#[test]
fn hashes_are_stable() {
    let x = texts(&[Some("drama"), Some("comedy"), None]);
    check(
        RowOp::Hash { n: 1000, seed: 0 },
        std::slice::from_ref(&x),
        &ints(&[Some(735), Some(417), None]),
    );
    let y = ints(&[Some(1), None, None]);
    check(
        RowOp::Cross { n: 1000, seed: 3 },
        &[x, y],
        &ints(&[Some(547), Some(820), Some(558)]),
    );
}

#[test]
fn texts_are_taken_apart() {
    let x = texts(&[Some("Action|Sci-Fi||"), Some(""), None]);
    check(
        RowOp::Split("|".to_owned()),
        &[x],
        &text_lists(&[Some(&["Action", "Sci-Fi"]), Some(&[]), None]),
    );
    check(
        RowOp::Split(String::new()),
        &[texts(&[Some("ab")])],
        &text_lists(&[Some(&["ab"])]),
    );
    check(
        RowOp::Lower,
        &[texts(&[Some("ÄB"), None])],
        &texts(&[Some("äb"), None]),
    );
    check(
        RowOp::Trim,
        &[texts(&[Some(" a b "), None])],
        &texts(&[Some("a b"), None]),
    );
    check(
        RowOp::Length,
        &[texts(&[Some("äö"), None])],
        &ints(&[Some(2), None]),
    );
    check(
        RowOp::Ngrams(2),
        &[texts(&[Some("äbc"), Some("x"), None])],
        &text_lists(&[Some(&["äb", "bc"]), Some(&[]), None]),
    );
    check(
        RowOp::Tokens,
        &[texts(&[Some("Don't stop, Amélie! 2")])],
        &text_lists(&[Some(&["Don't", "stop", "Amélie", "2"])]),
    );
}

#[test]
fn capture_gives_the_group_or_the_match_or_null() {
    let titles = texts(&[Some("Heat (1995)"), Some("Heat"), None]);
    check(
        RowOp::Capture(r"\((\d{4})\)".to_owned()),
        std::slice::from_ref(&titles),
        &texts(&[Some("1995"), None, None]),
    );
    check(
        RowOp::Capture(r"\d+".to_owned()),
        &[titles],
        &texts(&[Some("1995"), None, None]),
    );
}

#[test]
fn lists_are_reduced() {
    let x = float_lists(&[Some(&[1.0, 4.0, 1.0]), Some(&[]), None]);
    let cases = [
        (RowOp::First, floats(&[1.0, N, N])),
        (RowOp::Last, floats(&[1.0, N, N])),
        (RowOp::ListSum, floats(&[6.0, 0.0, N])),
        (RowOp::ListMean, floats(&[2.0, 0.0, N])),
        (RowOp::ListMax, floats(&[4.0, N, N])),
        (RowOp::ListMin, floats(&[1.0, N, N])),
        (RowOp::Count, ints(&[Some(3), Some(0), None])),
        (
            RowOp::Take(2),
            float_lists(&[Some(&[1.0, 4.0]), Some(&[]), None]),
        ),
        (
            RowOp::Distinct,
            float_lists(&[Some(&[1.0, 4.0]), Some(&[]), None]),
        ),
    ];
    for (op, expected) in cases {
        check(op, std::slice::from_ref(&x), &expected);
    }
    check(
        RowOp::ListSum,
        &[int_lists(&[Some(&[2, 3]), Some(&[]), None])],
        &ints(&[Some(5), Some(0), None]),
    );
    let genres = text_lists(&[Some(&["war", "drama"]), Some(&["war"]), None]);
    check(
        RowOp::Contains,
        &[genres, texts(&[Some("drama"); 3])],
        &bools(&[Some(true), Some(false), None]),
    );
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
    let outputs = run(&kernel, &inputs, &[]).unwrap();
    assert_eq!(
        outputs,
        vec![
            ("double".to_owned(), floats(&[6.0, 10.0])),
            ("four".to_owned(), floats(&[4.0, 4.0])),
        ]
    );
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
