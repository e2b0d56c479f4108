//! Cuts an evaluation graph in two: what depends on the catalogue alone, computed once, and what depends on queries.

use crate::graph::space::SpaceKind;
use crate::graph::{Dim, Graph, NodeId, Op, SpaceId};

/// A graph cut in two.
#[derive(Clone, Debug)]
pub struct Hoisted {
    /// Computes what no query changes. Its outputs are the inputs of `per_query` with the same names.
    pub once: Graph,
    /// All outputs and effects of the graph that was cut.
    pub per_query: Graph,
}

/// Cuts `graph`. A value belongs to queries if it ranges over a batch, over candidates that a batch shares, over lists or
/// flat sets in them, if it is drawn, or if it is computed from such a value.
pub fn hoist(graph: &Graph) -> Hoisted {
    let order = graph.order();
    let queried = queried(graph, &order);
    let mut once = graph.without_nodes();
    once.name = format!("{}.once", graph.name);
    let mut per_query = graph.without_nodes();
    let mut in_once: Vec<Option<NodeId>> = vec![None; graph.bound()];
    let mut in_query: Vec<Option<NodeId>> = vec![None; graph.bound()];
    let roots: Vec<NodeId> = graph.roots().collect();
    for id in &order {
        if !queried[id.index()] {
            in_once[id.index()] = Some(copy(graph, *id, &in_once, &mut once));
        }
        let wanted = queried[id.index()]
            || roots.contains(id)
            || graph
                .users(*id)
                .iter()
                .any(|user| queried.get(user.index()) == Some(&true));
        if !wanted {
            continue;
        }
        in_query[id.index()] = Some(if queried[id.index()] || graph.operands(*id).is_empty() {
            copy(graph, *id, &in_query, &mut per_query)
        } else {
            let name = format!("once.{}", once.outputs.len());
            once.outputs.push((
                name.clone(),
                in_once[id.index()].expect("it is computed once"),
            ));
            per_query.add(
                Op::Input(name),
                &[],
                graph.ty(*id).clone(),
                graph.node(*id).site.clone(),
            )
        });
    }
    let at = |id: NodeId| in_query[id.index()].expect("roots are wanted");
    per_query.outputs = graph
        .outputs
        .iter()
        .map(|(name, id)| (name.clone(), at(*id)))
        .collect();
    per_query.effects = graph.effects.iter().map(|id| at(*id)).collect();
    Hoisted { once, per_query }
}

fn copy(graph: &Graph, id: NodeId, mapped: &[Option<NodeId>], into: &mut Graph) -> NodeId {
    let node = graph.node(id);
    let operands: Vec<NodeId> = graph
        .operands(id)
        .into_iter()
        .map(|operand| mapped[operand.index()].expect("operands are on the same side or cut"))
        .collect();
    into.add(
        node.op.clone(),
        &operands,
        node.ty.clone(),
        node.site.clone(),
    )
}

/// Which nodes queries change, by [`NodeId::index`].
fn queried(graph: &Graph, order: &[NodeId]) -> Vec<bool> {
    let mut queried = vec![false; graph.bound()];
    for id in order {
        let node = graph.node(*id);
        let itself = match node.op {
            Op::RandomUniform | Op::RandomNormal | Op::Update { .. } | Op::Assign { .. } => true,
            Op::Size(space) => is_of_queries(graph, space),
            _ => false,
        };
        let leaf = graph.operands(*id).is_empty();
        let ranges = node.ty.dims.iter().any(|dim| match dim {
            Dim::Space(space) if graph.space(*space).kind == SpaceKind::Flat => leaf,
            Dim::Space(space) => is_of_queries(graph, *space),
            Dim::Fixed(_) => false,
        });
        queried[id.index()] = itself
            || ranges
            || graph
                .operands(*id)
                .iter()
                .any(|operand| queried[operand.index()]);
    }
    queried
}

fn is_of_queries(graph: &Graph, space: SpaceId) -> bool {
    match &graph.space(space).kind {
        SpaceKind::Batch | SpaceKind::Candidates | SpaceKind::Flat => true,
        SpaceKind::List { parent, .. } => is_of_queries(graph, *parent),
        SpaceKind::Catalogue { .. } | SpaceKind::Vocabulary { .. } | SpaceKind::Axis(_) => false,
    }
}
