//! Arguments that are one of a few words.

use clap::ValueEnum;

/// A level between text and plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// What the grammar saw: rules and their places
    Tree,
    /// The abstract syntax, laid out
    Ast,
    /// The typed program: every name in full, every type and stage written
    Hir,
    /// The tensor programs, one op a line with its type
    Graph,
    /// Everything that a run does, in order; the tensor programs by what feeds them
    Plan,
    /// The row programs as Cranelift is given them, each instruction below the line of the spec that asks for it
    Clif,
}

/// What a picture is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Picture {
    /// A picture for browsers, light or dark as the reader has it
    Svg,
    /// A graph for Graphviz
    Dot,
}

/// A shell that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// GNU Bash
    Bash,
    /// Z shell
    Zsh,
    /// fish
    Fish,
}

/// How progress is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Manner {
    /// A bar on a terminal, lines elsewhere
    #[default]
    Auto,
    /// Lines on stderr
    Plain,
    /// One JSON object an event, on stdout, in place of the final table
    Json,
}

/// How a comparison is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CompareFormat {
    /// Aligned tables
    #[default]
    Table,
    /// One JSON object a pair of runs and evaluation
    Json,
}

/// Where tensors shall live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The processor.
    Cpu,
    /// The graphics card of this number.
    Cuda(usize),
}

/// `cpu`, `cuda` or `cuda:1`.
pub(super) fn device(text: &str) -> Result<Device, String> {
    let number = text
        .strip_prefix("cuda")
        .map(|rest| match rest.strip_prefix(':') {
            Some(number) => number.parse().ok(),
            None => rest.is_empty().then_some(0),
        });
    match (text, number) {
        ("cpu", _) => Ok(Device::Cpu),
        (_, Some(Some(number))) => Ok(Device::Cuda(number)),
        _ => Err("expected `cpu`, `cuda` or `cuda:NUMBER`".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::{Device, device};

    #[test]
    fn devices_are_named_by_kind_and_number() {
        assert_eq!(device("cpu"), Ok(Device::Cpu));
        assert_eq!(device("cuda"), Ok(Device::Cuda(0)));
        assert_eq!(device("cuda:3"), Ok(Device::Cuda(3)));
        assert!(device("cuda3").is_err() && device("gpu").is_err() && device("cuda:").is_err());
    }
}
