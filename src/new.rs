//! `reckon new`: a first working spec, for data files or with a small example of its own.

mod example;
pub(crate) mod guess;
pub(crate) mod profile;
mod write;

use std::fs;
use std::path::{Path, PathBuf};

use profile::Table;
use reckon_command::arguments::New;
use reckon_command::console::{Console, Exit, Failure, reason};

/// What a new folder ignores.
const IGNORED: &str = "runs/\n";

/// Writes the folder and says what to do next.
pub(crate) fn new(arguments: &New, console: &Console) -> Result<Exit, Failure> {
    let dir = &arguments.dir;
    must_be_empty(dir)?;
    let paths = data_files(&arguments.from)?;
    // Nothing is written before the guesses stand: a folder that holds half of it would be in the way of a second try.
    let mut tables = Vec::new();
    for path in &paths {
        tables.push(Table::read(path)?);
    }
    make(dir)?;
    if arguments.from.is_empty() {
        make(&dir.join("data"))?;
        for (name, text) in example::files() {
            let path = dir.join("data").join(name);
            put(&path, &text)?;
            tables.push(Table::read(&path)?);
        }
    }
    let guess = guess::guess(&tables).inspect_err(|_| {
        // Only an empty folder goes away, which is what was made above.
        let _ = fs::remove_dir(dir);
    })?;
    for derived in &guess.derived {
        make(&dir.join("data"))?;
        put(&dir.join("data").join(&derived.file), &derived.text)?;
        console.say(&format!(
            "wrote {}, {}",
            dir.join("data").join(&derived.file).display(),
            derived.reason
        ));
    }
    for remark in &guess.remarks {
        console.note(remark);
    }
    let spec = write::spec(&guess, dir);
    put(&dir.join("main.rec"), &canonical(spec))?;
    put(&dir.join("README.md"), &write::readme(&guess))?;
    put(&dir.join(".gitignore"), IGNORED)?;
    console.say(&format!("wrote {}", dir.join("main.rec").display()));
    console.say(&format!(
        "next: reckon run {}",
        dir.join("main.rec").display()
    ));
    Ok(Exit::Success)
}

/// The layout that `reckon fmt` would give.
fn canonical(spec: String) -> String {
    reckon_grammar::format(&spec).unwrap_or(spec)
}

fn must_be_empty(dir: &Path) -> Result<(), Failure> {
    let is_free = match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(_) => !dir.exists(),
    };
    if is_free {
        return Ok(());
    }
    let message = format!(
        "`{}` is there already and is not an empty folder",
        dir.display()
    );
    Err(Failure::new(Exit::Usage, message).help("name a folder that does not exist yet"))
}

/// The files as named; folders stand for the data files in them, by name.
fn data_files(from: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for path in from {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let entries = fs::read_dir(path).map_err(|error| {
            Failure::new(
                Exit::World,
                format!("cannot read `{}`: {}", path.display(), reason(&error)),
            )
        })?;
        let mut found: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| profile::is_data(path))
            .collect();
        if found.is_empty() {
            let message = format!("`{}` holds no csv or tsv file", path.display());
            return Err(Failure::new(Exit::World, message));
        }
        found.sort();
        files.append(&mut found);
    }
    Ok(files)
}

fn make(dir: &Path) -> Result<(), Failure> {
    fs::create_dir_all(dir).map_err(|error| {
        Failure::new(
            Exit::World,
            format!(
                "cannot make the folder `{}`: {}",
                dir.display(),
                reason(&error)
            ),
        )
    })
}

fn put(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text).map_err(|error| {
        Failure::new(
            Exit::World,
            format!("cannot write `{}`: {}", path.display(), reason(&error)),
        )
    })
}
