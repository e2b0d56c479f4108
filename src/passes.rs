//! `reckon passes`: what happens to a graph between building and running, in order.

use reckon_compiler::passes::{FORWARD, Place, STEP};

use reckon_command::console::{Console, Exit, Failure};
use reckon_command::render::wrap;

/// Prints the pipelines with the reason for each pass and for its place.
pub(crate) fn passes(console: &Console) -> Result<Exit, Failure> {
    pipeline("before differentiation", FORWARD, console);
    console.print("");
    pipeline("after it", STEP, console);
    Ok(Exit::Success)
}

fn pipeline(title: &str, places: &[Place], console: &Console) {
    console.print(title);
    for Place { pass, because } in places {
        for (at, line) in wrap(pass.reason, 60).iter().enumerate() {
            let name = if at == 0 { pass.name } else { "" };
            console.print(format!("  {name:<16}  {line}").trim_end());
        }
        for line in wrap(&format!("here: {because}"), 60) {
            console.print(&format!("  {:<16}  {line}", ""));
        }
    }
}
