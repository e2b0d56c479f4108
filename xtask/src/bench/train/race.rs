//! Reckon and its contenders on the same batches, one after the other in each round.

use super::{
    LARGE, Size,
    cases::{Case, Contender, Gate, Pace, Tables, Trains},
};
use crate::{
    bench::{
        Bed, Scale,
        peers::{Peers, number, smooth},
        reckon::succeed,
        record::{Record, Subject},
    },
    chores::say,
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
const STEP: &str = "ms a step";
const PEAK: &str = "peak MiB";

/// The benchmark with what it needs at hand.
pub(super) struct Race<'a> {
    pub(super) bed: &'a Bed<'a>,
    pub(super) peers: Peers,
    pub(super) size: Size,
    /// The program that takes the first steps of a spec.
    pub(super) tracer: PathBuf,
    pub(super) out: PathBuf,
}

/// What a process that took some steps tells.
pub(super) struct Taken {
    /// The middle of the milliseconds of a step, or of a turn.
    pub(super) milliseconds: f64,
    /// The most memory of the process.
    pub(super) peak: f64,
    /// Queries of a turn, where evaluations are timed.
    pub(super) queries: f64,
}

impl Race<'_> {
    pub(super) fn data(&self, rows: usize) -> String {
        self.bed.folder.join(rows.to_string()).display().to_string()
    }

    /// Clicks on as many items as tables have rows; they are made once.
    pub(super) fn make(&self, rows: usize) -> Result<(), Trouble> {
        let folder = self.data(rows);
        if Path::new(&folder).exists() {
            return Ok(());
        }
        let (rows, events) = (rows.to_string(), self.size.events.to_string());
        self.peer(SCRIPT, &["make", &folder, &rows, &events])?;
        Ok(())
    }

    pub(super) fn peer(&self, script: &str, words: &[&str]) -> Result<Value, Trouble> {
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

    /// The losses of a case, then its steps. Returns which bars are not reached.
    pub(super) fn case(&self, record: &mut Record, case: &Case) -> Result<Vec<String>, Trouble> {
        if let Some(gate) = &case.gate {
            self.gate(record, case, gate)?;
        }
        let rows = match case.tables {
            Tables::Small => self.size.rows[0],
            Tables::Large => self.size.rows[1],
        };
        let mut broken = Vec::new();
        for batch in case.batches {
            broken.extend(self.steps(record, case, rows, self.batch(*batch))?);
        }
        Ok(broken)
    }

    /// A size of batches, less where the scale is small.
    pub(super) fn batch(&self, wanted: usize) -> usize {
        wanted.min(self.size.largest)
    }

    /// The losses of all whose optimiser is ours, from the same weights.
    fn gate(&self, record: &mut Record, case: &Case, gate: &Gate) -> Result<(), Trouble> {
        let (rows, steps) = (self.size.rows[0], gate.steps.min(self.size.gate));
        // Towers have another activation where a relu would part them.
        let spec = match case.spec.ends_with("two_tower.rec") {
            true => smooth(self.bed, case.spec)?,
            false => self.spec(case.spec),
        };
        // A folder of its own: batches of another model may be left over.
        let trace = self.bed.folder.join(format!("gate-{}", name_of(case.spec)));
        let trace = trace.display().to_string();
        self.make(rows)?;
        if !Path::new(&trace).exists() {
            let settings = self.settings(rows, self.batch(gate.batch));
            self.trace(&spec, steps, &trace, &settings)?;
        }
        let mut apart = Vec::new();
        let same = |contender: &&Contender| contender.trains == Trains::Ours;
        for contender in case.contenders.iter().filter(same) {
            let found = self.peer(contender.script, &["gate", contender.name, &trace])?;
            let subject = Subject {
                case: &format!("losses of {steps} steps, {}", name_of(case.spec)),
                contender: contender.name,
                metric: "largest relative difference",
                unit: "",
            };
            if let Some(why) = found["failed"].as_str() {
                record.refuse(subject, why);
                continue;
            }
            let difference = number(&found, "difference")?;
            record.add(subject, difference);
            if difference.is_nan() || difference > LOSSES {
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
    fn steps(
        &self,
        record: &mut Record,
        case: &Case,
        rows: usize,
        batch: usize,
    ) -> Result<Vec<String>, Trouble> {
        let name = name_of(case.spec);
        let label = format!("{name}, batch {batch}, tables of {rows} rows");
        let trace = self.traced(case.spec, rows, batch)?;
        let settings = self.settings(rows, batch);
        for _ in 0..self.size.rounds {
            self.round(record, case, &label, (&trace, rows), &settings)?;
            record.write()?;
        }
        // A quick run is too short to tell.
        if self.bed.scale == Scale::Quick {
            return Ok(Vec::new());
        }
        let large = usize::from(batch >= LARGE);
        let slow = |Contender { name, bars, .. }: &Contender| {
            let found = record.least_of(Subject {
                case: &label,
                contender: name,
                metric: TIMES,
                unit: "",
            })?;
            let bar = bars[large];
            (found < bar).then(|| {
                format!("{name} takes {found:.2} times as long at {label}, expected {bar}")
            })
        };
        Ok(case.contenders.iter().filter_map(slow).collect())
    }

    /// Each contender once; one that does not run is asked once.
    fn round(
        &self,
        record: &mut Record,
        case: &Case,
        label: &str,
        (trace, rows): (&str, usize),
        settings: &[String],
    ) -> Result<(), Trouble> {
        let (warm, steps) = self.paced(case.pace);
        let numbers = [rows, warm, steps, self.bed.threads].map(|count| count.to_string());
        let [table, warm_words, steps_words, threads] = &numbers;
        let ours = self.ours(&self.spec(case.spec), (warm, steps), settings)?;
        let of = |contender, metric, unit| Subject {
            case: label,
            contender,
            metric,
            unit,
        };
        record.add(of("reckon", STEP, "ms"), ours.milliseconds);
        record.add(of("reckon", PEAK, "MiB"), ours.peak);
        for Contender { name, script, .. } in case.contenders {
            if record.is_refused(of(name, STEP, "ms")) {
                continue;
            }
            let words = ["time", name, trace, table, warm_words, steps_words, threads];
            let found = self.peer(script, &words)?;
            if let Some(why) = found["failed"].as_str() {
                record.refuse(of(name, STEP, "ms"), why);
                continue;
            }
            let theirs = taken(&found)?;
            record.add(of(name, STEP, "ms"), theirs.milliseconds);
            record.add(of(name, PEAK, "MiB"), theirs.peak);
            let times = theirs.milliseconds / ours.milliseconds;
            record.add(of(name, TIMES, ""), times);
            let distinct = number(&found, "distinct")?;
            record.add(of(name, "distinct items", ""), distinct);
        }
        Ok(())
    }

    /// Steps that warm up, and steps that are timed.
    fn paced(&self, pace: Pace) -> (usize, usize) {
        match pace {
            Pace::Usual => (self.size.warm, self.size.steps),
            Pace::Short => (2.min(self.size.warm), 4.min(self.size.steps)),
        }
    }

    pub(super) fn settings(&self, rows: usize, batch: usize) -> Vec<String> {
        vec![
            format!("data={}", self.data(rows)),
            format!("rows={rows}"),
            format!("batch={batch}"),
        ]
    }

    /// The folder of the first batches of a spec; what a step is fed does not depend on the width of the tables.
    pub(super) fn traced(&self, spec: &str, rows: usize, batch: usize) -> Result<String, Trouble> {
        let folder = format!("{}-{rows}-{batch}", name_of(spec));
        let folder = self.bed.folder.join(folder).display().to_string();
        self.make(rows)?;
        if !Path::new(&folder).exists() {
            let mut settings = self.settings(rows, batch);
            settings.push("dim=2".to_owned());
            self.trace(&self.spec(spec), 8, &folder, &settings)?;
        }
        Ok(folder)
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

    /// What the steps after the warm ones take.
    pub(super) fn ours(
        &self,
        spec: &Path,
        (warm, steps): (usize, usize),
        settings: &[String],
    ) -> Result<Taken, Trouble> {
        self.timed(spec, (warm, steps), "-", settings)
    }

    /// What the program that takes steps (`-`) or asks evaluations (`?`) tells.
    pub(super) fn timed(
        &self,
        spec: &Path,
        (warm, times): (usize, usize),
        what: &str,
        settings: &[String],
    ) -> Result<Taken, Trouble> {
        let mut command = self.tracer(spec, warm + times, what, settings);
        let output = command
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| Trouble::io("cannot start the tracer", &error))?;
        if !output.status.success() {
            return Err(Trouble::new(
                format!("{} cannot be timed", spec.display()),
                "the messages above say why",
            ));
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let seconds = text.lines().filter_map(|line| line.parse().ok());
        let told = |name: &str| {
            let mut lines = text.lines();
            let value = lines.find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
            value.unwrap_or(f64::NAN)
        };
        Ok(Taken {
            milliseconds: middle(seconds.skip(warm)),
            peak: told("peak bytes") / MIB,
            queries: told("queries"),
        })
    }

    pub(super) fn spec(&self, spec: &str) -> PathBuf {
        self.bed.repository.root.join(spec)
    }

    fn tracer(&self, spec: &Path, steps: usize, out: &str, settings: &[String]) -> Command {
        let mut command = Command::new(&self.tracer);
        command
            .arg(spec)
            .args([
                steps.to_string(),
                "0".to_owned(),
                self.bed.threads.to_string(),
            ])
            .arg(out)
            .args(settings)
            .current_dir(&self.bed.repository.root)
            .env("OMP_NUM_THREADS", self.bed.threads.to_string());
        command
    }
}

const MIB: f64 = 1024.0 * 1024.0;

/// What a peer says of its steps.
pub(super) fn taken(found: &Value) -> Result<Taken, Trouble> {
    let seconds = found["seconds"].as_array().into_iter().flatten();
    Ok(Taken {
        milliseconds: middle(seconds.filter_map(Value::as_f64)),
        peak: number(found, "peak bytes")? / MIB,
        queries: f64::NAN,
    })
}

/// The name of a spec.
fn name_of(spec: &str) -> impl Display {
    let name = Path::new(spec).file_stem();
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
