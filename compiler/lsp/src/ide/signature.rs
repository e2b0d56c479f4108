//! The call around a place: which function, and which of its parameters.

use reckon_grammar::lex::{Token, TokenKind, lex};

use super::Analysis;
use super::index::{Symbol, SymbolId, SymbolKind};

/// The function of a call, and where in the call a place is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Its head as source.
    pub head: String,
    /// Its parameters as source, each a part of the head.
    pub params: Vec<String>,
    /// The parameter that is being written; `None` past the last.
    pub active: Option<usize>,
    /// The doc comment.
    pub docs: Vec<String>,
}

/// An open call before a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What is called.
    pub function: SymbolId,
    /// Names of the arguments before the place, and of the one at it.
    pub named: Vec<String>,
    /// Arguments before the place, a piped one too.
    pub before: usize,
    /// The name of the argument at the place, once its colon is written.
    pub current: Option<String>,
}

/// The innermost call that is open at a byte.
pub fn signature(analysis: &Analysis, offset: usize) -> Option<Signature> {
    let call = open_call(analysis, offset)?;
    let symbol = analysis.index().symbol(call.function);
    let params: Vec<&Symbol> = params(analysis, call.function).collect();
    let active = match &call.current {
        Some(name) => params.iter().position(|param| param.name == *name),
        None => Some(call.before).filter(|at| *at < params.len()),
    };
    Some(Signature {
        head: symbol.head.clone(),
        params: params.iter().map(|param| param.head.clone()).collect(),
        active,
        docs: symbol.docs.clone(),
    })
}

/// The parameters of a function or tower, in order.
pub fn params(analysis: &Analysis, function: SymbolId) -> impl Iterator<Item = &Symbol> {
    let members = analysis.index().members(function).map(|(_, symbol)| symbol);
    members.filter(|symbol| symbol.kind == SymbolKind::Parameter)
}

/// The innermost call whose parenthesis is open at a byte, read from the words before it, which may be broken.
pub fn open_call(analysis: &Analysis, offset: usize) -> Option<Call> {
    let text = analysis.text();
    let code = lex(text).into_iter().filter(Token::is_code);
    let tokens: Vec<Token> = code.take_while(|token| token.start < offset).collect();
    let open = last_open(text, &tokens)?;
    if tokens[open].text(text) != "(" {
        return None;
    }
    let callee = tokens[..open]
        .last()
        .filter(|token| token.kind == TokenKind::Word)?;
    let head = open.checked_sub(2).map(|at| tokens[at].text(text));
    let piped = usize::from(head == Some("|>"));
    let function = function_named(analysis, callee)?;
    let mut call = Call {
        function,
        named: Vec::new(),
        before: piped,
        current: None,
    };
    let mut depth = 0;
    for at in open + 1..tokens.len() {
        match tokens[at].text(text) {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            "," if depth == 0 => {
                call.before += 1;
                call.current = None;
            }
            ":" if depth == 0 => {
                let name = tokens[at - 1].text(text).to_owned();
                call.named.push(name.clone());
                call.current = Some(name);
            }
            _ => {}
        }
    }
    Some(call)
}

/// The last bracket that is still open.
pub(super) fn last_open(text: &str, tokens: &[Token]) -> Option<usize> {
    let mut closed = 0;
    for (at, token) in tokens.iter().enumerate().rev() {
        match token.text(text) {
            ")" | "]" | "}" => closed += 1,
            "(" | "[" | "{" if closed == 0 => return Some(at),
            "(" | "[" | "{" => closed -= 1,
            _ => {}
        }
    }
    None
}

/// The function or tower that a word calls, by what it stands for, else by its name.
fn function_named(analysis: &Analysis, callee: &Token) -> Option<SymbolId> {
    let callable = |symbol: &Symbol| {
        matches!(
            symbol.kind,
            SymbolKind::Function | SymbolKind::Tower | SymbolKind::Teacher
        )
    };
    let found = analysis
        .index()
        .at(analysis.file, callee.start)
        .map(|found| found.symbol);
    if let Some(found) = found.filter(|found| callable(analysis.index().symbol(*found))) {
        return Some(found);
    }
    let name = callee.text(analysis.text());
    let at = analysis
        .index()
        .symbols
        .iter()
        .position(|symbol| symbol.name == name && callable(symbol));
    at.map(SymbolId)
}
