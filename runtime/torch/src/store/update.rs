//! Optimiser steps, in place. Weights take a gradient of their shape; tables take distinct ids and a gradient row each,
//! and only those rows are read and written.

use reckon_compiler::graph::UpdateRule;
use tch::{TchError, Tensor};

use super::{Slot, Store};
use crate::error::Error;
use crate::kernels::{self, Kernels, rows, steps};

impl Store {
    /// One step on a weight.
    pub(crate) fn update_dense(
        &mut self,
        path: &str,
        rule: UpdateRule,
        lr: f64,
        gradient: &Tensor,
        kernels: Kernels,
    ) -> Result<(), Error> {
        let slot = self.slot_mut(path)?;
        slot.steps += 1;
        let mut moments = slot.moments_for(rule)?;
        let row_wise = matches!(rule, UpdateRule::RowwiseAdagrad { .. });
        if kernels == Kernels::Own && !row_wise && kernels::is_slice(&slot.value) {
            let gradient = gradient.f_contiguous()?;
            let step = steps::Step::new(rule, lr, slot.steps);
            steps::dense(
                step,
                target(&mut slot.value, &mut moments),
                kernels::slice(&gradient),
            );
            return Ok(());
        }
        let mut moments = moments.into_iter();
        let (mut first, mut second) = (moments.next(), moments.next());
        step(
            rule,
            lr,
            slot.steps,
            &mut slot.value,
            gradient,
            &mut first,
            &mut second,
        )?;
        Ok(())
    }

    /// One step on the rows `ids[U]`, distinct, of a table, by their gradients `[U, D]`.
    pub(crate) fn update_rows(
        &mut self,
        path: &str,
        rule: UpdateRule,
        lr: f64,
        (ids, gradient): (&Tensor, &Tensor),
        kernels: Kernels,
    ) -> Result<(), Error> {
        let slot = self.slot_mut(path)?;
        slot.steps += 1;
        let mut all = slot.moments_for(rule)?;
        if kernels == Kernels::Own && kernels::is_slice(&slot.value) {
            let (ids, gradient) = (ids.f_contiguous()?, gradient.f_contiguous()?);
            let ids = kernels::slice(&ids);
            let size = slot.value.size();
            let inside = rows::inside(ids, size[0] as usize).is_ok();
            if inside && ids.is_sorted_by(|a, b| a < b) {
                let width = size[1..].iter().product::<i64>() as usize;
                let step = steps::Step::new(rule, lr, slot.steps);
                steps::rows(
                    step,
                    target(&mut slot.value, &mut all),
                    ids,
                    kernels::slice(&gradient),
                    width,
                );
                return Ok(());
            }
        }
        let mut rows: Vec<Tensor> = all
            .iter()
            .map(|moment| moment.f_index_select(0, ids))
            .collect::<Result<_, _>>()?;
        let mut value = slot.value.f_index_select(0, ids)?;
        let mut moments = rows.drain(..);
        let (mut first, mut second) = (moments.next(), moments.next());
        step(
            rule,
            lr,
            slot.steps,
            &mut value,
            gradient,
            &mut first,
            &mut second,
        )?;
        let _ = slot.value.f_index_copy_(0, ids, &value)?;
        for (moment, rows) in all.iter_mut().zip([first, second].into_iter().flatten()) {
            let _ = moment.f_index_copy_(0, ids, &rows)?;
        }
        Ok(())
    }
}

/// The slices that a kernel steps.
fn target<'a>(value: &'a mut Tensor, moments: &'a mut [Tensor]) -> steps::Target<'a> {
    let mut moments = moments.iter_mut().map(kernels::slice_mut);
    let (first, second) = (
        moments.next().unwrap_or_default(),
        moments.next().unwrap_or_default(),
    );
    steps::Target {
        value: kernels::slice_mut(value),
        first,
        second,
    }
}

impl Slot {
    /// What a rule remembers, 0 at first; shares the slot's memory.
    fn moments_for(&mut self, rule: UpdateRule) -> Result<Vec<Tensor>, TchError> {
        let size = self.value.size();
        let (names, size): (&[&str], &[i64]) = match rule {
            UpdateRule::Sgd { momentum: 0.0 } => (&[], &size),
            UpdateRule::Sgd { .. } => (&["momentum"], &size),
            UpdateRule::Adam { .. } | UpdateRule::AdamW { .. } => (&["m", "v"], &size),
            UpdateRule::Adagrad { .. } => (&["sum"], &size),
            UpdateRule::RowwiseAdagrad { .. } => (&["row_sum"], &size[..1]),
        };
        names.iter().map(|name| self.moment(name, size)).collect()
    }

