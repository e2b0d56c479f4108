//! `reckon doctor`: what this machine has for training, and what is missing.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use crate::console::{Console, Exit, Failure};

/// What this process has of libtorch.
#[derive(Debug)]
pub enum Torch {
    /// The version and the place, and how many graphics cards it can use.
    Loaded {
        /// As it is shown.
        library: String,
        /// How many.
        cards: usize,
    },
    /// It should be there; why it is not.
    Broken(String),
    /// The build has none.
    None,
}

/// Prints a line a finding, name first.
///
/// # Errors
/// None yet: what cannot be found out is said in its line.
pub fn report(torch: &Torch, console: &Console) -> Result<Exit, Failure> {
    let findings = [
        (
            "reckon",
            format!("{} ({})", env!("CARGO_PKG_VERSION"), torch.build()),
        ),
        (
            "system",
            format!("{} {}", env::consts::OS, env::consts::ARCH),
        ),
        ("libtorch", torch.library()),
        (
            "threads",
            thread::available_parallelism().map_or("unknown".to_owned(), |count| count.to_string()),
        ),
        ("simd", simd()),
        ("gpu", gpu(torch)),
        ("python", python()),
        ("disk", disk()),
    ];
    for (name, finding) in findings {
        console.print(&format!("{name:<10} {finding}"));
    }
    Ok(Exit::Success)
}

impl Torch {
    /// The kind of build.
    fn build(&self) -> &'static str {
        match (self, cfg!(debug_assertions)) {
            (Self::None, _) => "without libtorch: specs can be checked and lowered, not trained",
            (_, true) => "with libtorch; a development build, which trains slower",
            (_, false) => "with libtorch",
        }
    }

    /// The library, or where one lies that a build could use.
    fn library(&self) -> String {
        match self {
            Self::Loaded { library, .. } => library.clone(),
            Self::Broken(why) => why.clone(),
            Self::None => unused(),
        }
    }
}

fn unused() -> String {
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

fn gpu(torch: &Torch) -> String {
    let found = cards();
    match torch {
        Torch::Loaded { cards, .. } => format!("{found}; libtorch can use {cards}"),
        Torch::Broken(_) | Torch::None => found,
    }
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
