//! What the examples read from their command line, and how they end.

use std::fs;
use std::process::ExitCode;

use reckon_compiler::check::{Checked, check};
use reckon_compiler::lower::compile;
use reckon_compiler::plan::Plan;
use reckon_compiler::world::World;
use reckon_grammar::diagnostic::Diagnostic;

/// Why an example ends early.
pub(crate) enum Stop {
    /// The command line is not as it has to be.
    Usage(String),
    /// Its work cannot be done.
    Failed(String),
}

impl Stop {
    /// A failure with the messages of what was found.
    pub(crate) fn found(diagnostics: &[Diagnostic]) -> Self {
        let messages = diagnostics.iter().map(|found| found.message.clone());
        Self::Failed(messages.collect::<Vec<_>>().join("\n"))
    }
}

/// Runs an example on the words of the command line. The exit status is 2, after its usage, for a command line that it
/// cannot read, and 1 where its work fails.
pub(crate) fn run(usage: &str, example: impl Fn(&[String]) -> Result<(), Stop>) -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match example(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Stop::Usage(why)) => {
            eprintln!("{why}\nusage: {usage}");
            ExitCode::from(2)
        }
        Err(Stop::Failed(why)) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// The files of this machine.
struct Disk;

impl World for Disk {
    fn read(&self, path: &str) -> Result<String, String> {
        fs::read_to_string(path).map_err(|error| error.to_string())
    }
}

/// Checks and compiles the spec in a file with settings as `NAME=VALUE`.
pub(crate) fn compiled(file: &str, settings: &[String]) -> Result<(Checked, Plan), Stop> {
    let setting = |word: &String| match word.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err(Stop::Usage(format!("`{word}` has no `=`"))),
    };
    let settings: Vec<(String, String)> = settings.iter().map(setting).collect::<Result<_, _>>()?;
    let checked = check(&Disk, file, &settings);
    let hir = checked.hir.as_ref();
    let hir = hir.ok_or_else(|| Stop::found(&checked.diagnostics))?;
    let plan = compile(hir).map_err(|found| Stop::found(&found))?;
    Ok((checked, plan))
}
