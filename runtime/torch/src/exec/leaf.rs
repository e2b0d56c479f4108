//! Inputs, constants, parameters and random draws.

use reckon_compiler::graph::{Dim, SpaceId, TensorType};
use reckon_compiler::random::{self, Key};
use tch::{Device, Kind, Tensor};

use super::Kernel;
use crate::error::Error;
use crate::feeds::kind;

pub(super) fn input(name: &str) -> Kernel {
    let name = name.to_owned();
    Box::new(move |_, frame| frame.feeds.tensor(&name, frame.device))
}

/// Constants without dimensions stay on the host, as inputs without dimensions do.
pub(super) fn constant(values: &[f64], ty: &TensorType, device: Device) -> Result<Kernel, Error> {
    let device = if ty.rank() == 0 { Device::Cpu } else { device };
    let flat = Tensor::f_from_slice(values)?
        .f_to_kind(kind(ty.elem))?
        .f_to_device(device)?;
    let (single, ty) = (values.len() == 1, ty.clone());
    Ok(Box::new(move |_, frame| {
        let sizes = frame.extents(&ty)?;
        Ok(if single {
            flat.f_view(())?.f_expand(sizes, false)?
        } else {
            flat.f_view(sizes.as_slice())?
        })
    }))
}

pub(super) fn iota(ty: &TensorType) -> Kernel {
    let ty = ty.clone();
    Box::new(move |_, frame| {
        Ok(Tensor::f_arange(
            frame.extents(&ty)?[0],
            (Kind::Int64, frame.device),
        )?)
    })
}

pub(super) fn size(space: SpaceId) -> Kernel {
    Box::new(move |_, frame| {
        let rows = frame.extent(Dim::Space(space))?;
        Ok(Tensor::f_from_slice(&[rows as f32])?.f_view(())?)
    })
}

pub(super) fn parameter(path: &str) -> Kernel {
    let path = path.to_owned();
    Box::new(move |_, frame| frame.store.tensor(&path))
}

/// Draws on the host, so that they are the same on every device. An outermost space counts rows, from the first row of
/// the batch; all other dimensions count elements.
pub(super) fn random(
    path: &str,
    ty: &TensorType,
    draw: impl Fn(u64, u64, u64) -> f64 + Copy + Send + 'static,
) -> Kernel {
    let (site, ty) = (random::site_hash(path), ty.clone());
    Box::new(move |_, frame| {
        let sizes = frame.extents(&ty)?;
        let key = frame.key;
        let folded = Key {
            seed: key.seed,
            stream: key.stream,
            site,
            step: key.step,
        }
        .fold();
        let (rows, first) = match ty.dims.first() {
            Some(Dim::Space(_)) => (sizes[0] as u64, key.first_row),
            Some(Dim::Fixed(_)) | None => (1, 0),
        };
        let elements = (sizes.iter().product::<i64>() as u64)
            .checked_div(rows)
            .unwrap_or(0);
        let mut values = Vec::with_capacity((rows * elements) as usize);
        for row in first..first + rows {
            values.extend((0..elements).map(|element| draw(folded, row, element) as f32));
        }
        Ok(Tensor::f_from_slice(&values)?
            .f_view(sizes.as_slice())?
            .f_to_device(frame.device)?)
    })
}
