//! One training: its streams, its step, and the loop.

use std::time::Instant;

use reckon_compiler::cost::BATCHES_AHEAD;
use reckon_compiler::plan::{PhasePlan, Schedule};
use reckon_compiler::random::site_hash;
use reckon_compiler::training::TOTAL_LOSS;
use reckon_torch::{Outputs, RunKey, Store, Stored};

use super::accumulate::Accumulated;
use super::ahead::{Ahead, Queue, in_order};
use super::columns::Fold;
use super::epoch::{Judge, Verdict};
use super::held::Held;
use super::pace::Pace;
use super::rows::rows_of;
use super::stream::Stream;
use super::{Training, Turned, schedule};
use crate::checkpoint::Position;
use crate::data::{Assembler, Batch, HostTensor, StepKey};
use crate::failure::Failure;
use crate::observer::{Event, Observer, Progress};
use crate::profile::Owner;
use crate::step::{Step, average, begin, declare_phase};

/// What a profile calls the time in which no batch is ready.
const WAITING: &str = "waiting for data";
/// What it calls moving the averages of weights.
const AVERAGING: &str = "averages of weights";

/// A training that is ready to run.
pub(super) struct Phase<'a> {
    pub(super) training: &'a Training<'a>,
    pub(super) plan: &'a PhasePlan,
    pub(super) step: Step<'a>,
    held: Vec<Held<'a>>,
    /// Applies the gradients of several batches, where a step has several.
    update: Option<Step<'a>>,
    streams: Vec<Stream>,
    judge: Option<Judge<'a>>,
    /// Its steps on earlier days.
    earlier: usize,
}

/// A batch, and the rows that it takes of each stream.
pub(crate) struct Taken {
    pub(crate) batch: Batch,
    rows: Vec<Vec<u32>>,
    key: StepKey,
}

/// Makes the inputs of each step, in any order.
pub(super) struct Batches<'p> {
    streams: &'p [Stream],
    /// Batches of a step.
    of_a_step: usize,
    assembler: &'p Assembler<'p>,
    schedule: Schedule,
    steps: usize,
    /// Steps of the training on earlier days.
    earlier: usize,
    turn: Turned,
    seed: u64,
}

impl Batches<'_> {
    /// The batches of a step. The last of an epoch has those that are left.
    pub(super) fn at(&self, step: usize) -> Vec<Taken> {
        let batches = self.streams[0].steps();
        let (epoch, at) = (step / self.steps_an_epoch(), step % self.steps_an_epoch());
        let first = at * self.of_a_step;
        let last = (first + self.of_a_step).min(batches);
        let numbers = epoch * batches + first..epoch * batches + last;
        numbers
            .enumerate()
            .map(|(at, number)| self.batch(step, at, number))
            .collect()
    }

    fn steps_an_epoch(&self) -> usize {
        self.streams[0].steps().div_ceil(self.of_a_step)
    }

    /// Batch `at` of a step, which is batch `number` of the training.
    fn batch(&self, step: usize, at_in_step: usize, number: usize) -> Taken {
        let rows: Vec<Vec<u32>> = self
            .streams
            .iter()
            .map(|stream| stream.rows_of(number))
            .collect();
        let Turned { day, days, .. } = self.turn;
        // A schedule spans all days, as if each had as many steps as this one.
        let (at, of) = (
            day.unwrap_or(0) * self.steps + step,
            days.max(1) * self.steps,
        );
        let schedule = schedule::factor(self.schedule, at, of);
        let key = StepKey {
            seed: match at_in_step {
                0 => self.seed,
                _ => self.seed ^ site_hash(&format!("batch {at_in_step} of a step")),
            },
            step: (self.earlier + step) as u64,
            epoch: (at / self.steps_an_epoch()) as u64,
            training: true,
            schedule,
        };
        Taken {
            batch: self.assembler.assemble(&rows, key),
            rows,
            key,
        }
    }
}

/// Parameters at a step, to return to.
pub(super) struct Snapshot {
    pub(super) step: usize,
    pub(super) weights: Vec<Stored>,
}

impl<'a> Phase<'a> {
    /// Compiles the step, makes its parameters, and gathers the rows of its streams.
    pub(super) fn new(
        training: &'a Training<'a>,
        plan: &'a PhasePlan,
        earlier: usize,
        store: &mut Store,
    ) -> Result<Self, Failure> {
        let Training {
            plan: whole,
            data,
            machine,
            seed,
            ..
        } = *training;
        let streams: Vec<Stream> = plan
            .streams
            .iter()
            .map(|stream| rows_of(training, plan, stream))
            .collect::<Result<_, _>>()?;
        let owner = Owner::Training(&plan.name);
        let step = Step::new(data, &plan.step, &plan.streams, machine, owner, plan.span)?;
        let update = plan
            .accumulate
            .as_ref()
            .map(|accumulate| Step::new(data, &accumulate.update, &[], machine, owner, plan.span));
        declare_phase(store, whole, data, plan, seed)?;
        let steps = plan.epochs * streams[0].steps();
        let held = plan
            .held
            .iter()
            .map(|held| Held::new(training, plan, held, (&streams, steps)))
            .collect::<Result<_, _>>()?;
        let judge = plan
            .stop
            .as_ref()
            .map(|stop| Judge::new(training, plan, stop, store))
            .transpose()?;
        Ok(Self {
            training,
            plan,
            step,
            held,
            update: update.transpose()?,
            streams,
            judge,
            earlier,
        })
    }

