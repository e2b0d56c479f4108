//! What a run will take, with the sizes that its data have.

use std::collections::{BTreeMap, BTreeSet};

use reckon_compiler::cost::{
    Cost, Given, Owned, Owner, ROWS_A_BLOCK, forecast as forecast_plan, programs, queries_a_block,
    refusal,
};
use reckon_compiler::graph::SpaceId;
use reckon_compiler::plan::{EvaluationKind, EvaluationPlan, Plan, StreamPlan};

use super::{Spec, evaluated_parts, load_anew};
use crate::data::{ABSENT_ROW, Assembler, Dataset, StepKey};
use crate::failure::Failure;
use crate::footprint;

/// Batches of each program that are made to see how large its lists are.
const SAMPLES: usize = 4;

/// What a run of the spec will take: reads and fits its data, trains nothing.
///
/// # Errors
/// Faults of the data, and of finished runs that it reads.
pub fn forecast(spec: &Spec<'_>, threads: usize) -> Result<Cost, Failure> {
    let (data, _weights) = load_anew(spec)?;
    let loaded = footprint::loaded();
    let given = Given {
        loaded,
        spaces: sampled(spec.plan, &data),
        asked: asked(spec.plan, &data),
        fitted: fitted(spec.plan, &data),
        ..known(spec.plan, &data, threads)
    };
    Ok(forecast_plan(spec.plan, &given))
}

/// Refuses a run that needs more than `limit` bytes, before it trains. What batches hold is bounded first, and measured where
/// the bound does not fit.
///
/// # Errors
/// The run does not fit.
pub(super) fn fits(
    plan: &Plan,
    data: &Dataset,
    threads: usize,
    limit: Option<u64>,
) -> Result<(), Failure> {
    let loaded = footprint::loaded();
    let Some(limit) = limit else {
        return Ok(());
    };
    let mut given = known(plan, data, threads);
    given.loaded = loaded;
    if refusal(&forecast_plan(plan, &given).peak, limit).is_none() {
        return Ok(());
    }
    given.spaces = sampled(plan, data);
    given.asked = asked(plan, data);
    given.fitted = fitted(plan, data);
    match refusal(&forecast_plan(plan, &given).peak, limit) {
        Some(finding) => Err(Failure::data(vec![finding])),
        None => Ok(()),
    }
}

/// The rows of tables and sources.
fn known(plan: &Plan, data: &Dataset, threads: usize) -> Given {
    let tables = plan.tables.iter();
    let tables = tables.map(|(path, rows)| (path.clone(), data.table_rows(rows)));
    let sources = data.sources.iter();
    Given {
        // Tables over computed columns have no rows yet.
        tables: tables.filter(|(_, rows)| *rows > 0).collect(),
        sources: sources
            .map(|source| (source.name.clone(), source.rows))
            .collect(),
        loaded: None,
        threads,
        ..Given::default()
    }
}

/// The most rows that each evaluation asks about in one part, or on all days of a loop.
fn asked(plan: &Plan, data: &Dataset) -> BTreeMap<String, usize> {
    let of = |evaluation: &EvaluationPlan| {
        let rows = |part: Option<&str>| {
            let condition = evaluation.condition.as_deref();
            data.rows(&evaluation.source, part, condition).len()
        };
        let parts = evaluated_parts(data, &evaluation.source);
        let most = match evaluation.window {
            Some(_) => Some(rows(None)),
            None => parts.iter().map(|part| rows(Some(part))).max(),
        };
        Some((evaluation.name.clone(), most?))
    };
    plan.evaluations.iter().filter_map(of).collect()
}

/// The things with training rows in each evaluation that compares with `ease`, whose matrix has a number for each pair of them.
fn fitted(plan: &Plan, data: &Dataset) -> BTreeMap<String, usize> {
    let of = |evaluation: &EvaluationPlan| {
        let EvaluationKind::Retrieval { entity, .. } = &evaluation.kind else {
            return None;
        };
        if !evaluation.baselines.iter().any(|name| name == "ease") {
            return None;
        }
        let source = data.source(&evaluation.source)?;
        let parts = source.parts.as_ref();
        let trains = parts.and_then(|parts| parts.names.first());
        let condition = evaluation.condition.as_deref();
        let rows = data.rows(&source.name, trains.map(String::as_str), condition);
        let items = source.references.get(entity)?;
        let things: BTreeSet<u32> = rows.iter().map(|row| items[*row as usize]).collect();
        let known = things.into_iter().filter(|item| *item != ABSENT_ROW);
        Some((evaluation.name.clone(), known.count()))
    };
    plan.evaluations.iter().filter_map(of).collect()
}

