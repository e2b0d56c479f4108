//! What the protocol calls kinds of things.

use gen_lsp_types as lsp;

use crate::ide::completion::Proposed;
use crate::ide::index::SymbolKind;
use crate::ide::tokens::{Class, Word};

/// The names of colours, in the order of [`Class`], and of what is said beside them.
pub(super) fn legend() -> lsp::SemanticTokensLegend {
    let types = [
        "keyword",
        "comment",
        "string",
        "number",
        "operator",
        "function",
        "method",
        "class",
        "property",
        "parameter",
        "variable",
        "enumMember",
        "namespace",
        "type",
    ];
    lsp::SemanticTokensLegend {
        token_types: types.map(str::to_owned).to_vec(),
        token_modifiers: ["declaration", "defaultLibrary"]
            .map(str::to_owned)
            .to_vec(),
    }
}

fn colour(class: Class) -> u32 {
    match class {
        Class::Keyword => 0,
        Class::Comment => 1,
        Class::Text => 2,
        Class::Number => 3,
        Class::Operator => 4,
        Class::Function => 5,
        Class::Tower => 6,
        Class::Source => 7,
        Class::Property => 8,
        Class::Parameter => 9,
        Class::Name => 10,
        Class::Constant => 11,
        Class::Module => 12,
        Class::Type => 13,
    }
}

/// A word relative to the one before it, as the protocol counts.
pub(super) fn token(word: &Word, last: lsp::Position, range: lsp::Range) -> lsp::SemanticToken {
    let same_line = range.start.line == last.line;
    lsp::SemanticToken {
        delta_line: range.start.line - last.line,
        delta_start: range.start.character - if same_line { last.character } else { 0 },
        length: range.end.character.saturating_sub(range.start.character),
        token_type: colour(word.class),
        token_modifiers_bitset: u32::from(word.declares) | u32::from(word.library) << 1,
    }
}

pub(super) fn symbol_kind(kind: SymbolKind) -> lsp::SymbolKind {
    match kind {
        SymbolKind::Setting | SymbolKind::Dimension => lsp::SymbolKind::Constant,
        SymbolKind::Weight | SymbolKind::Parameter | SymbolKind::Local => lsp::SymbolKind::Variable,
        SymbolKind::Entity => lsp::SymbolKind::Class,
        SymbolKind::Events => lsp::SymbolKind::Event,
        SymbolKind::Column => lsp::SymbolKind::Field,
        SymbolKind::Feature | SymbolKind::Derived => lsp::SymbolKind::Property,
        SymbolKind::Function => lsp::SymbolKind::Function,
        SymbolKind::Tower | SymbolKind::Teacher => lsp::SymbolKind::Method,
        SymbolKind::Loss | SymbolKind::Train | SymbolKind::Loop | SymbolKind::Evaluation => {
            lsp::SymbolKind::Object
        }
        SymbolKind::Selector | SymbolKind::Graph => lsp::SymbolKind::Array,
        SymbolKind::Module => lsp::SymbolKind::Module,
    }
}

pub(super) fn proposal_kind(kind: Proposed) -> lsp::CompletionItemKind {
    match kind {
        Proposed::Keyword => lsp::CompletionItemKind::Keyword,
        Proposed::Argument | Proposed::Builtin => lsp::CompletionItemKind::Field,
        Proposed::Type => lsp::CompletionItemKind::Struct,
        Proposed::Name(kind) => match kind {
            SymbolKind::Setting | SymbolKind::Dimension => lsp::CompletionItemKind::Constant,
            SymbolKind::Weight | SymbolKind::Parameter | SymbolKind::Local => {
                lsp::CompletionItemKind::Variable
            }
            SymbolKind::Entity => lsp::CompletionItemKind::Class,
            SymbolKind::Events => lsp::CompletionItemKind::Event,
            SymbolKind::Column => lsp::CompletionItemKind::Field,
            SymbolKind::Feature | SymbolKind::Derived => lsp::CompletionItemKind::Property,
            SymbolKind::Function => lsp::CompletionItemKind::Function,
            SymbolKind::Tower | SymbolKind::Teacher => lsp::CompletionItemKind::Method,
            SymbolKind::Loss | SymbolKind::Train | SymbolKind::Loop | SymbolKind::Evaluation => {
                lsp::CompletionItemKind::Value
            }
            SymbolKind::Selector | SymbolKind::Graph => lsp::CompletionItemKind::Value,
            SymbolKind::Module => lsp::CompletionItemKind::Module,
        },
    }
}
