//! Teachers out of finished runs: their weights and the statistics that their features were fitted with.

use std::collections::BTreeMap;
use std::path::Path;

use reckon_compiler::plan::{LoadPlan, Plan};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::Span;
use reckon_kernel::Fitted;
use reckon_torch::Stored;

use super::checkpoints_of;
use crate::checkpoint::Checkpoint;
use crate::data::load_named_fit;
use crate::failure::{Failure, FailureKind, MISFIT, NO_CHECKPOINT};

/// What a run takes from finished runs.
#[derive(Default)]
pub(crate) struct Teachers {
    /// Statistics by their place in the plan.
    pub(crate) fits: BTreeMap<usize, Fitted>,
    /// Parameters under the paths that they have here.
    pub(crate) weights: Vec<Stored>,
}

impl Teachers {
    /// Reads the checkpoints of the runs that the plan names. `root` is the folder that their paths are relative to.
    ///
    /// # Errors
    /// A run without a checkpoint, a damaged one, or one that lacks what a teacher needs.
    pub(crate) fn read(plan: &Plan, root: &Path) -> Result<Self, Failure> {
        let mut teachers = Self::default();
        for load in &plan.loads {
            let folder = checkpoints_of(&root.join(&load.run));
            let checkpoint = Checkpoint::read(&folder, load.span).map_err(of_a_run)?;
            teachers.weights.extend(weights(load, &checkpoint)?);
            let place = Checkpoint::place(&folder).unwrap_or(folder);
            for (at, fit) in plan.fits.iter().enumerate() {
                let Some(taken) = fit.taken.as_ref().filter(|taken| taken.run == load.run) else {
                    continue;
                };
                let fitted = load_named_fit(&place, &taken.name, fit)
                    .map_err(|diagnostic| Failure::new(FailureKind::Checkpoint, diagnostic))?;
                teachers.fits.insert(at, fitted);
            }
        }
        Ok(teachers)
    }
}

/// A teacher's checkpoint is that of a finished run, and not of this one.
fn of_a_run(mut failure: Failure) -> Failure {
    for diagnostic in &mut failure.diagnostics {
        if diagnostic.code == NO_CHECKPOINT {
            diagnostic.help = Some(
                "name a folder that `reckon run` has written; it is looked for beside the spec"
                    .to_owned(),
            );
        }
    }
    failure
}

/// The parameters of a teacher, renamed from what they are called in its run.
fn weights(load: &LoadPlan, checkpoint: &Checkpoint) -> Result<Vec<Stored>, Failure> {
    let mut found = Vec::new();
    let mut faults = Vec::new();
    for param in &load.params {
        let stored = param.from.iter().find_map(|name| {
            let mut weights = checkpoint.weights.iter();
            weights.find(|stored| stored.name == *name)
        });
        match stored {
            Some(stored) => found.push(Stored {
                name: param.path.clone(),
                ..stored.clone()
            }),
            None => faults.push(format!("it has no `{}`", param.from.join("` and no `"))),
        }
    }
    match faults.is_empty() {
        true => Ok(found),
        false => Err(misfit(&load.run, &load.teacher, faults, load.span)),
    }
}

/// A run whose checkpoint does not fit a teacher.
pub(crate) fn misfit(run: &str, teacher: &str, faults: Vec<String>, span: Span) -> Failure {
    let message = format!("the checkpoint of `{run}` does not fit teacher `{teacher}`");
    let mut diagnostic = Diagnostic::error(MISFIT, span, message)
        .help("name a run that trained a tower of this structure over these features");
    diagnostic.notes = faults;
    Failure::new(FailureKind::Checkpoint, diagnostic)
}
