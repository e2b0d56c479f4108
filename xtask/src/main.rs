//! `cargo xtask VERB`: the chores around the code, one file a verb.
//!
//! Built before libtorch is there (it is what fetches it), so it depends on no crate of the workspace.

mod bench;
mod bless;
mod chores;
mod data;
mod demo;
mod movielens;
mod python;
mod setup;
mod snapshots;
mod test;
mod trouble;
mod world;
mod zed;

use std::{
    env,
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};
use trouble::{Trouble, closest};

/// One `cargo xtask` verb.
pub(crate) struct Verb {
    /// What is typed.
    pub(crate) name: &'static str,
    /// Its arguments as the help shows them.
    pub(crate) arguments: &'static str,
    /// One line on what it does.
    pub(crate) about: &'static str,
    /// Runs it in the repository, with the words after the verb.
    pub(crate) run: fn(&Repository, &[String]) -> Result<(), Trouble>,
}

/// The checkout that the verbs work in.
pub(crate) struct Repository {
    /// Its root folder, absolute.
    pub(crate) root: PathBuf,
}

const VERBS: &[Verb] = &[
    demo::VERB,
    test::VERB,
    bench::VERB,
    setup::VERB,
    data::VERB,
    world::VERB,
    bless::VERB,
    zed::VERB,
];

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    match dispatch(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprint!("{trouble}");
            ExitCode::from(trouble.status)
        }
    }
}

fn dispatch(words: &[String]) -> Result<(), Trouble> {
    let Some((name, arguments)) = words.split_first() else {
        return help();
    };
    if ["help", "--help", "-h"].contains(&name.as_str())
        || arguments
            .iter()
            .any(|word| word == "--help" || word == "-h")
    {
        return help();
    }
    let Some(verb) = VERBS.iter().find(|verb| verb.name == name) else {
        let names = VERBS.iter().map(|verb| verb.name);
        return Err(Trouble::usage(
            format!("unknown verb `{name}`"),
            closest(name, names.clone()).map_or_else(
                || format!("the verbs are {}", names.collect::<Vec<_>>().join(", ")),
                |near| format!("a verb with a similar name exists: `cargo xtask {near}`"),
            ),
        ));
    };
    (verb.run)(&repository()?, arguments)
}

fn help() -> Result<(), Trouble> {
    let mut text = String::from("usage: cargo xtask VERB\n\n");
    for verb in VERBS {
        let call = format!("{} {}", verb.name, verb.arguments);
        text.push_str(&format!("  {:<22} {}\n", call.trim_end(), verb.about));
    }
    io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| Trouble::new(format!("cannot print the help: {error}"), ""))
}

/// Cargo names the folder of this package when it runs it; the repository is the folder above.
fn repository() -> Result<Repository, Trouble> {
    let package = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let root = package.as_deref().and_then(|folder| folder.parent());
    root.map(|root| Repository {
        root: root.to_path_buf(),
    })
    .ok_or_else(|| {
        Trouble::new(
            "the repository is not known: `CARGO_MANIFEST_DIR` is not set",
            "start it through cargo: `cargo xtask`",
        )
    })
}
