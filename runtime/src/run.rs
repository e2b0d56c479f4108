//! A run: data, training, evaluation and export, and the directory that holds what came out of it.

mod answer;
pub(crate) mod columns;
mod export;
mod folder;
mod forecast;
mod predict;
mod record;
mod summary;
pub(crate) mod teachers;
mod trace;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use reckon_compiler::plan::Plan;
use reckon_grammar::diagnostic::Diagnostic;
use reckon_grammar::span::Sources;
use reckon_torch::{Device, Store, Stored};

use crate::checkpoint::{Checkpoint, folder_of};
use crate::data::{Columns, Dataset, load_fits, load_stored};
use crate::evaluate::Report;
use crate::evaluate::model::{Detail, Evaluated, Evaluation};
use crate::evaluate::predictions;
use crate::failure::{Failure, FailureKind, MISFIT, whole_spec};
use crate::observer::{Event, Observer, PartNotice, SplitNotice};
use crate::profile::{Machine, Profile};
use crate::train::Course;
pub use answer::{Answer, Recommendation, eval, recommend};
use folder::Resumed;
pub(crate) use folder::RunFolder;
pub use folder::{Origin, origin};
pub use forecast::forecast;
pub use predict::{PredictedRow, Predictions, predict};
use record::Record;
use teachers::Teachers;
pub use trace::{asking_pace, pace, trace};

/// A compiled spec with the texts that a run directory keeps.
#[derive(Clone, Copy, Debug)]
pub struct Spec<'a> {
    /// What to do.
    pub plan: &'a Plan,
    /// The texts as compiled.
    pub sources: &'a Sources,
    /// The path of the main file. Paths of data are relative to its folder.
    pub file: &'a Path,
    /// The spec with settings at their final values, and with what it leaves unsaid written out.
    pub resolved: &'a str,
    /// The plan as it prints.
    pub plan_text: &'a str,
}

impl Spec<'_> {
    /// The folder that paths of data are relative to.
    pub(crate) fn root(&self) -> &Path {
        self.file
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."))
    }
}

/// How to run.
#[derive(Clone, Copy, Debug)]
pub struct RunOptions<'a> {
    /// The run directory; `runs/<name of the spec>-<n>` where none is given, the latest such with `resume`.
    pub out: Option<&'a Path>,
    /// Decides every random draw. A resumed run keeps its seed.
    pub seed: u64,
    /// Where tensor programs run.
    pub device: DeviceName,
    /// Go on from the checkpoint in the run directory, or from the beginning where the run ended before its first.
    pub resume: bool,
    /// Threads of one tensor op, and of those that prepare batches. Results do not depend on it.
    pub threads: usize,
    /// Set from outside to stop after the current step.
    pub interrupted: &'a AtomicBool,
    /// Bytes that it may take; a run that needs more is refused before it trains.
    pub memory: Option<u64>,
    /// Measure what each op takes, and write `profile.txt` and `profile.json` into the run directory.
    pub profile: bool,
}

/// A device by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceName {
    /// The processor.
    Cpu,
    /// The processor, on the programs that a graphics card would run.
    CpuAsCuda,
    /// A graphics card by its number.
    Cuda(usize),
}

/// What a run leaves.
#[derive(Clone, Debug, PartialEq)]
pub struct RunResult {
    /// The run directory.
    pub out: PathBuf,
    /// All evaluations on all parts but the training part; those of a loop on each day, and on all days together.
    pub reports: Vec<Report>,
    /// Steps of all trainings.
    pub steps: usize,
}

/// Runs a spec from its data to its run directory.
///
/// # Errors
/// Faults of the data, the device, the run directory or the checkpoint, divergence, a stop from outside.
pub fn run(
    spec: &Spec<'_>,
    options: &RunOptions<'_>,
    observer: &mut dyn Observer,
) -> Result<RunResult, Failure> {
    let began = Instant::now();
    let machine = machine(options.device, spec.plan)?;
    reckon_torch::set_threads(options.threads);
    let (folder, resumed, seed) = open(spec, options)?;
    let (mut data, teachers) =
        load_all(spec, &folder, resumed.as_ref()).inspect_err(|_| folder.give_up())?;
    forecast::fits(spec.plan, &data, options.threads, options.memory)
        .inspect_err(|_| folder.give_up())?;
    if !options.resume {
        folder.write_spec(spec, options)?;
    }
    let mut record = Record::open(&folder, spec.plan, resumed.as_ref(), observer, began)?;
    record.notice(&Event::Begun {
        out: folder.path().display().to_string(),
    });
    let profile = options.profile.then(Profile::new);
    let work = Work {
        spec,
        options,
        folder: &folder,
        machine: Machine {
            profile: profile.as_ref(),
            ..machine
        },
        seed,
        teachers: &teachers,
    };
    let outcome = work.carry_out(&mut data, resumed, &mut record);
    if outcome.is_err() {
        record.lap("until it stopped");
    }
    let timed = folder.write_json("timing.json", &record.timing());
    // What was measured before a run was stopped is worth as much.
    let profiled = profile.map_or(Ok(()), |profile| {
        folder.write_profile(&profile, spec.sources)
    });
    let result = outcome?;
    timed?;
    profiled?;
    record.notice(&Event::Finished {
        out: folder.path().display().to_string(),
    });
    record.kept_all(&folder)?;
    Ok(result)
}

