//! What to write instead: the help under a syntax error, and the edit that does it.

use std::ops::Range;

use crate::diagnostic::{Diagnostic, nearest};
use crate::keywords;
use crate::lex::{Token, TokenKind};
use crate::span::{FileId, Span};
use crate::tree::{Node, Rule};

use super::Reporter;

/// Help in words, and as an edit where one is sure.
#[derive(Default)]
pub(super) struct Advice {
    help: Option<String>,
    edit: Option<(Range<usize>, String)>,
}

impl Advice {
    fn say(help: impl Into<String>) -> Self {
        Self {
            help: Some(help.into()),
            edit: None,
        }
    }

    fn replace(mut self, range: Range<usize>, text: &str) -> Self {
        self.edit = Some((range, text.to_owned()));
        self
    }

    /// Gives the advice to a diagnostic; help that it has already stays.
    pub(super) fn attach(self, mut diagnostic: Diagnostic, file: FileId) -> Diagnostic {
        diagnostic.help = self.help.or(diagnostic.help);
        match self.edit {
            Some((range, text)) => diagnostic.fix(Span::new(file, range.start, range.end), text),
            None => diagnostic,
        }
    }
}

impl Reporter<'_> {
    /// Advice where something is missing after the byte `at`, and the token `found` stands in its place.
    pub(super) fn advise_on_missing(
        &self,
        rule: Rule,
        expected: &str,
        found: usize,
        at: usize,
    ) -> Advice {
        let token = self.layout.tokens.get(found);
        let word = token.map_or("", |token| token.text(self.source));
        match rule {
            Rule::err_name if keywords::RESERVED.contains(&word) => {
                Advice::say(help_with_reserved(word))
            }
            Rule::err_expr if self.path.contains(&Rule::option) && matches!(word, "=" | ":") => {
                let next = self
                    .layout
                    .tokens
                    .get(found + 1)
                    .map_or(self.source.len(), |next| next.start);
                Advice::say(format!(
                    "options of `train` are written without `{word}`, as in `batch 1024`"
                ))
                .replace(at..next, " ")
            }
            Rule::err_expr | Rule::err_operand if word == "where" => Advice::say(
                "a condition follows the rows it narrows, as in `rating where stars >= 4`",
            ),
            Rule::err_against => Advice::say(
                "name the label that the scores are judged by: `score ... against click`",
            ),
            Rule::err_colon if word == "over" && self.path.contains(&Rule::evaluate_item) => {
                Advice::say("say what is asked: `evaluate NAME: retrieval over ROWS`, or `ranking`")
                    .replace(at..at, ": retrieval")
            }
            Rule::err_seed => {
                Advice::say("a seed makes the parts the same in every run: `random(1)`")
                    .replace(at..at, "(1)")
            }
            Rule::err_then if word == ":" => {
                let colon = token.map_or(at, |token| token.end);
                Advice::say("a choice is written `if cond then a else b`")
                    .replace(at..colon, " then")
            }
            Rule::err_operand if word == "*" => Advice::say("a power is written `^`"),
            Rule::err_paren if word == "," => Advice::say("a list is written `[32, 16]`"),
            _ => match help_with_mark(word) {
                Some(help) => Advice::say(help),
                None => self.insertion(rule, expected, found, at),
            },
        }
    }

    /// The edit that inserts a single missing word or mark, where nothing else is missing after it.
    fn insertion(&self, rule: Rule, expected: &str, found: usize, at: usize) -> Advice {
        let single = expected
            .strip_prefix('`')
            .and_then(|rest| rest.strip_suffix('`'))
            .filter(|word| !word.contains('`'));
        let ends = self
            .layout
            .tokens
            .get(found)
            .is_none_or(|token| token.kind == TokenKind::Newline);
        let text = match (rule, single) {
            (Rule::err_paren | Rule::err_bracket | Rule::err_angle, Some(mark)) => mark.to_owned(),
            (Rule::err_close, _) => if ends { "\n}" } else { " }" }.to_owned(),
            (Rule::err_colon, _) if !ends => ":".to_owned(),
            (Rule::err_open, _) | (_, None) => return Advice::default(),
            (_, Some(_)) if ends => return Advice::default(),
            (_, Some(word)) => format!(" {word}"),
        };
        Advice::default().replace(at..at, &text)
    }

    /// Advice where a run of text does not belong.
    pub(super) fn advise_on_surplus(&self, node: Node<'_>) -> Advice {
        let tokens = &self.layout.tokens;
        let first = tokens.partition_point(|token| token.start < node.start);
        let Some(token) = tokens.get(first) else {
            return Advice::default();
        };
        let word = token.text(self.source);
        let (rule, parent) = (node.rule, self.path.last().copied());
        let replace_word =
            |advice: Advice, text: &str| advice.replace(token.start..token.end, text);
        if let Some(help) = help_with_mark(word) {
            return match plain_mark(rule, word) {
                Some(mark) => replace_word(Advice::say(help), mark),
                None => Advice::say(help),
            };
        }
        if let Some(help) = help_with_habit(rule) {
            return replace_word(Advice::say(help), "");
        }
        let suggest = |known: &[&'static str], otherwise: String| match nearest(
            word,
            known.iter().copied(),
        ) {
            Some(near) => replace_word(Advice::say(format!("did that mean `{near}`?")), near),
            None => Advice::say(otherwise),
        };
        match (rule, parent) {
            (Rule::err_entry, Some(Rule::source_item)) if word == "where" => Advice::say(
                "which rows of its files a source has stands behind the path: `from \"log.csv\" where tab == 4 {`",
            ),
            (Rule::err_entry | Rule::err_reserved, _) if keywords::RESERVED.contains(&word) => {
                Advice::say(help_with_reserved(word))
            }
            (Rule::err_item, _) => suggest(
                keywords::ITEMS,
                format!("an item begins with one of: {}", keywords::ITEMS.join(", ")),
            ),
            (Rule::err_entry, Some(Rule::evaluate_item)) => {
                let entries = keywords::EVALUATE_ENTRIES.join(", ");
                let otherwise = format!("an entry of `evaluate` begins with one of: {entries}");
                suggest(keywords::EVALUATE_ENTRIES, otherwise)
            }
            (Rule::err_entry, Some(Rule::source_item)) => {
                let otherwise =
                    "an entry is a column `name: type`, a reference `column -> entity` or a key";
                suggest(keywords::SOURCE_ENTRIES, otherwise.to_owned())
            }
            (Rule::err_entry, Some(Rule::features_item)) => {
                Advice::say("a feature is written `name = expression`")
            }
            (Rule::err_entry, Some(Rule::test_item)) => {
                Advice::say("a test holds `let` and `assert`")
            }
            (Rule::err_rest | Rule::err_extra, _) => self.advise_on_rest(node, token),
            (Rule::err_field, Some(Rule::record)) if word == "let" => Advice::say(
                "`let` stands in bodies: `{ let x = ...; x + 1 }` after a head, without `=`",
            ),
            _ => Advice::default(),
        }
    }

    /// Advice where an expression goes on with what does not continue it.
    fn advise_on_rest(&self, node: Node<'_>, token: &Token) -> Advice {
        let parent = self.path.last().copied();
        let line = self.line_before(node.start);
        let instead = |advice: Advice, text: &str| advice.replace(token.start..token.end, text);
        match (token.text(self.source), node.rule, parent) {
            ("=", Rule::err_extra, Some(Rule::arg)) => instead(
                Advice::say("arguments are named with `:`, as in `embed(ids, dim: 8)`"),
                ":",
            ),
            ("=", Rule::err_rest, Some(Rule::value_line)) if is_name(line.trim()) => {
                let name = line.trim_start();
                let start = node.start - name.len();
                Advice::say(format!("a value gets its name by `let {name}= ...`"))
                    .replace(start..start, "let ")
            }
            ("=", Rule::err_rest, _) => instead(Advice::say("equality is written `==`"), "=="),
            (",", Rule::err_rest, Some(Rule::train_entry)) if line.contains("minimize") => {
                Advice::say("losses are added: `minimize main + 0.1 * other`")
            }
            (",", Rule::err_rest, Some(Rule::train_entry)) => {
                Advice::say("entries of `train` stand on lines of their own, or between `;`")
            }
            ("and", Rule::err_rest, Some(Rule::item)) if line.starts_with("export ") => {
                let blank = line.len() - line.trim_end().len();
                Advice::say("names are separated by `,`")
                    .replace(token.start - blank..token.end, ",")
            }
            ("[", _, _) => Advice::say(
                "lists are not indexed; `.name` projects, and the library has `first`, `last`, `take`",
            ),
            ("{", Rule::err_rest, Some(Rule::item)) if line.contains(" where ") => {
                Advice::say("one `=` begins the body; equality is written `==`")
            }
            _ => Advice::default(),
        }
    }

    /// The text from the beginning of the line up to a place.
    fn line_before(&self, at: usize) -> &str {
        let line = self.source[..at]
            .rfind('\n')
            .map_or(0, |newline| newline + 1);
        &self.source[line..at]
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_')
}

