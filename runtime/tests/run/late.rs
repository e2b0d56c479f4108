//! Loops over days with labels that become known later: a day trains on what is known as it ends.

use std::fmt::Write;
use std::fs;

use reckon_compiler::plan::Plan;
use reckon_runtime::observer::{Event, Recorder};

use crate::fixture::{World, compiled};

const DAYS: usize = 4;
const ROWS_A_DAY: usize = 60;
/// Seconds between two rows of a day.
const APART: usize = 1380;
/// The rows of a day whose labels are known as it ends, 20 hours after them: those of its first four hours.
const KNOWN: usize = 11;

fn plan(policy: &str, label: &str, windows: [&str; 2]) -> Plan {
    let [trained, asked] = windows;
    compiled(&format!(
        r#"
use std.tower.mlp

entity user from "people.csv" {{ key user_id: int }}
entity item from "things.csv" {{ key item_id: int }}

events visit from "visits.csv" {{
  user_id -> user
  item_id -> item
  {label}
  at: time(unit: s)
  immature: {policy}
}}

features user {{ id = user_id |> vocab |> embed(4) }}
features item {{ id = item_id |> vocab |> embed(4) }}

tower taste(u: user, i: item) -> logit = concat(u, i) |> mlp([8, 1]) |> squeeze

loop day over visit.at by 1d {{
  loss main over visit {trained} = bce(taste(user, item), liked)
  train today {{ minimize main; batch 16 }}
  evaluate tastes: ranking over visit {asked} {{
    score taste(user, item) against liked
    report logloss
  }}
}}
"#
    ))
}

const WAITS: &str = "label liked: bool known 20h after at";
const COMPUTED: &str = "label raw_liked: bool\n  label liked: bool = raw_liked known 20h after at";

/// Visits; `other` says which labels are the opposite, by day and place.
fn write(world: &World, name: &str, other: impl Fn(usize, usize) -> bool) {
    let (mut people, mut things) = ("user_id\n".to_owned(), "item_id\n".to_owned());
    (0..12).for_each(|id| writeln!(people, "{id}").unwrap());
    (0..10).for_each(|id| writeln!(things, "{id}").unwrap());
    let mut visits = format!("user_id,item_id,{name},at\n");
    for row in 0..DAYS * ROWS_A_DAY {
        let (day, place) = (row / ROWS_A_DAY, row % ROWS_A_DAY);
        let (user, item) = (row * 7 % 12, (row * row + 3 * row) % 10);
        let liked = ((user + item) % 3 == 0) != other(day, place);
        let at = 1_600_041_600 + day * 86_400 + place * APART;
        writeln!(visits, "{user},{item},{},{at}", u8::from(liked)).unwrap();
    }
    fs::write(world.path("people.csv"), people).unwrap();
    fs::write(world.path("things.csv"), things).unwrap();
    fs::write(world.path("visits.csv"), visits).unwrap();
}

/// Steps of each training, in order.
fn steps(world: &World, plan: &Plan, out: &str) -> Vec<usize> {
    let mut recorder = Recorder::default();
    world.run(plan, out, |_| {}, &mut recorder).unwrap();
    let finished = recorder.events.iter().filter_map(|event| match event {
        Event::PhaseFinished { steps, .. } => Some(*steps),
        _ => None,
    });
    finished.collect()
}

fn scores(world: &World, out: &str) -> Vec<(u64, String)> {
    let path = world.path(out).join("predictions/tastes.pooled.jsonl");
    let text = fs::read_to_string(path).unwrap();
    let lines = text.lines().map(|line| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        (line["row"].as_u64().unwrap(), line["score"].to_string())
    });
    lines.collect()
}

const TODAY: [&str; 2] = ["in day", "in next day"];

#[test]
fn a_day_trains_on_the_rows_whose_labels_are_known_as_it_ends() {
    let world = World::new();
    write(&world, "liked", |_, _| false);
    let batches = |rows: usize| rows.div_ceil(16);
    for (policy, rows) in [
        ("drop", KNOWN),
        ("weight", ROWS_A_DAY),
        ("keep", ROWS_A_DAY),
    ] {
        let found = steps(&world, &plan(policy, WAITS, TODAY), policy);
        assert_eq!(found, [batches(rows); DAYS], "{policy}");
    }
    // The day after, the rest is known as well: a day before has all of its rows.
    let before = ["before day within 1d", "in next day"];
    let found = steps(&world, &plan("drop", WAITS, before), "before");
    assert_eq!(found[1..], [batches(KNOWN); DAYS - 1]);
    let before = ["before day within 2d", "in next day"];
    let found = steps(&world, &plan("drop", WAITS, before), "two");
    assert_eq!(found[2..], [batches(KNOWN + ROWS_A_DAY); DAYS - 2]);
}

#[test]
fn what_is_not_known_as_a_day_ends_changes_nothing_that_is_asked_after_it() {
    for (at, (label, name)) in [(WAITS, "liked"), (COMPUTED, "raw_liked")]
        .into_iter()
        .enumerate()
    {
        let world = World::new();
        let plan = plan("drop", label, TODAY);
        write(&world, name, |_, _| false);
        steps(&world, &plan, "whole");
        // Labels of the third day that are known after its end, and all of the fourth: the questions about the third and the fourth
        // day are asked of what the first three have left.
        write(&world, name, |day, place| {
            day == 3 || day == 2 && place >= KNOWN
        });
        steps(&world, &plan, "flipped");
        assert_eq!(
            scores(&world, "whole"),
            scores(&world, "flipped"),
            "label {at}"
        );
        // One that is known by then does change them.
        write(&world, name, |day, place| day == 2 && place < KNOWN);
        steps(&world, &plan, "known");
        assert_ne!(
            scores(&world, "whole"),
            scores(&world, "known"),
            "label {at}"
        );
    }
}
