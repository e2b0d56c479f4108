//! Training: phases one after another, each a loop over the batches of its streams; then a loop over days.

mod accumulate;
mod ahead;
mod columns;
mod days;
mod diverged;
mod epoch;
mod held;
mod pace;
mod phase;
mod rows;
mod schedule;
mod stream;
mod timeline;
mod trace;
mod weights;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use reckon_compiler::plan::{Plan, StoredPlan, Turn};
use reckon_torch::{Store, Stored};

use crate::checkpoint::{Checkpoint, Position, State};
use crate::data::Dataset;
use crate::evaluate::Report;
use crate::failure::{Failure, whole_spec};
use crate::observer::{Event, Observer};
use crate::profile::Machine;
use crate::run::{RunFolder, columns as columns_of_run};
use crate::step::{begin_day, declare_daily, declare_loaded, take_loaded};
use columns::Fold;
use days::{Asking, Days};
use phase::Phase;
pub(crate) use timeline::{Reached, Timeline};
pub(crate) use trace::{Seen, Traced};
pub(crate) use weights::{import, restore};

/// Files by name.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// What a run trains by, beside its data.
#[derive(Clone, Copy)]
pub(crate) struct Course<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) machine: Machine<'a>,
    pub(crate) seed: u64,
    /// Threads that prepare batches.
    pub(crate) threads: usize,
    /// Set from outside to stop after the current step.
    pub(crate) interrupted: &'a AtomicBool,
    /// Where checkpoints go.
    pub(crate) checkpoints: &'a Path,
    /// Fitted state and computed columns, file by file, as checkpoints keep them.
    pub(crate) fitted: &'a dyn Fn(&Dataset) -> Result<Files, Failure>,
    /// Weights of teachers out of finished runs, under their paths here; a resumed run has them in its checkpoint.
    pub(crate) teachers: &'a [Stored],
}

/// What one training needs, and what it keeps.
#[derive(Clone)]
pub(crate) struct Training<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) data: &'a Dataset,
    pub(crate) machine: Machine<'a>,
    pub(crate) seed: u64,
    pub(crate) threads: usize,
    /// What has been begun, itself included.
    pub(crate) reached: Reached,
    pub(crate) turn: Turned,
    interrupted: &'a AtomicBool,
    checkpoints: &'a Path,
    fitted: &'a Files,
    teachers: &'a [Stored],
    /// The rows that it does without.
    fold: Option<&'a Fold>,
}

/// The day that a training is of.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Turned {
    /// Its number; `None` outside of a loop.
    pub(crate) day: Option<usize>,
    /// The number of days.
    pub(crate) days: usize,
}

/// A trained model.
pub(crate) struct Trained {
    /// The final parameters: those of the best epoch where early stopping watched.
    pub(crate) store: Store,
    /// Steps of all phases.
    pub(crate) steps: usize,
    /// What the evaluations of a loop found.
    pub(crate) reports: Vec<Report>,
    /// What the last checkpoint holds beside weights.
    pub(crate) fitted: Files,
}

/// Where a run stands, and what it has made so far.
struct Standing {
    store: Store,
    position: Position,
    /// The parameters at the best epoch of the training that it stands in, where early stopping watches.
    best: Option<Vec<Stored>>,
    fitted: Files,
}

