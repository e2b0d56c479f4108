//! Splits.

use super::Checker;
use crate::hir::Ty;
use crate::plan::{SourceKind, SourcePlan, SplitPlan, SplitRule};
use crate::value::Value;
use reckon_grammar::ast::{self};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

impl Checker<'_> {
    pub(super) fn split(&mut self, split: &ast::Split, span: Span) {
        let name = &split.source.text;
        let sources = self.hir.sources.iter();
        let Some(source) = sources.clone().find(|source| source.name == *name) else {
            let events = sources.filter(|source| source.kind == SourceKind::Events);
            let events: Vec<String> = events.map(|source| source.name.clone()).collect();
            let events: Vec<&str> = events.iter().map(String::as_str).collect();
            self.unknown(230, split.source.span, "events", name, &events);
            return;
        };
        let source = source.clone();
        if self.hir.splits.iter().any(|known| known.source == *name) {
            self.report(
                Diagnostic::error(
                    Code(413),
                    split.source.span,
                    format!("`{name}` is split twice"),
                )
                .help("keep one of the two"),
            );
            return;
        }
        let Some(rule) = self.split_rule(&split.rule, &source, split.source.span) else {
            return;
        };
        let Some(parts) = self.split_parts(&split.parts) else {
            return;
        };
        let sum: f64 = parts.iter().map(|(_, share)| share).sum();
        let by_share = matches!(
            rule,
            SplitRule::Time | SplitRule::TimePer(_) | SplitRule::Random(_)
        );
        if by_share && (sum - 1.0).abs() > 1e-9 {
            self.report(
                Diagnostic::error(
                    Code(414),
                    split.source.span,
                    format!(
                        "the parts of the split are {:.0}% of the rows together",
                        sum * 100.0
                    ),
                )
                .help("make them 100%: `{ train 80%, valid 10%, test 10% }`"),
            );
            return;
        }
        self.hir.splits.push(SplitPlan {
            source: name.clone(),
            rule,
            parts,
            span,
        });
    }

    /// The parts with their shares or counts.
    fn split_parts(&mut self, written: &[(ast::Name, ast::Expr)]) -> Option<Vec<(String, f64)>> {
        let known = ["train", "valid", "test"];
        let mut parts = Vec::new();
        for (part, amount) in written {
            if !known.contains(&part.text.as_str()) {
                self.unknown(414, part.span, "part of a split", &part.text, &known);
                return None;
            }
            match self.expr(amount).ty.value().and_then(Value::as_f64) {
                Some(amount) if amount >= 0.0 => parts.push((part.text.clone(), amount)),
                _ => {
                    self.report(Diagnostic::error(
                        Code(414),
                        amount.span,
                        "a part of a split is a share such as `80%`, or a count",
                    ));
                    return None;
                }
            }
        }
        Some(parts)
    }

    fn split_rule(
        &mut self,
        rule: &ast::SplitRule,
        source: &SourcePlan,
        span: Span,
    ) -> Option<SplitRule> {
        if source.time.is_none()
            && !matches!(rule, ast::SplitRule::Random(_) | ast::SplitRule::Error)
        {
            self.report(
                Diagnostic::error(
                    Code(415),
                    span,
                    format!("`{}` has no column of type `time`", source.name),
                )
                .help("declare one, or write `split NAME random(7) { ... }`"),
            );
            return None;
        }
        match rule {
            ast::SplitRule::Time(time) => self.is_time_of(source, time).then_some(SplitRule::Time),
            ast::SplitRule::TimePer(time, entity) => (self.is_time_of(source, time)
                && self.is_reference_of(source, entity))
            .then(|| SplitRule::TimePer(entity.text.clone())),
            ast::SplitRule::LastPer(entity) => self
                .is_reference_of(source, entity)
                .then(|| SplitRule::LastPer(entity.text.clone())),
            ast::SplitRule::Day => Some(SplitRule::Day),
            ast::SplitRule::Random(seed) => match self.expr(seed).ty {
                Ty::Const(Value::Int(seed)) => Some(SplitRule::Random(seed as u64)),
                _ => {
                    self.report(Diagnostic::error(
                        Code(414),
                        seed.span,
                        "the seed of a random split is a whole number",
                    ));
                    None
                }
            },
            ast::SplitRule::Error => None,
        }
    }

    fn is_reference_of(&mut self, source: &SourcePlan, name: &ast::Name) -> bool {
        let targets = source.references.iter().map(|to| to.target.as_str());
        let targets: Vec<&str> = targets.collect();
        let found = targets.contains(&name.text.as_str());
        if !found {
            let what = format!("reference of `{}`", source.name);
            self.unknown(231, name.span, &what, &name.text, &targets);
        }
        found
    }

    fn is_time_of(&mut self, source: &SourcePlan, name: &ast::Name) -> bool {
        let found = source.time.as_deref() == Some(name.text.as_str());
        if !found {
            let times: Vec<&str> = source.time.iter().map(String::as_str).collect();
            let what = format!("time of `{}`", source.name);
            self.unknown(415, name.span, &what, &name.text, &times);
        }
        found
    }
}
