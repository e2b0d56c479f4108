//! What has to hold of each method whatever its data, over whole runs. Where each of them is tested:
//!
//! | method | what holds | tested |
//! | --- | --- | --- |
//! | CLSD | without weight (`lambda` 0) the base run, bit for bit | `runtime/tests/run/columns.rs`, `without_weight_...` |
//! | CLSD | a constant confidence weighs nothing | `runtime/tests/run/columns.rs`, `a_constant_confidence_...`; `stdlib/confidence.rec` |
//! | CLSD | the teacher has no gradient | `stdlib/loss/weights.rec`; `compiler/tests/methods.rs` |
//! | SSL | without weight (`alpha` 0) the two towers, bit for bit | `tests/streams.rs` |
//! | SSL | what two views keep is disjoint and covers the fields | `stdlib/augment.rec` |
//! | SSL | the mask of a field leaves the others as they are | here |
//! | SSL | uniform draws pass a chi-square check | `runtime/src/data/sampler.rs` |
//! | ECAT | without its factors the model of the target alone, bit for bit | `runtime/tests/run/daily.rs`, `without_its_factors_...` |
//! | ECAT | gates have no gradient | `stdlib/loss/transfer.rec` |
//! | ECAT | no day reads later labels | `tests/ecat.rs`; `runtime/tests/run/daily.rs` |
//! | DMTL | the teacher is the same with and without its student | `runtime/tests/run/teachers.rs`, `a_joint_teacher_...` |
//! | DMTL | nothing is read that was not clicked; no read is likelier than its click | here; drawn rows: `runtime/tests/data/selected.rs` |
//! | MTMI | one tower is two plain towers, to 1e-5 of the loss; repel without weight is no repel, bit for bit | here |
//! | MTMI | the order of the towers makes no difference | here, to 1e-6 of the loss; `stdlib/route.rec`, `stdlib/loss/vectors.rec` |

#![cfg(feature = "torch")]
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

const SOURCES: &str = r#"
use std.loss.repel
use std.route
use std.tower

entity user from "users.csv" { key user_id: int }
entity movie from "movies.csv" { key movie_id: int; genre: str }
events rating from "ratings.csv" {
  user_id -> user
  movie_id -> movie
  at: time
}
split rating by at { train 70%, valid 10%, test 20% }

features user { id = user_id |> vocab |> embed(8) }
features movie { id = movie_id |> vocab |> embed(8); genre = genre |> vocab |> embed(4) }
features rating { recent = history(rating of user, last: 10).movie.id }
tower film(m: movie) -> f32[8] = concat(m) |> mlp([16, 8], dropout: 0.2) |> normalize
"#;

/// A tower over the history, as a spec names it.
fn taste(name: &str) -> String {
    format!(
        "tower {name}(u: user, r: rating) -> f32[8] =\n  \
         concat(u, attention_pool(r.recent)) |> mlp([16, 8], dropout: 0.2) |> normalize\n"
    )
}

/// Towers, what a candidate scores in training and afterwards, and what is minimized, as a whole spec.
fn retrieval(towers: &str, training: &str, serving: &str, objective: &str) -> String {
    format!(
        "{SOURCES}{towers}
loss main over rating {{
  let c = in_batch(movie)
  softmax_loss({training}, c, temperature: 0.1)
}}
train {{ minimize {objective}; batch 16; epochs 3 }}
evaluate films: retrieval over rating {{
  rank movie by {serving}
  report recall@5, ndcg@5
  baselines none
}}
"
    )
}

/// A spec of towers `names` that are one viewer with several interests.
fn interests(names: &[&str], objective: &str) -> String {
    let each: String = names.iter().map(|name| taste(name)).collect();
    let called: Vec<String> = names.iter().map(|name| format!("{name}(u, r)")).collect();
    let viewer = format!(
        "fn viewer(u: user, r: rating) = stack([{}])\nloss apart over rating = repel(viewer(user, rating))\n",
        called.join(", ")
    );
    retrieval(
        &(each + &viewer),
        "routed(viewer(user, rating), film(movie), film(c), route: max_all)",
        "max_dot(viewer(user, rating), film(movie))",
        objective,
    )
}

