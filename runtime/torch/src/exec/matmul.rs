//! Products of matrices: on the matrix unit of the processor where it has one and the matrices are wide enough, else libtorch's.

use reckon_compiler::graph::{Dim, Graph, NodeId, Op};
use tch::{Device, Kind, TchError, Tensor};

use super::Kernel;
use crate::kernels::lines::{Lines, Matrices};
use crate::kernels::{self, Kernels, matrix};

/// Dimensions of fixed size below this leave most of the unit idle. In tests all will do: random graphs have small ones.
const LEAST: usize = if cfg!(test) { 1 } else { 16 };

/// How the products of a node are made. That depends on what is known before it runs, never on how many rows there are, so that a
/// row of a batch has the bits that it has alone.
#[derive(Clone, Copy)]
pub(crate) struct Products {
    transpose_b: bool,
    on_unit: bool,
}

impl Products {
    /// Of a node that multiplies.
    pub(crate) fn of(graph: &Graph, id: NodeId, kernels: Kernels) -> Self {
        let Op::MatMul { transpose_b } = graph.node(id).op else {
            unreachable!("internal: products of another op")
        };
        let [a, b] = [0, 1].map(|at| &graph.ty(graph.operands(id)[at]).dims[..]);
        let dims = match folds(a.len(), b.len()) {
            true => [&a[a.len() - 1..], b],
            false => [&a[a.len() - 2..], &b[b.len() - 2..]],
        };
        let narrow = |dim: &Dim| matches!(dim, Dim::Fixed(size) if *size < LEAST);
        let wide = !dims.into_iter().flatten().any(narrow);
        Self {
            transpose_b,
            on_unit: kernels == Kernels::Own && wide && matrix::is_there(),
        }
    }

    /// The product.
    pub(crate) fn make(self, a: &Tensor, b: &Tensor) -> Result<Tensor, TchError> {
        let b = self.right(b)?;
        if !self.on_unit {
            return a.f_matmul(&b);
        }
        let mut shape = if a.dim() < b.dim() {
            b.size()
        } else {
            a.size()
        };
        let last = shape.len() - 1;
        shape[last - 1] = a.size()[a.dim() - 2];
        shape[last] = b.size()[b.dim() - 1];
        let mut result = Tensor::f_empty(&shape, (Kind::Float, Device::Cpu))?;
        let a = if folds(a.dim(), b.dim()) {
            let (rows, length) = (shape[..last].iter().product::<i64>(), b.size()[0]);
            Operand::left(&a.f_reshape([rows, length])?)?
        } else {
            Operand::left(a)?
        };
        a.multiply(&Operand::right(&b)?, &mut result, false);
        Ok(result)
    }

    /// The product of two matrices, added to what is in a third.
    pub(crate) fn add_to(self, sum: &Tensor, a: &Tensor, b: &Tensor) -> Result<Tensor, TchError> {
        let (mut sum, b) = (sum.shallow_clone(), self.right(b)?);
        if self.on_unit && kernels::is_slice(&sum) {
            Operand::left(a)?.multiply(&Operand::right(&b)?, &mut sum, true);
            return Ok(sum);
        }
        sum.f_addmm_(a, &b)
    }

    fn right(self, b: &Tensor) -> Result<Tensor, TchError> {
        if self.transpose_b {
            b.f_transpose(-2, -1)
        } else {
            Ok(b.shallow_clone())
        }
    }
}

/// Whether the rows of all left matrices are rows of one, as one right matrix serves them all.
fn folds(left_rank: usize, right_rank: usize) -> bool {
    left_rank > 2 && right_rank == 2
}

pub(super) fn matmul(graph: &Graph, id: NodeId, kernels: Kernels) -> Kernel {
    let products = Products::of(graph, id, kernels);
    Box::new(move |x, _| Ok(products.make(x[0], x[1])?))
}

/// Matrices, one for each index of the leading dimensions or one for all.
struct Operand {
    tensor: Tensor,
    /// From a matrix to the next; 0 where there is one.
    step: usize,
    /// Rows of a left operand, columns of a right one.
    lines: usize,
    length: usize,
    /// From a line to the next, and from a number of it to the next.
    steps: (usize, usize),
}

impl Operand {
    /// Matrices `[.., lines, length]`.
    fn left(tensor: &Tensor) -> Result<Self, TchError> {
        let shape = tensor.size();
        let (lead, matrix) = shape.split_at(shape.len() - 2);
        let mut tensor = match lead.len() {
            0 => tensor.f_unsqueeze(0)?,
            1 => tensor.shallow_clone(),
            _ => tensor.f_reshape([lead.iter().product(), matrix[0], matrix[1]])?,
        };
        let mut steps = strides(&tensor);
        if steps[1] != 1 && steps[2] != 1 {
            tensor = tensor.f_contiguous()?;
            steps = strides(&tensor);
        }
        let size = tensor.size();
        Ok(Self {
            tensor,
            step: if lead.is_empty() { 0 } else { steps[0] },
            lines: size[1] as usize,
            length: size[2] as usize,
            steps: (steps[1], steps[2]),
        })
    }

    /// Matrices `[.., length, lines]`.
    fn right(tensor: &Tensor) -> Result<Self, TchError> {
        Self::left(&tensor.f_transpose(-2, -1)?)
    }

    /// Puts the products of all matrices into contiguous ones, or adds them to these.
    fn multiply(&self, right: &Self, out: &mut Tensor, adds: bool) {
        matrix::multiply(
            self.matrices(),
            right.matrices(),
            kernels::slice_mut(out),
            adds,
        );
    }

    fn matrices(&self) -> Matrices<'_> {
        let numbers = kernels::span(&self.tensor);
        Matrices {
            first: Lines {
                numbers,
                count: self.lines,
                length: self.length,
                steps: self.steps,
            },
            step: self.step,
        }
    }
}

/// The steps of three dimensions; that of a dimension of size 1 may as well be 1.
fn strides(tensor: &Tensor) -> [usize; 3] {
    let (sizes, steps) = (tensor.size(), tensor.stride());
    std::array::from_fn(|at| match sizes[at] {
        1 if at > 0 => 1,
        _ => steps[at] as usize,
    })
}
