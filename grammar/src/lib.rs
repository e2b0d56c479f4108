//! The text of Reckon: spans, diagnostics, the lossless tree, the abstract syntax and the formatter.

pub mod ast;
pub mod diagnostic;
mod format;
pub mod ir;
pub mod keywords;
mod layout;
pub mod lex;
mod parse;
mod recover;
pub mod span;
mod tree;

pub use format::{format, print, print_expr, print_type};
pub use parse::{Parsed, parse};
pub use tree::Tree;
