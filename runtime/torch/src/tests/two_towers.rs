//! A training step of two towers over shared tables, built by hand: lists pooled into bags, perceptrons, normalised
//! dot products against the batch, softmax cross-entropy, sparse and dense updates.

use reckon_compiler::differentiate::{ParamGradient, differentiate};
use reckon_compiler::graph::{
    Builder, Dim, Elem, Graph, Init, NodeId, Op, Param, ParamKind, Site, Space, SpaceId, SpaceKind,
    TensorType, UpdateRule,
};
use reckon_compiler::random;

use crate::{Feeds, Values};

const BATCH: Dim = Dim::Space(SpaceId(0));
const CANDIDATES: Dim = Dim::Space(SpaceId(1));
const HISTORY: Dim = Dim::Space(SpaceId(2));
const TABLES: [(&str, u32); 2] = [("item", 3), ("user", 4)];

/// How large the step is.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    pub(crate) batch: usize,
    pub(crate) width: usize,
    pub(crate) hidden: usize,
    pub(crate) rows: usize,
    pub(crate) history: usize,
}

/// The graph of one step; its outputs are `loss` and `norm`.
pub(crate) fn step(size: Size) -> Graph {
    let mut graph = Graph::new("step");
    declare(&mut graph, size);
    let mut build = Builder {
        graph: &mut graph,
        site: Site::default(),
    };
    let loss = loss(&mut build, size);
    let paths: Vec<String> = graph.params.keys().cloned().collect();
    let gradients = differentiate(&mut graph, loss, &paths);
    let mut build = Builder {
        graph: &mut graph,
        site: Site::default(),
    };
    let rate = input(&mut build, "rate", Elem::F32, &[]);
    let parts: Vec<NodeId> = gradients
        .by_path
        .values()
        .map(|gradient| match *gradient {
            ParamGradient::Dense(values) | ParamGradient::Rows { values, .. } => values,
        })
        .collect();
    let norm = build.op(Op::GlobalNorm, &parts);
    for (path, gradient) in &gradients.by_path {
        let update = match *gradient {
            ParamGradient::Dense(gradient) => {
                let rule = UpdateRule::Adam {
                    beta1: 0.9,
                    beta2: 0.999,
                    eps: 1e-8,
                };
                build.op(
                    Op::Update {
                        path: path.clone(),
                        rule,
                    },
                    &[rate, gradient],
                )
            }
            ParamGradient::Rows { ids, values } => {
                let rule = UpdateRule::RowwiseAdagrad { eps: 1e-8 };
                build.op(
                    Op::Update {
                        path: path.clone(),
                        rule,
                    },
                    &[rate, ids, values],
                )
            }
        };
        build.graph.effects.push(update);
    }
    graph.outputs = vec![("loss".to_owned(), loss), ("norm".to_owned(), norm)];
    graph
}

fn declare(graph: &mut Graph, size: Size) {
    let space = |name: &str, kind| Space {
        name: name.to_owned(),
        kind,
    };
    graph.add_space(space("B", SpaceKind::Batch));
    graph.add_space(space("C", SpaceKind::Candidates));
    graph.add_space(space(
        "H",
        SpaceKind::List {
            parent: SpaceId(0),
            max: Some(size.history),
        },
    ));
    for (table, _) in TABLES {
        graph.add_space(space(
            table,
            SpaceKind::Vocabulary {
                table: table.to_owned(),
            },
        ));
    }
    let Size { width, hidden, .. } = size;
    let mut param = |path: &str, kind, dims: &[Dim], init| {
        graph.params.insert(
            path.to_owned(),
            Param {
                kind,
                ty: TensorType::new(Elem::F32, dims),
                init,
            },
        );
    };
    for (table, space) in TABLES {
        param(
            table,
            ParamKind::Table,
            &[Dim::Space(SpaceId(space)), Dim::Fixed(width)],
            Init::Normal(0.05),
        );
    }
    for (tower, input) in [("film", width), ("viewer", 2 * width)] {
        for (layer, from, to) in [(0, input, hidden), (1, hidden, width)] {
            let weight = [Dim::Fixed(from), Dim::Fixed(to)];
            param(
                &format!("{tower}.{layer}.weight"),
                ParamKind::Weight,
                &weight,
                Init::HeUniform,
            );
            param(
                &format!("{tower}.{layer}.bias"),
                ParamKind::Weight,
                &[Dim::Fixed(to)],
                Init::Constant(0.0),
            );
        }
    }
}

fn input(build: &mut Builder, name: &str, elem: Elem, dims: &[Dim]) -> NodeId {
    build.typed(Op::Input(name.to_owned()), &[], TensorType::new(elem, dims))
}

fn param(build: &mut Builder, path: &str) -> NodeId {
    let param = build.graph.params[path].clone();
    let op = if param.kind == ParamKind::Table {
        Op::Table(path.to_owned())
    } else {
        Op::Param(path.to_owned())
    };
    build.typed(op, &[], param.ty)
}