    /// Trains from `position` to the end, which leaves the final parameters in the store and the position at the next
    /// phase.
    pub(super) fn run(
        &mut self,
        store: &mut Store,
        position: &mut Position,
        mut best: Option<Vec<Stored>>,
        observer: &mut dyn Observer,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        observer.notice(&self.started(position.step));
        if position.step == 0 {
            begin(store, self.plan)?;
        }
        let steps = self.steps();
        if position.step < steps {
            let ahead = Ahead {
                threads: self.training.threads,
                items: BATCHES_AHEAD,
            };
            // Threads see what makes batches only: tensor programs stay on this one.
            let (this, batches) = (&*self, self.batches());
            in_order(
                position.step..steps,
                ahead,
                |step| batches.at(step),
                |queue| this.train(store, position, &mut best, queue, observer),
            )?;
        }
        if let Some(best) = &best {
            super::import(self.training.plan, store, best)?;
        }
        observer.notice(&Event::PhaseFinished {
            phase: self.plan.name.clone(),
            steps: position.step,
            seconds: began.elapsed().as_secs_f64(),
        });
        let mut earlier = std::mem::take(&mut position.earlier);
        if self.training.turn.day.is_some() {
            *earlier.entry(self.plan.name.clone()).or_insert(0) += position.step;
        }
        *position = Position {
            seed: position.seed,
            turn: position.turn + 1,
            total_steps: position.total_steps,
            earlier,
            ..Position::default()
        };
        Ok(())
    }

    fn train(
        &self,
        store: &mut Store,
        position: &mut Position,
        best: &mut Option<Vec<Stored>>,
        queue: &mut Queue<'_, Vec<Taken>>,
        observer: &mut dyn Observer,
    ) -> Result<(), Failure> {
        let mut snapshot = Snapshot {
            step: position.step,
            weights: store.export(),
        };
        let mut pace = Pace::new(position.step);
        let (machine, owner) = (self.training.machine, self.owner());
        loop {
            let waiting = Instant::now();
            let Some(batches) = machine.part(owner, WAITING, || queue.next()) else {
                return Ok(());
            };
            pace.add(waiting.elapsed(), self.examples());
            let values = self.advance(store, &batches, position.step)?;
            if let Some((name, value)) = values.iter().find(|(_, value)| !value.is_finite()) {
                return Err(self.diverged(position.step, name, *value, &snapshot)?);
            }
            add(&mut position.sums, &values);
            position.step += 1;
            position.total_steps += 1;
            self.tell_progress(&mut pace, position.step, &values, observer);
            machine.turned(owner, waiting);
            if position.step.is_multiple_of(self.steps_an_epoch()) {
                let verdict = self.end_epoch(store, position, best, observer)?;
                // One copy of the model at a time, which the checkpoint is written from.
                drop(snapshot);
                snapshot = Snapshot {
                    step: position.step,
                    weights: store.export(),
                };
                self.training
                    .write_checkpoint(&snapshot.weights, position, best.as_deref())?;
                if verdict == Verdict::Stop {
                    return Ok(());
                }
            }
            if self.training.is_interrupted() {
                drop(snapshot);
                self.training
                    .write_checkpoint(&store.export(), position, best.as_deref())?;
                return Err(Failure::interrupted());
            }
        }
    }

    /// One step on the store. Gives its losses and the norm of its gradient.
    pub(super) fn advance(
        &self,
        store: &mut Store,
        batches: &[Taken],
        step: usize,
    ) -> Result<Vec<(String, f64)>, Failure> {
        let values = match (&self.update, batches) {
            (None, [taken, ..]) => {
                let key = self.run_key(step, 0);
                let said = self.said(store, taken, &key)?;
                scalars(&self.step.run(store, &taken.batch, &said, &key)?)
            }
            (Some(update), [first, ..]) => {
                let mut accumulated = Accumulated::default();
                for (at, taken) in batches.iter().enumerate() {
                    let key = self.run_key(step, at);
                    let said = self.said(store, taken, &key)?;
                    let outputs = self.step.run(store, &taken.batch, &said, &key)?;
                    accumulated.add(&outputs, taken.rows[0].len());
                }
                let (gradients, mut values) = accumulated.finish();
                let rates = update.assembler.assemble(&[], first.key);
                let outputs = update.run(store, &rates, &gradients, &self.run_key(step, 0))?;
                values.extend(scalars(&outputs));
                values
            }
            (_, []) => Vec::new(),
        };
        if !self.plan.averages.is_empty() {
            let machine = self.training.machine;
            machine.part(self.owner(), AVERAGING, || average(store, self.plan))?;
        }
        Ok(values)
    }

