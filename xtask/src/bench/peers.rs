//! The peers: the same work in other libraries, in a Python environment of their own under `target/`.

use super::{
    Bed,
    reckon::{read_json, succeed},
};
use crate::{
    Repository,
    chores::{fresh_folder, say},
    python::Python,
    trouble::Trouble,
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const FOLDER: &str = "benches/peers";

/// An environment that has what `requirements.txt` asks for.
pub(super) struct Peers {
    python: PathBuf,
    folder: PathBuf,
    /// Packages beside those of the environment.
    beside: Option<PathBuf>,
}

impl Peers {
    /// Makes the environment, unless it was made from the same requirements before.
    pub(super) fn ready(repository: &Repository) -> Result<Peers, Trouble> {
        Peers::ready_with(repository, "requirements.txt", "venv")
    }

    /// As [`Peers::ready`], from another file of requirements, in a folder of its own.
    pub(super) fn ready_with(
        repository: &Repository,
        requirements: &str,
        name: &str,
    ) -> Result<Peers, Trouble> {
        let folder = repository.root.join(FOLDER);
        let environment = repository.root.join("target/bench").join(name);
        let requirements = folder.join(requirements);
        let wanted = fs::read_to_string(&requirements).map_err(|error| {
            Trouble::io(format!("cannot read {}", requirements.display()), &error)
        })?;
        let stamp = environment.join("made-from.txt");
        let peers = Peers {
            python: environment.join("bin/python"),
            folder,
            beside: None,
        };
        if fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
            return Ok(peers);
        }
        Python::with_pip("the environment of the peers")?;
        say(format!(
            "installing the peers into target/bench/{name} (up to 3 GB to download)"
        ));
        fresh_folder(environment.clone())?;
        let mut make = Command::new("python3");
        make.args(["-m", "venv"]).arg(&environment);
        succeed("`python3 -m venv`", make)?;
        let mut install = Command::new(&peers.python);
        install
            .args(["-m", "pip", "install", "--disable-pip-version-check", "-r"])
            .arg(&requirements);
        succeed("`pip install`", install)?;
        fs::write(&stamp, wanted)
            .map_err(|error| Trouble::io(format!("cannot write {}", stamp.display()), &error))?;
        Ok(peers)
    }

    /// The same environment with more packages, in a folder of their own and without what they depend on: the file of requirements
    /// names that too, where the environment does not have it.
    pub(super) fn beside(
        self,
        repository: &Repository,
        requirements: &str,
        name: &str,
    ) -> Result<Peers, Trouble> {
        let requirements = self.folder.join(requirements);
        let wanted = fs::read_to_string(&requirements).map_err(|error| {
            Trouble::io(format!("cannot read {}", requirements.display()), &error)
        })?;
        let packages = repository.root.join("target/bench").join(name);
        let stamp = packages.join("made-from.txt");
        if !fs::read_to_string(&stamp).is_ok_and(|made| made == wanted) {
            say(format!("installing more peers into target/bench/{name}"));
            fresh_folder(packages.clone())?;
            let mut install = Command::new(&self.python);
            install
                .args(["-m", "pip", "install", "--disable-pip-version-check"])
                .args(["--no-deps", "--target"])
                .arg(&packages)
                .arg("-r")
                .arg(&requirements);
            succeed("`pip install`", install)?;
            fs::write(&stamp, wanted).map_err(|error| {
                Trouble::io(format!("cannot write {}", stamp.display()), &error)
            })?;
        }
        Ok(Peers {
            beside: Some(packages),
            ..self
        })
    }

    /// Runs a script with these words and the path of a file to write JSON to, and reads that.
    pub(super) fn run(
        &self,
        bed: &Bed<'_>,
        script: &str,
        words: &[&str],
        out: &Path,
    ) -> Result<Value, Trouble> {
        say(format!("{script} {}", words.join(" ")));
        let mut command = self.command(bed, script, words);
        command.arg(out);
        succeed(script, command)?;
        read_json(out)
    }

    /// The command that runs a script with these words.
    pub(super) fn command(&self, bed: &Bed<'_>, script: &str, words: &[&str]) -> Command {
        let mut command = Command::new(&self.python);
        command
            .args(["-W", "ignore"])
            .arg(self.folder.join(script))
            .args(words)
            .current_dir(&bed.repository.root)
            .env("OMP_NUM_THREADS", bed.threads.to_string())
            .env("POLARS_MAX_THREADS", bed.threads.to_string());
        if let Some(packages) = &self.beside {
            command.env("PYTHONPATH", packages);
        }
        command
    }
}

/// The activation of the towers where losses are compared. At the kink of a relu rounding decides whether a gradient
/// flows, and with it about the first step of a rare film's row: PyTorch in 32 bits parts from itself in 64 bits there.
pub(super) const SMOOTH: &str = "silu";

/// A spec with that activation in both towers.
pub(super) fn smooth(bed: &Bed<'_>, spec: &str) -> Result<PathBuf, Trouble> {
    let from = bed.repository.root.join(spec);
    let text = fs::read_to_string(&from)
        .map_err(|error| Trouble::io(format!("cannot read {}", from.display()), &error))?;
    let (plain, smooth) = (
        "mlp([256, dim])",
        format!("mlp([256, dim], activation: {SMOOTH})"),
    );
    if text.matches(plain).count() != 2 {
        return Err(Trouble::new(
            format!("{spec} has other towers than `{plain}`"),
            "make benches/peers and this comparison follow the example",
        ));
    }
    let file = bed.folder.join("smooth.rec");
    fs::write(&file, text.replace(plain, &smooth))
        .map_err(|error| Trouble::io(format!("cannot write {}", file.display()), &error))?;
    Ok(file)
}

/// A number of a peer's answer.
pub(super) fn number(object: &Value, name: &str) -> Result<f64, Trouble> {
    object[name]
        .as_f64()
        .ok_or_else(|| Trouble::new(format!("the peer's answer has no number `{name}`"), ""))
}
