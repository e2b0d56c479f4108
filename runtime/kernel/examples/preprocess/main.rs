//! Times row programs over columns in memory beside Rust by hand, for `cargo xtask bench preprocess`:
//! `cargo run -p reckon-kernel --example preprocess -- reckon|hand|compile FOLDER`.
//!
//! FOLDER holds the columns as `benches/peers/preprocess.py` writes them. For each line of stdin a round is timed and a line
//! of JSON written: for each class of work the seconds by the clock and on processors, with the number that all contenders
//! have to agree on; of `compile` the milliseconds that compiling 200 features takes. `RAYON_NUM_THREADS` says how many
//! threads run.

#![expect(clippy::print_stdout, reason = "its output is its purpose")]

mod by_hand;
mod classes;
#[path = "../../../examples/command/watch.rs"]
mod watch;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::Path;
use std::time::Instant;
use std::{env, fs, io};

use classes::{Check, Class, classes, many_features};
use reckon_compiler::plan::row::{Kernel, RowOp};
use reckon_kernel::{Column, Data, Inputs, Means, RowProgram};
use watch::Watch;

/// Peers bring one that keeps what is freed, and so does the command.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Columns = BTreeMap<String, Column>;

/// A class of work that is ready to be timed.
struct Ready<'a> {
    name: &'static str,
    work: Box<dyn Fn() + 'a>,
    /// What was computed, as one number.
    check: f64,
    /// How often a round does the work.
    goes: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [what, folder] = &words[..] else {
        return Err("usage: preprocess reckon|hand|compile FOLDER".into());
    };
    let columns = columns(Path::new(folder))?;
    let classes = classes(&columns);
    let ready: Vec<Ready<'_>> = match what.as_str() {
        "compile" => Vec::new(),
        "hand" => classes.iter().map(by_hand).collect(),
        _ => {
            let made = classes.iter().map(|class| compiled(class, &columns));
            made.collect::<Result<_, _>>()?
        }
    };
    for line in io::stdin().lines() {
        let _asked = line?;
        let of = |class: &Ready<'_>| {
            let (name, check) = (class.name, class.check);
            let seconds = class.time();
            format!("{name:?}: {{\"seconds\": {seconds:?}, \"check\": {check}}}")
        };
        let results: Vec<String> = match what.as_str() {
            "compile" => vec![format!("\"milliseconds\": {:?}", compile_time(&columns))],
            _ => ready.iter().map(of).collect(),
        };
        println!("{{{}}}", results.join(", "));
    }
    Ok(())
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

/// A round is at least so many seconds of work: the system tells what was taken on processors in steps of milliseconds.
const ROUND: f64 = 0.1;

impl<'a> Ready<'a> {
    /// Does the work once, which tells how often a round does it.
    fn new(name: &'static str, check: f64, work: Box<dyn Fn() + 'a>) -> Self {
        let begin = Instant::now();
        work();
        let goes = (ROUND / begin.elapsed().as_secs_f64()).ceil();
        Self {
            name,
            work,
            check,
            goes: (goes as usize).max(1),
        }
    }

    /// The seconds of a round, of one go of the work.
    fn time(&self) -> [f64; 2] {
        let watch = Watch::start();
        (0..self.goes).for_each(|_| (self.work)());
        watch.stop().map(|taken| taken / self.goes as f64)
    }
}

fn by_hand<'a>(class: &'a Class<'_>) -> Ready<'a> {
    let check = checked(class, &(class.by_hand)());
    Ready::new(class.name, check, Box::new(|| drop((class.by_hand)())))
}

/// A row program, after a run in which code is made.
fn compiled<'a>(class: &'a Class<'_>, columns: &'a Columns) -> Result<Ready<'a>, Box<dyn Error>> {
    let rows = columns.values().next().map_or(0, Column::len);
    let program = RowProgram::new(class.kernel.clone());
    let inputs = inputs(&class.kernel, columns, rows);
    let outputs = program.run_by(Means::MachineCode, &inputs, &class.fits)?;
    let outputs: Vec<Column> = outputs.into_iter().map(|(_, column)| column).collect();
    let check = checked(class, &outputs);
    drop(outputs);
    let run = move || {
        let outputs = program.run_by(Means::MachineCode, &inputs, &class.fits);
        assert!(outputs.is_ok(), "what has run once runs again");
    };
    Ok(Ready::new(class.name, check, Box::new(run)))
}

/// The number that all contenders have to agree on.
fn checked(class: &Class<'_>, outputs: &[Column]) -> f64 {
    match class.check {
        Check::Sum(of) => of.iter().map(|at| sum(&outputs[*at])).sum(),
        Check::Distinct => match &outputs[0].data {
            Data::Int(slots) => slots.iter().collect::<BTreeSet<_>>().len() as f64,
            other => unreachable!("hashes are no {}", other.kind_name()),
        },
        Check::Elements => match &outputs[0].data {
            Data::List(lists) => lists.values.len() as f64,
            other => unreachable!("lists are no {}", other.kind_name()),
        },
    }
}

/// The sum of what is not null.
fn sum(column: &Column) -> f64 {
    let there = |at: &usize| !column.is_null(*at);
    let rows = (0..column.len()).filter(there);
    match &column.data {
        Data::Int(values) => rows.map(|at| values[at] as f64).sum(),
        Data::Float(values) => rows.map(|at| values[at]).sum(),
        Data::Str(texts) => rows
            .map(|at| texts.get(at).parse().unwrap_or(f64::NAN))
            .sum(),
        Data::List(lists) => sum(&Column::new(lists.values.as_ref().clone())),
        Data::Bool(_) => unreachable!("no class gives truth values"),
    }
}

/// Milliseconds that making code of 200 features takes, run over few rows.
fn compile_time(columns: &Columns) -> [f64; 2] {
    let few: Columns = columns
        .iter()
        .map(|(name, column)| (name.clone(), column.take(&[0, 1])))
        .collect();
    let program = RowProgram::new(many_features(200));
    let inputs = inputs(program.kernel(), &few, 2);
    let watch = Watch::start();
    let loops = program.loops(&inputs, &[]);
    assert!(loops > 0, "nothing was compiled");
    watch.stop().map(|seconds| seconds * 1e3)
}

/// Columns from files `NAME.int`, `NAME.float` (8 bytes a value, little end first) and `NAME.str` (a line a value).
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
                Column::new(Data::Str(text.lines().collect())).once_each()
            }
            _ => continue,
        };
        columns.insert(name, column);
    }
    Ok(columns)
}
