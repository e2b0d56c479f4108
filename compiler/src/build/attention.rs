//! Attention within each list: padded, split into heads, attended, joined and unpadded.

use reckon_grammar::diagnostic::{Code, Diagnostic};

use super::prim::whole;
use super::{Built, GraphBuilder};
use crate::graph::{Dim, Elem, NodeId, Op, SpaceKind, TensorType};
use crate::hir::Expr;
use crate::value::Value;

impl GraphBuilder<'_> {
    pub(super) fn attend(&mut self, args: &[Expr], e: &Expr) -> Built<NodeId> {
        let nodes = [
            self.node(&args[0])?,
            self.node(&args[1])?,
            self.node(&args[2])?,
        ];
        let heads = args.get(3).and_then(whole).unwrap_or(1).max(1);
        let causal = !matches!(
            args.get(4).and_then(|arg| arg.ty.value()),
            Some(Value::Bool(false))
        );
        let list = self.list_of(nodes[0]);
        let (Some(list), Some(Dim::Fixed(width))) =
            (list, self.graph.ty(nodes[0]).dims.last().copied())
        else {
            return Err(self.internal(e.span, "expected a list of vectors"));
        };
        let inputs = self.lists[&list];
        let SpaceKind::List {
            max: Some(longest), ..
        } = self.graph.space(list).kind
        else {
            return Err(self.unbounded(e));
        };
        if width % heads != 0 {
            return Err(self.uneven(width, heads, e));
        }
        let pad = Op::PadList {
            parent: inputs.parent,
            max: longest,
        };
        let parent = Dim::Space(inputs.parent);
        let mut split = Vec::new();
        for node in nodes {
            let padded = self.push(pad.clone(), &[node, inputs.segments, inputs.positions], e)?;
            split.push(self.split_heads(padded, heads, e)?);
        }
        let one_each = TensorType::new(Elem::F32, [Dim::Space(list)]);
        let ones = self.push_typed(Op::Const(vec![1.0]), &[], one_each, e)?;
        let present = self.push(pad, &[ones, inputs.segments, inputs.positions], e)?;
        let mask = self.attention_mask(present, longest, heads, causal, e)?;
        let attended = self.push(Op::Attention, &[split[0], split[1], split[2], mask], e)?;
        let joined = self.push(Op::Permute(vec![0, 2, 1, 3]), &[attended], e)?;
        let dims = vec![parent, Dim::Fixed(longest), Dim::Fixed(width)];
        let joined = self.reshape(joined, dims, e)?;
        let of = [joined, inputs.segments, inputs.positions];
        self.push(Op::UnpadList, &of, e)
    }

    /// `[P, T, D]` as `[P, heads, T, D / heads]`.
    fn split_heads(&mut self, padded: NodeId, heads: usize, e: &Expr) -> Built<NodeId> {
        let mut dims = self.graph.ty(padded).dims.clone();
        let Some(Dim::Fixed(width)) = dims.pop() else {
            return Err(self.internal(e.span, "expected vectors"));
        };
        dims.extend([Dim::Fixed(heads), Dim::Fixed(width / heads)]);
        let parts = self.reshape(padded, dims, e)?;
        self.push(Op::Permute(vec![0, 2, 1, 3]), &[parts], e)
    }

    /// Which key each query may see: `bool[P, heads, T, T]` from `present: f32[P, T]`.
    fn attention_mask(
        &mut self,
        present: NodeId,
        longest: usize,
        heads: usize,
        causal: bool,
        e: &Expr,
    ) -> Built<NodeId> {
        let time = Dim::Fixed(longest);
        let keys = self.push(Op::Expand { axis: 1, dim: time }, &[present], e)?;
        let zero = self.number(0.0, e)?;
        let mut mask = self.push(Op::Gt, &[keys, zero], e)?;
        if causal {
            let place = self.push_typed(Op::Iota, &[], TensorType::new(Elem::I64, [time]), e)?;
            let query = self.push(Op::Expand { axis: 1, dim: time }, &[place], e)?;
            let earlier = self.push(Op::Ge, &[query, place], e)?;
            mask = self.push(Op::And, &[mask, earlier], e)?;
        }
        self.push(
            Op::Expand {
                axis: 1,
                dim: Dim::Fixed(heads),
            },
            &[mask],
            e,
        )
    }

    fn unbounded(&self, e: &Expr) -> Box<Diagnostic> {
        Box::new(
            Diagnostic::error(
                Code(903),
                self.call.unwrap_or(e.span),
                "attention needs a list of bounded length",
            )
            .help("bound the history: `history(... of ..., last: 50)`"),
        )
    }

    fn uneven(&self, width: usize, heads: usize, e: &Expr) -> Box<Diagnostic> {
        Box::new(
            Diagnostic::error(
                Code(904),
                self.call.unwrap_or(e.span),
                format!("vectors of {width} do not split into {heads} heads"),
            )
            .help("take a number of heads that divides the width"),
        )
    }
}
