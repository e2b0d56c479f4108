//! When the candidates of a batch that are one thing become one column, and when each stays.

#![allow(clippy::unwrap_used, reason = "tests may fail where they stand")]

mod typed;

use reckon_compiler::plan::HandleRows;

use typed::plan;

const MODEL: &str = r#"
use std.tower

entity user from "users.csv" { key user_id: int }
entity movie from "movies.csv" { key movie_id: int; genres: str }

events rating from "ratings.csv" {
  user_id -> user
  movie_id -> movie
  label stars: float
  at: time
}

features user { id = user_id |> vocab |> embed(4) }

features movie {
  id     = movie_id |> vocab(DROP) |> embed(4)
  genres = genres |> split("|") |> vocab |> embed(4) |> mean
}

tower viewer(u: user) -> f32[4] = concat(u) |> linear(4)
tower film(m: movie) -> f32[4] = FILM

loss main over ROWS {
  let c = in_batch(movie)
  let s = dot(viewer(user), film(c))
  LOSS
}
train { minimize main; batch 8 }
"#;

/// The model with some of its words replaced: whether its candidates are there once.
fn merged(words: &[(&str, &str)]) -> bool {
    let usual = [
        ("DROP", "min_count: 1"),
        ("FILM", "concat(m) |> linear(4)"),
        ("ROWS", "rating"),
        ("LOSS", "softmax_loss(s, c)"),
    ];
    let text = words
        .iter()
        .chain(&usual)
        .fold(MODEL.to_owned(), |text, (name, word)| {
            text.replace(name, word)
        });
    let plan = plan(&text);
    let mut handles = plan.phases[0].step.handles.iter();
    let candidates = handles.find(|handle| handle.name == "movie@C").unwrap();
    matches!(candidates.rows, HandleRows::Distinct(_))
}

#[test]
fn a_softmax_that_masks_copies_of_the_own_thing_takes_them_as_one_column() {
    for loss in [
        "softmax_loss(s, c)",
        "softmax_loss(s, c, temperature: 0.1, log_q: none)",
        "softmax_loss(s, c, mask: known_positives, log_q: refined)",
        "softmax_loss(s, c, mask: seen)",
        "softmax_loss(s, c) + softmax_loss(s * 2, c, mask: seen)",
        "softmax_loss(s, c) + 0.1 * sum(film(movie) * film(movie))",
    ] {
        assert!(merged(&[("LOSS", loss)]), "{loss}");
    }
    assert!(merged(&[(
        "FILM",
        "concat(m) |> mlp([8, 4], activation: silu) |> normalize"
    )]));
}

#[test]
fn candidates_stay_apart_where_their_copies_differ_or_all_count() {
    let kept = [
        (
            "copies of the own thing count",
            ("LOSS", "softmax_loss(s, c, mask: none)"),
        ),
        (
            "the hardest are counted one by one",
            (
                "LOSS",
                "softmax_loss(dot(viewer(user), film(mined(movie, 2))), mined(movie, 2))",
            ),
        ),
        (
            "one of two softmaxes wants them all",
            (
                "LOSS",
                "softmax_loss(s, c) + softmax_loss(s, c, mask: none)",
            ),
        ),
        (
            "each copy may be replaced by the unknown id",
            ("DROP", "drop: 10%"),
        ),
        (
            "each copy loses other elements",
            ("FILM", "concat(m) |> dropout(10%) |> linear(4)"),
        ),
        (
            "averages are over the rows of a batch",
            ("FILM", "concat(m) |> linear(4) |> batch_norm"),
        ),
        (
            "drawn rows have things that are not their own",
            ("ROWS", "rating |> negatives(movie, 2)"),
        ),
    ];
    for (why, (name, word)) in kept {
        assert!(!merged(&[(name, word)]), "{why}");
    }
}
