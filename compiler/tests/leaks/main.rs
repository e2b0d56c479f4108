//! Planted leaks: specs that would read what is not known yet, each refused with the code that says how; and the examples, of which
//! none is refused. What is neutralised instead, histories and labels that become known later, is tested over data in the runtime.

#![allow(clippy::unwrap_used, reason = "tests may fail where they stand")]
// The crate is pure; its tests look into the folder of examples.
#![allow(clippy::disallowed_methods)]

mod dated;

use std::fs;
use std::path::Path;

use reckon_compiler::check::check;
use reckon_compiler::lower::compile;
use reckon_compiler::world::Texts;

const BASE: &str = r#"
use std.loss
use std.tower

entity user from "users.csv" { key user_id: int; age: int }
entity movie from "movies.csv" { key movie_id: int; year: int }

events tap from "taps.csv" {
  user_id -> user
  movie_id -> movie
  at: time
}

events rating from "ratings.csv" {
  user_id -> user
  movie_id -> movie
  device: str
  label stars: float
  COLUMNS
  at: time
}

SPLIT

features user { id = user_id |> vocab |> embed(8) }
features movie { id = movie_id |> vocab |> embed(8) }
features rating {
  phone = device |> vocab |> embed(4)
  FEATURE
}

tower viewer(u: user, r: rating) -> f32[8] = concat(u, r) |> mlp([8])
tower film(m: movie) -> f32[8] = m.id
tower ranker(u: user, m: movie, r: rating) -> logit = concat(u, m, r) |> mlp([1]) |> squeeze
"#;

const SPLIT: &str = "split rating by at { train 80%, valid 10%, test 10% }";

const RANKING: &str = "
loss main over rating = bce(ranker(user, movie, rating), stars >= 4)
train { minimize main }
evaluate likes: ranking over rating { score ranker(user, movie, rating) against stars >= 4; report auc }
";

const RETRIEVAL: &str = "
loss main over rating where stars >= 4 {
  let c = in_batch(movie)
  softmax_loss(dot(viewer(user, rating), film(c)), c)
}
train { minimize main }
evaluate films: retrieval over rating where stars >= 4 {
  rank movie by dot(viewer(user, rating), film(movie))
  report recall@10
}
";

const LATE: &str = "label kept: bool known 7d after at";
const JOINED: &str = "label tapped: bool from tap on (user_id, movie_id) within 30m else false";

/// The codes of the errors of a text.
fn codes(text: &str) -> Vec<String> {
    let world = Texts([("main.rec".to_owned(), text.to_owned())].into());
    codes_of(&world, "main.rec")
}

fn codes_of(world: &Texts, file: &str) -> Vec<String> {
    let checked = check(world, file, &[]);
    let mut found = checked.diagnostics;
    if let Some(hir) = checked.hir {
        found.extend(compile(&hir).err().unwrap_or_default());
    }
    let errors = found.iter().filter(|found| found.is_error());
    errors.map(|found| found.code.to_string()).collect()
}

fn spec(columns: &str, feature: &str, split: &str, rest: &str) -> String {
    let base = BASE.replace("COLUMNS", columns).replace("FEATURE", feature);
    base.replace("SPLIT", split) + rest
}

/// Faults of a corpus: what is not refused, or for another reason.
#[track_caller]
fn refused(code: &str, corpus: &[(&str, String)]) {
    let faults: Vec<String> = corpus
        .iter()
        .map(|(name, text)| (name, codes(text)))
        .filter(|(_, found)| found.is_empty() || found.iter().any(|found| found != code))
        .map(|(name, found)| format!("{name}: {found:?}"))
        .collect();
    assert!(faults.is_empty(), "{code} is expected of {faults:#?}");
}

#[test]
fn the_specs_that_leaks_are_planted_in_hold() {
    for rest in [RANKING, RETRIEVAL] {
        assert_eq!(codes(&spec("", "", SPLIT, rest)), Vec::<String>::new());
        let known = codes(&spec(&format!("{LATE}\n  {JOINED}"), "", SPLIT, rest));
        assert_eq!(known, Vec::<String>::new());
    }
}

#[test]
fn labels_of_the_row_itself_are_no_features() {
    let features = [
        ("the label", "", "x = stars"),
        ("times nothing", "", "x = log1p(stars) * 0 + 1"),
        ("as a condition", "", "x = where(stars > 3, 1.0, 0.0)"),
        ("in buckets", "", "x = stars |> buckets([2, 4]) |> embed(2)"),
        ("scaled", "", "x = zscore(stars)"),
        (
            "a computed label",
            "label good = stars >= 4",
            "x = good |> vocab |> embed(2)",
        ),
        (
            "a computed column",
            "good = stars >= 4",
            "x = where(good, 1.0, 0.0)",
        ),
        (
            "a computed column said to be known",
            "known good = stars >= 4",
            "x = where(good, 1.0, 0.0)",
        ),
        (
            "computed twice",
            "less = stars - 1\n  more = less * 2",
            "x = more",
        ),
        ("a joined outcome", JOINED, "x = where(tapped, 1.0, 0.0)"),
        (
            "computed from a joined outcome",
            &format!("{JOINED}\n  other = not tapped"),
            "x = where(other, 1.0, 0.0)",
        ),
        (
            "one that becomes known later",
            LATE,
            "x = where(kept, 1.0, 0.0)",
        ),
    ];
    let corpus =
        features.map(|(name, columns, feature)| (name, spec(columns, feature, SPLIT, RANKING)));
    refused("E0420", &corpus);
}

