//! The items of a spec in the order in which they are checked; weights and losses.

use reckon_grammar::ast::{self, ItemKind};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use super::{Checker, Frame, meant};
use crate::graph::Init;
use crate::hir::{Expr, ItemWeight, Loss, SpaceKind, SpaceRef, Ty};
use crate::value::Value;

impl<'a> Checker<'a> {
    /// All items beside sources, in an order in which each finds what it needs.
    pub(super) fn items(&mut self) {
        let items: Vec<&'a ast::Item> = self.user_items().collect();
        self.declare_columns();
        for item in &items {
            if let ItemKind::Weight(weight) = &item.kind {
                self.weight_item(weight);
            }
        }
        self.feature_sources(&items);
        for at in 0..self.feature_items.len() {
            let (source, name, _) = self.feature_items[at].clone();
            self.feature_index(&source, &name);
        }
        for item in &items {
            if let ItemKind::Tower(tower) = &item.kind {
                self.tower_index(&tower.name.text);
                if self.is_scores(&tower.name.text) {
                    self.score_table(tower);
                }
            }
        }
        self.loop_heads();
        for item in &items {
            self.enter_loop_of(item);
            if let ItemKind::Graph(graph) = &item.kind {
                self.item_graph(graph);
            }
        }
        self.columns();
        for item in &items {
            self.enter_loop_of(item);
            if let ItemKind::Selector(selector) = &item.kind {
                self.selector(selector);
            }
        }
        for item in &items {
            self.enter_loop_of(item);
            if let ItemKind::Loss(loss) = &item.kind {
                self.loss(loss);
            }
        }
        for item in &items {
            self.enter_loop_of(item);
            match &item.kind {
                ItemKind::Evaluate(evaluate) => self.evaluate(evaluate, item.span),
                ItemKind::Export(export) => self.export(export),
                ItemKind::Test(test) => self.test(test, item.span),
                _ => {}
            }
        }
        for item in &items {
            self.enter_loop_of(item);
            if let ItemKind::Train(train) = &item.kind {
                self.train(train, item.span);
            }
        }
    }

    fn weight_item(&mut self, weight: &ast::Weight) {
        self.frames.push(Frame::default());
        let ty = self.written(&weight.ty);
        let init = self.expr(&weight.init);
        self.frames.pop();
        let Some(ty) = ty else {
            self.refused.insert(weight.name.text.clone());
            return;
        };
        let (Ty::Tensor(ty), Some(init)) = (ty, init.ty.value().and_then(Value::as_f64)) else {
            self.refused.insert(weight.name.text.clone());
            if !init.is_error() {
                self.report(Diagnostic::error(
                    Code(301),
                    weight.init.span,
                    "a weight is numbers, and starts at a number known while compiling",
                ));
            }
            return;
        };
        self.hir.weights.push(ItemWeight {
            name: weight.name.text.clone(),
            ty,
            init: Init::Constant(init),
            span: weight.name.span,
        });
    }

    /// Puts the open body aside while another item is checked.
    pub(super) fn open_body(&mut self) -> Body {
        Body {
            frames: std::mem::take(&mut self.frames),
            segments: std::mem::replace(&mut self.segments, vec![Default::default()]),
            calls: std::mem::take(&mut self.calls),
            hint: self.hint.take(),
            feature: self.current_feature.take(),
            masks: self.masks.take(),
            depth: std::mem::take(&mut self.depth),
        }
    }

    pub(super) fn close_body(&mut self, outer: Body) {
        self.frames = outer.frames;
        self.segments = outer.segments;
        self.calls = outer.calls;
        self.hint = outer.hint;
        self.current_feature = outer.feature;
        self.masks = outer.masks;
        self.depth = outer.depth;
    }

    fn loss(&mut self, loss: &ast::Loss) {
        self.frames.push(Frame::default());
        let rows = self.rows(&loss.rows, &loss.name.text);
        self.frames.pop();
        let Some((mut rows, handle)) = rows else {
            return;
        };
        let trains = self.trained_towers(loss);
        self.segments = vec![Default::default()];
        let source = rows.source.clone();
        let outer = self.open_masks(&handle);
        let value = self.in_row_scope(handle.clone(), &source, |checker| {
            let value = checker.body(&loss.body, None);
            if value.is_error() {
                value
            } else {
                checker.tensor(value)
            }
        });
        self.close_masks(outer, &mut rows);
        self.reveal(loss.body.value.span, &value);
        let Ty::Tensor(tensor) = &value.ty else {
            return;
        };
        let Ty::Handle(handle) = &handle.ty else {
            return;
        };
        let of_rows = |space: SpaceRef| {
            let group = handle
                .space
                .map(|rows| &self.hir.spaces[rows.0 as usize].kind);
            let in_group =
                matches!(group, Some(SpaceKind::List { parent, .. }) if *parent == Some(space));
            Some(space) == handle.space || in_group
        };
        let a_row = tensor.spaces.len() == 1 && of_rows(tensor.spaces[0]);
        if !tensor.dims.is_empty() || !(a_row || tensor.spaces.is_empty()) {
            self.not_one_number(loss, &value);
            return;
        }
        self.reads_of_drawn_rows(&rows, &value);
        self.has_window(&rows);
        self.trains_on_the_past(&loss.name.text, &rows);
        self.hir.losses.push(Loss {
            name: loss.name.text.clone(),
            rows,
            trains,
            value,
            span: loss.name.span,
        });
    }
}

impl Checker<'_> {
    fn not_one_number(&mut self, loss: &ast::Loss, value: &Expr) {
        let shown = self.show(&value.ty);
        let name = &loss.name.text;
        let message = format!("loss `{name}` is `{shown}`, and a loss is one number a row");
        let finding = Diagnostic::error(Code(602), value.span, message);
        let is_vector = matches!(&value.ty, Ty::Tensor(tensor) if tensor.dims.len() == 1);
        let meant = is_vector
            .then(|| meant::product_inside(value, &loss.body))
            .flatten();
        self.report(match meant {
            Some(meant) => meant.attach(finding),
            None => finding.help(
                "reduce it: `softmax_loss(scores, c)` over candidates, `sum` or `mean` over a dimension",
            ),
        });
    }
}

/// A body put aside while another item is checked.
pub(super) struct Body {
    frames: Vec<Frame>,
    segments: Vec<std::collections::BTreeMap<String, usize>>,
    calls: Vec<Span>,
    hint: Option<String>,
    feature: Option<(String, String)>,
    masks: Option<super::masks::Masks>,
    depth: usize,
}
