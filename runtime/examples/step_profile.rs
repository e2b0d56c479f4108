//! Where the time of a training step goes: `step_profile SPEC [NAME=VALUE]...` loads the data of a spec, and prints for its
//! first training a step's median time and the ops that take the most of it, with their types.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use reckon_compiler::check::check;
use reckon_compiler::graph::{Dim, Graph, NodeId};
use reckon_compiler::lower::compile;
use reckon_compiler::plan::Plan;
use reckon_compiler::world::World;
use reckon_runtime::data::{Assembler, Batch, Dataset, HostValues, StepKey};
use reckon_torch::{Device, Feeds, Program, RunKey, Store, Values, set_threads};

const STEPS: usize = 12;
const LINES: usize = 24;

struct Disk;

impl World for Disk {
    fn read(&self, path: &str) -> Result<String, String> {
        fs::read_to_string(path).map_err(|error| error.to_string())
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let spec = arguments.next().expect("the path of a spec");
    let settings: Vec<(String, String)> = arguments
        .filter_map(|setting| {
            let (name, value) = setting.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        })
        .collect();
    let plan = compile(&check(&Disk, &spec, &settings).hir.unwrap()).unwrap();
    let root = Path::new(&spec).parent().unwrap();
    let data = Dataset::load(&plan, root, None).unwrap();
    set_threads(1);
    profile(&plan, &data);
}

fn profile(plan: &Plan, data: &Dataset) {
    let phase = &plan.phases[0];
    let graph = &phase.step.graph;
    let assembler = Assembler::new(data, &phase.step, &phase.streams).unwrap();
    let program = Program::compile(graph, Device::Cpu).unwrap();
    let mut store = Store::new(Device::Cpu);
    let tables = plan.tables.iter();
    let tables = tables.map(|(path, rows)| (path.clone(), data.table_rows(rows)));
    store.declare(graph, &tables.collect(), 1).unwrap();
    let (mut assembling, mut running) = (Vec::new(), Vec::new());
    let mut by_node: BTreeMap<_, Duration> = BTreeMap::new();
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
        assembling.push(start.elapsed());
        let key = RunKey {
            step: step as u64,
            ..RunKey::default()
        };
        let start = Instant::now();
        let times = program.profile(&mut store, &feeds(&batch), &key).unwrap();
        running.push(start.elapsed());
        for (node, time) in times {
            *by_node.entry(node).or_default() += time;
        }
    }
    println!("assembling {:.2} ms", median(&mut assembling));
    println!("running {:.2} ms", median(&mut running));
    let mut by_node: Vec<_> = by_node.into_iter().collect();
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
