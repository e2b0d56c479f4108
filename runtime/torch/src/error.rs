//! What can go wrong when a program runs. Each says the facts; the caller knows the file and the line.

use std::fmt;

use reckon_compiler::graph::{Elem, NodeId};

/// A run that could not go on.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are the words of the message")]
pub enum Error {
    /// The program reads an input that was not fed.
    MissingInput { input: String },
    /// An input holds another element type.
    InputElem {
        input: String,
        expected: Elem,
        found: Elem,
    },
    /// An input has another number of dimensions, or its values do not fill its shape.
    InputShape {
        input: String,
        expected: String,
        found: String,
    },
    /// An input has another size than declared, or than an earlier input gave its space.
    InputSize {
        input: String,
        axis: usize,
        dim: String,
        expected: usize,
        found: usize,
    },
    /// A row number in an input that its target does not have.
    OutOfRange {
        input: String,
        position: usize,
        value: i64,
        target: String,
        rows: usize,
    },
    /// No input and no op has given a space its size.
    UnknownSize { space: String },
    /// The store has no parameter of this path.
    MissingParam { path: String },
    /// A parameter, or a value for it, of another shape or type.
    ParamShape {
        path: String,
        expected: String,
        found: String,
    },
    /// libtorch refused an op.
    Op {
        node: Option<NodeId>,
        op: String,
        path: String,
        message: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingInput { input } => write!(f, "input `{input}` is not fed"),
            Self::InputElem {
                input,
                expected,
                found,
            } => {
                let (expected, found) = (elem_name(*expected), elem_name(*found));
                write!(f, "input `{input}` has to hold {expected}, found {found}")
            }
            Self::InputShape {
                input,
                expected,
                found,
            } => {
                write!(f, "input `{input}` has to be {expected}, found {found}")
            }
            Self::InputSize {
                input,
                axis,
                dim,
                expected,
                found,
            } => {
                write!(
                    f,
                    "input `{input}` has size {found} along dimension {axis}, `{dim}` has {expected}"
                )
            }
            Self::OutOfRange {
                input,
                position,
                value,
                target,
                rows,
            } => {
                write!(
                    f,
                    "value {value} at position {position} of input `{input}` is no row of {target}, which has {rows}"
                )
            }
            Self::UnknownSize { space } => write!(f, "no input tells the size of `{space}`"),
            Self::MissingParam { path } => write!(f, "parameter `{path}` is not in the store"),
            Self::ParamShape {
                path,
                expected,
                found,
            } => {
                write!(f, "parameter `{path}` has to be {expected}, found {found}")
            }
            Self::Op {
                op, path, message, ..
            } => {
                let message = message.lines().next().unwrap_or_default();
                write!(f, "`{op}` at `{path}` failed: {message}")
            }
        }
    }
}

impl std::error::Error for Error {}

impl From<tch::TchError> for Error {
    fn from(error: tch::TchError) -> Self {
        Self::Op {
            node: None,
            op: String::new(),
            path: String::new(),
            message: error.to_string(),
        }
    }
}

/// How an element type is spelled.
pub(crate) fn elem_name(elem: Elem) -> &'static str {
    match elem {
        Elem::F32 => "f32",
        Elem::I64 => "i64",
        Elem::Bool => "bool",
    }
}

/// A shape as `f32[3, 4]`.
pub(crate) fn shape_name(elem: Elem, shape: &[i64]) -> String {
    let sizes: Vec<String> = shape.iter().map(i64::to_string).collect();
    format!("{}[{}]", elem_name(elem), sizes.join(", "))
}