    /// What the optimiser remembers under a name, 0 at first; shares its memory.
    fn moment(&mut self, name: &str, size: &[i64]) -> Result<Tensor, TchError> {
        if !self.moments.contains_key(name) {
            let zeros = Tensor::f_zeros(size, (self.value.kind(), self.value.device()))?;
            self.moments.insert(name.into(), zeros);
        }
        Ok(self.moments[name].shallow_clone())
    }
}

/// Moves `value` and its moments in place, all of the gradient's shape.
fn step(
    rule: UpdateRule,
    lr: f64,
    steps: i64,
    value: &mut Tensor,
    gradient: &Tensor,
    first: &mut Option<Tensor>,
    second: &mut Option<Tensor>,
) -> Result<(), TchError> {
    match (rule, first, second) {
        (UpdateRule::Sgd { .. }, None, _) => {
            let _ = value.f_sub_(&gradient.f_mul_scalar(lr)?)?;
        }
        (UpdateRule::Sgd { momentum }, Some(buffer), _) => {
            let _ = buffer.f_mul_scalar_(momentum)?.f_add_(gradient)?;
            let _ = value.f_sub_(&buffer.f_mul_scalar(lr)?)?;
        }
        (UpdateRule::Adam { beta1, beta2, eps }, Some(m), Some(v)) => {
            adam([beta1, beta2, eps], lr, steps, value, gradient, m, v)?;
        }
        (
            UpdateRule::AdamW {
                beta1,
                beta2,
                eps,
                decay,
            },
            Some(m),
            Some(v),
        ) => {
            let _ = value.f_mul_scalar_(1.0 - lr * decay)?;
            adam([beta1, beta2, eps], lr, steps, value, gradient, m, v)?;
        }
        (UpdateRule::Adagrad { eps }, Some(sum), _) => {
            let _ = sum.f_addcmul_(gradient, gradient)?;
            let denominator = sum.f_sqrt()?.f_add_scalar_(eps)?;
            let _ = value.f_sub_(&gradient.f_mul_scalar(lr)?.f_div_(&denominator)?)?;
        }
        (UpdateRule::RowwiseAdagrad { eps }, Some(sum), _) => {
            // Whatever the rank, a row is everything but the first dimension.
            let flat = gradient.f_reshape([gradient.size()[0], -1])?;
            let _ = sum.f_add_(&flat.f_square()?.f_mean_dim(1, false, None)?)?;
            let scale = sum
                .f_sqrt()?
                .f_add_scalar_(eps)?
                .f_reciprocal_()?
                .f_mul_scalar_(lr)?;
            let mut size = vec![1; gradient.dim()];
            size[0] = -1;
            let _ = value.f_sub_(&gradient.f_mul(&scale.f_view(size.as_slice())?)?)?;
        }
        (UpdateRule::Adam { .. } | UpdateRule::AdamW { .. }, ..) => {
            unreachable!("internal: Adam has two moments")
        }
        (UpdateRule::Adagrad { .. } | UpdateRule::RowwiseAdagrad { .. }, None, _) => {
            unreachable!("internal: Adagrad has a sum")
        }
    }
    Ok(())
}

/// Kingma and Ba 2015, algorithm 1: `value -= lr * mhat / (sqrt(vhat) + eps)`.
fn adam(
    [beta1, beta2, eps]: [f64; 3],
    lr: f64,
    steps: i64,
    value: &mut Tensor,
    gradient: &Tensor,
    m: &mut Tensor,
    v: &mut Tensor,
) -> Result<(), TchError> {
    let correct = |beta: f64| 1.0 - beta.powf(steps as f64);
    let _ = m.f_lerp_(gradient, 1.0 - beta1)?;
    let _ = v.f_lerp_(&gradient.f_square()?, 1.0 - beta2)?;
    let denominator = v
        .f_sqrt()?
        .f_div_scalar_(correct(beta2).sqrt())?
        .f_add_scalar_(eps)?;
    let _ = value.f_sub_(&m.f_mul_scalar(lr / correct(beta1))?.f_div_(&denominator)?)?;
    Ok(())
}
