//! Ops that are short for several others. Each has a decomposition, which defines it, and a gradient rule of its own.

use super::{
    Arity, Backward, Cotangent, Dim, Elem, Entry, Eval, Gradient, Keep, Operands, TensorType,
    Typing, Value, dense,
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

pub(super) const ATTENTION: Entry = Entry {
    name: "attention",
    doc: "`softmax(q k' / sqrt(D)) v` over the places that the mask allows, 0 where it allows none.",
    arity: Arity::Exactly(4),
    typing: Typing::Inferred(attention_type),
    gradient: Gradient::Rule {
        keeps: &[Keep::Operands],
        rule: attention_gradient,
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
        (Op::Attention, [q, k, v, mask]) => {
            let shares = shares(build, *q, *k, *mask);
            Some(node!(build, ([Op::MatMul { transpose_b: false }] shares { *v })))
        }
        _ => None,
    }
}

fn by_decomposition(call: &Call) -> Result<Value, String> {
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

fn attention_type(operands: &Operands) -> Result<TensorType, String> {
    for at in 0..3 {
        operands.expect_elem(at, &[Elem::F32])?;
    }
    operands.expect_elem(3, &[Elem::Bool])?;
    let refused = || Err(format!("cannot attend over {}", operands.show_all()));
    let [q, k, v, mask] = operands.types[..] else {
        return refused();
    };
    let ([lead @ .., t, d], [.., s, _]) = (q.dims.as_slice(), k.dims.as_slice()) else {
        return refused();
    };
    let with = |rows: &Dim, columns: &Dim| [lead, &[*rows, *columns]].concat();
    if k.dims != with(s, d) || v.dims != with(s, d) || mask.dims != with(t, s) {
        return refused();
    }
    Ok(q.clone())
}

/// What share of each value each query takes.
fn shares(build: &mut Builder, q: NodeId, k: NodeId, mask: NodeId) -> NodeId {
    let axis = build.graph.ty(mask).rank() - 1;
    let scale = attention_scale(build, q);
    let scores = node!(build, (Mul ([Op::MatMul { transpose_b: true }] q k) scale));
    let nothing = build.scalar(f64::NEG_INFINITY);
    node!(build, ([Op::Softmax(axis)] (Select mask scores nothing)))
}

fn attention_scale(build: &mut Builder, q: NodeId) -> NodeId {
    match build.graph.ty(q).dims.last() {
        Some(Dim::Fixed(width)) => build.scalar(1.0 / (*width as f64).sqrt()),
        Some(Dim::Space(space)) => {
            let size = build.op(Op::Size(*space), &[]);
            node!(build, (Div 1.0 (Sqrt size)))
        }
        None => unreachable!("the type rule asks for matrices"),
    }
}

fn attention_gradient(b: &mut Backward, at: usize) -> Option<Cotangent> {
    let (q, k, v, mask, g) = (b.x(0), b.x(1), b.x(2), b.x(3), b.g);
    let build = &mut b.build;
    let plain = Op::MatMul { transpose_b: false };
    if at == 3 {
        return None;
    }
    let shares = shares(build, q, k, mask);
    if at == 2 {
        let shares = build.transpose(shares);
        return dense(node!(build, ([plain] shares g)));
    }
    let dims = build.graph.ty(shares).dims.clone();
    let axis = dims.len() - 1;
    let of_shares = node!(build, ([Op::MatMul { transpose_b: true }] g v));
    let total = node!(build, ([Op::Expand { axis, dim: dims[axis] }] ([Op::SumOver(axis)] (Mul of_shares shares))));
    let scale = attention_scale(build, q);
    let of_scores = node!(build, (Mul (Mul shares (Sub of_shares total)) scale));
    dense(if at == 0 {
        node!(build, ([plain] of_scores k))
    } else {
        let of_scores = build.transpose(of_scores);
        node!(build, ([plain] of_scores q))
    })
}
