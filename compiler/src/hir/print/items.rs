//! Items: declarations with every default made visible.

use super::Printer;
use super::expr::init;
use crate::build::rows::text;
use crate::graph::text::rule;
use crate::hir::{
    Amount, Draw, Evaluation, EvaluationKind, Except, Expr, Feature, ItemGraph, Loop, Loss,
    Negatives, Optimizer, Origin, Pick, Rows, Sampler, Tables, Tower, Train, Turn, Ty,
};
use crate::plan::print::{scores_lines, source_lines, split};
use crate::plan::{Schedule, SlicePlan};

impl Printer<'_> {
    pub(super) fn settings(&mut self) {
        for (name, value) in &self.hir.settings {
            self.out.push_str(&format!("setting {name} = {value}\n"));
        }
    }

    pub(super) fn sources(&mut self) {
        for source in &self.hir.sources {
            self.item();
            let labels = |column: &str| {
                let name = (source.name.clone(), column.to_owned());
                self.hir.labels.contains(&name)
            };
            let lines = source_lines(source, &labels);
            self.out.push_str(&lines);
            if let Some(condition) = self.hir.conditions.get(&source.name) {
                self.line(&format!("  rows of which this holds: {}", text(condition)));
            }
        }
        for one in &self.hir.splits {
            self.item();
            self.line(&format!("split {}", split(one)));
        }
    }

    pub(super) fn features(&mut self) {
        let mut last = None;
        for feature in &self.hir.features {
            if last != Some(&feature.source) {
                if last.is_some() {
                    self.line("}");
                }
                self.item();
                self.line(&format!("features {} {{", feature.source));
            }
            self.taken.clear();
            self.feature(feature);
            last = Some(&feature.source);
        }
        if last.is_some() {
            self.line("}");
        }
    }

    pub(super) fn feature(&mut self, feature: &Feature) {
        for doc in &feature.docs {
            self.line(format!("  /// {}", doc.trim()).trim_end());
        }
        self.name(feature.row, &feature.source);
        let head = format!("  {}: {}", feature.name, self.ty(&feature.value.ty));
        self.line(&format!("{head}{}", Self::remark(&feature.value)));
        let value = self.whole(&feature.value, 2, 6);
        self.line(&format!("    = {value}"));
    }

    pub(super) fn weights(&mut self) {
        for weight in &self.hir.weights {
            self.item();
            let ty = self.ty(&Ty::Tensor(weight.ty.clone()));
            self.line(&format!(
                "weight {}: {ty} = {}",
                weight.name,
                init(&weight.init)
            ));
        }
    }

    pub(super) fn towers(&mut self) {
        for scores in &self.hir.scores {
            self.item();
            let lines = scores_lines(scores);
            self.out.push_str(&lines);
        }
        for tower in &self.hir.towers {
            self.item();
            self.tower(tower);
        }
    }

    pub(super) fn tower(&mut self, tower: &Tower) {
        if let Some(origin) = derived(tower) {
            self.line(&format!("teacher {} {origin}", tower.name));
            return;
        }
        let params: Vec<String> = tower
            .params
            .iter()
            .map(|(id, name, ty)| format!("{}: {}", self.name(*id, name), self.ty(ty)))
            .collect();
        let keyword = match &tower.teacher {
            None => "tower",
            Some(teacher) if teacher.tables == Tables::Shared => "teacher sharing tables",
            Some(_) => "teacher",
        };
        let head = format!("{keyword} {}({})", tower.name, params.join(", "));
        self.body(&head, &tower.value);
    }

    /// `head -> type = value`
    pub(super) fn body(&mut self, head: &str, value: &Expr) {
        let ty = self.ty(&value.ty);
        self.line(&format!("{head} -> {ty}{}", Self::remark(value)));
        let value = self.whole(value, 1, 4);
        self.line(&format!("  = {value}"));
    }

    pub(super) fn graphs(&mut self) {
        for graph in &self.hir.graphs {
            self.item();
            self.graph(graph);
        }
        for affinity in &self.hir.affinities {
            self.item();
            let seeds = self.rows(&affinity.seeds);
            self.line(&format!(
                "`{}` by graph {} to {seeds}",
                affinity.column, affinity.graph
            ));
        }
    }

    pub(super) fn graph(&mut self, graph: &ItemGraph) {
        let rows = self.rows(&graph.rows);
        let (nearness, people, things) = (&graph.nearness, &graph.people, &graph.things);
        let head = format!("graph {} = {nearness}: {things}", graph.name);
        let weight = graph.weight.as_ref();
        let weight = weight.map(|weight| format!(", weighed {}", self.whole(weight, 0, 0)));
        let weight = weight.unwrap_or_default();
        self.line(&format!("{head} by the {people} of {rows}{weight}"));
    }

    pub(super) fn daily(&mut self) {
        if let Some(daily) = &self.hir.daily {
            self.item();
            self.turns(daily);
        }
    }

    pub(super) fn turns(&mut self, daily: &Loop) {
        let by = crate::value::Value::Duration(daily.by);
        self.line(&format!(
            "loop {} over {} by {by} {{",
            daily.name, daily.source
        ));
        for turn in &daily.turns {
            self.line(&match turn {
                Turn::Graph(name) => format!("  graph {name}"),
                Turn::Column(source, name) => format!("  column {name} of {source}"),
                Turn::Train(name) => format!("  train {name}"),
                Turn::Evaluate(name) => format!("  evaluate {name}"),
            });
        }
        self.line("}");
    }

    pub(super) fn losses(&mut self) {
        for loss in &self.hir.losses {
            self.item();
            self.loss(loss);
        }
    }

    pub(super) fn loss(&mut self, loss: &Loss) {
        let trains = match loss.trains.is_empty() {
            true => String::new(),
            false => format!(" for {}", loss.trains.join(", ")),
        };
        let rows = self.rows(&loss.rows);
        self.body(
            &format!("loss {}{trains} over {rows}", loss.name),
            &loss.value,
        );
    }

    pub(super) fn rows(&mut self, rows: &Rows) -> String {
        self.name(rows.row, &rows.source);
        let mut text = rows.source.clone();
        if let Some(window) = &rows.window {
            text.push_str(&format!(" {window}"));
        }
        if let Some(condition) = &rows.condition {
            let condition = self.whole(condition, 0, 0);
            text.push_str(&format!(" where {condition}"));
        }
        for pick in &rows.picks {
            text.push_str(&self.pick(pick));
        }
        if let Some(picks) = &rows.balanced {
            let second: Vec<String> = picks.iter().map(|pick| self.pick(pick)).collect();
            text = format!("balanced({text}, {}{})", rows.source, second.concat());
        }
        if let Some(negatives) = &rows.negatives {
            text.push_str(&self.negatives(negatives));
        }
        if let Some(group) = &rows.group {
            let most = rows.most.map(|most| format!(", most: {most}"));
            let by = self.whole(group, 0, 0);
            text.push_str(&format!(" |> group({by}{})", most.unwrap_or_default()));
        }
        match &rows.drawn {
            None => {}
            Some(Draw::Uniform) => text.push_str(" |> sample(uniform)"),
            Some(Draw::By(by)) => {
                text.push_str(&format!(" |> sample({})", self.whole(by, 0, 0)));
            }
        }
        if let Some(batch) = rows.batch {
            text.push_str(&format!(" batch {batch}"));
        }
        text
    }

    fn pick(&mut self, pick: &Pick) -> String {
        match pick {
            Pick::Keep(cond) => format!(" |> keep({})", self.whole(cond, 0, 0)),
            Pick::AtMost(n, by) => {
                let by = by.as_ref().map(|by| self.whole(by, 0, 0));
                let by = by.map(|by| format!(", by: {by}")).unwrap_or_default();
                let n = match n {
                    Amount::Rows(n) => n.to_string(),
                    Amount::Times(factor, rows) => format!("{factor} * count({})", self.rows(rows)),
                };
                format!(" |> at_most({n}{by})")
            }
            Pick::Top(share, by) => {
                format!(" |> top({}%, by: {})", share * 100.0, self.whole(by, 0, 0))
            }
            Pick::Weigh(weight) => format!(" |> weigh({})", self.whole(weight, 0, 0)),
            Pick::DownSample(cond, rate) => {
                format!(" |> down_sample({}, {rate})", self.whole(cond, 0, 0))
            }
        }
    }

    fn negatives(&mut self, negatives: &Negatives) -> String {
        let except = match negatives.except {
            Except::Nothing => "",
            Except::Clicked => ", except: clicked",
            Except::Seen => ", except: seen",
        };
        let by = self.sampler(&negatives.sampler);
        let entity = &negatives.sampler.entity;
        format!(" |> negatives({entity}, {}{by}{except})", negatives.count)
    }

    pub(super) fn sampler(&mut self, sampler: &Sampler) -> String {
        let count = format!("count({}) ^ {}", sampler.entity, sampler.power);
        match (&sampler.weight, sampler.power == 0.0) {
            (None, true) => String::new(),
            (None, false) => format!(", by: {count}"),
            (Some(weight), true) => format!(", by: {}", self.whole(weight, 0, 0)),
            (Some(weight), false) => format!(", by: {count} * {}", self.whole(weight, 0, 0)),
        }
    }

    pub(super) fn trainings(&mut self) {
        for train in &self.hir.trains {
            self.item();
            self.training(train);
        }
    }

    pub(super) fn training(&mut self, train: &Train) {
        self.line(&format!("train {} {{", train.name));
        let terms: Vec<String> = train
            .minimize
            .iter()
            .map(|(factor, name)| match factor {
                1.0 => name.clone(),
                factor => format!("{factor} * {name}"),
            })
            .collect();
        self.line(&format!("  minimize {}", terms.join(" + ")));
        self.line(&format!("  batch {}", train.batch));
        self.line(&format!("  epochs {}", train.epochs));
        self.line(&format!("  optimizer {}", optimizer(train.optimizer)));
        self.line(&format!("  embeddings {}", optimizer(train.embeddings)));
        match train.clip {
            Some(clip) => self.line(&format!("  clip {clip:?}")),
            None => self.line("  clip none"),
        }
        self.line(&format!("  accumulate {}", train.accumulate));
        let (shape, warmup) = match train.schedule {
            Schedule::Constant { warmup } => ("constant", warmup),
            Schedule::Cosine { warmup } => ("cosine", warmup),
            Schedule::Linear { warmup } => ("linear", warmup),
        };
        self.line(&format!("  schedule {shape}(warmup: {warmup})"));
        match &train.stop {
            Some((split, evaluation, metric, patience)) => self.line(&format!(
                "  stop early on {split} {evaluation}.{metric} patience {patience}"
            )),
            None => self.line("  stop after the last epoch"),
        }
        self.line("}");
    }

    pub(super) fn evaluations(&mut self) {
        for evaluation in &self.hir.evaluations {
            self.item();
            self.evaluation(evaluation);
        }
    }

    pub(super) fn evaluation(&mut self, evaluation: &Evaluation) {
        let rows = self.rows(&evaluation.rows);
        let name = &evaluation.name;
        match &evaluation.kind {
            EvaluationKind::Retrieval {
                entity,
                catalogue,
                per,
                score,
                except_seen,
            } => {
                self.line(&format!("evaluate {name}: retrieval over {rows} {{"));
                self.name(*catalogue, &format!("catalogue({entity})"));
                match per {
                    Some(per) => self.line(&format!("  a query for each {per}")),
                    None => self.line("  a query for each row"),
                }
                let score = self.entry_value(score);
                let seen = if *except_seen { " except seen" } else { "" };
                self.line(&format!("  rank {entity} by {score}{seen}"));
            }
            EvaluationKind::Ranking { score, label } => {
                self.line(&format!("evaluate {name}: ranking over {rows} {{"));
                let score = self.entry_value(score);
                self.line(&format!("  score {score}"));
                let label = self.entry_value(label);
                self.line(&format!("  label {label}"));
            }
        }
        self.line(&format!("  report {}", evaluation.metrics.join(", ")));
        for slice in &evaluation.slices {
            let text = match slice {
                SlicePlan::Popularity { entity, groups } => {
                    format!("popularity({entity}, {groups})")
                }
                SlicePlan::Output { source, output } => format!("{source}.{output}"),
            };
            self.line(&format!("  slice by {text}"));
        }
        for slice in &evaluation.slice_exprs {
            let slice = self.entry_value(slice);
            self.line(&format!("  slice by {slice}"));
        }
        if let Some(interval) = &evaluation.interval {
            self.line(&format!("  interval by {interval}"));
        }
        match &evaluation.baselines {
            Some(baselines) if baselines.is_empty() => self.line("  baselines none"),
            Some(baselines) => self.line(&format!("  baselines {}", baselines.join(", "))),
            None => self.line("  baselines of its kind"),
        }
        self.line("}");
    }

    /// The value of an entry with its type.
    fn entry_value(&mut self, e: &Expr) -> String {
        let ty = self.ty(&e.ty);
        let value = self.expr(e, 1, 16);
        format!("{value}: {ty}")
    }

    pub(super) fn exports(&mut self) {
        if !self.hir.exports.is_empty() {
            self.item();
            let names: Vec<&str> = self
                .hir
                .exports
                .iter()
                .map(|(name, _)| name.as_str())
                .collect();
            self.line(&format!("export {}", names.join(", ")));
        }
    }

    pub(super) fn tests(&mut self) {
        for test in &self.hir.tests {
            self.item();
            self.line(&format!("test {:?} {{", test.title));
            for (id, name, e) in &test.lets {
                let ty = self.ty(&e.ty);
                let value = self.expr(e, 1, 20);
                let name = self.name(*id, name);
                self.line(&format!("  let {name}: {ty} = {value}"));
            }
            for assert in &test.asserts {
                let left = self.expr(&assert.left, 1, 9);
                let claim = match &assert.right {
                    Some(right) => {
                        let right = self.expr(right, 1, 20);
                        format!("{left} ~= {right} within {:?}", assert.within)
                    }
                    None => left,
                };
                self.line(&format!("  assert {claim}"));
            }
            self.line("}");
        }
    }
}

/// Where a teacher without a body of its own comes from.
pub(super) fn derived(tower: &Tower) -> Option<String> {
    let teacher = tower.teacher.as_ref()?;
    let origin = match &teacher.origin {
        Origin::Own => return None,
        Origin::Like(of) => format!("like {of}"),
        Origin::Taken { like, run } => format!("like {like} from checkpoint {run:?}"),
        Origin::CopyOf(of) => format!("copy of {of}"),
        Origin::Before(of) => format!("{of} as the day began"),
        Origin::EmaOf(of, decay) => format!("ema of {of} decay {decay:?}"),
    };
    Some(match teacher.tables {
        Tables::Own => origin,
        Tables::Shared => format!("{origin} shares tables"),
    })
}

fn optimizer(optimizer: Optimizer) -> String {
    let rule = rule(optimizer.rule);
    format!("{} lr {:?}", rule, optimizer.lr)
}
