//! Gathering and scattering of rows.

use reckon_compiler::graph::Dim;
use tch::{Kind, TchError, Tensor};

use super::Kernel;

/// Rows of `x[N, ..]` at `ids[I..]`: `[I.., ..]`.
pub(super) fn rows(x: &Tensor, ids: &Tensor) -> Result<Tensor, TchError> {
    if ids.dim() == 1 {
        return x.f_index_select(0, ids);
    }
    let mut shape = ids.size();
    shape.extend(&x.size()[1..]);
    x.f_index_select(0, &ids.f_reshape(-1)?)?
        .f_view(shape.as_slice())
}

pub(super) fn scatter_add(dim: Dim) -> Kernel {
    Box::new(move |x, frame| {
        let (values, index, mut shape) = by_rows(x[0], x[1])?;
        shape[0] = frame.extent(dim)?;
        let mut result = Tensor::f_zeros(shape.as_slice(), (values.kind(), values.device()))?;
        // `index_add_` adds in the order of the index on the CPU, whatever the number of threads.
        let _ = result.f_index_add_(0, &index, &values)?;
        Ok(result)
    })
}

pub(super) fn scatter_max(dim: Dim) -> Kernel {
    Box::new(move |x, frame| {
        let (values, index, mut shape) = by_rows(x[0], x[1])?;
        shape[0] = frame.extent(dim)?;
        let mut result = Tensor::f_zeros(shape.as_slice(), (values.kind(), values.device()))?;
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
        let zeros = Tensor::f_zeros(shape, (x[0].kind(), x[0].device()))?;
        Ok(zeros.f_scatter(-1, &x[1].f_unsqueeze(-1)?, &x[0].f_unsqueeze(-1)?)?)
    })
}

/// For each id its place among the distinct ones, which are sorted.
pub(super) fn unique_inverse(ids: &Tensor, distinct: &Tensor) -> Result<Tensor, TchError> {
    ids.f_searchsorted::<&Tensor>(distinct, false, false, "left", None)?
        .f_to_kind(Kind::Int64)
}
