//! One result element for each element of the joined operands.

use super::{
    Arity, Backward, Elem, Entry, Eval, Gradient, Keep, Operands, TensorType, Typing, Value, dense,
};
use crate::graph::NodeId;
use crate::graph::bounds::is_nonzero;
use crate::graph::build::node;
use crate::graph::op::Op;

const BOTH: &[Keep] = &[Keep::Operands];
const NOTHING: &[Keep] = &[];

const fn zip(
    name: &'static str,
    doc: &'static str,
    eval: fn(f64, f64) -> f64,
    gradient: Gradient,
) -> Entry {
    Entry {
        name,
        doc,
        arity: Arity::Exactly(2),
        typing: Typing::Inferred(joined),
        gradient,
        eval: Eval::Zip(eval),
    }
}

const fn floats(entry: Entry) -> Entry {
    let typing = Typing::Inferred(|operands| {
        operands.expect_elem(0, &[Elem::F32])?;
        operands.expect_elem(1, &[Elem::F32])?;
        joined(operands)
    });
    Entry { typing, ..entry }
}

const fn rule(
    keeps: &'static [Keep],
    rule: fn(&mut Backward, usize) -> Option<super::Cotangent>,
) -> Gradient {
    Gradient::Rule { keeps, rule }
}

pub(super) const ADD: Entry = zip(
    "add",
    "`a + b`",
    |a, b| a + b,
    rule(NOTHING, |b, _| dense(b.g)),
);

pub(super) const SUB: Entry = zip(
    "sub",
    "`a - b`",
    |a, b| a - b,
    rule(NOTHING, |b, at| {
        dense(if at == 0 {
            b.g
        } else {
            node!(b.build, (Neg { b.g }))
        })
    }),
);

pub(super) const MUL: Entry = zip(
    "mul",
    "`a * b`",
    |a, b| a * b,
    rule(BOTH, |b, at| match (b.x(0) == b.x(1), at) {
        (false, _) => dense(node!(b.build, (Mul { b.g } { b.x(1 - at) }))),
        // A square has its whole gradient at once.
        (true, 0) => dense(node!(b.build, (Mul (Mul { b.g } { b.x(0) }) 2.0))),
        (true, _) => None,
    }),
);

pub(super) const DIV: Entry = floats(zip(
    "div",
    "`a / b`; no cotangent passes where `b` is 0.",
    |a, b| a / b,
    rule(&[Keep::Operand(1), Keep::Result], |b, at| {
        let (mut g, mut divisor) = (b.g, b.x(1));
        if !is_nonzero(b.build.graph, divisor) {
            let inside = node!(b.build, (Ne divisor 0.0));
            g = node!(b.build, (Select inside g 0.0));
            if at == 1 {
                // The quotient is infinite or NaN where the divisor is 0.
                let y = node!(b.build, (Select inside { b.node } 0.0));
                divisor = node!(b.build, (Select inside divisor 1.0));
                return dense(node!(b.build, (Neg (Div (Mul g y) divisor))));
            }
            divisor = node!(b.build, (Select inside divisor 1.0));
        }
        dense(if at == 0 {
            node!(b.build, (Div g divisor))
        } else {
            node!(b.build, (Neg (Div (Mul g { b.node }) divisor)))
        })
    }),
));

pub(super) const POW: Entry = floats(zip(
    "pow",
    "`a ^ b`; where `a` is 0 and `b < 1`, and for `b` where `a <= 0`, no cotangent passes.",
    f64::powf,
    rule(BOTH, |b, at| {
        dense(if at == 0 {
            pow_base(b)
        } else {
            pow_exponent(b)
        })
    }),
));

pub(super) const MAX: Entry = zip(
    "max",
    "The larger; of equals the first takes the cotangent.",
    |a, b| if a >= b || a.is_nan() { a } else { b },
    rule(BOTH, |b, at| {
        let first = node!(b.build, (Ge { b.x(0) } { b.x(1) }));
        dense(take(b, first, at))
    }),
);

pub(super) const MIN: Entry = zip(
    "min",
    "The smaller; of equals the first takes the cotangent.",
    |a, b| if a <= b || a.is_nan() { a } else { b },
    rule(BOTH, |b, at| {
        let first = node!(b.build, (Le { b.x(0) } { b.x(1) }));
        dense(take(b, first, at))
    }),
);

/// An op of two operands that tells whether something holds, so that no cotangent passes.
const fn truth(
    name: &'static str,
    doc: &'static str,
    typing: Typing,
    eval: fn(f64, f64) -> f64,
) -> Entry {
    Entry {
        name,
        doc,
        arity: Arity::Exactly(2),
        typing,
        gradient: Gradient::Zero,
        eval: Eval::Zip(eval),
    }
}

