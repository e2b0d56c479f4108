//! The executor against the reference evaluator, over the cases that the compiler's own tests use, and gradients that
//! are part of the graph against libtorch's autograd.

#[path = "../../../compiler/tests/graph/cases.rs"]
mod cases;
#[path = "../../../compiler/tests/graph/generated.rs"]
mod generated_graphs;
#[path = "../../../compiler/tests/graph/world.rs"]
pub(crate) mod world;

mod chains;
mod edges;
mod fused;
mod generated;
mod gradients;
mod library;
mod ops;
mod plain;
mod runs;
mod store;
mod two_towers;

use reckon_compiler::graph::eval::Env;
use reckon_compiler::graph::{Dim, Elem, Graph, Op};
use tch::Device;

use crate::{Feeds, RunKey, Store, Values};

/// Inputs of a graph in their element types, kept for [`Feeds`] to borrow.
struct Fed(Vec<(String, Vec<usize>, Array)>);

enum Array {
    F32(Vec<f32>),
    I64(Vec<i64>),
    Bool(Vec<bool>),
}

impl Fed {
    fn new(graph: &Graph, env: &Env) -> Self {
        let inputs = graph
            .order()
            .into_iter()
            .filter_map(|id| match &graph.node(id).op {
                Op::Input(name) => {
                    let value = &env.inputs[name];
                    let data = value.data.iter();
                    let array = match graph.ty(id).elem {
                        Elem::F32 => Array::F32(data.map(|x| *x as f32).collect()),
                        Elem::I64 => Array::I64(data.map(|x| *x as i64).collect()),
                        Elem::Bool => Array::Bool(data.map(|x| *x != 0.0).collect()),
                    };
                    Some((name.clone(), value.dims.clone(), array))
                }
                _ => None,
            });
        Self(inputs.collect())
    }

    fn feeds(&self, env: &Env) -> Feeds<'_> {
        let mut feeds = Feeds::new();
        for (name, shape, array) in &self.0 {
            let values = match array {
                Array::F32(values) => Values::F32(values),
                Array::I64(values) => Values::I64(values),
                Array::Bool(values) => Values::Bool(values),
            };
            feeds.set(name, shape, values);
        }
        for (space, rows) in &env.sizes {
            feeds.size(*space, *rows);
        }
        feeds
    }
}

fn store(graph: &Graph, env: &Env) -> Store {
    let mut store = Store::new(Device::Cpu);
    for (path, param) in &graph.params {
        let size = |dim: &Dim| match dim {
            Dim::Fixed(size) => *size,
            Dim::Space(space) => env.sizes[space],
        };
        let shape: Vec<usize> = param.ty.dims.iter().map(size).collect();
        store.add(path, param, &shape, 0).unwrap();
        if let Some(value) = env.params.get(path) {
            let values: Vec<f32> = value.data.iter().map(|x| *x as f32).collect();
            store.set(path, &values).unwrap();
        }
    }
    store
}

fn key(env: &Env) -> RunKey {
    RunKey {
        seed: env.key.seed,
        stream: env.key.stream,
        step: env.key.step,
        first_row: env.first_row,
    }
}

/// Whether two results agree as far as 32-bit floats can.
fn close(a: f64, b: f64, scale: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 2e-5 * scale.max(a.abs()).max(b.abs())
}