/// The losses of the main task, an epoch each, and everything that was ranked.
fn trained(folder: &Path, out: &str, spec: &str) -> (Vec<f64>, String) {
    run(folder, out, spec, &[]);
    let losses = lines(&folder.join(out).join("metrics.jsonl"));
    let ranked = folder.join(out).join("predictions/films.test.jsonl");
    (
        losses
            .iter()
            .filter_map(|line| line["main"].as_f64())
            .collect(),
        fs::read_to_string(ranked).unwrap(),
    )
}

#[test]
fn one_interest_is_two_towers() {
    let folder = ratings();
    let plain = retrieval(
        &taste("taste"),
        "dot(taste(user, rating), film(c))",
        "dot(taste(user, rating), film(movie))",
        "main",
    );
    let plain = trained(folder.path(), "plain", &plain);
    assert_eq!(plain.0.len(), 3, "a loss an epoch");
    // Even with repel: a single interest has nothing to repel.
    let one = interests(&["taste"], "main + 0.1 * apart");
    // Products of one matrix and of a batch of one may add up in another order, as the processor has it.
    let one = trained(folder.path(), "one", &one);
    let pairs = plain.0.iter().zip(&one.0);
    assert!(
        pairs.clone().all(|(a, b)| (a - b).abs() < 1e-5),
        "{plain:?} and {one:?}"
    );
    assert_eq!(one.0.len(), 3);
    let two = interests(&["taste", "other"], "main + 0.1 * apart");
    assert_ne!(plain.0, trained(folder.path(), "two", &two).0);
}

#[test]
fn repel_of_weight_0_is_no_repel_bit_for_bit() {
    let folder = ratings();
    let of = |out, objective| {
        let spec = interests(&["a", "b", "c"], objective);
        trained(folder.path(), out, &spec)
    };
    let without = of("without", "main");
    assert_eq!(without, of("zero", "main + 0.0 * apart"));
    assert_ne!(without.0, of("some", "main + 0.1 * apart").0);
}

#[test]
fn the_order_of_the_interests_makes_no_difference() {
    let folder = ratings();
    // Without dropout: its draws go by the order of the layers.
    let of = |out, names: &[&str]| {
        let spec = interests(names, "main + 0.1 * apart").replace(", dropout: 0.2", "");
        trained(folder.path(), out, &spec)
    };
    let (losses, ranked) = of("abc", &["a", "b", "c"]);
    let (turned, ranked_turned) = of("cab", &["c", "a", "b"]);
    assert_eq!(losses.len(), 3);
    for (one, other) in losses.iter().zip(&turned) {
        assert!((one - other).abs() <= 1e-6 * one, "{losses:?} {turned:?}");
    }
    assert_eq!(ranked, ranked_turned);
    let (others, _) = of("abd", &["a", "b", "d"]);
    assert!((losses[2] - others[2]).abs() > 1e-3, "another tower counts");
}

#[test]
fn the_mask_of_a_field_leaves_the_others_as_they_are() {
    let folder = ratings();
    let spec = retrieval(
        &taste("taste"),
        "dot(taste(user, rating), film(c))",
        "dot(taste(user, rating), film(movie))",
        "main",
    ) + r"
fn vector(x: f32[N]) -> f32[N] = x
fn masked(m: movie) = hide(m, vector([0.0, 1.0]) > 0.5, zero)
column id over rating = sum(movie.id * movie.id)
column id_beside over rating = sum(masked(movie).id * masked(movie).id)
column genre over rating = sum(movie.genre * movie.genre)
column genre_hidden over rating = sum(masked(movie).genre * masked(movie).genre)
";
    run(folder.path(), "masked", &spec, &[]);
    let of = |name| column(&folder.path().join("masked"), name);
    assert_eq!(of("id").len(), 126, "a value for each row that trains");
    assert_eq!(of("id"), of("id_beside"));
    assert!(of("genre").values().all(|value| *value > 0.0));
    assert!(of("genre_hidden").values().all(|value| *value == 0.0));
}

