//! How long data of the size of MovieLens-1M takes: written as csv, loaded, split, fitted, and assembled into batches.

#[expect(dead_code, reason = "it reads no spec")]
mod command;

#[path = "../tests/data/spec.rs"]
#[allow(
    clippy::unwrap_used,
    dead_code,
    reason = "the plans of the tests, of which some are used here"
)]
mod spec;

use std::process::ExitCode;
use std::time::Instant;

use reckon_compiler::graph::SpaceId;
use reckon_compiler::plan::{
    FeedKind, HandleRows, Plan, Program, SplitRule, StreamOrder, StreamPlan,
};
use reckon_kernel::hash::{Hashed, hash, slot};
use reckon_runtime::data::{Assembler, Dataset, StepKey};

use command::Stop;

const USERS: u64 = 6_040;
const MOVIES: u64 = 3_883;
const RATINGS: u64 = 1_000_209;
const BATCH: usize = 1024;

fn main() -> ExitCode {
    command::run("load_time", measure)
}

fn measure(words: &[String]) -> Result<(), Stop> {
    if let Some(word) = words.first() {
        return Err(Stop::Usage(format!("`{word}` is not understood")));
    }
    let folder = files();
    let mut plan = spec::two_tower();
    let shares = [("train", 0.8), ("valid", 0.1), ("test", 0.1)];
    plan.splits = vec![spec::split(SplitRule::TimePer("user".to_owned()), &shares)];
    plan.histories[0].last = Some(50);
    let start = Instant::now();
    let data = Dataset::load(&plan, folder.path(), None).map_err(|found| Stop::found(&found))?;
    eprintln!(
        "load, split, fit, run row programs, histories: {:?}",
        start.elapsed()
    );
    batches(&plan, &data)
}

fn files() -> tempfile::TempDir {
    let draw = |site: i64, row: u64, n: u64| {
        slot(hash(0, &[Hashed::Int(site), Hashed::Int(row as i64)]), n)
    };
    let mut users = "user_id,age\n".to_owned();
    for user in 1..=USERS {
        users += &format!("{user},{}\n", 18 + draw(1, user, 60));
    }
    let mut movies = "movie_id,genres\n".to_owned();
    let genres = [
        "Action",
        "War",
        "Drama",
        "Comedy",
        "Horror|Thriller",
        "Drama|Romance",
    ];
    for movie in 1..=MOVIES {
        movies += &format!("{movie},{}\n", genres[draw(2, movie, 6) as usize]);
    }
    let mut ratings = "user_id,movie_id,stars,at\n".to_owned();
    for row in 0..RATINGS {
        // The square of a uniform draw makes low numbers popular; seconds are shared as in the real data.
        let movie = draw(3, row, MOVIES) * draw(4, row, MOVIES) / MOVIES + 1;
        let (user, stars) = (draw(5, row, USERS) + 1, draw(6, row, 5) + 1);
        let at = 956_703_932 + draw(7, row, 100_000);
        ratings += &format!("{user},{movie},{stars},{at}\n");
    }
    spec::folder(&[
        ("users.csv", &users),
        ("movies.csv", &movies),
        ("ratings.csv", &ratings),
    ])
}

fn program() -> Program {
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
    let candidates = 3;
    let genres = FeedKind::ListValues {
        handle: candidates,
        output: "genres".to_owned(),
        drop: 0.0,
        space: SpaceId(3),
        like: None,
    };
    let genres_of = FeedKind::ListSegments {
        handle: candidates,
        output: "genres".to_owned(),
    };
    let log_q = FeedKind::LogExpectedCount {
        candidates,
        drawn_only: false,
    };
    let feeds = vec![
        ("age", column(1, "age")),
        ("id", column(3, "id")),
        ("genres", genres),
        ("genres.of", genres_of),
        ("recent", column(5, "id")),
        ("recent.of", FeedKind::Segments { handle: 4 }),
        ("log_q", log_q),
        ("known", FeedKind::KnownPositive { of: 1, candidates }),
    ];
    spec::program(handles, feeds)
}

fn batches(plan: &Plan, data: &Dataset) -> Result<(), Stop> {
    let program = program();
    let stream = StreamPlan {
        name: "main".to_owned(),
        source: "rating".to_owned(),
        condition: plan.histories[0].condition.clone(),
        batch: BATCH,
        order: StreamOrder::Shuffled,
        ..StreamPlan::default()
    };
    let start = Instant::now();
    let assembler = Assembler::new(data, &program, std::slice::from_ref(&stream));
    let assembler = assembler.map_err(|found| Stop::found(&found))?;
    eprintln!("prepare the assembler: {:?}", start.elapsed());
    let rows = data.stream_rows(&stream);
    let (start, mut steps, mut seen) = (Instant::now(), 0_u32, 0);
    for batch in rows.chunks_exact(BATCH) {
        let key = StepKey {
            seed: 1,
            step: u64::from(steps),
            epoch: 0,
            training: true,
            schedule: 1.0,
        };
        let batch = assembler.assemble(&[batch.to_vec()], key);
        seen += batch.sizes[&SpaceId(2)];
        steps += 1;
    }
    let each = start.elapsed() / steps;
    eprintln!(
        "assemble {BATCH} rows with {} history rows each on average: {each:?}",
        seen / (steps as usize * BATCH)
    );
    Ok(())
}
