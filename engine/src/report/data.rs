//! What a run directory tells, as plain data. A file that is not there, or was cut off, leaves its part empty: the run may have
//! been interrupted.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value};

/// A run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Run {
    /// The run directory as it was named.
    pub(crate) name: String,
    /// The name of the main file.
    pub(crate) spec: String,
    /// Its text.
    pub(crate) text: String,
    /// With all that the spec leaves unsaid.
    pub(crate) resolved: String,
    pub(crate) seed: Option<u64>,
    /// Steps of all trainings, of a run that has finished.
    pub(crate) steps: Option<u64>,
    /// Versions of what it ran on, by name.
    pub(crate) versions: Vec<(String, String)>,
    pub(crate) settings: Vec<(String, String)>,
    pub(crate) reports: Vec<Report>,
    /// What was measured on the way, in order.
    pub(crate) measured: Vec<Measured>,
    /// Seconds by part of the run, in order.
    pub(crate) parts: Vec<(String, f64)>,
    /// Seconds by training.
    pub(crate) phases: Vec<(String, f64)>,
    /// Whether the times are those after it went on.
    pub(crate) went_on: bool,
    pub(crate) sources: Vec<Source>,
    pub(crate) splits: Vec<Split>,
    /// Rows of embedding tables by path.
    pub(crate) tables: Vec<(String, u64)>,
    /// Trainings that stopped early, with the epoch whose weights were kept.
    pub(crate) stopped: Vec<(String, u64)>,
}

/// Metrics by name, in the order of the spec; some have no value.
pub(crate) type Metrics = Vec<(String, Option<f64>)>;

/// What an evaluation found on one part.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Report {
    pub(crate) evaluation: String,
    pub(crate) split: String,
    /// `queries` or `rows`, and how many.
    pub(crate) unit: String,
    pub(crate) count: u64,
    pub(crate) metrics: Metrics,
    /// Low and high end, and the smallest difference that could be seen.
    pub(crate) intervals: BTreeMap<String, (f64, f64, f64)>,
    pub(crate) baselines: Vec<(String, Metrics)>,
    pub(crate) slices: Vec<Slice>,
    pub(crate) notes: Vec<String>,
}

/// A group of a slice.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Slice {
    pub(crate) by: String,
    pub(crate) group: String,
    pub(crate) count: u64,
    pub(crate) metrics: Metrics,
}

/// A line of `metrics.jsonl`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Measured {
    pub(crate) day: Option<String>,
    pub(crate) phase: Option<String>,
    pub(crate) epoch: Option<u64>,
    pub(crate) split: String,
    pub(crate) evaluation: Option<String>,
    pub(crate) values: Vec<(String, f64)>,
}

/// A source as it was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) rows: u64,
    pub(crate) repeats: u64,
    /// Rows of the files that its condition leaves out.
    pub(crate) left_out: u64,
    /// Rows that could not be read and were left out.
    pub(crate) skipped: u64,
    /// Rows with defaults for what could not be read.
    pub(crate) defaulted: u64,
    /// References to absent entities, by entity.
    pub(crate) absent: Vec<(String, u64)>,
}

/// How events were cut.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Split {
    pub(crate) source: String,
    pub(crate) parts: Vec<Part>,
    /// Rows in no part.
    pub(crate) cut: u64,
    /// Rows whose labels are not known at the end of their part.
    pub(crate) immature: u64,
    /// The share of training rows later than the median row of the last part.
    pub(crate) later: f64,
}

/// A part of a split.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) rows: u64,
    /// Entities with rows in it and without, by entity.
    pub(crate) entities: Vec<(String, u64, u64)>,
}

impl Run {
    /// Reads what there is.
    pub(crate) fn read(run: &Path) -> Self {
        let text = |name: &str| fs::read_to_string(run.join(name)).unwrap_or_default();
        let json = |name: &str| serde_json::from_str::<Value>(&text(name)).unwrap_or_default();
        let (origin, summary) = (json("origin.json"), json("summary.json"));
        let (timing, facts) = (json("timing.json"), json("facts.json"));
        let spec = string(&origin["spec"]);
        Self {
            name: run.display().to_string(),
            text: text(&format!("spec/{spec}")),
            resolved: text("resolved.rec"),
            seed: origin["seed"].as_u64(),
            steps: summary["steps"].as_u64(),
            versions: named(&summary["versions"], string),
            settings: named(&json("settings.json"), |value| match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            }),
            reports: list(&summary["reports"], report),
            measured: text("metrics.jsonl").lines().filter_map(measured).collect(),
            parts: seconds(&timing["seconds"]),
            phases: list(&timing["phases"], |phase| {
                let seconds = phase["seconds"].as_f64().unwrap_or(0.0);
                (string(&phase["name"]), seconds)
            }),
            went_on: timing["went_on"].as_bool().unwrap_or(false),
            sources: with_scores(list(&facts["sources"], source), &summary["scores"]),
            splits: list(&facts["splits"], split),
            tables: named(&facts["tables"], count),
            stopped: list(&facts["stopped"], |stop| {
                (string(&stop["phase"]), count(&stop["best_epoch"]))
            }),
            spec,
        }
    }
}

