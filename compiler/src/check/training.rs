//! `train` and `evaluate`.

use reckon_grammar::ast::{self, BinaryOp, ExprKind as Syntax, TrainEntry};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::keywords::TRAIN_ENTRIES;
use reckon_grammar::span::Span;

use super::optimizers::Trained;
use super::{Checker, Frame};
use crate::graph::UpdateRule;
use crate::hir::{Optimizer, Train};
use crate::plan::Schedule;
use crate::value::Value;

impl Checker<'_> {
    pub(super) fn train(&mut self, train: &ast::Train, span: Span) {
        let name = train.name.as_ref().map(|name| name.text.clone());
        let name = name.unwrap_or_else(|| "train".into());
        self.named_once(train, &name, span);
        let mut plan = unwritten(name, span);
        self.frames.push(Frame::default());
        let mut minimized = false;
        let mut given: Vec<(&str, Span)> = Vec::new();
        for entry in &train.entries {
            let head = match entry {
                TrainEntry::Minimize(e) => Some(("minimize", e.span)),
                TrainEntry::Option(name, _) => Some((name.text.as_str(), name.span)),
                TrainEntry::StopEarly { split, .. } => Some(("stop", split.span)),
                TrainEntry::Error(_) => None,
            };
            self.given_once(head, &mut given);
            match entry {
                TrainEntry::Minimize(e) => {
                    minimized = true;
                    self.minimize(e, 1.0, &mut plan);
                }
                TrainEntry::Option(name, value) => self.train_option(name, value, &mut plan),
                TrainEntry::StopEarly {
                    split,
                    evaluation,
                    metric,
                    patience,
                } => self.stop_early(split, evaluation, metric, patience, &mut plan),
                TrainEntry::Error(_) => minimized = true,
            }
        }
        self.frames.pop();
        if !minimized {
            self.report(
                Diagnostic::error(
                    Code(801),
                    span,
                    "a `train` without `minimize` trains nothing",
                )
                .help("name its losses: `minimize main`"),
            );
        }
        self.minimises_in_its_place(&plan.minimize, head(span));
        self.hir.trains.push(plan);
    }

    /// Of several trainings each has a name of its own; those that are written have been looked at as names of items.
    fn named_once(&mut self, train: &ast::Train, name: &str, span: Span) {
        let twin = self.hir.trains.iter().find(|known| known.name == name);
        if let (Some(twin), None) = (twin, &train.name) {
            let twice = format!("two trainings are called `{name}`");
            let twice = Diagnostic::error(Code(204), span, twice)
                .label(twin.span, "the first")
                .help("give each a name: `train first { ... }`");
            self.report(twice);
        }
    }

    /// Each entry of a `train` stands once: two optimisers for one weight would contradict each other.
    fn given_once<'e>(&mut self, head: Option<(&'e str, Span)>, given: &mut Vec<(&'e str, Span)>) {
        let Some((name, span)) = head else { return };
        match given.iter().find(|(known, _)| *known == name) {
            Some((_, first)) => self.report(
                Diagnostic::error(Code(204), span, format!("`{name}` is given twice"))
                    .label(*first, "first given here")
                    .help("keep one of the two"),
            ),
            None => given.push((name, span)),
        }
    }

    fn minimize(&mut self, e: &ast::Expr, factor: f64, plan: &mut Train) {
        match &e.kind {
            Syntax::Binary(BinaryOp::Add, a, b) => {
                self.minimize(a, factor, plan);
                self.minimize(b, factor, plan);
            }
            Syntax::Binary(BinaryOp::Mul, a, b) if matches!(&b.kind, Syntax::Name(name) if self.is_loss(name)) => {
                match self.expr(a).ty.value().and_then(Value::as_f64) {
                    Some(scale) => self.minimize(b, factor * scale, plan),
                    None => self.report(Diagnostic::error(
                        Code(803),
                        a.span,
                        "the factor of a loss is a number known while compiling",
                    )),
                }
            }
            Syntax::Binary(BinaryOp::Mul, a, b) if matches!(&a.kind, Syntax::Name(name) if self.is_loss(name)) =>
            {
                let swapped = ast::Expr {
                    kind: Syntax::Binary(BinaryOp::Mul, b.clone(), a.clone()),
                    span: e.span,
                };
                self.minimize(&swapped, factor, plan);
            }
            Syntax::Name(name) if self.is_loss(name) => {
                if plan.minimize.iter().any(|(_, known)| known == name) {
                    self.report(
                        Diagnostic::error(
                            Code(803),
                            e.span,
                            format!("loss `{name}` is named twice"),
                        )
                        .help(format!("name it once, with a factor: `2 * {name}`")),
                    );
                }
                plan.minimize.push((factor, name.clone()));
            }
            Syntax::Name(name) if self.refused.contains(name) => {}
            // What is multiplied by a number was meant to be a loss.
            Syntax::Binary(BinaryOp::Mul, a, b)
                if matches!(a.kind, Syntax::Int(_) | Syntax::Float(_))
                    && matches!(b.kind, Syntax::Name(_)) =>
            {
                self.minimize(b, factor, plan);
            }
            Syntax::Name(name) => {
                let losses = self.loss_names();
                let losses: Vec<&str> = losses.iter().map(String::as_str).collect();
                self.unknown(804, e.span, "loss", name, &losses);
            }
            Syntax::Error => {}
            _ => self.report(
                Diagnostic::error(Code(803), e.span, "expected a sum of losses")
                    .help("write `minimize main + 0.1 * other`"),
            ),
        }
    }

    pub(super) fn loss_names(&self) -> Vec<String> {
        self.user_items()
            .filter_map(|item| match &item.kind {
                ast::ItemKind::Loss(loss) => Some(loss.name.text.clone()),
                _ => None,
            })
            .collect()
    }

    pub(super) fn is_loss(&self, name: &str) -> bool {
        self.loss_names().iter().any(|known| known == name)
    }

    fn train_option(&mut self, name: &ast::Name, value: &ast::Expr, plan: &mut Train) {
        match name.text.as_str() {
            "batch" => plan.batch = self.whole(value, "batch").unwrap_or(plan.batch),
            "epochs" => plan.epochs = self.whole(value, "epochs").unwrap_or(plan.epochs),
            "accumulate" => {
                plan.accumulate = self.whole(value, "accumulate").unwrap_or(plan.accumulate);
            }
            "clip" => match self.expr(value).ty.value().and_then(Value::as_f64) {
                Some(norm) if norm > 0.0 => plan.clip = Some(norm),
                _ => self.report(Diagnostic::error(
                    Code(802),
                    value.span,
                    "`clip` is a number above 0",
                )),
            },
            "optimizer" => {
                plan.optimizer = self
                    .optimizer(value, Trained::Weights)
                    .unwrap_or(plan.optimizer)
            }
            "embeddings" => {
                plan.embeddings = self
                    .optimizer(value, Trained::Tables)
                    .unwrap_or(plan.embeddings)
            }
            "schedule" => plan.schedule = self.schedule(value).unwrap_or(plan.schedule),
            other => self.no_option(other, value, name.span),
        }
    }

    /// An entry that `train` does not have, and where what it seems to mean is written.
    fn no_option(&mut self, name: &str, value: &ast::Expr, span: Span) {
        let value = reckon_grammar::print_expr(value);
        let help = match name {
            "lr" | "learning_rate" | "rate" => {
                format!("a rate belongs to its optimiser: `optimizer adam(lr: {value})`")
            }
            "weight_decay" | "decay" => {
                format!("a decay belongs to its optimiser: `optimizer adamw(decay: {value})`")
            }
            "batch_size" => format!("write `batch {value}`"),
            "seed" => format!("a seed is given to the run: `reckon run FILE --seed {value}`"),
            "device" => format!("a device is given to the run: `reckon run FILE --device {value}`"),
            "loss" | "losses" => format!("write `minimize {value}`"),
            "warmup" => {
                format!("a warm-up belongs to the schedule: `schedule cosine(warmup: {value})`")
            }
            _ => {
                self.unknown(805, span, "entry of `train`", name, TRAIN_ENTRIES);
                return;
            }
        };
        let message = format!("`train` has no entry `{name}`");
        self.report(Diagnostic::error(Code(805), span, message).help(help));
    }

    /// Whether rows of this source have such a part; there is none without a split.
    fn part_exists(&mut self, source: &str, part: &ast::Name) -> bool {
        let split = self.hir.splits.iter().find(|split| split.source == source);
        let found =
            split.is_some_and(|split| split.parts.iter().any(|(name, _)| *name == part.text));
        let broken = self.user_items().any(
            |item| matches!(&item.kind, ast::ItemKind::Split(split) if split.source.text == source),
        );
        if !(found || split.is_none() && broken) {
            let name = &part.text;
            self.report(
                Diagnostic::error(
                    Code(414),
                    part.span,
                    format!("`{source}` has no part `{name}`"),
                )
                .help(format!(
                    "give it one: `split {source} by ... {{ train 80%, {name} 10%, ... }}`"
                )),
            );
        }
        found
    }

    fn stop_early(
        &mut self,
        split: &ast::Name,
        evaluation: &ast::Name,
        metric: &ast::Metric,
        patience: &ast::Expr,
        plan: &mut Train,
    ) {
        if self.open_loop.is_some() {
            self.not_yet(
                split.span,
                "early stopping in a loop over days",
                "write `epochs 1`: each day trains once through its rows",
            );
            return;
        }
        if !self.stops_on(split) {
            return;
        }
        let Some((metrics, source)) = self.evaluation_named(evaluation) else {
            return;
        };
        if split.text != "test" && !self.part_exists(&source, split) {
            return;
        }
        let Some(names) = self.metric_names(metric) else {
            return;
        };
        let Some(name) = names
            .first()
            .filter(|name| names.len() == 1 && metrics.contains(name))
        else {
            let metrics: Vec<&str> = metrics.iter().map(String::as_str).collect();
            let what = format!("metric of `{}`", evaluation.text);
            let found = names.first().map_or("", String::as_str);
            self.unknown(809, metric.span, &what, found, &metrics);
            return;
        };
        let Some(patience) = self.whole(patience, "patience") else {
            return;
        };
        plan.stop = Some((
            split.text.clone(),
            evaluation.text.clone(),
            name.clone(),
            patience,
        ));
    }

    /// Whether there is such a part. Stopping by test rows is refused, and the rest of the entry is still checked.
    fn stops_on(&mut self, split: &ast::Name) -> bool {
        let known = ["valid", "test", "train"];
        if !known.contains(&split.text.as_str()) {
            self.unknown(414, split.span, "part of a split", &split.text, &known);
            return false;
        }
        if split.text == "test" {
            self.report(
                Diagnostic::error(
                    Code(807),
                    split.span,
                    "early stopping on test rows makes the test figure worthless",
                )
                .help("write `stop early on valid ...`"),
            );
        }
        true
    }

    /// The metrics and the source of an evaluation.
    fn evaluation_named(&mut self, name: &ast::Name) -> Option<(Vec<String>, String)> {
        let evaluations = self.hir.evaluations.iter();
        if let Some(found) = evaluations.clone().find(|known| known.name == name.text) {
            return Some((found.metrics.clone(), found.rows.source.clone()));
        }
        let known: Vec<String> = evaluations.map(|known| known.name.clone()).collect();
        let broken = self.user_items().any(
            |item| matches!(&item.kind, ast::ItemKind::Evaluate(e) if e.name.text == name.text),
        );
        if !broken {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            self.unknown(808, name.span, "evaluation", &name.text, &known);
        }
        None
    }
}

/// The place of a training, which may be many lines long, is told by its first bytes.
fn head(span: Span) -> Span {
    let end = span.end.min(span.start + "train".len() as u32);
    Span { end, ..span }
}

/// A training that says nothing of itself: what its options are where they are not written.
fn unwritten(name: String, span: Span) -> Train {
    Train {
        name,
        minimize: Vec::new(),
        batch: 1024,
        epochs: 1,
        optimizer: Optimizer {
            rule: UpdateRule::Adam {
                beta1: 0.9,
                beta2: 0.999,
                eps: 1e-8,
            },
            lr: 1e-3,
        },
        embeddings: Optimizer {
            rule: UpdateRule::RowwiseAdagrad { eps: 1e-8 },
            lr: 0.05,
        },
        clip: None,
        accumulate: 1,
        schedule: Schedule::Constant { warmup: 0 },
        stop: None,
        span,
    }
}
