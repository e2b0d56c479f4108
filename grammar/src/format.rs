//! Source from abstract syntax: the formatter, and the printer of what exists as a tree only.
//!
//! Two blanks a level, lines of at most [`WIDTH`] columns, one blank line at most, features aligned at `=`. Both work on
//! the abstract syntax; the formatter also has the text, from which it takes comments, blank lines, the spelling of
//! numbers, and whether a block stood on one line.

mod blocks;
mod breaking;
mod comments;
mod entries;
mod expressions;
mod items;
mod types;

use crate::ast::{Expr, File, Type};
use crate::diagnostic::Diagnostic;
use crate::layout::layout;
use crate::parse::parse;
use crate::span::FileId;

use comments::Original;

/// Lines are broken where they would be longer.
const WIDTH: usize = 110;

/// Formats a text. A text with syntax errors is refused with its errors.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    let mut formatted = format_once(text)?;
    // a comment that has to leave an expression gets new neighbours, whose layout may depend on it
    for _ in 0..4 {
        match format_once(&formatted) {
            Ok(again) if again != formatted => formatted = again,
            _ => break,
        }
    }
    Ok(formatted)
}

fn format_once(text: &str) -> Result<String, Vec<Diagnostic>> {
    let parsed = parse(FileId(0), text);
    if parsed.diagnostics.iter().any(Diagnostic::is_error) {
        return Err(parsed.diagnostics);
    }
    let tokens = layout(text).tokens;
    let mut printer = Printer::new(Some(Original::new(text, &tokens)));
    printer.file(&parsed.ast);
    Ok(printer.out)
}

/// Formatted source of a file that exists as abstract syntax only.
pub fn print(file: &File) -> String {
    let mut printer = Printer::new(None);
    printer.file(file);
    printer.out
}

/// An expression on one line, as messages show it.
pub fn print_expr(expr: &Expr) -> String {
    Printer::new(None).flat(expr, 0)
}

/// A type on one line, as messages show it.
pub fn print_type(ty: &Type) -> String {
    Printer::new(None).flat_type(ty)
}

/// Writes source, line by line.
struct Printer<'a> {
    out: String,
    /// Levels of two blanks.
    indent: usize,
    /// The text that is being formatted; none where only a tree is printed.
    original: Option<Original<'a>>,
}

impl<'a> Printer<'a> {
    fn new(original: Option<Original<'a>>) -> Self {
        Self {
            out: String::new(),
            indent: 0,
            original,
        }
    }

    /// Writes text without line ends at the current place.
    fn push(&mut self, text: &str) {
        if self.is_line_start() && !text.is_empty() {
            self.out.push_str(&"  ".repeat(self.indent));
        }
        self.out.push_str(text);
    }

    fn is_line_start(&self) -> bool {
        self.out.is_empty() || self.out.ends_with('\n')
    }

    /// Ends the line.
    fn newline(&mut self) {
        while self.out.ends_with(' ') {
            self.out.pop();
        }
        self.out.push('\n');
    }

    /// Leaves one blank line, except at the beginning of the text.
    fn blank_line(&mut self) {
        if !self.out.is_empty() && !self.out.ends_with("\n\n") {
            self.out.push('\n');
        }
    }

    /// Columns used on the current line.
    fn column(&self) -> usize {
        if self.is_line_start() {
            return self.indent * 2;
        }
        let line = self.out.rfind('\n').map_or(0, |at| at + 1);
        self.out[line..].chars().count()
    }

    /// Whether a text of this width fits on the rest of the line.
    fn fits(&self, text: &str, tail: usize) -> bool {
        !text.contains('\n') && self.column() + text.chars().count() + tail <= WIDTH
    }
}
