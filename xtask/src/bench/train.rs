//! `bench train`: milliseconds a training step takes, beside the same model in other libraries on the same batches, interleaved. Who does not
//! have the same losses from the same weights is not timed.

use super::{
    Bed, Bench, Scale,
    peers::{Peers, number, smooth},
    reckon::succeed,
    record::{Record, Subject},
};
use crate::{
    chores::{cargo, say},
    trouble::Trouble,
};
use serde_json::Value;
use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

pub(super) const BENCH: Bench = Bench {
    name: "train",
    cases: &["roofline", "gate", "steps", "large"],
    run: train,
};

const SPEC: &str = "benches/specs/two_tower.rec";
const SCRIPT: &str = "train.py";
/// The largest part by which losses may differ.
const LOSSES: f64 = 1e-3;

/// A contender, whether its optimiser is ours, and how often Reckon's time its own has to be, by whether batches are large.
struct Contender {
    name: &'static str,
    same: bool,
    bars: [f64; 2],
}

const CONTENDERS: [Contender; 3] = [
    Contender {
        name: "tiled",
        same: true,
        bars: [1.2, 1.8],
    },
    Contender {
        name: "fbgemm",
        same: true,
        bars: [1.2, 1.8],
    },
    Contender {
        name: "eager",
        same: false,
        bars: [1.0, 4.0],
    },
];

/// How much is run.
struct Size {
    /// Of each table, small and large.
    rows: [usize; 2],
    batches: &'static [usize],
    events: usize,
    /// Steps whose losses are compared.
    gate: usize,
    rounds: usize,
    warm: usize,
    steps: usize,
}

/// How often the time of Reckon a contender's is.
const TIMES: &str = "times Reckon's";

/// A batch from here on is large.
const LARGE: usize = 4096;

impl Size {
    fn of(scale: Scale) -> Size {
        match scale {
            Scale::Quick => Size {
                rows: [10_000, 20_000],
                batches: &[512],
                events: 60_000,
                gate: 20,
                rounds: 2,
                warm: 2,
                steps: 5,
            },
            Scale::Full => Size {
                rows: [100_000, 5_000_000],
                batches: &[LARGE, 1024],
                events: 600_000,
                gate: 500,
                rounds: 7,
                warm: 4,
                steps: 12,
            },
        }
    }
}

/// The benchmark with what it needs at hand.
struct Race<'a> {
    bed: &'a Bed<'a>,
    peers: Peers,
    size: Size,
    out: PathBuf,
}

fn train(bed: &Bed<'_>, record: &mut Record) -> Result<(), Trouble> {
    let race = Race {
        bed,
        peers: Peers::ready_with(bed.repository, "train-requirements.txt", "venv-train")?,
        size: Size::of(bed.scale),
        out: bed.folder.join("out.json"),
    };
    if bed.wants("roofline") {
        race.roofline(record)?;
    }
    let mut broken = Vec::new();
    if bed.wants("gate") {
        let apart = race.gate(record)?;
        if !apart.is_empty() {
            return Err(Trouble::new(
                format!("not the same model: {}", apart.join("; ")),
                "one side has a mistake: compare the plan (`reckon build --emit plan`) with benches/peers",
            ));
        }
    }
    for (case, rows) in ["steps", "large"].into_iter().zip(race.size.rows) {
        if bed.wants(case) {
            race.make(rows)?;
            for batch in race.size.batches {
                broken.extend(race.steps(record, rows, *batch)?);
            }
        }
    }
    if broken.is_empty() {
        return Ok(());
    }
    Err(Trouble::new(
        format!("not as fast as it has to be: {}", broken.join("; ")),
        "`reckon run --profile` says where the time of a step goes",
    ))
}

