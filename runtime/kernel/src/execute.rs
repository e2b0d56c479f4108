//! Runs a kernel by its machine code: island after island, and between them Rust functions over whole columns.

use std::borrow::Cow;
use std::collections::BTreeMap;

use cranelift_frontend::FunctionBuilderContext;
use reckon_compiler::plan::row::{Kernel, RowOp};

use crate::column::{Column, Data, Lists, any_beyond};
use crate::compile::steps::{Island, Parts, Space, Step, steps};
use crate::compile::{Lane, Leaf, Read, Shape, Word, function, lane_of, padded, words};
use crate::filled::CHUNK;
use crate::fitted::Fitted;
use crate::interpret::{
    Inputs, KernelError, Slot, Slots, Through, at_span, results, segments, step,
};
use crate::jit::{Machine, Table, target};
use crate::ops::{self, Operand, Searches};

/// The machine code of a kernel for a shape of its inputs.
#[derive(Debug)]
pub(crate) struct Code {
    steps: Vec<Step>,
    /// What each island reads from its table, by step.
    words: BTreeMap<usize, Vec<Word>>,
    /// The number of each island in the machine, by step.
    numbers: BTreeMap<usize, usize>,
    machine: Machine,
    /// The last step that reads each instruction; outputs are read behind all steps.
    last_use: Vec<usize>,
}

/// What the inputs of a kernel look like; `None` where they are not what the kernel says, which the interpreter tells.
pub(crate) fn shape(kernel: &Kernel, inputs: &Inputs<'_>, fitted: &[Fitted]) -> Option<Shape> {
    let mut shape = Shape {
        leaves: vec![None; kernel.code.len()],
        borders: vec![0; kernel.code.len()],
    };
    for (at, inst) in kernel.code.iter().enumerate() {
        let direct = |column: &Column| {
            let fits = column.len() == inputs.rows && column.data.is_of(&inst.ty.kind);
            fits.then(|| Leaf {
                nulls: column.valid.is_some(),
                read: Read::Direct,
            })
        };
        match &inst.op {
            RowOp::Column(name) => {
                shape.leaves[at] = Some(direct(inputs.columns.get(name.as_str())?)?);
            }
            RowOp::Through(target, name) => {
                let leaf = match inputs.through.get(&(target.as_str(), name.as_str()))? {
                    Through::Taken(column) => direct(column)?,
                    Through::At { column, rows } => gathered(column, rows, inputs.rows)
                        .filter(|_| column.data.is_of(&inst.ty.kind))?,
                };
                shape.leaves[at] = Some(leaf);
            }
            RowOp::Quantile(fit) => match fitted.get(*fit)? {
                Fitted::Borders(borders) => shape.borders[at] = borders.len(),
                _ => return None,
            },
            RowOp::ZScore(fit) if !matches!(fitted.get(*fit)?, Fitted::Moments { .. }) => {
                return None;
            }
            RowOp::MinMax(fit) if !matches!(fitted.get(*fit)?, Fitted::Extent { .. }) => {
                return None;
            }
            _ => {}
        }
    }
    Some(shape)
}

/// How a column is read at the rows of references. An empty one has no place to read from, so it is never gathered.
fn gathered(column: &Column, rows: &[u32], expected: usize) -> Option<Leaf> {
    let len = column.len();
    let fits = rows.len() == expected && len > 0;
    fits.then(|| Leaf {
        nulls: column.valid.is_some(),
        read: match any_beyond(rows, len) {
            true => Read::GatheredOrAbsent,
            false => Read::Gathered,
        },
    })
}

impl Code {
    /// Compiles a kernel; `None` where the machine is none that Cranelift knows.
    pub(crate) fn new(kernel: &Kernel, shape: &Shape) -> Option<Self> {
        let isa = target()?;
        let call = isa.default_call_conv();
        let steps = steps(kernel, shape);
        let mut context = FunctionBuilderContext::new();
        let (mut functions, mut listed, mut numbers) =
            (Vec::new(), BTreeMap::new(), BTreeMap::new());
        for (at, step) in steps.iter().enumerate() {
            if let Step::Island(island) = step {
                numbers.insert(at, functions.len());
                listed.insert(at, words(kernel, island));
                let name = Machine::number(functions.len());
                let made = function((kernel, shape, island), name, call, &mut context);
                functions.push(made);
            }
        }
        let machine = Machine::new(isa, functions)
            .unwrap_or_else(|error| panic!("internal: a row program does not compile: {error}"));
        Some(Self {
            last_use: last_use(kernel, &steps),
            words: listed,
            numbers,
            steps,
            machine,
        })
    }

