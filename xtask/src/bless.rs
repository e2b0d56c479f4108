//! `cargo xtask bless`: takes what the tests now print as what they should print. The diff is then read before it is
//! committed.

use crate::{
    Repository, Verb,
    chores::{cargo, remove, say},
    snapshots,
    trouble::Trouble,
};

pub(crate) const VERB: Verb = Verb {
    name: "bless",
    arguments: "[ARGUMENT]...",
    about: "accept what the tests print now as snapshots; arguments go to `cargo test`",
    run: bless,
};

fn bless(repository: &Repository, arguments: &[String]) -> Result<(), Trouble> {
    let mut tests = cargo(repository, &["test", "--no-fail-fast"]);
    tests.env("INSTA_UPDATE", "always");
    let everything = arguments.is_empty();
    let notes = snapshots::note(repository, &mut tests)?;
    if everything {
        tests.arg("--workspace");
    }
    tests.args(arguments);
    let status = tests
        .status()
        .map_err(|error| Trouble::io("cannot start cargo", &error))?;
    if !status.success() {
        return Err(Trouble::new(
            "some tests fail for another reason than a snapshot in a file",
            "mend these first; snapshots inside test code are changed by hand, or with `cargo insta review`",
        ));
    }
    if everything {
        for stale in snapshots::unread(repository, &notes)? {
            remove(&stale)?;
            say(format!("removed {}, which no test reads", stale.display()));
        }
    }
    say("snapshots are up to date; read the diff before committing: `git diff`");
    Ok(())
}