const fn compare(name: &'static str, doc: &'static str, eval: fn(f64, f64) -> f64) -> Entry {
    let typing =
        Typing::Inferred(|operands| Ok(TensorType::new(Elem::Bool, same_elem(operands)?.dims)));
    truth(name, doc, typing, eval)
}

pub(super) const EQ: Entry = compare("eq", "`a == b`", |a, b| f64::from(a == b));
pub(super) const NE: Entry = compare("ne", "`a != b`", |a, b| f64::from(a != b));
pub(super) const LT: Entry = compare("lt", "`a < b`", |a, b| f64::from(a < b));
pub(super) const LE: Entry = compare("le", "`a <= b`", |a, b| f64::from(a <= b));
pub(super) const GT: Entry = compare("gt", "`a > b`", |a, b| f64::from(a > b));
pub(super) const GE: Entry = compare("ge", "`a >= b`", |a, b| f64::from(a >= b));

const fn logical(name: &'static str, doc: &'static str, eval: fn(f64, f64) -> f64) -> Entry {
    let typing = Typing::Inferred(|operands| {
        operands.expect_elem(0, &[Elem::Bool])?;
        same_elem(operands)
    });
    truth(name, doc, typing, eval)
}

pub(super) const AND: Entry = logical("and", "Both.", f64::min);
pub(super) const OR: Entry = logical("or", "One or both.", f64::max);

pub(super) const SELECT: Entry = Entry {
    name: "select",
    doc: "`a` where the condition holds, else `b`.",
    arity: Arity::Exactly(3),
    typing: Typing::Inferred(|operands| {
        operands.expect_elem(0, &[Elem::Bool])?;
        let elem = operands.expect_elem(1, &[Elem::F32, Elem::I64, Elem::Bool])?;
        operands.expect_elem(2, &[elem])?;
        Ok(TensorType::new(elem, operands.join()?))
    }),
    gradient: Gradient::Rule {
        keeps: &[Keep::Operand(0)],
        rule: |b, at| {
            let condition = b.x(0);
            match at {
                0 => None,
                1 => dense(node!(b.build, (Select condition { b.g } 0.0))),
                _ => dense(node!(b.build, (Select condition 0.0 { b.g }))),
            }
        },
    },
    eval: Eval::Whole(|call| {
        let (dims, joined) = call.joined()?;
        let data = (0..joined[0].len())
            .map(|at| joined[if joined[0][at] == 0.0 { 2 } else { 1 }][at])
            .collect();
        Ok(Value { dims, data })
    }),
};

fn joined(operands: &Operands) -> Result<TensorType, String> {
    operands.expect_elem(0, &[Elem::F32, Elem::I64])?;
    same_elem(operands)
}

fn same_elem(operands: &Operands) -> Result<TensorType, String> {
    let elem = operands.types[0].elem;
    if operands.types[1].elem != elem {
        return Err(format!(
            "takes operands of one element type, found {}",
            operands.show_all()
        ));
    }
    Ok(TensorType::new(elem, operands.join()?))
}

fn take(b: &mut Backward, first: NodeId, at: usize) -> NodeId {
    if at == 0 {
        node!(b.build, (Select first { b.g } 0.0))
    } else {
        node!(b.build, (Select first 0.0 { b.g }))
    }
}

fn pow_base(b: &mut Backward) -> NodeId {
    let (base, exponent) = (b.x(0), b.x(1));
    let constant = match &b.build.graph.node(exponent).op {
        Op::Const(data) if data.len() == 1 => Some(data[0]),
        _ => None,
    };
    if constant == Some(2.0) {
        return node!(b.build, (Mul { b.g } (Mul 2.0 base)));
    }
    let less = node!(b.build, (Sub exponent 1.0));
    if constant.is_some_and(|exponent| exponent >= 1.0) || is_nonzero(b.build.graph, base) {
        return node!(b.build, (Mul { b.g } (Mul exponent (Pow base less))));
    }
    let inside = node!(b.build, (Or (Ne base 0.0) (Ge exponent 1.0)));
    let base = node!(b.build, (Select inside base 1.0));
    node!(b.build, (Mul (Select inside { b.g } 0.0) (Mul exponent (Pow base less))))
}

fn pow_exponent(b: &mut Backward) -> NodeId {
    let (base, exponent) = (b.x(0), b.x(1));
    let inside = node!(b.build, (Gt base 0.0));
    let base = node!(b.build, (Select inside base 1.0));
    node!(b.build, (Mul (Select inside { b.g } 0.0) (Mul (Pow base exponent) (Log base))))
}
