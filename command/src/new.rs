//! `reckon new`: a first working spec, for data files or with a small example of its own.

mod example;
pub mod guess;
pub mod profile;
mod write;

use std::fs;
use std::path::{Path, PathBuf};

use profile::{Reading, Table};

use crate::arguments::New;
use crate::console::{Console, Exit, Failure, reason};

/// What a new folder ignores.
const IGNORED: &str = "runs/\n";

/// Which files are read.
const ENDINGS: &str = "names of data files end in `.csv`, `.tsv` or `.jsonl`, each also packed as `.gz` or `.zst`, or in `.parquet`, `.arrow`, `.feather` or `.ipc`";

/// Who has to read the files: the runtime if one of them is not plain text.
///
/// # Errors
/// A name that is not that of a data file, or a folder without any.
pub fn reading(arguments: &New) -> Result<Reading, Failure> {
    let files = data_files(&arguments.from)?;
    let are_cells = files
        .iter()
        .all(|path| profile::reading(path) == Some(Reading::Cells));
    Ok(if are_cells {
        Reading::Cells
    } else {
        Reading::Runtime
    })
}

/// Writes the folder and says what to do next. `read` looks at a data file.
///
/// # Errors
/// A folder that holds something, data that cannot be read, or that say nothing about who and what.
pub fn new(
    arguments: &New,
    console: &Console,
    read: &mut dyn FnMut(&Path) -> Result<Table, Failure>,
) -> Result<Exit, Failure> {
    let dir = &arguments.dir;
    must_be_empty(dir)?;
    let paths = data_files(&arguments.from)?;
    // Nothing is written before the guesses stand: a folder that holds half of it would be in the way of a second try.
    let mut tables = Vec::new();
    for path in &paths {
        tables.push(read(path)?);
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
            if profile::reading(path).is_none() {
                return Err(no_data(path));
            }
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
            .filter(|path| path.is_file() && profile::reading(path).is_some())
            .collect();
        if found.is_empty() {
            let message = format!("`{}` holds no file of data", path.display());
            return Err(Failure::new(Exit::World, message).help(ENDINGS));
        }
        found.sort();
        files.append(&mut found);
    }
    Ok(files)
}

fn no_data(path: &Path) -> Failure {
    let found = match path.extension() {
        Some(ending) => format!("found one that ends in `{}`", ending.display()),
        None => "found one without an ending".to_owned(),
    };
    let message = format!("`{}`: expected a file of data, {found}", path.display());
    Failure::new(Exit::World, message).help(ENDINGS)
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
