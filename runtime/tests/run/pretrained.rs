//! Tables that begin with the vectors of a file.

use std::fs;

use reckon_compiler::plan::Plan;
use reckon_runtime::FailureKind;
use reckon_runtime::data::VectorsReport;
use reckon_runtime::observer::{Event, Recorder};

use crate::fixture::{MOVIES, World, compiled};
use crate::teachers::{floats, weights};

const TABLE: &str = "main/movie/id";

/// A world of thirty films, of which those of an even number have a vector.
fn world() -> World {
    let world = World::new();
    let lines = (0..MOVIES).step_by(2).map(|movie| {
        let [a, b] = vector(movie);
        format!("{{\"id\": {movie}, \"vector\": [{a}, {b}]}}\n")
    });
    fs::write(world.path("vectors.jsonl"), lines.collect::<String>()).unwrap();
    world
}

fn vector(movie: usize) -> [f32; 2] {
    [movie as f32 / 8.0, -1.5]
}

fn plan(id: &str, epochs: usize) -> Plan {
    compiled(&text(id, epochs))
}

fn text(id: &str, epochs: usize) -> String {
    format!(
        r#"
use std.loss
entity user from "users.csv" {{ key user_id: int }}
entity movie from "movies.csv" {{ key movie_id: int; title: str }}
events rating from "ratings.csv" {{
  user_id -> user
  movie_id -> movie
  label stars: float
  at: time
}}
split rating by at {{ train 80%, test 20% }}
features user {{ id = user_id |> vocab |> embed(2) }}
features movie {{ id = {id} }}
loss likes over rating = bce_logits(dot(user.id, movie.id), stars >= 5)
train {{ minimize likes; batch 4096; epochs {epochs}; embeddings sgd(lr: 500) }}
"#
    )
}

/// The vectors of films after a run, each beside its number; that of the unknown film first.
fn learnt(world: &World, id: &str, epochs: usize) -> Vec<[f32; 2]> {
    let out = format!("{} {epochs}", id.replace(['"', '|', '>', '/'], ""));
    world
        .run(&plan(id, epochs), &out, |_| {}, &mut Recorder::default())
        .unwrap();
    let table = floats(&weights(&world.path(&out))[TABLE]);
    table.chunks(2).map(|row| [row[0], row[1]]).collect()
}

/// Ids of the catalogue are in the order of its rows, which is that of the numbers of films.
const FROZEN: &str = r#"movie_id |> vocab(over: catalogue) |> pretrained("vectors.jsonl", 2)"#;

fn tuned(word: &str) -> String {
    FROZEN.replace(", 2)", &format!(", 2, tune: {word})"))
}

#[test]
fn frozen_vectors_stay_as_the_file_has_them_and_what_it_lacks_is_zeros() {
    let table = learnt(&world(), FROZEN, 3);
    assert_eq!(table.len(), 1 + MOVIES);
    assert_eq!(table[0], [0.0; 2], "the unknown film");
    for (movie, found) in table[1..].iter().enumerate() {
        let expected = if movie % 2 == 0 {
            vector(movie)
        } else {
            [0.0; 2]
        };
        assert_eq!(*found, expected, "film {movie}");
    }
}

#[test]
fn slow_vectors_take_a_tenth_of_the_step_of_free_ones() {
    let world = world();
    let [free, slow] = ["free", "slow"].map(|word| learnt(&world, &tuned(word), 1));
    for movie in (0..MOVIES).step_by(2) {
        let moved = |table: &[[f32; 2]]| table[1 + movie][1] - vector(movie)[1];
        let (free, slow) = (moved(&free), moved(&slow));
        assert!(free.abs() > 1e-4, "film {movie}: {free}");
        assert!(
            (slow - 0.1 * free).abs() < 1e-5,
            "film {movie}: {slow} and {free}"
        );
    }
    // What the file lacks begins with small random numbers, as in `embed`.
    assert!(slow[2].iter().all(|value| *value != 0.0));
}

