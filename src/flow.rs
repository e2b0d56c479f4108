//! `reckon flow`: which loss trains which weights, and where gradients stop.

use reckon_compiler::flow::{Flow, flow as follow};
use reckon_compiler::graph::ParamKind;
use reckon_grammar::span::Sources;

use crate::arguments::Flow as Arguments;
use crate::console::{Console, Exit, Failure};
use crate::render::Format;
use crate::spec;

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
    let names = flow
        .weights
        .iter()
        .map(|weight| weight.path.len())
        .max()
        .unwrap_or(0);
    let kinds = ["weight", "table", "state"]
        .map(str::len)
        .into_iter()
        .max()
        .unwrap_or(0);
    let heads: String = flow.losses.iter().map(|loss| format!("  {loss}")).collect();
    let after = match flow.after.is_empty() {
        true => String::new(),
        false => format!(", after {}", flow.after.join(", ")),
    };
    let mut out = format!("train {}{after}\n", flow.train);
    out += &format!("  {:names$}  {:kinds$}{heads}\n", "", "");
    for weight in &flow.weights {
        let kind = match weight.kind {
            ParamKind::Weight => "weight",
            ParamKind::Table => "table",
            ParamKind::State => "state",
        };
        let marks: String = flow
            .losses
            .iter()
            .enumerate()
            .map(|(at, loss)| {
                let mark = if weight.trained_by.contains(&at) {
                    "trains"
                } else {
                    "-"
                };
                format!("  {mark:<0$}", loss.chars().count())
            })
            .collect();
        let why = match &weight.why {
            Some(why) => format!("  {why}"),
            None => String::new(),
        };
        out += format!("  {:names$}  {kind:kinds$}{marks}{why}", weight.path).trim_end();
        out.push('\n');
    }
    for stop in &flow.stops {
        let (line, column) = sources.line_column(stop.span.file, stop.span.start);
        let losses: Vec<&str> = stop
            .losses
            .iter()
            .map(|at| flow.losses[*at].as_str())
            .collect();
        out += &format!(
            "  {} at {}:{line}:{column}, `{}`: {}, in {}\n",
            stop.op,
            sources.file(stop.span.file).name,
            first_line(sources.slice(stop.span)),
            stop.why,
            losses.join(", ")
        );
    }
    out
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or("")
}
