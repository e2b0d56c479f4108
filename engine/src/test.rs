//! `reckon test`, with lowered programs run on libtorch, as in training.

use reckon_command::arguments::Test;
use reckon_command::console::{Console, Exit, Failure};
use reckon_command::test::run;

/// Prints a line a test; what does not hold is shown on stderr.
pub(crate) fn test(arguments: &Test, console: &Console) -> Result<Exit, Failure> {
    run(arguments, console, &mut |graph, env| {
        reckon_runtime::outputs(graph, env).map_err(|error| error.to_string())
    })
}