impl Race<'_> {
    fn data(&self, rows: &str) -> String {
        self.bed.folder.join(rows).display().to_string()
    }

    fn make(&self, rows: usize) -> Result<(), Trouble> {
        let (rows, events) = (rows.to_string(), self.size.events.to_string());
        self.peer(&["make", &self.data(&rows), &rows, &events])?;
        Ok(())
    }

    fn peer(&self, words: &[&str]) -> Result<Value, Trouble> {
        self.peers.run(self.bed, SCRIPT, words, &self.out)
    }

    /// What this machine can do: the rates of products of matrices and of copies.
    fn roofline(&self, record: &mut Record) -> Result<(), Trouble> {
        let found = self.peer(&["roofline", &self.bed.threads.to_string()])?;
        for (metric, unit) in [
            ("square products", "GFLOP/s"),
            ("scores of a tile", "GFLOP/s"),
            ("copy", "GB/s"),
        ] {
            let subject = Subject {
                case: "roofline",
                contender: "PyTorch",
                metric,
                unit,
            };
            record.add(subject, number(&found, metric)?);
        }
        Ok(())
    }

    /// The losses of all whose optimiser is ours, from the same weights. Returns what does not hold.
    fn gate(&self, record: &mut Record) -> Result<Vec<String>, Trouble> {
        let (rows, batch) = (self.size.rows[0], 1024.min(self.size.batches[0]));
        let trace = self.bed.folder.join("gate").display().to_string();
        self.make(rows)?;
        self.trace(
            &smooth(self.bed, SPEC)?,
            self.size.gate,
            &trace,
            &self.settings(rows, batch),
        )?;
        let mut broken = Vec::new();
        for contender in CONTENDERS.iter().filter(|contender| contender.same) {
            let found = self.peer(&["gate", contender.name, &trace])?;
            let difference = number(&found, "difference")?;
            let subject = Subject {
                case: "losses",
                contender: contender.name,
                metric: "largest relative difference",
                unit: "",
            };
            record.add(subject, difference);
            if difference > LOSSES {
                broken.push(format!(
                    "losses of {} differ by {difference:.1e}",
                    contender.name
                ));
            }
        }
        Ok(broken)
    }

    /// All contenders on tables and batches of a size, one after the other in each round. Returns which bars are not reached.
    fn steps(
        &self,
        record: &mut Record,
        rows: usize,
        batch: usize,
    ) -> Result<Vec<String>, Trouble> {
        let case = format!("batch {batch}, tables of {rows} rows");
        let trace = self.bed.folder.join(format!("{rows}-{batch}"));
        let trace = trace.display().to_string();
        let settings = self.settings(rows, batch);
        // What a step is fed does not depend on the width of the tables.
        let narrow = [settings.as_slice(), &["dim=2".to_owned()]].concat();
        self.trace(&self.spec(), 8, &trace, &narrow)?;
        for _ in 0..self.size.rounds {
            self.round(record, &case, (&trace, rows), &settings)?;
            record.write()?;
        }
        // A quick run is too short to tell.
        if self.bed.scale == Scale::Quick {
            return Ok(Vec::new());
        }
        let large = usize::from(batch >= LARGE);
        let slow = |Contender { name, bars, .. }: &Contender| {
            let found = record.least_of(Subject {
                case: &case,
                contender: name,
                metric: TIMES,
                unit: "",
            })?;
            let bar = bars[large];
            (found < bar)
                .then(|| format!("{name} takes {found:.2} times as long at {case}, expected {bar}"))
        };
        Ok(CONTENDERS.iter().filter_map(slow).collect())
    }

    /// Each contender once.
    fn round(
        &self,
        record: &mut Record,
        case: &str,
        (trace, rows): (&str, usize),
        settings: &[String],
    ) -> Result<(), Trouble> {
        let Size { warm, steps, .. } = &self.size;
        let numbers = [rows, *warm, *steps, self.bed.threads].map(|count| count.to_string());
        let [table, warm, steps, threads] = &numbers;
        let ours = self.ours(settings)?;
        let mut add = |contender, metric, unit, value| {
            let subject = Subject {
                case,
                contender,
                metric,
                unit,
            };
            record.add(subject, value);
        };
        add("reckon", "ms a step", "ms", ours);
        for Contender { name, .. } in &CONTENDERS {
            let found = self.peer(&["time", name, trace, table, warm, steps, threads])?;
            let seconds = found["seconds"].as_array().into_iter().flatten();
            let theirs = middle(seconds.filter_map(Value::as_f64));
            add(name, "ms a step", "ms", theirs);
            add(name, TIMES, "", theirs / ours);
            add(name, "distinct items", "", number(&found, "distinct")?);
        }
        Ok(())
    }

    fn settings(&self, rows: usize, batch: usize) -> Vec<String> {
        let data = self.data(&rows.to_string());
        vec![
            format!("data={data}"),
            format!("rows={rows}"),
            format!("batch={batch}"),
        ]
    }

    /// Writes the first steps into a folder.
    fn trace(
        &self,
        spec: &Path,
        steps: usize,
        folder: &str,
        settings: &[String],
    ) -> Result<(), Trouble> {
        say(format!("tracing {steps} steps"));
        let mut command = self.tracer(spec, steps, folder, settings);
        command.stdout(Stdio::null());
        succeed("the trace", command)
    }

    /// The middle of the milliseconds of the steps after the warm ones.
    fn ours(&self, settings: &[String]) -> Result<f64, Trouble> {
        let mut command = self.tracer(
            &self.spec(),
            self.size.warm + self.size.steps,
            "-",
            settings,
        );
        let output = command
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| Trouble::io("cannot start cargo", &error))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let seconds = text.lines().filter_map(|line| line.parse().ok());
        Ok(middle(seconds.skip(self.size.warm)))
    }

    fn spec(&self) -> PathBuf {
        self.bed.repository.root.join(SPEC)
    }

    fn tracer(
        &self,
        spec: &Path,
        steps: usize,
        out: &str,
        settings: &[String],
    ) -> std::process::Command {
        let words = ["run", "--quiet", "--package", "reckon-runtime"];
        let mut command = cargo(self.bed.repository, &words);
        command
            .args(self.bed.scale.profile())
            .args(["--example", "trace", "--"])
            .arg(spec)
            .args([
                steps.to_string(),
                "0".to_owned(),
                self.bed.threads.to_string(),
            ])
            .arg(out)
            .args(settings)
            .env("OMP_NUM_THREADS", self.bed.threads.to_string());
        command
    }
}

/// The middle of times in seconds, in milliseconds.
fn middle(seconds: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = seconds.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
        .get(sorted.len() / 2)
        .map_or(f64::NAN, |middle| middle * 1e3)
}
