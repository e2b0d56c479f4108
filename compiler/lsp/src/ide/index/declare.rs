//! First reading: what the items of all files declare.

use reckon_compiler::modules::Module;
use reckon_grammar::ast::{
    Column, ColumnDecl, Evaluate, Expr, Fn, Graph, Item, ItemKind, Loop, Loss, Name, Param, Role,
    Selector, Setting, Source, SourceEntry, SourceKind, Tower, Type,
};
use reckon_grammar::ast::{EvaluateKind, Origin};
use reckon_grammar::print_type;
use reckon_grammar::span::Span;

use super::{Index, Occurrence, Symbol, SymbolId, SymbolKind, written};

/// The declarations of items, columns, features and parameters.
pub(super) fn declare(modules: &[Module]) -> Index {
    let mut declarer = Declarer {
        index: Index::default(),
        module: None,
    };
    for module in modules {
        declarer.module = module.library.then(|| module.path.clone());
        declarer.library_module(module);
        declarer.items(&module.ast.items);
    }
    declarer.index
}

struct Declarer {
    index: Index,
    /// The library module being read.
    module: Option<String>,
}

/// What is said of a declaration beside its name.
struct About {
    whole: Span,
    head: String,
    docs: Vec<String>,
    owner: Option<SymbolId>,
    value: Option<Span>,
}

impl Declarer {
    /// A module whose files are several is declared by its first.
    fn library_module(&mut self, module: &Module) {
        let known =
            |symbol: &Symbol| symbol.kind == SymbolKind::Module && symbol.name == module.path;
        if module.library && !self.index.symbols.iter().any(known) {
            let start = Span::new(module.file, 0, 0);
            let name = Name {
                text: module.path.clone(),
                span: start,
            };
            let head = format!("use {}", module.path);
            self.add(SymbolKind::Module, &name, about(start, head));
        }
    }

    fn add(&mut self, kind: SymbolKind, name: &Name, about: About) -> SymbolId {
        let id = SymbolId(self.index.symbols.len());
        self.index.symbols.push(Symbol {
            kind,
            name: name.text.clone(),
            span: name.span,
            whole: about.whole,
            head: about.head,
            docs: about.docs,
            owner: about.owner,
            value: about.value,
            module: self.module.clone(),
        });
        if !name.text.is_empty() {
            self.index.occurrences.push(Occurrence {
                span: name.span,
                symbol: id,
            });
        }
        id
    }

    fn items(&mut self, items: &[Item]) {
        for item in items {
            self.item(item);
        }
    }

    fn item(&mut self, item: &Item) {
        match &item.kind {
            ItemKind::Source(source) => return self.source(source, item),
            ItemKind::Fn(decl) => return self.function(decl, item),
            ItemKind::Tower(tower) => return self.tower(tower, item),
            _ => {}
        }
        if let Some((kind, name, head, value)) = plain(&item.kind) {
            let said = About {
                docs: item.docs.clone(),
                value,
                ..about(item.span, head)
            };
            self.add(kind, name, said);
        }
        if let ItemKind::Loop(looped) = &item.kind {
            self.items(&looped.items);
        }
    }

    fn source(&mut self, source: &Source, item: &Item) {
        let (kind, word) = match source.kind {
            SourceKind::Entity => (SymbolKind::Entity, "entity"),
            SourceKind::Events => (SymbolKind::Events, "events"),
        };
        let head = format!("{word} {} from {}", source.name.text, written(&source.from));
        let said = About {
            docs: item.docs.clone(),
            ..about(item.span, head)
        };
        let owner = self.add(kind, &source.name, said);
        for entry in &source.entries {
            match entry {
                SourceEntry::Key(columns) => {
                    for (name, ty) in columns {
                        let head = format!("key {}: {}", name.text, print_type(ty));
                        self.member(SymbolKind::Column, name, name.span.to(ty.span), head, owner);
                    }
                }
                SourceEntry::Reference { columns, target } => {
                    for name in columns {
                        let head = format!("{} -> {}", name.text, target.text);
                        self.reference_column(name, head, owner);
                    }
                }
                SourceEntry::Column(column) => {
                    self.member(
                        SymbolKind::Column,
                        &column.name,
                        column.span,
                        column_head(column),
                        owner,
                    );
                }
                SourceEntry::Unique(..)
                | SourceEntry::Group(_)
                | SourceEntry::Policy { .. }
                | SourceEntry::Error(_) => {}
            }
        }
    }

