//! `cargo xtask demo`: from a bare clone to a trained two-tower recommender on MovieLens.

use crate::{
    Repository, Verb,
    chores::{cargo, readable, say},
    data, setup,
    trouble::Trouble,
};
use std::{path::PathBuf, process::Command, time::Instant};

const SPEC: &str = "examples/movielens/two_tower.rec";

pub(crate) const VERB: Verb = Verb {
    name: "demo",
    arguments: "[--data 100k|1m]",
    about: "get libtorch and MovieLens, build, train and evaluate the two towers",
    run: demo,
};

/// The edition of MovieLens that the demo trains on.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Edition {
    Small,
    Large,
}

impl Edition {
    fn of(arguments: &[String]) -> Result<Edition, Trouble> {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match words[..] {
            [] | ["--data", "100k"] => Ok(Edition::Small),
            ["--data", "1m"] => Ok(Edition::Large),
            _ => Err(Trouble::usage(
                format!("`demo` does not know `{}`", words.join(" ")),
                "`cargo xtask demo`, or `cargo xtask demo --data 1m`",
            )),
        }
    }

    fn data_set(self) -> &'static str {
        match self {
            Edition::Small => "ml-100k",
            Edition::Large => "ml-1m",
        }
    }

    /// What the spec is told, as arguments of `reckon run`.
    fn settings(self) -> &'static [&'static str] {
        match self {
            Edition::Small => &[],
            Edition::Large => &["--set", "data=data-1m"],
        }
    }
}

fn demo(repository: &Repository, arguments: &[String]) -> Result<(), Trouble> {
    let edition = Edition::of(arguments)?;
    let start = Instant::now();
    setup::libtorch(repository)?;
    data::get(repository, edition.data_set())?;
    say("building reckon in release mode");
    complete(
        "the build",
        cargo(repository, &["build", "--release", "--package", "reckon"]),
    )?;
    let out = free_folder(repository);
    say(format!(
        "ready after {}; now `reckon run {SPEC}`",
        readable(start.elapsed())
    ));
    let mut run = cargo(
        repository,
        &[
            "run",
            "--quiet",
            "--release",
            "--package",
            "reckon",
            "--",
            "run",
            SPEC,
        ],
    );
    run.arg("--out").arg(&out).args(edition.settings());
    complete("the run", run)
}

/// The first of `runs/demo`, `runs/demo-2`, ... that is not taken, from the repository's root.
fn free_folder(repository: &Repository) -> PathBuf {
    let numbered = (2..).map(|number| format!("runs/demo-{number}"));
    std::iter::once("runs/demo".to_string())
        .chain(numbered)
        .map(PathBuf::from)
        .find(|folder| !repository.root.join(folder).exists())
        .expect("the numbers do not end")
}

fn complete(what: &str, mut command: Command) -> Result<(), Trouble> {
    let status = command
        .status()
        .map_err(|error| Trouble::io("cannot start cargo", &error))?;
    if status.success() {
        return Ok(());
    }
    let code = status
        .code()
        .and_then(|code| u8::try_from(code).ok())
        .unwrap_or(1);
    Err(Trouble {
        status: code,
        ..Trouble::new(format!("{what} failed"), "the messages above say why")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_large_edition_is_one_word_away() {
        let words = |text: &str| text.split(' ').map(str::to_string).collect::<Vec<_>>();
        assert_eq!(Edition::of(&[]).unwrap(), Edition::Small);
        assert_eq!(Edition::of(&words("--data 1m")).unwrap(), Edition::Large);
        assert_eq!(Edition::of(&words("--data 20m")).unwrap_err().status, 2);
    }

    #[test]
    fn every_demo_has_a_folder_of_its_own() {
        let root = tempfile::tempdir().unwrap();
        let repository = Repository {
            root: root.path().to_path_buf(),
        };
        assert_eq!(free_folder(&repository), PathBuf::from("runs/demo"));
        fs::create_dir_all(root.path().join("runs/demo")).unwrap();
        assert_eq!(free_folder(&repository), PathBuf::from("runs/demo-2"));
    }
}
