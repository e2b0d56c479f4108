//! `evaluate`.

use super::{Checker, Frame, list};
use crate::hir::{Evaluation, EvaluationKind, Expr, HandleTy, SpaceKind, Ty};
use crate::plan::SlicePlan;
use crate::value::Value;
use reckon_grammar::ast::{self, EvaluateEntry, EvaluateKind, ExprKind as Syntax};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

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

impl Checker<'_> {
    /// The full names of a written metric: `recall@[10, 50]` is two.
    pub(super) fn metric_names(&mut self, metric: &ast::Metric) -> Option<Vec<String>> {
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
