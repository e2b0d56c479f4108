//! `evaluate`.

use super::metrics::metrics_of;
use super::retrieval::Ranked;
use super::{Checker, Frame, list};
use crate::hir::{Evaluation, EvaluationKind, Expr, Rows, Ty};
use crate::plan::SlicePlan;
use reckon_grammar::ast::{self, EvaluateEntry, EvaluateKind, ExprKind as Syntax};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

impl Checker<'_> {
    pub(super) fn evaluate(&mut self, evaluate: &ast::Evaluate, span: Span) {
        let Some(kind) = evaluate.kind else { return };
        self.frames.push(Frame::default());
        let rows = self.rows(&evaluate.rows, &format!("evaluate {}", evaluate.name.text));
        self.frames.pop();
        let Some((rows, handle)) = rows else { return };
        self.no_batch(&evaluate.rows, "an evaluation");
        if !self.may_be_asked(&rows, kind) {
            return;
        }
        self.has_window(&rows);
        self.segments = vec![Default::default()];
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
        self.asked_once(evaluate, kind);
        for entry in &evaluate.entries {
            match kind {
                EvaluateKind::Retrieval => {
                    self.retrieval_entry(entry, evaluate.per_event, &handle, &mut plan);
                }
                EvaluateKind::Ranking => self.ranking_entry(entry, &handle, &mut plan),
            }
        }
        if !self.misspelled(span) {
            self.asks_and_reports(evaluate, kind);
        }
        self.asked_of_drawn_rows(&plan);
        self.hir.evaluations.push(plan);
    }

    /// What is asked, of whom and beside what is said once; each row of a ranking is asked anyway.
    fn asked_once(&mut self, evaluate: &ast::Evaluate, kind: EvaluateKind) {
        let mut seen: Vec<(&str, Span)> = Vec::new();
        for entry in &evaluate.entries {
            let (what, span) = match entry {
                EvaluateEntry::Rank { entity, .. } => ("rank", entity.span),
                EvaluateEntry::Score { score, .. } => ("score", score.span),
                EvaluateEntry::Interval(by) => ("interval", by.span),
                EvaluateEntry::Baselines(names) => match names.first() {
                    Some(first) => ("baselines", first.span),
                    None => continue,
                },
                EvaluateEntry::Report(_) | EvaluateEntry::Slice(_) | EvaluateEntry::Error(_) => {
                    continue;
                }
            };
            match seen.iter().find(|(known, _)| *known == what) {
                Some((_, first)) => self.report(
                    Diagnostic::error(Code(204), span, format!("`{what}` is given twice"))
                        .label(*first, "first given here")
                        .help("keep one of the two, or write a second `evaluate`"),
                ),
                None => seen.push((what, span)),
            }
        }
        if evaluate.per_event && kind == EvaluateKind::Ranking {
            let message = "a ranking scores each row by itself";
            self.report(
                Diagnostic::error(Code(811), evaluate.name.span, message)
                    .help("leave out `per event`"),
            );
        }
    }

    fn retrieval_entry(
        &mut self,
        entry: &EvaluateEntry,
        per_event: bool,
        rows: &Expr,
        plan: &mut Evaluation,
    ) {
        match entry {
            EvaluateEntry::Rank { entity, by, except } => {
                let ranked = self.rank(&Ranked {
                    entity,
                    by,
                    except: except.as_ref(),
                    per_event,
                    rows,
                    source: &plan.rows.source,
                });
                if let Some(ranked) = ranked {
                    plan.kind = ranked;
                }
            }
            EvaluateEntry::Score { score, .. } => self.report(
                Diagnostic::error(Code(811), score.span, "a retrieval ranks a catalogue")
                    .help("write `rank ENTITY by EXPR`, or make it `ranking`"),
            ),
            _ => self.common_entry(entry, EvaluateKind::Retrieval, rows, plan),
        }
    }

    fn ranking_entry(&mut self, entry: &EvaluateEntry, rows: &Expr, plan: &mut Evaluation) {
        match entry {
            EvaluateEntry::Score { score, against } => {
                if let Some(scored) = self.scored(score, against, rows, &mut plan.rows) {
                    plan.kind = scored;
                }
            }
            EvaluateEntry::Rank { entity, .. } => self.report(
                Diagnostic::error(Code(811), entity.span, "a ranking scores its own rows")
                    .help("write `score EXPR against LABEL`, or make it `retrieval`"),
            ),
            _ => self.common_entry(entry, EvaluateKind::Ranking, rows, plan),
        }
    }

    /// What both kinds of evaluation have.
    fn common_entry(
        &mut self,
        entry: &EvaluateEntry,
        kind: EvaluateKind,
        rows: &Expr,
        plan: &mut Evaluation,
    ) {
        match entry {
            EvaluateEntry::Report(metrics) => self.report_metrics(metrics, kind, plan),
            EvaluateEntry::Slice(e) => self.slice(e, rows, plan),
            EvaluateEntry::Interval(name) => self.interval(name, plan),
            EvaluateEntry::Baselines(names) => plan.baselines = Some(self.baselines(names, kind)),
            EvaluateEntry::Rank { .. } | EvaluateEntry::Score { .. } | EvaluateEntry::Error(_) => {}
        }
    }

    fn interval(&mut self, by: &ast::Name, plan: &mut Evaluation) {
        let source = &plan.rows.source;
        let known = self.references_of(source);
        if known.contains(&by.text) {
            plan.interval = Some(by.text.clone());
        } else {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let what = format!("reference of `{source}`");
            self.unknown(231, by.span, &what, &by.text, &known);
        }
    }

    /// Whether the text of an item could not be read as it stands: what it seems to miss may be what could not be read.
    fn misspelled(&self, item: Span) -> bool {
        self.program.diagnostics.iter().any(|found| {
            let at = found.primary.span;
            at.file == item.file && item.start <= at.start && at.start <= item.end
        })
    }

    /// An evaluation asks and reports something.
    fn asks_and_reports(&mut self, evaluate: &ast::Evaluate, kind: EvaluateKind) {
        let has = |wanted: fn(&EvaluateEntry) -> bool| evaluate.entries.iter().any(wanted);
        let asks = match kind {
            EvaluateKind::Retrieval => has(|e| matches!(e, EvaluateEntry::Rank { .. })),
            EvaluateKind::Ranking => has(|e| matches!(e, EvaluateEntry::Score { .. })),
        };
        let name = &evaluate.name;
        if !asks {
            let help = match kind {
                EvaluateKind::Retrieval => "write `rank movie by SCORE except seen`",
                EvaluateKind::Ranking => "write `score EXPR against LABEL`",
            };
            let message = format!("evaluation `{}` asks nothing", name.text);
            self.report(Diagnostic::error(Code(812), name.span, message).help(help));
        }
        if !has(|e| matches!(e, EvaluateEntry::Report(_))) {
            let message = format!("evaluation `{}` reports nothing", name.text);
            let help = format!("write `report` with {}", list(metrics_of(kind)));
            self.report(Diagnostic::error(Code(812), name.span, message).help(help));
        }
    }

    fn baselines(&mut self, names: &[ast::Name], kind: EvaluateKind) -> Vec<String> {
        let known: &[&str] = if kind == EvaluateKind::Retrieval {
            &["none", "popularity", "itemknn", "ease"]
        } else {
            &["none", "constant", "item_rate"]
        };
        if let Some(none) = names
            .iter()
            .find(|name| name.text == "none" && names.len() > 1)
        {
            let message = "`none` is no baseline beside others";
            self.report(
                Diagnostic::error(Code(813), none.span, message)
                    .help("leave it out, or the others"),
            );
        }
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

    fn scored(
        &mut self,
        score: &ast::Expr,
        against: &ast::Expr,
        handle: &Expr,
        rows: &mut Rows,
    ) -> Option<EvaluationKind> {
        let source = rows.source.clone();
        let outer = self.open_masks(handle);
        let (score, label) = self.in_row_scope(handle.clone(), &source, |checker| {
            let (score, label) = (checker.expr(score), checker.expr(against));
            (checker.tensor(score), checker.tensor(label))
        });
        self.close_masks(outer, rows);
        if self.judges_by_the_answer(&score, rows) {
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
    pub(super) fn score_reads_label(&mut self, score: &Expr) -> bool {
        let Some(leak) = score.facts.label else {
            return false;
        };
        self.label_in_score(leak);
        true
    }

    pub(super) fn label_in_score(&mut self, leak: Span) {
        self.report(
            Diagnostic::error(Code(420), leak, "the score reads a label of its own row")
                .here("known only after the row happened")
                .help("score with towers, and keep labels behind `against` or in `where`"),
        );
    }

    fn slice(&mut self, e: &ast::Expr, handle: &Expr, plan: &mut Evaluation) {
        if let Syntax::Call(callee, args) = &e.kind
            && matches!(&callee.kind, Syntax::Name(name) if name == "popularity")
        {
            let groups = match args.as_slice() {
                [entity, groups] if entity.name.is_none() && groups.name.is_none() => {
                    match &entity.value.kind {
                        Syntax::Name(entity) => Some((entity, &groups.value)),
                        _ => None,
                    }
                }
                _ => None,
            };
            let Some((entity, groups)) = groups else {
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
            let Some(groups) = self.whole(groups, "popularity") else {
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
                groups,
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
