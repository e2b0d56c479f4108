//! What can be written at a place.

mod place;

use reckon_grammar::keywords::{EVALUATE_ENTRIES, ITEMS, SOURCE_ENTRIES, TRAIN_ENTRIES};
use reckon_grammar::span::Span;

use super::Analysis;
use super::edit::Edit;
use super::hover::data::undeclared;
use super::index::{Meaning, Region, Symbol, SymbolId, SymbolKind};
use super::signature::{self, Call};
use super::tokens::{COLUMN_TYPES, TYPES};
use place::{Block, Place};

/// What a proposal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Proposed {
    /// A word of the language.
    Keyword,
    /// A declaration.
    Name(SymbolKind),
    /// The name of an argument.
    Argument,
    /// A part that every row has: `raw`.
    Builtin,
    /// A type of the language.
    Type,
}

/// Something that can be written at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// What is written.
    pub text: String,
    /// What it is.
    pub kind: Proposed,
    /// Its head as source, or a few words.
    pub detail: String,
    /// The doc comment.
    pub docs: Vec<String>,
    /// The word that it replaces.
    pub replaces: Span,
    /// A `use` that it needs.
    pub needs: Option<Edit>,
    /// Smaller numbers come first.
    pub rank: u8,
}

/// The proposals for a byte, the nearest first.
pub fn completion(analysis: &Analysis, offset: usize) -> Vec<Proposal> {
    let Some((place, word)) = place::place(analysis.text(), offset) else {
        return Vec::new();
    };
    let mut list = List {
        analysis,
        replaces: Span::new(analysis.file, word.start, word.end),
        proposals: Vec::new(),
    };
    match place {
        Place::After(dot) => list.projections(dot),
        Place::Module(before) => list.modules(&before),
        Place::Column => list.columns(word.start),
        Place::ColumnType(column) => {
            list.type_in_data(word.start, &column);
            list.types(COLUMN_TYPES);
        }
        Place::Type => {
            list.types(TYPES);
            list.declared(&[SymbolKind::Entity, SymbolKind::Events]);
        }
        Place::Pipe => list.functions(2),
        Place::Towers => list.declared(&[SymbolKind::Tower, SymbolKind::Teacher]),
        Place::Entry(Block::File) => list.keywords(ITEMS),
        Place::Entry(Block::Train) => list.keywords(TRAIN_ENTRIES),
        Place::Entry(Block::Evaluate) => list.keywords(EVALUATE_ENTRIES),
        Place::Entry(Block::Source) => {
            list.columns(word.start);
            list.keywords(SOURCE_ENTRIES);
        }
        Place::Entry(Block::Other) => list.body(word.start),
        Place::Rows => {
            list.declared(&[SymbolKind::Entity, SymbolKind::Events, SymbolKind::Selector])
        }
        Place::Losses => list.declared(&[SymbolKind::Loss]),
        Place::Value => list.value(word.start),
        Place::NewName => {}
    }
    let mut proposals = list.proposals;
    proposals.sort_by(|a, b| (a.rank, &a.text, a.kind).cmp(&(b.rank, &b.text, b.kind)));
    proposals.dedup_by(|a, b| a.text == b.text);
    proposals
}

struct List<'a> {
    analysis: &'a Analysis,
    replaces: Span,
    proposals: Vec<Proposal>,
}

impl<'a> List<'a> {
    fn push(&mut self, text: &str, kind: Proposed, detail: &str, rank: u8) {
        self.proposals.push(Proposal {
            text: text.to_owned(),
            kind,
            detail: detail.to_owned(),
            docs: Vec::new(),
            replaces: self.replaces,
            needs: None,
            rank,
        });
    }

    fn symbol(&mut self, symbol: &Symbol, rank: u8) {
        // The name that is being written is no proposal for itself.
        if symbol.name.is_empty() || symbol.span == self.replaces {
            return;
        }
        self.push(
            &symbol.name,
            Proposed::Name(symbol.kind),
            &symbol.head,
            rank,
        );
        if let Some(last) = self.proposals.last_mut() {
            last.docs.clone_from(&symbol.docs);
        }
    }

    fn keywords(&mut self, words: &[&str]) {
        for word in words {
            self.push(word, Proposed::Keyword, "", 0);
        }
    }

    /// What the user's files declare, of some kinds.
    fn declared(&mut self, kinds: &[SymbolKind]) {
        let symbols = self.analysis.index().symbols.iter();
        for symbol in
            symbols.filter(|symbol| kinds.contains(&symbol.kind) && symbol.module.is_none())
        {
            self.symbol(symbol, 1);
        }
    }

    fn types(&mut self, types: &[&str]) {
        for ty in types {
            self.push(ty, Proposed::Type, "", 2);
        }
    }

    /// Columns of the file that the source around a byte does not declare, with their types.
    fn columns(&mut self, offset: usize) {
        let Some(source) = source_at(self.analysis, offset) else {
            return;
        };
        let file = self.analysis.data.tables.get(&source.name);
        let detail = file.map_or(String::new(), |table| format!("in `{}`", table.name));
        for column in undeclared(self.analysis, source) {
            let text = format!("{}: {}", column.name, column.ty);
            self.push(&text, Proposed::Name(SymbolKind::Column), &detail, 0);
        }
    }

    /// The type that a column has in the data.
    fn type_in_data(&mut self, offset: usize, column: &str) {
        let source = source_at(self.analysis, offset);
        let known = source.and_then(|source| self.analysis.data.column(&source.name, column));
        if let (Some(source), Some(known)) = (source, known) {
            let file = &self.analysis.data.tables[&source.name].name;
            self.push(&known.ty, Proposed::Type, &format!("in `{file}`"), 0);
        }
    }

