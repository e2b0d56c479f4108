//! The verbs that compute with libtorch, behind one function that the command calls after it has loaded this library.
//!
//! libtorch takes a third of a second to begin, and registers its operators before anything else runs. A verb that only
//! reads and compiles shall not wait for that, so the command does not link libtorch: this library does.

mod compare;
mod cost;
mod doctor;
mod finished;
mod look;
mod new;
mod predict;
mod progress;
mod report;
mod run;
mod table;
mod test;
mod threads;

use std::panic::catch_unwind;

use reckon_command::arguments::{Arguments, Verb};
use reckon_command::console::{Console, Exit, Failure};

/// What a process that panicked ends with.
const PANICKED: u8 = 101;

/// Does what the arguments of the process ask for, and returns its exit status.
///
/// The name says the version, so that the command never calls an engine that is not its own.
#[allow(unsafe_code)] // Nothing else in the process has a name that begins with `reckon_engine`.
#[unsafe(export_name = concat!("reckon_engine_", env!("CARGO_PKG_VERSION")))]
pub extern "C" fn engine() -> u8 {
    let work = || {
        reckon_runtime::keep_memory();
        let console = Console::of_process();
        console.end(dispatch(&Arguments::of_process().verb, &console))
    };
    catch_unwind(work).map_or(PANICKED, Exit::code)
}

fn dispatch(verb: &Verb, console: &Console) -> Result<Exit, Failure> {
    match verb {
        Verb::Run(arguments) => run::run(arguments, console),
        Verb::Eval(arguments) => finished::eval(arguments, console),
        Verb::Recommend(arguments) => finished::recommend(arguments, console),
        Verb::Predict(arguments) => predict::predict(arguments, console),
        Verb::Compare(arguments) => compare::compare(arguments, console),
        Verb::Report(arguments) => report::report(arguments, console),
        Verb::Check(arguments) => look::look_at_data(arguments, console),
        Verb::Build(arguments) => cost::cost(arguments, console),
        Verb::Test(arguments) => test::test(arguments, console),
        Verb::Doctor => doctor::doctor(console),
        Verb::New(arguments) => new::new(arguments, console),
        Verb::Fmt(_)
        | Verb::Explain(_)
        | Verb::Export(_)
        | Verb::Snap(_)
        | Verb::Diff(_)
        | Verb::Flow(_)
        | Verb::Graph(_)
        | Verb::Passes
        | Verb::Lsp
        | Verb::Completions(_) => unreachable!("internal: the command does this verb itself"),
    }
}
