//! Batches of the two towers.

use std::collections::BTreeMap;

use reckon_compiler::graph::SpaceId;
use reckon_compiler::plan::{
    FeedKind, HandleRows, Plan, Program, SamplerPlan, StreamOrder, StreamPlan,
};
use reckon_runtime::data::{Assembler, Batch, Dataset, HostValues, Now, StepKey};

use crate::spec::{handle, load, movielens_folder, program, two_tower};

const STEP: StepKey = StepKey {
    seed: 7,
    step: 3,
    epoch: 0,
    training: true,
    schedule: 0.5,
};

fn stream() -> StreamPlan {
    StreamPlan {
        name: "main".to_owned(),
        source: "rating".to_owned(),
        condition: Some("liked".to_owned()),
        batch: 2,
        order: StreamOrder::Shuffled,
        ..StreamPlan::default()
    }
}

/// Handles 0 rating, 1 user, 2 movie, 3 candidates, 4 drawn candidates, 5 both, 6 history, 7 films of the history.
fn towers() -> Program {
    let drawn = HandleRows::Sampled {
        count: 3,
        sampler: SamplerPlan::uniform("movie"),
        stream: 0,
    };
    let handles = vec![
        handle("rating", "rating", 0, HandleRows::Stream(0)),
        handle("user", "user", 0, HandleRows::Referred(0)),
        handle("movie", "movie", 0, HandleRows::Referred(0)),
        handle("c", "movie", 1, HandleRows::Shared(2)),
        handle("drawn", "movie", 2, drawn),
        handle("mixed", "movie", 3, HandleRows::Joined(vec![3, 4])),
        handle("recent", "rating", 4, HandleRows::History(0, 0)),
        handle("recent.movie", "movie", 4, HandleRows::Referred(6)),
    ];
    program(handles, feeds())
}

fn feeds() -> Vec<(&'static str, FeedKind)> {
    let column = |handle, output: &str| FeedKind::Column {
        handle,
        output: output.to_owned(),
        drop: 0.0,
    };
    let (handle, genres) = (2, || "genres".to_owned());
    let values = FeedKind::ListValues {
        handle,
        output: genres(),
        drop: 0.0,
        space: SpaceId(5),
        like: None,
    };
    let segments = FeedKind::ListSegments {
        handle,
        output: genres(),
    };
    let positions = FeedKind::ListPositions {
        handle,
        output: genres(),
    };
    let expected = |candidates| FeedKind::LogExpectedCount {
        candidates,
        drawn_only: false,
    };
    let (of, candidates) = (2, 5);
    let own = FeedKind::Positive { of, candidates };
    let (of, candidates) = (1, 3);
    let known = FeedKind::KnownPositive { of, candidates };
    vec![
        ("age", column(1, "age")),
        ("id", column(2, "id")),
        ("liked", column(0, "liked")),
        ("genres", values),
        ("genres.of", segments),
        ("genres.at", positions),
        ("recent", column(7, "id")),
        ("recent.of", FeedKind::Segments { handle: 6 }),
        ("recent.at", FeedKind::Positions { handle: 6 }),
        ("c.rows", FeedKind::Rows { handle: 3 }),
        ("mixed.rows", FeedKind::Rows { handle: 5 }),
        ("own", own),
        ("log_q", expected(3)),
        ("log_q.mixed", expected(5)),
        ("known", known),
        ("weight", FeedKind::RowWeight { handle: 0 }),
        ("lr", FeedKind::Schedule),
    ]
}

fn ints(batch: &Batch, input: &str) -> Vec<i64> {
    match &batch.inputs[input].values {
        HostValues::I64(values) => values.clone(),
        other => panic!("{other:?}"),
    }
}

fn floats(batch: &Batch, input: &str) -> Vec<f32> {
    match &batch.inputs[input].values {
        HostValues::F32(values) => values.clone(),
        other => panic!("{other:?}"),
    }
}

fn assembled(rows: &[u32]) -> Batch {
    let folder = movielens_folder();
    let data = load(&two_tower(), folder.path());
    let program = towers();
    let assembler = Assembler::new(&data, &program, &[stream()]).unwrap();
    assembler.assemble(&[rows.to_vec()], STEP)
}

