//! Candidates: how often each is expected in a step, which is a row's own, and which the user is known to like.

use reckon_compiler::plan::{Handle, HandleRows, StreamPlan};

use super::rows::RowSet;
use crate::data::Dataset;
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
        HandleRows::Shared(shared) => shared == of || handles[shared].rows == handles[of].rows,
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
    /// So many uniform draws from so many rows.
    Sampled { draws: usize, of: usize },
    /// Every row once.
    Catalogue,
}

impl Counts {
    pub(super) fn new(
        data: &Dataset,
        handles: &[Handle],
        candidates: usize,
        streams: &[StreamPlan],
    ) -> Result<Self, String> {
        let part = |at: usize| {
            let handle = &handles[at];
            let size = data.source(&handle.source).map_or(0, |source| source.rows);
            match &handle.rows {
                HandleRows::Sampled(draws) => Ok(Part::Sampled {
                    draws: *draws,
                    of: size,
                }),
                HandleRows::Catalogue => Ok(Part::Catalogue),
                HandleRows::Shared(_)
                | HandleRows::Stream(_)
                | HandleRows::Referred(_)
                | HandleRows::Thinned { .. } => {
                    let probability = probabilities(data, handles, at, streams)?;
                    Ok(Part::Shared {
                        handle: at,
                        probability,
                    })
                }
                HandleRows::History(..) | HandleRows::Joined(_) => {
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
                    Part::Sampled { draws, of } => *draws as f64 / *of as f64,
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
    let (source, rows) = stream_of(data, handles, handle, streams)?;
    let entity = &handles[handle].source;
    let size = data.source(entity).map_or(0, |source| source.rows);
    let things = things(source, entity)?;
    let mut counts = vec![0.0; size + 1];
    rows.iter()
        .for_each(|row| counts[(things(*row) as usize).min(size)] += 1.0);
    let total = rows.len().max(1) as f64;
    Ok(counts
        .into_iter()
        .map(|count: f64| count.max(0.5) / total)
        .collect())
}

/// The source and the training rows of the stream that a handle descends from.
fn stream_of<'a>(
    data: &'a Dataset,
    handles: &[Handle],
    handle: usize,
    streams: &[StreamPlan],
) -> Result<(&'a Source, Vec<u32>), String> {
    match handles[handle].rows {
        HandleRows::Stream(stream) => {
            let stream = streams
                .get(stream)
                .ok_or_else(|| format!("stream {stream} does not exist"))?;
            let source = data
                .source(&stream.source)
                .ok_or_else(|| format!("`{}` is no source", stream.source))?;
            Ok((source, data.stream_rows(stream)))
        }
        HandleRows::Referred(of) | HandleRows::Shared(of) | HandleRows::Thinned { of, .. } => {
            stream_of(data, handles, of, streams)
        }
        HandleRows::History(..)
        | HandleRows::Catalogue
        | HandleRows::Joined(_)
        | HandleRows::Sampled(_) => Err(format!(
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

/// What each user is known to like: the things of their training rows in a stream.
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
        streams: &[StreamPlan],
    ) -> Result<Self, String> {
        let (source, rows) = stream_of(data, handles, of, streams)?;
        let entity = &handles[candidates].source;
        let (user, thing) = (
            things(source, &handles[of].source)?,
            things(source, entity)?,
        );
        let users = data
            .source(&handles[of].source)
            .map_or(0, |source| source.rows);
        let size = data.source(entity).map_or(0, |source| source.rows);
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
