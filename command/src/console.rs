//! The two output streams and the exit status: what was asked for goes to stdout, talk goes to stderr.

use std::env;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::process;

use crate::render::folded;

/// Exit status of every verb; scripts depend on the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0
    Success,
    /// 1: the spec has errors, or a check does not hold.
    SpecOrCheck,
    /// 2: the command was not used as it is meant to be.
    Usage,
    /// 3: the data or the device is at fault.
    World,
    /// 4: a loss or a gradient became NaN or infinite.
    Diverged,
    /// 5: a checkpoint is missing, damaged or of another model.
    Checkpoint,
    /// 130: interrupted, after a clean checkpoint.
    Interrupted,
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::SpecOrCheck => 1,
            Self::Usage => 2,
            Self::World => 3,
            Self::Diverged => 4,
            Self::Checkpoint => 5,
            Self::Interrupted => 130,
        }
    }
}

/// Why a verb could not do its work, where no place in a spec is to blame.
#[derive(Debug)]
pub struct Failure {
    /// What the process ends with.
    pub exit: Exit,
    /// What cannot be done, in one line.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Failure {
    /// Without a help.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            help: None,
        }
    }

    /// With what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n  help: {help}"),
            None => Ok(()),
        }
    }
}

/// How the streams may be written to.
#[derive(Clone, Debug)]
pub struct Console {
    /// Colours and progress bars on stderr.
    pub colour: bool,
    /// Colours on stdout.
    pub colour_out: bool,
    /// Line drawings beyond ASCII.
    pub unicode: bool,
    /// Whether a person watches stderr.
    pub interactive: bool,
}

impl Console {
    /// As the environment and the terminal have it.
    pub fn of_process() -> Self {
        let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || env::var_os("TERM").is_some_and(|term| term == "dumb");
        let interactive = io::stderr().is_terminal();
        Self {
            colour: interactive && !plain,
            colour_out: io::stdout().is_terminal() && !plain,
            unicode: speaks_unicode(),
            interactive,
        }
    }

    /// How a verb ends the process; says why where it could not do its work.
    pub fn end(&self, outcome: Result<Exit, Failure>) -> Exit {
        outcome.unwrap_or_else(|failure| {
            for line in failure.to_string().lines() {
                self.say(&folded(line, 8));
            }
            failure.exit
        })
    }

    /// Writes a line of talk to stderr. Where no one hears it the work goes on: a training outlives the terminal that it
    /// was begun in.
    pub fn say(&self, text: &str) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Tells a fact on stderr, in lines of at most 80 columns.
    pub fn note(&self, fact: &str) {
        self.say(&folded(&format!("note: {fact}"), 6));
    }

    /// Writes a line of what was asked for to stdout.
    pub fn print(&self, text: &str) {
        deliver(writeln!(io::stdout().lock(), "{text}"));
    }

    /// Writes text that brings its own line ends to stdout.
    pub fn print_raw(&self, text: &str) {
        let mut out = io::stdout().lock();
        deliver(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
    }
}

/// A reader that went away (`reckon build ... | head`) ends the work quietly; there is no one left to tell.
fn deliver(written: io::Result<()>) {
    if written.is_err() {
        process::exit(0);
    }
}

/// The locale decides, by the first of its variables that is set; without one UTF-8 is taken for granted.
fn speaks_unicode() -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .filter_map(|name| env::var(name).ok())
        .find(|value| !value.is_empty());
    locale.is_none_or(|locale| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// Why reading or writing failed, in words.
pub fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::IsADirectory => "it is a folder".to_owned(),
        io::ErrorKind::PermissionDenied => "that is not permitted".to_owned(),
        io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        _ => error.to_string(),
    }
}
