//! `reckon check`: all findings on specs.

use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::Sources;

use crate::arguments::Check;
use crate::console::{Console, Exit, Failure};
use crate::{render, spec};

/// Checks each file by itself and goes on after one that is wrong.
pub(crate) fn check(arguments: &Check, console: &Console) -> Result<Exit, Failure> {
    let mut exit = Exit::Success;
    for path in &arguments.files {
        let name = spec::name(path);
        let text = spec::read(path)?;
        let mut sources = Sources::default();
        let file = sources.add(&name, text.as_str());
        let diagnostics = reckon_grammar::parse(file, &text).diagnostics;
        render::show(
            &sources,
            &diagnostics,
            &name,
            arguments.message_format,
            console,
        );
        if diagnostics.iter().any(Diagnostic::is_error) {
            exit = Exit::SpecOrCheck;
        }
    }
    Ok(exit)
}
