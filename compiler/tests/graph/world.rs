//! One op on operands that are drawn, in worlds of several sizes.

use reckon_compiler::graph::eval::{Env, Value};
use reckon_compiler::graph::{
    Dim, Elem, Graph, Init, NodeId, Op, Param, ParamKind, Site, Space, SpaceId, SpaceKind,
    TensorType,
};
use reckon_compiler::random;

pub(crate) const B: Dim = Dim::Space(SpaceId(0));
pub(crate) const C: Dim = Dim::Space(SpaceId(1));
pub(crate) const L: Dim = Dim::Space(SpaceId(2));
pub(crate) const V: Dim = Dim::Space(SpaceId(3));
pub(crate) const F: Dim = Dim::Space(SpaceId(4));

/// The sizes of the spaces, and how large the values are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    pub(crate) batch: usize,
    pub(crate) candidates: usize,
    pub(crate) list: usize,
    pub(crate) vocabulary: usize,
    pub(crate) scale: f64,
    pub(crate) seed: u64,
}

pub(crate) const WORLDS: &[World] = &[
    World {
        batch: 3,
        candidates: 4,
        list: 5,
        vocabulary: 6,
        scale: 1.0,
        seed: 1,
    },
    World {
        batch: 1,
        candidates: 2,
        list: 2,
        vocabulary: 3,
        scale: 1.0,
        seed: 2,
    },
    World {
        batch: 2,
        candidates: 3,
        list: 0,
        vocabulary: 2,
        scale: 1.0,
        seed: 3,
    },
    World {
        batch: 2,
        candidates: 5,
        list: 7,
        vocabulary: 4,
        scale: 80.0,
        seed: 4,
    },
];

/// What the gradient is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Expect {
    /// Finite differences.
    Differences,
    /// No gradient, whatever the values do.
    Nothing,
    /// The cotangent times this.
    Cotangent(f64),
}

pub(crate) struct Case {
    pub(crate) graph: Graph,
    pub(crate) env: Env,
    pub(crate) result: NodeId,
    pub(crate) operands: Vec<NodeId>,
    pub(crate) expect: Expect,
    pub(crate) label: String,
}

/// How the values of an operand are drawn.
#[derive(Clone)]
pub(crate) enum Draw {
    Any(Vec<Dim>),
    /// Between -1 and 1, however large the values are.
    Small(Vec<Dim>),
    Positive(Vec<Dim>),
    Negative(Vec<Dim>),
    Ids(Vec<Dim>, usize),
    Truth(Vec<Dim>),
    Table(usize),
    /// The list of each element, ascending, with an empty list where there is room for one.
    Segments,
    /// The place of each element in its list.
    Positions,
    /// The distinct ids of the operand before.
    Distinct(usize),
}

impl World {
    /// The sizes of the spaces, and no values yet.
    pub(crate) fn env(&self) -> Env {
        let spaces = [B, C, L, V].into_iter().zip(0..);
        Env {
            sizes: spaces
                .map(|(space, id)| (SpaceId(id), self.size(space)))
                .collect(),
            ..Env::default()
        }
    }

    /// The size of a dimension.
    pub(crate) fn size(&self, dim: Dim) -> usize {
        match dim {
            Dim::Fixed(size) => size,
            B => self.batch,
            C => self.candidates,
            L => self.list,
            V => self.vocabulary,
            _ => unreachable!("flat spaces have no size beforehand"),
        }
    }

    fn uniform(&self, at: usize, element: usize) -> f64 {
        random::uniform(
            random::Key {
                seed: self.seed,
                ..random::Key::default()
            }
            .fold(),
            at as u64,
            element as u64,
        )
    }

    fn segments(&self) -> Vec<f64> {
        // Every second row of the batch has an empty list where there are two rows or more.
        let rows = self.batch.div_ceil(2);
        (0..self.list)
            .map(|n| (n * rows / self.list.max(1) * 2) as f64)
            .collect()
    }

    fn positions(&self) -> Vec<f64> {
        let segments = self.segments();
        (0..self.list)
            .map(|n| segments[..n].iter().filter(|s| **s == segments[n]).count() as f64)
            .collect()
    }

