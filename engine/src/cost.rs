//! `reckon build --cost --data`: what a run will take, with the sizes that its data have.

use std::path::Path;

use reckon_compiler::plan::print::print as print_plan;
use reckon_compiler::resolved::resolved;
use reckon_runtime::run::{Spec as RunSpec, forecast};

use crate::run::failed;
use crate::threads;
use reckon_command::arguments::Build;
use reckon_command::console::{Console, Exit, Failure};
use reckon_command::cost::Known;
use reckon_command::render::Format;
use reckon_command::spec;

/// Reads and fits the data as a run does, and prints the forecast.
pub(crate) fn cost(arguments: &Build, console: &Console) -> Result<Exit, Failure> {
    let threads = threads::count(None);
    let spec = spec::open(&arguments.file, &arguments.overrides.set)?;
    spec.show(Format::Human, console);
    let Some(plan) = spec.plan(console) else {
        return Ok(Exit::SpecOrCheck);
    };
    let of_run = RunSpec {
        plan: &plan,
        sources: &spec.checked.sources,
        file: Path::new(&spec.name),
        resolved: &resolved(&spec.checked).expect("a spec that has a plan has no errors"),
        plan_text: &print_plan(&plan),
    };
    let cost = match forecast(&of_run, threads) {
        Ok(cost) => cost,
        Err(failure) => return Ok(failed(&spec, &failure, console)),
    };
    let known = Known {
        cost: &cost,
        plan: &plan,
        from: "Sizes are those of the data, which were read; lists are as long as in a few batches, and `<=` stands before what is \
               made of such a size or of a bound.",
    };
    Ok(known.tell(&spec, arguments, console))
}
