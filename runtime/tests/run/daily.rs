//! Loops over days: what a day may know, what it leaves, and that a resumed loop ends with the same bits.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use reckon_compiler::plan::Plan;
use reckon_runtime::FailureKind;
use reckon_runtime::observer::{Event, Observer, Recorder};
use serde_json::Value;

use crate::fixture::{World, compiled};
use crate::teachers::weights;

pub(crate) const DAYS: usize = 5;
pub(crate) const ROWS_A_DAY: usize = 60;

pub(crate) const BASE: &str = r#"
use std.tower.mlp

entity user from "people.csv" { key user_id: int }
entity item from "things.csv" { key item_id: int }

events visit from "visits.csv" {
  user_id -> user
  item_id -> item
  domain: str
  label click: bool
  at: time(unit: s)
}

selector target_rows = visit where domain == "shop"

features user { id = user_id |> vocab |> embed(4) }
features item { id = item_id |> vocab |> embed(4) }

tower local(u: user, i: item) -> logit = concat(u, i) |> mlp([8, 1]) |> squeeze
"#;

/// Everything that a day of ECAT runs, with factors for what is transferred.
fn whole_loop(minimized: &str) -> String {
    format!(
        r#"
teacher whole(u: user, i: item) -> logit = concat(u, i) |> mlp([8, 1]) |> squeeze

loop day over visit.at by 1d {{
  loss everything for whole over visit in day = bce(whole(user, item), click)
  train whole_today {{ minimize everything; batch 16 }}

  graph near = swing(visit before day within 30d where click, user, item)
  selector candidates = visit in day where domain != "shop"
    |> keep(affinity(near, item, seeds: target_rows before day) >= 0.05)
    |> at_most(2 * count(target_rows in day))

  loss task   over target_rows in day = bce(local(user, item), click)
  loss moved  over candidates         = bce(local(user, item), click)
  loss follow over target_rows in day = (local(user, item) - whole.before(user, item)) ^ 2
  train local_today {{ minimize {minimized}; batch 16 }}

  evaluate shop: ranking over target_rows in next day {{
    score local(user, item) against click
    report auc, logloss
  }}
}}
"#
    )
}

pub(crate) fn plan(rest: &str) -> Plan {
    compiled(&format!("{BASE}{rest}"))
}

/// Visits of `DAYS` days; clicks of days from `flipped` on are the opposite.
pub(crate) fn write_visits(world: &World, flipped: usize) {
    let (mut people, mut things) = ("user_id\n".to_owned(), "item_id\n".to_owned());
    (0..12).for_each(|id| writeln!(people, "{id}").unwrap());
    (0..10).for_each(|id| writeln!(things, "{id}").unwrap());
    let mut visits = "user_id,item_id,domain,click,at\n".to_owned();
    for row in 0..DAYS * ROWS_A_DAY {
        let (day, place) = (row / ROWS_A_DAY, row % ROWS_A_DAY);
        let (user, item) = (row * 7 % 12, (row * row + 3 * row) % 10);
        let domain = ["shop", "feed", "home"][row % 3];
        let click = ((user + item) % 3 == 0) != (day >= flipped);
        let at = 1_600_041_600 + day * 86_400 + place * 600;
        writeln!(visits, "{user},{item},{domain},{},{at}", u8::from(click)).unwrap();
    }
    fs::write(world.path("people.csv"), people).unwrap();
    fs::write(world.path("things.csv"), things).unwrap();
    fs::write(world.path("visits.csv"), visits).unwrap();
}

pub(crate) fn world() -> World {
    let world = World::new();
    write_visits(&world, DAYS);
    world
}

/// The scores of each day by its rows, as they were written.
pub(crate) fn scores(world: &World, out: &str) -> BTreeMap<String, Vec<(u64, String)>> {
    let text = fs::read_to_string(world.path(out).join("predictions/shop.pooled.jsonl")).unwrap();
    let mut scores: BTreeMap<String, Vec<(u64, String)>> = BTreeMap::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let day = line["day"].as_str().unwrap().to_owned();
        let said = (line["row"].as_u64().unwrap(), line["score"].to_string());
        scores.entry(day).or_default().push(said);
    }
    scores
}

impl World {
    pub(crate) fn loops(&self, rest: &str, out: &str) {
        self.run(&plan(rest), out, |_| {}, &mut Recorder::default())
            .unwrap();
    }
}

