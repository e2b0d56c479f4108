//! The run directory.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Component, Path, PathBuf};

use reckon_compiler::plan::Plan;
use reckon_compiler::value::Value as Constant;
use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::{FileId, Sources, Span};
use reckon_torch::Stored;
use serde_json::{Map, Value, json};

use super::{RunOptions, Spec};
use crate::checkpoint::tensors;
use crate::checkpoint::{Checkpoint, folder_of};
use crate::data::{Dataset, FIT_NAMES, fit_names, save_fits, stored_files};
use crate::failure::{Failure, FailureKind, MISFIT, RUN_FOLDER, whole_spec};
use crate::profile::Profile;
use crate::train::Files;

/// Library modules have names that begin with this; they belong to the program, not to the run.
const LIBRARY: &str = "std/";

/// The plan as it prints.
const PLAN: &str = "plan.txt";

/// An open run directory.
pub(crate) struct RunFolder {
    path: PathBuf,
    span: Span,
}

/// From where a run goes on.
pub(crate) enum Resumed {
    /// From its checkpoint.
    From(Box<Checkpoint>),
    /// It ended before its first checkpoint.
    FromTheBeginning { seed: u64 },
}

/// Where a run came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The main file of the spec as compiled, inside the run directory.
    pub spec: PathBuf,
    /// The folder that its paths of data are relative to.
    pub root: PathBuf,
    /// The seed of the run.
    pub seed: u64,
    /// Settings as they were overridden, by name, as text.
    pub settings: BTreeMap<String, String>,
}

/// Reads where a run came from, so that its spec can be compiled again.
///
/// # Errors
/// The directory is not that of a run.
pub fn origin(run: &Path) -> Result<Origin, Failure> {
    let span = Span::new(FileId(0), 0, 0);
    let read = |name: &str| -> Option<Value> {
        serde_json::from_slice(&fs::read(run.join(name)).ok()?).ok()
    };
    let parsed = || {
        let (origin, settings) = (read("origin.json")?, read("settings.json")?);
        let text = |value: &Value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
        };
        Some(Origin {
            spec: run.join("spec").join(origin.get("spec")?.as_str()?),
            root: PathBuf::from(origin.get("root")?.as_str()?),
            seed: origin.get("seed")?.as_u64()?,
            settings: settings
                .as_object()?
                .iter()
                .map(|(name, value)| (name.clone(), text(value)))
                .collect(),
        })
    };
    parsed().ok_or_else(|| {
        let message = format!("`{}` is not a run directory", run.display());
        let diagnostic = Diagnostic::error(RUN_FOLDER, span, message);
        Failure::new(
            FailureKind::Data,
            diagnostic.note("it has no `origin.json` and `settings.json` of a run"),
        )
    })
}

impl RunFolder {
    /// Makes the directory of a new run, still empty.
    ///
    /// # Errors
    /// The directory is in use, or cannot be made.
    pub(crate) fn begin(spec: &Spec<'_>, options: &RunOptions<'_>) -> Result<Self, Failure> {
        let span = whole_spec(spec.plan);
        let path = match options.out {
            Some(out) => out.to_owned(),
            None => place(spec.file, free_number(spec.file)),
        };
        let folder = Self { path, span };
        if is_used(&folder.path) {
            let message = format!("run directory `{}` is not empty", folder.path.display());
            let diagnostic = Diagnostic::error(RUN_FOLDER, span, message)
                .help("name another one with `--out`, or go on with it by `--resume`");
            return Err(Failure::new(FailureKind::Data, diagnostic));
        }
        fs::create_dir_all(&folder.path).map_err(|error| failed(&folder.path, span, &error))?;
        Ok(folder)
    }

    /// Takes the directory of a run that cannot begin away.
    pub(crate) fn give_up(&self) {
        // It goes only while it is empty, as that of a new run; where it stays, what ended the run is told all the same.
        let _ = fs::remove_dir(&self.path);
    }

    /// Opens the directory of a run to go on with it, and says from where. Writes nothing.
    ///
    /// # Errors
    /// It is not the directory of a run of this spec, or its checkpoint is damaged.
    pub(crate) fn resume(
        spec: &Spec<'_>,
        options: &RunOptions<'_>,
    ) -> Result<(Self, Resumed), Failure> {
        let span = whole_spec(spec.plan);
        let path = match options.out {
            Some(out) => out.to_owned(),
            None => place(spec.file, free_number(spec.file).saturating_sub(1).max(1)),
        };
        let folder = Self { path, span };
        // `origin.json` is the last of what is written before a run: with it the directory is that of a run.
        let origin = origin(&folder.path).ok();
        let resumed = match origin {
            Some(origin) if Checkpoint::is_absent(&folder.checkpoints()) => {
                Resumed::FromTheBeginning { seed: origin.seed }
            }
            Some(_) | None => {
                Resumed::From(Box::new(Checkpoint::read(&folder.checkpoints(), span)?))
            }
        };
        folder.same_spec(spec.plan_text)?;
        Ok((folder, resumed))
    }

