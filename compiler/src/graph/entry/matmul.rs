//! The batched matrix product.

use super::{
    Arity, Backward, Cotangent, Elem, Entry, Eval, Gradient, Keep, Operands, TensorType, Typing,
    Value, dense,
};
use crate::graph::NodeId;
use crate::graph::eval::Call;
use crate::graph::op::Op;

pub(super) const MATMUL: Entry = Entry {
    name: "matmul",
    doc: "`[S.., M, K] x [S.., K, N] -> [S.., M, N]`; an operand without the leading dimensions is shared.",
    arity: Arity::Exactly(2),
    typing: Typing::Inferred(matmul_type),
    gradient: Gradient::Rule {
        keeps: &[Keep::Operands],
        rule: matmul_gradient,
    },
    eval: Eval::Whole(matmul_value),
};

fn transposed(op: &Op) -> bool {
    let Op::MatMul { transpose_b } = op else {
        unreachable!("the entry of matmul")
    };
    *transpose_b
}

fn matmul_type(operands: &Operands) -> Result<TensorType, String> {
    operands.expect_elem(0, &[Elem::F32])?;
    operands.expect_elem(1, &[Elem::F32])?;
    let ([.., m, k], [.., p, q]) = (
        operands.types[0].dims.as_slice(),
        operands.types[1].dims.as_slice(),
    ) else {
        return Err(format!("takes matrices, found {}", operands.show_all()));
    };
    let (inner, n) = if transposed(operands.op) {
        (q, p)
    } else {
        (p, q)
    };
    if k != inner {
        return Err(format!(
            "takes operands with one inner dimension, found {}",
            operands.show_all()
        ));
    }
    let lead = |at: usize| &operands.types[at].dims[..operands.types[at].rank() - 2];
    let shared = if lead(0).is_empty() { lead(1) } else { lead(0) };
    if !lead(1).is_empty() && lead(1) != shared {
        return Err(format!(
            "takes operands with the same leading dimensions, found {}",
            operands.show_all()
        ));
    }
    let mut dims = shared.to_vec();
    dims.extend([*m, *n]);
    Ok(TensorType::new(Elem::F32, dims))
}

fn matmul_gradient(b: &mut Backward, at: usize) -> Option<Cotangent> {
    let transpose_b = transposed(&b.op());
    let (left, right, g) = (b.x(0), b.x(1), b.g);
    let shared = b.ty(at).rank() == 2 && b.build.graph.ty(g).rank() > 2;
    let plain = |b: &mut Backward, x: NodeId, y: NodeId| {
        b.build.op(Op::MatMul { transpose_b: false }, &[x, y])
    };
    if at == 0 {
        let whole = b.build.op(
            Op::MatMul {
                transpose_b: !transpose_b,
            },
            &[g, right],
        );
        let ty = b.ty(0);
        return dense(if shared {
            b.build.fit(whole, &ty)
        } else {
            whole
        });
    }
    // With the right operand shared, rows of all leading dimensions are summed by the product itself.
    let (left, g) = if shared {
        let lead = b.build.graph.ty(g).rank() - 1;
        (b.build.merge(left, lead), b.build.merge(g, lead))
    } else {
        (left, g)
    };
    let (x, y) = if transpose_b { (g, left) } else { (left, g) };
    let x = b.build.transpose(x);
    dense(plain(b, x, y))
}

fn matmul_value(call: &Call) -> Result<Value, String> {
    let (a, b) = (call.operands[0], call.operands[1]);
    let (m, k) = (a.dims[a.dims.len() - 2], a.dims[a.dims.len() - 1]);
    let (p, q) = (b.dims[b.dims.len() - 2], b.dims[b.dims.len() - 1]);
    let (n, step, hop) = if transposed(call.op) {
        (p, 1, q)
    } else {
        (q, q, 1)
    };
    let lead = if a.dims.len() >= b.dims.len() {
        &a.dims[..a.dims.len() - 2]
    } else {
        &b.dims[..b.dims.len() - 2]
    };
    let batches: usize = lead.iter().product();
    let offset =
        |x: &Value, batch: usize, size: usize| if x.dims.len() == 2 { 0 } else { batch * size };
    let mut data = Vec::with_capacity(batches * m * n);
    for batch in 0..batches {
        let (left, right) = (offset(a, batch, m * k), offset(b, batch, k * n));
        for row in 0..m {
            for column in 0..n {
                let products = (0..k)
                    .map(|i| a.data[left + row * k + i] * b.data[right + i * step + column * hop]);
                data.push(products.sum());
            }
        }
    }
    let mut dims = lead.to_vec();
    dims.extend([m, n]);
    Ok(Value { dims, data })
}
