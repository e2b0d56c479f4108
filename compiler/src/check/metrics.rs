//! The metrics that an evaluation reports.

use super::{Checker, list};
use crate::hir::{Evaluation, Ty};
use crate::value::Value;
use reckon_grammar::ast::{self, EvaluateKind};
use reckon_grammar::diagnostic::{Code, Diagnostic};

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

/// The metrics of a kind of evaluation.
pub(super) fn metrics_of(kind: EvaluateKind) -> &'static [&'static str] {
    match kind {
        EvaluateKind::Retrieval => RETRIEVAL,
        EvaluateKind::Ranking => RANKING,
    }
}

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

    /// `report recall@[10, 50], ndcg@50`
    pub(super) fn report_metrics(
        &mut self,
        metrics: &[ast::Metric],
        kind: EvaluateKind,
        plan: &mut Evaluation,
    ) {
        for metric in metrics {
            if self.metric_fits(metric, kind) {
                let names = self.metric_names(metric);
                plan.metrics.extend(names.into_iter().flatten());
            }
        }
    }

    /// Whether this kind of evaluation has the metric, and its cut-off is there where one is needed.
    fn metric_fits(&mut self, metric: &ast::Metric, kind: EvaluateKind) -> bool {
        let name = &metric.name;
        let known = metrics_of(kind);
        let (other, other_name) = match kind {
            EvaluateKind::Retrieval => (RANKING, "ranking"),
            EvaluateKind::Ranking => (RETRIEVAL, "retrieval"),
        };
        if other.contains(&name.text.as_str()) {
            self.report(
                Diagnostic::error(
                    Code(809),
                    name.span,
                    format!("`{}` is a metric of a `{other_name}`", name.text),
                )
                .note(format!("here there are {}", list(known))),
            );
            return false;
        }
        if !known.contains(&name.text.as_str()) {
            self.unknown(809, name.span, "metric", &name.text, known);
            return false;
        }
        if kind == EvaluateKind::Retrieval && metric.at.is_none() {
            self.report(
                Diagnostic::error(
                    Code(810),
                    metric.span,
                    format!("`{}` needs a cut-off", name.text),
                )
                .help(format!("write `{}@50`", name.text)),
            );
            return false;
        }
        true
    }
}
