//! Teachers that stand still are asked once about each row, however often a training goes through its rows: what they say is cut
//! out of the step and becomes an input, which a run fills from what it remembers of the row.
//!
//! A value is cut where it is the same at every step for the same row: it reads no weight that the training moves, draws nothing, and has
//! one element or vector a row of a batch, computed from that row alone. What needs no product of matrices is cheaper to
//! compute than to remember.

use std::collections::BTreeSet;

use super::fed;
use crate::graph::{Dim, Elem, Graph, NodeId, Op, SpaceId, SpaceKind, TensorType};
use crate::plan::{FeedKind, HandleRows, HeldPlan, PhasePlan, Program, StreamOrder, StreamPlan};

/// What becomes of teachers that stand still.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Teachers {
    /// What they say of a row is remembered.
    Remembered,
    /// They are asked at every step.
    Asked,
}

/// How a value depends on the rows of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// It does not.
    Nothing,
    /// A row of it depends on the same row of the batch alone, or on the row that its list belongs to.
    Row(usize),
    /// For each element of a list the number of its row.
    Segments(usize),
    /// On more than that, or on something that changes from step to step.
    More,
}

/// What is known of a node.
#[derive(Clone, Copy, Debug)]
struct Known {
    of: Of,
    /// Whether a product with a weight is behind it.
    costs: bool,
}

/// Cuts what teachers say out of the step of a training that goes through its rows several times.
pub(super) fn hold_teachers(phase: &mut PhasePlan) {
    if phase.epochs < 2 {
        return;
    }
    for stream in 0..phase.streams.len() {
        if !recurs(&phase.streams[stream]) {
            continue;
        }
        let known = known(phase);
        let graph = &phase.step.graph;
        let crosses: BTreeSet<NodeId> = graph
            .order()
            .into_iter()
            .filter(|id| crosses(graph, *id, known[id.index()], stream))
            .collect();
        if crosses.is_empty() {
            continue;
        }
        let name = format!("held {stream}");
        let cut = cut(graph, &crosses, &name);
        let Program { handles, feeds, .. } = &phase.step;
        if cut.held.outputs.is_empty() {
            continue;
        }
        phase.held.push(HeldPlan {
            stream,
            program: fed(cut.held, handles.clone(), feeds),
        });
        phase.step = fed(cut.step, handles.clone(), feeds);
    }
}

/// Whether the rows of a stream come again, each as itself.
fn recurs(stream: &StreamPlan) -> bool {
    let whole = stream.negatives.is_none() && stream.group.is_none() && stream.balanced.is_none();
    whole && stream.order == StreamOrder::Shuffled
}

/// Whether a node is cut where something that is not held reads it.
fn crosses(graph: &Graph, id: NodeId, known: Known, stream: usize) -> bool {
    let ty = graph.ty(id);
    let batch = match ty.dims.first() {
        Some(Dim::Space(space)) => graph.space(*space).kind == SpaceKind::Batch,
        Some(Dim::Fixed(_)) | None => false,
    };
    known.of == Of::Row(stream) && known.costs && batch && ty.elem == Elem::F32
}

/// What a training step reads but does not change itself.
fn known(phase: &PhasePlan) -> Vec<Known> {
    let graph = &phase.step.graph;
    let moved = moved(phase);
    let mut known = vec![
        Known {
            of: Of::More,
            costs: false
        };
        graph.bound()
    ];
    for id in graph.order() {
        let operands = graph.operands(id);
        let behind: Vec<Known> = operands.iter().map(|at| known[at.index()]).collect();
        let of = match &graph.node(id).op {
            Op::Input(name) => of_input(&phase.step, name, graph.ty(id)),
            Op::Param(path) | Op::Table(path) if moved.contains(path.as_str()) => Of::More,
            Op::Param(_) | Op::Table(_) => Of::Nothing,
            Op::Const(_) | Op::Iota => of_constant(&phase.step, &graph.node(id).op, graph.ty(id)),
            op => of_op(phase, graph, op, (graph.ty(id), &operands, &behind)),
        };
        let product = matches!(graph.node(id).op, Op::MatMul { .. } | Op::Attention { .. });
        known[id.index()] = Known {
            of,
            costs: product || behind.iter().any(|one| one.costs),
        };
    }
    known
}