fn loss(build: &mut Builder, size: Size) -> NodeId {
    let items = param(build, "item");
    let users = param(build, "user");
    let user = input(build, "user", Elem::I64, &[BATCH]);
    let item = input(build, "item", Elem::I64, &[CANDIDATES]);
    let column = input(build, "column", Elem::I64, &[BATCH]);
    let history = input(build, "history", Elem::I64, &[HISTORY]);
    let segments = input(build, "segments", Elem::I64, &[HISTORY]);
    let log_q = input(build, "log_q", Elem::F32, &[CANDIDATES]);

    let sum = build.op(Op::Bag { parent: SpaceId(0) }, &[items, history, segments]);
    let ones = build.fill(TensorType::new(Elem::F32, [HISTORY]), 1.0);
    let count = build.op(Op::ScatterAdd(BATCH), &[ones, segments]);
    let one = build.scalar(1.0);
    let count = build.op(Op::Max, &[count, one]);
    let recent = build.op(Op::Div, &[sum, count]);
    let who = build.op(Op::Lookup, &[users, user]);
    let both = TensorType::new(Elem::F32, [BATCH, Dim::Fixed(2 * size.width)]);
    let both = build.typed(Op::Concat { axis: 1 }, &[who, recent], both);
    let viewer = tower(build, "viewer", both);
    let film = build.op(Op::Lookup, &[items, item]);
    let film = tower(build, "film", film);

    let scores = build.op(Op::MatMul { transpose_b: true }, &[viewer, film]);
    let temperature = build.scalar(0.1);
    let scores = build.op(Op::Div, &[scores, temperature]);
    let scores = build.op(Op::Sub, &[scores, log_q]);
    let xent = build.op(Op::SoftmaxXent, &[scores, column]);
    let total = build.op(Op::SumOver(0), &[xent]);
    let rows = build.op(Op::Size(SpaceId(0)), &[]);
    build.op(Op::Div, &[total, rows])
}

fn tower(build: &mut Builder, name: &str, input: NodeId) -> NodeId {
    let mut x = input;
    for layer in 0..2 {
        let weight = param(build, &format!("{name}.{layer}.weight"));
        let bias = param(build, &format!("{name}.{layer}.bias"));
        x = build.op(Op::MatMul { transpose_b: false }, &[x, weight]);
        x = build.op(Op::Add, &[x, bias]);
        if layer == 0 {
            x = build.op(Op::Relu, &[x]);
        }
    }
    let square = build.op(Op::Mul, &[x, x]);
    let norm = build.op(Op::SumOver(1), &[square]);
    let floor = build.scalar(1e-12);
    let norm = build.op(Op::Max, &[norm, floor]);
    let norm = build.op(Op::Sqrt, &[norm]);
    build.op(Op::Div, &[x, norm])
}

/// One batch of made-up rows, the same for the same number.
pub(crate) struct Batch {
    user: Vec<i64>,
    item: Vec<i64>,
    column: Vec<i64>,
    history: Vec<i64>,
    segments: Vec<i64>,
    log_q: Vec<f32>,
}

impl Batch {
    pub(crate) fn new(size: Size, number: u64) -> Self {
        let draw = |what: u64, at: usize| random::uniform(number, what, at as u64);
        // Squaring makes some ids frequent, as they are in life.
        let id = |what: u64, at: usize| (draw(what, at).powi(2) * size.rows as f64) as i64;
        let lengths: Vec<usize> = (0..size.batch)
            .map(|row| (draw(0, row) * (size.history + 1) as f64) as usize)
            .collect();
        let segments: Vec<i64> = lengths
            .iter()
            .enumerate()
            .flat_map(|(row, length)| vec![row as i64; *length])
            .collect();
        Self {
            user: (0..size.batch).map(|at| id(1, at)).collect(),
            item: (0..size.batch).map(|at| id(2, at)).collect(),
            column: (0..size.batch as i64).collect(),
            history: (0..segments.len()).map(|at| id(3, at)).collect(),
            segments,
            log_q: (0..size.batch)
                .map(|at| (draw(4, at) + 0.1).ln() as f32)
                .collect(),
        }
    }

    pub(crate) fn feeds(&self) -> Feeds<'_> {
        let mut feeds = Feeds::new();
        let ids = [
            ("user", &self.user),
            ("item", &self.item),
            ("column", &self.column),
        ];
        for (name, values) in ids
            .into_iter()
            .chain([("history", &self.history), ("segments", &self.segments)])
        {
            feeds.set(name, &[values.len()], Values::I64(values));
        }
        feeds.set("log_q", &[self.log_q.len()], Values::F32(&self.log_q));
        feeds.set("rate", &[], Values::F32(&[0.01]));
        feeds
    }
}
