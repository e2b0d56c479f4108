//! Writes the first steps of a spec's training into a folder, for a comparison with another implementation:
//! `cargo run --release -p reckon-runtime --example trace -- FILE STEPS SEED OUT [NAME=VALUE]...`

use std::error::Error;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::{env, fs};

use reckon_compiler::check::check;
use reckon_compiler::lower::compile;
use reckon_compiler::plan::print::print;
use reckon_compiler::world::World;
use reckon_runtime::run::{DeviceName, RunOptions, Spec, trace};

/// The files of this machine.
struct Disk;

impl World for Disk {
    fn read(&self, path: &str) -> Result<String, String> {
        fs::read_to_string(path).map_err(|error| error.to_string())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [file, steps, seed, out, settings @ ..] = &words[..] else {
        return Err("usage: trace FILE STEPS SEED OUT [NAME=VALUE]...".into());
    };
    let settings: Vec<(String, String)> = settings
        .iter()
        .map(|word| word.split_once('=').ok_or(format!("`{word}` has no `=`")))
        .map(|pair| pair.map(|(name, value)| (name.to_owned(), value.to_owned())))
        .collect::<Result<_, _>>()?;
    let checked = check(&Disk, file, &settings);
    let messages = || {
        let messages = checked
            .diagnostics
            .iter()
            .map(|found| found.message.clone());
        messages.collect::<Vec<_>>().join("; ")
    };
    let hir = checked.hir.as_ref().ok_or_else(messages)?;
    let plan = compile(hir).map_err(|found| format!("{found:?}"))?;
    let spec = Spec {
        plan: &plan,
        sources: &checked.sources,
        file: Path::new(file),
        resolved: "",
        plan_text: &print(&plan),
    };
    let options = RunOptions {
        out: None,
        seed: seed.parse()?,
        device: DeviceName::Cpu,
        resume: false,
        threads: 1,
        interrupted: &AtomicBool::new(false),
    };
    trace(&spec, &options, steps.parse()?, Path::new(out))
        .map_err(|failure| format!("{:?}", failure.diagnostics).into())
}
