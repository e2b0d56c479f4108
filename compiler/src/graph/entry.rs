//! What is known about each op, one entry an op: name, doc, arity, type rule, gradient rule and reference evaluation. All
//! ops belong to the step stage. The files in `entry/` hold the entries by family; [`Op::entry`] is exhaustive, so an op
//! without an entry does not build.

mod attention;
mod composite;
mod control;
mod elementwise;
mod gather;
mod leaf;
mod list;
mod matmul;
mod pairwise;
mod random;
mod reduce;
mod shape;
mod update;

use std::fmt;

pub use composite::decompose;

use super::build::Builder;
use super::eval::{Call, Value};
use super::op::Op;
use super::ty::{Dim, Elem, TensorType};
use super::{Graph, NodeId, ParamKind};

/// One op.
pub struct Entry {
    /// As it prints.
    pub name: &'static str,
    /// What it computes, in a line.
    pub doc: &'static str,
    /// How many operands it takes.
    pub arity: Arity,
    /// Its result type.
    pub typing: Typing,
    /// Its reverse.
    pub gradient: Gradient,
    /// Its value in 64-bit floats, the reference for every other way of running it.
    pub(crate) eval: Eval,
}

/// A number of operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arity {
    /// So many.
    Exactly(usize),
    /// So many or more.
    AtLeast(usize),
}

/// How the type of a node comes about.
#[derive(Clone, Copy)]
pub enum Typing {
    /// The operands and attributes tell.
    Inferred(fn(&Operands) -> Result<TensorType, String>),
    /// It is part of the program; the rule says whether it may be.
    Given(fn(&Operands, &TensorType) -> Result<(), String>),
}

/// How cotangents pass through an op.
#[derive(Clone, Copy)]
pub enum Gradient {
    /// The result does not change, or by jumps only: no cotangent passes.
    Zero,
    /// The rule builds the cotangent of an operand, none where it has none.
    Rule {
        /// Values of the forward program that the rule reads.
        keeps: &'static [Keep],
        /// From the node and its cotangent, which has the type of the node, to the cotangent of operand `at`. Dimensions
        /// that the operand lacks are summed by the caller.
        rule: fn(&mut Backward, at: usize) -> Option<Cotangent>,
    },
}

/// A value of the forward program that a gradient rule reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All operands.
    Operands,
    /// An operand by its position.
    Operand(usize),
    /// The result.
    Result,
}

/// The derivative of a loss with respect to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cotangent {
    /// One number an element.
    Dense(NodeId),
    /// Rows of a table: `ids i64[I..]`, `values f32[I.., D]`; an id may occur more than once.
    Rows {
        /// Which rows.
        ids: NodeId,
        /// Their cotangents, summed over equal ids.
        values: NodeId,
    },
}

/// How the reference evaluator computes an op.
#[derive(Clone, Copy)]
pub(crate) enum Eval {
    /// Each element by itself.
    Map(fn(f64) -> f64),
    /// Elements of two operands, joined.
    Zip(fn(f64, f64) -> f64),
    /// Each row along an axis by itself; as many elements as the op yields.
    Lane(fn(&Op, &[f64]) -> Vec<f64>),
    /// All at once.
    Whole(fn(&Call) -> Result<Value, String>),
}

/// The operands of a node as type rules see them.
pub struct Operands<'a> {
    pub(crate) graph: &'a Graph,
    pub(crate) op: &'a Op,
    pub(crate) types: Vec<&'a TensorType>,
}

/// A node on the way back.
pub struct Backward<'g> {
    /// Builds the cotangents.
    pub build: Builder<'g>,
    /// The node.
    pub node: NodeId,
    /// Its operands.
    pub operands: Vec<NodeId>,
    /// Its cotangent, of its type.
    pub g: NodeId,
}

impl Arity {
    /// Whether `count` operands are right.
    pub fn fits(self, count: usize) -> bool {
        match self {
            Self::Exactly(arity) => count == arity,
            Self::AtLeast(arity) => count >= arity,
        }
    }
}

