//! A look at data without running a plan: what is wrong, what says nothing, and what files hold.

use reckon_compiler::plan::row::{Inst, RowKind, RowOp};
use reckon_compiler::plan::{Absent, Plan};
use reckon_compiler::value::Value;
use reckon_runtime::data::{Looked, look};

use crate::spec::{MOVIES, RATINGS, USERS, entity, folder, inst, kernel, movielens, rendered};

fn looked(plan: &Plan, files: &[(&str, &str)]) -> Looked {
    let mut all = vec![
        ("users.csv", USERS),
        ("movies.csv", MOVIES),
        ("ratings.csv", RATINGS),
    ];
    all.retain(|(name, _)| files.iter().all(|(other, _)| other != name));
    all.extend(files);
    look(plan, folder(&all).path())
}

#[test]
fn data_without_faults_are_described() {
    let found = looked(&movielens(), &[]);
    assert_eq!(rendered(&found.findings), "");
    let lines: Vec<String> = found
        .sources
        .iter()
        .flat_map(|source| {
            let of = format!("{} {} {}", source.name, source.rows, source.files);
            let columns = source.columns.iter();
            let columns = columns
                .map(|column| format!("  {} {} {}", column.name, column.nulls, column.holds));
            std::iter::once(of).chain(columns).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(
        lines,
        [
            "user 3 1",
            "  user_id 0 1 to 3",
            "  age 0 20 to 40",
            "movie 4 1",
            "  movie_id 0 10 to 13",
            "  genres 0 texts of 0 to 10 bytes",
            "rating 8 1",
            "  user_id 0 1 to 2",
            "  movie_id 0 10 to 13",
            "  stars 0 2 to 5",
            "  at 0 1970-01-01 to 1970-01-01",
        ]
    );
}

#[test]
fn faults_of_all_sources_are_told_at_once() {
    let ratings = "user_id,movie_id,stars,at\n1,10,good,100\n";
    let users = "user_id,age\n1,20\n1,30\n";
    let found = looked(
        &movielens(),
        &[
            ("ratings.csv", ratings),
            ("users.csv", users),
            ("movies.csv", "movie_id\n10\n"),
        ],
    );
    let codes: Vec<String> = found
        .findings
        .iter()
        .map(|found| found.code.to_string())
        .collect();
    assert_eq!(codes, ["E1002", "E1003", "E1010"]);
}

#[test]
fn columns_that_say_nothing_are_warned_of() {
    let mut plan = movielens();
    plan.sources[0] = entity("user", "users.csv", &[("user_id", "int"), ("age", "int?")]);
    let ratings = "user_id,movie_id,stars,at\n1,10,5,100\n2,10,5,200\n3,11,5,300\n";
    let found = looked(
        &plan,
        &[
            ("users.csv", "user_id,age\n1,\n2,30\n3,\n"),
            ("ratings.csv", ratings),
        ],
    );
    assert_eq!(
        rendered(&found.findings),
        "E1044: column `age` of `user` is null in 2 of 3 rows\n  note: the first null is that of users.csv row 1 (line 2)\n\
         E1044: column `stars` of `rating` is the same in all 3 rows\n  note: it is 5 in ratings.csv row 1 (line 2) and in all others"
    );
    assert!(!found.findings.iter().any(|found| found.is_error()));
}

#[test]
fn references_that_lead_nowhere_are_faults_or_warned_of() {
    let ratings = "user_id,movie_id,stars,at\n1,10,5,100\n7,10,4,200\n8,11,3,300\n";
    let mut plan = movielens();
    let strict = looked(&plan, &[("ratings.csv", ratings)]);
    assert!(
        rendered(&strict.findings)
            .starts_with("E1008: ratings.csv row 2 (line 3): there is no `user` with the key 7")
    );
    plan.sources[2].references[0].absent = Absent::Unknown;
    let lenient = looked(&plan, &[("ratings.csv", ratings)]);
    assert_eq!(
        rendered(&lenient.findings),
        "E1044: 2 of 3 rows of `rating` refer to no `user` that there is\n  note: they refer to keys from 7 to 8, and the keys of `user` go from 1 to 3\n  help: compare how the keys are written in both files"
    );
}

#[test]
fn values_that_no_row_has_are_warned_of_where_a_column_is_compared_with_them() {
    let mut plan = movielens();
    let span = plan.sources[0].span;
    let constant = |value| inst(RowOp::Const(value), &[], RowKind::Str);
    let equal = |args: &[usize]| Inst {
        span: Some(span),
        ..inst(RowOp::Eq, args, RowKind::Bool)
    };
    let of_genres = RowOp::Through("movie".to_owned(), "genres".to_owned());
    let code = vec![
        inst(of_genres, &[], RowKind::Str),
        constant(Value::Str("Dramma".to_owned())),
        equal(&[0, 1]),
        constant(Value::Str("Drama".to_owned())),
        equal(&[3, 0]),
    ];
    plan.kernels = vec![kernel("rating", code, &[("a", 2), ("b", 4)])];
    assert_eq!(
        rendered(&looked(&plan, &[]).findings),
        "E1044: `genres` is \"Dramma\" in none of the 4 rows of `movie` that were read\n\
         \x20 note: in movies.csv it holds texts of 0 to 10 bytes\n  help: perhaps `Drama`"
    );
}

#[test]
fn a_key_of_another_type_in_the_second_file_is_told_with_its_file() {
    let mut plan = movielens();
    plan.sources[2].paths = vec!["ratings*.csv".to_owned()];
    let second = "user_id,movie_id,stars,at\nu1,10,5,100\n";
    let found = rendered(&looked(&plan, &[("ratings_2.csv", second)]).findings);
    assert!(
        found.starts_with("E1003: ratings_2.csv row 1 (line 2)") && found.contains("`u1`"),
        "{found}"
    );
}

#[test]
fn of_long_files_of_events_the_beginning_is_read() {
    let mut ratings = "user_id,movie_id,stars,at\n".to_owned();
    for row in 0..600_000 {
        ratings += if row == 599_999 {
            "1,10,bad,9\n"
        } else {
            "1,10,5,100\n"
        };
    }
    let found = looked(&movielens(), &[("ratings.csv", &ratings)]);
    assert!(
        !found.findings.iter().any(|found| found.is_error()),
        "the last row was not read"
    );
    assert!(
        (100_000..600_000).contains(&found.sources[2].rows),
        "{}",
        found.sources[2].rows
    );
}
