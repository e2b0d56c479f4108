//! Wrong data of the main example: each fault ends in its diagnostic, with file, row and value. All kinds of faults: `all_faults.rs`.

use reckon_compiler::plan::row::{RowKind, RowOp};
use reckon_compiler::plan::{Absent, Plan, SplitRule, TimeFormat};
use reckon_runtime::data::Dataset;

use crate::spec::{
    MOVIES, RATINGS, USERS, entity, events, folder, inst, kernel, movielens, of_column, rendered,
    span, split,
};

/// What is said about the plan over the files of the main example with some of them replaced.
fn said(plan: &Plan, replaced: &[(&str, &[u8])]) -> String {
    let folder = folder(&[
        ("users.csv", USERS),
        ("movies.csv", MOVIES),
        ("ratings.csv", RATINGS),
    ]);
    for (name, bytes) in replaced {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    match Dataset::load(plan, folder.path(), None) {
        Ok(_) => "nothing".to_owned(),
        Err(diagnostics) => rendered(&diagnostics),
    }
}

#[track_caller]
fn check(replaced: &[(&str, &[u8])], expected: &str) {
    assert_eq!(said(&movielens(), replaced), expected);
}

#[test]
fn files_without_faults_say_nothing() {
    check(&[], "nothing");
}

#[test]
fn a_missing_file_is_named_with_one_that_is_near() {
    let mut plan = movielens();
    plan.sources[1].paths = vec!["movie.csv".to_owned()];
    assert_eq!(
        said(&plan, &[]),
        "E1001: there is no file `movie.csv`\n  \
         note: paths are relative to the folder of the spec\n  \
         help: perhaps `movies.csv` is meant"
    );
    plan.sources[1].paths = vec!["data/movie-*.csv".to_owned()];
    assert_eq!(
        said(&plan, &[]),
        "E1001: no file matches `data/movie-*.csv`\n  \
         note: paths are relative to the folder of the spec\n  \
         note: there is no folder `data` either"
    );
}

#[test]
fn a_missing_column_is_named_with_one_that_is_near() {
    check(
        &[("movies.csv", b"movie_id,genre\n10,War\n")],
        "E1002: movies.csv has no column `genres`\n  \
         note: its columns are `movie_id`, `genre`\n  \
         help: perhaps `genre` is meant",
    );
}

#[test]
fn values_of_another_type_are_named_by_row_and_line() {
    check(
        &[(
            "ratings.csv",
            b"user_id,movie_id,stars,at\n1,10,5,100\n\n1,11,good,later\n",
        )],
        "E1003: ratings.csv row 2 (line 4): column `stars` expects float, found `good`\n\
         E1003: ratings.csv row 2 (line 4): column `at` expects time, found `later`\n  \
         help: say how texts are read: `at: time(format: \"%Y-%m-%d %H:%M:%S\")`",
    );
}

#[test]
fn a_file_with_another_separator_is_told_by_its_names() {
    check(
        &[("movies.csv", b"movie_id;genres\n10;War\n")],
        "E1002: movies.csv has no column `movie_id`\n  \
         note: its columns are `movie_id;genres`\n  \
         help: its names are separated by ';': fields are separated by commas, in `.tsv` files by tabs\n\
         E1002: movies.csv has no column `genres`\n  \
         note: its columns are `movie_id;genres`\n  \
         help: its names are separated by ';': fields are separated by commas, in `.tsv` files by tabs",
    );
}

#[test]
fn many_faults_of_a_column_are_counted() {
    let rows: String = (0..9).map(|row| format!("{row},old\n")).collect();
    let said = said(
        &movielens(),
        &[("users.csv", format!("user_id,age\n{rows}").as_bytes())],
    );
    assert_eq!(said.matches("E1003").count(), 5);
    assert!(said.contains("users.csv row 5 (line 6): column `age` expects int, found `old`\n  note: 4 more of the same"));
    assert!(
        said.ends_with("help: where a column mixes numbers and texts, declare it as `str`"),
        "{said}"
    );
}

#[test]
fn a_null_in_a_column_without_nulls() {
    check(
        &[("users.csv", b"user_id,age\n1,20\n2,\n3,40\n")],
        "E1004: users.csv row 2 (line 3): column `age` expects int, found null\n  \
         help: write `age: int?` where values may be missing",
    );
}

#[test]
fn a_reference_to_an_absent_entity() {
    let ratings = b"user_id,movie_id,stars,at\n1,10,5,100\n1,99,5,200\n7,11,5,300\n";
    check(
        &[("ratings.csv", ratings)],
        "E1008: ratings.csv row 3 (line 4): there is no `user` with the key 7\n  \
         help: write the line `absent: unknown` in the events to keep such rows\n\
         E1008: ratings.csv row 2 (line 3): there is no `movie` with the key 99\n  \
         help: write the line `absent: unknown` in the events to keep such rows",
    );
    let mut plan = movielens();
    plan.sources[2]
        .references
        .iter_mut()
        .for_each(|reference| reference.absent = Absent::Unknown);
    assert_eq!(said(&plan, &[("ratings.csv", ratings)]), "nothing");
}

#[test]
fn keys_of_two_types() {
    let mut plan = movielens();
    plan.sources[1] = entity(
        "movie",
        "movies.csv",
        &[("movie_id", "str"), ("genres", "str")],
    );
    assert_eq!(
        said(&plan, &[]),
        "E1009: `movie_id` is int, the key `movie_id` of `movie` is str\n  \
         help: declare both as int or both as str"
    );
    check(
        &[("movies.csv", b"movie_id,genres\n10,War\ntt0042,Drama\n")],
        "E1003: movies.csv row 2 (line 3): column `movie_id` expects int, found `tt0042`\n  \
         help: where a column mixes numbers and texts, declare it as `str`",
    );
}

#[test]
fn files_of_no_known_kind() {
    let mut plan = movielens();
    plan.sources[0].paths = vec!["users.xlsx".to_owned()];
    assert_eq!(
        said(&plan, &[("users.xlsx", b"PK")]),
        "E1011: `users.xlsx` is of no kind that can be read\n  \
         note: names end in .csv, .tsv or .jsonl, each also packed as .gz or .zst, or in .parquet, .arrow, .feather or .ipc"
    );
}

#[test]
fn a_split_without_training_rows() {
    let mut plan = movielens();
    plan.splits = vec![split(SplitRule::Day, &[("train", 0.0), ("test", 1.0)])];
    assert_eq!(
        said(&plan, &[]),
        "E1013: the split of `rating` leaves no rows for `train`\n  note: `rating` has 8 rows"
    );
}

#[test]
fn a_row_program_that_cannot_run() {
    let mut plan = movielens();
    let code = vec![
        of_column("genres", RowKind::Str),
        inst(RowOp::Capture("(".to_owned()), &[0], RowKind::Str),
    ];
    plan.kernels = vec![kernel("movie", code, &[("year", 1)])];
    assert_eq!(said(&plan, &[]), "E1014: `(` is not a regular expression");
}

#[test]
fn a_time_format_that_is_not_understood() {
    let mut plan = movielens();
    plan.sources[2].columns[3].time = TimeFormat::Text {
        format: "%F".to_owned(),
        zone: "Europe/Paris".to_owned(),
    };
    assert_eq!(
        said(&plan, &[]),
        "E1015: zone `Europe/Paris` is not fixed: expected `UTC` or an offset such as `+08:00`"
    );
}

#[test]
fn faults_of_several_files_come_together_each_at_its_declaration() {
    let folder = folder(&[
        ("users.csv", ""),
        ("movies.csv", "movie_id\n1\n"),
        ("ratings.csv", RATINGS),
    ]);
    let faults = Dataset::load(&movielens(), folder.path(), None).unwrap_err();
    let codes: Vec<(u16, reckon_grammar::span::Span)> = faults
        .iter()
        .map(|fault| (fault.code.0, fault.primary.span))
        .collect();
    assert_eq!(codes, [(1007, span(0)), (1002, span(1))]);
}

#[test]
fn events_without_a_time_in_a_row() {
    let mut plan = movielens();
    let columns = [
        ("user_id", "int"),
        ("movie_id", "int"),
        ("stars", "float"),
        ("at", "time?"),
    ];
    plan.sources[2] = events("rating", "ratings.csv", &columns, &["user", "movie"]);
    assert_eq!(
        said(
            &plan,
            &[("ratings.csv", b"user_id,movie_id,stars,at\n1,10,5,\n")]
        ),
        "E1004: ratings.csv row 1 (line 2): column `at` dates the events, found null"
    );
}
