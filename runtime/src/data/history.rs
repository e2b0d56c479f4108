//! Histories: for each row the strictly earlier events of an entity, as a range into events sorted by entity and time.

mod sweep;

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
    /// From when on each event is known, where that is not its own time.
    known: Option<Vec<i64>>,
    /// What rows that do not train see.
    all: Listed,
    training: Training,
}

/// What training rows see.
#[derive(Clone, Debug)]
enum Training {
    /// So many events of each thing, the first of all: those that train come before the others, as where a split cuts by time.
    First(Vec<u32>),
    /// A list of their own.
    Apart(Listed),
}

/// Rows by the thing that they belong to, those of each in the order of time.
#[derive(Clone, Debug)]
struct Listed {
    /// For each row of the entity where its events begin; one more than there are rows.
    offsets: Vec<u32>,
    events: Vec<u32>,
}

/// Such rows with their times.
#[derive(Clone, Debug)]
pub(super) struct Index {
    listed: Listed,
    times: Vec<i64>,
}

/// Which events a row sees: a range of those of the training rows, or of all rows. The low half is where the range begins, the high half how
/// many events it has, with the highest bit for a range of training rows: a log has such a word for each of its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen(u64);

impl Seen {
    const TRAINING: u32 = 1 << 31;

    fn new(range: Range<usize>, training: bool) -> Self {
        let flag = if training { Self::TRAINING } else { 0 };
        // More of them than that would be lists that no memory holds; the oldest are left out.
        let many = range.len().min(Self::TRAINING as usize - 1);
        let start = (range.end - many) as u64;
        Self(u64::from(many as u32 | flag) << 32 | start)
    }

