//! A ranking evaluation of a plan.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

use reckon_compiler::cost::ROWS_A_BLOCK;
use reckon_compiler::graph::Op;
use reckon_compiler::plan::{Plan, Program};
use reckon_torch::Store;

use super::{Detail, Evaluated, Frame, slices, unknown};
use crate::baseline::rate::Rates;
use crate::data::{ABSENT_ROW, AskedRows, Selected, StepKey, read_requests};
use crate::evaluate::predictions::{Prediction, Said};
use crate::evaluate::report::{BaselineValue, Report};
use crate::evaluate::scored::Scored;
use crate::evaluate::slice::Slice;
use crate::failure::Failure;
use crate::metric::ranking::RankingMetric;
use crate::profile::Owner;
use crate::random::Key;
use crate::run::{PredictedRow, Predictions};
use crate::step::Step;

/// A ranking evaluation that is ready to be asked.
pub(super) struct Ranking<'a> {
    frame: Frame<'a>,
    metrics: Vec<RankingMetric>,
    /// By row, or by what a row refers to of an entity.
    slices: Vec<(Slice, Option<String>)>,
    score: Step<'a>,
    /// The labels of training rows, which baselines need and scores are not needed for.
    label: Program,
    /// The entity whose rate is a baseline.
    item: Option<String>,
    /// The reference that rows are drawn by for intervals.
    grouped_by: Option<String>,
}

impl<'a> Ranking<'a> {
    pub(super) fn new(frame: Frame<'a>, whole: &Plan, score: &'a Program) -> Result<Self, Failure> {
        let plan = frame.plan;
        let metric = |name: &String| {
            let metric = RankingMetric::parse(name);
            metric.ok_or_else(|| unknown(plan, "metric", name, NAMES.iter().copied()))
        };
        let metrics: Vec<RankingMetric> =
            plan.metrics.iter().map(metric).collect::<Result<_, _>>()?;
        let asks = metrics.iter().find_map(|metric| match metric.plain() {
            RankingMetric::Gauc(group) => Some(group.as_str()),
            _ => plan.interval.as_deref(),
        });
        // What is ranked is the last reference that does not group the rows: `user_id -> user` comes before the items.
        let references = whole
            .source(&plan.source)
            .map_or(&[][..], |source| &source.references);
        let items = || {
            references
                .iter()
                .rev()
                .map(|reference| reference.target.as_str())
        };
        let item = items()
            .find(|target| Some(*target) != asks)
            .or_else(|| items().next())
            .map(str::to_owned);
        let grouped_by = plan.interval.as_deref().or(asks).map(str::to_owned);
        let slices = plan
            .slices
            .iter()
            .map(|slice| slices::ranking(frame, slice))
            .collect::<Result<_, _>>()?;
        let score_step = step(frame, score)?;
        Ok(Self {
            frame,
            metrics,
            slices,
            score: score_step,
            label: only(score, "label"),
            item,
            grouped_by,
        })
    }

    pub(super) fn report(
        &self,
        store: &mut Store,
        split: &str,
        detail: Detail,
    ) -> Result<Evaluated, Failure> {
        let frame = self.frame;
        frame.part(split)?;
        let selected = frame.asked(Some(split));
        let (scores, _) = self.outputs(store, &self.score, &selected, "score")?;
        let not_finite = scores.iter().filter(|score| !score.is_finite()).count();
        if not_finite > 0 {
            return Err(frame.not_finite(split, not_finite));
        }
        let (labels, rows) = self.labels(store, &selected)?;
        if let Some(label) = labels.iter().find(|label| !(0.0..=1.0).contains(*label)) {
            return Err(frame.no_outcome(f64::from(*label)));
        }
        let scored = self.scored(scores, labels, &rows, &selected);
        let mut report = self.measured(&scored, &rows, split, detail);
        if detail == Detail::Full {
            self.add_baselines(store, &scored, &mut report)?;
        }
        let predictions = match detail {
            Detail::Metrics => Vec::new(),
            Detail::Kept | Detail::Full => self.predictions(&rows, &scored),
        };
        Ok(Evaluated {
            report,
            predictions,
        })
    }

