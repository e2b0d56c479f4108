//! A graph run once on the CPU, as tests in the language are.

use reckon_compiler::graph::Graph;
use reckon_compiler::graph::eval::Env;
use tch::Device;

use crate::{Error, Feeds, Program, RunKey, Store};

/// The outputs of a graph without inputs, in order and row-major: `f32` outputs as they are. Weights have the values of
/// `env`; updates are run and forgotten.
///
/// # Errors
/// Where libtorch refuses an op.
pub fn outputs(graph: &Graph, env: &Env) -> Result<Vec<Vec<f64>>, Error> {
    let program = Program::compile(graph, Device::Cpu)?;
    let mut store = Store::new(Device::Cpu);
    for (path, param) in &graph.params {
        if let Some(value) = env.params.get(path) {
            store.add(path, param, &value.dims, 0)?;
            let values: Vec<f32> = value.data.iter().map(|x| *x as f32).collect();
            store.set(path, &values)?;
        }
    }
    let key = RunKey {
        seed: env.key.seed,
        stream: env.key.stream,
        step: env.key.step,
        first_row: env.first_row,
    };
    let outputs = program.run(&mut store, &Feeds::new(), &key)?;
    let values = graph.outputs.iter().map(|(name, _)| {
        let values = outputs
            .f32(name)
            .expect("every output of the graph was computed");
        values.into_iter().map(f64::from).collect()
    });
    Ok(values.collect())
}
