//! Cuts an evaluation graph in two: what depends on the catalogue alone, computed once, and what depends on queries.

use crate::graph::space::SpaceKind;
use crate::graph::{Dim, Elem, Graph, NodeId, Op, SpaceId};

/// A graph cut in two.
#[derive(Clone, Debug)]
pub struct Hoisted {
    /// Computes what no query changes. Its outputs are the inputs of `per_query` with the same names.
    pub once: Graph,
    /// All outputs and effects of the graph that was cut.
    pub per_query: Graph,
}

/// Cuts `graph`. A value belongs to queries if it ranges over a batch, over candidates that a batch shares, over lists or
/// flat sets in them, if it is drawn, or if it is computed from such a value. Of the others, floats over the catalogue
/// are computed once and cross the cut; the rest is small and is computed on both sides.
pub fn hoist(graph: &Graph) -> Hoisted {
    let order = graph.order();
    let queried = queried(graph, &order);
    let crosses: Vec<bool> = crossing(graph, &order, &queried);
    let wanted = wanted(graph, &order, &crosses, &queried);
    let mut once = graph.without_nodes();
    once.name = format!("{}.once", graph.name);
    let mut per_query = graph.without_nodes();
    let mut in_once: Vec<Option<NodeId>> = vec![None; graph.bound()];
    let mut in_query: Vec<Option<NodeId>> = vec![None; graph.bound()];
    for id in &order {
        if !queried[id.index()] {
            in_once[id.index()] = Some(copy(graph, *id, &in_once, &mut once));
        }
        if !wanted[id.index()] {
            continue;
        }
        in_query[id.index()] = Some(if crosses[id.index()] {
            let name = format!("once.{}", once.outputs.len());
            let output = in_once[id.index()].expect("it is computed once");
            once.outputs.push((name.clone(), output));
            let node = graph.node(*id);
            per_query.add(Op::Input(name), &[], node.ty.clone(), node.site.clone())
        } else {
            copy(graph, *id, &in_query, &mut per_query)
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

/// Which nodes cross the cut where a query wants them: floats over the catalogue that are no inputs.
fn crossing(graph: &Graph, order: &[NodeId], queried: &[bool]) -> Vec<bool> {
    let mut crosses = vec![false; graph.bound()];
    for id in order {
        let ty = graph.ty(*id);
        let catalogue = ty
            .dims
            .iter()
            .any(|dim| matches!(dim, Dim::Space(space) if is_of_catalogue(graph, *space)));
        let computed = !graph.operands(*id).is_empty();
        crosses[id.index()] = catalogue && computed && ty.elem == Elem::F32 && !queried[id.index()];
    }
    crosses
}

/// Which nodes the query side holds: what queries change, the results, and what those are computed from up to the cut.
fn wanted(graph: &Graph, order: &[NodeId], crosses: &[bool], queried: &[bool]) -> Vec<bool> {
    let mut wanted = vec![false; graph.bound()];
    for root in graph.roots() {
        wanted[root.index()] = true;
    }
    for id in order.iter().rev() {
        wanted[id.index()] |= queried[id.index()];
        if wanted[id.index()] && !crosses[id.index()] {
            for operand in graph.operands(*id) {
                wanted[operand.index()] = true;
            }
        }
    }
    wanted
}

fn is_of_catalogue(graph: &Graph, space: SpaceId) -> bool {
    match &graph.space(space).kind {
        SpaceKind::Catalogue { .. } => true,
        SpaceKind::List { parent, .. } => is_of_catalogue(graph, *parent),
        SpaceKind::Batch
        | SpaceKind::Candidates
        | SpaceKind::Flat
        | SpaceKind::Vocabulary { .. }
        | SpaceKind::Axis(_) => false,
    }
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
