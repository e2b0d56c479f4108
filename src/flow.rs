//! `reckon flow`: which loss trains which weights, and where gradients stop.

use reckon_compiler::flow::{Flow, StopFlow, WeightFlow, flow as follow};
use reckon_compiler::graph::ParamKind;
use reckon_grammar::span::Sources;

use reckon_command::arguments::Flow as Arguments;
use reckon_command::console::{Console, Exit, Failure};
use reckon_command::render::{Format, wrap};
use reckon_command::spec;

/// Prints a table for each training: a weight a line, a loss a column.
pub(crate) fn flow(arguments: &Arguments, console: &Console) -> Result<Exit, Failure> {
    let spec = spec::open(&arguments.file, &arguments.overrides.set)?;
    spec.show(Format::Human, console);
    let Some(hir) = spec.checked.hir.as_ref() else {
        return Ok(Exit::SpecOrCheck);
    };
    match follow(hir) {
        Ok(flows) => {
            let tables: Vec<String> = flows
                .iter()
                .map(|flow| table(flow, &spec.checked.sources))
                .collect();
            console.print_raw(&tables.join("\n"));
            Ok(Exit::Success)
        }
        Err(findings) => {
            spec.show_findings(&findings, Format::Human, console);
            Ok(Exit::SpecOrCheck)
        }
    }
}

/// No line is wider, unless a single word is.
const WIDTH: usize = 80;

/// How the columns of a table are headed and how wide they are.
struct Columns {
    path: usize,
    /// The losses, or their numbers where their names do not fit.
    heads: Vec<String>,
    /// What stands where a loss trains a weight.
    marks: Vec<String>,
}

impl Columns {
    fn of(flow: &Flow) -> Self {
        let paths = flow.weights.iter().map(|weight| weight.path.len());
        let path = paths.max().unwrap_or(0);
        let named = Self {
            path,
            heads: flow.losses.clone(),
            marks: vec!["trains".to_owned(); flow.losses.len()],
        };
        if path + named.beside() <= WIDTH {
            return named;
        }
        let numbers: Vec<String> = (1..=flow.losses.len()).map(|at| at.to_string()).collect();
        let numbered = Self {
            path,
            heads: numbers.clone(),
            marks: numbers,
        };
        let room = WIDTH.saturating_sub(numbered.beside());
        Self {
            path: path.min(room),
            ..numbered
        }
    }

    /// How much of a line is not the path.
    fn beside(&self) -> usize {
        let marks: usize = self.widths().map(|width| 2 + width).sum();
        "  ".len() + "  ".len() + WIDEST_KIND + marks
    }

    fn widths(&self) -> impl Iterator<Item = usize> {
        let pairs = self.heads.iter().zip(&self.marks);
        pairs.map(|(head, mark)| head.chars().count().max(mark.len()))
    }

    /// A line of the table; a path that is too long for its column stands above the rest.
    fn line(&self, path: &str, kind: &str, marks: &[&str]) -> String {
        let width = self.path;
        let (above, path) = match path.len() > width {
            true => (format!("  {path}\n"), ""),
            false => (String::new(), path),
        };
        let mut line = format!("{above}  {path:width$}  {kind:WIDEST_KIND$}");
        for (mark, width) in marks.iter().zip(self.widths()) {
            line += &format!("  {mark:<width$}");
        }
        line
    }
}

fn table(flow: &Flow, sources: &Sources) -> String {
    let after = match flow.after.is_empty() {
        true => String::new(),
        false => format!(", after {}", flow.after.join(", ")),
    };
    let columns = Columns::of(flow);
    let mut out = format!("train {}{after}\n", flow.train);
    if columns.heads != flow.losses {
        let numbered = columns.heads.iter().zip(&flow.losses);
        let key: Vec<String> = numbered.map(|(at, loss)| format!("{at} {loss}")).collect();
        out += &below("  ", &format!("losses: {}", key.join(", ")));
    }
    let heads: Vec<&str> = columns.heads.iter().map(String::as_str).collect();
    out += columns.line("", "", &heads).trim_end();
    out.push('\n');
    for weight in &flow.weights {
        out += &row(&columns, weight);
    }
    for stop in &flow.stops {
        out += &stopped(flow, stop, sources);
    }
    out
}

/// What each loss does to a weight, below the loss's name; behind it or below it why none trains it.
fn row(columns: &Columns, weight: &WeightFlow) -> String {
    let marks = columns.marks.iter().enumerate();
    let marks = marks.map(|(at, mark)| match weight.trained_by.contains(&at) {
        true => mark.as_str(),
        false => "-",
    });
    let marks: Vec<&str> = marks.collect();
    let line = columns.line(&weight.path, kind(weight.kind), &marks);
    match &weight.why {
        None => format!("{}\n", line.trim_end()),
        Some(why) if line.chars().count() + 2 + why.chars().count() <= WIDTH => {
            format!("{line}  {why}\n")
        }
        Some(why) => format!("{}\n{}", line.trim_end(), below("      ", why)),
    }
}

/// A text wrapped behind an indentation, its further lines deeper.
fn below(indent: &str, text: &str) -> String {
    let lines = wrap(text, WIDTH - indent.len() - 2);
    format!("{indent}{}\n", lines.join(&format!("\n{indent}  ")))
}

const WIDEST_KIND: usize = "weight".len();

fn kind(kind: ParamKind) -> &'static str {
    match kind {
        ParamKind::Weight => "weight",
        ParamKind::Table => "table",
        ParamKind::State => "state",
    }
}

/// Where a gradient stops, why, and in which losses.
fn stopped(flow: &Flow, stop: &StopFlow, sources: &Sources) -> String {
    let (line, column) = sources.line_column(stop.span.file, stop.span.start);
    let losses: Vec<&str> = stop
        .losses
        .iter()
        .map(|at| flow.losses[*at].as_str())
        .collect();
    let place = format!("{}:{line}:{column}", sources.file(stop.span.file).name);
    let (op, why, losses) = (&stop.op, &stop.why, losses.join(", "));
    let code = first_line(sources.slice(stop.span));
    let whole = format!("  {op} at {place}, `{code}`: {why}, in {losses}\n");
    if whole.chars().count() <= WIDTH + 1 {
        return whole;
    }
    let said = below("  ", &format!("{op} at {place}: {why}, in {losses}"));
    format!(
        "{said}      `{}`\n",
        shortened(code, WIDTH - "      ``".len())
    )
}

/// The beginning of a text that is too long.
fn shortened(text: &str, most: usize) -> String {
    match text.chars().count() > most {
        true => text.chars().take(most - 1).chain(['…']).collect(),
        false => text.to_owned(),
    }
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("")
}
