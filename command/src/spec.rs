//! A spec from a file or from stdin: its text, and what the compiler makes of it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::thread;

use reckon_compiler::check::{Checked, check};
use reckon_compiler::lower::compile;
use reckon_compiler::modules::read_library;
use reckon_compiler::plan::Plan;
use reckon_compiler::world::World;
use reckon_grammar::diagnostic::{Diagnostic, nearest};
use serde_json::Value;

use crate::console::{Console, Exit, Failure, reason};
use crate::render::{self, Format};

/// The path that stands for stdin.
pub const STDIN: &str = "-";

/// A spec after checking.
pub struct Spec {
    /// As messages call it.
    pub name: String,
    /// What checking made of it, and found.
    pub checked: Checked,
}

/// Reads and checks a spec with settings changed.
pub fn open(path: &Path, overrides: &[(String, String)]) -> Result<Spec, Failure> {
    let name = name(path);
    // The spec is parsed meanwhile.
    thread::spawn(read_library);
    let disk = Disk {
        main: (name.clone(), read(path)?),
    };
    let checked = check(&disk, &name, overrides);
    Ok(Spec { name, checked })
}

/// The spec of a run, with the settings that it had.
pub fn of_run(run: &Path) -> Result<Spec, Failure> {
    let (origin, settings) = (json(run, "origin.json"), json(run, "settings.json"));
    let (Some(main), Some(settings)) = (origin["spec"].as_str(), settings.as_object()) else {
        let message = format!("`{}` is not a run directory", run.display());
        return Err(Failure::new(Exit::World, message)
            .help("name a folder that `reckon run` has written, such as `runs/main-1`"));
    };
    let text = |value: &Value| {
        value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned)
    };
    let settings: Vec<(String, String)> = settings
        .iter()
        .map(|(name, value)| (name.clone(), text(value)))
        .collect();
    open(&run.join("spec").join(main), &settings)
}

/// The rows of the tables of a run by path; none where it has not told them.
pub fn rows_of_run(run: &Path) -> BTreeMap<String, usize> {
    let facts = json(run, "facts.json");
    let tables = facts["tables"].as_object().into_iter().flatten();
    let rows = tables.filter_map(|(path, rows)| {
        let rows = usize::try_from(rows.as_u64()?).ok()?;
        Some((path.clone(), rows))
    });
    rows.collect()
}

/// The rows of the sources of a run by name; none where it has not told them.
pub fn sources_of_run(run: &Path) -> BTreeMap<String, usize> {
    let facts = json(run, "facts.json");
    let sources = facts["sources"].as_array().into_iter().flatten();
    let rows = sources.filter_map(|source| {
        let rows = usize::try_from(source["rows"].as_u64()?).ok()?;
        Some((source["source"].as_str()?.to_owned(), rows))
    });
    rows.collect()
}

/// A file of a run directory; null where it is not there or is not JSON.
fn json(run: &Path, name: &str) -> Value {
    let bytes = fs::read(run.join(name)).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

impl Spec {
    /// Whether the spec can be compiled.
    pub fn holds(&self) -> bool {
        !self.checked.diagnostics.iter().any(Diagnostic::is_error)
    }

    /// Lowers it; shows why where that cannot be done.
    pub fn plan(&self, console: &Console) -> Option<Plan> {
        match compile(self.checked.hir.as_ref()?) {
            Ok(plan) => Some(plan),
            Err(findings) => {
                self.show_findings(&findings, Format::Human, console);
                None
            }
        }
    }

    /// Shows what checking found.
    pub fn show(&self, format: Format, console: &Console) {
        self.show_findings(&self.checked.diagnostics, format, console);
    }

    /// Shows what a later stage found.
    pub fn show_findings(&self, findings: &[Diagnostic], format: Format, console: &Console) {
        render::show(&self.checked.sources, findings, &self.name, format, console);
    }
}

/// The files of this machine; the spec itself has been read already, maybe from stdin.
struct Disk {
    main: (String, String),
}

impl World for Disk {
    fn read(&self, path: &str) -> Result<String, String> {
        if path == self.main.0 {
            return Ok(self.main.1.clone());
        }
        fs::read_to_string(path).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
            _ => reason(&error),
        })
    }
}

/// What a spec is called in messages.
pub fn name(path: &Path) -> String {
    if is_stdin(path) {
        "<stdin>".to_owned()
    } else {
        path.display().to_string()
    }
}

/// Whether the text comes from stdin.
pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == STDIN
}

/// The text of a spec. A file that is not there is wrong usage; one that is not text is a wrong spec.
pub fn read(path: &Path) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read = if is_stdin(path) {
        io::stdin().lock().read_to_end(&mut bytes)
    } else {
        fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    if let Err(error) = read {
        return Err(unreadable(path, &error));
    }
    text(&name(path), bytes).map_err(|message| Failure::new(Exit::SpecOrCheck, message))
}

/// The text of a file.
///
/// # Errors
/// In words, where its bytes are not UTF-8.
pub(crate) fn text(name: &str, bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| {
        let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        format!("`{name}` is not UTF-8 text: line {line} holds other bytes")
    })
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let failure = Failure::new(
        Exit::Usage,
        format!("cannot read `{}`: {}", name(path), reason(error)),
    );
    match neighbour(path) {
        Some(near) => failure.help(format!("did that mean `{near}`?")),
        None => failure,
    }
}

/// A spec of the same folder whose name is nearly this one.
fn neighbour(path: &Path) -> Option<String> {
    let folder = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let mut names: Vec<String> = fs::read_dir(folder)
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".rec"))
        .collect();
    names.sort();
    let near = nearest(
        path.file_name()?.to_str()?,
        names.iter().map(String::as_str),
    )?;
    Some(path.with_file_name(near).display().to_string())
}
