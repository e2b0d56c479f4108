//! `cargo xtask bench NAME`: all contenders in one run, on the same data and with the same number of threads. A table goes
//! to stdout, and what it rests on to `target/bench/NAME.json`.

mod cost;
mod methods;
mod parity;
mod peers;
mod preprocess;
mod quality;
mod reckon;
mod record;
mod tools;
mod train;

use crate::{
    Repository, Verb,
    chores::say,
    setup,
    trouble::{Trouble, closest},
};
use record::Record;
use std::{
    path::{Path, PathBuf},
    thread,
};

pub(crate) const VERB: Verb = Verb {
    name: "bench",
    arguments: "NAME",
    about: "compare with peers and baselines: quality, parity, methods, tools, preprocess, train, cost; [--quick] [--threads N] [--jobs N] [--seeds N] [--with RECKON] [CASE]...",
    run: bench,
};

/// One benchmark. To add one: a file with its constant, and its line in [`BENCHES`].
struct Bench {
    name: &'static str,
    /// The names of what it compares, which can be asked for alone.
    cases: &'static [&'static str],
    /// Measures into the record; what fails to hold in the end is trouble, after everything has been measured.
    run: fn(&Bed<'_>, &mut Record) -> Result<(), Trouble>,
}

const BENCHES: &[Bench] = &[
    quality::BENCH,
    parity::BENCH,
    methods::BENCH,
    tools::BENCH,
    preprocess::BENCH,
    train::BENCH,
    cost::BENCH,
];

/// What a benchmark runs on.
struct Bed<'a> {
    repository: &'a Repository,
    scale: Scale,
    /// Threads of each contender.
    threads: usize,
    /// Runs side by side, where no time is taken of them.
    jobs: usize,
    /// Of a full run of methods, how many seeds; those of the study where it is not said.
    seeds: Option<u64>,
    /// The cases asked for; all where none is.
    cases: Vec<String>,
    /// The command, where it is built already.
    built: Option<PathBuf>,
    /// An empty folder for what is made on the way.
    folder: PathBuf,
}

impl Bed<'_> {
    fn wants(&self, case: &str) -> bool {
        self.cases.is_empty() || self.cases.iter().any(|wanted| wanted == case)
    }
}

/// How much is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    /// Under five minutes: whether everything still runs.
    Quick,
    /// What `docs/benchmarks.md` quotes.
    Full,
}

impl Scale {
    /// What cargo is told about the build. Quick runs take the one that tests have made, whose tensor kernels are
    /// optimised too.
    fn profile(self) -> &'static [&'static str] {
        match self {
            Scale::Quick => &[],
            Scale::Full => &["--release"],
        }
    }
}

/// What was typed after `bench`.
#[derive(Debug, PartialEq)]
struct Asked {
    name: String,
    scale: Scale,
    threads: Option<usize>,
    jobs: usize,
    seeds: Option<u64>,
    cases: Vec<String>,
    built: Option<PathBuf>,
}

impl Asked {
    fn of(words: &[String]) -> Result<Asked, Trouble> {
        let (mut names, mut scale) = (Vec::new(), Scale::Full);
        let (mut threads, mut jobs, mut seeds, mut built) = (None, 1, None, None);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--quick" => scale = Scale::Quick,
                "--threads" => threads = Some(number(word, words.next())?),
                "--jobs" => jobs = number(word, words.next())?,
                "--seeds" => seeds = Some(number(word, words.next())? as u64),
                "--with" => built = Some(command(words.next())?),
                option if option.starts_with('-') => {
                    return Err(Trouble::usage(
                        format!("`bench` does not know `{option}`"),
                        "its options are `--quick`, `--threads N`, `--jobs N`, `--seeds N` and `--with RECKON`",
                    ));
                }
                name => names.push(name.to_string()),
            }
        }
        if names.is_empty() {
            return Err(unknown("a benchmark", None, BENCHES.iter().map(|b| b.name)));
        }
        Ok(Asked {
            name: names.remove(0),
            scale,
            threads,
            jobs,
            seeds,
            cases: names,
            built,
        })
    }

    /// The name of the folder and of the record: runs of different cases may go on side by side.
    fn title(&self) -> String {
        let parts = [&self.name].into_iter().chain(&self.cases);
        parts.map(String::as_str).collect::<Vec<_>>().join("-")
    }
}

