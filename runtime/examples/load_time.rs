//! How long data of the size of MovieLens-1M takes: written as csv, loaded, split, fitted, and assembled into batches.

#![allow(clippy::unwrap_used, dead_code, unused_imports)]

#[path = "../tests/data/spec.rs"]
mod spec;

use std::fmt::Write;
use std::time::Instant;

use reckon_compiler::graph::SpaceId;
use reckon_compiler::plan::{FeedKind, HandleRows, Plan, SplitRule, StreamOrder, StreamPlan};
use reckon_kernel::hash::{Hashed, hash, slot};
use reckon_runtime::data::{Assembler, Dataset, StepKey};

const USERS: u64 = 6_040;
const MOVIES: u64 = 3_883;
const RATINGS: u64 = 1_000_209;
const BATCH: usize = 1024;

fn main() {
    let folder = files();
    let mut plan = spec::two_tower();
    let shares = [("train", 0.8), ("valid", 0.1), ("test", 0.1)];
    plan.splits = vec![spec::split(SplitRule::TimePer("user".to_owned()), &shares)];
    plan.histories[0].last = Some(50);
    let start = Instant::now();
    let data = Dataset::load(&plan, folder.path(), None).unwrap();
    eprintln!(
        "load, split, fit, run row programs, histories: {:?}",
        start.elapsed()
    );
    batches(&plan, &data);
}

fn files() -> tempfile::TempDir {
    let draw = |site: i64, row: u64, n: u64| {
        slot(hash(0, &[Hashed::Int(site), Hashed::Int(row as i64)]), n)
    };
    let mut users = "user_id,age\n".to_owned();
    (1..=USERS).for_each(|user| writeln!(users, "{user},{}", 18 + draw(1, user, 60)).unwrap());
    let mut movies = "movie_id,genres\n".to_owned();
    let genres = [
        "Action",
        "War",
        "Drama",
        "Comedy",
        "Horror|Thriller",
        "Drama|Romance",
    ];
    (1..=MOVIES).for_each(|movie| {
        writeln!(movies, "{movie},{}", genres[draw(2, movie, 6) as usize]).unwrap()
    });
    let mut ratings = "user_id,movie_id,stars,at\n".to_owned();
    for row in 0..RATINGS {
        // The square of a uniform draw makes low numbers popular; seconds are shared as in the real data.
        let movie = draw(3, row, MOVIES) * draw(4, row, MOVIES) / MOVIES + 1;
        let (user, stars) = (draw(5, row, USERS) + 1, draw(6, row, 5) + 1);
        writeln!(
            ratings,
            "{user},{movie},{stars},{}",
            956_703_932 + draw(7, row, 100_000)
        )
        .unwrap();
    }
    spec::folder(&[
        ("users.csv", &users),
        ("movies.csv", &movies),
        ("ratings.csv", &ratings),
    ])
}

fn batches(plan: &Plan, data: &Dataset) {
    let handles = vec![
        spec::handle("rating", "rating", 0, HandleRows::Stream(0)),
        spec::handle("user", "user", 0, HandleRows::Referred(0)),
        spec::handle("movie", "movie", 0, HandleRows::Referred(0)),
        spec::handle("c", "movie", 1, HandleRows::Shared(2)),
        spec::handle("recent", "rating", 2, HandleRows::History(0, 0)),
        spec::handle("recent.movie", "movie", 2, HandleRows::Referred(4)),
    ];
    let column = |handle, output: &str| FeedKind::Column {
        handle,
        output: output.to_owned(),
        drop: 0.05,
    };
    let genres = FeedKind::ListValues {
        handle: 3,
        output: "genres".to_owned(),
        drop: 0.0,
        space: SpaceId(3),
    };
    let feeds = vec![
        ("age", column(1, "age")),
        ("id", column(3, "id")),
        ("genres", genres),
        (
            "genres.of",
            FeedKind::ListSegments {
                handle: 3,
                output: "genres".to_owned(),
            },
        ),
        ("recent", column(5, "id")),
        ("recent.of", FeedKind::Segments { handle: 4 }),
        (
            "log_q",
            FeedKind::LogExpectedCount {
                candidates: 3,
                drawn_only: false,
            },
        ),
        (
            "known",
            FeedKind::KnownPositive {
                of: 1,
                candidates: 3,
            },
        ),
    ];
    let program = spec::program(handles, feeds);
    let stream = StreamPlan {
        name: "main".to_owned(),
        source: "rating".to_owned(),
        condition: plan.histories[0].condition.clone(),
        batch: BATCH,
        order: StreamOrder::Shuffled,
        ..StreamPlan::default()
    };
    let start = Instant::now();
    let assembler = Assembler::new(data, &program, std::slice::from_ref(&stream)).unwrap();
    eprintln!("prepare the assembler: {:?}", start.elapsed());
    let rows = data.stream_rows(&stream);
    let (start, mut steps, mut seen) = (Instant::now(), 0, 0);
    for batch in rows.chunks_exact(BATCH) {
        let key = StepKey {
            seed: 1,
            step: steps,
            epoch: 0,
            training: true,
            schedule: 1.0,
        };
        let batch = assembler.assemble(&[batch.to_vec()], key);
        seen += batch.sizes[&SpaceId(2)];
        steps += 1;
    }
    let each = start.elapsed() / u32::try_from(steps).unwrap();
    eprintln!(
        "assemble {BATCH} rows with {} history rows each on average: {each:?}",
        seen / (steps as usize * BATCH)
    );
}