/// The paths that change while the training runs.
fn moved(phase: &PhasePlan) -> BTreeSet<&str> {
    let graphs = [&phase.step.graph, phase.updating()];
    let mut moved: BTreeSet<&str> = BTreeSet::new();
    for graph in graphs {
        for id in graph.order() {
            if let Op::Update { path, .. } | Op::Assign { path } = &graph.node(id).op {
                moved.insert(path);
            }
        }
    }
    moved.extend(phase.averages.iter().map(|moved| moved.average.as_str()));
    moved
}

/// How what feeds an input depends on rows.
fn of_input(step: &Program, name: &str, ty: &TensorType) -> Of {
    let Some(feed) = step.feeds.iter().find(|feed| feed.input == name) else {
        return Of::More;
    };
    let row = |handle: usize| stream_of(step, handle).map_or(Of::More, Of::Row);
    match &feed.what {
        FeedKind::Column { handle, drop, .. } | FeedKind::ListValues { handle, drop, .. } => {
            match *drop == 0.0 {
                true => row(*handle),
                false => Of::More,
            }
        }
        FeedKind::ListPositions { handle, .. }
        | FeedKind::Positions { handle }
        | FeedKind::Lengths { handle }
        | FeedKind::Ago { handle } => row(*handle),
        FeedKind::ListSegments { handle, .. } | FeedKind::Segments { handle } => {
            match (row(*handle), ty.dims.first()) {
                (Of::Row(stream), Some(_)) => Of::Segments(stream),
                _ => Of::More,
            }
        }
        FeedKind::Emptied { .. }
        | FeedKind::Statistic { .. }
        | FeedKind::Rows { .. }
        | FeedKind::Positive { .. }
        | FeedKind::LogExpectedCount { .. }
        | FeedKind::LogCopies { .. }
        | FeedKind::KnownPositive { .. }
        | FeedKind::Seen { .. }
        | FeedKind::RowWeight { .. }
        | FeedKind::RowLogQ { .. }
        | FeedKind::RowSampled { .. }
        | FeedKind::Schedule
        | FeedKind::Clock(_) => Of::More,
    }
}

/// The stream of whose rows a handle holds what belongs to each: the row itself, what it refers to, and histories of that.
fn stream_of(step: &Program, handle: usize) -> Option<usize> {
    match &step.handles.get(handle)?.rows {
        HandleRows::Stream(stream) => Some(*stream),
        HandleRows::Referred(of) | HandleRows::History(of, _) => stream_of(step, *of),
        HandleRows::Shared(_)
        | HandleRows::Distinct(_)
        | HandleRows::Catalogue
        | HandleRows::Joined(_)
        | HandleRows::Thinned { .. }
        | HandleRows::Sampled { .. }
        | HandleRows::Groups(_) => None,
    }
}

/// The stream whose batch a space ranges over, itself or as lists in its rows.
fn stream_of_space(step: &Program, space: SpaceId) -> Option<usize> {
    match &step.graph.space(space).kind {
        SpaceKind::Batch => {
            let mut handles = step.handles.iter();
            handles.find_map(|handle| match handle.rows {
                HandleRows::Stream(stream) if handle.space == space => Some(stream),
                _ => None,
            })
        }
        SpaceKind::List { parent, .. } => stream_of_space(step, *parent),
        SpaceKind::Candidates
        | SpaceKind::Catalogue { .. }
        | SpaceKind::Vocabulary { .. }
        | SpaceKind::Axis(_)
        | SpaceKind::Flat => None,
    }
}

