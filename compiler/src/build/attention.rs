//! Attention within each list.

use reckon_grammar::diagnostic::{Code, Diagnostic};

use super::prim::whole;
use super::{Built, GraphBuilder};
use crate::graph::{Dim, NodeId, Op, SpaceKind};
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
        if !matches!(
            self.graph.space(list).kind,
            SpaceKind::List { max: Some(_), .. }
        ) {
            return Err(self.unbounded(e));
        }
        if width % heads != 0 {
            return Err(self.uneven(width, heads, e));
        }
        let [q, k, v] = nodes;
        let operands = [q, k, v, inputs.segments, inputs.positions];
        self.push(Op::Attention { heads, causal }, &operands, e)
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
