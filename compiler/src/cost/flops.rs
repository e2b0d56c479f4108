//! Operations on numbers: a multiplication, an addition, a comparison or a function of a number is one each. What only moves
//! numbers is none.

use super::sizes::Sizes;
use super::{Amount, model::width};
use crate::graph::{Graph, NodeId, Op, UpdateRule};

/// All operations of one execution.
pub(super) fn all(graph: &Graph, sizes: &Sizes) -> Amount {
    let order = graph.order().into_iter();
    order.map(|id| of_node(graph, id, sizes)).sum()
}

/// The operations of a node. Every op is named, so that a new one is not forgotten.
pub(super) fn of_node(graph: &Graph, id: NodeId, sizes: &Sizes) -> Amount {
    let node = graph.node(id);
    let operands = graph.operands(id);
    let result = sizes.elements(&node.ty);
    let of = |at: usize| {
        operands
            .get(at)
            .map_or(Amount::ZERO, |id| sizes.elements(graph.ty(*id)))
    };
    match &node.op {
        Op::Input(_) | Op::Const(_) | Op::Iota | Op::Size(_) | Op::Param(_) | Op::Table(_) => {
            Amount::ZERO
        }
        Op::Reshape | Op::Permute(_) | Op::Broadcast | Op::Expand { .. } | Op::Flip(_) => {
            Amount::ZERO
        }
        Op::Slice { .. } | Op::Concat { .. } | Op::PadList { .. } | Op::UnpadList | Op::Cast(_) => {
            Amount::ZERO
        }
        Op::Gather | Op::Pick | Op::Place(_) | Op::Lookup | Op::Select => Amount::ZERO,
        Op::Stop | Op::Assign { .. } => Amount::ZERO,
        Op::Neg | Op::Abs | Op::Sign | Op::Exp | Op::Expm1 | Op::Log | Op::Log1p | Op::Sqrt => {
            result
        }
        Op::Sin | Op::Cos | Op::Tanh | Op::Sigmoid | Op::LogSigmoid | Op::Log1mExp | Op::Erf => {
            result
        }
        Op::Relu
        | Op::Floor
        | Op::Not
        | Op::IsFinite
        | Op::Reverse(_)
        | Op::RoundStraightThrough => result,
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Pow | Op::Max | Op::Min => result,
        Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge | Op::And | Op::Or => result,
        Op::RandomUniform | Op::RandomNormal => result,
        // One for each number that is read.
        Op::ScatterAdd(_) | Op::ScatterMax(_) | Op::SumOver(_) | Op::MaxOver(_) | Op::Argmax(_) => {
            of(0)
        }
        Op::CumSum(_) => of(0),
        // An exponential, a sum and what is left: a largest, a difference, a quotient.
        Op::LogSumExp(_) => of(0).times(4),
        Op::Softmax(_) | Op::CumLogSumExp(_) => of(0).times(5),
        Op::SoftmaxXent => of(0).times(4),
        Op::BceLogits => result.times(6),
        Op::LayerNorm { .. } => result.times(7),
        Op::Argsort(_) | Op::TopK { .. } | Op::Unique | Op::UniqueInverse => sorted(of(0)),
        Op::MatMul { .. } => {
            let inner = graph.ty(operands[0]).dims.last().copied();
            let inner = inner.map_or(Amount::exact(1), |dim| sizes.dim(dim));
            (result * inner).times(2)
        }
        Op::Bag { .. } => {
            let width = node
                .ty
                .dims
                .last()
                .copied()
                .map_or(Amount::ZERO, |dim| sizes.dim(dim));
            of(1) * width
        }
        Op::Attention => {
            let longest = graph.ty(operands[0]).dims.iter().rev().nth(1).copied();
            let longest = longest.map_or(Amount::exact(1), |dim| sizes.dim(dim));
            // Two products, and a softmax over the scores between them.
            (of(0) * longest).times(4) + of(3).times(5)
        }
        Op::GlobalNorm => operands
            .iter()
            .map(|id| sizes.elements(graph.ty(*id)).times(2))
            .sum(),
        Op::Update { rule, .. } => {
            let gradient = operands
                .last()
                .map_or(Amount::ZERO, |id| sizes.elements(graph.ty(*id)));
            gradient.times(of_update(*rule))
        }
    }
}

