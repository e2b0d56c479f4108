//! The interpreter: one pass over the instructions, each applied to whole columns.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use reckon_compiler::plan::row::{Inst, Kernel, RowKind, RowOp, RowType};
use reckon_compiler::value::Value;
use reckon_grammar::span::Span;

use crate::column::{Column, Data, Lists, Texts};
use crate::fitted::Fitted;
use crate::ops::{Call, Operand, Searches, apply};

/// What a row program reads.
#[derive(Clone, Debug, Default)]
pub struct Inputs<'a> {
    /// The number of rows.
    pub rows: usize,
    /// Columns of the source by name.
    pub columns: BTreeMap<&'a str, Cow<'a, Column>>,
    /// Columns of referred entities, by reference target and column.
    pub through: BTreeMap<(&'a str, &'a str), Through<'a>>,
    /// Which rows were drawn beside others, whose labels are 0 or false; `None` where all rows happened.
    pub drawn: Option<&'a [bool]>,
}

/// A column of a referred entity.
#[derive(Clone, Debug)]
pub enum Through<'a> {
    /// At the rows of the source.
    Taken(Cow<'a, Column>),
    /// At the rows of the entity, with the row of it that each row of the source refers to; null where there is none.
    At {
        /// One value a row of the entity.
        column: &'a Column,
        /// One row of the entity a row of the source, beyond the end where it is absent.
        rows: &'a [u32],
    },
}

/// A row program that cannot run: a column that is not there, a pattern that is no regular expression, an operand of
/// another kind than the op takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelError {
    /// One line, in lower case.
    pub message: String,
    /// The place in the spec that asks for the instruction.
    pub span: Option<Span>,
}

impl fmt::Display for KernelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for KernelError {}

/// Runs a row program over all rows by going through its instructions; `fitted` holds the fits that it reads, by their
/// index in the plan.
///
/// # Errors
/// The first instruction that cannot run.
pub(crate) fn interpret(
    kernel: &Kernel,
    inputs: &Inputs<'_>,
    fitted: &[Fitted],
    searches: &Searches,
) -> Result<Vec<(String, Column)>, KernelError> {
    let last_use = last_uses(kernel);
    let mut slots: Slots<'_> = Vec::with_capacity(kernel.code.len());
    for (at, inst) in kernel.code.iter().enumerate() {
        let slot = step(kernel, inst, &slots, inputs, (fitted, searches));
        slots.push(Some(slot.map_err(|message| at_span(inst, message))?));
        for arg in inst.args.iter().chain([&at]) {
            if last_use[*arg] <= at {
                slots[*arg] = None;
            }
        }
    }
    results(kernel, slots, inputs.rows)
}

/// An instruction that cannot run.
pub(crate) fn at_span(inst: &Inst, message: String) -> KernelError {
    KernelError {
        message,
        span: inst.span,
    }
}

/// The outputs of a kernel whose instructions have run.
pub(crate) fn results(
    kernel: &Kernel,
    mut slots: Slots<'_>,
    rows: usize,
) -> Result<Vec<(String, Column)>, KernelError> {
    let outputs = kernel.outputs.iter().enumerate();
    let result = |(number, (name, at)): (usize, &(String, usize))| {
        let again = kernel.outputs[number + 1..]
            .iter()
            .any(|(_, other)| other == at);
        let slot = slots.get_mut(*at).and_then(|slot| match again {
            true => slot.clone(),
            false => slot.take(),
        });
        let message =
            || format!("internal: output `{name}` names instruction {at}, which does not exist");
        let slot = slot.ok_or_else(|| KernelError {
            message: message(),
            span: None,
        })?;
        Ok((name.clone(), slot.spread(rows)))
    };
    outputs.map(result).collect()
}

/// The value of an instruction.
#[derive(Clone)]
pub(crate) struct Slot<'a> {
    pub(crate) column: Cow<'a, Column>,
    /// Whether the column has one row that stands for all.
    pub(crate) scalar: bool,
}

/// The values of instructions, as far as they have been computed and are still read.
pub(crate) type Slots<'a> = Vec<Option<Slot<'a>>>;

impl Slot<'_> {
    fn spread(self, rows: usize) -> Column {
        if self.scalar {
            self.column.take(&vec![0; rows])
        } else {
            self.column.into_owned()
        }
    }
}

