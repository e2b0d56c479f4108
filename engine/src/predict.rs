//! `reckon predict`: what a finished run says of new rows, one JSON object a line.

use reckon_runtime::run::{self, DeviceName};

use crate::finished::Model;
use crate::run::failed;
use reckon_command::arguments::Predict;
use reckon_command::console::{Console, Exit, Failure};

/// Prints the score of each row of a file.
pub(crate) fn predict(arguments: &Predict, console: &Console) -> Result<Exit, Failure> {
    let Some(Model { origin, spec, plan }) = Model::open(&arguments.run, console)? else {
        return Ok(Exit::SpecOrCheck);
    };
    let predicted = run::predict(
        &arguments.run,
        &plan,
        &origin.root,
        &arguments.rows,
        arguments.by.as_deref(),
        DeviceName::Cpu,
    );
    match predicted {
        Ok(predicted) => {
            for note in &predicted.notes {
                console.note(note);
            }
            let line = |row| serde_json::to_string(row).expect("rows have text keys") + "\n";
            let lines: String = predicted.rows.iter().map(line).collect();
            console.print_raw(&lines);
            Ok(Exit::Success)
        }
        Err(failure) => Ok(failed(&spec, &failure, console)),
    }
}
