//! One result element for each element of the joined operands.

use super::{
    Arity, Backward, Elem, Entry, Eval, Gradient, Keep, Operands, TensorType, Typing, Value, dense,
};
use crate::graph::NodeId;
use crate::graph::bounds::{is_nonzero, is_positive};
use crate::graph::build::node;
use crate::graph::op::Op;

const X: &[Keep] = &[Keep::Operand(0)];
const Y: &[Keep] = &[Keep::Result];
const BOTH: &[Keep] = &[Keep::Operands];
const NOTHING: &[Keep] = &[];

const fn map(
    name: &'static str,
    doc: &'static str,
    eval: fn(f64) -> f64,
    gradient: Gradient,
) -> Entry {
    let typing = Typing::Inferred(|operands| {
        operands.expect_elem(0, &[Elem::F32])?;
        Ok(operands.types[0].clone())
    });
    Entry {
        name,
        doc,
        arity: Arity::Exactly(1),
        typing,
        gradient,
        eval: Eval::Map(eval),
    }
}

const fn numbers(entry: Entry) -> Entry {
    let typing = Typing::Inferred(|operands| {
        operands.expect_elem(0, &[Elem::F32, Elem::I64])?;
        Ok(operands.types[0].clone())
    });
    Entry { typing, ..entry }
}

/// The factor by which the cotangent is multiplied.
const fn factor(
    keeps: &'static [Keep],
    rule: fn(&mut Backward, usize) -> Option<super::Cotangent>,
) -> Gradient {
    Gradient::Rule { keeps, rule }
}

pub(super) const NEG: Entry = numbers(map(
    "neg",
    "`-x`",
    |x| -x,
    factor(NOTHING, |b, _| dense(node!(b.build, (Neg { b.g })))),
));

pub(super) const ABS: Entry = numbers(map(
    "abs",
    "`|x|`",
    f64::abs,
    factor(X, |b, _| {
        dense(node!(b.build, (Mul { b.g } (Sign { b.x(0) }))))
    }),
));

pub(super) const SIGN: Entry = numbers(map(
    "sign",
    "-1, 0 or 1",
    |x| if x == 0.0 { 0.0 } else { x.signum() },
    Gradient::Zero,
));

pub(super) const EXP: Entry = map(
    "exp",
    "`e^x`",
    f64::exp,
    factor(Y, |b, _| dense(node!(b.build, (Mul { b.g } { b.node })))),
);

pub(super) const EXPM1: Entry = map(
    "expm1",
    "`e^x - 1`, exact near 0",
    f64::exp_m1,
    factor(X, |b, _| {
        dense(node!(b.build, (Mul { b.g } (Exp { b.x(0) }))))
    }),
);

pub(super) const LOG: Entry = map(
    "log",
    "The natural logarithm; no cotangent passes where `x <= 0`.",
    f64::ln,
    factor(X, |b, _| {
        let x = b.x(0);
        if is_positive(b.build.graph, x) {
            return dense(node!(b.build, (Div { b.g } x)));
        }
        let inside = node!(b.build, (Gt x 0.0));
        dense(node!(b.build, (Div (Select inside { b.g } 0.0) (Select inside x 1.0))))
    }),
);

pub(super) const LOG1P: Entry = map(
    "log1p",
    "`log(1 + x)`, exact near 0; no cotangent passes where `x <= -1`.",
    f64::ln_1p,
    factor(X, |b, _| {
        let x = b.x(0);
        if is_positive(b.build.graph, x) {
            return dense(node!(b.build, (Div { b.g } (Add x 1.0))));
        }
        let inside = node!(b.build, (Gt x { b.build.scalar(-1.0) }));
        dense(node!(b.build, (Div (Select inside { b.g } 0.0) (Add 1.0 (Select inside x 0.0)))))
    }),
);

pub(super) const SQRT: Entry = map(
    "sqrt",
    "The square root; no cotangent passes where `x <= 0`.",
    f64::sqrt,
    factor(&[Keep::Operand(0), Keep::Result], |b, _| {
        let (x, y) = (b.x(0), b.node);
        if is_positive(b.build.graph, x) {
            return dense(node!(b.build, (Div (Mul { b.g } 0.5) y)));
        }
        let inside = node!(b.build, (Gt x 0.0));
        dense(node!(b.build, (Div (Mul (Select inside { b.g } 0.0) 0.5) (Select inside y 1.0))))
    }),
);

pub(super) const SIN: Entry = map(
    "sin",
    "The sine.",
    f64::sin,
    factor(X, |b, _| {
        dense(node!(b.build, (Mul { b.g } (Cos { b.x(0) }))))
    }),
);

pub(super) const COS: Entry = map(
    "cos",
    "The cosine.",
    f64::cos,
    factor(X, |b, _| {
        dense(node!(b.build, (Neg (Mul { b.g } (Sin { b.x(0) })))))
    }),
);

pub(super) const TANH: Entry = map(
    "tanh",
    "The hyperbolic tangent.",
    f64::tanh,
    factor(Y, |b, _| {
        dense(node!(b.build, (Mul { b.g } (Sub 1.0 (Mul { b.node } { b.node })))))
    }),
);

pub(super) const SIGMOID: Entry = map(
    "sigmoid",
    "`1 / (1 + e^-x)`",
    sigmoid,
    factor(Y, |b, _| {
        dense(node!(b.build, (Mul { b.g } (Mul { b.node } (Sub 1.0 { b.node })))))
    }),
);