    /// The number of its islands.
    pub(crate) fn loops(&self) -> usize {
        self.numbers.len()
    }

    /// Runs a kernel over all rows of inputs of the shape that the code was made for.
    pub(crate) fn run(
        &self,
        kernel: &Kernel,
        inputs: &Inputs<'_>,
        (fitted, searches): (&[Fitted], &Searches),
    ) -> Result<Vec<(String, Column)>, KernelError> {
        let mut run = Run {
            code: self,
            kernel,
            inputs,
            fitted,
            searches,
            slots: kernel.code.iter().map(|_| None).collect(),
        };
        for (at, next) in self.steps.iter().enumerate() {
            match next {
                Step::Columns(inst) => run.columns(*inst)?,
                Step::Parts(parts) => run.parts(*parts)?,
                Step::Island(island) => run.island(at, island)?,
            }
            for (slot, last) in run.slots.iter_mut().zip(&self.last_use) {
                if *last == at {
                    *slot = None;
                }
            }
        }
        for (_, at) in &kernel.outputs {
            run.leaf(*at)?;
        }
        results(kernel, run.slots, inputs.rows)
    }
}

fn last_use(kernel: &Kernel, steps: &[Step]) -> Vec<usize> {
    let mut last = vec![0; kernel.code.len()];
    for (number, step) in steps.iter().enumerate() {
        let code = match step {
            Step::Columns(inst) => vec![*inst],
            Step::Parts(parts) => parts.code().collect(),
            Step::Island(island) => {
                if let Space::Elements(list) = island.space {
                    last[list] = number;
                }
                island.code.clone()
            }
        };
        for at in code {
            last[at] = last[at].max(number);
            for arg in &kernel.code[at].args {
                last[*arg] = number;
            }
        }
    }
    for (_, at) in &kernel.outputs {
        last[*at] = usize::MAX;
    }
    last
}

/// One run of a kernel.
struct Run<'a> {
    code: &'a Code,
    kernel: &'a Kernel,
    inputs: &'a Inputs<'a>,
    fitted: &'a [Fitted],
    searches: &'a Searches,
    slots: Slots<'a>,
}

/// The column that an island makes.
struct Made {
    at: usize,
    data: Data,
    valid: Option<Vec<bool>>,
}

/// What an island reads beside its columns.
struct Beside<'a> {
    /// Stands for the validity of columns that might have held nulls and hold none.
    all: Vec<bool>,
    /// By instruction.
    borders: BTreeMap<usize, Vec<f64>>,
    /// For each element the list that it is in.
    segments: &'a [u32],
}

impl<'a> Run<'a> {
    /// An instruction over whole columns.
    fn columns(&mut self, at: usize) -> Result<(), KernelError> {
        let inst = &self.kernel.code[at];
        for arg in &inst.args {
            self.leaf(*arg)?;
        }
        let given = (self.fitted, self.searches);
        let slot = step(self.kernel, inst, &self.slots, self.inputs, given);
        self.slots[at] = Some(slot.map_err(|message| at_span(inst, message))?);
        Ok(())
    }

    /// What is made of the parts of texts.
    fn parts(&mut self, parts: Parts) -> Result<(), KernelError> {
        let inst = |at: usize| &self.kernel.code[at];
        let [text] = inst(parts.split).args[..] else {
            unreachable!("internal: `steps` has found what takes parts of one text")
        };
        self.leaf(text)?;
        let operand = Operand::of(self.column(text), &inst(text).ty.kind);
        let ops = [&inst(parts.split).op, &inst(parts.of).op];
        let of = ops::parts::Parts::new(&operand, ops, self.fitted);
        let columns = of.and_then(|of| match (parts.pool, parts.weights) {
            (Some(pool), _) => {
                let pooled = of.pooled(&inst(pool).op, &inst(pool).ty)?;
                Some(vec![(pool, pooled)])
            }
            (None, Some(weights)) => {
                let [lists, beside] = of.lists_and_weights()?;
                Some(vec![(parts.of, lists), (weights, beside)])
            }
            (None, None) => Some(vec![(parts.of, of.lists()?)]),
        });
        let Some(columns) = columns else {
            // What is wrong is told by who looks at one thing after the other.
            return parts.code().try_for_each(|at| self.columns(at));
        };
        for (at, column) in columns {
            self.slots[at] = Some(Slot {
                column: Cow::Owned(column),
                scalar: false,
            });
        }
        Ok(())
    }

