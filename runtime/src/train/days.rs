//! Evaluations of a loop: the predictions of each day, one report a day, and one over the rows of all days.

use std::fs;
use std::io;

use reckon_compiler::plan::{EvaluationPlan, Plan, Turn};
use reckon_torch::Store;

use super::timeline::Timeline;
use crate::data::{AskedDay, Dataset};
use crate::evaluate::Report;
use crate::evaluate::model::{Detail, Evaluation};
use crate::evaluate::predictions::{self, Prediction};
use crate::failure::Failure;
use crate::observer::{Event, Observer};
use crate::profile::Machine;
use crate::run::RunFolder;

/// How the rows of all days together are called.
const POOLED: &str = "pooled";
/// How the mean of the days' metrics is called.
const MEAN: &str = "mean of days";

/// What evaluations are asked with.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    pub(super) plan: &'a Plan,
    pub(super) folder: &'a RunFolder,
    pub(super) machine: Machine<'a>,
    pub(super) seed: u64,
}

/// What was found so far, by evaluation of the plan.
pub(super) struct Days<'a> {
    asking: Asking<'a>,
    predictions: Vec<Vec<Prediction>>,
}

impl<'a> Days<'a> {
    /// What the turns before `turn` found, read back from the run directory; later lines of it are dropped.
    ///
    /// # Errors
    /// The run directory does not hold it.
    pub(super) fn new(
        asking: Asking<'a>,
        data: &mut Dataset,
        timeline: &Timeline,
        turn: usize,
    ) -> Result<Self, Failure> {
        let evaluations = &asking.plan.evaluations;
        let mut days = Self {
            asking,
            predictions: vec![Vec::new(); evaluations.len()],
        };
        for (at, evaluation) in evaluations.iter().enumerate() {
            let Some(window) = evaluation.window else {
                continue;
            };
            let mut asked = Vec::new();
            for earlier in 0..turn {
                if let Some((day @ Some(_), Turn::Evaluate(number))) = timeline.at(earlier)
                    && number == at
                {
                    data.open_day(&timeline.days, day);
                    asked.extend(data.asked_today(window).map(|day| day.label));
                }
            }
            if !asked.is_empty() {
                days.predictions[at] = read_back(asking.folder, evaluation, &asked)?;
            }
            days.write(at)?;
        }
        data.open_day(&timeline.days, None);
        Ok(days)
    }

    /// Asks an evaluation about today, where there is such a day with rows.
    pub(super) fn ask(
        &mut self,
        at: usize,
        data: &Dataset,
        store: &mut Store,
        observer: &mut dyn Observer,
    ) -> Result<(), Failure> {
        let plan = self.asking.plan;
        let evaluation = &plan.evaluations[at];
        let asked = evaluation
            .window
            .and_then(|window| data.asked_today(window));
        let (Some(asked), Some(source)) = (asked, data.source(&evaluation.source)) else {
            return Ok(());
        };
        let parts = asked.parts(source);
        let AskedDay { label, .. } = asked;
        let Asking { machine, seed, .. } = self.asking;
        let ready =
            Evaluation::of_parts(plan, evaluation, data, Some(&parts), store, (machine, seed))?;
        let mut found = ready.report(store, &label, Detail::Kept)?;
        found
            .predictions
            .iter_mut()
            .for_each(|prediction| prediction.day = Some(label.clone()));
        self.predictions[at].append(&mut found.predictions);
        self.write(at)?;
        observer.notice(&Event::Evaluated {
            during: None,
            report: found.report,
        });
        Ok(())
    }

    /// The reports of all days, their mean, and that of all rows together.
    pub(super) fn reports(
        &self,
        data: &Dataset,
        store: &mut Store,
        observer: &mut dyn Observer,
    ) -> Result<Vec<Report>, Failure> {
        let Asking {
            plan,
            machine,
            seed,
            ..
        } = self.asking;
        let mut reports = Vec::new();
        for (evaluation, predictions) in plan.evaluations.iter().zip(&self.predictions) {
            if evaluation.window.is_none() {
                continue;
            }
            let ready = Evaluation::new(plan, evaluation, data, store, machine, seed)?;
            let by_day = predictions.chunk_by(|one, next| one.day == next.day);
            let mut days: Vec<Report> = by_day
                .map(|of| {
                    ready.report_of(
                        of,
                        of[0].day.as_deref().unwrap_or_default(),
                        Detail::Metrics,
                    )
                })
                .collect();
            let pooled = ready.report_of(predictions, POOLED, Detail::Full);
            let mean = mean(&pooled, &days);
            days.extend([mean, pooled]);
            for report in days.iter().rev().take(2).rev() {
                observer.notice(&Event::Evaluated {
                    during: None,
                    report: report.clone(),
                });
            }
            reports.append(&mut days);
        }
        Ok(reports)
    }

    fn write(&self, at: usize) -> Result<(), Failure> {
        let evaluation = &self.asking.plan.evaluations[at];
        let text = predictions::write(&self.predictions[at]);
        let name = predictions::file_name(&evaluation.name, POOLED);
        self.asking.folder.write(&name, text.as_bytes())
    }
}

/// The predictions of some days of an earlier part of the run.
fn read_back(
    folder: &RunFolder,
    evaluation: &EvaluationPlan,
    days: &[String],
) -> Result<Vec<Prediction>, Failure> {
    let name = predictions::file_name(&evaluation.name, POOLED);
    let read = fs::read_to_string(folder.path().join(&name))
        .and_then(|text| predictions::read(&text).map_err(io::Error::other));
    let mut kept = read.map_err(|error| folder.failed(&name, &error))?;
    kept.retain(|one| one.day.as_ref().is_some_and(|day| days.contains(day)));
    Ok(kept)
}

/// The mean of each metric over the days on which it is defined.
fn mean(pooled: &Report, days: &[Report]) -> Report {
    let mut report = Report {
        split: MEAN.to_owned(),
        unit: "days",
        count: days.len(),
        slices: Vec::new(),
        notes: Vec::new(),
        ..pooled.clone()
    };
    for metric in &mut report.metrics {
        let values: Vec<f64> = days
            .iter()
            .filter_map(|day| day.metric(&metric.name))
            .collect();
        metric.interval = None;
        metric.value = match values.len() {
            0 => None,
            count => Some(values.iter().sum::<f64>() / count as f64),
        };
    }
    report
}
