//! Logic and choice: the ops in which a null does not simply make null.

use std::borrow::Cow;

use reckon_compiler::plan::row::{RowKind, RowOp, RowType};

use super::{Call, Operand, coerce};
use crate::column::{Column, Data};

pub(super) fn apply(op: &RowOp, call: &Call<'_>) -> Result<Column, String> {
    match op {
        RowOp::And => logic(call, false),
        RowOp::Or => logic(call, true),
        RowOp::Not => {
            let x = call.arg(0)?;
            let values = truth(x)?;
            Ok(call.strict(Data::Bool(
                (0..call.rows).map(|row| !values[x.at(row)]).collect(),
            )))
        }
        RowOp::IsNull => {
            let x = call.arg(0)?;
            Ok(Column::new(Data::Bool(
                (0..call.rows).map(|row| x.is_null(row)).collect(),
            )))
        }
        RowOp::Fill => {
            let (x, other) = (call.arg(0)?, call.arg(1)?);
            choose(call, x, other, |row| !x.is_null(row))
        }
        RowOp::Where => {
            let (cond, a, b) = (call.arg(0)?, call.arg(1)?, call.arg(2)?);
            let values = truth(cond)?;
            choose(call, a, b, |row| !cond.is_null(row) && values[cond.at(row)])
        }
        other => Err(format!("internal: {other:?} is not a choice")),
    }
}

fn truth(operand: Operand<'_>) -> Result<&[bool], String> {
    match operand.data {
        Data::Bool(values) => Ok(values),
        other => Err(format!(
            "expected a truth value, found {}",
            other.kind_name()
        )),
    }
}

/// `and` where `decides` is false, `or` where it is true: the value that decides beats a null on the other side.
fn logic(call: &Call<'_>, decides: bool) -> Result<Column, String> {
    let (a, b) = (call.arg(0)?, call.arg(1)?);
    let (x, y) = (truth(a)?, truth(b)?);
    let side = |operand: Operand<'_>, values: &[bool], row: usize| {
        (!operand.is_null(row)).then(|| values[operand.at(row)])
    };
    let results: Vec<Option<bool>> = (0..call.rows)
        .map(|row| match (side(a, x, row), side(b, y, row)) {
            (Some(left), _) if left == decides => Some(decides),
            (_, Some(right)) if right == decides => Some(decides),
            (Some(_), Some(_)) => Some(!decides),
            (None, _) | (_, None) => None,
        })
        .collect();
    let valid = results.iter().map(Option::is_some).collect();
    let data = results.into_iter().map(Option::unwrap_or_default).collect();
    Ok(Column::with_validity(Data::Bool(data), Some(valid)))
}

/// Data in the form that the type of the result asks for.
fn coerced<'a>(data: &'a Data, ty: &RowType) -> Cow<'a, Data> {
    match (data, &ty.kind) {
        (Data::Int(_), RowKind::Float)
        | (Data::Float(_), RowKind::Int | RowKind::Time | RowKind::Duration) => {
            Cow::Owned(coerce(data.clone(), ty))
        }
        (Data::Int(_) | Data::Float(_) | Data::Bool(_) | Data::Str(_) | Data::List(_), _) => {
            Cow::Borrowed(data)
        }
    }
}

fn choose(
    call: &Call<'_>,
    a: Operand<'_>,
    b: Operand<'_>,
    first: impl Fn(usize) -> bool,
) -> Result<Column, String> {
    let (x, y) = (coerced(a.data, call.ty), coerced(b.data, call.ty));
    let (x, y) = (x.as_ref(), y.as_ref());
    if std::mem::discriminant(x) != std::mem::discriminant(y) {
        return Err(format!(
            "expected values of one kind, found {} and {}",
            x.kind_name(),
            y.kind_name()
        ));
    }
    let mut data = x.empty_like();
    let mut valid = Vec::with_capacity(call.rows);
    for row in 0..call.rows {
        let (from, operand) = if first(row) { (x, a) } else { (y, b) };
        valid.push(!operand.is_null(row));
        data.push_from(from, operand.at(row));
    }
    Ok(Column::with_validity(data, Some(valid)))
}
