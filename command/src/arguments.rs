//! What may be written on the command line.

mod choices;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::render;
pub use choices::{CompareFormat, CostFormat, Device, Level, Manner, Memory, Picture, Shell};
use choices::{device, memory};

const EXAMPLES: &str = "\
Examples:
  reckon new shop --from buys.csv items.csv   write a first spec for these files
  reckon check shop/main.rec                  say all that is wrong with it
  reckon explain E0301                        print the page of an error

Exit status: 0 success; 1 the spec has errors or a check does not hold; 2 wrong
usage; 3 the data or the device is at fault; 4 training diverged; 5 a checkpoint
does not fit; 130 interrupted after a clean checkpoint.";

/// Trains recommenders that are described in `.rec` files.
#[derive(Debug, Parser)]
#[command(name = "reckon", version, after_help = EXAMPLES, max_term_width = 80)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

impl Arguments {
    /// Those of this process. What cannot be understood, and `--help`, end it.
    pub fn of_process() -> Self {
        Self::parse()
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Write a first working spec, from data files or with a small example
    New(New),
    /// Say all that is wrong with specs
    Check(Check),
    /// Lay specs out in the one way
    Fmt(Fmt),
    /// Print the page of an error code
    Explain(Explain),
    /// Compile, fit, train, evaluate and export
    Run(Run),
    /// Evaluate the model of a run again
    Eval(Eval),
    /// Print what a run's model recommends to a user
    Recommend(Recommend),
    /// Score the rows of a file with a run's model
    Predict(Predict),
    /// Set finished runs side by side, paired by user
    Compare(Compare),
    /// Write the page of a run anew
    Report(Report),
    /// Lay the towers of a finished run out that serve alone
    Export(Export),
    /// Print a level of the lowering
    Build(Build),
    /// Keep the lowered plan and graphs beside a spec, and see what changes them
    Snap(Snap),
    /// Say in words what changed between two specs
    Diff(Diff),
    /// Run the tests in specs
    Test(Test),
    /// Show which loss trains which weights, and where gradients stop
    Flow(Flow),
    /// Draw towers, losses and where gradients stop
    Graph(Graph),
    /// List what happens to graphs between building and running
    #[command(after_help = "Example:\n  reckon passes | less")]
    Passes,
    /// Serve an editor: the language server, on stdin and stdout
    #[command(after_help = "\
Example:
  vim.lsp.config('reckon', { cmd = { 'reckon', 'lsp' } })

docs/editors.md has the steps for Neovim, Helix, VS Code and Zed.")]
    Lsp,
    /// Print what a shell needs to complete the command
    Completions(Completions),
    /// Say what this machine has and what is missing
    #[command(after_help = "Example:\n  reckon doctor")]
    Doctor,
}

/// Where settings are changed.
#[derive(Clone, Debug, Default, Args)]
pub struct Overrides {
    /// Give a setting another value: `--set dim=32`
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = assignment)]
    pub set: Vec<(String, String)>,
}

fn assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("expected NAME=VALUE, as in `dim=32`".to_owned()),
    }
}

