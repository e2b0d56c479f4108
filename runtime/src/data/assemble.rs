//! Batches: what a tensor program is fed at the rows of a step, gathered from columns.

mod beside;
mod candidates;
mod feed;
mod gather;
mod groups;
mod rows;

use reckon_compiler::graph::SpaceId;
use reckon_compiler::plan::{Handle, HandleRows, Program, StreamPlan};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::{FileId, Span};
use std::collections::BTreeMap;
use std::ops::Range;

use super::Dataset;
use super::fault::{PLAN, UNDRAWABLE};
use super::requests::Requests;
use super::select::Selected;
use beside::{Beside, Made};
use candidates::{Counts, Known, sampler};
use rows::{Drawn, Rows};

pub use rows::Now;
pub(super) use rows::outputs_now;

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

/// Rows that an evaluation asks about, each followed by those drawn beside it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AskedRows {
    /// The row of the source that each is, or is drawn beside.
    pub(crate) of: Vec<u32>,
    /// The thing of a drawn row.
    pub(crate) drawn: Vec<Option<u32>>,
    /// For drawn rows the log of how many are expected beside a row, 0 for others.
    pub(crate) log_counts: Vec<f32>,
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
            drawn: Drawn {
                counted: rows::counted(program),
                ..Drawn::default()
            },
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

    /// The inputs at rows that an evaluation asks about, as stream 0, and which rows those are.
    pub(crate) fn assemble_asked(&self, rows: &[u32], key: StepKey) -> (Batch, AskedRows) {
        let made = [self.made(0, rows, key)];
        let asked = match (&made, self.beside.first()) {
            ([Some(made)], Some(Some(beside))) => beside.asked(made),
            _ => AskedRows {
                of: rows.to_vec(),
                drawn: vec![None; rows.len()],
                log_counts: vec![0.0; rows.len()],
            },
        };
        (self.fill(&Rows::Of(&[rows.to_vec()], &made), key), asked)
    }

    /// The same, with what weighs the rows of an evaluation.
    pub(crate) fn of_selected(&self, selected: Selected) -> Self {
        Self {
            selected: vec![selected],
            ..self.clone()
        }
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
        Ok(self.fill(&Rows::Now(&source, 0..now.rows as u32), key))
    }

    /// The inputs for some of the rows that a model is asked about, in the place of stream 0.
    pub(crate) fn assemble_requests(
        &self,
        requests: &Requests,
        rows: Range<u32>,
        key: StepKey,
    ) -> Batch {
        self.fill(&Rows::Now(&requests.source, rows), key)
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
            batch.sizes.insert(handle.space, set.len());
        }
        for feed in &self.program.feeds {
            let tensor = self.tensor(feed, &sets, key, &mut batch.sizes);
            batch.inputs.insert(feed.input.clone(), tensor);
        }
        batch
    }
}
