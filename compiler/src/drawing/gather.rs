//! What of a spec is drawn.

use std::collections::{BTreeMap, BTreeSet};

use super::{Arrow, Card, Drawing, Flowing, Kind};
use crate::flow::Flow;
use crate::graph::text::rule;
use crate::hir::functions::outer_functions;
use crate::hir::print::{Item, one};
use crate::hir::{
    Expr, ExprKind, Feature, Hir, Loss, Optimizer, Origin, Rows, Tower, Train, Turn, Ty, ty::Shown,
};
use crate::plan::SourceKind;
use crate::routing::belongs;

/// Longest line of prose on a card, in characters.
const LINE: usize = 30;
/// Most lines of prose.
const LINES: usize = 3;

pub(super) fn gather(hir: &Hir, flows: &[Flow]) -> Drawing {
    let mut gatherer = Gatherer {
        hir,
        flows,
        places: BTreeMap::new(),
        drawing: Drawing::default(),
        arrows: BTreeMap::new(),
    };
    gatherer.cards();
    gatherer.flow_of_features();
    gatherer.flow_of_towers();
    gatherer.flow_of_columns();
    gatherer.flow_of_losses();
    gatherer.flow_of_trainings();
    gatherer.leave_out_what_is_said();
    let arrows = gatherer.arrows.into_iter();
    gatherer.drawing.arrows = arrows
        .map(|((from, to), (kind, note))| Arrow {
            from,
            to,
            kind,
            note,
        })
        .collect();
    gatherer.drawing
}

struct Gatherer<'h> {
    hir: &'h Hir,
    flows: &'h [Flow],
    /// Cards by kind and name.
    places: BTreeMap<(Place, String), usize>,
    drawing: Drawing,
    arrows: BTreeMap<(usize, usize), (Flowing, String)>,
}

/// What a name is of: the namespaces that cards have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Source,
    Graph,
    Column,
    Tower,
    Loss,
    Train,
}

/// What an expression reads, each with what flows back.
#[derive(Default)]
struct Reads {
    found: BTreeMap<(Place, String), Flowing>,
}

