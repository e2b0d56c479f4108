//! Random well-typed graphs from a list of numbers, with values to run them on.

use reckon_compiler::graph::eval::{Env, Value, evaluate};
use reckon_compiler::graph::{
    Dim, Elem, Graph, Init, NodeId, Op, Param, ParamKind, Site, SpaceId, TensorType,
};

use crate::world::{B, C, L, V, WORLDS, graph};

const FOUR: Dim = Dim::Fixed(4);

/// A graph of about as many nodes as there are choices; its outputs are floats.
pub(crate) fn generated(choices: &[(u8, u8, u8)]) -> (Graph, Env) {
    let (mut graph, env) = leaves();
    let mut nodes: Vec<NodeId> = graph.ids().collect();
    for (place, (op, left, right)) in choices.iter().enumerate() {
        let pick = |at: u8| nodes[nodes.len() - 1 - usize::from(at) % nodes.len().min(12)];
        let (x, y) = (pick(*left), pick(*right));
        let axis = usize::from(*right) % graph.ty(x).rank().max(1);
        let (op, operands) = choice(*op, x, y, axis);
        let site = Site {
            path: format!("site.{place}"),
            ..Site::default()
        };
        let pushed = match op {
            Op::RandomUniform | Op::RandomNormal => graph
                .push_typed(op, &[], TensorType::new(Elem::F32, [B, FOUR]), site)
                .ok(),
            Op::Const(_) => graph.push_typed(op, &[], TensorType::scalar(), site).ok(),
            _ => graph
                .push(op, &operands, site)
                .ok()
                .filter(|id| graph.ty(*id).rank() < 4),
        };
        // Indices may lie outside of what they index.
        nodes.extend(pushed.filter(|id| {
            graph.outputs = vec![("probe".to_owned(), *id)];
            !matches!(
                graph.node(*id).op,
                Op::Gather | Op::Lookup | Op::Pick | Op::ScatterAdd(_)
            ) || evaluate(&graph, &env).is_ok()
        }));
    }
    let floats: Vec<NodeId> = nodes
        .into_iter()
        .rev()
        .filter(|id| graph.ty(*id).elem == Elem::F32)
        .take(3)
        .collect();
    graph.outputs = floats
        .into_iter()
        .enumerate()
        .map(|(at, id)| (format!("out{at}"), id))
        .collect();
    (graph, env)
}

fn leaves() -> (Graph, Env) {
    let mut graph = graph();
    let world = WORLDS[0];
    let sizes = [
        (0, world.batch),
        (1, world.candidates),
        (2, world.list),
        (3, world.vocabulary),
    ];
    let mut env = Env {
        sizes: sizes.map(|(id, size)| (SpaceId(id), size)).into(),
        ..Env::default()
    };
    let size = |dim: Dim| match dim {
        Dim::Fixed(size) => size,
        Dim::Space(space) => env.sizes[&space],
    };
    let draw = |dims: &[Dim], f: &dyn Fn(usize) -> f64| {
        let sizes: Vec<_> = dims.iter().map(|dim| size(*dim)).collect();
        let count = sizes.iter().product();
        Value::new(sizes, (0..count).map(f).collect::<Vec<_>>())
    };
    let wave = |n: usize| ((n * 37 + 11) % 23) as f64 / 11.0 - 1.0;
    let rows = |dims: &[Dim], below: usize| draw(dims, &|n| ((n * 5 + 2) % below) as f64);
    let mut inputs = vec![("user", Elem::F32, vec![B, FOUR], draw(&[B, FOUR], &wave))];
    inputs.push((
        "item",
        Elem::F32,
        vec![C, FOUR],
        draw(&[C, FOUR], &|n| wave(n + 5)),
    ));
    inputs.push(("label", Elem::F32, vec![B], draw(&[B], &|n| (n % 2) as f64)));
    inputs.push(("ids", Elem::I64, vec![L], rows(&[L], world.vocabulary)));
    inputs.push((
        "segments",
        Elem::I64,
        vec![L],
        Value::new([world.list], [0.0, 0.0, 2.0, 2.0, 2.0]),
    ));
    let mut params = vec![("tower.0.weight", ParamKind::Weight, vec![FOUR, FOUR])];
    params.push(("space/item/id", ParamKind::Table, vec![V, FOUR]));
    let values: Vec<_> = params
        .iter()
        .map(|(path, _, dims)| ((*path).to_owned(), draw(dims, &wave)))
        .collect();
    env.params.extend(values);
    for (name, elem, dims, value) in inputs {
        env.inputs.insert(name.to_owned(), value);
        graph
            .push_typed(
                Op::Input(name.to_owned()),
                &[],
                TensorType::new(elem, dims),
                Site::default(),
            )
            .unwrap();
    }
    for (path, kind, dims) in params {
        let ty = TensorType::new(Elem::F32, dims);
        graph.params.insert(
            path.to_owned(),
            Param {
                kind,
                ty,
                init: Init::Normal(0.1),
            },
        );
        let leaf = if kind == ParamKind::Table {
            Op::Table(path.to_owned())
        } else {
            Op::Param(path.to_owned())
        };
        graph.push(leaf, &[], Site::default()).unwrap();
    }
    (graph, env)
}

fn choice(op: u8, x: NodeId, y: NodeId, axis: usize) -> (Op, Vec<NodeId>) {
    let unary = [
        Op::Neg,
        Op::Abs,
        Op::Tanh,
        Op::Sigmoid,
        Op::LogSigmoid,
        Op::Relu,
        Op::Stop,
        Op::Erf,
        Op::Sin,
    ];
    let binary = [
        Op::Add,
        Op::Sub,
        Op::Mul,
        Op::Max,
        Op::Min,
        Op::BceLogits,
        Op::Gather,
        Op::Lookup,
        Op::Pick,
    ];
    let along = [
        Op::SumOver(axis),
        Op::MaxOver(axis),
        Op::LogSumExp(axis),
        Op::Softmax(axis),
        Op::CumSum(axis),
        Op::Flip(axis),
        Op::Argmax(axis),
    ];
    let op = usize::from(op);
    match op % 8 {
        0 | 1 => (unary[op / 8 % unary.len()].clone(), vec![x]),
        2 | 3 => (binary[op / 8 % binary.len()].clone(), vec![x, y]),
        4 => (along[op / 8 % along.len()].clone(), vec![x]),
        5 => (
            Op::MatMul {
                transpose_b: op / 8 % 2 == 0,
            },
            vec![x, y],
        ),
        6 => match op / 8 % 5 {
            0 => (Op::RandomUniform, Vec::new()),
            1 => (Op::RandomNormal, Vec::new()),
            2 => (Op::ScatterAdd(B), vec![x, y]),
            3 => (
                Op::Expand {
                    axis,
                    dim: Dim::Fixed(2),
                },
                vec![x],
            ),
            _ => (Op::LayerNorm { eps: 1e-3 }, vec![x]),
        },
        _ => match op / 8 % 4 {
            0 => (Op::Const(vec![0.5]), Vec::new()),
            1 => (Op::Gt, vec![x, y]),
            2 => (Op::Const(vec![1.0]), Vec::new()),
            _ => (Op::Const(vec![0.0]), Vec::new()),
        },
    }
}
