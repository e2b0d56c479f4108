//! What a finished run says of rows that were not there when it trained.

use std::path::Path;

use reckon_compiler::plan::{EvaluationKind, Plan};
use reckon_grammar::diagnostic::{Diagnostic, nearest};
use serde::Serialize;

use super::DeviceName;
use super::answer::Model;
use crate::failure::{Failure, NAME, whole_spec};

/// The scores of the rows of a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// One a row, in the order of the file.
    pub rows: Vec<PredictedRow>,
    /// What a reader has to know: what the file does not have.
    pub notes: Vec<String>,
}

/// What is said of a row. As JSON it is an object of these fields.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PredictedRow {
    /// The row of the file, from 1.
    pub row: usize,
    /// What the evaluation scores with: a logit where it is one.
    pub score: f32,
}

/// Scores rows of a file by a ranking of a run: the one of this name, or the first. The rows go through the row programs and
/// statistics of the training, and see what has happened strictly before them.
///
/// # Errors
/// As for [`super::eval`], a file that cannot be read, and a plan without such a ranking.
pub fn predict(
    run: &Path,
    plan: &Plan,
    root: &Path,
    rows: &Path,
    by: Option<&str>,
    device: DeviceName,
) -> Result<Predictions, Failure> {
    let rankings = || {
        let evaluations = plan.evaluations.iter();
        evaluations.filter(|one| matches!(one.kind, EvaluationKind::Ranking { .. }))
    };
    let wanted = rankings().find(|one| by.is_none_or(|by| by == one.name));
    let Some(evaluation) = wanted else {
        let names: Vec<&str> = rankings().map(|one| one.name.as_str()).collect();
        return Err(no_ranking(plan, by, &names));
    };
    let mut model = Model::open(run, plan, root, device)?;
    let (ready, store) = model.ready(plan, evaluation)?;
    ready.predict(plan, store, rows)
}

fn no_ranking(plan: &Plan, by: Option<&str>, names: &[&str]) -> Failure {
    let help = "add `evaluate clicks: ranking over ...` with `score ... against ...`";
    let diagnostic = match (by, names) {
        (_, []) | (None, _) => {
            let message = "the spec has no ranking to predict by";
            Diagnostic::error(NAME, whole_spec(plan), message).help(help)
        }
        (Some(by), names) => {
            let listed: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            let message = format!("the spec has no ranking `{by}`");
            let listed = format!("there is {}", listed.join(", "));
            let mut diagnostic = Diagnostic::error(NAME, whole_spec(plan), message).note(listed);
            let near = nearest(by, names.iter().copied());
            diagnostic.help = near.map(|name| format!("perhaps `{name}` is meant"));
            diagnostic
        }
    };
    Failure::data(vec![diagnostic])
}
