//! The `reckon` command: one file a verb, and everything that touches the world outside the compiler.

mod build;
mod check;
mod cost;
mod diff;
#[cfg_attr(not(feature = "torch"), path = "engineless.rs")]
mod engine;
mod explain;
mod export;
mod flow;
mod fmt;
mod graph;
mod lines;
mod lsp;
mod passes;
mod snap;

use std::process::ExitCode;

use mimalloc::MiMalloc;
use reckon_command::arguments::{Arguments, Verb};
use reckon_command::completions;
use reckon_command::console::{Console, Exit, Failure};
use reckon_command::new;
use reckon_command::new::profile::{Reading, Table};

/// A spec is trees of many small nodes: with the allocator of the C library a check takes half as long again.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::of_process();
    let console = Console::of_process();
    let status = dispatch(&arguments.verb, &console);
    let status = status.unwrap_or_else(|failure| console.end(Err(failure)).code());
    status.into()
}

/// Does what a verb asks for, and returns the exit status.
fn dispatch(verb: &Verb, console: &Console) -> Result<u8, Failure> {
    let done = match verb {
        Verb::Build(arguments) if arguments.data => return engine::work(verb, console),
        Verb::Build(arguments) => build::build(arguments, console),
        Verb::Export(arguments) => export::export(arguments, console),
        Verb::Flow(arguments) => flow::flow(arguments, console),
        Verb::Snap(arguments) => snap::snap(arguments, console),
        Verb::Diff(arguments) => diff::diff(arguments, console),
        Verb::Graph(arguments) => graph::graph(arguments, console),
        Verb::Passes => passes::passes(console),
        Verb::Check(arguments) => match check::check(arguments, console)? {
            Exit::Success if arguments.data => return engine::work(verb, console),
            exit => Ok(exit),
        },
        Verb::Explain(arguments) => explain::explain(arguments, console),
        Verb::New(arguments) => match new::reading(arguments)? {
            Reading::Cells => new::new(arguments, console, &mut Table::read),
            Reading::Runtime => return engine::work(verb, console),
        },
        Verb::Fmt(arguments) => fmt::fmt(arguments, console),
        Verb::Completions(arguments) => completions::completions(arguments, console),
        Verb::Lsp => lsp::lsp(console),
        Verb::Run(_)
        | Verb::Eval(_)
        | Verb::Recommend(_)
        | Verb::Predict(_)
        | Verb::Compare(_)
        | Verb::Report(_)
        | Verb::Test(_)
        | Verb::Doctor => return engine::work(verb, console),
    };
    done.map(Exit::code)
}
