//! `reckon completions`: what a shell needs to complete the command.

use clap::CommandFactory;
use clap_complete::generate;
use clap_complete::shells::{Bash, Fish, Zsh};

use crate::arguments::{Arguments, Completions, Shell};
use crate::console::{Console, Exit, Failure};

/// Prints the completions of a shell.
pub fn completions(arguments: &Completions, console: &Console) -> Result<Exit, Failure> {
    let mut command = Arguments::command();
    let mut text = Vec::new();
    match arguments.shell {
        Shell::Bash => generate(Bash, &mut command, "reckon", &mut text),
        Shell::Zsh => generate(Zsh, &mut command, "reckon", &mut text),
        Shell::Fish => generate(Fish, &mut command, "reckon", &mut text),
    }
    console.print_raw(&String::from_utf8_lossy(&text));
    Ok(Exit::Success)
}
