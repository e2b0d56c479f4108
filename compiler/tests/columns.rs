//! Columns that a run computes, and statistics of training rows: when they are computed, and what may read them.

#![allow(clippy::unwrap_used, reason = "tests may fail where they stand")]

use reckon_compiler::check::check;
use reckon_compiler::graph::Op;
use reckon_compiler::lower::compile;
use reckon_compiler::plan::{FitKind, Plan};
use reckon_compiler::world::Texts;

const BASE: &str = r#"
entity user from "users.csv" { key user_id: int }
entity movie from "movies.csv" { key movie_id: int }

events rating from "ratings.csv" {
  user_id -> user
  movie_id -> movie
  label stars: float
  label liked = stars > mean(rating where stars >= 2, stars, by: [user, movie])
  at: time
}

split rating by at { train 80%, valid 10%, test 10% }

features user { id = user_id |> vocab |> embed(4) }
features movie { id = movie_id |> vocab |> embed(4) }

tower ranker(u: user, m: movie) -> logit = dot(u.id, m.id)
teacher first like ranker
loss learn for first over rating = bce(first(user, movie), stars >= 4)
"#;

const TWO: &str = r"
loss main over rating = bce(ranker(user, movie), liked) * fill(c, 1.0)
train rest { minimize main }
train teaching { minimize learn }
";

fn checked(text: &str) -> Result<reckon_compiler::hir::Hir, Vec<(u16, String)>> {
    let world = Texts([("main.rec".to_owned(), format!("{BASE}{text}"))].into());
    let checked = check(&world, "main.rec", &[]);
    let errors: Vec<(u16, String)> = checked
        .diagnostics
        .iter()
        .filter(|d| d.is_error())
        .map(|d| (d.code.0, d.message.clone()))
        .collect();
    if errors.is_empty() {
        Ok(checked.hir.unwrap())
    } else {
        Err(errors)
    }
}

fn plan(text: &str) -> Plan {
    compile(&checked(text).unwrap()).unwrap()
}

#[track_caller]
fn refused(text: &str, code: u16) -> String {
    let errors = checked(text).unwrap_err();
    assert_eq!(
        errors.iter().map(|e| e.0).collect::<Vec<_>>(),
        [code],
        "{errors:?}"
    );
    errors[0].1.clone()
}

#[test]
fn a_column_stands_between_the_training_of_its_tower_and_the_one_that_reads_it() {
    let plan = plan(&format!(
        "column c over rating where stars >= 4 = g / mean(g, by: user)
         column g over rating where stars >= 4 = sigmoid(first(user, movie)){TWO}"
    ));
    let names: Vec<&str> = plan
        .phases
        .iter()
        .map(|phase| phase.name.as_str())
        .collect();
    assert_eq!(names, ["teaching", "rest"]);
    let columns: Vec<(&str, Option<usize>)> = plan
        .columns
        .iter()
        .map(|column| (column.name.as_str(), column.after))
        .collect();
    assert_eq!(
        columns,
        [("g", Some(1)), ("c", Some(1))],
        "g comes first: c reads it"
    );
}

#[test]
fn a_training_that_reads_a_column_has_no_weight_of_its_teacher() {
    let plan = plan(&format!(
        "column c over rating = sigmoid(first(user, movie)){TWO}"
    ));
    let graph = &plan.phases[1].step.graph;
    for id in graph.order() {
        if let Op::Param(path) | Op::Table(path) = &graph.node(id).op {
            assert!(!path.starts_with("first"), "{path}");
        }
    }
}

#[test]
fn a_column_of_a_tower_that_trains_on_is_read_as_its_earlier_training_left_it() {
    let plan = plan(
        "column c over rating = sigmoid(ranker(user, movie))
         loss main over rating = bce(ranker(user, movie), liked)
         loss again over rating = bce(ranker(user, movie), liked) * fill(c, 1.0)
         train second { minimize again }
         train once { minimize main }
         train teaching { minimize learn }",
    );
    let at = |name: &str| {
        plan.phases
            .iter()
            .position(|phase| phase.name == name)
            .unwrap()
    };
    assert!(at("once") < at("second"));
    assert_eq!(plan.columns[0].after, Some(at("second")));
}

