//! Statistics over the rows of a loss: which rows count, and how often.

use reckon_compiler::check::check;
use reckon_compiler::lower::compile;
use reckon_compiler::world::Texts;
use reckon_kernel::{Fitted, VocabularyValues};

use crate::spec::{folder, load};

/// The first four of five ratings train.
const RATINGS: &str = "user_id,movie_id,stars,trust,at
1,10,5,2.5,1
1,11,2,1,2
2,12,5,0.5,3
2,12,4,0.75,4
1,11,5,9,5
";

/// What is fitted by `statistic`, in the features of `of`, over the rows of loss `main`.
fn fitted(of: &str, statistic: &str, rows: &str) -> Fitted {
    let text = format!(
        r#"
entity user from "users.csv" {{ key user_id: int }}
entity movie from "movies.csv" {{ key movie_id: int; year: int }}
events rating from "ratings.csv" {{
  user_id -> user
  movie_id -> movie
  label stars: float
  known trust: float
  at: time(unit: s)
}}
split rating by at {{ train 80%, test 20% }}
features {of} {{ counted = {statistic} }}
features user {{ id = user_id |> hash(4) |> embed(2) }}
tower both(u: user, m: movie, r: rating) -> logit = concat(u, {of}) |> mlp([1]) |> squeeze
loss main over {rows} = bce(both(user, movie, rating), stars >= 4)
train {{ minimize main }}
"#,
    )
    .replace("concat(u, movie)", "concat(u, m)")
    .replace("concat(u, rating)", "concat(u, r)");
    let world = Texts([("spec.rec".to_owned(), format!("use std.tower.mlp\n{text}"))].into());
    let checked = check(&world, "spec.rec", &[]);
    let hir = checked
        .hir
        .unwrap_or_else(|| panic!("{:#?}", checked.diagnostics));
    let plan = compile(&hir).unwrap_or_else(|errors| panic!("{errors:#?}"));
    let folder = folder(&[
        ("users.csv", "user_id\n1\n2\n"),
        (
            "movies.csv",
            "movie_id,year\n10,1990\n11,1995\n12,2000\n13,2005\n",
        ),
        ("ratings.csv", RATINGS),
    ]);
    load(&plan, folder.path()).fits.remove(0)
}

#[track_caller]
fn check_ids(fitted: &Fitted, values: &[i64], counts: &[u64]) {
    let Fitted::Vocab(vocabulary) = fitted else {
        panic!("{fitted:?}")
    };
    assert_eq!(vocabulary.values(), &VocabularyValues::Int(values.to_vec()));
    assert_eq!(vocabulary.counts(), counts);
}

const IDS: &str = "movie_id |> vocab(over: main) |> embed(2)";

#[test]
fn a_vocabulary_of_things_counts_the_rows_of_the_loss_that_refer_to_them() {
    check_ids(&fitted("movie", IDS, "rating"), &[12, 10, 11], &[2, 1, 1]);
    check_ids(
        &fitted("movie", IDS, "rating where stars >= 4"),
        &[12, 10],
        &[2, 1],
    );
    let best = "rating where stars >= 4 |> top(50%, by: trust)";
    check_ids(&fitted("movie", IDS, best), &[10, 12], &[1, 1]);
}

#[test]
fn a_row_counts_by_its_weight_in_the_loss() {
    // Film 10 has 2.5, film 12 has 1.25 in two rows, film 11 has 1.
    let weighed = "rating |> weigh(trust)";
    check_ids(&fitted("movie", IDS, weighed), &[10, 12, 11], &[3, 1, 1]);
    let frequent = "movie_id |> vocab(over: main, min_count: 2) |> embed(2)";
    check_ids(&fitted("movie", frequent, weighed), &[10], &[3]);
    let years = fitted(
        "movie",
        "year |> zscore(over: main)",
        "rating where stars >= 4 |> weigh(trust)",
    );
    let mean = (2.5 * 1990.0 + 1.25 * 2000.0) / 3.75;
    let Fitted::Moments { mean: found, .. } = years else {
        panic!("{years:?}")
    };
    assert!((found - mean).abs() < 1e-9, "{found} is not {mean}");
}

#[test]
fn of_the_rows_of_the_loss_themselves_only_those_of_training_count() {
    let fitted = fitted(
        "rating",
        "trust |> minmax(over: main)",
        "rating where stars >= 4",
    );
    assert_eq!(fitted, Fitted::Extent { min: 0.5, max: 2.5 });
}
