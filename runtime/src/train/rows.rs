//! The rows that a training takes from each of its streams.

use reckon_compiler::plan::{PhasePlan, StreamPlan};
use reckon_compiler::random::site_hash;
use reckon_grammar::diagnostic::Diagnostic;

use super::Training;
use super::stream::Stream;
use crate::data::Selected;
use crate::failure::{Failure, NO_ROWS, RANGE};
use crate::random::Key;

/// The rows of a stream, in the order of its seed.
pub(super) fn rows_of(
    training: &Training<'_>,
    phase: &PhasePlan,
    plan: &StreamPlan,
) -> Result<Stream, Failure> {
    let mut selected = training.data.selected(plan);
    if let Some(fold) = training.fold {
        fold.leave_out(&plan.source, &mut selected.rows);
        if let Some(second) = &mut selected.second {
            fold.leave_out(&plan.source, second);
        }
    }
    let empty = selected.second.as_ref().is_some_and(Vec::is_empty);
    let nothing = selected.rows.is_empty() || empty;
    if nothing && plan.window.is_some() {
        // A day without such rows trains without them.
        selected = Selected {
            second: selected.second.map(|_| Vec::new()),
            ..Selected::default()
        };
    } else if nothing {
        let message = format!(
            "stream `{}` of `{}` has no training rows",
            plan.name, phase.name
        );
        let diagnostic = Diagnostic::error(NO_ROWS, phase.span, message).note(format!(
            "they are the training rows of `{}` that satisfy its condition",
            plan.source
        ));
        return Err(Failure::data(vec![diagnostic]));
    }
    let rows = || selected.rows.iter().chain(selected.second.iter().flatten());
    let weight = |row: u32| {
        selected
            .weights
            .as_ref()
            .map_or(1.0, |all| all[row as usize])
    };
    if let Some(row) = rows().find(|row| weight(**row) < 0.0) {
        let (name, weight) = (&plan.name, weight(*row));
        let message = format!("a row of stream `{name}` weighs {weight}, less than nothing");
        let diagnostic = Diagnostic::error(RANGE, phase.span, message)
            .help("bound what `weigh` takes: `weigh(maximum(..., 0))`");
        return Err(Failure::data(vec![diagnostic]));
    }
    let mut key = Key::new(training.seed)
        .with(site_hash(&phase.name))
        .with(site_hash(&plan.name));
    if let Some(day) = training.turn.day {
        key = key.with(day as u64);
    }
    if let Some(fold) = training.fold {
        key = key.with(fold.site());
    }
    Ok(Stream::new(training.data, plan, selected, key))
}
