//! `reckon lsp`: the language server on stdin and stdout.

mod data;
mod parquet;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use reckon_compiler::world::World;

use reckon_command::console::{Console, Exit, Failure, reason};

/// Serves until the editor says that it is done.
pub(crate) fn lsp(console: &Console) -> Result<Exit, Failure> {
    let library = library_folder();
    // Without the folder, definitions in the library cannot be shown; everything else works.
    if let Err(error) = write_library(&library) {
        let (folder, why) = (library.display(), reason(&error));
        console.say(&format!("cannot lay the library out in `{folder}`: {why}"));
    }
    reckon_lsp::server::serve(&Disk, &data::Disk, &library.display().to_string())
        .map_err(|error| Failure::new(Exit::World, format!("the editor went away: {error}")))?;
    Ok(Exit::Success)
}

/// The files of this machine.
struct Disk;

impl World for Disk {
    fn read(&self, path: &str) -> Result<String, String> {
        fs::read_to_string(path).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => "it is not UTF-8 text".to_owned(),
            _ => reason(&error),
        })
    }
}

/// The user's folder for what can be made again, with the version, so that two versions do not share files.
fn library_folder() -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
    let cache = cache.filter(|path| path.is_absolute()).or_else(home);
    let folder = concat!("reckon-", env!("CARGO_PKG_VERSION"));
    cache.unwrap_or_else(std::env::temp_dir).join(folder)
}

/// Lays the library's files out where an editor can open them. Files that say the same already are left alone.
fn write_library(folder: &Path) -> io::Result<()> {
    for module in reckon_stdlib::MODULES {
        let path = folder.join(module.file);
        if fs::read_to_string(&path).is_ok_and(|text| text == module.text) {
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, module.text)?;
    }
    Ok(())
}