    fn many(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// How many they are.
    pub(crate) fn len(self) -> u32 {
        self.many() & !Self::TRAINING
    }

    fn range(self) -> Range<usize> {
        let start = self.0 as u32 as usize;
        start..start + self.len() as usize
    }

    fn is_of_training(self) -> bool {
        self.many() & Self::TRAINING != 0
    }
}

impl History {
    /// A history in which nothing ever happened.
    pub(crate) fn empty() -> Self {
        Self {
            last: 0,
            within: None,
            now: 0,
            known: None,
            all: Listed {
                offsets: vec![0],
                events: Vec::new(),
            },
            training: Training::First(Vec::new()),
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
        let entity_of = |row: u32| references.map_or(ABSENT_ROW, |rows| rows[row as usize]);
        let listed = |keep: &dyn Fn(usize) -> bool| {
            let kept = |row: &&u32| {
                entity_of(**row) != ABSENT_ROW && passes(**row as usize) && keep(**row as usize)
            };
            Listed::new(size, order.iter().filter(kept).copied(), entity_of)
        };
        let all = listed(&|_| true);
        let training = match all.first_of(|row| source.trains(row as usize)) {
            Some(first) => Training::First(first),
            None => Training::Apart(listed(&|row| source.trains(row))),
        };
        Self {
            last: plan.last.unwrap_or(usize::MAX),
            within: plan.within,
            now: source.times.iter().max().copied().unwrap_or_default(),
            known: match times {
                Cow::Owned(times) => Some(times),
                Cow::Borrowed(_) => None,
            },
            all,
            training,
        }
    }

    /// The events of an entity's row strictly before a time, or all of them. `times` are those of the events.
    pub(crate) fn before(
        &self,
        (entity, training): (u32, bool),
        time: Option<i64>,
        times: &[i64],
    ) -> Seen {
        let (times, events) = (self.times(times), &self.listed(training).events);
        let at = |place: usize| times.get(events[place] as usize).copied().unwrap_or(0);
        self.earlier((entity, training), time, at)
    }

    fn earlier(
        &self,
        (entity, training): (u32, bool),
        time: Option<i64>,
        at: impl Fn(usize) -> i64,
    ) -> Seen {
        let Some(range) = self.range(entity, training) else {
            return Seen::new(0..0, training);
        };
        let end = match time {
            Some(time) => first_place(range.clone(), |place| at(place) >= time),
            None => first_place(range.clone(), |place| at(place) > self.now),
        };
        let oldest = match (self.within, time) {
            (Some(within), Some(time)) => {
                let begin = time.saturating_sub(within);
                first_place(range.clone(), |place| at(place) >= begin)
            }
            (Some(_) | None, _) => range.start,
        };
        let last = range.start.max(end.saturating_sub(self.last));
        Seen::new(oldest.max(last).min(end)..end, training)
    }

    /// The rows of the events, oldest first.
    pub(crate) fn events(&self, seen: Seen) -> &[u32] {
        &self.listed(seen.is_of_training()).events[seen.range()]
    }

    /// When the events are known.
    fn times<'t>(&'t self, of_events: &'t [i64]) -> &'t [i64] {
        self.known.as_deref().unwrap_or(of_events)
    }

    fn listed(&self, training: bool) -> &Listed {
        match (training, &self.training) {
            (true, Training::Apart(listed)) => listed,
            (true, Training::First(_)) | (false, _) => &self.all,
        }
    }

    /// The places of a thing's events; none of an absent thing.
    fn range(&self, entity: u32, training: bool) -> Option<Range<usize>> {
        let range = self.listed(training).range(entity)?;
        Some(match (training, &self.training) {
            (true, Training::First(first)) => {
                range.start..range.start + first[entity as usize] as usize
            }
            (true, Training::Apart(_)) | (false, _) => range,
        })
    }
}

/// The first place of a range from which on something holds, or its end.
fn first_place(range: Range<usize>, holds: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (range.start, range.end);
    while low < high {
        let middle = low + (high - low) / 2;
        match holds(middle) {
            true => high = middle,
            false => low = middle + 1,
        }
    }
    low
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

impl Listed {
    /// `rows` are in the order of time, so a stable counting sort by entity keeps that order within each.
    fn new(
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
        Self { offsets, events }
    }

    fn range(&self, entity: u32) -> Option<Range<usize>> {
        let end = *self.offsets.get(entity.checked_add(1)? as usize)?;
        Some(self.offsets[entity as usize] as usize..end as usize)
    }

    /// The times of the rows in their places.
    fn times(&self, of_rows: &[i64]) -> Vec<i64> {
        let time = |row: &u32| of_rows.get(*row as usize).copied().unwrap_or(0);
        self.events.par_iter().map(time).collect()
    }

    /// For each thing how many of its rows hold, if they come before all others; `None` where they do not.
    fn first_of(&self, holds: impl Fn(u32) -> bool + Sync) -> Option<Vec<u32>> {
        let first = |ends: &[u32]| {
            let rows = &self.events[ends[0] as usize..ends[1] as usize];
            let first = rows.iter().take_while(|row| holds(**row)).count();
            let later = rows[first..].iter().any(|row| holds(*row));
            (!later).then_some(first as u32)
        };
        self.offsets.par_windows(2).map(first).collect()
    }
}

impl Index {
    /// Rows in the order of time, by their things.
    pub(super) fn new(
        of_rows: &[i64],
        size: usize,
        rows: impl Iterator<Item = u32> + Clone,
        entity_of: impl Fn(u32) -> u32,
    ) -> Self {
        let listed = Listed::new(size, rows, entity_of);
        let times = listed.times(of_rows);
        Self { listed, times }
    }

    /// The rows of a thing and their times; none of an absent thing.
    pub(super) fn of(&self, entity: u32) -> Option<(&[u32], &[i64])> {
        let range = self.listed.range(entity)?;
        Some((&self.listed.events[range.clone()], &self.times[range]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_that_train_are_the_first_of_a_thing_or_are_listed_apart() {
        let listed = Listed::new(2, 0..6, |row| row % 2);
        assert_eq!(listed.events, [0, 2, 4, 1, 3, 5]);
        assert_eq!(listed.first_of(|row| row < 3), Some(vec![2, 1]));
        assert_eq!(listed.first_of(|_| true), Some(vec![3, 3]));
        assert_eq!(listed.first_of(|row| row != 2), None);
    }

    #[test]
    fn a_range_and_whether_it_is_of_training_rows_are_kept_in_eight_bytes() {
        let seen = Seen::new(7..9, true);
        assert_eq!((seen.range(), seen.is_of_training()), (7..9, true));
        let seen = Seen::new(3..3, false);
        assert_eq!((seen.range(), seen.is_of_training()), (3..3, false));
        assert_eq!(size_of::<Seen>(), 8);
    }
}
