//! How many rows each index space of a program has.

use super::{
    Amount, Given, ModelCost, Owned, Owner, QUERIES_A_BLOCK, ROWS_A_BLOCK, SCORES_A_BLOCK,
};
use crate::graph::{Dim, Graph, NodeId, Op, SpaceId, SpaceKind, TensorType};
use crate::plan::{EvaluationKind, FeedKind, HandleRows, Plan, Program, StreamPlan};

/// The rows of spaces, by [`SpaceId`].
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sizes(Vec<Amount>);

impl Sizes {
    pub(super) fn rows(&self, space: SpaceId) -> Amount {
        self.0
            .get(space.0 as usize)
            .copied()
            .unwrap_or(Amount::OPEN)
    }

    pub(super) fn dim(&self, dim: Dim) -> Amount {
        match dim {
            Dim::Fixed(size) => Amount::of(size),
            Dim::Space(space) => self.rows(space),
        }
    }

    /// The elements of a tensor.
    pub(super) fn elements(&self, ty: &TensorType) -> Amount {
        let dims = ty.dims.iter();
        dims.fold(Amount::exact(1), |all, dim| all * self.dim(*dim))
    }

    #[cfg(test)]
    pub(super) fn of(sizes: Vec<Amount>) -> Self {
        Self(sizes)
    }
}

/// The largest batch of a program.
pub(super) fn rows(program: &Program, sizes: &Sizes) -> Amount {
    let spaces = program.graph.spaces.iter().enumerate();
    let of = |is_it: fn(&SpaceKind) -> bool| {
        let spaces = spaces.clone().filter(|(_, space)| is_it(&space.kind));
        let rows = spaces.map(|(at, _)| sizes.rows(SpaceId(at as u32)));
        rows.reduce(Amount::max)
    };
    let batch = of(|kind| matches!(kind, SpaceKind::Batch));
    let catalogue = || of(|kind| matches!(kind, SpaceKind::Catalogue { .. }));
    batch.or_else(catalogue).unwrap_or(Amount::ZERO)
}

/// The sizes of a program's spaces: as its handles have them, as its kinds bound them, or as batches were.
pub(super) fn of_program(plan: &Plan, given: &Given, model: &ModelCost, of: &Owned<'_>) -> Sizes {
    let asked = Asked { plan, given, of };
    let graph = &of.program.graph;
    let mut known: Vec<Option<Amount>> = vec![None; graph.spaces.len()];
    for handle in 0..of.program.handles.len() {
        let space = of.program.handles[handle].space;
        let rows = asked.handle(handle);
        let at = &mut known[space.0 as usize];
        *at = Some(at.map_or(rows, |had: Amount| had.max(rows)));
    }
    let measured = given.spaces.get(&of.owner);
    for (space, rows) in measured.into_iter().flatten() {
        // The largest of some batches: others may be larger by a little.
        let at = &mut known[space.0 as usize];
        if at.is_none_or(|rows| rows.sure != super::Sure::Exact) {
            *at = Some(Amount::at_most(*rows as u64));
        }
    }
    for at in 0..known.len() {
        if known[at].is_none() {
            known[at] = asked.of_kind(graph, SpaceId(at as u32), &known, model);
        }
    }
    flat(graph, known, model)
}

/// A program with what is known.
struct Asked<'a> {
    plan: &'a Plan,
    given: &'a Given,
    of: &'a Owned<'a>,
}

