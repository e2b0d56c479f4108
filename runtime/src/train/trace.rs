//! The first steps of a training, with all that they read and yield.

use std::time::{Duration, Instant};

use reckon_torch::Store;

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
    /// How long it took, its batches made before.
    pub(crate) took: Duration,
}

/// What is seen of the first steps.
pub(crate) enum Seen<'a> {
    /// The parameters, before the first step and after the last.
    Parameters(&'a Store),
    /// A step, by its number.
    Step(usize, &'a Traced),
}

impl Training<'_> {
    /// Runs at most `steps` steps of the first training, and shows the parameters and each step; nothing where the plan trains
    /// nothing.
    ///
    /// # Errors
    /// What training itself refuses, and what `see` does.
    pub(crate) fn trace(
        &self,
        steps: usize,
        mut see: impl FnMut(Seen<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let Some(plan) = self.plan.phases.first() else {
            return Ok(());
        };
        let mut store = self.first_store()?;
        let phase = Phase::new(self, plan, 0, &mut store)?;
        begin(&mut store, plan)?;
        see(Seen::Parameters(&store))?;
        let batches = phase.batches();
        for step in 0..steps.min(phase.steps()) {
            let batches = batches.at(step);
            let began = Instant::now();
            let outputs = phase.advance(&mut store, &batches, step)?;
            let took = began.elapsed();
            see(Seen::Step(
                step,
                &Traced {
                    batches,
                    outputs,
                    took,
                },
            ))?;
        }
        see(Seen::Parameters(&store))
    }
}
