//! Inputs, constants, parameters.

use super::{Arity, Dim, Elem, Entry, Eval, Gradient, Operands, TensorType, Typing, Value};
use crate::graph::ParamKind;
use crate::graph::eval::Call;
use crate::graph::op::Op;

const fn leaf(
    name: &'static str,
    doc: &'static str,
    typing: Typing,
    eval: fn(&Call) -> Result<Value, String>,
) -> Entry {
    Entry {
        name,
        doc,
        arity: Arity::Exactly(0),
        typing,
        gradient: Gradient::Zero,
        eval: Eval::Whole(eval),
    }
}

pub(super) const INPUT: Entry = leaf(
    "input",
    "A value fed at every step.",
    Typing::Given(|_, _| Ok(())),
    |call| {
        let Op::Input(name) = call.op else {
            unreachable!("the entry of an input")
        };
        call.env
            .inputs
            .get(name)
            .cloned()
            .ok_or_else(|| format!("input `{name}` has no value"))
    },
);

pub(super) const CONST: Entry = leaf("const", "A constant.", Typing::Given(const_type), |call| {
    let Op::Const(data) = call.op else {
        unreachable!("the entry of a constant")
    };
    let dims = call.extents()?;
    let count = dims.iter().product();
    let data = if data.len() == 1 {
        vec![data[0]; count]
    } else {
        data.clone()
    };
    Ok(Value { dims, data })
});

pub(super) const IOTA: Entry = leaf(
    "iota",
    "`0, 1, ..` along the only dimension.",
    Typing::Given(|_, ty| {
        if ty.elem == Elem::I64 && ty.rank() == 1 {
            Ok(())
        } else {
            Err("is a row of integers".to_owned())
        }
    }),
    |call| {
        let dims = call.extents()?;
        Ok(Value {
            data: (0..dims[0]).map(|at| at as f64).collect(),
            dims,
        })
    },
);

pub(super) const SIZE: Entry = leaf(
    "size",
    "The number of rows of a space, as a float.",
    Typing::Inferred(|_| Ok(TensorType::scalar())),
    |call| {
        let Op::Size(space) = call.op else {
            unreachable!("the entry of a size")
        };
        Ok(Value::scalar(call.extent(Dim::Space(*space))? as f64))
    },
);

pub(super) const PARAM: Entry = leaf(
    "param",
    "A weight, or a state.",
    Typing::Inferred(param_type),
    param_value,
);

pub(super) const TABLE: Entry = leaf(
    "table",
    "An embedding table.",
    Typing::Inferred(param_type),
    param_value,
);

fn const_type(operands: &Operands, ty: &TensorType) -> Result<(), String> {
    let Op::Const(data) = operands.op else {
        unreachable!("the entry of a constant")
    };
    let fixed: Option<Vec<usize>> = ty.dims.iter().map(|dim| dim.fixed()).collect();
    match fixed {
        _ if data.len() == 1 => Ok(()),
        Some(sizes) if sizes.iter().product::<usize>() == data.len() => Ok(()),
        Some(_) | None => Err(format!(
            "has {} elements, which do not fill `{}`",
            data.len(),
            ty.show(&operands.graph.spaces)
        )),
    }
}

fn param_type(operands: &Operands) -> Result<TensorType, String> {
    let (path, is_table) = match operands.op {
        Op::Param(path) => (path, false),
        Op::Table(path) => (path, true),
        _ => unreachable!("the entry of a parameter"),
    };
    let param = operands
        .graph
        .params
        .get(path)
        .ok_or_else(|| format!("reads `{path}`, which is not declared"))?;
    if is_table != (param.kind == ParamKind::Table) {
        return Err(format!(
            "reads `{path}`, which is {}",
            if is_table { "no table" } else { "a table" }
        ));
    }
    Ok(param.ty.clone())
}

fn param_value(call: &Call) -> Result<Value, String> {
    let (Op::Param(path) | Op::Table(path)) = call.op else {
        unreachable!("the entry of a parameter")
    };
    call.env
        .params
        .get(path)
        .cloned()
        .ok_or_else(|| format!("parameter `{path}` has no value"))
}