/// Operations of an update on a number.
fn of_update(rule: UpdateRule) -> u64 {
    match rule {
        UpdateRule::Sgd { momentum: 0.0 } => 2,
        UpdateRule::Sgd { .. } => 4,
        UpdateRule::Adagrad { .. } => 7,
        UpdateRule::RowwiseAdagrad { .. } => 4,
        UpdateRule::Adam { .. } => 12,
        UpdateRule::AdamW { .. } => 13,
    }
}

/// Comparisons of a sort.
fn sorted(elements: Amount) -> Amount {
    elements.times(u64::from(elements.count.max(2).ilog2()))
}

/// Bytes of a value of a node, whether or not it has memory of its own.
pub(super) fn value_bytes(graph: &Graph, id: NodeId, sizes: &Sizes) -> Amount {
    let ty = graph.ty(id);
    sizes.elements(ty).times(width(ty.elem))
}

#[cfg(test)]
mod tests {
    use super::{Amount, Graph, Op, Sizes, of_node};
    use crate::graph::{Dim, Elem, Site, Space, SpaceId, SpaceKind, TensorType, UpdateRule};

    const B: Dim = Dim::Space(SpaceId(0));

    fn ty(elem: Elem, dims: &[Dim]) -> TensorType {
        TensorType::new(elem, dims)
    }

    /// The operations of an op on operands of these types, with ten rows in B.
    fn flops(op: Op, operands: &[TensorType], result: TensorType) -> u64 {
        let mut graph = Graph::new("g");
        graph.add_space(Space {
            name: "B".to_owned(),
            kind: SpaceKind::Batch,
        });
        let ids: Vec<_> = operands
            .iter()
            .map(|ty| graph.add(Op::Input("x".to_owned()), &[], ty.clone(), Site::default()))
            .collect();
        let node = graph.add(op, &ids, result, Site::default());
        of_node(&graph, node, &Sizes::of(vec![Amount::exact(10)])).count
    }

    #[test]
    fn operations_are_those_of_the_formula() {
        let f = |dims: &[Dim]| ty(Elem::F32, dims);
        let (four, eight) = (Dim::Fixed(4), Dim::Fixed(8));
        let matmul = Op::MatMul { transpose_b: false };
        let adam = UpdateRule::Adam {
            beta1: 0.9,
            beta2: 0.999,
            eps: 1e-8,
        };
        let update = Op::Update {
            path: "w".to_owned(),
            rule: adam,
        };
        for (op, operands, result, expected) in [
            (Op::Add, vec![f(&[B, four]); 2], f(&[B, four]), 40),
            (
                matmul,
                vec![f(&[B, four]), f(&[four, eight])],
                f(&[B, eight]),
                2 * 10 * 4 * 8,
            ),
            (Op::SumOver(1), vec![f(&[B, eight])], f(&[B]), 80),
            (Op::Softmax(1), vec![f(&[B, four])], f(&[B, four]), 200),
            (
                Op::Gather,
                vec![f(&[four, eight]), ty(Elem::I64, &[B])],
                f(&[B, eight]),
                0,
            ),
            (update, vec![f(&[]), f(&[four, eight])], f(&[]), 12 * 32),
            (
                Op::Unique,
                vec![ty(Elem::I64, &[B])],
                ty(Elem::I64, &[B]),
                30,
            ),
            (Op::GlobalNorm, vec![f(&[four]), f(&[eight])], f(&[]), 24),
        ] {
            let name = format!("{op:?}");
            assert_eq!(flops(op, &operands, result), expected, "{name}");
        }
    }
}