#[test]
fn statistics_of_labels_hold_the_label_of_the_row_itself() {
    let features = [
        ("a mean by movie", "x = mean(rating, stars, by: movie_id)"),
        ("a mean by user", "x = mean(rating, stars, by: user_id)"),
        (
            "a count where a label holds",
            "x = count(rating where stars >= 4, by: movie_id)",
        ),
        (
            "groups of equal labels",
            "x = mean(rating, movie.raw.year, by: stars)",
        ),
        (
            "rows chosen by a label among others",
            "x = mean(rating where device == \"tv\" and stars > 2, movie.raw.year, by: movie_id)",
        ),
        ("groups of one instant", "x = mean(rating, stars, by: at)"),
        (
            "of a computed column",
            "x = mean(rating, less, by: movie_id)",
        ),
        (
            "of one that becomes known later",
            "x = mean(rating, kept, by: movie_id)",
        ),
        (
            "groups of one that becomes known later",
            "x = mean(rating, movie.raw.year, by: kept)",
        ),
        (
            "a count of joined outcomes",
            "x = count(rating where tapped, by: movie_id)",
        ),
        ("a scale", "x = zscore(less)"),
        ("edges", "x = quantiles(stars, 4) |> embed(2)"),
        ("ids", "x = vocab(stars >= 4) |> embed(2)"),
    ];
    let columns = format!("{LATE}\n  {JOINED}\n  less = stars - 1");
    let corpus = features.map(|(name, feature)| (name, spec(&columns, feature, SPLIT, RANKING)));
    refused("E0420", &corpus);
    let by_movie = spec(&columns, "", SPLIT, RANKING).replace(
        "movie_id |> vocab |> embed(8)",
        "mean(rating, stars, by: movie) |> buckets([3]) |> embed(8)",
    );
    refused("E0420", &[("a mean as a feature of the entity", by_movie)]);
}

#[test]
fn towers_scores_and_columns_of_labels_are_refused() {
    let tower = |value: &str| {
        format!(
            "tower t(u: user, r: rating) -> logit = sum(u.id) + {value}\nloss main over rating = bce(t(user, rating), stars >= 4)\ntrain {{ minimize main }}\n"
        )
    };
    let score = |value: &str| {
        let own = "score ranker(user, movie, rating)";
        RANKING.replace(own, &format!("score {value}"))
    };
    let column = RANKING.replace("train {", "column g over rating = stars * 2\ntrain {");
    let trained = RANKING
        .replace("loss main", "tower pre(u: user) -> logit = sum(u.id)\nloss first for pre over rating = bce(pre(user), stars >= 4)\ntrain one { minimize first }\ncolumn g over rating = sigmoid(pre(user))\nloss main")
        .replace("train { minimize main }", "train two { minimize main }");
    let corpus = [
        (
            "a tower of the label",
            spec("", "", SPLIT, &tower("r.raw.stars")),
        ),
        (
            "a tower of an outcome",
            spec(JOINED, "", SPLIT, &tower("where(r.raw.tapped, 1.0, 0.0)")),
        ),
        (
            "a score that is the label",
            spec("", "", SPLIT, &score("rating.raw.stars")),
        ),
        (
            "a score beside the label",
            spec(
                "",
                "",
                SPLIT,
                &score("ranker(user, movie, rating) + rating.raw.stars"),
            ),
        ),
        (
            "a score beside a later label",
            spec(
                LATE,
                "",
                SPLIT,
                &score("ranker(user, movie, rating) + where(rating.raw.kept, 1.0, 0.0)"),
            ),
        ),
        (
            "a column of labels as a feature",
            spec("", "x = g |> fill(0)", SPLIT, &column),
        ),
        (
            "a column of a tower that has seen the row",
            spec("", "x = g |> fill(0)", SPLIT, &trained),
        ),
    ];
    refused("E0420", &corpus);
}

#[test]
fn a_query_does_not_read_what_it_has_to_find() {
    let features = [
        (
            "the target's column",
            "x = movie.raw.year |> buckets([1990]) |> embed(2)",
        ),
        ("the target's key", "x = movie_id |> hash(100) |> embed(4)"),
        (
            "the target's key in a cross",
            "x = cross(user_id, movie_id, n: 64) |> embed(4)",
        ),
        (
            "the target's key compared",
            "x = where(movie_id == 7, 1.0, 0.0)",
        ),
    ];
    let corpus = features.map(|(name, feature)| (name, spec("", feature, SPLIT, RETRIEVAL)));
    refused("E0508", &corpus);
    let mixed = RETRIEVAL.replace("viewer(user, rating)", "q(user, movie)");
    let tower = "tower q(u: user, m: movie) -> f32[8] = concat(u, m) |> mlp([8])\n";
    refused(
        "E0507",
        &[(
            "the target's features",
            spec("", "", SPLIT, &format!("{tower}{mixed}")),
        )],
    );
}

