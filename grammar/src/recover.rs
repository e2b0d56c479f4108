//! Says what each error rule of the grammar means: its code and its message.

mod help;

use crate::diagnostic::{Code, Diagnostic};
use crate::layout::{BORDER, Layout};
use crate::lex::{Token, TokenKind};
use crate::span::{FileId, Span};
use crate::tree::{Node, Rule};

/// Text that does not belong where it stands.
pub(crate) const UNEXPECTED: Code = Code(101);
/// A name is missing.
pub(crate) const NAME: Code = Code(102);
/// An expression is missing.
pub(crate) const EXPRESSION: Code = Code(103);
/// A type is missing.
pub(crate) const TYPE: Code = Code(104);
/// A mark is missing: `=`, `:`, `->`, `=>` or `.`.
pub(crate) const MARK: Code = Code(105);
/// A bracket is not closed.
pub(crate) const UNCLOSED: Code = Code(106);
/// A brace closes nothing.
pub(crate) const UNOPENED: Code = Code(107);
/// A body is missing.
pub(crate) const BODY: Code = Code(108);
/// A word of the language is missing.
pub(crate) const WORD: Code = Code(109);
/// No item begins like this.
pub(crate) const ITEM: Code = Code(110);
/// A string is missing or does not end.
pub(crate) const TEXT: Code = Code(111);
/// A string holds an unknown escape.
pub(crate) const ESCAPE: Code = Code(112);
/// A number cannot be read.
pub(crate) const NUMBER: Code = Code(113);
/// Nested too deeply.
pub(crate) const DEEP: Code = Code(114);
/// A comparison of a comparison.
pub(crate) const CHAINED: Code = Code(115);
/// What follows `|>` is not a function.
pub(crate) const PIPE: Code = Code(116);
/// No entry begins like this.
pub(crate) const ENTRY: Code = Code(117);
/// A body without a value, or with two.
pub(crate) const VALUE: Code = Code(118);

/// The meaning of an error rule.
pub(crate) enum Fault {
    /// Something is missing: its code, and what was expected.
    Missing(Code, &'static str),
    /// A run of text that does not belong: its code, and what was expected in its place.
    Surplus(Code, &'static str),
    /// Reported where the layout was read.
    Reported,
}

/// The meaning of a rule, if it is an error rule.
#[expect(clippy::too_many_lines, reason = "a table, one line a rule")]
pub(crate) fn fault(rule: Rule) -> Option<Fault> {
    use Fault::{Missing, Reported, Surplus};
    Some(match rule {
        Rule::err_name => Missing(NAME, "a name"),
        Rule::err_use => Missing(NAME, "a module such as `std.tower.mlp` or a path in quotes"),
        Rule::err_text => Missing(TEXT, "a string"),
        Rule::err_string => Surplus(TEXT, "a closing `\"` on the same line"),
        Rule::err_number => Surplus(NUMBER, "a number"),
        Rule::err_open => Missing(BODY, "`{`"),
        Rule::err_body => Missing(BODY, "`=` or `{`"),
        Rule::err_params => Missing(BODY, "`(` and the parameters"),
        Rule::err_teacher => Missing(
            BODY,
            "`=`, `{`, `from checkpoint`, `from scores`, `like`, `copy of` or `ema of`",
        ),
        Rule::err_structure => Missing(
            BODY,
            "`(` and the parameters, `like`, `copy of` or `ema of`",
        ),
        Rule::err_origin => Missing(WORD, "`checkpoint` or `scores`"),
        Rule::err_of => Missing(WORD, "`of`"),
        Rule::err_close => Missing(UNCLOSED, "`}`"),
        Rule::err_paren => Missing(UNCLOSED, "`)`"),
        Rule::err_bracket => Missing(UNCLOSED, "`]`"),
        Rule::err_angle => Missing(UNCLOSED, "`>`"),
        Rule::err_eq => Missing(MARK, "`=`"),
        Rule::err_colon => Missing(MARK, "`:`"),
        Rule::err_arrow => Missing(MARK, "`->`"),
        Rule::err_yields => Missing(MARK, "`=>`"),
        Rule::err_dot => Missing(MARK, "`.` and a metric"),
        Rule::err_from => Missing(WORD, "`from` and a path"),
        Rule::err_on => Missing(WORD, "`on`"),
        Rule::err_within => Missing(WORD, "`within` and a duration"),
        Rule::err_after => Missing(WORD, "`after`"),
        Rule::err_split => Missing(
            WORD,
            "`by at`, `by at per user`, `by day`, `per user last` or `random(seed)`",
        ),
        Rule::err_seed => Missing(MARK, "`(` and a seed"),
        Rule::err_last => Missing(WORD, "`last`"),
        Rule::err_decay => Missing(WORD, "`decay`"),
        Rule::err_over => Missing(WORD, "`over`"),
        Rule::err_by => Missing(WORD, "`by`"),
        Rule::err_early => Missing(WORD, "`early`"),
        Rule::err_patience => Missing(WORD, "`patience`"),
        Rule::err_kind => Missing(WORD, "`retrieval` or `ranking`"),
        Rule::err_against => Missing(WORD, "`against` and a label"),
        Rule::err_then => Missing(WORD, "`then`"),
        Rule::err_else => Missing(WORD, "`else`"),
        Rule::err_in => Missing(WORD, "`in`"),
        Rule::err_type => Missing(TYPE, "a type"),
        Rule::err_rows => Missing(EXPRESSION, "rows"),
        Rule::err_expr | Rule::err_operand => Missing(EXPRESSION, "an expression"),
        Rule::err_item => Surplus(ITEM, "an item"),
        Rule::err_reserved => Surplus(NAME, "a name"),
        Rule::err_brace => Surplus(UNOPENED, "an item"),
        Rule::err_rest => Surplus(UNEXPECTED, "the end of the line"),
        Rule::err_entry => Surplus(ENTRY, "an entry"),
        Rule::err_field => Surplus(UNEXPECTED, "`,` or `}`"),
        Rule::err_part => Surplus(UNEXPECTED, "a part such as `train 80%`"),
        Rule::err_extra => Surplus(UNEXPECTED, "`,` or a closing bracket"),
        Rule::err_equals => Surplus(BODY, "`{`"),
        Rule::err_return | Rule::err_branch => Surplus(UNEXPECTED, "a value"),
        Rule::err_deep => Reported,
        _ => return None,
    })
}

/// Turns the error nodes of a tree into diagnostics: one for each place, and one for each broken line.
pub(crate) fn report(
    root: Node<'_>,
    source: &str,
    file: FileId,
    layout: &Layout,
) -> Vec<Diagnostic> {
    let mut reporter = Reporter {
        source,
        file,
        layout,
        last: None,
        path: Vec::new(),
        diagnostics: Vec::new(),
    };
    for &(start, end) in &layout.deep {
        let message =
            "this is nested too deeply: at most 200 brackets and operators may be open at once";
        let diagnostic = Diagnostic::error(DEEP, Span::new(file, start, end), message);
        reporter
            .diagnostics
            .push(diagnostic.help("name parts of it with `let` or `fn`"));
    }
    reporter.walk(root);
    reporter.diagnostics
}

struct Reporter<'a> {
    source: &'a str,
    file: FileId,
    layout: &'a Layout,
    /// The token at which the last error was found, and the end of its text.
    last: Option<(usize, usize)>,
    /// The rules around the node.
    path: Vec<Rule>,
    diagnostics: Vec<Diagnostic>,
}

impl Reporter<'_> {
    fn walk(&mut self, node: Node<'_>) {
        match fault(node.rule) {
            Some(Fault::Missing(code, expected)) => self.report_missing(node, code, expected),
            Some(Fault::Surplus(code, expected)) => self.report_surplus(node, code, expected),
            Some(Fault::Reported) => self.last = Some((self.found(node.start), node.end)),
            None => {
                self.path.push(node.rule);
                for child in node.children() {
                    self.walk(child);
                }
                self.path.pop();
            }
        }
    }