    /// A reference declares its column, unless an entry of its own does.
    fn reference_column(&mut self, name: &Name, head: String, owner: SymbolId) {
        let declared = |symbol: &&Symbol| symbol.owner == Some(owner) && symbol.name == name.text;
        if !self.index.symbols.iter().any(|symbol| declared(&symbol)) {
            self.member(SymbolKind::Column, name, name.span, head, owner);
        }
    }

    fn member(
        &mut self,
        kind: SymbolKind,
        name: &Name,
        whole: Span,
        head: String,
        owner: SymbolId,
    ) -> SymbolId {
        let said = About {
            owner: Some(owner),
            ..about(whole, head)
        };
        self.add(kind, name, said)
    }

    fn function(&mut self, decl: &Fn, item: &Item) {
        let said = About {
            docs: item.docs.clone(),
            ..about(
                item.span,
                signature("fn", &decl.name, Some(&decl.params), decl.ret.as_ref()),
            )
        };
        let owner = self.add(SymbolKind::Function, &decl.name, said);
        self.params(&decl.params, owner);
    }

    fn tower(&mut self, tower: &Tower, item: &Item) {
        let (kind, word) = match tower.teacher {
            true => (SymbolKind::Teacher, "teacher"),
            false => (SymbolKind::Tower, "tower"),
        };
        let head = signature(
            word,
            &tower.name,
            tower.params.as_deref(),
            tower.ret.as_ref(),
        );
        let head = format!("{head}{}", origin(tower));
        let said = About {
            docs: item.docs.clone(),
            value: tower.body.as_ref().map(|body| body.value.span),
            ..about(item.span, head)
        };
        let owner = self.add(kind, &tower.name, said);
        self.params(tower.params.as_deref().unwrap_or_default(), owner);
    }

    fn params(&mut self, params: &[Param], owner: SymbolId) {
        for param in params {
            self.member(
                SymbolKind::Parameter,
                &param.name,
                param.name.span,
                parameter(param),
                owner,
            );
        }
    }
}

/// Where a teacher comes from, as the spec says it.
fn origin(tower: &Tower) -> String {
    let mut said = match &tower.origin {
        None => String::new(),
        Some(Origin::Like(of)) => format!(" like {}", of.text),
        Some(Origin::CopyOf(of)) => format!(" copy of {}", of.text),
        Some(Origin::EmaOf(of, decay)) => format!(" ema of {} decay {}", of.text, written(decay)),
        Some(Origin::Taken { like, run }) => {
            format!(" like {} from checkpoint {}", like.text, written(run))
        }
        Some(Origin::Checkpoint(run)) => format!(" from checkpoint {}", written(run)),
        Some(Origin::Scores { path, .. }) => format!(" from scores {}", written(path)),
    };
    if tower.shares_tables {
        said += " shares tables";
    }
    said
}

/// What an item declares: what it is, its name, its head, and the value that gives its type.
type Plain<'a> = (SymbolKind, &'a Name, String, Option<Span>);

