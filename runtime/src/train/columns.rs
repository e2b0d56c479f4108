//! Columns of a run: towers run forward over rows, for training rows by models that were trained without them.

use std::collections::BTreeMap;
use std::time::Instant;

use reckon_compiler::cost::ROWS_A_BLOCK;
use reckon_compiler::plan::{CrossFit, FoldBy, Program, Reach, StoredPlan, StoredValue};
use reckon_compiler::random::site_hash;
use reckon_grammar::diagnostic::Diagnostic;
use reckon_kernel::{Column, Data, GroupKey};
use reckon_torch::{RunKey, Store};

use super::Training;
use super::phase::Phase;
use crate::checkpoint::Position;
use crate::data::{ABSENT_ROW, Source, StepKey, StoredValues};
use crate::failure::{DIVERGED, Failure, FailureKind, PROGRAM};
use crate::observer::{Event, Observer, Progress};
use crate::profile::Owner;
use crate::random::Key;
use crate::step::{Step, declare, declare_loaded, declare_phase, take_loaded};

/// Rows that a training does without, because its model is to judge them.
pub(crate) struct Fold {
    /// The column, the number of the fold from 1, and the number of folds, as progress tells them.
    name: String,
    /// The source of the rows.
    source: String,
    /// Whether each row is left out.
    left_out: Vec<bool>,
}

impl Fold {
    /// Takes the rows of the fold out of those of a source.
    pub(super) fn leave_out(&self, source: &str, rows: &mut Vec<u32>) {
        if source == self.source {
            rows.retain(|row| !self.left_out[*row as usize]);
        }
    }

    /// What keys the random draws of a training without this fold, beside those of the training itself.
    pub(super) fn site(&self) -> u64 {
        site_hash(&self.name)
    }
}

