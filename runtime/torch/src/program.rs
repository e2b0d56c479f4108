//! A graph as a list of instructions, and how it runs.

use std::collections::BTreeMap;

use reckon_compiler::graph::{Graph, NodeId, Op, Space, SpaceId, TensorType};
use tch::{Device, Kind, Tensor};

use crate::align::View;
use crate::chain::Chained;
use crate::compile::{self, Tiles};
use crate::error::Error;
use crate::exec::{Frame, Kernel};
use crate::feeds::Feeds;
use crate::kernels::Kernels;
use crate::outputs::{Outputs, to_vec};
use crate::reproducible;
use crate::store::Store;

/// What random draws of a run are keyed by, besides the place in the program, the row and the element.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunKey {
    /// The seed of the run.
    pub seed: u64,
    /// The stream whose batch this is, as a hash of its name.
    pub stream: u64,
    /// The training step.
    pub step: u64,
    /// The row of the global batch at which this batch begins.
    pub first_row: u64,
}

/// A graph that is ready to run on a device.
pub struct Program {
    pub(crate) device: Device,
    pub(crate) spaces: Vec<Space>,
    pub(crate) inputs: Vec<(String, TensorType)>,
    /// Spaces that stand for a positional dimension, with its size.
    pub(crate) axes: Vec<(SpaceId, usize)>,
    /// Spaces of parameters' dimensions, with the path and the dimension that tell their size.
    pub(crate) parameter_spaces: Vec<(SpaceId, String, usize)>,
    pub(crate) checks: Vec<RowCheck>,
    pub(crate) instructions: Vec<Instruction>,
    /// Runs of instructions that may be repeated for a few rows at a time, by their place.
    pub(crate) tiles: Vec<Tiles>,
    /// Runs of instructions that may be one pass, by the place of their first.
    pub(crate) chains: BTreeMap<usize, Chained>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) slots: usize,
    /// How many elements the widest value of a tile may have.
    pub(crate) tile: usize,
}

/// An input that holds row numbers, and of what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RowCheck {
    pub(crate) input: String,
    pub(crate) target: Target,
}

/// What rows are numbered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Target {
    /// Those of a table.
    Table(String),
    /// Those of a space.
    Space(SpaceId),
    /// A fixed number.
    Fixed(usize),
}

/// One op on slots.
pub(crate) struct Instruction {
    pub(crate) node: NodeId,
    pub(crate) op: Op,
    pub(crate) path: String,
    pub(crate) kernel: Kernel,
    pub(crate) operands: Vec<usize>,
    /// For each operand how it lines up with the result; empty where all are used as they are.
    pub(crate) views: Vec<View>,
    /// The slot of the result.
    pub(crate) result: usize,
    /// Spaces whose size the result tells, with its dimension.
    pub(crate) binds: Vec<(usize, SpaceId)>,
    /// Slots that nothing reads afterwards.
    pub(crate) frees: Vec<usize>,
}

pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) slot: usize,
    /// Whether the slot shares memory with a parameter, which the next step changes.
    pub(crate) shared: bool,
}

/// The op that first made a NaN or an infinity out of finite numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct NonFinite {
    /// The op's node.
    pub node: NodeId,
    /// What it found, `NaN at [3, 17]`.
    pub found: String,
    /// How many elements are NaN or infinite.
    pub count: usize,
}

impl Program {
    /// Lowers a graph. The program does not refer to the graph.
    pub fn compile(graph: &Graph, device: Device) -> Result<Self, Error> {
        reproducible::ensure();
        compile::compile(graph, device, Kernels::of(device))
    }

    /// Lowers a graph to ops of libtorch alone, as for CUDA, on whichever device.
    pub fn compile_plain(graph: &Graph, device: Device) -> Result<Self, Error> {
        reproducible::ensure();
        compile::compile(graph, device, Kernels::Libtorch)
    }

    /// Checks inputs as a run does before it computes anything: their shapes, and that each id is a row of its table.
    pub fn check(&self, store: &Store, feeds: &Feeds<'_>) -> Result<(), Error> {
        self.bind(store, feeds).map(|_| ())
    }

    /// Checks the shapes of inputs alone: what [`Program::check`] costs beside is what ids cost.
    pub fn check_shapes(&self, store: &Store, feeds: &Feeds<'_>) -> Result<(), Error> {
        self.sizes(store, feeds).map(|_| ())
    }

    /// Runs all instructions: outputs first, then updates of the store.
    pub fn run(
        &self,
        store: &mut Store,
        feeds: &Feeds<'_>,
        key: &RunKey,
    ) -> Result<Outputs, Error> {
        let _guard = tch::no_grad_guard();
        self.execute(store, feeds, key, Extent::Tiles, &mut |_, _| Ok(()))
    }

