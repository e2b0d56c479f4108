//! How many bytes of results a program holds at once, in the order in which its graph is scheduled.
//!
//! Results are freed after their last reader, as the runtime frees them. What shares the memory of what it reads, and what is
//! computed on the way into its only reader, takes none of its own; scores of all rows against all candidates are made a tile
//! of rows at a time.

use std::collections::BTreeMap;

use super::Amount;
use super::flops::value_bytes;
use super::sizes::Sizes;
use crate::graph::{Dim, Elem, Graph, NodeId, Op, SpaceKind, TensorType};

/// Elements of the widest value of a tile of scores.
pub(super) const TILE: u64 = 1 << 18;

/// Bytes of what a program is fed.
pub(super) fn inputs(graph: &Graph, sizes: &Sizes) -> Amount {
    let order = graph.order().into_iter();
    let fed = order.filter(|id| matches!(graph.node(*id).op, Op::Input(_)));
    fed.map(|id| value_bytes(graph, id, sizes)).sum()
}

/// Bytes of what it returns.
pub(super) fn outputs(graph: &Graph, sizes: &Sizes) -> Amount {
    let outputs = graph.outputs.iter();
    outputs.map(|(_, id)| value_bytes(graph, *id, sizes)).sum()
}

/// The bytes of the memory of a node's own; none where it shares that of another.
pub(super) fn bytes(graph: &Graph, id: NodeId, sizes: &Sizes) -> Amount {
    match memory(&graph.node(id).op) {
        Memory::Own => tiled(graph, id, sizes),
        Memory::Shared | Memory::None => Amount::ZERO,
    }
}

/// The most bytes that are held at once.
pub(super) fn peak(graph: &Graph, sizes: &Sizes) -> Amount {
    let order = graph.order();
    let readers = readers(graph, &order);
    let mut own: BTreeMap<NodeId, Amount> = BTreeMap::new();
    // For each node the nodes whose memory its value stands in.
    let mut stands: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for id in &order {
        let operands = graph.operands(*id);
        let op = &graph.node(*id).op;
        let lazy = is_on_the_way(graph, *id, &readers);
        let shares = lazy || matches!(memory(op), Memory::Shared);
        let mut at: Vec<NodeId> = Vec::new();
        if shares {
            at.extend(
                operands
                    .iter()
                    .flat_map(|operand| stands[operand].iter().copied()),
            );
            at.sort_unstable();
            at.dedup();
        } else {
            let bytes = bytes(graph, *id, sizes);
            if bytes != Amount::ZERO {
                own.insert(*id, bytes);
                at.push(*id);
            }
        }
        stands.insert(*id, at);
    }
    let mut last: BTreeMap<NodeId, usize> = BTreeMap::new();
    for (at, id) in order.iter().enumerate() {
        for base in stands[id]
            .iter()
            .chain(graph.operands(*id).iter().flat_map(|of| &stands[of]))
        {
            last.insert(*base, at);
        }
    }
    for (_, id) in &graph.outputs {
        for base in &stands[id] {
            last.insert(*base, usize::MAX);
        }
    }
    held(&order, &own, &last, |at| writes_over(graph, order[at]))
}

/// Goes through the order with what is held. `over` says whether a node may write over what it is the last to read.
fn held(
    order: &[NodeId],
    own: &BTreeMap<NodeId, Amount>,
    last: &BTreeMap<NodeId, usize>,
    over: impl Fn(usize) -> bool,
) -> Amount {
    let mut ends: BTreeMap<usize, Vec<NodeId>> = BTreeMap::new();
    for (id, at) in last {
        ends.entry(*at).or_default().push(*id);
    }
    let (mut now, mut most) = (0_u64, 0_u64);
    let sure = own
        .values()
        .fold(Amount::ZERO, |all, bytes| all.max(*bytes))
        .sure;
    for (at, id) in order.iter().enumerate() {
        let made = own.get(id).map_or(0, |bytes| bytes.count);
        let freed: u64 = ends
            .get(&at)
            .into_iter()
            .flatten()
            .filter_map(|id| own.get(id))
            .map(|bytes| bytes.count)
            .sum();
        let written = if over(at) { freed.min(made) } else { 0 };
        most = most.max((now + made).saturating_sub(written));
        now = (now + made).saturating_sub(freed);
    }
    Amount {
        count: most,
        sure: sure.max(super::Sure::AtMost),
    }
}

