//! What is fitted, versions of things and scores of others: each is of rows and times that a row may know.

use crate::{RANKING, RETRIEVAL, SPLIT, codes, refused, spec};

const ID: &str = "movie_id |> vocab |> embed(8)";

/// With another value for the feature of movies.
fn film(value: &str, rest: &str) -> String {
    spec("", "", SPLIT, rest).replace(ID, value)
}

#[test]
fn what_is_fitted_counts_no_rows_held_out() {
    let rating = |feature: &str| spec("", feature, SPLIT, RANKING);
    refused(
        "E0425",
        &[
            (
                "ids of an evaluation",
                film("movie_id |> vocab(over: likes) |> embed(8)", RANKING),
            ),
            (
                "edges of an evaluation",
                film("year |> quantiles(4, over: likes) |> embed(8)", RANKING),
            ),
            (
                "a scale of an evaluation",
                rating("x = zscore(movie.raw.year, over: likes)"),
            ),
            (
                "a mean of test rows",
                rating("x = mean(rating where rating.split == \"test\", movie.raw.year, by: user)"),
            ),
            (
                "a mean of what is not for training",
                rating(
                    "x = mean(rating where rating.split != \"train\", movie.raw.year, by: user)",
                ),
            ),
            (
                "a part of the split among conditions",
                rating(
                    "x = count(rating where rating.split == \"valid\" and device == \"tv\", by: movie_id) |> log1p",
                ),
            ),
        ],
    );
}

#[test]
fn what_is_fitted_counts_no_rows_that_training_draws() {
    let pairs = "tower pair(u: user, m: movie) -> logit = dot(u.id, m.id)\n";
    let main = |rows: &str| {
        format!(
            "{pairs}loss main over {rows} = bce(pair(user, movie), stars >= 4)\ntrain {{ minimize main }}\n"
        )
    };
    let over_main = "movie_id |> vocab(over: main) |> embed(8)";
    refused(
        "E0424",
        &[
            (
                "rows that are drawn",
                film(over_main, &main("rating |> negatives(movie, 4)")),
            ),
            (
                "rows that the statistic chooses",
                film(
                    ID,
                    &main("rating where zscore(movie.raw.year, over: main) > 0"),
                ),
            ),
        ],
    );
    assert_eq!(
        codes(&film(over_main, &main("rating where stars >= 2"))),
        Vec::<String>::new()
    );
}

#[test]
fn versions_are_read_as_of_a_row_alone() {
    let dated = |rest: &str| {
        let base = spec("", "", SPLIT, rest);
        let base = base.replace("from \"movies.csv\" {", "from \"movies.csv\" as of since {");
        base.replace("year: int }", "year: int; since: time }")
    };
    let changed = |value: &str| dated(RANKING).replace(ID, value);
    let drawn = "tower pair(u: user, m: movie) -> logit = dot(u.id, m.id)
loss main over rating |> negatives(movie, 4, by: movie.raw.year) = bce(pair(user, movie), stars >= 4)
train { minimize main }
";
    let trained = &RETRIEVAL[..RETRIEVAL.find("evaluate").unwrap()];
    let versions = "tower new(m: movie) -> logit = sum(m.id)
loss main over movie = bce(new(movie), movie.raw.year > 1990)
train { minimize main }
";
    refused(
        "E0428",
        &[
            ("candidates of other rows", dated(trained)),
            (
                "candidates that are drawn",
                dated(&trained.replace("in_batch(movie)", "sampled(movie, 16)")),
            ),
            ("a whole catalogue", dated(RETRIEVAL)),
            ("draws weighed by a version", dated(drawn)),
            (
                "a graph of things",
                dated(&format!(
                    "graph near = swing(rating where stars >= 4, user, movie)\n{RANKING}"
                )),
            ),
            ("rows of versions", dated(versions)),
            (
                "ids of versions of all times",
                changed("movie_id |> vocab(over: catalogue) |> embed(8)"),
            ),
            (
                "edges of versions of all times",
                changed("year |> quantiles(4, over: catalogue) |> embed(8)"),
            ),
            (
                "events without a time",
                dated(RANKING).replace("movie_id -> movie\n  at: time", "movie_id -> movie"),
            ),
        ],
    );
    assert_eq!(codes(&dated(RANKING)), Vec::<String>::new());
    let undated = dated(RANKING).replace("since: time", "since: time?");
    refused("E0430", &[("versions that have no time", undated)]);
}

#[test]
fn scores_are_older_than_the_row_by_more_than_a_tie() {
    let scored = |when: &str| {
        let teacher = format!(
            "teacher s(u: user, m: movie) -> {{ click: logit? }} from scores \"s/*.csv\" as of {when}"
        );
        let rest = "loss main over rating = (fill(s(user, movie).click, 0.0) - ranker(user, movie, rating)) ^ 2
train { minimize main }
";
        spec("", "", SPLIT, &format!("{teacher}\n{rest}"))
    };
    refused(
        "E0613",
        &[
            ("of the same instant", scored("at")),
            (
                "of the same instant, by a delay of nothing",
                scored("at - 0s"),
            ),
            ("of the same day", scored("at - 1h")),
            ("of the next day", scored("at + 1d")),
        ],
    );
    assert_eq!(codes(&scored("at - 1d")), Vec::<String>::new());
}
