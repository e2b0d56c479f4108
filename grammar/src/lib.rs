//! The text of Reckon: spans, diagnostics, the lossless tree, the abstract syntax and the formatter.

// The parsers that pest makes name it.
extern crate alloc;

pub mod ast;
pub mod diagnostic;
mod format;
pub mod ir;
pub mod keywords;
mod layout;
pub mod lex;
mod parse;
mod parts;
mod recover;
pub mod span;
mod tree;

pub use format::{format, print, print_expr, print_type};
pub use parse::{Earlier, Parsed, parse, parse_again};
pub use tree::Tree;
