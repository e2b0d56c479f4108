//! The whole of `benches/specs/kuairand.rec`: files are read, joined, fitted and made into 36 fields and a label of
//! each row of the log, or of a log as large as the real one, batch after batch.

use super::{
    super::{
        Bed, Scale,
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
/// Makes the log many times over.
const AGAIN: &str = "kuairand_again.py";
/// The fields of so many rows are made at once where all would not fit.
const BATCH: &str = "65536";
const CONTENDERS: [&str; 3] = ["reckon", "polars", PANDAS.0];

/// Contenders take turns, each in a process of its own; the first round of a turn warms up, and the median of the others
/// counts.
pub(super) fn kuairand(bed: &Bed<'_>, turns: usize, record: &mut Record) -> Result<(), Trouble> {
    data::get(bed.repository, "kuairand")?;
    let peers = peers(bed)?;
    let whole = example(bed, "reckon-runtime", "whole_spec")?;
    for threads in counts_of_threads(bed) {
        let (case, mut shape) = (case(threads), None);
        for round in 0..turns {
            let mut taken = BTreeMap::new();
            for contender in turn(round, threads, &CONTENDERS) {
                let out = bed.folder.join("whole.json");
                let found = match contender {
                    "reckon" => {
                        let words = [SPEC, "visit", "4", out_word(&out)?, "all"];
                        of_reckon(bed, (&whole, threads), &words, &out)?
                    }
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
                taken.insert(contender, add(record, &case, contender, &found));
            }
            compare(record, &case, &taken);
        }
    }
    Ok(())
}

/// The log 88 times over with users and videos of its own in each copy, eight times where little is run: rows a second and the peak of
/// memory of Reckon, on all threads.
pub(super) fn again(bed: &Bed<'_>, record: &mut Record) -> Result<(), Trouble> {
    data::get(bed.repository, "kuairand")?;
    let peers = peers(bed)?;
    let whole = example(bed, "reckon-runtime", "whole_spec")?;
    let (times, rounds) = match bed.scale {
        Scale::Quick => ("8", "2"),
        Scale::Full => ("88", "4"),
    };
    let folder = bed.folder.join("again");
    let out = bed.folder.join("again.json");
    let words = [DATA, out_word(&folder)?, times];
    let made = peers.run(bed, AGAIN, &words, &out)?;
    let data = format!("data={}", out_word(&folder)?);
    let words = [SPEC, "visit", rounds, out_word(&out)?, BATCH, &data];
    let found = of_reckon(bed, (&whole, bed.threads), &words, &out)?;
    if found["rows"] != made["rows"] {
        return Err(Trouble::new(
            format!("{} rows become {}", made["rows"], found["rows"]),
            "rows of the log were lost",
        ));
    }
    let case = format!("KuaiRand {times} times over, {} threads", bed.threads);
    add(record, &case, "reckon", &found);
    Ok(())
}

fn out_word(path: &Path) -> Result<&str, Trouble> {
    path.to_str()
        .ok_or_else(|| Trouble::new(format!("{} is no text", path.display()), ""))
}

fn of_reckon(
    bed: &Bed<'_>,
    (program, threads): (&Path, usize),
    words: &[&str],
    out: &Path,
) -> Result<Value, Trouble> {
    say(format!("timing the whole of {SPEC} on {threads} threads"));
    let mut command = Command::new(program);
    command
        .args(words)
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
fn add(record: &mut Record, case: &str, contender: &str, found: &Value) -> [f64; 2] {
    let mut add = |metric, unit, value| {
        let subject = Subject {
            case,
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
fn compare(record: &mut Record, case: &str, taken: &BTreeMap<&str, [f64; 2]>) {
    for (contender, rates) in taken.iter().filter(|(name, _)| **name != "reckon") {
        for (at, metric) in METRICS.into_iter().enumerate() {
            let subject = Subject {
                case,
                contender: &format!("times {contender}"),
                metric,
                unit: "times",
            };
            record.add(subject, taken["reckon"][at] / rates[at]);
        }
    }
}
