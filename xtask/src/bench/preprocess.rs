//! `bench preprocess`: rows a second of row programs, of the same work in plain Rust, in Polars and in pandas, by class of
//! work, on the same columns in memory, on one thread and on all; of lists of earlier events and counts of them; the whole of a
//! spec from files to fields; what the check of its ids costs; what memory a run over a large log takes; and how long compiling takes.
//!
//! Contenders take turns, round by round, each in a process of its own, so that what else the machine does hits all of them.
//! They have to agree on a number for each class.

mod earlier;
mod ids;
mod large;
mod process;
mod whole;

use super::{
    Bed, Bench, Scale,
    peers::Peers,
    reckon::example,
    record::{Record, Subject},
};
use crate::{chores::say, trouble::Trouble};
use process::Process;
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf, process::Command};

pub(super) const BENCH: Bench = Bench {
    name: "preprocess",
    cases: &[
        "classes",
        "events",
        "compile",
        "kuairand",
        "kuairand-again",
        "large-log",
        "ids",
    ],
    run: preprocess,
};

const SCRIPT: &str = "preprocess.py";

/// In the order of the first round; each round begins with the next.
const CONTENDERS: [&str; 4] = ["reckon", "hand", "polars", "pandas"];
/// It has one thread, and a round takes it longer than all others together: it is in so many of them.
const PANDAS: (&str, usize) = ("pandas", 1);

/// How much is run.
struct Size {
    rows: usize,
    rounds: usize,
}

impl Size {
    fn of(scale: Scale) -> Size {
        match scale {
            Scale::Quick => Size {
                rows: 200_000,
                rounds: 1,
            },
            Scale::Full => Size {
                rows: 2_000_000,
                rounds: 7,
            },
        }
    }
}

fn preprocess(bed: &Bed<'_>, record: &mut Record) -> Result<(), Trouble> {
    let size = Size::of(bed.scale);
    if bed.wants("kuairand") {
        whole::kuairand(bed, size.rounds, record)?;
    }
    if bed.wants("events") {
        earlier::events(bed, &size, record)?;
    }
    if bed.wants("ids") {
        ids::checked(bed, size.rounds, record)?;
    }
    if bed.wants("kuairand-again") {
        whole::again(bed, record)?;
    }
    if bed.wants("large-log") {
        large::log(bed, record)?;
    }
    if !bed.wants("compile") && !bed.wants("classes") {
        return Ok(());
    }
    let rows = Rows {
        bed,
        size,
        peers: peers(bed)?,
        program: example(bed, "reckon-kernel", "preprocess")?,
        data: bed.folder.join("data").display().to_string(),
    };
    rows.make()?;
    if bed.wants("compile") {
        rows.compile(record)?;
    }
    if bed.wants("classes") {
        for threads in counts_of_threads(bed) {
            rows.classes(threads, record)?;
        }
    }
    Ok(())
}

fn peers(bed: &Bed<'_>) -> Result<Peers, Trouble> {
    let requirements = "preprocess-requirements.txt";
    Peers::ready_with(bed.repository, requirements, "venv-preprocess")
}

/// One and all.
fn counts_of_threads(bed: &Bed<'_>) -> Vec<usize> {
    let mut threads = vec![1, bed.threads];
    threads.dedup();
    threads
}

/// Who is in a round, the first of them another in each.
fn turn(round: usize, threads: usize, contenders: &[&'static str]) -> Vec<&'static str> {
    let (alone, rounds) = PANDAS;
    let there = |name: &&str| *name != alone || (threads == 1 && round < rounds);
    let order = (0..contenders.len()).map(|at| contenders[(round + at) % contenders.len()]);
    order.filter(there).collect()
}

/// The columns, and what works on them.
struct Rows<'a> {
    bed: &'a Bed<'a>,
    size: Size,
    peers: Peers,
    program: PathBuf,
    data: String,
}

impl Rows<'_> {
    fn make(&self) -> Result<(), Trouble> {
        let (rows, out) = (
            self.size.rows.to_string(),
            self.bed.folder.join("make.json"),
        );
        self.peers
            .run(self.bed, SCRIPT, &["make", &self.data, &rows], &out)?;
        Ok(())
    }

    fn compile(&self, record: &mut Record) -> Result<(), Trouble> {
        let mut process = self.start("compile", self.bed.threads)?;
        for _ in 0..4 * self.size.rounds {
            let found = process.ask()?;
            let [clock, processors] = pair(&found["milliseconds"]);
            for (metric, value) in [("ms", clock), ("processor ms", processors)] {
                let subject = Subject {
                    case: "compiling 200 features",
                    contender: "machine code",
                    metric,
                    unit: "ms",
                };
                record.add(subject, value);
            }
        }
        process.finish()
    }

    /// A contender, which waits to be asked for a round.
    fn start(&self, contender: &'static str, threads: usize) -> Result<Process, Trouble> {
        say(format!("{contender} gets ready on {threads} threads"));
        let bed = with_threads(self.bed, threads);
        let command = match contender {
            "polars" | "pandas" => self.peers.command(&bed, SCRIPT, &[contender, &self.data]),
            _ => {
                let mut command = Command::new(&self.program);
                command
                    .args([contender, &self.data])
                    .env("RAYON_NUM_THREADS", threads.to_string());
                kept(&mut command);
                command
            }
        };
        Process::start(contender, command)
    }

    fn classes(&self, threads: usize, record: &mut Record) -> Result<(), Trouble> {
        let mut processes = BTreeMap::new();
        for contender in turn(0, threads, &CONTENDERS) {
            processes.insert(contender, self.start(contender, threads)?);
        }
        let mut checks: Checks = BTreeMap::new();
        for round in 0..self.size.rounds {
            say(format!("round {} on {threads} threads", round + 1));
            let mut told = BTreeMap::new();
            for contender in turn(round, threads, &CONTENDERS) {
                if let Some(process) = processes.get_mut(contender) {
                    told.insert(contender, process.ask()?);
                }
            }
            let classes = told["reckon"].as_object().into_iter().flatten();
            for class in classes.map(|(class, _)| class) {
                let case = format!("{class}, {threads} threads");
                let found = told.iter().map(|(name, told)| (*name, &told[class]));
                add(record, &case, self.size.rows, found.clone());
                let known = checks.entry(class.clone()).or_default();
                known.extend(found.map(|(name, found)| (name, number(&found["check"]))));
            }
        }
        for process in processes.into_values() {
            process.finish()?;
        }
        agree(&checks)
    }
}

