//! Which name stands for what: every declaration of a spec and of the library, and every place that names it.
//!
//! It is read from the syntax alone, so that it is there for broken texts too. Where the meaning of a name would take
//! types to find, the name has none here.

mod declare;
mod resolve;

use reckon_compiler::modules::Module;
use reckon_grammar::ast::{Expr, ExprKind};
use reckon_grammar::print_expr;
use reckon_grammar::span::{FileId, Span};

/// A declaration, as an index into [`Index::symbols`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SymbolId(pub usize);

/// What a declaration declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SymbolKind {
    /// `setting`
    Setting,
    /// `weight`
    Weight,
    /// `entity`
    Entity,
    /// `events`
    Events,
    /// A column of a source, its key and reference columns too.
    Column,
    /// An entry of `features`.
    Feature,
    /// `fn`
    Function,
    /// `tower`
    Tower,
    /// `teacher`
    Teacher,
    /// `loss`
    Loss,
    /// `selector`
    Selector,
    /// `column NAME over ROWS`
    Derived,
    /// `graph`
    Graph,
    /// `train NAME`
    Train,
    /// `loop`
    Loop,
    /// `evaluate`
    Evaluation,
    /// A parameter of a function or tower.
    Parameter,
    /// A `let`, or the variable of a `for`.
    Local,
    /// A dimension that the types of a function name.
    Dimension,
    /// A module of the library.
    Module,
}

impl SymbolKind {
    /// What a message calls it.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Setting => "setting",
            Self::Weight => "weight",
            Self::Entity => "entity",
            Self::Events => "events",
            Self::Column | Self::Derived => "column",
            Self::Feature => "feature",
            Self::Function => "function",
            Self::Tower => "tower",
            Self::Teacher => "teacher",
            Self::Loss => "loss",
            Self::Selector => "selector",
            Self::Graph => "graph",
            Self::Train => "training",
            Self::Loop => "loop",
            Self::Evaluation => "evaluation",
            Self::Parameter => "parameter",
            Self::Local => "name",
            Self::Dimension => "dimension",
            Self::Module => "module",
        }
    }

    /// Whether it is visible in one body only.
    pub fn is_local(self) -> bool {
        matches!(self, Self::Parameter | Self::Local | Self::Dimension)
    }
}

/// A declaration.
#[derive(Clone, Debug, PartialEq)]
pub struct Symbol {
    /// What it is.
    pub kind: SymbolKind,
    /// Its name.
    pub name: String,
    /// The name's place.
    pub span: Span,
    /// All of the declaration.
    pub whole: Span,
    /// Its head as source, on one line.
    pub head: String,
    /// Its doc lines.
    pub docs: Vec<String>,
    /// The source of a column or feature, the function or tower of a parameter.
    pub owner: Option<SymbolId>,
    /// The value whose type it has.
    pub value: Option<Span>,
    /// The module of what the library declares.
    pub module: Option<String>,
}

/// A place that names a declaration. The declaration's own name is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// The name.
    pub span: Span,
    /// What it stands for.
    pub symbol: SymbolId,
}

/// What an expression gives, as far as names after a dot depend on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Something without names in it.
    Other,
    /// Rows of a source: features, references and builtins.
    Rows(SymbolId),
    /// `movie.raw`: columns.
    Raw(SymbolId),
}

/// A part of the text in which certain names are in scope.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// The part.
    pub span: Span,
    /// The source whose row is in scope.
    pub row: Option<SymbolId>,
    /// Parameters and `let`s, those that stand further outside first.
    pub locals: Vec<SymbolId>,
}

/// All declarations and the places that name them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Index {
    /// Declarations.
    pub symbols: Vec<Symbol>,
    /// Places by file and offset.
    pub occurrences: Vec<Occurrence>,
    /// Scopes, in the order of the text; inner ones after those that hold them.
    pub regions: Vec<Region>,
    /// What stands before each dot, by the end of it.
    pub projections: Vec<(Span, Meaning)>,
    /// `use "./mine.rec"`: the path's place and the file.
    pub links: Vec<(Span, FileId)>,
    /// A source, and an entity that it refers to.
    pub references: Vec<(SymbolId, SymbolId)>,
}

impl Index {
    /// Reads the files of a compilation.
    pub fn of(modules: &[Module], files: &[(FileId, String)]) -> Self {
        let mut index = declare::declare(modules);
        resolve::resolve(&mut index, modules, files);
        index
            .occurrences
            .sort_by_key(|found| (found.span, found.symbol));
        index.occurrences.dedup();
        index
    }

    /// A declaration.
    pub fn symbol(&self, id: SymbolId) -> &Symbol {
        &self.symbols[id.0]
    }

    /// The name at a byte, or the name that ends there. Names do not overlap, so only the last that begins before the byte
    /// can be it.
    pub fn at(&self, file: FileId, offset: usize) -> Option<Occurrence> {
        let before =
            |found: &Occurrence| (found.span.file, found.span.range().start) <= (file, offset);
        let end = self.occurrences.partition_point(before);
        let last = self.occurrences[..end].last()?.span;
        let first = self.occurrences.partition_point(|found| found.span < last);
        let touches = last.file == file && offset <= last.range().end && !last.range().is_empty();
        self.occurrences.get(first).copied().filter(|_| touches)
    }

    /// All places that name a declaration, in the order of the files.
    pub fn places(&self, symbol: SymbolId) -> impl Iterator<Item = Span> {
        let of_it = move |found: &&Occurrence| found.symbol == symbol;
        self.occurrences
            .iter()
            .filter(of_it)
            .map(|found| found.span)
    }

    /// The declarations with an owner, in the order of the text.
    pub fn members(&self, owner: SymbolId) -> impl Iterator<Item = (SymbolId, &Symbol)> {
        let own = move |(_, symbol): &(usize, &Symbol)| symbol.owner == Some(owner);
        self.symbols
            .iter()
            .enumerate()
            .filter(own)
            .map(|(at, symbol)| (SymbolId(at), symbol))
    }

    /// The entities that a source refers to.
    pub fn references_of(&self, source: SymbolId) -> impl Iterator<Item = SymbolId> {
        let own = move |(from, _): &&(SymbolId, SymbolId)| *from == source;
        self.references
            .iter()
            .filter(own)
            .map(|(_, target)| *target)
    }

    /// The declarations of a file.
    pub fn declared_in(&self, file: FileId) -> impl Iterator<Item = (SymbolId, &Symbol)> {
        let own = move |(_, symbol): &(usize, &Symbol)| symbol.span.file == file;
        self.symbols
            .iter()
            .enumerate()
            .filter(own)
            .map(|(at, symbol)| (SymbolId(at), symbol))
    }
}

/// An expression on one line; what could not be read is left open.
fn written(e: &Expr) -> String {
    match e.kind {
        ExprKind::Error => "...".to_owned(),
        _ => print_expr(e),
    }
}
