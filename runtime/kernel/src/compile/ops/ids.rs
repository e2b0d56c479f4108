//! Ids and scales: hashes, buckets and fitted scales.

use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};
use cranelift_frontend::FunctionBuilder;
use reckon_compiler::plan::row::RowOp;

use super::numbers::divide;
use super::{Call, to_float};
use crate::compile::Lane;
use crate::compile::island::{FREE, LINEAR, Loop, steps_of};
use crate::compile::lanes::{Lanes, Typed, bits, choose, each, lift2, to_pair, to_vector};
use crate::compile::words::Word;
use crate::hash::{CANONICAL_NAN, FIRST_FACTOR, SECOND_FACTOR, STEP, begin, word};

/// The number of borders that are at most the value.
pub(super) fn bucket(code: &mut Loop<'_, '_>, call: &Call<'_>) -> Lanes {
    let x = to_float(code, call.args[0]);
    let count = match call.op {
        RowOp::Buckets(borders) => borders.len(),
        _ => code.fitted_borders(call.at),
    };
    let table = code.word(Word::Borders(call.at));
    if count <= LINEAR {
        return counted(code, x, table, count);
    }
    // Halving without branches: the table ends in NaNs, which are at most nothing.
    each(&mut code.b, Lane::Float, x, |b, x| {
        let mut place = table;
        for step in steps_of(count) {
            let next = b.ins().iadd_imm(place, 8 * step as i64);
            let border = b.ins().load(types::F64, FREE, next, -8);
            let holds = b.ins().fcmp(FloatCC::LessThanOrEqual, border, x);
            place = b.ins().select(holds, next, place);
        }
        let bytes = b.ins().isub(place, table);
        b.ins().ushr_imm(bytes, 3)
    })
}

/// Compares with each border.
fn counted(code: &mut Loop<'_, '_>, x: Lanes, table: Value, count: usize) -> Lanes {
    let x = to_vector(&mut code.b, Lane::Float, x);
    let zero = code.int(0);
    let b = &mut code.b;
    let mut ids = to_vector(b, Lane::Int, zero);
    for at in 0..count {
        let border = b.ins().load(types::F64, FREE, table, 8 * at as i32);
        let border = b.ins().splat(types::F64X2, border);
        // All bits where it holds, which is -1.
        let holds = b.ins().fcmp(FloatCC::LessThanOrEqual, border, x);
        ids = b.ins().isub(ids, holds);
    }
    Lanes::Vector(ids)
}

/// Fitted moments or a fitted extent.
pub(super) fn scale(code: &mut Loop<'_, '_>, call: &Call<'_>) -> Lanes {
    let x = to_float(code, call.args[0]);
    let low = Lanes::Same(code.word(Word::Low(call.at)));
    let high = Lanes::Same(code.word(Word::High(call.at)));
    let [zero, one] = [code.float(0.0), code.float(1.0)];
    let minmax = matches!(call.op, RowOp::MinMax(_));
    let b = &mut code.b;
    let minus = |b: &mut FunctionBuilder<'_>, x, y| {
        lift2(b, Lane::Float, [x, y], |b, x, y| b.ins().fsub(x, y))
    };
    let above = |b: &mut FunctionBuilder<'_>, x, y| {
        lift2(b, Lane::Float, [x, y], |b, x, y| {
            b.ins().fcmp(FloatCC::GreaterThan, x, y)
        })
    };
    let shifted = minus(b, x, low);
    if !minmax {
        let scaled = divide(b, [shifted, high]);
        let spread = above(b, high, zero);
        return choose(b, Lane::Float, spread, [scaled, zero]);
    }
    let width = minus(b, high, low);
    let scaled = divide(b, [shifted, width]);
    let spread = above(b, high, low);
    // As `clamp`: NaN stays.
    let under = lift2(b, Lane::Float, [scaled, zero], |b, x, y| {
        b.ins().fcmp(FloatCC::LessThan, x, y)
    });
    let raised = choose(b, Lane::Float, under, [zero, scaled]);
    let over = above(b, raised, one);
    let clipped = choose(b, Lane::Float, over, [one, raised]);
    choose(b, Lane::Float, spread, [clipped, zero])
}

