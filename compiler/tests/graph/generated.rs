//! Random well-typed graphs from a list of numbers, with values to run them on.

use reckon_compiler::graph::eval::{Env, Value, evaluate};
use reckon_compiler::graph::{
    Dim, Elem, Graph, Init, NodeId, Op, Param, ParamKind, Site, TensorType,
};

use crate::world::{B, C, L, V, WORLDS, World, graph};

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
    let mut env = world.env();
    for (path, kind, dims) in [
        ("tower.0.weight", ParamKind::Weight, [FOUR, FOUR]),
        ("space/item/id", ParamKind::Table, [V, FOUR]),
    ] {
        let value = filled(world, &dims, &wave);
        env.params.insert(path.to_owned(), value);
        let param = Param {
            kind,
            ty: TensorType::new(Elem::F32, dims),
            init: Init::Normal(0.1),
        };
        graph.params.insert(path.to_owned(), param);
    }
    for (name, elem, dims, value) in inputs(world) {
        env.inputs.insert(name.to_owned(), value);
        let input = Op::Input(name.to_owned());
        let ty = TensorType::new(elem, dims);
        graph.push_typed(input, &[], ty, Site::default()).unwrap();
    }
    let weight = Op::Param("tower.0.weight".to_owned());
    let table = Op::Table("space/item/id".to_owned());
    for leaf in [weight, table] {
        graph.push(leaf, &[], Site::default()).unwrap();
    }
    (graph, env)
}

type Input = (&'static str, Elem, Vec<Dim>, Value);

fn inputs(world: World) -> [Input; 5] {
    let floats = |name, dims: &[Dim], f: &dyn Fn(usize) -> f64| {
        let value = filled(world, dims, f);
        (name, Elem::F32, dims.to_vec(), value)
    };
    let ids = filled(world, &[L], &|n| ((n * 5 + 2) % world.vocabulary) as f64);
    let segments = Value::new([world.list], [0.0, 0.0, 2.0, 2.0, 2.0]);
    [
        floats("user", &[B, FOUR], &wave),
        floats("item", &[C, FOUR], &|n| wave(n + 5)),
        floats("label", &[B], &|n| (n % 2) as f64),
        ("ids", Elem::I64, vec![L], ids),
        ("segments", Elem::I64, vec![L], segments),
    ]
}

/// A value whose elements follow from their place.
fn filled(world: World, dims: &[Dim], f: &dyn Fn(usize) -> f64) -> Value {
    let sizes: Vec<usize> = dims.iter().map(|dim| world.size(*dim)).collect();
    let count = sizes.iter().product();
    Value::new(sizes, (0..count).map(f).collect::<Vec<_>>())
}

fn wave(n: usize) -> f64 {
    ((n * 37 + 11) % 23) as f64 / 11.0 - 1.0
}

const UNARY: [Op; 9] = [
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
const BINARY: [Op; 9] = [
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
const ALONG: [fn(usize) -> Op; 7] = [
    Op::SumOver,
    Op::MaxOver,
    Op::LogSumExp,
    Op::Softmax,
    Op::CumSum,
    Op::Flip,
    Op::Argmax,
];

/// An op by its number, on one or both of two nodes.
fn choice(op: u8, x: NodeId, y: NodeId, axis: usize) -> (Op, Vec<NodeId>) {
    let (kind, at) = (op % 8, usize::from(op / 8));
    match kind {
        0 | 1 => (UNARY[at % UNARY.len()].clone(), vec![x]),
        2 | 3 => (BINARY[at % BINARY.len()].clone(), vec![x, y]),
        4 => (ALONG[at % ALONG.len()](axis), vec![x]),
        5 => {
            let transpose_b = at % 2 == 0;
            (Op::MatMul { transpose_b }, vec![x, y])
        }
        6 => match at % 5 {
            0 => (Op::RandomUniform, Vec::new()),
            1 => (Op::RandomNormal, Vec::new()),
            2 => (Op::ScatterAdd(B), vec![x, y]),
            3 => {
                let dim = Dim::Fixed(2);
                (Op::Expand { axis, dim }, vec![x])
            }
            _ => (Op::LayerNorm { eps: 1e-3 }, vec![x]),
        },
        _ => match at % 4 {
            0 => (Op::Const(vec![0.5]), Vec::new()),
            1 => (Op::Gt, vec![x, y]),
            2 => (Op::Const(vec![1.0]), Vec::new()),
            _ => (Op::Const(vec![0.0]), Vec::new()),
        },
    }
}
