//! Evaluations of a plan on a model: what is asked comes from the data, scores from tensor programs.

mod retrieval;
mod scored;
mod slices;

use std::collections::BTreeMap;
use std::path::Path;

use reckon_compiler::plan::{EvaluationKind, EvaluationPlan, Plan};
use reckon_grammar::diagnostic::{Diagnostic, nearest};
use reckon_torch::{RunKey, Store};

use super::predictions::Prediction;
use super::report::Report;
use crate::data::{ABSENT_ROW, Dataset, Parts, Selected, Source, StepKey};
use crate::failure::{DIVERGED, Failure, FailureKind, NAME, RANGE};
use crate::profile::{Machine, Owner};
use crate::run::Predictions;
use crate::step::declare;
pub(crate) use retrieval::Retrieval;
use scored::Ranking;

/// How much of an evaluation is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// The metrics of the model, as early stopping needs them.
    Metrics,
    /// What was said to each query too.
    Kept,
    /// Intervals, slices and baselines too.
    Full,
}

/// What came out of asking about one part of a split.
pub(crate) struct Evaluated {
    /// The metrics.
    pub(crate) report: Report,
    /// What they were taken from, query by query; empty where only metrics were wanted.
    pub(crate) predictions: Vec<Prediction>,
}

/// An evaluation that is ready to be asked.
pub(crate) struct Evaluation<'a> {
    frame: Frame<'a>,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Retrieval(Retrieval<'a>),
    Ranking(Ranking<'a>),
}

/// What evaluations of both kinds have.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) plan: &'a EvaluationPlan,
    pub(crate) data: &'a Dataset,
    /// The events that are evaluated.
    pub(crate) events: &'a Source,
    /// How they are split, or how a day splits them.
    pub(crate) split: Option<&'a Parts>,
    pub(crate) seed: u64,
    pub(crate) machine: Machine<'a>,
}

impl<'a> Evaluation<'a> {
    /// Compiles the programs of an evaluation and makes parameters that only they read.
    pub(crate) fn new(
        whole: &'a Plan,
        plan: &'a EvaluationPlan,
        data: &'a Dataset,
        store: &mut Store,
        machine: Machine<'a>,
        seed: u64,
    ) -> Result<Self, Failure> {
        Self::of_parts(whole, plan, data, None, store, (machine, seed))
    }

    /// The same, of events that a day splits.
    pub(crate) fn of_parts(
        whole: &'a Plan,
        plan: &'a EvaluationPlan,
        data: &'a Dataset,
        split: Option<&'a Parts>,
        store: &mut Store,
        (machine, seed): (Machine<'a>, u64),
    ) -> Result<Self, Failure> {
        let names = whole.sources.iter().map(|source| source.name.as_str());
        let events = data
            .source(&plan.source)
            .ok_or_else(|| unknown(plan, "source", &plan.source, names))?;
        let frame = Frame {
            plan,
            data,
            events,
            split: split.or(events.parts.as_ref()),
            seed,
            machine,
        };
        for program in plan.programs() {
            declare(store, whole, data, program, seed, plan.span)?;
        }
        let kind = match &plan.kind {
            EvaluationKind::Retrieval { .. } => Kind::Retrieval(Retrieval::new(frame)?),
            EvaluationKind::Ranking { score } => Kind::Ranking(Ranking::new(frame, whole, score)?),
        };
        Ok(Self { frame, kind })
    }

    /// Asks about one part of the split.
    pub(crate) fn report(
        &self,
        store: &mut Store,
        split: &str,
        detail: Detail,
    ) -> Result<Evaluated, Failure> {
        let Frame { machine, plan, .. } = self.frame;
        machine.turn(Owner::Evaluation(&plan.name), || match &self.kind {
            Kind::Retrieval(retrieval) => retrieval.report(store, split, detail),
            Kind::Ranking(ranking) => ranking.report(store, split, detail),
        })
    }

    /// The metrics of what was said before.
    pub(crate) fn report_of(
        &self,
        predictions: &[Prediction],
        split: &str,
        detail: Detail,
    ) -> Report {
        match &self.kind {
            Kind::Retrieval(retrieval) => retrieval.report_of(predictions, split),
            Kind::Ranking(ranking) => ranking.report_of(predictions, split, detail),
        }
    }

    /// What a ranking says of the rows of a file.
    pub(crate) fn predict(
        &self,
        plan: &Plan,
        store: &mut Store,
        rows: &Path,
    ) -> Result<Predictions, Failure> {
        match &self.kind {
            Kind::Ranking(ranking) => ranking.predict(plan, store, rows),
            Kind::Retrieval(_) => Err(self.frame.no_output("score")),
        }
    }

    /// The retrieval, where it is one.
    pub(crate) fn retrieval(&self) -> Option<&Retrieval<'a>> {
        match &self.kind {
            Kind::Retrieval(retrieval) => Some(retrieval),
            Kind::Ranking(_) => None,
        }
    }
}

