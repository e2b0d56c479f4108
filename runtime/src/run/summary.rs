//! `summary.json`: the final metrics by name, and what they rest on. It holds nothing that differs between two runs of
//! one seed; seconds are in `timing.json`.

use reckon_compiler::plan::Plan;
use serde_json::{Map, Value, json};

use crate::data::Dataset;
use crate::evaluate::Report;

/// The summary of a run.
pub(super) fn summary(
    plan: &Plan,
    data: &Dataset,
    reports: &[Report],
    steps: usize,
    seed: u64,
) -> Value {
    let mut summary = Map::new();
    let mut rows = Map::new();
    for source in &data.sources {
        let parts = source.parts.as_ref().map(|parts| &parts.report.parts);
        let parts: Map<String, Value> = parts
            .into_iter()
            .flatten()
            .map(|part| (part.name.clone(), json!(part.rows)))
            .collect();
        rows.insert(
            source.name.clone(),
            json!({ "all": source.rows, "parts": parts }),
        );
    }
    summary.insert("rows".to_owned(), rows.into());
    if !data.scores.is_empty() {
        summary.insert("scores".to_owned(), json!(data.scores));
    }
    if !data.found_vectors.is_empty() {
        summary.insert("vectors".to_owned(), json!(data.found_vectors));
    }
    summary.insert("steps".to_owned(), json!(steps));
    summary.insert("seed".to_owned(), json!(seed));
    let versions = json!({ "reckon": env!("CARGO_PKG_VERSION"), "libtorch": reckon_torch::versions().libtorch });
    summary.insert("versions".to_owned(), versions);
    summary.insert(
        "reports".to_owned(),
        reports.iter().map(Report::to_json).collect(),
    );
    // Last, so that an evaluation by the name of one of the fields above is still found under its name.
    for evaluation in &plan.evaluations {
        let of = reports
            .iter()
            .filter(|report| report.evaluation == evaluation.name);
        let by_split: Map<String, Value> = of
            .map(|report| (report.split.clone(), report.values()))
            .collect();
        summary.insert(evaluation.name.clone(), by_split.into());
    }
    summary.into()
}
