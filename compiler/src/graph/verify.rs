//! Checks that a graph is what the rest of the compiler takes it for. Runs after every pass in tests and debug builds.

use std::fmt;

use super::op::Op;
use super::space::SpaceKind;
use super::ty::Dim;
use super::{Graph, NodeId};

/// What is wrong with a graph; a bug of the compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyError {
    /// The node that is to blame.
    pub node: Option<NodeId>,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for VerifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.node {
            Some(node) => write!(f, "node {}: {}", node.index(), self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// Whether outputs and effects are part of the graph, every live node has the type that its op gives on its operands,
/// parameters and spaces are declared, names are distinct, and no value depends on itself.
pub fn verify(graph: &Graph) -> Result<(), VerifyError> {
    let wrong = |node: Option<NodeId>, message: String| Err(VerifyError { node, message });
    for (at, space) in graph.spaces.iter().enumerate() {
        if graph.spaces[..at]
            .iter()
            .any(|other| other.name == space.name)
        {
            return wrong(None, format!("two spaces have the name `{}`", space.name));
        }
        if matches!(space.kind, SpaceKind::List { parent, .. } if parent.0 as usize >= at) {
            return wrong(
                None,
                format!("space `{}` stands before its parent", space.name),
            );
        }
    }
    for (at, (name, id)) in graph.outputs.iter().enumerate() {
        if graph.outputs[..at].iter().any(|(other, _)| other == name) {
            return wrong(None, format!("two outputs have the name `{name}`"));
        }
        if !graph.contains(*id) {
            return wrong(Some(*id), format!("output `{name}` has been removed"));
        }
    }
    if let Some(id) = graph.effects.iter().find(|id| !graph.contains(**id)) {
        return wrong(Some(*id), "an effect has been removed".to_owned());
    }
    let live = graph.live();
    let order = graph.order();
    if order.len() != live.iter().filter(|live| **live).count() {
        let ordered = |id: NodeId| order.contains(&id);
        let node = graph.ids().find(|id| live[id.index()] && !ordered(*id));
        return wrong(node, "depends on itself".to_owned());
    }
    order.into_iter().try_for_each(|id| verify_node(graph, id))
}

fn verify_node(graph: &Graph, id: NodeId) -> Result<(), VerifyError> {
    let wrong = |message: String| {
        Err(VerifyError {
            node: Some(id),
            message,
        })
    };
    let node = graph.node(id);
    let places = graph.operand_places(id);
    if !places.iter().copied().eq(0..places.len() as u32) {
        return wrong(format!(
            "`{}` has operands at {places:?}",
            node.op.entry().name
        ));
    }
    let declared =
        |dim: &Dim| !matches!(dim, Dim::Space(space) if space.0 as usize >= graph.spaces.len());
    if !node.ty.dims.iter().all(declared) {
        return wrong(format!(
            "`{}` ranges over a space that is not declared",
            node.op.entry().name
        ));
    }
    if let Op::Update { path, .. } | Op::Assign { path } = &node.op
        && !graph.effects.contains(&id)
    {
        return wrong(format!("steps `{path}` without being an effect"));
    }
    graph
        .check(&node.op, &graph.operands(id), &node.ty)
        .or_else(|error| wrong(error.message))
}
