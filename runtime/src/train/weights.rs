//! Parameters out of checkpoints and snapshots.

use std::collections::{BTreeMap, BTreeSet};

use reckon_compiler::plan::Plan;
use reckon_grammar::diagnostic::Diagnostic;
use reckon_torch::{Store, Stored};

use super::Training;
use crate::failure::{Failure, FailureKind, MISFIT, whole_spec};
use crate::step::{declare_daily, declare_loaded, declare_phase};

/// A store with the parameters of what has been begun, all of them taken from `stored`.
///
/// # Errors
/// Parameters of the plan that `stored` lacks, or has in another shape, or has in excess.
pub(crate) fn restore(training: &Training<'_>, stored: &[Stored]) -> Result<Store, Failure> {
    let mut store = Store::new(training.machine.device);
    let Training {
        plan, data, seed, ..
    } = *training;
    declare_loaded(&mut store, plan, data, seed)?;
    for phase in &training.reached.phases {
        declare_phase(&mut store, plan, data, &plan.phases[*phase], seed)?;
    }
    if training.reached.daily {
        declare_daily(&mut store, plan, data, seed)?;
    }
    import(training.plan, &mut store, stored)?;
    Ok(store)
}

/// Puts stored tensors into a store that has exactly their parameters.
pub(crate) fn import(plan: &Plan, store: &mut Store, stored: &[Stored]) -> Result<(), Failure> {
    let mut faults = Vec::new();
    let parameters: BTreeMap<&str, &Stored> = stored
        .iter()
        .filter(|stored| !stored.name.contains(MOMENT))
        .map(|stored| (stored.name.as_str(), stored))
        .collect();
    let declared: BTreeSet<String> = store.paths().map(str::to_owned).collect();
    for path in &declared {
        let expected = store.shape(path).unwrap_or_default();
        match parameters.get(path.as_str()) {
            None => faults.push(format!("it lacks `{path}` of shape {expected:?}")),
            Some(found) if found.shape != expected => {
                faults.push(format!(
                    "`{path}` has shape {:?}, the spec asks for {expected:?}",
                    found.shape
                ));
            }
            Some(_) => {}
        }
    }
    faults.extend(
        parameters
            .keys()
            .filter(|path| !declared.contains(**path))
            .map(|path| format!("the spec has no `{path}`")),
    );
    if faults.is_empty() {
        faults.extend(
            stored
                .iter()
                .filter_map(|stored| store.import(stored).err())
                .map(|error| error.to_string()),
        );
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(misfit(plan, faults))
    }
}

/// What separates the path of a parameter from the name of what an optimiser remembers of it.
const MOMENT: char = ':';

/// At most so many differences are told one by one.
const TOLD: usize = 5;

fn misfit(plan: &Plan, faults: Vec<String>) -> Failure {
    let span = whole_spec(plan);
    let mut diagnostic = Diagnostic::error(
        MISFIT,
        span,
        "the checkpoint is of another model than the spec describes",
    )
    .help("run without `--resume`, or with the spec that the checkpoint was made by");
    let more = faults.len().saturating_sub(TOLD);
    diagnostic.notes.extend(faults.into_iter().take(TOLD));
    if more > 0 {
        diagnostic.notes.push(format!("{more} more of the same"));
    }
    Failure::new(FailureKind::Checkpoint, diagnostic)
}
