//! What a run tells while it goes: one event after another to whoever watches.

mod json;
mod tensorboard;

use std::io::Write;

use reckon_grammar::diagnostic::Diagnostic;
use serde::Serialize;

use crate::data::{BadCount, LeftOut, OutcomeReport, ScoresReport, VectorsReport};
use crate::evaluate::Report;
pub(crate) use tensorboard::EventFile;

/// Watches a run.
pub trait Observer {
    /// Takes notice of an event. Events come in order, from the thread of the run.
    fn notice(&mut self, event: &Event);
}

/// What happens in a run. As JSON it is an object whose field `event` names its kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A run has its directory.
    Begun {
        /// The run directory.
        out: String,
    },
    /// A source has been read.
    SourceRead {
        /// The source.
        source: String,
        /// Its rows.
        rows: usize,
        /// Rows dropped by `unique by`.
        repeats: usize,
        /// Rows of its files that its condition has left out.
        #[serde(skip_serializing_if = "LeftOut::is_none")]
        left_out: LeftOut,
        /// Rows that could not be read and were left out, or hold defaults.
        #[serde(skip_serializing_if = "BadCount::is_none")]
        bad: BadCount,
        /// References to absent entities, by entity.
        #[serde(serialize_with = "json::named")]
        absent: Vec<(String, usize)>,
    },
    /// The scores of a teacher that is a table have been put beside rows of events.
    ScoresRead(ScoresReport),
    /// A table begins with the vectors of a file.
    VectorsRead(VectorsReport),
    /// Outcomes have been joined to their rows.
    OutcomesJoined(OutcomeReport),
    /// An events source has been cut into parts.
    Split(SplitNotice),
    /// Something that a reader should know and that stops nothing.
    #[serde(serialize_with = "json::warning")]
    Warning(Diagnostic),
    /// A training begins.
    PhaseStarted {
        /// The phase.
        phase: String,
        /// Times through the first stream.
        epochs: usize,
        /// Steps an epoch.
        #[serde(rename = "steps_per_epoch")]
        steps: usize,
        /// The streams with their rows and rows a step.
        #[serde(serialize_with = "json::streams")]
        streams: Vec<(String, usize, usize)>,
        /// Where it goes on after a resume, 0 else.
        first_step: usize,
    },
    /// A few times a second while training.
    Progress(Progress),
    /// Once through the first stream.
    EpochFinished {
        /// The phase.
        phase: String,
        /// The epoch, from 1.
        epoch: usize,
        /// Steps of the phase so far.
        step: usize,
        /// The mean over the epoch's steps of each output of the step.
        #[serde(serialize_with = "json::named")]
        losses: Vec<(String, f64)>,
    },
    /// An evaluation while training (`during` holds phase, epoch and step) or at the end.
    Evaluated {
        /// Phase, epoch from 1, step.
        #[serde(serialize_with = "json::during")]
        during: Option<(String, usize, usize)>,
        /// What was found.
        #[serde(serialize_with = "json::report")]
        report: Report,
    },
    /// A turn of a loop begins.
    DayTurn {
        /// The day as it prints, `2020-09-14`.
        day: String,
        /// Which day it is, from 1.
        number: usize,
        /// The number of days.
        days: usize,
        /// The turn in the whole run, from 0.
        turn: usize,
    },
    /// A loop has gone through all days.
    LoopFinished {
        /// The number of days.
        days: usize,
    },
    /// Training stopped because the watched metric did not rise any more; weights are those of the best epoch.
    StoppedEarly {
        /// The phase.
        phase: String,
        /// The epoch at which it stopped.
        epoch: usize,
        /// The epoch with the best value, whose weights are kept.
        best_epoch: usize,
        /// That value.
        best: f64,
    },
    /// A training has ended.
    PhaseFinished {
        /// The phase.
        phase: String,
        /// Its steps.
        steps: usize,
        /// How long it took, evaluations included.
        seconds: f64,
    },
    /// A column has been computed.
    ColumnComputed {
        /// The column.
        column: String,
        /// Rows that have a value.
        rows: usize,
        /// The number of folds, where there are folds.
        folds: Option<usize>,
        /// How long it took, trainings without folds included.
        seconds: f64,
    },
    /// The run has ended.
    Finished {
        /// The run directory.
        out: String,
    },
}

/// How events were split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SplitNotice {
    /// The source.
    pub source: String,
    /// Each part with its rows and, by reference, how many entities have rows in it and how many have not.
    pub parts: Vec<PartNotice>,
    /// Rows in no part.
    pub cut: usize,
    /// Rows whose labels are not known at the end of their part.
    #[serde(skip_serializing_if = "is_zero")]
    pub immature: usize,
    /// The share of training rows later than the median row of the last part.
    pub training_later_than_median_test: f64,
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// A part of a split.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartNotice {
    /// Its name.
    pub name: String,
    /// Its rows.
    pub rows: usize,
    /// By reference, how many entities have rows in it and how many have not.
    #[serde(serialize_with = "json::entities")]
    pub entities: Vec<(String, usize, usize)>,
}

/// Where training stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Progress {
    /// The phase.
    pub phase: String,
    /// The epoch, from 1.
    pub epoch: usize,
    /// Epochs of the phase.
    pub epochs: usize,
    /// Steps of the phase so far.
    pub step: usize,
    /// Steps of the phase if it does not stop early.
    pub steps: usize,
    /// The loss of the last step.
    pub loss: f64,
    /// Rows of all streams a second, since the last notice.
    pub examples_per_second: f64,
    /// The share of time that steps waited for data, since the last notice.
    pub waiting: f64,
    /// Seconds left if it does not stop early.
    pub seconds_left: f64,
}