/// How the result of an op depends on rows, by how its operands do.
fn of_op(
    phase: &PhasePlan,
    graph: &Graph,
    op: &Op,
    (ty, operands, behind): (&TensorType, &[NodeId], &[Known]),
) -> Of {
    if behind.is_empty() || behind.iter().any(|one| one.of == Of::More) {
        return Of::More;
    }
    let Some(stream) = behind.iter().find_map(|one| match one.of {
        Of::Row(stream) | Of::Segments(stream) => Some(stream),
        Of::Nothing | Of::More => None,
    }) else {
        return match spaces(ty).next() {
            None => Of::Nothing,
            Some(_) => Of::More,
        };
    };
    let leads = |ty: &TensorType| leading(&phase.step, ty) == Some(stream);
    if !leads(ty) {
        return Of::More;
    }
    let one_stream = behind.iter().all(|one| match one.of {
        Of::Row(other) | Of::Segments(other) => other == stream,
        Of::Nothing | Of::More => true,
    });
    let rows = || operands.iter().zip(behind);
    let kept = rows().all(|(at, one)| match one.of {
        Of::Row(_) => leads(graph.ty(*at)),
        Of::Segments(_) | Of::Nothing | Of::More => true,
    });
    // Rows meet rows of the same space, unless the op leads from lists to their rows or back.
    let same_space = rows().all(|(at, one)| match one.of {
        Of::Row(_) => graph.ty(*at).dims.first() == ty.dims.first(),
        Of::Nothing => true,
        Of::Segments(_) | Of::More => false,
    });
    let of_operand = |at: usize| behind.get(at).map(|one| one.of);
    let by_segments = |at: usize| matches!(of_operand(at), Some(Of::Segments(_)));
    let crosses_lists = match op {
        Op::Bag { .. } => by_segments(2),
        Op::ScatterAdd(_) | Op::ScatterMax(_) | Op::PadList { .. } | Op::UnpadList | Op::Gather => {
            by_segments(1)
        }
        Op::Attention { .. } => by_segments(3),
        _ => false,
    };
    // Rows of the batch that are gathered by a value are other rows.
    let own = *op != Op::Gather || of_operand(0) == Some(Of::Nothing);
    let alone = same_space && own && row_by_row(op);
    let holds = one_stream && kept && (alone || crosses_lists);
    if holds { Of::Row(stream) } else { Of::More }
}

/// How a value without operands depends on rows: places among the rows are other ones at every step.
fn of_constant(step: &Program, op: &Op, ty: &TensorType) -> Of {
    let alike = matches!(op, Op::Const(values) if values.len() == 1);
    match (spaces(ty).next(), leading(step, ty)) {
        (None, _) => Of::Nothing,
        (Some(_), Some(stream)) if alike => Of::Row(stream),
        (Some(_), _) => Of::More,
    }
}

/// The stream whose rows, or lists in them, are the first dimension of a value that has no other index space.
fn leading(step: &Program, ty: &TensorType) -> Option<usize> {
    match (ty.dims.first(), spaces(ty).count()) {
        (Some(Dim::Space(space)), 1) => stream_of_space(step, *space),
        _ => None,
    }
}

fn spaces(ty: &TensorType) -> impl Iterator<Item = SpaceId> + '_ {
    ty.dims.iter().filter_map(|dim| match dim {
        Dim::Space(space) => Some(*space),
        Dim::Fixed(_) => None,
    })
}

/// Whether an op whose operands and result all begin with the rows of a batch computes each row by itself.
fn row_by_row(op: &Op) -> bool {
    use Op::{
        Argmax, Argsort, Bag, Broadcast, Cast, Concat, CumLogSumExp, CumSum, Expand, Flip, Gather,
        LayerNorm, LogSumExp, Lookup, MatMul, MaxOver, Permute, Pick, Place, Reshape, Reverse,
        RoundStraightThrough, Slice, Softmax, Stop, SumOver, TopK,
    };
    match op {
        Permute(axes) => axes.first() == Some(&0),
        Flip(axis)
        | SumOver(axis)
        | MaxOver(axis)
        | Argmax(axis)
        | LogSumExp(axis)
        | Softmax(axis)
        | CumSum(axis)
        | CumLogSumExp(axis)
        | Argsort(axis)
        | Slice { axis, .. }
        | Concat { axis }
        | Expand { axis, .. }
        | TopK { axis, .. } => *axis > 0,
        Reshape
        | Broadcast
        | Cast(_)
        | Lookup
        | Gather
        | Pick
        | Place(_)
        | MatMul { .. }
        | LayerNorm { .. }
        | Stop
        | Reverse(_)
        | RoundStraightThrough => true,
        Bag { .. } => false,
        other => other.is_elementwise() || is_unary(other),
    }
}

