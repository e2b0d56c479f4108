//! The most memory that the process of a run has, stage by stage, and what to say where there is less.

use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use super::{Amount, BATCHES_AHEAD, EASE_ITEMS, Given, ModelCost, Owner, ProgramCost, Sure};
use crate::figures::bytes;
use crate::plan::{EvaluationKind, EvaluationPlan, PhasePlan, Plan, SplitRule};

/// A plan that needs more memory than it may have.
const TOO_LARGE: Code = Code(1027);

/// What a process takes that has loaded libtorch and has read no data. Measured with libtorch 2.13 on Linux, x86-64.
const LIBRARIES: u64 = 142_000_000;
/// What libtorch takes beside the tensors once its ops have run: pages of its code, and what its threads keep. Measured likewise.
const AT_WORK: u64 = 32_000_000;

/// Something that takes memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it is.
    pub what: String,
    /// Its bytes.
    pub bytes: Amount,
    /// The expression that asks for it, where one does.
    pub span: Option<Span>,
}

/// The most memory that the process has.
#[derive(Clone, Debug)]
pub struct Peak {
    /// The stage that takes most: `train`, `evaluate films`.
    pub stage: String,
    /// All that is held then.
    pub parts: Vec<Part>,
    /// Each stage with its bytes, in the order in which they run.
    pub stages: Vec<(String, Amount)>,
    /// The bytes of the largest stage.
    pub bytes: Amount,
}

/// A part of a run with what it holds beside the process and the model.
struct Stage {
    name: String,
    parts: Vec<Part>,
}

fn part(what: impl Into<String>, bytes: Amount, span: Option<Span>) -> Part {
    Part {
        what: what.into(),
        bytes,
        span,
    }
}

/// The most memory of a run of the plan.
pub(super) fn peak(
    plan: &Plan,
    given: &Given,
    model: &ModelCost,
    programs: &[ProgramCost],
) -> Peak {
    let forecast = Forecast {
        plan,
        given,
        model,
        programs,
    };
    let always = forecast.always();
    let mut stages = Vec::new();
    if let Some(loaded) = given.loaded {
        let what = part(
            "reading and fitting the data",
            Amount::exact(loaded.peak),
            None,
        );
        stages.push(("reading the data".to_owned(), vec![what]));
    }
    for stage in forecast.stages() {
        let mut parts = always.clone();
        parts.extend(stage.parts);
        parts.retain(|part| part.bytes != Amount::ZERO);
        stages.push((stage.name, parts));
    }
    let bytes = |parts: &[Part]| -> Amount { parts.iter().map(|part| part.bytes).sum() };
    let mut peak = Peak {
        stages: stages
            .iter()
            .map(|(name, parts)| (name.clone(), bytes(parts)))
            .collect(),
        stage: "reading the data".to_owned(),
        bytes: bytes(&always),
        parts: always,
    };
    if let Some((name, parts)) = stages
        .into_iter()
        .max_by_key(|(_, parts)| bytes(parts).count)
    {
        peak.bytes = bytes(&parts);
        (peak.stage, peak.parts) = (name, parts);
    }
    peak
}

struct Forecast<'a> {
    plan: &'a Plan,
    given: &'a Given,
    model: &'a ModelCost,
    programs: &'a [ProgramCost],
}

