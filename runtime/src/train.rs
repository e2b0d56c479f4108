//! Training: phases one after another, each a loop over the batches of its streams.

mod ahead;
mod diverged;
mod epoch;
mod pace;
mod phase;
mod schedule;
mod stream;
mod trace;
mod weights;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use reckon_compiler::plan::Plan;
use reckon_torch::{Device, Store, Stored};

use crate::checkpoint::{Checkpoint, Position};
use crate::data::Dataset;
use crate::failure::{Failure, whole_spec};
use crate::observer::Observer;
use crate::step::{declare_loaded, take_loaded};
use phase::Phase;
pub(crate) use trace::Traced;
pub(crate) use weights::{import, restore};

/// What training needs, and what it keeps.
pub(crate) struct Training<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) data: &'a Dataset,
    pub(crate) device: Device,
    pub(crate) seed: u64,
    /// Threads that prepare batches.
    pub(crate) threads: usize,
    /// Set from outside to stop after the current step.
    pub(crate) interrupted: &'a AtomicBool,
    /// Where checkpoints go.
    pub(crate) checkpoints: &'a Path,
    /// Fitted state, file by file, as checkpoints keep it.
    pub(crate) fitted: BTreeMap<String, Vec<u8>>,
    /// Weights of teachers out of finished runs, under their paths here; a resumed run has them in its checkpoint.
    pub(crate) teachers: Vec<Stored>,
}

/// A trained model.
pub(crate) struct Trained {
    /// The final parameters: those of the best epoch where early stopping watched.
    pub(crate) store: Store,
    /// Steps of all phases.
    pub(crate) steps: usize,
}

impl<'a> Training<'a> {
    /// Trains all phases, from the beginning or from a checkpoint.
    ///
    /// # Errors
    /// Divergence, a stop from outside (after a checkpoint), a checkpoint of another model, an evaluation that fails.
    pub(crate) fn run(
        &self,
        resume: Option<Checkpoint>,
        observer: &mut dyn Observer,
    ) -> Result<Trained, Failure> {
        let (mut store, mut position, mut best) = match resume {
            None => {
                let position = Position {
                    seed: self.seed,
                    ..Position::default()
                };
                (self.first_store()?, position, None)
            }
            Some(checkpoint) => {
                let reached = checkpoint.position.phase + usize::from(checkpoint.position.step > 0);
                let store = restore(self, reached, &checkpoint.weights)?;
                (store, checkpoint.position, checkpoint.best)
            }
        };
        while let Some(plan) = self.plan.phases.get(position.phase) {
            let mut phase = Phase::new(self, plan, &mut store)?;
            phase.run(&mut store, &mut position, best.take(), observer)?;
            self.write_checkpoint(&store, &position, None)?;
        }
        Ok(Trained {
            store,
            steps: position.total_steps,
        })
    }

    /// A store that holds the teachers out of finished runs, and nothing else yet.
    fn first_store(&self) -> Result<Store, Failure> {
        let mut store = Store::new(self.device);
        declare_loaded(&mut store, self.plan, self.data, self.seed)?;
        take_loaded(&mut store, self.plan, &self.teachers)?;
        Ok(store)
    }

    /// Writes a checkpoint of the present state.
    pub(crate) fn write_checkpoint(
        &self,
        store: &Store,
        position: &Position,
        best: Option<&Vec<Stored>>,
    ) -> Result<(), Failure> {
        let checkpoint = Checkpoint {
            position: position.clone(),
            weights: store.export(),
            best: best.cloned(),
            fitted: self.fitted.clone(),
        };
        checkpoint.write(self.checkpoints, whole_spec(self.plan))
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}
