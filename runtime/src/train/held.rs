//! What teachers that stand still say of rows: computed once for all rows of a stream, and remembered.
//!
//! A product of matrices may differ in its last bit with the number of rows, not with their order. So what is remembered is computed
//! for as many rows at once as a batch has, and the smaller batch that ends an epoch is asked about anew: a run has the bits that it
//! would have without a memory.

use std::cell::RefCell;

use reckon_compiler::graph::Dim;
use reckon_compiler::plan::{HeldPlan, PhasePlan};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_torch::{RunKey, Store};

use super::Training;
use super::stream::Stream;
use crate::data::{HostTensor, HostValues, StepKey};
use crate::failure::{Failure, FailureKind, PROGRAM};
use crate::profile::Owner;
use crate::step::Step;

/// Bytes that the memory of one stream may take; what needs more is computed at every step.
const LIMIT: usize = 512 << 20;

/// What is computed once for each row of a stream.
pub(super) struct Held<'a> {
    plan: &'a HeldPlan,
    step: Step<'a>,
    values: Vec<Value>,
    /// All rows of the stream.
    rows: Vec<u32>,
    /// Rows of a whole batch.
    batch: usize,
    streams: usize,
    memory: RefCell<Memory>,
}

/// One of the inputs that are filled.
struct Value {
    input: String,
    /// Its shape without the rows.
    dims: Vec<usize>,
}

enum Memory {
    /// Rows do not come again, or it would take too much.
    None,
    /// Nothing was asked yet.
    Empty,
    Full(Said),
}

/// What was said of rows.
struct Said {
    /// By row of the source its place.
    place: Vec<u32>,
    /// By value its elements at each place.
    values: Vec<Vec<f32>>,
}

impl<'a> Held<'a> {
    /// Compiles what is computed once a row of a stream, from which so many steps take rows.
    pub(super) fn new(
        training: &'a Training<'a>,
        phase: &'a PhasePlan,
        plan: &'a HeldPlan,
        (streams, steps): (&[Stream], usize),
    ) -> Result<Self, Failure> {
        let owner = Owner::Training(&phase.name);
        let (data, machine) = (training.data, training.machine);
        let step = Step::new(
            data,
            &plan.program,
            &phase.streams,
            machine,
            owner,
            phase.span,
        )?;
        let graph = &plan.program.graph;
        let values: Vec<Value> = graph
            .outputs
            .iter()
            .map(|(name, node)| Value {
                input: name.clone(),
                dims: fixed(&graph.ty(*node).dims),
            })
            .collect();
        let stream = &streams[plan.stream];
        let (rows, batch) = (
            stream.rows().to_vec(),
            stream.batch().min(stream.rows().len()),
        );
        let bytes = rows.len() * values.iter().map(Value::width).sum::<usize>() * size_of::<f32>();
        let recur = steps * batch >= 2 * rows.len();
        Ok(Self {
            plan,
            step,
            values,
            rows,
            batch,
            streams: streams.len(),
            memory: RefCell::new(match recur && bytes <= LIMIT {
                true => Memory::Empty,
                false => Memory::None,
            }),
        })
    }

    /// The inputs of a step at the rows of its batches, by stream.
    pub(super) fn inputs(
        &self,
        store: &mut Store,
        streams: &[Vec<u32>],
        key: StepKey,
        run: &RunKey,
    ) -> Result<Vec<(String, HostTensor)>, Failure> {
        let rows = &streams[self.plan.stream];
        let remembers = !matches!(*self.memory.borrow(), Memory::None);
        if !remembers || rows.len() != self.batch {
            let said = self.ask(store, rows, key, run)?;
            return Ok(self.tensors(rows.len(), said));
        }
        if matches!(*self.memory.borrow(), Memory::Empty) {
            let said = self.of_all(store, key, run)?;
            self.memory.replace(Memory::Full(said));
        }
        match &*self.memory.borrow() {
            Memory::Full(said) => Ok(self.tensors(rows.len(), said.of(rows, &self.values))),
            Memory::None | Memory::Empty => unreachable!("internal: it was filled"),
        }
    }

