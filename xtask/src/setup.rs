//! `cargo xtask setup`: libtorch in `.libtorch/`, or the one that is there already.
//!
//! The wheel of PyTorch holds a libtorch for Linux x86-64. Of its 1 GB only the CPU half and the headers are kept; that
//! half is linked against two small CUDA libraries, which come from wheels of their own.

use crate::{
    Repository, Verb,
    chores::{fresh_folder, no_arguments, remove, say},
    python::{self, Python},
    trouble::Trouble,
};
use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// The libtorch that the `tch` of this workspace is written against.
const VERSION: &str = "2.13.0";

/// The wheels, and the members of each that are kept.
const WHEELS: &[(&str, &str, &[&str])] = &[
    (
        "torch",
        "torch==2.13.0",
        &[
            "torch/include/",
            "torch/lib/libtorch_cpu.so",
            "torch/lib/libc10.so",
            "torch/lib/libgomp.so.1",
        ],
    ),
    (
        "nvidia_cuda_runtime",
        "nvidia-cuda-runtime==13.0.*",
        &["nvidia/cu13/lib/libcudart.so.13"],
    ),
    (
        "nvidia_cuda_cupti",
        "nvidia-cuda-cupti==13.0.*",
        &["nvidia/cu13/lib/libcupti.so.13"],
    ),
];

/// Any Python can download the wheels of this one: nothing of Python's is used from them.
const WHEELS_OF: &[&str] = &[
    "--implementation=cp",
    "--python-version=3.11",
    "--abi=cp311",
    "--platform=manylinux_2_28_x86_64",
    "--platform=manylinux_2_25_x86_64",
    "--platform=manylinux_2_17_x86_64",
    "--platform=manylinux2014_x86_64",
];

/// Wheels, what is unpacked, and pip's own copies while it downloads.
const BYTES_NEEDED: u64 = 2_500_000_000;

pub(crate) const VERB: Verb = Verb {
    name: "setup",
    arguments: "",
    about: "get libtorch into .libtorch/ (540 MB to download), unless one is there",
    run: |repository, arguments| {
        no_arguments("setup", arguments)?;
        libtorch(repository)
    },
};

/// Sees to it that `LIBTORCH`, as cargo sets it in this repository, names a libtorch of the right version.
pub(crate) fn libtorch(repository: &Repository) -> Result<(), Trouble> {
    let home = repository.root.join(".libtorch");
    if let Some(own) = env::var_os("LIBTORCH")
        .map(PathBuf::from)
        .filter(|own| *own != home)
    {
        return check_own(&own);
    }
    if version(&home).as_deref() == Some(VERSION) {
        say(format!("libtorch {VERSION} is in .libtorch"));
        return Ok(());
    }
    if let Some(installed) = python::installed_pytorch()
        && version(&installed.folder).as_deref() == Some(VERSION)
    {
        remove(&home)?;
        link(&installed.folder, &home)?;
        say(format!(
            ".libtorch now points to the installed PyTorch {} in {}",
            installed.version,
            installed.folder.display()
        ));
        return Ok(());
    }
    fetch(&repository.root, &home)
}

/// The version of the libtorch in a folder, without its build tag (`+cpu`): from the file `build-version` of a libtorch,
/// or from `version.py` of an installed PyTorch. `None` where the folder holds no usable libtorch.
fn version(folder: &Path) -> Option<String> {
    let has_library = ["libtorch_cpu.so", "libtorch_cpu.dylib"]
        .iter()
        .any(|name| folder.join("lib").join(name).exists());
    if !has_library || !folder.join("include").is_dir() {
        return None;
    }
    let text = fs::read_to_string(folder.join("build-version"))
        .or_else(|_| fs::read_to_string(folder.join("version.py")))
        .ok()?;
    let full = text
        .lines()
        .find_map(|line| line.strip_prefix("__version__ = "))
        .unwrap_or(&text)
        .trim()
        .trim_matches(['\'', '"']);
    full.split('+').next().map(str::to_string)
}

fn check_own(folder: &Path) -> Result<(), Trouble> {
    let found = match version(folder) {
        Some(version) if version == VERSION => {
            say(format!(
                "`LIBTORCH` names libtorch {VERSION} in {}",
                folder.display()
            ));
            return Ok(());
        }
        Some(version) => format!("found libtorch {version}"),
        None => {
            "found no libtorch (`lib/libtorch_cpu.so`, `include/`, `build-version`)".to_string()
        }
    };
    Err(Trouble::new(
        format!(
            "`LIBTORCH` is {}: expected libtorch {VERSION}, {found}",
            folder.display()
        ),
        format!(
            "unset `LIBTORCH`, and `cargo xtask setup` gets libtorch into .libtorch;\n\
             or let it name a libtorch {VERSION}, or the folder `torch` of an installed PyTorch {VERSION}"
        ),
    ))
}