#[test]
fn columns_are_gathered_through_references() {
    // Training rows are 0 and 1 of user 1; 4 and 5 of user 2, at one instant.
    let batch = assembled(&[1, 5]);
    assert_eq!(ints(&batch, "age"), [20, 30]);
    // Films 10, 11 and 13 are in training: 11 twice, then 10 and 13 once.
    assert_eq!(ints(&batch, "id"), [1, 3]);
    assert_eq!(
        batch.inputs["liked"].values,
        HostValues::Bool(vec![true, true])
    );
    assert_eq!(floats(&batch, "weight"), [1.0, 1.0]);
    assert_eq!(
        (batch.inputs["lr"].shape.len(), floats(&batch, "lr")),
        (0, vec![0.5])
    );
}

#[test]
fn lists_come_back_to_back_with_their_rows_and_places() {
    // Genres count by training event: Drama 3, War 2, Action 1.
    let batch = assembled(&[5, 3, 0]);
    assert_eq!(ints(&batch, "genres"), [1, 2, 1, 2, 3, 2]);
    assert_eq!(ints(&batch, "genres.of"), [0, 0, 1, 1, 2, 2]);
    assert_eq!(ints(&batch, "genres.at"), [0, 1, 0, 1, 0, 1]);
    assert_eq!(batch.sizes[&SpaceId(5)], 6);
}

#[test]
fn histories_are_strictly_earlier_and_of_training_rows_only_when_seen_from_one() {
    // Row 3 is the test row of user 1: it sees the likes 0 and 1. Row 5 is of the instant of row 4 and sees nothing.
    let batch = assembled(&[3, 5, 1, 7]);
    assert_eq!(ints(&batch, "recent.of"), [0, 0, 2, 3, 3]);
    assert_eq!(ints(&batch, "recent.at"), [0, 1, 0, 0, 1]);
    // Films 10 and 11; film 10; films 11 and 13.
    assert_eq!(ints(&batch, "recent"), [2, 1, 2, 1, 3]);
    assert_eq!(batch.sizes[&SpaceId(4)], 5);
}

#[test]
fn the_positive_of_a_row_is_its_own_candidate() {
    let batch = assembled(&[0, 4]);
    assert_eq!(ints(&batch, "c.rows"), [0, 1]);
    assert_eq!(ints(&batch, "own"), [0, 1]);
    let mixed = ints(&batch, "mixed.rows");
    assert_eq!((&mixed[..2], mixed.len()), ([0, 1].as_slice(), 5));
    assert!(mixed.iter().all(|row| (0..4).contains(row)));
}

#[test]
fn expected_counts_are_those_of_the_stream_and_of_a_mixture_their_sum() {
    // Liked training rows: 0 (film 10), 1 (11), 4 (11), 5 (13).
    let batch = assembled(&[0, 4]);
    let expected = [2.0 * 0.25_f32, 2.0 * 0.5];
    let log_q: Vec<f32> = floats(&batch, "log_q").iter().map(|x| x.exp()).collect();
    assert!(
        log_q
            .iter()
            .zip(expected)
            .all(|(found, expected)| (found - expected).abs() < 1e-6),
        "{log_q:?}"
    );
    let mixed = floats(&batch, "log_q.mixed");
    assert!(
        (mixed[0].exp() - (0.5 + 0.75)).abs() < 1e-6
            && (mixed[1].exp() - (1.0 + 0.75)).abs() < 1e-6
    );
}

#[test]
fn known_positives_are_the_training_rows_of_the_user() {
    let batch = assembled(&[0, 5, 4]);
    let known = &batch.inputs["known"];
    assert_eq!(known.shape, [3, 3]);
    // Candidates are films 10, 13, 11; user 1 likes 10 and 11, user 2 likes 11 and 13.
    let expected = [
        [true, false, true],
        [false, true, true],
        [false, true, true],
    ]
    .concat();
    assert_eq!(known.values, HostValues::Bool(expected));
}

#[test]
fn equal_keys_give_equal_batches_and_steps_differ() {
    let folder = movielens_folder();
    let data = load(&two_tower(), folder.path());
    let program = towers();
    let assembler = Assembler::new(&data, &program, &[stream()]).unwrap();
    let at = |step| assembler.assemble(&[vec![0, 1]], StepKey { step, ..STEP });
    assert_eq!(at(1), at(1));
    let drawn: std::collections::BTreeSet<Vec<i64>> =
        (0..20).map(|step| ints(&at(step), "mixed.rows")).collect();
    assert!(drawn.len() > 10);
}

