//! Types of graph values.

use super::space::SpaceId;

/// What a tensor holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Elem {
    /// 32-bit floats.
    F32,
    /// 64-bit integers: ids, row numbers, positions.
    I64,
    /// Truth values.
    Bool,
}

/// One dimension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dim {
    /// As many as the space has rows.
    Space(SpaceId),
    /// A number known to the compiler.
    Fixed(usize),
}

/// Element type and dimensions: spaces first, then positional dimensions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TensorType {
    /// What it holds.
    pub elem: Elem,
    /// The dimensions, outermost first.
    pub dims: Vec<Dim>,
}

impl TensorType {
    /// A type.
    pub fn new(elem: Elem, dims: impl Into<Vec<Dim>>) -> Self {
        Self { elem, dims: dims.into() }
    }

    /// A float without dimensions.
    pub fn scalar() -> Self {
        Self::new(Elem::F32, [])
    }

    /// The number of dimensions.
    pub fn rank(&self) -> usize {
        self.dims.len()
    }
}
