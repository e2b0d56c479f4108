//! What each word of a text is, for its colour.

use reckon_grammar::keywords::{
    CONSTANTS, CONTEXTUAL, EVALUATE_ENTRIES, ITEMS, RESERVED, SOURCE_ENTRIES, TRAIN_ENTRIES,
};
use reckon_grammar::lex::{Token, TokenKind, lex};

use super::Analysis;
use super::index::{Symbol, SymbolKind};

/// Types of columns.
pub(super) const COLUMN_TYPES: &[&str] = &["int", "float", "str", "bool", "time"];
/// Types of parameters, results and weights, beside the sources of the spec.
pub(super) const TYPES: &[&str] = &[
    "f32", "i64", "bool", "logit", "prob", "log_prob", "int", "float", "str", "any", "list",
    "text", "number", "flag",
];

/// What a word is. The order is the protocol's legend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A word of the language.
    Keyword,
    /// A comment.
    Comment,
    /// A text.
    Text,
    /// A number.
    Number,
    /// An operator.
    Operator,
    /// A function.
    Function,
    /// A tower or teacher.
    Tower,
    /// An entity or events.
    Source,
    /// A column or feature.
    Property,
    /// A parameter.
    Parameter,
    /// Any other name.
    Name,
    /// A setting or a dimension: known while compiling.
    Constant,
    /// A module.
    Module,
    /// A type of the language.
    Type,
}

/// A coloured word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its first byte.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// What it is.
    pub class: Class,
    /// It is where the name is declared.
    pub declares: bool,
    /// It comes from the library.
    pub library: bool,
}

/// The words of the text, in order. Brackets and commas have no colour.
pub fn words(analysis: &Analysis) -> Vec<Word> {
    let tokens = lex(analysis.text());
    let next = tokens.iter().skip(1).map(Some).chain([None]);
    tokens
        .iter()
        .zip(next)
        .filter_map(|(token, next)| word(analysis, token, next))
        .collect()
}

fn word(analysis: &Analysis, token: &Token, next: Option<&Token>) -> Option<Word> {
    let text = token.text(analysis.text());
    let (class, symbol) = match token.kind {
        TokenKind::Newline => return None,
        TokenKind::Comment => (Class::Comment, None),
        TokenKind::Text => (Class::Text, None),
        TokenKind::Number => (Class::Number, None),
        TokenKind::Mark if text.len() == 1 && "{}()[],.:;".contains(text) => return None,
        TokenKind::Mark => (Class::Operator, None),
        TokenKind::Word => {
            let found = analysis
                .index()
                .at(analysis.file, token.start)
                .filter(|found| found.span.range().start <= token.start);
            let symbol = found.map(|found| analysis.index().symbol(found.symbol));
            let class = match symbol {
                Some(symbol) => class_of(symbol),
                None => unnamed(text, next.map(|next| next.text(analysis.text()))),
            };
            (class, symbol)
        }
    };
    Some(Word {
        start: token.start,
        end: token.end,
        class,
        declares: symbol.is_some_and(|symbol| {
            symbol.span.file == analysis.file && symbol.span.range().start == token.start
        }),
        library: symbol.is_some_and(|symbol| symbol.module.is_some()),
    })
}

fn class_of(symbol: &Symbol) -> Class {
    match symbol.kind {
        SymbolKind::Setting | SymbolKind::Dimension => Class::Constant,
        SymbolKind::Entity | SymbolKind::Events => Class::Source,
        SymbolKind::Column | SymbolKind::Feature | SymbolKind::Derived => Class::Property,
        SymbolKind::Function => Class::Function,
        SymbolKind::Tower | SymbolKind::Teacher => Class::Tower,
        SymbolKind::Parameter => Class::Parameter,
        SymbolKind::Module => Class::Module,
        SymbolKind::Weight
        | SymbolKind::Loss
        | SymbolKind::Selector
        | SymbolKind::Graph
        | SymbolKind::Train
        | SymbolKind::Loop
        | SymbolKind::Evaluation
        | SymbolKind::Local => Class::Name,
    }
}

/// A word that stands for no declaration: a word of the language, an option, or a name that is not known.
fn unnamed(text: &str, next: Option<&str>) -> Class {
    let words = [
        RESERVED,
        ITEMS,
        CONTEXTUAL,
        SOURCE_ENTRIES,
        TRAIN_ENTRIES,
        EVALUATE_ENTRIES,
        CONSTANTS,
    ];
    let is_word = words.iter().any(|words| words.contains(&text));
    match next {
        _ if COLUMN_TYPES.contains(&text) || TYPES.contains(&text) => Class::Type,
        Some(":") if !RESERVED.contains(&text) => Class::Property,
        Some("(") if !is_word => Class::Function,
        _ if is_word => Class::Keyword,
        _ => Class::Name,
    }
}
