//! Candidates: how often each is expected in a step, which is a row's own, and which the user is known to like.

use reckon_compiler::plan::{Handle, HandleRows, StreamPlan};

use super::rows::RowSet;
use crate::data::Dataset;
use crate::data::sampler::Sampler;
use crate::data::source::{ABSENT_ROW, Source};

/// The handles that a handle of candidates joins, itself where it joins none.
fn parts(handles: &[Handle], candidates: usize) -> Vec<usize> {
    match handles.get(candidates).map(|handle| &handle.rows) {
        Some(HandleRows::Joined(joined)) => joined
            .iter()
            .flat_map(|part| parts(handles, *part))
            .collect(),
        Some(_) => vec![candidates],
        None => Vec::new(),
    }
}

/// Where the rows of `of` have their own thing among candidates: the parts before it, and whether it is there row for
/// row (and not at its row number).
pub(super) fn positive_part(
    handles: &[Handle],
    of: usize,
    candidates: usize,
) -> Option<(Vec<usize>, bool)> {
    let all = parts(handles, candidates);
    let shares = |part: &usize| match handles[*part].rows {
        HandleRows::Shared(shared) | HandleRows::Distinct(shared) => {
            shared == of || handles[shared].rows == handles[of].rows
        }
        _ => false,
    };
    if let Some(at) = all.iter().position(shares) {
        return Some((all[..at].to_vec(), true));
    }
    let whole = |part: &usize| handles[*part].rows == HandleRows::Catalogue;
    all.iter()
        .position(whole)
        .map(|at| (all[..at].to_vec(), false))
}

/// Which candidates of a step count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    /// All.
    All,
    /// Those that are drawn.
    Drawn,
}

/// The smallest expected count that a log is taken of.
const LEAST: f64 = 1e-12;

/// What draws the things of a handle.
pub(super) fn sampler(
    data: &Dataset,
    handle: &Handle,
    streams: &[StreamPlan],
) -> Result<Sampler, String> {
    let HandleRows::Sampled {
        sampler, stream, ..
    } = &handle.rows
    else {
        return Err(format!("`{}` is not drawn", handle.name));
    };
    let entity = data
        .source(&sampler.entity)
        .ok_or_else(|| format!("`{}` is no source", sampler.entity))?;
    let counted = match streams.get(*stream) {
        Some(plan) if sampler.power != 0.0 => {
            let source = data
                .source(&plan.source)
                .ok_or_else(|| format!("`{}` is no source", plan.source))?;
            counts(
                source,
                &sampler.entity,
                entity.rows,
                &data.stream_rows(plan),
            )?
        }
        Some(_) | None => Vec::new(),
    };
    Sampler::new(sampler, entity, &counted)
}

/// For each thing the number of these rows that refer to it.
pub(super) fn counts(
    source: &Source,
    entity: &str,
    size: usize,
    rows: &[u32],
) -> Result<Vec<f64>, String> {
    let things = things(source, entity)?;
    let mut counts = vec![0.0; size];
    for row in rows {
        if let Some(count) = counts.get_mut(things(*row) as usize) {
            *count += 1.0;
        }
    }
    Ok(counts)
}

/// Expected counts of candidates.
#[derive(Clone, Debug)]
pub(super) struct Counts {
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    /// Things of the rows of a batch, each row with these probabilities by row of the entity.
    Shared {
        handle: usize,
        probability: Vec<f64>,
    },
    /// Things of the rows of a batch that are there for their own row alone.
    Own,
    /// So many draws.
    Sampled { draws: usize, sampler: Sampler },
    /// Every row once.
    Catalogue,
}

