//! What the grammar takes and refuses, a case a line.

mod common;

use common::{check_laws, errors, programs};

/// Each case is read without an error, and formatted and printed by the laws.
#[track_caller]
fn accept(cases: &[&str]) {
    for case in cases {
        assert_eq!(errors(case), Vec::<String>::new(), "in {case:?}");
        check_laws(case);
    }
}

#[track_caller]
fn accept_in(before: &str, cases: &[&str], after: &str) {
    for case in cases {
        accept(&[&format!("{before}{case}{after}")]);
    }
}

#[test]
fn every_program_of_the_manual_is_accepted() {
    for (name, text) in programs() {
        assert_eq!(errors(&text), Vec::<String>::new(), "in {name}");
        check_laws(&text);
    }
}

#[test]
fn items_are_accepted() {
    accept(&[
        "",
        "\n\n// only a comment",
        "use std.tower.mlp",
        "use \"./mine.rec\"",
        "setting dim = 64",
        "setting name: str = \"x\"",
        "weight bias: f32 = 0",
        "weight bias: f32[dim] = 0 was \"old.bias\"",
        "split rating by at per user { train 80%, valid 10%, test 10% }",
        "split rating by at { train 80%, valid 10%, test 10% }",
        "split rating per user last 1 test, 1 valid",
        "split rating by day { train 14, valid 1, test 1 }",
        "split rating random(7) { train 0.8; test 0.2 }",
        "split rating random(seed) {\n  train 80%\n  test 20%\n}",
        "fn repel(x: f32[.., K, D], form: cosine_hinge | cosine_sq = cosine_hinge) -> f32[..] = x",
        "fn relu(x: f32[..]) -> f32[..]",
        "fn at_most(rows: rows, n: int, each by: f32) -> rows",
        "fn mlp(x: f32[.., D], sizes: list<int>) -> f32[.., last(sizes)] {\n  let n = length(sizes)\n  for s in sizes with h = x => linear(h, s) |> relu\n}",
        "tower film(m: movie) -> f32[dim] = concat(m) |> mlp([256, dim]) |> normalize was \"old\"",
        "teacher first like ranker",
        "teacher old like ranker from checkpoint \"runs/old\"",
        "teacher first like ranker shares tables was \"x\"",
        "teacher old copy of ranker",
        "teacher slow ema of ranker decay 0.999",
        "teacher big(u: user) -> f32[8] from checkpoint \"big.ckpt\"",
        "teacher reader(u: user, a: article) -> { click: logit?, read: logit? } from scores \"scores/*.parquet\" on (user_id, article_id) as of at - 1d",
        "teacher reader(u: user) -> logit from scores \"scores/*.parquet\" as of at - 1d",
        "teacher t(u: user) -> logit = concat(u) |> mlp([1]) shares tables",
        "loss main over rating = x",
        "loss ctr for reader, writer over pool batch 64 = bce(reader(user).click, click)",
        "loss self over movie |> sample(uniform) batch 1024 {\n  let v = 1\n\n  v\n}",
        "loss all over log where click |> negatives(article, 4, by: count(article) ^ 1.0, except: clicked) { let r = 1; r }",
        "selector pool = log where click |> negatives(article, 4) |> keep(x > 1) |> group(request_id)",
        "selector pool = balanced(target_rows in day, candidates)",
        "selector pool = log of user in next day where click batch 4",
        "column g over view where click cross_fit 5 by user = sigmoid(first(user, item, view))",
        "column g over view over all splits = 1",
        "graph near = swing(visit before day within 30d where click or buy, user, item)",
        "train { minimize main }",
        "train clicks { minimize a + 0.1 * b; batch 1024; ema 0.999; schedule cosine(warmup: 500) }",
        "train { stop early on valid films.recall@50 patience 3 }",
        "loop day over visit.at by 1d {\n  loss x over visit in day = y\n\n  train t { minimize x }\n}",
        "evaluate films: retrieval over rating where stars >= 4 per event { rank movie by x except seen; report auc }",
        "evaluate shop: ranking over target_rows in next day { report auc, gauc(user), recall@[10, 50]; baselines none }",
        "evaluate shop: ranking over rating {\n  score f(user) against stars >= 4\n  slice by popularity(movie, 3)\n  interval by user\n  baselines popularity, ease\n}",
        "export viewer, film",
        "export viewer",
        "test \"x\" {\n  let x = [[1.0]]\n  assert repel(x) ~= [0.0]\n  assert x == y\n  assert grad(sum(f(x)), x) ~= zeros_like(x) within 1e-6\n}",
    ]);
}