impl fmt::Display for Arity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exactly(1) => f.write_str("1 operand"),
            Self::Exactly(count) => write!(f, "{count} operands"),
            Self::AtLeast(count) => write!(f, "at least {count} operands"),
        }
    }
}

impl Operands<'_> {
    fn show(&self, at: usize) -> String {
        format!("`{}`", self.types[at].show(&self.graph.spaces))
    }

    fn show_all(&self) -> String {
        let shown: Vec<_> = (0..self.types.len()).map(|at| self.show(at)).collect();
        shown.join(" and ")
    }

    fn expect_elem(&self, at: usize, allowed: &[Elem]) -> Result<Elem, String> {
        let elem = self.types[at].elem;
        if allowed.contains(&elem) {
            return Ok(elem);
        }
        let names: Vec<_> = allowed
            .iter()
            .map(|elem| format!("`{}`", elem.name()))
            .collect();
        Err(format!(
            "takes {} elements, found {}",
            names.join(" or "),
            self.show(at)
        ))
    }

    fn expect_axis(&self, axis: usize) -> Result<(), String> {
        if axis < self.types[0].rank() {
            return Ok(());
        }
        Err(format!("has no axis {axis} in {}", self.show(0)))
    }

    fn join(&self) -> Result<Vec<Dim>, String> {
        let dims: Vec<&[Dim]> = self.types.iter().map(|ty| ty.dims.as_slice()).collect();
        super::ty::join(&self.graph.spaces, &dims)
            .map_err(|_| format!("cannot join {}", self.show_all()))
    }
}

impl Backward<'_> {
    /// The operand `at`.
    fn x(&self, at: usize) -> NodeId {
        self.operands[at]
    }

    /// The type of the operand `at`.
    fn ty(&self, at: usize) -> TensorType {
        self.build.graph.ty(self.operands[at]).clone()
    }

    /// The attributes.
    fn op(&self) -> Op {
        self.build.graph.node(self.node).op.clone()
    }
}

/// The result of an elementwise op on single values; none for ops of other kinds.
pub(crate) fn folded(op: &Op, values: &[f64]) -> Option<f64> {
    match (op.entry().eval, values) {
        (Eval::Map(f), [x]) => Some(f(*x)),
        (Eval::Zip(f), [a, b]) => Some(f(*a, *b)),
        _ => None,
    }
}

#[expect(clippy::unnecessary_wraps, reason = "gradient rules return an option")]
fn dense(id: NodeId) -> Option<Cotangent> {
    Some(Cotangent::Dense(id))
}

macro_rules! entries {
    ($($op:pat => $entry:path,)*) => {
        impl Op {
            /// What is known about the op.
            pub fn entry(&self) -> &'static Entry {
                match self {
                    $($op => &$entry,)*
                }
            }
        }

        /// All ops.
        pub const ENTRIES: &[&Entry] = &[$(&$entry,)*];
    };
}

