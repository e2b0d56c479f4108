//! Evaluations of a loop over rows that are drawn beside those of a day.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use reckon_runtime::observer::Recorder;
use serde_json::Value;

use crate::daily::{DAYS, ROWS_A_DAY, plan, world};
use crate::fixture::World;

const DRAWS: &str = r#"
loop day over visit.at by 1d {
  loss task over visit in day = bce(local(user, item), click)
  train today { minimize task; batch 16 }

  selector clicks = visit in next day where click |> negatives(item, 2, by: count(item), except: clicked)
  evaluate shop: ranking over clicks {
    score local(user, item) against click
    report auc, logloss(correct: log_q)
  }
}
"#;

/// What was said of each row, and the report over all days.
fn asked(world: &World, out: &str, seed: u64) -> (Vec<Value>, Value) {
    let adjust = |options: &mut reckon_runtime::run::RunOptions<'_>| options.seed = seed;
    world
        .run(&plan(DRAWS), out, adjust, &mut Recorder::default())
        .unwrap();
    let read = |file: &str| fs::read_to_string(world.path(out).join(file)).unwrap();
    let said = read("predictions/shop.pooled.jsonl");
    let said = said.lines().map(|line| serde_json::from_str(line).unwrap());
    (
        said.collect(),
        serde_json::from_str(&read("summary.json")).unwrap(),
    )
}

fn is_drawn(one: &Value) -> bool {
    one.get("drawn").is_some()
}

/// The pairs of user and item that were clicked before a row's day.
fn clicked_before(row: u64) -> BTreeSet<(String, String)> {
    let day = row as usize / ROWS_A_DAY;
    let clicks = (0..day * ROWS_A_DAY).filter_map(|row| {
        let (user, item) = (row * 7 % 12, (row * row + 3 * row) % 10);
        ((user + item) % 3 == 0).then(|| (user.to_string(), item.to_string()))
    });
    clicks.collect()
}

#[test]
fn a_day_draws_the_same_rows_in_every_run_and_never_what_the_user_had_clicked() {
    let world = world();
    let ((said, summary), (again, _)) = (asked(&world, "one", 1), asked(&world, "other", 2));
    let which = |said: &[Value]| -> Vec<(Value, Value)> {
        let of = |one: &Value| (one["day"].clone(), one["of"].clone());
        said.iter().map(of).collect()
    };
    assert_eq!(which(&said), which(&again));
    assert_ne!(said, again, "and the models differ");
    let drawn: Vec<&Value> = said.iter().filter(|one| is_drawn(one)).collect();
    assert!(drawn.len() > said.len() / 2 && drawn.iter().all(|one| one["label"] == 0.0));
    let text = |one: &Value, entity: &str| one["of"][entity].as_str().unwrap().to_owned();
    for one in drawn {
        let pair = (text(one, "user"), text(one, "item"));
        let had = clicked_before(one["row"].as_u64().unwrap());
        assert!(!had.contains(&pair), "{one}");
    }
    let days: BTreeSet<&str> = said
        .iter()
        .map(|one| one["day"].as_str().unwrap())
        .collect();
    assert_eq!(days.len(), DAYS - 1);
    let pooled = &summary["shop"]["pooled"];
    assert!(pooled["auc"].is_number() && pooled["logloss(correct: log_q)"].is_number());
}

#[test]
fn what_is_drawn_goes_by_the_days_before_those_asked_about() {
    let world = world();
    let (before, _) = asked(&world, "as_it_was", 1);
    // Items of the last day are others; what is drawn beside its rows is not.
    let text = fs::read_to_string(world.path("visits.csv")).unwrap();
    let moved = text.lines().enumerate().map(|(at, line)| {
        let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        if at > (DAYS - 1) * ROWS_A_DAY {
            cells[1] = "9".to_owned();
        }
        cells.join(",") + "\n"
    });
    let moved: String = moved.collect();
    fs::write(world.path("visits.csv"), moved).unwrap();
    let (after, _) = asked(&world, "moved", 1);
    let last = |said: &[Value]| -> BTreeMap<String, String> {
        let of = |one: &&Value| {
            is_drawn(one) && one["row"].as_u64().unwrap() as usize / ROWS_A_DAY == DAYS - 1
        };
        let count = |one: &Value| (one["of"]["item"].to_string(), one["log_count"].to_string());
        said.iter().filter(of).map(count).collect()
    };
    let (before, after) = (last(&before), last(&after));
    let both: Vec<&String> = after
        .keys()
        .filter(|item| before.contains_key(*item))
        .collect();
    assert!(both.len() > 2, "{after:?} {before:?}");
    assert!(
        both.iter().all(|item| before[*item] == after[*item]),
        "{after:?} {before:?}"
    );
    let distinct: BTreeSet<&String> = before.values().collect();
    assert!(distinct.len() > 1, "not all items are alike: {before:?}");
}
