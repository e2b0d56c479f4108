//! The page of a run: what it measured, what it was made of and where its time went, in one file that needs nothing else.
//!
//! A page is a function of what the run directory holds, so a run that was interrupted or went on has one too, and
//! `reckon report` can make it anew.

pub(crate) mod chart;
pub(crate) mod data;
pub(crate) mod html;
mod sections;

use std::fs;
use std::path::Path;

use reckon_compiler::drawing::drawing;
use reckon_compiler::flow::flow;

use crate::finished::Model;
use data::Run;
use reckon_command::arguments::Report;
use reckon_command::console::{Console, Exit, Failure, reason};
use reckon_command::spec::Spec;

/// The file in a run directory.
const PAGE: &str = "report.html";

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    Finished,
    Interrupted,
    Diverged,
    /// The data, the device or the disk ended it.
    Failed,
    /// It has no summary, and why is not known.
    Unfinished,
}

/// Makes the page of a finished run anew.
pub(crate) fn report(arguments: &Report, console: &Console) -> Result<Exit, Failure> {
    let Some(Model { spec, .. }) = Model::open(&arguments.run, console)? else {
        return Ok(Exit::SpecOrCheck);
    };
    let run = Run::read(&arguments.run);
    let ending = match run.reports.is_empty() && run.steps.is_none() {
        true => Ending::Unfinished,
        false => Ending::Finished,
    };
    write(&arguments.run, &spec, ending)?;
    console.print(&arguments.run.join(PAGE).display().to_string());
    Ok(Exit::Success)
}

/// Writes the page of a run from what its directory holds, however it ended.
///
/// # Errors
/// The page cannot be written.
pub(crate) fn write(run: &Path, spec: &Spec, ending: Ending) -> Result<(), Failure> {
    let page = page(&Run::read(run), spec, ending);
    let path = run.join(PAGE);
    fs::write(&path, page).map_err(|error| {
        let message = format!("cannot write `{}`: {}", path.display(), reason(&error));
        Failure::new(Exit::World, message)
    })
}

fn page(run: &Run, spec: &Spec, ending: Ending) -> String {
    let hir = spec.checked.hir.as_ref();
    let picture = hir
        .and_then(|hir| drawing(hir).ok())
        .map(|drawn| drawn.svg());
    let flows = hir.and_then(|hir| flow(hir).ok()).unwrap_or_default();
    let parts = [
        sections::head(run, ending),
        sections::evaluations(run),
        sections::curves(run),
        sections::slices(run),
        picture.map_or(String::new(), |svg| sections::picture(&svg)),
        sections::flow(&flows, &spec.checked.sources),
        sections::times(run),
        sections::facts(run),
        sections::settings(run),
        sections::texts(run),
    ];
    html::document(&format!("{} · {}", run.spec, run.name), &parts.concat())
}
