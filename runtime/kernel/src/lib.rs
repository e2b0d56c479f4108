//! Row programs on columns: what a spec computes for each row of a source before any tensor.
//!
//! A [`RowProgram`] runs a [`Kernel`](reckon_compiler::plan::row::Kernel). Its interpreter (`interpret.rs`, `ops/`) goes
//! through the instructions once and applies each to whole columns: it says what they mean. Machine code (`compile/`,
//! `jit.rs`, `execute.rs`) fuses them into loops and equals it bit for bit, but for the payload of a NaN. What depends on
//! texts that recur alone, or on referred rows alone, is computed once for each of them (`once.rs`).

mod column;
mod compile;
mod execute;
mod filled;
mod fitted;
mod groups;
pub mod hash;
mod index;
mod interpret;
mod jit;
mod once;
mod ops;
mod program;
mod wide;

pub use column::{Column, Data, Lists, Texts};
pub use compile::clif;
pub use fitted::{Fitted, Vocabulary, VocabularyValues};
pub use groups::{Group, GroupKey, Groups};
pub use interpret::{Inputs, KernelError, Through};
pub use program::{Means, RowProgram};
