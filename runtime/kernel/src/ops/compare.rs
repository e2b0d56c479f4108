//! Equality and order.

use std::cmp::Ordering;

use reckon_compiler::plan::row::RowOp;

use super::{Call, Numbers};
use crate::column::{Column, Data};

pub(super) fn apply(op: &RowOp, call: &Call<'_>) -> Result<Column, String> {
    let holds = match op {
        RowOp::Eq => |order: Option<Ordering>| order == Some(Ordering::Equal),
        RowOp::Ne => |order: Option<Ordering>| order != Some(Ordering::Equal),
        RowOp::Lt => |order: Option<Ordering>| order == Some(Ordering::Less),
        RowOp::Le => {
            |order: Option<Ordering>| matches!(order, Some(Ordering::Less | Ordering::Equal))
        }
        RowOp::Gt => |order: Option<Ordering>| order == Some(Ordering::Greater),
        RowOp::Ge => {
            |order: Option<Ordering>| matches!(order, Some(Ordering::Greater | Ordering::Equal))
        }
        other => return Err(format!("internal: {other:?} is not a comparison")),
    };
    let (a, b) = (call.arg(0)?, call.arg(1)?);
    let rows = 0..call.rows;
    let truth: Vec<bool> = match (&a.data, &b.data) {
        (Data::Int(x), Data::Int(y)) => rows
            .map(|row| holds(Some(x[a.at(row)].cmp(&y[b.at(row)]))))
            .collect(),
        (Data::Str(x), Data::Str(y)) => rows
            .map(|row| holds(Some(x.get(a.at(row)).cmp(y.get(b.at(row))))))
            .collect(),
        (x, y) => {
            let mismatch = |_| {
                format!(
                    "expected values of one kind, found {} and {}",
                    x.kind_name(),
                    y.kind_name()
                )
            };
            let (x, y) = (
                Numbers::of(x).map_err(mismatch)?,
                Numbers::of(y).map_err(mismatch)?,
            );
            rows.map(|row| holds(x.get(a.at(row)).partial_cmp(&y.get(b.at(row)))))
                .collect()
        }
    };
    Ok(call.strict(Data::Bool(truth)))
}
