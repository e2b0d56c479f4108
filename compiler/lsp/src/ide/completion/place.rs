//! What kind of thing is written at a place, from the words before it. The text may be broken.

use std::ops::Range;

use reckon_grammar::keywords::ITEMS;
use reckon_grammar::lex::{Token, TokenKind, lex};

use super::super::signature::last_open;

/// What can stand at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A part of what ends at this byte, where the dot is.
    After(usize),
    /// The next part of a path of the library, after this text.
    Module(String),
    /// A type of a parameter, weight, setting or result.
    Type,
    /// A column of the data, after `key` or `label`.
    Column,
    /// The type of the column of this name.
    ColumnType(String),
    /// A function, after `|>`.
    Pipe,
    /// Towers.
    Towers,
    /// Rows.
    Rows,
    /// Losses.
    Losses,
    /// The first word of an entry.
    Entry(Block),
    /// A value.
    Value,
    /// A new name; nothing is proposed.
    NewName,
}

/// What a line belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// No block: an item begins.
    File,
    /// An entity or events.
    Source,
    /// `train`
    Train,
    /// `evaluate`
    Evaluate,
    /// A body, features or a split.
    Other,
}

/// The kind of place at a byte, and the word that is being written there. None inside comments, texts and numbers.
pub(super) fn place(text: &str, offset: usize) -> Option<(Place, Range<usize>)> {
    let tokens = lex(text);
    let inside = |token: &&Token| {
        token.start < offset && (offset < token.end || is_open(token, text, offset))
    };
    let at = tokens
        .iter()
        .find(|token| inside(token) || token.end == offset && token.kind != TokenKind::Mark);
    let word = match at.map(|token| (token.kind, token)) {
        Some((TokenKind::Comment | TokenKind::Text | TokenKind::Number, _)) => return None,
        Some((TokenKind::Word, token)) => token.start..token.end,
        Some((TokenKind::Mark | TokenKind::Newline, _)) | None => offset..offset,
    };
    let before: Vec<Token> = tokens
        .into_iter()
        .filter(|token| token.end <= word.start && token.kind != TokenKind::Comment)
        .collect();
    Some((kind(text, &before), word))
}

/// A text whose closing quote is missing goes on where it ends.
fn is_open(token: &Token, text: &str, offset: usize) -> bool {
    let written = token.text(text);
    token.end == offset
        && token.kind == TokenKind::Text
        && (written.len() < 2 || !written.ends_with('"'))
}

fn kind(text: &str, before: &[Token]) -> Place {
    let code: Vec<&Token> = before.iter().filter(|token| token.is_code()).collect();
    let Some(last) = code.last() else {
        return Place::Entry(Block::File);
    };
    let line: Vec<&str> = line(before).iter().map(|token| token.text(text)).collect();
    if line.first() == Some(&"use") {
        return Place::Module(line[1..].concat());
    }
    if line.is_empty() && ends_entry(text, &code) {
        return Place::Entry(block(text, &code));
    }
    let second = code.len().checked_sub(2).map(|at| code[at].text(text));
    match last.text(text) {
        "." => return Place::After(last.start),
        "|>" => return Place::Pipe,
        "->" => return Place::Type,
        ":" if declares(&line) => return Place::Type,
        ":" if block(text, &code) == Block::Source => {
            return Place::ColumnType(second.unwrap_or("").to_owned());
        }
        "key" | "label" if block(text, &code) == Block::Source => return Place::Column,
        "over" | "from"
            if line
                .first()
                .is_some_and(|word| *word != "entity" && *word != "events") =>
        {
            return Place::Rows;
        }
        "features" | "split" => return Place::Rows,
        "export" | "like" | "for" if line.first() != Some(&"let") => return Place::Towers,
        "of" if matches!(second, Some("copy" | "ema")) => return Place::Towers,
        "," if line.first() == Some(&"export") => return Place::Towers,
        "minimize" => return Place::Losses,
        word if ITEMS.contains(&word) && line.len() == 1 => return Place::NewName,
        "let" => return Place::NewName,
        _ => {}
    }
    if line.first() == Some(&"minimize") {
        return Place::Losses;
    }
    if matches!(last.text(text), "{" | ";") {
        return Place::Entry(block(text, &code));
    }
    Place::Value
}

/// The tokens of the line being written.
fn line(before: &[Token]) -> &[Token] {
    let start = before
        .iter()
        .rposition(|token| token.kind == TokenKind::Newline)
        .map_or(0, |at| at + 1);
    &before[start..]
}

/// Whether a line break after these words ends an entry: no parenthesis is open and nothing has to follow.
fn ends_entry(text: &str, code: &[&Token]) -> bool {
    const GO_ON: &[&str] = &[
        "=", ",", "|>", "+", "-", "*", "/", "^", "==", "!=", "<", "<=", ">", ">=", "and", "or",
        "not", "=>",
    ];
    let tokens: Vec<Token> = code.iter().map(|token| **token).collect();
    let open = last_open(text, &tokens).map(|at| tokens[at].text(text));
    let last = code.last().map_or("", |token| token.text(text));
    !matches!(open, Some("(" | "[")) && !GO_ON.contains(&last)
}

/// Whether a line is the head of a declaration in which a colon precedes a type.
fn declares(line: &[&str]) -> bool {
    let typed = matches!(
        line.first(),
        Some(&("tower" | "teacher" | "fn" | "weight" | "setting"))
    );
    typed && !line.contains(&"=")
}

/// The block that is open after these words: the first word of the item that holds the last open brace.
fn block(text: &str, code: &[&Token]) -> Block {
    let mut closed = 0;
    for (at, token) in code.iter().enumerate().rev() {
        match token.text(text) {
            "}" => closed += 1,
            "{" if closed > 0 => closed -= 1,
            "{" => return block_of(text, &code[..at]),
            _ => {}
        }
    }
    Block::File
}

fn block_of(text: &str, head: &[&Token]) -> Block {
    let words = head.iter().rev().map(|token| token.text(text));
    let item = words
        .take_while(|word| *word != "}" && *word != "{")
        .find(|word| ITEMS.contains(word));
    match item {
        Some("entity" | "events") => Block::Source,
        Some("train") => Block::Train,
        Some("evaluate") => Block::Evaluate,
        Some("loop") => Block::File,
        _ => Block::Other,
    }
}
