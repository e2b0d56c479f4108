//! What plans cost, by sizes that a test gives and that can be worked out by hand.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use reckon_compiler::check::check;
use reckon_compiler::cost::{Amount, Cost, Given, Loaded, Owner, Sure, forecast, refusal};
use reckon_compiler::lower::compile;
use reckon_compiler::plan::Plan;
use reckon_compiler::world::Texts;

const SPEC: &str = r#"
use std.loss.mse
use std.tower.linear

entity user from "users.csv" { key user_id: int }
entity movie from "movies.csv" { key movie_id: int; genres: str }
events rating from "ratings.csv" {
  user_id -> user
  movie_id -> movie
  label stars: float
  at: time
}
split rating by at { train 80%, test 20% }

features user { id = user_id |> hash(1000) |> embed(16) }
features movie {
  id = movie_id |> vocab(top: 500) |> embed(16)
  genres = genres |> split("|") |> vocab |> embed(16) |> mean
}
features rating { recent = history(rating of user, last: 10).movie.id |> mean }

tower viewer(u: user, r: rating) -> f32[16] = concat(u, r) |> linear(16)

loss main over rating = mse(dot(viewer(user, rating), movie.id + movie.genres), stars)

train {
  minimize main
  batch 64
  optimizer adam(lr: 1e-3)
  embeddings rowwise_adagrad(lr: 0.05)
}
"#;

fn plan_of(text: &str) -> Plan {
    let texts = Texts(BTreeMap::from([("main.rec".to_owned(), text.to_owned())]));
    let checked = check(&texts, "main.rec", &[]);
    assert_eq!(checked.diagnostics, [], "{text}");
    compile(&checked.hir.unwrap()).unwrap()
}

fn cost_of(text: &str, given: &Given) -> Cost {
    forecast(&plan_of(text), given)
}

/// All that data tell of [`SPEC`].
fn given() -> Given {
    let named = |pairs: &[(&str, usize)]| {
        let pairs = pairs.iter();
        pairs
            .map(|(name, rows)| ((*name).to_owned(), *rows))
            .collect::<BTreeMap<_, _>>()
    };
    Given {
        tables: named(&[("main/movie/id", 301), ("main/movie/genres", 19)]),
        sources: named(&[("user", 100), ("movie", 300), ("rating", 10_000)]),
        threads: 1,
        ..Given::default()
    }
}

fn rows(cost: &Cost, path: &str) -> Amount {
    let table = cost.model.tables.iter().find(|table| table.path == path);
    table.unwrap().rows
}

#[test]
fn rows_of_tables_are_fixed_bounded_or_left_to_the_data() {
    let cost = cost_of(SPEC, &Given::default());
    assert_eq!(rows(&cost, "main/user/id"), Amount::exact(1_000));
    // The unknown slot is one row more.
    assert_eq!(rows(&cost, "main/movie/id"), Amount::at_most(501));
    assert_eq!(rows(&cost, "main/movie/genres"), Amount::OPEN);
    assert_eq!(cost.peak.bytes.sure, Sure::Open);
}

#[test]
fn rows_that_data_tell_make_bytes_exact() {
    let cost = cost_of(SPEC, &given());
    let table = &cost.model.tables[1];
    assert_eq!(
        (table.path.as_str(), table.bytes),
        ("main/movie/id", Amount::exact(301 * 16 * 4))
    );
    assert_eq!(table.moments, [("row_sum", Amount::exact(301 * 4))]);
    // The linear layer of 32 numbers into 16 with its bias, and two moments of each for Adam.
    assert_eq!(cost.model.weights, Amount::exact((32 * 16 + 16) * 4));
    assert_eq!(
        cost.model.weight_states,
        Amount::exact(2 * (32 * 16 + 16) * 4)
    );
}

#[test]
fn optimisers_remember_what_their_rules_say() {
    for (rule, factor) in [
        ("sgd(lr: 0.1)", 0),
        ("adagrad(lr: 0.1)", 1),
        ("lazy_adam(lr: 0.1)", 2),
    ] {
        let text = SPEC.replace("rowwise_adagrad(lr: 0.05)", rule);
        let table = &cost_of(&text, &given()).model.tables[1];
        assert_eq!(table.states(), table.bytes.times(factor), "{rule}");
    }
}

#[test]
fn more_rows_a_step_take_more_bytes_and_operations_in_proportion() {
    let step = |batch: usize| {
        let text = SPEC.replace("batch 64", &format!("batch {batch}"));
        let cost = cost_of(&text, &given());
        cost.programs
            .iter()
            .find(|of| of.owner == Owner::Step(0))
            .unwrap()
            .clone()
    };
    let (small, large) = (step(64), step(640));
    assert_eq!(
        (small.rows, large.rows),
        (Amount::exact(64), Amount::exact(640))
    );
    assert_eq!(
        large.inputs.sure,
        Sure::Open,
        "lists of genres are as long as the data have them"
    );
    for (small, large) in [(small.live, large.live), (small.flops, large.flops)] {
        let ratio = large.count as f64 / small.count as f64;
        assert!((7.0..10.5).contains(&ratio), "{ratio}");
    }
    // The product of a linear layer alone, forward and for its two gradients.
    assert!(small.flops.count > 3 * 2 * 64 * 32 * 16);
}

