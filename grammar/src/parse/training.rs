//! Training, loops and evaluation.

use crate::ast::{Evaluate, EvaluateEntry, EvaluateKind, Loop, Metric, Train, TrainEntry};
use crate::diagnostic::nearest;
use crate::recover::WORD;
use crate::tree::{Node, Rule};

use super::Parser;

impl Parser<'_> {
    pub(super) fn train_item(&mut self, node: Node<'_>) -> Train {
        let entries = node.children().filter_map(|child| match child.rule {
            Rule::train_entry => Some(self.train_entry(child.first())),
            Rule::err_entry => Some(TrainEntry::Error(self.span(child))),
            _ => None,
        });
        let entries = entries.collect();
        Train {
            name: node.find(Rule::name_here).map(|name| self.name(name)),
            entries,
        }
    }

    fn train_entry(&mut self, node: Node<'_>) -> TrainEntry {
        match node.rule {
            Rule::minimize => TrainEntry::Minimize(self.child_value(node)),
            Rule::stop_early => TrainEntry::StopEarly {
                split: self.nth_name(node, 0),
                evaluation: self.nth_name(node, 1),
                metric: self.needed_metric(node),
                patience: self.child_value(node),
            },
            _ => TrainEntry::Option(self.first_name(node), self.child_value(node)),
        }
    }

    fn needed_metric(&mut self, node: Node<'_>) -> Metric {
        match node.find(Rule::metric) {
            Some(metric) => self.metric(metric),
            None => {
                let name = self.no_name(node);
                Metric {
                    span: name.span,
                    name,
                    args: Vec::new(),
                    at: None,
                }
            }
        }
    }

    fn metric(&mut self, node: Node<'_>) -> Metric {
        Metric {
            name: self.first_name(node),
            args: node
                .find(Rule::args)
                .map(|args| self.args(args))
                .unwrap_or_default(),
            at: node.find(Rule::small).map(|at| self.value(at)),
            span: self.span(node),
        }
    }

    pub(super) fn loop_item(&mut self, node: Node<'_>) -> Loop {
        Loop {
            name: self.first_name(node),
            over: self.nth_value(node, 0),
            by: self.nth_value(node, 1),
            items: node.all(Rule::item).map(|item| self.item(item)).collect(),
        }
    }

    pub(super) fn evaluate_item(&mut self, node: Node<'_>) -> Evaluate {
        let entries = node.children().filter_map(|child| match child.rule {
            Rule::evaluate_entry => Some(self.evaluate_entry(child.first())),
            Rule::err_entry => Some(EvaluateEntry::Error(self.span(child))),
            _ => None,
        });
        let entries = entries.collect();
        Evaluate {
            name: self.first_name(node),
            kind: node
                .find(Rule::evaluate_kind)
                .and_then(|kind| self.evaluate_kind(kind)),
            rows: self.rows(node),
            per_event: node.has(Rule::per_event),
            entries,
        }
    }

    fn evaluate_kind(&mut self, node: Node<'_>) -> Option<EvaluateKind> {
        let ident = node.find(Rule::ident)?;
        match self.source(ident) {
            "retrieval" => Some(EvaluateKind::Retrieval),
            "ranking" => Some(EvaluateKind::Ranking),
            other => {
                let (span, other) = (self.span(ident), other.to_owned());
                let near = nearest(&other, ["retrieval", "ranking"]);
                let message = format!("expected `retrieval` or `ranking`, found `{other}`");
                self.error(WORD, span, message).help =
                    near.map(|near| format!("did that mean `{near}`?"));
                None
            }
        }
    }

    fn evaluate_entry(&mut self, node: Node<'_>) -> EvaluateEntry {
        match node.rule {
            Rule::rank => EvaluateEntry::Rank {
                entity: self.first_name(node),
                by: self.child_value(node),
                except: node
                    .find(Rule::except)
                    .map(|except| self.first_name(except)),
            },
            Rule::score => EvaluateEntry::Score {
                score: self.nth_value(node, 0),
                against: self.nth_value(node, 1),
            },
            Rule::report => EvaluateEntry::Report(
                node.all(Rule::metric)
                    .map(|metric| self.metric(metric))
                    .collect(),
            ),
            Rule::slice => EvaluateEntry::Slice(self.child_value(node)),
            Rule::interval => EvaluateEntry::Interval(self.first_name(node)),
            _ => EvaluateEntry::Baselines(self.names(node)),
        }
    }
}
