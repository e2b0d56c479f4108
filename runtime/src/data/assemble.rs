//! Batches: what a tensor program is fed at the rows of a step, gathered from columns.

mod beside;
mod candidates;
mod gather;
mod groups;
mod rows;

use reckon_compiler::graph::SpaceId;
use reckon_compiler::plan::{Clock, Feed, FeedKind, Handle, HandleRows, Program, StreamPlan};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::{FileId, Span};
use reckon_kernel::Fitted;
use std::collections::BTreeMap;

use super::Dataset;
use super::fault::{PLAN, UNDRAWABLE};
use super::select::Selected;
use beside::{Beside, Made};
use candidates::{Among, Counted, Counts, Known, positive_part, sampler};
use rows::{Drawn, RowSet, Rows};

pub use rows::Now;

/// Fills the inputs of one tensor program. It is made once and shared by the threads that prepare batches.
#[derive(Clone, Debug)]
pub struct Assembler<'a> {
    data: &'a Dataset,
    program: &'a Program,
    /// Numbers of handles, those that others are made from first.
    order: Vec<usize>,
    counts: BTreeMap<usize, Counts>,
    known: BTreeMap<(usize, usize), Known>,
    /// What users have among all training rows.
    seen: BTreeMap<(usize, usize), Known>,
    drawn: Drawn,
    /// Weights and probabilities of the rows of each stream.
    selected: Vec<Selected>,
    /// What draws rows beside those of each stream.
    beside: Vec<Option<Beside>>,
}

/// What a batch is for. Equal keys give equal batches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepKey {
    /// The seed of the run.
    pub seed: u64,
    /// The training step.
    pub step: u64,
    /// The epoch of the first stream.
    pub epoch: u64,
    /// Whether ids are replaced by the unknown one at random, as `drop` asks.
    pub training: bool,
    /// The factor on learning rates at this step.
    pub schedule: f32,
}

/// The inputs of a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Tensors by the name of the graph input.
    pub inputs: BTreeMap<String, HostTensor>,
    /// The number of rows of each space that a handle or list has.
    pub sizes: BTreeMap<SpaceId, usize>,
}

/// A tensor in memory, elements in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct HostTensor {
    /// Its shape; empty for a scalar.
    pub shape: Vec<usize>,
    /// Its elements.
    pub values: HostValues,
}

/// The elements of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub enum HostValues {
    /// 32-bit floats.
    F32(Vec<f32>),
    /// Ids, row numbers, positions.
    I64(Vec<i64>),
    /// Truth values.
    Bool(Vec<bool>),
}

impl HostTensor {
    /// A tensor with one dimension.
    fn flat(values: HostValues) -> Self {
        let len = match &values {
            HostValues::F32(values) => values.len(),
            HostValues::I64(values) => values.len(),
            HostValues::Bool(values) => values.len(),
        };
        Self {
            shape: vec![len],
            values,
        }
    }
}

impl<'a> Assembler<'a> {
    /// Prepares a program. `streams` are those of its phase; an evaluation has none.
    ///
    /// # Errors
    /// Feeds that the data cannot fill: outputs and handles that do not exist, candidates without a positive. All are
    /// faults of the plan, not of a user.
    pub fn new(
        data: &'a Dataset,
        program: &'a Program,
        streams: &[StreamPlan],
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut sink = Vec::new();
        let order = rows::order(program, data, &mut sink);
        let mut assembler = Self {
            data,
            program,
            order,
            counts: BTreeMap::new(),
            known: BTreeMap::new(),
            seen: BTreeMap::new(),
            drawn: Drawn::default(),
            selected: streams.iter().map(|stream| data.selected(stream)).collect(),
            beside: Vec::new(),
        };
        if sink.is_empty()
            && let Err(message) = assembler.prepare_draws(streams)
        {
            let span = program.feeds.iter().find_map(|feed| feed.span);
            let span = span.unwrap_or(Span::new(FileId(0), 0, 0));
            sink.push(Diagnostic::error(UNDRAWABLE, span, message));
        }
        if sink.is_empty() {
            for feed in &program.feeds {
                if let Err(message) = assembler.prepare(feed, streams) {
                    let span = feed.span.unwrap_or(Span::new(FileId(0), 0, 0));
                    let message = format!("internal: input `{}`: {message}", feed.input);
                    sink.push(Diagnostic::error(PLAN, span, message));
                }
            }
        }
        if sink.is_empty() {
            Ok(assembler)
        } else {
            Err(sink)
        }
    }

    /// The inputs at the rows of each stream, by the number of the stream.
    pub fn assemble(&self, streams: &[Vec<u32>], key: StepKey) -> Batch {
        let made: Vec<Option<Made>> = streams
            .iter()
            .enumerate()
            .map(|(at, rows)| self.made(at, rows, key))
            .collect();
        self.fill(&Rows::Of(streams, &made), key)
    }

