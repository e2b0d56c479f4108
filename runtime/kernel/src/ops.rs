//! The ops on whole columns, one file a subject. Every function takes its operands with the number of rows of the
//! result and gives a message, without a place, where the operands are not what the op takes.

mod compare;
mod groups;
mod ids;
mod lists;
mod numbers;
mod select;
mod texts;

pub(crate) use numbers::{DAY, HOUR, SECOND, int_power};

use rayon::prelude::*;
use reckon_compiler::plan::row::{RowKind, RowOp, RowType};

use crate::column::{Column, Data};
use crate::fitted::Fitted;

/// An operand: a column of the rows, or one value that stands for all.
#[derive(Clone, Copy)]
pub(crate) struct Operand<'a> {
    pub(crate) column: &'a Column,
    pub(crate) kind: &'a RowKind,
    /// Whether the column has one row that stands for all.
    pub(crate) scalar: bool,
    /// The row of the column that is row 0 of the call.
    pub(crate) first: usize,
}

impl Operand<'_> {
    fn at(&self, row: usize) -> usize {
        if self.scalar { 0 } else { self.first + row }
    }

    fn is_null(&self, row: usize) -> bool {
        self.column.is_null(self.at(row))
    }
}

/// What an op is applied to.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) args: &'a [Operand<'a>],
    pub(crate) rows: usize,
    pub(crate) ty: &'a RowType,
    pub(crate) fitted: &'a [Fitted],
}

impl<'a> Call<'a> {
    fn arg(&self, at: usize) -> Result<Operand<'a>, String> {
        self.args
            .get(at)
            .copied()
            .ok_or_else(|| format!("expected {} operands, found {}", at + 1, self.args.len()))
    }

    /// Where all operands hold a value.
    fn valid(&self) -> Option<Vec<bool>> {
        if self.args.iter().all(|arg| arg.column.valid.is_none()) {
            return None;
        }
        Some(
            (0..self.rows)
                .map(|row| self.args.iter().all(|arg| !arg.is_null(row)))
                .collect(),
        )
    }

    /// The result of a function of which a null makes null.
    fn strict(&self, data: Data) -> Column {
        let valid = self.valid();
        Column::with_validity(data, valid)
    }
}

/// Rows that one thread takes at a time.
const CHUNK: usize = 65_536;

/// Applies an op. Leaves and labels are the caller's.
pub(crate) fn apply(op: &RowOp, call: &Call<'_>) -> Result<Column, String> {
    let shared = call.rows >= 2 * CHUNK && !has_machine_code(op);
    if !shared {
        return apply_to_rows(op, call);
    }
    let parts: Vec<Result<Column, String>> = (0..call.rows.div_ceil(CHUNK))
        .into_par_iter()
        .map(|part| {
            let first = part * CHUNK;
            let args = call.args.iter().map(|arg| Operand {
                first: arg.first + first,
                ..*arg
            });
            let args: Vec<Operand<'_>> = args.collect();
            apply_to_rows(
                op,
                &Call {
                    args: &args,
                    rows: CHUNK.min(call.rows - first),
                    ..*call
                },
            )
        })
        .collect();
    let mut parts = parts.into_iter();
    let mut all = match parts.next() {
        Some(first) => first?,
        None => return apply_to_rows(op, call),
    };
    for part in parts {
        if !all.extend(&part?) {
            return Err("internal: an op gives one kind of values".to_owned());
        }
    }
    Ok(all)
}

/// Whether an op is one of numbers, for which the interpreter is a reference and not the way to run.
fn has_machine_code(op: &RowOp) -> bool {
    matches!(
        op,
        RowOp::Add
            | RowOp::Sub
            | RowOp::Mul
            | RowOp::Div
            | RowOp::Pow
            | RowOp::Neg
            | RowOp::Abs
            | RowOp::Log
            | RowOp::Log1p
            | RowOp::Exp
            | RowOp::Sqrt
            | RowOp::Floor
            | RowOp::Min
            | RowOp::Max
            | RowOp::Clip
            | RowOp::ToFloat
            | RowOp::ToInt
            | RowOp::And
            | RowOp::Or
            | RowOp::Not
            | RowOp::IsNull
            | RowOp::Fill
            | RowOp::Where
    )
}

