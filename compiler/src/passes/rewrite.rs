//! Rebuilding a graph node by node. What replaces a node stands where the node stood, and what nothing reads is left out.

use crate::graph::build::Builder;
use crate::graph::op::Op;
use crate::graph::{Graph, NodeId, TensorType};

/// A node of the old graph, with its operands in the new one.
pub(super) struct Found<'a> {
    /// What it computes.
    pub(super) op: &'a Op,
    /// Its operands, already rewritten.
    pub(super) operands: Vec<NodeId>,
    /// Its type, which a replacement must have.
    pub(super) ty: &'a TensorType,
    /// Itself, in the old graph.
    pub(super) id: NodeId,
    /// The old graph.
    pub(super) old: &'a Graph,
}

/// The graph with every live node replaced by what `rule` gives for it, or copied where it gives nothing.
pub(super) fn rewrite(
    old: &Graph,
    mut rule: impl FnMut(&mut Builder, &Found) -> Option<NodeId>,
) -> Graph {
    let mut new = old.without_nodes();
    let mut mapped: Vec<Option<NodeId>> = vec![None; old.bound()];
    let at =
        |mapped: &[Option<NodeId>], id: NodeId| mapped[id.index()].expect("operands come first");
    for id in old.order() {
        let node = old.node(id);
        let operands: Vec<NodeId> = old
            .operands(id)
            .into_iter()
            .map(|operand| at(&mapped, operand))
            .collect();
        let found = Found {
            op: &node.op,
            operands,
            ty: &node.ty,
            id,
            old,
        };
        let mut build = Builder {
            graph: &mut new,
            site: node.site.clone(),
        };
        let replaced = rule(&mut build, &found).filter(|new| build.graph.ty(*new) == &node.ty);
        let result = replaced.unwrap_or_else(|| {
            build.graph.add(
                node.op.clone(),
                &found.operands,
                node.ty.clone(),
                node.site.clone(),
            )
        });
        mapped[id.index()] = Some(result);
    }
    new.outputs = old
        .outputs
        .iter()
        .map(|(name, id)| (name.clone(), at(&mapped, *id)))
        .collect();
    new.effects = old.effects.iter().map(|id| at(&mapped, *id)).collect();
    new
}

/// The value that all elements of a constant have.
pub(super) fn filled(graph: &Graph, id: NodeId) -> Option<f64> {
    match &graph.node(id).op {
        Op::Const(data) if data.iter().all(|value| *value == data[0]) => data.first().copied(),
        _ => None,
    }
}

/// The only operand of a node whose op `is` tells.
pub(super) fn operand_if(graph: &Graph, id: NodeId, is: impl Fn(&Op) -> bool) -> Option<NodeId> {
    if is(&graph.node(id).op) {
        graph.operands(id).first().copied()
    } else {
        None
    }
}
