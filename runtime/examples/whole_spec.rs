//! How long all row-stage work of a spec takes, for `cargo xtask bench preprocess`:
//! `cargo run -p reckon-runtime --example whole_spec -- SPEC EVENTS ROUNDS OUT [NAME=VALUE]...`.
//!
//! Files are read, references resolved, statistics fitted and row programs run; then the fields of the entities are put
//! beside each row of EVENTS. OUT gets a JSON object: the seconds of each round by the clock and on processors, the number of
//! rows and fields, with their names, and the peak of memory.

mod command;
#[path = "command/peak.rs"]
mod peak;
#[path = "command/processors.rs"]
mod processors;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use reckon_compiler::plan::Plan;
use reckon_kernel::{Column, Data};
use reckon_runtime::data::Dataset;

use command::{Stop, compiled, run};
use peak::peak_bytes;
use processors::processor_seconds;

fn main() -> ExitCode {
    // As the command does.
    reckon_runtime::keep_memory();
    run("whole_spec SPEC EVENTS ROUNDS OUT [NAME=VALUE]...", measure)
}

fn measure(words: &[String]) -> Result<(), Stop> {
    let [spec, events, rounds, out, settings @ ..] = words else {
        return Err(Stop::Usage("too few words".to_owned()));
    };
    let rounds: usize = rounds
        .parse()
        .map_err(|_| Stop::Usage(format!("`{rounds}` is no number")))?;
    let (_, plan) = compiled(spec, settings)?;
    let root = Path::new(spec).parent().unwrap_or(Path::new("."));
    let (mut seconds, mut told) = (Vec::new(), BTreeMap::new());
    for _ in 0..rounds {
        let (begin, processors) = (Instant::now(), processor_seconds());
        let fields = fields(&plan, root, events)?;
        let clock = begin.elapsed().as_secs_f64();
        let on = processor_seconds().zip(processors);
        seconds.push([clock, on.map_or(clock, |(after, before)| after - before)]);
        told = fields
            .iter()
            .map(|(name, column)| (name.clone(), column.len()))
            .collect();
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

/// All fields of each row of the events, those of the entities at the rows that it refers to.
fn fields(plan: &Plan, root: &Path, events: &str) -> Result<BTreeMap<String, Column>, Stop> {
    let data = Dataset::load(plan, root, None).map_err(|found| Stop::found(&found))?;
    let source = data.source(events);
    let source = source.ok_or_else(|| Stop::Failed(format!("`{events}` is no source")))?;
    let mut fields: BTreeMap<String, Column> = BTreeMap::new();
    let own: Vec<u32> = (0..source.rows as u32).collect();
    for (name, column) in &source.outputs {
        fields.insert(format!("{events}.{name}"), column.take(&own));
    }
    for (entity, rows) in &source.references {
        let Some(of) = data.source(entity) else {
            continue;
        };
        for (name, column) in &of.outputs {
            // The last row of an output is that of an absent thing.
            let rows: Vec<u32> = rows.iter().map(|row| (*row).min(of.rows as u32)).collect();
            fields.insert(format!("{entity}.{name}"), column.take(&rows));
        }
    }
    for column in fields.values() {
        if let Data::Str(_) = column.data {
            return Err(Stop::Failed("a field is a text".to_owned()));
        }
    }
    Ok(fields)
}
