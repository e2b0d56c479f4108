//! `cargo xtask test`: everything that has to hold before a change lands. Every step runs, whatever the ones before it
//! came to, and a table at the end says how each did.

use crate::{
    Repository, Verb,
    chores::{cargo, no_arguments, readable, say},
    data, setup, snapshots,
    trouble::Trouble,
};
use std::{
    process::{Command, Stdio},
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
    /// A program that the step runs and that not every machine has; without it the step is left out, and said to be.
    needs: Option<&'static str>,
    check: fn(&Repository) -> Result<(), Trouble>,
}

const STEPS: &[Step] = &[
    Step {
        name: "format",
        needs: None,
        check: |repository| pass(cargo(repository, &["fmt", "--all", "--check"])),
    },
    Step {
        name: "lints",
        needs: None,
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
        needs: None,
        check: |repository| {
            let mut docs = cargo(repository, &["doc", "--workspace", "--no-deps"]);
            docs.env("RUSTDOCFLAGS", "-D warnings");
            pass(docs)
        },
    },
    Step {
        name: "tests",
        needs: None,
        check: tests,
    },
    Step {
        name: "without libtorch",
        needs: None,
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
    Step {
        name: "in Neovim",
        needs: Some("nvim"),
        check: |repository| {
            let words = ["test", "--workspace", "--test", "neovim", "--", "--ignored"];
            pass(cargo(repository, &words))
        },
    },
    Step {
        name: "in VS Code",
        needs: Some("npm"),
        check: |repository| {
            for words in [&["ci", "--no-audit", "--no-fund"][..], &["test"]] {
                let mut npm = Command::new("npm");
                npm.args(words)
                    .current_dir(repository.root.join("editors/vscode"));
                pass(npm)?;
            }
            Ok(())
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
    let status = command.status().map_err(|error| {
        let program = command.get_program().display();
        Trouble::io(format!("cannot start {program}"), &error)
    })?;
    if status.success() {
        Ok(())
    } else {
        Err(Trouble::new("", ""))
    }
}

/// How a step went.
struct Outcome {
    name: &'static str,
    verdict: Verdict,
    took: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    /// Left out: this program is not there.
    Without(&'static str),
}

/// Whether a program can be started.
fn is_there(program: &str) -> bool {
    let mut version = Command::new(program);
    let quiet = version
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    quiet.status().is_ok()
}

fn run(repository: &Repository, step: &Step) -> Outcome {
    let start = Instant::now();
    if let Some(program) = step.needs.filter(|program| !is_there(program)) {
        return Outcome {
            name: step.name,
            verdict: Verdict::Without(program),
            took: start.elapsed(),
        };
    }
    say(format!("{} ...", step.name));
    let result = (step.check)(repository);
    if let Err(trouble) = &result
        && !trouble.what.is_empty()
    {
        eprint!("{trouble}");
    }
    Outcome {
        name: step.name,
        verdict: match result {
            Ok(()) => Verdict::Passed,
            Err(_) => Verdict::Failed,
        },
        took: start.elapsed(),
    }
}

fn report(outcomes: &[Outcome]) -> Result<(), Trouble> {
    eprint!("\n{}", table(outcomes));
    let failed: Vec<&str> = outcomes
        .iter()
        .filter(|outcome| outcome.verdict == Verdict::Failed)
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
        let (verdict, rest) = match outcome.verdict {
            Verdict::Passed => ("ok", readable(outcome.took)),
            Verdict::Failed => ("FAILED", readable(outcome.took)),
            Verdict::Without(program) => ("not run", format!("`{program}` is not installed")),
        };
        format!("{:<18} {verdict:<8} {rest}\n", outcome.name)
    };
    outcomes.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(name: &'static str, verdict: Verdict) -> Outcome {
        Outcome {
            name,
            verdict,
            took: Duration::from_secs(61),
        }
    }

    #[test]
    fn the_table_has_a_row_for_every_step() {
        let outcomes = [
            outcome("format", Verdict::Passed),
            outcome("without libtorch", Verdict::Failed),
            outcome("in Neovim", Verdict::Without("nvim")),
        ];
        assert_eq!(
            table(&outcomes),
            "format             ok       1 min 1 s\n\
             without libtorch   FAILED   1 min 1 s\n\
             in Neovim          not run  `nvim` is not installed\n"
        );
    }

    #[test]
    fn one_failed_step_fails_the_whole_and_is_named() {
        let outcomes = [
            outcome("format", Verdict::Passed),
            outcome("docs", Verdict::Failed),
        ];
        let trouble = report(&outcomes).unwrap_err();
        assert_eq!(
            (trouble.what.as_str(), trouble.status),
            ("did not pass: docs", 1)
        );
    }

    #[test]
    fn a_step_that_could_not_run_fails_nothing() {
        assert!(report(&[outcome("in Neovim", Verdict::Without("nvim"))]).is_ok());
    }
}
