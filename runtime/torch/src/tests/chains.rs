//! Ops that run as one pass over rows: what libtorch gives for them one by one, for rows of any width.

use std::collections::BTreeMap;

use reckon_compiler::graph::text::read;
use reckon_compiler::graph::{Graph, Op};
use reckon_grammar::span::FileId;
use tch::Device;

use crate::{Feeds, Program, RunKey, Store, Values};

/// Every step once or more, with operands of every shape.
const STEPS: &str = "graph steps {
  space B = batch
  space C = candidates
  %0: f32[B, C] = input x
  %1: f32[B, C] = input y
  %2: f32[C] = input shared
  %3: f32[B] = input column
  %4: f32 = input number
  %5: bool[B, C] = input allowed
  %6: bool[C] = input open
  %7: i64[B] = input place
  %8: i64[C] = input key
  %9: i64[B] = input own
  %10: f32[B, C] = mul %0 %2
  %11: f32[B, C] = sub %10 %3
  %12: f32[B, C] = div %11 %4
  %13: f32[B, C] = max %12 %1
  %14: f32[B, C] = min %13 3.0
  %15: f32[B, C] = neg %14
  %16: f32[B, C] = abs %1
  %17: f32[B, C] = sqrt %16
  %18: f32[B, C] = relu %15
  %19: f32[B, C] = add %17 %18
  %20: bool[B, C] = gt %0 %1
  %21: bool[B, C] = lt %0 %3
  %22: bool[B, C] = or %20 %21
  %23: bool[B, C] = not %22
  %24: bool[B, C] = and %23 %5
  %25: i64[B, C] = broadcast %8
  %26: bool[B, C] = eq %25 %9
  %27: bool[B, C] = or %24 %26
  %28: bool[B, C] = and %27 %6
  %29: f32[B, C] = select %28 -1000000000.0 %19
  %30: f32[B] = softmax_xent %29 %7
  %31: f32[B, C] = softmax %29 {axis: 1}
  %32: f32[B, C] = mul %31 %30
  %33: f32[B] = sum %32 {axis: 1}
  %34: f32[B] = mul %33 %3
  %35: bool[B, C] = ge %32 %34
  %36: f32[B, C] = cast %28 {to: f32}
  %37: f32[B, C] = add %36 %32
  %38: bool[B, C] = ne %0 %1
  %39: bool[B, C] = le %0 %2
  %40: bool[B, C] = and %38 %39
  %41: i64[B, C] = broadcast %7
  %42: bool[B, C] = ge %41 %9
  %43: bool[B, C] = or %40 %42
  return later = %43
  return sums = %34
  return losses = %30
  return shares = %31
  return where = %35
  return both = %37
  return other = %40
}";

fn graph() -> Graph {
    read(FileId(0), STEPS).unwrap().remove(0)
}

/// Numbers that repeat after a while, some of them no numbers or infinite.
fn numbers(count: usize, seed: usize) -> Vec<f32> {
    let number = |at: usize| match (at * 7 + seed) % 97 {
        13 if seed == 0 => f32::NAN,
        29 if seed == 0 => f32::INFINITY,
        31 if seed == 0 => f32::NEG_INFINITY,
        turn => (turn as f32 * 0.37 + seed as f32).sin() * 3.0,
    };
    (0..count).map(number).collect()
}

#[test]
fn steps_over_rows_give_what_libtorch_gives() {
    for (rows, width) in [(37, 1), (37, 7), (130, 64), (5, 2500), (0, 3)] {
        let graph = graph();
        let program = Program::compile(&graph, Device::Cpu).unwrap();
        let inside: usize = program
            .chains
            .values()
            .map(|chain| chain.instructions.len())
            .sum();
        assert!(
            inside >= 28,
            "{inside} ops in {} chains",
            program.chains.len()
        );
        let run = |program: &Program| {
            let floats = |seed, count| numbers(count, seed);
            let (x, y, shared) = (
                floats(0, rows * width),
                floats(1, rows * width),
                floats(2, width),
            );
            let (column, number) = (floats(3, rows), [1.7]);
            let allowed: Vec<bool> = (0..rows * width).map(|at| at % 3 == 0).collect();
            let open: Vec<bool> = (0..width).map(|at| at % 5 != 1).collect();
            let place: Vec<i64> = (0..rows).map(|row| (row * 5 % width) as i64).collect();
            let key: Vec<i64> = (0..width).map(|at| (at % 11) as i64).collect();
            let own: Vec<i64> = (0..rows).map(|row| (row % 11) as i64).collect();
            let mut feeds = Feeds::new();
            feeds.set("x", &[rows, width], Values::F32(&x));
            feeds.set("y", &[rows, width], Values::F32(&y));
            feeds.set("shared", &[width], Values::F32(&shared));
            feeds.set("column", &[rows], Values::F32(&column));
            feeds.set("number", &[], Values::F32(&number));
            feeds.set("allowed", &[rows, width], Values::Bool(&allowed));
            feeds.set("open", &[width], Values::Bool(&open));
            feeds.set("place", &[rows], Values::I64(&place));
            feeds.set("key", &[width], Values::I64(&key));
            feeds.set("own", &[rows], Values::I64(&own));
            let mut store = Store::new(Device::Cpu);
            store.declare(&graph, &BTreeMap::new(), 0).unwrap();
            program.run(&mut store, &feeds, &RunKey::default()).unwrap()
        };
        let theirs = Program::compile_plain(&graph, Device::Cpu).unwrap();
        assert!(theirs.chains.is_empty());
        let (ours, theirs) = (run(&program), run(&theirs));
        for name in [
            "later", "sums", "losses", "shares", "where", "both", "other",
        ] {
            let (a, b) = (ours.f32(name).unwrap(), theirs.f32(name).unwrap());
            assert_eq!(a.len(), b.len());
            for (at, (a, b)) in a.iter().zip(&b).enumerate() {
                let same = a == b
                    || (a.is_nan() && b.is_nan())
                    || (a - b).abs() <= 1e-5 * b.abs().max(1.0);
                assert!(
                    same,
                    "{name}[{at}] of {rows} rows of {width}: {a}, libtorch {b}"
                );
            }
        }
    }
}

#[test]
fn a_place_outside_its_row_is_refused() {
    let graph = graph();
    let softmax = graph
        .order()
        .into_iter()
        .find(|id| graph.node(*id).op == Op::SoftmaxXent);
    assert!(softmax.is_some());
    let program = Program::compile(&graph, Device::Cpu).unwrap();
    let (x, one, truths) = ([0.5_f32; 4], [1.0_f32; 2], [true; 4]);
    let mut feeds = Feeds::new();
    for name in ["x", "y"] {
        feeds.set(name, &[2, 2], Values::F32(&x));
    }
    for name in ["shared", "column"] {
        feeds.set(name, &[2], Values::F32(&one));
    }
    feeds.set("number", &[], Values::F32(&one[..1]));
    feeds.set("allowed", &[2, 2], Values::Bool(&truths));
    feeds.set("open", &[2], Values::Bool(&truths[..2]));
    for (name, values) in [("place", &[0, 2]), ("key", &[0, 1]), ("own", &[0, 1])] {
        feeds.set(name, &[2], Values::I64(values));
    }
    let mut store = Store::new(Device::Cpu);
    store.declare(&graph, &BTreeMap::new(), 0).unwrap();
    let failed = program.run(&mut store, &feeds, &RunKey::default());
    let message = failed
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    assert!(message.contains('2'), "{message}");
}