#[test]
fn each_day_is_asked_about_before_it_trains_and_all_days_are_pooled() {
    let world = world();
    let mut recorder = Recorder::default();
    world
        .run(
            &plan(&whole_loop("task + moved + 0.1 * follow")),
            "run",
            |_| {},
            &mut recorder,
        )
        .unwrap();
    let asked = scores(&world, "run");
    let days: Vec<&str> = asked.keys().map(String::as_str).collect();
    assert_eq!(
        days,
        ["2020-09-15", "2020-09-16", "2020-09-17", "2020-09-18"]
    );
    assert!(asked.values().all(|rows| rows.len() == ROWS_A_DAY / 3));
    let summary = fs::read_to_string(world.path("run/summary.json")).unwrap();
    let summary: Value = serde_json::from_str(&summary).unwrap();
    for split in days.iter().chain(&["pooled", "mean of days"]) {
        assert!(
            summary["shop"][*split]["auc"].is_number(),
            "{split}: {summary}"
        );
    }
    let trained = recorder.events.iter().filter_map(|event| match event {
        Event::PhaseFinished { phase, steps, .. } => Some((phase.as_str(), *steps)),
        _ => None,
    });
    let expected: Vec<(&str, usize)> = (0..DAYS)
        .flat_map(|_| [("whole_today", 4), ("local_today", 2)])
        .collect();
    assert_eq!(trained.collect::<Vec<_>>(), expected);
}

#[test]
fn labels_of_later_days_change_nothing_that_is_computed_before_they_train() {
    let world = world();
    let spec = whole_loop("task + moved + 0.1 * follow");
    world.loops(&spec, "as_it_was");
    let flipped = 3;
    write_visits(&world, flipped);
    world.loops(&spec, "flipped");
    let (before, after) = (scores(&world, "as_it_was"), scores(&world, "flipped"));
    for (at, day) in before.keys().enumerate() {
        // The day at place `at` is asked about by what days up to `at` have trained.
        let same = before[day] == after[day];
        assert_eq!(same, at < flipped, "{day}");
    }
}

#[test]
fn without_its_factors_the_transfer_leaves_the_model_of_the_target_alone() {
    let world = world();
    world.loops(&whole_loop("task + 0.0 * moved + 0.0 * follow"), "zero");
    world.loops(&whole_loop("task"), "alone");
    let (zero, alone) = (weights(&world.path("zero")), weights(&world.path("alone")));
    let mut compared = 0;
    for (name, bytes) in alone
        .iter()
        .filter(|(name, _)| name.starts_with("local") || name.starts_with("main/"))
    {
        assert!(zero[name] == *bytes, "{name}");
        compared += 1;
    }
    assert!(compared >= 6, "{:?}", alone.keys());
    assert_eq!(scores(&world, "zero"), scores(&world, "alone"));
}

/// Stops a run at a turn of its loop.
pub(crate) struct StopAt<'a> {
    pub(crate) turn: usize,
    pub(crate) flag: &'a AtomicBool,
}

impl Observer for StopAt<'_> {
    fn notice(&mut self, event: &Event) {
        if matches!(event, Event::DayTurn { turn, .. } if *turn == self.turn) {
            self.flag.store(true, Ordering::Relaxed);
        }
    }
}

#[test]
fn a_loop_that_was_stopped_on_any_turn_ends_with_the_same_bits() {
    let world = world();
    let plan = plan(&whole_loop("task + moved + 0.1 * follow"));
    world
        .run(&plan, "whole", |_| {}, &mut Recorder::default())
        .unwrap();
    for turn in [4, 6, 8, 11] {
        let out = format!("stopped_{turn}");
        let mut stop = StopAt {
            turn,
            flag: &world.interrupted,
        };
        world.stopped(&plan, &out, &mut stop);
        world.resumed(&plan, &out);
        for file in [
            "checkpoint/weights.safetensors",
            "summary.json",
            "metrics.jsonl",
            "predictions/shop.pooled.jsonl",
        ] {
            let read = |out: &str| fs::read(world.path(out).join(file)).unwrap();
            assert!(read("whole") == read(&out), "{file} after turn {turn}");
        }
    }
}

/// A loop whose candidates are judged by a column, and cut by it.
const HARD_CUT: &str = r#"
loop day over visit.at by 1d {
  selector candidates = visit in day where domain != "shop" |> at_most(20)
  column ratio over candidates = exp(local(user, item))
  selector relevant = candidates |> top(50%, by: ratio) |> weigh(clip(ratio, 0, 10))

  loss task  over target_rows in day = bce(local(user, item), click)
  loss moved over relevant           = bce(local(user, item), click)
  train local_today { minimize task + moved; batch 16 }

  evaluate shop: ranking over target_rows in next day {
    score local(user, item) against click
    report auc
  }
}
"#;

/// The rows and values of a column on a day, as they were written.
fn column(world: &World, out: &str, name: &str, day: usize) -> Vec<(u64, f64)> {
    let file = format!("columns/{name}.2020-09-{}.jsonl", 14 + day);
    let text = fs::read_to_string(world.path(out).join(file)).unwrap();
    let lines = text.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        (
            line["row"].as_u64().unwrap(),
            line["value"].as_f64().unwrap(),
        )
    });
    lines.collect()
}

