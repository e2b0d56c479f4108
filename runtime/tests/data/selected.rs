//! Batches of specs that select, draw and weigh rows: from the text of a spec to what a step is fed.

use std::fmt::Write as _;

use reckon_compiler::check::check;
use reckon_compiler::lower::compile;
use reckon_compiler::plan::Plan;
use reckon_compiler::world::Texts;
use reckon_runtime::data::{Assembler, Batch, Dataset, HostValues, StepKey};
use tempfile::TempDir;

use crate::spec::{folder, load};

const SOURCES: &str = r#"
use std.loss.info_nce
use std.loss.mse
entity user from "users.csv" { key user_id: int }
entity movie from "movies.csv" {
  key movie_id: int
  genres: str
  price: float
}
events rating from "ratings.csv" {
  user_id -> user
  movie_id -> movie
  request: int
  label stars: float
  label late = stars >= 4 and request < mean(rating, stars, by: request)
  known of user age: float
  at: time
}
split rating by at { train 80%, test 20% }
features user { id = user_id |> vocab |> embed(4) }
features movie {
  id     = movie_id |> vocab |> embed(4)
  genres = genres |> split("|") |> vocab |> embed(4) |> mean
}
features rating {
  age = age
  before = history(rating of user where stars >= 4, last: 3).movie.id |> mean
}
tower viewer(u: user, r: rating) -> f32[4] = u.id + r.before * r.age
tower film(m: movie) -> f32[4] = m.id
tower whole(m: movie) -> f32[8] = concat(m)
"#;

/// Ten users with ten ratings each, of twelve films; user u likes the films that are u, u + 1 and u + 2 modulo 12.
fn world() -> TempDir {
    let (mut users, mut movies) = ("user_id\n".to_owned(), "movie_id,genres,price\n".to_owned());
    let mut ratings = "user_id,movie_id,request,stars,age,at\n".to_owned();
    for movie in 0..12 {
        writeln!(
            movies,
            "{movie},a{}|b{}|c,{}",
            movie % 3,
            movie % 4,
            movie % 2
        )
        .unwrap();
    }
    for user in 0..10 {
        writeln!(users, "{user}").unwrap();
        for at in 0..10 {
            let (movie, stars) = ((user + at) % 12, if at < 3 { 5 } else { 2 });
            writeln!(
                ratings,
                "{user},{movie},{},{stars},{},{}",
                at / 4,
                20 + user,
                at * 10 + user
            )
            .unwrap();
        }
    }
    folder(&[
        ("users.csv", &users),
        ("movies.csv", &movies),
        ("ratings.csv", &ratings),
    ])
}

fn plan(losses: &str, minimize: &str) -> Plan {
    let text = format!("{SOURCES}\n{losses}\ntrain {{ minimize {minimize}; batch 20 }}\n");
    let world = Texts([("spec.rec".to_owned(), text)].into());
    let checked = check(&world, "spec.rec", &[]);
    let hir = checked
        .hir
        .unwrap_or_else(|| panic!("{:#?}", checked.diagnostics));
    compile(&hir).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn key(step: u64) -> StepKey {
    StepKey {
        seed: 3,
        step,
        epoch: 0,
        training: true,
        schedule: 1.0,
    }
}

/// The batch of a step that takes these rows of its first stream.
fn batch(plan: &Plan, data: &Dataset, rows: &[u32], step: u64) -> Batch {
    let phase = &plan.phases[0];
    let assembler = Assembler::new(data, &phase.step, &phase.streams).unwrap();
    assembler.assemble(&[rows.to_vec()], key(step))
}

fn ints<'b>(batch: &'b Batch, input: &str) -> &'b [i64] {
    match batch.inputs.get(input).map(|input| &input.values) {
        Some(HostValues::I64(values)) => values,
        other => panic!("{input}: {other:?} among {:?}", batch.inputs.keys()),
    }
}

fn floats<'b>(batch: &'b Batch, input: &str) -> &'b [f32] {
    match batch.inputs.get(input).map(|input| &input.values) {
        Some(HostValues::F32(values)) => values,
        other => panic!("{input}: {other:?} among {:?}", batch.inputs.keys()),
    }
}

fn bools<'b>(batch: &'b Batch, input: &str) -> &'b [bool] {
    match batch.inputs.get(input).map(|input| &input.values) {
        Some(HostValues::Bool(values)) => values,
        other => panic!("{input}: {other:?} among {:?}", batch.inputs.keys()),
    }
}

const POOL: &str = "loss main over rating where stars >= 4 |> negatives(movie, 3, by: count(movie) ^ 0.5, except: clicked) =
  bce(dot(viewer(user, rating), film(movie)) - where(row.sampled, row.log_q, 0.0), stars >= 4)";

