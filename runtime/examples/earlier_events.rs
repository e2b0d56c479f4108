//! How long lists of earlier events and counts of them take, for `cargo xtask bench preprocess`:
//! `cargo run -p reckon-runtime --example earlier_events -- SPEC ROUNDS OUT [NAME=VALUE]...`.
//!
//! The files of a spec are read and its first training's batches assembled, once through its rows, as a run does before each
//! step; nothing is trained. OUT gets a JSON object: the seconds of each round by the clock and on processors, and how many
//! elements the lists of histories have in all.

mod command;
#[path = "command/processors.rs"]
mod processors;

use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use reckon_compiler::plan::{Feed, FeedKind, PhasePlan, Plan};
use reckon_runtime::data::{Assembler, Batch, Dataset, HostValues, StepKey};

use command::{Stop, compiled, run};
use processors::processor_seconds;

fn main() -> ExitCode {
    // As the command does.
    reckon_runtime::keep_memory();
    run("earlier_events SPEC ROUNDS OUT [NAME=VALUE]...", measure)
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
    let (mut seconds, mut elements) = (Vec::new(), 0);
    for _ in 0..rounds {
        let (begin, processors) = (Instant::now(), processor_seconds());
        elements = batches(&plan, root)?;
        let clock = begin.elapsed().as_secs_f64();
        let on = processor_seconds().zip(processors);
        seconds.push([clock, on.map_or(clock, |(after, before)| after - before)]);
    }
    let text = format!("{{\"seconds\": {seconds:?}, \"check\": {elements}}}");
    fs::write(out, text).map_err(|error| Stop::Failed(format!("cannot write {out}: {error}")))
}

/// Assembles the batches of all rows of the first training, in the order of the file, and counts what histories give.
fn batches(plan: &Plan, root: &Path) -> Result<usize, Stop> {
    let data = Dataset::load(plan, root, None).map_err(|found| Stop::found(&found))?;
    let nothing = || Stop::Failed("the spec trains nothing".to_owned());
    let phase = plan.phases.first().ok_or_else(nothing)?;
    let stream = phase.streams.first().ok_or_else(nothing)?;
    let assembler = Assembler::new(&data, &phase.step, &phase.streams);
    let assembler = assembler.map_err(|found| Stop::found(&found))?;
    let rows = data.stream_rows(stream);
    let mut elements = 0;
    for (rows, step) in rows.chunks(stream.batch).zip(0..) {
        let key = StepKey {
            seed: 1,
            step,
            epoch: 0,
            training: true,
            schedule: 1.0,
        };
        elements += counted(phase, &assembler.assemble(&[rows.to_vec()], key));
    }
    Ok(elements)
}

/// The elements of histories in a batch: each is told by the row that it belongs to, or how many a row has.
fn counted(phase: &PhasePlan, batch: &Batch) -> usize {
    let of = |feed: &Feed| {
        let values = batch.inputs.get(&feed.input).map(|tensor| &tensor.values);
        match (&feed.what, values) {
            (FeedKind::Segments { .. }, Some(HostValues::I64(segments))) => segments.len(),
            (FeedKind::Lengths { .. }, Some(HostValues::F32(lengths))) => {
                lengths.iter().map(|length| *length as usize).sum()
            }
            _ => 0,
        }
    };
    phase.step.feeds.iter().map(of).sum()
}
