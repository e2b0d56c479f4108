//! Runs the tests that are written in the language: on the reference evaluator in 64-bit floats, as lowered, and after all
//! passes. All three must fulfil each claim.

use reckon_grammar::diagnostic::{Code, Diagnostic};

use crate::build::rows::RowPrograms;
use crate::build::{Built, GraphBuilder, Mode, Val};
use crate::graph::eval::{Env, Value, evaluate};
use crate::graph::{Dim, Elem, Graph, Init, NodeId, Op, Site};
use crate::hir::{Assert, Hir, Test};
use crate::passes::{FORWARD, STEP, optimise};
use crate::random::{Key, site_hash, uniform};

/// Computes the outputs of a graph, in order, in row-major order. The inputs hold nothing; weights have their values.
///
/// # Errors
/// Why it could not.
pub type Execute<'e> = dyn FnMut(&Graph, &Env) -> Result<Vec<Vec<f64>>, String> + 'e;

/// How a test went.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What the test says.
    pub title: String,
    /// The number of its claims.
    pub claims: usize,
    /// What does not hold; empty where all does.
    pub failures: Vec<Diagnostic>,
}

/// 32-bit floats may be off by so much of a value, beside what the claim allows.
const ROUNDING: f64 = 1e-5;

/// Runs all tests of a spec. `execute` runs graphs as they are run in training.
pub fn run(hir: &Hir, execute: &mut Execute<'_>) -> Vec<Outcome> {
    hir.tests
        .iter()
        .map(|test| Outcome {
            title: test.title.clone(),
            claims: test.asserts.len(),
            failures: failures(hir, test, execute),
        })
        .collect()
}

/// The outputs of a graph on the reference evaluator.
///
/// # Errors
/// Where the graph has no value.
pub fn reference(graph: &Graph, env: &Env) -> Result<Vec<Vec<f64>>, String> {
    let values = evaluate(graph, env).map_err(|error| error.to_string())?;
    let outputs = graph.outputs.iter().map(|(name, id)| {
        let value = values.get(*id).ok_or(format!("`{name}` has no value"))?;
        Ok(value.data.clone())
    });
    outputs.collect()
}

fn failures(hir: &Hir, test: &Test, execute: &mut Execute<'_>) -> Vec<Diagnostic> {
    let graph = match build(hir, test) {
        Ok(graph) => graph,
        Err(diagnostic) => return vec![*diagnostic],
    };
    let mut optimised = graph.clone();
    optimise(&mut optimised, FORWARD, &mut |_, _| {});
    optimise(&mut optimised, STEP, &mut |_, _| {});
    let env = environment(&graph);
    let ways = [
        ("the reference evaluator", 0.0, reference(&graph, &env)),
        ("the program as lowered", ROUNDING, execute(&graph, &env)),
        ("the optimised program", ROUNDING, execute(&optimised, &env)),
    ];
    let mut failures = Vec::new();
    for (way, slack, outputs) in ways {
        match outputs {
            Ok(outputs) => {
                let mut sides = outputs.iter();
                for assert in &test.asserts {
                    let left = sides.next().map_or(&[][..], Vec::as_slice);
                    let right = match assert.right {
                        Some(_) => sides.next().map_or(&[][..], Vec::as_slice),
                        None => &[1.0],
                    };
                    failures.extend(claim(assert, way, slack, left, right));
                }
            }
            Err(why) => failures.push(failed(test, way, &why)),
        }
    }
    // One word for each claim: what is wrong is mostly wrong in all three ways.
    let mut told: Vec<Diagnostic> = Vec::new();
    for failure in failures {
        if told
            .iter()
            .all(|known| known.primary.span != failure.primary.span)
        {
            told.push(failure);
        }
    }
    told
}

fn failed(test: &Test, way: &str, why: &str) -> Diagnostic {
    let message = format!("{way} of test `{}` cannot be run", test.title);
    Diagnostic::error(Code(1040), test.span, message).note(why)
}