#[test]
fn a_loop_does_not_read_ahead() {
    let looped = |graph: &str, rows: &str| {
        let text = format!(
            "loop day over rating.at by 1d {{\n  {graph}\n  loss main over {rows} = bce(ranker(user, movie, rating), stars >= 4)\n  train t {{ minimize main }}\n}}\n"
        );
        spec("", "", "", &text)
    };
    let ahead = "graph near = swing(rating in next day where stars >= 4, user, movie)";
    let behind = "graph near = swing(rating before day where stars >= 4, user, movie)";
    let near = |seeds: &str| {
        format!("rating in day |> keep(affinity(near, movie, seeds: rating {seeds}) >= 0.1)")
    };
    refused(
        "E0714",
        &[
            ("a loss of the next day", looped("", "rating in next day")),
            (
                "a graph of the next day",
                looped(ahead, &near("before day")),
            ),
            (
                "seeds of the next day",
                looped(behind, &near("in next day")),
            ),
        ],
    );
    refused("E0713", &[("a loss of all days", looped("", "rating"))]);
    assert_eq!(
        codes(&looped(behind, &near("before day"))),
        Vec::<String>::new()
    );
}

#[test]
fn a_day_is_not_judged_by_what_it_has_taught() {
    let ask = |rows: &str, score: &str| {
        format!(
            "evaluate likes: ranking over rating {rows} {{ score {score} against stars >= 4; report auc }}"
        )
    };
    let learn = |name: &str, rows: &str, score: &str| {
        format!(
            "loss {name}_loss over rating {rows} = bce({score}, stars >= 4)\n  train {name} {{ minimize {name}_loss }}"
        )
    };
    let looped = |turns: &[String]| {
        let turns = turns.join("\n  ");
        let text = format!("loop day over rating.at by 1d {{\n  {turns}\n}}\n");
        let tower = "tower other(u: user, m: movie) -> logit = dot(u.id, m.id) * 2\n";
        spec("", "", "", &format!("{tower}{text}"))
    };
    let (own, other) = ("ranker(user, movie, rating)", "other(user, movie)");
    let taught = || learn("t", "in day", own);
    let on_tv = "in day where device == \"tv\"";
    refused(
        "E0823",
        &[
            (
                "the rows of the day after the training",
                looped(&[taught(), ask("in day", own)]),
            ),
            (
                "through a table that another tower reads",
                looped(&[taught(), ask("in day", other)]),
            ),
            (
                "the same rows by the same condition",
                looped(&[learn("t", on_tv, own), ask(on_tv, own)]),
            ),
            ("a part of the rows", looped(&[taught(), ask(on_tv, own)])),
            (
                "through what a training on other days has read",
                looped(&[
                    taught(),
                    learn("u", "before day within 3d", own),
                    ask("in day", own),
                ]),
            ),
        ],
    );
    for fine in [
        vec![ask("in day", own), taught()],
        vec![taught(), ask("in next day", own)],
        vec![learn("t", "before day within 3d", own), ask("in day", own)],
        vec![
            learn("t", on_tv, own),
            ask("in day where device != \"tv\"", own),
        ],
    ] {
        assert_eq!(codes(&looped(&fine)), Vec::<String>::new(), "{fine:#?}");
    }
}

#[test]
fn what_is_chosen_or_said_with_the_answer_at_hand_is_refused() {
    let stop = RANKING.replace(
        "minimize main",
        "minimize main; stop early on test likes.auc patience 2",
    );
    refused(
        "E0807",
        &[("stopping on test rows", spec("", "", SPLIT, &stop))],
    );
    let entity = "features user { h = history(rating of user, last: 5).movie.id |> mean }\n";
    refused(
        "E0405",
        &[(
            "a history of someone without a time",
            spec("", "", SPLIT, &format!("{RANKING}{entity}")),
        )],
    );
}

#[test]
fn no_example_is_refused() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut checked = 0;
    for folder in fs::read_dir(examples)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        for file in fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().path())
        {
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            if !name.ends_with(".rec") {
                continue;
            }
            let texts = fs::read_dir(&folder)
                .unwrap()
                .map(|entry| entry.unwrap().path());
            let texts = texts.filter(|path| path.extension().is_some_and(|ending| ending == "rec"));
            let texts = texts.map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, fs::read_to_string(path).unwrap())
            });
            let found = codes_of(&Texts(texts.collect()), &name);
            assert_eq!(found, Vec::<String>::new(), "{name}");
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked}");
}
