//! Reading a spec from a file or from stdin.

use std::fs;
use std::io::{self, Read};
use std::path::Path;

use reckon_grammar::diagnostic::nearest;

use crate::console::{Exit, Failure, reason};

/// The path that stands for stdin.
pub(crate) const STDIN: &str = "-";

/// What a spec is called in messages.
pub(crate) fn name(path: &Path) -> String {
    if is_stdin(path) {
        "<stdin>".to_owned()
    } else {
        path.display().to_string()
    }
}

pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == STDIN
}

/// The text of a spec. A file that is not there is wrong usage; one that is not text is a wrong spec.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    let read = if is_stdin(path) {
        io::stdin().lock().read_to_end(&mut bytes)
    } else {
        fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes))
    };
    if let Err(error) = read {
        return Err(unreadable(path, &error));
    }
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let line = error.as_bytes()[..at]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        let message = format!(
            "`{}` is not UTF-8 text: line {line} holds other bytes",
            name(path)
        );
        Failure::new(Exit::SpecOrCheck, message)
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
