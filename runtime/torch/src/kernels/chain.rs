//! Several elementwise ops and softmaxes over rows in one pass: each block of rows goes through all steps while it is in the
//! first-level cache. Truth values are 1 and 0 here.

mod apply;
mod block;
mod registers;

use super::{Shared, parallel, wide};
use apply::Choice;
use block::Block;

/// Elements of a value in a block.
const BLOCK: usize = 2048;
/// Fewer elements than this are not worth a thread.
const GRAIN: usize = 1 << 15;

/// Steps over the rows of a matrix. Registers hold a block of rows each, `width` numbers or one number a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Chain {
    pub(crate) steps: Vec<Step>,
    /// Registers of `width` numbers a row.
    pub(crate) matrices: usize,
    /// Registers of one number a row.
    pub(crate) columns: usize,
}

/// What a step reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum From {
    /// A register of `width` numbers a row.
    Matrix(usize),
    /// A register of one number a row.
    Column(usize),
    /// An operand of `width` numbers a row.
    GivenMatrix(usize),
    /// An operand of one number a row.
    GivenColumn(usize),
    /// An operand of `width` numbers, the same for all rows.
    GivenRow(usize),
    /// An operand of one number.
    GivenNumber(usize),
    /// A constant.
    Number(f32),
}

/// An op of one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum One {
    Copy,
    Neg,
    Abs,
    Sqrt,
    Relu,
    Not,
}

/// An op of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Two {
    Add,
    Sub,
    Mul,
    Div,
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
}

/// A register.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum To {
    Matrix(usize),
    Column(usize),
}

/// One step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    One(One, To, From),
    Two(Two, To, From, From),
    /// `a` where the condition is not 0, else `b`.
    Select {
        to: To,
        condition: From,
        a: From,
        b: From,
    },
    /// The same comparison of whole numbers, operands of kind `i64`.
    Whole(Two, To, From, From),
    /// The sum of each row.
    Sum {
        to: usize,
        of: From,
    },
    /// `e^(x - largest)`, 0 where all are `-inf`, with the sum and the largest of each row.
    Exps {
        to: usize,
        sums: usize,
        largest: usize,
        of: From,
    },
    /// Exponentials divided by their sum, 0 where that is 0.
    Shares {
        to: usize,
        exps: usize,
        sums: usize,
    },
    /// `log(sum) + largest - x[place]` of each row.
    Xent {
        to: usize,
        of: From,
        sums: usize,
        largest: usize,
        place: usize,
    },
    /// From other registers `share * g`, less `g` in the place of each row.
    XentGradient {
        to: usize,
        exps: usize,
        sums: usize,
        g: From,
        place: usize,
    },
    /// A register into a result.
    Store {
        result: usize,
        from: To,
    },
}

/// Operands by number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Given<'a> {
    Floats(&'a [f32]),
    Truths(&'a [bool]),
    Whole(&'a [i64]),
}

/// Results by number: `width` numbers a row, or one.
#[derive(Debug)]
pub(crate) enum Result<'a> {
    Floats(&'a mut [f32]),
    Truths(&'a mut [bool]),
}

/// Runs all steps on `rows` rows. Places were looked at: they are below `width`.
pub(crate) fn run(
    chain: &Chain,
    given: &[Given<'_>],
    results: &mut [Result<'_>],
    rows: usize,
    width: usize,
) {
    let truths: Vec<Option<Vec<f32>>> = given
        .iter()
        .map(|given| shared_truths(given, rows, width))
        .collect();
    let outs: Vec<Out<'_>> = results.iter_mut().map(Out::new).collect();
    parallel(rows, GRAIN / width.max(1), |range| {
        let mut block = Block::new(chain, given, &truths, width);
        let most = (BLOCK / width.max(1)).max(1);
        let mut first = range.start;
        while first < range.end {
            block.rows = first..(first + most).min(range.end);
            first = block.rows.end;
            steps(&mut block, &outs);
        }
    });
}

/// Truth values that are the same for many rows as numbers.
fn shared_truths(given: &Given<'_>, rows: usize, width: usize) -> Option<Vec<f32>> {
    match given {
        Given::Truths(values) if values.len() < rows * width => {
            Some(values.iter().map(|value| number(*value)).collect())
        }
        _ => None,
    }
}

fn number(truth: bool) -> f32 {
    f32::from(u8::from(truth))
}

/// A result that threads write, each its rows.
enum Out<'a> {
    Floats(Shared<'a, f32>),
    Truths(Shared<'a, bool>),
}

impl<'a> Out<'a> {
    fn new(result: &'a mut Result<'_>) -> Self {
        match result {
            Result::Floats(values) => Self::Floats(Shared::new(values)),
            Result::Truths(values) => Self::Truths(Shared::new(values)),
        }
    }
}

wide! {
    /// All steps on one block of rows.
    fn steps(block: &mut Block<'_>, outs: &[Out<'_>]) {
        block.load();
        for step in &block.chain.steps {
            match *step {
                Step::One(op, to, a) => block.fill(to, [a], op),
                Step::Two(op, to, a, b) => block.fill(to, [a, b], op),
                Step::Select { to, condition, a, b } => block.fill(to, [condition, a, b], Choice),
                Step::Whole(op, to, a, b) => block.compare(op, to, a, b),
                Step::Sum { to, of } => block.sums(to, of),
                Step::Exps { to, sums, largest, of } => block.exps(to, sums, largest, of),
                Step::Shares { to, exps, sums } => block.shares(to, (exps, sums), None),
                Step::XentGradient { to, exps, sums, g, place } => block.shares(to, (exps, sums), Some((g, place))),
                Step::Xent { to, of, sums, largest, place } => block.xent(to, of, (sums, largest), place),
                Step::Store { result, from } => block.store(&outs[result], from),
            }
        }
    }
}