impl<'a> Course<'a> {
    /// Takes all turns, from the beginning or from a checkpoint.
    ///
    /// # Errors
    /// Divergence, a stop from outside (after a checkpoint), a checkpoint of another model, an evaluation that fails.
    pub(crate) fn run(
        &self,
        data: &mut Dataset,
        resume: Option<Checkpoint>,
        folder: &RunFolder,
        observer: &mut dyn Observer,
    ) -> Result<Trained, Failure> {
        let timeline = Timeline::new(self.plan, data);
        let mut at = self.begin(data, &timeline, resume)?;
        let asking = Asking {
            plan: self.plan,
            folder,
            machine: self.machine,
            seed: self.seed,
        };
        let mut days = Days::new(asking, data, &timeline, at.position.turn)?;
        let mut open = None;
        while let Some((day, turn)) = timeline.at(at.position.turn) {
            if day != open {
                self.open_day(data, &timeline, &mut at)?;
                open = day;
            }
            if let Some(day) = day {
                observer.notice(&Event::DayTurn {
                    day: timeline.days[day].label.clone(),
                    number: day + 1,
                    days: timeline.days.len(),
                    turn: at.position.turn,
                });
            }
            match turn {
                Turn::Train(phase) => self.train(data, &timeline, &mut at, phase, observer)?,
                Turn::Graph(graph) => {
                    self.make_graph(data, graph)?;
                    at.position.turn += 1;
                }
                Turn::Column(column) => {
                    self.column_of_today(data, &mut at, column, folder, observer)?;
                    at.position.turn += 1;
                }
                Turn::Evaluate(evaluation) => {
                    days.ask(evaluation, data, &mut at.store, observer)?;
                    at.position.turn += 1;
                }
            }
        }
        self.finish(data, &timeline, &mut at, observer)?;
        Ok(Trained {
            reports: days.reports(data, &mut at.store, observer)?,
            store: at.store,
            steps: at.position.total_steps,
            fitted: at.fitted,
        })
    }

    /// The beginning, or where a checkpoint stands.
    fn begin(
        &self,
        data: &Dataset,
        timeline: &Timeline,
        resume: Option<Checkpoint>,
    ) -> Result<Standing, Failure> {
        let fitted = (self.fitted)(data)?;
        let (store, position, best) = match resume {
            None => {
                let position = Position {
                    seed: self.seed,
                    ..Position::default()
                };
                let training = self.training(data, &fitted, Reached::default(), Turned::default());
                (training.first_store()?, position, None)
            }
            Some(checkpoint) => {
                let begun = checkpoint.position.turn + usize::from(checkpoint.position.step > 0);
                let reached = timeline.reached(begun);
                let training = self.training(data, &fitted, reached, Turned::default());
                let store = restore(&training, &checkpoint.weights)?;
                (store, checkpoint.position, checkpoint.best)
            }
        };
        Ok(Standing {
            store,
            position,
            best,
            fitted,
        })
    }

    /// Takes the turn of a training, after the columns that stand before it.
    fn train(
        &self,
        data: &mut Dataset,
        timeline: &Timeline,
        at: &mut Standing,
        phase: usize,
        observer: &mut dyn Observer,
    ) -> Result<(), Failure> {
        self.columns(data, timeline, at, phase, observer)?;
        let turn = at.position.turn;
        let turned = Turned {
            day: timeline.at(turn).and_then(|(day, _)| day),
            days: timeline.days.len(),
        };
        let training = self.training(data, &at.fitted, timeline.reached(turn + 1), turned);
        let plan = &self.plan.phases[phase];
        let earlier = at.position.earlier.get(&plan.name).copied().unwrap_or(0);
        let mut phase = Phase::new(&training, plan, earlier, &mut at.store)?;
        let best = at.best.take();
        phase.run(&mut at.store, &mut at.position, best, observer)?;
        self.checkpoint(data, at)
    }

    /// Computes the columns that come after all trainings, and leaves a checkpoint from which nothing is left to do.
    fn finish(
        &self,
        data: &mut Dataset,
        timeline: &Timeline,
        at: &mut Standing,
        observer: &mut dyn Observer,
    ) -> Result<(), Failure> {
        data.end_days();
        self.columns(data, timeline, at, self.plan.phases.len(), observer)?;
        if self.plan.daily.is_some() {
            observer.notice(&Event::LoopFinished {
                days: timeline.days.len(),
            });
            self.checkpoint(data, at)?;
        }
        Ok(())
    }

    /// Computes the columns that stand before a training and have not been computed; a checkpoint keeps them.
    fn columns(
        &self,
        data: &mut Dataset,
        timeline: &Timeline,
        at: &mut Standing,
        phase: usize,
        observer: &mut dyn Observer,
    ) -> Result<(), Failure> {
        let reached = timeline.reached(at.position.turn);
        let (none, mut any) = (Files::new(), false);
        let columns = self.plan.columns.iter();
        let due = |column: &&StoredPlan| column.after.is_some_and(|after| after <= phase);
        for column in columns.filter(due) {
            if data.has_stored(column) {
                continue;
            }
            let training = self.training(data, &none, reached.clone(), Turned::default());
            let stored = training.column(column, &mut at.store, observer)?;
            data.store(self.plan, column, stored)
                .map_err(Failure::data)?;
            any = true;
        }
        if any {
            at.fitted = (self.fitted)(data)?;
            self.checkpoint(data, at)?;
        }
        Ok(())
    }

