//! Items as pieces.

use crate::ast::{
    Column, Evaluate, EvaluateKind, File, Fn, Item, ItemKind, Loop, Loss, Origin, Rows, Setting,
    Source, SourceKind, Tower, Train, Use, Weight,
};

use super::blocks::Piece;
use super::entries::{columns, join_names, was};
use super::expressions::quote;
use super::{Printer, WIDTH};

impl Printer<'_> {
    pub(super) fn file(&mut self, file: &File) {
        self.items(&file.items, file.span.end as usize + 1);
    }

    /// Items with the comments up to `end`.
    fn items(&mut self, items: &[Item], end: usize) {
        let mut previous = usize::MAX;
        for (at, item) in items.iter().enumerate() {
            let start = item.span.start as usize;
            let above = self.comments_before(previous, start);
            let apart = match (&self.original, at.checked_sub(1)) {
                (Some(_), _) => self.had_blank_line(above, start),
                (None, None) => false,
                (None, Some(before)) => !self.stand_together(&items[before], item),
            };
            if apart {
                self.blank_line();
            }
            self.docs(&item.docs);
            self.item(item);
            self.trailing_comment(
                items
                    .get(at + 1)
                    .map_or(end, |next| next.span.start as usize),
            );
            self.newline();
            previous = start;
        }
        self.comments_before(previous, end);
    }

    /// Whether two items without a text stand together: single lines of one kind.
    fn stand_together(&self, before: &Item, item: &Item) -> bool {
        let single = |item: &Item| match self.item_pieces(item) {
            Some(pieces) => {
                let block = pieces.iter().any(|piece| matches!(piece, Piece::Block(..)));
                item.docs.is_empty()
                    && !block
                    && self.flat_pieces(&pieces, "; ").chars().count() <= WIDTH
            }
            None => false,
        };
        std::mem::discriminant(&before.kind) == std::mem::discriminant(&item.kind)
            && single(before)
            && single(item)
    }

    fn item(&mut self, item: &Item) {
        let Some(pieces) = self.item_pieces(item) else {
            if let ItemKind::Loop(item_loop) = &item.kind {
                self.loop_item(item_loop, item.span.end as usize);
            }
            return;
        };
        let is_split = matches!(item.kind, ItemKind::Split(_));
        let flat = self.flat_pieces(&pieces, if is_split { ", " } else { "; " });
        let blocks = pieces
            .iter()
            .any(|piece| matches!(piece, Piece::Block(lines, _) if !lines.is_empty()));
        let one_line =
            !blocks || self.was_one_line(item.span) || (is_split && self.original.is_none());
        if blocks && one_line && !self.has_comments(item.span) && self.fits(&flat, 0) {
            return self.push(&flat);
        }
        self.pieces(&pieces);
    }

    fn loop_item(&mut self, item: &Loop, end: usize) {
        let (over, by) = (self.flat_small(&item.over), self.flat_small(&item.by));
        self.push(&format!("loop {} over {over} by {by} {{", item.name.text));
        self.opening_comment(
            item.items
                .first()
                .map_or(end, |item| item.span.start as usize),
        );
        self.newline();
        self.indent += 1;
        self.items(&item.items, end);
        self.indent -= 1;
        self.push("}");
    }

    /// The pieces of an item that holds no items.
    fn item_pieces<'a>(&self, item: &'a Item) -> Option<Vec<Piece<'a>>> {
        let end = item.span.end as usize;
        Some(match &item.kind {
            ItemKind::Use(Use::Library(path)) => {
                let path: Vec<_> = path.iter().map(|name| name.text.as_str()).collect();
                vec![Piece::text(format!("use {}", path.join(".")))]
            }
            ItemKind::Use(Use::File(path, _)) => vec![Piece::text(format!("use {}", quote(path)))],
            ItemKind::Setting(setting) => self.setting_pieces(setting),
            ItemKind::Weight(weight) => self.weight_pieces(weight),
            ItemKind::Source(source) => self.source_pieces(source, end),
            ItemKind::Features(features) => {
                let entries = features.entries.iter();
                let lines = entries.map(|entry| self.feature_line(entry)).collect();
                vec![
                    Piece::text(format!("features {}", features.source.text)),
                    Piece::Block(lines, end),
                ]
            }
            ItemKind::Split(split) => {
                let mut pieces = vec![Piece::text(format!("split {}", split.source.text))];
                pieces.extend(self.split_rule(split, end));
                pieces
            }
            ItemKind::Fn(function) => self.fn_pieces(function),
            ItemKind::Tower(tower) => self.tower_pieces(tower),
            ItemKind::Loss(loss) => self.loss_pieces(loss),
            ItemKind::Selector(selector) => {
                let mut pieces = vec![Piece::text(format!("selector {} = ", selector.name.text))];
                push_rows(&mut pieces, &selector.rows);
                pieces
            }
            ItemKind::Column(column) => self.column_pieces(column),
            ItemKind::Graph(graph) => {
                vec![
                    Piece::text(format!("graph {}", graph.name.text)),
                    Piece::Definition(&graph.value),
                ]
            }
            ItemKind::Train(train) => self.train_pieces(train, end),
            ItemKind::Loop(_) => return None,
            ItemKind::Evaluate(evaluate) => self.evaluate_pieces(evaluate, end),
            ItemKind::Export(export) => {
                vec![Piece::text(format!("export {}", join_names(&export.names)))]
            }
            ItemKind::Test(test) => {
                let lines = test
                    .statements
                    .iter()
                    .map(|statement| self.statement_line(statement))
                    .collect();
                vec![
                    Piece::text(format!("test {}", quote(&test.title))),
                    Piece::Block(lines, end),
                ]
            }
        })
    }

    fn setting_pieces<'a>(&self, setting: &'a Setting) -> Vec<Piece<'a>> {
        let ty = setting
            .ty
            .as_ref()
            .map(|ty| format!(": {}", self.flat_type(ty)))
            .unwrap_or_default();
        vec![
            Piece::text(format!("setting {}{ty}", setting.name.text)),
            Piece::Definition(&setting.value),
        ]
    }

    fn weight_pieces<'a>(&self, weight: &'a Weight) -> Vec<Piece<'a>> {
        vec![
            Piece::text(format!(
                "weight {}: {}",
                weight.name.text,
                self.flat_type(&weight.ty)
            )),
            Piece::Definition(&weight.init),
            Piece::text(was(weight.was.as_ref())),
        ]
    }

    fn fn_pieces<'a>(&self, function: &'a Fn) -> Vec<Piece<'a>> {
        let ret = function
            .ret
            .as_ref()
            .map(|ty| format!(" -> {}", self.flat_type(ty)))
            .unwrap_or_default();
        let mut pieces = vec![
            Piece::text(format!("fn {}", function.name.text)),
            Piece::Params(&function.params),
            Piece::text(ret),
        ];
        pieces.extend(function.body.as_ref().map(|body| Piece::body(self, body)));
        pieces
    }

    fn source_pieces<'a>(&self, source: &'a Source, end: usize) -> Vec<Piece<'a>> {
        let from = match self.flat_open(&source.from) {
            path if path.starts_with('{') => Piece::Small(&source.from),
            _ => Piece::Value(&source.from),
        };
        let kind = match source.kind {
            SourceKind::Entity => "entity",
            SourceKind::Events => "events",
        };
        let mut pieces = vec![
            Piece::text(format!("{kind} {} from ", source.name.text)),
            from,
        ];
        if let Some(as_of) = &source.as_of {
            pieces.push(Piece::text(format!(" as of {}", as_of.text)));
        }
        if let Some(cond) = &source.cond {
            pieces.extend([Piece::text(" where "), Piece::Cond(cond)]);
        }
        let lines = source
            .entries
            .iter()
            .map(|entry| self.source_line(entry))
            .collect();
        pieces.push(Piece::Block(lines, end));
        pieces
    }

    fn tower_pieces<'a>(&self, tower: &'a Tower) -> Vec<Piece<'a>> {
        let keyword = if tower.teacher { "teacher" } else { "tower" };
        let mut pieces = vec![Piece::text(format!("{keyword} {}", tower.name.text))];
        if let Some(params) = &tower.params {
            pieces.push(Piece::Params(params));
        }
        if let Some(ret) = &tower.ret {
            pieces.push(Piece::text(format!(" -> {}", self.flat_type(ret))));
        }
        match &tower.origin {
            None => {}
            Some(Origin::Like(name)) => pieces.push(Piece::text(format!(" like {}", name.text))),
            Some(Origin::Taken { like, run }) => {
                pieces.extend([
                    Piece::text(format!(" like {} from checkpoint ", like.text)),
                    Piece::Small(run),
                ]);
            }
            Some(Origin::CopyOf(name)) => {
                pieces.push(Piece::text(format!(" copy of {}", name.text)))
            }
            Some(Origin::EmaOf(name, decay)) => {
                pieces.extend([
                    Piece::text(format!(" ema of {} decay ", name.text)),
                    Piece::Small(decay),
                ]);
            }
            Some(Origin::Checkpoint(path)) => {
                pieces.extend([Piece::text(" from checkpoint "), Piece::Small(path)]);
            }
            Some(Origin::Scores { path, on, as_of }) => {
                pieces.extend([Piece::text(" from scores "), Piece::Value(path)]);
                if !on.is_empty() {
                    pieces.push(Piece::text(format!(" on {}", columns(on))));
                }
                if let Some(as_of) = as_of {
                    pieces.extend([Piece::text(" as of "), Piece::Value(as_of)]);
                }
            }
        }
        pieces.extend(tower.body.as_ref().map(|body| Piece::body(self, body)));
        if tower.shares_tables {
            pieces.push(Piece::text(" shares tables"));
        }
        pieces.push(Piece::text(was(tower.was.as_ref())));
        pieces
    }

    fn loss_pieces<'a>(&self, loss: &'a Loss) -> Vec<Piece<'a>> {
        let trains = if loss.trains.is_empty() {
            String::new()
        } else {
            format!(" for {}", join_names(&loss.trains))
        };
        let mut pieces = vec![Piece::text(format!(
            "loss {}{trains} over ",
            loss.name.text
        ))];
        push_rows(&mut pieces, &loss.rows);
        pieces.push(Piece::body(self, &loss.body));
        pieces
    }

    fn column_pieces<'a>(&self, column: &'a Column) -> Vec<Piece<'a>> {
        let mut pieces = vec![Piece::text(format!("column {} over ", column.name.text))];
        push_rows(&mut pieces, &column.rows);
        if column.all_splits {
            pieces.push(Piece::text(" over all splits"));
        }
        if let Some((folds, key)) = &column.cross_fit {
            pieces.extend([
                Piece::text(" cross_fit "),
                Piece::Small(folds),
                Piece::text(format!(" by {}", key.text)),
            ]);
        }
        pieces.push(Piece::body(self, &column.body));
        pieces
    }

    fn train_pieces<'a>(&self, train: &'a Train, end: usize) -> Vec<Piece<'a>> {
        let name = train
            .name
            .as_ref()
            .map(|name| format!(" {}", name.text))
            .unwrap_or_default();
        let lines = train
            .entries
            .iter()
            .map(|entry| self.train_line(entry))
            .collect();
        vec![
            Piece::text(format!("train{name}")),
            Piece::Block(lines, end),
        ]
    }

    fn evaluate_pieces<'a>(&self, evaluate: &'a Evaluate, end: usize) -> Vec<Piece<'a>> {
        let kind = match evaluate.kind {
            Some(EvaluateKind::Retrieval) => "retrieval",
            Some(EvaluateKind::Ranking) => "ranking",
            None => "error",
        };
        let mut pieces = vec![Piece::text(format!(
            "evaluate {}: {kind} over ",
            evaluate.name.text
        ))];
        push_rows(&mut pieces, &evaluate.rows);
        if evaluate.per_event {
            pieces.push(Piece::text(" per event"));
        }
        let lines = evaluate
            .entries
            .iter()
            .map(|entry| self.evaluate_line(entry))
            .collect();
        pieces.push(Piece::Block(lines, end));
        pieces
    }
}

fn push_rows<'a>(pieces: &mut Vec<Piece<'a>>, rows: &'a Rows) {
    pieces.push(Piece::Rows(&rows.expr));
    if let Some(batch) = &rows.batch {
        pieces.extend([Piece::text(" batch "), Piece::Small(batch)]);
    }
}