/// Arguments of `reckon check`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  reckon check main.rec
  reckon check --data main.rec
  reckon check --message-format short specs/*.rec
  cat main.rec | reckon check -")]
pub struct Check {
    /// The specs; `-` reads one from stdin
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Look into the files too: footers, and of events the first row group or the first 4 MiB of each file
    #[arg(long)]
    pub data: bool,
    /// Settings that get other values.
    #[command(flatten)]
    pub overrides: Overrides,
    /// How findings are written; JSON goes to stdout, one object a line
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub message_format: render::Format,
}

/// Arguments of `reckon fmt`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  reckon fmt main.rec           lays the file out in place
  reckon fmt --check *.rec      shows what would change, and exits with 1 then
  reckon fmt - < main.rec       from stdin to stdout")]
pub struct Fmt {
    /// The specs; `-` reads one from stdin and writes it to stdout
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Change nothing; show what would change and exit with 1 if anything would
    #[arg(long)]
    pub check: bool,
}

/// Arguments of `reckon explain`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  reckon explain E0301")]
pub struct Explain {
    /// A code as findings show it; without one, all codes are listed
    #[arg(value_name = "CODE")]
    pub code: Option<String>,
}

/// Arguments of `reckon new`.
#[derive(Debug, Args)]
#[command(
    override_usage = "reckon new <DIR> [--from <DATA>...]",
    after_help = "\
Examples:
  reckon new first                            a small example with its own data
  reckon new shop --from buys.csv items.csv   a spec for these files
  reckon new shop --from log.parquet          a spec for a log alone
  reckon new shop --from data/                a spec for the files of a folder"
)]
pub struct New {
    /// The folder to write to; must not exist, or be empty
    #[arg(value_name = "DIR")]
    pub dir: PathBuf,
    /// Data files or folders of them: csv, tsv, jsonl, parquet or arrow
    #[arg(long, num_args = 1.., value_name = "DATA")]
    pub from: Vec<PathBuf>,
}

/// Arguments of `reckon build`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  reckon build main.rec --emit graph                     the graphs as they run
  reckon build main.rec --emit graph --passes cse,dce    with two passes only
  reckon build main.rec --emit graph --print-after fold  as a pass leaves them
  reckon build main.rec --emit clif                      loops of row programs
  reckon build main.rec --emit tree                      what the grammar saw
  reckon build main.rec --cost                           what the spec tells
  reckon build main.rec --cost --data                    with the sizes of data
  reckon build main.rec --cost --data --memory 8GB       whether a run fits")]
pub struct Build {
    /// The spec; `-` reads it from stdin
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The level to print
    #[arg(
        long,
        value_enum,
        value_name = "LEVEL",
        required_unless_present = "cost"
    )]
    pub emit: Option<Level>,
    /// Settings that get other values.
    #[command(flatten)]
    pub overrides: Overrides,
    /// Run only these passes, in the order of the pipeline
    #[arg(long, value_delimiter = ',', value_name = "PASS,...")]
    pub passes: Option<Vec<String>>,
    /// Print the graphs as they are after this pass
    #[arg(long, value_name = "PASS", requires = "emit")]
    pub print_after: Option<String>,
    /// Print what a run will take: bytes by table, state and step, operations, and the most memory
    #[arg(long, conflicts_with_all = ["passes", "print_after"])]
    pub cost: bool,
    /// Read the data for it, as a run does, so that all sizes are known
    #[arg(long, requires = "cost", conflicts_with = "emit")]
    pub data: bool,
    /// Take the rows of tables and sources that a run had
    #[arg(long, value_name = "RUN", requires = "cost", conflicts_with = "data")]
    pub sizes: Option<PathBuf>,
    /// What a run may take: `8GB`, `512MiB`, `none` for any [default: what the machine has]
    #[arg(long, value_name = "SIZE", requires = "cost", value_parser = memory)]
    pub memory: Option<Memory>,
    /// How the cost is written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: CostFormat,
}

/// Arguments of `reckon completions`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  source <(reckon completions bash)
  reckon completions zsh > ~/.zfunc/_reckon
  reckon completions fish > ~/.config/fish/completions/reckon.fish")]
pub struct Completions {
    /// The shell
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// Arguments of `reckon export`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  reckon export runs/main-1 --to serving/main

Each tower that the spec exports gets a folder with its weights, the fitted
state that its features need, and its program; beside them stands the spec.")]
pub struct Export {
    /// The run directory
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The folder to write to; must not exist, or be empty
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
}

/// Arguments of `reckon snap`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  reckon snap main.rec            writes main.rec.snap, or shows changes
  reckon snap --accept main.rec   keeps what the lowering is now
  reckon snap --check *.rec       for CI: writes nothing, 1 on a change")]
pub struct Snap {
    /// The specs
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Write the snapshots anew
    #[arg(long, conflicts_with = "check")]
    pub accept: bool,
    /// Write nothing; exit with 1 where a snapshot is missing or differs
    #[arg(long)]
    pub check: bool,
}

/// Arguments of `reckon diff`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  reckon diff old.rec new.rec
  reckon diff runs/main-1 main.rec         since this run
  git show HEAD:main.rec | reckon diff - main.rec

Specs are compared by what they mean: layout, comments and order do not count.")]
pub struct Diff {
    /// A spec, or a run directory; `-` reads a spec from stdin
    #[arg(value_name = "OLD")]
    pub old: PathBuf,
    /// A spec, or a run directory
    #[arg(value_name = "NEW")]
    pub new: PathBuf,
}

/// Arguments of `reckon flow`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  reckon flow main.rec")]
pub struct Flow {
    /// The spec; `-` reads it from stdin
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Settings that get other values.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// Arguments of `reckon graph`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  reckon graph main.rec --to svg > main.svg
  reckon graph main.rec --to dot | dot -Tpdf > main.pdf")]
pub struct Graph {
    /// The spec; `-` reads it from stdin
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// What the picture is written as
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub to: Picture,
    /// Settings that get other values.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// Arguments of `reckon run`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  reckon run main.rec
  reckon run main.rec --set dim=32 --set temperature=0.1 --out runs/small
  reckon run main.rec --out runs/small --resume
  reckon run main.rec --progress json > events.jsonl

The metrics go to stdout, with the run directory as the last line. Ctrl-C ends
the run after the step with a checkpoint; a second one ends it at once.")]
pub struct Run {
    /// The spec; `-` reads it from stdin
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Settings that get other values.
    #[command(flatten)]
    pub overrides: Overrides,
    /// The run directory [default: runs/NAME-N, the first N that is free]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Decides every random draw
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Where tensors live: `cpu`, `cuda` or `cuda:1`
    #[arg(long, value_name = "DEVICE", default_value = "cpu", value_parser = device)]
    pub device: Device,
    /// Go on from the checkpoint in the run directory
    #[arg(long)]
    pub resume: bool,
    /// Threads to use; results do not depend on it [default: all]
    #[arg(long, value_name = "N", value_parser = threads)]
    pub threads: Option<usize>,
    /// What the run may take, or it is refused before it trains: `8GB`, `512MiB`, `none` for any [default: what the machine has]
    #[arg(long, value_name = "SIZE", value_parser = memory)]
    pub memory: Option<Memory>,
    /// Measure what each line of the spec costs; writes profile.txt and profile.json into the run directory
    #[arg(long)]
    pub profile: bool,
    /// How progress is told
    #[arg(long, value_enum, default_value_t, value_name = "MANNER")]
    pub progress: Manner,
}

fn threads(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err("expected a number from 1 on".to_owned()),
    }
}

/// Arguments of `reckon eval`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  reckon eval runs/main-1 --split valid")]
pub struct Eval {
    /// The run directory
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The part of the split to evaluate on
    #[arg(long, value_name = "PART", default_value = "test")]
    pub split: String,
}

/// Arguments of `reckon recommend`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  reckon recommend runs/main-1 --user 42 -n 5")]
pub struct Recommend {
    /// The run directory
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The key of the user, as in the data
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    pub user: String,
    /// How many
    #[arg(short = 'n', value_name = "N", default_value_t = 10)]
    pub count: usize,
}

/// Arguments of `reckon predict`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  reckon predict runs/main-1 --rows rows.jsonl > scores.jsonl

Rows are those of the events that a ranking of the spec scores, without labels;
each sees what has happened strictly before its time. One JSON object a row
goes to stdout: `{\"row\":1,\"score\":0.25}`.")]
pub struct Predict {
    /// The run directory
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// The rows: a file of any kind that sources are read from
    #[arg(long, value_name = "FILE")]
    pub rows: PathBuf,
    /// The ranking whose score is taken; the first one where nothing is said
    #[arg(long, value_name = "EVALUATION")]
    pub by: Option<String>,
}

/// Arguments of `reckon compare`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  reckon compare runs/base-1 runs/mine-1
  reckon compare runs/* --format json
  reckon compare runs/* --html runs.html

Each run is compared with the first. A metric is called better or worse only
where the 95 % interval of the difference, paired by user, leaves 0 out.")]
pub struct Compare {
    /// Run directories; the first is the base
    #[arg(required = true, num_args = 2.., value_name = "RUN")]
    pub runs: Vec<PathBuf>,
    /// How the comparison is written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: CompareFormat,
    /// Write a page with all of it and with curves
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// Arguments of `reckon report`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  reckon report runs/main-1

A run writes its page `report.html` when it ends; this makes it anew, from what
the run directory holds.")]
pub struct Report {
    /// The run directory
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
}

/// Arguments of `reckon test`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  reckon test main.rec losses.rec")]
pub struct Test {
    /// The specs; `-` reads one from stdin
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Settings that get other values.
    #[command(flatten)]
    pub overrides: Overrides,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Arguments;

    #[test]
    fn examples_below_a_help_fit_a_terminal() {
        let command = Arguments::command();
        for verb in command.get_subcommands() {
            let below = verb.get_after_help().map(ToString::to_string);
            let below = below.unwrap_or_default();
            let long: Vec<&str> = below.lines().filter(|line| line.len() > 80).collect();
            assert!(long.is_empty(), "{}: {long:?}", verb.get_name());
        }
    }
}