fn help_with_reserved(word: &str) -> String {
    format!("`{word}` is a reserved word and cannot be a name")
}

/// What is left out of a text that was written out of habit.
fn help_with_habit(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::err_equals => {
            "a body with `let` begins with `{`, without `=` before it, and ends with its value, without `return`"
        }
        Rule::err_return => "the last line of a body is its value; leave `return` out",
        Rule::err_branch => "a choice is written `if cond then a else b`",
        _ => return None,
    })
}

/// What the marks of other languages and of word processors are here.
fn help_with_mark(word: &str) -> Option<&'static str> {
    Some(match word.chars().next()? {
        '#' => "a comment begins with `//`",
        '&' | '|' | '!' if word != "|>" && word != "!=" => "the words are `and`, `or` and `not`",
        '–' | '—' | '−' => "the minus sign is `-`",
        '“' | '”' | '„' | '‘' | '’' | '\'' => {
            "strings stand between straight quotes, `\"text\"`"
        }
        first if first.is_alphabetic() && !first.is_ascii() => {
            "names are made of the letters a to z and A to Z, digits and `_`"
        }
        _ => return None,
    })
}

/// The mark that another language's stands for.
fn plain_mark(rule: Rule, mark: &str) -> Option<&'static str> {
    match rule {
        Rule::err_item if mark == "#" => Some("//"),
        Rule::err_rest | Rule::err_extra if matches!(mark, "–" | "—" | "−") => Some("-"),
        _ => None,
    }
}
