//! Ops that are short for several others. Each has a decomposition, which defines it, and a gradient rule of its own.

use super::attention::Padded;
use super::{
    Arity, Backward, Cotangent, Dim, Elem, Entry, Eval, Gradient, Keep, TensorType, Typing, Value,
    dense,
};
use crate::graph::build::{Builder, node};
use crate::graph::eval::{Call, Env, evaluate};
use crate::graph::op::Op;
use crate::graph::{Graph, NodeId, Site};

pub(super) const BAG: Entry = Entry {
    name: "bag",
    doc: "The sum of the looked-up rows of each list: `table, ids i64[L], segments i64[L] -> f32[P, D]`.",
    arity: Arity::Exactly(3),
    typing: Typing::Inferred(|operands| {
        let Op::Bag { parent } = operands.op else {
            unreachable!("the entry of bag")
        };
        operands.expect_elem(1, &[Elem::I64])?;
        operands.expect_elem(2, &[Elem::I64])?;
        if operands.types[0].rank() != 2
            || operands.types[1].rank() != 1
            || operands.types[1] != operands.types[2]
        {
            return Err(format!(
                "takes a table, ids and segments, found {}",
                operands.show_all()
            ));
        }
        Ok(TensorType::new(
            Elem::F32,
            [Dim::Space(*parent), operands.types[0].dims[1]],
        ))
    }),
    gradient: Gradient::Rule {
        keeps: &[Keep::Operand(1), Keep::Operand(2)],
        rule: |b, at| {
            let (ids, segments) = (b.x(1), b.x(2));
            if at != 0 {
                return None;
            }
            Some(Cotangent::Rows {
                ids,
                values: node!(b.build, (Gather { b.g } segments)),
            })
        },
    },
    eval: Eval::Whole(by_decomposition),
};

pub(super) const SOFTMAX_XENT: Entry = Entry {
    name: "softmax_xent",
    doc: "Softmax cross-entropy of scores against a column: `f32[S.., C], i64[S..] -> f32[S..]`.",
    arity: Arity::Exactly(2),
    typing: Typing::Inferred(|operands| {
        operands.expect_elem(0, &[Elem::F32])?;
        operands.expect_elem(1, &[Elem::I64])?;
        match operands.types[0].dims.split_last() {
            Some((_, rest)) if rest == operands.types[1].dims => {
                Ok(TensorType::new(Elem::F32, rest))
            }
            _ => Err(format!(
                "takes a column a row of scores, found {}",
                operands.show_all()
            )),
        }
    }),
    gradient: Gradient::Rule {
        keeps: &[Keep::Operands],
        rule: |b, at| {
            let (scores, column, g) = (b.x(0), b.x(1), b.g);
            let ty = b.ty(0);
            let axis = ty.rank() - 1;
            let dim = ty.dims[axis];
            if at != 0 {
                return None;
            }
            let spread =
                node!(b.build, (Mul ([Op::Softmax(axis)] scores) ([Op::Expand { axis, dim }] g)));
            dense(node!(b.build, (Sub spread ([Op::Place(dim)] g column))))
        },
    },
    eval: Eval::Whole(by_decomposition),
};

pub(super) const BCE_LOGITS: Entry = Entry {
    name: "bce_logits",
    doc: "Binary cross-entropy of logits against targets between 0 and 1, elementwise.",
    arity: Arity::Exactly(2),
    typing: Typing::Inferred(|operands| {
        operands.expect_elem(0, &[Elem::F32])?;
        operands.expect_elem(1, &[Elem::F32])?;
        Ok(TensorType::new(Elem::F32, operands.join()?))
    }),
    gradient: Gradient::Rule {
        keeps: &[Keep::Operands],
        rule: |b, at| {
            let (logit, target, g) = (b.x(0), b.x(1), b.g);
            dense(match at {
                0 => node!(b.build, (Mul g (Sub (Sigmoid logit) target))),
                _ => node!(b.build, (Neg (Mul g logit))),
            })
        },
    },
    eval: Eval::Whole(by_decomposition),
};

pub(super) const LAYER_NORM: Entry = Entry {
    name: "layer_norm",
    doc: "The innermost dimension brought to mean 0 and variance 1; `eps` is added to the variance.",
    arity: Arity::Exactly(1),
    typing: Typing::Inferred(|operands| {
        operands.expect_elem(0, &[Elem::F32])?;
        if operands.types[0].rank() == 0 {
            return Err(format!("takes rows, found {}", operands.show(0)));
        }
        Ok(operands.types[0].clone())
    }),
    gradient: Gradient::Rule {
        keeps: &[Keep::Operand(0), Keep::Result],
        rule: layer_norm_gradient,
    },
    eval: Eval::Whole(by_decomposition),
};

