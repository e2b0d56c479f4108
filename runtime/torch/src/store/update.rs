//! Optimiser steps, in place. Weights take a gradient of their shape; tables take distinct ids and a gradient row each,
//! and only those rows are read and written.

use reckon_compiler::graph::UpdateRule;
use tch::{TchError, Tensor};

use super::{Slot, Store};
use crate::error::Error;

impl Store {
    /// One step on a weight.
    pub(crate) fn update_dense(
        &mut self,
        path: &str,
        rule: UpdateRule,
        lr: f64,
        gradient: &Tensor,
    ) -> Result<(), Error> {
        let slot = self.slot_mut(path)?;
        slot.steps += 1;
        let mut value = slot.value.shallow_clone();
        let mut moment = |name: &str, like: &Tensor| slot.moment(name, &like.size());
        let (mut first, mut second) = match rule {
            UpdateRule::Sgd { momentum: 0.0 } => (None, None),
            UpdateRule::Sgd { .. } => (Some(moment("momentum", gradient)?), None),
            UpdateRule::Adam { .. } | UpdateRule::AdamW { .. } => {
                (Some(moment("m", gradient)?), Some(moment("v", gradient)?))
            }
            UpdateRule::Adagrad { .. } => (Some(moment("sum", gradient)?), None),
            UpdateRule::RowwiseAdagrad { .. } => {
                (Some(slot.moment("row_sum", &gradient.size()[..1])?), None)
            }
        };
        let steps = slot.steps;
        step(
            rule,
            lr,
            steps,
            &mut value,
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
        ids: &Tensor,
        gradient: &Tensor,
    ) -> Result<(), Error> {
        let slot = self.slot_mut(path)?;
        slot.steps += 1;
        let size = slot.value.size();
        let names: &[&str] = match rule {
            UpdateRule::Sgd { momentum: 0.0 } => &[],
            UpdateRule::Sgd { .. } => &["momentum"],
            UpdateRule::Adam { .. } | UpdateRule::AdamW { .. } => &["m", "v"],
            UpdateRule::Adagrad { .. } => &["sum"],
            UpdateRule::RowwiseAdagrad { .. } => &["row_sum"],
        };
        let mut all = Vec::new();
        for name in names {
            all.push(slot.moment(
                name,
                if *name == "row_sum" {
                    &size[..1]
                } else {
                    &size
                },
            )?);
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

impl Slot {
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
