//! Row programs over bounds instead of values: what a condition may be in rows of which only the least and the greatest value of
//! each column is known.

use std::cmp::Ordering;

use reckon_compiler::plan::row::{Inst, Kernel, RowOp};
use reckon_compiler::value::Value;
use reckon_kernel::{Column, Data};

/// What is known of a value in some rows.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bounds {
    pub(crate) range: Range,
    /// Whether it may be null.
    pub(crate) null: bool,
}

/// Where the values lie that are not null.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Range {
    /// Between two, both included.
    Between(Limit, Limit),
    /// Which of the two truth values they may be.
    Truth { yes: bool, no: bool },
    /// Anywhere.
    Open,
}

/// A least or greatest value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Limit {
    /// Numbers, times and durations.
    Int(i64),
    Float(f64),
    Text(String),
}

impl Bounds {
    /// Nothing is known.
    pub(crate) const OPEN: Self = Self {
        range: Range::Open,
        null: true,
    };

    /// Of a column whose first value is the least and whose second the greatest.
    pub(crate) fn of(limits: &Column, null: bool) -> Option<Self> {
        if limits.len() != 2 || limits.null_count() > 0 {
            return None;
        }
        let range = match &limits.data {
            Data::Int(of) => Range::Between(Limit::Int(of[0]), Limit::Int(of[1])),
            Data::Float(of) if of.iter().all(|limit| limit.is_finite()) => {
                Range::Between(Limit::Float(of[0]), Limit::Float(of[1]))
            }
            Data::Bool(of) => Range::Truth {
                yes: of[1],
                no: !of[0],
            },
            Data::Str(of) => {
                Range::Between(Limit::Text(of.get(0).into()), Limit::Text(of.get(1).into()))
            }
            Data::Float(_) | Data::List(_) => return None,
        };
        Some(Self { range, null })
    }

    fn constant(value: &Value) -> Self {
        let range = match value {
            Value::Int(of) | Value::Duration(of) => point(Limit::Int(*of)),
            Value::Float(of) if of.is_finite() => point(Limit::Float(*of)),
            Value::Str(of) => point(Limit::Text(of.clone())),
            Value::Bool(of) => Range::Truth { yes: *of, no: !of },
            Value::Float(_) | Value::Word(_) | Value::List(_) => Range::Open,
        };
        Self { range, null: false }
    }

    /// Whether it may be true, and whether it may be false.
    fn truth(&self) -> (bool, bool) {
        match self.range {
            Range::Truth { yes, no } => (yes, no),
            Range::Between(..) | Range::Open => (true, true),
        }
    }
}

fn point(limit: Limit) -> Range {
    Range::Between(limit.clone(), limit)
}

/// Whether the first output of a program may be true in a row, where its columns have these bounds.
pub(crate) fn may_hold(kernel: &Kernel, column: impl Fn(&str) -> Bounds) -> bool {
    let mut values: Vec<Bounds> = Vec::with_capacity(kernel.code.len());
    for inst in &kernel.code {
        let value = match &inst.op {
            RowOp::Column(name) => column(name),
            RowOp::Const(value) => Bounds::constant(value),
            _ => applied(inst, &values),
        };
        values.push(value);
    }
    let output = kernel.outputs.first();
    let output = output.and_then(|(_, at)| values.get(*at));
    output.is_none_or(|output| output.truth().0)
}

