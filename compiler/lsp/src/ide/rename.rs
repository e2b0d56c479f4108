//! Where a name is declared and named, and giving it another name.

use reckon_grammar::keywords::{CONSTANTS, RESERVED};
use reckon_grammar::span::Span;

use super::Analysis;
use super::edit::Edit;
use super::index::{Symbol, SymbolId, SymbolKind};

/// Whether the declaration counts among the places that name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declaration {
    /// It does.
    Included,
    /// It does not.
    LeftOut,
}

/// Where the name at a byte is declared; for a `use` of a file, the file's start.
pub fn definition(analysis: &Analysis, offset: usize) -> Option<Span> {
    if let Some(found) = analysis.index().at(analysis.file, offset) {
        return Some(analysis.index().symbol(found.symbol).span);
    }
    let holds = |span: &Span| span.file == analysis.file && span.range().contains(&offset);
    let link = analysis.index().links.iter().find(|(span, _)| holds(span));
    link.map(|(_, file)| Span::new(*file, 0, 0))
}

/// All places that name what the name at a byte stands for, in the order of the files.
pub fn references(analysis: &Analysis, offset: usize, declaration: Declaration) -> Vec<Span> {
    let Some(found) = analysis.index().at(analysis.file, offset) else {
        return Vec::new();
    };
    let declared = analysis.index().symbol(found.symbol).span;
    let places = analysis.index().places(found.symbol);
    places
        .filter(|span| declaration == Declaration::Included || *span != declared)
        .collect()
}

/// The name at a byte, where it can be renamed.
///
/// # Errors
/// Why it cannot: a sentence in lower case.
pub fn renamable(analysis: &Analysis, offset: usize) -> Result<Span, String> {
    target(analysis, offset).map(|(_, span)| span)
}

/// The edits that give the name at a byte another name, in all files of the user.
///
/// # Errors
/// Why it cannot be done: a sentence in lower case.
pub fn rename(analysis: &Analysis, offset: usize, name: &str) -> Result<Vec<Edit>, String> {
    let (id, _) = target(analysis, offset)?;
    is_name(name)?;
    let symbol = analysis.index().symbol(id);
    let taken = analysis
        .index()
        .symbols
        .iter()
        .find(|other| other.name == name && meet(analysis, symbol, other));
    if let Some(other) = taken.filter(|_| name != symbol.name) {
        return Err(format!("`{name}` is a {} already", other.kind.noun()));
    }
    let edits = analysis.index().places(id).map(|span| Edit {
        span,
        text: name.to_owned(),
    });
    Ok(edits.collect())
}

fn target(analysis: &Analysis, offset: usize) -> Result<(SymbolId, Span), String> {
    let Some(found) = analysis.index().at(analysis.file, offset) else {
        return Err("there is no name here".to_owned());
    };
    let symbol = analysis.index().symbol(found.symbol);
    if analysis.is_library(symbol.span.file) {
        return Err(format!("`{}` belongs to the library", symbol.name));
    }
    if symbol.kind == SymbolKind::Column {
        return Err(format!(
            "`{}` is called so by the data; a feature can have another name",
            symbol.name
        ));
    }
    Ok((found.symbol, found.span))
}

fn is_name(name: &str) -> Result<(), String> {
    let mut chars = name.chars();
    let begins = chars
        .next()
        .is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    if !begins || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(format!(
            "`{name}` is not a name: names are letters, digits and `_`"
        ));
    }
    if RESERVED.contains(&name) || CONSTANTS.contains(&name) {
        return Err(format!("`{name}` is a word of the language"));
    }
    Ok(())
}

/// Whether two declarations of one name would stand in each other's way.
fn meet(analysis: &Analysis, one: &Symbol, other: &Symbol) -> bool {
    if analysis.is_library(other.span.file) {
        return false;
    }
    match (one.kind.is_local(), other.kind.is_local()) {
        (true, true) => one.owner == other.owner,
        (true, false) | (false, true) => other.owner.is_none() || one.owner.is_none(),
        (false, false) => one.owner == other.owner,
    }
}
