//! Along one axis.

use super::{
    Arity, Backward, Cotangent, Dim, Elem, Entry, Eval, Gradient, Keep, Operands, TensorType,
    Typing, dense,
};
use crate::graph::NodeId;
use crate::graph::build::node;
use crate::graph::op::Op;

const X: &[Keep] = &[Keep::Operand(0)];

/// An op of one operand that is evaluated lane by lane along its axis.
const fn lane(
    name: &'static str,
    doc: &'static str,
    typing: Typing,
    gradient: Gradient,
    eval: fn(&Op, &[f64]) -> Vec<f64>,
) -> Entry {
    Entry {
        name,
        doc,
        arity: Arity::Exactly(1),
        typing,
        gradient,
        eval: Eval::Lane(eval),
    }
}

const fn reduction(
    name: &'static str,
    doc: &'static str,
    gradient: Gradient,
    eval: fn(&Op, &[f64]) -> Vec<f64>,
) -> Entry {
    let typing = Typing::Inferred(|operands| {
        let elem = operands.expect_elem(0, &[Elem::F32, Elem::I64])?;
        dropped(operands, elem)
    });
    lane(name, doc, typing, gradient, eval)
}

const fn scan(
    name: &'static str,
    doc: &'static str,
    gradient: Gradient,
    eval: fn(&Op, &[f64]) -> Vec<f64>,
) -> Entry {
    let typing = Typing::Inferred(|operands| {
        operands.expect_elem(0, &[Elem::F32])?;
        operands.expect_axis(axis(operands.op))?;
        Ok(operands.types[0].clone())
    });
    lane(name, doc, typing, gradient, eval)
}

pub(super) const SUM_OVER: Entry = reduction(
    "sum",
    "The sum along an axis.",
    Gradient::Rule {
        keeps: &[],
        rule: |b, _| dense(expand(b, b.g)),
    },
    |_, lane| vec![lane.iter().sum()],
);

pub(super) const MAX_OVER: Entry = reduction(
    "max_over",
    "The largest element along an axis, `-inf` along an empty one; of equals the first takes the cotangent.",
    Gradient::Rule {
        keeps: X,
        rule: max_over_gradient,
    },
    |_, lane| vec![largest(lane)],
);

pub(super) const ARGMAX: Entry = Entry {
    name: "argmax",
    doc: "The first index of the largest element along an axis.",
    arity: Arity::Exactly(1),
    typing: Typing::Inferred(|operands| dropped(operands, Elem::I64)),
    gradient: Gradient::Zero,
    eval: Eval::Lane(|_, lane| {
        let largest = largest(lane);
        vec![
            lane.iter()
                .position(|x| *x == largest || x.is_nan())
                .unwrap_or(0) as f64,
        ]
    }),
};

pub(super) const LOG_SUM_EXP: Entry = Entry {
    typing: Typing::Inferred(|operands| {
        operands.expect_elem(0, &[Elem::F32])?;
        dropped(operands, Elem::F32)
    }),
    ..reduction(
        "logsumexp",
        "`log(sum(e^x))` along an axis, `-inf` where all elements are.",
        Gradient::Rule {
            keeps: X,
            rule: |b, _| {
                let axis = axis(&b.op());
                let g = expand(b, b.g);
                dense(node!(b.build, (Mul g ([Op::Softmax(axis)] { b.x(0) }))))
            },
        },
        |_, lane| vec![log_sum_exp(lane)],
    )
};

pub(super) const SOFTMAX: Entry = scan(
    "softmax",
    "`e^x / sum(e^x)` along an axis, 0 where all elements are `-inf`.",
    Gradient::Rule {
        keeps: &[Keep::Result],
        rule: |b, _| {
            let axis = axis(&b.op());
            let weighted = node!(b.build, (Mul { b.g } { b.node }));
            let total = node!(b.build, ([Op::SumOver(axis)] weighted));
            let total = expand(b, total);
            dense(node!(b.build, (Mul { b.node } (Sub { b.g } total))))
        },
    },
    |_, lane| {
        let top = largest(lane);
        if top == f64::NEG_INFINITY {
            return vec![0.0; lane.len()];
        }
        let total: f64 = lane.iter().map(|x| (x - top).exp()).sum();
        lane.iter().map(|x| (x - top).exp() / total).collect()
    },
);

pub(super) const CUM_SUM: Entry = scan(
    "cumsum",
    "Running sums along an axis.",
    Gradient::Rule {
        keeps: &[],
        rule: |b, _| {
            let axis = axis(&b.op());
            dense(
                node!(b.build, ([Op::Flip(axis)] ([Op::CumSum(axis)] ([Op::Flip(axis)] { b.g })))),
            )
        },
    },
    |_, lane| {
        lane.iter()
            .scan(0.0, |sum, x| {
                *sum += x;
                Some(*sum)
            })
            .collect()
    },
);

