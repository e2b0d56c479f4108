//! Attention within lists and its gradient: by kernels over the lists as they lie, or by libtorch over padded ones.

use reckon_compiler::graph::{Attended, Dim, Graph, NodeId, Op};
use tch::{Kind, TchError, Tensor};

use super::{Frame, Kernel};
use crate::error::Error;
use crate::kernels::attention::{Attention, Queries, Wanted, lists};
use crate::kernels::{self, Kernels};

/// What the types of the operands and the attributes tell.
#[derive(Clone, Copy)]
struct Shape {
    parent: Dim,
    max: i64,
    heads: i64,
    queries: Queries,
    of: Option<Attended>,
}

/// The kernel of an attention, or of a gradient of one.
pub(super) fn attention(graph: &Graph, id: NodeId, kernels: Kernels) -> Kernel {
    let shape = Shape::new(graph, id);
    match kernels {
        Kernels::Own => Box::new(move |x, frame| shape.own(x, frame)),
        Kernels::Libtorch => Box::new(move |x, frame| shape.padded(x, frame)),
    }
}

impl Shape {
    fn new(graph: &Graph, id: NodeId) -> Self {
        let (heads, causal, of) = match graph.node(id).op {
            Op::Attention { heads, causal } => (heads, causal, None),
            Op::AttentionGradient { heads, causal, of } => (heads, causal, Some(of)),
            _ => unreachable!("an attention"),
        };
        let dims = |at: usize| &graph.ty(graph.operands(id)[at]).dims;
        let list = graph.bounded_list(graph.operands(id)[1]);
        let (parent, max) = list.expect("the type rule asks for bounded lists");
        let parent = Dim::Space(parent);
        Self {
            parent,
            max: max as i64,
            heads: heads as i64,
            queries: match (dims(0)[0] == parent, causal) {
                (true, _) => Queries::One,
                (false, true) => Queries::Causal,
                (false, false) => Queries::Each,
            },
            of,
        }
    }

    fn own(self, x: &[&Tensor], frame: &Frame<'_>) -> Result<Tensor, Error> {
        let x = x.iter().map(|x| x.f_contiguous());
        let x: Vec<Tensor> = x.collect::<Result<_, _>>()?;
        let count = frame.extent(self.parent)? as usize;
        let found = lists(kernels::slice(&x[3]), kernels::slice(&x[4]), count);
        let lists = found.ok_or_else(|| {
            TchError::Torch("elements of lists do not lie back to back".to_owned())
        })?;
        let attention = Attention {
            q: kernels::slice(&x[0]),
            k: kernels::slice(&x[1]),
            v: kernels::slice(&x[2]),
            lists: &lists,
            queries: self.queries,
            heads: self.heads as usize,
            width: x[0].size()[1] as usize,
        };
        let (wanted, like) = match self.of {
            None => (Wanted::Result, &x[0]),
            Some(Attended::Query) => (Wanted::OfQueries(kernels::slice(&x[5])), &x[0]),
            Some(Attended::Key) => (Wanted::OfKeys(kernels::slice(&x[5])), &x[1]),
            Some(Attended::Value) => (Wanted::OfValues(kernels::slice(&x[5])), &x[2]),
        };
        let mut result = like.f_empty_like()?;
        attention.run(wanted, kernels::slice_mut(&mut result));
        Ok(result)
    }

    fn padded(self, x: &[&Tensor], frame: &Frame<'_>) -> Result<Tensor, Error> {
        let lists = Lists {
            count: frame.extent(self.parent)?,
            max: self.max,
            heads: self.heads,
            cells: x[3].f_mul_scalar(self.max)?.f_add(x[4])?,
        };
        let one = self.queries == Queries::One;
        let query = |x: &Tensor| match one {
            true => lists.split(x, 1),
            false => lists.split(&lists.pad(x)?, self.max),
        };
        let key = |x: &Tensor| lists.split(&lists.pad(x)?, self.max);
        let (q, k, v) = (query(x[0])?, key(x[1])?, key(x[2])?);
        let scale = (*q.size().last().unwrap_or(&1) as f64).sqrt().recip();
        let scores = q.f_matmul(&k.f_transpose(-2, -1)?)?.f_mul_scalar(scale)?;
        let seen = lists.mask(x[3], self.queries)?;
        let scores = scores.f_masked_fill(&seen.f_logical_not()?, f64::NEG_INFINITY)?;
        let shares = scores.f_internal_safe_softmax(-1, Kind::Float)?;
        let of_lists = |x: Tensor| match one {
            true => lists.join(&x),
            false => lists.unpad(&lists.join(&x)?),
        };
        let of_elements = |x: Tensor| lists.unpad(&lists.join(&x)?);
        let Some(of) = self.of else {
            return Ok(of_lists(shares.f_matmul(&v)?)?);
        };
        let g = query(x[5])?;
        if of == Attended::Value {
            return Ok(of_elements(shares.f_transpose(-2, -1)?.f_matmul(&g)?)?);
        }
        let of_shares = g.f_matmul(&v.f_transpose(-2, -1)?)?;
        let total =
            of_shares
                .f_mul(&shares)?
                .f_sum_dim_intlist([-1].as_slice(), true, Kind::Float)?;
        let of_scores = of_shares
            .f_sub(&total)?
            .f_mul(&shares)?
            .f_mul_scalar(scale)?;
        Ok(match of {
            Attended::Query => of_lists(of_scores.f_matmul(&k)?)?,
            _ => of_elements(of_scores.f_transpose(-2, -1)?.f_matmul(&q)?)?,
        })
    }
}

/// Lists as rows of `[count * max]` places.
struct Lists {
    count: i64,
    max: i64,
    heads: i64,
    /// The place of each element.
    cells: Tensor,
}

impl Lists {
    /// `[L, D]` as `[count * max, D]`, with 0 past the end of each list.
    fn pad(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let size = [self.count * self.max, x.size()[1]];
        x.f_new_zeros(size, (x.kind(), x.device()))?
            .f_index_copy(0, &self.cells, x)
    }

    fn unpad(&self, x: &Tensor) -> Result<Tensor, TchError> {
        x.f_index_select(0, &self.cells)
    }

    /// `[count * time, D]` as `[count, heads, time, D / heads]`.
    fn split(&self, x: &Tensor, time: i64) -> Result<Tensor, TchError> {
        let width = x.size()[1] / self.heads;
        x.f_reshape([self.count, time, self.heads, width])?
            .f_transpose(1, 2)
    }

    /// The reverse.
    fn join(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let size = x.size();
        x.f_transpose(1, 2)?
            .f_reshape([self.count * size[2], self.heads * size[3]])
    }

    /// Which keys each query may see, for all heads: `[count, 1, 1 or max, max]`.
    fn mask(&self, segments: &Tensor, queries: Queries) -> Result<Tensor, TchError> {
        let one_each = segments.f_ones_like()?.f_unsqueeze(1)?;
        let present = self.pad(&one_each)?.f_to_kind(Kind::Bool)?;
        let present = present.f_reshape([self.count, 1, 1, self.max])?;
        if queries != Queries::Causal {
            return Ok(present);
        }
        let places = Tensor::f_arange(self.max, (Kind::Int64, segments.device()))?;
        present.f_logical_and(&places.f_unsqueeze(1)?.f_ge_tensor(&places)?)
    }
}
