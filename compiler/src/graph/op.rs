//! The ops. `entry.rs` and the files in `entry/` hold one entry an op: arity, shape rule, gradient rule, reference
//! evaluation and doc; the match over [`Op`] there and in the lowering to libtorch is exhaustive, so an op without all
//! of them does not build.

use super::space::SpaceId;
use super::ty::{Dim, Elem};

/// What a node computes. Axes count from the outermost dimension.
#[expect(
    missing_docs,
    reason = "an op's entry documents it; what stands here is what the name does not say"
)]
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    // Leaves.
    /// A value fed at every step; the plan says what feeds the name.
    Input(String),
    /// A constant of the node's type, elements in row-major order; one element stands for all.
    Const(Vec<f64>),
    /// `0, 1, ..` along the only dimension, `i64`.
    Iota,
    /// The number of rows of a space, as a float.
    Size(SpaceId),
    /// A dense weight or an untrained state, by path.
    Param(String),
    /// An embedding table, by path; only `Lookup`, `Bag` and updates read it.
    Table(String),

    // Shape.
    /// Same elements in another shape; the node's type says which.
    Reshape,
    /// Reorders dimensions: result dimension `i` is operand dimension `axes[i]`.
    Permute(Vec<usize>),
    /// Repeats along new dimensions; the operand's dimensions join those of the node's type as in elementwise ops.
    Broadcast,
    /// Repeats along one new dimension, which the result has at `axis`; the reverse of `SumOver`.
    Expand {
        axis: usize,
        dim: Dim,
    },
    /// Back to front along an axis.
    Flip(usize),
    /// `start .. start + len` along a fixed dimension.
    Slice {
        axis: usize,
        start: usize,
        len: usize,
    },
    /// Operands one after another along an axis.
    Concat {
        axis: usize,
    },
    /// Ragged to padded: operands values `[L, ..]`, segments `i64[L]`, positions `i64[L]`; result `[P, max, ..]` filled with 0.
    PadList {
        parent: SpaceId,
        max: usize,
    },
    /// Padded to ragged: operands `[P, max, ..]`, segments `i64[L]`, positions `i64[L]`; result `[L, ..]`.
    UnpadList,
    /// To another element type; booleans become 0 and 1.
    Cast(Elem),

    // Gather and scatter.
    /// Rows of the first operand's outermost dimension at `i64` indices: `x[N, ..], ids[I..] -> [I.., ..]`.
    Gather,
    /// The reverse: sums values `[I.., ..]` at indices `i64[I..]` into `[dim, ..]`.
    ScatterAdd(Dim),
    /// The largest value at each index, 0 where there is none: `[I, ..]`, `i64[I]` into `[dim, ..]`. Ties go to the first.
    ScatterMax(Dim),
    /// One element of the innermost dimension a row: `x[S.., N], i64[S..] -> [S..]`.
    Pick,
    /// The reverse: zeros but for one element a row: `g[S..], i64[S..] -> [S.., dim]`.
    Place(Dim),
    /// Rows of a table at ids `i64[I..] -> f32[I.., D]`.
    Lookup,
    /// `select(cond, a, b)` elementwise.
    Select,

    // Elementwise, one operand.
    Neg,
    Abs,
    Sign,
    Exp,
    Expm1,
    Log,
    Log1p,
    Sqrt,
    Sin,
    Cos,
    Tanh,
    Sigmoid,
    /// `log(sigmoid(x))`
    LogSigmoid,
    /// `log(1 - exp(x))` for `x <= 0`
    Log1mExp,
    /// The Gauss error function.
    Erf,
    Relu,
    Floor,
    Not,
    IsFinite,

    // Elementwise, two operands.
    Add,
    Sub,
    Mul,
    Div,
    Pow,
    Max,
    Min,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    And,
    Or,

    // Along one axis. All but the cumulative ones, `Softmax` and `Argsort` drop it.
    SumOver(usize),
    MaxOver(usize),
    /// The first index of the maximum.
    Argmax(usize),
    LogSumExp(usize),
    /// A row that is `-inf` throughout gives 0, not NaN.
    Softmax(usize),
    CumSum(usize),
    CumLogSumExp(usize),
    /// Indices that sort ascending, stable.
    Argsort(usize),
    /// Indices of the `k` largest, largest first, ties to the first index.
    TopK {
        axis: usize,
        k: usize,
    },

    /// `[S.., M, K] x [S.., K, N] -> [S.., M, N]`; an operand without the leading dimensions is shared. `transpose_b`
    /// reads the second operand as `[S.., N, K]`.
    MatMul {
        transpose_b: bool,
    },

    // Gradient control.
    /// The identity, without a gradient.
    Stop,
    /// The identity, whose gradient is multiplied by `-scale`.
    Reverse(f64),
    /// Rounds; the gradient passes as if it had not.
    RoundStraightThrough,

    // Randomness, keyed by seed, stream, site path, step and row of the global batch.
    /// Uniform in `[0, 1)`.
    RandomUniform,
    /// Standard normal.
    RandomNormal,

    // Composites: each has a decomposition into the above and survives until lowering.
    /// `table, ids i64[L], segments i64[L] -> f32[P, D]`: sum of the looked-up rows of each list.
    Bag {
        parent: SpaceId,
    },
    /// Softmax cross-entropy of scores `f32[B, C]` against the column `i64[B]`; result `f32[B]`.
    SoftmaxXent,
    /// Binary cross-entropy of logits against targets, elementwise.
    BceLogits,
    /// Normalises the innermost dimension to mean 0 and variance 1, with this epsilon added to the variance.
    LayerNorm {
        eps: f64,
    },
    /// Attention within each list: operands `q`, `k[L, D]`, `v[L, D]`, segments `i64[L]`, positions `i64[L]`; `q` and the
    /// result are `[L, D]`, one query an element, or `[P, D]`, one a list. Heads split `D` evenly, and a query of a head
    /// takes `softmax(q k' / sqrt(D / heads)) v` over its list, up to its own place if `causal`; of an empty list it is 0.
    Attention {
        heads: usize,
        causal: bool,
    },

    // After differentiation.
    /// What an operand of `Attention` gets of the gradient of its result: the operands of that, then the gradient.
    AttentionGradient {
        heads: usize,
        causal: bool,
        of: Attended,
    },
    /// The distinct ids, ascending: `i64[N..] -> i64[U]`.
    Unique,
    /// For each id its index among the distinct ones: operands ids `i64[N..]` and the result `i64[U]` of `Unique` on
    /// them; result `i64[N..]`.
    UniqueInverse,
    /// `sqrt` of the sum of squares of all operands: `f32[]`.
    GlobalNorm,
    /// One step of an optimiser on the parameter of this path. Operands: learning rate `f32[]`, then for weights the
    /// gradient, for tables the distinct ids `i64[U]` and their gradients `f32[U, D]`. The result is the learning rate.
    Update {
        path: String,
        rule: UpdateRule,
    },
    /// Puts a new value into an untrained state. The result is the value.
    Assign {
        path: String,
    },
}

