//! Writes the first steps of a spec's training into a folder, for a comparison with another implementation:
//! `cargo run --release -p reckon-runtime --example trace -- FILE STEPS SEED THREADS OUT [NAME=VALUE]... [-PASS]...`
//! With `-` for the folder the seconds that each step takes are printed instead, one a line, and the peak of memory after `peak bytes`. With
//! `?` the first evaluation is asked STEPS times: the number of its queries after `queries`, and the seconds that each turn takes.

#![expect(clippy::print_stdout, reason = "its output is its purpose")]

mod command;
#[path = "command/peak.rs"]
mod peak;

use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::atomic::AtomicBool;

use reckon_compiler::plan::print::print;
use reckon_runtime::Failure;
use reckon_runtime::run::{DeviceName, RunOptions, Spec, asking_pace, pace, trace};

use command::{Stop, compiled};
use peak::peak_bytes;

fn main() -> ExitCode {
    // As the command does.
    reckon_runtime::keep_memory();
    command::run(
        "trace FILE STEPS SEED THREADS OUT [NAME=VALUE]... [-PASS]...",
        write,
    )
}

fn write(words: &[String]) -> Result<(), Stop> {
    let [file, steps, seed, threads, out, settings @ ..] = words else {
        let found = words.len();
        return Err(Stop::Usage(format!("five words are needed, found {found}")));
    };
    let (steps, seed, threads) = (number(steps)?, number(seed)?, number(threads)?);
    let (checked, plan) = compiled(file, settings)?;
    let spec = Spec {
        plan: &plan,
        sources: &checked.sources,
        file: Path::new(file),
        resolved: "",
        plan_text: &print(&plan),
    };
    let options = RunOptions {
        out: None,
        seed,
        device: DeviceName::Cpu,
        resume: false,
        threads,
        interrupted: &AtomicBool::new(false),
        memory: None,
        profile: false,
    };
    let failed = |failure: Failure| Stop::found(&failure.diagnostics);
    let times = match out.as_str() {
        "-" => pace(&spec, &options, steps).map_err(failed)?,
        "?" => {
            let (queries, times) = asking_pace(&spec, &options, steps).map_err(failed)?;
            println!("queries {queries}");
            times
        }
        folder => return trace(&spec, &options, steps, Path::new(folder)).map_err(failed),
    };
    for time in times {
        println!("{}", time.as_secs_f64());
    }
    if let Some(peak) = peak_bytes() {
        println!("peak bytes {peak}");
    }
    Ok(())
}

fn number<N: FromStr>(word: &str) -> Result<N, Stop> {
    word.parse()
        .map_err(|_| Stop::Usage(format!("`{word}` is no whole number")))
}