    fn draw(&self, at: usize, draw: &Draw, before: &[Value]) -> (TensorType, Value) {
        let floats = |dims: &Vec<Dim>, f: &dyn Fn(f64) -> f64| {
            let sizes: Vec<_> = dims.iter().map(|dim| self.size(*dim)).collect();
            let data: Vec<_> = (0..sizes.iter().product())
                .map(|n| f(self.uniform(at, n)))
                .collect();
            (
                TensorType::new(Elem::F32, dims.clone()),
                Value::new(sizes, data),
            )
        };
        match draw {
            Draw::Any(dims) => floats(dims, &|u| (u - 0.5) * 2.0 * self.scale),
            Draw::Small(dims) => floats(dims, &|u| (u - 0.5) * 2.0),
            Draw::Positive(dims) => floats(dims, &|u| (u + 0.1) * self.scale),
            Draw::Negative(dims) => floats(dims, &|u| -(u + 0.01) * self.scale),
            Draw::Ids(dims, below) => {
                let (ty, mut value) = floats(dims, &|u| (u * *below as f64).floor());
                value
                    .data
                    .iter_mut()
                    .for_each(|id| *id = id.min(*below as f64 - 1.0));
                (TensorType::new(Elem::I64, ty.dims), value)
            }
            Draw::Truth(dims) => {
                let (ty, value) = floats(dims, &|u| f64::from(u < 0.5));
                (TensorType::new(Elem::Bool, ty.dims), value)
            }
            Draw::Table(width) => floats(&vec![V, Dim::Fixed(*width)], &|u| u - 0.5),
            Draw::Segments => (
                TensorType::new(Elem::I64, [L]),
                Value::new([self.list], self.segments()),
            ),
            Draw::Positions => (
                TensorType::new(Elem::I64, [L]),
                Value::new([self.list], self.positions()),
            ),
            Draw::Distinct(of) => {
                let mut data = before[*of].data.clone();
                data.sort_by(f64::total_cmp);
                data.dedup();
                (
                    TensorType::new(Elem::I64, [F]),
                    Value::new([data.len()], data),
                )
            }
        }
    }
}

/// The spaces that all cases use.
pub(crate) fn graph() -> Graph {
    let mut graph = Graph::new("case");
    let space = |name: &str, kind| Space {
        name: name.to_owned(),
        kind,
    };
    graph.add_space(space("B", SpaceKind::Batch));
    graph.add_space(space("C", SpaceKind::Candidates));
    graph.add_space(space(
        "L",
        SpaceKind::List {
            parent: SpaceId(0),
            max: Some(8),
        },
    ));
    graph.add_space(space(
        "V",
        SpaceKind::Vocabulary {
            table: "table".to_owned(),
        },
    ));
    graph.add_space(space("F", SpaceKind::Flat));
    graph
}

/// A case of one op; `ty` for ops whose type is given.
pub(crate) fn case(
    world: World,
    op: Op,
    ty: Option<TensorType>,
    draws: &[Draw],
    expect: Expect,
) -> Case {
    let mut graph = graph();
    let mut env = world.env();
    let weight = |kind, ty: &TensorType| Param {
        kind,
        ty: ty.clone(),
        init: Init::Constant(0.0),
    };
    let square = TensorType::new(Elem::F32, [Dim::Fixed(2), Dim::Fixed(2)]);
    graph
        .params
        .insert("weight".to_owned(), weight(ParamKind::Weight, &square));
    graph
        .params
        .insert("state".to_owned(), weight(ParamKind::State, &square));
    let mut operands = Vec::new();
    let mut values = Vec::new();
    for (at, draw) in draws.iter().enumerate() {
        let (ty, value) = world.draw(at, draw, &values);
        values.push(value.clone());
        let leaf = if let Draw::Table(_) = draw {
            graph
                .params
                .insert("table".to_owned(), weight(ParamKind::Table, &ty));
            env.params.insert("table".to_owned(), value);
            Op::Table("table".to_owned())
        } else {
            env.inputs.insert(format!("x{at}"), value);
            Op::Input(format!("x{at}"))
        };
        operands.push(graph.push_typed(leaf, &[], ty, Site::default()).unwrap());
    }
    let name = op.entry().name;
    let label = format!("{op:?} in {world:?}");
    let result = match ty {
        Some(ty) => graph.push_typed(op, &operands, ty, Site::default()),
        None => graph.push(op, &operands, Site::default()),
    };
    let result = result.unwrap_or_else(|error| panic!("{name}: {}", error.message));
    graph.outputs.push(("y".to_owned(), result));
    Case {
        graph,
        env,
        result,
        operands,
        expect,
        label,
    }
}
