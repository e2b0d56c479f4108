//! Signs, factors and divisors: they leave sums and products, where they meet each other and what they are added to.

use super::simplest;
use crate::graph::build::{Builder, node};
use crate::graph::ty::align;
use crate::graph::{Elem, NodeId, Op};
use crate::passes::rewrite::{Found, filled, operand_if};

/// How far below a factor another one is looked for.
const DEPTH: usize = 4;

/// A sign or a divisor inside of a sum, a product or a choice, outside of it.
pub(super) fn outward(build: &mut Builder, found: &Found) -> Option<NodeId> {
    let negated = |build: &Builder, at: usize| {
        operand_if(build.graph, found.operands[at], |op| *op == Op::Neg)
    };
    let positive = match (found.op, &found.operands[..]) {
        (Op::Mul | Op::Div, [a, b]) => match (negated(build, 0), negated(build, 1)) {
            (Some(inner), _) => [inner, *b].to_vec(),
            (None, Some(inner)) => [*a, inner].to_vec(),
            (None, None) => return None,
        },
        (Op::SumOver(_), [x]) => match negated(build, 0) {
            Some(inner) => vec![inner],
            None => return divided_sum(build, found, *x),
        },
        (Op::Select, [condition, _, otherwise]) if filled(build.graph, *otherwise) == Some(0.0) => {
            vec![*condition, negated(build, 1)?, *otherwise]
        }
        _ => return None,
    };
    let inner = build.typed(found.op.clone(), &positive, found.ty.clone());
    let inner = simplest(build, found, inner);
    Some(build.op(Op::Neg, &[inner]))
}

/// `sum(x / n)` where the terms of each sum have one divisor: `sum(x) / n`.
fn divided_sum(build: &mut Builder, found: &Found, quotient: NodeId) -> Option<NodeId> {
    let (Op::SumOver(axis), Op::Div) = (found.op, &build.graph.node(quotient).op) else {
        return None;
    };
    let [x, divisor] = build.graph.operands(quotient)[..] else {
        return None;
    };
    let dims = |id: NodeId| &build.graph.ty(id).dims;
    let lies = align(dims(divisor), dims(quotient))?;
    let left = lies.iter().map(|at| at - usize::from(at > axis));
    let same = align(dims(divisor), &found.ty.dims)?.into_iter().eq(left);
    if lies.contains(axis) || !same || dims(x) != dims(quotient) {
        return None;
    }
    let sum = build.typed(found.op.clone(), &[x], found.ty.clone());
    Some(build.typed(Op::Div, &[sum, divisor], found.ty.clone()))
}

/// `x + x` is `x * 2`, and factors known while compiling become one.
pub(super) fn together(build: &mut Builder, found: &Found) -> Option<NodeId> {
    if found.ty.elem != Elem::F32 {
        return None;
    }
    let [a, b] = found.operands[..] else {
        return None;
    };
    match found.op {
        Op::Add if a == b => Some(node!(build, (Mul a 2.0))),
        Op::Mul if build.graph.ty(a) == found.ty => {
            let factor = filled(build.graph, b)?;
            scaled(build, a, factor, DEPTH)
        }
        _ => None,
    }
}

/// `x * factor`, where a factor of `x` can take it in.
fn scaled(build: &mut Builder, x: NodeId, factor: f64, depth: usize) -> Option<NodeId> {
    let depth = depth.checked_sub(1)?;
    let (op, ty) = (build.graph.node(x).op.clone(), build.graph.ty(x).clone());
    let mut operands = build.graph.operands(x);
    let inner = match (&op, &operands[..]) {
        (Op::Mul, [a, b]) if let Some(own) = filled(build.graph, *b) => {
            if build.graph.ty(*a) != &ty {
                return None;
            }
            let whole = own * factor;
            return Some(if whole == 1.0 {
                *a
            } else {
                let whole = build.scalar(whole);
                build.op(Op::Mul, &[*a, whole])
            });
        }
        (Op::Mul | Op::Div | Op::Neg | Op::SumOver(_), _) => 0,
        (Op::Select, [_, _, otherwise]) if filled(build.graph, *otherwise) == Some(0.0) => 1,
        _ => return None,
    };
    let in_product = op == Op::Mul;
    let (at, new) = match scaled(build, operands[inner], factor, depth) {
        Some(new) => (inner, new),
        None if in_product => (1, scaled(build, operands[1], factor, depth)?),
        None => return None,
    };
    operands[at] = new;
    Some(build.typed(op, &operands, ty))
}