impl Op {
    /// Whether the operands join element by element: by their spaces, and by position from the right.
    pub fn is_elementwise(&self) -> bool {
        use Op::{
            Add, And, BceLogits, Div, Eq, Ge, Gt, Le, Lt, Max, Min, Mul, Ne, Or, Pow, Select, Sub,
        };
        matches!(
            self,
            Add | Sub
                | Mul
                | Div
                | Pow
                | Max
                | Min
                | Eq
                | Ne
                | Lt
                | Le
                | Gt
                | Ge
                | And
                | Or
                | Select
                | BceLogits
        )
    }
}

/// An operand of an attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attended {
    /// What asks.
    Query,
    /// What is asked.
    Key,
    /// What is taken.
    Value,
}

impl Attended {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Query => "query",
            Self::Key => "key",
            Self::Value => "value",
        }
    }
}

/// How an optimiser turns a gradient into a step; fields are named as in the papers. Tables take the sparse forms: only rows with a gradient move.
#[expect(missing_docs, reason = "the papers name the fields")]
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum UpdateRule {
    /// `w -= lr * g`
    Sgd { momentum: f64 },
    /// Kingma and Ba 2015; on tables the lazy form: moments of untouched rows stay.
    Adam { beta1: f64, beta2: f64, eps: f64 },
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
    AdamW {
        beta1: f64,
        beta2: f64,
        eps: f64,
        decay: f64,
    },
    /// Duchi et al. 2011: one accumulator an element.
    Adagrad { eps: f64 },
    /// One accumulator a row: the mean of the squared gradient.
    RowwiseAdagrad { eps: f64 },
}
