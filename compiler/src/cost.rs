//! What a plan will cost before it runs: bytes of tables, of what optimisers remember, of what a step holds at once; the
//! arithmetic of a step; and the most memory that the process will have.
//!
//! Nothing is run and nothing is guessed. A size that only the data tell is [`Sure::Open`] until it is [`Given`]; one that
//! is bounded, as a history of at most fifty, is [`Sure::AtMost`]; and what is made of such sizes says so too.

mod amount;
mod flops;
mod live;
mod model;
mod peak;
mod sizes;

use std::collections::BTreeMap;

use reckon_grammar::span::Span;

use crate::graph::{Graph, SpaceId};
use crate::passes::nearest;
use crate::plan::{EvaluationKind, Plan, Program, StoredValue};

pub use amount::{Amount, Sure};
pub use model::{ModelCost, TableCost, model};
pub use peak::{Part, Peak, refusal};

/// Rows that a ranking, or a column of a tower, is computed for at once.
pub const ROWS_A_BLOCK: usize = 8_192;
/// About how many scores of a catalogue are held at once.
pub const SCORES_A_BLOCK: usize = 1 << 22;
/// Queries that are asked at once, at most.
pub const QUERIES_A_BLOCK: usize = 1_024;
/// Batches that may be ready before they are used.
pub const BATCHES_AHEAD: usize = 4;
/// Items up to which the baseline `ease` is computed: its matrix has a number for each pair of them.
pub const EASE_ITEMS: usize = 20_000;

/// Queries whose scores of so many items are held at once.
pub fn scored_a_block(items: usize) -> usize {
    (SCORES_A_BLOCK / items.max(1)).clamp(1, QUERIES_A_BLOCK)
}

/// Queries that are asked at once of a catalogue of so many items by their program: their scores are held at once, unless they are
/// products of which the best alone are kept.
pub fn queries_a_block(query: &Graph, items: usize) -> usize {
    match nearest(query) {
        Some(_) => QUERIES_A_BLOCK,
        None => scored_a_block(items),
    }
}

/// What is known of the data and the machine beside the plan.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// Rows of embedding tables by path.
    pub tables: BTreeMap<String, usize>,
    /// Rows of sources by name.
    pub sources: BTreeMap<String, usize>,
    /// The most rows that each evaluation asks about in one part, or over all days of a loop, by name.
    pub asked: BTreeMap<String, usize>,
    /// Things with training rows in each evaluation that compares with the baseline `ease`, by name.
    pub fitted: BTreeMap<String, usize>,
    /// The largest sizes of the spaces of programs over batches that were made.
    pub spaces: BTreeMap<Owner, BTreeMap<SpaceId, usize>>,
    /// What the process takes before anything is trained, where it was measured.
    pub loaded: Option<Loaded>,
    /// Threads that prepare batches.
    pub threads: usize,
}

/// Memory of a process that has read its data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Bytes that it takes.
    pub now: u64,
    /// The most that it took on the way.
    pub peak: u64,
}

/// What a tensor program is for. Numbers are indexes into the lists of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// A step of a training.
    Step(usize),
    /// What teachers say of a row of a stream, once: training, and index into its list.
    Held(usize, usize),
    /// The update of a training that accumulates gradients.
    Update(usize),
    /// A column of a tower.
    Column(usize),
    /// The catalogue of a retrieval.
    Catalogue(usize),
    /// A block of queries of a retrieval.
    Query(usize),
    /// A block of rows of a ranking.
    Score(usize),
}

/// A tensor program with what it is for.
#[derive(Clone, Copy, Debug)]
pub struct Owned<'p> {
    /// What it is for.
    pub owner: Owner,
    /// The program.
    pub program: &'p Program,
}

/// The tensor programs of a plan that a run executes.
pub fn programs(plan: &Plan) -> Vec<Owned<'_>> {
    let mut all = Vec::new();
    let mut add = |owner, program| all.push(Owned { owner, program });
    for (at, phase) in plan.phases.iter().enumerate() {
        add(Owner::Step(at), &phase.step);
        for (of, held) in phase.held.iter().enumerate() {
            add(Owner::Held(at, of), &held.program);
        }
        if let Some(accumulate) = &phase.accumulate {
            add(Owner::Update(at), &accumulate.update);
        }
    }
    for (at, column) in plan.columns.iter().enumerate() {
        if let StoredValue::Tower(program) = &column.value {
            add(Owner::Column(at), program);
        }
    }
    for (at, evaluation) in plan.evaluations.iter().enumerate() {
        match &evaluation.kind {
            EvaluationKind::Retrieval {
                catalogue, query, ..
            } => {
                add(Owner::Catalogue(at), catalogue);
                add(Owner::Query(at), query);
            }
            EvaluationKind::Ranking { score } => add(Owner::Score(at), score),
        }
    }
    all
}