/// For each instruction the last one that reads it; outputs are read at the very end, dead code by itself.
fn last_uses(kernel: &Kernel) -> Vec<usize> {
    let mut last: Vec<usize> = (0..kernel.code.len()).collect();
    for (at, inst) in kernel.code.iter().enumerate() {
        inst.args
            .iter()
            .filter(|arg| **arg < at)
            .for_each(|arg| last[*arg] = at);
    }
    for (_, at) in &kernel.outputs {
        if let Some(last) = last.get_mut(*at) {
            *last = usize::MAX;
        }
    }
    last
}

/// Runs one instruction; `slots` hold its operands.
pub(crate) fn step<'a>(
    kernel: &'a Kernel,
    inst: &'a Inst,
    slots: &[Option<Slot<'a>>],
    inputs: &'a Inputs<'a>,
    (fitted, searches): (&[Fitted], &Searches),
) -> Result<Slot<'a>, String> {
    match &inst.op {
        RowOp::Column(name) => {
            let column = inputs.columns.get(name.as_str());
            let column = column
                .ok_or_else(|| format!("source `{}` has no column `{name}`", kernel.source))?;
            Ok(Slot {
                column: Cow::Borrowed(column),
                scalar: false,
            })
        }
        RowOp::Through(target, name) => {
            let column = inputs.through.get(&(target.as_str(), name.as_str()));
            let column =
                column.ok_or_else(|| format!("entity `{target}` has no column `{name}`"))?;
            Ok(Slot {
                column: match column {
                    Through::Taken(column) => Cow::Borrowed(column.as_ref()),
                    Through::At { column, rows } => Cow::Owned(column.take(rows)),
                },
                scalar: false,
            })
        }
        RowOp::Const(value) => {
            let mut data = Data::empty(&inst.ty.kind);
            push_value(&mut data, value)?;
            Ok(Slot {
                column: Cow::Owned(Column::new(data)),
                scalar: true,
            })
        }
        RowOp::Label => {
            let args = operands(kernel, inst, slots)?;
            let [value] = args.as_slice() else {
                return Err("internal: a label has one operand".to_owned());
            };
            Ok(label(value, inputs))
        }
        op => {
            let args = operands(kernel, inst, slots)?;
            let scalar = args.iter().all(|arg| arg.scalar);
            let rows = if scalar { 1 } else { inputs.rows };
            let call = Call {
                args: &args,
                rows,
                ty: &inst.ty,
                fitted,
                search: None,
                searches,
            };
            let column = if inst.mapped {
                map(op, &call)?
            } else {
                apply(op, &call)?
            };
            Ok(Slot {
                column: Cow::Owned(column),
                scalar,
            })
        }
    }
}

/// A computed label: of what happened its value, of what was drawn 0 or false.
fn label<'a>(value: &Operand<'_>, inputs: &Inputs<'_>) -> Slot<'a> {
    let Some(drawn) = inputs.drawn else {
        return Slot {
            column: Cow::Owned(whole(value)),
            scalar: value.scalar,
        };
    };
    // A row beyond the end is null, and what a null's data holds is 0 or false.
    let place = |row: usize| match (drawn[row], value.scalar) {
        (true, _) => u32::MAX,
        (false, true) => 0,
        (false, false) => row as u32,
    };
    let places: Vec<u32> = (0..inputs.rows).map(place).collect();
    let taken = whole(value).take(&places);
    let valid = (0..inputs.rows).map(|row| drawn[row] || !taken.is_null(row));
    let valid = Some(valid.collect());
    Slot {
        column: Cow::Owned(Column::with_validity(taken.data, valid)),
        scalar: false,
    }
}

fn whole(operand: &Operand<'_>) -> Column {
    Column {
        data: operand.data.clone(),
        valid: operand.valid.map(<[bool]>::to_vec),
    }
}