    /// Writes a checkpoint of where the run stands.
    fn checkpoint(&self, data: &Dataset, at: &Standing) -> Result<(), Failure> {
        let training = self.training(data, &at.fitted, Reached::default(), Turned::default());
        training.write_checkpoint(&at.store.export(), &at.position, at.best.as_deref())
    }

    /// Computes a column of the loop for the rows of today. A resumed day finds it in its checkpoint.
    fn column_of_today(
        &self,
        data: &mut Dataset,
        at: &mut Standing,
        column: usize,
        folder: &RunFolder,
        observer: &mut dyn Observer,
    ) -> Result<(), Failure> {
        let (column, none) = (&self.plan.columns[column], Files::new());
        let training = self.training(data, &none, Reached::default(), Turned::default());
        let stored = training.column(column, &mut at.store, observer)?;
        data.renew(self.plan, column, stored)
            .map_err(Failure::data)?;
        at.fitted = (self.fitted)(data)?;
        columns_of_run::write_today(folder, column, data)
    }

    /// Makes the day of a turn the one that is run: statistics see it, all that a loop trains exists and has rows for all ids,
    /// teachers are kept as they were, and what the day has made before a checkpoint is made again.
    fn open_day(
        &self,
        data: &mut Dataset,
        timeline: &Timeline,
        at: &mut Standing,
    ) -> Result<(), Failure> {
        let turn = at.position.turn;
        let day = timeline.at(turn).and_then(|(day, _)| day);
        data.open_day(&timeline.days, day);
        let Some(daily) = self.plan.daily.as_ref().filter(|_| day.is_some()) else {
            return Ok(());
        };
        if data.see_today(self.plan).map_err(Failure::data)? {
            at.fitted = (self.fitted)(data)?;
        }
        declare_daily(&mut at.store, self.plan, data, self.seed)?;
        let earlier = timeline.earlier_today(turn);
        if earlier.is_empty() && at.position.step == 0 {
            begin_day(&mut at.store, daily)?;
        }
        for (_, turn) in earlier {
            if let Turn::Graph(graph) = turn {
                self.make_graph(data, *graph)?;
            }
        }
        Ok(())
    }

    fn make_graph(&self, data: &mut Dataset, at: usize) -> Result<(), Failure> {
        let made = data.make_graph(self.plan, at);
        made.map_err(Failure::data)
    }

    /// What a training needs that is of some day, after what has been begun.
    pub(crate) fn training<'t>(
        &self,
        data: &'t Dataset,
        fitted: &'t Files,
        reached: Reached,
        turn: Turned,
    ) -> Training<'t>
    where
        'a: 't,
    {
        Training {
            plan: self.plan,
            data,
            machine: self.machine,
            seed: self.seed,
            threads: self.threads,
            reached,
            turn,
            interrupted: self.interrupted,
            checkpoints: self.checkpoints,
            fitted,
            teachers: self.teachers,
            fold: None,
        }
    }
}

impl Training<'_> {
    /// A store that holds the teachers out of finished runs, and nothing else yet.
    pub(crate) fn first_store(&self) -> Result<Store, Failure> {
        let mut store = Store::new(self.machine.device);
        declare_loaded(&mut store, self.plan, self.data, self.seed)?;
        take_loaded(&mut store, self.plan, self.teachers)?;
        Ok(store)
    }

    /// Writes a checkpoint of these weights.
    pub(crate) fn write_checkpoint(
        &self,
        weights: &[Stored],
        position: &Position,
        best: Option<&[Stored]>,
    ) -> Result<(), Failure> {
        // A training without a fold is done again from its beginning: the checkpoint before it stays.
        if self.fold.is_some() {
            return Ok(());
        }
        let checkpoint = State {
            position,
            weights,
            best,
            fitted: self.fitted,
        };
        checkpoint.write(self.checkpoints, whole_spec(self.plan))
    }

    fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}