impl Counts {
    pub(super) fn new(
        data: &Dataset,
        handles: &[Handle],
        candidates: usize,
        counted: Counted,
        streams: &[StreamPlan],
    ) -> Result<Self, String> {
        let part = |at: usize| {
            let handle = &handles[at];
            match &handle.rows {
                HandleRows::Sampled { count, .. } => Ok(Part::Sampled {
                    draws: *count,
                    sampler: sampler(data, handle, streams)?,
                }),
                HandleRows::Shared(_) | HandleRows::Distinct(_) if counted == Counted::Drawn => {
                    Ok(Part::Own)
                }
                HandleRows::Catalogue => Ok(Part::Catalogue),
                HandleRows::Shared(_)
                | HandleRows::Distinct(_)
                | HandleRows::Stream(_)
                | HandleRows::Referred(_)
                | HandleRows::Thinned { .. } => {
                    let probability = probabilities(data, handles, at, streams)?;
                    let handle = match handle.rows {
                        HandleRows::Distinct(of) => of,
                        _ => at,
                    };
                    Ok(Part::Shared {
                        handle,
                        probability,
                    })
                }
                HandleRows::History(..) | HandleRows::Joined(_) | HandleRows::Groups(_) => {
                    Err(format!("`{}` is no candidate", handle.name))
                }
            }
        };
        Ok(Self {
            parts: parts(handles, candidates)
                .into_iter()
                .map(part)
                .collect::<Result<_, _>>()?,
        })
    }

    /// The log of the expected number of times that each candidate is among the candidates of a step.
    pub(super) fn log_expected(&self, candidates: &RowSet<'_>, sets: &[RowSet<'_>]) -> Vec<f32> {
        let count = |row: usize| -> f64 {
            self.parts
                .iter()
                .map(|part| match part {
                    Part::Shared {
                        handle,
                        probability,
                    } => sets[*handle].rows.len() as f64 * probability[row],
                    Part::Own => 0.0,
                    Part::Sampled { draws, sampler } => {
                        (*draws as f64 * sampler.probability(row)).max(LEAST)
                    }
                    Part::Catalogue => 1.0,
                })
                .sum()
        };
        candidates
            .places()
            .map(|row| count(row).ln() as f32)
            .collect()
    }
}

/// The probability with which a row of the stream has each thing; an absent thing is one more. Things that the stream
/// never has, which only rows outside training can have, count as half a row.
fn probabilities(
    data: &Dataset,
    handles: &[Handle],
    handle: usize,
    streams: &[StreamPlan],
) -> Result<Vec<f64>, String> {
    let stream = stream_of(handles, handle, streams)?;
    let source = data
        .source(&stream.source)
        .ok_or_else(|| format!("`{}` is no source", stream.source))?;
    let entity = &handles[handle].source;
    let size = data.source(entity).map_or(0, |source| source.rows);
    let things = things(source, entity)?;
    let shares = data.shares(stream);
    let mut probabilities = vec![0.0; size + 1];
    for (row, share) in &shares {
        probabilities[(things(*row) as usize).min(size)] += share;
    }
    // Rows are counted rather than their shares added where all have the same, so that sums are exact.
    let half = 0.5 / shares.len().max(1) as f64;
    let even = shares.windows(2).all(|pair| pair[0].1 == pair[1].1);
    if even {
        let mut counts = vec![0.0; size + 1];
        shares
            .iter()
            .for_each(|(row, _)| counts[(things(*row) as usize).min(size)] += 1.0);
        let total = shares.len().max(1) as f64;
        probabilities = counts
            .into_iter()
            .map(|count: f64| count.max(0.5) / total)
            .collect();
    }
    probabilities
        .iter_mut()
        .for_each(|share| *share = share.max(half));
    if let Some(negatives) = stream
        .negatives
        .as_ref()
        .filter(|plan| plan.sampler.entity == *entity)
    {
        let rows = data.stream_rows(stream);
        let thing = data
            .source(entity)
            .ok_or_else(|| format!("`{entity}` is no source"))?;
        let sampler = Sampler::new(
            &negatives.sampler,
            thing,
            &counts(source, entity, size, &rows)?,
        )?;
        let all = 1.0 + negatives.count as f64;
        for (thing, share) in probabilities.iter_mut().enumerate().take(size) {
            *share = (*share + negatives.count as f64 * sampler.probability(thing)) / all;
        }
    }
    Ok(probabilities)
}

/// The stream that a handle descends from.
fn stream_of<'p>(
    handles: &[Handle],
    handle: usize,
    streams: &'p [StreamPlan],
) -> Result<&'p StreamPlan, String> {
    match handles[handle].rows {
        HandleRows::Stream(stream) => streams
            .get(stream)
            .ok_or_else(|| format!("stream {stream} does not exist")),
        HandleRows::Referred(of)
        | HandleRows::Shared(of)
        | HandleRows::Distinct(of)
        | HandleRows::Thinned { of, .. } => stream_of(handles, of, streams),
        HandleRows::History(..)
        | HandleRows::Catalogue
        | HandleRows::Joined(_)
        | HandleRows::Groups(_)
        | HandleRows::Sampled { .. } => Err(format!(
            "`{}` does not come from a stream",
            handles[handle].name
        )),
    }
}