/// A run whose directory and data are there.
struct Work<'a> {
    spec: &'a Spec<'a>,
    options: &'a RunOptions<'a>,
    folder: &'a RunFolder,
    machine: Machine<'a>,
    seed: u64,
    teachers: &'a [Stored],
}

impl Work<'_> {
    /// Trains, evaluates, exports and sums up.
    fn carry_out(
        &self,
        data: &mut Dataset,
        resumed: Option<Checkpoint>,
        record: &mut Record<'_>,
    ) -> Result<RunResult, Failure> {
        let (plan, folder) = (self.spec.plan, self.folder);
        describe(data, record);
        folder.write_json("facts.json", &record.facts(plan, data))?;
        record.lap("load");
        let checkpoints = folder.checkpoints();
        let course = Course {
            plan,
            machine: self.machine,
            seed: self.seed,
            threads: self.options.threads,
            interrupted: self.options.interrupted,
            checkpoints: &checkpoints,
            fitted: &|data| folder.fitted_files(plan, data),
            teachers: self.teachers,
        };
        let trained = course.run(data, resumed, folder, record)?;
        columns::write(folder, plan, data)?;
        record.lap("train");
        // What training has let go is in blocks of other sizes than evaluations need.
        reckon_torch::give_back_memory();
        let mut store = trained.store;
        let mut reports = self.evaluate_all(data, &mut store, record)?;
        reports.extend(trained.reports);
        record.lap("evaluate");
        export::write(folder, plan, &store, &trained.fitted)?;
        record.lap("export");
        // Statistics over computed columns are there only now, and the rows of their tables.
        folder.write_json("facts.json", &record.facts(plan, data))?;
        let summary = summary::summary(plan, data, &reports, trained.steps, self.seed);
        folder.write_json("summary.json", &summary)?;
        Ok(RunResult {
            out: folder.path().to_owned(),
            reports,
            steps: trained.steps,
        })
    }

    /// Every evaluation on every part but the first, with all there is to know about the last.
    fn evaluate_all(
        &self,
        data: &Dataset,
        store: &mut Store,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Report>, Failure> {
        let plan = self.spec.plan;
        let mut reports = Vec::new();
        for evaluation in plan.evaluations.iter().filter(|one| one.window.is_none()) {
            let ready = Evaluation::new(plan, evaluation, data, store, self.machine, self.seed)?;
            let splits = evaluated_parts(data, &evaluation.source);
            for (at, split) in splits.iter().enumerate() {
                let detail = if at + 1 == splits.len() {
                    Detail::Full
                } else {
                    Detail::Metrics
                };
                let Evaluated {
                    report,
                    predictions,
                } = ready.report(store, split, detail)?;
                if detail == Detail::Full {
                    let name = predictions::file_name(&evaluation.name, split);
                    self.folder
                        .write(&name, predictions::write(&predictions).as_bytes())?;
                }
                reckon_torch::give_back_memory();
                observer.notice(&Event::Evaluated {
                    during: None,
                    report: report.clone(),
                });
                reports.push(report);
            }
        }
        Ok(reports)
    }
}

/// The run directory, the checkpoint to go on from, and the seed.
fn open(
    spec: &Spec<'_>,
    options: &RunOptions<'_>,
) -> Result<(RunFolder, Option<Checkpoint>, u64), Failure> {
    if !options.resume {
        return Ok((RunFolder::begin(spec, options)?, None, options.seed));
    }
    let (folder, resumed) = RunFolder::resume(spec, options)?;
    Ok(match resumed {
        Resumed::From(checkpoint) => {
            let seed = checkpoint.position.seed;
            (folder, Some(*checkpoint), seed)
        }
        Resumed::FromTheBeginning { seed } => (folder, None, seed),
    })
}

