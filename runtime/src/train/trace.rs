//! The first steps of a training, with all that they read and yield.

use reckon_torch::Stored;

use super::Training;
use super::phase::{Phase, Taken};
use crate::failure::Failure;
use crate::step::begin;

/// What a step read and what came out of it.
pub(crate) struct Traced {
    /// Its batches.
    pub(crate) batches: Vec<Taken>,
    /// Its losses and the norm of its gradient, by name.
    pub(crate) outputs: Vec<(String, f64)>,
}

impl Training<'_> {
    /// Runs at most `steps` steps of the first training, and gives `see` each as it was. Returns the parameters before the
    /// first step and after the last, with what optimisers remember; none where the plan trains nothing.
    ///
    /// # Errors
    /// What training itself refuses, and what `see` does.
    pub(crate) fn trace(
        &self,
        steps: usize,
        mut see: impl FnMut(usize, &Traced) -> Result<(), Failure>,
    ) -> Result<[Vec<Stored>; 2], Failure> {
        let Some(plan) = self.plan.phases.first() else {
            return Ok([Vec::new(), Vec::new()]);
        };
        let mut store = self.first_store()?;
        let phase = Phase::new(self, plan, 0, &mut store)?;
        begin(&mut store, plan)?;
        let initial = store.export();
        let batches = phase.batches();
        for step in 0..steps.min(phase.steps()) {
            let batches = batches.at(step);
            let outputs = phase.advance(&mut store, &batches, step)?;
            see(step, &Traced { batches, outputs })?;
        }
        Ok([initial, store.export()])
    }
}