entries! {
    Op::Input(_) => leaf::INPUT,
    Op::Const(_) => leaf::CONST,
    Op::Iota => leaf::IOTA,
    Op::Size(_) => leaf::SIZE,
    Op::Param(_) => leaf::PARAM,
    Op::Table(_) => leaf::TABLE,
    Op::Reshape => shape::RESHAPE,
    Op::Permute(_) => shape::PERMUTE,
    Op::Broadcast => shape::BROADCAST,
    Op::Expand { .. } => shape::EXPAND,
    Op::Flip(_) => shape::FLIP,
    Op::Slice { .. } => shape::SLICE,
    Op::Concat { .. } => shape::CONCAT,
    Op::PadList { .. } => list::PAD_LIST,
    Op::UnpadList => list::UNPAD_LIST,
    Op::Cast(_) => shape::CAST,
    Op::Gather => gather::GATHER,
    Op::ScatterAdd(_) => gather::SCATTER_ADD,
    Op::ScatterMax(_) => gather::SCATTER_MAX,
    Op::Pick => gather::PICK,
    Op::Place(_) => gather::PLACE,
    Op::Lookup => gather::LOOKUP,
    Op::Select => pairwise::SELECT,
    Op::Neg => elementwise::NEG,
    Op::Abs => elementwise::ABS,
    Op::Sign => elementwise::SIGN,
    Op::Exp => elementwise::EXP,
    Op::Expm1 => elementwise::EXPM1,
    Op::Log => elementwise::LOG,
    Op::Log1p => elementwise::LOG1P,
    Op::Sqrt => elementwise::SQRT,
    Op::Sin => elementwise::SIN,
    Op::Cos => elementwise::COS,
    Op::Tanh => elementwise::TANH,
    Op::Sigmoid => elementwise::SIGMOID,
    Op::LogSigmoid => elementwise::LOG_SIGMOID,
    Op::Log1mExp => elementwise::LOG1M_EXP,
    Op::Erf => elementwise::ERF,
    Op::Relu => elementwise::RELU,
    Op::Floor => elementwise::FLOOR,
    Op::Not => elementwise::NOT,
    Op::IsFinite => elementwise::IS_FINITE,
    Op::Add => pairwise::ADD,
    Op::Sub => pairwise::SUB,
    Op::Mul => pairwise::MUL,
    Op::Div => pairwise::DIV,
    Op::Pow => pairwise::POW,
    Op::Max => pairwise::MAX,
    Op::Min => pairwise::MIN,
    Op::Eq => pairwise::EQ,
    Op::Ne => pairwise::NE,
    Op::Lt => pairwise::LT,
    Op::Le => pairwise::LE,
    Op::Gt => pairwise::GT,
    Op::Ge => pairwise::GE,
    Op::And => pairwise::AND,
    Op::Or => pairwise::OR,
    Op::SumOver(_) => reduce::SUM_OVER,
    Op::MaxOver(_) => reduce::MAX_OVER,
    Op::Argmax(_) => reduce::ARGMAX,
    Op::LogSumExp(_) => reduce::LOG_SUM_EXP,
    Op::Softmax(_) => reduce::SOFTMAX,
    Op::CumSum(_) => reduce::CUM_SUM,
    Op::CumLogSumExp(_) => reduce::CUM_LOG_SUM_EXP,
    Op::Argsort(_) => reduce::ARGSORT,
    Op::TopK { .. } => reduce::TOP_K,
    Op::MatMul { .. } => matmul::MATMUL,
    Op::Stop => control::STOP,
    Op::Reverse(_) => control::REVERSE,
    Op::RoundStraightThrough => control::ROUND_STRAIGHT_THROUGH,
    Op::RandomUniform => random::RANDOM_UNIFORM,
    Op::RandomNormal => random::RANDOM_NORMAL,
    Op::Bag { .. } => composite::BAG,
    Op::SoftmaxXent => composite::SOFTMAX_XENT,
    Op::BceLogits => composite::BCE_LOGITS,
    Op::LayerNorm { .. } => composite::LAYER_NORM,
    Op::Attention { .. } => attention::ATTENTION,
    Op::AttentionGradient { .. } => attention::GRADIENT,
    Op::Unique => update::UNIQUE,
    Op::UniqueInverse => update::UNIQUE_INVERSE,
    Op::GlobalNorm => update::GLOBAL_NORM,
    Op::Update { .. } => update::UPDATE,
    Op::Assign { .. } => update::ASSIGN,
}

impl Op {
    /// The axis of ops that work along one; of the operand, but for `Expand`.
    pub fn axis(&self) -> Option<usize> {
        match self {
            Self::SumOver(axis)
            | Self::MaxOver(axis)
            | Self::Argmax(axis)
            | Self::LogSumExp(axis)
            | Self::Softmax(axis)
            | Self::CumSum(axis)
            | Self::CumLogSumExp(axis)
            | Self::Argsort(axis)
            | Self::Flip(axis)
            | Self::TopK { axis, .. }
            | Self::Slice { axis, .. }
            | Self::Concat { axis }
            | Self::Expand { axis, .. } => Some(*axis),
            _ => None,
        }
    }
}
