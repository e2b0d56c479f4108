//! The Reckon compiler: from a syntax tree to a plan, pure, without IO, libtorch or machine code.

pub mod build;
pub mod changes;
pub mod check;
pub mod cost;
pub mod differentiate;
pub mod drawing;
pub mod errors;
pub mod figures;
pub mod flow;
mod gates;
pub mod graph;
pub mod hir;
pub mod lower;
pub mod modules;
pub mod passes;
pub mod plan;
pub mod random;
pub mod resolved;
mod routing;
pub mod testing;
pub mod training;
pub mod value;
pub mod world;
