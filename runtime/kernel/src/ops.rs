//! The ops on whole columns, one file a subject. Every function takes its operands with the number of rows of the
//! result and gives a message, without a place, where the operands are not what the op takes.

mod bags;
mod compare;
mod decimals;
mod groups;
mod hashing;
mod ids;
mod lists;
pub(crate) mod logarithm;
mod marks;
mod numbers;
pub(crate) mod parts;
mod pattern;
mod select;
mod texts;

pub(crate) use numbers::{DAY, HOUR, SECOND, int_power};
use texts::Search;
pub(crate) use texts::Searches;

use rayon::prelude::*;
use reckon_compiler::plan::row::{RowKind, RowOp, RowType};

use crate::column::{Column, Data};
use crate::filled::{CHUNK, is_for_one};
use crate::fitted::Fitted;

/// An operand: a column of the rows, or one value that stands for all.
#[derive(Clone, Copy)]
pub(crate) struct Operand<'a> {
    pub(crate) data: &'a Data,
    /// Which rows hold a value; `None` where all do.
    pub(crate) valid: Option<&'a [bool]>,
    pub(crate) kind: &'a RowKind,
    /// Whether there is one row that stands for all.
    pub(crate) scalar: bool,
    /// The row that is row 0 of the call.
    pub(crate) first: usize,
}

impl<'a> Operand<'a> {
    pub(crate) fn of(column: &'a Column, kind: &'a RowKind) -> Self {
        Self {
            data: &column.data,
            valid: column.valid.as_deref(),
            kind,
            scalar: false,
            first: 0,
        }
    }

    fn at(&self, row: usize) -> usize {
        if self.scalar { 0 } else { self.first + row }
    }

    fn is_null(&self, row: usize) -> bool {
        self.valid.is_some_and(|valid| !valid[self.at(row)])
    }

    /// The rows of its column that the call is about, where it is the only operand.
    fn rows(&self, call: &Call<'_>) -> std::ops::Range<usize> {
        self.at(0)..self.at(0) + call.rows
    }
}

/// What an op is applied to.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    pub(crate) args: &'a [Operand<'a>],
    pub(crate) rows: usize,
    pub(crate) ty: &'a RowType,
    pub(crate) fitted: &'a [Fitted],
    /// What the op searches with, if it does.
    pub(crate) search: Option<&'a Search>,
    pub(crate) searches: &'a Searches,
}