impl Training<'_> {
    /// The values of a column, by the weights of the store.
    ///
    /// # Errors
    /// A model that gives no finite value, or whose training without a fold fails or is stopped from outside.
    pub(super) fn column(
        &self,
        plan: &StoredPlan,
        store: &mut Store,
        observer: &mut dyn Observer,
    ) -> Result<StoredValues, Failure> {
        let began = Instant::now();
        let Some(source) = self.data.source(&plan.source) else {
            let message = format!("internal: column `{}` is of no source", plan.name);
            return Err(failed(Diagnostic::error(PROGRAM, plan.span, message)));
        };
        let rows = self.reached(plan, source);
        let stored = match (&plan.value, &plan.cross_fit) {
            (StoredValue::Row(output), _) => {
                let values = &source.outputs[output];
                StoredValues {
                    values: at_rows(values, source.rows, &rows),
                    folds: None,
                }
            }
            (StoredValue::Tower(program), None) => {
                let values = self.scores(plan, program, store, &rows)?;
                StoredValues {
                    values: spread(source.rows, rows.iter().copied().zip(values)),
                    folds: None,
                }
            }
            (StoredValue::Tower(program), Some((fit, trainings))) => self.out_of_fold(
                plan,
                program,
                (fit, trainings),
                (source, &rows),
                store,
                observer,
            )?,
        };
        observer.notice(&Event::ColumnComputed {
            column: plan.name.clone(),
            rows: rows.len(),
            folds: plan.cross_fit.as_ref().map(|(fit, _)| fit.folds),
            seconds: began.elapsed().as_secs_f64(),
        });
        Ok(stored)
    }

    /// The rows that have a value.
    fn reached(&self, plan: &StoredPlan, source: &Source) -> Vec<u32> {
        let training = source.parts.as_ref().and_then(|parts| parts.names.first());
        let part = match plan.reach {
            Reach::Training => training.map(String::as_str),
            Reach::AllSplits => None,
        };
        self.data.selected_in(&plan.rows(), part).rows
    }

    /// Each row by a model that has not trained on its fold.
    fn out_of_fold(
        &self,
        plan: &StoredPlan,
        program: &Program,
        (fit, trainings): (&CrossFit, &[usize]),
        (source, rows): (&Source, &[u32]),
        whole: &Store,
        observer: &mut dyn Observer,
    ) -> Result<StoredValues, Failure> {
        let folds = folds(source, plan, fit, self.seed);
        let mut values = Vec::with_capacity(rows.len());
        for fold in 0..fit.folds {
            let mine = |row: &u32| folds[*row as usize] == fold;
            let judged: Vec<u32> = rows.iter().copied().filter(mine).collect();
            if judged.is_empty() {
                continue;
            }
            let without = Fold {
                name: format!("{} {}/{}", plan.name, fold + 1, fit.folds),
                source: plan.source.clone(),
                left_out: folds.iter().map(|of| *of == fold).collect(),
            };
            let mut store = self.without(&without, trainings, whole, observer)?;
            declare(
                &mut store, self.plan, self.data, program, self.seed, plan.span,
            )?;
            let scores = self.scores(plan, program, &mut store, &judged)?;
            values.extend(judged.into_iter().zip(scores));
        }
        let of = rows.iter().map(|row| (*row, folds[*row as usize]));
        Ok(StoredValues {
            values: spread(source.rows, values.into_iter()),
            folds: Some(spread_folds(source.rows, of)),
        })
    }

    /// Trains anew without the rows of a fold: parameters begin as those of the run did, draws are the fold's own.
    fn without(
        &self,
        fold: &Fold,
        trainings: &[usize],
        whole: &Store,
        observer: &mut dyn Observer,
    ) -> Result<Store, Failure> {
        let training = Training {
            fold: Some(fold),
            ..self.clone()
        };
        let mut store = Store::new(self.machine.device);
        if !self.plan.loads.is_empty() {
            declare_loaded(&mut store, self.plan, self.data, self.seed)?;
            take_loaded(&mut store, self.plan, &whole.export())?;
        }
        let mut declared = 0;
        for at in trainings {
            for phase in &self.plan.phases[declared..=*at] {
                declare_phase(&mut store, self.plan, self.data, phase, self.seed)?;
            }
            declared = at + 1;
            let plan = &self.plan.phases[*at];
            let mut quiet = Renamed {
                observer,
                phase: format!("{} without {}", plan.name, fold.name),
            };
            let mut position = Position {
                seed: self.seed,
                ..Position::default()
            };
            Phase::new(&training, plan, 0, &mut store)?.run(
                &mut store,
                &mut position,
                None,
                &mut quiet,
            )?;
        }
        Ok(store)
    }

    /// The output of a program for each row, in blocks.
    fn scores(
        &self,
        plan: &StoredPlan,
        program: &Program,
        store: &mut Store,
        rows: &[u32],
    ) -> Result<Vec<f32>, Failure> {
        let owner = Owner::Column(&plan.name);
        let step = Step::new(self.data, program, &[], self.machine, owner, plan.span)?;
        let key = StepKey {
            seed: self.seed,
            step: 0,
            epoch: 0,
            training: false,
            schedule: 0.0,
        };
        let mut values = Vec::with_capacity(rows.len());
        let began = Instant::now();
        for block in rows.chunks(ROWS_A_BLOCK) {
            let batch = step.assembler.assemble(&[block.to_vec()], key);
            let run = RunKey {
                seed: self.seed,
                stream: site_hash(&plan.name),
                step: 0,
                first_row: values.len() as u64,
            };
            let outputs = step.run(store, &batch, &[], &run)?;
            values.extend(outputs.f32("value").ok_or_else(|| {
                let message = format!("internal: the program of `{}` has no output", plan.name);
                failed(Diagnostic::error(PROGRAM, plan.span, message))
            })?);
        }
        self.machine.turned(owner, began);
        match values.iter().filter(|value| !value.is_finite()).count() {
            0 => Ok(values),
            count => {
                let message = format!(
                    "column `{}` is no finite number at {count} of {} rows",
                    plan.name,
                    rows.len()
                );
                let diagnostic = Diagnostic::error(DIVERGED, plan.span, message)
                    .help("lower the learning rate of the training before it, or keep its ops within their domain");
                Err(Failure::new(FailureKind::Diverged, diagnostic))
            }
        }
    }
}

