//! Events as JSON.

use serde_json::{Map, Value, json};

use super::{Event, Progress, SplitNotice};

/// An event as an object whose field `event` names its kind.
pub(super) fn event(event: &Event) -> Value {
    match event {
        Event::SourceRead {
            source,
            rows,
            repeats,
            absent,
        } => {
            let absent = counts(absent);
            json!({ "event": "source_read", "source": source, "rows": rows, "repeats": repeats, "absent": absent })
        }
        Event::Split(split) => split_notice(split),
        Event::Warning(warning) => json!({
            "event": "warning",
            "code": warning.code.to_string(),
            "message": warning.message,
            "notes": warning.notes,
            "help": warning.help,
        }),
        Event::PhaseStarted {
            phase,
            epochs,
            steps,
            streams,
            first_step,
        } => {
            let stream = |(name, rows, batch): &(String, usize, usize)| json!({ "name": name, "rows": rows, "batch": batch });
            let streams: Vec<Value> = streams.iter().map(stream).collect();
            json!({
                "event": "phase_started",
                "phase": phase,
                "epochs": epochs,
                "steps_per_epoch": steps,
                "streams": streams,
                "first_step": first_step,
            })
        }
        Event::Progress(at) => progress(at),
        Event::EpochFinished {
            phase,
            epoch,
            step,
            losses,
        } => {
            let losses = numbers(losses);
            json!({ "event": "epoch_finished", "phase": phase, "epoch": epoch, "step": step, "losses": losses })
        }
        Event::Evaluated { during, report } => {
            let during = during.as_ref().map(
                |(phase, epoch, step)| json!({ "phase": phase, "epoch": epoch, "step": step }),
            );
            json!({ "event": "evaluated", "during": during, "report": report.to_json() })
        }
        Event::DayTurn {
            day,
            number,
            days,
            turn,
        } => {
            json!({ "event": "day_turn", "day": day, "number": number, "days": days, "turn": turn })
        }
        Event::LoopFinished { days } => json!({ "event": "loop_finished", "days": days }),
        Event::StoppedEarly {
            phase,
            epoch,
            best_epoch,
            best,
        } => json!({
            "event": "stopped_early", "phase": phase, "epoch": epoch, "best_epoch": best_epoch, "best": best,
        }),
        Event::PhaseFinished {
            phase,
            steps,
            seconds,
        } => {
            json!({ "event": "phase_finished", "phase": phase, "steps": steps, "seconds": seconds })
        }
        Event::ColumnComputed {
            column,
            rows,
            folds,
            seconds,
        } => json!({
            "event": "column_computed", "column": column, "rows": rows, "folds": folds, "seconds": seconds,
        }),
        Event::Finished { out } => json!({ "event": "finished", "out": out }),
    }
}

/// What was measured, as a flat object with the day and the turn of a loop, phase, epoch, step and split; `None` for events that measure nothing.
pub(super) fn measurement(event: &Event, today: Option<&(String, usize)>) -> Option<Value> {
    let (place, split, evaluation, values) = match event {
        Event::EpochFinished {
            phase,
            epoch,
            step,
            losses,
        } => (Some((phase, epoch, step)), "train", None, numbers(losses)),
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
        Event::SourceRead { .. }
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
    Some(line.into())
}

fn split_notice(split: &SplitNotice) -> Value {
    let parts = split.parts.iter().map(|part| {
        let entities = part.entities.iter().map(|(name, with, without)| {
            (
                name.clone(),
                json!({ "with_rows": with, "without": without }),
            )
        });
        let entities: Map<String, Value> = entities.collect();
        json!({ "name": part.name, "rows": part.rows, "entities": entities })
    });
    json!({
        "event": "split",
        "source": split.source,
        "parts": parts.collect::<Vec<_>>(),
        "cut": split.cut,
        "training_later_than_median_test": split.training_later_than_median_test,
    })
}

fn progress(at: &Progress) -> Value {
    json!({
        "event": "progress",
        "phase": at.phase,
        "epoch": at.epoch,
        "epochs": at.epochs,
        "step": at.step,
        "steps": at.steps,
        "loss": at.loss,
        "examples_per_second": at.examples_per_second,
        "waiting": at.waiting,
        "seconds_left": at.seconds_left,
    })
}

fn numbers(values: &[(String, f64)]) -> Map<String, Value> {
    values
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect()
}

fn counts(values: &[(String, usize)]) -> Map<String, Value> {
    values
        .iter()
        .map(|(name, value)| (name.clone(), json!(value)))
        .collect()
}
