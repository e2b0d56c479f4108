//! What would train and be wrong is refused, and what the help says compiles: the kinds of mistakes that methods invite.

#![allow(clippy::unwrap_used, reason = "tests may fail where they stand")]

use reckon_compiler::check::check;
use reckon_compiler::lower::compile;
use reckon_compiler::world::Texts;
use reckon_grammar::diagnostic::Diagnostic;

const BASE: &str = r#"
use std.loss
use std.augment.correlated_masks
use std.tower.linear

entity user from "users.csv" { key user_id: int }
entity movie from "movies.csv" { key movie_id: int; genres: str; year: int }

events rating from "ratings.csv" {
  user_id -> user
  movie_id -> movie
  device: str
  label stars: float
  at: time
}

SPLIT

features user { id = user_id |> vocab |> embed(8) }
features movie {
  id     = movie_id |> vocab |> embed(8)
  genres = genres |> split("|") |> vocab |> embed(8) |> mean
}

tower viewer(u: user) -> f32[16] = concat(u.id, u.id)
tower film(m: movie) -> f32[16] = concat(m.id, m.genres)
tower ranker(u: user, m: movie) -> logit = dot(viewer(u), film(m))
"#;

const SPLIT: &str = "split rating by at { train 80%, valid 10%, test 10% }";

/// A loss and its training, for specs about something else.
const TRAINED: &str = "
loss main over rating = bce(ranker(user, movie), stars >= 4)
train { minimize main }";

/// What is said of a text behind [`BASE`] that is not a mere warning; loops have no split.
fn errors(text: &str) -> Vec<Diagnostic> {
    let split = if text.contains("loop ") { "" } else { SPLIT };
    let text = format!("{}{text}", BASE.replace("SPLIT", split));
    let world = Texts([("main.rec".to_owned(), text)].into());
    let checked = check(&world, "main.rec", &[]);
    let mut found = checked.diagnostics;
    if let Some(hir) = checked.hir {
        found.extend(compile(&hir).err().unwrap_or_default());
    }
    let warning = reckon_grammar::diagnostic::Severity::Warning;
    found.retain(|found| found.severity != warning);
    found
}

/// The spec is refused with a code, its help says so, and it compiles once each text is replaced as the help says.
#[track_caller]
fn refused(wrong: &str, code: &str, help: &str, mended: &[(&str, &str)]) {
    let found = errors(wrong);
    let [one] = found.as_slice() else {
        panic!("expected one mistake, found {found:#?}");
    };
    assert_eq!(one.code.to_string(), code);
    let helps = one.help.clone().unwrap_or_default();
    assert!(helps.contains(help), "the help is {helps:?}");
    let mut right = wrong.to_owned();
    for (from, to) in mended {
        assert!(right.contains(from), "{from}");
        right = right.replace(from, to);
    }
    assert_eq!(errors(&right), [], "{right}");
}

#[test]
fn a_students_loss_does_not_reach_its_teacher() {
    refused(
        "
teacher first like ranker
loss both for first, ranker over rating = (ranker(user, movie) - first(user, movie)) ^ 2
train { minimize both }",
        "E0604",
        "write `for first`, and a loss of its own for what it teaches",
        &[
            (
                "loss both for first, ranker over rating =",
                "loss learn for first over rating = bce(first(user, movie), stars >= 4)\nloss both over rating =",
            ),
            ("minimize both", "minimize learn + both"),
        ],
    );
}

#[test]
fn scores_are_older_than_the_row_that_reads_them() {
    refused(
        r#"
teacher held(u: user, m: movie) -> logit? from scores "scores.csv" as of at
loss follow over rating = (ranker(user, movie) - held(user, movie)) ^ 2
train { minimize follow }"#,
        "E0613",
        "write `as of at - 1d`",
        &[("as of at", "as of at - 1d")],
    );
}

#[test]
fn a_view_keeps_a_field() {
    refused(
        "
tower wide(m: movie) = concat(m)
loss self over movie |> sample(uniform) {
  let v = correlated_masks(movie)
  info_nce(wide(v.a), wide(v.b))
}
train { minimize self }",
        "E0520",
        "give the entity more features, or lower `n`",
        &[(
            "\ntower wide",
            "\nfeatures movie { year = year |> quantiles(5) |> embed(8) }\ntower wide",
        )],
    );
}

