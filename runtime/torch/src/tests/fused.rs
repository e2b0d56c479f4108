//! A product that is added in place: what libtorch gives for the two ops one by one, and where it may not be.

use reckon_compiler::graph::text::read;
use reckon_compiler::graph::{Graph, Op};
use reckon_grammar::span::FileId;
use tch::Device;

use super::generated::difference;
use super::generated_graphs::generated;
use crate::Program;

/// A program on `user[B, 4]`, `item[C, 4]` and two weights, once it is seen to compute what libtorch does.
fn program(lines: &str) -> Program {
    let leaves = "weight first: f32[4, 4] = normal(0.5)
        weight second: f32[4, 4] = normal(0.5)
        %0: f32[B, 4] = input user
        %1: f32[C, 4] = input item";
    let text =
        format!("graph fused {{\n space B = batch\n space C = candidates\n {leaves}\n {lines}\n}}");
    let graph: Graph = read(FileId(0), &text).unwrap().remove(0);
    let (_, mut env) = generated(&[]);
    env.sizes.retain(|space, _| space.0 < 2);
    assert_eq!(difference(&graph, &env), None);
    Program::compile(&graph, Device::Cpu).unwrap()
}

/// How many products are instructions of their own.
fn products(program: &Program) -> usize {
    let ops = program.instructions.iter().map(|of| &of.op);
    ops.filter(|op| matches!(op, Op::MatMul { .. })).count()
}

#[test]
fn products_are_added_where_the_first_of_them_stands() {
    let program = program(
        "%2: f32[B, 4] = matmul %0 first
         %3: f32[B, 4] = matmul %0 second {transpose_b: true}
         %4: f32[B, 4] = add %2 %3
         %5: f32[B, 4] = neg %0
         %6: f32[B, 4] = matmul %5 second
         %7: f32[B, 4] = add %6 %4
         return y = %7",
    );
    assert_eq!(products(&program), 1);
}

#[test]
fn a_sum_that_is_read_again_is_left_as_it_is() {
    let program = program(
        "%2: f32[B, 4] = matmul %0 first
         %3: f32[B, 4] = matmul %0 second
         %4: f32[B, 4] = add %2 %3
         %5: f32[B, 4] = neg %0
         %6: f32[B, 4] = matmul %5 second
         %7: f32[B, 4] = add %4 %6
         %8: f32[B, 4] = mul %7 %4
         return y = %8",
    );
    assert_eq!(products(&program), 2);
}

#[test]
fn a_product_of_a_tile_is_added_to_its_rows() {
    let program = program(
        "%2: f32[B, C] = matmul %0 %1 {transpose_b: true}
         %3: f32[B, C] = softmax %2 {axis: 1}
         %4: f32[B, 4] = matmul %3 %1
         %5: f32[B, 4] = matmul %4 first
         %6: f32[B, 4] = matmul %0 second
         %7: f32[B, 4] = add %6 %5
         %8: f32[B, C] = matmul %7 %1 {transpose_b: true}
         return y = %8",
    );
    assert_eq!((products(&program), program.tiles.len()), (4, 1));
    let cut = &program.instructions[program.tiles[0].instructions.clone()];
    assert!(cut.iter().any(|of| of.op == Op::Add));
}
