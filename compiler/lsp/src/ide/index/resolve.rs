//! Second reading: what each name in the items of all files stands for.

mod expressions;
mod items;

use std::collections::BTreeMap;

use reckon_compiler::modules::Module;
use reckon_grammar::ast::{Dim, Name, Type, TypeKind};
use reckon_grammar::span::{FileId, Span};

use super::{Index, Meaning, Occurrence, Region, Symbol, SymbolId, SymbolKind};

/// Adds the places that name something, features, locals, scopes and projections.
pub(super) fn resolve(index: &mut Index, modules: &[Module], files: &[(FileId, String)]) {
    let mut resolver = Resolver::new(index, files);
    // Features come first: towers that stand above them read them.
    for module in modules {
        resolver.declare_features(&module.ast.items);
        resolver.note_selectors(&module.ast.items);
    }
    for module in modules {
        resolver.library = module.library;
        resolver.items(&module.ast.items);
    }
}

/// A name of the body being read.
#[derive(Clone, Copy)]
struct Local {
    symbol: SymbolId,
    meaning: Meaning,
}

struct Resolver<'a> {
    index: &'a mut Index,
    files: &'a [(FileId, String)],
    /// Functions of the library by name, and what a spec declares by name.
    library_functions: BTreeMap<String, SymbolId>,
    declared: BTreeMap<String, Vec<SymbolId>>,
    /// Columns, features and parameters by owner and name.
    members: BTreeMap<(SymbolId, String), Vec<SymbolId>>,
    modules: BTreeMap<String, SymbolId>,
    /// What each selector narrows: a source, or another selector.
    narrowed: BTreeMap<String, String>,
    locals: Vec<Local>,
    row: Option<SymbolId>,
    /// The file being read is the library's.
    library: bool,
    /// The declaration whose locals are being read.
    owner: Option<SymbolId>,
}

impl<'a> Resolver<'a> {
    fn new(index: &'a mut Index, files: &'a [(FileId, String)]) -> Self {
        let mut resolver = Self {
            index,
            files,
            library_functions: BTreeMap::new(),
            declared: BTreeMap::new(),
            members: BTreeMap::new(),
            modules: BTreeMap::new(),
            narrowed: BTreeMap::new(),
            locals: Vec::new(),
            row: None,
            library: false,
            owner: None,
        };
        for at in 0..resolver.index.symbols.len() {
            resolver.file_under_name(SymbolId(at));
        }
        resolver
    }

    fn file_under_name(&mut self, id: SymbolId) {
        let symbol = self.index.symbol(id).clone();
        if let Some(owner) = symbol.owner {
            self.members
                .entry((owner, symbol.name))
                .or_default()
                .push(id);
        } else if symbol.kind == SymbolKind::Module {
            self.modules.insert(symbol.name, id);
        } else if symbol.module.is_some() {
            self.library_functions.entry(symbol.name).or_insert(id);
        } else {
            self.declared.entry(symbol.name).or_default().push(id);
        }
    }

    /// Notes a place that names something; where a name is missing there is none.
    fn occurs(&mut self, span: Span, symbol: SymbolId) {
        if !span.range().is_empty() {
            self.index.occurrences.push(Occurrence { span, symbol });
        }
    }

    /// A declaration of the spec by name, of one of some kinds.
    fn declared(&self, name: &str, fits: impl Fn(SymbolKind) -> bool) -> Option<SymbolId> {
        let named = self.declared.get(name)?;
        named
            .iter()
            .copied()
            .find(|id| fits(self.index.symbol(*id).kind))
    }

    fn source(&self, name: &str) -> Option<SymbolId> {
        self.declared(name, |kind| {
            matches!(kind, SymbolKind::Entity | SymbolKind::Events)
        })
    }

    fn tower(&self, name: &str) -> Option<SymbolId> {
        self.declared(name, |kind| {
            matches!(kind, SymbolKind::Tower | SymbolKind::Teacher)
        })
    }