#[test]
fn entries_of_sources_are_accepted() {
    accept_in(
        "events e from [\"a.csv\", \"b/*.csv\"] as of updated_at where tab == 4 and (x |> f) {\n  ",
        &[
            "key user_id: int",
            "key (shop: int, item: str)",
            "user_id -> user",
            "(shop, item) -> article",
            "label click: bool from clicks on (request_id, video_id) within 30m else false",
            "label click: bool from clicks on request_id within 30m",
            "label buy: bool known 7d after at",
            "label buy: bool known at paid_at",
            "label read = click and seconds > mean(log where click, seconds, by: quantiles(length, 20))",
            "known of user device: str?",
            "known hour: int",
            "tag: str null [\"\", -124]",
            "vec: list<float>\n  at: time(unit: ms)",
            "at: time(format: \"%Y\", zone: \"UTC\")",
            "unique by (a, b)",
            "unique by a",
            "group request_id",
            "absent: unknown; immature: drop; on_bad_row: skip(max: 10)",
            "label: int\n  key: str\n  known: bool\n  of: int\n  group: int\n  split: str\n  loss: float\n  test -> user",
            "label label: int",
        ],
        "\n}\n",
    );
}

#[test]
fn expressions_are_accepted() {
    accept_in(
        "setting x = ",
        &[
            "1_000",
            "-1.5e-3",
            "80%",
            "1d 2h 30m 15s",
            "500ms",
            "\"a \\\"b\\\" \\n\\t\\\\\"",
            "true",
            "[1, 2,\n  3,\n]",
            "{ a: 1, b: [2] }",
            "{\n  a: 1\n  b: 2,\n}",
            "a.b.c(d)(e).f",
            "frozen(t)(x)",
            "not a == b and c or d",
            "-x ^ -2 ^ y",
            "a |> f |> g(1, by: 2) |> m.n(3)",
            "a\n  |> f\n\n  // why\n  |> g",
            "a\n  + b\n  and c\n  or d",
            "a +\n  b",
            "f(a\n  - b)",
            "if a then b else if c then d else e",
            "if a\n  then b\n  else c",
            "match form { cosine_hinge => 1, cosine_sq => 2 }",
            "match form {\n  cosine_hinge => 1\n  _ => 2\n}",
            "for k in 0..K => f(k)",
            "for n in sizes with h = x => linear(h, n)",
            "where(a, b, c)",
            "x |> where(b, c)",
            "f(where(a, b, c), history(rating of user where stars >= 4, last: 50).movie.id)",
            "f((log where click) |> g)",
            "count(target_rows in day) * 2",
            "density(a before day within 30d where (b |> f) > 0 |> top(3))",
            "label + key + batch + test + split + loss.loss(loss: 1)",
        ],
        "\n",
    );
}

#[test]
fn a_line_that_begins_with_minus_is_a_line_of_its_own() {
    assert_eq!(
        errors("loss x over y {\n  a\n  - b\n}"),
        ["E0118 only the last line of a body is its value"]
    );
}

#[test]
fn comparisons_do_not_chain() {
    assert_eq!(
        errors("setting x = a < b < c"),
        ["E0115 comparisons do not chain, found a second one, `<`"]
    );
    accept(&["setting x = (a < b) == c"]);
}
