//! Splits.

use super::Checker;
use crate::hir::Ty;
use crate::plan::{SourceKind, SourcePlan, SplitPlan, SplitRule};
use crate::value::Value;
use reckon_grammar::ast::{self};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

/// The parts there are, in the order of time: the first trains, whatever the order of the text.
const PARTS: [&str; 3] = ["train", "valid", "test"];

/// How much of the rows a part takes.
#[derive(Clone, Copy, PartialEq)]
enum Amount {
    /// `80%`, or a number with a fraction.
    Share(f64),
    /// A whole number of rows or days.
    Count(i64),
}

/// A part as it is written.
struct Part<'s> {
    name: &'s ast::Name,
    amount: Amount,
    span: Span,
}

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
        if source.kind == SourceKind::Entity {
            let message = format!("only events are split, and `{name}` is an entity");
            let entity = Diagnostic::error(Code(230), split.source.span, message);
            self.report(entity.note("what is cut are happenings; things keep all of their rows"));
            return;
        }
        let Some(rule) = self.split_rule(&split.rule, &source, split.source.span) else {
            return;
        };
        let Some(written) = self.split_parts(&split.parts) else {
            return;
        };
        if let Some((rule, parts)) = self.amounts(rule, &written, split.source.span) {
            self.hir.splits.push(SplitPlan {
                source: name.clone(),
                rule,
                parts: in_time(parts),
                span,
            });
        }
    }

    /// The parts as they are written, each of them once.
    fn split_parts<'s>(&mut self, written: &'s [(ast::Name, ast::Expr)]) -> Option<Vec<Part<'s>>> {
        let mut parts: Vec<Part<'s>> = Vec::new();
        for (name, value) in written {
            if !PARTS.contains(&name.text.as_str()) {
                self.unknown(414, name.span, "part of a split", &name.text, &PARTS);
                return None;
            }
            if let Some(first) = parts.iter().find(|part| part.name.text == name.text) {
                let twice = format!("part `{}` is given twice", name.text);
                let twice = Diagnostic::error(Code(204), name.span, twice);
                self.report(twice.label(first.name.span, "first given here"));
                return None;
            }
            let found = self.expr(value).ty;
            let amount = match found.value() {
                Some(Value::Int(count)) if *count >= 0 => Amount::Count(*count),
                Some(Value::Float(share)) if *share >= 0.0 => Amount::Share(*share),
                _ if matches!(found, Ty::Error) => return None,
                _ => {
                    let message = "a part of a split is a share such as `80%`, or a count";
                    self.report(Diagnostic::error(Code(414), value.span, message));
                    return None;
                }
            };
            let span = value.span;
            parts.push(Part { name, amount, span });
        }
        Some(parts)
    }

    /// The amounts that a rule takes: shares of rows, or counts of days or of last rows.
    fn amounts(
        &mut self,
        rule: SplitRule,
        written: &[Part<'_>],
        span: Span,
    ) -> Option<(SplitRule, Vec<(String, f64)>)> {
        let counted = written
            .iter()
            .all(|part| matches!(part.amount, Amount::Count(_)));
        match rule {
            SplitRule::LastPer(_) => {
                let parts = self.last_rows(written)?;
                Some((rule, parts))
            }
            SplitRule::Day if counted => {
                self.trains(written, span)?;
                let none = written.iter().find(|part| part.amount == Amount::Count(0));
                if let Some(part) = none {
                    let message = format!("`{}` takes no day", part.name.text);
                    self.report(Diagnostic::error(Code(414), part.span, message));
                    return None;
                }
                Some((rule, numbers(written)))
            }
            SplitRule::Day => Some((SplitRule::DayShare, self.shares(written, span)?)),
            SplitRule::Time
            | SplitRule::TimePer(_)
            | SplitRule::Random(_)
            | SplitRule::DayShare => {
                let parts = self.shares(written, span)?;
                Some((rule, parts))
            }
        }
    }

    /// `train 80%, valid 10%, test 10%`: shares that are all of the rows together.
    fn shares(&mut self, written: &[Part<'_>], span: Span) -> Option<Vec<(String, f64)>> {
        self.trains(written, span)?;
        let counted = written
            .iter()
            .find(|part| matches!(part.amount, Amount::Count(_)));
        if let Some(part) = counted {
            let found = "a part of the rows is a share, found a whole number";
            self.report(
                Diagnostic::error(Code(414), part.span, found)
                    .note("`by day` takes whole numbers of days, and `per ENTITY last 1 test` of rows")
                    .help("write it as `80%`"),
            );
            return None;
        }
        let parts = numbers(written);
        let sum: f64 = parts.iter().map(|(_, share)| share).sum();
        if (sum - 1.0).abs() <= 1e-9 {
            return Some(parts);
        }
        let percent = sum * 100.0;
        let message = format!("the parts of the split are {percent:.0}% of the rows together");
        self.report(
            Diagnostic::error(Code(414), span, message)
                .help("make them 100%: `{ train 80%, valid 10%, test 10% }`"),
        );
        None
    }

    /// A split without a part to train on is a mistake.
    fn trains(&mut self, written: &[Part<'_>], span: Span) -> Option<()> {
        let found = written.iter().any(|part| part.name.text == PARTS[0]);
        if !found {
            self.report(
                Diagnostic::error(Code(414), span, "the split has no part `train`")
                    .help("name what trains: `{ train 80%, valid 10%, test 10% }`"),
            );
        }
        found.then_some(())
    }

    /// `per user last 1 test, 1 valid`: the very last rows are the test, those before them valid, all others train.
    fn last_rows(&mut self, written: &[Part<'_>]) -> Option<Vec<(String, f64)>> {
        for part in written {
            let (span, message, help) = match part.amount {
                _ if part.name.text == PARTS[0] => (
                    part.name.span,
                    "the last rows are for `valid` and `test`, and all others train",
                    "leave `train` out: `last 1 test, 1 valid`",
                ),
                Amount::Count(count) if count > 0 => continue,
                Amount::Count(_) | Amount::Share(_) => (
                    part.span,
                    "the last rows are counted from 1 on",
                    "write a whole number: `last 1 test, 1 valid`",
                ),
            };
            self.report(Diagnostic::error(Code(414), span, message).help(help));
            return None;
        }
        let mut parts = vec![(PARTS[0].to_owned(), 0.0)];
        parts.extend(numbers(written));
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
                Ty::Const(Value::Int(seed)) if seed >= 0 => Some(SplitRule::Random(seed as u64)),
                Ty::Error => None,
                _ => {
                    self.report(Diagnostic::error(
                        Code(414),
                        seed.span,
                        "the seed of a random split is a whole number from 0 on",
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

/// The names of parts with their numbers.
fn numbers(written: &[Part<'_>]) -> Vec<(String, f64)> {
    let number = |part: &Part<'_>| match part.amount {
        Amount::Share(share) => share,
        Amount::Count(count) => count as f64,
    };
    let parts = written.iter();
    parts
        .map(|part| (part.name.text.clone(), number(part)))
        .collect()
}

/// Parts in the order of time.
fn in_time(mut parts: Vec<(String, f64)>) -> Vec<(String, f64)> {
    parts.sort_by_key(|(name, _)| PARTS.iter().position(|part| part == name));
    parts
}