impl<'a> Frame<'a> {
    /// The rows of an entity that events refer to.
    fn reference(&self, name: &str) -> Result<&'a [u32], Failure> {
        let known = self.events.references.keys().map(String::as_str);
        let found = self.events.references.get(name);
        found
            .map(Vec::as_slice)
            .ok_or_else(|| unknown(self.plan, "reference", name, known))
    }

    /// An entity of the events.
    fn entity(&self, name: &str) -> Result<&'a Source, Failure> {
        let known = self.events.references.keys().map(String::as_str);
        let found = self.data.source(name);
        found.ok_or_else(|| unknown(self.plan, "entity", name, known))
    }

    /// The number of a part of the split. Events without a split are one part under any name.
    pub(crate) fn part(&self, split: &str) -> Result<u8, Failure> {
        let Some(parts) = self.split else {
            return Ok(0);
        };
        let names = || parts.names.iter().map(String::as_str);
        let at = names().position(|name| name == split);
        at.map(|at| at as u8)
            .ok_or_else(|| unknown(self.plan, "part of the split", split, names()))
    }

    /// For each row the number of its part.
    pub(crate) fn parts(&self) -> Vec<u8> {
        self.split
            .map_or_else(|| vec![0; self.events.rows], |parts| parts.of.clone())
    }

    /// The rows of a part that satisfy the condition, in file order; all parts of events without a split are all of them.
    fn rows(&self, part: Option<&str>) -> Vec<u32> {
        let mut rows = self
            .data
            .rows(&self.plan.source, None, self.plan.condition.as_deref());
        if let (Some(parts), Some(part)) = (self.split, part) {
            let wanted = parts.names.iter().position(|name| name == part);
            rows.retain(|row| wanted == Some(parts.of[*row as usize] as usize));
        }
        rows
    }

    /// The rows of a part that are asked about, with what weighs them.
    fn asked(&self, part: Option<&str>) -> Selected {
        let rows = self.rows(part);
        match &self.plan.pool {
            Some(pool) => self.data.narrowed(pool, rows),
            None => Selected {
                rows,
                ..Selected::default()
            },
        }
    }

    /// For each row whether it is asked about.
    pub(crate) fn passes(&self) -> Vec<bool> {
        let mut passes = vec![false; self.events.rows];
        let parts: Vec<Option<&str>> = match (&self.plan.pool, self.split) {
            (Some(_), Some(split)) => split.names.iter().map(|name| Some(name.as_str())).collect(),
            (None, _) | (_, None) => vec![None],
        };
        for part in parts {
            for row in self.asked(part).rows {
                passes[row as usize] = true;
            }
        }
        passes
    }

    /// The keys of the entities that an event refers to, by reference; without those that are absent. A thing that was drawn
    /// stands in the place of the event's own.
    fn keys_at(&self, row: u32, drawn: Option<(&str, u32)>) -> BTreeMap<String, String> {
        let of = |(name, rows): (&String, &Vec<u32>)| {
            let own = rows[row as usize];
            let at = drawn
                .filter(|(entity, _)| entity == name)
                .map_or(own, |(_, thing)| thing);
            let at = Some(at).filter(|at| *at != ABSENT_ROW)?;
            Some((name.clone(), self.data.source(name)?.key_text(at)))
        };
        self.events.references.iter().filter_map(of).collect()
    }

    /// A report of `count` queries or rows that holds no results yet.
    fn report(&self, split: &str, unit: &'static str, count: usize) -> Report {
        Report {
            evaluation: self.plan.name.clone(),
            split: split.to_owned(),
            unit,
            count,
            metrics: Vec::new(),
            slices: Vec::new(),
            baselines: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// The model scores what it cannot rank.
    fn not_finite(&self, split: &str, count: usize) -> Failure {
        let message = format!(
            "{count} scores of evaluation `{}` on {split} are NaN or infinite",
            self.plan.name
        );
        let diagnostic = Diagnostic::error(DIVERGED, self.plan.span, message);
        Failure::new(
            FailureKind::Diverged,
            diagnostic.help("lower the learning rate, or clip gradients"),
        )
    }

    /// A label that says neither that something happened nor that it did not.
    fn no_outcome(&self, label: f64) -> Failure {
        let message = format!("a label of evaluation `{}` is {label}", self.plan.name);
        let diagnostic = Diagnostic::error(RANGE, self.plan.span, message)
            .note("a ranking compares scores with what happened, 1, or did not, 0")
            .help("write a condition: `score ... against stars >= 4`");
        Failure::new(FailureKind::Data, diagnostic)
    }

    /// A program does not give what the evaluation asks for.
    fn no_output(&self, name: &str) -> Failure {
        let message = format!(
            "internal: the program of `{}` has no output `{name}`",
            self.plan.name
        );
        let diagnostic = Diagnostic::error(NAME, self.plan.span, message);
        Failure::new(FailureKind::Data, diagnostic)
    }

    /// What evaluation programs are fed under: nothing is dropped, no rate of learning.
    pub(crate) fn step_key(&self) -> StepKey {
        StepKey {
            seed: self.seed,
            step: 0,
            epoch: 0,
            training: false,
            schedule: 0.0,
        }
    }

    /// What random draws of evaluation programs are keyed by.
    pub(crate) fn run_key(&self, first_row: usize) -> RunKey {
        let stream = reckon_compiler::random::site_hash(&self.plan.name);
        RunKey {
            seed: self.seed,
            stream,
            step: 0,
            first_row: first_row as u64,
        }
    }
}

/// A name of the plan that leads nowhere.
pub(crate) fn unknown<'n>(
    plan: &EvaluationPlan,
    what: &str,
    name: &str,
    known: impl Iterator<Item = &'n str> + Clone,
) -> Failure {
    let message = format!(
        "evaluation `{}` names the {what} `{name}`, which does not exist",
        plan.name
    );
    let listed: Vec<String> = known.clone().map(|name| format!("`{name}`")).collect();
    let mut diagnostic =
        Diagnostic::error(NAME, plan.span, message).note(format!("there is {}", listed.join(", ")));
    diagnostic.help = nearest(name, known).map(|name| format!("perhaps `{name}` is meant"));
    Failure::new(FailureKind::Data, diagnostic)
}
