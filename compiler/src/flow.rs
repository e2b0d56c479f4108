//! Which loss trains which weights, and where a gradient stops on its way.

use std::collections::BTreeSet;

use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::Span;

use crate::differentiate::reached;
use crate::graph::{Graph, Op, ParamKind, TensorType};
use crate::hir::{Hir, Train};
use crate::lower::{Pipeline, compile_with, trained};
use crate::passes::FORWARD;

/// The gradient flow of one training.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// The training.
    pub train: String,
    /// Its losses in the order of `minimize`.
    pub losses: Vec<String>,
    /// The weights and tables that its losses read, by path.
    pub weights: Vec<WeightFlow>,
    /// The calls that stop a gradient or turn it around, by place.
    pub stops: Vec<StopFlow>,
}

/// What reaches a weight.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightFlow {
    /// Its path.
    pub path: String,
    /// Weight, table or state.
    pub kind: ParamKind,
    /// Its type.
    pub ty: TensorType,
    /// The losses that train it, as indexes into [`Flow::losses`].
    pub trained_by: BTreeSet<usize>,
}

/// A place at which a gradient does not go on as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct StopFlow {
    /// The op: `stop` or `reverse`.
    pub op: String,
    /// The user's call.
    pub span: Option<Span>,
}

/// Follows the gradients of all trainings.
///
/// # Errors
/// What keeps the spec from being lowered.
pub fn flow(hir: &Hir) -> Result<Vec<Flow>, Vec<Diagnostic>> {
    let mut forward = Vec::new();
    // One pass that changes no flow: the pipeline shows each graph of losses once, before it is differentiated.
    let mut see = |_: &'static crate::passes::Pass, graph: &Graph| forward.push(graph.clone());
    compile_with(
        hir,
        &mut Pipeline {
            forward: &FORWARD[..1],
            step: &[],
            after: &mut see,
        },
    )?;
    Ok(hir
        .trains
        .iter()
        .zip(&forward)
        .map(|(train, graph)| of_graph(hir, train, graph))
        .collect())
}

fn of_graph(hir: &Hir, train: &Train, graph: &Graph) -> Flow {
    let losses: Vec<String> = train
        .minimize
        .iter()
        .map(|(_, name)| name.clone())
        .collect();
    let reached: Vec<BTreeSet<String>> = losses
        .iter()
        .map(|loss| trained_by(hir, loss, graph))
        .collect();
    let weights = graph.params.iter().map(|(path, param)| WeightFlow {
        path: path.clone(),
        kind: param.kind,
        ty: param.ty.clone(),
        trained_by: (0..losses.len())
            .filter(|loss| reached[*loss].contains(path))
            .collect(),
    });
    let mut stops: Vec<StopFlow> = graph
        .order()
        .into_iter()
        .filter_map(|node| {
            let node = graph.node(node);
            let op = match node.op {
                Op::Stop => "stop",
                Op::Reverse(_) => "reverse",
                _ => return None,
            };
            Some(StopFlow {
                op: op.to_owned(),
                span: node.site.call.or(node.site.definition),
            })
        })
        .collect();
    stops.sort_by(|a, b| (a.span, &a.op).cmp(&(b.span, &b.op)));
    stops.dedup();
    Flow {
        train: train.name.clone(),
        weights: weights.collect(),
        losses,
        stops,
    }
}

/// The paths that a loss trains: those its gradient reaches, of the towers that it is for.
fn trained_by(hir: &Hir, loss: &str, graph: &Graph) -> BTreeSet<String> {
    let output = graph.outputs.iter().find(|(name, _)| name == loss);
    let declared = hir.losses.iter().find(|declared| declared.name == loss);
    let (Some((_, node)), Some(declared)) = (output, declared) else {
        return BTreeSet::new();
    };
    let mut paths = reached(graph, *node);
    let meant = trained(graph, &declared.trains);
    paths.retain(|path| meant.contains(path));
    paths
}
