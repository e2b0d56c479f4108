//! Where the time of a training step goes: `step_profile SPEC [NAME=VALUE]...` loads the data of a spec, and prints for its
//! first training a step's median time and the ops that take the most of it, with their types.

#![expect(clippy::print_stdout, reason = "it prints what it finds")]

mod command;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use reckon_compiler::graph::{Dim, Graph, NodeId};
use reckon_compiler::plan::{PhasePlan, Plan};
use reckon_runtime::data::{Assembler, Batch, Dataset, HostValues, StepKey};
use reckon_torch::{Device, Feeds, Program, RunKey, Store, Values, set_threads};

use command::{Stop, compiled};

const STEPS: usize = 12;
const LINES: usize = 24;

fn main() -> ExitCode {
    command::run("step_profile SPEC [NAME=VALUE]...", profile)
}

fn profile(words: &[String]) -> Result<(), Stop> {
    let [spec, settings @ ..] = words else {
        return Err(Stop::Usage("there is no spec".to_owned()));
    };
    let (_, plan) = compiled(spec, settings)?;
    let root = Path::new(spec).parent().unwrap_or(Path::new("."));
    let data = Dataset::load(&plan, root, None).map_err(|found| Stop::found(&found))?;
    set_threads(1);
    let Some(phase) = plan.phases.first() else {
        return Err(Stop::Failed(format!("`{spec}` trains nothing")));
    };
    let times = measure(&plan, phase, &data)?;
    print(&phase.step.graph, times);
    Ok(())
}

/// How long each step took, and what its ops took together.
struct Times {
    assembling: Vec<Duration>,
    running: Vec<Duration>,
    by_node: BTreeMap<NodeId, Duration>,
}

fn measure(plan: &Plan, phase: &PhasePlan, data: &Dataset) -> Result<Times, Stop> {
    let graph = &phase.step.graph;
    let assembler = Assembler::new(data, &phase.step, &phase.streams);
    let assembler = assembler.map_err(|found| Stop::found(&found))?;
    let failed = |error: reckon_torch::Error| Stop::Failed(error.to_string());
    let program = Program::compile(graph, Device::Cpu).map_err(failed)?;
    let mut store = Store::new(Device::Cpu);
    let tables = plan.tables.iter();
    let tables = tables.map(|(path, rows)| (path.clone(), data.table_rows(rows)));
    store.declare(graph, &tables.collect(), 1).map_err(failed)?;
    let mut times = Times {
        assembling: Vec::new(),
        running: Vec::new(),
        by_node: BTreeMap::new(),
    };
    for step in 0..STEPS {
        let streams = phase.streams.iter().map(|stream| {
            let rows = data.stream_rows(stream);
            let at = |n: usize| rows[(step * stream.batch + n) * 7919 % rows.len()];
            (0..stream.batch.min(rows.len())).map(at).collect()
        });
        let key = StepKey {
            seed: 1,
            step: step as u64,
            epoch: 0,
            training: true,
            schedule: 1.0,
        };
        let start = Instant::now();
        let batch = assembler.assemble(&streams.collect::<Vec<_>>(), key);
        times.assembling.push(start.elapsed());
        let key = RunKey {
            step: step as u64,
            ..RunKey::default()
        };
        let start = Instant::now();
        let by_node = program
            .profile(&mut store, &feeds(&batch), &key)
            .map_err(failed)?;
        times.running.push(start.elapsed());
        for (node, time) in by_node {
            *times.by_node.entry(node).or_default() += time;
        }
    }
    Ok(times)
}

fn print(graph: &Graph, mut times: Times) {
    println!("assembling {:.2} ms", median(&mut times.assembling));
    println!("running {:.2} ms", median(&mut times.running));
    let mut by_node: Vec<_> = times.by_node.into_iter().collect();
    by_node.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
    for (node, time) in by_node.iter().take(LINES) {
        let read: Vec<String> = graph
            .operands(*node)
            .into_iter()
            .map(|id| shape(graph, id))
            .collect();
        println!(
            "{:8.2} ms {} {} <- {}",
            milliseconds(*time) / STEPS as f64,
            graph.node(*node).op.entry().name,
            shape(graph, *node),
            read.join(" "),
        );
    }
}

/// `[B, 50, 64]`.
fn shape(graph: &Graph, id: NodeId) -> String {
    let dims = graph.ty(id).dims.iter().map(|dim| match dim {
        Dim::Fixed(size) => size.to_string(),
        Dim::Space(space) => graph.space(*space).name.clone(),
    });
    format!("[{}]", dims.collect::<Vec<_>>().join(", "))
}

fn feeds(batch: &Batch) -> Feeds<'_> {
    let mut feeds = Feeds::new();
    for (space, rows) in &batch.sizes {
        feeds.size(*space, *rows);
    }
    for (name, tensor) in &batch.inputs {
        let values = match &tensor.values {
            HostValues::F32(values) => Values::F32(values),
            HostValues::I64(values) => Values::I64(values),
            HostValues::Bool(values) => Values::Bool(values),
        };
        feeds.set(name, &tensor.shape, values);
    }
    feeds
}

fn median(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    milliseconds(times[times.len() / 2])
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
