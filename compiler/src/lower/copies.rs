//! Candidates that several rows of a batch bring become one column.
//!
//! Rows with the same thing bring equal candidates. A softmax that masks a row's own thing among the others may take the copies of
//! each thing as one column that counts as often: the log of their number is added to its score, but for the row's own.
//! The loss is the same number, while towers, scores and gradients are computed once a thing. Popular things are most of a batch.

use std::collections::BTreeSet;

use crate::graph::{Dim, Elem, Graph, NodeId, Op, SpaceId, SpaceKind, TensorType};
use crate::plan::{Feed, FeedKind, HandleRows, Program, StreamPlan};

/// What candidates of a batch that are one thing become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Copies {
    /// One column, wherever that leaves the loss as it is.
    Merged,
    /// A column each.
    Kept,
}

/// A score this low takes a candidate out of a softmax.
const MASKED: f64 = -1e8;

/// Merges the candidates of a step wherever nothing but masked softmaxes reads them.
pub(super) fn merge_copies(program: &mut Program, streams: &[StreamPlan]) {
    for at in 0..program.handles.len() {
        let found = Search::new(program, streams, at).and_then(|search| search.softmaxes());
        if let Some(softmaxes) = found {
            merge(program, at, &softmaxes);
        }
    }
}

/// Makes a handle of candidates hold each thing once, and has the softmaxes over them count its copies.
fn merge(program: &mut Program, at: usize, softmaxes: &[NodeId]) {
    let handle = &mut program.handles[at];
    let HandleRows::Shared(own) = handle.rows else {
        return;
    };
    handle.rows = HandleRows::Distinct(own);
    let input = format!("{}.log_copies", handle.name);
    let space = Dim::Space(handle.space);
    program.feeds.push(Feed {
        input: input.clone(),
        what: FeedKind::LogCopies { candidates: at },
        span: None,
    });
    let graph = &mut program.graph;
    for softmax in softmaxes {
        let [scores, positive] = graph.operands(*softmax)[..] else {
            continue;
        };
        let (node, dims) = (graph.node(*softmax).clone(), graph.ty(scores).dims.clone());
        let ty = |elem, dims: &[Dim]| TensorType::new(elem, dims);
        let mut add = |op, operands: &[NodeId], ty| graph.add(op, operands, ty, node.site.clone());
        let copies = add(Op::Input(input.clone()), &[], ty(Elem::F32, &[space]));
        let column = add(Op::Iota, &[], ty(Elem::I64, &[space]));
        let column = add(Op::Broadcast, &[column], ty(Elem::I64, &dims));
        let other = add(Op::Ne, &[column, positive], ty(Elem::Bool, &dims));
        let once = add(Op::Const(vec![0.0]), &[], TensorType::scalar());
        let counted = add(Op::Select, &[other, copies, once], ty(Elem::F32, &dims));
        let scores = add(Op::Add, &[scores, counted], ty(Elem::F32, &dims));
        let counting = add(Op::SoftmaxXent, &[scores, positive], node.ty.clone());
        graph.replace(*softmax, counting);
        graph.remove(*softmax);
    }
}

/// The search for what reads the candidates of a handle.
struct Search<'p> {
    program: &'p Program,
    /// The candidates.
    at: usize,
    /// The rows whose things they are.
    own: usize,
    space: SpaceId,
    /// The space, and those of the candidates' lists.
    spaces: Vec<SpaceId>,
    /// The candidates and what they refer to.
    family: BTreeSet<usize>,
}

impl<'p> Search<'p> {
    /// A search, where a handle holds the things of the rows of a batch and rows are not drawn beside them.
    fn new(program: &'p Program, streams: &[StreamPlan], at: usize) -> Option<Self> {
        let handles = &program.handles;
        let HandleRows::Shared(own) = handles[at].rows else {
            return None;
        };
        let HandleRows::Referred(of) = handles[own].rows else {
            return None;
        };
        let HandleRows::Stream(stream) = handles[of].rows else {
            return None;
        };
        streams
            .get(stream)
            .filter(|stream| stream.negatives.is_none())?;
        let space = handles[at].space;
        let mut family = BTreeSet::from([at]);
        for (number, handle) in handles.iter().enumerate() {
            let of_family = |of: &usize| family.contains(of);
            match &handle.rows {
                HandleRows::Referred(of) if of_family(of) && handle.space == space => {
                    family.insert(number);
                }
                rows if rows.parents().iter().any(of_family) => return None,
                _ => {}
            }
        }
        let of_space =
            |kind: &SpaceKind| matches!(kind, SpaceKind::List { parent, .. } if *parent == space);
        let numbered = (0..).map(SpaceId).zip(&program.graph.spaces);
        let lists = numbered.filter(|(_, known)| of_space(&known.kind));
        Some(Self {
            program,
            at,
            own,
            space,
            spaces: [space].into_iter().chain(lists.map(|(id, _)| id)).collect(),
            family,
        })
    }

