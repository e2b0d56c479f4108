//! The graph: what each op means, and its gradient.

#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod cases;
mod composites;
mod edges;
mod generated;
mod gradients;
mod optimised;
mod text;
mod training;
mod types;
mod world;