/// The ops that a composite is short for, on the same operands; none for other ops.
pub fn decompose(build: &mut Builder, op: &Op, operands: &[NodeId]) -> Option<NodeId> {
    match (op, operands) {
        (Op::Bag { parent }, [table, ids, segments]) => {
            let sum = Op::ScatterAdd(Dim::Space(*parent));
            Some(node!(build, ([sum] (Lookup { *table } { *ids }) { *segments })))
        }
        (Op::SoftmaxXent, [scores, column]) => {
            let axis = build.graph.ty(*scores).rank() - 1;
            Some(
                node!(build, (Sub ([Op::LogSumExp(axis)] { *scores }) (Pick { *scores } { *column }))),
            )
        }
        (Op::BceLogits, [logit, target]) => {
            let linear = node!(build, (Sub (Relu { *logit }) (Mul { *logit } { *target })));
            Some(node!(build, (Add linear (Log1p (Exp (Neg (Abs { *logit })))))))
        }
        (Op::LayerNorm { eps }, [x]) => {
            let centred = centred(build, *x);
            let deviation = deviation(build, centred, *eps);
            Some(node!(build, (Div centred deviation)))
        }
        (Op::Attention { heads, causal }, _) => {
            let (heads, causal) = (*heads, *causal);
            let padded = Padded::new(build, operands, heads, causal);
            Some(padded.result(build))
        }
        (Op::AttentionGradient { heads, causal, of }, [of_result @ .., g]) => {
            let (heads, causal, of) = (*heads, *causal, *of);
            let padded = Padded::new(build, of_result, heads, causal);
            Some(padded.gradient(build, *g, of))
        }
        _ => None,
    }
}

pub(super) fn by_decomposition(call: &Call) -> Result<Value, String> {
    let mut graph = Graph {
        spaces: call.graph.spaces.clone(),
        ..Graph::new(call.op.entry().name)
    };
    let mut env = Env {
        sizes: call.sizes.clone(),
        ..Env::default()
    };
    let mut build = Builder {
        graph: &mut graph,
        site: Site::default(),
    };
    let mut operands = Vec::new();
    for (at, (ty, value)) in call.types.iter().zip(&call.operands).enumerate() {
        operands.push(build.typed(Op::Input(at.to_string()), &[], (*ty).clone()));
        env.inputs.insert(at.to_string(), (*value).clone());
    }
    let result = decompose(&mut build, call.op, &operands).ok_or("has no decomposition")?;
    graph.outputs.push(("result".to_owned(), result));
    let values = evaluate(&graph, &env).map_err(|error| error.message)?;
    Ok(values.get(result).expect("outputs are evaluated").clone())
}

/// The mean along the innermost axis, repeated along it.
fn mean(build: &mut Builder, x: NodeId) -> NodeId {
    let dims = build.graph.ty(x).dims.clone();
    let axis = dims.len() - 1;
    let size = build.extent(dims[axis]);
    node!(build, ([Op::Expand { axis, dim: dims[axis] }] (Div ([Op::SumOver(axis)] x) size)))
}

fn centred(build: &mut Builder, x: NodeId) -> NodeId {
    let mean = mean(build, x);
    node!(build, (Sub x mean))
}

fn deviation(build: &mut Builder, centred: NodeId, eps: f64) -> NodeId {
    let square = node!(build, (Mul centred centred));
    let variance = mean(build, square);
    node!(build, (Sqrt (Add variance { build.scalar(eps) })))
}

/// With `y` the result: `(g - mean(g) - y mean(g y)) / deviation`.
fn layer_norm_gradient(b: &mut Backward, _: usize) -> Option<Cotangent> {
    let Op::LayerNorm { eps } = b.op() else {
        unreachable!("the entry of layer_norm")
    };
    let (x, y, g) = (b.x(0), b.node, b.g);
    let build = &mut b.build;
    let around = centred(build, x);
    let deviation = deviation(build, around, eps);
    let along = node!(build, (Mul g y));
    let along = mean(build, along);
    let even = mean(build, g);
    dense(node!(build, (Div (Sub (Sub g even) (Mul y along)) deviation)))
}
