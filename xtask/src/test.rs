//! `cargo xtask test`: everything that has to hold before a change lands. Every step runs, whatever the ones before it
//! came to, and a table at the end says how each did.

use crate::{
    Repository, Verb,
    chores::{cargo, no_arguments, readable, say},
    data, setup, snapshots,
    trouble::Trouble,
};
use std::{
    process::Command,
    time::{Duration, Instant},
};

pub(crate) const VERB: Verb = Verb {
    name: "test",
    arguments: "",
    about: "run all checks: format, lints, docs, tests, the build without libtorch",
    run: |repository, arguments| {
        no_arguments("test", arguments)?;
        setup::libtorch(repository)?;
        data::get(repository, "ml-100k")?;
        let results = STEPS
            .iter()
            .map(|step| run(repository, step))
            .collect::<Vec<_>>();
        report(&results)
    },
};

/// One thing that has to hold.
struct Step {
    name: &'static str,
    check: fn(&Repository) -> Result<(), Trouble>,
}

const STEPS: &[Step] = &[
    Step {
        name: "format",
        check: |repository| pass(cargo(repository, &["fmt", "--all", "--check"])),
    },
    Step {
        name: "lints",
        check: |repository| {
            pass(cargo(
                repository,
                &[
                    "clippy",
                    "--workspace",
                    "--all-targets",
                    "--",
                    "-D",
                    "warnings",
                ],
            ))
        },
    },
    Step {
        name: "docs",
        check: |repository| {
            let mut docs = cargo(repository, &["doc", "--workspace", "--no-deps"]);
            docs.env("RUSTDOCFLAGS", "-D warnings");
            pass(docs)
        },
    },
    Step {
        name: "tests",
        check: tests,
    },
    Step {
        name: "without libtorch",
        check: |repository| {
            // Neither libtorch nor a C++ compiler may be asked for: both are made unusable.
            let mut check = cargo(
                repository,
                &["check", "--package", "reckon", "--no-default-features"],
            );
            check.env("LIBTORCH", "absent").env("CXX", "absent");
            pass(check)
        },
    },
];

fn tests(repository: &Repository) -> Result<(), Trouble> {
    let mut tests = cargo(repository, &["test", "--workspace", "--no-fail-fast"]);
    tests.env("INSTA_UPDATE", "no");
    let notes = snapshots::note(repository, &mut tests)?;
    pass(tests)?;
    let stale = snapshots::unread(repository, &notes)?;
    if stale.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = stale
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    Err(Trouble::new(
        format!("no test reads these snapshots:\n{}", names.join("\n")),
        "`cargo bless` removes them",
    ))
}

fn pass(mut command: Command) -> Result<(), Trouble> {
    let status = command
        .status()
        .map_err(|error| Trouble::io("cannot start cargo", &error))?;
    if status.success() {
        Ok(())
    } else {
        Err(Trouble::new("", ""))
    }
}

/// How a step went.
struct Outcome {
    name: &'static str,
    passed: bool,
    took: Duration,
}

fn run(repository: &Repository, step: &Step) -> Outcome {
    say(format!("{} ...", step.name));
    let start = Instant::now();
    let result = (step.check)(repository);
    if let Err(trouble) = &result
        && !trouble.what.is_empty()
    {
        eprint!("{trouble}");
    }
    Outcome {
        name: step.name,
        passed: result.is_ok(),
        took: start.elapsed(),
    }
}

fn report(outcomes: &[Outcome]) -> Result<(), Trouble> {
    eprint!("\n{}", table(outcomes));
    let failed: Vec<&str> = outcomes
        .iter()
        .filter(|outcome| !outcome.passed)
        .map(|outcome| outcome.name)
        .collect();
    if failed.is_empty() {
        return Ok(());
    }
    Err(Trouble::new(
        format!("did not pass: {}", failed.join(", ")),
        "the output of each is above",
    ))
}

fn table(outcomes: &[Outcome]) -> String {
    let row = |outcome: &Outcome| {
        let verdict = if outcome.passed { "ok" } else { "FAILED" };
        format!(
            "{:<18} {verdict:<8} {}\n",
            outcome.name,
            readable(outcome.took)
        )
    };
    outcomes.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(name: &'static str, passed: bool) -> Outcome {
        Outcome {
            name,
            passed,
            took: Duration::from_secs(61),
        }
    }

    #[test]
    fn the_table_has_a_row_for_every_step() {
        assert_eq!(
            table(&[outcome("format", true), outcome("without libtorch", false)]),
            "format             ok       1 min 1 s\nwithout libtorch   FAILED   1 min 1 s\n"
        );
    }

    #[test]
    fn one_failed_step_fails_the_whole_and_is_named() {
        let trouble = report(&[outcome("format", true), outcome("docs", false)]).unwrap_err();
        assert_eq!(
            (trouble.what.as_str(), trouble.status),
            ("did not pass: docs", 1)
        );
        assert!(report(&[outcome("format", true)]).is_ok());
    }
}
