//! Attention within each list, and its gradient. Both are defined over lists padded to their bound.

use super::composite::by_decomposition;
use super::{
    Arity, Backward, Cotangent, Dim, Elem, Entry, Eval, Gradient, Keep, Operands, TensorType,
    Typing, dense,
};
use crate::differentiate;
use crate::graph::NodeId;
use crate::graph::build::{Builder, node};
use crate::graph::op::{Attended, Op};
use crate::graph::space::{SpaceId, SpaceKind};

pub(super) const ATTENTION: Entry = Entry {
    name: "attention",
    doc: "`softmax(q k' / sqrt(D / heads)) v` within each list: `q, k f32[L, D], v f32[L, D], segments i64[L], positions i64[L]`; `q` may be one a list, `f32[P, D]`.",
    arity: Arity::Exactly(5),
    typing: Typing::Inferred(|operands| {
        let Op::Attention { heads, causal } = *operands.op else {
            unreachable!("the entry of attention")
        };
        attended(operands, heads, causal)
    }),
    gradient: Gradient::Rule {
        keeps: &[Keep::Operands],
        rule: gradient,
    },
    eval: Eval::Whole(by_decomposition),
};

pub(super) const GRADIENT: Entry = Entry {
    name: "attention_gradient",
    doc: "What an operand of `attention` gets of the gradient of its result; the operands of `attention`, then that gradient.",
    arity: Arity::Exactly(6),
    typing: Typing::Inferred(|operands| {
        let Op::AttentionGradient { heads, causal, of } = *operands.op else {
            unreachable!("the entry of attention_gradient")
        };
        let result = attended(operands, heads, causal)?;
        if *operands.types[5] != result {
            return Err(format!(
                "takes a gradient `{}`, found {}",
                result.show(&operands.graph.spaces),
                operands.show(5)
            ));
        }
        Ok(match of {
            Attended::Query => result,
            Attended::Key | Attended::Value => operands.types[1].clone(),
        })
    }),
    gradient: Gradient::Rule {
        keeps: &[Keep::Operands],
        rule: differentiate::by_decomposition,
    },
    eval: Eval::Whole(by_decomposition),
};

fn gradient(b: &mut Backward, at: usize) -> Option<Cotangent> {
    let Op::Attention { heads, causal } = b.op() else {
        unreachable!("the entry of attention")
    };
    let of = [Attended::Query, Attended::Key, Attended::Value];
    let op = Op::AttentionGradient {
        heads,
        causal,
        of: *of.get(at)?,
    };
    let operands = [b.operands.as_slice(), &[b.g]].concat();
    dense(b.build.op(op, &operands))
}

/// The type of the result: that of the queries.
fn attended(operands: &Operands, heads: usize, causal: bool) -> Result<TensorType, String> {
    for at in 0..3 {
        operands.expect_elem(at, &[Elem::F32])?;
    }
    for at in 3..5 {
        operands.expect_elem(at, &[Elem::I64])?;
    }
    let refused = || Err(format!("cannot attend over {}", operands.show_all()));
    let [q, k, v, segments, positions, ..] = operands.types[..] else {
        return refused();
    };
    let [Dim::Space(list), Dim::Fixed(width)] = k.dims[..] else {
        return refused();
    };
    let SpaceKind::List {
        parent,
        max: Some(_),
    } = operands.graph.space(list).kind
    else {
        return refused();
    };
    let places = [Dim::Space(list)];
    let each = q == k;
    let one = q.dims == [Dim::Space(parent), Dim::Fixed(width)] && !causal;
    let even = heads > 0 && width % heads == 0;
    if k != v || !(each || one) || !even || segments.dims != places || positions.dims != places {
        return refused();
    }
    Ok(q.clone())
}

/// An attention over lists that are padded to their bound, heads apart: `[P, heads, T, D / heads]`.
pub(super) struct Padded {
    /// The queries as they came.
    queries: NodeId,
    q: NodeId,
    k: NodeId,
    v: NodeId,
    /// What share of each value each query takes: `[P, heads, T, T]`.
    shares: NodeId,
    lists: Lists,
}

/// Where the elements of lists lie.
struct Lists {
    segments: NodeId,
    positions: NodeId,
    parent: SpaceId,
    max: usize,
    heads: usize,
    width: usize,
}

impl Padded {
    /// From the operands of the op.
    pub(super) fn new(
        build: &mut Builder,
        operands: &[NodeId],
        heads: usize,
        causal: bool,
    ) -> Self {
        let [queries, k, v, segments, positions] = operands[..] else {
            unreachable!("the entry asks for five operands")
        };
        let list = build.graph.bounded_list(k);
        let (parent, max) = list.expect("the type rule asks for bounded lists");
        let width = build.graph.ty(k).dims[1].fixed();
        let width = width.expect("the type rule asks for vectors");
        let lists = Lists {
            segments,
            positions,
            parent,
            max,
            heads,
            width,
        };
        let (q, k, v) = (
            lists.split(build, queries),
            lists.split(build, k),
            lists.split(build, v),
        );
        let mask = lists.mask(build, q, k, causal);
        let scale = lists.scale(build);
        let scores = node!(build, (Mul ([Op::MatMul { transpose_b: true }] q k) scale));
        let nothing = build.scalar(f64::NEG_INFINITY);
        let shares = node!(build, ([Op::Softmax(3)] (Select mask scores nothing)));
        Self {
            queries,
            q,
            k,
            v,
            shares,
            lists,
        }
    }

