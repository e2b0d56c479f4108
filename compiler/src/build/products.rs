//! Products of vectors and matrices, over rows of one space or of two.

use reckon_grammar::diagnostic::{Code, Diagnostic};

use super::{Built, GraphBuilder};
use crate::graph::{Dim, NodeId, Op};
use crate::hir::{Expr, Ty};

impl GraphBuilder<'_> {
    pub(super) fn dot(&mut self, args: &[Expr], e: &Expr) -> Built<NodeId> {
        let (a, b) = (self.node(&args[0])?, self.node(&args[1])?);
        let inner = |arg: &Expr| match &arg.ty {
            Ty::Tensor(tensor) => tensor.dims.len() - 1,
            _ => 0,
        };
        let (left, right) = (inner(&args[0]), inner(&args[1]));
        let rows = |builder: &Self, node| {
            let dims = &builder.graph.ty(node).dims;
            dims.iter()
                .filter(|dim| matches!(dim, Dim::Space(_)))
                .copied()
                .collect::<Vec<_>>()
        };
        let (a_rows, b_rows) = (rows(self, a), rows(self, b));
        let apart = !a_rows.is_empty()
            && !b_rows.is_empty()
            && !a_rows.iter().any(|dim| b_rows.contains(dim))
            && self.list_of(a).is_none()
            && self.list_of(b).is_none();
        match (apart, left, right) {
            (true, 0, 0) if a_rows.len() == 1 && b_rows.len() == 1 => {
                self.push(Op::MatMul { transpose_b: true }, &[a, b], e)
            }
            (true, 1, 0) if b_rows.len() == 1 => {
                let scores = self.push(Op::MatMul { transpose_b: true }, &[a, b], e)?;
                let rank = self.graph.ty(scores).dims.len();
                let mut axes: Vec<usize> = (0..rank).collect();
                axes.swap(rank - 1, rank - 2);
                self.push(Op::Permute(axes), &[scores], e)
            }
            (_, 0, 0) => {
                let (a, b) = self.aligned(a, b, e)?;
                let product = self.push(Op::Mul, &[a, b], e)?;
                let axis = self.graph.ty(product).dims.len() - 1;
                self.push(Op::SumOver(axis), &[product], e)
            }
            (false, 1, 0) | (false, 0, 1) => {
                let (many, one) = if left == 1 { (a, b) } else { (b, a) };
                let (many, one) = self.aligned(many, one, e)?;
                self.dot_many(many, one, e)
            }
            (false, 1, 1) if a_rows == b_rows => {
                self.push(Op::MatMul { transpose_b: true }, &[a, b], e)
            }
            _ => Err(Box::new(
                Diagnostic::error(
                    Code(902),
                    self.call.unwrap_or(e.span),
                    "this inner product over several spaces is not lowered",
                )
                .help("take it in steps: products of vectors first, then over their dimensions"),
            )),
        }
    }

    /// `[S.., K, D]` with `[S.., D]`: `[S.., K]`.
    fn dot_many(&mut self, many: NodeId, one: NodeId, e: &Expr) -> Built<NodeId> {
        let mut dims = self.graph.ty(one).dims.clone();
        dims.insert(dims.len() - 1, Dim::Fixed(1));
        let one = self.reshape(one, dims, e)?;
        let scores = self.push(Op::MatMul { transpose_b: true }, &[many, one], e)?;
        let dims = self.graph.ty(scores).dims.clone();
        self.reshape(scores, dims[..dims.len() - 1].to_vec(), e)
    }

    /// A vector times a matrix: the rows of all spaces are the rows of one matrix product.
    pub(super) fn project(&mut self, args: &[Expr], e: &Expr) -> Built<NodeId> {
        let (x, w) = (self.node(&args[0])?, self.node(&args[1])?);
        let dims = self.graph.ty(x).dims.clone();
        if dims.len() >= 2 {
            return self.push(Op::MatMul { transpose_b: false }, &[x, w], e);
        }
        let x = self.reshape(x, [vec![Dim::Fixed(1)], dims].concat(), e)?;
        let y = self.push(Op::MatMul { transpose_b: false }, &[x, w], e)?;
        let dims = self.graph.ty(y).dims.clone();
        self.reshape(y, dims[1..].to_vec(), e)
    }
}