#[test]
fn a_drawn_row_keeps_its_user_and_history_and_takes_another_film_without_its_labels() {
    let (plan, world) = (plan(POOL, "main"), world());
    let data = load(&plan, world.path());
    let rows = data.stream_rows(&plan.phases[0].streams[0]);
    let batch = batch(&plan, &data, &rows, 1);
    let sampled = bools(&batch, "rating.row.sampled");
    assert_eq!(sampled.len(), 4 * rows.len(), "three beside each");
    assert_eq!(sampled[..5], [false, true, true, true, false]);
    let labels = bools(&batch, "rating.stars >= 4");
    assert!(
        labels
            .iter()
            .zip(sampled)
            .all(|(label, drawn)| label != drawn)
    );
    let users = ints(&batch, "user.id");
    assert!(
        users
            .chunks(4)
            .all(|row| row.iter().all(|user| *user == row[0]))
    );
    let ages = floats(&batch, "rating.age");
    assert!(
        ages.chunks(4)
            .all(|row| row.iter().all(|age| *age == row[0])),
        "known of the user"
    );
    let lengths = |place: usize| {
        let mut lengths = vec![0; sampled.len()];
        ints(&batch, "rating.history.segments")
            .iter()
            .for_each(|row| lengths[*row as usize] += 1);
        lengths
            .into_iter()
            .skip(place)
            .step_by(4)
            .collect::<Vec<i64>>()
    };
    assert_eq!(
        lengths(0),
        lengths(2),
        "a drawn row has the history of its row"
    );
    assert!(lengths(0).iter().any(|length| *length > 0));
}

#[test]
fn a_computed_label_of_a_drawn_row_is_false_whatever_it_is_computed_from() {
    let (plan, world) = (plan(&POOL.replace("stars >= 4)", "late)"), "main"), world());
    let data = load(&plan, world.path());
    let rows = data.stream_rows(&plan.phases[0].streams[0]);
    let batch = batch(&plan, &data, &rows, 1);
    let label = |name: &&String| name.contains("request");
    let label = batch.inputs.keys().find(label).unwrap();
    let (labels, sampled) = (bools(&batch, label), bools(&batch, "rating.row.sampled"));
    // Request 0 of a user has stars 5, 5, 5, 2: its mean is above 0, and every liked row is of it.
    assert!(
        labels
            .iter()
            .zip(sampled)
            .all(|(label, drawn)| label != drawn),
        "{labels:?}"
    );
}

#[test]
fn what_the_user_has_clicked_is_never_drawn() {
    let (plan, world) = (plan(POOL, "main"), world());
    let data = load(&plan, world.path());
    let rows = data.stream_rows(&plan.phases[0].streams[0]);
    let source = data.source("rating").unwrap();
    let clicked = |user: u32, movie: u32| {
        rows.iter().any(|row| {
            source.references["user"][*row as usize] == user
                && source.references["movie"][*row as usize] == movie
        })
    };
    // Ids are unknown slots below the values, so films are told by the ids of rows that were not drawn.
    let mut film_of = std::collections::BTreeMap::new();
    for step in 0..40 {
        let batch = batch(&plan, &data, &rows, step);
        let (films, sampled) = (
            ints(&batch, "movie.id"),
            bools(&batch, "rating.row.sampled"),
        );
        for (at, row) in rows.iter().enumerate() {
            film_of.insert(films[4 * at], source.references["movie"][*row as usize]);
        }
        for (at, drawn) in sampled.iter().enumerate().filter(|(_, drawn)| **drawn) {
            assert!(drawn);
            let user = source.references["user"][rows[at / 4] as usize];
            if let Some(movie) = film_of.get(&films[at]) {
                assert!(!clicked(user, *movie), "user {user} has film {movie}");
            }
        }
    }
}

#[test]
fn log_q_is_the_log_of_the_probability_of_a_rows_film() {
    let (plan, world) = (plan(POOL, "main"), world());
    let data = load(&plan, world.path());
    let rows = data.stream_rows(&plan.phases[0].streams[0]);
    let source = data.source("rating").unwrap();
    let mut counts = [0.0_f64; 12];
    rows.iter()
        .for_each(|row| counts[source.references["movie"][*row as usize] as usize] += 1.0);
    let total: f64 = counts.iter().map(|count| count.sqrt()).sum();
    let batch = batch(&plan, &data, &rows, 1);
    let log_q = floats(&batch, "rating.row.log_q");
    for (at, row) in rows.iter().enumerate() {
        let expected = counts[source.references["movie"][*row as usize] as usize].sqrt() / total;
        assert!((f64::from(log_q[4 * at]) - expected.ln()).abs() < 1e-5);
    }
}

