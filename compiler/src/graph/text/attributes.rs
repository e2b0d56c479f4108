//! The attributes of ops as text. What the type of the result says is left out and read from there.

use reckon_grammar::ir::{IrKind, IrValue};

use crate::graph::op::{Attended, Op, UpdateRule};
use crate::graph::ty::{Dim, TensorType};

/// What is written between braces.
pub(super) fn written(op: &Op) -> Vec<(&'static str, String)> {
    match op {
        Op::Permute(axes) => {
            let axes: Vec<_> = axes.iter().map(usize::to_string).collect();
            vec![("axes", format!("[{}]", axes.join(", ")))]
        }
        Op::Slice { axis, start, .. } => {
            vec![("axis", axis.to_string()), ("start", start.to_string())]
        }
        Op::MatMul { transpose_b: true } => vec![("transpose_b", "true".to_owned())],
        Op::Reverse(scale) => vec![("scale", float(*scale))],
        Op::LayerNorm { eps } => vec![("eps", float(*eps))],
        Op::Attention { heads, causal } => attention(*heads, *causal),
        Op::AttentionGradient { heads, causal, of } => {
            let of = [("of", of.name().to_owned())];
            of.into_iter().chain(attention(*heads, *causal)).collect()
        }
        Op::Update { rule, .. } => vec![("rule", written_rule(*rule))],
        _ => op
            .axis()
            .map(|axis| ("axis", axis.to_string()))
            .into_iter()
            .collect(),
    }
}

fn attention(heads: usize, causal: bool) -> Vec<(&'static str, String)> {
    let causal = causal.then(|| ("causal", "true".to_owned()));
    std::iter::once(("heads", heads.to_string()))
        .chain(causal)
        .collect()
}

/// The op of this name on a result of this type; none where the attributes do not suit it. Leaves are read elsewhere.
pub(super) fn read(name: &str, attrs: &Attributes, ty: &TensorType) -> Option<Op> {
    let axis = attrs.index("axis");
    let fixed = |axis: usize| match ty.dims.get(axis) {
        Some(Dim::Fixed(size)) => Some(*size),
        Some(Dim::Space(_)) | None => None,
    };
    let parent = || match ty.dims.first() {
        Some(Dim::Space(space)) => Some(*space),
        Some(Dim::Fixed(_)) | None => None,
    };
    if let Some(op) = PLAIN.iter().find(|op| op.entry().name == name) {
        return Some(op.clone());
    }
    if let Some(op) = ALONG.iter().find(|op| op(0).entry().name == name) {
        return Some(op(axis?));
    }
    Some(match name {
        "permute" => Op::Permute(attrs.indices("axes")?),
        "expand" => Op::Expand {
            axis: axis?,
            dim: *ty.dims.get(axis?)?,
        },
        "slice" => Op::Slice {
            axis: axis?,
            start: attrs.index("start")?,
            len: fixed(axis?)?,
        },
        "concat" => Op::Concat { axis: axis? },
        "pad_list" => Op::PadList {
            parent: parent()?,
            max: fixed(1)?,
        },
        "cast" => Op::Cast(ty.elem),
        "scatter_add" => Op::ScatterAdd(*ty.dims.first()?),
        "scatter_max" => Op::ScatterMax(*ty.dims.first()?),
        "place" => Op::Place(*ty.dims.last()?),
        "top_k" => Op::TopK {
            axis: axis?,
            k: fixed(axis?)?,
        },
        "matmul" => Op::MatMul {
            transpose_b: attrs.is_true("transpose_b"),
        },
        "reverse" => Op::Reverse(attrs.number("scale")?),
        "bag" => Op::Bag { parent: parent()? },
        "layer_norm" => Op::LayerNorm {
            eps: attrs.number("eps")?,
        },
        "attention" => Op::Attention {
            heads: attrs.index("heads")?,
            causal: attrs.is_true("causal"),
        },
        "attention_gradient" => Op::AttentionGradient {
            heads: attrs.index("heads")?,
            causal: attrs.is_true("causal"),
            of: [Attended::Query, Attended::Key, Attended::Value]
                .into_iter()
                .find(|of| attrs.is_word("of", of.name()))?,
        },
        _ => return None,
    })
}

/// Attributes as they were read.
pub(super) struct Attributes<'a>(pub(super) Vec<(&'a str, &'a IrValue)>);