#[test]
fn a_column_of_a_loop_is_made_anew_each_day_for_the_rows_of_its_selector() {
    let world = world();
    let mut recorder = Recorder::default();
    world
        .run(&plan(HARD_CUT), "run", |_| {}, &mut recorder)
        .unwrap();
    for day in 0..DAYS {
        let values = column(&world, "run", "ratio", day);
        assert_eq!(values.len(), 20);
        let of_day = |row: u64| row as usize / ROWS_A_DAY == day && !row.is_multiple_of(3);
        assert!(values.iter().all(|(row, _)| of_day(*row)), "{values:?}");
    }
    // The model that judges has learned since the day before.
    let spread = |day| {
        let values = column(&world, "run", "ratio", day);
        let logs = values.iter().map(|(_, ratio)| ratio.ln().abs());
        logs.sum::<f64>()
    };
    assert!(spread(DAYS - 1) > spread(0), "{} {}", spread(0), spread(4));
    let halves = recorder.events.iter().filter_map(|event| match event {
        Event::PhaseStarted { streams, .. } => Some(streams[1].1),
        _ => None,
    });
    assert_eq!(halves.collect::<Vec<_>>(), [10; DAYS]);
}

#[test]
fn a_loop_with_a_column_that_was_stopped_ends_with_the_same_bits() {
    let world = world();
    let plan = plan(HARD_CUT);
    world
        .run(&plan, "whole", |_| {}, &mut Recorder::default())
        .unwrap();
    // A day has three turns: the column, the training that reads it, the evaluation.
    for turn in [3, 4, 5] {
        let out = format!("stopped_{turn}");
        let mut stop = StopAt {
            turn,
            flag: &world.interrupted,
        };
        world.stopped(&plan, &out, &mut stop);
        world.resumed(&plan, &out);
        for file in [
            "checkpoint/weights.safetensors",
            "summary.json",
            "columns/ratio.2020-09-15.jsonl",
            "columns/ratio.2020-09-18.jsonl",
            "predictions/shop.pooled.jsonl",
        ] {
            let read = |out: &str| fs::read(world.path(out).join(file)).unwrap();
            assert!(read("whole") == read(&out), "{file} after turn {turn}");
        }
    }
}

/// A loop in which everything is computed that may look ahead: a graph, selectors, statistics of labels, columns, and a teacher
/// as the day began.
const EVERYTHING: &str = r#"
teacher whole(u: user, i: item) -> logit = concat(u, i) |> mlp([8, 1]) |> squeeze

loop day over visit.at by 1d {
  graph near = swing(visit before day within 30d where click, user, item)
  selector candidates = visit in day where domain != "shop"
    |> keep(affinity(near, item, seeds: target_rows before day) >= 0.01)
    |> at_most(2 * count(target_rows in day))
  column rate over visit in day = 0.1 * count(visit where click, by: item) + share(visit where click, by: item)
  column ratio over candidates = exp(local(user, item)) + whole.before(user, item) * 0.1

  loss everything for whole over visit in day = bce(whole(user, item), click)
  train whole_today { minimize everything; batch 16 }

  loss task  over target_rows in day |> weigh(1 + fill(rate, 0.0)) = bce(local(user, item), click)
  loss moved over candidates |> top(50%, by: ratio) |> weigh(clip(ratio, 0, 10)) = bce(local(user, item), click)
  train local_today { minimize task + moved; batch 16 }

  evaluate shop: ranking over target_rows in next day {
    score local(user, item) against click
    report auc
  }
}
"#;

#[test]
fn labels_of_a_day_and_of_later_ones_change_nothing_that_the_day_computes_before_it_trains() {
    let world = world();
    let plan = plan(EVERYTHING);
    let run = |out: &str| {
        world
            .run(&plan, out, |_| {}, &mut Recorder::default())
            .unwrap();
    };
    run("as_it_was");
    for flipped in [1, 2, 4] {
        write_visits(&world, flipped);
        let out = format!("flipped_{flipped}");
        run(&out);
        for day in 0..DAYS {
            for name in ["rate", "ratio"] {
                let same =
                    column(&world, "as_it_was", name, day) == column(&world, &out, name, day);
                // On the day itself nothing has trained yet, and from the next day on the labels are known.
                assert_eq!(
                    same,
                    day <= flipped,
                    "{name} of day {day}, flipped from {flipped}"
                );
            }
        }
        let (before, after) = (scores(&world, "as_it_was"), scores(&world, &out));
        for (at, day) in before.keys().enumerate() {
            assert_eq!(before[day] == after[day], at < flipped, "{day}");
        }
        write_visits(&world, DAYS);
    }
}

#[test]
fn a_teacher_as_the_day_began_is_what_the_day_before_left() {
    let world = world();
    let plan = plan(&whole_loop("task + follow"));
    world
        .run(&plan, "run", |_| {}, &mut Recorder::default())
        .unwrap();
    // A day has four turns; the teacher of the last day but one is ready when `local_today` begins.
    let mut stop = StopAt {
        turn: (DAYS - 2) * 4 + 2,
        flag: &world.interrupted,
    };
    let stopped = world.run(&plan, "stopped", |_| {}, &mut stop);
    assert_eq!(stopped.unwrap_err().kind, FailureKind::Interrupted);
    let (ended, day_before) = (weights(&world.path("run")), weights(&world.path("stopped")));
    let path = "whole.mlp.0.linear.weight";
    assert!(ended[&format!("before/whole/{path}")] == day_before[path]);
    assert!(
        ended[path] != day_before[path],
        "the last day has trained the teacher since"
    );
}
