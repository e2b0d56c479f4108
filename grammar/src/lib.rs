//! The text of Reckon: spans, diagnostics, the lossless tree, the abstract syntax and the formatter.

pub mod ast;
pub mod diagnostic;
pub mod span;
