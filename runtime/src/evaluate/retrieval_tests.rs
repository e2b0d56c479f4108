//! The block-wise evaluation against one that does everything the slow way, on made-up rows.

use std::collections::BTreeSet;
use std::convert::Infallible;

use super::*;
use crate::evaluate::queries::{Asking, EventRows};
use crate::evaluate::slice;

const USERS: usize = 23;
const ITEMS: usize = 40;

/// Rows with repeats, ties in time, absent items, and rows that fail the condition.
fn made_up() -> EventRows {
    let mut events = EventRows {
        askers: USERS,
        items: ITEMS,
        ..EventRows::default()
    };
    let key = Key::new(11);
    for row in 0..900 {
        let draw = |what: u64, limit| key.with(what).below(row, limit);
        events.asker.push(draw(0, USERS) as u32);
        events.item.push(if draw(1, 50) == 0 {
            ABSENT
        } else {
            draw(2, ITEMS).min(draw(3, ITEMS)) as u32
        });
        events.time.push(draw(4, 60) as i64);
        events.part.push([0, 0, 0, 0, 1, 2][draw(5, 6)]);
        events.passes.push(draw(6, 3) > 0);
    }
    events
}

/// Scores with many ties.
fn score(query: &Query, item: usize) -> f32 {
    Key::new(2).with(u64::from(query.row)).below(item as u64, 9) as f32 - 4.0
}

fn model(queries: &[Query]) -> Result<Vec<f32>, Infallible> {
    Ok(queries
        .iter()
        .flat_map(|query| (0..ITEMS).map(|item| score(query, item)))
        .collect())
}

fn run(asked: &Asked<'_>, metrics: &[&str], slices: &[Slice]) -> Ranked {
    let metrics: Vec<_> = metrics
        .iter()
        .map(|name| RetrievalMetric::parse(name).unwrap())
        .collect();
    let measure = Measure {
        metrics: &metrics,
        slices,
        except: Except::Seen,
        lists: Lists::Measured,
    };
    let Ok(ranked) = rank(asked, &measure, model);
    ranked
}

fn named(metrics: &[MetricValue], name: &str) -> f64 {
    metrics
        .iter()
        .find(|metric| metric.name == name)
        .unwrap()
        .value
        .unwrap()
}

