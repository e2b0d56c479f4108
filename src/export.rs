//! `reckon export`: the towers of a finished run that serve alone, laid out in a folder of their own.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use reckon_command::arguments::Export;
use reckon_command::console::{Console, Exit, Failure, reason};

/// What stands beside the towers: what they were made from.
const BESIDE: [&str; 3] = ["resolved.rec", "plan.txt", "settings.json"];

/// Copies the export of a run, and says what is there.
pub(crate) fn export(arguments: &Export, console: &Console) -> Result<Exit, Failure> {
    let (run, to) = (&arguments.run, &arguments.to);
    let towers = towers(run)?;
    if fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_some()) {
        let message = format!("`{}` is not empty", to.display());
        return Err(Failure::new(Exit::Usage, message).help("name another folder with `--to`"));
    }
    for tower in &towers {
        let name = tower.file_name().unwrap_or_default();
        copy(tower, &to.join(name))?;
        console.print(&to.join(name).display().to_string());
    }
    for name in BESIDE {
        let (from, to) = (run.join(name), to.join(name));
        fs::copy(&from, &to).map_err(|error| unwritten(&to, &error))?;
    }
    Ok(Exit::Success)
}

/// The exported towers of a run, by name.
fn towers(run: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !run.join("origin.json").exists() {
        let message = format!("`{}` is not a run directory", run.display());
        return Err(Failure::new(Exit::World, message)
            .help("name a folder that `reckon run` has written, such as `runs/main-1`"));
    }
    if !run.join("summary.json").exists() {
        let message = format!(
            "`{}` has not finished: towers are exported at the end",
            run.display()
        );
        return Err(Failure::new(Exit::World, message).help("go on with it by `--resume`"));
    }
    let entries = fs::read_dir(run.join("export")).into_iter().flatten();
    let mut towers: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir())
        .collect();
    towers.sort();
    if towers.is_empty() {
        let message = format!("`{}` exports no tower", run.display());
        return Err(Failure::new(Exit::SpecOrCheck, message)
            .help("write `export NAME` with the name of a tower into the spec, and run it again"));
    }
    Ok(towers)
}

/// Copies the files of a folder.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let failed = |error: io::Error| unwritten(to, &error);
    fs::create_dir_all(to).map_err(failed)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default();
        fs::copy(&path, to.join(name)).map_err(failed)?;
    }
    Ok(())
}

fn unwritten(path: &Path, error: &io::Error) -> Failure {
    let message = format!("cannot write `{}`: {}", path.display(), reason(error));
    Failure::new(Exit::World, message)
}