    /// The scores of the rows of a file, which have no labels.
    pub(super) fn predict(
        &self,
        plan: &Plan,
        store: &mut Store,
        rows: &Path,
    ) -> Result<Predictions, Failure> {
        let frame = self.frame;
        let score = only(self.score.plan, "score");
        let events = &frame.plan.source;
        let requests = read_requests(plan, frame.data, &score, events, rows);
        let requests = requests.map_err(Failure::data)?;
        let owner = Owner::Evaluation(&frame.plan.name);
        let step = Step::new(
            frame.data,
            &score,
            &[],
            frame.machine,
            owner,
            frame.plan.span,
        )?;
        let mut predicted = Vec::new();
        for block in requests.blocks(ROWS_A_BLOCK) {
            let key = frame.step_key();
            let batch = step
                .assembler
                .assemble_requests(&requests, block.clone(), key);
            let outputs = step.run(store, &batch, &[], &frame.run_key(block.start as usize))?;
            let scores = outputs
                .f32("score")
                .ok_or_else(|| frame.no_output("score"))?;
            let rows = block.zip(scores).map(|(request, score)| PredictedRow {
                row: requests.row(request),
                score,
            });
            predicted.extend(rows);
        }
        let not_finite = predicted
            .iter()
            .filter(|row| !row.score.is_finite())
            .count();
        if not_finite > 0 {
            return Err(frame.not_finite("the rows of the file", not_finite));
        }
        Ok(Predictions {
            rows: predicted,
            notes: requests.notes,
        })
    }

    /// The metrics of rows that were scored before.
    pub(super) fn report_of(
        &self,
        predictions: &[Prediction],
        split: &str,
        detail: Detail,
    ) -> Report {
        let rows = AskedRows {
            of: predictions.iter().map(|one| one.row).collect(),
            drawn: predictions.iter().map(|one| one.drawn).collect(),
            log_counts: Vec::new(),
        };
        let scored = Scored {
            references: self.references(&rows),
            ..Scored::of(predictions)
        };
        self.measured(&scored, &rows, split, detail)
    }

    /// What scores of rows are worth, without baselines.
    fn measured(&self, scored: &Scored, rows: &AskedRows, split: &str, detail: Detail) -> Report {
        let frame = self.frame;
        let by = frame.plan.interval.as_deref();
        let by = by.filter(|_| detail == Detail::Full);
        let interval = by.map(|by| (by, Key::new(frame.seed)));
        let measured = scored.measure(&self.metrics, interval);
        let mut report = frame.report(split, "rows", rows.of.len());
        report.metrics = measured.metrics;
        report.notes = measured.notes;
        let drawn = rows.drawn.iter().flatten().count();
        if drawn > 0 {
            let beside = rows.of.len() - drawn;
            let note = format!("{drawn} of the rows are drawn beside {beside}");
            report.notes.push(note);
        }
        if detail == Detail::Full {
            report.slices = scored.slices(&self.metrics, &self.slices, &rows.of);
        }
        report
    }

    fn scored(
        &self,
        scores: Vec<f32>,
        labels: Vec<f32>,
        rows: &AskedRows,
        selected: &Selected,
    ) -> Scored {
        let of = |values: &Option<Vec<f32>>, row: u32| {
            values.as_ref().map(|values| values[row as usize])
        };
        let weight = |row: &u32| of(&selected.weights, *row).unwrap_or(1.0);
        let counts = rows.of.iter().zip(&rows.log_counts);
        Scored {
            scores,
            labels,
            references: self.references(rows),
            weights: rows.of.iter().map(weight).collect(),
            log_counts: counts
                .map(|(row, log)| log + of(&selected.log_q, *row).unwrap_or(0.0))
                .collect(),
        }
    }

    fn predictions(&self, rows: &AskedRows, scored: &Scored) -> Vec<Prediction> {
        let thing = |drawn: Option<u32>| Some((self.drawn_from()?, drawn?));
        let said = |at: usize| Said::Score {
            score: scored.scores[at],
            label: scored.labels[at],
            weight: scored.weights[at],
            log_count: scored.log_counts[at],
        };
        (0..rows.of.len())
            .map(|at| Prediction {
                row: rows.of[at],
                day: None,
                by: self.grouped_by.clone(),
                drawn: rows.drawn[at],
                of: self.frame.keys_at(rows.of[at], thing(rows.drawn[at])),
                said: said(at),
            })
            .collect()
    }