/// What an instruction gives where its operands have these bounds. What is not followed may be anything.
fn applied(inst: &Inst, values: &[Bounds]) -> Bounds {
    let args: Vec<&Bounds> = inst
        .args
        .iter()
        .filter_map(|arg| values.get(*arg))
        .collect();
    if inst.mapped {
        return Bounds::OPEN;
    }
    let truth = |(yes, no), null| Bounds {
        range: Range::Truth { yes, no },
        null,
    };
    match (&inst.op, args.as_slice()) {
        (RowOp::Eq | RowOp::Ne | RowOp::Lt | RowOp::Le | RowOp::Gt | RowOp::Ge, [a, b]) => {
            truth(compared(&inst.op, &a.range, &b.range), a.null || b.null)
        }
        (RowOp::And, [a, b]) => {
            let ((a_yes, a_no), (b_yes, b_no)) = (a.truth(), b.truth());
            truth((a_yes && b_yes, a_no || b_no), a.null || b.null)
        }
        (RowOp::Or, [a, b]) => {
            let ((a_yes, a_no), (b_yes, b_no)) = (a.truth(), b.truth());
            truth((a_yes || b_yes, a_no && b_no), a.null || b.null)
        }
        (RowOp::Not, [a]) => {
            let (yes, no) = a.truth();
            truth((no, yes), a.null)
        }
        (RowOp::IsNull, [a]) => truth((a.null, true), false),
        (RowOp::Day, [a]) => Bounds {
            range: match &a.range {
                Range::Between(Limit::Int(low), Limit::Int(high)) => {
                    Range::Between(Limit::Int(days(*low)), Limit::Int(days(*high)))
                }
                Range::Between(..) | Range::Truth { .. } | Range::Open => Range::Open,
            },
            null: a.null,
        },
        (RowOp::Label, [a]) => (*a).clone(),
        _ => Bounds::OPEN,
    }
}

/// Whole days since 1970.
fn days(micros: i64) -> i64 {
    const DAY: i64 = 86_400_000_000;
    micros.div_euclid(DAY)
}

/// Whether a comparison may be true, and whether it may be false.
fn compared(op: &RowOp, a: &Range, b: &Range) -> (bool, bool) {
    match (a, b) {
        (Range::Between(a_low, a_high), Range::Between(b_low, b_high)) => {
            let (Some(below), Some(above)) = (order(a_low, b_high), order(b_low, a_high)) else {
                return (true, true);
            };
            compared_limits(op, &below, &above)
        }
        (
            Range::Truth { yes, no },
            Range::Truth {
                yes: b_yes,
                no: b_no,
            },
        ) => {
            let same = (*yes && *b_yes) || (*no && *b_no);
            let other = (*yes && *b_no) || (*no && *b_yes);
            match op {
                RowOp::Eq => (same, other),
                RowOp::Ne => (other, same),
                _ => (true, true),
            }
        }
        _ => (true, true),
    }
}

/// The same by how the least of the left stands to the greatest of the right, and the least of the right to the greatest of the left.
fn compared_limits(op: &RowOp, below: &Order, above: &Order) -> (bool, bool) {
    let meets = below.may_be_at_most && above.may_be_at_most;
    let differs = below.may_be_less || above.may_be_less;
    match op {
        RowOp::Eq => (meets, differs),
        RowOp::Ne => (differs, meets),
        RowOp::Lt => (below.may_be_less, above.may_be_at_most),
        RowOp::Le => (below.may_be_at_most, above.may_be_less),
        RowOp::Gt => (above.may_be_less, below.may_be_at_most),
        _ => (above.may_be_at_most, below.may_be_less),
    }
}

/// How a limit may stand to another.
struct Order {
    may_be_less: bool,
    may_be_at_most: bool,
}

/// `None` where they do not compare. Whole numbers beside floats may be rounded, so equal ones may be a little apart.
fn order(a: &Limit, b: &Limit) -> Option<Order> {
    let exact = |order: Ordering| Order {
        may_be_less: order == Ordering::Less,
        may_be_at_most: order != Ordering::Greater,
    };
    let rounded = |a: f64, b: f64| Order {
        may_be_less: a <= b,
        may_be_at_most: a <= b,
    };
    match (a, b) {
        (Limit::Int(a), Limit::Int(b)) => Some(exact(a.cmp(b))),
        (Limit::Float(a), Limit::Float(b)) => a.partial_cmp(b).map(exact),
        (Limit::Text(a), Limit::Text(b)) => Some(exact(a.as_bytes().cmp(b.as_bytes()))),
        (Limit::Int(a), Limit::Float(b)) => Some(rounded(*a as f64, *b)),
        (Limit::Float(a), Limit::Int(b)) => Some(rounded(*a, *b as f64)),
        (Limit::Text(_), _) | (_, Limit::Text(_)) => None,
    }
}