pub(super) const CUM_LOG_SUM_EXP: Entry = scan(
    "cumlogsumexp",
    "Running `log(sum(e^x))` along an axis.",
    Gradient::Rule {
        keeps: &[Keep::Operand(0), Keep::Result],
        rule: |b, _| {
            // In log space, so that no quotient of exponentials overflows: parts of either sign by themselves.
            let gain = cum_log_sum_exp_part(b, b.g);
            let negated = node!(b.build, (Neg { b.g }));
            let loss = cum_log_sum_exp_part(b, negated);
            dense(node!(b.build, (Sub gain loss)))
        },
    },
    |_, lane| {
        (1..=lane.len())
            .map(|end| log_sum_exp(&lane[..end]))
            .collect()
    },
);

pub(super) const ARGSORT: Entry = Entry {
    name: "argsort",
    doc: "The indices that sort an axis in ascending order; equals keep their order.",
    arity: Arity::Exactly(1),
    typing: Typing::Inferred(|operands| {
        operands.expect_axis(axis(operands.op))?;
        Ok(TensorType::new(Elem::I64, operands.types[0].dims.clone()))
    }),
    gradient: Gradient::Zero,
    eval: Eval::Lane(|_, lane| sorted(lane, f64::total_cmp)),
};

pub(super) const TOP_K: Entry = Entry {
    name: "top_k",
    doc: "The indices of the `k` largest elements along an axis, largest first; equals keep their order.",
    arity: Arity::Exactly(1),
    typing: Typing::Inferred(|operands| {
        let Op::TopK { axis, k } = *operands.op else {
            unreachable!("the entry of top_k")
        };
        operands.expect_axis(axis)?;
        let mut dims = operands.types[0].dims.clone();
        if matches!(dims[axis], Dim::Fixed(size) if k > size) {
            return Err(format!(
                "finds no {k} elements on axis {axis} of {}",
                operands.show(0)
            ));
        }
        dims[axis] = Dim::Fixed(k);
        Ok(TensorType::new(Elem::I64, dims))
    }),
    gradient: Gradient::Zero,
    eval: Eval::Lane(|op, lane| {
        let Op::TopK { k, .. } = op else {
            unreachable!("the entry of top_k")
        };
        let mut order = sorted(lane, |a, b| b.total_cmp(a));
        order.truncate(*k);
        order
    }),
};

fn axis(op: &Op) -> usize {
    op.axis().expect("ops of this family have an axis")
}

fn dropped(operands: &Operands, elem: Elem) -> Result<TensorType, String> {
    let axis = axis(operands.op);
    operands.expect_axis(axis)?;
    let mut dims = operands.types[0].dims.clone();
    dims.remove(axis);
    Ok(TensorType::new(elem, dims))
}

/// Repeats a value of the result's type along the axis that the op has dropped.
fn expand(b: &mut Backward, value: NodeId) -> NodeId {
    let axis = axis(&b.op());
    let dim = b.ty(0).dims[axis];
    b.build.op(Op::Expand { axis, dim }, &[value])
}

fn max_over_gradient(b: &mut Backward, _: usize) -> Option<Cotangent> {
    let axis = axis(&b.op());
    let ty = b.ty(0);
    let first = node!(b.build, ([Op::Argmax(axis)] { b.x(0) }));
    if axis + 1 == ty.rank() {
        return dense(node!(b.build, ([Op::Place(ty.dims[axis])] { b.g } first)));
    }
    let first = expand(b, first);
    let at = b.build.iota_along(&ty.dims, axis);
    let g = expand(b, b.g);
    dense(node!(b.build, (Select (Eq at first) g 0.0)))
}

/// `sum over later i of max(g_i, 0) * e^(x - y_i)`.
fn cum_log_sum_exp_part(b: &mut Backward, g: NodeId) -> NodeId {
    let axis = axis(&b.op());
    let nothing = b.build.scalar(f64::NEG_INFINITY);
    let terms =
        node!(b.build, (Select (IsFinite { b.node }) (Sub (Log (Relu g)) { b.node }) nothing));
    let later =
        node!(b.build, ([Op::Flip(axis)] ([Op::CumLogSumExp(axis)] ([Op::Flip(axis)] terms))));
    node!(b.build, (Exp (Add { b.x(0) } later)))
}

fn largest(lane: &[f64]) -> f64 {
    lane.iter().fold(f64::NEG_INFINITY, |top, x| {
        if x.is_nan() || *x > top { *x } else { top }
    })
}

fn log_sum_exp(lane: &[f64]) -> f64 {
    let top = largest(lane);
    if top.is_infinite() {
        top
    } else {
        top + lane.iter().map(|x| (x - top).exp()).sum::<f64>().ln()
    }
}

fn sorted(lane: &[f64], by: fn(&f64, &f64) -> std::cmp::Ordering) -> Vec<f64> {
    let mut order: Vec<usize> = (0..lane.len()).collect();
    order.sort_by(|a, b| by(&lane[*a], &lane[*b]));
    order.into_iter().map(|at| at as f64).collect()
}
