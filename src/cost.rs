//! `reckon build --cost`: what a run will take, as far as the spec or a run tells.

use std::thread;

use reckon_compiler::cost::{Given, forecast};

use reckon_command::arguments::Build;
use reckon_command::console::{Console, Exit, Failure};
use reckon_command::cost::Known;
use reckon_command::render::Format;
use reckon_command::spec;

/// Prints the forecast; says so where it is more than there is.
pub(crate) fn cost(arguments: &Build, console: &Console) -> Result<Exit, Failure> {
    let spec = spec::open(&arguments.file, &arguments.overrides.set)?;
    spec.show(Format::Human, console);
    let Some(plan) = spec.plan(console) else {
        return Ok(Exit::SpecOrCheck);
    };
    let (given, from) = match &arguments.sizes {
        Some(run) => {
            // Refuses a folder that is no run.
            spec::of_run(run)?;
            let given = Given {
                tables: spec::rows_of_run(run),
                sources: spec::sources_of_run(run),
                ..Given::default()
            };
            (given, format!("Rows are those of `{}`.", run.display()))
        }
        None => (
            Given::default(),
            "Sizes are those that the spec tells: `?` stands for what only the data tell, which `--data` reads and \
             `--sizes RUN` takes from a run; `<=` for a bound."
                .to_owned(),
        ),
    };
    let given = Given {
        threads: thread::available_parallelism().map_or(1, Into::into),
        ..given
    };
    let cost = forecast(&plan, &given);
    let known = Known {
        cost: &cost,
        plan: &plan,
        from: &from,
    };
    Ok(known.tell(&spec, arguments, console))
}