impl Forecast<'_> {
    /// What is held through the whole run once the data are read.
    fn always(&self) -> Vec<Part> {
        let mut parts = match self.given.loaded {
            Some(loaded) => vec![part(
                "the process with its data",
                Amount::exact(loaded.now),
                None,
            )],
            None => vec![
                part("the process and libtorch", Amount::exact(LIBRARIES), None),
                part("the data", Amount::OPEN, None),
            ],
        };
        parts.push(part("libtorch at work", Amount::exact(AT_WORK), None));
        for table in &self.model.tables {
            let what = match table.moments.is_empty() {
                true => format!("table {}", table.path),
                false => format!("table {} and its optimiser", table.path),
            };
            parts.push(part(what, table.bytes + table.states(), table.span));
        }
        let trained = self.plan.phases.first().map(|phase| phase.span);
        let weights = self.model.weights + self.model.weight_states;
        parts.push(part("dense weights and their optimiser", weights, trained));
        parts
    }

    fn stages(&self) -> Vec<Stage> {
        let mut stages = Vec::new();
        for (at, phase) in self.plan.phases.iter().enumerate() {
            stages.push(self.training(at, phase));
            let stop = phase.stop.as_ref();
            let watched = stop.and_then(|stop| {
                let mut all = self.plan.evaluations.iter().enumerate();
                all.find(|(_, evaluation)| evaluation.name == stop.evaluation)
            });
            if let Some((watched, evaluation)) = watched {
                let mut stage = self.evaluation(watched, evaluation, Detail::Metrics);
                stage.name = format!("{} after an epoch of {}", stage.name, phase.name);
                stage.parts.extend(self.kept(phase));
                stages.push(stage);
            }
        }
        for (at, column) in self.plan.columns.iter().enumerate() {
            stages.push(Stage {
                name: format!("column {}", column.name),
                parts: self.executed(Owner::Column(at), 1),
            });
        }
        for (at, evaluation) in self.plan.evaluations.iter().enumerate() {
            stages.push(self.evaluation(at, evaluation, Detail::Full));
        }
        stages
    }

    fn training(&self, at: usize, phase: &PhasePlan) -> Stage {
        let mut parts = self.kept(phase);
        // A held program runs before the step, so they do not hold memory at once.
        let of_phase = self.programs.iter().filter(|program| match program.owner {
            Owner::Step(of) | Owner::Held(of, _) | Owner::Update(of) => of == at,
            Owner::Column(_) | Owner::Catalogue(_) | Owner::Query(_) | Owner::Score(_) => false,
        });
        let heaviest = of_phase.max_by_key(|program| program.live.count);
        if let Some(heaviest) = heaviest {
            parts.push(self.live(heaviest));
        }
        if let Some(step) = self.program(Owner::Step(at)) {
            let batches = phase
                .accumulate
                .as_ref()
                .map_or(1, |accumulate| accumulate.batches);
            let ahead = (1 + BATCHES_AHEAD + self.given.threads.max(1) - 1) as u64;
            let bytes = step.inputs.times(ahead * batches as u64);
            parts.push(part(
                "batches that are ready before their step",
                bytes,
                Some(phase.span),
            ));
        }
        let folds = self
            .plan
            .columns
            .iter()
            .filter_map(|column| column.cross_fit.as_ref());
        if folds
            .into_iter()
            .any(|(_, trainings)| trainings.contains(&at))
        {
            let bytes = self.model.bytes();
            parts.push(part("the model of a fold", bytes + bytes, Some(phase.span)));
        }
        Stage {
            name: phase.name.clone(),
            parts,
        }
    }

    /// What a training keeps beside the model: where a divergence is searched from, and the best epoch.
    fn kept(&self, phase: &PhasePlan) -> Vec<Part> {
        let mut parts = vec![part(
            "the model as the epoch began",
            self.model.bytes(),
            Some(phase.span),
        )];
        if phase.stop.is_some() {
            parts.push(part(
                "the model at the best epoch",
                self.model.bytes(),
                Some(phase.span),
            ));
        }
        parts
    }

    fn evaluation(&self, at: usize, evaluation: &EvaluationPlan, detail: Detail) -> Stage {
        let mut parts = match &evaluation.kind {
            EvaluationKind::Retrieval { entity, .. } => {
                let mut parts = self.executed(Owner::Query(at), 1);
                if let Some(catalogue) = self.program(Owner::Catalogue(at)) {
                    let query = self
                        .program(Owner::Query(at))
                        .map_or(Amount::ZERO, |query| query.live);
                    if catalogue.live.count > query.count + 2 * catalogue.outputs.count {
                        parts = vec![self.live(catalogue)];
                    } else {
                        let encoded = catalogue.outputs.times(2);
                        parts.push(part(
                            format!("every {entity} as encoded"),
                            encoded,
                            Some(evaluation.span),
                        ));
                    }
                }
                if detail == Detail::Full && evaluation.baselines.iter().any(|name| name == "ease")
                {
                    parts = larger(parts, vec![self.ease(entity, evaluation)]);
                }
                parts
            }
            EvaluationKind::Ranking { .. } => self.executed(Owner::Score(at), 1),
        };
        if detail == Detail::Full {
            parts.push(self.said(evaluation));
        }
        Stage {
            name: format!("evaluate {}", evaluation.name),
            parts,
        }
    }

    /// The matrices of the baseline `ease`: as many as libtorch has at once while it inverts one.
    fn ease(&self, entity: &str, evaluation: &EvaluationPlan) -> Part {
        let matrices = |items: &usize| 4 * 4 * (*items as u64).pow(2);
        let fitted = self.given.fitted.get(&evaluation.name);
        let bytes = match (self.given.sources.get(entity), fitted) {
            (Some(items), _) if *items > EASE_ITEMS => Amount::ZERO,
            (_, Some(fitted)) => Amount::exact(matrices(fitted)),
            (Some(items), None) => Amount::at_most(matrices(items)),
            (None, None) => Amount::OPEN,
        };
        part(
            format!("the baseline ease over all {entity}"),
            bytes,
            Some(evaluation.span),
        )
    }

    /// What was said to each row or query, until it is written.
    fn said(&self, evaluation: &EvaluationPlan) -> Part {
        let asked = self.given.asked.get(&evaluation.name);
        let all = self.given.sources.get(&evaluation.source);
        let share = self.test_share(&evaluation.source);
        let rows = match (asked, all) {
            (Some(rows), _) => Amount::of(*rows),
            (None, Some(rows)) => Amount::at_most((*rows as f64 * share) as u64),
            (None, None) => Amount::OPEN,
        };
        let bytes = match &evaluation.kind {
            EvaluationKind::Retrieval { per, .. } => {
                let askers = per.as_ref().and_then(|per| self.given.sources.get(per));
                let askers = askers.map_or(Amount::OPEN, |rows| Amount::of(*rows));
                rows.min(askers).times(BYTES_OF_A_LIST)
            }
            EvaluationKind::Ranking { .. } => rows.times(BYTES_OF_A_SCORE),
        };
        part(
            format!("what {} said, row by row", evaluation.name),
            bytes,
            Some(evaluation.span),
        )
    }

    /// The largest share of rows that one part of a split but the first has.
    fn test_share(&self, source: &str) -> f64 {
        let Some(split) = self.plan.splits.iter().find(|split| split.source == source) else {
            return 1.0;
        };
        let shares = split.parts.iter().skip(1).map(|(_, share)| *share);
        match split.rule {
            SplitRule::Time
            | SplitRule::TimePer(_)
            | SplitRule::DayShare
            | SplitRule::Random(_) => shares.fold(0.0, f64::max),
            SplitRule::LastPer(_) | SplitRule::Day => 1.0,
        }
    }

    /// What a program holds as it runs, with its inputs on the host.
    fn executed(&self, owner: Owner, batches: u64) -> Vec<Part> {
        let Some(program) = self.program(owner) else {
            return Vec::new();
        };
        let mut parts = vec![self.live(program)];
        let host = program.inputs.times(batches) + program.outputs;
        parts.push(part(
            "its inputs and outputs",
            host,
            Some(owner.span(self.plan)),
        ));
        parts
    }

    fn live(&self, program: &ProgramCost) -> Part {
        let largest = program
            .by_place
            .iter()
            .max_by_key(|place| place.largest.count);
        let span = largest.map_or(program.owner.span(self.plan), |place| place.span);
        part(
            format!("values of {}", program.owner.describe(self.plan)),
            program.live,
            Some(span),
        )
    }

    fn program(&self, owner: Owner) -> Option<&ProgramCost> {
        self.programs.iter().find(|program| program.owner == owner)
    }
}