/// The slot of the stable hash of the operands together, as in `crate::hash`.
pub(super) fn hash(code: &mut Loop<'_, '_>, call: &Call<'_>) -> Lanes {
    let (n, seed) = match call.op {
        RowOp::Hash { n, seed } | RowOp::Cross { n, seed } => (*n, *seed),
        other => unreachable!("internal: {other:?} is no hash"),
    };
    let first = begin(seed);
    let mut state: Option<[Value; 2]> = None;
    for arg in call.args {
        state = Some(absorb(code, first, state, *arg));
    }
    let state = state.unwrap_or_else(|| unreachable!("internal: a hash of nothing"));
    let b = &mut code.b;
    let n = b.ins().iconst(types::I64, n as i64);
    Lanes::Pair(state.map(|state| b.ins().umulhi(state, n)))
}

/// The state after a value; before the first it is a constant.
fn absorb(
    code: &mut Loop<'_, '_>,
    first: u64,
    state: Option<[Value; 2]>,
    arg: Typed,
) -> [Value; 2] {
    let (tag, words) = content(code, arg);
    let b = &mut code.b;
    let tagged = |b: &mut FunctionBuilder<'_>, tag: u64| match state {
        None => {
            let known = b.ins().iconst(types::I64, word(first, tag) as i64);
            [known, known]
        }
        Some(state) => state.map(|state| {
            let mixed = b.ins().iconst(types::I64, crate::hash::mixed(tag) as i64);
            next(b, state, mixed)
        }),
    };
    let before = tagged(b, tag);
    let after = [0, 1].map(|at| {
        let stepped = b.ins().iadd_imm(words[at], STEP as i64);
        let mixed = mix(b, stepped);
        next(b, before[at], mixed)
    });
    let Some(valid) = arg.valid else { return after };
    let null = tagged(b, 0);
    let chosen = choose(b, Lane::Int, valid, [Lanes::Pair(after), Lanes::Pair(null)]);
    to_pair(b, Lane::Int, chosen)
}

/// The tag of a kind, and its values as words.
fn content(code: &mut Loop<'_, '_>, arg: Typed) -> (u64, [Value; 2]) {
    let b = &mut code.b;
    match arg.lane {
        Lane::Int => (1, to_pair(b, Lane::Int, arg.lanes)),
        Lane::Bool => {
            let truth = to_pair(b, Lane::Bool, arg.lanes);
            (3, truth.map(|truth| b.ins().uextend(types::I64, truth)))
        }
        Lane::Float => {
            let floats = to_pair(b, Lane::Float, arg.lanes);
            (2, floats.map(|x| canonical(b, x)))
        }
    }
}

/// The bits of a float, with -0 as 0 and one NaN.
fn canonical(b: &mut FunctionBuilder<'_>, x: Value) -> Value {
    let word = bits(b, types::I64, x);
    let zero = b.ins().f64const(0.0);
    let is_zero = b.ins().fcmp(FloatCC::Equal, x, zero);
    let none = b.ins().iconst(types::I64, 0);
    let word = b.ins().select(is_zero, none, word);
    let is_nan = b.ins().fcmp(FloatCC::Unordered, x, x);
    let nan = b.ins().iconst(types::I64, CANONICAL_NAN as i64);
    b.ins().select(is_nan, nan, word)
}

/// The state after a word that has been mixed.
fn next(b: &mut FunctionBuilder<'_>, state: Value, mixed: Value) -> Value {
    let turned = b.ins().rotl_imm(state, 23);
    let met = b.ins().bxor(turned, mixed);
    mix(b, met)
}

fn mix(b: &mut FunctionBuilder<'_>, word: Value) -> Value {
    let mut word = word;
    for (shift, factor) in [(30, FIRST_FACTOR), (27, SECOND_FACTOR)] {
        let high = b.ins().ushr_imm(word, shift);
        let folded = b.ins().bxor(word, high);
        word = b.ins().imul_imm(folded, factor as i64);
    }
    let high = b.ins().ushr_imm(word, 31);
    b.ins().bxor(word, high)
}
