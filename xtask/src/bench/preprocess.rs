//! `bench preprocess`: rows a second of row programs, of the same work in plain Rust, in Polars and in pandas, by class of
//! work, on the same columns in memory, on one thread and on all; the whole of a spec from files to fields; and how long
//! compiling takes.
//!
//! Contenders take turns, each in a process of its own, so that what else the machine does hits all of them. They have to
//! agree on a number for each class.

mod whole;

use super::{
    Bed, Bench, Scale,
    peers::Peers,
    reckon::{example, read_json, succeed},
    record::{Record, Subject},
};
use crate::{chores::say, trouble::Trouble};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, path::PathBuf, process::Command};

pub(super) const BENCH: Bench = Bench {
    name: "preprocess",
    cases: &["classes", "compile", "kuairand"],
    run: preprocess,
};

const SCRIPT: &str = "preprocess.py";

/// In the order of the first turn; each turn begins with the next.
const CONTENDERS: [&str; 4] = ["reckon", "hand", "polars", "pandas"];

/// How much is run.
struct Size {
    rows: usize,
    turns: usize,
    /// Rounds of a turn, after one that warms up; their median counts.
    rounds: usize,
}

impl Size {
    fn of(scale: Scale) -> Size {
        match scale {
            Scale::Quick => Size {
                rows: 200_000,
                turns: 1,
                rounds: 3,
            },
            Scale::Full => Size {
                rows: 2_000_000,
                turns: 3,
                rounds: 3,
            },
        }
    }
}

fn preprocess(bed: &Bed<'_>, record: &mut Record) -> Result<(), Trouble> {
    if bed.wants("kuairand") {
        whole::kuairand(bed, record)?;
    }
    if !bed.wants("compile") && !bed.wants("classes") {
        return Ok(());
    }
    let size = Size::of(bed.scale);
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
        let mut threads = vec![1, bed.threads];
        threads.dedup();
        for threads in threads {
            rows.classes(threads, record)?;
        }
    }
    Ok(())
}

fn peers(bed: &Bed<'_>) -> Result<Peers, Trouble> {
    let requirements = "preprocess-requirements.txt";
    Peers::ready_with(bed.repository, requirements, "venv-preprocess")
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
        let found = self.timed("compile", self.bed.threads, 4 * self.size.turns)?;
        let of = |metric| Subject {
            case: "compiling 200 features",
            contender: "machine code",
            metric,
            unit: "ms",
        };
        for [clock, processors] in rounds(&found) {
            record.add(of("ms"), clock);
            record.add(of("processor ms"), processors);
        }
        Ok(())
    }

    /// One turn of a contender.
    fn timed(&self, contender: &str, threads: usize, rounds: usize) -> Result<Value, Trouble> {
        let out = self.bed.folder.join("out.json");
        let rounds = rounds.to_string();
        if matches!(contender, "polars" | "pandas") {
            let words = [contender, &self.data, &rounds];
            return self
                .peers
                .run(&with_threads(self.bed, threads), SCRIPT, &words, &out);
        }
        say(format!("timing {contender} on {threads} threads"));
        let mut command = Command::new(&self.program);
        command
            .args([contender, &self.data, &rounds])
            .arg(&out)
            .env("RAYON_NUM_THREADS", threads.to_string());
        succeed("the timing of row programs", command)?;
        read_json(&out)
    }

    fn classes(&self, threads: usize, record: &mut Record) -> Result<(), Trouble> {
        let mut checks: BTreeMap<String, Vec<(&str, f64)>> = BTreeMap::new();
        for turn in 0..self.size.turns {
            for at in 0..CONTENDERS.len() {
                let contender = CONTENDERS[(turn + at) % CONTENDERS.len()];
                let found = self.timed(contender, threads, self.size.rounds)?;
                let none = Map::new();
                for (class, found) in found.as_object().unwrap_or(&none) {
                    self.add(record, (class, threads), contender, &found["seconds"]);
                    let check = found["check"].as_f64().unwrap_or(f64::NAN);
                    let known = checks.entry(class.clone()).or_default();
                    known.push((contender, check));
                }
            }
        }
        agree(&checks)
    }

    /// The median of a turn. Where other programs run beside, only what was taken on processors tells of the contender.
    fn add(
        &self,
        record: &mut Record,
        (class, threads): (&str, usize),
        contender: &str,
        found: &Value,
    ) {
        let case = format!("{class}, {threads} threads");
        for (at, metric) in ["million rows a second", "a processor second"]
            .into_iter()
            .enumerate()
        {
            let mut taken: Vec<f64> = rounds(found).map(|round| round[at]).collect();
            taken.sort_unstable_by(f64::total_cmp);
            if let Some(seconds) = taken.get(taken.len() / 2) {
                let subject = Subject {
                    case: &case,
                    contender,
                    metric,
                    unit: "1e6/s",
                };
                record.add(subject, self.size.rows as f64 / seconds / 1e6);
            }
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
fn rounds(found: &Value) -> impl Iterator<Item = [f64; 2]> {
    let all = found.as_array().into_iter().flatten();
    all.filter_map(|round| Some([round[0].as_f64()?, round[1].as_f64()?]))
}

/// Hashes differ, so what is told of them is near: how many are distinct.
fn agree(checks: &BTreeMap<String, Vec<(&str, f64)>>) -> Result<(), Trouble> {
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
    fn contenders_have_to_agree_and_hashes_nearly() {
        assert!(check("numeric chain", &[2.0, 2.0 + 1e-10]));
        assert!(!check("numeric chain", &[2.0, 2.01]));
        assert!(!check("numeric chain", &[2.0, f64::NAN]));
        assert!(check("hash, integers", &[1000.0, 990.0]));
        assert!(!check("hash, integers", &[1000.0, 900.0]));
    }
}
