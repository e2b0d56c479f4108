//! `reckon flow`: which loss trains which weights, and where gradients stop.

use reckon_compiler::flow::{Flow, StopFlow, WeightFlow, flow as follow};
use reckon_compiler::graph::ParamKind;
use reckon_grammar::span::Sources;

use reckon_command::arguments::Flow as Arguments;
use reckon_command::console::{Console, Exit, Failure};
use reckon_command::render::Format;
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

fn table(flow: &Flow, sources: &Sources) -> String {
    let after = match flow.after.is_empty() {
        true => String::new(),
        false => format!(", after {}", flow.after.join(", ")),
    };
    let paths = flow.weights.iter().map(|weight| weight.path.len());
    let paths = paths.max().unwrap_or(0);
    let heads: String = flow.losses.iter().map(|loss| format!("  {loss}")).collect();
    let mut out = format!("train {}{after}\n", flow.train);
    out += &format!("  {:paths$}  {:WIDEST_KIND$}{heads}\n", "", "");
    for weight in &flow.weights {
        let (path, kind) = (&weight.path, kind(weight.kind));
        let marks = marks(flow, weight);
        out += format!("  {path:paths$}  {kind:WIDEST_KIND$}{marks}").trim_end();
        out.push('\n');
    }
    for stop in &flow.stops {
        out += &format!("  {}\n", stopped(flow, stop, sources));
    }
    out
}

const WIDEST_KIND: usize = "weight".len();

fn kind(kind: ParamKind) -> &'static str {
    match kind {
        ParamKind::Weight => "weight",
        ParamKind::Table => "table",
        ParamKind::State => "state",
    }
}

/// What each loss does to a weight, below the loss's name; behind it why none trains it.
fn marks(flow: &Flow, weight: &WeightFlow) -> String {
    let mut marks = String::new();
    for (at, loss) in flow.losses.iter().enumerate() {
        let mark = if weight.trained_by.contains(&at) {
            "trains"
        } else {
            "-"
        };
        marks += &format!("  {mark:<0$}", loss.chars().count());
    }
    if let Some(why) = &weight.why {
        marks += &format!("  {why}");
    }
    marks
}

/// Where a gradient stops, why, and in which losses.
fn stopped(flow: &Flow, stop: &StopFlow, sources: &Sources) -> String {
    let (line, column) = sources.line_column(stop.span.file, stop.span.start);
    let losses: Vec<&str> = stop
        .losses
        .iter()
        .map(|at| flow.losses[*at].as_str())
        .collect();
    format!(
        "{} at {}:{line}:{column}, `{}`: {}, in {}",
        stop.op,
        sources.file(stop.span.file).name,
        first_line(sources.slice(stop.span)),
        stop.why,
        losses.join(", ")
    )
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("")
}
