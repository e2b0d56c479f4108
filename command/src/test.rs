//! `reckon test`: the `test` items of specs, on the reference evaluator, as lowered, and optimised.

use reckon_compiler::testing::{self, Execute};

use crate::arguments::Test;
use crate::console::{Console, Exit, Failure};
use crate::render::Format;
use crate::spec;

/// Prints a line a test; what does not hold is shown on stderr.
///
/// # Errors
/// A spec cannot be read.
pub fn run(
    arguments: &Test,
    console: &Console,
    execute: &mut Execute<'_>,
) -> Result<Exit, Failure> {
    let mut exit = Exit::Success;
    for path in &arguments.files {
        let spec = spec::open(path, &arguments.overrides.set)?;
        spec.show(Format::Human, console);
        let Some(hir) = spec.checked.hir.as_ref() else {
            exit = Exit::SpecOrCheck;
            continue;
        };
        if hir.tests.is_empty() {
            console.note(&format!("`{}` holds no test", spec.name));
        }
        for outcome in testing::run(hir, execute) {
            let holds = outcome.failures.is_empty();
            let verdict = if holds { "ok" } else { "failed" };
            console.print(&format!("{verdict:<6}  {}", outcome.title));
            if !holds {
                spec.show_findings(&outcome.failures, Format::Human, console);
                exit = Exit::SpecOrCheck;
            }
        }
    }
    Ok(exit)
}
