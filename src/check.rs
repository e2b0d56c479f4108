//! `reckon check`: all findings on specs.

use std::mem::forget;

use reckon_command::arguments::Check;
use reckon_command::console::{Console, Exit, Failure};
use reckon_command::spec;
use reckon_compiler::lower::findings;

/// Checks each file by itself and goes on after one that is wrong.
pub(crate) fn check(arguments: &Check, console: &Console) -> Result<Exit, Failure> {
    let mut exit = Exit::Success;
    let mut unread = None;
    for path in &arguments.files {
        let spec = match spec::open(path, &arguments.overrides.set) {
            Ok(spec) => spec,
            Err(failure) => {
                console.say(&failure.to_string());
                unread = Some(failure.exit);
                continue;
            }
        };
        spec.show(arguments.message_format, console);
        if !spec.holds() {
            exit = Exit::SpecOrCheck;
        }
        // What only shows when a spec is lowered, such as a loss that trains nothing.
        let findings = spec.checked.hir.as_ref().map(findings).unwrap_or_default();
        if !findings.is_empty() {
            spec.show_findings(&findings, arguments.message_format, console);
            exit = Exit::SpecOrCheck;
        }
        // The process ends soon; to take a large spec apart piece by piece is a tenth of its check.
        forget(spec);
    }
    Ok(unread.unwrap_or(exit))
}