    /// Columns and constants are there when something asks for them.
    fn leaf(&mut self, at: usize) -> Result<(), KernelError> {
        let inst = &self.kernel.code[at];
        let is_leaf = matches!(
            inst.op,
            RowOp::Column(_) | RowOp::Through(..) | RowOp::Const(_)
        );
        if is_leaf && self.slots[at].is_none() {
            let given = (self.fitted, self.searches);
            let slot = step(self.kernel, inst, &self.slots, self.inputs, given);
            self.slots[at] = Some(slot.map_err(|message| at_span(inst, message))?);
        }
        Ok(())
    }

    fn island(&mut self, number: usize, island: &Island) -> Result<(), KernelError> {
        let gathered = |at: &usize| self.through(*at).is_some() && island.space == Space::Rows;
        let wanted: Vec<usize> = island
            .inputs
            .keys()
            .copied()
            .filter(|at| !gathered(at))
            .collect();
        for at in wanted {
            self.leaf(at)?;
        }
        let elements = match island.space {
            Space::Rows => None,
            Space::Elements(list) => {
                self.leaf(list)?;
                Some(self.lists(list))
            }
        };
        let count = elements.map_or(self.inputs.rows, |lists| lists.values.len());
        if count < 2 {
            // A round of a loop is two, so fewer are computed as the interpreter does.
            return island.code.iter().try_for_each(|at| self.columns(*at));
        }
        let gathers = island
            .inputs
            .values()
            .any(|input| input.leaf.read != Read::Direct);
        let segments = match elements {
            Some(lists) if gathers => segments(lists),
            Some(_) | None => Vec::new(),
        };
        let made = self.compute(number, island, count, &segments);
        for Made { at, data, valid } in made {
            let column = match island.space {
                Space::Rows => Column {
                    data,
                    valid: valid.filter(|valid| valid.contains(&false)),
                },
                Space::Elements(list) => Column {
                    data: Data::List(Lists {
                        offsets: self.lists(list).offsets.clone(),
                        values: Box::new(data),
                    }),
                    valid: self.column(list).valid.clone(),
                },
            };
            self.slots[at] = Some(Slot {
                column: Cow::Owned(column),
                scalar: false,
            });
        }
        Ok(())
    }

    /// Calls an island for all its places.
    fn compute(&self, number: usize, island: &Island, count: usize, segments: &[u32]) -> Vec<Made> {
        let mut made: Vec<Made> = island
            .outputs
            .iter()
            .map(|(at, nulls)| Made {
                at: *at,
                data: match lane_of(&self.kernel.code[*at]) {
                    Lane::Int => Data::Int(Vec::new()),
                    Lane::Float => Data::Float(Vec::new()),
                    Lane::Bool => Data::Bool(Vec::new()),
                },
                valid: nulls.then(Vec::new),
            })
            .collect();
        let longest = island
            .inputs
            .keys()
            .map(|at| self.source(island, *at).len());
        let beside = Beside {
            all: vec![true; longest.max().unwrap_or(0)],
            borders: self.borders(island),
            segments,
        };
        let mut table = Table::new(count);
        self.fill(&mut table, number, island, &mut made, &beside);
        let function = self.code.numbers[&number];
        self.code.machine.run(function, table, CHUNK);
        made
    }

