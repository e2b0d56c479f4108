//! Rows against each other: a batch's rows gathered into a space of their own, and reductions over it.

use super::{Built, GraphBuilder};
use crate::graph::{Dim, Elem, NodeId, Op, SpaceId, SpaceKind, TensorType};
use crate::hir::{self, Expr, Ty};
use crate::plan::{Handle, HandleRows};

impl GraphBuilder<'_> {
    /// `[B, ..]` to `[C, ..]`, row for row.
    pub(super) fn across(&mut self, arg: &Expr, e: &Expr) -> Built<NodeId> {
        let x = self.node(arg)?;
        let (Some(Dim::Space(rows)), Some(to)) = (self.graph.ty(x).dims.first(), spaces(e).first())
        else {
            return Err(self.internal(e.span, "expected rows"));
        };
        let (rows, to) = (*rows, *to);
        let space = self.across_space(rows, to);
        let index = TensorType::new(Elem::I64, [Dim::Space(space)]);
        let index = self.push_typed(Op::Iota, &[], index, e)?;
        self.push(Op::Gather, &[x, index], e)
    }

    /// The graph's space of `across`. A handle beside it tells its size at run time.
    fn across_space(&mut self, rows: SpaceId, to: hir::SpaceRef) -> SpaceId {
        if let Some(done) = self.axes.get(&to) {
            return *done;
        }
        let of = self.handles.iter().position(|handle| handle.space == rows);
        let kind = match self.graph.space(rows).kind {
            SpaceKind::Axis(size) => SpaceKind::Axis(size),
            _ => SpaceKind::Candidates,
        };
        let shared = of.map(HandleRows::Shared);
        let known = self
            .handles
            .iter()
            .find(|known| Some(&known.rows) == shared.as_ref());
        let space = match known {
            Some(known) => known.space,
            None => self.new_space("C", kind),
        };
        if let Some(of) = of {
            let name = format!("{}@{}", self.handles[of].name, self.graph.space(space).name);
            let source = self.handles[of].source.clone();
            self.add_handle(Handle {
                name,
                source,
                space,
                rows: HandleRows::Shared(of),
            });
        }
        self.axes.insert(to, space);
        space
    }

    /// `sum_across` and `logsumexp_across`.
    pub(super) fn over_across(&mut self, name: &str, arg: &Expr, e: &Expr) -> Built<NodeId> {
        let x = self.node(arg)?;
        let left = spaces(e);
        let over = spaces(arg).iter().find(|space| !left.contains(space));
        let over = over.and_then(|over| self.axes.get(over)).copied();
        let dims = &self.graph.ty(x).dims;
        let axis = over.and_then(|over| dims.iter().position(|dim| *dim == Dim::Space(over)));
        match (axis, name) {
            (Some(axis), "logsumexp_across") => self.push(Op::LogSumExp(axis), &[x], e),
            (Some(axis), _) => self.push(Op::SumOver(axis), &[x], e),
            (None, _) => Err(self.internal(e.span, "expected rows across")),
        }
    }
}

fn spaces(e: &Expr) -> &[hir::SpaceRef] {
    match &e.ty {
        Ty::Tensor(tensor) => &tensor.spaces,
        _ => &[],
    }
}