/// From a row of a source to its thing.
fn things<'a>(source: &'a Source, entity: &str) -> Result<Box<dyn Fn(u32) -> u32 + 'a>, String> {
    match source.references.get(entity) {
        Some(references) => Ok(Box::new(|row| references[row as usize])),
        None if source.name == entity => Ok(Box::new(|row| row)),
        None => Err(format!("`{}` does not refer to `{entity}`", source.name)),
    }
}

/// Which rows tell what a user is known to like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Among {
    /// Those of the stream.
    Stream,
    /// All training rows of its source.
    Training,
}

/// What each user is known to like: the things of their rows.
#[derive(Clone, Debug)]
pub(super) struct Known {
    offsets: Vec<u32>,
    things: Vec<u32>,
    size: usize,
}

impl Known {
    pub(super) fn new(
        data: &Dataset,
        handles: &[Handle],
        of: usize,
        candidates: usize,
        (streams, among): (&[StreamPlan], Among),
    ) -> Result<Self, String> {
        let stream = stream_of(handles, of, streams)?;
        let source = data
            .source(&stream.source)
            .ok_or_else(|| format!("`{}` is no source", stream.source))?;
        let rows = match among {
            Among::Stream => data.stream_rows(stream),
            Among::Training => data.training_rows(&stream.source),
        };
        let size = |name: &str| data.source(name).map_or(0, |source| source.rows);
        let (user, thing) = (
            handles[of].source.as_str(),
            handles[candidates].source.as_str(),
        );
        Self::of(source, (user, size(user)), (thing, size(thing)), &rows)
    }

    /// The things of each user among these rows; entities come with their sizes.
    pub(super) fn of(
        source: &Source,
        (user, users): (&str, usize),
        (thing, size): (&str, usize),
        rows: &[u32],
    ) -> Result<Self, String> {
        let (user, thing) = (things(source, user)?, things(source, thing)?);
        let there = |row: &&u32| user(**row) != ABSENT_ROW && thing(**row) != ABSENT_ROW;
        let mut pairs: Vec<(u32, u32)> = rows
            .iter()
            .filter(there)
            .map(|row| (user(*row), thing(*row)))
            .collect();
        pairs.sort_unstable();
        pairs.dedup();
        let mut offsets = vec![0; users + 1];
        pairs
            .iter()
            .for_each(|(user, _)| offsets[*user as usize + 1] += 1);
        (0..users).for_each(|user| offsets[user + 1] += offsets[user]);
        Ok(Self {
            offsets,
            things: pairs.into_iter().map(|(_, thing)| thing).collect(),
            size,
        })
    }

    /// Whether a user has a thing.
    pub(super) fn contains(&self, user: u32, thing: u32) -> bool {
        let user = user as usize;
        if user + 1 >= self.offsets.len() {
            return false;
        }
        let things = &self.things[self.offsets[user] as usize..self.offsets[user + 1] as usize];
        things.binary_search(&thing).is_ok()
    }

    /// For each pair of a user and a candidate whether the user is known to like it, row-major.
    pub(super) fn pairs(&self, users: &RowSet<'_>, candidates: &RowSet<'_>) -> Vec<bool> {
        let columns = candidates.rows.len();
        // For each thing one more than the last of its columns, and for each column the one before it of the same thing.
        let (mut last, mut previous) = (vec![0_u32; self.size], vec![0_u32; columns]);
        for (column, thing) in candidates
            .places()
            .enumerate()
            .filter(|(_, thing)| *thing < self.size)
        {
            previous[column] = last[thing];
            last[thing] = column as u32 + 1;
        }
        let mut pairs = vec![false; users.rows.len() * columns];
        for (row, user) in users
            .places()
            .enumerate()
            .filter(|(_, user)| user + 1 < self.offsets.len())
        {
            for thing in &self.things[self.offsets[user] as usize..self.offsets[user + 1] as usize]
            {
                let mut column = last[*thing as usize];
                while column > 0 {
                    pairs[row * columns + column as usize - 1] = true;
                    column = previous[column as usize - 1];
                }
            }
        }
        pairs
    }
}