/// Ops of one operand, element by element.
fn is_unary(op: &Op) -> bool {
    use Op::{
        Abs, Cos, Erf, Exp, Expm1, Floor, IsFinite, Log, Log1mExp, Log1p, LogSigmoid, Neg, Not,
        Relu, Sigmoid, Sign, Sin, Sqrt, Tanh,
    };
    matches!(
        op,
        Neg | Abs
            | Sign
            | Exp
            | Expm1
            | Log
            | Log1p
            | Sqrt
            | Sin
            | Cos
            | Tanh
            | Sigmoid
            | LogSigmoid
            | Log1mExp
            | Erf
            | Relu
            | Floor
            | Not
            | IsFinite
    )
}

/// A step without what is held, and that.
struct Cut {
    step: Graph,
    held: Graph,
}

/// Cuts a graph at the held values that something else reads: they become inputs of the step.
fn cut(graph: &Graph, crosses: &BTreeSet<NodeId>, name: &str) -> Cut {
    let order = graph.order();
    let wanted = wanted(graph, &order, crosses);
    let (mut step, mut held) = (graph.without_nodes(), graph.without_nodes());
    held.name = format!("{}.held", graph.name);
    let mut in_step: Vec<Option<NodeId>> = vec![None; graph.bound()];
    let mut in_held: Vec<Option<NodeId>> = vec![None; graph.bound()];
    for id in order.iter().copied().filter(|id| wanted[id.index()]) {
        let node = graph.node(id);
        in_step[id.index()] = Some(if crosses.contains(&id) {
            let input = format!("{name}.{}", held.outputs.len());
            let output = copied(graph, id, &mut in_held, &mut held);
            held.outputs.push((input.clone(), output));
            step.add(Op::Input(input), &[], node.ty.clone(), node.site.clone())
        } else {
            let operands = graph.operands(id);
            let operands: Vec<NodeId> = operands
                .iter()
                .map(|at| in_step[at.index()].expect("operands of what is wanted are wanted"))
                .collect();
            step.add(
                node.op.clone(),
                &operands,
                node.ty.clone(),
                node.site.clone(),
            )
        });
    }
    let at = |id: NodeId| in_step[id.index()].expect("roots are wanted");
    let outputs = graph.outputs.iter();
    step.outputs = outputs.map(|(name, id)| (name.clone(), at(*id))).collect();
    step.effects = graph.effects.iter().map(|id| at(*id)).collect();
    without_unread_parameters(&mut step);
    without_unread_parameters(&mut held);
    Cut { step, held }
}

/// Which nodes the step holds: the results, and what those are computed from up to the cut.
fn wanted(graph: &Graph, order: &[NodeId], crosses: &BTreeSet<NodeId>) -> Vec<bool> {
    let mut wanted = vec![false; graph.bound()];
    for root in graph.roots() {
        wanted[root.index()] = true;
    }
    for id in order.iter().rev() {
        if wanted[id.index()] && !crosses.contains(id) {
            for operand in graph.operands(*id) {
                wanted[operand.index()] = true;
            }
        }
    }
    wanted
}

/// A node with all that it is computed from, in another graph.
fn copied(graph: &Graph, id: NodeId, mapped: &mut Vec<Option<NodeId>>, into: &mut Graph) -> NodeId {
    if let Some(done) = mapped[id.index()] {
        return done;
    }
    let operands = graph.operands(id);
    let operands: Vec<NodeId> = operands
        .into_iter()
        .map(|at| copied(graph, at, mapped, into))
        .collect();
    let node = graph.node(id);
    let new = into.add(
        node.op.clone(),
        &operands,
        node.ty.clone(),
        node.site.clone(),
    );
    mapped[id.index()] = Some(new);
    new
}

fn without_unread_parameters(graph: &mut Graph) {
    let mut read = BTreeSet::new();
    for id in graph.order() {
        match &graph.node(id).op {
            Op::Param(path) | Op::Table(path) | Op::Assign { path } | Op::Update { path, .. } => {
                read.insert(path.clone());
            }
            _ => {}
        }
    }
    graph.params.retain(|path, _| read.contains(path));
}
