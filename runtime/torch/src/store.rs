//! Parameters by path: weights, tables, states, and what optimisers remember of them.

mod init;
mod update;

use std::collections::BTreeMap;

use reckon_compiler::graph::{Dim, Elem, Graph, Init, Param, ParamKind};
use tch::{Device, Kind, Tensor};

use crate::error::{Error, shape_name};
use crate::feeds::kind;
use crate::outputs::to_vec;
use crate::reproducible;

/// Parameters and optimiser state on one device.
#[derive(Debug)]
pub struct Store {
    device: Device,
    slots: BTreeMap<String, Slot>,
}

#[derive(Debug)]
struct Slot {
    kind: ParamKind,
    elem: Elem,
    value: Tensor,
    /// What the optimiser remembers: `momentum`, `m`, `v`, `sum`.
    moments: BTreeMap<String, Tensor>,
    /// How many updates there have been, for the bias correction of Adam.
    steps: i64,
}

/// A stored tensor as bytes, for checkpoints.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The path of the parameter, or path, `:` and the name of what an optimiser remembers of it.
    pub name: String,
    /// What it holds.
    pub elem: Elem,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Elements row-major, little endian: 4 bytes a float, 8 an integer, 1 a truth value.
    pub bytes: Vec<u8>,
}

/// Between a parameter's path and the name of an optimiser's moment.
const MOMENT: char = ':';
const STEPS: &str = "steps";

impl Store {
    /// An empty store.
    pub fn new(device: Device) -> Self {
        reproducible::ensure();
        Self {
            device,
            slots: BTreeMap::new(),
        }
    }

    /// Makes all parameters of a graph that the store does not have yet, with their first values. `tables` says how
    /// many rows each table has, by path; one that has fewer grows.
    pub fn declare(
        &mut self,
        graph: &Graph,
        tables: &BTreeMap<String, usize>,
        seed: u64,
    ) -> Result<(), Error> {
        for (path, param) in &graph.params {
            if self.contains(path) {
                if let (ParamKind::Table, Some(rows)) = (param.kind, tables.get(path)) {
                    self.grow(path, *rows, &param.init, seed)?;
                }
                continue;
            }
            let size = |dim: &Dim| match dim {
                Dim::Fixed(size) => Ok(*size),
                Dim::Space(_) => tables.get(path).copied().ok_or_else(|| Error::UnknownSize {
                    space: path.clone(),
                }),
            };
            let shape: Vec<usize> = param.ty.dims.iter().map(size).collect::<Result<_, _>>()?;
            self.add(path, param, &shape, seed)?;
        }
        Ok(())
    }

    /// Makes one parameter of this shape, with its first values.
    pub fn add(
        &mut self,
        path: &str,
        param: &Param,
        shape: &[usize],
        seed: u64,
    ) -> Result<(), Error> {
        let first = init::values(&param.init, shape, 0, path, seed);
        let value = self.upload(&first, shape)?.f_to_kind(kind(param.ty.elem))?;
        let slot = Slot {
            kind: param.kind,
            elem: param.ty.elem,
            value,
            moments: BTreeMap::new(),
            steps: 0,
        };
        self.slots.insert(path.into(), slot);
        Ok(())
    }

    /// Gives a table more rows, with the first values that it would have had at this size from the beginning;
    /// what optimisers remember of the new rows is 0.
    pub fn grow(&mut self, path: &str, rows: usize, init: &Init, seed: u64) -> Result<(), Error> {
        let shape = self.shape(path)?;
        let added = rows.saturating_sub(shape[0]);
        if added == 0 {
            return Ok(());
        }
        let mut more = shape.clone();
        more[0] = added;
        let tail = self.upload(&init::values(init, &more, shape[0], path, seed), &more)?;
        let slot = self.slot_mut(path)?;
        slot.value = Tensor::f_cat(&[&slot.value, &tail], 0)?;
        for moment in slot.moments.values_mut() {
            let mut size = moment.size();
            size[0] = added as i64;
            let zeros = Tensor::f_zeros(size, (moment.kind(), moment.device()))?;
            *moment = Tensor::f_cat(&[&*moment, &zeros], 0)?;
        }
        Ok(())
    }