#[test]
fn folds_train_anew_what_stands_behind_the_column_and_nothing_else() {
    let plan = plan(&format!(
        "column c over rating cross_fit 3 by user = sigmoid(first(user, movie))
         loss idle over rating = bce(ranker(user, movie), stars >= 1)
         train before {{ minimize idle }}{TWO}"
    ));
    let (fit, trainings) = plan.columns[0].cross_fit.clone().unwrap();
    let names: Vec<&str> = trainings
        .iter()
        .map(|at| plan.phases[*at].name.as_str())
        .collect();
    assert_eq!((fit.folds, names), (3, vec!["teaching"]));
}

#[test]
fn statistics_over_a_column_with_folds_are_taken_fold_by_fold() {
    let keys = |fit: &str| {
        let plan = plan(&format!(
            "column g over rating {fit} = sigmoid(first(user, movie))
             column c over rating = g / mean(g, by: user){TWO}"
        ));
        let groups = plan
            .fits
            .iter()
            .filter(|fit| fit.name.starts_with("rating: g "));
        let keys: Vec<usize> = groups
            .map(|fit| match fit.kind {
                FitKind::Groups { keys, .. } => keys,
                _ => unreachable!(),
            })
            .collect();
        keys
    };
    assert_eq!(keys(""), [1]);
    assert_eq!(keys("cross_fit 2 by row"), [2]);
}

#[test]
fn what_reads_a_column_waits_for_it_through_statistics_and_other_columns() {
    let plan = plan(&format!(
        "column g over rating = sigmoid(first(user, movie))
         column c over rating = g / mean(g, by: user){TWO}"
    ));
    let of_c = plan.stored_behind("rating", "c |> fill(1.0)");
    assert_eq!(of_c, [("rating".to_owned(), "c".to_owned())].into());
    let fit = plan
        .fits
        .iter()
        .position(|fit| fit.name.starts_with("rating: g"))
        .unwrap();
    assert_eq!(
        plan.stored_behind_fit(fit),
        [("rating".to_owned(), "g".to_owned())].into()
    );
}

#[test]
fn a_column_of_a_tower_that_has_seen_the_row_is_a_label() {
    let feature = |column: &str| {
        format!(
            "{column}
             features rating {{ sure = fill(g, 0.5) }}
             tower other(r: rating) -> logit = r.sure
             loss main over rating = bce(other(rating) + ranker(user, movie), liked)
             train rest {{ minimize main }}
             train teaching {{ minimize learn }}"
        )
    };
    refused(
        &feature("column g over rating = sigmoid(first(user, movie))"),
        420,
    );
    refused(
        &feature(
            "column g over rating where stars >= 4 cross_fit 2 by row = sigmoid(first(user, movie))",
        ),
        420,
    );
    plan(&feature(
        "column g over rating cross_fit 2 by row = sigmoid(first(user, movie))",
    ));
}

#[test]
fn a_statistic_of_labels_is_a_label_and_one_of_rows_is_not() {
    let feature = |value: &str| {
        format!(
            "features rating {{ known = {value} }}
             tower other(r: rating) -> logit = r.known
             loss main over rating = bce(other(rating) + ranker(user, movie), liked)
             train rest {{ minimize main }}
             train teaching {{ minimize learn }}"
        )
    };
    refused(&feature("mean(rating, stars, by: movie)"), 420);
    refused(
        &feature("to_float(count(rating where stars >= 4, by: movie))"),
        420,
    );
    plan(&feature("log1p(count(rating, by: movie))"));
}

#[test]
fn a_null_of_a_column_does_not_reach_a_tensor() {
    let message = refused(
        "column g over rating where stars >= 4 = sigmoid(first(user, movie))
         loss main over rating = bce(ranker(user, movie), liked) * g
         train rest { minimize main }
         train teaching { minimize learn }",
        309,
    );
    assert_eq!(message, "a null would reach a tensor");
}

#[test]
fn columns_in_a_circle_are_refused() {
    refused(
        &format!("column c over rating = d + 1\n column d over rating = c + 1{TWO}"),
        416,
    );
}

#[test]
fn a_column_has_a_name_of_its_own() {
    let message = refused(
        &format!(
            "column stars over rating = 1.0 + user.raw.user_id\n column c over rating = stars{TWO}"
        ),
        204,
    );
    assert_eq!(message, "`rating` has a column `stars` already");
}

#[test]
fn statistics_say_what_they_lack() {
    let column = |value: &str| format!("column c over rating = {value}{TWO}");
    refused(&column("mean(rating where stars >= 2, by: user)"), 223);
    refused(&column("quantile(stars, 2.0, by: user)"), 222);
    refused(&column("mean(stars, of: user)"), 222);
    refused(&column("std(ratings where stars >= 2, stars)"), 230);
}
