//! How long all row-stage work of a spec takes, for `cargo xtask bench preprocess`:
//! `cargo run -p reckon-runtime --example whole_spec -- SPEC EVENTS ROUNDS OUT ROWS [NAME=VALUE]...`.
//!
//! Files are read, references resolved, statistics fitted and row programs run; then the fields of the entities are put
//! beside each row of EVENTS, ROWS of them at a time, as batches are: `all` keeps the fields of all rows. OUT gets a JSON object: the
//! seconds of each round by the clock and on processors, the number of rows and fields, with their names, and the peak of memory.

mod command;
#[path = "command/peak.rs"]
mod peak;
#[path = "command/watch.rs"]
mod watch;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use rayon::prelude::*;
use reckon_compiler::plan::Plan;
use reckon_kernel::Column;
use reckon_runtime::data::{Dataset, Source};

use command::{Stop, compiled, run};
use peak::peak_bytes;
use watch::Watch;

fn main() -> ExitCode {
    // As the command does.
    reckon_runtime::keep_memory();
    run(
        "whole_spec SPEC EVENTS ROUNDS OUT ROWS [NAME=VALUE]...",
        measure,
    )
}

fn measure(words: &[String]) -> Result<(), Stop> {
    let [spec, events, rounds, out, at_once, settings @ ..] = words else {
        return Err(Stop::Usage("too few words".to_owned()));
    };
    let number = |word: &String| {
        word.parse::<usize>()
            .map_err(|_| Stop::Usage(format!("`{word}` is no number")))
    };
    let (rounds, at_once) = match at_once.as_str() {
        "all" => (number(rounds)?, usize::MAX),
        _ => (number(rounds)?, number(at_once)?.max(1)),
    };
    let (_, plan) = compiled(spec, settings)?;
    let root = Path::new(spec).parent().unwrap_or(Path::new("."));
    let (mut seconds, mut told) = (Vec::new(), BTreeMap::new());
    for _ in 0..rounds {
        let watch = Watch::start();
        told = fields(&plan, root, (events, at_once))?;
        seconds.push(watch.stop());
    }
    let peak = peak_bytes().map_or("null".to_owned(), |bytes| bytes.to_string());
    let rows = told.values().max().copied().unwrap_or(0);
    let fields: Vec<&String> = told.keys().collect();
    let text = format!(
        "{{\"seconds\": {seconds:?}, \"rows\": {rows}, \"fields\": {}, \"names\": {fields:?}, \"peak bytes\": {peak}}}",
        told.len()
    );
    fs::write(out, text).map_err(|error| Stop::Failed(format!("cannot write {out}: {error}")))
}

/// The number of rows of each field, all of which are made, some rows at once.
fn fields(
    plan: &Plan,
    root: &Path,
    (events, at_once): (&str, usize),
) -> Result<BTreeMap<String, usize>, Stop> {
    let data = Dataset::load_lean(plan, root).map_err(|found| Stop::found(&found))?;
    let source = data.source(events);
    let source = source.ok_or_else(|| Stop::Failed(format!("`{events}` is no source")))?;
    let rows: Vec<u32> = (0..source.rows as u32).collect();
    let made = |rows: &[u32]| -> BTreeMap<String, usize> {
        let fields = fields_at(&data, source, rows);
        let fields = std::hint::black_box(&fields).iter();
        fields
            .map(|(name, column)| (name.clone(), column.len()))
            .collect()
    };
    let chunks: Vec<BTreeMap<String, usize>> = match at_once < source.rows {
        true => rows.par_chunks(at_once).map(made).collect(),
        false => vec![made(&rows)],
    };
    let mut told = BTreeMap::new();
    for (name, rows) in chunks.into_iter().flatten() {
        *told.entry(name).or_default() += rows;
    }
    Ok(told)
}

/// All fields of some rows of the events, those of the entities at the rows that they refer to.
fn fields_at(data: &Dataset, source: &Source, of: &[u32]) -> BTreeMap<String, Column> {
    let mut fields: BTreeMap<String, Column> = BTreeMap::new();
    for (name, column) in &source.outputs {
        fields.insert(format!("{}.{name}", source.name), column.take(of));
    }
    for (entity, rows) in &source.references {
        let Some(target) = data.source(entity) else {
            continue;
        };
        // The last row of an output is that of an absent thing.
        let rows: Vec<u32> = of
            .iter()
            .map(|row| rows[*row as usize].min(target.rows as u32))
            .collect();
        for (name, column) in &target.outputs {
            fields.insert(format!("{entity}.{name}"), column.take(&rows));
        }
    }
    fields
}
