//! What depends on one recurring text, or on one referred row, is computed once for each of them and not for each row.
//!
//! A row program is cut: for each column whose texts are stored once, and for each reference to fewer rows than refer to
//! them, the instructions that read nothing else become a program of their own. It runs over the texts or over the
//! entity's rows, once more over a null where there are nulls, and what the rest reads of it is read at the places of the
//! rows, as columns of an entity are.

use std::borrow::Cow;
use std::collections::BTreeMap;

use reckon_compiler::plan::row::{Inst, Kernel, RowOp};

use crate::column::{Column, Data, any_beyond};
use crate::fitted::Fitted;
use crate::interpret::{Inputs, KernelError, Through};
use crate::program::{Means, RowProgram};

/// What recurs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Recurring {
    /// The texts of a column.
    Texts(String),
    /// The rows that a reference names.
    Referred(String),
}

/// For each instruction what recurs in it, where it is a leaf.
pub(crate) type Leaves = Vec<Option<Recurring>>;

/// What recurs in these inputs, with at least twice as many rows; `None` where nothing does.
pub(crate) fn leaves(kernel: &Kernel, inputs: &Inputs<'_>) -> Option<Leaves> {
    let leaf = |inst: &Inst| match &inst.op {
        RowOp::Column(name) => {
            let column = inputs.columns.get(name.as_str())?;
            let Data::Str(texts) = &column.data else {
                return None;
            };
            let recur = texts.places().is_some()
                && texts.len() == inputs.rows
                && 2 * texts.stored_len() <= inputs.rows;
            recur.then(|| Recurring::Texts(name.clone()))
        }
        RowOp::Through(target, _) => {
            let (_, rows) = referred(kernel, inputs, target)?;
            let recur = rows.len() == inputs.rows;
            recur.then(|| Recurring::Referred(target.clone()))
        }
        _ => None,
    };
    let leaves: Leaves = kernel.code.iter().map(leaf).collect();
    leaves.iter().any(Option::is_some).then_some(leaves)
}

/// The number of rows of an entity and the rows that a reference to it names, if all its columns are read so and if it
/// has at most half as many rows as refer to it.
fn referred<'a>(kernel: &Kernel, inputs: &Inputs<'a>, target: &str) -> Option<(usize, &'a [u32])> {
    let mut known: Option<(usize, &'a [u32])> = None;
    for inst in &kernel.code {
        let RowOp::Through(of, name) = &inst.op else {
            continue;
        };
        if of != target {
            continue;
        }
        let Through::At { column, rows } = inputs.through.get(&(of.as_str(), name.as_str()))?
        else {
            return None;
        };
        let found = (column.len(), *rows);
        let same = known.is_none_or(|(len, rows)| len == found.0 && std::ptr::eq(rows, found.1));
        if !same || !column.data.is_of(&inst.ty.kind) || 2 * found.0 > inputs.rows {
            return None;
        }
        known = Some(found);
    }
    known
}

/// A row program in parts.
#[derive(Debug)]
pub(crate) struct Cut {
    parts: Vec<(Recurring, RowProgram)>,
    /// For each output the part that gives it, its name there and its own; `None` where the rest gives it.
    given: Vec<Option<(usize, String, String)>>,
    rest: RowProgram,
}

/// Over what an instruction is computed.
#[derive(Clone, Copy, PartialEq)]
enum Over {
    /// It is the same for all rows.
    Nothing,
    /// What recurs, by its place among the parts.
    Part(usize),
    Rows,
}

impl Over {
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Nothing, over) | (over, Self::Nothing) => over,
            (a, b) if a == b => a,
            (Self::Part(_) | Self::Rows, _) => Self::Rows,
        }
    }
}

impl Cut {
    /// Cuts a program at what recurs in it; `None` where no instruction but the leaves themselves is computed less often.
    pub(crate) fn new(kernel: &Kernel, leaves: &Leaves) -> Option<Self> {
        let mut recurring: Vec<&Recurring> = leaves.iter().flatten().collect();
        recurring.sort_unstable();
        recurring.dedup();
        let over = over(kernel, leaves, &recurring);
        let read = read_by_rows(kernel, &over);
        let crossing = crossing(kernel, &over, &read);
        if !crossing.contains(&true) {
            return None;
        }
        let part = |number: usize| {
            let outputs =
                (0..over.len()).filter(|at| crossing[*at] && over[*at] == Over::Part(number));
            let outputs: Vec<(String, usize)> = outputs.map(|at| (at.to_string(), at)).collect();
            let within =
                |at: usize| matches!(over[at], Over::Nothing) || over[at] == Over::Part(number);
            let part = chosen(kernel, &outputs, within, |inst, _| inst.clone());
            (recurring[number].clone(), RowProgram::new(part))
        };
        let within = |at: usize| match over[at] {
            Over::Nothing | Over::Rows => true,
            Over::Part(_) => (crossing[at] && read[at]) || is_leaf(&kernel.code[at]),
        };
        let given = |(name, at): &(String, usize)| match over[*at] {
            Over::Part(part) if crossing[*at] => Some((part, at.to_string(), name.clone())),
            Over::Part(_) | Over::Nothing | Over::Rows => None,
        };
        let given: Vec<_> = kernel.outputs.iter().map(given).collect();
        let others = kernel.outputs.iter().zip(&given);
        let others = others.filter(|(_, given)| given.is_none());
        let others: Vec<(String, usize)> = others.map(|(output, _)| output.clone()).collect();
        let rest = chosen(kernel, &others, within, |inst, at| match over[at] {
            Over::Part(part) if crossing[at] => Inst {
                op: RowOp::Through(target(part), at.to_string()),
                args: Vec::new(),
                mapped: false,
                ..inst.clone()
            },
            Over::Part(_) | Over::Nothing | Over::Rows => inst.clone(),
        });
        Some(Self {
            parts: (0..recurring.len()).map(part).collect(),
            given,
            rest: RowProgram::new(rest),
        })
    }

