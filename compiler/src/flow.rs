//! Which loss trains which weights, and where and why a gradient stops on its way.

mod stops;

use std::collections::{BTreeMap, BTreeSet};

use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::Span;

use crate::differentiate::reached;
use crate::graph::{Graph, ParamKind, TensorType};
use crate::hir::{Hir, Origin, Train};
use crate::lower::{Copies, Pipeline, Teachers, compile_with};
use crate::passes::FORWARD;
use crate::routing::{belongs, trained};

/// The gradient flow of one training.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// The training.
    pub train: String,
    /// The trainings that come directly before it.
    pub after: Vec<String>,
    /// Its losses in the order of `minimize`.
    pub losses: Vec<String>,
    /// The weights and tables that its losses read, by path.
    pub weights: Vec<WeightFlow>,
    /// The places at which a gradient stops or is turned around, in the order of the text.
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
    /// Why none of them does, where none does.
    pub why: Option<String>,
}

/// A place at which a gradient does not go on as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct StopFlow {
    /// `stop`, `frozen` or `reverse`.
    pub op: String,
    /// The losses whose gradients pass there, as indexes into [`Flow::losses`].
    pub losses: BTreeSet<usize>,
    /// Why.
    pub why: String,
    /// The user's call.
    pub span: Span,
}

/// Follows the gradients of all trainings, in the order in which they run.
///
/// # Errors
/// What keeps the spec from being lowered.
pub fn flow(hir: &Hir) -> Result<Vec<Flow>, Vec<Diagnostic>> {
    let mut forward = Vec::new();
    // One pass that changes no flow: the pipeline shows each graph of losses once, before it is differentiated.
    let mut see = |_: &'static crate::passes::Pass, graph: &Graph| forward.push(graph.clone());
    let plan = compile_with(
        hir,
        &mut Pipeline {
            forward: &FORWARD[..1],
            copies: Copies::Kept,
            teachers: Teachers::Asked,
            step: &[],
            after: &mut see,
        },
    )?;
    let mut flows: BTreeMap<&str, Flow> = hir
        .trains
        .iter()
        .zip(&forward)
        .map(|(train, graph)| (train.name.as_str(), of_graph(hir, train, graph)))
        .collect();
    let names = |after: &[usize]| {
        after
            .iter()
            .map(|at| plan.phases[*at].name.clone())
            .collect()
    };
    let mut ordered: Vec<Flow> = Vec::new();
    for phase in &plan.phases {
        if let Some(flow) = flows.remove(phase.name.as_str()) {
            ordered.push(Flow {
                after: names(&phase.after),
                ..flow
            });
        }
    }
    say_why(hir, &mut ordered);
    Ok(ordered)
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
        why: None,
    });
    Flow {
        train: train.name.clone(),
        after: Vec::new(),
        weights: weights.collect(),
        stops: stops::stops(hir, &losses),
        losses,
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
    let meant = trained(hir, graph, declared);
    paths.retain(|path| meant.contains(path));
    paths
}

/// Says of each weight that no loss of its training trains why that is.
fn say_why(hir: &Hir, flows: &mut [Flow]) {
    let mut trainers: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for flow in flows.iter() {
        for weight in flow.weights.iter().filter(|w| !w.trained_by.is_empty()) {
            let trains = trainers.entry(weight.path.clone()).or_default();
            trains.push(flow.train.clone());
        }
    }
    for weight in flows.iter_mut().flat_map(|flow| &mut flow.weights) {
        if weight.trained_by.is_empty() {
            weight.why = Some(why_not(hir, &weight.path, trainers.get(&weight.path)));
        }
    }
}

fn why_not(hir: &Hir, path: &str, trainers: Option<&Vec<String>>) -> String {
    let teacher = hir.towers.iter().find_map(|tower| {
        let teacher = tower.teacher.as_ref()?;
        belongs(path, &tower.name).then_some((&tower.name, &teacher.origin))
    });
    match (teacher, trainers) {
        (Some((_, Origin::CopyOf(of))), _) => format!("copied from `{of}` as the training begins"),
        (Some((_, Origin::Before(of))), _) => format!("`{of}` as the day began"),
        (Some((_, Origin::EmaOf(of, decay))), _) => {
            format!("moved towards `{of}` with decay {decay:?} at each step that trains it")
        }
        (Some((_, Origin::Taken { run, .. })), _) => format!("taken from run `{run}`"),
        (Some((name, _)), Some(trains)) => {
            format!(
                "of teacher `{name}`, trained in {}",
                crate::check::list(&names(trains))
            )
        }
        (Some((name, _)), None) => format!("of teacher `{name}`"),
        (None, Some(trains)) => format!("trained in {}", crate::check::list(&names(trains))),
        (None, None) => "no gradient reaches it".to_owned(),
    }
}

fn names(trains: &[String]) -> Vec<&str> {
    trains.iter().map(String::as_str).collect()
}
