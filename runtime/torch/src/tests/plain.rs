//! What a graphics card runs: a training step as ops of libtorch alone, one instruction a line, so that a change of it is seen.

use std::fmt::Write as _;

use reckon_compiler::differentiate::{ParamGradient, differentiate};
use reckon_compiler::graph::text::read;
use reckon_compiler::graph::{Builder, Graph, Op, Site, UpdateRule};
use reckon_grammar::span::FileId;
use tch::Device;

use crate::Program;

/// The mean of a list, a layer, and a softmax over candidates.
const FORWARD: &str = "graph step {
  space B = batch
  space C = candidates
  space L = list(B, 5)
  space item = vocabulary(item)
  table item: f32[item, 4] = normal(0.05)
  weight bias: f32[4] = 0.0
  weight matrix: f32[4, 4] = glorot_uniform
  %0: f32 = input rate
  %1: i64[L] = input history
  %2: i64[L] = input history.segments
  %3: f32[B, 4] = bag item %1 %2
  %4: f32[B] = input history.lengths
  %5: f32[B, 4] = div %3 %4
  %6: f32[B, 4] = matmul %5 matrix
  %7: f32[B, 4] = add %6 bias
  %8: f32[B, 4] = relu %7
  %9: i64[C] = input candidates
  %10: f32[C, 4] = lookup item %9
  %11: f32[B, C] = matmul %8 %10 {transpose_b: true}
  %12: i64[B] = input place
  %13: f32[B] = softmax_xent %11 %12
  %14: f32 = sum %13 {axis: 0}
  return rate = %0
  return loss = %14
}";

/// The step with its gradients and updates.
fn step() -> Graph {
    let mut graph = read(FileId(0), FORWARD).unwrap().remove(0);
    let (rate, loss) = (graph.outputs[0].1, graph.outputs[1].1);
    let paths: Vec<String> = graph.params.keys().cloned().collect();
    let gradients = differentiate(&mut graph, loss, &paths);
    for (path, gradient) in gradients.by_path {
        let eps = 1e-8;
        let (rule, operands) = match gradient {
            ParamGradient::Dense(gradient) => {
                let (beta1, beta2) = (0.9, 0.999);
                let rule = UpdateRule::Adam { beta1, beta2, eps };
                (rule, vec![rate, gradient])
            }
            ParamGradient::Rows { ids, values } => {
                (UpdateRule::RowwiseAdagrad { eps }, vec![rate, ids, values])
            }
        };
        let mut build = Builder {
            graph: &mut graph,
            site: Site::default(),
        };
        let update = build.op(Op::Update { path, rule }, &operands);
        graph.effects.push(update);
    }
    graph
}

#[test]
fn a_step_for_a_graphics_card() {
    let program = Program::compile_plain(&step(), Device::Cpu).unwrap();
    assert!(program.tiles.is_empty() && program.chains.is_empty());
    let mut lines = String::new();
    for instruction in &program.instructions {
        write!(lines, "{} = {:?}", instruction.result, instruction.op).unwrap();
        for (at, slot) in instruction.operands.iter().enumerate() {
            let view = instruction.views.get(at).filter(|view| !view.is_identity());
            let view = view.map_or(String::new(), |view| format!(" as {view:?}"));
            write!(lines, " {slot}{view}").unwrap();
        }
        match &instruction.frees[..] {
            [] => lines.push('\n'),
            frees => writeln!(lines, ", frees {frees:?}").unwrap(),
        }
    }
    insta::assert_snapshot!(lines);
}
