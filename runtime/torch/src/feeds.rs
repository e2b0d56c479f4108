//! What a step is fed: named arrays as plain slices, and sizes of spaces that no array tells.

use std::collections::BTreeMap;

use reckon_compiler::graph::{Dim, Elem, Space, SpaceId, TensorType};
use tch::{Device, Kind, Tensor};

use crate::error::{Error, elem_name, shape_name};
use crate::kernels::rows::all_below;
use crate::outputs::Outputs;

/// Elements of an input in row-major order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values<'a> {
    /// Floats.
    F32(&'a [f32]),
    /// Ids, row numbers, positions.
    I64(&'a [i64]),
    /// Truth values.
    Bool(&'a [bool]),
}

impl Values<'_> {
    fn elem(self) -> Elem {
        match self {
            Self::F32(_) => Elem::F32,
            Self::I64(_) => Elem::I64,
            Self::Bool(_) => Elem::Bool,
        }
    }

    fn len(self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::I64(values) => values.len(),
            Self::Bool(values) => values.len(),
        }
    }

    fn tensor(self, shape: &[i64], device: Device) -> Result<Tensor, Error> {
        let flat = match self {
            Self::F32(values) => Tensor::f_from_slice(values)?,
            Self::I64(values) => Tensor::f_from_slice(values)?,
            Self::Bool(values) => Tensor::f_from_slice(values)?,
        };
        Ok(flat.f_view(shape)?.f_to_device(device)?)
    }
}

/// The inputs of one run of a program.
#[derive(Clone, Debug, Default)]
pub struct Feeds<'a> {
    inputs: BTreeMap<&'a str, Feed<'a>>,
    sizes: BTreeMap<SpaceId, usize>,
}

#[derive(Clone, Debug)]
struct Feed<'a> {
    shape: Vec<i64>,
    given: Given<'a>,
}

#[derive(Clone, Debug)]
enum Given<'a> {
    Elements(Values<'a>),
    /// A result of another program.
    Result(&'a Tensor),
}

impl Given<'_> {
    fn elem(&self) -> Elem {
        match self {
            Self::Elements(values) => values.elem(),
            Self::Result(value) => match value.kind() {
                Kind::Float => Elem::F32,
                Kind::Bool => Elem::Bool,
                // Programs make no other kinds.
                _ => Elem::I64,
            },
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Elements(values) => values.len(),
            Self::Result(value) => value.numel(),
        }
    }
}

impl<'a> Feeds<'a> {
    /// No inputs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Feeds an input: its shape, and its elements in row-major order.
    pub fn set(&mut self, input: &'a str, shape: &[usize], values: Values<'a>) {
        let shape = shape.iter().map(|&size| size as i64).collect();
        let given = Given::Elements(values);
        self.inputs.insert(input, Feed { shape, given });
    }

    /// Feeds the results of another program on the same device to the inputs of their names, without copying them.
    pub fn results(&mut self, outputs: &'a Outputs) {
        for (name, value) in &outputs.values {
            let feed = Feed {
                shape: value.size(),
                given: Given::Result(value),
            };
            self.inputs.insert(name, feed);
        }
    }

    /// Says how many rows a space has, for spaces that no input has as a dimension.
    pub fn size(&mut self, space: SpaceId, rows: usize) {
        self.sizes.insert(space, rows);
    }

    /// Checks the fed shapes against what the program declares. `sizes`, by space, holds what is known and takes what
    /// the inputs tell.
    pub(crate) fn bind(
        &self,
        declared: &[(String, TensorType)],
        spaces: &[Space],
        sizes: &mut [Option<i64>],
    ) -> Result<(), Error> {
        for (space, rows) in &self.sizes {
            sizes[space.0 as usize] = Some(*rows as i64);
        }
        for (name, ty) in declared {
            let feed = self.feed(name)?;
            check_shape(name, ty, feed, spaces)?;
            for (axis, (dim, &found)) in ty.dims.iter().zip(&feed.shape).enumerate() {
                let (expected, dim) = match dim {
                    Dim::Fixed(size) => (*size as i64, size.to_string()),
                    Dim::Space(space) => {
                        let expected = *sizes[space.0 as usize].get_or_insert(found);
                        (expected, spaces[space.0 as usize].name.clone())
                    }
                };
                if expected != found {
                    let (expected, found) = (expected as usize, found as usize);
                    return Err(Error::InputSize {
                        input: name.clone(),
                        axis,
                        dim,
                        expected,
                        found,
                    });
                }
            }
        }
        Ok(())
    }

    /// The tensor of an input. Inputs without dimensions stay on the host, where learning rates are read.
    pub(crate) fn tensor(&self, input: &str, device: Device) -> Result<Tensor, Error> {
        let feed = self.feed(input)?;
        let device = match feed.shape.is_empty() {
            true => Device::Cpu,
            false => device,
        };
        match feed.given {
            Given::Elements(values) => values.tensor(&feed.shape, device),
            Given::Result(value) => Ok(value.f_to_device(device)?),
        }
    }

    /// Checks that every element of an input is a row of a target that has `rows`.
    pub(crate) fn check_rows(
        &self,
        input: &str,
        target: impl Fn() -> String,
        rows: usize,
    ) -> Result<(), Error> {
        // What another program found is checked by the op that reads it.
        let Given::Elements(Values::I64(values)) = self.feed(input)?.given else {
            return Ok(());
        };
        if all_below(values, rows) {
            return Ok(());
        }
        let wrong = |value: &i64| *value as u64 >= rows as u64;
        let position = values
            .iter()
            .position(wrong)
            .expect("not all values are rows");
        Err(Error::OutOfRange {
            input: input.into(),
            position,
            value: values[position],
            target: target(),
            rows,
        })
    }

    fn feed(&self, input: &str) -> Result<&Feed<'a>, Error> {
        self.inputs.get(input).ok_or_else(|| Error::MissingInput {
            input: input.into(),
        })
    }
}

fn check_shape(
    name: &str,
    ty: &TensorType,
    feed: &Feed<'_>,
    spaces: &[Space],
) -> Result<(), Error> {
    if feed.given.elem() != ty.elem {
        return Err(Error::InputElem {
            input: name.into(),
            expected: ty.elem,
            found: feed.given.elem(),
        });
    }
    let filled = feed.shape.iter().product::<i64>() == feed.given.len() as i64;
    if feed.shape.len() == ty.rank() && filled {
        return Ok(());
    }
    let found = shape_name(ty.elem, &feed.shape);
    let found = if filled {
        found
    } else {
        format!("{found} with {} elements", feed.given.len())
    };
    Err(Error::InputShape {
        input: name.into(),
        expected: type_name(ty, spaces),
        found,
    })
}

/// A type as `f32[B, 64]`.
pub(crate) fn type_name(ty: &TensorType, spaces: &[Space]) -> String {
    let dims: Vec<String> = ty
        .dims
        .iter()
        .map(|dim| match dim {
            Dim::Fixed(size) => size.to_string(),
            Dim::Space(space) => spaces[space.0 as usize].name.clone(),
        })
        .collect();
    format!("{}[{}]", elem_name(ty.elem), dims.join(", "))
}

/// The libtorch name of an element type.
pub(crate) fn kind(elem: Elem) -> Kind {
    match elem {
        Elem::F32 => Kind::Float,
        Elem::I64 => Kind::Int64,
        Elem::Bool => Kind::Bool,
    }
}