    /// The index of the token that stands where something else was expected; newlines that end nothing do not count.
    fn found(&self, at: usize) -> usize {
        let tokens = &self.layout.tokens;
        let mut index = tokens.partition_point(|token| token.start < at);
        while tokens
            .get(index)
            .is_some_and(|token| self.is_passed_over(token))
        {
            index += 1;
        }
        index
    }

    fn is_passed_over(&self, token: &Token) -> bool {
        match token.kind {
            TokenKind::Comment => true,
            TokenKind::Newline => self.layout.masked.as_bytes()[token.start] == b'\r',
            _ => false,
        }
    }

    fn is_deep(&self, at: usize) -> bool {
        self.layout
            .deep
            .iter()
            .any(|&(start, end)| (start..end).contains(&at))
    }

    /// What stands there, for a message.
    fn describe(&self, found: usize) -> String {
        match self.layout.tokens.get(found) {
            None => "the end of the file".to_owned(),
            Some(token) if token.kind == TokenKind::Newline => "the end of the line".to_owned(),
            Some(token) => match token.text(self.source) {
                text if text.starts_with('"') && text.chars().count() > 24 => "a string".to_owned(),
                text => format!("`{text}`"),
            },
        }
    }

    /// Reports at the end of the token before the gap, where the missing thing belongs.
    fn report_missing(&mut self, node: Node<'_>, code: Code, expected: &str) {
        let found = self.found(node.start);
        let before = self.layout.tokens[..found]
            .iter()
            .rfind(|token| token.is_code());
        let at = before.map_or(0, |token| token.end);
        if self.is_known(found, at, node.start) {
            return;
        }
        let span = Span::new(self.file, at, at);
        let message = format!("expected {expected}, found {}", self.describe(found));
        let mut diagnostic =
            Diagnostic::error(code, span, message).here(format!("expected {expected}"));
        if let Some(open) = self.opening(node, code) {
            diagnostic = diagnostic.note(format!("`{}` was opened on line {}", open.0, open.1));
        }
        let advice = self.advise_on_missing(node.rule, expected, found, at);
        self.diagnostics.push(advice.attach(diagnostic, self.file));
        self.last = Some((found, node.start));
    }