impl Owner {
    /// What it is, for people: `a step of train`.
    pub fn describe(self, plan: &Plan) -> String {
        match self {
            Self::Step(at) => format!("a step of {}", plan.phases[at].name),
            Self::Held(at, _) => format!("what teachers say in {}", plan.phases[at].name),
            Self::Update(at) => format!("an update of {}", plan.phases[at].name),
            Self::Column(at) => format!("a block of column {}", plan.columns[at].name),
            Self::Catalogue(at) => format!("the catalogue of {}", plan.evaluations[at].name),
            Self::Query(at) => format!("a block of queries of {}", plan.evaluations[at].name),
            Self::Score(at) => format!("a block of rows of {}", plan.evaluations[at].name),
        }
    }

    /// The declaration that asks for it.
    pub fn span(self, plan: &Plan) -> Span {
        match self {
            Self::Step(at) | Self::Held(at, _) | Self::Update(at) => plan.phases[at].span,
            Self::Column(at) => plan.columns[at].span,
            Self::Catalogue(at) | Self::Query(at) | Self::Score(at) => plan.evaluations[at].span,
        }
    }
}

/// What a tensor program costs.
#[derive(Clone, Debug)]
pub struct ProgramCost {
    /// What it is for.
    pub owner: Owner,
    /// Rows that it runs over at once, the largest of its batch spaces.
    pub rows: Amount,
    /// Bytes of the inputs that it is fed.
    pub inputs: Amount,
    /// Bytes of its outputs.
    pub outputs: Amount,
    /// The most bytes of results that it holds at once, its inputs among them.
    pub live: Amount,
    /// The operations on numbers that one execution takes; a multiplication and an addition are two.
    pub flops: Amount,
    /// Operations by the expression that asks for them, most first.
    pub by_place: Vec<PlaceCost>,
}

/// What an expression of the spec costs in a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaceCost {
    /// The expression, or the declaration that asks for the program.
    pub span: Span,
    /// Its operations, those of its gradient and its updates among them.
    pub flops: Amount,
    /// The bytes of its largest result.
    pub largest: Amount,
}

/// What a plan costs.
#[derive(Clone, Debug)]
pub struct Cost {
    /// What is trained and read, and what optimisers remember of it.
    pub model: ModelCost,
    /// Each tensor program.
    pub programs: Vec<ProgramCost>,
    /// The most memory of the process.
    pub peak: Peak,
}

/// What a plan costs with what is known of its data.
pub fn forecast(plan: &Plan, given: &Given) -> Cost {
    let model = model(plan, given);
    let programs: Vec<ProgramCost> = programs(plan)
        .iter()
        .map(|of| program(plan, given, &model, of))
        .collect();
    let peak = peak::peak(plan, given, &model, &programs);
    Cost {
        model,
        programs,
        peak,
    }
}

fn program(plan: &Plan, given: &Given, model: &ModelCost, of: &Owned<'_>) -> ProgramCost {
    let graph = &of.program.graph;
    let sizes = sizes::of_program(plan, given, model, of);
    let inputs = live::inputs(graph, &sizes);
    let nearest = match of.owner {
        Owner::Query(_) => nearest(graph),
        _ => None,
    };
    let stored = nearest.as_ref().map_or(graph, |nearest| &nearest.graph);
    ProgramCost {
        owner: of.owner,
        rows: sizes::rows(of.program, &sizes),
        inputs,
        outputs: live::outputs(stored, &sizes),
        live: live::peak(stored, &sizes),
        flops: flops::all(graph, &sizes),
        by_place: by_place(graph, &sizes, of.owner.span(plan)),
    }
}

/// Operations by place, most first, of equals in the order of the text.
fn by_place(graph: &Graph, sizes: &sizes::Sizes, whole: Span) -> Vec<PlaceCost> {
    let mut places: BTreeMap<(u32, u32, u32), PlaceCost> = BTreeMap::new();
    for id in graph.order() {
        let span = graph.node(id).site.call.unwrap_or(whole);
        let place = places
            .entry((span.file.0, span.start, span.end))
            .or_insert(PlaceCost {
                span,
                flops: Amount::ZERO,
                largest: Amount::ZERO,
            });
        place.flops = place.flops + flops::of_node(graph, id, sizes);
        place.largest = place.largest.max(live::bytes(graph, id, sizes));
    }
    let mut places: Vec<PlaceCost> = places.into_values().collect();
    places.sort_by_key(|place| std::cmp::Reverse(place.flops.count));
    places
}
