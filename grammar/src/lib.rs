//! The text of Reckon: spans, diagnostics, the lossless tree, the abstract syntax and the formatter.

// a file holds few of each, and matching is plainer without boxes
#[expect(clippy::large_enum_variant)]
pub mod ast;
pub mod diagnostic;
pub mod ir;
pub mod keywords;
mod layout;
mod lex;
mod parse;
mod recover;
pub mod span;
mod tree;

pub use parse::{Parsed, parse};
pub use tree::Tree;
