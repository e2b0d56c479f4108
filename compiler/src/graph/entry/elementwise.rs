//! One result element for each element of the operand.

use super::{Arity, Backward, Elem, Entry, Eval, Gradient, Keep, TensorType, Typing, dense};
use crate::graph::bounds::is_positive;
use crate::graph::build::node;

const X: &[Keep] = &[Keep::Operand(0)];
const Y: &[Keep] = &[Keep::Result];
const NOTHING: &[Keep] = &[];

/// An op of one operand of floats.
pub(super) const fn map(
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
    // The result is above 0 where the operand is, so the operand need not be kept.
    factor(Y, |b, _| {
        dense(node!(b.build, (Select (Gt { b.node } 0.0) { b.g } 0.0)))
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
