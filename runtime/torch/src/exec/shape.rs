//! Ops that move elements without computing.

use reckon_compiler::graph::{Dim, SpaceId, TensorType};
use tch::{TchError, Tensor};

use super::Kernel;

pub(super) fn reshape(ty: &TensorType) -> Kernel {
    let dims = ty.dims.clone();
    Box::new(move |x, frame| {
        // A space that only this result tells has what is left over.
        let sizes: Vec<i64> = dims
            .iter()
            .map(|dim| frame.extent(*dim).unwrap_or(-1))
            .collect();
        Ok(x[0].f_to_device(frame.device)?.f_reshape(sizes)?)
    })
}

pub(super) fn permute(axes: &[usize]) -> Kernel {
    let axes: Vec<i64> = axes.iter().map(|&axis| axis as i64).collect();
    Box::new(move |x, _| Ok(x[0].f_permute(axes.as_slice())?))
}

pub(super) fn broadcast(ty: &TensorType) -> Kernel {
    let ty = ty.clone();
    Box::new(move |x, frame| {
        Ok(x[0]
            .f_to_device(frame.device)?
            .f_expand(frame.extents(&ty)?, false)?)
    })
}

pub(super) fn expand(axis: usize, dim: Dim) -> Kernel {
    Box::new(move |x, frame| {
        let mut sizes = vec![-1; x[0].dim() + 1];
        sizes[axis] = frame.extent(dim)?;
        Ok(x[0]
            .f_to_device(frame.device)?
            .f_unsqueeze(axis as i64)?
            .f_expand(sizes, false)?)
    })
}

pub(super) fn slice(axis: usize, start: usize, len: usize) -> Kernel {
    let [axis, start, len] = [axis as i64, start as i64, len as i64];
    Box::new(move |x, _| Ok(x[0].f_narrow(axis, start, len)?))
}

pub(super) fn concat(axis: usize) -> Kernel {
    let axis = axis as i64;
    Box::new(move |x, _| Ok(Tensor::f_cat(x, axis)?))
}

pub(super) fn pad_list(parent: SpaceId, max: usize) -> Kernel {
    let max = max as i64;
    Box::new(move |x, frame| {
        let rows = frame.extent(Dim::Space(parent))?;
        let mut padded = x[0].size();
        padded[0] = rows * max;
        let mut result = Tensor::f_zeros(padded.as_slice(), (x[0].kind(), x[0].device()))?;
        let _ = result.f_index_copy_(0, &cells(x[1], x[2], max)?, x[0])?;
        padded.splice(..1, [rows, max]);
        Ok(result.f_view(padded.as_slice())?)
    })
}

pub(super) fn unpad_list(
    x: &Tensor,
    segments: &Tensor,
    positions: &Tensor,
) -> Result<Tensor, TchError> {
    let size = x.size();
    let mut flat = size[1..].to_vec();
    flat[0] = size[0] * size[1];
    x.f_reshape(flat)?
        .f_index_select(0, &cells(segments, positions, size[1])?)
}

/// The places of list elements in `[P * max]`.
fn cells(segments: &Tensor, positions: &Tensor, max: i64) -> Result<Tensor, TchError> {
    segments.f_mul_scalar(max)?.f_add(positions)
}