impl Gatherer<'_> {
    fn cards(&mut self) {
        for source in &self.hir.sources {
            let what = match source.kind {
                SourceKind::Entity => "entity",
                SourceKind::Events => "events",
            };
            let features = self.hir.features.iter();
            let of = features.filter(|feature| feature.source == source.name);
            let lines = of.map(|feature| (feature.name.clone(), self.ty(&feature.value.ty)));
            let lines = lines.collect();
            self.card(Place::Source, Kind::Source, what, &source.name, lines);
        }
        for graph in &self.hir.graphs {
            let text = graph.nearness.to_string();
            let name = text.split(',').next().unwrap_or_default().to_owned();
            let mut lines = vec![(name, String::new())];
            lines.extend(self.over(&graph.rows));
            self.card(Place::Graph, Kind::Graph, "item graph", &graph.name, lines);
        }
        for tower in &self.hir.towers {
            let (kind, what) = match &tower.teacher {
                None => (Kind::Tower, "tower"),
                Some(_) => (Kind::Teacher, "teacher"),
            };
            let lines = self.of_tower(tower);
            self.card(Place::Tower, kind, what, &tower.name, lines);
        }
        for column in &self.hir.columns {
            let mut lines = self.over(&column.rows);
            if let Some(fit) = &column.cross_fit {
                lines.push((crate::plan::print::folds(fit), String::new()));
            }
            self.card(Place::Column, Kind::Column, "column", &column.name, lines);
        }
        for loss in &self.hir.losses {
            let lines = self.of_loss(loss);
            self.card(Place::Loss, Kind::Loss, "loss", &loss.name, lines);
        }
        for train in &self.hir.trains {
            let lines = self.of_train(train);
            self.card(Place::Train, Kind::Train, "train", &train.name, lines);
        }
    }

    fn card(
        &mut self,
        place: Place,
        kind: Kind,
        what: &str,
        title: &str,
        lines: Vec<(String, String)>,
    ) {
        let at = self.drawing.cards.len();
        self.places.insert((place, title.to_owned()), at);
        self.drawing.cards.push(Card {
            kind,
            what: what.to_owned(),
            title: title.to_owned(),
            lines,
        });
    }

    fn ty(&self, ty: &Ty) -> String {
        Shown(ty, &self.hir.spaces).to_string()
    }

    fn over(&self, rows: &Rows) -> Vec<(String, String)> {
        let rows = one(self.hir, Item::Rows(rows)).replace(".raw.", ".");
        prose(&format!("over {rows}"))
    }

    fn of_tower(&self, tower: &Tower) -> Vec<(String, String)> {
        let origin = tower.teacher.as_ref().map(|teacher| &teacher.origin);
        let mut lines = match origin {
            Some(Origin::CopyOf(of)) => vec![(format!("copy of {of}"), String::new())],
            Some(Origin::Before(of)) => vec![(format!("{of} as the day began"), String::new())],
            Some(Origin::EmaOf(of, _)) => vec![(format!("average of {of}"), String::new())],
            Some(Origin::Taken { run, .. }) => prose(&format!("from {run}")),
            Some(Origin::Like(of)) => vec![(format!("like {of}"), String::new())],
            Some(Origin::Own) | None => prose(&outer_functions(&tower.value).join(", ")),
        };
        match &tower.value.ty {
            Ty::Record(fields) => {
                let heads = fields.iter();
                lines.extend(heads.map(|(name, ty)| (name.clone(), self.ty(ty))));
            }
            ty => lines.push(("gives".to_owned(), self.ty(ty))),
        }
        if self.hir.exports.iter().any(|(name, _)| *name == tower.name) {
            lines.push(("exported".to_owned(), String::new()));
        }
        lines
    }

    fn of_loss(&self, loss: &Loss) -> Vec<(String, String)> {
        let mut lines = prose(&outer_functions(&loss.value).join(", "));
        lines.extend(self.over(&loss.rows));
        if !loss.trains.is_empty() {
            lines.extend(prose(&format!("for {}", loss.trains.join(", "))));
        }
        lines
    }

    fn of_train(&self, train: &Train) -> Vec<(String, String)> {
        let line = |left: &str, right: String| (left.to_owned(), right);
        let optimizer = |optimizer: Optimizer| {
            let rule = rule(optimizer.rule);
            let name = rule.split('(').next().unwrap_or_default().to_owned();
            format!("{name} {:?}", optimizer.lr)
        };
        let mut lines = vec![
            line("batch", train.batch.to_string()),
            line("epochs", train.epochs.to_string()),
            line("weights", optimizer(train.optimizer)),
            line("tables", optimizer(train.embeddings)),
        ];
        if let Some((split, evaluation, metric, _)) = &train.stop {
            let text = format!("stops by {evaluation}.{metric} on {split}");
            lines.extend(prose(&text));
        }
        let flow = self.flows.iter().find(|flow| flow.train == train.name);
        if let Some(flow) = flow.filter(|flow| !flow.after.is_empty()) {
            lines.extend(prose(&format!("after {}", flow.after.join(", "))));
        }
        let is_turn = |turn: &Turn| matches!(turn, Turn::Train(name) if *name == train.name);
        if let Some(daily) = &self.hir.daily
            && daily.turns.iter().any(is_turn)
        {
            lines.push(line(&format!("each {}", daily.name), String::new()));
        }
        lines
    }

    /// Features that read features of other sources, as histories do.
    fn flow_of_features(&mut self) {
        for feature in &self.hir.features {
            let mut reads = Reads::default();
            self.read(&feature.value, Flowing::Gradient, &mut reads);
            let own = (Place::Source, feature.source.clone());
            reads.found.remove(&own);
            self.draw(&own, reads);
        }
    }

    fn flow_of_towers(&mut self) {
        for tower in &self.hir.towers {
            let to = (Place::Tower, tower.name.clone());
            let note = match tower.teacher.as_ref().map(|teacher| &teacher.origin) {
                Some(Origin::CopyOf(_) | Origin::Before(_)) => "copied".to_owned(),
                Some(Origin::EmaOf(_, decay)) => format!("ema {decay:?}"),
                Some(Origin::Own | Origin::Like(_) | Origin::Taken { .. }) | None => String::new(),
            };
            if let Some(of) = tower.follows() {
                self.arrow(&(Place::Tower, of.to_owned()), &to, Flowing::Stopped, &note);
                continue;
            }
            let mut reads = Reads::default();
            self.read(&tower.value, Flowing::Gradient, &mut reads);
            self.draw(&to, reads);
        }
    }

    fn flow_of_columns(&mut self) {
        for column in &self.hir.columns {
            let mut reads = Reads::default();
            self.read(&column.value, Flowing::Stopped, &mut reads);
            self.read_rows(&column.rows, &mut reads);
            self.draw(&(Place::Column, column.name.clone()), reads);
        }
        for graph in &self.hir.graphs {
            let mut reads = Reads::default();
            self.read_rows(&graph.rows, &mut reads);
            self.draw(&(Place::Graph, graph.name.clone()), reads);
        }
    }

    fn flow_of_losses(&mut self) {
        for loss in &self.hir.losses {
            let mut reads = Reads::default();
            self.read(&loss.value, Flowing::Gradient, &mut reads);
            self.read_rows(&loss.rows, &mut reads);
            for ((place, name), flowing) in &mut reads.found {
                if *place == Place::Tower
                    && let Some(trains) = self.trains(&loss.name, name)
                {
                    *flowing = trains;
                }
            }
            self.draw(&(Place::Loss, loss.name.clone()), reads);
        }
    }

    /// Whether a loss trains a weight of a tower; nothing where the tower has none, or no training minimises the loss.
    fn trains(&self, loss: &str, tower: &str) -> Option<Flowing> {
        let mut found = None;
        for flow in self.flows {
            let Some(at) = flow.losses.iter().position(|name| name == loss) else {
                continue;
            };
            let weights = flow.weights.iter();
            for weight in weights.filter(|weight| belongs(&weight.path, tower)) {
                let flowing = match weight.trained_by.contains(&at) {
                    true => Flowing::Gradient,
                    false => Flowing::Stopped,
                };
                found = found.max(Some(flowing));
            }
        }
        found
    }

    fn flow_of_trainings(&mut self) {
        for train in &self.hir.trains {
            for (factor, loss) in &train.minimize {
                let note = match factor {
                    1.0 => String::new(),
                    factor => format!("{factor} ×"),
                };
                let (from, to) = (
                    (Place::Loss, loss.clone()),
                    (Place::Train, train.name.clone()),
                );
                self.arrow(&from, &to, Flowing::Gradient, &note);
            }
        }
    }

    /// Follows values into an expression. `flowing` says what flows back out of it.
    fn read(&self, e: &Expr, flowing: Flowing, reads: &mut Reads) {
        match &e.kind {
            ExprKind::Prim(name, args) if name == "stop" => {
                for arg in args {
                    self.read(arg, Flowing::Stopped, reads);
                }
            }
            ExprKind::Tower(name, args) => {
                let is_teacher = |tower: &Tower| tower.teacher.is_some();
                let flowing = match self.hir.tower(name).is_some_and(is_teacher) {
                    true => Flowing::Stopped,
                    false => flowing,
                };
                reads.note(Place::Tower, name, flowing);
                args.iter().for_each(|arg| self.read(arg, flowing, reads));
            }
            ExprKind::Frozen(name, args) => {
                reads.note(Place::Tower, name, Flowing::Stopped);
                args.iter().for_each(|arg| self.read(arg, flowing, reads));
            }
            ExprKind::Feature(of, name) => {
                if let Ty::Handle(handle) = &of.ty {
                    let features = self.hir.features.iter();
                    let mut named = features.filter(|f| f.source == handle.source);
                    let learns = named.any(|feature| feature.name == *name && learns(feature));
                    let flowing = if learns { flowing } else { Flowing::Rows };
                    reads.note(Place::Source, &handle.source, flowing);
                }
                self.read(of, flowing, reads);
            }
            ExprKind::Column(of, name) => {
                if let Ty::Handle(handle) = &of.ty {
                    self.read_column(&handle.source, name, reads);
                }
                self.read(of, flowing, reads);
            }
            _ => {
                let children = e.children().into_iter();
                children.for_each(|child| self.read(child, flowing, reads));
            }
        }
    }

    /// A column of a file, a computed one, or one that an item graph fills.
    fn read_column(&self, source: &str, name: &str, reads: &mut Reads) {
        let affinity = self.hir.affinities.iter().find(|one| one.column == name);
        if self.hir.columns.iter().any(|column| column.name == name) {
            reads.note(Place::Column, name, Flowing::Stopped);
        } else if let Some(affinity) = affinity {
            reads.note(Place::Graph, &affinity.graph, Flowing::Rows);
        } else {
            reads.note(Place::Source, source, Flowing::Rows);
        }
    }

    /// The source of rows, and what decides which of them are taken.
    fn read_rows(&self, rows: &Rows, reads: &mut Reads) {
        reads.note(Place::Source, &rows.source, Flowing::Rows);
        let mut read = |e: &Expr| {
            let mut inner = Reads::default();
            self.read(e, Flowing::Rows, &mut inner);
            for ((place, name), flowing) in inner.found {
                if place != Place::Source {
                    reads.note(place, &name, flowing);
                }
            }
        };
        rows.expressions().into_iter().for_each(&mut read);
    }

    fn draw(&mut self, to: &(Place, String), reads: Reads) {
        for (from, flowing) in reads.found {
            self.arrow(&from, to, flowing, "");
        }
    }

    /// Rows that flow where other arrows lead too need no arrow of their own.
    fn leave_out_what_is_said(&mut self) {
        let leads = |from: usize, to: usize| {
            let (mut open, mut seen) = (vec![from], BTreeSet::new());
            while let Some(at) = open.pop() {
                for (a, b) in self.arrows.keys() {
                    if *a == at && (at, *b) != (from, to) && seen.insert(*b) {
                        open.push(*b);
                    }
                }
            }
            seen.contains(&to)
        };
        let said: Vec<(usize, usize)> = self
            .arrows
            .iter()
            .filter(|((from, to), (kind, _))| *kind == Flowing::Rows && leads(*from, *to))
            .map(|(ends, _)| *ends)
            .collect();
        self.arrows.retain(|ends, _| !said.contains(ends));
    }

    /// Between two cards there is one arrow, which says the most that flows back.
    fn arrow(&mut self, from: &(Place, String), to: &(Place, String), kind: Flowing, note: &str) {
        let (Some(from), Some(to)) = (self.places.get(from), self.places.get(to)) else {
            return;
        };
        if from == to {
            return;
        }
        let entry = self.arrows.entry((*from, *to));
        let known = entry.or_insert_with(|| (kind, note.to_owned()));
        known.0 = known.0.max(kind);
    }
}

impl Reads {
    fn note(&mut self, place: Place, name: &str, flowing: Flowing) {
        let known = self.found.entry((place, name.to_owned()));
        let known = known.or_insert(flowing);
        *known = (*known).max(flowing);
    }
}

/// Whether a feature has a table or a weight.
fn learns(feature: &Feature) -> bool {
    let mut found = false;
    feature.value.walk(&mut |e| {
        found |= matches!(
            e.kind,
            ExprKind::Embed(..) | ExprKind::Weight(..) | ExprKind::ItemWeight(_)
        );
        // What reads a feature learns through it.
        found |= matches!(e.kind, ExprKind::Feature(..));
    });
    found
}

/// A text on a few short lines.
fn prose(text: &str) -> Vec<(String, String)> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= LINE => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    if lines.len() > LINES {
        lines.truncate(LINES);
        lines[LINES - 1].push_str(" ...");
    }
    lines
        .into_iter()
        .map(|line| (line, String::new()))
        .collect()
}
