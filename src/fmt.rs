//! `reckon fmt`: specs laid out in the one way, in place.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;

use reckon_grammar::span::Sources;

use reckon_command::arguments::Fmt;
use reckon_command::console::{Console, Exit, Failure, reason};
use reckon_command::{render, spec};

use crate::lines;

/// Lays out each file; those with syntax errors stay as they are and are reported.
pub(crate) fn fmt(arguments: &Fmt, console: &Console) -> Result<Exit, Failure> {
    let mut exit = Exit::Success;
    for path in &arguments.files {
        let text = spec::read(path)?;
        let Some(formatted) = formatted(path, &text, console) else {
            exit = Exit::SpecOrCheck;
            continue;
        };
        if arguments.check {
            if formatted != text {
                console.print_raw(&lines::diff(&spec::name(path), &text, &formatted));
                exit = Exit::SpecOrCheck;
            }
        } else if spec::is_stdin(path) {
            console.print_raw(&formatted);
        } else if formatted != text {
            replace(path, &formatted).map_err(|error| {
                Failure::new(
                    Exit::World,
                    format!("cannot write `{}`: {}", path.display(), reason(&error)),
                )
            })?;
        }
    }
    Ok(exit)
}

/// The text laid out; nothing, and a report, where it has syntax errors.
fn formatted(path: &Path, text: &str, console: &Console) -> Option<String> {
    let name = spec::name(path);
    let mut sources = Sources::default();
    sources.add(&name, text);
    match reckon_grammar::format(text) {
        Ok(formatted) => Some(formatted),
        Err(diagnostics) => {
            render::show(
                &sources,
                &diagnostics,
                &name,
                render::Format::Human,
                console,
            );
            None
        }
    }
}

/// Puts a new text in place of the old in one move, so that no reader and no crash ever sees half of it.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let target = fs::canonicalize(path)?;
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(format!(".{}.tmp", std::process::id()));
    let temporary = target.with_file_name(name);
    let written = fs::write(&temporary, text)
        .and_then(|()| fs::set_permissions(&temporary, fs::metadata(&target)?.permissions()))
        .and_then(|()| fs::rename(&temporary, &target));
    if written.is_err() {
        // The first error is the one to report; the file may not even have been made.
        let _ = fs::remove_file(&temporary);
    }
    written
}
