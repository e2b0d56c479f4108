//! Columns that a source lacks: declared as the data have them.

use reckon_grammar::span::Span;

use super::Mending;
use crate::ide::Analysis;
use crate::ide::completion::region;
use crate::ide::edit::Edit;
use crate::ide::index::{Meaning, Symbol, SymbolId, SymbolKind};

/// Declares the column that an unknown name could be. Where the data are known, they have to have it.
pub(super) fn mend(analysis: &Analysis, unknown: Span) -> Option<Mending> {
    let index = analysis.index();
    let source = index.symbol(source_of(analysis, unknown)?);
    let name = analysis.checked.sources.slice(unknown);
    let ty = match analysis.data.tables.contains_key(&source.name) {
        true => analysis.data.column(&source.name, name)?.ty.clone(),
        false => "str".to_owned(),
    };
    let edit = declaration(analysis, source, &format!("{name}: {ty}"))?;
    Some(Mending {
        title: format!("declare `{name}: {ty}` in `{}`", source.name),
        edits: vec![edit],
    })
}

/// The source whose column an unknown name would be: that of the row in scope, or of what stands before the dot.
fn source_of(analysis: &Analysis, unknown: Span) -> Option<SymbolId> {
    let text = &analysis.checked.sources.file(unknown.file).text;
    let before = text[..unknown.range().start].trim_end();
    let Some(before) = before.strip_suffix('.') else {
        return region(analysis, unknown.range().start)?.row;
    };
    let end = before.trim_end().len();
    let mut projections = analysis.index().projections.iter();
    let ends = |span: &Span| span.file == unknown.file && span.range().end == end;
    match projections.find(|(span, _)| ends(span))?.1 {
        Meaning::Raw(source) => Some(source),
        Meaning::Rows(_) | Meaning::Other => None,
    }
}

/// A line of its own after the last entry of a source, or more on the same line where it has only one.
fn declaration(analysis: &Analysis, source: &Symbol, column: &str) -> Option<Edit> {
    let index = analysis.index();
    let entries = index.symbols.iter().filter(|symbol| {
        let owner = symbol.owner.map(|owner| index.symbol(owner));
        symbol.kind == SymbolKind::Column && owner == Some(source)
    });
    let last = entries.map(|symbol| symbol.whole.range().end).max()?;
    let text = &analysis.checked.sources.file(source.whole.file).text;
    let whole = &text[source.whole.range()];
    let between = match whole.contains('\n') {
        true => "\n  ",
        false => "; ",
    };
    Some(Edit {
        span: Span::new(source.whole.file, last, last),
        text: format!("{between}{column}"),
    })
}