fn operands<'a>(
    kernel: &'a Kernel,
    inst: &Inst,
    slots: &'a [Option<Slot<'_>>],
) -> Result<Vec<Operand<'a>>, String> {
    let operand = |arg: &usize| {
        let slot = slots.get(*arg).and_then(Option::as_ref);
        let slot = slot
            .ok_or_else(|| format!("internal: instruction {arg} is read before it is computed"))?;
        Ok(Operand {
            scalar: slot.scalar,
            ..Operand::of(slot.column.as_ref(), &kernel.code[*arg].ty.kind)
        })
    };
    inst.args.iter().map(operand).collect()
}

/// Applies an op to each element of the first operand; the other operands are repeated for each element of their row.
/// Elements that become null are left out; a null list stays null.
fn map(op: &RowOp, call: &Call<'_>) -> Result<Column, String> {
    let [first, others @ ..] = call.args else {
        return Err("internal: a mapped op has no operand".to_owned());
    };
    let (Data::List(lists), RowKind::List(element)) = (first.data, first.kind) else {
        return Err(format!("expected a list, found {}", first.data.kind_name()));
    };
    let RowKind::List(of) = &call.ty.kind else {
        return Err(format!("internal: a mapped op has type {}", call.ty));
    };
    let spread = first.scalar.then(|| lists.take(&vec![0; call.rows]));
    let lists = spread.as_ref().unwrap_or(lists);
    let segments = match others.iter().all(|arg| arg.scalar) {
        true => Vec::new(),
        false => segments(lists),
    };
    let repeated: Vec<Column> = others.iter().map(|arg| repeat(arg, &segments)).collect();
    let mut args = vec![Operand {
        data: &lists.values,
        valid: None,
        kind: element,
        scalar: false,
        first: 0,
    }];
    args.extend(others.iter().zip(&repeated).map(|(arg, column)| Operand {
        scalar: arg.scalar,
        ..Operand::of(column, arg.kind)
    }));
    let ty = RowType {
        kind: of.as_ref().clone(),
        nullable: true,
    };
    let mapped = apply(
        op,
        &Call {
            args: &args,
            rows: lists.values.len(),
            ty: &ty,
            ..*call
        },
    )?;
    let null = |row: usize| if first.scalar { 0 } else { row };
    let valid = first
        .valid
        .map(|valid| (0..call.rows).map(|row| valid[null(row)]).collect());
    Ok(Column::with_validity(
        Data::List(relist(mapped, lists)),
        valid,
    ))
}

/// An operand at the rows of the elements.
fn repeat(arg: &Operand<'_>, segments: &[u32]) -> Column {
    match arg.scalar {
        true => whole(arg),
        false => whole(arg).take(segments),
    }
}

/// For each element the list that it is in.
pub(crate) fn segments(lists: &Lists) -> Vec<u32> {
    (0..lists.len())
        .flat_map(|list| lists.range(list).map(move |_| list as u32))
        .collect()
}

/// Elements in the lists that they were computed for, without the nulls among them.
fn relist(elements: Column, lists: &Lists) -> Lists {
    if elements.valid.is_none() {
        return Lists {
            offsets: lists.offsets.clone(),
            values: Box::new(elements.data),
        };
    }
    let (mut offsets, mut kept) = (Vec::with_capacity(lists.offsets.len()), Vec::new());
    offsets.push(0);
    for list in 0..lists.len() {
        let there = lists.range(list).filter(|at| !elements.is_null(*at));
        kept.extend(there.map(|at| at as u32));
        offsets.push(kept.len());
    }
    Lists {
        offsets,
        values: Box::new(elements.take(&kept).data),
    }
}

fn push_value(data: &mut Data, value: &Value) -> Result<(), String> {
    match (data, value) {
        (Data::Int(values), Value::Int(value) | Value::Duration(value)) => values.push(*value),
        (Data::Float(values), Value::Int(value)) => values.push(*value as f64),
        (Data::Float(values), Value::Float(value)) => values.push(*value),
        (Data::Bool(values), Value::Bool(value)) => values.push(*value),
        (Data::Str(texts), Value::Str(text) | Value::Word(text)) => Texts::push(texts, text),
        (Data::List(lists), Value::List(items)) => {
            for item in items {
                push_value(&mut lists.values, item)?;
            }
            lists.offsets.push(lists.values.len());
        }
        (data, value) => {
            return Err(format!(
                "expected a constant of type {}, found `{value}`",
                data.kind_name()
            ));
        }
    }
    Ok(())
}