    /// What a name in callee position stands for.
    fn callee(&self, name: &str) -> Option<SymbolId> {
        let name = if name == "where" { "select" } else { name };
        let own = |kind| {
            matches!(
                kind,
                SymbolKind::Function | SymbolKind::Tower | SymbolKind::Teacher
            )
        };
        let own = || self.declared(name, own);
        let libraries = || self.library_functions.get(name).copied();
        match self.library {
            true => libraries(),
            false => own().or_else(libraries),
        }
    }

    fn member(&self, owner: SymbolId, name: &str, kind: SymbolKind) -> Option<SymbolId> {
        let named = self.members.get(&(owner, name.to_owned()))?;
        named
            .iter()
            .copied()
            .find(|id| self.index.symbol(*id).kind == kind)
    }

    /// The entity that a source refers to by this name.
    fn referred(&self, source: SymbolId, name: &str) -> Option<SymbolId> {
        self.index
            .references_of(source)
            .find(|id| self.index.symbol(*id).name == name)
    }

    fn named_source(&mut self, name: &Name) -> Option<SymbolId> {
        let source = self.source(&name.text)?;
        self.occurs(name.span, source);
        Some(source)
    }

    fn named_tower(&mut self, name: &Name) {
        if let Some(tower) = self.tower(&name.text) {
            self.occurs(name.span, tower);
        }
    }

    fn named_column(&mut self, source: Option<SymbolId>, name: &Name) {
        let column = source.and_then(|source| self.member(source, &name.text, SymbolKind::Column));
        if let Some(column) = column {
            self.occurs(name.span, column);
        }
    }

    /// The names in a written type: sources, settings, and the dimensions of a function, which its first type declares.
    fn ty(&mut self, ty: &Type) {
        match &ty.kind {
            TypeKind::Named {
                name,
                of,
                dims,
                args,
            } => {
                self.named_source(name);
                for inner in of {
                    self.ty(inner);
                }
                for dim in dims.iter().flatten() {
                    match dim {
                        Dim::Leading(_) => {}
                        Dim::Ragged(size) | Dim::Expr(size) => self.dimension(size),
                    }
                }
                for arg in args {
                    self.expr(&arg.value);
                }
            }
            TypeKind::Record(fields) => {
                for (_, ty) in fields {
                    self.ty(ty);
                }
            }
            TypeKind::Words(_) | TypeKind::Error => {}
        }
    }

    /// A local of the body being read, visible from here on.
    fn declare_local(
        &mut self,
        kind: SymbolKind,
        name: &Name,
        head: String,
        value: Option<Span>,
        meaning: Meaning,
    ) {
        let symbol = SymbolId(self.index.symbols.len());
        self.index.symbols.push(Symbol {
            kind,
            name: name.text.clone(),
            span: name.span,
            whole: value.map_or(name.span, |value| name.span.to(value)),
            head,
            docs: Vec::new(),
            owner: self.owner,
            value,
            module: None,
        });
        if !name.text.is_empty() {
            self.occurs(name.span, symbol);
        }
        self.locals.push(Local { symbol, meaning });
    }

    fn local(&self, name: &str) -> Option<Local> {
        let named = |local: &&Local| self.index.symbol(local.symbol).name == name;
        self.locals.iter().rev().find(named).copied()
    }

    /// Notes what is in scope in a part of the text.
    fn region(&mut self, span: Span) {
        let locals = self.locals.iter().map(|local| local.symbol).collect();
        let row = self.row;
        self.index.regions.push(Region { span, row, locals });
    }

    /// Runs `work` with a source's row in scope; what it declares is gone afterwards.
    fn within<T>(&mut self, row: Option<SymbolId>, work: impl FnOnce(&mut Self) -> T) -> T {
        let (outer, mark) = (std::mem::replace(&mut self.row, row), self.locals.len());
        let result = work(self);
        self.row = outer;
        self.locals.truncate(mark);
        result
    }
}
