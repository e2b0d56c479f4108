//! The gradient of every op is the finite difference of its reference evaluation, and so is the gradient of its gradient.

use reckon_compiler::differentiate::{ParamGradient, differentiate, grad_of};
use reckon_compiler::graph::entry::{ENTRIES, Gradient, Keep};
use reckon_compiler::graph::eval::{Env, Value, evaluate};
use reckon_compiler::graph::{Elem, Graph, NodeId, Op, Site, TensorType};

use crate::cases::cases;
use crate::world::{Case, Expect, WORLDS};

#[test]
fn every_op_has_a_case() {
    let cases = cases(WORLDS[0]);
    // Inputs, weights and tables are operands of every other case.
    let leaves = ["input", "param", "table"];
    let missing: Vec<_> = ENTRIES
        .iter()
        .map(|entry| entry.name)
        .filter(|name| !leaves.contains(name) && !cases.contains_key(name))
        .collect();
    assert_eq!(missing, Vec::<&str>::new());
}

#[test]
fn names_of_ops_are_distinct() {
    let mut names: Vec<_> = ENTRIES.iter().map(|entry| entry.name).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn values_have_the_types_that_the_rules_say() {
    for case in WORLDS
        .iter()
        .flat_map(|world| cases(*world).into_values().flatten())
    {
        // The evaluator compares the dimensions of each value with the type of its node.
        evaluate(&case.graph, &case.env).unwrap_or_else(|error| panic!("{}: {error}", case.label));
    }
}

#[test]
fn gradients_are_finite_differences() {
    for mut case in WORLDS
        .iter()
        .flat_map(|world| cases(*world).into_values().flatten())
    {
        let loss = weighted_sum(&mut case.graph, &mut case.env, case.result, "w");
        check(&mut case, loss);
    }
}

#[test]
fn gradients_of_gradients_are_finite_differences() {
    for mut case in WORLDS
        .iter()
        .flat_map(|world| cases(*world).into_values().flatten())
    {
        if case.expect != Expect::Differences {
            continue;
        }
        let loss = weighted_sum(&mut case.graph, &mut case.env, case.result, "w");
        for (at, operand) in case.operands.clone().into_iter().enumerate() {
            let is_table = matches!(case.graph.node(operand).op, Op::Table(_));
            let Some(gradient) = grad_of(&mut case.graph, loss, operand).filter(|_| !is_table)
            else {
                continue;
            };
            let second = weighted_sum(&mut case.graph, &mut case.env, gradient, &format!("v{at}"));
            check(&mut case, second);
        }
    }
}

#[test]
fn rules_read_no_more_than_they_keep() {
    for mut case in cases(WORLDS[0]).into_values().flatten() {
        let Gradient::Rule { keeps, .. } = case.graph.node(case.result).op.entry().gradient else {
            continue;
        };
        let before = case.graph.bound();
        let ty = case.graph.ty(case.result).clone();
        if ty.elem != Elem::F32 {
            continue;
        }
        let w = case
            .graph
            .push_typed(Op::Input("w".to_owned()), &[], ty, Site::default())
            .unwrap();
        let y = case.result;
        let product = case.graph.push(Op::Mul, &[y, w], Site::default()).unwrap();
        let gradients: Vec<_> = case
            .operands
            .clone()
            .into_iter()
            .filter_map(|x| grad_of(&mut case.graph, product, x))
            .collect();
        let live = case.graph.needed_by(gradients);
        let kept = |id: NodeId| {
            id.index() < before
                && case
                    .graph
                    .ids()
                    .filter(|user| user.index() > before + 1 && live[user.index()])
                    .any(|user| case.graph.operands(user).contains(&id))
        };
        let allowed = |keep: Keep| keeps.contains(&keep);
        // An operand of another is only an operand, never a result.
        for (at, operand) in case.operands.iter().enumerate() {
            let declared = allowed(Keep::Operand(at)) || allowed(Keep::Operands);
            assert!(
                declared || !kept(*operand),
                "{} reads operand {at}",
                case.label
            );
        }
        assert!(
            allowed(Keep::Result) || !kept(y),
            "{} reads its result",
            case.label
        );
    }
}

/// The sum over all elements of `y`, each with a weight of its own.
fn weighted_sum(graph: &mut Graph, env: &mut Env, y: NodeId, name: &str) -> NodeId {
    let ty = graph.ty(y).clone();
    graph.outputs = vec![("y".to_owned(), y)];
    let values = evaluate(graph, env).unwrap_or_else(|error| panic!("{error}"));
    let dims = values.get(y).unwrap().dims.clone();
    let data: Vec<f64> = (0..dims.iter().product())
        .map(|n| ((n * 7 + 3) % 11) as f64 / 5.0 - 1.1)
        .collect();
    env.inputs.insert(name.to_owned(), Value { dims, data });
    let mut result = y;
    if ty.elem != Elem::F32 {
        result = graph
            .push(Op::Cast(Elem::F32), &[y], Site::default())
            .unwrap();
    }
    let w = TensorType::new(Elem::F32, ty.dims.clone());
    let w = graph
        .push_typed(Op::Input(name.to_owned()), &[], w, Site::default())
        .unwrap();
    result = graph.push(Op::Mul, &[result, w], Site::default()).unwrap();
    for _ in &ty.dims {
        result = graph
            .push(Op::SumOver(0), &[result], Site::default())
            .unwrap();
    }
    graph.outputs = vec![("loss".to_owned(), result)];
    result
}

fn check(case: &mut Case, loss: NodeId) {
    for at in 0..case.operands.len() {
        let operand = case.operands[at];
        if case.graph.ty(operand).elem != Elem::F32 {
            continue;
        }
        let found = gradient(case, loss, operand);
        let expected = match case.expect {
            Expect::Differences => differences(case, loss, operand),
            Expect::Nothing => {
                assert_eq!(found, None, "{}: operand {at} has a gradient", case.label);
                continue;
            }
            Expect::Cotangent(scale) => case.env.inputs["w"]
                .data
                .iter()
                .map(|w| w * scale)
                .collect(),
        };
        let found = found.unwrap_or_else(|| vec![0.0; expected.len()]);
        let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 2e-5 * (1.0 + a.abs().max(b.abs()));
        assert!(
            found.len() == expected.len() && found.iter().zip(&expected).all(close),
            "{}: operand {at}: gradient {found:?}, differences {expected:?}",
            case.label
        );
    }
}

/// The gradient as built in the graph; of a table with its rows spread out.
fn gradient(case: &Case, loss: NodeId, operand: NodeId) -> Option<Vec<f64>> {
    let mut graph = case.graph.clone();
    if let Op::Table(path) = graph.node(operand).op.clone() {
        let gradients = differentiate(&mut graph, loss, std::slice::from_ref(&path));
        let ParamGradient::Rows { ids, values } = gradients.by_path[&path] else {
            panic!("tables have rows")
        };
        graph.outputs = vec![("ids".to_owned(), ids), ("values".to_owned(), values)];
        let results =
            evaluate(&graph, &case.env).unwrap_or_else(|error| panic!("{}: {error}", case.label));
        let (ids, values) = (results.get(ids).unwrap(), results.get(values).unwrap());
        assert!(
            ids.data.is_sorted() && ids.data.windows(2).all(|pair| pair[0] < pair[1]),
            "ids are distinct"
        );
        let mut spread = vec![0.0; case.env.params[&path].data.len()];
        let width = values.dims[1];
        for (row, id) in ids.data.iter().enumerate() {
            spread[*id as usize * width..][..width]
                .copy_from_slice(&values.data[row * width..][..width]);
        }
        return Some(spread);
    }
    let gradient = grad_of(&mut graph, loss, operand)?;
    assert_eq!(graph.ty(gradient), graph.ty(operand), "{}", case.label);
    graph.outputs = vec![("gradient".to_owned(), gradient)];
    let results =
        evaluate(&graph, &case.env).unwrap_or_else(|error| panic!("{}: {error}", case.label));
    Some(results.get(gradient).unwrap().data.clone())
}

fn differences(case: &Case, loss: NodeId, operand: NodeId) -> Vec<f64> {
    let step = 1e-5;
    let mut env = case.env.clone();
    let at = |env: &mut Env, element: usize, by: f64| {
        let value = match &case.graph.node(operand).op {
            Op::Input(name) => env.inputs.get_mut(name),
            Op::Table(path) => env.params.get_mut(path),
            _ => None,
        };
        value.unwrap().data[element] += by;
    };
    let count = match &case.graph.node(operand).op {
        Op::Table(path) => case.env.params[path].data.len(),
        Op::Input(name) => case.env.inputs[name].data.len(),
        _ => unreachable!("operands are leaves"),
    };
    let mut value = |element: usize, by: f64| {
        at(&mut env, element, by);
        let result = evaluate(&case.graph, &env).unwrap().get(loss).unwrap().data[0];
        at(&mut env, element, -by);
        result
    };
    (0..count)
        .map(|element| (value(element, step) - value(element, -step)) / (2.0 * step))
        .collect()
}