    /// The softmaxes over the candidates, if all that is computed of candidates ends there, each apart from the others.
    fn softmaxes(&self) -> Option<Vec<NodeId>> {
        let graph = self.graph();
        let mut found = Vec::new();
        for id in graph.order() {
            let operands = graph.operands(id);
            let has = |id: &NodeId| {
                self.spaces
                    .iter()
                    .any(|of| graph.axis_of(*id, *of).is_some())
            };
            if !has(&id) && !operands.iter().any(has) {
                continue;
            }
            if self.is_masked_softmax(id, &operands) {
                found.push(id);
            } else if !self
                .spaces
                .iter()
                .all(|of| self.keeps_apart(id, &operands, *of))
            {
                return None;
            }
        }
        let stay = |id: NodeId| graph.axis_of(id, self.space).is_some();
        (!found.is_empty() && !graph.roots().any(stay)).then_some(found)
    }

    fn graph(&self) -> &'p Graph {
        &self.program.graph
    }

    /// A softmax along the candidates, against the own thing, under a mask of its copies.
    fn is_masked_softmax(&self, id: NodeId, operands: &[NodeId]) -> bool {
        let graph = self.graph();
        let [scores, positive] = *operands else {
            return false;
        };
        graph.node(id).op == Op::SoftmaxXent
            && graph.ty(scores).dims.last() == Some(&Dim::Space(self.space))
            && graph.axis_of(positive, self.space).is_none()
            && self.is_positive(positive)
            && self.masks_copies(scores)
    }

    /// Whether scores are out of the softmax for candidates that are the row's own thing and not its own candidate.
    fn masks_copies(&self, scores: NodeId) -> bool {
        let graph = self.graph();
        if graph.node(scores).op != Op::Select {
            return false;
        }
        let [condition, then, otherwise] = graph.operands(scores)[..] else {
            return false;
        };
        let low = matches!(&graph.node(then).op, Op::Const(values) if values.iter().all(|x| *x <= MASKED));
        low && (self.holds_for_copies(condition) || self.masks_copies(otherwise))
    }

    /// Whether a condition is true of all copies of the row's own thing, itself left out. What a user is known to have holds the row's own
    /// thing; where the file of users or things lacks it, its copies are left out all the same.
    fn holds_for_copies(&self, condition: NodeId) -> bool {
        let graph = self.graph();
        let operands = || graph.operands(condition);
        let either = |of: fn(&Self, NodeId) -> bool, or: fn(&Self, NodeId) -> bool| {
            let [a, b] = operands()[..] else {
                return false;
            };
            (of(self, a) && or(self, b)) || (of(self, b) && or(self, a))
        };
        match &graph.node(condition).op {
            Op::And => operands().iter().all(|of| self.holds_for_copies(*of)),
            Op::Ne => either(Self::is_column, Self::is_positive),
            Op::Eq => either(Self::is_candidate, Self::is_own),
            _ => matches!(self.feed(condition), Some(
                FeedKind::KnownPositive { candidates, .. } | FeedKind::Seen { candidates, .. }
            ) if *candidates == self.at),
        }
    }

    fn is_column(&self, id: NodeId) -> bool {
        let id = self.plain(id);
        self.graph().node(id).op == Op::Iota && self.graph().axis_of(id, self.space).is_some()
    }

    fn is_candidate(&self, id: NodeId) -> bool {
        matches!(self.feed(id), Some(FeedKind::Rows { handle }) if *handle == self.at)
    }

    fn is_own(&self, id: NodeId) -> bool {
        matches!(self.feed(id), Some(FeedKind::Rows { handle }) if self.is_of_own(*handle))
    }

    fn is_positive(&self, id: NodeId) -> bool {
        let is = |of, candidates| candidates == self.at && self.is_of_own(of);
        matches!(self.feed(id), Some(FeedKind::Positive { of, candidates }) if is(*of, *candidates))
    }

    fn is_of_own(&self, handle: usize) -> bool {
        let handles = &self.program.handles;
        handle == self.own || handles[handle].rows == handles[self.own].rows
    }

    /// What feeds an input, looked at through repetition.
    fn feed(&self, id: NodeId) -> Option<&'p FeedKind> {
        let Op::Input(name) = &self.graph().node(self.plain(id)).op else {
            return None;
        };
        let feed = self.program.feeds.iter().find(|feed| feed.input == *name);
        feed.map(|feed| &feed.what)
    }

    fn plain(&self, mut id: NodeId) -> NodeId {
        while self.graph().node(id).op == Op::Broadcast {
            id = self.graph().operands(id)[0];
        }
        id
    }

    /// Whether a node's rows of a space stay apart, and are equal where things are.
    fn keeps_apart(&self, id: NodeId, operands: &[NodeId], space: SpaceId) -> bool {
        let graph = self.graph();
        let there = graph.axis_of(id, space).is_some();
        let read = operands
            .iter()
            .any(|of| graph.axis_of(*of, space).is_some());
        match (there, read) {
            (false, false) => true,
            (true, true) => graph.is_rowwise(id, space) || self.moves_rows(id, operands, space),
            (true, false) => self.begins(id),
            (false, true) => self.is_list_op(id, operands),
        }
    }

    /// Ops that carry whole rows along.
    fn moves_rows(&self, id: NodeId, operands: &[NodeId], space: SpaceId) -> bool {
        let graph = self.graph();
        let place = graph.axis_of(id, space);
        let same = |of: &NodeId| graph.axis_of(*of, space).is_none_or(|at| Some(at) == place);
        match &graph.node(id).op {
            Op::Concat { axis } | Op::Slice { axis, .. } => {
                place != Some(*axis) && operands.iter().all(same)
            }
            Op::Reshape => place == Some(0) && operands.iter().all(same),
            Op::LayerNorm { .. } => place != Some(graph.ty(id).rank() - 1),
            Op::Lookup | Op::Gather => {
                graph.axis_of(operands[0], space).is_none() && place == Some(0)
            }
            Op::Reverse(_) | Op::RoundStraightThrough => true,
            _ => false,
        }
    }

    /// Ops that make rows of candidates, or of elements of their lists, out of what has none.
    fn begins(&self, id: NodeId) -> bool {
        let graph = self.graph();
        match &graph.node(id).op {
            Op::Const(_) | Op::Broadcast | Op::Expand { .. } => true,
            Op::Input(_) => self.feed(id).is_some_and(|feed| self.is_of_things(feed)),
            Op::Iota => self
                .readers(id)
                .into_iter()
                .all(|reader| self.is_compared(reader)),
            _ => self.is_list_op(id, &graph.operands(id)),
        }
    }

    /// Sums over the elements of lists, and a row's value for each of its elements.
    fn is_list_op(&self, id: NodeId, operands: &[NodeId]) -> bool {
        let segments = match self.graph().node(id).op {
            Op::ScatterAdd(_) | Op::ScatterMax(_) | Op::Gather | Op::PadList { .. } => {
                operands.get(1)
            }
            Op::Bag { .. } => operands.get(2),
            _ => None,
        };
        let feed = segments.and_then(|segments| self.feed(*segments));
        matches!(feed, Some(FeedKind::ListSegments { handle, .. }) if self.family.contains(handle))
    }

    /// Whether an input is the same for all candidates that are one thing.
    fn is_of_things(&self, feed: &FeedKind) -> bool {
        match feed {
            FeedKind::Column { handle, drop, .. } | FeedKind::ListValues { handle, drop, .. } => {
                self.family.contains(handle) && *drop == 0.0
            }
            FeedKind::ListSegments { handle, .. }
            | FeedKind::ListPositions { handle, .. }
            | FeedKind::Rows { handle } => self.family.contains(handle),
            FeedKind::LogExpectedCount { candidates, .. }
            | FeedKind::KnownPositive { candidates, .. }
            | FeedKind::Seen { candidates, .. } => *candidates == self.at,
            _ => false,
        }
    }

    /// What reads a node, looked at through repetition.
    fn readers(&self, id: NodeId) -> Vec<NodeId> {
        let graph = self.graph();
        let readers = graph.users(id).into_iter();
        let through = readers.flat_map(|reader| match graph.node(reader).op {
            Op::Broadcast => self.readers(reader),
            _ => vec![reader],
        });
        through.collect()
    }

    /// Whether a node asks for the row's own candidate.
    fn is_compared(&self, id: NodeId) -> bool {
        let graph = self.graph();
        matches!(graph.node(id).op, Op::Eq | Op::Ne)
            && graph
                .operands(id)
                .into_iter()
                .any(|of| self.is_positive(of))
    }
}
