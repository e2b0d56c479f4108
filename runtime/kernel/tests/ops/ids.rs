//! Hashes, buckets and fitted look-ups.

use reckon_compiler::plan::row::RowOp;
use reckon_kernel::Column;
use reckon_kernel::hash::{Hashed, hash, slot};

use crate::{N, check, floats, ints, texts};

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
fn many_texts_hash_as_each_does_alone() {
    let text = |row: usize, len: usize| format!("{row:04}").repeat(10)[..len].to_owned();
    let uneven: Vec<String> = (0..1000).map(|row| text(row, row * 7 % 41)).collect();
    let recurring: Vec<String> = (0..1000).map(|row| text(row % 9, row % 9)).collect();
    let mut cases = vec![uneven, recurring];
    cases.extend([1, 8, 9, 16, 17, 40].map(|len| (0..1000).map(|row| text(row, len)).collect()));
    let numbers: Vec<Option<i64>> = (0..1000).map(|row| Some(row % 13)).collect();
    for values in cases {
        let column = texts(
            &values
                .iter()
                .map(|value| Some(value.as_str()))
                .collect::<Vec<_>>(),
        );
        let slots = |of: &dyn Fn(usize) -> u64| -> Column {
            let slots = (0..1000).map(|row| Some(slot(of(row), 5_000) as i64));
            ints(&slots.collect::<Vec<_>>())
        };
        let alone = slots(&|row| hash(2, &[Hashed::Str(&values[row])]));
        let second = slots(&|row| {
            hash(
                2,
                &[Hashed::Int(row as i64 % 13), Hashed::Str(&values[row])],
            )
        });
        for column in [column.clone(), column.once_each()] {
            let op = RowOp::Hash { n: 5_000, seed: 2 };
            check(op, std::slice::from_ref(&column), &alone);
            let op = RowOp::Cross { n: 5_000, seed: 2 };
            check(op, &[ints(&numbers), column], &second);
        }
    }
}
