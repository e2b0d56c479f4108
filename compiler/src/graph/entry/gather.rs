//! Reading and adding at indices.

use super::{
    Arity, Backward, Cotangent, Elem, Entry, Eval, Gradient, Keep, Operands, TensorType, Typing,
    Value, dense,
};
use crate::graph::build::node;
use crate::graph::eval::Call;
use crate::graph::op::Op;

const IDS: &[Keep] = &[Keep::Operand(1)];

/// Below every position and its negative.
const NOWHERE: f64 = -9_007_199_254_740_992.0;

pub(super) const GATHER: Entry = Entry {
    name: "gather",
    doc: "Rows of the outermost dimension at indices: `x[N, ..], ids[I..] -> [I.., ..]`.",
    arity: Arity::Exactly(2),
    typing: Typing::Inferred(gather_type),
    gradient: Gradient::Rule {
        keeps: IDS,
        rule: |b, at| {
            let (dim, ids) = (*b.ty(0).dims.first()?, b.x(1));
            if at == 0 {
                dense(node!(b.build, ([Op::ScatterAdd(dim)] { b.g } ids)))
            } else {
                None
            }
        },
    },
    eval: Eval::Whole(gather_value),
};

pub(super) const LOOKUP: Entry = Entry {
    name: "lookup",
    doc: "Rows of a table at ids.",
    arity: Arity::Exactly(2),
    typing: Typing::Inferred(gather_type),
    gradient: Gradient::Rule {
        keeps: IDS,
        rule: |b, at| {
            if at == 0 {
                Some(Cotangent::Rows {
                    ids: b.x(1),
                    values: b.g,
                })
            } else {
                None
            }
        },
    },
    eval: Eval::Whole(gather_value),
};

pub(super) const SCATTER_ADD: Entry = Entry {
    name: "scatter_add",
    doc: "Sums values at indices: `v[I.., ..], ids[I..] -> [dim, ..]`.",
    arity: Arity::Exactly(2),
    typing: Typing::Inferred(scatter_type),
    gradient: Gradient::Rule {
        keeps: IDS,
        rule: |b, at| {
            if at == 0 {
                dense(node!(b.build, (Gather { b.g } { b.x(1) })))
            } else {
                None
            }
        },
    },
    eval: Eval::Whole(|call| scatter(call, |_, into, value| *into += value)),
};

pub(super) const SCATTER_MAX: Entry = Entry {
    name: "scatter_max",
    doc: "The largest value at each index, 0 where there is none: `v[I, ..], ids[I] -> [dim, ..]`; of equals the first takes the cotangent.",
    arity: Arity::Exactly(2),
    typing: Typing::Inferred(|operands| {
        operands.expect_elem(0, &[Elem::F32, Elem::I64])?;
        if operands.types[1].rank() != 1 {
            return Err(format!("takes one index a row, found {}", operands.show(1)));
        }
        scatter_type(operands)
    }),
    gradient: Gradient::Rule {
        keeps: &[Keep::Operands, Keep::Result],
        rule: scatter_max_gradient,
    },
    eval: Eval::Whole(|call| {
        scatter(call, |first, into, value| {
            if first || value > *into {
                *into = value
            }
        })
    }),
};

pub(super) const PICK: Entry = Entry {
    name: "pick",
    doc: "One element of the innermost dimension a row: `x[S.., N], i64[S..] -> [S..]`.",
    arity: Arity::Exactly(2),
    typing: Typing::Inferred(|operands| {
        operands.expect_elem(1, &[Elem::I64])?;
        match operands.types[0].dims.split_last() {
            Some((_, rest)) if rest == operands.types[1].dims => {
                Ok(TensorType::new(operands.types[0].elem, rest))
            }
            _ => Err(format!(
                "takes an index a row, found {}",
                operands.show_all()
            )),
        }
    }),
    gradient: Gradient::Rule {
        keeps: IDS,
        rule: |b, at| {
            let (dim, ids) = (*b.ty(0).dims.last()?, b.x(1));
            if at == 0 {
                dense(node!(b.build, ([Op::Place(dim)] { b.g } ids)))
            } else {
                None
            }
        },
    },
    eval: Eval::Whole(|call| {
        let x = call.operands[0];
        let size = x.dims[x.dims.len() - 1];
        let ids = &call.operands[1].data;
        let data = ids
            .iter()
            .enumerate()
            .map(|(row, id)| Ok(x.data[row * size + index(*id, size)?]));
        Ok(Value {
            dims: x.dims[..x.dims.len() - 1].to_vec(),
            data: data.collect::<Result<_, String>>()?,
        })
    }),
};

