//! The `reckon` command: one file a verb, and everything that touches the world outside the compiler.

mod arguments;
mod build;
mod check;
#[cfg(feature = "torch")]
mod compare;
mod completions;
mod console;
mod diff;
mod doctor;
mod explain;
mod export;
#[cfg(feature = "torch")]
mod finished;
mod flow;
mod fmt;
mod graph;
mod lines;
mod lsp;
mod new;
mod passes;
#[cfg(feature = "torch")]
mod progress;
mod render;
#[cfg(feature = "torch")]
mod report;
#[cfg(feature = "torch")]
mod run;
mod snap;
mod spec;
#[cfg(feature = "torch")]
mod table;
mod test;
#[cfg(feature = "torch")]
mod threads;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Verb};
use console::{Console, Exit, Failure};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let console = Console::of_process();
    let outcome = dispatch(&arguments.verb, &console);
    match outcome {
        Ok(exit) => exit.into(),
        Err(failure) => {
            console.say(&failure.to_string());
            failure.exit.into()
        }
    }
}

fn dispatch(verb: &Verb, console: &Console) -> Result<Exit, Failure> {
    match verb {
        #[cfg(feature = "torch")]
        Verb::Run(arguments) => run::run(arguments, console),
        #[cfg(feature = "torch")]
        Verb::Eval(arguments) => finished::eval(arguments, console),
        #[cfg(feature = "torch")]
        Verb::Recommend(arguments) => finished::recommend(arguments, console),
        #[cfg(feature = "torch")]
        Verb::Compare(arguments) => compare::compare(arguments, console),
        #[cfg(feature = "torch")]
        Verb::Report(arguments) => report::report(arguments, console),
        Verb::Build(arguments) => build::build(arguments, console),
        Verb::Export(arguments) => export::export(arguments, console),
        Verb::Flow(arguments) => flow::flow(arguments, console),
        Verb::Snap(arguments) => snap::snap(arguments, console),
        Verb::Diff(arguments) => diff::diff(arguments, console),
        Verb::Graph(arguments) => graph::graph(arguments, console),
        Verb::Test(arguments) => test::test(arguments, console),
        Verb::Passes => passes::passes(console),
        Verb::Check(arguments) => check::check(arguments, console),
        Verb::Explain(arguments) => explain::explain(arguments, console),
        Verb::New(arguments) => new::new(arguments, console),
        Verb::Fmt(arguments) => fmt::fmt(arguments, console),
        Verb::Completions(arguments) => completions::completions(arguments, console),
        Verb::Lsp => lsp::lsp(console),
        Verb::Doctor => doctor::doctor(console),
    }
}
