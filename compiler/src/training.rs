//! From a graph that computes losses to the graph of one training step: losses, gradients, clipping, updates.

use std::collections::BTreeMap;

use crate::differentiate::{ParamGradient, differentiate_all, distinct, reached};
use crate::graph::build::node;
use crate::graph::{Builder, Dim, Elem, Graph, NodeId, Op, Site, TensorType, UpdateRule};

/// The input that holds the learning rate of the step, before the rates of the groups.
pub const LEARNING_RATE: &str = "lr";
/// The output that holds the weighted sum of all losses.
pub const TOTAL_LOSS: &str = "total_loss";
/// The output that holds the norm of all gradients, before clipping.
pub const GRADIENT_NORM: &str = "grad_norm";

/// What a step minimises, and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recipe {
    /// The terms of the sum that is minimised.
    pub objectives: Vec<Objective>,
    /// How parameters are stepped; a parameter is in one group.
    pub groups: Vec<Group>,
    /// The largest norm of all gradients together; beyond it they are scaled down.
    pub clip: Option<f64>,
}

/// A loss, its weight and what it trains.
#[derive(Clone, Debug, PartialEq)]
pub struct Objective {
    /// The output of the graph that holds it, `f32`.
    pub output: String,
    /// Its factor.
    pub weight: f64,
    /// The paths of the parameters that it trains.
    pub trains: Vec<String>,
}

/// Parameters with one optimiser.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Their paths.
    pub paths: Vec<String>,
    /// How they are stepped.
    pub rule: UpdateRule,
    /// The factor of the learning rate.
    pub rate: f64,
}

/// The graph of a training step.
#[derive(Clone, Debug)]
pub struct TrainingStep {
    /// Outputs: the losses by name, [`TOTAL_LOSS`], [`GRADIENT_NORM`]. Effects: those of the forward graph, then an update
    /// for each parameter that a loss reaches.
    pub graph: Graph,
    /// Parameters of the groups that no loss reaches; they are left as they are.
    pub unreached: Vec<String>,
    /// Losses that reach none of the parameters that they are to train.
    pub idle: Vec<String>,
}

/// The training step for the losses of `forward`.
pub fn training_step(forward: &Graph, recipe: &Recipe) -> TrainingStep {
    let (mut graph, gradients) = losses_and_gradients(forward, recipe);
    if !gradients.is_empty() {
        step(&mut graph, recipe, &gradients);
    }
    told(forward, recipe, graph, &gradients)
}

/// The output of a batch that holds the gradient of a parameter, and the input of an update that takes it.
pub fn gradient_of(path: &str) -> String {
    format!("gradient of {path}")
}

/// As [`gradient_of`], for the rows of a table that have a gradient.
pub fn rows_of(path: &str) -> String {
    format!("rows of {path}")
}

/// The training step in two parts. The first has no updates, but the gradients of one batch among its outputs: those of
/// weights `f32[..]`, of tables `f32[U, D]` with the ids of their rows, `i64[U]`. The second takes gradients of several batches
/// as inputs, their mean for weights, the rows of all with their share for tables, `[N, D]` and `[N]`; it clips and updates.
pub fn accumulated_step(forward: &Graph, recipe: &Recipe) -> (TrainingStep, Graph) {
    let (mut graph, gradients) = losses_and_gradients(forward, recipe);
    let mut update = forward.clone();
    update.name = format!("{} update", forward.name);
    update.outputs.clear();
    update.effects.clear();
    let mut fed = BTreeMap::new();
    for (path, gradient) in &gradients {
        graph.outputs.push((gradient_of(path), gradient.values()));
        if let ParamGradient::Rows { ids, .. } = gradient {
            graph.outputs.push((rows_of(path), *ids));
        }
        fed.insert(path.clone(), input(&mut update, &graph, path, gradient));
    }
    if !fed.is_empty() {
        step(&mut update, recipe, &fed);
    }
    (told(forward, recipe, graph, &gradients), update)
}

/// The gradient of a parameter as inputs of an update.
fn input(update: &mut Graph, graph: &Graph, path: &str, gradient: &ParamGradient) -> ParamGradient {
    let mut build = Builder {
        graph: update,
        site: Site {
            path: path.to_owned(),
            ..Site::default()
        },
    };
    let values = graph.ty(gradient.values()).clone();
    let taken = Op::Input(gradient_of(path));
    match gradient {
        ParamGradient::Dense(_) => ParamGradient::Dense(build.typed(taken, &[], values)),
        ParamGradient::Rows { .. } => {
            let all = Dim::Space(build.graph.new_flat_space("N"));
            let ids = TensorType::new(Elem::I64, [all]);
            let ids = build.typed(Op::Input(rows_of(path)), &[], ids);
            let values = TensorType::new(Elem::F32, [all, values.dims[1]]);
            let values = build.typed(taken, &[], values);
            distinct(&mut build, ids, values)
        }
    }
}

/// The losses of `forward` as outputs, their sum, and the gradients by path.
fn losses_and_gradients(
    forward: &Graph,
    recipe: &Recipe,
) -> (Graph, BTreeMap<String, ParamGradient>) {
    let mut graph = forward.clone();
    let losses: Vec<NodeId> = recipe
        .objectives
        .iter()
        .map(|objective| output(forward, &objective.output))
        .collect();
    let named = recipe
        .objectives
        .iter()
        .zip(&losses)
        .map(|(objective, loss)| (objective.output.clone(), *loss));
    graph.outputs = named.collect();
    let (total, weighted) = total_loss(&mut graph, recipe, &losses);
    graph.outputs.push((TOTAL_LOSS.to_owned(), total));

    let sums: Vec<(NodeId, &[String])> = routes(&mut graph, recipe, &weighted);
    let gradients = differentiate_all(&mut graph, &sums).by_path;
    (graph, gradients)
}