    /// Runs the instructions that come before the updates, and names the first whose result has a NaN although no
    /// operand has one, or an infinity although all operands are finite. Constants may be infinite, as masks are.
    pub fn find_nonfinite(
        &self,
        store: &mut Store,
        feeds: &Feeds<'_>,
        key: &RunKey,
    ) -> Result<Option<NonFinite>, Error> {
        let _guard = tch::no_grad_guard();
        let mut first = None;
        let mut states = vec![State::Finite; self.slots];
        self.execute_pure(store, feeds, key, &mut |instruction, moment| {
            let result = match moment {
                Moment::Before => return Ok(()),
                Moment::After(result) => result,
            };
            let state = state(result)?;
            let read = instruction
                .operands
                .iter()
                .map(|slot| states[*slot])
                .max()
                .unwrap_or(State::Finite);
            let constant = matches!(instruction.op, Op::Const(_));
            if first.is_none()
                && !constant
                && state > State::Finite
                && (state > read || read == State::Finite)
            {
                first = Some(describe(instruction.node, result)?);
            }
            states[instruction.result] = state;
            Ok(())
        })?;
        Ok(first)
    }

    /// Runs with a tape, for tests that compare gradients with libtorch's own.
    #[cfg(test)]
    pub(crate) fn run_taped(
        &self,
        store: &mut Store,
        feeds: &Feeds<'_>,
        key: &RunKey,
    ) -> Result<Outputs, Error> {
        self.execute(store, feeds, key, Extent::Whole, &mut |_, _| Ok(()))
    }

    pub(crate) fn execute(
        &self,
        store: &mut Store,
        feeds: &Feeds<'_>,
        key: &RunKey,
        extent: Extent,
        observe: &mut Observe<'_>,
    ) -> Result<Outputs, Error> {
        let mut slots = self.execute_where(store, feeds, key, extent, observe, |_| true)?;
        let values = self.outputs.iter().map(|output| {
            let value = slots[output.slot].take().expect("outputs are never freed");
            let value = if output.shared { value.copy() } else { value };
            // Two outputs may be one value.
            slots[output.slot] = Some(value.shallow_clone());
            (output.name.clone(), value)
        });
        Ok(Outputs {
            values: values.collect(),
        })
    }

    fn execute_pure(
        &self,
        store: &mut Store,
        feeds: &Feeds<'_>,
        key: &RunKey,
        observe: &mut Observe<'_>,
    ) -> Result<(), Error> {
        let pure = |op: &Op| !matches!(op, Op::Update { .. } | Op::Assign { .. });
        self.execute_where(store, feeds, key, Extent::Whole, observe, pure)
            .map(drop)
    }

    fn execute_where(
        &self,
        store: &mut Store,
        feeds: &Feeds<'_>,
        key: &RunKey,
        extent: Extent,
        observe: &mut Observe<'_>,
        include: impl Fn(&Op) -> bool,
    ) -> Result<Vec<Option<Tensor>>, Error> {
        let sizes = self.bind(store, feeds)?;
        let mut frame = Frame {
            device: self.device,
            spaces: &self.spaces,
            sizes,
            store,
            feeds,
            key,
        };
        let mut slots: Vec<Option<Tensor>> = (0..self.slots).map(|_| None).collect();
        let mut tiles = self.tiles.iter().filter(|_| extent == Extent::Tiles);
        let mut next = tiles.next();
        let mut at = 0;
        while let Some(instruction) = self.instructions.get(at) {
            if let Some(group) = next.filter(|group| group.instructions.start == at) {
                next = tiles.next();
                if let Some(rows) = group.rows(&frame, self.tile) {
                    self.execute_tiles(group, rows, &mut slots, &mut frame, observe)?;
                    at = group.instructions.end;
                    continue;
                }
            }
            if extent == Extent::Tiles
                && let Some(end) = self.execute_chain(at, &mut slots, &frame, observe)?
            {
                at = end;
                continue;
            }
            if include(&instruction.op) {
                instruction.step(&mut slots, &mut frame, observe)?;
            }
            at += 1;
        }
        Ok(slots)
    }

    /// Runs the chain that begins at an instruction, if there is one, and returns where it ends. It is seen as the instruction of
    /// its last result.
    pub(crate) fn execute_chain(
        &self,
        at: usize,
        slots: &mut [Option<Tensor>],
        frame: &Frame<'_>,
        observe: &mut Observe<'_>,
    ) -> Result<Option<usize>, Error> {
        let Some(chain) = self.chains.get(&at) else {
            return Ok(None);
        };
        let last = chain.results.last().map_or(at, |(slot, _)| *slot);
        let instruction = &self.instructions[last];
        let named = |error| instruction.name(error);
        observe(instruction, Moment::Before).map_err(named)?;
        chain.run(slots, frame).map_err(named)?;
        if let Some(result) = &slots[last] {
            observe(instruction, Moment::After(result)).map_err(named)?;
        }
        let released = self.instructions[chain.instructions.clone()].iter();
        for slot in released.flat_map(|instruction| &instruction.frees) {
            slots[*slot] = None;
        }
        Ok(Some(chain.instructions.end))
    }

