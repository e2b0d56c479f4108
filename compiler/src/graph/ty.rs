//! Types of graph values.

use super::space::{Space, SpaceId, SpaceKind};

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
        Self {
            elem,
            dims: dims.into(),
        }
    }

    /// A float without dimensions.
    pub fn scalar() -> Self {
        Self::new(Elem::F32, [])
    }

    /// The number of dimensions.
    pub fn rank(&self) -> usize {
        self.dims.len()
    }

    /// As it prints: `f32[B, 64]`, `f32` without dimensions.
    pub fn show(&self, spaces: &[Space]) -> String {
        if self.dims.is_empty() {
            return self.elem.name().to_owned();
        }
        format!("{}{}", self.elem.name(), show_dims(spaces, &self.dims))
    }
}

impl Elem {
    /// All element types.
    pub const ALL: [Self; 3] = [Self::F32, Self::I64, Self::Bool];

    /// As it prints.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::I64 => "i64",
            Self::Bool => "bool",
        }
    }
}

impl Dim {
    /// Its size, unless it is a space.
    pub fn fixed(self) -> Option<usize> {
        match self {
            Self::Fixed(size) => Some(size),
            Self::Space(_) => None,
        }
    }

    /// The index space, if it is one.
    pub fn space(self) -> Option<SpaceId> {
        match self {
            Self::Space(space) => Some(space),
            Self::Fixed(_) => None,
        }
    }

    /// As it prints: the name of the space, or the number.
    pub fn show(self, spaces: &[Space]) -> String {
        match self {
            Self::Space(SpaceId(at)) => spaces
                .get(at as usize)
                .map_or_else(|| format!("?{at}"), |space| space.name.clone()),
            Self::Fixed(size) => size.to_string(),
        }
    }
}

/// The dimensions of the elementwise combination of operands with these dimensions, or what keeps them apart.
///
/// Where one operand's dimensions hold all others', they are the result. Otherwise the result has all spaces in the order
/// of their first appearance, a list space after its parent, then the longest row of positional dimensions.
pub fn join(spaces: &[Space], operands: &[&[Dim]]) -> Result<Vec<Dim>, String> {
    let widest = operands
        .iter()
        .max_by_key(|dims| dims.len())
        .copied()
        .unwrap_or_default();
    if operands.iter().all(|dims| align(dims, widest).is_some()) {
        return Ok(widest.to_vec());
    }
    let mut result: Vec<Dim> = Vec::new();
    for dims in operands {
        for dim in dims.iter().filter(|dim| matches!(dim, Dim::Space(_))) {
            if !result.contains(dim) {
                let child = result
                    .iter()
                    .position(|other| is_list_of(spaces, *other, *dim));
                result.insert(child.unwrap_or(result.len()), *dim);
            }
        }
    }
    let positional = operands
        .iter()
        .map(|dims| positional(dims))
        .max_by_key(Vec::len)
        .unwrap_or_default();
    result.extend(positional.into_iter().map(|(_, dim)| dim));
    match operands.iter().find(|dims| align(dims, &result).is_none()) {
        None => Ok(result),
        Some(_) => {
            let shown: Vec<_> = operands
                .iter()
                .map(|dims| format!("`{}`", show_dims(spaces, dims)))
                .collect();
            Err(format!(
                "dimensions {} do not fit together",
                shown.join(" and ")
            ))
        }
    }
}

/// For each dimension of an operand the axis of `result` on which it lies, outermost first; none where it has no place.
/// Spaces lie on the same space, from the right; positional dimensions on the last positional ones.
pub fn align(operand: &[Dim], result: &[Dim]) -> Option<Vec<usize>> {
    if operand == result {
        return Some((0..result.len()).collect());
    }
    let mut fixed = positional(result);
    let mut axes = vec![0; operand.len()];
    let mut end = result.len();
    for (at, dim) in operand.iter().enumerate().rev() {
        let axis = match dim {
            Dim::Fixed(_) => fixed.pop().filter(|(_, other)| other == dim)?.0,
            Dim::Space(_) => result[..end].iter().rposition(|other| other == dim)?,
        };
        if axis >= end {
            return None;
        }
        axes[at] = axis;
        end = axis;
    }
    Some(axes)
}

fn positional(dims: &[Dim]) -> Vec<(usize, Dim)> {
    dims.iter()
        .copied()
        .enumerate()
        .filter(|(_, dim)| matches!(dim, Dim::Fixed(_)))
        .collect()
}

fn is_list_of(spaces: &[Space], list: Dim, parent: Dim) -> bool {
    let (Dim::Space(list), Dim::Space(parent)) = (list, parent) else {
        return false;
    };
    matches!(spaces[list.0 as usize].kind, SpaceKind::List { parent: of, .. } if of == parent)
}

fn show_dims(spaces: &[Space], dims: &[Dim]) -> String {
    let dims: Vec<_> = dims.iter().map(|dim| dim.show(spaces)).collect();
    format!("[{}]", dims.join(", "))
}
