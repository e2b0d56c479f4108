//! How often each row of a domain counts.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, PoisonError};

use reckon_compiler::plan::{CountedRows, Domain, FitPlan};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::{Fitted, RowProgram};

use super::super::grow::Until;
use super::super::program::{run_over_rows, source_named};
use super::super::select;
use super::super::source::{ABSENT_ROW, Source};

/// How much each row counts.
pub(super) enum Weights<'a> {
    /// By row.
    Each(Arc<Vec<f64>>),
    /// Events count by whether they train.
    Events { source: &'a Source, until: Until },
}

impl Weights<'_> {
    /// The number of rows.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Each(weights) => weights.len(),
            Self::Events { source, .. } => source.rows,
        }
    }

    /// How much a row counts.
    pub(super) fn of(&self, row: usize) -> f64 {
        match self {
            Self::Each(weights) => weights[row],
            Self::Events { source, until } => match until.has(source, row) {
                // In a loop a row counts by what is read of it, not by what is trained on today.
                true if source.wait.is_some() => f64::from(u8::from(source.trains(row))),
                true => source.training_weight(row),
                false => 0.0,
            },
        }
    }

    /// Whether sums of them are the same in any order: all are whole numbers.
    pub(super) fn are_whole(&self) -> bool {
        let whole = |row: usize| self.of(row).fract() == 0.0;
        match self {
            Self::Events { source, .. } if source.maturity.is_none() => true,
            Self::Each(_) | Self::Events { .. } => (0..self.len()).all(whole),
        }
    }

    /// Those of all rows.
    pub(super) fn each(&self) -> Cow<'_, [f64]> {
        match self {
            Self::Each(weights) => Cow::Borrowed(weights),
            Self::Events { .. } => (0..self.len()).map(|row| self.of(row)).collect(),
        }
    }
}

/// How often rows of entities count, for statistics that are fitted over the same sources.
#[derive(Default)]
pub(crate) struct Counted(Mutex<Vec<Count>>);

/// By entity, until an instant.
type Count = (String, Until, Arc<Vec<f64>>);

impl Counted {
    /// How often each row of the domain of a statistic counts.
    pub(super) fn weights<'a>(
        &self,
        plan: &FitPlan,
        (sources, before): (&'a [Source], &[Fitted]),
        until: Until,
    ) -> Result<Weights<'a>, Diagnostic> {
        let each = |weights: Vec<f64>| Weights::Each(Arc::new(weights));
        Ok(match &plan.domain {
            Domain::Referred { entity } => Weights::Each(self.referred(entity, sources, until)),
            Domain::Catalogue { entity } => each(vec![
                1.0;
                source_named(sources, entity)
                    .map_or(0, |source| source.rows)
            ]),
            Domain::Events { source } => match source_named(sources, source) {
                Some(source) => Weights::Events { source, until },
                None => each(Vec::new()),
            },
            Domain::Loss { rows, entity, .. } => each(of_loss(
                plan,
                (rows, entity.as_deref()),
                (sources, before),
                until,
            )?),
        })
    }

    /// For each row of an entity how many training events read it.
    fn referred(&self, entity: &str, sources: &[Source], until: Until) -> Arc<Vec<f64>> {
        // Whoever else asks for them waits until they are counted.
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = counted
            .iter()
            .find(|(of, end, _)| of == entity && *end == until);
        if let Some((_, _, weights)) = known {
            return Arc::clone(weights);
        }
        let counts = counts(entity, sources, until, Source::reads).into_iter();
        let weights: Arc<Vec<f64>> = Arc::new(counts.map(|count| count as f64).collect());
        counted.push((entity.to_owned(), until, Arc::clone(&weights)));
        weights
    }
}

/// How much each row of a loss counts, or each row of an entity that they refer to.
fn of_loss(
    plan: &FitPlan,
    (rows, entity): (&CountedRows, Option<&str>),
    (sources, before): (&[Source], &[Fitted]),
    until: Until,
) -> Result<Vec<f64>, Diagnostic> {
    let Some(source) = source_named(sources, &rows.kernel.source) else {
        return Ok(Vec::new());
    };
    let outputs = run_over_rows(
        &RowProgram::new(rows.kernel.clone()),
        sources,
        before,
        plan.span,
    )?;
    let mut of_rows = select::counted(rows, source, &outputs.into_iter().collect());
    for (row, weight) in of_rows.iter_mut().enumerate() {
        *weight *= f64::from(u8::from(until.has(source, row)));
    }
    Ok(match entity {
        Some(entity) => referred(entity, source, &of_rows, sources),
        None => of_rows,
    })
}

/// For each row of an entity the weights of the rows of a source that refer to it.
fn referred(entity: &str, source: &Source, of_rows: &[f64], sources: &[Source]) -> Vec<f64> {
    let mut weights = vec![0.0; source_named(sources, entity).map_or(0, |source| source.rows)];
    let referred = source.reads(entity).into_iter().flatten();
    for (thing, weight) in referred
        .zip(of_rows)
        .filter(|(thing, _)| **thing != ABSENT_ROW)
    {
        weights[*thing as usize] += weight;
    }
    weights
}

/// For each row of an entity the number of training events that refer to it, over all events that are split; where none
/// is, over all events. Those from an instant on do not count.
pub(crate) fn training_counts(entity: &str, sources: &[Source], until: Until) -> Vec<u64> {
    counts(entity, sources, until, |source, entity| {
        source.references.get(entity)
    })
}

/// The same by the rows that events refer to, or that they read.
fn counts(
    entity: &str,
    sources: &[Source],
    until: Until,
    rows: for<'s> fn(&'s Source, &str) -> Option<&'s Vec<u32>>,
) -> Vec<u64> {
    let mut counts = vec![0; source_named(sources, entity).map_or(0, |source| source.rows)];
    let referring = || {
        sources
            .iter()
            .filter(|source| source.references.contains_key(entity))
    };
    let any_split = referring().any(|source| source.parts.is_some());
    for source in referring().filter(|source| source.parts.is_some() || !any_split) {
        for (row, referred) in rows(source, entity).into_iter().flatten().enumerate() {
            if *referred != ABSENT_ROW && source.trains(row) && until.has(source, row) {
                counts[*referred as usize] += 1;
            }
        }
    }
    counts
}