/// The fold of each row of a source, from 0: things are dealt out in an order drawn by the seed, so folds are of about
/// equal size.
fn folds(source: &Source, plan: &StoredPlan, fit: &CrossFit, seed: u64) -> Vec<usize> {
    let key = Key::new(seed)
        .with(site_hash("cross_fit"))
        .with(site_hash(&plan.name));
    let deal = |things: usize| {
        let mut folds = vec![0; things];
        for (at, thing) in key.permutation(things).into_iter().enumerate() {
            folds[thing as usize] = at % fit.folds;
        }
        folds
    };
    match &fit.by {
        FoldBy::Row => deal(source.rows),
        FoldBy::Reference(name) => {
            let referred = &source.references[name];
            let present = referred.iter().copied().filter(|row| *row != ABSENT_ROW);
            let of_thing = deal(present.max().map_or(0, |last| last as usize + 1));
            let fold = |(row, thing): (usize, &u32)| match *thing {
                ABSENT_ROW => key.below(row as u64, fit.folds),
                thing => of_thing[thing as usize],
            };
            referred.iter().enumerate().map(fold).collect()
        }
        FoldBy::Column(name) => {
            let column = &source.columns[name];
            let mut numbers: BTreeMap<GroupKey, usize> = BTreeMap::new();
            let of_row: Vec<usize> = (0..source.rows)
                .map(|row| {
                    let next = numbers.len();
                    let value = GroupKey::of([(column, row)].into_iter());
                    *numbers.entry(value).or_insert(next)
                })
                .collect();
            let of_value = deal(numbers.len());
            of_row.into_iter().map(|value| of_value[value]).collect()
        }
    }
}

/// Values at their rows, null elsewhere.
fn spread(rows: usize, values: impl Iterator<Item = (u32, f32)>) -> Column {
    let (mut data, mut valid) = (vec![0.0; rows], vec![false; rows]);
    for (row, value) in values {
        data[row as usize] = f64::from(value);
        valid[row as usize] = true;
    }
    Column::with_validity(Data::Float(data), Some(valid))
}

fn spread_folds(rows: usize, folds: impl Iterator<Item = (u32, usize)>) -> Column {
    let (mut data, mut valid) = (vec![0; rows], vec![false; rows]);
    for (row, fold) in folds {
        data[row as usize] = fold as i64;
        valid[row as usize] = true;
    }
    Column::with_validity(Data::Int(data), Some(valid))
}

/// A column that keeps its values at some rows only.
fn at_rows(values: &Column, rows: usize, kept: &[u32]) -> Column {
    let mut valid = vec![false; rows];
    for row in kept {
        valid[*row as usize] = !values.is_null(*row as usize);
    }
    let all: Vec<u32> = (0..rows as u32).collect();
    Column::with_validity(values.take(&all).data, Some(valid))
}

fn failed(diagnostic: Diagnostic) -> Failure {
    Failure::new(FailureKind::Data, diagnostic)
}

/// Tells of a training under another name, and of its progress alone: what it measures is no measure of the run.
struct Renamed<'o> {
    observer: &'o mut dyn Observer,
    phase: String,
}

impl Observer for Renamed<'_> {
    fn notice(&mut self, event: &Event) {
        let phase = self.phase.clone();
        let renamed = match event.clone() {
            Event::PhaseStarted {
                epochs,
                steps,
                streams,
                first_step,
                ..
            } => Event::PhaseStarted {
                phase,
                epochs,
                steps,
                streams,
                first_step,
            },
            Event::Progress(at) => Event::Progress(Progress { phase, ..at }),
            Event::PhaseFinished { steps, seconds, .. } => Event::PhaseFinished {
                phase,
                steps,
                seconds,
            },
            warning @ Event::Warning(_) => warning,
            Event::Begun { .. }
            | Event::EpochFinished { .. }
            | Event::Evaluated { .. }
            | Event::StoppedEarly { .. }
            | Event::SourceRead { .. }
            | Event::ScoresRead(_)
            | Event::VectorsRead(_)
            | Event::OutcomesJoined(_)
            | Event::Split(_)
            | Event::ColumnComputed { .. }
            | Event::DayTurn { .. }
            | Event::LoopFinished { .. }
            | Event::Finished { .. } => return,
        };
        self.observer.notice(&renamed);
    }
}
