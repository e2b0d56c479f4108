//! Every op, on every case, gives what the reference evaluator gives.

use reckon_compiler::graph::Graph;
use reckon_compiler::graph::entry::ENTRIES;
use reckon_compiler::graph::eval::evaluate;
use tch::Device;

use super::cases::cases;
use super::world::{Case, WORLDS};
use super::{Fed, close, key, store};
use crate::{Error, Program};

fn check(case: &Case, compile: fn(&Graph, Device) -> Result<Program, Error>) {
    let Case {
        graph,
        env,
        result,
        label,
        ..
    } = case;
    let expected = evaluate(graph, env).unwrap_or_else(|error| panic!("{label}: {error}"));
    let expected = expected.get(*result).unwrap();
    let fed = Fed::new(graph, env);
    let program = compile(graph, Device::Cpu).unwrap();
    let found = program.run(&mut store(graph, env), &fed.feeds(env), &key(env));
    let found = found.unwrap_or_else(|error| panic!("{label}: {error}"));
    assert_eq!(found.shape("y").unwrap(), expected.dims, "{label}");
    let found = found.f32("y").unwrap();
    for (at, (a, b)) in expected.data.iter().zip(&found).enumerate() {
        assert!(
            close(*a, f64::from(*b), 1.0),
            "{label}: expected {a} at {at}, found {b}"
        );
    }
}

#[test]
fn every_op_gives_what_the_reference_evaluator_gives() {
    for case in WORLDS
        .iter()
        .flat_map(|world| cases(*world))
        .flat_map(|(_, cases)| cases)
    {
        check(&case, Program::compile);
        check(&case, Program::compile_plain);
    }
}

#[test]
fn every_op_has_a_case() {
    // Leaves that hold values from outside are part of most cases.
    let covered = cases(WORLDS[0]);
    let missing: Vec<_> = ENTRIES
        .iter()
        .map(|entry| entry.name)
        .filter(|name| !covered.contains_key(name) && !["input", "param", "table"].contains(name))
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}
