//! Evaluation: queries against the whole catalogue, scored rows, slices, baselines.

pub(crate) mod model;
pub(crate) mod predictions;
pub(crate) mod queries;
pub(crate) mod report;
pub(crate) mod retrieval;
pub(crate) mod scored;
pub(crate) mod slice;
pub(crate) mod top;

pub use report::{BaselineValue, MetricValue, Report, SliceValue};
