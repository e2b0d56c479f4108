//! `reckon eval` and `reckon recommend`: what a finished run can be asked.

use std::path::Path;

use reckon_compiler::plan::Plan;
use reckon_grammar::diagnostic::nearest;
use reckon_runtime::run::{self, DeviceName, Origin};

use crate::run::failed;
use crate::table;
use reckon_command::arguments::{Eval, Recommend};
use reckon_command::console::{Console, Exit, Failure};
use reckon_command::render::Format;
use reckon_command::spec::{self, Spec};

/// The one part of events that are not split.
const WHOLE: &str = "all";

/// Evaluates the model of a run again, on one part of the split.
pub(crate) fn eval(arguments: &Eval, console: &Console) -> Result<Exit, Failure> {
    let Some(Model { origin, spec, plan }) = Model::open(&arguments.run, console)? else {
        return Ok(Exit::SpecOrCheck);
    };
    known_part(&plan, &arguments.split)?;
    match run::eval(
        &arguments.run,
        &plan,
        &origin.root,
        &arguments.split,
        DeviceName::Cpu,
    ) {
        Ok(reports) => {
            console.print_raw(&table::reports(&reports));
            Ok(Exit::Success)
        }
        Err(failure) => Ok(failed(&spec, &failure, console)),
    }
}

/// Refuses a part that the split of an evaluated source does not have.
fn known_part(plan: &Plan, part: &str) -> Result<(), Failure> {
    for evaluation in &plan.evaluations {
        let split = plan
            .splits
            .iter()
            .find(|split| split.source == evaluation.source);
        let names: Vec<&str> = match split {
            Some(split) => split.parts.iter().map(|(name, _)| name.as_str()).collect(),
            None => vec![WHOLE],
        };
        if names.contains(&part) {
            continue;
        }
        let listed: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        let message = format!("`{}` has no part `{part}`", evaluation.source);
        let help = match nearest(part, names.iter().copied()) {
            Some(name) => format!(
                "did that mean `--split {name}`? there is {}",
                listed.join(", ")
            ),
            None => format!("there is {}", listed.join(", ")),
        };
        return Err(Failure::new(Exit::Usage, message).help(help));
    }
    Ok(())
}

/// Prints the best items for a user.
pub(crate) fn recommend(arguments: &Recommend, console: &Console) -> Result<Exit, Failure> {
    let Some(Model { origin, spec, plan }) = Model::open(&arguments.run, console)? else {
        return Ok(Exit::SpecOrCheck);
    };
    let (user, count) = (&arguments.user, arguments.count);
    match run::recommend(
        &arguments.run,
        &plan,
        &origin.root,
        user,
        count,
        DeviceName::Cpu,
    ) {
        Ok(answer) => {
            for note in &answer.notes {
                console.note(note);
            }
            console.print_raw(&table::recommendations(&answer.items));
            Ok(Exit::Success)
        }
        Err(failure) => Ok(failed(&spec, &failure, console)),
    }
}

/// The spec of a run, compiled again with the settings that it had.
pub(crate) struct Model {
    pub(crate) origin: Origin,
    pub(crate) spec: Spec,
    pub(crate) plan: Plan,
}

impl Model {
    /// Nothing, and a report, where the spec of the run does not compile any more.
    pub(crate) fn open(run: &Path, console: &Console) -> Result<Option<Self>, Failure> {
        let origin = run::origin(run).map_err(|failure| {
            let message = failure
                .diagnostics
                .first()
                .map_or(String::new(), |finding| finding.message.clone());
            Failure::new(Exit::World, message)
                .help("name a folder that `reckon run` has written, such as `runs/main-1`")
        })?;
        let settings: Vec<(String, String)> = origin.settings.clone().into_iter().collect();
        let spec = spec::open(&origin.spec, &settings)?;
        if !spec.holds() {
            spec.show(Format::Human, console);
            return Ok(None);
        }
        let plan = spec.plan(console);
        Ok(plan.map(|plan| Self { origin, spec, plan }))
    }
}