#[test]
fn ids_are_dropped_in_training_only() {
    let folder = movielens_folder();
    let data = load(&two_tower(), folder.path());
    let handles = vec![handle("movie", "movie", 0, HandleRows::Catalogue)];
    let drop = FeedKind::Column {
        handle: 0,
        output: "id".to_owned(),
        drop: 0.5,
    };
    let program = program(handles, vec![("id", drop)]);
    let assembler = Assembler::new(&data, &program, &[]).unwrap();
    let unknown = |training| -> usize {
        let at = |step| {
            ints(
                &assembler.assemble(
                    &[],
                    StepKey {
                        step,
                        training,
                        ..STEP
                    },
                ),
                "id",
            )
        };
        (0..100)
            .map(|step| at(step)[..2].iter().filter(|id| **id == 0).count())
            .sum()
    };
    assert_eq!(unknown(false), 0);
    assert!((60..140).contains(&unknown(true)), "{}", unknown(true));
}

fn ask(data: &Dataset, now: &Now) -> Batch {
    let program = towers();
    let assembler = Assembler::new(data, &program, &[stream()]).unwrap();
    assembler
        .assemble_now(
            now,
            StepKey {
                training: false,
                ..STEP
            },
        )
        .unwrap()
}

#[test]
fn a_request_sees_the_history_as_of_now() {
    let folder = movielens_folder();
    let data = load(&two_tower(), folder.path());
    let user = data.source("user").unwrap().find("2").unwrap();
    let references = BTreeMap::from([("user".to_owned(), vec![user])]);
    let now = Now {
        rows: 1,
        references,
        ..Now::default()
    };
    let batch = ask(&data, &now);
    assert_eq!(ints(&batch, "age"), [30]);
    // The last two likes: film 13, and film 12, which no training row has.
    assert_eq!(ints(&batch, "recent"), [3, 0]);
    let earlier = ask(
        &data,
        &Now {
            time: Some(200_000_000),
            ..now
        },
    );
    assert_eq!(ints(&earlier, "recent"), [1, 3]);
}

#[test]
fn an_unknown_user_has_unknown_ids_and_no_history() {
    let folder = movielens_folder();
    let data = load(&two_tower(), folder.path());
    assert_eq!(data.source("user").unwrap().find("99"), None);
    let batch = ask(
        &data,
        &Now {
            rows: 1,
            ..Now::default()
        },
    );
    assert_eq!(ints(&batch, "age"), [0]);
    assert_eq!(ints(&batch, "id"), [0]);
    assert_eq!(batch.inputs["liked"].values, HostValues::Bool(vec![false]));
    assert!(ints(&batch, "recent").is_empty() && ints(&batch, "genres").is_empty());
}

#[test]
fn feeds_that_cannot_be_filled_are_refused_before_the_first_batch() {
    let folder = movielens_folder();
    let data = load(&two_tower(), folder.path());
    let refused = |rows, feed| {
        let program = program(vec![handle("movie", "movie", 0, rows)], vec![("x", feed)]);
        Assembler::new(&data, &program, &[])
            .unwrap_err()
            .remove(0)
            .message
    };
    let column = |handle, output: &str| FeedKind::Column {
        handle,
        output: output.to_owned(),
        drop: 0.0,
    };
    assert_eq!(
        refused(HandleRows::Catalogue, column(0, "size")),
        "internal: input `x`: source `movie` has no output `size`"
    );
    assert_eq!(
        refused(HandleRows::Catalogue, column(0, "genres")),
        "internal: input `x`: output `genres` of `movie` is list"
    );
    assert_eq!(
        refused(HandleRows::Referred(0), column(0, "id")),
        "internal: handle `movie` is made from itself or from a handle that does not exist"
    );
    assert_eq!(
        refused(HandleRows::Catalogue, FeedKind::Segments { handle: 0 }),
        "internal: input `x`: only a history or a group has places"
    );
}

#[test]
fn an_empty_plan_loads() {
    let data = load(&Plan::default(), std::path::Path::new("."));
    assert!(data.sources.is_empty() && data.fits.is_empty());
}