    /// Sizes of all spaces that the inputs and the store tell, after checking the inputs.
    fn bind(&self, store: &Store, feeds: &Feeds<'_>) -> Result<Vec<Option<i64>>, Error> {
        let sizes = self.sizes(store, feeds)?;
        for RowCheck { input, target } in &self.checks {
            let rows = match target {
                Target::Table(path) => Some(store.rows(path)?),
                Target::Space(space) => sizes[space.0 as usize].map(|rows| rows as usize),
                Target::Fixed(rows) => Some(*rows),
            };
            // A size that only an op tells is checked by libtorch.
            if let Some(rows) = rows {
                feeds.check_rows(input, || self.target_name(target), rows)?;
            }
        }
        Ok(sizes)
    }

    /// The same, after checking the shapes of the inputs alone.
    fn sizes(&self, store: &Store, feeds: &Feeds<'_>) -> Result<Vec<Option<i64>>, Error> {
        let mut sizes = vec![None; self.spaces.len()];
        for (space, size) in &self.axes {
            sizes[space.0 as usize] = Some(*size as i64);
        }
        for (space, path, axis) in &self.parameter_spaces {
            sizes[space.0 as usize] = store.shape(path)?.get(*axis).map(|size| *size as i64);
        }
        feeds.bind(&self.inputs, &self.spaces, &mut sizes)?;
        Ok(sizes)
    }

    fn target_name(&self, target: &Target) -> String {
        match target {
            Target::Table(path) => format!("table `{path}`"),
            Target::Space(space) => format!("space `{}`", self.spaces[space.0 as usize].name),
            Target::Fixed(rows) => format!("a dimension of size {rows}"),
        }
    }
}

/// Sees each instruction before it runs and after.
pub(crate) type Observe<'a> = dyn FnMut(&Instruction, Moment<'_>) -> Result<(), Error> + 'a;

/// When an instruction is seen.
#[derive(Clone, Copy)]
pub(crate) enum Moment<'t> {
    Before,
    /// With its result. Operands may have been written over, and are released afterwards.
    After(&'t Tensor),
}

/// Whether instructions run one by one, or those of tiles and chains together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    Whole,
    Tiles,
}

impl Instruction {
    /// Runs, keeps the result, and releases what nothing reads afterwards.
    pub(crate) fn step(
        &self,
        slots: &mut [Option<Tensor>],
        frame: &mut Frame<'_>,
        observe: &mut Observe<'_>,
    ) -> Result<(), Error> {
        let named = |error| self.name(error);
        observe(self, Moment::Before).map_err(named)?;
        let value = self.run(slots, frame).map_err(named)?;
        observe(self, Moment::After(&value)).map_err(named)?;
        for &(axis, space) in &self.binds {
            frame.sizes[space.0 as usize].get_or_insert(value.size()[axis]);
        }
        slots[self.result] = Some(value);
        for &slot in &self.frees {
            slots[slot] = None;
        }
        Ok(())
    }

    fn run(&self, slots: &[Option<Tensor>], frame: &mut Frame<'_>) -> Result<Tensor, Error> {
        let operand = |slot: &usize| {
            slots[*slot]
                .as_ref()
                .expect("operands are computed before and freed after")
        };
        let views: Vec<Tensor> = self
            .views
            .iter()
            .zip(&self.operands)
            .map(|(view, slot)| view.apply(operand(slot)))
            .collect::<Result<_, _>>()?;
        let operands: Vec<&Tensor> = if views.is_empty() {
            self.operands.iter().map(operand).collect()
        } else {
            views.iter().collect()
        };
        (self.kernel)(&operands, frame)
    }

    /// Says which op an error of libtorch is of.
    fn name(&self, error: Error) -> Error {
        match error {
            Error::Op { message, .. } => Error::Op {
                node: Some(self.node),
                op: format!("{:?}", self.op),
                path: self.path.clone(),
                message,
            },
            other => other,
        }
    }
}

/// How bad the worst element is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Finite,
    Infinite,
    Nan,
}

fn state(tensor: &Tensor) -> Result<State, Error> {
    let holds = |flags: Tensor| -> Result<bool, Error> { Ok(flags.f_int64_value(&[])? != 0) };
    if tensor.kind() != Kind::Float || holds(tensor.f_isfinite()?.f_all()?)? {
        return Ok(State::Finite);
    }
    Ok(if holds(tensor.f_isnan()?.f_any()?)? {
        State::Nan
    } else {
        State::Infinite
    })
}

fn describe(node: NodeId, result: &Tensor) -> Result<NonFinite, Error> {
    let shape = result.size();
    let elements: Vec<f32> = to_vec(result, Kind::Float);
    let first = elements
        .iter()
        .position(|element| !element.is_finite())
        .expect("some element is not finite");
    let mut rest = first as i64;
    let mut index = vec![0; shape.len()];
    for axis in (0..shape.len()).rev() {
        index[axis] = rest % shape[axis];
        rest /= shape[axis];
    }
    let value = elements[first];
    let value = if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "infinity"
    } else {
        "-infinity"
    };
    let count = elements
        .iter()
        .filter(|element| !element.is_finite())
        .count();
    Ok(NonFinite {
        node,
        found: format!("{value} at {index:?}"),
        count,
    })
}
