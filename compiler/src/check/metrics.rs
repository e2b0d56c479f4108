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

/// The metrics that set predicted rates against observed ones, and so depend on which rows there are.
const CALIBRATION: &[&str] = &["logloss", "calibration", "ne"];

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
        let written = |arg: &ast::Arg| {
            let value = reckon_grammar::print_expr(&arg.value);
            match &arg.name {
                Some(name) => format!("{}: {value}", name.text),
                None => value,
            }
        };
        let args: Vec<String> = metric.args.iter().map(written).collect();
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
            if self.metric_fits(metric, kind, &plan.rows.source) && self.corrected(metric, plan) {
                let names = self.metric_names(metric);
                for name in names.into_iter().flatten() {
                    if !plan.metrics.contains(&name) {
                        plan.metrics.push(name);
                    }
                }
            }
        }
    }

    /// Whether this kind of evaluation has the metric, and its cut-off is there where one is needed.
    fn metric_fits(&mut self, metric: &ast::Metric, kind: EvaluateKind, source: &str) -> bool {
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
                .note(format!("here there are {}", list(known)))
                .help(format!(
                    "ask for it in an evaluation of its own: `evaluate ...: {other_name} over ...`"
                )),
            );
            return false;
        }
        if !known.contains(&name.text.as_str()) {
            self.unknown(809, name.span, "metric", &name.text, known);
            return false;
        }
        if kind == EvaluateKind::Retrieval && metric.at.is_none() {
            let message = format!("`{}` needs a cut-off", name.text);
            let uncut = Diagnostic::error(Code(810), metric.span, message);
            let in_parentheses = metric.args.iter().find_map(|arg| match arg.value.kind {
                ast::ExprKind::Int(at) => Some(format!("{}@{at}", name.text)),
                _ => None,
            });
            self.report(match in_parentheses {
                Some(cut) => uncut.help(format!("write `{cut}`")).fix(metric.span, &cut),
                None => uncut.help(format!("write `{}@50`", name.text)),
            });
            return false;
        }
        if let (EvaluateKind::Ranking, Some(at)) = (kind, &metric.at) {
            let message = format!("`{}` takes no cut-off: it is of all rows", name.text);
            let cut = Diagnostic::error(Code(810), at.span, message);
            self.report(cut.help(format!("write `{}`", name.text)));
            return false;
        }
        self.metric_groups(metric, source)
    }

    /// `gauc(user)` is taken group by group; no other metric takes an argument without a name.
    fn metric_groups(&mut self, metric: &ast::Metric, source: &str) -> bool {
        let references = self.references_of(source);
        let grouped = metric.name.text == "gauc";
        let mut args = metric.args.iter().filter(|arg| arg.name.is_none());
        let by = match (args.next(), args.next()) {
            (None, _) if !grouped => return true,
            (Some(by), None) if grouped => match &by.value.kind {
                ast::ExprKind::Name(by_name) => Some((by_name, by.value.span)),
                _ => None,
            },
            _ => None,
        };
        if let Some((by, span)) = by {
            if references.contains(by) {
                return true;
            }
            let references: Vec<&str> = references.iter().map(String::as_str).collect();
            let what = format!("reference of `{source}`");
            self.unknown(231, span, &what, by, &references);
            return false;
        }
        let name = &metric.name.text;
        let (message, help) = if grouped {
            let to = references.first().map_or("user", String::as_str);
            (
                "`gauc` is taken for each row of one entity".to_owned(),
                format!("write `gauc({to})`"),
            )
        } else {
            (
                format!("`{name}` takes nothing in parentheses"),
                format!("write `{name}`"),
            )
        };
        self.report(Diagnostic::error(Code(809), metric.span, message).help(help));
        false
    }

    /// Checks `correct: log_q`, and that a metric of calibration has it where rows are drawn.
    fn corrected(&mut self, metric: &ast::Metric, plan: &Evaluation) -> bool {
        let named = metric.args.iter().find_map(|arg| {
            let name = arg.name.as_ref()?;
            Some((name, &arg.value))
        });
        let name = &metric.name.text;
        let calibrates = CALIBRATION.contains(&name.as_str());
        match named {
            None if calibrates && plan.rows.is_drawn() => {
                self.report(
                    Diagnostic::error(
                        Code(821),
                        metric.span,
                        format!("`{name}` of rows that are drawn is not that of all rows"),
                    )
                    .note("a rate among drawn rows depends on how many are drawn, and by what")
                    .help(format!("write `{name}(correct: log_q)`: each row counts one over its expected number; or `{name}(correct: none)`, where the drawn rows are meant")),
                );
                false
            }
            None => true,
            Some((arg, value)) if arg.text == "correct" => {
                let word = match &value.kind {
                    ast::ExprKind::Name(word) => word.as_str(),
                    _ => "",
                };
                let known = matches!(word, "log_q" | "none");
                if !known {
                    let what = "word for `correct`";
                    self.unknown(221, value.span, what, word, &["log_q", "none"]);
                }
                known
            }
            Some((arg, _)) => {
                let what = format!("`{name}` has no argument `{}`", arg.text);
                let diagnostic = Diagnostic::error(Code(222), arg.span, what);
                self.report(
                    match metrics_of(EvaluateKind::Ranking).contains(&name.as_str()) {
                        true => diagnostic.help("write `correct: log_q` or `correct: none`"),
                        false => diagnostic,
                    },
                );
                false
            }
        }
    }
}