/// Loads the data of a run, and the weights of teachers out of finished runs; what is resumed has both in its checkpoint.
fn load_all(
    spec: &Spec<'_>,
    folder: &RunFolder,
    resumed: Option<&Checkpoint>,
) -> Result<(Dataset, Vec<Stored>), Failure> {
    if resumed.is_some() {
        let data = load(spec.plan, spec.root(), folder.checkpoints())?;
        return Ok((data, Vec::new()));
    }
    load_anew(spec)
}

/// Loads the data of a run that begins, and the weights of its teachers.
pub(crate) fn load_anew(spec: &Spec<'_>) -> Result<(Dataset, Vec<Stored>), Failure> {
    let Teachers { fits, weights } = Teachers::read(spec.plan, spec.root())?;
    let data = Dataset::load_with(spec.plan, spec.root(), (fits, Vec::new()), Columns::LetGo)
        .map_err(Failure::data)?;
    Ok((data, weights))
}

/// Loads the data of a plan with the fitted state and the computed columns of a checkpoint.
pub(crate) fn load(plan: &Plan, root: &Path, checkpoints: PathBuf) -> Result<Dataset, Failure> {
    let folder = Checkpoint::place(&checkpoints).unwrap_or(checkpoints);
    let misfit = |diagnostic| Failure::new(FailureKind::Checkpoint, diagnostic);
    let fits = load_fits(&folder, &plan.fits).map_err(misfit)?;
    let stored = load_stored(&folder, plan).map_err(misfit)?;
    let given = fits.into_iter().enumerate().collect();
    Dataset::load_with(plan, root, (given, stored), Columns::LetGo).map_err(Failure::data)
}

/// The parts that are evaluated: all but the first; `all` where events are not split.
fn evaluated_parts(data: &Dataset, source: &str) -> Vec<String> {
    let parts = data.source(source).and_then(|source| source.parts.as_ref());
    match parts {
        Some(parts) => parts.names.iter().skip(1).cloned().collect(),
        None => vec!["all".to_owned()],
    }
}

/// Tells what was read and how it was split.
fn describe(data: &Dataset, observer: &mut dyn Observer) {
    for source in &data.sources {
        observer.notice(&Event::SourceRead {
            source: source.name.clone(),
            rows: source.rows,
            repeats: source.repeats,
            left_out: source.left_out,
            bad: source.bad,
            absent: source
                .absent
                .iter()
                .map(|(name, count)| (name.clone(), *count))
                .collect(),
        });
    }
    for scores in &data.scores {
        observer.notice(&Event::ScoresRead(scores.clone()));
    }
    for vectors in &data.found_vectors {
        observer.notice(&Event::VectorsRead(vectors.clone()));
    }
    for outcomes in &data.outcomes {
        observer.notice(&Event::OutcomesJoined(outcomes.clone()));
    }
    for source in &data.sources {
        let Some(parts) = &source.parts else { continue };
        let part = |part: &crate::data::PartReport| PartNotice {
            name: part.name.clone(),
            rows: part.rows,
            entities: part.entities.clone(),
        };
        observer.notice(&Event::Split(SplitNotice {
            source: source.name.clone(),
            parts: parts.report.parts.iter().map(part).collect(),
            cut: parts.report.cut,
            immature: parts.report.immature,
            training_later_than_median_test: parts.report.training_later_than_median_test,
        }));
    }
}

/// The device of this name, where nothing is measured.
pub(crate) fn machine(name: DeviceName, plan: &Plan) -> Result<Machine<'static>, Failure> {
    let machine = |device| Machine {
        device,
        as_cuda: name == DeviceName::CpuAsCuda,
        profile: None,
    };
    match name {
        DeviceName::Cpu | DeviceName::CpuAsCuda => Ok(machine(Device::Cpu)),
        DeviceName::Cuda(number) => {
            let found = reckon_torch::versions().cuda_devices;
            if number < found {
                return Ok(machine(Device::Cuda(number)));
            }
            let message =
                format!("there is no device `cuda:{number}`; libtorch finds {found} CUDA devices");
            let diagnostic = Diagnostic::error(crate::failure::DEVICE, whole_spec(plan), message)
                .help("run with `--device cpu`, or install a libtorch with CUDA; `reckon doctor` says which one is used");
            Err(Failure::data(vec![diagnostic]))
        }
    }
}

/// Says that a run directory holds no finished model of the plan.
pub(crate) fn misfit(plan: &Plan, message: String) -> Failure {
    Failure::new(
        FailureKind::Checkpoint,
        Diagnostic::error(MISFIT, whole_spec(plan), message),
    )
}

/// The checkpoint folder of a run directory.
pub(crate) fn checkpoints_of(run: &Path) -> PathBuf {
    folder_of(run)
}
