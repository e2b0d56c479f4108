//! The whole of `benches/specs/kuairand.rec`: files are read, joined, fitted and made into 36 fields and a label of
//! each row of the log.

use super::{
    super::{
        Bed,
        reckon::{example, read_json, succeed},
        record::{Record, Subject},
    },
    PANDAS, counts_of_threads, pair, peers, turn, with_threads,
};
use crate::{chores::say, data, trouble::Trouble};
use serde_json::Value;
use std::{collections::BTreeMap, path::Path, process::Command};

const SPEC: &str = "benches/specs/kuairand.rec";
const DATA: &str = "examples/kuairand/data";
const SCRIPT: &str = "kuairand.py";
const CONTENDERS: [&str; 3] = ["reckon", "polars", PANDAS.0];

/// Contenders take turns, each in a process of its own; the first round of a turn warms up, and the median of the others
/// counts.
pub(super) fn kuairand(bed: &Bed<'_>, turns: usize, record: &mut Record) -> Result<(), Trouble> {
    data::get(bed.repository, "kuairand")?;
    let peers = peers(bed)?;
    let whole = example(bed, "reckon-runtime", "whole_spec")?;
    for threads in counts_of_threads(bed) {
        let mut shape = None;
        for round in 0..turns {
            let mut taken = BTreeMap::new();
            for contender in turn(round, threads, &CONTENDERS) {
                let out = bed.folder.join("whole.json");
                let found = match contender {
                    "reckon" => of_reckon(bed, &whole, threads, &out)?,
                    _ => {
                        let words = [contender, DATA, "4"];
                        peers.run(&with_threads(bed, threads), SCRIPT, &words, &out)?
                    }
                };
                let of_this = (found["rows"].as_u64(), found["fields"].as_u64());
                if *shape.get_or_insert(of_this) != of_this {
                    return Err(Trouble::new(
                        format!("{contender} makes {of_this:?} rows and fields, others {shape:?}"),
                        "the contenders do not do the same work",
                    ));
                }
                taken.insert(contender, add(record, threads, contender, &found));
            }
            compare(record, threads, &taken);
        }
    }
    Ok(())
}

fn of_reckon(bed: &Bed<'_>, program: &Path, threads: usize, out: &Path) -> Result<Value, Trouble> {
    say(format!("timing the whole of {SPEC} on {threads} threads"));
    let mut command = Command::new(program);
    command
        .args([SPEC, "visit", "4"])
        .arg(out)
        .current_dir(&bed.repository.root)
        .env("RAYON_NUM_THREADS", threads.to_string());
    succeed("the timing of a spec", command)?;
    read_json(out)
}

fn case(threads: usize) -> String {
    format!("the whole of KuaiRand, {threads} threads")
}

const METRICS: [&str; 2] = ["million rows a second", "a processor second"];

/// Adds what a contender took, the median of its rounds after the first, and gives its rates by the clock and on processors.
fn add(record: &mut Record, threads: usize, contender: &str, found: &Value) -> [f64; 2] {
    let case = case(threads);
    let mut add = |metric, unit, value| {
        let subject = Subject {
            case: &case,
            contender,
            metric,
            unit,
        };
        record.add(subject, value);
    };
    let rows = found["rows"].as_f64().unwrap_or(f64::NAN);
    let rounds = found["seconds"].as_array().into_iter().flatten().skip(1);
    let rates = [0, 1].map(|at| {
        let mut taken: Vec<f64> = rounds.clone().map(|round| pair(round)[at]).collect();
        taken.sort_unstable_by(f64::total_cmp);
        let seconds = taken.get(taken.len() / 2).copied().unwrap_or(f64::NAN);
        rows / seconds / 1e6
    });
    METRICS
        .into_iter()
        .zip(rates)
        .for_each(|(metric, rate)| add(metric, "1e6/s", rate));
    if let Some(bytes) = found["peak bytes"].as_f64() {
        add("peak MiB", "MiB", bytes / 1024.0 / 1024.0);
    }
    rates
}

/// How much faster Reckon was than others in the same turn.
fn compare(record: &mut Record, threads: usize, taken: &BTreeMap<&str, [f64; 2]>) {
    let case = case(threads);
    for (contender, rates) in taken.iter().filter(|(name, _)| **name != "reckon") {
        for (at, metric) in METRICS.into_iter().enumerate() {
            let subject = Subject {
                case: &case,
                contender: &format!("times {contender}"),
                metric,
                unit: "times",
            };
            record.add(subject, taken["reckon"][at] / rates[at]);
        }
    }
}
