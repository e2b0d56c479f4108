//! Reductions. libtorch cuts the sum of a long tensor to one number by the number of threads; these cut it by fixed
//! lengths, so that the bits do not depend on the machine's load or settings.

use tch::{Kind, TchError, Tensor};

use super::{Kernel, axis_op};
use crate::kernels::{self, Kernels, extremes, sums};

/// Below this many elements libtorch reduces in one thread.
const SERIAL: i64 = 32_768;
const CHUNK: i64 = 4_096;

/// The sum along an axis.
pub(super) fn sum_over(axis: usize, kernels: Kernels) -> Kernel {
    if kernels == Kernels::Libtorch || axis != 0 {
        return axis_op(axis, sum);
    }
    Box::new(|x, _| {
        let shape = x[0].size();
        let (elements, rows) = (x[0].numel() as i64, shape[0]);
        let taken = x[0].kind() == Kind::Float && kernels::is_slice(x[0]);
        if !taken || elements < SERIAL || elements == rows {
            return Ok(sum(x[0], 0)?);
        }
        let mut result = Tensor::f_empty(&shape[1..], (Kind::Float, x[0].device()))?;
        sums::of_rows(kernels::slice(x[0]), kernels::slice_mut(&mut result));
        Ok(result)
    })
}

fn sum(x: &Tensor, axis: i64) -> Result<Tensor, TchError> {
    let shape = x.size();
    let elements: i64 = shape.iter().product();
    if elements < SERIAL || elements != shape[axis as usize] {
        return x.f_sum_dim_intlist(axis, false, x.kind());
    }
    let mut rest = shape;
    rest.remove(axis as usize);
    total(&x.f_reshape(-1)?)?.f_view(rest.as_slice())
}

/// The sum of all elements of a vector.
fn total(x: &Tensor) -> Result<Tensor, TchError> {
    let elements = x.numel() as i64;
    if elements < SERIAL {
        return x.f_sum(x.kind());
    }
    let chunks = elements / CHUNK;
    let head = x
        .f_narrow(0, 0, chunks * CHUNK)?
        .f_reshape([chunks, CHUNK])?
        .f_sum_dim_intlist(1, false, x.kind())?;
    let tail = x
        .f_narrow(0, chunks * CHUNK, elements - chunks * CHUNK)?
        .f_sum(x.kind())?;
    total(&head)?.f_add(&tail)
}

pub(super) fn log_sum_exp(x: &Tensor, axis: i64) -> Result<Tensor, TchError> {
    let shape = x.size();
    let elements: i64 = shape.iter().product();
    if elements < SERIAL || elements != shape[axis as usize] {
        return x.f_logsumexp([axis], false);
    }
    let largest = x.f_amax([axis], true)?;
    // Where all are infinite the difference would be NaN.
    let shift = largest.f_where_self(&largest.f_isfinite()?, &largest.f_zeros_like()?)?;
    sum(&x.f_sub(&shift)?.f_exp()?, axis)?
        .f_log()?
        .f_add(&shift.f_squeeze_dim(axis)?)
}

/// `e^x / sum(e^x)`, 0 where all are `-inf`: rare, so that it is looked for before anything is done about it.
pub(crate) fn softmax(x: &Tensor, axis: i64) -> Result<Tensor, TchError> {
    let last = x.dim() as i64 - 1;
    if axis != last {
        // Along other axes libtorch's own sums depend on where a thread's part begins.
        let x = x.f_transpose(axis, last)?.f_contiguous()?;
        return softmax(&x, last)?.f_transpose(axis, last);
    }
    let empty = max(x, axis)?
        .f_eq(f64::NEG_INFINITY)?
        .f_any()?
        .f_int64_value(&[])?
        != 0;
    if empty {
        x.f_internal_safe_softmax(axis, None)
    } else {
        x.f_softmax(axis, None)
    }
}

/// The largest element along an axis, `-inf` along an empty one.
pub(super) fn max(x: &Tensor, axis: i64) -> Result<Tensor, TchError> {
    if x.size()[axis as usize] > 0 {
        return x.f_amax([axis], false);
    }
    empty(x, axis)?.f_fill_(f64::NEG_INFINITY)
}

/// The first index of the largest element along an axis, 0 along an empty one.
pub(super) fn argmax(axis: usize, kernels: Kernels) -> Kernel {
    Box::new(move |x, _| {
        let (x, mut rest) = (x[0], x[0].size());
        let count = rest.remove(axis) as usize;
        let own = kernels == Kernels::Own && x.kind() == Kind::Float && x.numel() > 0;
        // What libtorch does well is to look through numbers that lie side by side.
        let (true, Some(width)) = (own && x.stride()[axis] != 1, rest.last()) else {
            return Ok(argmax_of(x, axis as i64)?);
        };
        let mut order: Vec<i64> = (0..x.dim() as i64)
            .filter(|at| *at != axis as i64)
            .collect();
        order.insert(order.len() - 1, axis as i64);
        let values = x.f_permute(&order)?.f_contiguous()?;
        let mut places = Tensor::f_empty(&rest, (Kind::Int64, x.device()))?;
        let into = kernels::slice_mut(&mut places);
        extremes::argmax(kernels::slice(&values), count, *width as usize, into);
        Ok(places)
    })
}

fn argmax_of(x: &Tensor, axis: i64) -> Result<Tensor, TchError> {
    if x.size()[axis as usize] > 0 {
        return match x.kind() {
            // libtorch knows no largest truth value.
            Kind::Bool => x.f_to_kind(Kind::Uint8)?.f_argmax(axis, false),
            _ => x.f_argmax(axis, false),
        };
    }
    empty(x, axis)?.f_to_kind(Kind::Int64)
}

/// Zeros of the shape of `x` without an axis.
fn empty(x: &Tensor, axis: i64) -> Result<Tensor, TchError> {
    let mut rest = x.size();
    rest.remove(axis as usize);
    Tensor::f_zeros(rest, (x.kind(), x.device()))
}

/// Indices of the `k` largest along an axis. libtorch's own `topk` leaves open which of equal ones it takes.
pub(super) fn top_k(axis: usize, k: usize) -> Kernel {
    let (axis, k) = (axis as i64, k as i64);
    Box::new(move |x, _| {
        Ok(x[0]
            .f_argsort_stable(true, axis, true)?
            .f_narrow(axis, 0, k)?)
    })
}

/// `sqrt` of the sum of squares of all operands.
pub(super) fn global_norm(kernels: Kernels) -> Kernel {
    match kernels {
        Kernels::Own => Box::new(|x, _| Ok(norm(x)?)),
        Kernels::Libtorch => Box::new(|x, _| Ok(plain_norm(x)?)),
    }
}

fn norm(operands: &[&Tensor]) -> Result<Tensor, TchError> {
    let mut all = 0.0;
    for x in operands {
        all += sums::squares(kernels::slice(&x.f_contiguous()?));
    }
    Ok(Tensor::from(all.sqrt() as f32))
}

fn plain_norm(operands: &[&Tensor]) -> Result<Tensor, TchError> {
    let squares: Vec<Tensor> = operands
        .iter()
        .map(|x| total(&x.f_square()?.f_reshape(-1)?))
        .collect::<Result<_, _>>()?;
    Tensor::f_stack(&squares, 0)?
        .f_sum(squares[0].kind())?
        .f_sqrt()
}
