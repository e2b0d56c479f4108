//! What all verbs of `reckon` share: the arguments, the streams and exit statuses, specs from files, and findings as text.
//!
//! The command itself holds the verbs that read and compile; `reckon-engine` holds those that compute with libtorch. Both
//! are built on this crate, so a verb looks the same wherever it lives.

pub mod arguments;
pub mod completions;
pub mod console;
pub mod cost;
pub mod doctor;
pub mod memory;
pub mod new;
pub mod render;
pub mod spec;
pub mod test;
