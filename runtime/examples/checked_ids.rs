//! What the check of ids costs, for `cargo xtask bench preprocess ids`:
//! `cargo run -p reckon-runtime --example checked_ids -- SPEC ROUNDS OUT [NAME=VALUE]...`.
//!
//! In a round the files of a spec are read, its statistics fitted, its row programs run and the batches of its first training assembled
//! as inputs of its step, whose shapes are checked, and once that each id is a row of its table too; the first of the two ways is another
//! in each round. Nothing is trained. OUT gets a JSON object: the seconds of both by the clock and on processors, and the number of rows and ids.

#[path = "command/batches.rs"]
mod batches;
mod command;
#[path = "command/watch.rs"]
mod watch;

use std::process::ExitCode;

use reckon_runtime::data::{Batch, HostValues};
use reckon_torch::{Device, Error, Feeds, Program, Store, Values};

use batches::Work;
use command::{Stop, run};
use watch::Watch;

fn main() -> ExitCode {
    // As the command does.
    reckon_runtime::keep_memory();
    run("checked_ids SPEC ROUNDS OUT [NAME=VALUE]...", measure)
}

/// What is checked of inputs.
#[derive(Clone, Copy)]
enum Check {
    /// Their shapes, and ids.
    Ids,
    Shapes,
}

/// The step of the first training, with its tables.
struct Step {
    program: Program,
    store: Store,
}

fn measure(words: &[String]) -> Result<(), Stop> {
    let work = Work::new(words)?;
    let step = step(&work)?;
    let (mut with, mut without, mut rows, mut ids) = (Vec::new(), Vec::new(), 0, 0);
    for round in 0..work.rounds {
        let both = [Check::Ids, Check::Shapes];
        for check in [both[round % 2], both[(round + 1) % 2]] {
            let watch = Watch::start();
            ids = 0;
            rows = work.each_batch(|batch| {
                let feeds = feeds(batch, &mut ids);
                let checked = match check {
                    Check::Ids => step.program.check(&step.store, &feeds),
                    Check::Shapes => step.program.check_shapes(&step.store, &feeds),
                };
                checked.map_err(refused)
            })?;
            match check {
                Check::Ids => with.push(watch.stop()),
                Check::Shapes => without.push(watch.stop()),
            }
        }
    }
    work.write(&format!(
        "\"with\": {with:?}, \"without\": {without:?}, \"rows\": {rows}, \"ids\": {ids}"
    ))
}

fn step(work: &Work) -> Result<Step, Stop> {
    let data = work.load()?;
    let tables = work.plan.tables.iter();
    let tables = tables.map(|(path, rows)| (path.clone(), data.table_rows(rows)));
    let graph = &work.phase()?.step.graph;
    let mut store = Store::new(Device::Cpu);
    store
        .declare(graph, &tables.collect(), 1)
        .map_err(refused)?;
    Ok(Step {
        program: Program::compile(graph, Device::Cpu).map_err(refused)?,
        store,
    })
}

fn feeds<'a>(batch: &'a Batch, ids: &mut usize) -> Feeds<'a> {
    let mut feeds = Feeds::new();
    for (space, rows) in &batch.sizes {
        feeds.size(*space, *rows);
    }
    for (name, tensor) in &batch.inputs {
        let values = match &tensor.values {
            HostValues::F32(values) => Values::F32(values),
            HostValues::I64(values) => {
                *ids += values.len();
                Values::I64(values)
            }
            HostValues::Bool(values) => Values::Bool(values),
        };
        feeds.set(name, &tensor.shape, values);
    }
    feeds
}

fn refused(error: Error) -> Stop {
    Stop::Failed(error.to_string())
}
