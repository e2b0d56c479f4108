//! The lossless tree: what the grammar saw, with the place of every piece. The leaves joined are the source.

use std::fmt::Write as _;
use std::ops::Range;

use pest::iterators::Pair;

use crate::layout::Layout;
use crate::lex::{Token, lex};

/// The grammar's rules; private to the crate, so that nothing else depends on their names.
pub(crate) mod grammar {
    #![allow(missing_docs, unreachable_pub)]
    /// The parser that pest makes from `rec.pest`.
    #[derive(pest_derive::Parser)]
    #[grammar = "../rec.pest"]
    pub(crate) struct Grammar;
}

pub(crate) use grammar::Rule;

/// A rule that matched, with the rules inside it.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) rule: Rule,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) children: Vec<Node>,
}

impl Node {
    /// The first child of a kind.
    pub(crate) fn find(&self, rule: Rule) -> Option<&Node> {
        self.children.iter().find(|child| child.rule == rule)
    }

    /// All children of a kind.
    pub(crate) fn all(&self, rule: Rule) -> impl Iterator<Item = &Node> {
        self.children.iter().filter(move |child| child.rule == rule)
    }

    pub(crate) fn has(&self, rule: Rule) -> bool {
        self.find(rule).is_some()
    }

    pub(crate) fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// The tree of a text.
#[derive(Clone, Debug)]
pub struct Tree {
    pub(crate) root: Node,
}

impl Tree {
    /// Takes over what pest found. A node ends where its last token ends, not after the blanks that follow.
    pub(crate) fn new(file: Pair<'_, Rule>, layout: &Layout) -> Self {
        let code: Vec<Token> = layout
            .tokens
            .iter()
            .copied()
            .filter(Token::is_code)
            .collect();
        let mut root = node(file, &code, 0);
        root.end = layout.masked.len();
        Self { root }
    }

    /// The leaves of the tree over `source`, with blanks, newlines and comments; joined they are `source`.
    pub fn leaves<'a>(&self, source: &'a str) -> Vec<&'a str> {
        let mut leaves = Vec::new();
        walk(&self.root, 0, source, &mut |_, _, part| {
            if let Part::Leaf(text) = part {
                leaves.push(text);
            }
        });
        leaves
    }

    /// One line a node, indented, with its range; leaves carry their text.
    pub fn dump(&self, source: &str) -> String {
        let mut out = String::new();
        walk(&self.root, 0, source, &mut |depth, range, part| {
            let indent = "  ".repeat(depth);
            let line = match part {
                Part::Node(rule) => write!(out, "{indent}{rule:?} {}..{}", range.start, range.end),
                Part::Leaf(text) => write!(out, "{indent}{text:?}"),
            };
            line.and_then(|()| out.write_char('\n'))
                .expect("writing to a string does not fail");
        });
        out
    }
}

enum Part<'a> {
    Node(Rule),
    Leaf(&'a str),
}

/// A node of what pest found. One without a token stands at the end of the token before it, yet not before `floor`.
fn node(pair: Pair<'_, Rule>, code: &[Token], floor: usize) -> Node {
    let span = pair.as_span();
    let rule = pair.as_rule();
    let before = code.partition_point(|token| token.start < span.end());
    let last = code[..before].last().map_or(0, |token| token.end);
    let (start, end) = match last > span.start() {
        true => (span.start(), last.min(span.end())),
        false => (last.max(floor), last.max(floor)),
    };
    let inner = pair
        .into_inner()
        .filter(|inner| inner.as_rule() != Rule::EOI);
    let children = inner.map(|inner| node(inner, code, start)).collect();
    Node {
        rule,
        start,
        end,
        children,
    }
}

/// Visits nodes and leaves in the order of the text.
fn walk<'a>(
    node: &Node,
    depth: usize,
    source: &'a str,
    visit: &mut impl FnMut(usize, Range<usize>, Part<'a>),
) {
    visit(depth, node.range(), Part::Node(node.rule));
    let mut at = node.start;
    for child in &node.children {
        walk_gap(at..child.start, depth + 1, source, visit);
        walk(child, depth + 1, source, visit);
        at = at.max(child.end);
    }
    walk_gap(at..node.end, depth + 1, source, visit);
}

/// The text between nodes: tokens, and the blanks between them.
fn walk_gap<'a>(
    gap: Range<usize>,
    depth: usize,
    source: &'a str,
    visit: &mut impl FnMut(usize, Range<usize>, Part<'a>),
) {
    if gap.is_empty() {
        return;
    }
    let text = &source[gap.clone()];
    let mut leaf = |start: usize, end: usize| {
        if start < end {
            let range = gap.start + start..gap.start + end;
            visit(depth, range, Part::Leaf(&text[start..end]));
        }
    };
    let mut at = 0;
    for token in lex(text) {
        leaf(at, token.start);
        leaf(token.start, token.end);
        at = token.end;
    }
    leaf(at, text.len());
}