/// How much of an evaluation is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Detail {
    Metrics,
    Full,
}

/// Of two things that are not held at once the one that takes more.
fn larger(a: Vec<Part>, b: Vec<Part>) -> Vec<Part> {
    let bytes = |parts: &[Part]| parts.iter().map(|part| part.bytes).sum::<Amount>().count;
    if bytes(&b) > bytes(&a) { b } else { a }
}

/// What a kept list of keys takes, about.
const BYTES_OF_A_LIST: u64 = 3_500;
/// What a kept score takes with the keys of its row, about.
const BYTES_OF_A_SCORE: u64 = 700;

/// Refuses a plan that needs more than `limit` bytes: names the three largest causes with their places.
pub fn refusal(peak: &Peak, limit: u64) -> Option<Diagnostic> {
    if peak.bytes.count <= limit {
        return None;
    }
    let mut causes: Vec<&Part> = peak.parts.iter().collect();
    causes.sort_by_key(|part| std::cmp::Reverse(part.bytes.count));
    causes.truncate(3);
    let place = causes.iter().find_map(|part| part.span);
    let place = place.unwrap_or(Span::new(reckon_grammar::span::FileId(0), 0, 0));
    let needs = match peak.bytes.sure {
        Sure::Exact | Sure::AtMost => shown(peak.bytes.count),
        Sure::Open => format!("at least {}", shown(peak.bytes.count)),
    };
    let message = format!(
        "this needs {needs} of memory in `{}`, and may have {}",
        peak.stage,
        shown(limit)
    );
    let mut diagnostic = Diagnostic::error(TOO_LARGE, place, message);
    let mut seen: Vec<Span> = Vec::new();
    for cause in causes {
        let says = format!("{} for {}", shown(cause.bytes.count), cause.what);
        match cause.span {
            Some(span) if !seen.contains(&span) => {
                if seen.is_empty() {
                    diagnostic = diagnostic.here(says);
                } else {
                    diagnostic = diagnostic.label(span, says);
                }
                seen.push(span);
            }
            Some(_) | None => diagnostic = diagnostic.note(says),
        }
    }
    Some(diagnostic.help(
        "make the largest smaller: fewer ids (`vocab(top: ...)`, `min_count`), narrower vectors, a smaller `batch`; \
         `reckon build --cost` lists all of it; `reckon run --memory none` tries in spite of this",
    ))
}

fn shown(count: u64) -> String {
    bytes(usize::try_from(count).unwrap_or(usize::MAX))
}
