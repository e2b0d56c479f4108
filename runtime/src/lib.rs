//! What a plan does: data, fits, batches, training, evaluation, checkpoints, run directories.
#![expect(dead_code, reason = "the loop that uses the parts is not here yet")]

mod baseline;
mod checkpoint;
pub mod data;
pub mod evaluate;
mod failure;
mod metric;
pub mod observer;
mod random;
mod train;

pub use failure::{Failure, FailureKind};
pub use metric::Interval;
