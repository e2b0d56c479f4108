//! Sums over the rows of a step, states that it updates, and lists made of vectors.

use reckon_grammar::diagnostic::{Code, Diagnostic};

use super::{Built, GraphBuilder, ListInputs, Mode};
use crate::graph::{Dim, Elem, NodeId, Op, ParamKind, SpaceKind, TensorType};
use crate::hir::Expr;

impl GraphBuilder<'_> {
    /// Puts a value into a state, in training; the result is the value.
    pub(super) fn update(&mut self, args: &[Expr], e: &Expr) -> Built<NodeId> {
        let (state, value) = (self.node(&args[0])?, self.node(&args[1])?);
        // A held teacher's weights are read through a stop; its states stay too.
        let (read, held) = match &self.graph.node(state).op {
            Op::Stop => (self.graph.operands(state)[0], true),
            _ => (state, false),
        };
        let state = match &self.graph.node(read).op {
            Op::Param(path) => Some(path.clone()),
            _ => None,
        };
        let is_state = |path: &String| self.graph.params[path].kind == ParamKind::State;
        let Some(path) = state.filter(is_state) else {
            let message = "`update` takes a state and its new value";
            let found = Diagnostic::error(Code(301), self.call.unwrap_or(e.span), message);
            return Err(Box::new(
                found.help("bind one first: `let mean = state([D])`"),
            ));
        };
        if held || self.mode == Mode::Serving {
            return Ok(value);
        }
        let assigned = self.push(Op::Assign { path }, &[value], e)?;
        self.graph.effects.push(assigned);
        Ok(assigned)
    }

    /// The sum over all rows; positional dimensions stay.
    pub(super) fn rows_sum(&mut self, x: NodeId, e: &Expr) -> Built<NodeId> {
        let mut x = self.float(x, e)?;
        while let Some(Dim::Space(_)) = self.graph.ty(x).dims.first() {
            x = self.push(Op::SumOver(0), &[x], e)?;
        }
        Ok(x)
    }

    /// `[L, ..]` as `[P, N, ..]`, with 0 past the end of each list.
    pub(super) fn padded(&mut self, x: NodeId, e: &Expr) -> Built<NodeId> {
        let Some((list, inputs)) = self
            .list_of(x)
            .and_then(|list| Some((list, *self.lists.get(&list)?)))
        else {
            return Err(self.internal(e.span, "expected a list"));
        };
        let SpaceKind::List {
            parent,
            max: Some(max),
        } = self.graph.space(list).kind
        else {
            return Err(self.internal(e.span, "a list to pad has no bound"));
        };
        let x = self.float(x, e)?;
        let pad = Op::PadList { parent, max };
        self.push(pad, &[x, inputs.segments, inputs.positions], e)
    }

    /// `[N, D..]`, or in each row of a space `[P, N, D..]`, as a list.
    pub(super) fn as_list(&mut self, x: NodeId, e: &Expr) -> Built<NodeId> {
        let dims = self.graph.ty(x).dims.clone();
        let i64s = |dims: &[Dim]| TensorType::new(Elem::I64, dims);
        let (parent, at) = match dims[..] {
            [Dim::Space(parent), Dim::Fixed(_), ..] => (parent, 1),
            _ => (self.new_space("one", SpaceKind::Axis(1)), 0),
        };
        let Dim::Fixed(size) = dims[at] else {
            return Err(self.internal(e.span, "a list of vectors has no length"));
        };
        let max = Some(size);
        let list = self.new_space("L", SpaceKind::List { parent, max });
        let row = self.push_typed(Op::Iota, &[], i64s(&[Dim::Space(parent)]), e)?;
        let along = Op::Expand {
            axis: 1,
            dim: dims[at],
        };
        let row = self.push(along, &[row], e)?;
        let place = self.push_typed(Op::Iota, &[], i64s(&[dims[at]]), e)?;
        let along = Op::Expand {
            axis: 0,
            dim: Dim::Space(parent),
        };
        let place = self.push(along, &[place], e)?;
        let flat = vec![Dim::Space(list)];
        let segments = self.reshape(row, flat.clone(), e)?;
        let positions = self.reshape(place, flat.clone(), e)?;
        self.lists.insert(
            list,
            ListInputs {
                segments,
                positions,
                parent,
            },
        );
        self.reshape(x, [&flat, &dims[at + 1..]].concat(), e)
    }
}
