//! Items other than sources and training.

use crate::ast::{
    Column, Export, Fn, Graph, Item, ItemKind, Loss, Origin, Rows, Selector, Setting, Statement,
    Test, Tower, Use, Weight,
};
use crate::ast::{Expr, ExprKind};
use crate::tree::{Node, Rule};

use super::Parser;

impl Parser<'_> {
    pub(super) fn item(&mut self, node: Node<'_>) -> Item {
        let inner = node.first();
        let kind = match inner.rule {
            Rule::use_item => ItemKind::Use(self.use_item(inner)),
            Rule::setting_item => ItemKind::Setting(Setting {
                name: self.first_name(inner),
                ty: self.child_type(inner),
                value: self.child_value(inner),
            }),
            Rule::weight_item => ItemKind::Weight(Weight {
                name: self.first_name(inner),
                ty: self.needed_type(inner),
                init: self.child_value(inner),
                was: self.was(inner),
            }),
            Rule::source_item => ItemKind::Source(self.source_item(inner)),
            Rule::features_item => ItemKind::Features(self.features_item(inner)),
            Rule::split_item => ItemKind::Split(self.split_item(inner)),
            Rule::fn_item => ItemKind::Fn(Fn {
                name: self.first_name(inner),
                params: self.params(inner),
                ret: self.ret(inner),
                body: self.body(inner),
            }),
            Rule::tower_item => ItemKind::Tower(self.tower_item(inner)),
            Rule::teacher_item => ItemKind::Tower(self.teacher_item(inner)),
            Rule::loss_item => ItemKind::Loss(Loss {
                name: self.first_name(inner),
                trains: inner
                    .find(Rule::trained)
                    .map(|trained| self.names(trained))
                    .unwrap_or_default(),
                rows: self.rows(inner),
                body: self.needed_body(inner),
            }),
            Rule::selector_item => ItemKind::Selector(Selector {
                name: self.first_name(inner),
                rows: self.rows(inner),
            }),
            Rule::column_item => ItemKind::Column(self.column_item(inner)),
            Rule::graph_item => ItemKind::Graph(Graph {
                name: self.first_name(inner),
                value: self.child_value(inner),
            }),
            Rule::train_item => ItemKind::Train(self.train_item(inner)),
            Rule::loop_item => ItemKind::Loop(self.loop_item(inner)),
            Rule::evaluate_item => ItemKind::Evaluate(self.evaluate_item(inner)),
            Rule::export_item => ItemKind::Export(Export {
                names: self.names(inner),
            }),
            Rule::test_item => ItemKind::Test(self.test_item(inner)),
            rule => unreachable!("internal: an item holds no {rule:?}"),
        };
        Item {
            docs: self.docs(node.start),
            span: self.span(node),
            kind,
        }
    }

    fn use_item(&mut self, node: Node<'_>) -> Use {
        let named = node.children().find(|child| child.rule != Rule::kw_use);
        match named {
            Some(path) if path.rule == Rule::path => Use::Library(
                path.children()
                    .filter(|child| matches!(child.rule, Rule::ident | Rule::name))
                    .map(|name| self.name(name))
                    .collect(),
            ),
            Some(text) if matches!(text.rule, Rule::string | Rule::err_string) => {
                Use::File(self.string(text), self.span(text))
            }
            _ => Use::Library(Vec::new()),
        }
    }

    /// The string in a `text` node; empty where it is missing.
    pub(super) fn text_of(&mut self, node: Node<'_>) -> String {
        let inner = node.first();
        match inner.rule {
            Rule::string | Rule::err_string => self.string(inner),
            _ => String::new(),
        }
    }

    /// `was "old.path"` among the children.
    pub(super) fn was(&mut self, node: Node<'_>) -> Option<String> {
        let text = node.find(Rule::was)?.find(Rule::text)?;
        Some(self.text_of(text))
    }

    /// The rows among the children, with their batch.
    pub(super) fn rows(&mut self, node: Node<'_>) -> Rows {
        let Some(rows) = node.find(Rule::rows) else {
            let span = self.no_name(node).span;
            return Rows {
                expr: Expr {
                    kind: ExprKind::Error,
                    span,
                },
                batch: None,
            };
        };
        Rows {
            expr: self.expr_or_error(rows.first()),
            batch: rows.find(Rule::small).map(|batch| self.value(batch)),
        }
    }

    fn tower_item(&mut self, node: Node<'_>) -> Tower {
        Tower {
            teacher: false,
            name: self.first_name(node),
            params: Some(self.params(node)),
            ret: self.ret(node),
            body: Some(self.needed_body(node)),
            origin: None,
            shares_tables: false,
            was: self.was(node),
        }
    }

    fn teacher_item(&mut self, node: Node<'_>) -> Tower {
        self.refuse_repeats(node, &[&[Rule::shares], &[Rule::was]]);
        Tower {
            teacher: true,
            name: self.first_name(node),
            params: node.has(Rule::params).then(|| self.params(node)),
            ret: self.ret(node),
            body: self.body(node),
            origin: node.children().find_map(|child| self.origin(child)),
            shares_tables: node.has(Rule::shares),
            was: self.was(node),
        }
    }

    fn origin(&mut self, node: Node<'_>) -> Option<Origin> {
        Some(match node.rule {
            Rule::like_origin => Origin::Like(self.first_name(node)),
            Rule::taken_origin => Origin::Taken {
                like: self.first_name(node),
                run: self.child_value(node),
            },
            Rule::copy_origin => Origin::CopyOf(self.first_name(node)),
            Rule::ema_origin => Origin::EmaOf(self.first_name(node), self.child_value(node)),
            Rule::checkpoint_origin => Origin::Checkpoint(self.child_value(node)),
            Rule::scores_origin => Origin::Scores {
                path: self.child_value(node),
                on: node
                    .find(Rule::columns)
                    .map(|columns| self.names(columns))
                    .unwrap_or_default(),
                as_of: node.find(Rule::value).map(|value| self.value(value)),
            },
            _ => return None,
        })
    }

    fn column_item(&mut self, node: Node<'_>) -> Column {
        self.refuse_repeats(node, &[&[Rule::all_splits], &[Rule::cross_fit]]);
        let cross_fit = node.find(Rule::cross_fit);
        Column {
            name: self.first_name(node),
            rows: self.rows(node),
            all_splits: node.has(Rule::all_splits),
            cross_fit: cross_fit.map(|folds| (self.child_value(folds), self.first_name(folds))),
            body: self.needed_body(node),
        }
    }

    fn test_item(&mut self, node: Node<'_>) -> Test {
        let statements = node.children().filter_map(|child| match child.rule {
            Rule::let_line => Some(Statement::Let(self.let_line(child))),
            Rule::assert => Some(self.assertion(child)),
            Rule::err_entry => Some(Statement::Error(self.span(child))),
            _ => None,
        });
        let statements = statements.collect();
        let title = node
            .find(Rule::text)
            .map(|text| self.text_of(text))
            .unwrap_or_default();
        Test { title, statements }
    }

    fn assertion(&mut self, node: Node<'_>) -> Statement {
        let approx = node.find(Rule::approx);
        Statement::Assert {
            left: self.child_value(node),
            right: approx.map(|approx| self.child_value(approx)),
            within: approx
                .and_then(|approx| approx.find(Rule::small))
                .map(|within| self.value(within)),
            span: self.span(node),
        }
    }
}
