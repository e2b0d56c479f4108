//! `reckon graph`: a spec as a picture.

use reckon_compiler::drawing::drawing;

use reckon_command::arguments::{Graph, Picture};
use reckon_command::console::{Console, Exit, Failure};
use reckon_command::render::Format;
use reckon_command::spec;

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