/// Recall at 5, coverage at 5, and recall at 5 over targets with 5 to 49 training rows.
fn naive(events: &EventRows, part: u8) -> (f64, f64, f64) {
    let rows = || 0..events.item.len();
    let known = |row: &usize| events.item[*row] != ABSENT;
    let frequent = |item: u32| {
        let trains = |row: &usize| {
            events.part[*row] == 0 && events.passes[*row] && events.item[*row] == item
        };
        (5..50).contains(&rows().filter(trains).count())
    };
    let (mut recalls, mut of_frequent, mut shown) = (Vec::new(), Vec::new(), BTreeSet::new());
    for user in 0..USERS as u32 {
        let of_user = |row: &usize| events.asker[*row] == user;
        let in_part = |row: &usize| of_user(row) && events.part[*row] == part;
        let Some(first) = rows().filter(in_part).min_by_key(|row| events.time[*row]) else {
            continue;
        };
        let passing = |row: &usize| in_part(row) && events.passes[*row] && known(row);
        let targets: BTreeSet<u32> = rows().filter(passing).map(|row| events.item[row]).collect();
        let before =
            |row: &usize| events.part[*row] < part || events.time[*row] < events.time[first];
        let seen: BTreeSet<u32> = rows()
            .filter(|row| of_user(row) && before(row))
            .map(|row| events.item[row])
            .collect();
        if targets.is_empty() {
            continue;
        }
        let query = Query {
            row: first as u32,
            targets: Vec::new(),
        };
        let mut ranked: Vec<u32> = (0..ITEMS as u32)
            .filter(|item| targets.contains(item) || !seen.contains(item))
            .collect();
        ranked.sort_by(|a, b| score(&query, *b as usize).total_cmp(&score(&query, *a as usize)));
        ranked.truncate(5);
        let recall = |targets: &BTreeSet<u32>| {
            ranked.iter().filter(|item| targets.contains(item)).count() as f64
                / targets.len() as f64
        };
        recalls.push(recall(&targets));
        let targets: BTreeSet<u32> = targets.into_iter().filter(|item| frequent(*item)).collect();
        if !targets.is_empty() {
            of_frequent.push(recall(&targets));
        }
        shown.extend(ranked);
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    (
        mean(&recalls),
        shown.len() as f64 / ITEMS as f64,
        mean(&of_frequent),
    )
}

#[test]
fn blocks_and_partial_selection_measure_what_the_slow_way_measures() {
    let events = made_up();
    for part in [1, 2] {
        let asked = Asked::new(&events, part, Asking::PerAsker);
        let ranked = run(
            &asked,
            &["recall@5", "coverage@5", "ndcg@10"],
            &[slice::by_training_count(&events)],
        );
        let metrics = ranked.metrics(None);
        let (recall, coverage, of_frequent) = naive(&events, part);
        assert!((named(&metrics, "recall@5") - recall).abs() < 1e-12);
        assert!((named(&metrics, "coverage@5") - coverage).abs() < 1e-12);
        let slices = ranked.slices();
        let frequent = slices.iter().find(|slice| slice.group == "5-49").unwrap();
        assert!((named(&frequent.metrics, "recall@5") - of_frequent).abs() < 1e-12);
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let events = made_up();
    let asked = Asked::new(&events, 2, Asking::PerRow);
    let groups: Vec<u32> = asked
        .queries
        .iter()
        .map(|query| events.asker[query.row as usize])
        .collect();
    let run = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let metrics = ["recall@5", "map@10", "coverage@3"];
        pool.install(|| run(&asked, &metrics, &[]).metrics(Some((&groups, Key::new(1)))))
    };
    assert_eq!(run(1), run(2));
}

#[test]
fn a_slice_by_rows_splits_the_queries() {
    let events = made_up();
    let asked = Asked::new(&events, 2, Asking::PerAsker);
    let parity = Slice {
        by: "parity".to_owned(),
        groups: vec!["even".to_owned(), "odd".to_owned()],
        members: Members::Rows((0..events.item.len() as u32).map(|row| row % 2).collect()),
    };
    let ranked = run(&asked, &["recall@5", "coverage@5"], &[parity]);
    let whole = named(&ranked.metrics(None), "recall@5");
    let slices = ranked.slices();
    assert_eq!(
        slices.iter().map(|slice| slice.count).sum::<usize>(),
        asked.queries.len()
    );
    let sum: f64 = slices
        .iter()
        .map(|slice| slice.count as f64 * named(&slice.metrics, "recall@5"))
        .sum();
    assert!((sum / asked.queries.len() as f64 - whole).abs() < 1e-12);
}

#[test]
fn scores_that_are_not_finite_are_counted() {
    let events = made_up();
    let asked = Asked::new(&events, 2, Asking::PerAsker);
    let measure = Measure {
        metrics: &[],
        slices: &[],
        except: Except::Nothing,
        lists: Lists::Measured,
    };
    let Ok(ranked) = rank(&asked, &measure, |queries| {
        let mut scores = model(queries)?;
        scores[3] = f32::NAN;
        Ok::<_, Infallible>(scores)
    });
    assert_eq!(ranked.not_finite, 1);
}

#[test]
fn queries_of_one_group_are_drawn_together() {
    let sums = sums_by_group(
        &[3, 1, 3, ABSENT, ABSENT],
        [1.0, 2.0, 4.0, 8.0, 16.0].into_iter(),
    );
    assert_eq!(sums, [(2.0, 1.0), (5.0, 2.0), (8.0, 1.0), (16.0, 1.0)]);
}
