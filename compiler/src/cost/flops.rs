//! Operations on numbers: a multiplication, an addition, a comparison or a function of a number is one each. What only moves
//! numbers is none.

use super::sizes::Sizes;
use super::{Amount, Sure, model::width};
use crate::graph::{Dim, Graph, NodeId, Op, SpaceKind, UpdateRule};

/// All operations of one execution.
pub(super) fn all(graph: &Graph, sizes: &Sizes) -> Amount {
    let order = graph.order().into_iter();
    order.map(|id| of_node(graph, id, sizes)).sum()
}

/// How the operations of an op are counted.
enum Count {
    /// It moves numbers.
    None,
    /// So many for each number of the result.
    OfResult(u64),
    /// So many for each number of the first operand.
    OfFirst(u64),
    /// As many as a sort of the first operand compares.
    Sort,
    /// By a formula of its own.
    Own(fn(&Node<'_>) -> Amount),
}

/// A node with the sizes around it.
struct Node<'a> {
    graph: &'a Graph,
    id: NodeId,
    operands: Vec<NodeId>,
    sizes: &'a Sizes,
}

impl Node<'_> {
    fn result(&self) -> Amount {
        self.sizes.elements(self.graph.ty(self.id))
    }

    /// The elements of an operand.
    fn of(&self, at: usize) -> Amount {
        let operand = self.operands.get(at);
        operand.map_or(Amount::ZERO, |id| self.sizes.elements(self.graph.ty(*id)))
    }

    /// The last dimension of the first operand.
    fn last(&self) -> Amount {
        let ty = self.operands.first().map(|id| self.graph.ty(*id));
        let dim = ty.and_then(|ty| ty.dims.last().copied());
        dim.map_or(Amount::exact(1), |dim| self.sizes.dim(dim))
    }
}

/// The operations of a node.
pub(super) fn of_node(graph: &Graph, id: NodeId, sizes: &Sizes) -> Amount {
    let node = Node {
        graph,
        id,
        operands: graph.operands(id),
        sizes,
    };
    match count(&graph.node(id).op) {
        Count::None => Amount::ZERO,
        Count::OfResult(each) => node.result().times(each),
        Count::OfFirst(each) => node.of(0).times(each),
        Count::Sort => sorted(node.of(0)),
        Count::Own(formula) => formula(&node),
    }
}

/// How each op is counted. All are named, so that a new one is not forgotten.
fn count(op: &Op) -> Count {
    match op {
        Op::Input(_) | Op::Const(_) | Op::Iota | Op::Size(_) | Op::Param(_) | Op::Table(_) => {
            Count::None
        }
        Op::Reshape | Op::Permute(_) | Op::Broadcast | Op::Expand { .. } | Op::Flip(_) => {
            Count::None
        }
        Op::Slice { .. } | Op::Concat { .. } | Op::PadList { .. } | Op::UnpadList => Count::None,
        Op::Gather | Op::Pick | Op::Place(_) | Op::Lookup | Op::Select | Op::Cast(_) => Count::None,
        Op::Stop | Op::Assign { .. } => Count::None,
        Op::Neg | Op::Abs | Op::Sign | Op::Exp | Op::Expm1 | Op::Log | Op::Log1p | Op::Sqrt => {
            Count::OfResult(1)
        }
        Op::Sin | Op::Cos | Op::Tanh | Op::Sigmoid | Op::LogSigmoid | Op::Log1mExp | Op::Erf => {
            Count::OfResult(1)
        }
        Op::Relu | Op::Floor | Op::Not | Op::IsFinite | Op::Reverse(_) => Count::OfResult(1),
        Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Pow | Op::Max | Op::Min => Count::OfResult(1),
        Op::Eq | Op::Ne | Op::Lt | Op::Le | Op::Gt | Op::Ge | Op::And | Op::Or => {
            Count::OfResult(1)
        }
        Op::RandomUniform | Op::RandomNormal | Op::RoundStraightThrough => Count::OfResult(1),
        // One for each number that is read.
        Op::ScatterAdd(_) | Op::ScatterMax(_) | Op::SumOver(_) | Op::MaxOver(_) => {
            Count::OfFirst(1)
        }
        Op::Argmax(_) | Op::CumSum(_) => Count::OfFirst(1),
        // An exponential, a sum and what is left: a largest, a difference, a quotient.
        Op::LogSumExp(_) | Op::SoftmaxXent => Count::OfFirst(4),
        Op::Softmax(_) | Op::CumLogSumExp(_) => Count::OfFirst(5),
        Op::BceLogits => Count::OfResult(6),
        Op::LayerNorm { .. } => Count::OfResult(7),
        Op::Argsort(_) | Op::TopK { .. } | Op::Unique | Op::UniqueInverse => Count::Sort,
        Op::MatMul { .. } => Count::Own(|node| (node.result() * node.last()).times(2)),
        Op::Bag { .. } => Count::Own(of_bag),
        Op::Attention { .. } => Count::Own(|node| of_attention(node).times(4)),
        // The scores anew, what they get of the gradient, and what the operand gets of them.
        Op::AttentionGradient { .. } => Count::Own(|node| of_attention(node).times(6)),
        Op::GlobalNorm => Count::Own(|node| {
            let all = 0..node.operands.len();
            all.map(|at| node.of(at).times(2)).sum()
        }),
        Op::Update { .. } => Count::Own(|node| {
            let gradient = node.of(node.operands.len() - 1);
            match node.graph.node(node.id).op {
                Op::Update { rule, .. } => gradient.times(of_update(rule)),
                _ => Amount::ZERO,
            }
        }),
    }
}

/// For each number of the queries as many products as their list has elements, taking all lists for as long as their mean.
fn of_attention(node: &Node<'_>) -> Amount {
    let (sizes, graph) = (node.sizes, node.graph);
    let keys = node.operands.get(1).map(|keys| graph.ty(*keys));
    let list = keys.and_then(|ty| ty.dims.first().copied());
    let mean = match list {
        Some(Dim::Space(space)) => match graph.space(space).kind {
            SpaceKind::List { parent, .. } => {
                let (elements, lists) = (sizes.rows(space), sizes.rows(parent));
                Amount {
                    sure: elements.sure.max(lists.sure).max(Sure::AtMost),
                    ..elements.div_ceil(lists.count)
                }
            }
            _ => sizes.rows(space),
        },
        Some(Dim::Fixed(size)) => Amount::of(size),
        None => Amount::OPEN,
    };
    node.of(0) * mean
}

/// An addition for each number of the rows that are summed.
fn of_bag(node: &Node<'_>) -> Amount {
    let width = node.graph.ty(node.id).dims.last().copied();
    let width = width.map_or(Amount::ZERO, |dim| node.sizes.dim(dim));
    node.of(1) * width
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