    /// Runs the parts and then the rest.
    pub(crate) fn run(
        &self,
        inputs: &Inputs<'_>,
        fitted: &[Fitted],
    ) -> Result<Vec<(String, Column)>, KernelError> {
        let mut computed = Vec::new();
        for (of, program) in &self.parts {
            computed.push(match program.kernel().outputs.is_empty() {
                true => Computed::default(),
                false => compute(of, program, inputs, fitted)?,
            });
        }
        let mut rest = match self.rest.kernel().outputs.is_empty() {
            true => Vec::new(),
            false => self.run_rest(&computed, inputs, fitted)?,
        }
        .into_iter();
        let given = self.given.iter().map(|given| match given {
            Some((part, at, name)) => Some((name.clone(), computed[*part].at_rows(at))),
            None => rest.next(),
        });
        Ok(given.flatten().collect())
    }

    /// Runs what is left, which reads the parts as it reads entities.
    fn run_rest(
        &self,
        computed: &[Computed<'_>],
        inputs: &Inputs<'_>,
        fitted: &[Fitted],
    ) -> Result<Vec<(String, Column)>, KernelError> {
        let mut rest = Inputs {
            rows: inputs.rows,
            columns: borrowed(inputs),
            through: BTreeMap::new(),
            drawn: inputs.drawn,
        };
        for (name, through) in &inputs.through {
            let through = match through {
                Through::Taken(column) => Through::Taken(Cow::Borrowed(column.as_ref())),
                Through::At { column, rows } => Through::At { column, rows },
            };
            rest.through.insert(*name, through);
        }
        let targets: Vec<String> = (0..computed.len()).map(target).collect();
        for (target, part) in targets.iter().zip(computed) {
            for (name, column) in &part.results {
                let rows = &part.places;
                rest.through
                    .insert((target, name), Through::At { column, rows });
            }
        }
        self.rest.run_uncut(&rest, fitted)
    }
}

/// The name under which the rest reads a part. No entity has such a name.
fn target(part: usize) -> String {
    format!("once {part}")
}

fn is_leaf(inst: &Inst) -> bool {
    matches!(
        inst.op,
        RowOp::Column(_) | RowOp::Through(..) | RowOp::Const(_)
    )
}

fn over(kernel: &Kernel, leaves: &Leaves, recurring: &[&Recurring]) -> Vec<Over> {
    let mut over: Vec<Over> = Vec::with_capacity(kernel.code.len());
    for (inst, leaf) in kernel.code.iter().zip(leaves) {
        let part = leaf
            .as_ref()
            .and_then(|leaf| recurring.binary_search(&leaf).ok());
        over.push(match (&inst.op, part) {
            (_, Some(part)) => Over::Part(part),
            // A label depends on whether its row was drawn.
            (RowOp::Column(_) | RowOp::Through(..) | RowOp::Label, None) => Over::Rows,
            (_, None) => {
                let args = inst.args.iter().map(|arg| over[*arg]);
                args.fold(Over::Nothing, Over::and)
            }
        });
    }
    over
}

/// Which instructions others read that are computed over rows.
fn read_by_rows(kernel: &Kernel, over: &[Over]) -> Vec<bool> {
    let mut read = vec![false; kernel.code.len()];
    for (inst, over) in kernel.code.iter().zip(over) {
        if *over == Over::Rows {
            inst.args.iter().for_each(|arg| read[*arg] = true);
        }
    }
    read
}

/// Which instructions are computed over a part and read by the rest, or are outputs.
fn crossing(kernel: &Kernel, over: &[Over], read: &[bool]) -> Vec<bool> {
    let mut crossing = read.to_vec();
    kernel
        .outputs
        .iter()
        .for_each(|(_, at)| crossing[*at] = true);
    for (at, inst) in kernel.code.iter().enumerate() {
        crossing[at] &= matches!(over[at], Over::Part(_)) && !is_leaf(inst);
    }
    crossing
}

/// The instructions `within` a part, renumbered.
fn chosen(
    kernel: &Kernel,
    outputs: &[(String, usize)],
    within: impl Fn(usize) -> bool,
    write: impl Fn(&Inst, usize) -> Inst,
) -> Kernel {
    let mut numbers = BTreeMap::new();
    let mut code: Vec<Inst> = Vec::new();
    for (at, inst) in kernel.code.iter().enumerate().filter(|(at, _)| within(*at)) {
        let mut inst = write(inst, at);
        inst.args.iter_mut().for_each(|arg| *arg = numbers[arg]);
        numbers.insert(at, code.len());
        code.push(inst);
    }
    let outputs = outputs.iter();
    Kernel {
        source: kernel.source.clone(),
        code,
        outputs: outputs
            .map(|(name, at)| (name.clone(), numbers[at]))
            .collect(),
    }
}

/// What a part gives: its results, and at which place of them each row reads.
#[derive(Default)]
struct Computed<'a> {
    results: Vec<(String, Column)>,
    places: Cow<'a, [u32]>,
}

