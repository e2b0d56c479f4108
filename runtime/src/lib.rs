//! What a plan does: data, fits, batches, training, evaluation, checkpoints, run directories.

mod baseline;
mod checkpoint;
pub mod compare;
pub mod data;
pub mod evaluate;
mod failure;
pub mod footprint;
mod metric;
pub mod observer;
mod profile;
mod random;
pub mod run;
mod step;
mod train;

pub use failure::{Failure, FailureKind};
pub use metric::Interval;
pub use reckon_torch::keep_memory;
pub use reckon_torch::once::outputs;
pub use reckon_torch::{Versions, versions};
