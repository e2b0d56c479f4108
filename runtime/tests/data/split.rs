//! Splits: which rows each part takes.

use reckon_compiler::plan::{Plan, SplitRule};
use reckon_runtime::data::{Parts, SplitReport};

use crate::spec::{MOVIES, USERS, folder, load, movielens, split};

/// The parts of rows given as `(user, second)`, in file order.
fn parts(rule: SplitRule, amounts: &[(&str, f64)], rows: &[(u32, u32)]) -> Parts {
    let lines: String = rows
        .iter()
        .map(|(user, at)| format!("{user},10,5,{at}\n"))
        .collect();
    let ratings = format!("user_id,movie_id,stars,at\n{lines}");
    let folder = folder(&[
        ("users.csv", USERS),
        ("movies.csv", MOVIES),
        ("ratings.csv", &ratings),
    ]);
    let plan = Plan {
        splits: vec![split(rule, amounts)],
        ..movielens()
    };
    load(&plan, folder.path())
        .source("rating")
        .unwrap()
        .parts
        .clone()
        .unwrap()
}

fn per_user() -> SplitRule {
    SplitRule::TimePer("user".to_owned())
}

fn last_per_user() -> SplitRule {
    SplitRule::LastPer("user".to_owned())
}

const SHARES: [(&str, f64); 3] = [("train", 0.5), ("valid", 0.25), ("test", 0.25)];
const LAST: [(&str, f64); 3] = [("train", 0.0), ("valid", 1.0), ("test", 1.0)];

#[test]
fn a_time_split_orders_rows_whatever_their_order_in_the_file() {
    let rows = [
        (1, 8),
        (1, 1),
        (2, 7),
        (2, 2),
        (1, 6),
        (1, 3),
        (2, 5),
        (2, 4),
    ];
    assert_eq!(
        parts(SplitRule::Time, &SHARES, &rows).of,
        [2, 0, 2, 0, 1, 0, 1, 0]
    );
}

#[test]
fn ties_never_straddle_a_border_of_a_time_split() {
    let rows = [
        (1, 1),
        (1, 2),
        (1, 3),
        (2, 3),
        (2, 3),
        (2, 4),
        (1, 5),
        (1, 6),
    ];
    // The border after four rows lies in the instant 3, of rows 2 to 4: it moves by one to its end.
    assert_eq!(
        parts(SplitRule::Time, &SHARES, &rows).of,
        [0, 0, 0, 0, 0, 1, 2, 2]
    );
    assert_eq!(
        parts(SplitRule::Time, &SHARES, &[(1, 5); 4]).of,
        [0, 0, 0, 0]
    );
}

#[test]
fn a_split_per_user_cuts_each_user() {
    let rows = [
        (1, 1),
        (1, 2),
        (1, 3),
        (1, 4),
        (2, 9),
        (2, 8),
        (2, 7),
        (2, 6),
    ];
    assert_eq!(
        parts(per_user(), &SHARES, &rows).of,
        [0, 0, 1, 2, 2, 1, 0, 0]
    );
    let tied = [(1, 1), (1, 2), (1, 2), (1, 2), (2, 1), (2, 1)];
    assert_eq!(parts(per_user(), &SHARES, &tied).of, [0, 1, 1, 1, 0, 0]);
}

#[test]
fn the_last_instants_of_a_user_go_to_test_and_valid_whole() {
    let rows = [(1, 1), (1, 2), (1, 3), (1, 3), (2, 5), (3, 1), (3, 2)];
    assert_eq!(
        parts(last_per_user(), &LAST, &rows).of,
        [0, 1, 2, 2, 0, 0, 2]
    );
    assert_eq!(parts(last_per_user(), &LAST, &[(1, 1), (1, 1)]).of, [0, 0]);
}

#[test]
fn whole_days_count_from_the_first_and_the_rest_is_cut() {
    let day = 86_400;
    let rows = [(1, 10), (1, day - 1), (1, day), (1, 2 * day), (1, 4 * day)];
    let parts = parts(
        SplitRule::Day,
        &[("train", 1.0), ("valid", 1.0), ("test", 1.0)],
        &rows,
    );
    assert_eq!(parts.of, [0, 0, 1, 2, reckon_runtime::data::NO_PART]);
    assert_eq!(parts.report.cut, 1);
}

#[test]
fn shares_of_days_are_cut_between_days() {
    let day = 86_400;
    let rows = [
        (1, 10),
        (1, 20),
        (1, day),
        (1, day + 1),
        (1, 2 * day),
        (1, 3 * day),
    ];
    // Half of six rows would end within the second day: the border moves to its end.
    assert_eq!(
        parts(SplitRule::DayShare, &SHARES, &rows).of,
        [0, 0, 0, 0, 1, 2]
    );
}

#[test]
fn a_random_split_depends_on_its_seed_only() {
    let rows = [(1, 1); 1000];
    let drawn = |seed| {
        parts(
            SplitRule::Random(seed),
            &[("train", 0.8), ("test", 0.2)],
            &rows,
        )
        .of
    };
    let test = drawn(1).iter().filter(|part| **part == 1).count();
    assert!((160..240).contains(&test), "{test}");
    assert_eq!(drawn(1), drawn(1));
    assert_ne!(drawn(1), drawn(2));
}

#[test]
fn the_report_counts_rows_users_and_training_after_the_median_test_row() {
    let rows = [
        (1, 1),
        (1, 2),
        (1, 3),
        (1, 4),
        (2, 5),
        (2, 6),
        (2, 7),
        (2, 8),
    ];
    let SplitReport {
        parts,
        cut,
        training_later_than_median_test,
        immature: _,
    } = parts(per_user(), &[("train", 0.5), ("test", 0.5)], &rows).report;
    assert_eq!(parts[0].rows, 4);
    // Users 1 and 2 of three; the only film of four.
    assert_eq!(
        parts[1].entities,
        [("movie".to_owned(), 1, 3), ("user".to_owned(), 2, 1)]
    );
    // Test rows are of seconds 3, 4, 7 and 8; the median row is that of 7, and training ends at 6.
    assert_eq!((cut, training_later_than_median_test), (0, 0.0));
    let late = [(1, 1), (1, 2), (2, 5), (2, 6), (3, 3), (3, 4)];
    let report = self::parts(per_user(), &[("train", 0.5), ("test", 0.5)], &late).report;
    // Test rows are of seconds 2, 4 and 6; of the training rows 1, 3 and 5 the last is later than 4.
    assert!((report.training_later_than_median_test - 1.0 / 3.0).abs() < 1e-12);
}