    /// What teachers that stand still say of the rows of a batch.
    pub(super) fn said(
        &self,
        store: &mut Store,
        taken: &Taken,
        run: &RunKey,
    ) -> Result<Vec<(String, HostTensor)>, Failure> {
        let mut said = Vec::new();
        for held in &self.held {
            said.extend(held.inputs(store, &taken.rows, taken.key, run)?);
        }
        Ok(said)
    }

    fn end_epoch(
        &self,
        store: &mut Store,
        position: &mut Position,
        best: &mut Option<Vec<Stored>>,
        observer: &mut dyn Observer,
    ) -> Result<Verdict, Failure> {
        let epoch = position.step / self.steps_an_epoch();
        let steps = self.steps_an_epoch() as f64;
        let losses = position
            .sums
            .drain(..)
            .map(|(name, sum)| (name, sum / steps))
            .collect();
        let phase = self.plan.name.clone();
        observer.notice(&Event::EpochFinished {
            phase,
            epoch,
            step: position.step,
            losses,
        });
        match &self.judge {
            None => Ok(Verdict::GoOn),
            Some(judge) => {
                // Evaluations and steps take turns, and need blocks of different sizes.
                reckon_torch::give_back_memory();
                let verdict = judge.judge(store, epoch, position, best, observer);
                reckon_torch::give_back_memory();
                verdict
            }
        }
    }

    /// What makes the inputs of steps.
    pub(super) fn batches(&self) -> Batches<'_> {
        Batches {
            streams: &self.streams,
            of_a_step: self.of_a_step(),
            assembler: &self.step.assembler,
            schedule: self.plan.schedule,
            steps: self.steps(),
            earlier: self.earlier,
            turn: self.training.turn,
            seed: self.training.seed ^ self.training.fold.map_or(0, Fold::site),
        }
    }

    fn of_a_step(&self) -> usize {
        let accumulate = self.plan.accumulate.as_ref();
        accumulate.map_or(1, |accumulate| accumulate.batches)
    }

    /// What random draws of batch `at` of a step are keyed by: as if all its batches were one.
    pub(super) fn run_key(&self, step: usize, at: usize) -> RunKey {
        let fold = self.training.fold.map_or(0, Fold::site);
        let stream = site_hash(&self.plan.name) ^ fold;
        RunKey {
            seed: self.training.seed,
            stream,
            step: (self.earlier + step) as u64,
            first_row: (at * self.streams.iter().map(Stream::batch).max().unwrap_or(0)) as u64,
        }
    }

    /// To whom its step belongs in a profile.
    fn owner(&self) -> Owner<'_> {
        Owner::Training(&self.plan.name)
    }

    fn steps_an_epoch(&self) -> usize {
        self.streams[0].steps().div_ceil(self.of_a_step())
    }

    pub(super) fn steps(&self) -> usize {
        self.plan.epochs * self.steps_an_epoch()
    }

    /// Rows of all streams a step.
    fn examples(&self) -> usize {
        self.of_a_step() * self.streams.iter().map(Stream::batch).sum::<usize>()
    }

    fn started(&self, first_step: usize) -> Event {
        let streams = self.plan.streams.iter().zip(&self.streams);
        Event::PhaseStarted {
            phase: self.plan.name.clone(),
            epochs: self.plan.epochs,
            steps: self.steps_an_epoch(),
            streams: streams
                .map(|(plan, stream)| (plan.name.clone(), stream.len(), stream.batch()))
                .collect(),
            first_step,
        }
    }

    fn tell_progress(
        &self,
        pace: &mut Pace,
        step: usize,
        values: &[(String, f64)],
        observer: &mut dyn Observer,
    ) {
        let Some(reading) = pace.read(step, self.steps()) else {
            return;
        };
        let loss = values
            .iter()
            .find(|(name, _)| name == TOTAL_LOSS)
            .map_or(0.0, |(_, loss)| *loss);
        observer.notice(&Event::Progress(Progress {
            phase: self.plan.name.clone(),
            epoch: (step - 1) / self.steps_an_epoch() + 1,
            epochs: self.plan.epochs,
            step,
            steps: self.steps(),
            loss,
            examples_per_second: reading.examples_per_second,
            waiting: reading.waiting,
            seconds_left: reading.seconds_left,
        }));
    }
}

/// The outputs of a step, all without dimensions.
pub(super) fn scalars(outputs: &Outputs) -> Vec<(String, f64)> {
    outputs
        .names()
        .map(|name| (name.to_owned(), outputs.scalar(name)))
        .collect()
}

fn add(sums: &mut Vec<(String, f64)>, values: &[(String, f64)]) {
    if sums.is_empty() {
        sums.extend(values.iter().map(|(name, _)| (name.clone(), 0.0)));
    }
    for ((_, sum), (_, value)) in sums.iter_mut().zip(values) {
        *sum += value;
    }
}