impl Computed<'_> {
    /// A result at the place of each row.
    fn at_rows(&self, name: &str) -> Column {
        let mut results = self.results.iter();
        let (_, column) = results
            .find(|(known, _)| known == name)
            .unwrap_or_else(|| unreachable!("internal: a part gives what crosses"));
        column.take_inside(&self.places)
    }
}

fn compute<'a>(
    of: &Recurring,
    program: &RowProgram,
    inputs: &'a Inputs<'_>,
    fitted: &[Fitted],
) -> Result<Computed<'a>, KernelError> {
    let kernel = program.kernel();
    let (over, places, len) = match of {
        Recurring::Texts(name) => of_texts(name, inputs),
        Recurring::Referred(target) => of_referred(kernel, target, inputs),
    };
    let mut results = program.run(&over, fitted)?;
    // Of texts that are all there each has a place among those that are stored.
    let sure = matches!((of, &places), (Recurring::Texts(_), Cow::Borrowed(_)));
    if sure || !any_beyond(&places, len) {
        return Ok(Computed { results, places });
    }
    let of_nothing = program.run_by(Means::Interpreter, &nulls(kernel), fitted)?;
    for ((_, column), (_, null)) in results.iter_mut().zip(&of_nothing) {
        if !column.extend(null) {
            unreachable!("internal: an instruction gives one kind of values");
        }
    }
    let inside = places.iter().map(|place| (*place).min(len as u32));
    Ok(Computed {
        results,
        places: inside.collect(),
    })
}

/// The texts of a column, the place of each row among them, beyond their end where it is null, and how many they are.
fn of_texts<'a>(name: &str, inputs: &'a Inputs<'_>) -> (Inputs<'a>, Cow<'a, [u32]>, usize) {
    let (name, column) = inputs
        .columns
        .get_key_value(name)
        .unwrap_or_else(|| unreachable!("internal: `leaves` has found the column"));
    let Data::Str(texts) = &column.data else {
        unreachable!("internal: `leaves` has found texts")
    };
    let places = texts.places().unwrap_or_default();
    let places = match &column.valid {
        None => Cow::Borrowed(places),
        Some(valid) => {
            let places = places.iter().zip(valid);
            let places = places.map(|(place, valid)| if *valid { *place } else { u32::MAX });
            Cow::Owned(places.collect())
        }
    };
    let stored = Column::new(Data::Str(texts.stored()));
    let over = Inputs {
        rows: texts.stored_len(),
        columns: [(*name, Cow::Owned(stored))].into(),
        ..Inputs::default()
    };
    (over, places, texts.stored_len())
}

/// The columns of an entity at its own rows, the row that each row refers to, and how many they are.
fn of_referred<'a>(
    kernel: &Kernel,
    target: &str,
    inputs: &'a Inputs<'_>,
) -> (Inputs<'a>, Cow<'a, [u32]>, usize) {
    let (len, places) = referred(kernel, inputs, target)
        .unwrap_or_else(|| unreachable!("internal: `leaves` has found the reference"));
    let mut over = Inputs {
        rows: len,
        ..Inputs::default()
    };
    for (name, through) in &inputs.through {
        if let Through::At { column, .. } = through
            && name.0 == target
        {
            over.through
                .insert(*name, Through::Taken(Cow::Borrowed(*column)));
        }
    }
    (over, Cow::Borrowed(places), len)
}

/// One row of nulls.
fn nulls(kernel: &Kernel) -> Inputs<'_> {
    let mut inputs = Inputs {
        rows: 1,
        ..Inputs::default()
    };
    for inst in &kernel.code {
        let null = || Cow::Owned(Column::nulls(&inst.ty.kind, 1));
        match &inst.op {
            RowOp::Column(name) => drop(inputs.columns.insert(name, null())),
            RowOp::Through(target, name) => {
                let null = Through::Taken(null());
                drop(inputs.through.insert((target, name), null));
            }
            _ => {}
        }
    }
    inputs
}

fn borrowed<'a>(inputs: &'a Inputs<'_>) -> BTreeMap<&'a str, Cow<'a, Column>> {
    let columns = inputs.columns.iter();
    columns
        .map(|(name, column)| (*name, Cow::Borrowed(column.as_ref())))
        .collect()
}
