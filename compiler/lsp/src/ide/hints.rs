//! Types that the text does not say, to be shown in it: after each `let` and each step of a pipe.

use reckon_grammar::span::Span;

use super::Analysis;
use super::index::SymbolKind;

/// A text to show after a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hint {
    /// The byte after which it is shown.
    pub at: usize,
    /// What is shown.
    pub text: String,
}

/// The hints in the order of the text. A step that is typed differently in several expansions has none.
pub fn hints(analysis: &Analysis) -> Vec<Hint> {
    let lets = analysis
        .index()
        .declared_in(analysis.file)
        .filter_map(|(_, symbol)| {
            let is_let = symbol.kind == SymbolKind::Local && symbol.value.is_some();
            let typed = analysis.type_of(symbol).filter(|_| is_let)?;
            Some(Hint {
                at: symbol.span.range().end,
                text: format!(": {}", typed.ty),
            })
        });
    let steps = analysis
        .checked
        .steps
        .iter()
        .filter(|(span, _)| span.file == analysis.file);
    let steps = steps
        .filter(|(span, ty)| is_settled(&analysis.checked.steps, *span, ty))
        .map(|(span, ty)| Hint {
            at: span.range().end,
            text: format!(" {ty}"),
        });
    let mut hints: Vec<Hint> = lets.chain(steps).collect();
    hints.sort();
    hints.dedup();
    hints
}

fn is_settled(steps: &[(Span, String)], span: Span, ty: &str) -> bool {
    steps
        .iter()
        .filter(|(other, _)| *other == span)
        .all(|(_, other)| other == ty)
}
