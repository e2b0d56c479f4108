//! The graph: what each op means, and its gradient.

#![expect(clippy::unwrap_used, reason = "tests")]

mod cases;
mod edges;
mod generated;
mod gradients;
mod text;
mod training;