#[test]
fn a_query_does_not_read_its_target() {
    refused(
        &format!(
            "{TRAINED}
features rating {{ now = movie.raw.movie_id |> vocab |> embed(16) }}
tower asks(r: rating) -> f32[16] = r.now
evaluate films: retrieval over rating {{
  rank movie by dot(asks(rating), film(movie))
  report recall@10
}}"
        ),
        "E0508",
        "`history(... of ..., last: 50).movie`",
        &[(
            "movie.raw.movie_id |> vocab |> embed(16)",
            "history(rating of user, last: 50).movie.id |> mean |> linear(16)",
        )],
    );
}

#[test]
fn a_retrieval_is_over_towers_of_one_side() {
    refused(
        &format!(
            "{TRAINED}
evaluate films: retrieval over rating {{
  rank movie by ranker(user, movie)
  report recall@10
}}"
        ),
        "E0507",
        "split it in two towers and join them with `dot`",
        &[(
            "ranker(user, movie)\n  report",
            "dot(viewer(user), film(movie))\n  report",
        )],
    );
}

#[test]
fn a_weight_does_not_only_multiply_its_loss() {
    refused(
        "
weight trust: f32 = 1
loss main over rating = trust * bce(ranker(user, movie), stars >= 4)
train { minimize main }",
        "E0605",
        "keep its gradient back, `stop(...)`",
        &[("= trust *", "= stop(trust) *")],
    );
}

#[test]
fn a_statistic_does_not_count_test_rows() {
    refused(
        &format!(
            r#"{TRAINED}
features rating {{ usual = mean(rating where rating.split == "test", movie.raw.year, by: user) |> log1p }}
evaluate shown: ranking over rating {{ score ranker(user, movie) + rating.usual against stars >= 4; report auc }}"#
        ),
        "E0425",
        "leave it out: training rows are counted",
        &[(r#" where rating.split == "test""#, "")],
    );
}

#[test]
fn a_feature_does_not_read_a_label_of_its_row() {
    refused(
        &format!(
            "{TRAINED}
features rating {{ liked = rating.raw.stars / 5 }}
evaluate shown: ranking over rating {{ score ranker(user, movie) + rating.liked against stars >= 4; report auc }}"
        ),
        "E0420",
        "read it from earlier rows: `history(rating of user, last: 50)`",
        &[(
            "rating.raw.stars / 5",
            "history(rating of user, last: 50).raw.stars |> mean",
        )],
    );
}

#[test]
fn a_gate_does_not_ask_a_teacher_that_has_seen_the_row() {
    refused(
        "
teacher first like ranker
loop day over rating.at by 1d {
  loss learn for first over rating in day = bce(first(user, movie), stars >= 4)
  train teaching { minimize learn }
  loss follow over rating in day {
    let gate = better_teacher(bce(first(user, movie), stars >= 4), bce(ranker(user, movie), stars >= 4))
    bce(ranker(user, movie), stars >= 4) * gate
  }
  train following { minimize follow }
}",
        "E0715",
        "`first.before(...)`",
        &[("bce(first(user, movie), stars >= 4), bce", "bce(first.before(user, movie), stars >= 4), bce")],
    );
}

#[test]
fn rows_in_a_loop_say_which_days_they_are_of() {
    refused(
        "
loop day over rating.at by 1d {
  loss main over rating = bce(ranker(user, movie), stars >= 4)
  train today { minimize main }
}",
        "E0713",
        "write `rating in day`",
        &[("over rating =", "over rating in day =")],
    );
}

#[test]
fn drawn_rows_do_not_read_what_only_happened_rows_have() {
    refused(
        r#"
loss main over rating |> negatives(movie, 4) = bce(ranker(user, movie), stars >= 4) * where(device == "tv", 2.0, 1.0)
train { minimize main }"#,
        "E0701",
        "leave it out of what this loss reads",
        &[(r#" * where(device == "tv", 2.0, 1.0)"#, "")],
    );
}