/// Writes one JSON object a line, for programs that watch.
pub struct JsonLines<W> {
    out: W,
}

impl<W: Write> JsonLines<W> {
    /// Writes to `out`. Errors of `out` are not the run's concern: a watcher that is gone does not stop it.
    pub fn new(out: W) -> Self {
        Self { out }
    }
}

impl<W: Write> Observer for JsonLines<W> {
    fn notice(&mut self, event: &Event) {
        let line = serde_json::to_string(event).expect("the fields of events have names");
        let _ = writeln!(self.out, "{line}");
        let _ = self.out.flush();
    }
}

/// Writes what was measured, one JSON object a line, and nothing that differs between two runs of one seed.
/// The same goes into an event file.
pub(crate) struct MetricLines<W, E> {
    out: W,
    board: EventFile<E>,
    /// The day and the turn of a loop that measurements are of.
    today: Option<(String, usize)>,
    /// The first error of `out`.
    pub(crate) error: Option<std::io::Error>,
}

impl<W: Write, E: Write> MetricLines<W, E> {
    pub(crate) fn new(out: W, board: EventFile<E>) -> Self {
        Self {
            out,
            board,
            today: None,
            error: None,
        }
    }
}

impl<W: Write, E: Write> Observer for MetricLines<W, E> {
    fn notice(&mut self, event: &Event) {
        if let Event::DayTurn { day, turn, .. } = event {
            self.today = Some((day.clone(), *turn));
        }
        if let Event::LoopFinished { .. } = event {
            self.today = None;
        }
        if let Some(line) = json::measurement(event, self.today.as_ref()) {
            let text = serde_json::to_string(&line).expect("the fields of lines have names");
            let written = writeln!(self.out, "{text}")
                .and_then(|()| self.out.flush())
                .and_then(|()| self.board.line(&line));
            self.error = self.error.take().or(written.err());
        }
    }
}

/// Keeps all events, for tests.
#[derive(Debug, Default)]
pub struct Recorder {
    /// The events so far.
    pub events: Vec<Event>,
}

impl Observer for Recorder {
    fn notice(&mut self, event: &Event) {
        self.events.push(event.clone());
    }
}

#[cfg(test)]
mod tests {
    use reckon_grammar::span::{FileId, Span};

    use super::*;
    use crate::failure::NO_ROWS;

    fn finished(epoch: usize) -> Event {
        let losses = vec![("main".to_owned(), 2.5), ("loss".to_owned(), 2.5)];
        Event::EpochFinished {
            phase: "train".to_owned(),
            epoch,
            step: 10 * epoch,
            losses,
        }
    }

    #[test]
    fn every_event_is_one_line_of_json() {
        assert_eq!(
            lines(&[finished(1)]),
            "{\"event\":\"epoch_finished\",\"phase\":\"train\",\"epoch\":1,\"step\":10,\
             \"losses\":{\"main\":2.5,\"loss\":2.5}}\n"
        );
    }

    fn lines(events: &[Event]) -> String {
        let mut out = Vec::new();
        let mut lines = JsonLines::new(&mut out);
        events.iter().for_each(|event| lines.notice(event));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_named_becomes_an_object() {
        let part = PartNotice {
            name: "train".to_owned(),
            rows: 8,
            entities: vec![("user".to_owned(), 3, 1)],
        };
        let split = Event::Split(SplitNotice {
            source: "rating".to_owned(),
            parts: vec![part],
            cut: 2,
            immature: 0,
            training_later_than_median_test: 0.5,
        });
        let started = Event::PhaseStarted {
            phase: "train".to_owned(),
            epochs: 2,
            steps: 10,
            streams: vec![("rating".to_owned(), 80, 8)],
            first_step: 0,
        };
        assert_eq!(
            lines(&[split, started]),
            "{\"event\":\"split\",\"source\":\"rating\",\"parts\":[{\"name\":\"train\",\"rows\":8,\
             \"entities\":{\"user\":{\"with_rows\":3,\"without\":1}}}],\"cut\":2,\
             \"training_later_than_median_test\":0.5}\n\
             {\"event\":\"phase_started\",\"phase\":\"train\",\"epochs\":2,\"steps_per_epoch\":10,\
             \"streams\":[{\"name\":\"rating\",\"rows\":80,\"batch\":8}],\"first_step\":0}\n"
        );
    }

    #[test]
    fn a_warning_is_told_without_its_place() {
        let span = Span::new(FileId(0), 0, 1);
        let warning = Diagnostic::warning(NO_ROWS, span, "few rows");
        assert_eq!(
            lines(&[Event::Warning(warning.note("three"))]),
            "{\"event\":\"warning\",\"code\":\"E1025\",\"message\":\"few rows\",\"notes\":[\"three\"],\"help\":null}\n"
        );
    }

    #[test]
    fn metric_lines_hold_measurements_only() {
        let board = EventFile::new(Vec::new(), || 0.0).unwrap();
        let mut lines = MetricLines::new(Vec::new(), board);
        lines.notice(&finished(1));
        lines.notice(&Event::PhaseFinished {
            phase: "train".to_owned(),
            steps: 10,
            seconds: 1.5,
        });
        lines.notice(&finished(2));
        let text = String::from_utf8(lines.out).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(
            text.starts_with(
                "{\"phase\":\"train\",\"epoch\":1,\"step\":10,\"split\":\"train\",\"main\":2.5"
            ),
            "{text}"
        );
    }
}
