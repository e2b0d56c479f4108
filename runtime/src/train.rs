//! Training.

mod ahead;
mod schedule;
mod stream;