    /// The result of the op.
    pub(super) fn result(&self, build: &mut Builder) -> NodeId {
        let (shares, v) = (self.shares, self.v);
        let taken = node!(build, ([Op::MatMul { transpose_b: false }] shares v));
        self.lists.join(build, taken, self.queries)
    }

    /// What an operand gets of the gradient of the result.
    pub(super) fn gradient(&self, build: &mut Builder, g: NodeId, of: Attended) -> NodeId {
        let plain = Op::MatMul { transpose_b: false };
        let (q, k, v, shares) = (self.q, self.k, self.v, self.shares);
        let g = self.lists.split(build, g);
        if of == Attended::Value {
            let shares = build.transpose(shares);
            let of_values = node!(build, ([plain] shares g));
            return self.lists.join(build, of_values, self.lists.segments);
        }
        let dim = build.graph.ty(shares).dims[3];
        let of_shares = node!(build, ([Op::MatMul { transpose_b: true }] g v));
        let total =
            node!(build, ([Op::Expand { axis: 3, dim }] ([Op::SumOver(3)] (Mul of_shares shares))));
        let scale = self.lists.scale(build);
        let of_scores = node!(build, (Mul (Mul shares (Sub of_shares total)) scale));
        if of == Attended::Query {
            let of_queries = node!(build, ([plain] of_scores k));
            return self.lists.join(build, of_queries, self.queries);
        }
        let of_scores = build.transpose(of_scores);
        let of_keys = node!(build, ([plain] of_scores q));
        self.lists.join(build, of_keys, self.lists.segments)
    }
}

impl Lists {
    fn scale(&self, build: &mut Builder) -> NodeId {
        let width = self.width / self.heads;
        build.scalar(1.0 / (width as f64).sqrt())
    }

    /// `[L, D]` as `[P, heads, T, D / heads]`; `[P, D]` with a `T` of one.
    fn split(&self, build: &mut Builder, x: NodeId) -> NodeId {
        let (segments, positions) = (self.segments, self.positions);
        let (parent, max) = (self.parent, self.max);
        let of_lists = build.graph.ty(x).dims[0] == Dim::Space(parent);
        let padded = if of_lists {
            let (axis, dim) = (1, Dim::Fixed(1));
            node!(build, ([Op::Expand { axis, dim }] x))
        } else {
            node!(build, ([Op::PadList { parent, max }] x segments positions))
        };
        let time = build.graph.ty(padded).dims[1];
        let heads = [self.heads, self.width / self.heads].map(Dim::Fixed);
        let dims = [&[Dim::Space(parent), time], heads.as_slice()].concat();
        let parts = build.typed(Op::Reshape, &[padded], TensorType::new(Elem::F32, dims));
        node!(build, ([Op::Permute(vec![0, 2, 1, 3])] parts))
    }

    /// The reverse of `split`, over the rows of `like`.
    fn join(&self, build: &mut Builder, x: NodeId, like: NodeId) -> NodeId {
        let (segments, positions) = (self.segments, self.positions);
        let (parent, width) = (Dim::Space(self.parent), Dim::Fixed(self.width));
        let time = build.graph.ty(x).dims[2];
        let rows = node!(build, ([Op::Permute(vec![0, 2, 1, 3])] x));
        let joined = |dims: &[Dim]| TensorType::new(Elem::F32, dims);
        if build.graph.ty(like).dims[0] == parent {
            return build.typed(Op::Reshape, &[rows], joined(&[parent, width]));
        }
        let rows = build.typed(Op::Reshape, &[rows], joined(&[parent, time, width]));
        node!(build, (UnpadList rows segments positions))
    }

    /// Which keys each query may see: `bool[P, heads, T, T]`.
    fn mask(&self, build: &mut Builder, q: NodeId, k: NodeId, causal: bool) -> NodeId {
        let (segments, positions) = (self.segments, self.positions);
        let (parent, max) = (self.parent, self.max);
        let list = build.graph.ty(segments).dims[0];
        let one_each = build.fill(TensorType::new(Elem::F32, [list]), 1.0);
        let present = node!(build, ([Op::PadList { parent, max }] one_each segments positions));
        let (queries, keys) = (build.graph.ty(q).dims[2], build.graph.ty(k).dims[2]);
        let along = |axis, dim| Op::Expand { axis, dim };
        let present = node!(build, (Gt ([along(1, queries)] present) 0.0));
        let seen = if causal {
            let place = build.typed(Op::Iota, &[], TensorType::new(Elem::I64, [keys]));
            node!(build, (And present (Ge ([along(1, queries)] place) place)))
        } else {
            present
        };
        node!(build, ([along(1, Dim::Fixed(self.heads))] seen))
    }
}
