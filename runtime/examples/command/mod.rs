//! What the examples read from their command line, and how they end.

use std::fs;
use std::process::ExitCode;

use reckon_compiler::check::{Checked, check};
use reckon_compiler::lower::{Copies, Pipeline, Teachers, compile_with};
use reckon_compiler::passes::{FORWARD, Place, STEP, passes};
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

/// Checks and compiles the spec in a file with settings as `NAME=VALUE`, without the passes `-NAME`.
pub(crate) fn compiled(file: &str, words: &[String]) -> Result<(Checked, Plan), Stop> {
    let (passes, settings): (Vec<&String>, Vec<&String>) =
        words.iter().partition(|word| word.starts_with('-'));
    let setting = |word: &String| match word.split_once('=') {
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err(Stop::Usage(format!("`{word}` has no `=`"))),
    };
    let settings: Vec<(String, String)> = settings
        .into_iter()
        .map(setting)
        .collect::<Result<_, _>>()?;
    let left_out: Vec<&str> = passes.into_iter().map(|word| &word[1..]).collect();
    let unknown = |name: &&&str| passes_of_plans().all(|known| known != **name);
    if let Some(unknown) = left_out.iter().find(unknown) {
        return Err(Stop::Usage(format!("there is no pass `{unknown}`")));
    }
    let checked = check(&Disk, file, &settings);
    let hir = checked.hir.as_ref();
    let hir = hir.ok_or_else(|| Stop::found(&checked.diagnostics))?;
    let kept = |places: &[Place]| -> Vec<Place> {
        let kept = |place: &&Place| !left_out.contains(&place.pass.name);
        places.iter().filter(kept).copied().collect()
    };
    let plan = compile_with(
        hir,
        &mut Pipeline {
            forward: &kept(FORWARD),
            copies: match left_out.contains(&COPIES) {
                true => Copies::Kept,
                false => Copies::Merged,
            },
            step: &kept(STEP),
            teachers: Teachers::Remembered,
            after: &mut |_, _| {},
        },
    );
    let plan = plan.map_err(|found| Stop::found(&found))?;
    Ok((checked, plan))
}

/// What merges the copies of candidates, by name.
const COPIES: &str = "copies";

/// All that may be left out.
fn passes_of_plans() -> impl Iterator<Item = &'static str> {
    let passes = passes().into_iter().map(|pass| pass.name);
    passes.chain([COPIES])
}
