//! The shape of a text: its declarations as a tree, and the parts that can be folded.

use reckon_grammar::lex::{Token, TokenKind, lex};
use reckon_grammar::span::Span;

use super::Analysis;
use super::index::{Symbol, SymbolId, SymbolKind};

/// A declaration with those inside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// Its head as source.
    pub head: String,
    /// What it is.
    pub kind: SymbolKind,
    /// All of it.
    pub whole: Span,
    /// Its name's place.
    pub span: Span,
    /// Columns of a source.
    pub members: Vec<Entry>,
}

/// The declarations of the text. Features stand below their source where that is in the text too.
pub fn outline(analysis: &Analysis) -> Vec<Entry> {
    let shown = |symbol: &Symbol| {
        !symbol.kind.is_local() && symbol.kind != SymbolKind::Module && !symbol.name.is_empty()
    };
    let top = analysis
        .index()
        .declared_in(analysis.file)
        .filter(|(_, symbol)| {
            let has_parent = symbol
                .owner
                .is_some_and(|owner| analysis.index().symbol(owner).span.file == analysis.file);
            shown(symbol) && !has_parent
        });
    let entry = |id: SymbolId, symbol: &Symbol| Entry {
        members: analysis
            .index()
            .members(id)
            .filter(|(_, member)| shown(member) && member.span.file == analysis.file)
            .map(|(_, member)| leaf(member))
            .collect(),
        ..leaf(symbol)
    };
    let mut entries: Vec<Entry> = top.map(|(id, symbol)| entry(id, symbol)).collect();
    entries.sort_by_key(|entry| entry.span);
    entries
}

fn leaf(symbol: &Symbol) -> Entry {
    Entry {
        name: symbol.name.clone(),
        head: symbol.head.clone(),
        kind: symbol.kind,
        whole: symbol.whole.to(symbol.span),
        span: symbol.span,
        members: Vec::new(),
    }
}

/// Why a part can be folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FoldKind {
    /// Brackets.
    Block,
    /// Comments on lines of their own.
    Comment,
    /// `use` lines.
    Uses,
}

/// A part that can be folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fold {
    /// From its first to its last byte.
    pub span: Span,
    /// Why.
    pub kind: FoldKind,
}

/// The parts that go over several lines and can be folded.
pub fn folds(analysis: &Analysis) -> Vec<Fold> {
    let text = analysis.text();
    let tokens = lex(text);
    let mut folds = brackets(analysis, &tokens);
    folds.extend(runs(analysis, &tokens, FoldKind::Comment));
    folds.extend(runs(analysis, &tokens, FoldKind::Uses));
    folds.retain(|fold| {
        text.get(fold.span.range())
            .is_some_and(|part| part.contains('\n'))
    });
    folds.sort();
    folds
}

/// Pairs of brackets. One that closes another kind than is open closes nothing.
fn brackets(analysis: &Analysis, tokens: &[Token]) -> Vec<Fold> {
    let mut open: Vec<(&str, usize)> = Vec::new();
    let mut folds = Vec::new();
    for token in tokens.iter().filter(|token| token.kind == TokenKind::Mark) {
        let opening = match token.text(analysis.text()) {
            mark @ ("{" | "(" | "[") => {
                open.push((mark, token.start));
                continue;
            }
            "}" => "{",
            ")" => "(",
            "]" => "[",
            _ => continue,
        };
        if let Some((_, start)) = open.pop_if(|(mark, _)| *mark == opening) {
            folds.push(Fold {
                span: Span::new(analysis.file, start, token.end),
                kind: FoldKind::Block,
            });
        }
    }
    folds
}

/// Lines one after the other that begin with a comment, or with `use`.
fn runs(analysis: &Analysis, tokens: &[Token], kind: FoldKind) -> Vec<Fold> {
    let mut folds: Vec<Fold> = Vec::new();
    let mut goes_on = false;
    for line in tokens.split(|token| token.kind == TokenKind::Newline) {
        let (Some(first), Some(last)) = (line.first(), line.last()) else {
            goes_on = false;
            continue;
        };
        let fits = match kind {
            FoldKind::Comment => first.kind == TokenKind::Comment,
            FoldKind::Uses => first.text(analysis.text()) == "use",
            FoldKind::Block => false,
        };
        let span = Span::new(analysis.file, first.start, last.end);
        match folds.last_mut().filter(|_| fits && goes_on) {
            Some(run) => run.span = run.span.to(span),
            None if fits => folds.push(Fold { span, kind }),
            None => {}
        }
        goes_on = fits;
    }
    folds
}
