//! Writes the first steps of a spec's training into a folder, for a comparison with another implementation:
//! `cargo run --release -p reckon-runtime --example trace -- FILE STEPS SEED OUT [NAME=VALUE]...`

mod command;

use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::atomic::AtomicBool;

use reckon_compiler::plan::print::print;
use reckon_runtime::run::{DeviceName, RunOptions, Spec, trace};

use command::{Stop, compiled};

fn main() -> ExitCode {
    command::run("trace FILE STEPS SEED OUT [NAME=VALUE]...", write)
}

fn write(words: &[String]) -> Result<(), Stop> {
    let [file, steps, seed, out, settings @ ..] = words else {
        let found = words.len();
        return Err(Stop::Usage(format!("four words are needed, found {found}")));
    };
    let (steps, seed) = (number(steps)?, number(seed)?);
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
        threads: 1,
        interrupted: &AtomicBool::new(false),
        profile: false,
    };
    trace(&spec, &options, steps, Path::new(out))
        .map_err(|failure| Stop::found(&failure.diagnostics))
}

fn number<N: FromStr>(word: &str) -> Result<N, Stop> {
    word.parse()
        .map_err(|_| Stop::Usage(format!("`{word}` is no whole number")))
}
