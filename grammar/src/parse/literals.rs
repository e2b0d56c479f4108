//! Numbers, durations and strings.

use crate::ast::ExprKind;
use crate::recover::{ESCAPE, NUMBER};
use crate::span::Span;
use crate::tree::{Node, Rule};

use super::Parser;

/// Units of durations with their seconds, from the longest.
pub(crate) const UNITS: &[(&str, f64)] = &[
    ("w", 604_800.0),
    ("d", 86_400.0),
    ("h", 3_600.0),
    ("m", 60.0),
    ("s", 1.0),
    ("ms", 0.001),
];

impl Parser<'_> {
    pub(super) fn number(&mut self, node: Node<'_>) -> ExprKind {
        let digits = self.source(node).replace('_', "");
        if !digits.contains(['.', 'e', 'E']) {
            return match digits.parse() {
                Ok(value) => ExprKind::Int(value),
                Err(_) => self.too_large(node, "whole numbers reach up to 9223372036854775807"),
            };
        }
        match digits.parse::<f64>() {
            Ok(value) if value.is_finite() => ExprKind::Float(value),
            _ => self.too_large(node, "numbers reach up to 1.8e308"),
        }
    }

    fn too_large(&mut self, node: Node<'_>, help: &str) -> ExprKind {
        let (span, text) = (self.span(node), self.source(node).to_owned());
        self.error(NUMBER, span, format!("the number `{text}` is too large"))
            .help = Some(help.to_owned());
        ExprKind::Error
    }

    pub(super) fn percent(&mut self, node: Node<'_>) -> ExprKind {
        let digits = self.source(node).trim_end_matches('%').replace('_', "");
        match digits.parse::<f64>() {
            Ok(value) if value.is_finite() => ExprKind::Percent(value / 100.0),
            _ => self.too_large(node, "numbers reach up to 1.8e308"),
        }
    }

    /// The seconds of `1d 2h 30m`.
    pub(super) fn duration(&mut self, node: Node<'_>) -> ExprKind {
        let seconds = |part: &str| {
            let at = part
                .find(|c: char| c.is_ascii_alphabetic())
                .unwrap_or(part.len());
            let count = part[..at].replace('_', "").parse::<f64>().ok()?;
            let (_, unit) = UNITS.iter().find(|(name, _)| *name == &part[at..])?;
            Some(count * unit)
        };
        match self
            .source(node)
            .split_ascii_whitespace()
            .map(seconds)
            .sum::<Option<f64>>()
        {
            Some(total) if total.is_finite() => ExprKind::Duration(total),
            _ => self.too_large(node, "durations reach up to 1.8e308 seconds"),
        }
    }

    /// The text of a string or of an unclosed one, with its escapes resolved.
    pub(super) fn string(&mut self, node: Node<'_>) -> String {
        let quoted = self.source(node).to_owned();
        let inner = match node.rule {
            Rule::string => &quoted[1..quoted.len() - 1],
            _ => quoted.trim_start_matches('"'),
        };
        let mut text = String::with_capacity(inner.len());
        let mut chars = inner.char_indices();
        while let Some((at, c)) = chars.next() {
            if c != '\\' {
                text.push(c);
                continue;
            }
            match chars.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                Some((_, c @ ('"' | '\\'))) => text.push(c),
                Some((_, c)) => {
                    let start = node.start + 1 + at;
                    let span = Span::new(self.file, start, start + 1 + c.len_utf8());
                    self.error(ESCAPE, span, format!("`\\{c}` is not an escape"))
                        .help = Some("escapes are `\\n`, `\\t`, `\\\"` and `\\\\`".to_owned());
                    text.push(c);
                }
                None => text.push('\\'),
            }
        }
        text
    }
}
