//! A ranking evaluation of a plan.

use std::collections::BTreeMap;

use reckon_compiler::graph::Op;
use reckon_compiler::plan::{Plan, Program};
use reckon_torch::{Device, Store};

use super::{Detail, Evaluated, Frame, slices, unknown};
use crate::baseline::rate::Rates;
use crate::data::ABSENT_ROW;
use crate::evaluate::predictions::{Prediction, Said};
use crate::evaluate::report::{BaselineValue, Report};
use crate::evaluate::scored::Scored;
use crate::evaluate::slice::Slice;
use crate::failure::Failure;
use crate::metric::ranking::RankingMetric;
use crate::random::Key;
use crate::step::Step;

/// Rows scored at once.
const ROWS_A_BLOCK: usize = 8_192;

/// A ranking evaluation that is ready to be asked.
pub(super) struct Ranking<'a> {
    frame: Frame<'a>,
    metrics: Vec<RankingMetric>,
    slices: Vec<Slice>,
    score: Step<'a>,
    /// The labels of training rows, which baselines need and scores are not needed for.
    label: Program,
    /// The entity whose rate is a baseline.
    item: Option<String>,
    /// The reference that rows are drawn by for intervals.
    grouped_by: Option<String>,
    device: Device,
}

impl<'a> Ranking<'a> {
    pub(super) fn new(
        frame: Frame<'a>,
        whole: &Plan,
        score: &'a Program,
        device: Device,
    ) -> Result<Self, Failure> {
        let plan = frame.plan;
        let metric = |name: &String| {
            let metric = RankingMetric::parse(name);
            metric.ok_or_else(|| unknown(plan, "metric", name, NAMES.iter().copied()))
        };
        let metrics: Vec<RankingMetric> =
            plan.metrics.iter().map(metric).collect::<Result<_, _>>()?;
        let asks = metrics.iter().find_map(|metric| match metric {
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
        let score_step = Step::new(frame.data, score, &[], device, plan.span)?;
        Ok(Self {
            frame,
            metrics,
            slices,
            score: score_step,
            label: only_label(score),
            item,
            grouped_by,
            device,
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
        let rows = frame.rows(Some(split));
        let scores = self.outputs(store, &self.score, &rows, "score")?;
        let not_finite = scores.iter().filter(|score| !score.is_finite()).count();
        if not_finite > 0 {
            return Err(frame.not_finite(split, not_finite));
        }
        let scored = Scored {
            scores,
            labels: self.labels(store, &rows)?,
            references: self.references(&rows),
        };
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

    /// The metrics of rows that were scored before.
    pub(super) fn report_of(
        &self,
        predictions: &[Prediction],
        split: &str,
        detail: Detail,
    ) -> Report {
        let rows: Vec<u32> = predictions.iter().map(|one| one.row).collect();
        let said = predictions.iter().filter_map(|one| match &one.said {
            Said::Score { score, label } => Some((*score, *label)),
            Said::List { .. } => None,
        });
        let (scores, labels) = said.unzip();
        let scored = Scored {
            scores,
            labels,
            references: self.references(&rows),
        };
        self.measured(&scored, &rows, split, detail)
    }

    /// What scores of rows are worth, without baselines.
    fn measured(&self, scored: &Scored, rows: &[u32], split: &str, detail: Detail) -> Report {
        let frame = self.frame;
        let by = frame.plan.interval.as_deref();
        let by = by.filter(|_| detail == Detail::Full);
        let interval = by.map(|by| (by, Key::new(frame.seed)));
        let measured = scored.measure(&self.metrics, interval);
        let mut report = frame.report(split, "rows", rows.len());
        report.metrics = measured.metrics;
        report.notes = measured.notes;
        if detail == Detail::Full {
            report.slices = scored.slices(&self.metrics, &self.slices, rows);
        }
        report
    }

    fn predictions(&self, rows: &[u32], scored: &Scored) -> Vec<Prediction> {
        let said = scored.scores.iter().zip(&scored.labels);
        rows.iter()
            .zip(said)
            .map(|(row, (score, label))| Prediction {
                row: *row,
                day: None,
                by: self.grouped_by.clone(),
                of: self.frame.keys_at(*row, |_| true),
                said: Said::Score {
                    score: *score,
                    label: *label,
                },
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
        let training = frame.rows(first.map(String::as_str));
        let labels = self.labels(store, &training)?;
        let absent = |rows: usize| vec![ABSENT_ROW; rows];
        let item = |references: &BTreeMap<String, Vec<u32>>, rows: usize| {
            self.item
                .as_ref()
                .and_then(|item| references.get(item))
                .cloned()
                .unwrap_or_else(|| absent(rows))
        };
        let items = self
            .item
            .as_ref()
            .and_then(|item| frame.data.source(item))
            .map_or(0, |source| source.rows);
        let rates = Rates::fit(
            &labels,
            &item(&self.references(&training), training.len()),
            items,
        );
        for name in &frame.plan.baselines {
            let scores = match name.as_str() {
                "constant" => rates.constant(scored.scores.len()),
                "item_rate" => rates.of_items(&item(&scored.references, scored.scores.len())),
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

    /// For each reference the entity row of each of these rows.
    fn references(&self, rows: &[u32]) -> BTreeMap<String, Vec<u32>> {
        let of = |references: &Vec<u32>| rows.iter().map(|row| references[*row as usize]).collect();
        self.frame
            .events
            .references
            .iter()
            .map(|(name, references)| (name.clone(), of(references)))
            .collect()
    }

    fn labels(&self, store: &mut Store, rows: &[u32]) -> Result<Vec<f32>, Failure> {
        let step = Step::new(
            self.frame.data,
            &self.label,
            &[],
            self.device,
            self.frame.plan.span,
        )?;
        self.outputs(store, &step, rows, "label")
    }

    /// An output of a program for each row, in blocks.
    fn outputs(
        &self,
        store: &mut Store,
        step: &Step<'_>,
        rows: &[u32],
        name: &str,
    ) -> Result<Vec<f32>, Failure> {
        let mut values = Vec::with_capacity(rows.len());
        for block in rows.chunks(ROWS_A_BLOCK) {
            let batch = step
                .assembler
                .assemble(&[block.to_vec()], self.frame.step_key());
            let outputs = step.run(store, &batch, &[], &self.frame.run_key(values.len()))?;
            let block = outputs.f32(name);
            values.extend(block.ok_or_else(|| self.frame.no_output(name))?);
        }
        Ok(values)
    }
}

/// The part of a program that gives its labels.
fn only_label(score: &Program) -> Program {
    let mut program = score.clone();
    program.graph.outputs.retain(|(name, _)| name == "label");
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