/// What contenders computed as one number, by class.
type Checks = BTreeMap<String, Vec<(&'static str, f64)>>;

/// Has a program keep freed memory, as the verbs that read data do (`runtime/torch/src/memory.rs`).
fn kept(command: &mut Command) {
    command
        .env("MALLOC_MMAP_THRESHOLD_", (32_u32 << 20).to_string())
        .env("MALLOC_TRIM_THRESHOLD_", (256_u32 << 20).to_string());
}

/// Adds what contenders took in a round, and how much faster Reckon was than others in it. Where other programs run beside, only
/// what was taken on processors tells of a contender.
fn add<'v>(
    record: &mut Record,
    case: &str,
    rows: usize,
    found: impl Iterator<Item = (&'static str, &'v Value)>,
) {
    let found: BTreeMap<&str, [f64; 2]> = found
        .map(|(name, found)| (name, pair(&found["seconds"])))
        .collect();
    for (at, metric) in ["million rows a second", "a processor second"]
        .into_iter()
        .enumerate()
    {
        let mut add = |contender: &str, unit, value| {
            let subject = Subject {
                case,
                contender,
                metric,
                unit,
            };
            record.add(subject, value);
        };
        for (contender, seconds) in &found {
            add(contender, "1e6/s", rows as f64 / seconds[at] / 1e6);
        }
        let Some(own) = found.get("reckon") else {
            continue;
        };
        for (contender, seconds) in found.iter().filter(|(name, _)| **name != "reckon") {
            let times = format!("times {contender}");
            add(&times, "times", seconds[at] / own[at]);
        }
    }
}

/// The same, with another number of threads.
fn with_threads<'a>(bed: &Bed<'a>, threads: usize) -> Bed<'a> {
    Bed {
        threads,
        cases: Vec::new(),
        built: None,
        folder: bed.folder.clone(),
        ..*bed
    }
}

/// By the clock and on processors.
fn pair(found: &Value) -> [f64; 2] {
    [0, 1].map(|at| number(&found[at]))
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or(f64::NAN)
}

/// Hashes differ, so what is told of them is near: how many are distinct.
fn agree(checks: &Checks) -> Result<(), Trouble> {
    for (class, found) in checks {
        let near = match class.starts_with("hash") || class.starts_with("cross") {
            true => 0.02,
            false => 1e-9,
        };
        let (_, first) = found[0];
        let apart = |(_, other): &&(&str, f64)| {
            other.is_nan() || (other - first).abs() > near * first.abs()
        };
        if let Some((contender, other)) = found.iter().find(apart) {
            let (of, _) = found[0];
            return Err(Trouble::new(
                format!("{class}: {of} gives {first}, {contender} gives {other}"),
                "the contenders do not do the same work",
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(class: &str, found: &[f64]) -> bool {
        let found = found.iter().map(|value| ("reckon", *value)).collect();
        agree(&[(class.to_string(), found)].into()).is_ok()
    }

    #[test]
    fn each_round_begins_with_another_and_pandas_is_in_one_of_one_thread() {
        assert_eq!(turn(0, 1, &CONTENDERS), CONTENDERS);
        assert_eq!(turn(1, 1, &CONTENDERS), ["hand", "polars", "reckon"]);
        assert_eq!(turn(0, 2, &CONTENDERS), ["reckon", "hand", "polars"]);
    }

    #[test]
    fn contenders_have_to_agree_and_hashes_nearly() {
        assert!(check("numeric chain", &[2.0, 2.0 + 1e-10]));
        assert!(!check("numeric chain", &[2.0, 2.01]));
        assert!(!check("numeric chain", &[2.0, f64::NAN]));
        assert!(check("hash, integers", &[1000.0, 990.0]));
        assert!(!check("hash, integers", &[1000.0, 900.0]));
    }
}