impl Attributes<'_> {
    fn get(&self, key: &str) -> Option<&IrKind> {
        self.0
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| &value.kind)
    }

    fn is_word(&self, key: &str, word: &str) -> bool {
        matches!(self.get(key), Some(IrKind::Word(found)) if found == word)
    }

    fn is_true(&self, key: &str) -> bool {
        self.is_word(key, "true")
    }

    fn number(&self, key: &str) -> Option<f64> {
        number(self.get(key)?)
    }

    fn index(&self, key: &str) -> Option<usize> {
        index(self.get(key)?)
    }

    fn indices(&self, key: &str) -> Option<Vec<usize>> {
        match self.get(key)? {
            IrKind::List(items) => items.iter().map(|item| index(&item.kind)).collect(),
            _ => None,
        }
    }

    /// The rule of an update.
    pub(super) fn rule(&self) -> Option<UpdateRule> {
        let IrKind::Call(name, arguments) = self.get("rule")? else {
            return None;
        };
        let numbers: Vec<f64> = arguments
            .iter()
            .map(|value| number(&value.kind))
            .collect::<Option<_>>()?;
        match (name.as_str(), numbers[..].as_ref()) {
            ("sgd", [momentum]) => Some(UpdateRule::Sgd {
                momentum: *momentum,
            }),
            ("adam", [beta1, beta2, eps]) => Some(UpdateRule::Adam {
                beta1: *beta1,
                beta2: *beta2,
                eps: *eps,
            }),
            ("adamw", [beta1, beta2, eps, decay]) => Some(UpdateRule::AdamW {
                beta1: *beta1,
                beta2: *beta2,
                eps: *eps,
                decay: *decay,
            }),
            ("adagrad", [eps]) => Some(UpdateRule::Adagrad { eps: *eps }),
            ("rowwise_adagrad", [eps]) => Some(UpdateRule::RowwiseAdagrad { eps: *eps }),
            _ => None,
        }
    }
}

/// A number that is written with or without a point.
pub(super) fn number(kind: &IrKind) -> Option<f64> {
    match kind {
        IrKind::Int(value) => Some(*value as f64),
        IrKind::Float(value) => Some(*value),
        _ => None,
    }
}

fn index(kind: &IrKind) -> Option<usize> {
    match kind {
        IrKind::Int(value) => usize::try_from(*value).ok(),
        _ => None,
    }
}

/// A float, never to be mistaken for a whole number.
pub(super) fn float(value: f64) -> String {
    if value.is_nan() {
        "nan".to_owned()
    } else {
        format!("{value:?}")
    }
}

pub(super) fn written_rule(rule: UpdateRule) -> String {
    let (name, numbers) = match rule {
        UpdateRule::Sgd { momentum } => ("sgd", vec![momentum]),
        UpdateRule::Adam { beta1, beta2, eps } => ("adam", vec![beta1, beta2, eps]),
        UpdateRule::AdamW {
            beta1,
            beta2,
            eps,
            decay,
        } => ("adamw", vec![beta1, beta2, eps, decay]),
        UpdateRule::Adagrad { eps } => ("adagrad", vec![eps]),
        UpdateRule::RowwiseAdagrad { eps } => ("rowwise_adagrad", vec![eps]),
    };
    let numbers: Vec<_> = numbers.into_iter().map(float).collect();
    format!("{name}({})", numbers.join(", "))
}

/// Ops whose only attribute is an axis.
const ALONG: &[fn(usize) -> Op] = &[
    Op::Flip,
    Op::SumOver,
    Op::MaxOver,
    Op::Argmax,
    Op::LogSumExp,
    Op::Softmax,
    Op::CumSum,
    Op::CumLogSumExp,
    Op::Argsort,
];

/// Ops without attributes.
const PLAIN: &[Op] = &[
    Op::Iota,
    Op::Reshape,
    Op::Broadcast,
    Op::UnpadList,
    Op::Gather,
    Op::Pick,
    Op::Lookup,
    Op::Select,
    Op::Neg,
    Op::Abs,
    Op::Sign,
    Op::Exp,
    Op::Expm1,
    Op::Log,
    Op::Log1p,
    Op::Sqrt,
    Op::Sin,
    Op::Cos,
    Op::Tanh,
    Op::Sigmoid,
    Op::LogSigmoid,
    Op::Log1mExp,
    Op::Erf,
    Op::Relu,
    Op::Floor,
    Op::Not,
    Op::IsFinite,
    Op::Add,
    Op::Sub,
    Op::Mul,
    Op::Div,
    Op::Pow,
    Op::Max,
    Op::Min,
    Op::Eq,
    Op::Ne,
    Op::Lt,
    Op::Le,
    Op::Gt,
    Op::Ge,
    Op::And,
    Op::Or,
    Op::Stop,
    Op::RoundStraightThrough,
    Op::RandomUniform,
    Op::RandomNormal,
    Op::SoftmaxXent,
    Op::BceLogits,
    Op::Unique,
    Op::UniqueInverse,
    Op::GlobalNorm,
];
