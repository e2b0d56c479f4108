//! Snapshot files that no test looks at any more: the snapshot library notes the files that it reads, the rest is stale.

use crate::{Repository, trouble::Trouble};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The environment variable that makes the tests note, in the file it names, each snapshot they read.
const NOTES: &str = "INSTA_SNAPSHOT_REFERENCES_FILE";

/// Makes a run of the tests note its snapshots, and returns the file for `unread`.
pub(crate) fn note(
    repository: &Repository,
    tests: &mut std::process::Command,
) -> Result<PathBuf, Trouble> {
    let folder = repository.root.join("target");
    let notes = folder.join("snapshots-read.txt");
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&notes, ""))
        .map_err(|error| Trouble::io(format!("cannot write {}", notes.display()), &error))?;
    tests.env(NOTES, &notes);
    Ok(notes)
}

/// The snapshot files of the repository that a complete, passing run of the tests did not read.
pub(crate) fn unread(repository: &Repository, notes: &Path) -> Result<Vec<PathBuf>, Trouble> {
    let text = fs::read_to_string(notes)
        .map_err(|error| Trouble::io(format!("cannot read {}", notes.display()), &error))?;
    let read: BTreeSet<PathBuf> = text
        .lines()
        .filter_map(|line| Path::new(line).canonicalize().ok())
        .collect();
    let mut found = Vec::new();
    collect(&repository.root, &mut found)
        .map_err(|error| Trouble::io("cannot list the snapshots", &error))?;
    found.retain(|path| path.canonicalize().is_ok_and(|path| !read.contains(&path)));
    found.sort();
    Ok(found)
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type()?.is_dir() {
            // Snapshots of the editors' extensions belong to npm.
            if !name.starts_with('.') && !["target", "editors"].contains(&name.as_ref()) {
                collect(&entry.path(), found)?;
            }
        } else if name.ends_with(".snap") {
            found.push(entry.path());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_that_no_test_read_is_found_wherever_it_lies() {
        let root = tempfile::tempdir().unwrap();
        let repository = Repository {
            root: root.path().to_path_buf(),
        };
        for path in [
            "a/snapshots/read.snap",
            "b/stale.snap",
            "b/code.rs",
            "target/old.snap",
        ] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let notes = root.path().join("target/notes.txt");
        let read = root.path().join("a/../a/snapshots/read.snap");
        fs::write(&notes, format!("{0}\n{0}\n", read.display())).unwrap();
        assert_eq!(
            unread(&repository, &notes).unwrap(),
            [root.path().join("b/stale.snap")]
        );
    }
}
