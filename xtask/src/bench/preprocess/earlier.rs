//! Lists of earlier events and counts of them, from a log in a file to what the batches of all its rows take.

use super::{
    super::{
        Bed,
        reckon::{example, read_json, succeed},
        record::Record,
    },
    CONTENDERS, Checks, Size, add, agree, counts_of_threads, number, peers, turn, with_threads,
};
use crate::{chores::say, trouble::Trouble};
use serde_json::Value;
use std::{collections::BTreeMap, path::Path, process::Command};

const SCRIPT: &str = "events.py";
/// The classes with the specs that say them.
const SPECS: [(&str, &str); 2] = [
    ("history of 50", "benches/specs/history.rec"),
    ("as-of counts", "benches/specs/as_of_counts.rec"),
];

/// Contenders take turns, each in a process of its own, whose first go warms up. Nothing is written by hand.
pub(super) fn events(bed: &Bed<'_>, size: &Size, record: &mut Record) -> Result<(), Trouble> {
    let peers = peers(bed)?;
    let program = example(bed, "reckon-runtime", "earlier_events")?;
    let (rows, data) = (size.rows / 2, bed.folder.join("events"));
    let (data, out) = (data.display().to_string(), bed.folder.join("events.json"));
    peers.run(bed, SCRIPT, &["make", &data, &rows.to_string()], &out)?;
    let mut checks: Checks = BTreeMap::new();
    for threads in counts_of_threads(bed) {
        for round in 0..size.rounds {
            let mut told = BTreeMap::new();
            for contender in turn(round, threads, &CONTENDERS) {
                let found = match contender {
                    "hand" => continue,
                    "reckon" => of_reckon(bed, &program, &data, threads, &out)?,
                    _ => {
                        let words = [contender, &data, "1"];
                        peers.run(&with_threads(bed, threads), SCRIPT, &words, &out)?
                    }
                };
                told.insert(contender, found);
            }
            for (class, _) in SPECS {
                let found = told.iter().map(|(name, told)| (*name, &told[class]));
                let case = format!("{class}, {threads} threads");
                let last = found.clone().map(|(name, found)| (name, last(found)));
                let last: Vec<(&'static str, Value)> = last.collect();
                let last = last.iter().map(|(name, found)| (*name, found));
                add(record, &case, rows, last);
                let known = checks.entry(class.to_owned()).or_default();
                known.extend(found.map(|(name, found)| (name, number(&found["check"]))));
            }
        }
    }
    agree(&checks)
}

/// Of several rounds the last.
fn last(found: &Value) -> Value {
    let rounds = found["seconds"].as_array();
    let last = rounds.and_then(|rounds| rounds.last());
    serde_json::json!({ "seconds": last })
}

fn of_reckon(
    bed: &Bed<'_>,
    program: &Path,
    data: &str,
    threads: usize,
    out: &Path,
) -> Result<Value, Trouble> {
    let mut found = serde_json::Map::new();
    for (class, spec) in SPECS {
        say(format!("timing {spec} on {threads} threads"));
        let mut command = Command::new(program);
        command
            .args([spec, "2"])
            .arg(out)
            .arg(format!("data={data}"))
            .current_dir(&bed.repository.root)
            .env("RAYON_NUM_THREADS", threads.to_string());
        succeed("the timing of a spec", command)?;
        found.insert(class.to_owned(), read_json(out)?);
    }
    Ok(Value::Object(found))
}
