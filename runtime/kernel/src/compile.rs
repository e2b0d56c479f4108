//! Row programs as machine code: what is compiled into which loop, and the loops in Cranelift's language.
//!
//! The instructions of a kernel fall into **islands**, each one loop over rows or over the elements of lists, two at a
//! time in 128-bit vectors, and into instructions that Rust functions run over whole columns ([`steps`]). Code is made
//! for a [`Shape`]: which columns hold nulls, which are read through a reference. A column without nulls costs nothing
//! for those it does not have.
//!
//! What has machine code is said by [`ops::supports`]: all ops on numbers, truth values and times, on rows or mapped
//! over lists. What has none: ops with a text among their operands or as their result, look-ups in vocabularies and
//! groups, ops that make one value of a list or another list, and choices between texts or lists.

mod island;
mod lanes;
mod ops;
mod print;
pub(crate) mod steps;
mod words;

pub(crate) use island::{function, lane_of, padded};
pub use print::clif;
pub(crate) use words::{Helper, Word, words};

use reckon_compiler::plan::row::RowKind;

/// What code is made for. Code of another shape is other code; both give the same values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shape {
    /// How each instruction that reads a column finds its values; `None` for other instructions.
    pub(crate) leaves: Vec<Option<Leaf>>,
    /// The number of fitted borders, by instruction.
    pub(crate) borders: Vec<usize>,
}

/// How a column is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Leaf {
    /// Whether values of the column are null.
    pub(crate) nulls: bool,
    pub(crate) read: Read,
}

/// Where the value of a row or element stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Read {
    /// In its own place.
    Direct,
    /// In the place that a list of places says, which is one of the column's.
    Gathered,
    /// In the place that a list of places says, null where the column ends before it.
    GatheredOrAbsent,
}

/// What a register or the element of a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// 64 bits, also times and durations.
    Int,
    /// 64 bits.
    Float,
    /// One byte, 0 or 1.
    Bool,
}

impl Lane {
    /// `None` for texts and lists.
    pub(crate) fn of(kind: &RowKind) -> Option<Self> {
        match kind {
            RowKind::Int | RowKind::Time | RowKind::Duration => Some(Self::Int),
            RowKind::Float => Some(Self::Float),
            RowKind::Bool => Some(Self::Bool),
            RowKind::Str | RowKind::List(_) => None,
        }
    }

    /// Of the elements of a list; `None` for what is no list of numbers or truth values.
    pub(crate) fn of_elements(kind: &RowKind) -> Option<Self> {
        match kind {
            RowKind::List(of) => Self::of(of),
            RowKind::Int
            | RowKind::Float
            | RowKind::Bool
            | RowKind::Str
            | RowKind::Time
            | RowKind::Duration => None,
        }
    }
}