pub(super) const LOG_SIGMOID: Entry = map(
    "log_sigmoid",
    "`log(sigmoid(x))`, exact for large `|x|`",
    |x| x.min(0.0) - (-x.abs()).exp().ln_1p(),
    factor(X, |b, _| {
        dense(node!(b.build, (Mul { b.g } (Sigmoid (Neg { b.x(0) })))))
    }),
);

pub(super) const LOG1M_EXP: Entry = map(
    "log1m_exp",
    "`log(1 - e^x)` for `x <= 0`, exact near both ends; no cotangent passes where `x >= 0`.",
    |x| {
        if x > -std::f64::consts::LN_2 {
            (-x.exp_m1()).ln()
        } else {
            (-x.exp()).ln_1p()
        }
    },
    factor(X, |b, _| {
        let x = b.x(0);
        let inside = node!(b.build, (Lt x 0.0));
        let slope = node!(b.build, (Expm1 (Neg (Select inside x { b.build.scalar(-1.0) }))));
        dense(node!(b.build, (Neg (Div (Select inside { b.g } 0.0) slope))))
    }),
);

pub(super) const ERF: Entry = map(
    "erf",
    "The Gauss error function.",
    erf,
    factor(X, |b, _| {
        let x = b.x(0);
        let slope = b.build.scalar(std::f64::consts::FRAC_2_SQRT_PI);
        dense(node!(b.build, (Mul { b.g } (Mul slope (Exp (Neg (Mul x x)))))))
    }),
);

pub(super) const RELU: Entry = map(
    "relu",
    "`max(x, 0)`, with slope 0 at 0",
    |x| if x.is_nan() { x } else { x.max(0.0) },
    factor(X, |b, _| {
        dense(node!(b.build, (Select (Gt { b.x(0) } 0.0) { b.g } 0.0)))
    }),
);

pub(super) const FLOOR: Entry = map(
    "floor",
    "The next whole number below.",
    f64::floor,
    Gradient::Zero,
);

pub(super) const NOT: Entry = Entry {
    name: "not",
    doc: "The other truth value.",
    arity: Arity::Exactly(1),
    typing: Typing::Inferred(|operands| {
        operands.expect_elem(0, &[Elem::Bool])?;
        Ok(operands.types[0].clone())
    }),
    gradient: Gradient::Zero,
    eval: Eval::Map(|x| 1.0 - x),
};

pub(super) const IS_FINITE: Entry = Entry {
    name: "is_finite",
    doc: "Whether an element is neither infinite nor NaN.",
    arity: Arity::Exactly(1),
    typing: Typing::Inferred(|operands| {
        operands.expect_elem(0, &[Elem::F32])?;
        Ok(TensorType::new(Elem::Bool, operands.types[0].dims.clone()))
    }),
    gradient: Gradient::Zero,
    eval: Eval::Map(|x| f64::from(x.is_finite())),
};

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

pub(super) const ADD: Entry = zip(
    "add",
    "`a + b`",
    |a, b| a + b,
    factor(NOTHING, |b, _| dense(b.g)),
);

pub(super) const SUB: Entry = zip(
    "sub",
    "`a - b`",
    |a, b| a - b,
    factor(NOTHING, |b, at| {
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
    factor(BOTH, |b, at| {
        dense(node!(b.build, (Mul { b.g } { b.x(1 - at) })))
    }),
);

pub(super) const DIV: Entry = floats(zip(
    "div",
    "`a / b`; no cotangent passes where `b` is 0.",
    |a, b| a / b,
    factor(&[Keep::Operand(1), Keep::Result], |b, at| {
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
    factor(BOTH, |b, at| {
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
    factor(BOTH, |b, at| {
        let first = node!(b.build, (Ge { b.x(0) } { b.x(1) }));
        dense(take(b, first, at))
    }),
);

pub(super) const MIN: Entry = zip(
    "min",
    "The smaller; of equals the first takes the cotangent.",
    |a, b| if a <= b || a.is_nan() { a } else { b },
    factor(BOTH, |b, at| {
        let first = node!(b.build, (Le { b.x(0) } { b.x(1) }));
        dense(take(b, first, at))
    }),
);

const fn compare(name: &'static str, doc: &'static str, eval: fn(f64, f64) -> f64) -> Entry {
    let typing =
        Typing::Inferred(|operands| Ok(TensorType::new(Elem::Bool, same_elem(operands)?.dims)));
    Entry {
        name,
        doc,
        arity: Arity::Exactly(2),
        typing,
        gradient: Gradient::Zero,
        eval: Eval::Zip(eval),
    }
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
    Entry {
        name,
        doc,
        arity: Arity::Exactly(2),
        typing,
        gradient: Gradient::Zero,
        eval: Eval::Zip(eval),
    }
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
        keeps: X,
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

pub(super) fn sigmoid(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + (-x).exp())
    } else {
        x.exp() / (1.0 + x.exp())
    }
}

/// By its Taylor series near 0 and a continued fraction for the complement beyond, both to the last bits.
fn erf(x: f64) -> f64 {
    let square = x * x;
    if x.abs() < 2.5 {
        let mut term = x;
        let mut sum = x;
        let mut n = 0.0;
        while term.abs() > 1e-17 * sum.abs() {
            n += 1.0;
            term *= -square / n;
            sum += term / (2.0 * n + 1.0);
        }
        return sum * std::f64::consts::FRAC_2_SQRT_PI;
    }
    if x.abs() > 6.5 || x.is_nan() {
        return if x.is_nan() { x } else { x.signum() };
    }
    let fraction = (1..80)
        .rev()
        .fold(0.0, |below, n| f64::from(n) / 2.0 / (x.abs() + below));
    let complement = (-square).exp() / (std::f64::consts::PI.sqrt() * (x.abs() + fraction));
    x.signum() * (1.0 - complement)
}