/// Loading comes before training, whatever the order of the file.
fn seconds(parts: &Value) -> Vec<(String, f64)> {
    const ORDER: [&str; 4] = ["load", "train", "evaluate", "export"];
    let mut parts = named(parts, |value| value.as_f64().unwrap_or(0.0));
    let place = |name: &str| ORDER.iter().position(|known| *known == name);
    parts.sort_by_key(|(name, _)| place(name).unwrap_or(ORDER.len()));
    parts
}

fn report(value: &Value) -> Report {
    let unit = ["queries", "rows"]
        .into_iter()
        .find(|unit| value.get(unit).is_some());
    let interval = |value: &Value| {
        let end = |name: &str| value[name].as_f64().unwrap_or(f64::NAN);
        (end("low"), end("high"), end("smallest_difference"))
    };
    Report {
        evaluation: string(&value["evaluation"]),
        split: string(&value["split"]),
        unit: unit.unwrap_or_default().to_owned(),
        count: unit.map_or(0, |unit| count(&value[unit])),
        metrics: metrics(&value["metrics"]),
        intervals: named(&value["intervals"], interval).into_iter().collect(),
        baselines: named(&value["baselines"], metrics),
        slices: list(&value["slices"], |slice| Slice {
            by: string(&slice["by"]),
            group: string(&slice["group"]),
            count: count(&slice["count"]),
            metrics: metrics(&slice["metrics"]),
        }),
        notes: list(&value["notes"], string),
    }
}

fn measured(line: &str) -> Option<Measured> {
    let object: Map<String, Value> = serde_json::from_str(line).ok()?;
    let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
    const PLACE: [&str; 7] = [
        "day",
        "turn",
        "phase",
        "epoch",
        "step",
        "split",
        "evaluation",
    ];
    let values = object
        .iter()
        .filter(|(name, _)| !PLACE.contains(&name.as_str()))
        .filter_map(|(name, value)| Some((name.clone(), value.as_f64()?)));
    Some(Measured {
        day: text("day"),
        phase: text("phase"),
        epoch: object.get("epoch").and_then(Value::as_u64),
        split: text("split")?,
        evaluation: text("evaluation"),
        values: values.collect(),
    })
}

fn source(value: &Value) -> Source {
    Source {
        name: string(&value["source"]),
        rows: count(&value["rows"]),
        repeats: count(&value["repeats"]),
        left_out: count(&value["left_out"]["rows"]),
        skipped: count(&value["bad"]["skipped"]),
        defaulted: count(&value["bad"]["defaulted"]),
        absent: named(&value["absent"], count),
    }
}

/// Sources with how many of their rows have no score of a teacher that is a table.
fn with_scores(mut sources: Vec<Source>, scores: &Value) -> Vec<Source> {
    for scores in list(scores, Value::clone) {
        let of = string(&scores["source"]);
        if let Some(source) = sources.iter_mut().find(|known| known.name == of) {
            let teacher = format!("score of {}", string(&scores["teacher"]));
            source.absent.push((teacher, count(&scores["missing"])));
        }
    }
    sources
}

fn split(value: &Value) -> Split {
    Split {
        source: string(&value["source"]),
        parts: list(&value["parts"], |part| Part {
            name: string(&part["name"]),
            rows: count(&part["rows"]),
            entities: named(&part["entities"], |of| {
                (count(&of["with_rows"]), count(&of["without"]))
            })
            .into_iter()
            .map(|(name, (with, without))| (name, with, without))
            .collect(),
        }),
        cut: count(&value["cut"]),
        immature: count(&value["immature"]),
        later: value["training_later_than_median_test"]
            .as_f64()
            .unwrap_or(0.0),
    }
}

fn metrics(value: &Value) -> Metrics {
    named(value, Value::as_f64)
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

fn named<T>(value: &Value, each: impl Fn(&Value) -> T) -> Vec<(String, T)> {
    let fields = value.as_object().into_iter().flatten();
    fields
        .map(|(name, value)| (name.clone(), each(value)))
        .collect()
}

fn list<T>(value: &Value, each: impl Fn(&Value) -> T) -> Vec<T> {
    value.as_array().into_iter().flatten().map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::{Run, measured};

    #[test]
    fn a_line_that_was_cut_off_is_no_measurement() {
        let line = r#"{"phase":"train","epoch":2,"step":20,"split":"train","main":2.5,"auc":null}"#;
        let read = measured(line).unwrap();
        assert_eq!((read.epoch, read.split.as_str()), (Some(2), "train"));
        assert_eq!(read.values, [("main".to_owned(), 2.5)]);
        assert_eq!(measured(&line[..30]), None);
    }

    #[test]
    fn a_folder_that_tells_nothing_is_an_empty_run() {
        let folder = tempfile::tempdir().unwrap();
        let run = Run::read(folder.path());
        assert_eq!(
            (run.steps, run.reports.len(), run.measured.len()),
            (None, 0, 0)
        );
    }
}
