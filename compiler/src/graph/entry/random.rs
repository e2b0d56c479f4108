//! Draws, keyed by seed, stream, site, step and row.

use super::{Arity, Elem, Entry, Eval, Gradient, Typing, Value};
use crate::graph::eval::Call;
use crate::graph::ty::Dim;
use crate::random;

const fn draw(
    name: &'static str,
    doc: &'static str,
    eval: fn(&Call) -> Result<Value, String>,
) -> Entry {
    let typing = Typing::Given(|_, ty| {
        if ty.elem == Elem::F32 {
            Ok(())
        } else {
            Err("draws floats".to_owned())
        }
    });
    Entry {
        name,
        doc,
        arity: Arity::Exactly(0),
        typing,
        gradient: Gradient::Zero,
        eval: Eval::Whole(eval),
    }
}

pub(super) const RANDOM_UNIFORM: Entry = draw("random_uniform", "Uniform in `[0, 1)`.", |call| {
    drawn(call, random::uniform)
});

pub(super) const RANDOM_NORMAL: Entry = draw("random_normal", "Standard normal.", |call| {
    drawn(call, random::normal)
});

/// An outermost dimension that is a space counts rows, from the first row of the batch; all others count elements.
fn drawn(call: &Call, draw: fn(u64, u64, u64) -> f64) -> Result<Value, String> {
    let dims = call.extents()?;
    let folded = random::Key {
        site: random::site_hash(&call.site.path),
        ..call.env.key
    }
    .fold();
    let (rows, first) = match call.ty.dims.first() {
        Some(Dim::Space(_)) => (dims[0], call.env.first_row),
        Some(Dim::Fixed(_)) | None => (1, 0),
    };
    let elements = dims
        .iter()
        .product::<usize>()
        .checked_div(rows)
        .unwrap_or(0);
    let each = |row: usize| {
        (0..elements).map(move |element| draw(folded, first + row as u64, element as u64))
    };
    Ok(Value {
        dims,
        data: (0..rows).flat_map(each).collect(),
    })
}
