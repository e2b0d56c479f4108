//! Names in items.

use reckon_grammar::ast::{
    Availability, ColumnDecl, Evaluate, EvaluateEntry, Expr, ExprKind, Fn, Item, ItemKind, Name,
    Origin, Param, Role, Rows, Source, SourceEntry, Split, SplitRule, Statement, Test, Tower,
    Train, TrainEntry, Use,
};

use super::super::{Meaning, Symbol, SymbolId, SymbolKind, written};
use super::Resolver;

impl Resolver<'_> {
    /// Declares features and notes what references point to.
    pub(super) fn declare_features(&mut self, items: &[Item]) {
        for item in items {
            match &item.kind {
                ItemKind::Features(features) => {
                    let Some(owner) = self.source(&features.source.text) else {
                        continue;
                    };
                    for feature in &features.entries {
                        let id = SymbolId(self.index.symbols.len());
                        self.index.symbols.push(Symbol {
                            kind: SymbolKind::Feature,
                            name: feature.name.text.clone(),
                            span: feature.name.span,
                            whole: feature.span,
                            head: format!("{} = {}", feature.name.text, written(&feature.value)),
                            docs: feature.docs.clone(),
                            owner: Some(owner),
                            value: Some(feature.value.span),
                            module: None,
                        });
                        self.file_under_name(id);
                        if !feature.name.text.is_empty() {
                            self.occurs(feature.name.span, id);
                        }
                    }
                }
                ItemKind::Source(source) => self.note_references(source),
                ItemKind::Loop(looped) => self.declare_features(&looped.items),
                _ => {}
            }
        }
    }

    /// Notes what selectors narrow, so that their rows are known to be those of a source.
    pub(super) fn note_selectors(&mut self, items: &[Item]) {
        for item in items {
            match &item.kind {
                ItemKind::Selector(selector) => {
                    if let Some(of) = narrowed(&selector.rows.expr) {
                        self.narrowed
                            .insert(selector.name.text.clone(), of.to_owned());
                    }
                }
                ItemKind::Loop(looped) => self.note_selectors(&looped.items),
                _ => {}
            }
        }
    }

    /// The source that a selector narrows, over others.
    pub(super) fn selected(&self, selector: &str) -> Option<SymbolId> {
        let mut name = selector;
        // A selector of itself is a mistake, and not followed for ever.
        for _ in 0..self.narrowed.len() {
            name = self.narrowed.get(name)?;
            if let Some(source) = self.source(name) {
                return Some(source);
            }
        }
        None
    }

    fn note_references(&mut self, source: &Source) {
        let Some(owner) = self.source(&source.name.text) else {
            return;
        };
        for entry in &source.entries {
            if let SourceEntry::Reference { target, .. } = entry
                && let Some(target) = self.source(&target.text)
            {
                self.index.references.push((owner, target));
            }
        }
    }

    pub(super) fn items(&mut self, items: &[Item]) {
        for item in items {
            let owner = self
                .index
                .symbols
                .iter()
                .position(|symbol| symbol.whole == item.span && symbol.owner.is_none());
            self.owner = owner.map(SymbolId);
            self.within(None, |resolver| resolver.item(item));
        }
        self.owner = None;
    }

    fn item(&mut self, item: &Item) {
        match &item.kind {
            ItemKind::Use(used) => self.used(used),
            ItemKind::Setting(setting) => {
                if let Some(ty) = &setting.ty {
                    self.ty(ty);
                }
                self.region(setting.value.span);
                self.expr(&setting.value);
            }
            ItemKind::Weight(weight) => {
                self.ty(&weight.ty);
                self.expr(&weight.init);
            }
            ItemKind::Source(source) => self.source_item(source),
            ItemKind::Features(features) => {
                let row = self.named_source(&features.source);
                self.within(row, |resolver| {
                    resolver.region(item.span);
                    for feature in &features.entries {
                        resolver.expr(&feature.value);
                    }
                });
            }
            ItemKind::Split(split) => self.split(split),
            ItemKind::Fn(decl) => self.function(decl),
            ItemKind::Tower(tower) => self.tower_item(tower),
            ItemKind::Loss(loss) => {
                for tower in &loss.trains {
                    self.named_tower(tower);
                }
                let row = self.rows_item(&loss.rows);
                self.within(row, |resolver| resolver.body(&loss.body));
            }
            ItemKind::Selector(selector) => {
                self.rows_item(&selector.rows);
            }
            ItemKind::Column(column) => {
                let row = self.rows_item(&column.rows);
                self.within(row, |resolver| resolver.body(&column.body));
            }
            ItemKind::Graph(graph) => {
                self.expr(&graph.value);
            }
            ItemKind::Train(train) => self.train(train),
            ItemKind::Loop(looped) => {
                self.expr(&looped.over);
                self.expr(&looped.by);
                self.items(&looped.items);
            }
            ItemKind::Evaluate(evaluate) => self.evaluate(evaluate),
            ItemKind::Export(export) => {
                for tower in &export.names {
                    self.named_tower(tower);
                }
            }
            ItemKind::Test(test) => self.test(item, test),
        }
    }

    /// `use std.loss.repel`: the module, and the function where there is one.
    fn used(&mut self, used: &Use) {
        match used {
            Use::Library(names) => {
                let path: Vec<&str> = names.iter().map(|name| name.text.as_str()).collect();
                let Some((first, last)) = names.first().zip(names.last()) else {
                    return;
                };
                let whole = self.modules.get(&path.join(".")).copied();
                if let Some(module) = whole {
                    self.occurs(first.span.to(last.span), module);
                    return;
                }
                let before = &names[..names.len() - 1];
                let module = self.modules.get(&path[..path.len() - 1].join(".")).copied();
                let Some((module, end)) = module.zip(before.last()) else {
                    return;
                };
                self.occurs(first.span.to(end.span), module);
                if let Some(function) = self.library_functions.get(&last.text).copied() {
                    self.occurs(last.span, function);
                }
            }
            Use::File(target, span) => {
                let ending = target
                    .trim_start_matches("./")
                    .trim_start_matches("../")
                    .to_owned();
                let of_it = |name: &str| name == ending || name.ends_with(&format!("/{ending}"));
                if let Some((file, _)) = self.files.iter().find(|(_, name)| of_it(name)) {
                    self.index.links.push((*span, *file));
                }
            }
        }
    }

    fn source_item(&mut self, source: &Source) {
        self.expr(&source.from);
        let own = self.source(&source.name.text);
        if let Some(column) = &source.as_of {
            self.named_column(own, column);
        }
        if let Some(cond) = &source.cond {
            self.within(own, |resolver| {
                resolver.region(cond.span);
                resolver.expr(cond);
            });
        }
        for entry in &source.entries {
            match entry {
                SourceEntry::Key(columns) => {
                    for (_, ty) in columns {
                        self.ty(ty);
                    }
                }
                SourceEntry::Reference { columns, target } => {
                    for column in columns {
                        self.named_column(own, column);
                    }
                    self.named_source(target);
                }
                SourceEntry::Column(column) => self.column(own, column),
                SourceEntry::Unique(columns, _) => {
                    for column in columns {
                        self.named_column(own, column);
                    }
                }
                SourceEntry::Group(column) => self.named_column(own, column),
                SourceEntry::Policy { .. } | SourceEntry::Error(_) => {}
            }
        }
    }

    fn column(&mut self, own: Option<SymbolId>, column: &ColumnDecl) {
        if let Role::Known(Some(side)) = &column.role {
            self.named_source(side);
        }
        if let Some(ty) = &column.ty {
            self.ty(ty);
        }
        if let Some(value) = &column.value {
            self.within(own, |resolver| {
                resolver.region(value.span);
                resolver.expr(value);
            });
        }
        if let Some(joined) = &column.joined {
            let from = self.named_source(&joined.source);
            for key in &joined.on {
                self.named_column(from, key);
            }
        }
        match &column.availability {
            Some(Availability::After(_, at) | Availability::At(at)) => self.named_column(own, at),
            None => {}
        }
    }

    fn split(&mut self, split: &Split) {
        let source = self.named_source(&split.source);
        match &split.rule {
            SplitRule::Time(at) => self.named_column(source, at),
            SplitRule::TimePer(at, entity) => {
                self.named_column(source, at);
                self.named_source(entity);
            }
            SplitRule::LastPer(entity) => {
                self.named_source(entity);
            }
            SplitRule::Random(seed) => {
                self.expr(seed);
            }
            SplitRule::Day | SplitRule::Error => {}
        }
        for (_, amount) in &split.parts {
            self.expr(amount);
        }
    }

    fn params(&mut self, params: &[Param]) {
        for param in params {
            let source = param.ty.as_ref().and_then(|ty| {
                self.ty(ty);
                self.type_source(ty)
            });
            if let Some(default) = &param.default {
                self.expr(default);
            }
            let declared = self
                .owner
                .and_then(|owner| self.member(owner, &param.name.text, SymbolKind::Parameter));
            if let Some(symbol) = declared {
                let meaning = source.map_or(Meaning::Other, Meaning::Rows);
                self.locals.push(super::Local { symbol, meaning });
            }
        }
    }

    fn type_source(&self, ty: &reckon_grammar::ast::Type) -> Option<SymbolId> {
        match &ty.kind {
            reckon_grammar::ast::TypeKind::Named { name, .. } => self.source(&name.text),
            _ => None,
        }
    }

    fn function(&mut self, decl: &Fn) {
        self.params(&decl.params);
        if let Some(ret) = &decl.ret {
            self.ty(ret);
        }
        if let Some(body) = &decl.body {
            self.body(body);
        }
    }

    fn tower_item(&mut self, tower: &Tower) {
        self.params(tower.params.as_deref().unwrap_or_default());
        if let Some(ret) = &tower.ret {
            self.ty(ret);
        }
        match &tower.origin {
            Some(Origin::Like(of) | Origin::CopyOf(of)) => self.named_tower(of),
            Some(Origin::EmaOf(of, decay)) => {
                self.named_tower(of);
                self.expr(decay);
            }
            Some(Origin::Taken { like, run }) => {
                self.named_tower(like);
                self.expr(run);
            }
            Some(Origin::Checkpoint(path)) => {
                self.expr(path);
            }
            Some(Origin::Scores { path, as_of, .. }) => {
                self.expr(path);
                if let Some(as_of) = as_of {
                    self.expr(as_of);
                }
            }
            None => {}
        }
        if let Some(body) = &tower.body {
            self.body(body);
        }
    }

    fn rows_item(&mut self, rows: &Rows) -> Option<SymbolId> {
        let source = self.rows(&rows.expr);
        if let Some(batch) = &rows.batch {
            self.expr(batch);
        }
        source
    }

    fn train(&mut self, train: &Train) {
        for entry in &train.entries {
            match entry {
                TrainEntry::Minimize(sum) => {
                    self.expr(sum);
                }
                TrainEntry::Option(_, value) => {
                    self.expr(value);
                }
                TrainEntry::StopEarly {
                    evaluation,
                    patience,
                    ..
                } => {
                    self.named_evaluation(evaluation);
                    self.expr(patience);
                }
                TrainEntry::Error(_) => {}
            }
        }
    }

    fn named_evaluation(&mut self, name: &Name) {
        if let Some(found) = self.declared(&name.text, |kind| kind == SymbolKind::Evaluation) {
            self.occurs(name.span, found);
        }
    }

    fn evaluate(&mut self, evaluate: &Evaluate) {
        let row = self.rows_item(&evaluate.rows);
        self.within(row, |resolver| {
            for entry in &evaluate.entries {
                resolver.evaluate_entry(entry);
            }
        });
    }

    fn evaluate_entry(&mut self, entry: &EvaluateEntry) {
        match entry {
            EvaluateEntry::Rank { entity, by, .. } => {
                self.named_source(entity);
                self.region(by.span);
                self.expr(by);
            }
            EvaluateEntry::Score { score, against } => {
                self.region(score.span.to(against.span));
                self.expr(score);
                self.expr(against);
            }
            EvaluateEntry::Report(metrics) => {
                for metric in metrics {
                    for arg in &metric.args {
                        self.expr(&arg.value);
                    }
                    if let Some(at) = &metric.at {
                        self.expr(at);
                    }
                }
            }
            EvaluateEntry::Slice(by) => {
                self.region(by.span);
                self.expr(by);
            }
            EvaluateEntry::Interval(entity) => {
                self.named_source(entity);
            }
            EvaluateEntry::Baselines(_) | EvaluateEntry::Error(_) => {}
        }
    }

    fn test(&mut self, item: &Item, test: &Test) {
        self.region(item.span);
        for statement in &test.statements {
            match statement {
                Statement::Let(binding) => {
                    self.binding(binding);
                    let rest = (binding.value.span.range().end, item.span.range().end);
                    self.region(reckon_grammar::span::Span::new(
                        item.span.file,
                        rest.0,
                        rest.1,
                    ));
                }
                Statement::Assert {
                    left,
                    right,
                    within,
                    ..
                } => {
                    self.expr(left);
                    for part in right.iter().chain(within) {
                        self.expr(part);
                    }
                }
                Statement::Error(_) => {}
            }
        }
    }
}

/// The name that rows begin with: `visit` of `visit where click |> top(50%)`.
fn narrowed(e: &Expr) -> Option<&str> {
    match &e.kind {
        ExprKind::Name(name) => Some(name),
        ExprKind::Rows { source, .. } => narrowed(source),
        ExprKind::Pipe(value, _, _) => narrowed(value),
        ExprKind::Call(_, args) => narrowed(&args.first()?.value),
        _ => None,
    }
}