    /// Puts what an island reads and writes into its table.
    fn fill<'t>(
        &'t self,
        table: &mut Table<'t>,
        number: usize,
        island: &Island,
        made: &'t mut [Made],
        beside: &'t Beside<'_>,
    ) {
        let mut outputs = made.iter_mut();
        let mut validity = Vec::new();
        for word in &self.code.words[&number] {
            match *word {
                Word::Values(at) => self.values(table, island, at),
                Word::Valid(at) => {
                    let column = self.source(island, at);
                    let valid = column.valid.as_ref().unwrap_or(&beside.all);
                    match island.inputs[&at].leaf.read {
                        Read::Direct => table.read(valid),
                        Read::Gathered | Read::GatheredOrAbsent => table.read_anywhere(valid),
                    }
                }
                Word::Places(at) => match self.through(at) {
                    Some((_, rows)) if island.space == Space::Rows => table.read(rows),
                    Some(_) | None => table.read(beside.segments),
                },
                Word::Len(at) => table.count(self.source(island, at).len()),
                Word::Out(at) => {
                    let made = outputs.next().filter(|made| made.at == at);
                    let made =
                        made.unwrap_or_else(|| unreachable!("internal: results come in order"));
                    match &mut made.data {
                        Data::Int(values) => table.write(values),
                        Data::Float(values) => table.write(values),
                        Data::Bool(values) => table.write(values),
                        Data::Str(_) | Data::List(_) => unreachable!("internal: made as numbers"),
                    }
                    validity.extend(made.valid.as_mut());
                }
                Word::OutValid(_) => table.write(validity.remove(0)),
                Word::Borders(at) => table.read_anywhere(&beside.borders[&at]),
                Word::Low(at) => table.number(self.scale(at).0),
                Word::High(at) => table.number(self.scale(at).1),
            }
        }
    }

    fn values<'t>(&'t self, table: &mut Table<'t>, island: &Island, at: usize) {
        let column = self.source(island, at);
        let input = island.inputs[&at];
        let data = match (&column.data, island.space, input.leaf.read) {
            (Data::List(lists), Space::Elements(_), Read::Direct) => lists.values.as_ref(),
            (data, ..) => data,
        };
        match (data, input.leaf.read) {
            (Data::Int(values), Read::Direct) => table.read(values),
            (Data::Float(values), Read::Direct) => table.read(values),
            (Data::Bool(values), Read::Direct) => table.read(values),
            (Data::Int(values), _) => table.read_anywhere(values),
            (Data::Float(values), _) => table.read_anywhere(values),
            (Data::Bool(values), _) => table.read_anywhere(values),
            (Data::Str(_) | Data::List(_), _) => {
                unreachable!("internal: `shape` has checked the kinds of columns")
            }
        }
    }

    /// The column that an input is read from; of an entity where it is gathered.
    fn source(&self, island: &Island, at: usize) -> &Column {
        match self.through(at) {
            Some((column, _)) if island.space == Space::Rows => column,
            Some(_) | None => self.column(at),
        }
    }

    fn column(&self, at: usize) -> &Column {
        match &self.slots[at] {
            Some(slot) => slot.column.as_ref(),
            None => unreachable!("internal: instruction {at} is read before it is computed"),
        }
    }

    fn lists(&self, at: usize) -> &Lists {
        match &self.column(at).data {
            Data::List(lists) => lists,
            other => unreachable!("internal: {} is mapped over", other.kind_name()),
        }
    }

    /// The column of an entity and the rows of it that a reference names.
    fn through(&self, at: usize) -> Option<(&'a Column, &'a [u32])> {
        let RowOp::Through(target, name) = &self.kernel.code[at].op else {
            return None;
        };
        match self.inputs.through.get(&(target.as_str(), name.as_str()))? {
            Through::At { column, rows } => Some((column, rows)),
            Through::Taken(_) => None,
        }
    }

    fn borders(&self, island: &Island) -> BTreeMap<usize, Vec<f64>> {
        let of = |at: &usize| match &self.kernel.code[*at].op {
            RowOp::Buckets(borders) => Some((*at, padded(borders))),
            RowOp::Quantile(fit) => match &self.fitted[*fit] {
                Fitted::Borders(borders) => Some((*at, padded(borders))),
                other => unreachable!("internal: `shape` has refused {other:?}"),
            },
            _ => None,
        };
        island.code.iter().filter_map(of).collect()
    }

    /// Mean and deviation, or least and most.
    fn scale(&self, at: usize) -> (f64, f64) {
        let (RowOp::ZScore(fit) | RowOp::MinMax(fit)) = &self.kernel.code[at].op else {
            unreachable!("internal: only scales have two numbers")
        };
        match self.fitted[*fit] {
            Fitted::Moments { mean, std } => (mean, std),
            Fitted::Extent { min, max } => (min, max),
            ref other => unreachable!("internal: `shape` has refused {other:?}"),
        }
    }
}
