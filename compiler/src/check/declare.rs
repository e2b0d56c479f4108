//! The names of all items, and the account at the end that none was lost.

use std::collections::BTreeMap;

use reckon_grammar::ast::{self, ItemKind, Name};
use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::span::Span;

use super::{Checker, FnDef};

impl<'a> Checker<'a> {
    /// Collects the names of all items and refuses those given twice.
    pub(super) fn declare(&mut self) {
        let used = self.program.uses.clone();
        for module in self.program.modules.iter().filter(|module| module.library) {
            for item in &module.ast.items {
                if let ItemKind::Fn(decl) = &item.kind {
                    let found = FnDef {
                        decl,
                        library: true,
                        module: &module.path,
                    };
                    self.library_fns.insert(&decl.name.text, found);
                }
            }
        }
        self.fns.clone_from(&self.library_fns);
        for (module, name, span) in &used {
            let Some(name) = name else { continue };
            if self
                .fns
                .get(name.as_str())
                .is_none_or(|found| found.module != module.as_str())
            {
                let names: Vec<&str> = self
                    .fns
                    .iter()
                    .filter(|(_, found)| found.module == module)
                    .map(|(name, _)| *name)
                    .collect();
                self.unknown(203, *span, &format!("function of `{module}`"), name, &names);
            }
        }
        let mut seen: BTreeMap<(Namespace, &str), Span> = BTreeMap::new();
        for item in self.user_items() {
            self.declare_params(&item.kind);
            for (space, name) in names_of(&item.kind) {
                if name.text.is_empty() {
                    continue;
                }
                if let Some(first) = seen.insert((space, &name.text), name.span) {
                    let twice = Diagnostic::error(
                        Code(204),
                        name.span,
                        format!("`{}` is declared twice", name.text),
                    )
                    .here("declared again here")
                    .label(first, "first declared here")
                    .help("give one of them another name");
                    self.report(twice);
                }
            }
            self.declare_item(item);
        }
    }

    /// Parameters of one function or tower have names of their own.
    fn declare_params(&mut self, kind: &ItemKind) {
        let params = match kind {
            ItemKind::Fn(item) => item.params.as_slice(),
            ItemKind::Tower(item) => item.params.as_deref().unwrap_or_default(),
            _ => return,
        };
        for (at, param) in params.iter().enumerate() {
            let name = &param.name;
            let first = params[..at]
                .iter()
                .find(|first| first.name.text == name.text);
            if let Some(first) = first.filter(|_| !name.text.is_empty()) {
                let twice = format!("parameter `{}` is declared twice", name.text);
                self.report(
                    Diagnostic::error(Code(204), name.span, twice)
                        .label(first.name.span, "first declared here"),
                );
            }
        }
    }

    /// Warns of an own function or tower that takes the place of one of the library.
    fn hides_library(&mut self, name: &Name) {
        if let Some(hidden) = self.function(&name.text).filter(|found| found.library) {
            let message = format!("`{}` hides the function of `{}`", name.text, hidden.module);
            self.report(
                Diagnostic::warning(Code(206), name.span, message)
                    .help("give it another name to use both"),
            );
        }
    }

    fn declare_item(&mut self, item: &'a ast::Item) {
        match &item.kind {
            ItemKind::Fn(decl) => {
                if decl.body.is_none() {
                    self.report(
                        Diagnostic::error(
                            Code(205),
                            decl.name.span,
                            format!("function `{}` has no body", decl.name.text),
                        )
                        .note("only the library declares intrinsics")
                        .help("write `= EXPRESSION` or `{ ... }` after the signature"),
                    );
                }
                self.hides_library(&decl.name);
                self.fns.insert(
                    &decl.name.text,
                    FnDef {
                        decl,
                        library: false,
                        module: "",
                    },
                );
            }
            ItemKind::Tower(tower) => {
                // An intrinsic is read by the library alone where a tower has its name.
                if self
                    .function(&tower.name.text)
                    .is_some_and(|found| found.decl.body.is_some())
                {
                    self.hides_library(&tower.name);
                }
                self.towers.insert(&tower.name.text, tower);
            }
            ItemKind::Features(features) => {
                for entry in &features.entries {
                    let named = (features.source.text.as_str(), entry.name.text.as_str());
                    self.written_features.entry(named).or_insert(entry);
                    self.feature_items.push((
                        features.source.text.clone(),
                        entry.name.text.clone(),
                        entry,
                    ));
                }
            }
            ItemKind::Source(source) => {
                self.source_items.insert(&source.name.text, source);
            }
            _ => {}
        }
    }

    /// Nothing that could not be checked may be left out in silence.
    pub(super) fn complete(&mut self) {
        if self.diagnostics.iter().any(Diagnostic::is_error) {
            return;
        }
        let mut lost: Vec<(Span, String)> = Vec::new();
        for (source, name, feature) in &self.feature_items {
            if self.features.get(&(source.clone(), name.clone())) == Some(&usize::MAX) {
                lost.push((feature.name.span, format!("feature `{source}.{name}`")));
            }
        }
        for item in self.user_items() {
            let (name, kept) = match &item.kind {
                ItemKind::Tower(tower) => (
                    &tower.name,
                    self.hir.towers.iter().any(|t| t.name == tower.name.text)
                        || matches!(self.score_tables.get(&tower.name.text), Some(Some(_))),
                ),
                ItemKind::Loss(loss) => (
                    &loss.name,
                    self.hir.losses.iter().any(|l| l.name == loss.name.text),
                ),
                ItemKind::Evaluate(it) => (
                    &it.name,
                    self.hir
                        .evaluations
                        .iter()
                        .any(|e| e.name == it.name.text && !e.is_broken()),
                ),
                ItemKind::Setting(it) => (
                    &it.name,
                    self.hir
                        .settings
                        .iter()
                        .any(|(name, _)| *name == it.name.text),
                ),
                _ => continue,
            };
            if !kept {
                lost.push((name.span, format!("`{}`", name.text)));
            }
        }
        for (span, what) in lost {
            self.report(
                Diagnostic::error(
                    Code(999),
                    span,
                    format!("internal: {what} was not understood, and it was not said why"),
                )
                .help("this is a fault of the compiler; the spec that shows it helps to mend it"),
            );
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Namespace {
    Source,
    Value,
    Loss,
    Train,
    Evaluation,
}

pub(super) fn names_of(kind: &ItemKind) -> Vec<(Namespace, &Name)> {
    match kind {
        ItemKind::Setting(item) => vec![(Namespace::Value, &item.name)],
        ItemKind::Weight(item) => vec![(Namespace::Value, &item.name)],
        ItemKind::Source(item) => vec![(Namespace::Source, &item.name)],
        ItemKind::Fn(item) => vec![(Namespace::Value, &item.name)],
        ItemKind::Tower(item) => vec![(Namespace::Value, &item.name)],
        ItemKind::Loss(item) => vec![(Namespace::Loss, &item.name)],
        ItemKind::Selector(item) => vec![(Namespace::Source, &item.name)],
        ItemKind::Column(item) => vec![(Namespace::Value, &item.name)],
        ItemKind::Graph(item) => vec![(Namespace::Value, &item.name)],
        ItemKind::Train(item) => item
            .name
            .iter()
            .map(|name| (Namespace::Train, name))
            .collect(),
        ItemKind::Evaluate(item) => vec![(Namespace::Evaluation, &item.name)],
        ItemKind::Use(_)
        | ItemKind::Features(_)
        | ItemKind::Split(_)
        | ItemKind::Loop(_)
        | ItemKind::Export(_)
        | ItemKind::Test(_) => Vec::new(),
    }
}
