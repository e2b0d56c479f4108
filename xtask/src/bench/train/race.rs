//! Reckon and its contenders on the same batches, one after the other in each round.

use super::{Contender, LARGE, Model, Size};
use crate::{
    bench::{
        Bed, Scale,
        peers::{Peers, number},
        reckon::succeed,
        record::{Record, Subject},
    },
    chores::{cargo, say},
    trouble::Trouble,
};
use serde_json::Value;
use std::{
    fmt::Display,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The script that makes the data and tells what the machine can do.
const SCRIPT: &str = "train.py";
/// The largest part by which losses may differ.
const LOSSES: f64 = 1e-3;
/// How often the time of Reckon a contender's is.
const TIMES: &str = "times Reckon's";

/// The benchmark with what it needs at hand.
pub(super) struct Race<'a> {
    pub(super) bed: &'a Bed<'a>,
    pub(super) peers: Peers,
    pub(super) size: Size,
    pub(super) out: PathBuf,
}

impl Race<'_> {
    fn data(&self, rows: &str) -> String {
        self.bed.folder.join(rows).display().to_string()
    }

    fn make(&self, rows: usize) -> Result<(), Trouble> {
        let (rows, events) = (rows.to_string(), self.size.events.to_string());
        self.peer(SCRIPT, &["make", &self.data(&rows), &rows, &events])?;
        Ok(())
    }

    fn peer(&self, script: &str, words: &[&str]) -> Result<Value, Trouble> {
        self.peers.run(self.bed, script, words, &self.out)
    }

    /// What this machine can do: the rates of products of matrices and of copies.
    pub(super) fn roofline(&self, record: &mut Record) -> Result<(), Trouble> {
        let found = self.peer(SCRIPT, &["roofline", &self.bed.threads.to_string()])?;
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

    /// The losses of all whose optimiser is ours, from the same weights.
    pub(super) fn gate(
        &self,
        record: &mut Record,
        model: &Model,
        spec: &Path,
        batch: usize,
    ) -> Result<(), Trouble> {
        let (rows, steps) = (self.size.rows[0], model.gate.min(self.size.gate));
        // A folder of its own: batches of another model may be left over.
        let trace = self.bed.folder.join(format!("gate-{}", name_of(model)));
        let trace = trace.display().to_string();
        self.make(rows)?;
        self.trace(spec, steps, &trace, &self.settings(rows, batch))?;
        let mut apart = Vec::new();
        for contender in model.contenders.iter().filter(|contender| contender.same) {
            let found = self.peer(model.script, &["gate", contender.name, &trace])?;
            let difference = number(&found, "difference")?;
            let subject = Subject {
                case: "losses",
                contender: contender.name,
                metric: "largest relative difference",
                unit: "",
            };
            record.add(subject, difference);
            if difference > LOSSES {
                apart.push(format!(
                    "losses of {} differ by {difference:.1e}",
                    contender.name
                ));
            }
        }
        if apart.is_empty() {
            return Ok(());
        }
        Err(Trouble::new(
            format!("not the same model: {}", apart.join("; ")),
            "one side has a mistake: compare the plan (`reckon build --emit plan`) with benches/peers",
        ))
    }

    /// All contenders on tables and batches of a size. Returns which bars are not reached.
    pub(super) fn steps(
        &self,
        record: &mut Record,
        model: &Model,
        rows: usize,
        batch: usize,
    ) -> Result<Vec<String>, Trouble> {
        let name = name_of(model);
        let case = format!("{name}, batch {batch}, tables of {rows} rows");
        let trace = self.bed.folder.join(format!("{name}-{rows}-{batch}"));
        let trace = trace.display().to_string();
        let settings = self.settings(rows, batch);
        self.make(rows)?;
        // What a step is fed does not depend on the width of the tables.
        let narrow = [settings.as_slice(), &["dim=2".to_owned()]].concat();
        self.trace(&self.spec(model), 8, &trace, &narrow)?;
        for _ in 0..self.size.rounds {
            self.round(record, model, &case, (&trace, rows), &settings)?;
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
        Ok(model.contenders.iter().filter_map(slow).collect())
    }

    /// Each contender once.
    fn round(
        &self,
        record: &mut Record,
        model: &Model,
        case: &str,
        (trace, rows): (&str, usize),
        settings: &[String],
    ) -> Result<(), Trouble> {
        let Size { warm, steps, .. } = &self.size;
        let numbers = [rows, *warm, *steps, self.bed.threads].map(|count| count.to_string());
        let [table, warm, steps, threads] = &numbers;
        let ours = self.ours(&self.spec(model), settings)?;
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
        for Contender { name, .. } in model.contenders {
            let words = ["time", name, trace, table, warm, steps, threads];
            let found = self.peer(model.script, &words)?;
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
    fn ours(&self, spec: &Path, settings: &[String]) -> Result<f64, Trouble> {
        let steps = self.size.warm + self.size.steps;
        let mut command = self.tracer(spec, steps, "-", settings);
        let output = command
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| Trouble::io("cannot start cargo", &error))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let seconds = text.lines().filter_map(|line| line.parse().ok());
        Ok(middle(seconds.skip(self.size.warm)))
    }

    fn spec(&self, model: &Model) -> PathBuf {
        self.bed.repository.root.join(model.spec)
    }

    fn tracer(&self, spec: &Path, steps: usize, out: &str, settings: &[String]) -> Command {
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

/// The name of a model's spec.
fn name_of(model: &Model) -> impl Display {
    let name = Path::new(model.spec).file_stem();
    name.unwrap_or_default().display()
}

/// The middle of times in seconds, in milliseconds.
fn middle(seconds: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = seconds.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
        .get(sorted.len() / 2)
        .map_or(f64::NAN, |middle| middle * 1e3)
}