/// How a result has memory.
enum Memory {
    /// Of its own.
    Own,
    /// That of an operand.
    Shared,
    /// Parameters, and numbers that are not stored one by one.
    None,
}

fn memory(op: &Op) -> Memory {
    match op {
        Op::Param(_) | Op::Table(_) | Op::Size(_) => Memory::None,
        Op::Const(data) if data.len() <= 1 => Memory::None,
        Op::Update { .. } | Op::Assign { .. } => Memory::None,
        Op::Reshape
        | Op::Permute(_)
        | Op::Broadcast
        | Op::Expand { .. }
        | Op::Slice { .. }
        | Op::Stop
        | Op::Reverse(_) => Memory::Shared,
        _ => Memory::Own,
    }
}

/// How often each node is read, outputs included.
fn readers(graph: &Graph, order: &[NodeId]) -> BTreeMap<NodeId, Vec<NodeId>> {
    let mut readers: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for id in order {
        for operand in graph.operands(*id) {
            readers.entry(operand).or_default().push(*id);
        }
    }
    for (_, id) in &graph.outputs {
        // An output is read by the world, which no node stands for.
        readers.entry(*id).or_default().push(*id);
    }
    readers
}

/// Whether a value is made on the way into its only reader: steps of one pass over rows, and rows that are scattered as they
/// are gathered.
fn is_on_the_way(graph: &Graph, id: NodeId, readers: &BTreeMap<NodeId, Vec<NodeId>>) -> bool {
    let Some([reader]) = readers.get(&id).map(Vec::as_slice) else {
        return false;
    };
    if *reader == id {
        return false;
    }
    let (op, into) = (&graph.node(id).op, &graph.node(*reader).op);
    match op {
        Op::Concat { axis: 0 } | Op::Gather => {
            matches!(into, Op::ScatterAdd(_) | Op::Concat { axis: 0 })
        }
        op if is_step(op) => is_step(into) && graph.ty(id).dims == graph.ty(*reader).dims,
        _ => false,
    }
}

/// Ops that are steps of one pass over rows.
fn is_step(op: &Op) -> bool {
    op.is_elementwise()
        || matches!(
            op,
            Op::Neg
                | Op::Exp
                | Op::Log
                | Op::Sqrt
                | Op::Tanh
                | Op::Sigmoid
                | Op::Relu
                | Op::Abs
                | Op::Cast(_)
        )
}

/// Whether a node writes over its first operand where nothing reads that any more.
fn writes_over(graph: &Graph, id: NodeId) -> bool {
    is_step(&graph.node(id).op) && graph.ty(id).elem == Elem::F32
}

/// The bytes of a value, or those of a tile of it where it has one for each row and each candidate.
fn tiled(graph: &Graph, id: NodeId, sizes: &Sizes) -> Amount {
    let whole = value_bytes(graph, id, sizes);
    let ty = graph.ty(id);
    let is_output = graph.outputs.iter().any(|(_, output)| *output == id);
    let is_fed = matches!(graph.node(id).op, Op::Input(_));
    if is_output || is_fed || !is_pairwise(graph, ty) || sizes.elements(ty).count <= 2 * TILE {
        return whole;
    }
    whole.min(Amount::at_most(TILE * super::model::width(ty.elem)))
}

