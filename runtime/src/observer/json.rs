//! Events as JSON: what does not follow from their types.

use reckon_grammar::diagnostic::Diagnostic;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value, json};

use super::Event;
use crate::evaluate::Report;

/// What was named and counted or measured, as an object in that order.
pub(super) fn named<S: Serializer>(
    values: &[(String, impl Serialize)],
    out: S,
) -> Result<S::Ok, S::Error> {
    out.collect_map(values.iter().map(|(name, value)| (name, value)))
}

/// How many entities of each kind have rows in a part, and how many have not.
pub(super) fn entities<S: Serializer>(
    values: &[(String, usize, usize)],
    out: S,
) -> Result<S::Ok, S::Error> {
    let counts = |with, without| json!({ "with_rows": with, "without": without });
    let each = values.iter();
    out.collect_map(each.map(|(name, with, without)| (name, counts(with, without))))
}

/// A message without its place.
pub(super) fn warning<S: Serializer>(warning: &Diagnostic, out: S) -> Result<S::Ok, S::Error> {
    let warning = json!({
        "code": warning.code.to_string(),
        "message": warning.message,
        "notes": warning.notes,
        "help": warning.help,
    });
    warning.serialize(out)
}

/// Streams with their rows and rows a step.
pub(super) fn streams<S: Serializer>(
    streams: &[(String, usize, usize)],
    out: S,
) -> Result<S::Ok, S::Error> {
    out.collect_seq(
        streams
            .iter()
            .map(|(name, rows, batch)| json!({ "name": name, "rows": rows, "batch": batch })),
    )
}

/// Phase, epoch and step of an evaluation while training.
pub(super) fn during<S: Serializer>(
    during: &Option<(String, usize, usize)>,
    out: S,
) -> Result<S::Ok, S::Error> {
    let place = during
        .as_ref()
        .map(|(phase, epoch, step)| json!({ "phase": phase, "epoch": epoch, "step": step }));
    place.serialize(out)
}

/// What an evaluation found, as in `summary.json`.
pub(super) fn report<S: Serializer>(report: &Report, out: S) -> Result<S::Ok, S::Error> {
    report.to_json().serialize(out)
}

/// What was measured, as a flat object with the day and the turn of a loop, phase, epoch, step and split; `None` for events that measure nothing.
pub(super) fn measurement(
    event: &Event,
    today: Option<&(String, usize)>,
) -> Option<Map<String, Value>> {
    let (place, split, evaluation, values) = match event {
        Event::EpochFinished {
            phase,
            epoch,
            step,
            losses,
        } => (Some((phase, epoch, step)), "train", None, map(losses)),
        Event::Evaluated { during, report } => {
            let place = during
                .as_ref()
                .map(|(phase, epoch, step)| (phase, epoch, step));
            let values = report
                .metrics
                .iter()
                .map(|metric| (metric.name.clone(), json!(metric.value)));
            (
                place,
                report.split.as_str(),
                Some(&report.evaluation),
                values.collect(),
            )
        }
        Event::Begun { .. }
        | Event::SourceRead { .. }
        | Event::ScoresRead(_)
        | Event::VectorsRead(_)
        | Event::OutcomesJoined(_)
        | Event::Split(_)
        | Event::Warning(_)
        | Event::PhaseStarted { .. }
        | Event::Progress(_)
        | Event::DayTurn { .. }
        | Event::LoopFinished { .. }
        | Event::StoppedEarly { .. }
        | Event::PhaseFinished { .. }
        | Event::ColumnComputed { .. }
        | Event::Finished { .. } => return None,
    };
    let mut line = Map::new();
    if let Some((day, turn)) = today {
        line.insert("day".to_owned(), json!(day));
        line.insert("turn".to_owned(), json!(turn));
    }
    if let Some((phase, epoch, step)) = place {
        line.insert("phase".to_owned(), json!(phase));
        line.insert("epoch".to_owned(), json!(epoch));
        line.insert("step".to_owned(), json!(step));
    }
    line.insert("split".to_owned(), json!(split));
    if let Some(evaluation) = evaluation {
        line.insert("evaluation".to_owned(), json!(evaluation));
    }
    line.extend(values);
    Some(line)
}

fn map(values: &[(String, f64)]) -> Map<String, Value> {
    values
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect()
}
