//! Row programs on columns: what a spec computes for each row of a source before any tensor.
//!
//! [`run`] is the interpreter: it goes through the instructions of a [`Kernel`](reckon_compiler::plan::row::Kernel)
//! once and applies each to whole columns. It is the reference that machine code has to equal bit for bit.

mod column;
mod fitted;
mod groups;
pub mod hash;
mod interpret;
mod ops;

pub use column::{Column, Data, Lists, Texts};
pub use fitted::{Fitted, Vocabulary, VocabularyValues};
pub use groups::{Group, GroupKey, Groups};
pub use interpret::{Inputs, KernelError, run};
