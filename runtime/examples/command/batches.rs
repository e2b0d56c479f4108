//! Going through the batches of a spec's first training, in the order of the file, without training.

use std::fs;
use std::path::{Path, PathBuf};

use reckon_compiler::plan::{PhasePlan, Plan};
use reckon_runtime::data::{Assembler, Batch, Dataset, StepKey};

use crate::command::{Stop, compiled};

/// What is gone through, as `SPEC ROUNDS OUT [NAME=VALUE]...` say.
pub(crate) struct Work {
    pub(crate) plan: Plan,
    pub(crate) root: PathBuf,
    pub(crate) rounds: usize,
    out: String,
}

impl Work {
    pub(crate) fn new(words: &[String]) -> Result<Self, Stop> {
        let [spec, rounds, out, settings @ ..] = words else {
            return Err(Stop::Usage("too few words".to_owned()));
        };
        let rounds = rounds.parse();
        let rounds = rounds.map_err(|_| Stop::Usage(format!("{:?} is no number", words[1])))?;
        let (_, plan) = compiled(spec, settings)?;
        Ok(Self {
            plan,
            root: Path::new(spec)
                .parent()
                .unwrap_or(Path::new("."))
                .to_owned(),
            rounds,
            out: out.clone(),
        })
    }

    pub(crate) fn phase(&self) -> Result<&PhasePlan, Stop> {
        let nothing = || Stop::Failed("the spec trains nothing".to_owned());
        self.plan.phases.first().ok_or_else(nothing)
    }

    pub(crate) fn load(&self) -> Result<Dataset, Stop> {
        let data = Dataset::load(&self.plan, &self.root, None);
        data.map_err(|found| Stop::found(&found))
    }

    /// Reads the files anew and assembles the batches of all rows; gives the number of rows.
    pub(crate) fn each_batch(
        &self,
        mut with: impl FnMut(&Batch) -> Result<(), Stop>,
    ) -> Result<usize, Stop> {
        let (data, phase) = (self.load()?, self.phase()?);
        let nothing = || Stop::Failed("the training has no rows".to_owned());
        let stream = phase.streams.first().ok_or_else(nothing)?;
        let assembler = Assembler::new(&data, &phase.step, &phase.streams);
        let assembler = assembler.map_err(|found| Stop::found(&found))?;
        let rows = data.stream_rows(stream);
        for (some, step) in rows.chunks(stream.batch).zip(0..) {
            let key = StepKey {
                seed: 1,
                step,
                epoch: 0,
                training: true,
                schedule: 1.0,
            };
            with(&assembler.assemble(&[some.to_vec()], key))?;
        }
        Ok(rows.len())
    }

    /// Writes a JSON object, without its braces.
    pub(crate) fn write(&self, fields: &str) -> Result<(), Stop> {
        let failed = |error| Stop::Failed(format!("cannot write {}: {error}", self.out));
        fs::write(&self.out, format!("{{{fields}}}")).map_err(failed)
    }
}
