//! The whole of `benches/specs/kuairand.rec`: files are read, joined, fitted and made into 36 fields and a label of
//! each row of the log.

use super::{
    super::{
        Bed, Scale,
        reckon::{example, read_json, succeed},
        record::{Record, Subject},
    },
    peers, rounds, with_threads,
};
use crate::{chores::say, data, trouble::Trouble};
use serde_json::Value;
use std::{path::Path, process::Command};

const SPEC: &str = "benches/specs/kuairand.rec";
const DATA: &str = "examples/kuairand/data";
const SCRIPT: &str = "kuairand.py";
const CONTENDERS: [&str; 3] = ["reckon", "polars", "pandas"];

/// Contenders take turns, each in a process of its own; the first round of a turn warms up, and the median of the others
/// counts.
pub(super) fn kuairand(bed: &Bed<'_>, record: &mut Record) -> Result<(), Trouble> {
    data::get(bed.repository, "kuairand")?;
    let peers = peers(bed)?;
    let whole = example(bed, "reckon-runtime", "whole_spec")?;
    let turns = match bed.scale {
        Scale::Quick => 1,
        Scale::Full => 5,
    };
    let mut threads = vec![1, bed.threads];
    threads.dedup();
    for threads in threads {
        let mut shape = None;
        for turn in 0..turns {
            for at in 0..CONTENDERS.len() {
                let contender = CONTENDERS[(turn + at) % CONTENDERS.len()];
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
                add(record, threads, contender, &found);
            }
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

fn add(record: &mut Record, threads: usize, contender: &str, found: &Value) {
    let case = format!("the whole of KuaiRand, {threads} threads");
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
    for (at, metric) in ["million rows a second", "a processor second"]
        .into_iter()
        .enumerate()
    {
        let mut taken: Vec<f64> = rounds(&found["seconds"])
            .skip(1)
            .map(|round| round[at])
            .collect();
        taken.sort_unstable_by(f64::total_cmp);
        if let Some(seconds) = taken.get(taken.len() / 2) {
            add(metric, "1e6/s", rows / seconds / 1e6);
        }
    }
    if let Some(bytes) = found["peak bytes"].as_f64() {
        add("peak MiB", "MiB", bytes / 1024.0 / 1024.0);
    }
}
