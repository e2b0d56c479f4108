//! Row programs: what is computed for each row of a source, before any tensor.
//!
//! A kernel is straight-line code over typed, nullable values. A function of a null is null; `Fill`, `IsNull` and the
//! fitted look-ups end it. The interpreter in `reckon-kernel` is the reference; machine code must equal it bit for bit.

use std::fmt;

use reckon_grammar::span::Span;

use crate::value::Value;

/// The type of a row value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RowType {
    /// What it is.
    pub kind: RowKind,
    /// Whether it may be null.
    pub nullable: bool,
}

/// The kinds of row values.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RowKind {
    /// 64-bit integer, wraps around.
    Int,
    /// 64-bit float.
    Float,
    /// Truth value.
    Bool,
    /// UTF-8 text.
    Str,
    /// Microseconds since 1970 UTC.
    Time,
    /// Microseconds.
    Duration,
    /// A list without nulls.
    List(Box<RowKind>),
}

impl RowType {
    /// A type that is never null.
    pub fn new(kind: RowKind) -> Self {
        Self {
            kind,
            nullable: false,
        }
    }
}

impl fmt::Display for RowKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int => f.write_str("int"),
            Self::Float => f.write_str("float"),
            Self::Bool => f.write_str("bool"),
            Self::Str => f.write_str("str"),
            Self::Time => f.write_str("time"),
            Self::Duration => f.write_str("duration"),
            Self::List(of) => write!(f, "list<{of}>"),
        }
    }
}

impl fmt::Display for RowType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.kind, if self.nullable { "?" } else { "" })
    }
}

/// A row program over one source.
#[derive(Clone, Debug, PartialEq)]
pub struct Kernel {
    /// The source.
    pub source: String,
    /// The instructions; operands are indexes of earlier ones.
    pub code: Vec<Inst>,
    /// Named results by instruction.
    pub outputs: Vec<(String, usize)>,
}

/// One instruction.
#[derive(Clone, Debug, PartialEq)]
pub struct Inst {
    /// What it computes.
    pub op: RowOp,
    /// Earlier instructions.
    pub args: Vec<usize>,
    /// The type of the result.
    pub ty: RowType,
    /// The first operand is a list and the op is applied to each element; elements that become null are left out.
    pub mapped: bool,
    /// The place in the spec.
    pub span: Option<Span>,
}

/// The ops of row programs.
#[derive(Clone, Debug, PartialEq)]
pub enum RowOp {
    /// A column of the source.
    Column(String),
    /// A column of the entity that the row refers to: reference target, then column. Null where the entity is absent.
    Through(String, String),
    /// A constant.
    Const(Value),

    // Numbers. Int with int stays int, but `Div`, which gives float; otherwise float. `Time - Time` is a duration.
    /// `a + b`
    Add,
    /// `a - b`
    Sub,
    /// `a * b`
    Mul,
    /// `a / b`
    Div,
    /// `a ^ b`
    Pow,
    /// `-a`
    Neg,
    /// The absolute value.
    Abs,
    /// The natural logarithm.
    Log,
    /// `log(1 + a)`
    Log1p,
    /// `e ^ a`
    Exp,
    /// The square root.
    Sqrt,
    /// The largest whole number that is at most the operand.
    Floor,
    /// The smaller operand.
    Min,
    /// The larger operand.
    Max,
    /// `value, low, high`
    Clip,
    /// To float; of a bool 0 or 1, of a duration seconds.
    ToFloat,
    /// To int, towards zero; of a bool 0 or 1.
    ToInt,
    /// To text, as it would be written in a csv file.
    ToStr,

    // Comparison and logic. Equality and order of texts are by bytes.
    /// `a == b`
    Eq,
    /// `a != b`
    Ne,
    /// `a < b`
    Lt,
    /// `a <= b`
    Le,
    /// `a > b`
    Gt,
    /// `a >= b`
    Ge,
    /// False if one side is false, even if the other is null.
    And,
    /// True if one side is true, even if the other is null.
    Or,
    /// `not a`
    Not,
    /// Whether the operand is null.
    IsNull,
    /// A computed label: the operand; 0, false or empty in rows that were drawn beside others and never happened.
    Label,
    /// The first operand, or the second where it is null.
    Fill,
    /// `cond, a, b`; a null condition gives `b`.
    Where,

