//! Products on the unit beside sums of doubles. Where no processor has one there is nothing to test, which is said.

use super::{Lines, Matrices, is_there, multiply};

/// A left and a right matrix, and how each lies in memory.
#[derive(Clone, Copy)]
struct Case {
    rows: usize,
    columns: usize,
    length: usize,
    /// Whether numbers of a line lie side by side, left and right.
    along: (bool, bool),
}

fn there() -> bool {
    if !is_there() {
        eprintln!("SKIPPED: this processor has no matrix unit");
    }
    is_there()
}

/// Numbers of all signs and many sizes.
fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    let mut draw = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    let number = |_| draw() * (4.0 * draw()).exp();
    (0..count).map(number).collect()
}

fn lines(numbers: &[f32], count: usize, along: bool) -> Lines<'_> {
    let length = numbers.len() / count;
    Lines {
        numbers,
        count,
        length,
        steps: if along { (length, 1) } else { (1, count) },
    }
}

fn product(a: Lines<'_>, b: Lines<'_>, start: Option<f32>) -> Vec<f32> {
    let alone = |first| Matrices { first, step: 0 };
    let mut out = vec![start.unwrap_or(f32::NAN); a.count * b.count];
    multiply(alone(a), alone(b), &mut out, start.is_some());
    out
}

/// The largest error, in parts of the sum of all absolute products, of the unit and of a plain sum of floats.
fn errors(case: Case, start: Option<f32>) -> (f64, f64) {
    let (left, right) = (
        numbers(case.rows * case.length, 1),
        numbers(case.columns * case.length, 2),
    );
    let a = lines(&left, case.rows, case.along.0);
    let b = lines(&right, case.columns, case.along.1);
    let found = product(a, b, start);
    let at = |lines: &Lines<'_>, line, number| {
        lines.numbers[line * lines.steps.0 + number * lines.steps.1]
    };
    let mut worst = (0.0_f64, 0.0_f64);
    for (place, found) in found.iter().enumerate() {
        let (row, column) = (place / case.columns, place % case.columns);
        let mut exact = f64::from(start.unwrap_or(0.0));
        let (mut plain, mut scale) = (start.unwrap_or(0.0), exact.abs());
        for number in 0..case.length {
            let (x, y) = (at(&a, row, number), at(&b, column, number));
            exact += f64::from(x) * f64::from(y);
            plain += x * y;
            scale += (f64::from(x) * f64::from(y)).abs();
        }
        let error = |of: f32| (f64::from(of) - exact).abs() / scale;
        // Not `max`, which passes over what is no number.
        assert!(error(*found) < 1.0, "{found} at {place}, {exact} expected");
        worst = (worst.0.max(error(*found)), worst.1.max(error(plain)));
    }
    worst
}

#[test]
fn products_of_all_shapes_are_as_exact_as_sums_of_floats() {
    let shapes = [
        (1, 1, 1),
        (15, 17, 2),
        (16, 16, 16),
        (33, 47, 65),
        (64, 32, 512),
        (31, 96, 513),
        (5, 70, 1_030),
        (400, 350, 600),
    ];
    if !there() {
        return;
    }
    for (rows, columns, length) in shapes {
        for along in [(true, true), (true, false), (false, true), (false, false)] {
            for start in [None, Some(0.5)] {
                let case = Case {
                    rows,
                    columns,
                    length,
                    along,
                };
                let (unit, plain) = errors(case, start);
                let shape = format!("{rows} x {columns} of {length}, {along:?}, {start:?}");
                assert!(
                    unit <= plain.max(2.0 * f64::from(f32::EPSILON)),
                    "{shape}: {unit:.1e}, plain {plain:.1e}"
                );
            }
        }
    }
}

#[test]
fn a_line_has_the_same_products_alone_as_among_others() {
    if !there() {
        return;
    }
    for length in [64, 1_300] {
        let (left, right) = (numbers(400 * length, 3), numbers(350 * length, 4));
        let (a, b) = (lines(&left, 400, true), lines(&right, 350, true));
        let all = product(a, b, None);
        for (row, column) in [(0, 0), (31, 349), (32, 33), (399, 64)] {
            let one = lines(&left[row * length..][..length], 1, true);
            let other = lines(&right[column * length..][..length], 1, true);
            assert_eq!(product(one, other, None), [all[row * 350 + column]]);
            assert_eq!(product(one, b, None), all[row * 350..][..350]);
        }
    }
}

#[test]
fn what_is_no_number_is_seen() {
    if !there() {
        return;
    }
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let found = product(
            lines(&[1.0, bad, 2.0, 3.0], 2, true),
            lines(&[1.0, 1.0], 1, true),
            None,
        );
        assert!(!found[0].is_finite() && found[1] == 5.0, "{bad}: {found:?}");
    }
    let large = product(lines(&[3e38], 1, true), lines(&[3e38], 1, true), None);
    assert!(!large[0].is_finite(), "{large:?}");
}

#[test]
fn matrices_stand_one_after_the_other_or_one_serves_all() {
    if !there() {
        return;
    }
    let (left, right) = (numbers(12 * 20 * 24, 5), numbers(18 * 24, 6));
    let shared = Matrices {
        first: lines(&right, 18, true),
        step: 0,
    };
    for count in [3, 12] {
        let first = lines(&left[..20 * 24], 20, true);
        let first = Lines {
            numbers: &left,
            ..first
        };
        let mut out = vec![0.0; count * 20 * 18];
        multiply(
            Matrices {
                first,
                step: 20 * 24,
            },
            shared,
            &mut out,
            false,
        );
        for (matrix, out) in left.chunks(20 * 24).zip(out.chunks(20 * 18)) {
            assert_eq!(product(lines(matrix, 20, true), shared.first, None), out);
        }
    }
}
