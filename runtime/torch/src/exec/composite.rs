//! Composites, by the ops of libtorch that do the same in one go.

use reckon_compiler::graph::{Dim, SpaceId};
use tch::{Reduction, TchError, Tensor};

use super::Kernel;
use super::gather::outside;
use crate::kernels::{self, Kernels, rows};

/// The sum of the table's rows of each list.
pub(super) fn bag(parent: SpaceId, kernels: Kernels) -> Kernel {
    Box::new(move |x, frame| {
        let lists = frame.extent(Dim::Space(parent))?;
        let mut shape = x[0].size();
        let table_rows = std::mem::replace(&mut shape[0], lists);
        let mut result = Tensor::f_zeros(shape, (x[0].kind(), x[0].device()))?;
        if kernels == Kernels::Own && kernels::is_slice(x[0]) {
            let (ids, segments) = (x[1].f_contiguous()?, x[2].f_contiguous()?);
            let (ids, segments) = (kernels::slice(&ids), kernels::slice(&segments));
            rows::inside(ids, table_rows as usize).map_err(|row| outside(row, table_rows))?;
            let width = x[0].size()[1] as usize;
            let into = kernels::slice_mut(&mut result);
            let done = rows::accumulate(into, segments, kernels::slice(x[0]), Some(ids), width);
            done.map_err(|row| outside(row, lists))?;
            return Ok(result);
        }
        let _ = result.f_index_add_(0, x[2], &x[0].f_index_select(0, x[1])?)?;
        Ok(result)
    })
}

pub(super) fn softmax_xent(scores: &Tensor, column: &Tensor) -> Result<Tensor, TchError> {
    let shares = scores.f_log_softmax(-1, None)?;
    shares
        .f_gather(-1, &column.f_unsqueeze(-1)?, false)?
        .f_squeeze_dim(-1)?
        .f_neg()
}

pub(super) fn bce_logits(logits: &Tensor, targets: &Tensor) -> Result<Tensor, TchError> {
    let both = Tensor::f_broadcast_tensors(&[logits, targets])?;
    both[0].f_binary_cross_entropy_with_logits::<&Tensor>(&both[1], None, None, Reduction::None)
}

pub(super) fn layer_norm(eps: f64) -> Kernel {
    Box::new(move |x, _| {
        let width = x[0].size().last().copied().unwrap_or(1);
        Ok(x[0].f_layer_norm::<&Tensor>([width], None, None, eps, false)?)
    })
}
