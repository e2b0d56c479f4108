//! Texts and lists.

use reckon_compiler::plan::row::{Bag, RowOp};

use crate::{N, bools, check, float_lists, floats, int_lists, ints, text_lists, texts};

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
fn a_backslash_makes_a_character_one_of_the_key() {
    let bag = Bag {
        separator: b'|',
        pair: b':',
    };
    let x = texts(&[
        Some(r"a\:b:2|c\|d:3|e\\:4"),
        Some(r"ä:1e-1| x : 5 |\"),
        None,
    ]);
    check(
        RowOp::BagKeys(bag),
        std::slice::from_ref(&x),
        &text_lists(&[
            Some(&["a:b", "c|d", r"e\"]),
            Some(&["ä", " x ", r"\"]),
            None,
        ]),
    );
    check(
        RowOp::BagWeights(bag),
        &[x],
        &float_lists(&[Some(&[2.0, 3.0, 4.0]), Some(&[0.1, 5.0, 1.0]), None]),
    );
}

#[test]
fn numbers_are_read_where_a_text_holds_one_alone() {
    let x = texts(&[
        Some(" 1.5 "),
        Some("-2e3"),
        Some("1,5"),
        Some("nan"),
        Some("0x10"),
        Some("."),
        None,
    ]);
    check(RowOp::Number, &[x], &floats(&[1.5, -2000.0, N, N, N, N, N]));
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
