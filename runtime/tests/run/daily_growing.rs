//! Loops over days in which people come later: vocabularies grow, and days before do not see it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use reckon_runtime::observer::Recorder;

use crate::daily::{BASE, DAYS, ROWS_A_DAY, StopAt, plan, scores, world, write_visits};
use crate::fixture::{World, compiled};
use crate::teachers::{floats, weights};

/// Visits of people that come later each day: on day `n` there are those below `3 * (n + 1)`.
fn write_newcomers(world: &World) {
    write_visits(world, DAYS);
    let text = fs::read_to_string(world.path("visits.csv")).unwrap();
    let mut lines = text.lines();
    let mut changed = format!("{}\n", lines.next().unwrap());
    for (row, line) in lines.enumerate() {
        let (_, rest) = line.split_once(',').unwrap();
        let user = row * 7 % (3 * (row / ROWS_A_DAY + 1)).min(12);
        writeln!(changed, "{user},{rest}").unwrap();
    }
    fs::write(world.path("visits.csv"), changed).unwrap();
}

/// Trains the users of each day, with a teacher as the day began.
const BY_THE_DAY: &str = "
loop day over visit.at by 1d {
  loss task over visit in day = bce(local(user, item), click) + 0.1 * (local(user, item) - local.before(user, item)) ^ 2
  train today { minimize task; batch 16 }
  evaluate shop: ranking over visit in next day {
    score local(user, item) against click
    report auc
  }
}";

#[test]
fn a_vocabulary_grows_with_the_days_and_its_table_keeps_what_it_has_learned() {
    let world = world();
    write_newcomers(&world);
    let plan = plan(BY_THE_DAY);
    world
        .run(&plan, "whole", |_| {}, &mut Recorder::default())
        .unwrap();
    // A day has two turns: as the third day trains, it has seen nine users, and the table a row for each and the unknown.
    let mut stop = StopAt {
        turn: 4,
        flag: &world.interrupted,
    };
    world.stopped(&plan, "stopped", &mut stop);
    let (third, last) = (
        weights(&world.path("stopped")),
        weights(&world.path("whole")),
    );
    let tables: Vec<&String> = last
        .keys()
        .filter(|path| path.ends_with("user/id"))
        .collect();
    assert_eq!(
        tables.len(),
        2,
        "the table, and as the day began: {tables:?}"
    );
    for path in tables {
        let rows = |weights: &BTreeMap<String, Vec<u8>>| weights[path].len() / 16;
        assert_eq!((rows(&third), rows(&last)), (10, 13), "{path}");
    }
    let remembered =
        |weights: &BTreeMap<String, Vec<u8>>| weights["main/user/id:row_sum"].len() / 4;
    assert_eq!((remembered(&third), remembered(&last)), (10, 13));
    // Going on from there ends with the same bits.
    world.resumed(&plan, "stopped");
    for file in [
        "checkpoint/weights.safetensors",
        "predictions/shop.pooled.jsonl",
    ] {
        let read = |out: &str| fs::read(world.path(out).join(file)).unwrap();
        assert!(read("whole") == read("stopped"), "{file}");
    }
}

#[test]
fn ids_of_later_days_change_nothing_of_the_days_before() {
    let world = world();
    write_newcomers(&world);
    world.loops(BY_THE_DAY, "whole");
    // The last day but one never happens to have a last one.
    let text = fs::read_to_string(world.path("visits.csv")).unwrap();
    let kept: Vec<&str> = text.lines().take(1 + (DAYS - 1) * ROWS_A_DAY).collect();
    fs::write(world.path("visits.csv"), kept.join("\n") + "\n").unwrap();
    world.loops(BY_THE_DAY, "shorter");
    let (whole, shorter) = (scores(&world, "whole"), scores(&world, "shorter"));
    assert_eq!(shorter.len(), DAYS - 2);
    for (day, scores) in &shorter {
        assert_eq!(*scores, whole[day], "{day}");
    }
}

#[test]
fn rows_that_come_later_begin_with_the_vectors_of_their_file() {
    let world = world();
    write_newcomers(&world);
    let vector = |user: usize| [user as f32, 1.0, -1.0, 0.5];
    let lines = (0..12).map(|user| format!("{{\"id\": {user}, \"vector\": {:?}}}\n", vector(user)));
    fs::write(world.path("vectors.jsonl"), lines.collect::<String>()).unwrap();
    let base = BASE.replace(
        "user_id |> vocab |> embed(4)",
        "user_id |> vocab |> pretrained(\"vectors.jsonl\", 4)",
    );
    let plan = compiled(&format!("{base}{BY_THE_DAY}"));
    let run = |out: &str| {
        world
            .run(&plan, out, |_| {}, &mut Recorder::default())
            .unwrap();
    };
    run("whole");
    let mut stop = StopAt {
        turn: 4,
        flag: &world.interrupted,
    };
    world.stopped(&plan, "stopped", &mut stop);
    world.resumed(&plan, "stopped");
    for out in ["whole", "stopped"] {
        let table = floats(&weights(&world.path(out))["main/user/id"]);
        assert_eq!(table[..4], [0.0; 4], "{out}: the unknown");
        let mut rows: Vec<&[f32]> = table.chunks(4).skip(1).collect();
        rows.sort_by(|a, b| a[0].total_cmp(&b[0]));
        let expected: Vec<[f32; 4]> = (0..12).map(vector).collect();
        assert_eq!(rows, expected, "{out}");
    }
}
