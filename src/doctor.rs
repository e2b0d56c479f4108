//! `reckon doctor`: what this machine has for training, and what is missing.

use std::env;
#[cfg(feature = "torch")]
use std::fs;
#[cfg(feature = "torch")]
use std::path::Path;
#[cfg(not(feature = "torch"))]
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use crate::console::{Console, Exit, Failure};

/// Prints a line a finding, name first.
pub(crate) fn doctor(console: &Console) -> Result<Exit, Failure> {
    let findings = [
        (
            "reckon",
            format!("{} ({})", env!("CARGO_PKG_VERSION"), build_kind()),
        ),
        (
            "system",
            format!("{} {}", env::consts::OS, env::consts::ARCH),
        ),
        ("libtorch", libtorch()),
        (
            "threads",
            thread::available_parallelism().map_or("unknown".to_owned(), |count| count.to_string()),
        ),
        ("simd", simd()),
        ("gpu", gpu()),
        ("python", python()),
        ("disk", disk()),
    ];
    for (name, finding) in findings {
        console.print(&format!("{name:<10} {finding}"));
    }
    Ok(Exit::Success)
}

fn build_kind() -> &'static str {
    match (cfg!(feature = "torch"), cfg!(debug_assertions)) {
        (true, true) => {
            "with libtorch, development build: training is slower than in a release build"
        }
        (true, false) => "with libtorch",
        (false, _) => "without libtorch: specs can be checked and lowered, not trained",
    }
}

/// The library in use.
#[cfg(feature = "torch")]
fn libtorch() -> String {
    // A process that runs has its libraries; where they came from is listed among its mappings.
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    let is_torch = |path: &&str| {
        path.rsplit('/')
            .next()
            .is_some_and(|name| name.starts_with("libtorch_cpu"))
    };
    let library = maps
        .lines()
        .filter_map(|line| line.split_whitespace().nth(5))
        .find(is_torch);
    let folder = library.and_then(|library| Path::new(library).parent()?.parent());
    let place = folder.map_or(String::new(), |folder| format!(" in {}", folder.display()));
    let versions = reckon_runtime::versions();
    format!(
        "{} ({}){place}",
        versions.libtorch,
        versions.libraries.join(", ")
    )
}

/// Where a library lies that a build could use.
#[cfg(not(feature = "torch"))]
fn libtorch() -> String {
    let candidates = [
        env::var_os("LIBTORCH").map(PathBuf::from),
        Some(PathBuf::from(".libtorch")),
    ];
    match candidates
        .into_iter()
        .flatten()
        .find(|folder| folder.join("lib/libtorch_cpu.so").exists())
    {
        Some(folder) => format!("in {}, not used by this build", folder.display()),
        None => "not found: `cargo xtask setup` gets it".to_owned(),
    }
}

#[cfg(target_arch = "x86_64")]
fn simd() -> String {
    let found = [
        ("avx2", is_x86_feature_detected!("avx2")),
        ("fma", is_x86_feature_detected!("fma")),
        ("avx512f", is_x86_feature_detected!("avx512f")),
    ];
    let names: Vec<&str> = found
        .iter()
        .filter(|(_, has)| *has)
        .map(|(name, _)| *name)
        .collect();
    if names.is_empty() {
        "sse2 only".to_owned()
    } else {
        names.join(" ")
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn simd() -> String {
    if cfg!(target_arch = "aarch64") {
        "neon".to_owned()
    } else {
        "unknown".to_owned()
    }
}

fn gpu() -> String {
    let cards = cards();
    #[cfg(feature = "torch")]
    {
        let usable = reckon_runtime::versions().cuda_devices;
        format!("{cards}; libtorch can use {usable}")
    }
    #[cfg(not(feature = "torch"))]
    cards
}

fn cards() -> String {
    let query = [
        "--query-gpu=name,memory.total,driver_version",
        "--format=csv,noheader",
    ];
    output("nvidia-smi", &query).map_or("none found".to_owned(), |text| {
        text.lines().collect::<Vec<_>>().join("; ")
    })
}

fn python() -> String {
    let program = "import importlib.metadata as m, sys
print(sys.version.split()[0], end='')
try: print(', torch ' + m.version('torch'))
except m.PackageNotFoundError: print(', no torch')";
    output("python3", &["-c", program])
        .unwrap_or("none found; it is only needed for set-up and for peers".to_owned())
}

/// Free space where runs are written unless `--out` says otherwise.
fn disk() -> String {
    let free = output("df", &["-Pk", "."]).and_then(|text| {
        let kilobytes: f64 = text
            .lines()
            .nth(1)?
            .split_whitespace()
            .nth(3)?
            .parse()
            .ok()?;
        Some(kilobytes * 1024.0 / 1e9)
    });
    free.map_or("unknown".to_owned(), |free| {
        format!("{free:.1} GB free here")
    })
}

/// What a program prints; nothing if it is not there or fails.
fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let result = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&result.stdout).trim().to_owned();
    (result.status.success() && !text.is_empty()).then_some(text)
}