#[test]
fn a_run_tells_how_many_values_have_a_vector() {
    let (world, mut recorder) = (world(), Recorder::default());
    world
        .run(&plan(FROZEN, 1), "told", |_| {}, &mut recorder)
        .unwrap();
    let told = recorder.events.into_iter().find_map(|event| match event {
        Event::VectorsRead(report) => Some(report),
        _ => None,
    });
    let expected = VectorsReport {
        table: TABLE.to_owned(),
        vectors: 15,
        found: 15,
        missing: 15,
    };
    assert_eq!(told, Some(expected));
    let summary = fs::read_to_string(world.path("told/summary.json")).unwrap();
    assert!(summary.contains("\"vectors\":"), "{summary}");
}

#[test]
fn texts_are_looked_for_in_the_column_that_is_named() {
    let world = world();
    let titles = "{\"title\": \"Film 3\", \"v\": [1, 2]}\n{\"title\": \"Film 4\", \"v\": [3, 4]}\n";
    fs::write(world.path("titles.jsonl"), titles).unwrap();
    let table = learnt(
        &world,
        r#"title |> vocab |> pretrained("titles.jsonl", 2, key: "title", vector: "v")"#,
        2,
    );
    let mut known: Vec<[f32; 2]> = table.into_iter().filter(|row| *row != [0.0; 2]).collect();
    known.sort_by(|a, b| a[0].total_cmp(&b[0]));
    assert_eq!(known, [[1.0, 2.0], [3.0, 4.0]]);
}

#[test]
fn a_file_that_two_features_read_is_read_as_each_has_its_values() {
    let world = world();
    let both = format!("{FROZEN}; named = title |> vocab |> pretrained(\"vectors.jsonl\", 2)");
    let plan = compiled(&text(&both, 1).replace(
        "dot(user.id, movie.id)",
        "dot(user.id, movie.id + movie.named)",
    ));
    let failure = world
        .run(&plan, "both", |_| {}, &mut Recorder::default())
        .unwrap_err();
    let first = &failure.diagnostics[0].message;
    assert!(
        first.contains("column `id` expects str, found `0`"),
        "{first}"
    );
}

#[test]
fn what_a_file_of_vectors_lacks_or_has_wrong_is_told() {
    let world = world();
    let said = |file: &str, text: &str| {
        fs::write(world.path(file), text).unwrap();
        let id = FROZEN.replace("vectors.jsonl", file);
        let failure = world
            .run(&plan(&id, 1), "wrong", |_| {}, &mut Recorder::default())
            .unwrap_err();
        assert_eq!(failure.kind, FailureKind::Data);
        let first = &failure.diagnostics[0];
        let last = failure.diagnostics.last().unwrap();
        let help = last.help.as_deref().unwrap_or("no help");
        format!("{} {}\n     {help}\n", first.code, first.message)
    };
    let cases = [
        (
            "a.jsonl",
            "{\"id\": 1, \"vector\": [1, 2, 3]}\n{\"id\": 2, \"vector\": [1, 2, 3]}\n",
        ),
        (
            "b.jsonl",
            "{\"id\": 1, \"vector\": [1, 2]}\n{\"id\": 2, \"vector\": []}\n",
        ),
        ("c.jsonl", "{\"movie\": 1, \"vector\": [1, 2]}\n"),
        (
            "d.jsonl",
            "{\"id\": 1, \"vector\": [1, 2]}\n{\"id\": 1, \"vector\": [1, 2]}\n",
        ),
        ("e.jsonl", "{\"id\": 1, \"vector\": [1, 1e300]}\n"),
        ("f.jsonl", "{\"id\": 1000, \"vector\": [1, 2]}\n"),
        ("g.jsonl", "{\"id\": \"x\", \"vector\": [1, 2]}\n"),
        ("h.jsonl", "{\"id\": null, \"vector\": [1, 2]}\n"),
        ("i.jsonl", "{\"id\": 1, \"vector\": null}\n"),
    ];
    let said: String = cases.iter().map(|(file, text)| said(file, text)).collect();
    insta::assert_snapshot!(said);
}
