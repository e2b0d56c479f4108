//! What the check of ids costs, for `cargo xtask bench preprocess ids`:
//! `cargo run -p reckon-runtime --example checked_ids -- SPEC ROUNDS OUT [NAME=VALUE]...`.
//!
//! In a round the files of a spec are read, its statistics fitted, its row programs run and the batches of its first training assembled
//! as inputs of its step. Of each batch the shapes are checked and that each id is a row of its table, and then the shapes alone: the
//! difference is what the ids take, which are read here for the first time. Nothing is trained. OUT gets a JSON object: of each round the
//! seconds by the clock of all but the check of ids, and of this check; and the number of rows and ids.

#[path = "command/batches.rs"]
mod batches;
mod command;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use reckon_runtime::data::{Batch, HostValues};
use reckon_torch::{Device, Error, Feeds, Program, Store, Values};

use batches::Work;
use command::{Stop, run};

fn main() -> ExitCode {
    // As the command does.
    reckon_runtime::keep_memory();
    run("checked_ids SPEC ROUNDS OUT [NAME=VALUE]...", measure)
}

/// The step of the first training, with its tables.
struct Step {
    program: Program,
    store: Store,
}

fn measure(words: &[String]) -> Result<(), Stop> {
    let work = Work::new(words)?;
    let step = step(&work)?;
    let (mut all, mut check, mut rows, mut ids) = (Vec::new(), Vec::new(), 0, 0);
    for _ in 0..work.rounds {
        let begin = Instant::now();
        let (mut both, mut shapes) = (Duration::ZERO, Duration::ZERO);
        ids = 0;
        rows = work.each_batch(|batch| {
            let feeds = feeds(batch, &mut ids);
            let start = Instant::now();
            step.program.check(&step.store, &feeds).map_err(refused)?;
            let checked = Instant::now();
            let found = step.program.check_shapes(&step.store, &feeds);
            both += checked - start;
            shapes += checked.elapsed();
            found.map_err(refused)
        })?;
        all.push((begin.elapsed() - both).as_secs_f64());
        check.push(both.saturating_sub(shapes).as_secs_f64());
    }
    work.write(&format!(
        "\"without\": {all:?}, \"check\": {check:?}, \"rows\": {rows}, \"ids\": {ids}"
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
