//! What a build without libtorch does where a verb asks for it.

use reckon_command::arguments::Verb;
use reckon_command::console::{Console, Exit, Failure};
use reckon_command::doctor::{Torch, report};
use reckon_command::test::run;
use reckon_compiler::testing::reference;

/// Does what a verb asks for, and returns the exit status.
///
/// # Errors
/// The verb trains or uses what was trained.
pub(crate) fn work(verb: &Verb, console: &Console) -> Result<u8, Failure> {
    let done = match verb {
        Verb::Doctor => report(&Torch::None, console),
        // All three ways go through the reference evaluator.
        Verb::Test(arguments) => run(arguments, console, &mut reference),
        _ => Err(Failure::new(
            Exit::World,
            "this build of `reckon` has no libtorch, and neither trains, evaluates nor reads data",
        )
        .help("`cargo build --release` without `--no-default-features` makes one that does")),
    };
    done.map(Exit::code)
}