impl Asked<'_> {
    /// The rows of a handle.
    fn handle(&self, at: usize) -> Amount {
        let handle = &self.of.program.handles[at];
        let source = || self.source(&handle.source);
        match &handle.rows {
            HandleRows::Stream(stream) => self.stream(*stream),
            HandleRows::Groups(stream) => self.stream(*stream).bounding(),
            HandleRows::Referred(of) | HandleRows::Shared(of) => self.handle(*of),
            HandleRows::Thinned { of, .. } => self.handle(*of),
            HandleRows::Distinct(of) => self.handle(*of).bounding().min(source()),
            HandleRows::Catalogue => source(),
            HandleRows::Joined(parts) => parts.iter().map(|part| self.handle(*part)).sum(),
            HandleRows::Sampled { count, .. } => Amount::of(*count),
            HandleRows::History(of, history) => {
                let last = self
                    .plan
                    .histories
                    .get(*history)
                    .and_then(|history| history.last);
                let each = last.map_or(Amount::OPEN, |last| Amount::at_most(last as u64));
                self.handle(*of) * each
            }
        }
    }

    /// The rows that a program takes of a stream at once.
    fn stream(&self, stream: usize) -> Amount {
        let block =
            |rows: usize, source: &str| Amount::of(rows).min(self.source(source).bounding());
        match self.of.owner {
            Owner::Step(phase) | Owner::Held(phase, _) | Owner::Update(phase) => {
                let streams = &self.plan.phases[phase].streams;
                streams
                    .get(stream)
                    .map_or(Amount::OPEN, |stream| self.batch(stream))
            }
            Owner::Column(at) => block(ROWS_A_BLOCK, &self.plan.columns[at].source),
            Owner::Score(at) => {
                self.drawn(at, block(ROWS_A_BLOCK, &self.plan.evaluations[at].source))
            }
            Owner::Catalogue(_) => Amount::ZERO,
            Owner::Query(at) => {
                let evaluation = &self.plan.evaluations[at];
                let items = match &evaluation.kind {
                    EvaluationKind::Retrieval { entity, .. } => self.source(entity),
                    EvaluationKind::Ranking { .. } => Amount::OPEN,
                };
                let block = super::queries_a_block(&self.of.program.graph, items.count as usize);
                let queries = match items.sure {
                    super::Sure::Open => Amount::at_most(QUERIES_A_BLOCK as u64),
                    _ => Amount::of(block),
                };
                queries.min(self.source(&evaluation.source).bounding())
            }
        }
    }

    /// Rows of a block of a ranking with those drawn beside them.
    fn drawn(&self, evaluation: usize, rows: Amount) -> Amount {
        let pool = self.plan.evaluations[evaluation].pool.as_ref();
        let beside = pool.and_then(|pool| pool.negatives.as_ref());
        beside.map_or(rows, |beside| rows.times(1 + beside.count as u64))
    }

    fn batch(&self, stream: &StreamPlan) -> Amount {
        let beside = stream
            .negatives
            .as_ref()
            .map_or(1, |beside| 1 + beside.count as u64);
        let whole = Amount::of(stream.batch.max(1))
            .div_ceil(beside)
            .times(beside);
        let rows = self.source(&stream.source).times(beside);
        let taken = match rows.sure {
            super::Sure::Open => whole,
            _ if rows.count >= whole.count => whole,
            _ => rows.bounding(),
        };
        match stream.group {
            Some(_) => taken.bounding(),
            None => taken,
        }
    }

    fn source(&self, name: &str) -> Amount {
        let rows = self.given.sources.get(name);
        rows.map_or(Amount::OPEN, |rows| Amount::of(*rows))
    }

    /// The rows of a space that no handle has.
    fn of_kind(
        &self,
        graph: &Graph,
        space: SpaceId,
        known: &[Option<Amount>],
        model: &ModelCost,
    ) -> Option<Amount> {
        match &graph.space(space).kind {
            SpaceKind::Batch | SpaceKind::Candidates => Some(Amount::OPEN),
            SpaceKind::Catalogue { entity } => Some(self.source(entity)),
            SpaceKind::Vocabulary { table } => Some(model.rows(table)),
            SpaceKind::Axis(size) => Some(Amount::of(*size)),
            SpaceKind::List { parent, max } => {
                let parents = known[parent.0 as usize].unwrap_or(Amount::OPEN);
                let each = max.or_else(|| self.scalar_list(space));
                let each = each.map_or(Amount::OPEN, |max| Amount::at_most(max as u64));
                Some(parents * each)
            }
            SpaceKind::Flat => None,
        }
    }

    /// A space that no list fills has no rows.
    fn scalar_list(&self, space: SpaceId) -> Option<usize> {
        let fills = |kind: &FeedKind| matches!(kind, FeedKind::ListValues { space: of, .. } if *of == space);
        let filled = self.of.program.feeds.iter().any(|feed| fills(&feed.what));
        let handled = self
            .of
            .program
            .handles
            .iter()
            .any(|handle| handle.space == space);
        (!filled && !handled).then_some(0)
    }
}

/// The sizes of flat spaces out of the ops that make them.
fn flat(graph: &Graph, mut known: Vec<Option<Amount>>, model: &ModelCost) -> Sizes {
    let told = |known: &[Option<Amount>]| {
        Sizes(
            known
                .iter()
                .map(|rows| rows.unwrap_or(Amount::OPEN))
                .collect(),
        )
    };
    for id in graph.order() {
        let node = graph.node(id);
        for (axis, dim) in node.ty.dims.iter().enumerate() {
            let Dim::Space(space) = dim else { continue };
            if known[space.0 as usize].is_some() {
                continue;
            }
            let sizes = told(&known);
            let operands = graph.operands(id);
            let of = |id: NodeId| sizes.elements(graph.ty(id));
            let rows = match &node.op {
                Op::Unique => of(operands[0]).bounding().min(updated(graph, id, model)),
                Op::Concat { axis: along } if *along == axis => operands
                    .iter()
                    .map(|id| sizes.dim(graph.ty(*id).dims[axis]))
                    .sum(),
                Op::Reshape => {
                    let others = node
                        .ty
                        .dims
                        .iter()
                        .enumerate()
                        .filter(|(at, _)| *at != axis);
                    let others =
                        others.fold(Amount::exact(1), |all, (_, dim)| all * sizes.dim(*dim));
                    let whole = of(operands[0]);
                    Amount {
                        count: whole.count / others.count.max(1),
                        sure: whole.sure.max(others.sure),
                    }
                }
                _ => continue,
            };
            known[space.0 as usize] = Some(rows);
        }
    }
    told(&known)
}

/// Distinct ids are not more than the rows of the table that they update.
fn updated(graph: &Graph, ids: NodeId, model: &ModelCost) -> Amount {
    let reads = |id: &&NodeId| graph.operands(**id).contains(&ids);
    let paths = graph
        .effects
        .iter()
        .filter(reads)
        .filter_map(|id| match &graph.node(*id).op {
            Op::Update { path, .. } => Some(path.as_str()),
            _ => None,
        });
    paths
        .map(|path| model.rows(path).bounding())
        .fold(Amount::OPEN, Amount::min)
}

const _: () = assert!(SCORES_A_BLOCK >= QUERIES_A_BLOCK);