#[test]
fn rows_are_kept_cut_and_weighed_in_order() {
    let rows_of = |rows: &str| {
        let plan = plan(
            &format!("loss main over {rows} = mse(dot(viewer(user, rating), film(movie)), stars)"),
            "main",
        );
        let world = world();
        let data = load(&plan, world.path());
        let rows = data.stream_rows(&plan.phases[0].streams[0]);
        let batch = batch(&plan, &data, &rows, 0);
        let weights = batch
            .inputs
            .get("rating.row.weight")
            .map(|_| floats(&batch, "rating.row.weight").to_vec());
        (rows, weights)
    };
    let (all, none) = rows_of("rating");
    assert_eq!((all.len(), none), (80, None));
    assert_eq!(
        rows_of("rating |> keep(stars >= 4) |> keep(age > 24)")
            .0
            .len(),
        15
    );
    let (top, weights) = rows_of("rating |> top(25%, by: age) |> weigh(stars)");
    assert_eq!(top.len(), 20);
    assert!(
        top.iter().all(|row| *row >= 60),
        "the oldest users come last in the file: {top:?}"
    );
    assert!(
        weights
            .unwrap()
            .iter()
            .all(|weight| *weight == 5.0 || *weight == 2.0)
    );
    let (few, _) = rows_of("rating |> at_most(7)");
    assert_eq!(
        few,
        rows_of("rating |> at_most(7)").0,
        "the same rows in every run"
    );
    assert_eq!(few.len(), 7);
    let (thin, _) = rows_of("rating |> down_sample(stars < 4, 30%)");
    let liked = rows_of("rating where stars >= 4").0;
    assert!(
        liked.iter().all(|row| thin.contains(row)) && thin.len() < 60,
        "{}",
        thin.len()
    );
}

#[test]
fn rows_of_a_group_are_a_list_in_it() {
    let plan = plan(
        "loss main over rating |> group(request) = max(dot(viewer(user, rating), film(movie)))",
        "main",
    );
    let world = world();
    let data = load(&plan, world.path());
    // Rows 0 to 3 of a user are of request 0, 4 to 7 of request 1.
    let batch = batch(&plan, &data, &[0, 1, 2, 3, 4, 5], 0);
    assert_eq!(ints(&batch, "rating.segments"), [0, 0, 0, 0, 1, 1]);
}

#[test]
fn drawn_candidates_count_what_the_sampler_expects_and_a_mixture_adds_the_batch() {
    let loss = |candidates: &str| {
        format!(
            "loss main over rating where stars >= 4 {{
      let c = {candidates}
      softmax_loss(dot(viewer(user, rating), film(c)), c, mask: seen)
    }}"
        )
    };
    let (drawn, mixed) = (
        plan(&loss("sampled(movie, 6)"), "main"),
        plan(&loss("in_batch(movie) + sampled(movie, 6)"), "main"),
    );
    let world = world();
    let batch_of = |plan: &Plan| {
        let data = load(plan, world.path());
        batch(plan, &data, &[0, 1], 0)
    };
    let drawn = batch_of(&drawn);
    let counts = |batch: &Batch| {
        let name = batch
            .inputs
            .keys()
            .find(|name| name.ends_with("log_count"))
            .unwrap()
            .clone();
        floats(batch, &name).to_vec()
    };
    assert_eq!(counts(&drawn).len(), 2 + 6);
    assert!(
        counts(&drawn)
            .iter()
            .all(|count| (count - 0.5_f32.ln()).abs() < 1e-6),
        "6 draws of 12 films"
    );
    assert!(
        counts(&batch_of(&mixed))
            .iter()
            .all(|count| *count > 0.5_f32.ln())
    );
}

#[test]
fn values_of_lists_are_left_out_at_the_rate_and_a_list_without_any_is_told() {
    let plan = plan(
        "loss main over movie |> sample(uniform) batch 12 =
      info_nce(whole(movie), whole(drop_values(movie, 0.5)))",
        "main",
    );
    let world = world();
    let data = load(&plan, world.path());
    let rows: Vec<u32> = (0..12).collect();
    let (mut kept, mut emptied) = (0, 0);
    for step in 0..50 {
        let batch = batch(&plan, &data, &rows, step);
        assert_eq!(
            ints(&batch, "movie.genres").len(),
            36,
            "the film itself keeps all"
        );
        let segments = ints(&batch, "movie.thinned_1.genres.segments");
        let told = bools(&batch, "movie.thinned_1.genres.emptied");
        for (row, told) in told.iter().enumerate() {
            assert_eq!(*told, !segments.contains(&(row as i64)));
        }
        kept += segments.len();
        emptied += told.iter().filter(|told| **told).count();
    }
    // 1800 values stay with probability 1/2, 600 lists of 3 lose all with 1/8: four standard deviations around the mean.
    assert!((815..985).contains(&kept), "{kept}");
    assert!((43..107).contains(&emptied), "{emptied}");
}
