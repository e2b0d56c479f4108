//! Types of the language.

use crate::graph::Elem;
use crate::plan::row::RowType;
use crate::value::Value;

/// An index space that types refer to: index into `Hir::spaces`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpaceRef(pub u32);

/// A space with its printed name.
#[derive(Clone, Debug, PartialEq)]
pub struct SpaceInfo {
    /// `B`, `C`, `E`, `~50`.
    pub name: String,
    /// What it is.
    pub kind: SpaceKind,
    /// Tells spaces of equal kind apart: two lists of one handle are equal where this is.
    pub identity: String,
}

/// Kinds of spaces.
#[derive(Clone, Debug, PartialEq)]
pub enum SpaceKind {
    /// The rows of a batch.
    Batch,
    /// Shared candidates.
    Candidates,
    /// All rows of an entity.
    Catalogue,
    /// A list in each row of `parent`; `None` inside a tower, where the row itself has no space.
    List {
        /// The rows that hold the lists.
        parent: Option<SpaceRef>,
        /// The longest.
        max: Option<usize>,
    },
    /// A positional dimension that a function treats as rows.
    Axis(usize),
}

/// When a value is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// By the compiler.
    Const,
    /// For each row, by a kernel.
    Row,
    /// For each batch, by a tensor program.
    Step,
}

/// What a float means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Kind {
    /// Nothing special.
    #[default]
    Plain,
    /// Log odds.
    Logit,
    /// A probability.
    Prob,
    /// The log of a probability.
    LogProb,
}

/// A tensor type, a value a row of its spaces.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// What it holds.
    pub elem: Elem,
    /// What its numbers mean.
    pub kind: Kind,
    /// The rows over which it runs; a list stands for its parent too.
    pub spaces: Vec<SpaceRef>,
    /// Positional dimensions.
    pub dims: Vec<usize>,
}

impl Tensor {
    /// Plain floats.
    pub fn f32(spaces: Vec<SpaceRef>, dims: Vec<usize>) -> Self {
        Self {
            elem: Elem::F32,
            kind: Kind::Plain,
            spaces,
            dims,
        }
    }
}

/// A set of rows of a source.
#[derive(Clone, Debug, PartialEq)]
pub struct HandleTy {
    /// The source.
    pub source: String,
    /// Its space; `None` for the row of a tower or feature.
    pub space: Option<SpaceRef>,
    /// Reached through a history.
    pub past: bool,
    /// Candidates carry the positive's index and their expected count.
    pub candidates: bool,
}

/// The type of an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Ty {
    /// Known to the compiler.
    Const(Value),
    /// A value of each row, before any tensor.
    Row(RowType),
    /// A tensor.
    Tensor(Tensor),
    /// Rows.
    Handle(HandleTy),
    /// Several values beside each other.
    Tuple(Vec<Ty>),
    /// Named values.
    Record(Vec<(String, Ty)>),
    /// Broken; reported.
    Error,
}

impl Ty {
    /// When a value of this type is computed.
    pub fn stage(&self) -> Stage {
        match self {
            Self::Const(_) | Self::Error => Stage::Const,
            Self::Row(_) => Stage::Row,
            Self::Tensor(_) | Self::Handle(_) => Stage::Step,
            Self::Tuple(items) => items.iter().map(Self::stage).max().unwrap_or(Stage::Const),
            Self::Record(fields) => fields
                .iter()
                .map(|(_, ty)| ty.stage())
                .max()
                .unwrap_or(Stage::Const),
        }
    }

    /// The constant, where it is one.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Const(value) => Some(value),
            _ => None,
        }
    }
}

/// A type with the spaces it refers to, for printing.
pub struct Shown<'a>(pub &'a Ty, pub &'a [SpaceInfo]);

impl std::fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self(ty, spaces) = self;
        match ty {
            Ty::Const(Value::Int(_)) => f.write_str("int"),
            Ty::Const(Value::Float(_)) => f.write_str("float"),
            Ty::Const(Value::Bool(_)) => f.write_str("bool"),
            Ty::Const(Value::Str(_)) => f.write_str("str"),
            Ty::Const(Value::Duration(_)) => f.write_str("duration"),
            Ty::Const(Value::Word(word)) => write!(f, "word {word}"),
            Ty::Const(Value::List(_)) => f.write_str("list"),
            Ty::Row(row) => write!(f, "{row}"),
            Ty::Tensor(tensor) => write_tensor(f, tensor, spaces),
            Ty::Handle(handle) if handle.candidates => write!(f, "candidates {}", handle.source),
            Ty::Handle(handle) => match handle.space {
                Some(space) => write!(f, "{}[{}]", handle.source, spaces[space.0 as usize].name),
                None => f.write_str(&handle.source),
            },
            Ty::Tuple(items) => {
                f.write_str("[")?;
                separated(f, items, |f, item| write!(f, "{}", Shown(item, spaces)))?;
                f.write_str("]")
            }
            Ty::Record(fields) => {
                f.write_str("{ ")?;
                separated(f, fields, |f, (name, ty)| {
                    write!(f, "{name}: {}", Shown(ty, spaces))
                })?;
                f.write_str(" }")
            }
            Ty::Error => f.write_str("?"),
        }
    }
}

fn separated<T>(
    f: &mut std::fmt::Formatter<'_>,
    items: &[T],
    mut each: impl FnMut(&mut std::fmt::Formatter<'_>, &T) -> std::fmt::Result,
) -> std::fmt::Result {
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            f.write_str(", ")?;
        }
        each(f, item)?;
    }
    Ok(())
}

fn write_tensor(
    f: &mut std::fmt::Formatter<'_>,
    tensor: &Tensor,
    spaces: &[SpaceInfo],
) -> std::fmt::Result {
    f.write_str(match (tensor.elem, tensor.kind) {
        (Elem::F32, Kind::Plain) => "f32",
        (Elem::F32, Kind::Logit) => "logit",
        (Elem::F32, Kind::Prob) => "prob",
        (Elem::F32, Kind::LogProb) => "log_prob",
        (Elem::I64, _) => "i64",
        (Elem::Bool, _) => "bool",
    })?;
    let names = tensor
        .spaces
        .iter()
        .map(|space| spaces[space.0 as usize].name.clone());
    let dims: Vec<String> = names
        .chain(tensor.dims.iter().map(usize::to_string))
        .collect();
    if dims.is_empty() {
        Ok(())
    } else {
        write!(f, "[{}]", dims.join(", "))
    }
}
