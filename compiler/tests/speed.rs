//! The time of a check grows with the spec, not with its square.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test measures time"
)]

use std::fmt::Write;
use std::time::{Duration, Instant};

use reckon_compiler::check::check;
use reckon_compiler::world::Texts;

/// A spec with so many features of every sort, all read by one tower.
fn spec(features: usize) -> String {
    let mut columns = String::new();
    let mut lines = String::new();
    for at in 0..features {
        match at % 4 {
            0 => {
                writeln!(columns, "  c{at}: str").unwrap();
                writeln!(lines, "  f{at} = c{at} |> vocab(min_count: 2) |> embed(8)").unwrap();
            }
            1 => {
                writeln!(columns, "  c{at}: str").unwrap();
                writeln!(
                    lines,
                    "  f{at} = c{at} |> split(\"|\") |> vocab |> embed(8) |> mean"
                )
                .unwrap();
            }
            2 => {
                writeln!(columns, "  c{at}: int?").unwrap();
                writeln!(
                    lines,
                    "  f{at} = c{at} |> fill(0) |> buckets([1, 2, 5]) |> embed(4)"
                )
                .unwrap();
            }
            _ => {
                writeln!(columns, "  c{at}: float").unwrap();
                writeln!(lines, "  f{at} = log1p(maximum(c{at}, 0)) |> zscore").unwrap();
            }
        }
    }
    format!(
        "use std.tower.mlp\n\nentity movie from \"movies.csv\" {{\n  key movie_id: int\n{columns}}}\n\n\
         features movie {{\n{lines}}}\n\ntower film(m: movie) -> f32[8] = concat(m) |> mlp([16, 8])\n"
    )
}

/// The shortest of a few checks of this many features.
fn time(features: usize) -> Duration {
    let world = Texts([("main.rec".to_owned(), spec(features))].into());
    let once = || {
        let start = Instant::now();
        let checked = check(&world, "main.rec", &[]);
        assert_eq!(checked.diagnostics, []);
        start.elapsed()
    };
    (0..3).map(|_| once()).min().unwrap()
}

#[test]
fn four_times_the_features_take_nowhere_near_sixteen_times_as_long() {
    let (few, many) = (time(500), time(2000));
    assert!(
        many < 10 * few,
        "500 features took {few:?}, 2000 took {many:?}"
    );
}