#[test]
fn a_step_that_takes_more_rows_than_there_are_takes_those() {
    let mut given = given();
    given.sources.insert("rating".to_owned(), 40);
    let cost = cost_of(SPEC, &given);
    assert_eq!(cost.programs[0].rows, Amount::at_most(40));
}

#[test]
fn operations_of_places_add_up_to_those_of_the_program() {
    for program in cost_of(SPEC, &given()).programs {
        let sum: Amount = program.by_place.iter().map(|place| place.flops).sum();
        assert_eq!(sum.count, program.flops.count);
        assert!(
            program
                .by_place
                .is_sorted_by(|a, b| a.flops.count >= b.flops.count)
        );
    }
}

#[test]
fn what_was_measured_of_the_process_stands_in_the_place_of_the_unknown() {
    let loaded = Loaded {
        now: 200_000_000,
        peak: 210_000_000,
    };
    let with = Given {
        loaded: Some(loaded),
        ..given()
    };
    let peak = cost_of(SPEC, &with).peak;
    assert!(peak.bytes.count > loaded.now);
    assert!(
        peak.parts.iter().all(|part| part.what != "the data"),
        "{:?}",
        peak.parts
    );
    let read = Given {
        loaded: Some(Loaded {
            peak: 9_000_000_000,
            ..loaded
        }),
        ..given()
    };
    assert_eq!(cost_of(SPEC, &read).peak.bytes.count, 9_000_000_000);
}

#[test]
fn a_refusal_names_the_three_largest_causes_with_their_lines() {
    let text = SPEC.replace("hash(1000)", "hash(40000000)");
    let cost = cost_of(&text, &given());
    let bytes = 40_000_000_u64 * 16 * 4;
    assert!(
        cost.peak.bytes.count > 2 * bytes,
        "a copy for the checkpoint is held too"
    );
    assert_eq!(refusal(&cost.peak, cost.peak.bytes.count), None);
    let found = refusal(&cost.peak, 1_000_000_000).unwrap();
    assert_eq!(found.code.0, 1027);
    let said: Vec<&str> = [&found.primary]
        .into_iter()
        .chain(&found.labels)
        .map(|label| label.message.as_str())
        .collect();
    assert_eq!(said.len() + found.notes.len(), 3, "{found:?}");
    assert!(
        said.iter()
            .chain(&[])
            .any(|text| text.contains("table main/user/id")),
        "{said:?}"
    );
    assert!(found.help.unwrap().contains("--memory none"));
}

#[test]
fn an_evaluation_takes_what_its_rows_and_its_baseline_take_as_far_as_the_data_tell() {
    let text = format!(
        "{SPEC}
evaluate movies: retrieval over rating per event {{
  rank movie by dot(viewer(user, rating), movie.id)
  baselines ease
  report recall@10
}}
"
    );
    let bytes = |given: &Given| {
        let cost = cost_of(&text, given);
        let of = |what: &str| {
            let mut parts = cost.peak.parts.iter();
            parts.find(|part| part.what.contains(what)).unwrap().bytes
        };
        (of("baseline ease"), of("what movies said"))
    };
    // Four matrices over all 300 movies, and a list for each of 2,000 rows.
    let (ease, said) = bytes(&given());
    assert_eq!(ease, Amount::at_most(4 * 4 * 300 * 300));
    assert_eq!(said.count, 2_000 * 3_500);
    let named = |rows| [("movies".to_owned(), rows)].into();
    let (ease, said) = bytes(&Given {
        asked: named(40),
        fitted: named(200),
        ..given()
    });
    assert_eq!(ease, Amount::exact(4 * 4 * 200 * 200));
    assert_eq!(said.count, 40 * 3_500);
}

#[test]
fn scores_that_are_products_take_no_memory_however_many_items_there_are() {
    let of = |score: &str, movies: usize| {
        let text = format!(
            "{SPEC}
evaluate movies: retrieval over rating per event {{
  rank movie by {score}
  report recall@10
}}
"
        );
        let mut given = given();
        given.sources.insert("movie".to_owned(), movies);
        let cost = cost_of(&text, &given);
        let mut programs = cost.programs.iter();
        let query = programs.find(|program| matches!(program.owner, Owner::Query(_)));
        query.unwrap().live.count
    };
    let product = "dot(viewer(user, rating), movie.id)";
    assert_eq!(of(product, 1_000), of(product, 100_000));
    let stored = format!("sigmoid({product})");
    assert!(of(&stored, 4_000) >= 4 * 1_024 * 4_000);
}