fn command(word: Option<&String>) -> Result<PathBuf, Trouble> {
    let path = word.and_then(|word| Path::new(word).canonicalize().ok());
    path.ok_or_else(|| {
        Trouble::usage(
            "`--with` needs the path of a command that is built already",
            "`cargo xtask bench methods --with target/release/reckon`",
        )
    })
}

fn number(option: &str, word: Option<&String>) -> Result<usize, Trouble> {
    let parsed = word.and_then(|word| word.parse().ok()).filter(|n| *n > 0);
    parsed.ok_or_else(|| {
        Trouble::usage(
            format!("`{option}` needs a number above 0"),
            format!("`cargo xtask bench parity {option} 2`"),
        )
    })
}

fn unknown<'a>(
    what: &str,
    typed: Option<&str>,
    names: impl Iterator<Item = &'a str> + Clone,
) -> Trouble {
    let known = || names.clone().collect::<Vec<_>>().join(", ");
    match typed {
        None => Trouble::usage(format!("`bench` needs the name of {what}"), known()),
        Some(typed) => Trouble::usage(
            format!("`{typed}` is not {what}"),
            closest(typed, names.clone()).map_or_else(known, |near| format!("perhaps `{near}`")),
        ),
    }
}

fn bench(repository: &Repository, words: &[String]) -> Result<(), Trouble> {
    let asked = Asked::of(words)?;
    let names = BENCHES.iter().map(|bench| bench.name);
    let bench = BENCHES
        .iter()
        .find(|bench| bench.name == asked.name)
        .ok_or_else(|| unknown("a benchmark", Some(&asked.name), names))?;
    let known = bench.cases;
    if let Some(case) = asked
        .cases
        .iter()
        .find(|case| !known.contains(&case.as_str()))
    {
        let what = format!("a case of `{}`", bench.name);
        return Err(unknown(&what, Some(case), known.iter().copied()));
    }
    setup::libtorch(repository)?;
    let title = asked.title();
    let folder = repository.root.join("target/bench").join(&title);
    let bed = Bed {
        repository,
        scale: asked.scale,
        threads: asked
            .threads
            .unwrap_or_else(|| thread::available_parallelism().map_or(1, Into::into)),
        jobs: asked.jobs,
        seeds: asked.seeds,
        cases: asked.cases,
        built: asked.built,
        folder: crate::chores::fresh_folder(folder)?,
    };
    let mut record = Record::new(repository, &title, &bed)?;
    let outcome = (bench.run)(&bed, &mut record);
    // What was measured before something failed is kept.
    let file = record.write()?;
    record.print()?;
    say(format!("written to {}", file.display()));
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Result<Asked, Trouble> {
        Asked::of(
            &text
                .split_whitespace()
                .map(str::to_string)
                .collect::<Vec<_>>(),
        )
    }

    #[test]
    fn a_name_its_cases_and_options_come_in_any_order() {
        let found = asked("--threads 2 quality two_tower --quick sasrec").unwrap();
        assert_eq!(found.name, "quality");
        assert_eq!(found.cases, ["two_tower", "sasrec"]);
        assert_eq!((found.scale, found.threads), (Scale::Quick, Some(2)));
        assert_eq!(asked("parity").unwrap().scale, Scale::Full);
        assert_eq!(asked("methods ssl").unwrap().seeds, None);
        assert_eq!(asked("methods ssl --seeds 2").unwrap().seeds, Some(2));
    }

    #[test]
    fn wrong_words_are_wrong_usage() {
        for text in ["", "--fast", "quality --threads", "quality --threads 0"] {
            assert_eq!(asked(text).unwrap_err().status, 2, "{text}");
        }
    }

    #[test]
    fn a_benchmark_with_a_similar_name_is_suggested() {
        let names = || BENCHES.iter().map(|bench| bench.name);
        let trouble = unknown("a benchmark", Some("qualty"), names());
        assert_eq!(trouble.help, "perhaps `quality`");
    }
}
