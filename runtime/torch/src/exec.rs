//! What each op is on libtorch.

mod attention;
mod composite;
mod elementwise;
mod gather;
mod leaf;
pub(crate) mod matmul;
mod reduce;
mod shape;
mod update;

pub(crate) use gather::outside;
pub(crate) use reduce::softmax;

use reckon_compiler::graph::{Dim, Elem, Graph, NodeId, Op, Space, TensorType};
use reckon_compiler::random;
use tch::{Device, Kind, TchError, Tensor};

use crate::error::Error;
use crate::feeds::{Feeds, kind};
use crate::kernels::Kernels;
use crate::program::RunKey;
use crate::store::Store;

/// One op, ready to run on its operands, which are lined up with the result already where it is elementwise.
pub(crate) type Kernel = Box<dyn Fn(&[&Tensor], &mut Frame<'_>) -> Result<Tensor, Error> + Send>;

/// What a run gives its instructions besides operands.
pub(crate) struct Frame<'a> {
    pub(crate) device: Device,
    pub(crate) spaces: &'a [Space],
    /// Sizes of spaces as far as they are known.
    pub(crate) sizes: Vec<Option<i64>>,
    pub(crate) store: &'a mut Store,
    pub(crate) feeds: &'a Feeds<'a>,
    pub(crate) key: &'a RunKey,
}

impl Frame<'_> {
    /// The size of a dimension.
    pub(crate) fn extent(&self, dim: Dim) -> Result<i64, Error> {
        match dim {
            Dim::Fixed(size) => Ok(size as i64),
            Dim::Space(space) => self.sizes[space.0 as usize].ok_or_else(|| Error::UnknownSize {
                space: self.spaces[space.0 as usize].name.clone(),
            }),
        }
    }

    /// The sizes of a type.
    fn extents(&self, ty: &TensorType) -> Result<Vec<i64>, Error> {
        ty.dims.iter().map(|dim| self.extent(*dim)).collect()
    }
}

/// Whether the operands of an op join by space, so that libtorch has to be given views that line up.
pub(crate) fn joins(op: &Op) -> bool {
    matches!(op, Op::Broadcast) || op.is_elementwise()
}