    /// An error at this token or directly before it was reported, or the layout did it.
    fn is_known(&self, found: usize, before: usize, at: usize) -> bool {
        self.last
            .is_some_and(|(last, end)| last == found || (end == before && last < found))
            || self.is_deep(at)
    }

    fn report_surplus(&mut self, node: Node<'_>, code: Code, expected: &str) {
        let found = self.found(node.start);
        let last = self.last.replace((found, node.end));
        if self.is_deep(node.start)
            || last.is_some_and(|(_, end)| self.is_same_line(end, node.start))
        {
            return;
        }
        let span = Span::new(self.file, node.start, node.end);
        let diagnostic = match node.rule {
            Rule::err_string => {
                Diagnostic::error(code, span, "this string does not end on its line")
                    .help("close it with `\"`; a line break inside a string is written `\\n`")
            }
            Rule::err_number => {
                let text = &self.source[node.range()];
                Diagnostic::error(code, span, format!("expected a number, found `{text}`"))
                    .help("units of durations are w, d, h, m, s and ms; digits may be grouped as in `1_000`")
            }
            Rule::err_brace => Diagnostic::error(code, span, "this `}` closes nothing"),
            _ => {
                let found = self.describe(found);
                Diagnostic::error(code, span, format!("expected {expected}, found {found}"))
            }
        };
        let advice = self.advise_on_surplus(node);
        self.diagnostics.push(advice.attach(diagnostic, self.file));
    }

    fn is_same_line(&self, start: usize, end: usize) -> bool {
        let between = self
            .layout
            .masked
            .as_bytes()
            .get(start.min(end)..end)
            .unwrap_or(&[]);
        !between
            .iter()
            .any(|byte| matches!(*byte, b'\n' | BORDER | b';'))
    }

    /// The bracket that was not closed and its line.
    fn opening(&self, node: Node<'_>, code: Code) -> Option<(char, usize)> {
        let open = match node.rule {
            Rule::err_close => '{',
            Rule::err_paren => '(',
            Rule::err_bracket => '[',
            _ => return None,
        };
        debug_assert_eq!(code, UNCLOSED, "only unclosed brackets have an opening one");
        let before = self
            .layout
            .tokens
            .partition_point(|token| token.start < node.start);
        let mut depth = 0usize;
        for token in self.layout.tokens[..before].iter().rev() {
            match token.text(self.source) {
                ")" | "]" | "}" => depth += 1,
                text @ ("(" | "[" | "{") => {
                    if depth == 0 && text.starts_with(open) {
                        return Some((open, self.source[..token.start].matches('\n').count() + 1));
                    }
                    depth = depth.saturating_sub(1);
                }
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::fault;
    use crate::keywords;
    use crate::tree::Rule;

    const GRAMMAR: &str = include_str!("../rec.pest");

    /// The names of the rules in the grammar's text.
    fn rules() -> Vec<&'static str> {
        let lines = GRAMMAR
            .lines()
            .filter(|line| line.starts_with(|c: char| c.is_ascii_alphabetic()));
        lines
            .filter_map(|line| line.split_once('=').map(|(name, _)| name.trim()))
            .collect()
    }

    #[test]
    fn every_error_rule_of_the_grammar_has_a_meaning() {
        let written: Vec<_> = rules()
            .into_iter()
            .filter(|name| name.starts_with("err_"))
            .collect();
        let mapped: Vec<_> = Rule::all_rules()
            .iter()
            .filter(|rule| fault(**rule).is_some())
            .collect();
        let mapped: Vec<_> = mapped.iter().map(|rule| format!("{rule:?}")).collect();
        assert!(written.len() > 40, "the grammar's error rules are found");
        for name in &written {
            assert!(
                mapped.iter().any(|rule| rule == name),
                "`{name}` has no code"
            );
        }
        assert_eq!(written.len(), mapped.len());
    }

    #[test]
    fn every_error_rule_is_used() {
        for name in rules().into_iter().filter(|name| name.starts_with("err_")) {
            let uses = GRAMMAR
                .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                .filter(|word| *word == name);
            assert!(uses.count() > 1, "`{name}` stands nowhere");
        }
    }

    #[test]
    fn the_keywords_are_those_of_the_grammar() {
        let mut listed = [keywords::ITEMS, keywords::RESERVED, keywords::CONTEXTUAL].concat();
        for name in rules()
            .into_iter()
            .filter_map(|name| name.strip_prefix("kw_"))
        {
            assert!(listed.contains(&name), "`{name}` is missing from the table");
        }
        let written = |word: &str| GRAMMAR.contains(&format!("\"{word}\""));
        let by_name = ["day", "retrieval", "ranking"];
        for word in listed.iter().filter(|word| !by_name.contains(word)) {
            assert!(written(word), "the grammar does not know `{word}`");
        }
        listed.sort_unstable();
        let all = listed.len();
        listed.dedup();
        assert_eq!(all, listed.len(), "no keyword is listed twice");
    }
}
