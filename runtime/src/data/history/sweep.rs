//! Which events each row of a source sees, found for all of its rows at once: the rows of a thing go through its events, both in the
//! order of time, so that none is searched for.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use reckon_compiler::plan::HistoryPlan;

use super::{History, Listed, Seen, Training};
use crate::data::source::Source;

/// Things that one thread takes at least.
const THINGS: usize = 512;

/// A row that asks, when it does, and whether it trains.
type Asking = (u32, i64, bool);

impl History {
    /// What each row of a source sees: the strictly earlier events of the entity that it refers to. `times` are those of the events.
    pub(crate) fn seen_from(
        &self,
        source: &Source,
        plan: &HistoryPlan,
        times: &[i64],
    ) -> Vec<Seen> {
        let Some(references) = source.references.get(&plan.entity) else {
            return vec![Seen::new(0..0, true); source.rows];
        };
        if source.times.is_empty() {
            let row = |row: usize| self.before((references[row], source.trains(row)), None, times);
            return (0..source.rows).into_par_iter().map(row).collect();
        }
        let rows = self.rows_of(source, plan, references);
        // Times that lie together are read faster; they are needed here alone.
        let of_all = self.all.times(self.times(times));
        let of_apart = match &self.training {
            Training::First(_) => Vec::new(),
            Training::Apart(listed) => listed.times(self.times(times)),
        };
        let of_rows = match rows {
            Cow::Borrowed(_) => Cow::Borrowed(&of_all),
            Cow::Owned(ref rows) => Cow::Owned(rows.times(&source.times)),
        };
        let seen: Vec<AtomicU64> = (0..source.rows).map(|_| AtomicU64::new(0)).collect();
        let found = |row: u32, of: Seen| seen[row as usize].store(of.0, Ordering::Relaxed);
        let things = rows.offsets.par_windows(2).enumerate();
        things.with_min_len(THINGS).for_each(|(thing, ends)| {
            let places = ends[0] as usize..ends[1] as usize;
            let asking = rows.events[places.clone()].iter().zip(&of_rows[places]);
            let asking = asking.map(|(row, time)| (*row, *time, source.trains(*row as usize)));
            match &self.training {
                Training::First(_) => self.sweep(thing as u32, asking, &of_all, found),
                Training::Apart(_) => {
                    let others = asking.clone().filter(|asking| !asking.2);
                    self.sweep(thing as u32, others, &of_all, found);
                    self.sweep(
                        thing as u32,
                        asking.filter(|asking| asking.2),
                        &of_apart,
                        found,
                    );
                }
            }
        });
        let seen = seen.into_iter();
        seen.map(|seen| Seen(seen.into_inner())).collect()
    }

    /// The rows of a source by the thing that they refer to; the events themselves, where those are all rows of the source.
    fn rows_of(&self, source: &Source, plan: &HistoryPlan, references: &[u32]) -> Cow<'_, Listed> {
        let size = self.all.offsets.len() - 1;
        let refers = |row: &&u32| (references[**row as usize] as usize) < size;
        let own = source.name == plan.source && self.known.is_none();
        if own && self.all.events.len() == source.order.iter().filter(refers).count() {
            return Cow::Borrowed(&self.all);
        }
        let rows = source.order.iter().filter(refers).copied();
        Cow::Owned(Listed::new(size, rows, |row| references[row as usize]))
    }

    /// What rows of a thing see, which are in the order of time: all of them where training rows see the first events, otherwise either
    /// those that train or the others. `times` are those of the events.
    fn sweep(
        &self,
        thing: u32,
        rows: impl Iterator<Item = Asking>,
        times: &[i64],
        found: impl Fn(u32, Seen),
    ) {
        let mut rows = rows.peekable();
        let Some((_, _, training)) = rows.peek().copied() else {
            return;
        };
        let apart = matches!(self.training, Training::Apart(_)) && training;
        let (Some(events), Some(first)) = (self.range(thing, apart), self.range(thing, true))
        else {
            return;
        };
        let (mut oldest, mut end) = (events.start, events.start);
        for (row, time, training) in rows {
            while end < events.end && times[end] < time {
                end += 1;
            }
            if let Some(within) = self.within {
                let begin = time.saturating_sub(within);
                while oldest < end && times[oldest] < begin {
                    oldest += 1;
                }
            }
            let known = if training { end.min(first.end) } else { end };
            let last = known.saturating_sub(self.last).max(events.start);
            found(row, Seen::new(oldest.max(last).min(known)..known, training));
        }
    }
}
