//! Diagnostics as text: a report with the lines in question, one line each, or one JSON object each.

mod json;
mod kinds;
mod report;
mod window;

use clap::ValueEnum;
use reckon_grammar::diagnostic::{Diagnostic, Label, Severity};
use reckon_grammar::span::Sources;

pub use report::{folded, wrap};

use crate::console::Console;

/// What diagnostics look like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// The lines in question with marks under them, for reading.
    #[default]
    Human,
    /// `file:line:column: error[E0302]: message`
    Short,
    /// One JSON object a line.
    Json,
}

/// What the human report may use.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// ANSI colours.
    pub colour: bool,
    /// Line drawings beyond ASCII.
    pub unicode: bool,
    /// Long lines of a source are cut around what is marked in them, as a terminal would fold them.
    pub cut: bool,
}

impl Look {
    fn of(console: &Console) -> Look {
        Look {
            colour: console.colour,
            unicode: console.unicode,
            cut: console.interactive,
        }
    }
}

/// Shows all findings on one spec: JSON is what was asked for and goes to stdout, the rest to stderr with a summary.
pub fn show(
    sources: &Sources,
    diagnostics: &[Diagnostic],
    name: &str,
    format: Format,
    console: &Console,
) {
    let diagnostics = in_order(diagnostics);
    for diagnostic in &diagnostics {
        match format {
            Format::Human => {}
            Format::Short => console.say(&short(sources, diagnostic)),
            Format::Json => console.print(&json::json(sources, diagnostic).to_string()),
        }
    }
    if format == Format::Human {
        for_reading(sources, &diagnostics, name, console);
    }
}

/// Shows findings in full, but of many of one kind the first ones, and sums up.
fn for_reading(sources: &Sources, diagnostics: &[&Diagnostic], name: &str, console: &Console) {
    let look = Look::of(console);
    let told = kinds::told(sources, diagnostics);
    for diagnostic in told.shown {
        console.say(&report::report(sources, diagnostic, look));
    }
    for line in &told.rest {
        console.say(&folded(line, 2));
    }
    if !told.rest.is_empty() {
        console.say("`reckon check --message-format short` shows each in a line");
    }
    if let Some(summary) = summary(diagnostics, name) {
        console.say(&summary);
    }
}

/// Shows a finding of a run that goes on.
pub fn show_one(sources: &Sources, diagnostic: &Diagnostic, console: &Console) {
    let look = Look::of(console);
    console.say(&report::report(sources, diagnostic, look));
}

/// Findings by file and place; those at one place stay in the order in which they were found.
fn in_order(diagnostics: &[Diagnostic]) -> Vec<&Diagnostic> {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|diagnostic| (diagnostic.primary.span.file, diagnostic.primary.span.start));
    sorted
}

/// `two_tower.rec:12:5: error[E0302]: message`
fn short(sources: &Sources, diagnostic: &Diagnostic) -> String {
    let (severity, code) = (word(diagnostic.severity), diagnostic.code);
    let finding = format!("{severity}[{code}]: {}", diagnostic.message);
    if !has_place(sources, diagnostic) {
        return finding;
    }
    let span = diagnostic.primary.span;
    let (line, column) = sources.line_column(span.file, span.start);
    format!(
        "{}:{line}:{column}: {finding}",
        sources.file(span.file).name
    )
}

/// Findings about a run as a whole stand at the very beginning and say nothing about it; they are shown without lines.
fn has_place(sources: &Sources, diagnostic: &Diagnostic) -> bool {
    let Label { span, message } = &diagnostic.primary;
    let is_known = sources.iter().any(|(file, _)| file == span.file);
    is_known && (span.end > 0 || !message.is_empty())
}

/// `2 errors, 1 warning in two_tower.rec`; nothing where nothing was found.
fn summary(diagnostics: &[&Diagnostic], name: &str) -> Option<String> {
    let errors = diagnostics
        .iter()
        .filter(|diagnostic| diagnostic.is_error())
        .count();
    let counts: Vec<String> = [(errors, "error"), (diagnostics.len() - errors, "warning")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}{}", if count == 1 { "" } else { "s" }))
        .collect();
    (!counts.is_empty()).then(|| format!("{} in {name}", counts.join(", ")))
}

/// The severity as written in every format.
fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}
