//! `reckon graph`: a spec as a picture.

use clap::ValueEnum;
use reckon_compiler::drawing::drawing;

use crate::arguments::Graph;
use crate::console::{Console, Exit, Failure};
use crate::render::Format;
use crate::spec;

/// What a picture is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Picture {
    /// A picture for browsers, light or dark as the reader has it
    Svg,
    /// A graph for Graphviz
    Dot,
}

/// Prints the picture.
pub(crate) fn graph(arguments: &Graph, console: &Console) -> Result<Exit, Failure> {
    let spec = spec::open(&arguments.file, &arguments.overrides.set)?;
    spec.show(Format::Human, console);
    let Some(hir) = spec.checked.hir.as_ref() else {
        return Ok(Exit::SpecOrCheck);
    };
    match drawing(hir) {
        Ok(drawing) => {
            console.print_raw(&match arguments.to {
                Picture::Svg => drawing.svg(),
                Picture::Dot => drawing.dot(),
            });
            Ok(Exit::Success)
        }
        Err(findings) => {
            spec.show_findings(&findings, Format::Human, console);
            Ok(Exit::SpecOrCheck)
        }
    }
}
