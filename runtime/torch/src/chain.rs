//! Instructions that run as one pass over rows.

use std::ops::Range;

use reckon_compiler::graph::{Dim, Elem, TensorType};
use tch::{Kind, Tensor};

use crate::error::Error;
use crate::exec::{Frame, outside};
use crate::feeds::kind;
use crate::kernels::chain::{self, Chain, Given, Result as Out};
use crate::kernels::{self, rows};

/// A run of instructions that are steps over the rows of values `[R.., W]`.
#[derive(Debug)]
pub(crate) struct Chained {
    pub(crate) instructions: Range<usize>,
    pub(crate) chain: Chain,
    pub(crate) rows: Vec<Dim>,
    pub(crate) width: Dim,
    pub(crate) given: Vec<Operand>,
    /// Which operands hold places in a row.
    pub(crate) places: Vec<usize>,
    /// Slots of results that are read afterwards, with their types.
    pub(crate) results: Vec<(usize, TensorType)>,
}

/// What a chain reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operand {
    pub(crate) slot: usize,
    pub(crate) elem: Elem,
}

impl Chained {
    /// Runs the steps; the results stand in their slots.
    pub(crate) fn run(&self, slots: &mut [Option<Tensor>], frame: &Frame<'_>) -> Result<(), Error> {
        let width = frame.extent(self.width)?;
        let rows: Result<i64, Error> = self.rows.iter().map(|dim| frame.extent(*dim)).product();
        let rows = rows? as usize;
        let operands: Vec<Tensor> = self
            .given
            .iter()
            .map(|operand| {
                let value = slots[operand.slot].as_ref();
                value
                    .expect("operands are computed before and freed after")
                    .f_contiguous()
            })
            .collect::<Result<_, _>>()?;
        let given: Vec<Given<'_>> = self
            .given
            .iter()
            .zip(&operands)
            .map(|(operand, value)| given(*operand, value))
            .collect();
        for place in &self.places {
            let places = kernels::slice::<i64>(&operands[*place]);
            rows::inside(places, width as usize).map_err(|place| outside(place, width))?;
        }
        let mut results: Vec<Tensor> = self
            .results
            .iter()
            .map(|(_, ty)| {
                let shape: Result<Vec<i64>, Error> =
                    ty.dims.iter().map(|dim| frame.extent(*dim)).collect();
                Ok(Tensor::f_empty(shape?, (kind(ty.elem), frame.device))?)
            })
            .collect::<Result<_, Error>>()?;
        let mut outs: Vec<Out<'_>> = results.iter_mut().map(out).collect();
        chain::run(&self.chain, &given, &mut outs, rows, width as usize);
        for ((slot, _), result) in self.results.iter().zip(results) {
            slots[*slot] = Some(result);
        }
        Ok(())
    }
}

fn given(operand: Operand, value: &Tensor) -> Given<'_> {
    match operand.elem {
        Elem::F32 => Given::Floats(kernels::slice(value)),
        Elem::I64 => Given::Whole(kernels::slice(value)),
        Elem::Bool => Given::Truths(kernels::slice(value)),
    }
}

fn out(result: &mut Tensor) -> Out<'_> {
    if result.kind() == Kind::Bool {
        Out::Truths(kernels::slice_mut(result))
    } else {
        Out::Floats(kernels::slice_mut(result))
    }
}
