//! What a run keeps of its events beside telling them: measurements as lines and for TensorBoard, facts about its data, and times.

use std::fs::File;
use std::time::{Instant, SystemTime};

use reckon_compiler::plan::Plan;
use serde_json::{Map, Value, json};

use super::folder::RunFolder;
use crate::checkpoint::Checkpoint;
use crate::data::Dataset;
use crate::failure::Failure;
use crate::footprint;
use crate::observer::{Event, EventFile, MetricLines, Observer};

/// The file for TensorBoard.
const EVENTS: &str = "events.out.tfevents.reckon";

/// Tells a watcher all events and keeps what a run directory keeps of them.
pub(super) struct Record<'a> {
    watcher: &'a mut dyn Observer,
    lines: MetricLines<File, File>,
    sources: Vec<Value>,
    splits: Vec<Value>,
    /// Trainings that stopped early, with the epochs whose weights were kept.
    stopped: Vec<Value>,
    times: Times,
}

/// How long the parts of a run took, and its trainings.
struct Times {
    began: Instant,
    last: Instant,
    laps: Map<String, Value>,
    /// The most bytes that the process had had at the end of each part.
    peaks: Map<String, Value>,
    phases: Vec<(String, f64)>,
    went_on: bool,
}

impl<'a> Record<'a> {
    /// Opens the files of a run; one that goes on keeps what was measured before its checkpoint.
    pub(super) fn open(
        folder: &RunFolder,
        plan: &Plan,
        resumed: Option<&Checkpoint>,
        watcher: &'a mut dyn Observer,
        began: Instant,
    ) -> Result<Self, Failure> {
        let (metrics, kept) = folder.metrics(resumed, plan)?;
        let failed = |error| folder.failed(EVENTS, &error);
        let mut board = EventFile::new(folder.create(EVENTS)?, seconds).map_err(failed)?;
        for line in kept.lines() {
            if let Ok(line) = serde_json::from_str(line) {
                board.line(&line).map_err(failed)?;
            }
        }
        Ok(Self {
            watcher,
            lines: MetricLines::new(metrics, board),
            sources: Vec::new(),
            splits: Vec::new(),
            stopped: Vec::new(),
            times: Times {
                began,
                last: began,
                laps: Map::new(),
                peaks: Map::new(),
                phases: Vec::new(),
                went_on: resumed.is_some(),
            },
        })
    }

    /// Ends a part of the run.
    pub(super) fn lap(&mut self, name: &str) {
        let times = &mut self.times;
        let seconds = times.last.elapsed().as_secs_f64();
        times.laps.insert(name.to_owned(), json!(seconds));
        times
            .peaks
            .insert(name.to_owned(), json!(footprint::most()));
        times.last = Instant::now();
    }

    /// What is known of the data: sources and splits as they were told, and the rows of the tables that have rows by now; and
    /// which trainings stopped early.
    pub(super) fn facts(&self, plan: &Plan, data: &Dataset) -> Value {
        let tables = plan.tables.iter();
        let tables = tables.map(|(path, rows)| (path.clone(), data.table_rows(rows)));
        let tables: Map<String, Value> = tables
            .filter(|(_, rows)| *rows > 0)
            .map(|(path, rows)| (path, json!(rows)))
            .collect();
        json!({
            "sources": self.sources,
            "splits": self.splits,
            "tables": tables,
            "stopped": self.stopped,
        })
    }

    /// The seconds of all parts that have ended, and of all trainings; and the most memory up to the end of each part.
    pub(super) fn timing(&self) -> Value {
        let phases = self.times.phases.iter();
        let phases: Vec<Value> = phases
            .map(|(name, seconds)| json!({ "name": name, "seconds": seconds }))
            .collect();
        json!({
            "seconds": self.times.laps,
            "phases": phases,
            "total": self.times.began.elapsed().as_secs_f64(),
            "went_on": self.times.went_on,
            "peak_bytes": self.times.peaks,
        })
    }

    /// Says whether all measurements could be kept.
    pub(super) fn kept_all(&mut self, folder: &RunFolder) -> Result<(), Failure> {
        match self.lines.error.take() {
            Some(error) => Err(folder.failed("metrics.jsonl", &error)),
            None => Ok(()),
        }
    }
}

impl Observer for Record<'_> {
    fn notice(&mut self, event: &Event) {
        self.watcher.notice(event);
        self.lines.notice(event);
        let as_json = || serde_json::to_value(event).expect("the fields of events have names");
        match event {
            Event::SourceRead { .. } => self.sources.push(as_json()),
            Event::Split(_) => self.splits.push(as_json()),
            Event::StoppedEarly { .. } => self.stopped.push(as_json()),
            Event::PhaseFinished { phase, seconds, .. } => self.times.phase(phase, *seconds),
            Event::Begun { .. }
            | Event::ScoresRead(_)
            | Event::VectorsRead(_)
            | Event::OutcomesJoined(_)
            | Event::Warning(_)
            | Event::PhaseStarted { .. }
            | Event::Progress(_)
            | Event::EpochFinished { .. }
            | Event::Evaluated { .. }
            | Event::DayTurn { .. }
            | Event::LoopFinished { .. }
            | Event::ColumnComputed { .. }
            | Event::Finished { .. } => {}
        }
    }
}

impl Times {
    /// A training that is run once a day has all its seconds in one.
    fn phase(&mut self, name: &str, seconds: f64) {
        match self.phases.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => *sum += seconds,
            None => self.phases.push((name.to_owned(), seconds)),
        }
    }
}

/// Seconds since 1970.
fn seconds() -> f64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0.0, |since| since.as_secs_f64())
}
