//! What a finished run can be asked.

use std::path::Path;

use reckon_compiler::plan::{EvaluationPlan, Plan, Turn};
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::Data;
use reckon_torch::Store;

use super::{DeviceName, checkpoints_of, load, machine, misfit};
use crate::checkpoint::Checkpoint;
use crate::data::{Dataset, Source};
use crate::evaluate::Report;
use crate::evaluate::model::{Detail, Evaluation};
use crate::failure::{Failure, NAME, whole_spec};
use crate::profile::Machine;
use crate::step::{declare_daily, declare_loaded, declare_phase};
use crate::train::{Timeline, import};

/// Recommendations for one user.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Best first.
    pub items: Vec<Recommendation>,
    /// What a reader has to know: an unknown user, items left out.
    pub notes: Vec<String>,
}

/// One recommended item.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation {
    /// Its key as text.
    pub key: String,
    /// Its columns of text, in the order of their declaration.
    pub columns: Vec<(String, String)>,
    /// Its score.
    pub score: f32,
}

/// A model out of a run directory.
pub(super) struct Model {
    data: Dataset,
    store: Store,
    machine: Machine<'static>,
    seed: u64,
}

/// Evaluates the model of a run directory on one part of the split, in full. `plan` is that of its spec, `root` the
/// folder that paths of data are relative to.
///
/// # Errors
/// Faults of the data, or a checkpoint that is missing, damaged, of another model or of an unfinished training.
pub fn eval(
    run: &Path,
    plan: &Plan,
    root: &Path,
    split: &str,
    device: DeviceName,
) -> Result<Vec<Report>, Failure> {
    let mut model = Model::open(run, plan, root, device)?;
    plan.evaluations
        .iter()
        // Those of a loop were asked day by day.
        .filter(|evaluation| evaluation.window.is_none())
        .map(|evaluation| {
            let (ready, store) = model.ready(plan, evaluation)?;
            Ok(ready.report(store, split, Detail::Full)?.report)
        })
        .collect()
}

/// The `n` best items for a user of a run's model, by its first retrieval. An unknown key takes the cold path: a user of
/// whom nothing is known.
///
/// # Errors
/// As for [`eval`], and a plan without a retrieval.
pub fn recommend(
    run: &Path,
    plan: &Plan,
    root: &Path,
    user: &str,
    n: usize,
    device: DeviceName,
) -> Result<Answer, Failure> {
    let mut model = Model::open(run, plan, root, device)?;
    for evaluation in &plan.evaluations {
        let (ready, store) = model.ready(plan, evaluation)?;
        let Some(retrieval) = ready.retrieval() else {
            continue;
        };
        let asker = retrieval.find(user);
        let (best, had) = retrieval.recommend(store, asker, n)?;
        let mut notes = Vec::new();
        if asker.is_none() {
            let entity = retrieval.asker();
            notes.push(format!("there is no `{entity}` with the key {user}: these are for someone of whom nothing is known"));
        }
        if had > 0 {
            notes.push(format!(
                "{had} items are left out because `{user}` had them"
            ));
        }
        let entity = retrieval.entity;
        let declared = plan
            .source(&entity.name)
            .map_or(&[][..], |source| &source.columns);
        let names: Vec<&str> = declared.iter().map(|column| column.name.as_str()).collect();
        let items = best.into_iter().map(|(row, score)| Recommendation {
            key: entity.key_text(row),
            columns: texts(entity, &names, row as usize),
            score,
        });
        return Ok(Answer {
            items: items.collect(),
            notes,
        });
    }
    let diagnostic = Diagnostic::error(
        NAME,
        whole_spec(plan),
        "the spec has no retrieval to recommend by",
    )
    .help("add `evaluate films: retrieval over ...` with `rank ... by ...`");
    Err(Failure::data(vec![diagnostic]))
}

impl Model {
    /// An evaluation that can be asked, and the weights that it is asked with.
    pub(super) fn ready<'m>(
        &'m mut self,
        plan: &'m Plan,
        evaluation: &'m EvaluationPlan,
    ) -> Result<(Evaluation<'m>, &'m mut Store), Failure> {
        let machine = self.machine;
        let (data, store) = (&self.data, &mut self.store);
        let ready = Evaluation::new(plan, evaluation, data, store, machine, self.seed)?;
        Ok((ready, store))
    }

    pub(super) fn open(
        run: &Path,
        plan: &Plan,
        root: &Path,
        device: DeviceName,
    ) -> Result<Self, Failure> {
        let machine = machine(device, plan)?;
        let checkpoints = checkpoints_of(run);
        let checkpoint = Checkpoint::read(&checkpoints, whole_spec(plan))?;
        let position = &checkpoint.position;
        let data = load(plan, root, checkpoints)?;
        let timeline = Timeline::new(plan, &data);
        if position.turn < timeline.len() {
            let message = match timeline.at(position.turn) {
                Some((None, Turn::Train(phase))) => format!(
                    "training `{}` of `{}` has not ended",
                    plan.phases[phase].name,
                    run.display()
                ),
                _ => format!("the loop of `{}` has not ended", run.display()),
            };
            return Err(misfit(plan, message));
        }
        let seed = position.seed;
        let mut store = Store::new(machine.device);
        declare_loaded(&mut store, plan, &data, seed)?;
        for phase in &plan.phases {
            declare_phase(&mut store, plan, &data, phase, seed)?;
        }
        declare_daily(&mut store, plan, &data, seed)?;
        import(plan, &mut store, &checkpoint.weights)?;
        Ok(Self {
            data,
            store,
            machine,
            seed,
        })
    }
}

/// The texts of a row by column.
fn texts(source: &Source, names: &[&str], row: usize) -> Vec<(String, String)> {
    let text = |name: &&str| {
        let column = source.columns.get(*name)?;
        match &column.data {
            Data::Str(values) if !column.is_null(row) => {
                Some(((*name).to_owned(), values.get(row).to_owned()))
            }
            Data::Str(_) | Data::Int(_) | Data::Float(_) | Data::Bool(_) | Data::List(_) => None,
        }
    };
    names.iter().filter_map(text).collect()
}