    /// The rows of a stream with those drawn beside them, where there are some.
    fn made(&self, stream: usize, rows: &[u32], key: StepKey) -> Option<Made> {
        let beside = self.beside.get(stream)?.as_ref()?;
        let of_stream = |handle: &&Handle| handle.rows == HandleRows::Stream(stream);
        let handle = self.program.handles.iter().find(of_stream)?;
        let source = self.data.source(&handle.source)?;
        Some(beside.make(self.data, source, rows, key))
    }

    /// Makes what draws things and rows.
    fn prepare_draws(&mut self, streams: &[StreamPlan]) -> Result<(), String> {
        for (at, handle) in self.program.handles.iter().enumerate() {
            if matches!(handle.rows, HandleRows::Sampled { .. }) {
                self.drawn
                    .samplers
                    .insert(at, sampler(self.data, handle, streams)?);
            }
        }
        for (at, stream) in streams.iter().enumerate() {
            self.drawn
                .groups
                .extend(stream.group.clone().map(|output| (at, output)));
            let plan = stream.negatives.as_ref();
            let beside = plan.map(|plan| Beside::new(self.data, stream, plan));
            self.beside.push(beside.transpose()?);
        }
        Ok(())
    }

    /// The inputs for rows that have not happened yet, in the place of stream 0: histories are as of their time, and
    /// what is not known of them is null.
    ///
    /// # Errors
    /// The row program of the source cannot run.
    pub fn assemble_now(&self, now: &Now, key: StepKey) -> Result<Batch, Diagnostic> {
        let source = rows::source_now(self.data, self.program, now)?;
        Ok(self.fill(&Rows::Now(&source), key))
    }

    fn fill(&self, streams: &Rows<'_>, key: StepKey) -> Batch {
        let sets = rows::resolve(
            self.data,
            self.program,
            &self.order,
            streams,
            &self.drawn,
            key,
        );
        let mut batch = Batch::default();
        for (handle, set) in self.program.handles.iter().zip(&sets) {
            batch.sizes.insert(handle.space, set.rows.len());
        }
        for feed in &self.program.feeds {
            let tensor = self.tensor(feed, &sets, key, &mut batch.sizes);
            batch.inputs.insert(feed.input.clone(), tensor);
        }
        batch
    }