    /// What is said of all rows of the stream, a batch at a time; the last is filled up with the first rows.
    fn of_all(&self, store: &mut Store, key: StepKey, run: &RunKey) -> Result<Said, Failure> {
        let source = self.rows.iter().max().map_or(0, |last| *last as usize + 1);
        let mut said = Said {
            place: vec![0; source],
            values: vec![Vec::new(); self.values.len()],
        };
        for (at, row) in self.rows.iter().enumerate() {
            said.place[*row as usize] = at as u32;
        }
        for first in (0..self.rows.len()).step_by(self.batch) {
            let rows = self.rows.iter().copied().cycle();
            let rows: Vec<u32> = rows.skip(first).take(self.batch).collect();
            let of_batch = self.ask(store, &rows, key, run)?;
            for (all, of_batch) in said.values.iter_mut().zip(of_batch) {
                all.extend(of_batch);
            }
        }
        Ok(said)
    }

    /// Asks about rows.
    fn ask(
        &self,
        store: &mut Store,
        rows: &[u32],
        key: StepKey,
        run: &RunKey,
    ) -> Result<Vec<Vec<f32>>, Failure> {
        let mut asked = vec![Vec::new(); self.streams];
        asked[self.plan.stream] = rows.to_vec();
        let batch = self.step.assembler.assemble(&asked, key);
        let outputs = self.step.run(store, &batch, &[], run)?;
        let values = self.values.iter().map(|value| {
            let found = outputs.f32(&value.input);
            found.ok_or_else(|| self.lacks(&value.input))
        });
        values.collect()
    }

    fn tensors(&self, rows: usize, values: Vec<Vec<f32>>) -> Vec<(String, HostTensor)> {
        let of = |(value, elements): (&Value, Vec<f32>)| {
            let mut shape = vec![rows];
            shape.extend(&value.dims);
            let tensor = HostTensor {
                shape,
                values: HostValues::F32(elements),
            };
            (value.input.clone(), tensor)
        };
        self.values.iter().zip(values).map(of).collect()
    }

    fn lacks(&self, input: &str) -> Failure {
        let name = &self.step.plan.graph.name;
        let message = format!("internal: the program `{name}` has no output `{input}`");
        let span = reckon_grammar::span::Span::new(reckon_grammar::span::FileId(0), 0, 0);
        Failure::new(FailureKind::Data, Diagnostic::error(PROGRAM, span, message))
    }
}

impl Value {
    fn width(&self) -> usize {
        self.dims.iter().product()
    }
}

impl Said {
    /// What was said of these rows.
    fn of(&self, rows: &[u32], values: &[Value]) -> Vec<Vec<f32>> {
        let of = |(known, value): (&Vec<f32>, &Value)| {
            let width = value.width();
            let at = |row: &u32| {
                let first = self.place[*row as usize] as usize * width;
                known[first..first + width].iter().copied()
            };
            rows.iter().flat_map(at).collect()
        };
        self.values.iter().zip(values).map(of).collect()
    }
}

/// The sizes behind the rows.
fn fixed(dims: &[Dim]) -> Vec<usize> {
    let size = |dim: &Dim| match dim {
        Dim::Fixed(size) => Some(*size),
        Dim::Space(_) => None,
    };
    dims.iter().filter_map(size).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(dims: &[usize]) -> Value {
        Value {
            input: String::new(),
            dims: dims.to_vec(),
        }
    }

    #[test]
    fn what_was_said_of_rows_is_recalled_in_any_order() {
        let values = [value(&[]), value(&[2])];
        let said = Said {
            place: vec![0, 0, 1, 2],
            values: vec![vec![0.1, 0.2, 0.3], vec![1.0, 1.5, 2.0, 2.5, 3.0, 3.5]],
        };
        let found = said.of(&[3, 1, 2, 1], &values);
        assert_eq!(found[0], [0.3, 0.1, 0.2, 0.1]);
        assert_eq!(found[1], [3.0, 3.5, 1.0, 1.5, 2.0, 2.5, 1.0, 1.5]);
    }
}
