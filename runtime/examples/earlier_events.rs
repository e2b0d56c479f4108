//! How long lists of earlier events and counts of them take, for `cargo xtask bench preprocess`:
//! `cargo run -p reckon-runtime --example earlier_events -- SPEC ROUNDS OUT [NAME=VALUE]...`.
//!
//! The files of a spec are read and its first training's batches assembled, once through its rows, as a run does before each
//! step; nothing is trained. OUT gets a JSON object: the seconds of each round by the clock and on processors, and how many
//! elements the lists of histories have in all.

#[path = "command/batches.rs"]
mod batches;
mod command;
#[path = "command/watch.rs"]
mod watch;

use std::process::ExitCode;

use reckon_compiler::plan::{Feed, FeedKind, PhasePlan};
use reckon_runtime::data::{Batch, HostValues};

use batches::Work;
use command::{Stop, run};
use watch::Watch;

fn main() -> ExitCode {
    // As the command does.
    reckon_runtime::keep_memory();
    run("earlier_events SPEC ROUNDS OUT [NAME=VALUE]...", measure)
}

fn measure(words: &[String]) -> Result<(), Stop> {
    let work = Work::new(words)?;
    let phase = work.phase()?;
    let (mut seconds, mut elements) = (Vec::new(), 0);
    for _ in 0..work.rounds {
        let watch = Watch::start();
        elements = 0;
        work.each_batch(|batch| {
            elements += counted(phase, batch);
            Ok(())
        })?;
        seconds.push(watch.stop());
    }
    work.write(&format!("\"seconds\": {seconds:?}, \"check\": {elements}"))
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
