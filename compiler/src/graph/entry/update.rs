//! What follows differentiation: coalescing, clipping, steps.

use super::{Arity, Elem, Entry, Eval, Gradient, Operands, ParamKind, TensorType, Typing, Value};
use crate::graph::op::Op;

pub(super) const UNIQUE: Entry = Entry {
    name: "unique",
    doc: "The distinct ids, ascending: `i64[N..] -> i64[U]`.",
    arity: Arity::Exactly(1),
    typing: Typing::Given(|operands, ty| {
        operands.expect_elem(0, &[Elem::I64])?;
        if ty.elem == Elem::I64 && ty.rank() == 1 {
            Ok(())
        } else {
            Err("gives a row of ids".to_owned())
        }
    }),
    gradient: Gradient::Zero,
    eval: Eval::Whole(|call| {
        let mut data = call.operands[0].data.clone();
        data.sort_by(f64::total_cmp);
        data.dedup();
        Ok(Value {
            dims: vec![data.len()],
            data,
        })
    }),
};

pub(super) const UNIQUE_INVERSE: Entry = Entry {
    name: "unique_inverse",
    doc: "The index of each id among the distinct ones: `i64[N..], i64[U] -> i64[N..]`.",
    arity: Arity::Exactly(2),
    typing: Typing::Inferred(|operands| {
        operands.expect_elem(0, &[Elem::I64])?;
        operands.expect_elem(1, &[Elem::I64])?;
        if operands.types[1].rank() != 1 {
            return Err(format!(
                "takes ids and the distinct ones, found {}",
                operands.show_all()
            ));
        }
        Ok(operands.types[0].clone())
    }),
    gradient: Gradient::Zero,
    eval: Eval::Whole(|call| {
        let (ids, distinct) = (call.operands[0], call.operands[1]);
        let place = |id: &f64| {
            let found = distinct.data.binary_search_by(|other| other.total_cmp(id));
            found
                .map(|at| at as f64)
                .map_err(|_| format!("{id} is not among the distinct ids"))
        };
        Ok(Value {
            dims: ids.dims.clone(),
            data: ids.data.iter().map(place).collect::<Result<_, _>>()?,
        })
    }),
};

pub(super) const GLOBAL_NORM: Entry = Entry {
    name: "global_norm",
    doc: "The root of the sum of squares of all operands.",
    arity: Arity::AtLeast(1),
    typing: Typing::Inferred(|operands| {
        for at in 0..operands.types.len() {
            operands.expect_elem(at, &[Elem::F32])?;
        }
        Ok(TensorType::scalar())
    }),
    gradient: Gradient::Zero,
    eval: Eval::Whole(|call| {
        let squares: f64 = call
            .operands
            .iter()
            .flat_map(|x| &x.data)
            .map(|x| x * x)
            .sum();
        Ok(Value::scalar(squares.sqrt()))
    }),
};

pub(super) const UPDATE: Entry = Entry {
    name: "update",
    doc: "One step of an optimiser: learning rate and gradient, for tables learning rate, distinct ids and their gradients.",
    arity: Arity::AtLeast(2),
    typing: Typing::Inferred(update_type),
    gradient: Gradient::Zero,
    eval: Eval::Whole(|call| Ok(call.operands[0].clone())),
};

pub(super) const ASSIGN: Entry = Entry {
    name: "assign",
    doc: "Puts a new value into a state.",
    arity: Arity::Exactly(1),
    typing: Typing::Inferred(|operands| {
        let Op::Assign { path } = operands.op else {
            unreachable!("the entry of assign")
        };
        match operands.graph.params.get(path) {
            Some(param) if param.kind == ParamKind::State && param.ty == *operands.types[0] => {
                Ok(param.ty.clone())
            }
            _ => Err(format!(
                "finds no state `{path}` of the type {}",
                operands.show(0)
            )),
        }
    }),
    gradient: Gradient::Zero,
    eval: Eval::Whole(|call| Ok(call.operands[0].clone())),
};

fn update_type(operands: &Operands) -> Result<TensorType, String> {
    let Op::Update { path, .. } = operands.op else {
        unreachable!("the entry of update")
    };
    let Some(param) = operands.graph.params.get(path) else {
        return Err(format!("steps `{path}`, which is not declared"));
    };
    let rate = TensorType::scalar();
    let fits = match (param.kind, &operands.types[..]) {
        (ParamKind::Weight, [lr, gradient]) => **lr == rate && **gradient == param.ty,
        (ParamKind::Table, [lr, ids, gradient]) => {
            let row = &param.ty.dims[1..];
            **lr == rate
                && ids.elem == Elem::I64
                && ids.rank() == 1
                && gradient.elem == Elem::F32
                && gradient.dims == [&ids.dims, row].concat()
        }
        (ParamKind::Weight | ParamKind::Table | ParamKind::State, _) => false,
    };
    let shown = param.ty.show(&operands.graph.spaces);
    if fits {
        Ok(rate)
    } else {
        Err(format!(
            "cannot step `{path}: {shown}` by {}",
            operands.show_all()
        ))
    }
}