/// Whether a value has a number for each row of a batch and each of a catalogue or of candidates.
fn is_pairwise(graph: &Graph, ty: &TensorType) -> bool {
    let grows = |dim: &&Dim| match dim {
        Dim::Space(space) => matches!(
            graph.space(*space).kind,
            SpaceKind::Batch | SpaceKind::Candidates | SpaceKind::Catalogue { .. }
        ),
        Dim::Fixed(_) => false,
    };
    ty.dims.iter().filter(grows).count() > 1
}

#[cfg(test)]
mod tests {
    use super::{TILE, peak};
    use crate::cost::Amount;
    use crate::cost::sizes::Sizes;
    use crate::graph::{Dim, Elem, Graph, NodeId, Op, Site, Space, SpaceId, SpaceKind, TensorType};

    const B: Dim = Dim::Space(SpaceId(0));
    const C: Dim = Dim::Space(SpaceId(1));

    struct World {
        graph: Graph,
        sizes: Sizes,
    }

    fn world(rows: u64, candidates: u64) -> World {
        let mut graph = Graph::new("g");
        for (name, kind) in [("B", SpaceKind::Batch), ("C", SpaceKind::Candidates)] {
            graph.add_space(Space {
                name: name.to_owned(),
                kind,
            });
        }
        let sizes = Sizes::of(vec![Amount::exact(rows), Amount::exact(candidates)]);
        World { graph, sizes }
    }

    impl World {
        fn add(&mut self, op: Op, operands: &[NodeId], dims: &[Dim]) -> NodeId {
            let ty = TensorType::new(Elem::F32, dims);
            self.graph.add(op, operands, ty, Site::default())
        }

        fn held(mut self, output: NodeId) -> u64 {
            self.graph.outputs.push(("y".to_owned(), output));
            peak(&self.graph, &self.sizes).count
        }
    }

    #[test]
    fn a_result_is_freed_after_its_last_reader() {
        let mut w = world(100, 1);
        let x = w.add(Op::Input("x".to_owned()), &[], &[B]);
        let a = w.add(Op::CumSum(0), &[x], &[B]);
        let b = w.add(Op::CumSum(0), &[a], &[B]);
        let c = w.add(Op::CumSum(0), &[b], &[B]);
        assert_eq!(w.held(c), 2 * 400);
    }

    #[test]
    fn what_shares_memory_keeps_it_alive() {
        let mut w = world(100, 1);
        let x = w.add(Op::Input("x".to_owned()), &[], &[B]);
        let a = w.add(Op::CumSum(0), &[x], &[B]);
        let seen = w.add(Op::Stop, &[a], &[B]);
        let b = w.add(Op::CumSum(0), &[a], &[B]);
        let both = w.add(Op::MatMul { transpose_b: false }, &[b, seen], &[B]);
        assert_eq!(w.held(both), 3 * 400);
    }

    #[test]
    fn steps_of_one_pass_take_the_memory_of_the_last() {
        let mut w = world(100, 1);
        let x = w.add(Op::Input("x".to_owned()), &[], &[B]);
        let a = w.add(Op::Exp, &[x], &[B]);
        let b = w.add(Op::Neg, &[a], &[B]);
        let c = w.add(Op::Tanh, &[b], &[B]);
        assert_eq!(w.held(c), 400);
    }

    #[test]
    fn scores_of_rows_against_candidates_are_a_tile_at_most() {
        let sum = |rows, candidates| {
            let mut w = world(rows, candidates);
            let x = w.add(Op::Input("x".to_owned()), &[], &[B, Dim::Fixed(1)]);
            let y = w.add(Op::Input("y".to_owned()), &[], &[Dim::Fixed(1), C]);
            let scores = w.add(Op::MatMul { transpose_b: false }, &[x, y], &[B, C]);
            let sum = w.add(Op::SumOver(1), &[scores], &[B]);
            w.held(sum)
        };
        assert!(
            sum(4096, 4096) < 4 * (TILE + 3 * 4096),
            "{}",
            sum(4096, 4096)
        );
        assert!(sum(16, 16) >= 4 * 256);
    }
}
