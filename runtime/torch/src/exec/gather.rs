//! Gathering and scattering of rows.

use reckon_compiler::graph::Dim;
use tch::{Kind, TchError, Tensor};

use super::Kernel;
use crate::kernels::{self, Kernels, rows};

/// Rows of `x[N, ..]` at `ids[I..]`: `[I.., ..]`.
pub(super) fn gather(x: &Tensor, ids: &Tensor) -> Result<Tensor, TchError> {
    if ids.dim() == 1 {
        return x.f_index_select(0, ids);
    }
    let mut shape = ids.size();
    shape.extend(&x.size()[1..]);
    x.f_index_select(0, &ids.f_reshape(-1)?)?
        .f_view(shape.as_slice())
}

pub(super) fn scatter_add(dim: Dim, kernels: Kernels) -> Kernel {
    Box::new(move |x, frame| {
        let (values, index, mut shape) = by_rows(x[0], x[1])?;
        shape[0] = frame.extent(dim)?;
        let mut result = Tensor::f_zeros(shape.as_slice(), (values.kind(), values.device()))?;
        if kernels == Kernels::Own && values.kind() == Kind::Float {
            let (values, index) = (values.f_contiguous()?, index.f_contiguous()?);
            let width = shape[1..].iter().product::<i64>() as usize;
            let (values, index) = (kernels::slice(&values), kernels::slice(&index));
            let into = kernels::slice_mut(&mut result);
            rows::accumulate(into, index, values, None, width)
                .map_err(|row| outside(row, shape[0]))?;
            return Ok(result);
        }
        let _ = result.f_index_add_(0, &index, &values)?;
        Ok(result)
    })
}

/// The error that libtorch would give for a row number.
pub(crate) fn outside(row: i64, rows: i64) -> TchError {
    TchError::Torch(format!("index {row} lies outside 0..{rows}"))
}

pub(super) fn scatter_max(dim: Dim, kernels: Kernels) -> Kernel {
    Box::new(move |x, frame| {
        let (values, index, mut shape) = by_rows(x[0], x[1])?;
        shape[0] = frame.extent(dim)?;
        let mut result = Tensor::f_zeros(shape.as_slice(), (values.kind(), values.device()))?;
        if kernels == Kernels::Own && values.kind() == Kind::Float {
            let (values, index) = (values.f_contiguous()?, index.f_contiguous()?);
            let width = shape[1..].iter().product::<i64>() as usize;
            let (values, index) = (kernels::slice(&values), kernels::slice(&index));
            rows::largest(kernels::slice_mut(&mut result), index, values, width)
                .map_err(|row| outside(row, shape[0]))?;
            return Ok(result);
        }
        let _ = result.f_index_reduce_(0, &index, &values, "amax", false)?;
        Ok(result)
    })
}

/// Values `[I.., ..]` and index `[I..]` with one dimension for `I..`, and the shape of the values then.
fn by_rows(values: &Tensor, index: &Tensor) -> Result<(Tensor, Tensor, Vec<i64>), TchError> {
    let mut shape = values.size().split_off(index.dim());
    shape.insert(0, index.numel() as i64);
    Ok((
        values.f_reshape(shape.as_slice())?,
        index.f_reshape(-1)?,
        shape,
    ))
}

/// `x[S.., N]` at `ids[S..]` of the innermost dimension.
pub(super) fn pick(x: &Tensor, ids: &Tensor) -> Result<Tensor, TchError> {
    x.f_gather(-1, &ids.f_unsqueeze(-1)?, false)?
        .f_squeeze_dim(-1)
}

pub(super) fn place(dim: Dim) -> Kernel {
    Box::new(move |x, frame| {
        let mut shape = x[0].size();
        shape.push(frame.extent(dim)?);
        let empty = shape.last() == Some(&0);
        let zeros = Tensor::f_zeros(shape, (x[0].kind(), x[0].device()))?;
        if empty {
            return Ok(zeros);
        }
        Ok(zeros.f_scatter(-1, &x[1].f_unsqueeze(-1)?, &x[0].f_unsqueeze(-1)?)?)
    })
}

/// The distinct ids, ascending.
pub(super) fn unique(kernels: Kernels) -> Kernel {
    Box::new(move |x, _| {
        if kernels == Kernels::Own {
            let ids = x[0].f_contiguous()?;
            return Ok(Tensor::f_from_slice(&rows::unique(kernels::slice(&ids)))?);
        }
        Ok(x[0].f_internal_unique2(true, false, false)?.0)
    })
}

/// For each id its place among the distinct ones, which are sorted.
pub(super) fn unique_inverse(kernels: Kernels) -> Kernel {
    Box::new(move |x, _| {
        if kernels == Kernels::Own {
            let (ids, distinct) = (x[0].f_contiguous()?, x[1].f_contiguous()?);
            let mut places = ids.f_empty_like()?;
            let (out, ids) = (kernels::slice_mut(&mut places), kernels::slice(&ids));
            rows::unique_inverse(out, ids, kernels::slice(&distinct))
                .map_err(|id| TchError::Torch(format!("{id} is not among the distinct ids")))?;
            return Ok(places);
        }
        Ok(x[0].f_searchsorted::<&Tensor>(x[1], false, false, "left", None)?)
    })
}