pub(super) const PLACE: Entry = Entry {
    name: "place",
    doc: "Zeros but for one element a row: `g[S..], i64[S..] -> [S.., dim]`; an empty row takes nothing.",
    arity: Arity::Exactly(2),
    typing: Typing::Inferred(|operands| {
        let Op::Place(dim) = operands.op else {
            unreachable!("the entry of place")
        };
        operands.expect_elem(1, &[Elem::I64])?;
        if operands.types[0].dims != operands.types[1].dims {
            return Err(format!(
                "takes an index a value, found {}",
                operands.show_all()
            ));
        }
        let mut dims = operands.types[0].dims.clone();
        dims.push(*dim);
        Ok(TensorType::new(operands.types[0].elem, dims))
    }),
    gradient: Gradient::Rule {
        keeps: IDS,
        rule: |b, at| {
            if at == 0 {
                dense(node!(b.build, (Pick { b.g } { b.x(1) })))
            } else {
                None
            }
        },
    },
    eval: Eval::Whole(|call| {
        let Op::Place(dim) = call.op else {
            unreachable!("the entry of place")
        };
        let g = call.operands[0];
        let size = call.extent(*dim)?;
        let mut data = vec![0.0; g.data.len() * size];
        let ids: &[f64] = if size == 0 {
            &[]
        } else {
            &call.operands[1].data
        };
        for (row, id) in ids.iter().enumerate() {
            data[row * size + index(*id, size)?] = g.data[row];
        }
        let mut dims = g.dims.clone();
        dims.push(size);
        Ok(Value { dims, data })
    }),
};

fn gather_type(operands: &Operands) -> Result<TensorType, String> {
    operands.expect_elem(1, &[Elem::I64])?;
    let Some((_, row)) = operands.types[0].dims.split_first() else {
        return Err(format!("finds no rows in {}", operands.show(0)));
    };
    let mut dims = operands.types[1].dims.clone();
    dims.extend_from_slice(row);
    Ok(TensorType::new(operands.types[0].elem, dims))
}

fn scatter_type(operands: &Operands) -> Result<TensorType, String> {
    let (Op::ScatterAdd(dim) | Op::ScatterMax(dim)) = operands.op else {
        unreachable!("the entry of a scatter")
    };
    operands.expect_elem(0, &[Elem::F32, Elem::I64])?;
    operands.expect_elem(1, &[Elem::I64])?;
    let ids = &operands.types[1].dims;
    let Some(row) = operands.types[0].dims.strip_prefix(ids.as_slice()) else {
        return Err(format!(
            "takes an index a row of values, found {}",
            operands.show_all()
        ));
    };
    let mut dims = vec![*dim];
    dims.extend_from_slice(row);
    Ok(TensorType::new(operands.types[0].elem, dims))
}

fn gather_value(call: &Call) -> Result<Value, String> {
    let (x, ids) = (call.operands[0], call.operands[1]);
    let (_, size, inner) = x.around(0);
    let mut dims = ids.dims.clone();
    dims.extend_from_slice(&x.dims[1..]);
    let mut data = Vec::with_capacity(ids.data.len() * inner);
    for id in &ids.data {
        let row = index(*id, size)?;
        data.extend_from_slice(&x.data[row * inner..(row + 1) * inner]);
    }
    Ok(Value { dims, data })
}

/// Puts each value to its index; `put` learns whether it is the first there.
fn scatter(call: &Call, put: fn(bool, &mut f64, f64)) -> Result<Value, String> {
    let (Op::ScatterAdd(dim) | Op::ScatterMax(dim)) = call.op else {
        unreachable!("the entry of a scatter")
    };
    let (values, ids) = (call.operands[0], call.operands[1]);
    let size = call.extent(*dim)?;
    let row = &values.dims[ids.dims.len()..];
    let inner: usize = row.iter().product();
    let mut data = vec![0.0; size * inner];
    let mut seen = vec![false; size];
    for (n, id) in ids.data.iter().enumerate() {
        let at = index(*id, size)?;
        let first = !std::mem::replace(&mut seen[at], true);
        for i in 0..inner {
            put(first, &mut data[at * inner + i], values.data[n * inner + i]);
        }
    }
    let mut dims = vec![size];
    dims.extend_from_slice(row);
    Ok(Value { dims, data })
}

fn scatter_max_gradient(b: &mut Backward, at: usize) -> Option<Cotangent> {
    if at != 0 {
        return None;
    }
    let Op::ScatterMax(dim) = b.op() else {
        unreachable!("the entry of scatter_max")
    };
    let (values, ids, largest) = (b.x(0), b.x(1), b.node);
    let dims = b.ty(0).dims;
    let position = b.build.iota_along(&dims, 0);
    let nowhere = b.build.constant(Elem::I64, NOWHERE);
    // Among the rows that hold the largest value, the one whose negated position is largest comes first.
    let rank = node!(b.build, (Select (Eq values (Gather largest ids)) (Neg position) nowhere));
    let first = node!(b.build, ([Op::ScatterMax(dim)] rank ids));
    let chosen = node!(b.build, (Eq rank (Gather first ids)));
    dense(node!(b.build, (Select chosen (Gather { b.g } ids) 0.0)))
}

pub(super) fn index(id: f64, size: usize) -> Result<usize, String> {
    if id >= 0.0 && id < size as f64 {
        Ok(id as usize)
    } else {
        Err(format!("index {id} lies outside 0..{size}"))
    }
}
