//! A spec with many features.

use std::iter;

/// A spec whose one entity has so many features of four sorts, all read by one tower, and which trains and evaluates.
/// It is formatted.
pub(super) fn spec(features: usize) -> String {
    let sorts = iter::repeat([
        ("str", " |> vocab(min_count: 2) |> embed(8)"),
        ("str", " |> split(\"|\") |> vocab |> embed(8) |> mean"),
        ("int?", " |> fill(0) |> buckets([1, 2, 5]) |> embed(4)"),
        ("float", " |> zscore"),
    ]);
    let sorts: Vec<_> = sorts.flatten().take(features).enumerate().collect();
    let columns: String = sorts
        .iter()
        .map(|(at, (ty, _))| format!("  c{at}: {ty}\n"))
        .collect();
    // Equal signs of neighbouring entries stand below each other.
    let width = format!("f{}", features.saturating_sub(1)).len();
    let entries: String = sorts
        .iter()
        .map(|(at, (_, pipe))| format!("  {:width$} = c{at}{pipe}\n", format!("f{at}")))
        .collect();
    format!(
        "{HEAD}\nentity movie from \"movies.csv\" {{\n  key movie_id: int\n{columns}}}\n{EVENTS}\n\
         features movie {{\n{entries}}}\n{TAIL}"
    )
}

const HEAD: &str = "\
use std.tower.mlp

entity user from \"users.csv\" { key user_id: int }
";

const EVENTS: &str = "
events rating from \"ratings.csv\" {
  user_id -> user
  movie_id -> movie
  label stars: float
  at: time
}

split rating by at { train 80%, test 20% }

features user {
  id = user_id |> vocab(min_count: 2) |> embed(16)
}
";

const TAIL: &str = "
tower viewer(u: user) -> f32[16] = concat(u) |> mlp([16]) |> normalize
tower film(m: movie) -> f32[16] = concat(m) |> mlp([64, 16]) |> normalize

loss main over rating where stars >= 4 {
  let c = in_batch(movie)
  softmax_loss(dot(viewer(user), film(c)), c, temperature: 0.07)
}

train { minimize main; batch 1024; epochs 3 }

evaluate films: retrieval over rating where stars >= 4 {
  rank movie by dot(viewer(user), film(movie)) except seen
  report recall@50
}
";