fn apply_to_rows(op: &RowOp, call: &Call<'_>) -> Result<Column, String> {
    match op {
        RowOp::Column(_) | RowOp::Through(..) | RowOp::Const(_) | RowOp::Label => {
            Err("internal: leaves and labels are not applied".to_owned())
        }
        RowOp::Add
        | RowOp::Sub
        | RowOp::Mul
        | RowOp::Div
        | RowOp::Pow
        | RowOp::Neg
        | RowOp::Abs
        | RowOp::Log
        | RowOp::Log1p
        | RowOp::Exp
        | RowOp::Sqrt
        | RowOp::Floor
        | RowOp::Min
        | RowOp::Max
        | RowOp::Clip
        | RowOp::ToFloat
        | RowOp::ToInt
        | RowOp::Hour
        | RowOp::Weekday
        | RowOp::Day => numbers::apply(op, call),
        RowOp::Eq | RowOp::Ne | RowOp::Lt | RowOp::Le | RowOp::Gt | RowOp::Ge => {
            compare::apply(op, call)
        }
        RowOp::And | RowOp::Or | RowOp::Not | RowOp::IsNull | RowOp::Fill | RowOp::Where => {
            select::apply(op, call)
        }
        RowOp::Buckets(_)
        | RowOp::Hash { .. }
        | RowOp::Cross { .. }
        | RowOp::Vocab(_)
        | RowOp::Quantile(_)
        | RowOp::ZScore(_)
        | RowOp::MinMax(_)
        | RowOp::OfGroup(..) => ids::apply(op, call),
        RowOp::ToStr
        | RowOp::Split(_)
        | RowOp::Lower
        | RowOp::Trim
        | RowOp::Capture(_)
        | RowOp::Ngrams(_)
        | RowOp::Tokens
        | RowOp::Length => texts::apply(op, call),
        RowOp::First
        | RowOp::Last
        | RowOp::Take(_)
        | RowOp::Distinct
        | RowOp::Count
        | RowOp::ListSum
        | RowOp::ListMean
        | RowOp::ListMax
        | RowOp::ListMin
        | RowOp::Contains => lists::apply(op, call),
    }
}

/// Numbers of any kind, read as floats.
#[derive(Clone, Copy)]
pub(crate) enum Numbers<'a> {
    Int(&'a [i64]),
    Float(&'a [f64]),
    Bool(&'a [bool]),
}

impl<'a> Numbers<'a> {
    pub(crate) fn of(data: &'a Data) -> Result<Self, String> {
        match data {
            Data::Int(values) => Ok(Self::Int(values)),
            Data::Float(values) => Ok(Self::Float(values)),
            Data::Bool(values) => Ok(Self::Bool(values)),
            Data::Str(_) | Data::List(_) => {
                Err(format!("expected a number, found {}", data.kind_name()))
            }
        }
    }

    pub(crate) fn get(self, at: usize) -> f64 {
        match self {
            Self::Int(values) => values[at] as f64,
            Self::Float(values) => values[at],
            Self::Bool(values) => f64::from(u8::from(values[at])),
        }
    }
}

/// Data of numbers in the form that the type of the result asks for; other data stays as it is.
pub(crate) fn coerce(data: Data, ty: &RowType) -> Data {
    match (&ty.kind, data) {
        (RowKind::Float, Data::Int(values)) => {
            Data::Float(values.into_iter().map(|value| value as f64).collect())
        }
        (RowKind::Int | RowKind::Time | RowKind::Duration, Data::Float(values)) => {
            Data::Int(values.into_iter().map(|value| value as i64).collect())
        }
        (_, data) => data,
    }
}