/// Downloads and lays out libtorch beside `home` and moves it there when it is complete.
fn fetch(root: &Path, home: &Path) -> Result<(), Trouble> {
    if !cfg!(all(
        target_os = "linux",
        target_arch = "x86_64",
        target_env = "gnu"
    )) {
        return Err(Trouble::new(
            "libtorch can be downloaded for Linux on x86-64 (glibc) only",
            format!(
                "bring an own one: install PyTorch {VERSION} for `python3`, or set `LIBTORCH` to a libtorch {VERSION};\n\
                 `cargo build --no-default-features` builds everything but `run` without it"
            ),
        ));
    }
    let python = Python::with_pip("downloading libtorch")?;
    enough_space(python.free_bytes(root))?;
    let work = fresh_folder(root.join(".libtorch.partial"))?;
    let done = lay_out(&python, &work).and_then(|layout| {
        remove(home)?;
        fs::rename(&layout, home)
            .map_err(|error| Trouble::io(format!("cannot make {}", home.display()), &error))
    });
    remove(&work)?;
    done?;
    say(format!("libtorch {VERSION} is now in .libtorch"));
    Ok(())
}

fn enough_space(free: Option<u64>) -> Result<(), Trouble> {
    match free {
        Some(free) if free < BYTES_NEEDED => Err(Trouble::new(
            format!(
                "the disk of the repository has {:.1} GB free; getting libtorch takes {:.1} GB for a while",
                free as f64 / 1e9,
                BYTES_NEEDED as f64 / 1e9
            ),
            "free some space, or set `LIBTORCH` to a libtorch on another disk",
        )),
        _ => Ok(()),
    }
}

/// Makes the complete libtorch folder under `work` and returns it.
fn lay_out(python: &Python, work: &Path) -> Result<PathBuf, Trouble> {
    let wheels = fresh_folder(work.join("wheels"))?;
    let (unpacked, layout) = (work.join("unpacked"), work.join("libtorch"));
    say(format!(
        "downloading libtorch {VERSION}: 540 MB, of which 480 MB stay"
    ));
    let requirements: Vec<&str> = WHEELS
        .iter()
        .map(|(_, requirement, _)| *requirement)
        .collect();
    python.download(&requirements, WHEELS_OF, &wheels)?;
    say("unpacking");
    for (package, _, members) in WHEELS {
        python.unpack(&python::wheel(&wheels, package)?, members, &unpacked)?;
    }
    let lib = layout.join("lib");
    fs::create_dir_all(&lib)
        .map_err(|error| Trouble::io(format!("cannot make {}", lib.display()), &error))?;
    for member in WHEELS.iter().flat_map(|(_, _, members)| *members) {
        let from = unpacked.join(member);
        let name = from.file_name().expect("every member has a name");
        let to = if member.ends_with('/') {
            layout.join(name)
        } else {
            lib.join(name)
        };
        fs::rename(&from, &to)
            .map_err(|error| Trouble::io(format!("cannot move {}", from.display()), &error))?;
    }
    // The wheel's own libtorch.so would load the CUDA half: this one is a linker script for the CPU half.
    write(&lib.join("libtorch.so"), "INPUT(libtorch_cpu.so)\n")?;
    write(&layout.join("build-version"), &format!("{VERSION}\n"))?;
    Ok(layout)
}

fn write(path: &Path, text: &str) -> Result<(), Trouble> {
    fs::write(path, text)
        .map_err(|error| Trouble::io(format!("cannot write {}", path.display()), &error))
}

#[cfg(unix)]
fn link(folder: &Path, home: &Path) -> Result<(), Trouble> {
    std::os::unix::fs::symlink(folder, home)
        .map_err(|error| Trouble::io(format!("cannot link {}", home.display()), &error))
}

#[cfg(not(unix))]
fn link(folder: &Path, _home: &Path) -> Result<(), Trouble> {
    Err(Trouble::new(
        "this platform has no symbolic links for everyone",
        format!("set `LIBTORCH` to {}", folder.display()),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn libtorch_with(file: &str, text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for inner in ["lib", "include"] {
            fs::create_dir(folder.path().join(inner)).unwrap();
        }
        fs::write(folder.path().join("lib/libtorch_cpu.so"), "").unwrap();
        fs::write(folder.path().join(file), text).unwrap();
        folder
    }

    #[test]
    fn the_version_is_read_from_a_libtorch_and_from_an_installed_pytorch() {
        let libtorch = libtorch_with("build-version", "2.13.0+cpu\n");
        assert_eq!(version(libtorch.path()).as_deref(), Some("2.13.0"));
        let text = "from typing import Optional\n\n__version__ = '2.13.0+cu130'\ndebug = False\n";
        let installed = libtorch_with("version.py", text);
        assert_eq!(version(installed.path()).as_deref(), Some("2.13.0"));
    }

    #[test]
    fn a_folder_without_the_library_has_no_version() {
        let folder = libtorch_with("build-version", "2.13.0\n");
        fs::remove_file(folder.path().join("lib/libtorch_cpu.so")).unwrap();
        assert_eq!(version(folder.path()), None);
    }

    #[test]
    fn an_own_libtorch_of_another_version_is_refused_with_both_versions() {
        let own = libtorch_with("build-version", "2.5.1\n");
        let trouble = check_own(own.path()).unwrap_err();
        assert!(
            trouble
                .what
                .ends_with("expected libtorch 2.13.0, found libtorch 2.5.1"),
            "{trouble}"
        );
        assert!(trouble.help.contains("unset `LIBTORCH`"));
    }

    #[test]
    fn a_full_disk_is_refused_before_the_download() {
        let trouble = enough_space(Some(1_200_000_000)).unwrap_err();
        assert!(trouble.what.contains("1.2 GB free"), "{trouble}");
        assert!(enough_space(Some(BYTES_NEEDED)).is_ok());
        assert!(
            enough_space(None).is_ok(),
            "an unknown amount is no reason to refuse"
        );
    }
}