    /// Refuses a spec that compiles to another plan than that of the run.
    fn same_spec(&self, plan_text: &str) -> Result<(), Failure> {
        let path = self.path.join(PLAN);
        let kept = fs::read_to_string(&path).map_err(|error| {
            let message = format!("`{}` cannot be read", path.display());
            let diagnostic = Diagnostic::error(MISFIT, self.span, message);
            Failure::new(FailureKind::Checkpoint, diagnostic.note(error.to_string()))
        })?;
        if kept == plan_text {
            return Ok(());
        }
        let message = format!("`{}` is a run of another spec", self.path.display());
        let diagnostic = Diagnostic::error(MISFIT, self.span, message)
            .note(first_difference(&kept, plan_text))
            .help("give the spec and the settings of that run, or begin a new one with another `--out`");
        Err(Failure::new(FailureKind::Checkpoint, diagnostic))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The folder of its checkpoint.
    pub(crate) fn checkpoints(&self) -> PathBuf {
        folder_of(&self.path)
    }

    /// The file of measurements, and what it holds already. A resumed run keeps the lines up to its checkpoint and writes the
    /// later ones again.
    pub(crate) fn metrics(
        &self,
        resumed: Option<&Checkpoint>,
        plan: &Plan,
    ) -> Result<(File, String), Failure> {
        let path = self.path.join("metrics.jsonl");
        let failed = |error: io::Error| self.failed("metrics.jsonl", &error);
        let mut kept = String::new();
        if let (Some(checkpoint), Ok(text)) = (resumed, fs::read_to_string(&path)) {
            for line in text
                .lines()
                .filter(|line| is_before(line, checkpoint, plan))
            {
                kept.push_str(line);
                kept.push('\n');
            }
        }
        // By way of another file: lines that were measured are not lost if the process dies here.
        let fresh = self.path.join("metrics.jsonl.new");
        fs::write(&fresh, &kept).map_err(failed)?;
        fs::rename(&fresh, &path).map_err(failed)?;
        let file = OpenOptions::new().append(true).open(&path);
        Ok((file.map_err(failed)?, kept))
    }

    /// A new file of this directory, in place of one of that name.
    pub(crate) fn create(&self, name: &str) -> Result<File, Failure> {
        File::create(self.path.join(name)).map_err(|error| self.failed(name, &error))
    }

    /// Fitted state and computed columns as the files that a checkpoint keeps.
    pub(crate) fn fitted_files(&self, plan: &Plan, data: &Dataset) -> Result<Files, Failure> {
        let scratch = self.path.join("fitted.new");
        let failed = |error: io::Error| self.failed("fitted.new", &error);
        fs::create_dir_all(&scratch).map_err(failed)?;
        let names = save_fits(&scratch, &plan.fits, &data.fits)
            .map_err(|diagnostic| Failure::data(vec![diagnostic]))?;
        let mut files =
            stored_files(plan, data).map_err(|diagnostic| Failure::data(vec![diagnostic]))?;
        files.insert(FIT_NAMES.to_owned(), fit_names(&names));
        for entry in fs::read_dir(&scratch).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            files.insert(name, fs::read(entry.path()).map_err(failed)?);
        }
        fs::remove_dir_all(&scratch).map_err(failed)?;
        Ok(files)
    }

    /// Writes what a run took, as a table and as events.
    pub(crate) fn write_profile(
        &self,
        profile: &Profile,
        sources: &Sources,
    ) -> Result<(), Failure> {
        self.write("profile.txt", profile.table(sources).as_bytes())?;
        let events = profile.events(sources).to_string();
        self.write("profile.json", events.as_bytes())
    }

    /// Writes a file of JSON.
    pub(crate) fn write_json(&self, name: &str, value: &Value) -> Result<(), Failure> {
        self.write(name, format!("{value:#}\n").as_bytes())
    }

    /// Writes a file, and the folders that it is in.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.path.join(name);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| fs::write(&path, bytes))
            .map_err(|error| self.failed(name, &error))
    }

    /// Writes tensors to a file.
    pub(crate) fn write_tensors(&self, name: &str, tensors: &[Stored]) -> Result<(), Failure> {
        let path = self.path.join(name);
        let made = path.parent().map_or(Ok(()), fs::create_dir_all);
        made.and_then(|()| tensors::write(tensors, &path))
            .map_err(|error| self.failed(name, &error))
    }

    /// A file of this directory that cannot be written or read.
    pub(crate) fn failed(&self, name: &str, error: &io::Error) -> Failure {
        failed(&self.path.join(name), self.span, error)
    }

    /// Writes what is known before the run.
    pub(crate) fn write_spec(
        &self,
        spec: &Spec<'_>,
        options: &RunOptions<'_>,
    ) -> Result<(), Failure> {
        for (_, source) in spec
            .sources
            .iter()
            .filter(|(_, source)| !source.name.starts_with(LIBRARY))
        {
            let name = Path::new("spec").join(inside(spec.root(), Path::new(&source.name)));
            self.write(&name.to_string_lossy(), source.text.as_bytes())?;
        }
        self.write("resolved.rec", spec.resolved.as_bytes())?;
        self.write(PLAN, spec.plan_text.as_bytes())?;
        let settings: Map<String, Value> = spec
            .plan
            .settings
            .iter()
            .map(|(name, value)| (name.clone(), constant(value)))
            .collect();
        self.write_json("settings.json", &settings.into())?;
        let root = fs::canonicalize(spec.root()).unwrap_or_else(|_| spec.root().to_owned());
        let main = inside(spec.root(), spec.file);
        let origin = json!({
            "spec": main.to_string_lossy(),
            "root": root.to_string_lossy(),
            "seed": options.seed,
        });
        self.write_json("origin.json", &origin)
    }
}

