//! What happens at the end of an epoch: the metric that early stopping watches, and its verdict.

use reckon_compiler::plan::{PhasePlan, StopPlan};
use reckon_grammar::diagnostic::{Diagnostic, nearest};
use reckon_torch::{Store, Stored};

use super::Training;
use crate::checkpoint::Position;
use crate::evaluate::model::{Detail, Evaluation};
use crate::failure::{Failure, NAME};
use crate::observer::{Event, Observer};

/// Watches a metric.
pub(super) struct Judge<'a> {
    phase: &'a PhasePlan,
    plan: &'a StopPlan,
    evaluation: Evaluation<'a>,
    better: Better,
}

/// Whether training goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    GoOn,
    Stop,
}

/// Which values of a metric are better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Better {
    Higher,
    Lower,
}

impl<'a> Judge<'a> {
    /// Prepares the evaluation that is watched.
    pub(super) fn new(
        training: &'a Training<'a>,
        phase: &'a PhasePlan,
        plan: &'a StopPlan,
        store: &mut Store,
    ) -> Result<Self, Failure> {
        let Training {
            plan: whole,
            data,
            machine,
            seed,
            ..
        } = *training;
        let mut evaluations = whole.evaluations.iter();
        let Some(found) = evaluations.find(|evaluation| evaluation.name == plan.evaluation) else {
            let names: Vec<&str> = whole
                .evaluations
                .iter()
                .map(|evaluation| evaluation.name.as_str())
                .collect();
            return Err(unknown(phase, "evaluation", &plan.evaluation, &names));
        };
        if !found.metrics.contains(&plan.metric) {
            let names: Vec<&str> = found.metrics.iter().map(String::as_str).collect();
            return Err(unknown(phase, "metric", &plan.metric, &names));
        }
        let evaluation = Evaluation::new(whole, found, data, store, machine, seed)?;
        let better = match plan.metric.split('(').next().unwrap_or_default() {
            "logloss" | "calibration" | "ne" => Better::Lower,
            _ => Better::Higher,
        };
        Ok(Self {
            phase,
            plan,
            evaluation,
            better,
        })
    }

    /// Evaluates an epoch, keeps its parameters if it is the best so far, and says whether there was a gain lately.
    pub(super) fn judge(
        &self,
        store: &mut Store,
        epoch: usize,
        position: &mut Position,
        best: &mut Option<Vec<Stored>>,
        observer: &mut dyn Observer,
    ) -> Result<Verdict, Failure> {
        let report = self
            .evaluation
            .report(store, &self.plan.split, Detail::Metrics)?
            .report;
        let value = report.metric(&self.plan.metric);
        let during = Some((self.phase.name.clone(), epoch, position.step));
        observer.notice(&Event::Evaluated { during, report });
        position.judged = epoch;
        match (value, position.best) {
            (None, _) => {
                let Self { phase, plan, .. } = self;
                let message = format!(
                    "`{}` on {} is not defined in epoch {epoch}",
                    plan.metric, plan.split
                );
                observer.notice(&Event::Warning(Diagnostic::warning(
                    NAME, phase.span, message,
                )));
            }
            (Some(value), Some((_, before))) if !self.is_gain(value, before) => {}
            (Some(value), _) => {
                position.best = Some((epoch, value));
                // The copy before it goes first, so that there is never a second one.
                *best = None;
                *best = Some(store.export());
            }
        }
        let (best_epoch, best) = position.best.unwrap_or((0, f64::NAN));
        if epoch < best_epoch + self.plan.patience.max(1) {
            return Ok(Verdict::GoOn);
        }
        let phase = self.phase.name.clone();
        observer.notice(&Event::StoppedEarly {
            phase,
            epoch,
            best_epoch,
            best,
        });
        Ok(Verdict::Stop)
    }

    fn is_gain(&self, value: f64, before: f64) -> bool {
        match self.better {
            Better::Higher => value > before,
            Better::Lower => value < before,
        }
    }
}

fn unknown(phase: &PhasePlan, what: &str, name: &str, known: &[&str]) -> Failure {
    let message = format!(
        "`{}` watches the {what} `{name}`, which does not exist",
        phase.name
    );
    let mut diagnostic = Diagnostic::error(NAME, phase.span, message);
    diagnostic.help =
        nearest(name, known.iter().copied()).map(|name| format!("perhaps `{name}` is meant"));
    Failure::data(vec![diagnostic])
}