    // Ids.
    /// The index of the bucket that holds the value: the number of borders that are at most the value.
    Buckets(Vec<f64>),
    /// The stable hash of a value into `n` slots.
    Hash {
        /// Number of slots.
        n: u64,
        /// Chooses the hash.
        seed: u64,
    },
    /// The stable hash of several values together; null is a value of its own.
    Cross {
        /// Number of slots.
        n: u64,
        /// Chooses the hash.
        seed: u64,
    },
    /// The id of a value in a fitted vocabulary: index into the plan's fits. Null is unknown.
    Vocab(usize),
    /// The bucket by fitted quantiles.
    Quantile(usize),
    /// `(x - mean) / std` by fitted moments; 0 where the deviation is 0.
    ZScore(usize),
    /// A statistic of the group of training rows whose keys equal the operands: index into the plan's fits. `Percentile` takes
    /// the row's own value as its last operand. A group without rows tells of all rows; its count and its sum are 0.
    OfGroup(usize, Statistic),
    /// `(x - min) / (max - min)` by the fitted extent, clipped to `[0, 1]`; 0 where the extent is empty.
    MinMax(usize),

    // Text.
    /// Splits at a separator; empty parts are left out.
    Split(String),
    /// Lower case.
    Lower,
    /// Without blanks around it.
    Trim,
    /// The first capture group (or the whole match) of a regular expression, null where it does not match.
    Capture(String),
    /// Character n-grams.
    Ngrams(usize),
    /// Unicode words.
    Tokens,
    /// Length of a text in characters.
    Length,
    /// The finite number that a text holds, blanks around it left out; null where it holds none.
    Number,
    /// The keys of a text such as `drama:0.5|war:2`.
    BagKeys(Bag),
    /// The weights of such a text, in the order of its keys.
    BagWeights(Bag),
    /// The weight of a key in such a text: key, text. That of the first part with the key; null where there is none.
    Lookup(Bag),

    // Lists.
    /// The first element, null for an empty list.
    First,
    /// The last element, null for an empty list.
    Last,
    /// The first so many elements.
    Take(usize),
    /// Exactly so many elements: the first ones, and behind them the second operand where there are fewer.
    Pad(usize),
    /// Keeps the first of equal elements.
    Distinct,
    /// Number of elements.
    Count,
    /// Sum of numbers, 0 for an empty list.
    ListSum,
    /// Mean of numbers, 0 for an empty list.
    ListMean,
    /// Largest number, null for an empty list.
    ListMax,
    /// Smallest number, null for an empty list.
    ListMin,
    /// Whether the list holds the second operand.
    Contains,

    // Time, in UTC.
    /// Hour of the day, 0 to 23.
    Hour,
    /// Day of the week, Monday is 0.
    Weekday,
    /// Days since 1970.
    Day,
}

/// How keys and weights stand in a text. A backslash before a character makes it one of the key. A part without a weight weighs
/// 1; one whose weight is no number, or whose key is empty, is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bag {
    /// Between two parts, `|`.
    pub separator: u8,
    /// Between a key and its weight, `:`.
    pub pair: u8,
}

/// What is told of a group of training rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Statistic {
    /// The number of its rows.
    Count,
    /// The sum of its values.
    Sum,
    /// Their mean.
    Mean,
    /// Their population standard deviation.
    Std,
    /// The smallest value that at least this share of the values is at most.
    Quantile(f64),
    /// The share of the other values that are below a value, those equal to it counted half; a half in a group of one.
    Percentile,
}

impl Statistic {
    /// Whether it needs the values of a group, beside their number, mean and deviation.
    pub fn needs_values(self) -> bool {
        match self {
            Self::Quantile(_) | Self::Percentile => true,
            Self::Count | Self::Sum | Self::Mean | Self::Std => false,
        }
    }

    /// Its name in the language.
    pub fn name(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Sum => "sum",
            Self::Mean => "mean",
            Self::Std => "std",
            Self::Quantile(_) => "quantile",
            Self::Percentile => "percentile",
        }
    }
}