    /// The paths of all parameters, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.slots.keys().map(String::as_str)
    }

    /// Whether there is a parameter of this path.
    pub fn contains(&self, path: &str) -> bool {
        self.slots.contains_key(path)
    }

    /// Weight, table or state.
    pub fn kind(&self, path: &str) -> Result<ParamKind, Error> {
        Ok(self.slot(path)?.kind)
    }

    /// The shape of a parameter.
    pub fn shape(&self, path: &str) -> Result<Vec<usize>, Error> {
        Ok(self
            .slot(path)?
            .value
            .size()
            .into_iter()
            .map(|size| size as usize)
            .collect())
    }

    /// The size of a parameter's first dimension.
    pub fn rows(&self, path: &str) -> Result<usize, Error> {
        Ok(self.shape(path)?.first().copied().unwrap_or(1))
    }

    /// All elements, row-major.
    pub fn get(&self, path: &str) -> Result<Vec<f32>, Error> {
        Ok(to_vec(&self.slot(path)?.value, Kind::Float))
    }

    /// Replaces all elements; what optimisers remember stays.
    pub fn set(&mut self, path: &str, values: &[f32]) -> Result<(), Error> {
        let shape = self.shape(path)?;
        let elem = self.slot(path)?.elem;
        if shape.iter().product::<usize>() != values.len() {
            let expected = shape_name(elem, &self.slot(path)?.value.size());
            return Err(Error::ParamShape {
                path: path.into(),
                expected,
                found: format!("{} elements", values.len()),
            });
        }
        let value = self.upload(values, &shape)?.f_to_kind(kind(elem))?;
        self.slot_mut(path)?.value = value;
        Ok(())
    }

    /// Gives rows of a table these values, row after row.
    pub fn put_rows(&mut self, path: &str, rows: &[i64], values: &[f32]) -> Result<(), Error> {
        let mut shape = self.shape(path)?;
        shape[0] = rows.len();
        let values = self.upload(values, &shape)?;
        let places = Tensor::f_from_slice(rows)?.f_to_device(values.device())?;
        let slot = self.slot_mut(path)?;
        let _guard = tch::no_grad_guard();
        let _ = slot.value.f_index_copy_(0, &places, &values)?;
        Ok(())
    }

    /// Copies the value of one parameter to another of the same shape, making it if it is not there: a frozen copy of
    /// a teacher.
    pub fn copy(&mut self, from: &str, to: &str) -> Result<(), Error> {
        let Slot {
            kind, elem, value, ..
        } = self.slot(from)?;
        let slot = Slot {
            kind: *kind,
            elem: *elem,
            value: value.copy(),
            moments: BTreeMap::new(),
            steps: 0,
        };
        self.slots.insert(to.into(), slot);
        Ok(())
    }

    /// Gives the rows of a table from `first` on the values that another table has there.
    pub fn copy_rows(&mut self, from: &str, to: &str, first: usize) -> Result<(), Error> {
        let value = self.slot(from)?.value.shallow_clone();
        let rows = value.f_narrow(0, first as i64, value.size()[0] - first as i64)?;
        let slot = self.slot_mut(to)?;
        let kept = slot.value.f_narrow(0, 0, first as i64)?;
        slot.value = Tensor::f_cat(&[&kept, &rows], 0)?;
        Ok(())
    }

    /// Moves an average towards a parameter: `average = decay * average + (1 - decay) * value`.
    pub fn average(&mut self, value: &str, average: &str, decay: f64) -> Result<(), Error> {
        let value = self.slot(value)?.value.shallow_clone();
        let average = self.slot_mut(average)?;
        let _guard = tch::no_grad_guard();
        let _ = average.value.f_lerp_(&value, 1.0 - decay)?;
        Ok(())
    }

    /// Everything, sorted by name.
    pub fn export(&self) -> Vec<Stored> {
        let mut stored = Vec::new();
        for (path, slot) in &self.slots {
            stored.push(export(path.clone(), &slot.value));
            for (name, moment) in &slot.moments {
                stored.push(export(format!("{path}{MOMENT}{name}"), moment));
            }
            if slot.steps > 0 {
                stored.push(Stored {
                    name: format!("{path}{MOMENT}{STEPS}"),
                    elem: Elem::I64,
                    shape: Vec::new(),
                    bytes: slot.steps.to_le_bytes().to_vec(),
                });
            }
        }
        stored.sort_by(|a, b| a.name.cmp(&b.name));
        stored
    }

    /// The values of some parameters, in the order of `paths`; those that there are.
    pub fn export_of(&self, paths: &[&str]) -> Vec<Stored> {
        let found = paths.iter().filter_map(|path| {
            let slot = self.slots.get(*path)?;
            Some(export((*path).to_owned(), &slot.value))
        });
        found.collect()
    }

    /// Takes back one exported tensor. Its parameter has to be declared, with the same shape; a table takes the rows
    /// of the exported one.
    pub fn import(&mut self, stored: &Stored) -> Result<(), Error> {
        let (path, moment) = match stored.name.rsplit_once(MOMENT) {
            Some((path, moment)) => (path, Some(moment)),
            None => (stored.name.as_str(), None),
        };
        let shape: Vec<i64> = stored.shape.iter().map(|&size| size as i64).collect();
        let device = self.device;
        let slot = self.slot_mut(path)?;
        let same = shape == slot.value.size()
            || (slot.kind == ParamKind::Table && shape.get(1..) == slot.value.size().get(1..));
        if moment.is_none() && !(same && stored.elem == slot.elem) {
            let expected = shape_name(slot.elem, &slot.value.size());
            let found = shape_name(stored.elem, &shape);
            return Err(Error::ParamShape {
                path: path.into(),
                expected,
                found,
            });
        }
        let value = Tensor::f_from_data_size(&stored.bytes, &shape, kind(stored.elem))?;
        match moment {
            None => slot.value = value.f_to_device(device)?,
            Some(STEPS) => slot.steps = value.f_int64_value(&[])?,
            Some(name) => {
                slot.moments.insert(name.into(), value.f_to_device(device)?);
            }
        }
        Ok(())
    }

    /// The tensor of a parameter, sharing its memory.
    pub(crate) fn tensor(&self, path: &str) -> Result<Tensor, Error> {
        Ok(self.slot(path)?.value.shallow_clone())
    }

    /// Puts a new value in the place of a state. Earlier reads keep the old one.
    pub(crate) fn assign(&mut self, path: &str, value: &Tensor) -> Result<(), Error> {
        let slot = self.slot_mut(path)?;
        if slot.value.size() != value.size() {
            let expected = shape_name(slot.elem, &slot.value.size());
            let found = shape_name(slot.elem, &value.size());
            return Err(Error::ParamShape {
                path: path.into(),
                expected,
                found,
            });
        }
        slot.value = value.f_detach()?.copy();
        Ok(())
    }

    #[cfg(test)]
    pub(crate) fn require_gradients(&mut self) {
        for slot in self
            .slots
            .values_mut()
            .filter(|slot| slot.elem == Elem::F32)
        {
            slot.value = slot.value.set_requires_grad(true);
        }
    }

    fn upload(&self, values: &[f32], shape: &[usize]) -> Result<Tensor, Error> {
        let shape: Vec<i64> = shape.iter().map(|&size| size as i64).collect();
        Ok(Tensor::f_from_slice(values)?
            .f_view(shape.as_slice())?
            .f_to_device(self.device)?)
    }

    fn slot(&self, path: &str) -> Result<&Slot, Error> {
        self.slots
            .get(path)
            .ok_or_else(|| Error::MissingParam { path: path.into() })
    }

    fn slot_mut(&mut self, path: &str) -> Result<&mut Slot, Error> {
        self.slots
            .get_mut(path)
            .ok_or_else(|| Error::MissingParam { path: path.into() })
    }
}

fn export(name: String, value: &Tensor) -> Stored {
    let value = value.to_device(Device::Cpu).contiguous();
    let elem = match value.kind() {
        Kind::Int64 => Elem::I64,
        Kind::Bool => Elem::Bool,
        _ => Elem::F32,
    };
    let shape = value.size().into_iter().map(|size| size as usize).collect();
    let mut bytes = vec![0; value.numel() * value.kind().elt_size_in_bytes()];
    value.copy_data_u8(&mut bytes, value.numel());
    Stored {
        name,
        elem,
        shape,
        bytes,
    }
}