/// The kernel of a node's op.
#[expect(clippy::too_many_lines, reason = "a table, one line an op")]
pub(crate) fn kernel(
    graph: &Graph,
    id: NodeId,
    device: Device,
    kernels: Kernels,
) -> Result<Kernel, Error> {
    let node = graph.node(id);
    let (path, ty) = (node.site.path.as_str(), &node.ty);
    Ok(match &node.op {
        Op::Input(name) => leaf::input(name),
        Op::Const(values) => leaf::constant(values, ty, device)?,
        Op::Iota => leaf::iota(ty),
        Op::Size(space) => leaf::size(*space),
        Op::Param(path) | Op::Table(path) => leaf::parameter(path),

        Op::Reshape => shape::reshape(ty),
        Op::Permute(axes) => shape::permute(axes),
        Op::Broadcast => shape::broadcast(ty),
        Op::Expand { axis, dim } => shape::expand(*axis, *dim),
        Op::Flip(axis) => axis_op(*axis, |x, axis| x.f_flip([axis])),
        Op::Slice { axis, start, len } => shape::slice(*axis, *start, *len),
        Op::Concat { axis } => shape::concat(*axis),
        Op::PadList { parent, max } => shape::pad_list(*parent, *max),
        Op::UnpadList => Box::new(|x, _| Ok(shape::unpad_list(x[0], x[1], x[2])?)),
        Op::Cast(elem) => cast(*elem),

        Op::Gather | Op::Lookup => binary(gather::gather),
        Op::ScatterAdd(dim) => gather::scatter_add(*dim, kernels),
        Op::ScatterMax(dim) => gather::scatter_max(*dim, kernels),
        Op::Pick => binary(gather::pick),
        Op::Place(dim) => gather::place(*dim),
        Op::Select => Box::new(|x, _| Ok(x[1].f_where_self(x[0], x[2])?)),

        Op::Neg => unary(Tensor::f_neg),
        Op::Abs => unary(Tensor::f_abs),
        Op::Sign => unary(Tensor::f_sign),
        Op::Exp => unary(Tensor::f_exp),
        Op::Expm1 => unary(Tensor::f_expm1),
        Op::Log => unary(Tensor::f_log),
        Op::Log1p => unary(Tensor::f_log1p),
        Op::Sqrt => unary(Tensor::f_sqrt),
        Op::Sin => unary(Tensor::f_sin),
        Op::Cos => unary(Tensor::f_cos),
        Op::Tanh => unary(Tensor::f_tanh),
        Op::Sigmoid => unary(Tensor::f_sigmoid),
        Op::LogSigmoid => unary(Tensor::f_log_sigmoid),
        Op::Log1mExp => unary(elementwise::log1m_exp),
        Op::Erf => unary(Tensor::f_erf),
        Op::Relu => unary(Tensor::f_relu),
        Op::Floor => unary(Tensor::f_floor),
        Op::Not => unary(Tensor::f_logical_not),
        Op::IsFinite => unary(Tensor::f_isfinite),

        Op::Add => binary(Tensor::f_add),
        Op::Sub => binary(Tensor::f_sub),
        Op::Mul => binary(Tensor::f_mul),
        Op::Div => binary(Tensor::f_div),
        Op::Pow => binary(Tensor::f_pow),
        Op::Max => binary(elementwise::max),
        Op::Min => binary(elementwise::min),
        Op::Eq => binary(Tensor::f_eq_tensor),
        Op::Ne => binary(Tensor::f_ne_tensor),
        Op::Lt => binary(Tensor::f_lt_tensor),
        Op::Le => binary(Tensor::f_le_tensor),
        Op::Gt => binary(Tensor::f_gt_tensor),
        Op::Ge => binary(Tensor::f_ge_tensor),
        Op::And => binary(Tensor::f_logical_and),
        Op::Or => binary(Tensor::f_logical_or),

        Op::SumOver(axis) => reduce::sum_over(*axis, kernels),
        Op::MaxOver(axis) => axis_op(*axis, reduce::max),
        Op::Argmax(axis) => reduce::argmax(*axis, kernels),
        Op::LogSumExp(axis) => axis_op(*axis, reduce::log_sum_exp),
        Op::Softmax(axis) => axis_op(*axis, reduce::softmax),
        Op::CumSum(axis) => axis_op(*axis, |x, axis| x.f_cumsum(axis, None)),
        Op::CumLogSumExp(axis) => axis_op(*axis, Tensor::f_logcumsumexp),
        Op::Argsort(axis) => axis_op(*axis, |x, axis| x.f_argsort_stable(true, axis, false)),
        Op::TopK { axis, k } => reduce::top_k(*axis, *k),

        Op::MatMul { .. } => matmul::matmul(graph, id, kernels),

        Op::Stop => unary(Tensor::f_detach),
        Op::Reverse(_) => Box::new(|x, _| Ok(x[0].shallow_clone())),
        Op::RoundStraightThrough => unary(elementwise::round),

        Op::RandomUniform => leaf::random(path, ty, random::uniform),
        Op::RandomNormal => leaf::random(path, ty, random::normal),

        Op::Bag { parent } => composite::bag(*parent, kernels),
        Op::SoftmaxXent => binary(composite::softmax_xent),
        Op::BceLogits => binary(composite::bce_logits),
        Op::LayerNorm { eps } => composite::layer_norm(*eps),
        Op::Attention { .. } | Op::AttentionGradient { .. } => {
            attention::attention(graph, id, kernels)
        }

        Op::Unique => gather::unique(kernels),
        Op::UniqueInverse => gather::unique_inverse(kernels),
        Op::GlobalNorm => reduce::global_norm(kernels),
        Op::Update { path, rule } => update::update(path, *rule, graph.operands(id).len(), kernels),
        Op::Assign { path } => update::assign(path),
    })
}

/// The kernel that puts its result in the place of the first operand, for ops that have one.
pub(crate) fn in_place(op: &Op) -> Option<Kernel> {
    let f: fn(&mut Tensor, &Tensor) -> Result<Tensor, TchError> = match op {
        Op::Add => Tensor::f_add_,
        Op::Sub => Tensor::f_sub_,
        Op::Mul => Tensor::f_mul_,
        Op::Div => Tensor::f_div_,
        _ => return None,
    };
    Some(Box::new(move |x, _| {
        Ok(f(&mut x[0].shallow_clone(), x[1])?)
    }))
}

fn unary(f: fn(&Tensor) -> Result<Tensor, TchError>) -> Kernel {
    Box::new(move |x, _| Ok(f(x[0])?))
}

fn binary(f: fn(&Tensor, &Tensor) -> Result<Tensor, TchError>) -> Kernel {
    Box::new(move |x, _| Ok(f(x[0], x[1])?))
}

fn axis_op(axis: usize, f: fn(&Tensor, i64) -> Result<Tensor, TchError>) -> Kernel {
    let axis = axis as i64;
    Box::new(move |x, _| Ok(f(x[0], axis)?))
}

fn cast(elem: Elem) -> Kernel {
    let kind: Kind = kind(elem);
    Box::new(move |x, _| Ok(x[0].f_to_kind(kind)?))
}