fn told(
    forward: &Graph,
    recipe: &Recipe,
    graph: Graph,
    gradients: &BTreeMap<String, ParamGradient>,
) -> TrainingStep {
    let paths = recipe.groups.iter().flat_map(|group| &group.paths);
    let unreached = paths
        .filter(|path| !gradients.contains_key(*path))
        .cloned()
        .collect();
    TrainingStep {
        idle: idle(forward, recipe),
        graph,
        unreached,
    }
}

/// Clips the gradients together and steps each parameter that has one.
fn step(graph: &mut Graph, recipe: &Recipe, gradients: &BTreeMap<String, ParamGradient>) {
    let values: Vec<NodeId> = gradients.values().map(ParamGradient::values).collect();
    let mut build = Builder {
        graph,
        site: Site::default(),
    };
    let norm = build.op(Op::GlobalNorm, &values);
    let scale = recipe.clip.map(|clip| clip_factor(&mut build, clip, norm));
    let lr = Op::Input(LEARNING_RATE.to_owned());
    let lr = build.typed(lr, &[], TensorType::scalar());
    build.graph.outputs.push((GRADIENT_NORM.to_owned(), norm));
    for group in &recipe.groups {
        let mut build = Builder {
            graph: &mut *build.graph,
            site: Site::default(),
        };
        let factor = build.scalar(group.rate);
        let rate = if group.rate == 1.0 {
            lr
        } else {
            node!(build, (Mul lr factor))
        };
        for path in &group.paths {
            if let Some(gradient) = gradients.get(path) {
                update(build.graph, path, group.rule, rate, scale, *gradient);
            }
        }
    }
}

impl ParamGradient {
    fn values(&self) -> NodeId {
        match self {
            Self::Dense(values) | Self::Rows { values, .. } => *values,
        }
    }
}

fn output(graph: &Graph, name: &str) -> NodeId {
    let found = graph.outputs.iter().find(|(output, _)| output == name);
    found
        .map(|(_, id)| *id)
        .expect("a recipe names losses of its graph")
}

fn total_loss(graph: &mut Graph, recipe: &Recipe, losses: &[NodeId]) -> (NodeId, Vec<NodeId>) {
    let mut build = Builder {
        graph,
        site: Site::default(),
    };
    let mut weighted = Vec::new();
    for (objective, loss) in recipe.objectives.iter().zip(losses) {
        let weight = build.scalar(objective.weight);
        weighted.push(if objective.weight == 1.0 {
            *loss
        } else {
            node!(build, (Mul { *loss } weight))
        });
    }
    (add_up(&mut build, &weighted), weighted)
}

/// Sums of the losses that train the same parameters: each is differentiated once.
fn routes<'a>(
    graph: &mut Graph,
    recipe: &'a Recipe,
    weighted: &[NodeId],
) -> Vec<(NodeId, &'a [String])> {
    let mut routes: Vec<(&[String], Vec<NodeId>)> = Vec::new();
    for (objective, loss) in recipe.objectives.iter().zip(weighted) {
        match routes
            .iter_mut()
            .find(|(trains, _)| *trains == objective.trains)
        {
            Some((_, losses)) => losses.push(*loss),
            None => routes.push((&objective.trains, vec![*loss])),
        }
    }
    let mut build = Builder {
        graph,
        site: Site::default(),
    };
    routes
        .into_iter()
        .map(|(trains, losses)| (add_up(&mut build, &losses), trains))
        .collect()
}

fn add_up(build: &mut Builder, terms: &[NodeId]) -> NodeId {
    let first = terms.first().copied();
    let total = terms.iter().skip(1).fold(first, |sum, term| {
        sum.map(|sum| node!(build, (Add sum { *term })))
    });
    total.unwrap_or_else(|| build.scalar(0.0))
}

/// `min(1, clip / (norm + 1e-6))`, as PyTorch clips.
fn clip_factor(build: &mut Builder, clip: f64, norm: NodeId) -> NodeId {
    let clip = build.scalar(clip);
    node!(build, (Min 1.0 (Div clip (Add norm 1e-6))))
}

fn update(
    graph: &mut Graph,
    path: &str,
    rule: UpdateRule,
    rate: NodeId,
    scale: Option<NodeId>,
    gradient: ParamGradient,
) {
    let mut build = Builder {
        graph,
        site: Site {
            path: path.to_owned(),
            ..Site::default()
        },
    };
    let mut values = gradient.values();
    if let Some(scale) = scale {
        values = node!(build, (Mul values scale));
    }
    let op = Op::Update {
        path: path.to_owned(),
        rule,
    };
    let step = match gradient {
        ParamGradient::Dense(_) => build.op(op, &[rate, values]),
        ParamGradient::Rows { ids, .. } => build.op(op, &[rate, ids, values]),
    };
    graph.effects.push(step);
}

fn idle(forward: &Graph, recipe: &Recipe) -> Vec<String> {
    let reaches = |objective: &&Objective| {
        let reached = reached(forward, output(forward, &objective.output));
        objective.trains.iter().any(|path| reached.contains(path))
    };
    recipe
        .objectives
        .iter()
        .filter(|objective| !reaches(objective))
        .map(|objective| objective.output.clone())
        .collect()
}
