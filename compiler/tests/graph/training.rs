//! Training steps.

use reckon_compiler::graph::text::{print, read};
use reckon_compiler::graph::verify::verify;
use reckon_compiler::graph::{Graph, UpdateRule};
use reckon_compiler::passes::{STEP, optimise};
use reckon_compiler::training::{Group, Objective, Recipe, training_step};
use reckon_grammar::span::FileId;

const TWO_TOWERS: &str = "graph two_towers {
  space B = batch
  space C = candidates
  space L = list(B, 50)
  space V = vocabulary(space/movie/id)
  table space/movie/id: f32[V, 64] = normal(0.01)
  weight viewer.0.weight: f32[64, 64] = he_uniform
  weight viewer.0.bias: f32[64] = 0.0

  %0: i64[L] = input history.movie.id
  %1: i64[L] = input history.segments
  %2: i64[C] = input candidate.movie.id
  %3: i64[B] = input positive
  %4: f32[B, 64] = bag space/movie/id %0 %1
  %5: f32[B, 64] = matmul %4 viewer.0.weight
  %6: f32[B, 64] = add %5 viewer.0.bias
  %7: f32[C, 64] = lookup space/movie/id %2
  %8: f32[B, C] = matmul %6 %7 {transpose_b: true}
  %9: f32[B, C] = div %8 0.07
  %10: f32[B] = softmax_xent %9 %3
  %11: f32 = sum %10 {axis: 0}
  %12: f32 = div %11 size(B)
  return main = %12
}
";

fn graph(text: &str) -> Graph {
    read(FileId(0), text).unwrap().remove(0)
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn two_towers_are_trained_by_this_program() {
    let dense = strings(&["viewer.0.weight", "viewer.0.bias"]);
    let tables = strings(&["space/movie/id"]);
    let recipe = Recipe {
        objectives: vec![Objective {
            output: "main".to_owned(),
            weight: 1.0,
            trains: [dense.as_slice(), tables.as_slice()].concat(),
        }],
        groups: vec![
            Group {
                paths: dense,
                rule: UpdateRule::Adam {
                    beta1: 0.9,
                    beta2: 0.999,
                    eps: 1e-8,
                },
                rate: 1.0,
            },
            Group {
                paths: tables,
                rule: UpdateRule::RowwiseAdagrad { eps: 1e-8 },
                rate: 50.0,
            },
        ],
        clip: Some(1.0),
    };
    let step = training_step(&graph(TWO_TOWERS), &recipe);
    verify(&step.graph).unwrap();
    assert_eq!((step.unreached, step.idle), (Vec::new(), Vec::new()));
    let text = print(&step.graph);
    assert_eq!(print(&graph(&text)), text);
    insta::assert_snapshot!(text);
    let mut optimised = step.graph;
    optimise(&mut optimised, STEP, &mut |_, _| {});
    insta::assert_snapshot!("two_towers_optimised", print(&optimised));
}

#[test]
fn losses_train_what_they_name_and_say_what_they_miss() {
    let text = "graph g {
  weight a: f32 = 1.0
  weight b: f32 = 1.0
  weight c: f32 = 1.0

  %0: f32 = mul a b
  %1: f32 = stop a
  %2: f32 = mul %1 b
  return first = %0
  return second = %2
}
";
    let objective = |output: &str, trains: &[&str]| Objective {
        output: output.to_owned(),
        weight: 0.5,
        trains: strings(trains),
    };
    let recipe = Recipe {
        objectives: vec![objective("first", &["b"]), objective("second", &["a"])],
        groups: vec![Group {
            paths: strings(&["a", "b", "c"]),
            rule: UpdateRule::Sgd { momentum: 0.0 },
            rate: 1.0,
        }],
        clip: None,
    };
    let step = training_step(&graph(text), &recipe);
    assert_eq!(
        (step.unreached, step.idle),
        (strings(&["a", "c"]), strings(&["second"]))
    );
    insta::assert_snapshot!(print(&step.graph), @r"
    graph g {
      weight a: f32 = 1.0
      weight b: f32 = 1.0

      // forward
      %0: f32 = mul a b
      %1: f32 = stop a
      %2: f32 = mul %1 b
      %3: f32 = mul %0 0.5
      %4: f32 = mul %2 0.5
      %5: f32 = add %3 %4

      // backward
      %6: f32 = mul 1.0 0.5
      %7: f32 = mul %6 a

      // updates
      %8: f32 = global_norm %7
      %9: f32 = input lr
      return first = %0
      return second = %2
      return total_loss = %5
      return grad_norm = %8
      update b %9 %7 {rule: sgd(0.0)}
    }
    ");
}