/// The largest sizes of the spaces of each program over some batches. What reads columns that are computed later, or rows that
/// only a day has, is left out.
fn sampled(plan: &Plan, data: &Dataset) -> BTreeMap<Owner, BTreeMap<SpaceId, usize>> {
    let mut spaces = BTreeMap::new();
    if plan.daily.is_some() {
        return spaces;
    }
    for of in programs(plan) {
        if let Some(sizes) = sizes(plan, data, &of) {
            spaces.insert(of.owner, sizes);
        }
    }
    spaces
}

/// Rows, and how many of them are taken at once.
type Taken = (Vec<u32>, usize);

fn sizes(plan: &Plan, data: &Dataset, of: &Owned<'_>) -> Option<BTreeMap<SpaceId, usize>> {
    // Each a choice of rows for the streams of the program, with how many are taken at once.
    let (streams, choices): (&[StreamPlan], Vec<Vec<Taken>>) = match of.owner {
        Owner::Step(phase) | Owner::Held(phase, _) => {
            let streams = &plan.phases[phase].streams;
            let rows = streams.iter().map(|stream| of_stream(data, stream));
            (streams.as_slice(), vec![rows.collect()])
        }
        Owner::Catalogue(_) => (&[], vec![Vec::new()]),
        Owner::Query(at) | Owner::Score(at) => {
            let evaluation = &plan.evaluations[at];
            // Rows drawn beside others are made by the pool of the evaluation.
            if evaluation.pool.is_some() || evaluation.window.is_some() {
                return None;
            }
            let parts = of_parts(data, evaluation)?;
            (&[], parts.into_iter().map(|part| vec![part]).collect())
        }
        Owner::Update(_) | Owner::Column(_) => return None,
    };
    let assembler = Assembler::new(data, of.program, streams).ok()?;
    let mut sizes: BTreeMap<SpaceId, usize> = BTreeMap::new();
    for (choice, sample) in choices
        .iter()
        .flat_map(|choice| (0..SAMPLES).map(move |at| (choice, at)))
    {
        let rows: Vec<Vec<u32>> = choice
            .iter()
            .map(|(rows, batch)| spread(rows, *batch, sample))
            .collect();
        for (space, rows) in assembler.assemble(&rows, key(sample)).sizes {
            let size = sizes.entry(space).or_insert(0);
            *size = (*size).max(rows);
        }
    }
    Some(sizes)
}

/// The rows of each part that an evaluation asks about, and how many at once: histories are longer in later parts.
fn of_parts(data: &Dataset, evaluation: &EvaluationPlan) -> Option<Vec<Taken>> {
    let block = match &evaluation.kind {
        EvaluationKind::Retrieval { entity, query, .. } => {
            queries_a_block(&query.graph, data.source(entity)?.rows)
        }
        EvaluationKind::Ranking { .. } => ROWS_A_BLOCK,
    };
    let condition = evaluation.condition.as_deref();
    let parts = evaluated_parts(data, &evaluation.source);
    let rows = |part: &String| {
        let rows = data.rows(&evaluation.source, Some(part), condition);
        (rows, block)
    };
    Some(parts.iter().map(rows).collect())
}

/// The rows of a stream, and how many a step takes of them.
fn of_stream(data: &Dataset, stream: &StreamPlan) -> Taken {
    let beside = stream
        .negatives
        .as_ref()
        .map_or(1, |negatives| 1 + negatives.count);
    (
        data.stream_rows(stream),
        stream.batch.max(1).div_ceil(beside),
    )
}

/// So many rows, spread evenly over all of them; another sample takes their neighbours.
fn spread(rows: &[u32], count: usize, sample: usize) -> Vec<u32> {
    let count = count.min(rows.len());
    let stride = rows.len() / count.max(1);
    (0..count)
        .map(|at| rows[(at * stride + sample) % rows.len()])
        .collect()
}

fn key(sample: usize) -> StepKey {
    StepKey {
        seed: 0,
        step: sample as u64,
        epoch: 0,
        training: true,
        schedule: 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn samples_are_spread_over_all_rows_and_differ() {
        let rows: Vec<u32> = (0..10).collect();
        assert_eq!(spread(&rows, 5, 0), [0, 2, 4, 6, 8]);
        assert_eq!(spread(&rows, 5, 1), [1, 3, 5, 7, 9]);
        assert_eq!(spread(&rows, 20, 3).len(), 10);
        assert!(spread(&[], 5, 1).is_empty());
    }
}
