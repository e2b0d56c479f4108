//! `train` and `evaluate`.

use reckon_grammar::ast::{
    self, Arg, BinaryOp, EvaluateEntry, EvaluateKind, ExprKind as Syntax, TrainEntry,
};
use reckon_grammar::diagnostic::{Code, Diagnostic, nearest};
use reckon_grammar::span::Span;

use super::{Checker, Frame, list};
use crate::graph::UpdateRule;
use crate::hir::{Evaluation, EvaluationKind, Expr, HandleTy, Optimizer, SpaceKind, Train, Ty};
use crate::plan::{Schedule, SlicePlan};
use crate::value::Value;

const RETRIEVAL: &[&str] = &[
    "recall",
    "hit",
    "ndcg",
    "ndcg_hits_ideal",
    "map",
    "mrr",
    "coverage",
];
const RANKING: &[&str] = &["auc", "gauc", "logloss", "calibration", "ne"];
const OPTIONS: &[&str] = &[
    "minimize",
    "batch",
    "epochs",
    "optimizer",
    "embeddings",
    "clip",
    "accumulate",
    "schedule",
    "stop",
];

impl Checker<'_> {
    pub(super) fn train(&mut self, train: &ast::Train, span: Span) {
        let name = train
            .name
            .as_ref()
            .map_or_else(|| "train".to_owned(), |name| name.text.clone());
        let mut plan = Train {
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
        };
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
        self.hir.trains.push(plan);
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

    fn loss_names(&self) -> Vec<String> {
        self.user_items()
            .filter_map(|item| match &item.kind {
                ast::ItemKind::Loss(loss) => Some(loss.name.text.clone()),
                _ => None,
            })
            .collect()
    }

    fn is_loss(&self, name: &str) -> bool {
        self.loss_names().iter().any(|known| known == name)
    }

    fn train_option(&mut self, name: &ast::Name, value: &ast::Expr, plan: &mut Train) {
        match name.text.as_str() {
            "batch" => plan.batch = self.whole(value, "batch").unwrap_or(plan.batch),
            "epochs" => plan.epochs = self.whole(value, "epochs").unwrap_or(plan.epochs),
            "accumulate" => {
                plan.accumulate = self.whole(value, "accumulate").unwrap_or(plan.accumulate);
                if plan.accumulate > 1 {
                    self.not_yet(value.span, "gradient accumulation");
                }
            }
            "clip" => match self.expr(value).ty.value().and_then(Value::as_f64) {
                Some(norm) if norm > 0.0 => plan.clip = Some(norm),
                _ => self.report(Diagnostic::error(
                    Code(802),
                    value.span,
                    "`clip` is a number above 0",
                )),
            },
            "optimizer" => plan.optimizer = self.optimizer(value, false).unwrap_or(plan.optimizer),
            "embeddings" => {
                plan.embeddings = self.optimizer(value, true).unwrap_or(plan.embeddings)
            }
            "schedule" => plan.schedule = self.schedule(value).unwrap_or(plan.schedule),
            other => {
                self.unknown(805, name.span, "entry of `train`", other, OPTIONS);
            }
        }
    }

    /// The name and the named numbers of `adam(lr: 1e-3)`.
    fn numbers<'e>(
        &mut self,
        e: &'e ast::Expr,
        allowed: &[&str],
    ) -> Option<(&'e str, Vec<(String, f64)>)> {
        let none: &[Arg] = &[];
        let (name, args) = match &e.kind {
            Syntax::Call(callee, args) => match &callee.kind {
                Syntax::Name(name) => (name.as_str(), args.as_slice()),
                _ => return None,
            },
            Syntax::Name(name) => (name.as_str(), none),
            _ => return None,
        };
        let mut found = Vec::new();
        for arg in args {
            let Some(key) = &arg.name else {
                self.report(
                    Diagnostic::error(
                        Code(222),
                        arg.value.span,
                        format!("arguments of `{name}` have names"),
                    )
                    .note(format!("they are {}", list(allowed))),
                );
                return Some((name, found));
            };
            if !allowed.contains(&key.text.as_str()) {
                let unknown = Diagnostic::error(
                    Code(222),
                    key.span,
                    format!("`{name}` has no argument `{}`", key.text),
                );
                self.report(match nearest(&key.text, allowed.iter().copied()) {
                    Some(near) => unknown.help(format!("write `{near}:`")).fix(key.span, near),
                    None => unknown.note(format!("its arguments are {}", list(allowed))),
                });
                continue;
            }
            match self.expr(&arg.value).ty.value().and_then(Value::as_f64) {
                Some(value) => found.push((key.text.clone(), value)),
                None => self.report(Diagnostic::error(
                    Code(802),
                    arg.value.span,
                    format!("`{}` is a number known while compiling", key.text),
                )),
            }
        }
        Some((name, found))
    }

    fn optimizer(&mut self, e: &ast::Expr, tables: bool) -> Option<Optimizer> {
        let known: &[&str] = if tables {
            &["rowwise_adagrad", "adagrad", "lazy_adam", "sgd"]
        } else {
            &["adam", "adamw", "sgd"]
        };
        let (name, numbers) = self
            .numbers(e, rule_arguments(e))
            .unwrap_or(("", Vec::new()));
        let get = |key: &str, default: f64| {
            numbers
                .iter()
                .find(|(name, _)| name == key)
                .map_or(default, |(_, value)| *value)
        };
        let (beta1, beta2, eps) = (get("beta1", 0.9), get("beta2", 0.999), get("eps", 1e-8));
        let rule = match (name, tables) {
            ("adam", false) | ("lazy_adam", true) => UpdateRule::Adam { beta1, beta2, eps },
            ("adamw", false) => UpdateRule::AdamW {
                beta1,
                beta2,
                eps,
                decay: get("decay", 0.01),
            },
            ("sgd", _) => UpdateRule::Sgd {
                momentum: get("momentum", 0.0),
            },
            ("rowwise_adagrad", true) => UpdateRule::RowwiseAdagrad { eps },
            ("adagrad", true) => UpdateRule::Adagrad { eps },
            _ => {
                let what = if tables {
                    "optimiser of tables"
                } else {
                    "optimiser of weights"
                };
                let elsewhere = !(tables && name == "adam")
                    && matches!(
                        name,
                        "adam" | "adamw" | "adagrad" | "rowwise_adagrad" | "lazy_adam"
                    );
                if elsewhere {
                    let place = if tables { "optimizer" } else { "embeddings" };
                    self.report(
                        Diagnostic::error(Code(806), head(e), format!("`{name}` is no {what}"))
                            .note(format!("those are {}", list(known)))
                            .help(format!("`{place} {name}(...)` is where it belongs")),
                    );
                } else {
                    self.unknown(806, head(e), what, &shown(name, e), known);
                }
                return None;
            }
        };
        let lr = get("lr", if tables { 0.05 } else { 1e-3 });
        let share = |key: &str| (0.0..1.0).contains(&get(key, 0.0));
        let wrong = if lr <= 0.0 {
            "a learning rate is above 0"
        } else if !(share("beta1") && share("beta2") && share("momentum")) {
            "`beta1`, `beta2` and `momentum` are at least 0 and below 1"
        } else if get("decay", 0.0) < 0.0 || eps <= 0.0 {
            "`eps` is above 0, and `decay` is not below it"
        } else {
            return Some(Optimizer { rule, lr });
        };
        self.report(Diagnostic::error(Code(802), e.span, wrong));
        None
    }

    /// Whether rows of this source have such a part; there is none without a split.
    fn part_exists(&mut self, source: &str, part: &ast::Name) -> bool {
        let split = self.hir.splits.iter().find(|split| split.source == source);
        let found =
            split.is_some_and(|split| split.parts.iter().any(|(name, _)| *name == part.text));
        let broken = self.user_items().any(
            |item| matches!(&item.kind, ast::ItemKind::Split(split) if split.source.text == source),
        );
        if !found && !(split.is_none() && broken) {
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

    /// A label in a score is the answer in the question.
    fn score_reads_label(&mut self, score: &Expr) -> bool {
        let Some(leak) = score.facts.label else {
            return false;
        };
        self.report(
            Diagnostic::error(Code(420), leak, "the score reads a label of its own row")
                .here("known only after the row happened")
                .help("score with towers, and keep labels behind `against` or in `where`"),
        );
        true
    }

    fn schedule(&mut self, e: &ast::Expr) -> Option<Schedule> {
        let (name, numbers) = self.numbers(e, &["warmup"]).unwrap_or(("", Vec::new()));
        let warmup = numbers.first().map_or(0.0, |(_, value)| *value);
        if warmup < 0.0 || warmup.fract() != 0.0 || warmup > 1e12 {
            self.report(Diagnostic::error(
                Code(802),
                e.span,
                "`warmup` is a whole number of steps",
            ));
            return None;
        }
        let warmup = warmup as usize;
        match name {
            "constant" => Some(Schedule::Constant { warmup }),
            "cosine" => Some(Schedule::Cosine { warmup }),
            "linear" => Some(Schedule::Linear { warmup }),
            _ => {
                let known = &["constant", "cosine", "linear"];
                self.unknown(806, head(e), "schedule", &shown(name, e), known);
                None
            }
        }
    }

    fn stop_early(
        &mut self,
        split: &ast::Name,
        evaluation: &ast::Name,
        metric: &ast::Metric,
        patience: &ast::Expr,
        plan: &mut Train,
    ) {
        if !matches!(split.text.as_str(), "valid" | "test" | "train") {
            self.unknown(
                414,
                split.span,
                "part of a split",
                &split.text,
                &["valid", "test", "train"],
            );
            return;
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
        let Some(found) = self
            .hir
            .evaluations
            .iter()
            .find(|known| known.name == evaluation.text)
        else {
            let broken = self.user_items().any(|item| matches!(&item.kind, ast::ItemKind::Evaluate(e) if e.name.text == evaluation.text));
            if !broken {
                let known: Vec<String> = self
                    .hir
                    .evaluations
                    .iter()
                    .map(|known| known.name.clone())
                    .collect();
                let known: Vec<&str> = known.iter().map(String::as_str).collect();
                self.unknown(808, evaluation.span, "evaluation", &evaluation.text, &known);
            }
            return;
        };
        let (metrics, source) = (found.metrics.clone(), found.rows.source.clone());
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
            self.unknown(
                809,
                metric.span,
                &format!("metric of `{}`", evaluation.text),
                names.first().map_or("", String::as_str),
                &metrics,
            );
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

    /// The full names of a written metric: `recall@[10, 50]` is two.
    fn metric_names(&mut self, metric: &ast::Metric) -> Option<Vec<String>> {
        let args: Vec<String> = metric
            .args
            .iter()
            .map(|arg| reckon_grammar::print_expr(&arg.value))
            .collect();
        let base = if args.is_empty() {
            metric.name.text.clone()
        } else {
            format!("{}({})", metric.name.text, args.join(", "))
        };
        let Some(at) = &metric.at else {
            return Some(vec![base]);
        };
        let sizes = match self.expr(at).ty {
            Ty::Const(Value::Int(n)) if n > 0 => vec![n],
            Ty::Const(Value::List(items)) => items
                .iter()
                .map(|item| match item {
                    Value::Int(n) if *n > 0 => *n,
                    _ => 0,
                })
                .collect(),
            Ty::Error => return None,
            _ => Vec::new(),
        };
        if sizes.is_empty() || sizes.contains(&0) {
            self.report(
                Diagnostic::error(
                    Code(810),
                    at.span,
                    "a cut-off is a whole number above 0, or a list of them",
                )
                .help(format!("write `{base}@50`, or `{base}@[10, 50]`")),
            );
            return None;
        }
        Some(sizes.into_iter().map(|n| format!("{base}@{n}")).collect())
    }

    pub(super) fn evaluate(&mut self, evaluate: &ast::Evaluate, span: Span) {
        let Some(kind) = evaluate.kind else { return };
        self.frames.push(Frame::default());
        let rows = self.rows(&evaluate.rows, &format!("evaluate {}", evaluate.name.text));
        self.frames.pop();
        let Some((rows, handle)) = rows else { return };
        self.segments = vec![Default::default()];
        let known = if kind == EvaluateKind::Retrieval {
            RETRIEVAL
        } else {
            RANKING
        };
        let mut plan = Evaluation {
            name: evaluate.name.text.clone(),
            kind: EvaluationKind::Ranking {
                score: Expr::error(span),
                label: Expr::error(span),
            },
            rows,
            metrics: Vec::new(),
            slices: Vec::new(),
            slice_exprs: Vec::new(),
            interval: None,
            baselines: None,
            span: evaluate.name.span,
        };
        let (mut asked, mut reported) = (false, false);
        for entry in &evaluate.entries {
            match entry {
                EvaluateEntry::Rank { entity, by, except } if kind == EvaluateKind::Retrieval => {
                    asked = true;
                    if let Some(ranked) = self.rank(
                        entity,
                        by,
                        except.as_ref(),
                        evaluate.per_event,
                        &handle,
                        &plan.rows.source.clone(),
                    ) {
                        plan.kind = ranked;
                    }
                }
                EvaluateEntry::Score { score, against } if kind == EvaluateKind::Ranking => {
                    asked = true;
                    if let Some(scored) =
                        self.scored(score, against, &handle, &plan.rows.source.clone())
                    {
                        plan.kind = scored;
                    }
                }
                EvaluateEntry::Rank { entity, .. } => self.report(
                    Diagnostic::error(Code(811), entity.span, "a ranking scores its own rows")
                        .help("write `score EXPR against LABEL`, or make it `retrieval`"),
                ),
                EvaluateEntry::Score { score, .. } => self.report(
                    Diagnostic::error(Code(811), score.span, "a retrieval ranks a catalogue")
                        .help("write `rank ENTITY by EXPR`, or make it `ranking`"),
                ),
                EvaluateEntry::Report(metrics) => {
                    reported = true;
                    self.report_metrics(metrics, known, &mut plan);
                }
                EvaluateEntry::Slice(e) => self.slice(e, &handle, &mut plan),
                EvaluateEntry::Interval(name) => {
                    let source = plan.rows.source.clone();
                    let known = self.references_of(&source);
                    if known.contains(&name.text) {
                        plan.interval = Some(name.text.clone());
                    } else {
                        let known: Vec<&str> = known.iter().map(String::as_str).collect();
                        let what = format!("reference of `{source}`");
                        self.unknown(231, name.span, &what, &name.text, &known);
                    }
                }
                EvaluateEntry::Baselines(names) => {
                    plan.baselines = Some(self.baselines(names, kind))
                }
                EvaluateEntry::Error(_) => (asked, reported) = (true, true),
            }
        }
        if !asked {
            let help = if kind == EvaluateKind::Retrieval {
                "write `rank movie by SCORE except seen`"
            } else {
                "write `score EXPR against LABEL`"
            };
            self.report(
                Diagnostic::error(
                    Code(812),
                    evaluate.name.span,
                    format!("evaluation `{}` asks nothing", plan.name),
                )
                .help(help),
            );
        }
        if !reported {
            self.report(
                Diagnostic::error(
                    Code(812),
                    evaluate.name.span,
                    format!("evaluation `{}` reports nothing", plan.name),
                )
                .help(format!("write `report` with {}", list(known))),
            );
        }
        self.hir.evaluations.push(plan);
    }

    fn baselines(&mut self, names: &[ast::Name], kind: EvaluateKind) -> Vec<String> {
        let known: &[&str] = if kind == EvaluateKind::Retrieval {
            &["none", "popularity", "itemknn", "ease"]
        } else {
            &["none", "constant", "item_rate"]
        };
        for name in names {
            if !known.contains(&name.text.as_str()) {
                self.unknown(813, name.span, "baseline", &name.text, known);
            }
        }
        names
            .iter()
            .map(|name| name.text.clone())
            .filter(|name| name != "none")
            .collect()
    }

    fn report_metrics(&mut self, metrics: &[ast::Metric], known: &[&str], plan: &mut Evaluation) {
        for metric in metrics {
            let other = if known == RETRIEVAL {
                RANKING
            } else {
                RETRIEVAL
            };
            if other.contains(&metric.name.text.as_str()) {
                let kind = if known == RETRIEVAL {
                    "ranking"
                } else {
                    "retrieval"
                };
                self.report(
                    Diagnostic::error(
                        Code(809),
                        metric.name.span,
                        format!("`{}` is a metric of a `{kind}`", metric.name.text),
                    )
                    .note(format!("here there are {}", list(known))),
                );
                continue;
            }
            if !known.contains(&metric.name.text.as_str()) {
                self.unknown(809, metric.name.span, "metric", &metric.name.text, known);
                continue;
            }
            if known == RETRIEVAL && metric.at.is_none() {
                self.report(
                    Diagnostic::error(
                        Code(810),
                        metric.span,
                        format!("`{}` needs a cut-off", metric.name.text),
                    )
                    .help(format!("write `{}@50`", metric.name.text)),
                );
                continue;
            }
            plan.metrics
                .extend(self.metric_names(metric).into_iter().flatten());
        }
    }

    fn rank(
        &mut self,
        entity: &ast::Name,
        by: &ast::Expr,
        except: Option<&ast::Name>,
        per_event: bool,
        handle: &Expr,
        source: &str,
    ) -> Option<EvaluationKind> {
        let references = self.references_of(source);
        if !references.contains(&entity.text) {
            let references: Vec<&str> = references.iter().map(String::as_str).collect();
            self.unknown(
                231,
                entity.span,
                &format!("reference of `{source}`"),
                &entity.text,
                &references,
            );
            return None;
        }
        let except_seen = match except {
            Some(word) if word.text == "seen" => true,
            Some(word) => {
                self.unknown(221, word.span, "word after `except`", &word.text, &["seen"]);
                false
            }
            None => false,
        };
        let space = self.space(
            format!("catalogue {}", entity.text),
            "E",
            SpaceKind::Catalogue,
        );
        let ty = HandleTy {
            source: entity.text.clone(),
            space: Some(space),
            past: false,
            candidates: false,
        };
        let (catalogue, rows) = self.row_handle(ty, entity.span);
        let score = self.in_row_scope(handle.clone(), source, |checker| {
            checker.bind(&entity.text, rows);
            let score = checker.expr(by);
            checker.tensor(score)
        });
        let Ty::Tensor(tensor) = &score.ty else {
            return None;
        };
        let batch = match &handle.ty {
            Ty::Handle(handle) => handle.space,
            _ => None,
        };
        if !(tensor.dims.is_empty()
            && tensor.spaces.contains(&space)
            && batch.is_some_and(|batch| tensor.spaces.contains(&batch)))
        {
            let shown = self.show(&score.ty);
            self.report(
                Diagnostic::error(
                    Code(814),
                    by.span,
                    format!(
                        "a retrieval needs a score for each query and `{}`, found `{shown}`",
                        entity.text
                    ),
                )
                .help(format!(
                    "score queries against the catalogue: `dot(query(...), item({}))`",
                    entity.text
                )),
            );
            return None;
        }
        if self.score_reads_label(&score) {
            return None;
        }
        self.query_reads_target(&score, &entity.text, space);
        let per = (!per_event)
            .then(|| {
                references
                    .iter()
                    .find(|name| **name != entity.text)
                    .cloned()
            })
            .flatten();
        Some(EvaluationKind::Retrieval {
            entity: entity.text.clone(),
            catalogue,
            per,
            score,
            except_seen,
        })
    }

    /// Refuses towers of the query that read the ranked entity's side.
    fn query_reads_target(&mut self, score: &Expr, entity: &str, catalogue: crate::hir::SpaceRef) {
        let mut towers = Vec::new();
        towers_of(score, &mut towers);
        for tower in towers {
            let crate::hir::ExprKind::Tower(name, args) = &tower.kind else {
                continue;
            };
            let ranks = |arg: &Expr| matches!(&arg.ty, Ty::Handle(handle) if handle.space == Some(catalogue));
            let (item_side, query_side) = (
                args.iter().any(ranks),
                args.iter()
                    .any(|arg| matches!(arg.ty, Ty::Handle(_)) && !ranks(arg)),
            );
            let diagnostic = if item_side && query_side {
                Diagnostic::error(Code(507), tower.span, format!("tower `{name}` mixes the query with the `{entity}` it is asked about"))
                    .help("split it in two towers and join them with `dot`, or make the evaluation a `ranking`")
            } else if !item_side && tower.facts.sides.contains(entity) {
                let path = self.path_to(name, entity);
                Diagnostic::error(
                    Code(508),
                    tower.span,
                    format!("tower `{name}` of the query reads the `{entity}` that it has to find"),
                )
                .note(format!("it reads {path}"))
                .help(format!(
                    "read earlier ones instead: `history(... of ..., last: 50).{entity}`"
                ))
            } else {
                continue;
            };
            self.report(diagnostic);
        }
    }

    /// The feature through which a tower reads a side.
    fn path_to(&self, tower: &str, side: &str) -> String {
        let Some(tower) = self.hir.towers.iter().find(|known| known.name == tower) else {
            return format!("`{side}`");
        };
        let mut features = Vec::new();
        features_of(&tower.value, &mut features);
        features
            .into_iter()
            .find(|(_, expr)| expr.facts.sides.contains(side))
            .map_or_else(
                || format!("`{side}`"),
                |(name, _)| format!("`{side}` through the feature `{name}`"),
            )
    }

    fn scored(
        &mut self,
        score: &ast::Expr,
        against: &ast::Expr,
        handle: &Expr,
        source: &str,
    ) -> Option<EvaluationKind> {
        let (score, label) = self.in_row_scope(handle.clone(), source, |checker| {
            let (score, label) = (checker.expr(score), checker.expr(against));
            (checker.tensor(score), checker.tensor(label))
        });
        if self.score_reads_label(&score) {
            return None;
        }
        for value in [&score, &label] {
            let Ty::Tensor(tensor) = &value.ty else {
                return None;
            };
            if !tensor.dims.is_empty() || tensor.spaces.len() != 1 {
                let shown = self.show(&value.ty);
                self.report(Diagnostic::error(
                    Code(815),
                    value.span,
                    format!("a ranking needs one number a row, found `{shown}`"),
                ));
                return None;
            }
        }
        Some(EvaluationKind::Ranking { score, label })
    }

    fn slice(&mut self, e: &ast::Expr, handle: &Expr, plan: &mut Evaluation) {
        if let Syntax::Call(callee, args) = &e.kind
            && matches!(&callee.kind, Syntax::Name(name) if name == "popularity")
        {
            let (Some(Syntax::Name(entity)), Some(Syntax::Int(groups))) = (
                args.first().map(|a| &a.value.kind),
                args.get(1).map(|a| &a.value.kind),
            ) else {
                self.report(
                    Diagnostic::error(
                        Code(816),
                        e.span,
                        "expected an entity and a number of groups",
                    )
                    .help("write `slice by popularity(movie, 3)`"),
                );
                return;
            };
            let references = self.references_of(&plan.rows.source);
            if !references.contains(entity) {
                let references: Vec<&str> = references.iter().map(String::as_str).collect();
                self.unknown(231, e.span, "reference", entity, &references);
                return;
            }
            plan.slices.push(SlicePlan::Popularity {
                entity: entity.clone(),
                groups: usize::try_from(*groups).unwrap_or(1).max(1),
            });
            return;
        }
        let source = plan.rows.source.clone();
        let value = self.in_row_scope(handle.clone(), &source, |checker| checker.expr(e));
        match &value.ty {
            Ty::Row(_) => plan.slice_exprs.push(value),
            Ty::Error => {}
            other => {
                let shown = self.show(other);
                self.report(Diagnostic::error(
                    Code(816),
                    e.span,
                    format!("a slice is a value of each row, found `{shown}`"),
                ));
            }
        }
    }
}

/// What the optimiser of this name takes.
fn rule_arguments(e: &ast::Expr) -> &'static [&'static str] {
    let name = match &e.kind {
        Syntax::Call(callee, _) => &callee.kind,
        other => other,
    };
    match name {
        Syntax::Name(name) => match name.as_str() {
            "adam" | "lazy_adam" => &["lr", "beta1", "beta2", "eps"],
            "sgd" => &["lr", "momentum"],
            "adagrad" | "rowwise_adagrad" => &["lr", "eps"],
            _ => &["lr", "beta1", "beta2", "eps", "decay", "momentum"],
        },
        _ => &["lr"],
    }
}

/// The name of a call, or what stands in its place.
fn shown(name: &str, e: &ast::Expr) -> String {
    match &e.kind {
        Syntax::Error => String::new(),
        _ if name.is_empty() => reckon_grammar::print_expr(e),
        _ => name.to_owned(),
    }
}

/// The name of a call.
fn head(e: &ast::Expr) -> Span {
    match &e.kind {
        Syntax::Call(callee, _) => callee.span,
        _ => e.span,
    }
}

fn towers_of<'e>(e: &'e Expr, found: &mut Vec<&'e Expr>) {
    if matches!(e.kind, crate::hir::ExprKind::Tower(..)) {
        found.push(e);
    }
    e.children()
        .into_iter()
        .for_each(|child| towers_of(child, found));
}

fn features_of<'e>(e: &'e Expr, found: &mut Vec<(String, &'e Expr)>) {
    if let crate::hir::ExprKind::Feature(handle, name) = &e.kind {
        let source = if let Ty::Handle(handle) = &handle.ty {
            handle.source.as_str()
        } else {
            ""
        };
        found.push((format!("{source}.{name}"), e));
    }
    e.children()
        .into_iter()
        .for_each(|child| features_of(child, found));
}
