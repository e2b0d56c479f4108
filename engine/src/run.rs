//! `reckon run`: from a spec to a run directory with a trained and evaluated model.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use reckon_compiler::plan::print::print as print_plan;
use reckon_compiler::resolved::resolved;
use reckon_runtime::FailureKind;
use reckon_runtime::observer::{Event, Observer};
use reckon_runtime::run::{DeviceName, RunOptions, RunResult, Spec as RunSpec, run as run_spec};
use signal_hook::consts::SIGINT;

use crate::progress::watcher;
use crate::report::{self, Ending};
use crate::table;
use crate::threads;
use reckon_command::arguments::{Device, Manner, Run};
use reckon_command::console::{Console, Exit, Failure};
use reckon_command::memory::limit;
use reckon_command::render::Format;
use reckon_command::spec::{self, Spec};

/// Compiles, runs and shows the metrics; the last line of stdout is the run directory.
pub(crate) fn run(arguments: &Run, console: &Console) -> Result<Exit, Failure> {
    let threads = threads::count(arguments.threads);
    let spec = spec::open(&arguments.file, &arguments.overrides.set)?;
    spec.show(Format::Human, console);
    let Some(plan) = spec.plan(console) else {
        return Ok(Exit::SpecOrCheck);
    };
    let interrupted = interruption()?;
    let options = RunOptions {
        out: arguments.out.as_deref(),
        seed: arguments.seed,
        device: device(arguments.device),
        resume: arguments.resume,
        threads,
        interrupted: &interrupted,
        memory: limit(arguments.memory).map(|limit| limit.bytes),
        profile: arguments.profile,
    };
    let run_spec_of = RunSpec {
        plan: &plan,
        sources: &spec.checked.sources,
        file: Path::new(&spec.name),
        resolved: &resolved(&spec.checked).expect("a spec that has a plan has no errors"),
        plan_text: &print_plan(&plan),
    };
    let mut placed = Placed {
        watcher: watcher(arguments.progress, &spec.checked.sources, console),
        out: None,
    };
    let outcome = run_spec(&run_spec_of, &options, &mut placed);
    let out = placed.out.take();
    drop(placed);
    let written = out.map_or(Ok(()), |out| report::write(&out, &spec, ending(&outcome)));
    if let (Err(why), true) = (&written, outcome.is_err()) {
        // What ended the run is told below, and decides the exit status.
        console.note(&why.message);
    }
    match outcome {
        Ok(result) => {
            written?;
            if arguments.progress != Manner::Json {
                console.print_raw(&table::reports(&result.reports));
                console.print(&result.out.display().to_string());
            }
            Ok(Exit::Success)
        }
        Err(failure) => Ok(failed(&spec, &failure, console)),
    }
}

fn ending(outcome: &Result<RunResult, reckon_runtime::Failure>) -> Ending {
    match outcome {
        Ok(_) => Ending::Finished,
        Err(failure) => match failure.kind {
            FailureKind::Interrupted => Ending::Interrupted,
            FailureKind::Diverged => Ending::Diverged,
            FailureKind::Data | FailureKind::Checkpoint => Ending::Failed,
        },
    }
}

/// A watcher, and the run directory that it was told of.
struct Placed<'a> {
    watcher: Box<dyn Observer + 'a>,
    out: Option<PathBuf>,
}

impl Observer for Placed<'_> {
    fn notice(&mut self, event: &Event) {
        if let Event::Begun { out } = event {
            self.out = Some(PathBuf::from(out));
        }
        self.watcher.notice(event);
    }
}

/// Says why a run ended, and with which status.
pub(crate) fn failed(spec: &Spec, failure: &reckon_runtime::Failure, console: &Console) -> Exit {
    spec.show_findings(&failure.diagnostics, Format::Human, console);
    match failure.kind {
        FailureKind::Data => Exit::World,
        FailureKind::Diverged => Exit::Diverged,
        FailureKind::Checkpoint => Exit::Checkpoint,
        FailureKind::Interrupted => {
            console.say("interrupted; `--resume` goes on from the checkpoint");
            Exit::Interrupted
        }
    }
}

/// A flag that the first Ctrl-C sets; the second ends the process at once.
fn interruption() -> Result<Arc<AtomicBool>, Failure> {
    let flag = Arc::new(AtomicBool::new(false));
    // In this order: the first signal finds the flag unset, passes over the shutdown and sets it.
    signal_hook::flag::register_conditional_shutdown(SIGINT, 130, Arc::clone(&flag))
        .and_then(|_| signal_hook::flag::register(SIGINT, Arc::clone(&flag)))
        .map_err(|error| Failure::new(Exit::World, format!("cannot listen for Ctrl-C: {error}")))?;
    Ok(flag)
}

fn device(asked: Device) -> DeviceName {
    match asked {
        Device::Cpu => DeviceName::Cpu,
        Device::Cuda(number) => DeviceName::Cuda(number),
    }
}
