//! What an island reads from its table, and the Rust functions that it calls.

use std::collections::BTreeSet;
use std::fmt;

use cranelift_codegen::ir::{AbiParam, Signature, Type, types};
use cranelift_codegen::isa::CallConv;
use reckon_compiler::plan::row::{Kernel, RowOp};

use super::island::element;
use super::steps::Island;
use super::{Lane, Read};

/// What an island reads from its table, by the instruction that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Word {
    /// The address of the values of an input.
    Values(usize),
    /// The address of the validity of an input, a byte a value.
    Valid(usize),
    /// The address of the places of a gathered input, four bytes each.
    Places(usize),
    /// The number of values of a gathered input.
    Len(usize),
    /// The address that values go to.
    Out(usize),
    /// The address that validity goes to.
    OutValid(usize),
    /// The address of borders, filled up with NaN to one less than a power of two.
    Borders(usize),
    /// A fitted mean or smallest value.
    Low(usize),
    /// A fitted deviation or largest value.
    High(usize),
}

impl Word {
    pub(super) fn ty(self) -> Type {
        match self {
            Self::Low(_) | Self::High(_) => types::F64,
            Self::Values(_)
            | Self::Valid(_)
            | Self::Places(_)
            | Self::Len(_)
            | Self::Out(_)
            | Self::OutValid(_)
            | Self::Borders(_) => types::I64,
        }
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Values(at) => write!(f, "values of %{at}"),
            Self::Valid(at) => write!(f, "validity of %{at}"),
            Self::Places(at) => write!(f, "places in %{at}"),
            Self::Len(at) => write!(f, "length of %{at}"),
            Self::Out(at) => write!(f, "results %{at}"),
            Self::OutValid(at) => write!(f, "validity of results %{at}"),
            Self::Borders(at) => write!(f, "borders of %{at}"),
            Self::Low(at) => write!(f, "mean or least of %{at}"),
            Self::High(at) => write!(f, "deviation or most of %{at}"),
        }
    }
}

/// A Rust function that code calls. All are of numbers and cannot fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Helper {
    /// `f64::exp`
    Exp,
    /// `f64::powf`
    Power,
    /// The power of integers.
    IntPower,
}

impl Helper {
    /// All, in the order of their numbers.
    pub(crate) const ALL: [Self; 3] = [Self::Exp, Self::Power, Self::IntPower];

    /// What the function is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Exp => "exp",
            Self::Power => "power",
            Self::IntPower => "int_power",
        }
    }

    /// Its parameters and its result.
    pub(crate) fn signature(self, call: CallConv) -> Signature {
        let (ty, params) = match self {
            Self::Exp => (types::F64, 1),
            Self::Power => (types::F64, 2),
            Self::IntPower => (types::I64, 2),
        };
        let mut signature = Signature::new(call);
        signature.params = vec![AbiParam::new(ty); params];
        signature.returns = vec![AbiParam::new(ty)];
        signature
    }
}

/// What an island reads from its table, in the order of the table.
pub(crate) fn words(kernel: &Kernel, island: &Island) -> Vec<Word> {
    let mut words = BTreeSet::new();
    for (at, input) in &island.inputs {
        words.extend(input.lane.map(|_| Word::Values(*at)));
        words.extend(input.leaf.nulls.then_some(Word::Valid(*at)));
        match input.leaf.read {
            Read::Direct => {}
            Read::Gathered => words.extend([Word::Places(*at)]),
            Read::GatheredOrAbsent => words.extend([Word::Places(*at), Word::Len(*at)]),
        }
    }
    for (at, nulls) in &island.outputs {
        words.insert(Word::Out(*at));
        words.extend(nulls.then_some(Word::OutValid(*at)));
    }
    for at in &island.code {
        match kernel.code[*at].op {
            RowOp::Buckets(_) | RowOp::Quantile(_) => words.extend([Word::Borders(*at)]),
            RowOp::ZScore(_) | RowOp::MinMax(_) => {
                words.extend([Word::Low(*at), Word::High(*at)]);
            }
            _ => {}
        }
    }
    words.into_iter().collect()
}

/// The helpers that an island calls.
pub(super) fn helpers(kernel: &Kernel, island: &Island) -> BTreeSet<Helper> {
    let ints = |at: &usize| {
        let inst = &kernel.code[*at];
        let first = Lane::of(element(kernel, inst));
        let rest = inst.args.iter().skip(1);
        let mut rest = rest.map(|arg| Lane::of(&kernel.code[*arg].ty.kind));
        first == Some(Lane::Int) && rest.all(|lane| lane == Some(Lane::Int))
    };
    let helper = |at: &usize| match kernel.code[*at].op {
        RowOp::Exp => Some(Helper::Exp),
        RowOp::Pow if ints(at) => Some(Helper::IntPower),
        RowOp::Pow => Some(Helper::Power),
        _ => None,
    };
    island.code.iter().filter_map(helper).collect()
}