/// An item that declares one name and nothing inside it.
fn plain(kind: &ItemKind) -> Option<Plain<'_>> {
    let is = |word: &str, name: &Name, value: &Expr| {
        format!("{word} {} = {}", name.text, written(value))
    };
    match kind {
        ItemKind::Setting(Setting { name, ty, value }) => {
            let ty = ty.as_ref().map(|ty| format!(": {}", print_type(ty)));
            let ty = ty.unwrap_or_default();
            let head = format!("setting {}{ty} = {}", name.text, written(value));
            Some((SymbolKind::Setting, name, head, Some(value.span)))
        }
        ItemKind::Weight(weight) => {
            let (name, ty) = (&weight.name, print_type(&weight.ty));
            let head = format!("weight {}: {ty} = {}", name.text, written(&weight.init));
            Some((SymbolKind::Weight, name, head, None))
        }
        ItemKind::Selector(Selector { name, rows }) => {
            let head = is("selector", name, &rows.expr);
            Some((SymbolKind::Selector, name, head, None))
        }
        ItemKind::Graph(Graph { name, value }) => {
            Some((SymbolKind::Graph, name, is("graph", name, value), None))
        }
        ItemKind::Train(train) => {
            let name = train.name.as_ref()?;
            Some((
                SymbolKind::Train,
                name,
                format!("train {}", name.text),
                None,
            ))
        }
        _ => over_rows(kind),
    }
}

/// An item that runs over rows.
fn over_rows(kind: &ItemKind) -> Option<Plain<'_>> {
    let mut between = String::new();
    let (kind, word, name, rows, body) = match kind {
        ItemKind::Loss(Loss {
            name,
            trains,
            rows,
            body,
        }) => {
            let trains: Vec<&str> = trains.iter().map(|name| name.text.as_str()).collect();
            if !trains.is_empty() {
                between = format!(" for {}", trains.join(", "));
            }
            (SymbolKind::Loss, "loss", name, &rows.expr, Some(body))
        }
        ItemKind::Column(Column {
            name, rows, body, ..
        }) => (SymbolKind::Derived, "column", name, &rows.expr, Some(body)),
        ItemKind::Evaluate(Evaluate {
            name, kind, rows, ..
        }) => {
            between = match kind {
                Some(EvaluateKind::Retrieval) => ": retrieval".to_owned(),
                Some(EvaluateKind::Ranking) => ": ranking".to_owned(),
                None => String::new(),
            };
            (SymbolKind::Evaluation, "evaluate", name, &rows.expr, None)
        }
        ItemKind::Loop(Loop { name, over, .. }) => (SymbolKind::Loop, "loop", name, over, None),
        // Features need their source, which may be declared further down; the second reading adds them.
        _ => return None,
    };
    let head = format!("{word} {}{between} over {}", name.text, written(rows));
    Some((kind, name, head, body.map(|body| body.value.span)))
}

fn about(whole: Span, head: String) -> About {
    About {
        whole,
        head,
        docs: Vec::new(),
        owner: None,
        value: None,
    }
}

/// `tower film(m: movie) -> f32[64]`
fn signature(word: &str, name: &Name, params: Option<&[Param]>, ret: Option<&Type>) -> String {
    let mut head = format!("{word} {}", name.text);
    if let Some(params) = params {
        let params: Vec<String> = params.iter().map(parameter).collect();
        head += &format!("({})", params.join(", "));
    }
    if let Some(ret) = ret {
        head += &format!(" -> {}", print_type(ret));
    }
    head
}

/// A parameter as source.
fn parameter(param: &Param) -> String {
    let mut text = match param.each {
        true => format!("each {}", param.name.text),
        false => param.name.text.clone(),
    };
    if let Some(ty) = &param.ty {
        text += &format!(": {}", print_type(ty));
    }
    if let Some(default) = &param.default {
        text += &format!(" = {}", written(default));
    }
    text
}

fn column_head(column: &ColumnDecl) -> String {
    let role = match &column.role {
        Role::Plain => String::new(),
        Role::Label => "label ".to_owned(),
        Role::Known(None) => "known ".to_owned(),
        Role::Known(Some(side)) => format!("known of {} ", side.text),
    };
    let mut head = format!("{role}{}", column.name.text);
    if let Some(ty) = &column.ty {
        head += &format!(": {}", print_type(ty));
    }
    if let Some(value) = &column.value {
        head += &format!(" = {}", written(value));
    }
    head
}