    /// Features, references and `raw` of rows; columns of raw rows.
    fn projections(&mut self, dot: usize) {
        let ends_here = |span: &Span| {
            let (text, end) = (self.analysis.text(), span.range().end);
            span.file == self.analysis.file
                && end <= dot
                && text.get(end..dot).is_some_and(|gap| gap.trim().is_empty())
        };
        let before = self
            .analysis
            .index()
            .projections
            .iter()
            .find(|(span, _)| ends_here(span));
        let (source, kind) = match before.map(|(_, meaning)| *meaning) {
            Some(Meaning::Rows(source)) => (source, SymbolKind::Feature),
            Some(Meaning::Raw(source)) => (source, SymbolKind::Column),
            Some(Meaning::Other) | None => return,
        };
        self.members(source, kind, 0);
        if kind == SymbolKind::Feature {
            for target in self.analysis.index().references_of(source) {
                self.symbol(self.analysis.index().symbol(target), 1);
            }
            self.push(
                "raw",
                Proposed::Builtin,
                "the columns as they are in the data",
                2,
            );
        }
    }

    fn members(&mut self, source: SymbolId, kind: SymbolKind, rank: u8) {
        let members = self.analysis.index().members(source);
        for (_, symbol) in members.filter(|(_, symbol)| symbol.kind == kind) {
            self.symbol(symbol, rank);
        }
    }

    /// The next parts of paths of the library: modules, and functions of the module that is written.
    fn modules(&mut self, before: &str) {
        let index = &self.analysis.index();
        for symbol in &index.symbols {
            if symbol.kind == SymbolKind::Module
                && let Some(rest) = symbol.name.strip_prefix(before)
            {
                let next = rest.split('.').next().unwrap_or(rest);
                self.push(next, Proposed::Name(SymbolKind::Module), &symbol.name, 0);
            }
            let module = symbol
                .module
                .as_deref()
                .filter(|_| symbol.kind == SymbolKind::Function);
            if module.is_some_and(|module| before.strip_suffix('.') == Some(module)) {
                self.symbol(symbol, 1);
            }
        }
    }

    /// A line of a body: `let`, or a value.
    fn body(&mut self, offset: usize) {
        self.push("let", Proposed::Keyword, "", 1);
        self.value(offset);
    }

    /// Names of arguments, names in scope, towers and functions.
    fn value(&mut self, offset: usize) {
        if let Some(call) =
            signature::open_call(self.analysis, offset).filter(|call| call.current.is_none())
        {
            self.arguments(&call);
        }
        if let Some(region) = region(self.analysis, offset) {
            for local in &region.locals {
                self.symbol(self.analysis.index().symbol(*local), 1);
            }
            if let Some(row) = region.row {
                self.symbol(self.analysis.index().symbol(row), 1);
                self.members(row, SymbolKind::Column, 1);
                for target in self.analysis.index().references_of(row) {
                    self.symbol(self.analysis.index().symbol(target), 1);
                }
            }
        }
        self.declared(&[
            SymbolKind::Setting,
            SymbolKind::Weight,
            SymbolKind::Tower,
            SymbolKind::Teacher,
        ]);
        self.functions(3);
    }

    fn arguments(&mut self, call: &Call) {
        let params: Vec<&Symbol> = signature::params(self.analysis, call.function)
            .skip(call.before)
            .collect();
        for param in params
            .into_iter()
            .filter(|param| !call.named.contains(&param.name))
        {
            self.push(
                &format!("{}:", param.name),
                Proposed::Argument,
                &param.head,
                0,
            );
        }
    }

    /// The spec's functions and the library's; those of modules that are not in scope bring their `use`.
    fn functions(&mut self, rank: u8) {
        let symbols = self.analysis.index().symbols.iter();
        for symbol in symbols.filter(|symbol| symbol.kind == SymbolKind::Function) {
            let needed = self.analysis.use_needed(symbol);
            self.symbol(symbol, rank + u8::from(needed.is_some()));
            if let Some(last) = self
                .proposals
                .last_mut()
                .filter(|last| last.text == symbol.name)
            {
                last.needs = needed;
            }
        }
    }
}

/// The entity or events that a byte is in: the last that begins before it.
fn source_at(analysis: &Analysis, offset: usize) -> Option<&Symbol> {
    let declared = analysis.index().declared_in(analysis.file);
    declared
        .map(|(_, symbol)| symbol)
        .filter(|symbol| matches!(symbol.kind, SymbolKind::Entity | SymbolKind::Events))
        .take_while(|symbol| symbol.whole.range().start <= offset)
        .last()
}

/// The innermost scope around a byte; where the text is broken, the last one that began before it in the same item.
pub(super) fn region(analysis: &Analysis, offset: usize) -> Option<&Region> {
    let own = || {
        analysis
            .index()
            .regions
            .iter()
            .filter(|region| region.span.file == analysis.file)
    };
    let holds =
        |region: &&Region| region.span.range().start <= offset && offset <= region.span.range().end;
    let inner = own()
        .filter(holds)
        .min_by_key(|region| (region.span.range().len(), usize::MAX - region.locals.len()));
    inner.or_else(|| {
        let starts = analysis.item_starts();
        let item = starts
            .iter()
            .rev()
            .find(|start| **start <= offset)
            .copied()
            .unwrap_or(0);
        let before = |region: &&Region| (item..=offset).contains(&region.span.range().start);
        own()
            .filter(before)
            .max_by_key(|region| (region.locals.len(), region.span.range().start))
    })
}