/// `runs/<name>-<number>`
fn place(spec: &Path, number: usize) -> PathBuf {
    let stem = spec
        .file_stem()
        .map_or_else(|| "run".into(), |stem| stem.to_string_lossy().into_owned());
    Path::new("runs").join(format!("{stem}-{number}"))
}

/// The first number whose place is free.
fn free_number(spec: &Path) -> usize {
    let mut number = 1;
    while place(spec, number).exists() {
        number += 1;
    }
    number
}

/// The first line in which two plans differ, as each has it.
fn first_difference(kept: &str, given: &str) -> String {
    let ends = |line: Option<&str>| {
        line.map_or("ends".to_owned(), |line| format!("has `{}`", line.trim()))
    };
    let (mut kept, mut given) = (kept.lines(), given.lines());
    let mut number = 0;
    loop {
        number += 1;
        let (one, other) = (kept.next(), given.next());
        if one != other || one.is_none() {
            return format!(
                "line {number} of its plan {}, where the spec {}",
                ends(one),
                ends(other)
            );
        }
    }
}

fn is_used(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some())
}

/// Whether a line of measurements was written before the checkpoint.
fn is_before(line: &str, checkpoint: &Checkpoint, plan: &Plan) -> bool {
    let position = &checkpoint.position;
    let measured = || {
        let line: Value = serde_json::from_str(line).ok()?;
        if let Some(turn) = line["turn"].as_u64() {
            let (turn, step) = (
                usize::try_from(turn).ok()?,
                line["step"].as_u64().unwrap_or(0),
            );
            let so_far = turn == position.turn && step > 0 && step <= position.step as u64;
            return Some(turn < position.turn || so_far);
        }
        let phase = plan
            .phases
            .iter()
            .position(|phase| Some(phase.name.as_str()) == line["phase"].as_str())?;
        let step = usize::try_from(line["step"].as_u64()?).ok()?;
        Some(phase < position.turn || (phase == position.turn && step <= position.step))
    };
    measured().unwrap_or(false)
}

/// The path of a text inside the copy of the spec: as it lies under the root, its bare name where it lies elsewhere.
fn inside(root: &Path, file: &Path) -> PathBuf {
    let under = file.strip_prefix(root).unwrap_or(file);
    let plain = under
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    match (plain, under.file_name()) {
        (false, Some(name)) => PathBuf::from(name),
        (true, _) | (false, None) => under.to_owned(),
    }
}

fn constant(value: &Constant) -> Value {
    match value {
        Constant::Int(value) => json!(value),
        Constant::Float(value) => json!(value),
        Constant::Bool(value) => json!(value),
        Constant::Str(value) | Constant::Word(value) => json!(value),
        Constant::Duration(_) => json!(value.to_string()),
        Constant::List(items) => items.iter().map(constant).collect(),
    }
}

fn failed(path: &Path, span: Span, error: &io::Error) -> Failure {
    let message = format!("`{}` cannot be written", path.display());
    Failure::new(
        FailureKind::Data,
        Diagnostic::error(RUN_FOLDER, span, message).note(error.to_string()),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_compared_by_their_first_difference() {
        assert_eq!(
            first_difference("settings\n  dim = 8\n", "settings\n  dim = 9\n"),
            "line 2 of its plan has `dim = 8`, where the spec has `dim = 9`"
        );
        assert_eq!(
            first_difference("a\n", "a\nb\n"),
            "line 2 of its plan ends, where the spec has `b`"
        );
    }

    #[test]
    fn texts_of_a_spec_keep_their_place_under_the_root_and_others_their_name() {
        let root = Path::new("examples/movielens");
        assert_eq!(
            inside(root, Path::new("examples/movielens/two_tower.rec")),
            Path::new("two_tower.rec")
        );
        assert_eq!(
            inside(root, Path::new("examples/movielens/lib/mine.rec")),
            Path::new("lib/mine.rec")
        );
        assert_eq!(
            inside(root, Path::new("examples/shared/../mine.rec")),
            Path::new("mine.rec")
        );
        assert_eq!(
            inside(Path::new("."), Path::new("model.rec")),
            Path::new("model.rec")
        );
    }
}
