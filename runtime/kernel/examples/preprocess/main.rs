//! Times row programs over columns in memory, by machine code and by the interpreter, for `cargo xtask bench preprocess`:
//! `cargo run -p reckon-kernel --example preprocess -- FOLDER ROUNDS THREADS OUT`.
//!
//! FOLDER holds the columns as `benches/peers/preprocess.py` writes them. OUT gets a JSON object: for each class of work
//! the seconds of each round by each means, by the clock and on processors, and the milliseconds that compiling 200 features takes.

mod classes;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::time::Instant;
use std::{env, fs};

use classes::{Class, classes, many_features};
use reckon_compiler::plan::row::{Kernel, RowOp};
use reckon_kernel::{Column, Data, Inputs, Means, RowProgram};

type Columns = BTreeMap<String, Column>;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [folder, rounds, threads, out] = &words[..] else {
        return Err("usage: preprocess FOLDER ROUNDS THREADS OUT".into());
    };
    let rounds: usize = rounds.parse()?;
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.parse()?)
        .build_global()?;
    let columns = columns(Path::new(folder))?;
    let mut results = Vec::new();
    for class in classes(&columns) {
        let machine = time(&class, Means::MachineCode, &columns, rounds)?;
        let interpreter = time(&class, Means::Interpreter, &columns, rounds)?;
        results.push(format!(
            "{:?}: {{\"machine code\": {machine:?}, \"interpreter\": {interpreter:?}}}",
            class.name
        ));
    }
    let compile = compile_times(rounds, &columns);
    let text = format!(
        "{{\"classes\": {{{}}}, \"compile\": {compile:?}}}",
        results.join(", ")
    );
    Ok(fs::write(out, text)?)
}

/// The columns that a program reads.
fn inputs<'a>(kernel: &'a Kernel, columns: &'a Columns, rows: usize) -> Inputs<'a> {
    let mut inputs = Inputs {
        rows,
        ..Inputs::default()
    };
    for inst in &kernel.code {
        if let RowOp::Column(name) = &inst.op {
            inputs.columns.insert(name, Cow::Borrowed(&columns[name]));
        }
    }
    inputs
}

/// Seconds that all threads of this process have been on a processor, where the system tells: what other processes do to
/// the clock is not in them.
fn processor_seconds() -> Option<f64> {
    let of_task = |entry: fs::DirEntry| {
        let text = fs::read_to_string(entry.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    };
    let tasks = fs::read_dir("/proc/self/task").ok()?;
    let nanos: Option<f64> = tasks.map(|entry| of_task(entry.ok()?)).sum();
    Some(nanos? / 1e9)
}

/// What a run took by the clock, and on processors.
struct Watch {
    begin: Instant,
    processors: Option<f64>,
}

impl Watch {
    fn start() -> Self {
        Self {
            processors: processor_seconds(),
            begin: Instant::now(),
        }
    }

    /// Seconds by the clock, and on processors; the former twice where the system does not tell the latter.
    fn stop(&self) -> [f64; 2] {
        let clock = self.begin.elapsed().as_secs_f64();
        let taken = processor_seconds().zip(self.processors);
        [clock, taken.map_or(clock, |(after, before)| after - before)]
    }
}

/// Seconds a round; one more goes before, in which code is made.
fn time(
    class: &Class,
    means: Means,
    columns: &Columns,
    rounds: usize,
) -> Result<Vec<[f64; 2]>, Box<dyn Error>> {
    let rows = columns.values().next().map_or(0, Column::len);
    let program = RowProgram::new(class.kernel.clone());
    let inputs = inputs(program.kernel(), columns, rows);
    let mut seconds = Vec::new();
    for round in 0..=rounds {
        let watch = Watch::start();
        let outputs = program.run_by(means, &inputs, &class.fits)?;
        if round > 0 {
            seconds.push(watch.stop());
        }
        drop(outputs);
    }
    Ok(seconds)
}

/// Milliseconds that making code of 200 features takes, run over few rows.
fn compile_times(rounds: usize, columns: &Columns) -> Vec<[f64; 2]> {
    let few: Columns = columns
        .iter()
        .map(|(name, column)| (name.clone(), column.take(&[0, 1])))
        .collect();
    let mut millis = Vec::new();
    for _ in 0..rounds {
        let program = RowProgram::new(many_features(200));
        let inputs = inputs(program.kernel(), &few, 2);
        let watch = Watch::start();
        let loops = program.loops(&inputs, &[]);
        millis.push(watch.stop().map(|seconds| seconds * 1e3));
        assert!(loops > 0, "nothing was compiled");
    }
    millis
}

/// Columns from files `NAME.int`, `NAME.float` (8 bytes a value, little end first) and `NAME.str` (a line a value, empty
/// for null).
fn columns(folder: &Path) -> Result<Columns, Box<dyn Error>> {
    let mut columns = Columns::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_stem()
            .and_then(|name| name.to_str())
            .unwrap_or_default()
            .to_owned();
        let kind = path
            .extension()
            .and_then(|kind| kind.to_str())
            .unwrap_or_default();
        let words = || -> Result<Vec<[u8; 8]>, Box<dyn Error>> {
            let bytes = fs::read(&path)?;
            Ok(bytes.as_chunks::<8>().0.to_vec())
        };
        let column = match kind {
            "int" => Column::new(Data::Int(
                words()?.into_iter().map(i64::from_le_bytes).collect(),
            )),
            "float" => {
                let values: Vec<f64> = words()?.into_iter().map(f64::from_le_bytes).collect();
                let valid = values.iter().map(|value| !value.is_nan()).collect();
                Column::with_validity(Data::Float(values), Some(valid))
            }
            "str" => {
                let text = fs::read_to_string(&path)?;
                let valid = text.lines().map(|line| !line.is_empty()).collect();
                Column::with_validity(Data::Str(text.lines().collect()), Some(valid))
            }
            _ => continue,
        };
        columns.insert(name, column);
    }
    Ok(columns)
}
