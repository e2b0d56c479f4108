//! `reckon doctor`, with what the loaded libtorch says of itself.

use std::fs;
use std::path::Path;

use reckon_command::console::{Console, Exit, Failure};
use reckon_command::doctor::{Torch, report};

/// Prints a line a finding, name first.
pub(crate) fn doctor(console: &Console) -> Result<Exit, Failure> {
    let versions = reckon_runtime::versions();
    let libraries = versions.libraries.join(", ");
    report(
        &Torch::Loaded {
            library: format!("{} ({libraries}){}", versions.libtorch, place()),
            cards: versions.cuda_devices,
        },
        console,
    )
}

/// Where it was loaded from: the files of a process are listed among its mappings.
fn place() -> String {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let is_torch = |path: &&str| {
        let name = path.rsplit('/').next();
        name.is_some_and(|name| name.starts_with("libtorch_cpu"))
    };
    let library = maps
        .lines()
        .filter_map(|line| line.split_whitespace().nth(5))
        .find(is_torch);
    let folder = library.and_then(|library| Path::new(library).parent()?.parent());
    folder.map_or(String::new(), |folder| format!(" in {}", folder.display()))
}
