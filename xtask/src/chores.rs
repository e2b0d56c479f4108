//! What several verbs do: folders, running cargo, and talking to the terminal.

use crate::{Repository, trouble::Trouble};
use std::{
    env, fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// One line to the person at the terminal.
pub(crate) fn say(line: impl AsRef<str>) {
    eprintln!("xtask: {}", line.as_ref());
}

/// A duration as people read it: `7 s`, `3 min 20 s`.
pub(crate) fn readable(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().round() as u64;
    match seconds / 60 {
        0 => format!("{seconds} s"),
        minutes => format!("{minutes} min {} s", seconds % 60),
    }
}

/// `cargo` with these arguments, in the repository's root.
pub(crate) fn cargo(repository: &Repository, arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&repository.root).args(arguments);
    command
}

/// Refuses words after a verb that takes none.
pub(crate) fn no_arguments(verb: &str, arguments: &[String]) -> Result<(), Trouble> {
    match arguments.first() {
        None => Ok(()),
        Some(word) => Err(Trouble::usage(
            format!("`{verb}` takes no arguments, found `{word}`"),
            format!("`cargo xtask {verb}` alone"),
        )),
    }
}

/// An empty folder; what was there before is removed.
pub(crate) fn fresh_folder(path: PathBuf) -> Result<PathBuf, Trouble> {
    remove(&path)?;
    fs::create_dir_all(&path)
        .map_err(|error| Trouble::io(format!("cannot make {}", path.display()), &error))?;
    Ok(path)
}

/// Removes a folder with all that is in it, or a link (not what it points to), or nothing if nothing is there.
pub(crate) fn remove(path: &Path) -> Result<(), Trouble> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    };
    removed.map_err(|error| Trouble::io(format!("cannot remove {}", path.display()), &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_minutes_and_seconds() {
        assert_eq!(readable(Duration::from_millis(6_600)), "7 s");
        assert_eq!(readable(Duration::from_secs(200)), "3 min 20 s");
    }

    #[cfg(unix)]
    #[test]
    fn removing_a_link_leaves_what_it_points_to() {
        let folder = tempfile::tempdir().unwrap();
        let (kept, link) = (folder.path().join("kept"), folder.path().join("link"));
        fs::create_dir(&kept).unwrap();
        std::os::unix::fs::symlink(&kept, &link).unwrap();
        remove(&link).unwrap();
        assert!(kept.exists() && fs::symlink_metadata(&link).is_err());
        remove(&link).unwrap();
    }
}
