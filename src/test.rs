//! `reckon test`: the `test` items of specs, on the reference evaluator before and after the passes.

use reckon_compiler::testing::{reference, run};

use crate::arguments::Test;
use crate::console::{Console, Exit, Failure};
use crate::render::Format;
use crate::spec;

/// Prints a line a test; what does not hold is shown on stderr.
pub(crate) fn test(arguments: &Test, console: &Console) -> Result<Exit, Failure> {
    let mut exit = Exit::Success;
    for path in &arguments.files {
        let spec = spec::open(path, &arguments.overrides.set)?;
        spec.show(Format::Human, console);
        let Some(hir) = spec.checked.hir.as_ref() else {
            exit = Exit::SpecOrCheck;
            continue;
        };
        if hir.tests.is_empty() {
            console.say(&format!("note: `{}` holds no test", spec.name));
        }
        for outcome in run(hir, &mut reference) {
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
