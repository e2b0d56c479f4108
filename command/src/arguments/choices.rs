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

/// How a cost is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CostFormat {
    /// Aligned tables
    #[default]
    Table,
    /// One JSON object
    Json,
}

/// How much memory a run may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Memory {
    /// So many bytes.
    Bytes(u64),
    /// Any: a forecast refuses nothing.
    Any,
}

/// `8GB`, `512MiB`, `1000000` or `none`.
pub(super) fn memory(text: &str) -> Result<Memory, String> {
    if text == "none" {
        return Ok(Memory::Any);
    }
    let digits = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let unit: f64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" | "g" => 1e9,
        "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => {
            return Err(format!(
                "expected a unit as in `8GB` or `8GiB`, found `{unit}`"
            ));
        }
    };
    match number.parse::<f64>() {
        Ok(number) if number > 0.0 => Ok(Memory::Bytes((number * unit) as u64)),
        _ => Err("expected a size such as `8GB`, or `none`".to_owned()),
    }
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
    use super::{Device, Memory, device, memory};

    #[test]
    fn memory_has_a_unit_or_none() {
        let bytes = |count| Ok(Memory::Bytes(count));
        assert_eq!(memory("8GB"), bytes(8_000_000_000));
        assert_eq!(memory("1.5GiB"), bytes(3 << 29));
        assert_eq!(memory("none"), Ok(Memory::Any));
        assert!(memory("much").is_err() && memory("8 bushels").is_err() && memory("0").is_err());
    }

    #[test]
    fn devices_are_named_by_kind_and_number() {
        assert_eq!(device("cpu"), Ok(Device::Cpu));
        assert_eq!(device("cuda"), Ok(Device::Cuda(0)));
        assert_eq!(device("cuda:3"), Ok(Device::Cuda(3)));
        assert!(device("cuda3").is_err() && device("gpu").is_err() && device("cuda:").is_err());
    }
}