#[test]
fn nothing_is_read_that_was_not_clicked_and_no_read_is_likelier_than_its_click() {
    let folder = views();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/dmtl");
    let read = |name: &str| fs::read_to_string(example.join(name)).unwrap();
    fs::write(folder.path().join("articles.rec"), read("articles.rec")).unwrap();
    let spec = read("world.rec")
        + r"
column clicked over view = to_number(click)
column opened over view = to_number(seconds > 30.0)
column z over view = to_number(read)
column of_click over view = log_product([reader(user, article).click])
column of_both over view = log_product([reader(user, article).click, reader(user, article).read])
";
    run(
        folder.path(),
        "student",
        &spec,
        &["data=.", "dim=4", "epochs=1"],
    );
    let of = |name| column(&folder.path().join("student"), name);
    let (clicked, opened, z) = (of("clicked"), of("opened"), of("z"));
    let unclicked = |of: &BTreeMap<u64, f64>| -> f64 {
        let rows = clicked.iter().filter(|(_, click)| **click == 0.0);
        rows.map(|(row, _)| of[row]).sum()
    };
    assert!(unclicked(&opened) > 50.0, "some stayed open unclicked");
    assert_eq!(unclicked(&z).to_bits(), 0.0_f64.to_bits());
    assert!(z.values().sum::<f64>() > 50.0, "some were read");
    let (of_click, of_both) = (of("of_click"), of("of_both"));
    assert_eq!(of_click.len(), clicked.len());
    for (row, click) in &of_click {
        assert!(of_both[row] < *click && *click < 0.0, "row {row}");
    }
}

/// Runs a spec into a folder beside it.
fn run(folder: &Path, out: &str, spec: &str, settings: &[&str]) {
    let file = format!("{out}.rec");
    fs::write(folder.join(&file), spec).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_reckon"));
    command.args(["run", &file, "--seed", "5", "--out", out]);
    for setting in settings {
        command.args(["--set", setting]);
    }
    let output = command
        .current_dir(folder)
        .env("OMP_NUM_THREADS", "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
}

fn lines(file: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(file).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// The values of a column, by row.
fn column(run: &Path, name: &str) -> BTreeMap<u64, f64> {
    let file = run.join("columns").join(name).with_extension("jsonl");
    let value = |line: serde_json::Value| {
        (
            line["row"].as_u64().unwrap(),
            line["value"].as_f64().unwrap(),
        )
    };
    lines(&file).into_iter().map(value).collect()
}

/// A folder with 180 ratings of 15 users.
fn ratings() -> tempfile::TempDir {
    let (mut users, mut movies) = ("user_id\n".to_owned(), "movie_id,genre\n".to_owned());
    let mut ratings = "user_id,movie_id,at\n".to_owned();
    (0..20).for_each(|movie| writeln!(movies, "{movie},g{}", movie % 3).unwrap());
    for user in 0..15 {
        writeln!(users, "{user}").unwrap();
        for at in 0..12 {
            let movie = (user * 3 + at * 7) % 20;
            writeln!(ratings, "{user},{movie},{}", at * 100 + user).unwrap();
        }
    }
    written(&[("users", users), ("movies", movies), ("ratings", ratings)])
}

/// A folder with 600 views, of which some were open for long without a click.
fn views() -> tempfile::TempDir {
    let (mut users, mut articles) = (
        "user_id,taste\n".to_owned(),
        "article_id,topic,length,bait\n".to_owned(),
    );
    let mut views = "user_id,article_id,session_id,at,length,click,seconds,meant\n".to_owned();
    let length = |article: usize| 40 + 10 * (article % 5);
    (0..40).for_each(|id| writeln!(users, "{id},{}", id % 3).unwrap());
    (0..30).for_each(|id| writeln!(articles, "{id},{},{}.0,0", id % 3, length(id)).unwrap());
    for row in 0..600 {
        let (user, article) = (row * 7 % 40, (row * row + row) % 30);
        let click = user % 3 == article % 3 || row % 11 == 0;
        let seconds = if row % 3 == 0 { length(article) } else { 4 };
        writeln!(
            views,
            "{user},{article},{},{},{}.0,{},{seconds}.0,0",
            row / 5,
            1_600_000_000 + row * 20,
            length(article),
            u8::from(click)
        )
        .unwrap();
    }
    written(&[("users", users), ("articles", articles), ("views", views)])
}

fn written(tables: &[(&str, String)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in tables {
        fs::write(folder.path().join(name).with_extension("csv"), text).unwrap();
    }
    folder
}