    fn add_baselines(
        &self,
        store: &mut Store,
        scored: &Scored,
        report: &mut Report,
    ) -> Result<(), Failure> {
        let frame = self.frame;
        if frame.plan.baselines.is_empty() {
            return Ok(());
        }
        let first = frame.split.and_then(|parts| parts.names.first());
        let selected = frame.asked(first.map(String::as_str));
        let (labels, rows) = self.labels(store, &selected)?;
        let training = self.scored(vec![0.0; labels.len()], labels, &rows, &selected);
        let absent = |rows: usize| vec![ABSENT_ROW; rows];
        let item = |scored: &Scored| {
            let item = self.item.as_ref();
            item.and_then(|item| scored.references.get(item))
                .cloned()
                .unwrap_or_else(|| absent(scored.scores.len()))
        };
        let items = self
            .item
            .as_ref()
            .and_then(|item| frame.data.source(item))
            .map_or(0, |source| source.rows);
        // Rates of all rows, where any metric is of all rows.
        let corrects = self.metrics.iter().find(|metric| metric.corrects());
        let weights = training.weights_in(corrects.unwrap_or(&RankingMetric::Auc));
        let rates = Rates::fit(&training.labels, &weights, &item(&training), items);
        for name in &frame.plan.baselines {
            let scores = match name.as_str() {
                "constant" => rates.constant(scored.scores.len()),
                "item_rate" => rates.of_items(&item(scored)),
                _ => {
                    report.notes.push(format!(
                        "baseline `{name}` is left out: it is none of constant, item_rate"
                    ));
                    continue;
                }
            };
            let metrics = scored
                .with_scores(scores)
                .measure(&self.metrics, None)
                .metrics;
            report.baselines.push(BaselineValue {
                name: name.clone(),
                metrics,
            });
        }
        Ok(())
    }

    /// The entity that rows are drawn from.
    fn drawn_from(&self) -> Option<&str> {
        let pool = self.frame.plan.pool.as_ref()?;
        let negatives = pool.negatives.as_ref()?;
        Some(negatives.sampler.entity.as_str())
    }

    /// For each reference the entity row of each of these rows.
    fn references(&self, rows: &AskedRows) -> BTreeMap<String, Vec<u32>> {
        let of = |(name, references): (&String, &Vec<u32>)| {
            let drawn = self.drawn_from() == Some(name);
            let own = rows.of.iter().map(|row| references[*row as usize]);
            let things = own.zip(&rows.drawn);
            let things = things.map(|(own, thing)| thing.filter(|_| drawn).unwrap_or(own));
            (name.clone(), things.collect())
        };
        self.frame.events.references.iter().map(of).collect()
    }

    fn labels(
        &self,
        store: &mut Store,
        selected: &Selected,
    ) -> Result<(Vec<f32>, AskedRows), Failure> {
        let step = step(self.frame, &self.label)?;
        self.outputs(store, &step, selected, "label")
    }

    /// An output of a program for each row, in blocks, and the rows.
    fn outputs(
        &self,
        store: &mut Store,
        step: &Step<'_>,
        selected: &Selected,
        name: &str,
    ) -> Result<(Vec<f32>, AskedRows), Failure> {
        let frame = self.frame;
        let (mut values, mut asked) = (Vec::new(), AskedRows::default());
        let assembler = match frame.plan.pool {
            Some(_) => Cow::Owned(step.assembler.of_selected(selected.clone())),
            None => Cow::Borrowed(&step.assembler),
        };
        for (at, block) in selected.rows.chunks(ROWS_A_BLOCK).enumerate() {
            let (batch, mut rows) = assembler.assemble_asked(block, self.key(at));
            let outputs = step.run(store, &batch, &[], &frame.run_key(values.len()))?;
            let found = outputs.f32(name);
            values.extend(found.ok_or_else(|| frame.no_output(name))?);
            asked.of.append(&mut rows.of);
            asked.drawn.append(&mut rows.drawn);
            asked.log_counts.append(&mut rows.log_counts);
        }
        Ok((values, asked))
    }

    /// What a block is fed under. Every run draws the same rows, so that runs can be compared; a day draws others than the next.
    fn key(&self, block: usize) -> StepKey {
        let key = self.frame.step_key();
        match self.frame.plan.pool {
            Some(_) => StepKey {
                seed: self.frame.data.draws_of_today(),
                step: block as u64,
                ..key
            },
            None => key,
        }
    }
}

/// A program with what feeds it at the rows of an evaluation.
fn step<'p>(frame: Frame<'p>, program: &'p Program) -> Result<Step<'p>, Failure> {
    let pool = frame.plan.pool.as_slice();
    let owner = Owner::Evaluation(&frame.plan.name);
    Step::new(
        frame.data,
        program,
        pool,
        frame.machine,
        owner,
        frame.plan.span,
    )
}

/// The part of a program that gives one of its outputs.
fn only(score: &Program, output: &str) -> Program {
    let mut program = score.clone();
    program.graph.outputs.retain(|(name, _)| name == output);
    let read: Vec<String> = program
        .graph
        .order()
        .into_iter()
        .filter_map(|node| match &program.graph.node(node).op {
            Op::Input(name) => Some(name.clone()),
            _ => None,
        })
        .collect();
    program.feeds.retain(|feed| read.contains(&feed.input));
    program
}

/// What a message lists as known.
const NAMES: [&str; 5] = ["auc", "gauc(user)", "logloss", "calibration", "ne"];