impl<'a> Call<'a> {
    /// The operands from a row on.
    fn from(&self, first: usize) -> Vec<Operand<'a>> {
        let args = self.args.iter().map(|arg| Operand {
            first: arg.first + first,
            ..*arg
        });
        args.collect()
    }

    fn arg(&self, at: usize) -> Result<Operand<'a>, String> {
        self.args
            .get(at)
            .copied()
            .ok_or_else(|| format!("expected {} operands, found {}", at + 1, self.args.len()))
    }

    /// Where all operands hold a value.
    fn valid(&self) -> Option<Vec<bool>> {
        if self.args.iter().all(|arg| arg.valid.is_none()) {
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

/// Applies an op. Leaves and labels are the caller's.
pub(crate) fn apply(op: &RowOp, call: &Call<'_>) -> Result<Column, String> {
    if let Some(once) = once_each(op, call)? {
        return Ok(once);
    }
    if let Some(ids) = ids::numbered(op, call)? {
        return Ok(ids);
    }
    let search = call.searches.of(op)?;
    let call = &Call {
        search: search.as_deref(),
        ..*call
    };
    // What parts give is put together at last, which one thread need not do.
    if is_for_one(call.rows) || has_machine_code(op) {
        return apply_to_rows(op, call);
    }
    let parts: Vec<Result<Column, String>> = (0..call.rows.div_ceil(CHUNK))
        .into_par_iter()
        .map(|part| {
            let first = part * CHUNK;
            let args = call.from(first);
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
    let parts = parts.into_iter().collect::<Result<Vec<Column>, String>>()?;
    Column::joined(parts).ok_or_else(|| "internal: an op gives one kind of values".to_owned())
}

/// What an op of one text gives where texts are stored once: that of each, at the places of the rows.
fn once_each(op: &RowOp, call: &Call<'_>) -> Result<Option<Column>, String> {
    let [x] = call.args else {
        return Ok(None);
    };
    let Data::Str(texts) = x.data else {
        return Ok(None);
    };
    let (Some(places), None) = (texts.places(), x.valid) else {
        return Ok(None);
    };
    if x.scalar || 2 * texts.stored_len() > call.rows {
        return Ok(None);
    }
    let stored = Column::new(Data::Str(texts.stored()));
    let each = Call {
        args: &[Operand::of(&stored, x.kind)],
        rows: stored.len(),
        ..*call
    };
    let places = &places[x.first..x.first + call.rows];
    Ok(Some(apply(op, &each)?.take(places)))
}

/// Ops of one kind, which one file computes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    /// Not applied to operands.
    Leaf,
    /// Arithmetic.
    Number,
    /// Parts of a time.
    Time,
    Comparison,
    /// Of truth values and of nulls.
    Choice,
    /// Numbered apart.
    Id,
    /// Of what was fitted.
    Fitted,
    Text,
    Bag,
    List,
}

fn family(op: &RowOp) -> Family {
    match op {
        RowOp::Column(_) | RowOp::Through(..) | RowOp::Const(_) | RowOp::Label => Family::Leaf,
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
        | RowOp::ToInt => Family::Number,
        RowOp::Hour | RowOp::Weekday | RowOp::Day => Family::Time,
        RowOp::Eq | RowOp::Ne | RowOp::Lt | RowOp::Le | RowOp::Gt | RowOp::Ge => Family::Comparison,
        RowOp::And | RowOp::Or | RowOp::Not | RowOp::IsNull | RowOp::Fill | RowOp::Where => {
            Family::Choice
        }
        RowOp::Hash { .. } | RowOp::Cross { .. } | RowOp::Vocab(_) => Family::Id,
        RowOp::Buckets(_)
        | RowOp::Quantile(_)
        | RowOp::ZScore(_)
        | RowOp::MinMax(_)
        | RowOp::OfGroup(..) => Family::Fitted,
        RowOp::ToStr
        | RowOp::Split(_)
        | RowOp::Lower
        | RowOp::Trim
        | RowOp::Capture(_)
        | RowOp::Ngrams(_)
        | RowOp::Tokens
        | RowOp::Length => Family::Text,
        RowOp::Number | RowOp::BagKeys(_) | RowOp::BagWeights(_) | RowOp::Lookup(_) => Family::Bag,
        RowOp::First
        | RowOp::Last
        | RowOp::Take(_)
        | RowOp::Pad(_)
        | RowOp::Distinct
        | RowOp::Count
        | RowOp::ListSum
        | RowOp::ListMean
        | RowOp::ListMax
        | RowOp::ListMin
        | RowOp::Contains => Family::List,
    }
}

/// Whether an op is one of numbers, for which the interpreter is a reference and not the way to run.
fn has_machine_code(op: &RowOp) -> bool {
    matches!(family(op), Family::Number | Family::Choice)
}

fn apply_to_rows(op: &RowOp, call: &Call<'_>) -> Result<Column, String> {
    match family(op) {
        Family::Leaf => Err("internal: leaves and labels are not applied".to_owned()),
        Family::Number | Family::Time => numbers::apply(op, call),
        Family::Comparison => compare::apply(op, call),
        Family::Choice => select::apply(op, call),
        Family::Id => Err("internal: ids are numbered apart".to_owned()),
        Family::Fitted => ids::apply(op, call),
        Family::Text => texts::apply(op, call),
        Family::Bag => bags::apply(op, call),
        Family::List => lists::apply(op, call),
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
