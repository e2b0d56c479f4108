//! Feeds: what fills each input of a tensor program, checked once and gathered at each step.

use std::collections::BTreeMap;
use std::iter::repeat_n;

use reckon_compiler::graph::SpaceId;
use reckon_compiler::plan::{Clock, Feed, FeedKind, Handle, HandleRows, StreamPlan};
use reckon_kernel::Fitted;

use super::candidates::{Among, Counted, Counts, Known, positive_part};
use super::rows::RowSet;
use super::{Assembler, HostTensor, HostValues, StepKey, gather};
use crate::data::select::Selected;

impl<'a> Assembler<'a> {
    /// The input of a feed at the rows of its handles; notes how many values lists have.
    pub(super) fn tensor(
        &self,
        feed: &Feed,
        sets: &[RowSet<'_>],
        key: StepKey,
        sizes: &mut BTreeMap<SpaceId, usize>,
    ) -> HostTensor {
        let dropped = |drop: f64| gather::Drop::new(drop, &feed.input, key);
        match &feed.what {
            FeedKind::Column {
                handle,
                output,
                drop,
            } => HostTensor::flat(gather::column(&sets[*handle], output, dropped(*drop))),
            FeedKind::ListValues {
                handle,
                output,
                drop,
                space,
                like,
            } => {
                let like = like.as_ref().unwrap_or(output);
                let values = gather::list_values(&sets[*handle], (output, like), dropped(*drop));
                let tensor = HostTensor::flat(values);
                sizes.insert(*space, tensor.shape[0]);
                tensor
            }
            FeedKind::ListSegments { handle, output } => {
                ints(gather::list_segments(&sets[*handle], output))
            }
            FeedKind::ListPositions { handle, output } => {
                ints(gather::list_positions(&sets[*handle], output))
            }
            FeedKind::Emptied { handle, output } => bools(gather::emptied(&sets[*handle], output)),
            FeedKind::Statistic { fit } => self.statistic(*fit),
            FeedKind::Segments { handle } => ints(sets[*handle].segments()),
            FeedKind::Positions { handle } => ints(sets[*handle].positions()),
            FeedKind::Lengths { handle } => floats(lengths(&sets[*handle])),
            FeedKind::Ago { handle } => floats(self.ago(*handle, sets)),
            FeedKind::Rows { handle } => ints(places(&sets[*handle])),
            FeedKind::Positive { of, candidates } => ints(self.positive(*of, *candidates, sets)),
            FeedKind::LogExpectedCount { candidates, .. } => {
                floats(self.counts[candidates].log_expected(&sets[*candidates], sets))
            }
            FeedKind::LogCopies { candidates } => floats(log_copies(&sets[*candidates])),
            FeedKind::KnownPositive { of, candidates } => pairs(
                &self.known[&(*of, *candidates)],
                &sets[*of],
                &sets[*candidates],
            ),
            FeedKind::Seen { of, candidates } => pairs(
                &self.seen[&(*of, *candidates)],
                &sets[*of],
                &sets[*candidates],
            ),
            FeedKind::RowWeight { handle } => {
                floats(self.of_rows(*handle, sets, 1.0, |selected| selected.weights.as_deref()))
            }
            FeedKind::RowLogQ { handle } => floats(match sets[*handle].made {
                Some(made) => made.log_q.clone(),
                None => self.of_rows(*handle, sets, 0.0, |selected| selected.log_q.as_deref()),
            }),
            FeedKind::RowSampled { handle } => bools(sampled(&sets[*handle])),
            FeedKind::Schedule => number(key.schedule),
            FeedKind::Clock(Clock::Epoch) => number(key.epoch as f32),
            FeedKind::Clock(Clock::Step) => number(key.step as f32),
        }
    }

    /// Checks that a feed can be filled, and computes what it needs once.
    pub(super) fn prepare(&mut self, feed: &Feed, streams: &[StreamPlan]) -> Result<(), String> {
        match &feed.what {
            FeedKind::Column { handle, output, .. } => {
                self.has_output(*handle, output, &["int", "float", "bool"])
            }
            FeedKind::ListValues { handle, output, .. }
            | FeedKind::ListSegments { handle, output }
            | FeedKind::ListPositions { handle, output }
            | FeedKind::Emptied { handle, output } => self.has_output(*handle, output, &["list"]),
            FeedKind::Statistic { fit } => match self.data.fits.get(*fit) {
                Some(Fitted::Matrix { .. }) => Ok(()),
                Some(_) | None => Err(format!("fit {fit} is no matrix")),
            },
            FeedKind::Segments { handle } | FeedKind::Positions { handle } => {
                self.has_places(*handle)
            }
            FeedKind::Lengths { handle } | FeedKind::Ago { handle } => self.is_history(*handle),
            FeedKind::Rows { handle }
            | FeedKind::RowWeight { handle }
            | FeedKind::RowLogQ { handle }
            | FeedKind::RowSampled { handle } => self.handle(*handle).map(|_| ()),
            FeedKind::Positive { of, candidates } => {
                self.has_handles([*of, *candidates])?;
                positive_part(&self.program.handles, *of, *candidates)
                    .map(|_| ())
                    .ok_or_else(|| "no candidate is its own".to_owned())
            }
            FeedKind::LogExpectedCount {
                candidates,
                drawn_only,
            } => {
                self.has_handles([*candidates])?;
                let counted = if *drawn_only {
                    Counted::Drawn
                } else {
                    Counted::All
                };
                let handles = &self.program.handles;
                let counts = Counts::new(self.data, handles, *candidates, counted, streams)?;
                self.counts.insert(*candidates, counts);
                Ok(())
            }
            FeedKind::LogCopies { candidates } => match self.handle(*candidates)?.rows {
                HandleRows::Distinct(_) => Ok(()),
                _ => Err("only what is there once counts copies".to_owned()),
            },
            FeedKind::KnownPositive { of, candidates } => {
                let known = self.what_is_known(*of, *candidates, (streams, Among::Stream))?;
                self.known.insert((*of, *candidates), known);
                Ok(())
            }
            FeedKind::Seen { of, candidates } => {
                let seen = self.what_is_known(*of, *candidates, (streams, Among::Training))?;
                self.seen.insert((*of, *candidates), seen);
                Ok(())
            }
            FeedKind::Schedule | FeedKind::Clock(_) => Ok(()),
        }
    }

    fn has_places(&self, handle: usize) -> Result<(), String> {
        match self.handle(handle)?.rows {
            HandleRows::History(..) | HandleRows::Stream(_) => Ok(()),
            _ => Err("only a history or a group has places".to_owned()),
        }
    }

    fn is_history(&self, handle: usize) -> Result<(), String> {
        match self.handle(handle)?.rows {
            HandleRows::History(..) => Ok(()),
            _ => Err("only a history has lengths, and events some time ago".to_owned()),
        }
    }

    fn what_is_known(
        &self,
        of: usize,
        candidates: usize,
        among: (&[StreamPlan], Among),
    ) -> Result<Known, String> {
        self.has_handles([of, candidates])?;
        Known::new(self.data, &self.program.handles, of, candidates, among)
    }

    /// How many seconds before its row each event of a history was. Requests without a time come right after the newest event.
    fn ago(&self, handle: usize, sets: &[RowSet<'_>]) -> Vec<f32> {
        let events = &sets[handle];
        let HandleRows::History(of, _) = self.program.handles[handle].rows else {
            // `prepare` has refused such feeds.
            return Vec::new();
        };
        let (asking, times) = (&sets[of], &events.source.times);
        let untimed = asking.source.times.is_empty();
        let newest = untimed.then(|| times.iter().copied().max()).flatten();
        let time = |row: &u32| newest.unwrap_or_else(|| asking.source.times[*row as usize]);
        let lists = asking.rows.iter().zip(&events.lengths);
        let when = lists.flat_map(|(row, length)| repeat_n(time(row), *length as usize));
        let pairs = when.zip(&events.rows);
        let seconds =
            |(now, event): (i64, &u32)| now.saturating_sub(times[*event as usize]) as f64 / 1e6;
        pairs.map(|pair| seconds(pair) as f32).collect()
    }

    fn statistic(&self, fit: usize) -> HostTensor {
        let (size, values) = match &self.data.fits[fit] {
            Fitted::Matrix { size, values } => (*size, values.as_slice()),
            // `prepare` has refused such feeds.
            Fitted::Vocab(_)
            | Fitted::Borders(_)
            | Fitted::Moments { .. }
            | Fitted::Extent { .. }
            | Fitted::Groups(_)
            | Fitted::Waiting => (0, &[][..]),
        };
        HostTensor {
            shape: vec![size, size],
            values: HostValues::F32(values.iter().map(|value| *value as f32).collect()),
        }
    }

    fn handle(&self, at: usize) -> Result<&'a Handle, String> {
        self.program
            .handles
            .get(at)
            .ok_or_else(|| format!("handle {at} does not exist"))
    }

    fn has_handles<const N: usize>(&self, handles: [usize; N]) -> Result<(), String> {
        handles
            .iter()
            .try_for_each(|at| self.handle(*at).map(|_| ()))
    }

    fn has_output(&self, handle: usize, output: &str, kinds: &[&str]) -> Result<(), String> {
        let name = &self.handle(handle)?.source;
        let source = self.data.source(name);
        let column = source.and_then(|source| source.outputs.get(output));
        match column.map(|column| column.data.kind_name()) {
            Some(found) if kinds.contains(&found) => Ok(()),
            Some(found) => Err(format!("output `{output}` of `{name}` is {found}")),
            None => Err(format!("source `{name}` has no output `{output}`")),
        }
    }

    /// A value of each row of a stream's handle, by the row of the source that it comes from.
    fn of_rows(
        &self,
        handle: usize,
        sets: &[RowSet<'_>],
        otherwise: f32,
        values: fn(&Selected) -> Option<&[f32]>,
    ) -> Vec<f32> {
        let set = &sets[handle];
        let selected = match self.program.handles[handle].rows {
            HandleRows::Stream(stream) => self.selected.get(stream).and_then(values),
            _ => None,
        };
        let origin = |row: &u32| set.made.map_or(*row, |made| made.origin[*row as usize]) as usize;
        let value = |row: &u32| selected.map_or(otherwise, |values| values[origin(row)]);
        set.rows.iter().map(value).collect()
    }

    fn positive(&self, of: usize, candidates: usize, sets: &[RowSet<'_>]) -> Vec<i64> {
        if let Some(merged) = &sets[candidates].merged {
            return merged.places.clone();
        }
        let rows = sets[of].rows.len();
        let Some((before, by_place)) = positive_part(&self.program.handles, of, candidates) else {
            // `prepare` has refused such a feed.
            return vec![0; rows];
        };
        let offset: usize = before.iter().map(|handle| sets[*handle].rows.len()).sum();
        let after = |row: usize| (offset + row) as i64;
        if by_place {
            (0..rows).map(after).collect()
        } else {
            sets[of].places().map(after).collect()
        }
    }
}

/// Whether each row was drawn beside another.
fn sampled(set: &RowSet<'_>) -> Vec<bool> {
    set.made
        .map_or_else(|| vec![false; set.rows.len()], |made| made.sampled.clone())
}

fn lengths(set: &RowSet<'_>) -> Vec<f32> {
    set.lengths.iter().map(|length| *length as f32).collect()
}

/// The row of each value in its source.
fn places(set: &RowSet<'_>) -> Vec<i64> {
    set.places().map(|row| row as i64).collect()
}

/// The log of how many rows each thing is instead of.
fn log_copies(candidates: &RowSet<'_>) -> Vec<f32> {
    let copies = candidates.merged.iter().flat_map(|merged| &merged.copies);
    copies
        .map(|copies| f64::from(*copies).ln() as f32)
        .collect()
}

/// Whether each query is known with each candidate.
fn pairs(known: &Known, queries: &RowSet<'_>, candidates: &RowSet<'_>) -> HostTensor {
    HostTensor {
        shape: vec![queries.rows.len(), candidates.rows.len()],
        values: HostValues::Bool(known.pairs(queries, candidates)),
    }
}

/// A tensor without dimensions.
fn number(value: f32) -> HostTensor {
    HostTensor {
        shape: Vec::new(),
        values: HostValues::F32(vec![value]),
    }
}

fn ints(values: Vec<i64>) -> HostTensor {
    HostTensor::flat(HostValues::I64(values))
}

fn floats(values: Vec<f32>) -> HostTensor {
    HostTensor::flat(HostValues::F32(values))
}

fn bools(values: Vec<bool>) -> HostTensor {
    HostTensor::flat(HostValues::Bool(values))
}