/// Compares the sides of a claim; a right side of one element stands for all.
fn claim(
    assert: &Assert,
    way: &str,
    slack: f64,
    left: &[f64],
    right: &[f64],
) -> Option<Diagnostic> {
    let expected = |at: usize| {
        if right.len() == 1 {
            right[0]
        } else {
            right[at]
        }
    };
    if right.len() != 1 && right.len() != left.len() {
        let message = format!("expected {} values, found {}", right.len(), left.len());
        return Some(Diagnostic::error(Code(1040), assert.span, message));
    }
    let at = (0..left.len()).find(|at| {
        let (found, expected) = (left[*at], expected(*at));
        let allowed = assert.within + slack * expected.abs().max(1.0);
        let off = (found - expected).abs();
        found != expected && (off > allowed || off.is_nan())
    })?;
    let message = match assert.right {
        Some(_) => format!(
            "expected {}, found {}",
            number(expected(at)),
            number(left[at])
        ),
        None => "expected true, found false".to_owned(),
    };
    let place = match left.len() {
        1 => String::new(),
        n => format!("; element {at} of {n}"),
    };
    let diagnostic =
        Diagnostic::error(Code(1040), assert.span, message).here(format!("by {way}{place}"));
    Some(match (&assert.right, left.len()) {
        (Some(_), 2..=16) => diagnostic
            .note(format!("expected {}", list(right)))
            .note(format!("found {}", list(left))),
        _ => diagnostic,
    })
}

fn number(value: f64) -> String {
    let rounded = format!("{value:.9}").parse().unwrap_or(value);
    format!("{rounded:?}")
}

fn list(values: &[f64]) -> String {
    let values: Vec<String> = values.iter().map(|value| number(*value)).collect();
    format!("[{}]", values.join(", "))
}

/// One graph with the sides of all claims as outputs, as floats.
fn build(hir: &Hir, test: &Test) -> Built<Graph> {
    let mut rows = RowPrograms::new(hir);
    let mut builder = GraphBuilder::new(hir, &mut rows, Mode::Serving, "test");
    let outputs = builder.at_path("test", |builder| {
        for (id, _, e) in &test.lets {
            let value = builder.value(e)?;
            builder.set_local(*id, value);
        }
        let mut outputs = Vec::new();
        for assert in &test.asserts {
            outputs.push(side(builder, &assert.left)?);
            if let Some(right) = &assert.right {
                outputs.push(side(builder, right)?);
            }
        }
        Built::Ok(outputs)
    })?;
    let mut graph = builder.finish().graph;
    for (at, node) in outputs.into_iter().enumerate() {
        let node = floats(&mut graph, node);
        graph.outputs.push((format!("side.{at}"), node));
    }
    Ok(graph)
}

fn side(builder: &mut GraphBuilder<'_>, e: &crate::hir::Expr) -> Built<NodeId> {
    match builder.value(e)? {
        Val::Node(node) => Ok(node),
        Val::Handle(_) | Val::View(_) | Val::Record(_) | Val::Tuple(_) | Val::Const(_) => {
            Err(Box::new(Diagnostic::error(
                Code(1040),
                e.span,
                "a claim compares numbers",
            )))
        }
    }
}

fn floats(graph: &mut Graph, node: NodeId) -> NodeId {
    let mut ty = graph.ty(node).clone();
    if ty.elem == Elem::F32 {
        return node;
    }
    ty.elem = Elem::F32;
    graph.add(Op::Cast(Elem::F32), &[node], ty, Site::default())
}

/// Weights of functions under test: their constant where they begin as one, else fixed numbers between -0.5 and 0.5.
fn environment(graph: &Graph) -> Env {
    let mut env = Env::default();
    for (path, param) in &graph.params {
        let dims: Vec<usize> = param
            .ty
            .dims
            .iter()
            .map(|dim| match dim {
                Dim::Fixed(size) => *size,
                Dim::Space(_) => 1,
            })
            .collect();
        let key = Key {
            site: site_hash(path),
            ..Key::default()
        };
        let draw = |at: usize| uniform(key.fold(), 0, at as u64) - 0.5;
        let data = (0..dims.iter().product()).map(|at| match param.init {
            Init::Constant(value) => value,
            Init::Uniform(_) | Init::Normal(_) | Init::HeUniform | Init::GlorotUniform => draw(at),
        });
        let data = data.collect();
        env.params.insert(path.clone(), Value { dims, data });
    }
    env
}
