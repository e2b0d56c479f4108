//! The lines of blocks: entries of sources, splits, training, evaluation and tests.

use crate::ast::{
    Availability, ColumnDecl, EvaluateEntry, Feature, Joined, Metric, Name, Role, SourceEntry,
    Split, SplitRule, Statement, TrainEntry,
};

use super::Printer;
use super::blocks::{Line, Piece};
use super::expressions::quote;

pub(super) fn join_names(names: &[Name]) -> String {
    names
        .iter()
        .map(|name| name.text.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

/// `name` or `(a, b)`
pub(super) fn columns(names: &[Name]) -> String {
    match names {
        [name] => name.text.clone(),
        names => format!("({})", join_names(names)),
    }
}

pub(super) fn was(path: Option<&String>) -> String {
    path.map(|path| format!(" was {}", quote(path)))
        .unwrap_or_default()
}

impl Printer<'_> {
    pub(super) fn source_line<'a>(&self, entry: &'a SourceEntry) -> Line<'a> {
        match entry {
            SourceEntry::Key(keys) => {
                let parts: Vec<_> = keys
                    .iter()
                    .map(|(name, ty)| format!("{}: {}", name.text, self.flat_type(ty)))
                    .collect();
                let text = match &parts[..] {
                    [key] => format!("key {key}"),
                    keys => format!("key ({})", keys.join(", ")),
                };
                Line {
                    start: keys.first().map_or(0, |(name, _)| name.span.start as usize),
                    ..text_line(text)
                }
            }
            SourceEntry::Reference {
                columns: names,
                target,
            } => {
                let text = format!("{} -> {}", columns(names), target.text);
                Line {
                    start: names.first().map_or(target, |name| name).span.start as usize,
                    ..text_line(text)
                }
            }
            SourceEntry::Column(column) => self.column_line(column),
            SourceEntry::Unique(names, span) => Line {
                start: span.start as usize,
                ..text_line(format!("unique by {}", columns(names)))
            },
            SourceEntry::Group(name) => Line {
                start: name.span.start as usize,
                ..text_line(format!("group {}", name.text))
            },
            SourceEntry::Policy { name, value } => Line::new(
                name.span,
                vec![Piece::text(format!("{}: ", name.text)), Piece::Value(value)],
            ),
            SourceEntry::Error(span) => Line {
                start: span.start as usize,
                ..text_line("error".to_owned())
            },
        }
    }

    fn column_line<'a>(&self, column: &'a ColumnDecl) -> Line<'a> {
        let role = match &column.role {
            Role::Plain => String::new(),
            Role::Label => "label ".to_owned(),
            Role::Known(None) => "known ".to_owned(),
            Role::Known(Some(side)) => format!("known of {} ", side.text),
        };
        let ty = column
            .ty
            .as_ref()
            .map(|ty| format!(": {}", self.flat_type(ty)))
            .unwrap_or_default();
        let mut pieces = vec![Piece::text(format!("{role}{}{ty}", column.name.text))];
        if let Some(nulls) = &column.nulls {
            pieces.extend([Piece::text(" null "), Piece::Value(nulls)]);
        }
        if let Some(Joined {
            source,
            on,
            within,
            otherwise,
        }) = &column.joined
        {
            pieces.push(Piece::text(format!(
                " from {} on {} within ",
                source.text,
                columns(on)
            )));
            pieces.push(Piece::Small(within));
            if let Some(otherwise) = otherwise {
                pieces.extend([Piece::text(" else "), Piece::Value(otherwise)]);
            }
        }
        match &column.availability {
            Some(Availability::After(wait, at)) => {
                pieces.extend([
                    Piece::text(" known "),
                    Piece::Small(wait),
                    Piece::text(format!(" after {}", at.text)),
                ]);
            }
            Some(Availability::At(at)) => {
                pieces.push(Piece::text(format!(" known at {}", at.text)))
            }
            None => {}
        }
        if let Some(value) = &column.value {
            pieces.extend([Piece::text(" = "), Piece::Value(value)]);
        }
        Line::new(column.span, pieces)
    }

    pub(super) fn feature_line<'a>(&self, feature: &'a Feature) -> Line<'a> {
        let pieces = vec![
            Piece::Value(&feature.value),
            Piece::text(was(feature.was.as_ref())),
        ];
        Line {
            docs: &feature.docs,
            aligned: Some(&feature.name.text),
            ..Line::new(feature.span, pieces)
        }
    }

    /// ` by at per user` or ` per user last 1 test`, the latter with its parts.
    pub(super) fn split_rule<'a>(&self, split: &'a Split, end: usize) -> Vec<Piece<'a>> {
        let rule = match &split.rule {
            SplitRule::Time(column) => format!(" by {}", column.text),
            SplitRule::TimePer(column, entity) => {
                format!(" by {} per {}", column.text, entity.text)
            }
            SplitRule::Day => " by day".to_owned(),
            SplitRule::Random(seed) => format!(" random({})", self.flat_open(seed)),
            SplitRule::Error => " error".to_owned(),
            SplitRule::LastPer(entity) => {
                let parts = split
                    .parts
                    .iter()
                    .map(|(part, count)| format!("{} {}", self.flat_small(count), part.text));
                let parts = parts.collect::<Vec<_>>().join(", ");
                return vec![Piece::text(format!(" per {} last {parts}", entity.text))];
            }
        };
        let lines = split.parts.iter().map(|(part, share)| {
            Line::new(
                part.span,
                vec![Piece::text(format!("{} ", part.text)), Piece::Value(share)],
            )
        });
        vec![Piece::text(rule), Piece::Block(lines.collect(), end)]
    }

    pub(super) fn train_line<'a>(&self, entry: &'a TrainEntry) -> Line<'a> {
        match entry {
            TrainEntry::Minimize(value) => Line::new(
                value.span,
                vec![Piece::text("minimize "), Piece::Value(value)],
            ),
            TrainEntry::Option(name, value) => Line::new(
                name.span,
                vec![Piece::text(format!("{} ", name.text)), Piece::Value(value)],
            ),
            TrainEntry::StopEarly {
                split,
                evaluation,
                metric,
                patience,
            } => {
                let metric = self.metric(metric);
                let text = format!(
                    "stop early on {} {}.{metric} patience ",
                    split.text, evaluation.text
                );
                Line::new(split.span, vec![Piece::text(text), Piece::Small(patience)])
            }
            TrainEntry::Error(span) => Line {
                start: span.start as usize,
                ..text_line("error".to_owned())
            },
        }
    }

    fn metric(&self, metric: &Metric) -> String {
        let args = if metric.args.is_empty() {
            String::new()
        } else {
            format!("({})", self.flat_args(&metric.args))
        };
        let at = metric
            .at
            .as_ref()
            .map(|at| format!("@{}", self.flat_small(at)))
            .unwrap_or_default();
        format!("{}{args}{at}", metric.name.text)
    }

    pub(super) fn evaluate_line<'a>(&self, entry: &'a EvaluateEntry) -> Line<'a> {
        match entry {
            EvaluateEntry::Rank { entity, by, except } => {
                let except = except
                    .as_ref()
                    .map(|except| format!(" except {}", except.text));
                let pieces = vec![
                    Piece::text(format!("rank {} by ", entity.text)),
                    Piece::Value(by),
                    Piece::text(except.unwrap_or_default()),
                ];
                Line::new(entity.span, pieces)
            }
            EvaluateEntry::Score { score, against } => {
                let pieces = vec![
                    Piece::text("score "),
                    Piece::Value(score),
                    Piece::text(" against "),
                    Piece::Value(against),
                ];
                Line::new(score.span, pieces)
            }
            EvaluateEntry::Report(metrics) => {
                let text: Vec<_> = metrics.iter().map(|metric| self.metric(metric)).collect();
                let start = metrics
                    .first()
                    .map_or(0, |metric| metric.span.start as usize);
                Line {
                    start,
                    ..text_line(format!("report {}", text.join(", ")))
                }
            }
            EvaluateEntry::Slice(value) => Line::new(
                value.span,
                vec![Piece::text("slice by "), Piece::Value(value)],
            ),
            EvaluateEntry::Interval(name) => Line {
                start: name.span.start as usize,
                ..text_line(format!("interval by {}", name.text))
            },
            EvaluateEntry::Baselines(names) => {
                let start = names.first().map_or(0, |name| name.span.start as usize);
                Line {
                    start,
                    ..text_line(format!("baselines {}", join_names(names)))
                }
            }
            EvaluateEntry::Error(span) => Line {
                start: span.start as usize,
                ..text_line("error".to_owned())
            },
        }
    }

    pub(super) fn statement_line<'a>(&self, statement: &'a Statement) -> Line<'a> {
        match statement {
            Statement::Let(binding) => {
                let name = Piece::text(format!("let {} = ", binding.name.text));
                Line::new(binding.name.span, vec![name, Piece::Value(&binding.value)])
            }
            Statement::Assert {
                left,
                right,
                within,
                span,
            } => {
                let mut pieces = vec![Piece::text("assert "), Piece::Value(left)];
                if let Some(right) = right {
                    pieces.extend([Piece::text(" ~= "), Piece::Value(right)]);
                }
                if let Some(within) = within {
                    pieces.extend([Piece::text(" within "), Piece::Small(within)]);
                }
                Line::new(*span, pieces)
            }
            Statement::Error(span) => Line {
                start: span.start as usize,
                ..text_line("error".to_owned())
            },
        }
    }
}

fn text_line<'a>(text: String) -> Line<'a> {
    Line {
        start: 0,
        docs: &[],
        pieces: vec![Piece::Text(text)],
        aligned: None,
    }
}
