//! Metrics: their names, and for retrieval the value of one ranked list.

pub(crate) mod interval;
pub(crate) mod ranking;
pub(crate) mod retrieval;

pub use interval::Interval;
