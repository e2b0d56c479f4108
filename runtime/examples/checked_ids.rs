//! What the check of ids costs, for `cargo xtask bench preprocess ids`:
//! `cargo run -p reckon-runtime --example checked_ids -- SPEC ROUNDS OUT [NAME=VALUE]...`.
//!
//! In a round the files of a spec are read, its statistics fitted, its row programs run and the batches of its first training assembled
//! as inputs of its step, whose shapes are checked, and once that each id is a row of its table too; the first of the two ways is another
//! in each round. Nothing is trained. OUT gets a JSON object: the seconds of both by the clock and on processors, and the number of rows and ids.

mod command;
#[path = "command/processors.rs"]
mod processors;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use reckon_compiler::plan::{PhasePlan, Plan};
use reckon_runtime::data::{Assembler, Batch, Dataset, HostValues, StepKey};
use reckon_torch::{Device, Error, Feeds, Program, Store, Values};

use command::{Stop, compiled, run};
use processors::processor_seconds;

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
    let [spec, rounds, out, settings @ ..] = words else {
        return Err(Stop::Usage("too few words".to_owned()));
    };
    let rounds: usize = rounds
        .parse()
        .map_err(|_| Stop::Usage(format!("`{rounds}` is no number")))?;
    let (_, plan) = compiled(spec, settings)?;
    let root = Path::new(spec).parent().unwrap_or(Path::new("."));
    let nothing = || Stop::Failed("the spec trains nothing".to_owned());
    let phase = plan.phases.first().ok_or_else(nothing)?;
    let step = step((&plan, root), phase)?;
    let (mut with, mut without, mut counted) = (Vec::new(), Vec::new(), (0, 0));
    for round in 0..rounds {
        let both = [Check::Ids, Check::Shapes];
        for check in [both[round % 2], both[(round + 1) % 2]] {
            let (begin, processors) = (Instant::now(), processor_seconds());
            counted = batches((&plan, root), phase, (&step, check))?;
            let clock = begin.elapsed().as_secs_f64();
            let on = processor_seconds().zip(processors);
            let taken = [clock, on.map_or(clock, |(after, before)| after - before)];
            match check {
                Check::Ids => with.push(taken),
                Check::Shapes => without.push(taken),
            }
        }
    }
    let (rows, ids) = counted;
    let text = format!(
        "{{\"with\": {with:?}, \"without\": {without:?}, \"rows\": {rows}, \"ids\": {ids}}}"
    );
    fs::write(out, text).map_err(|error| Stop::Failed(format!("cannot write {out}: {error}")))
}

fn step((plan, root): (&Plan, &Path), phase: &PhasePlan) -> Result<Step, Stop> {
    let data = Dataset::load(plan, root, None).map_err(|found| Stop::found(&found))?;
    let tables = plan.tables.iter();
    let tables = tables.map(|(path, rows)| (path.clone(), data.table_rows(rows)));
    let graph = &phase.step.graph;
    let mut store = Store::new(Device::Cpu);
    store
        .declare(graph, &tables.collect(), 1)
        .map_err(refused)?;
    Ok(Step {
        program: Program::compile(graph, Device::Cpu).map_err(refused)?,
        store,
    })
}

/// Assembles the batches of all rows of the training, in the order of the file, and has a step check them; counts the rows and the integers
/// among the inputs.
fn batches(
    (plan, root): (&Plan, &Path),
    phase: &PhasePlan,
    (step, check): (&Step, Check),
) -> Result<(usize, usize), Stop> {
    let data = Dataset::load(plan, root, None).map_err(|found| Stop::found(&found))?;
    let nothing = || Stop::Failed("the training has no rows".to_owned());
    let stream = phase.streams.first().ok_or_else(nothing)?;
    let assembler = Assembler::new(&data, &phase.step, &phase.streams);
    let assembler = assembler.map_err(|found| Stop::found(&found))?;
    let rows = data.stream_rows(stream);
    let mut ids = 0;
    for (some, number) in rows.chunks(stream.batch).zip(0..) {
        let key = StepKey {
            seed: 1,
            step: number,
            epoch: 0,
            training: true,
            schedule: 1.0,
        };
        let batch = assembler.assemble(&[some.to_vec()], key);
        let feeds = feeds(&batch, &mut ids);
        let checked = match check {
            Check::Ids => step.program.check(&step.store, &feeds),
            Check::Shapes => step.program.check_shapes(&step.store, &feeds),
        };
        checked.map_err(refused)?;
    }
    Ok((rows.len(), ids))
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