    fn tensor(
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
            } => {
                let tensor =
                    HostTensor::flat(gather::list_values(&sets[*handle], output, dropped(*drop)));
                sizes.insert(*space, tensor.shape[0]);
                tensor
            }
            FeedKind::ListSegments { handle, output } => {
                ints(gather::list_segments(&sets[*handle], output))
            }
            FeedKind::ListPositions { handle, output } => {
                ints(gather::list_positions(&sets[*handle], output))
            }
            FeedKind::Emptied { handle, output } => {
                HostTensor::flat(HostValues::Bool(gather::emptied(&sets[*handle], output)))
            }
            FeedKind::Statistic { fit } => self.statistic(*fit),
            FeedKind::Segments { handle } => ints(sets[*handle].segments.clone()),
            FeedKind::Positions { handle } => ints(sets[*handle].positions.clone()),
            FeedKind::Rows { handle } => {
                ints(sets[*handle].places().map(|row| row as i64).collect())
            }
            FeedKind::Positive { of, candidates } => ints(self.positive(*of, *candidates, sets)),
            FeedKind::LogExpectedCount { candidates, .. } => HostTensor::flat(HostValues::F32(
                self.counts[candidates].log_expected(&sets[*candidates], sets),
            )),
            FeedKind::KnownPositive { of, candidates } | FeedKind::Seen { of, candidates } => {
                let known = match feed.what {
                    FeedKind::Seen { .. } => &self.seen[&(*of, *candidates)],
                    _ => &self.known[&(*of, *candidates)],
                };
                let (queries, candidates) = (&sets[*of], &sets[*candidates]);
                let values = HostValues::Bool(known.pairs(queries, candidates));
                HostTensor {
                    shape: vec![queries.rows.len(), candidates.rows.len()],
                    values,
                }
            }
            FeedKind::RowWeight { handle } => {
                let weights = |selected: &Selected| selected.weights.clone();
                HostTensor::flat(HostValues::F32(self.of_rows(*handle, sets, 1.0, weights)))
            }
            FeedKind::RowLogQ { handle } => {
                let values = match sets[*handle].made {
                    Some(made) => made.log_q.clone(),
                    None => self.of_rows(*handle, sets, 0.0, |selected| selected.log_q.clone()),
                };
                HostTensor::flat(HostValues::F32(values))
            }
            FeedKind::RowSampled { handle } => {
                let set = &sets[*handle];
                let none = || vec![false; set.rows.len()];
                let sampled = set.made.map_or_else(none, |made| made.sampled.clone());
                HostTensor::flat(HostValues::Bool(sampled))
            }
            FeedKind::Schedule => number(key.schedule),
            FeedKind::Clock(Clock::Epoch) => number(key.epoch as f32),
            FeedKind::Clock(Clock::Step) => number(key.step as f32),
        }
    }

    /// Checks that a feed can be filled, and computes what it needs once.
    fn prepare(&mut self, feed: &Feed, streams: &[StreamPlan]) -> Result<(), String> {
        let handles = &self.program.handles;
        let handle = |at: usize| self.handle(at);
        match &feed.what {
            FeedKind::Column {
                handle,
                output: name,
                ..
            } => self.has_output(*handle, name, &["int", "float", "bool"]),
            FeedKind::ListValues {
                handle,
                output: name,
                ..
            }
            | FeedKind::ListSegments {
                handle,
                output: name,
            }
            | FeedKind::ListPositions {
                handle,
                output: name,
            }
            | FeedKind::Emptied {
                handle,
                output: name,
            } => self.has_output(*handle, name, &["list"]),
            FeedKind::Statistic { fit } => match self.data.fits.get(*fit) {
                Some(Fitted::Matrix { .. }) => Ok(()),
                Some(_) | None => Err(format!("fit {fit} is no matrix")),
            },
            FeedKind::Segments { handle: at } | FeedKind::Positions { handle: at } => {
                match handle(*at)?.rows {
                    HandleRows::History(..) | HandleRows::Stream(_) => Ok(()),
                    _ => Err("only a history or a group has places".to_owned()),
                }
            }
            FeedKind::Rows { handle: at }
            | FeedKind::RowWeight { handle: at }
            | FeedKind::RowLogQ { handle: at }
            | FeedKind::RowSampled { handle: at } => handle(*at).map(|_| ()),
            FeedKind::Positive { of, candidates } => {
                handle(*of)?;
                handle(*candidates)?;
                positive_part(handles, *of, *candidates)
                    .map(|_| ())
                    .ok_or_else(|| "no candidate is its own".to_owned())
            }
            FeedKind::LogExpectedCount {
                candidates,
                drawn_only,
            } => {
                handle(*candidates)?;
                let counted = if *drawn_only {
                    Counted::Drawn
                } else {
                    Counted::All
                };
                let counts = Counts::new(self.data, handles, *candidates, counted, streams)?;
                self.counts.insert(*candidates, counts);
                Ok(())
            }
            FeedKind::KnownPositive { of, candidates } => {
                handle(*of)?;
                handle(*candidates)?;
                let among = (streams, Among::Stream);
                let known = Known::new(self.data, handles, *of, *candidates, among)?;
                self.known.insert((*of, *candidates), known);
                Ok(())
            }
            FeedKind::Seen { of, candidates } => {
                handle(*of)?;
                handle(*candidates)?;
                let among = (streams, Among::Training);
                let seen = Known::new(self.data, handles, *of, *candidates, among)?;
                self.seen.insert((*of, *candidates), seen);
                Ok(())
            }
            FeedKind::Schedule | FeedKind::Clock(_) => Ok(()),
        }
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
        values: impl Fn(&Selected) -> Option<Vec<f32>>,
    ) -> Vec<f32> {
        let set = &sets[handle];
        let selected = match self.program.handles[handle].rows {
            HandleRows::Stream(stream) => self.selected.get(stream).and_then(values),
            _ => None,
        };
        let origin = |row: &u32| set.made.map_or(*row, |made| made.origin[*row as usize]) as usize;
        let value = |row: &u32| {
            selected
                .as_ref()
                .map_or(otherwise, |values| values[origin(row)])
        };
        set.rows.iter().map(value).collect()
    }

    fn positive(&self, of: usize, candidates: usize, sets: &[RowSet<'_>]) -> Vec<i64> {
        let handles = &self.program.handles;
        match positive_part(handles, of, candidates) {
            Some((before, true)) => {
                let offset: usize = before.iter().map(|handle| sets[*handle].rows.len()).sum();
                (0..sets[of].rows.len())
                    .map(|row| (offset + row) as i64)
                    .collect()
            }
            Some((before, false)) => {
                let offset: usize = before.iter().map(|handle| sets[*handle].rows.len()).sum();
                sets[of].places().map(|row| (offset + row) as i64).collect()
            }
            // `prepare` has refused such a feed.
            None => vec![0; sets[of].rows.len()],
        }
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
