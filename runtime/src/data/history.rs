//! Histories: for each row the strictly earlier events of an entity, as a range into events sorted by entity and time.

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;
use reckon_compiler::plan::{HistoryPlan, Known};
use reckon_kernel::{Column, Data};

use super::maturity::{NEVER, known_from};
use super::source::{ABSENT_ROW, Source};

/// The events of each row of an entity that pass the condition, oldest first, events of one instant in file order.
#[derive(Clone, Debug)]
pub(crate) struct History {
    last: usize,
    within: Option<i64>,
    /// The last instant of the events: what a row without a time knows.
    now: i64,
    /// What training rows see.
    training: Index,
    /// What other rows see.
    all: Index,
}

/// Rows by the thing that they belong to, those of each in the order of time.
#[derive(Clone, Debug)]
pub(super) struct Index {
    /// For each row of the entity where its events begin; one more than there are rows.
    offsets: Vec<u32>,
    events: Vec<u32>,
    times: Vec<i64>,
}

/// Which events a row sees: a range of those of the training rows, or of all rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) training: bool,
}

impl History {
    /// A history in which nothing ever happened.
    pub(crate) fn empty() -> Self {
        let index = || Index {
            offsets: vec![0],
            events: Vec::new(),
            times: Vec::new(),
        };
        Self {
            last: 0,
            within: None,
            now: 0,
            training: index(),
            all: index(),
        }
    }

    /// `size` is the number of rows of the entity. A condition that is null does not hold.
    pub(crate) fn new(
        plan: &HistoryPlan,
        source: &Source,
        size: usize,
        condition: Option<&Column>,
    ) -> Self {
        let passes = |row: usize| match condition.map(|column| &column.data) {
            Some(Data::Bool(values)) => values[row],
            Some(Data::Int(_) | Data::Float(_) | Data::Str(_) | Data::List(_)) | None => true,
        };
        let references = source.references.get(&plan.entity);
        let (order, times) = ordered(source, &plan.known);
        let index = |keep: &dyn Fn(usize) -> bool| {
            let entity_of = |row: u32| references.map_or(ABSENT_ROW, |rows| rows[row as usize]);
            let kept = |row: &&u32| {
                entity_of(**row) != ABSENT_ROW && passes(**row as usize) && keep(**row as usize)
            };
            Index::new(&times, size, order.iter().filter(kept).copied(), entity_of)
        };
        Self {
            last: plan.last.unwrap_or(usize::MAX),
            within: plan.within,
            now: source.times.iter().max().copied().unwrap_or_default(),
            training: index(&|row| source.trains(row)),
            all: index(&|_| true),
        }
    }

    /// What each row of a source sees: the strictly earlier events of the entity that it refers to.
    pub(crate) fn seen_from(&self, source: &Source, entity: &str) -> Vec<Seen> {
        let Some(references) = source.references.get(entity) else {
            return vec![
                Seen {
                    start: 0,
                    end: 0,
                    training: true
                };
                source.rows
            ];
        };
        (0..source.rows)
            .into_par_iter()
            .map(|row| {
                self.before(
                    references[row],
                    source.times.get(row).copied(),
                    source.trains(row),
                )
            })
            .collect()
    }

    /// The events of an entity's row strictly before a time, or all of them.
    pub(crate) fn before(&self, entity: u32, time: Option<i64>, training: bool) -> Seen {
        let index = if training { &self.training } else { &self.all };
        let Some(range) = index.range(entity) else {
            return Seen {
                start: 0,
                end: 0,
                training,
            };
        };
        let times = &index.times[range.clone()];
        let end = match time {
            Some(time) => times.partition_point(|earlier| *earlier < time),
            None => times.partition_point(|earlier| *earlier <= self.now),
        };
        let oldest = match (self.within, time) {
            (Some(within), Some(time)) => {
                times.partition_point(|earlier| *earlier < time.saturating_sub(within))
            }
            (Some(_) | None, _) => 0,
        };
        let start = oldest.max(end.saturating_sub(self.last)).min(end);
        let at = |place: usize| (range.start + place) as u32;
        Seen {
            start: at(start),
            end: at(end),
            training,
        }
    }

    /// The rows of the events, oldest first.
    pub(crate) fn events(&self, seen: Seen) -> &[u32] {
        let index = if seen.training {
            &self.training
        } else {
            &self.all
        };
        &index.events[seen.start as usize..seen.end as usize]
    }
}

/// Events in the order in which what a history reads of them was known, and from when on it was; what never is known is left
/// out.
fn ordered<'s>(source: &'s Source, known: &[Known]) -> (Cow<'s, [u32]>, Cow<'s, [i64]>) {
    if known.is_empty() {
        return (Cow::Borrowed(&source.order), Cow::Borrowed(&source.times));
    }
    let times = known_from(source, known);
    let known = |row: &&u32| times[**row as usize] != NEVER;
    let mut order: Vec<u32> = source.order.iter().filter(known).copied().collect();
    order.par_sort_by_key(|row| times[*row as usize]);
    (Cow::Owned(order), Cow::Owned(times))
}

impl Index {
    /// `rows` are in the order of time, so a stable counting sort by entity keeps that order within each.
    pub(super) fn new(
        of_rows: &[i64],
        size: usize,
        rows: impl Iterator<Item = u32> + Clone,
        entity_of: impl Fn(u32) -> u32,
    ) -> Self {
        let mut offsets = vec![0_u32; size + 1];
        rows.clone()
            .for_each(|row| offsets[entity_of(row) as usize + 1] += 1);
        (0..size).for_each(|entity| offsets[entity + 1] += offsets[entity]);
        let mut next = offsets.clone();
        let mut events = vec![0; offsets[size] as usize];
        for row in rows {
            let place = &mut next[entity_of(row) as usize];
            events[*place as usize] = row;
            *place += 1;
        }
        let times = events
            .iter()
            .map(|row| of_rows.get(*row as usize).copied().unwrap_or(0))
            .collect();
        Self {
            offsets,
            events,
            times,
        }
    }

    /// The rows of a thing and their times; none of an absent thing.
    pub(super) fn of(&self, entity: u32) -> Option<(&[u32], &[i64])> {
        let range = self.range(entity)?;
        Some((&self.events[range.clone()], &self.times[range]))
    }

    fn range(&self, entity: u32) -> Option<Range<usize>> {
        let end = *self.offsets.get(entity.checked_add(1)? as usize)?;
        Some(self.offsets[entity as usize] as usize..end as usize)
    }
}
