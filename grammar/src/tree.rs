//! The lossless tree: what the grammar saw, with the place of every piece. The leaves joined are the source.

use std::fmt::Write as _;
use std::ops::Range;

use crate::layout::Layout;
use crate::lex::lex;
use crate::parts::{self, Older, Part, Pieces, Same};

/// The grammar's rules; private to the crate, so that nothing else depends on their names.
pub(crate) mod grammar {
    #![allow(missing_docs, unreachable_pub)]
    /// The parser that pest makes from `rec.pest`.
    #[derive(pest_derive::Parser)]
    #[grammar = "../rec.pest"]
    pub(crate) struct Grammar;
}

pub(crate) use grammar::Rule;

/// A rule that matched, in the list of a tree: rules that matched inside it follow it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) rule: Rule,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// How many pieces it is, with all inside it.
    pub(crate) size: usize,
}

/// A rule that matched, with the rules inside it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<'t> {
    pub(crate) rule: Rule,
    pub(crate) start: usize,
    pub(crate) end: usize,
    inside: &'t [Piece],
}

impl<'t> Node<'t> {
    /// The node that a list begins with; none where the list is empty.
    fn of(pieces: &'t [Piece]) -> Option<Self> {
        let piece = pieces.first()?;
        Some(Self {
            rule: piece.rule,
            start: piece.start,
            end: piece.end,
            inside: &pieces[1..piece.size],
        })
    }

    pub(crate) fn children(self) -> Children<'t> {
        Children { rest: self.inside }
    }

    /// The first child, of a rule that has one whatever the text.
    pub(crate) fn first(self) -> Node<'t> {
        Self::of(self.inside).expect("the grammar gives this rule a child")
    }

    /// The first child of a kind.
    pub(crate) fn find(self, rule: Rule) -> Option<Node<'t>> {
        self.children().find(|child| child.rule == rule)
    }

    /// All children of a kind.
    pub(crate) fn all(self, rule: Rule) -> impl Iterator<Item = Node<'t>> {
        self.children().filter(move |child| child.rule == rule)
    }

    pub(crate) fn has(self, rule: Rule) -> bool {
        self.find(rule).is_some()
    }

    pub(crate) fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// Nodes side by side.
#[derive(Clone, Debug)]
pub(crate) struct Children<'t> {
    rest: &'t [Piece],
}

impl<'t> Iterator for Children<'t> {
    type Item = Node<'t>;

    fn next(&mut self) -> Option<Node<'t>> {
        let node = Node::of(self.rest)?;
        self.rest = &self.rest[1 + node.inside.len()..];
        Some(node)
    }
}

/// The tree of a text.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The file and all inside it, each before what is inside it.
    pieces: Vec<Piece>,
    /// The parts that it was read in.
    parts: Vec<Part>,
}

impl Tree {
    /// Reads a text that is ready for the grammar.
    pub(crate) fn read(layout: &Layout) -> Self {
        Self::of(parts::read(layout, None))
    }

    /// Reads a text of which most stood in an older one.
    pub(crate) fn read_again(layout: &Layout, same: Same, older: &Self) -> Self {
        let older = Older {
            pieces: &older.pieces,
            parts: &older.parts,
            same,
        };
        Self::of(parts::read(layout, Some(&older)))
    }

    fn of(read: Pieces) -> Self {
        let Pieces { pieces, parts } = read;
        Self { pieces, parts }
    }

    pub(crate) fn root(&self) -> Node<'_> {
        Node::of(&self.pieces).expect("a tree has a root")
    }

    /// The leaves of the tree over `source`, with blanks, newlines and comments; joined they are `source`.
    pub fn leaves<'a>(&self, source: &'a str) -> Vec<&'a str> {
        let mut leaves = Vec::new();
        walk(self.root(), 0, source, &mut |_, _, part| {
            if let Seen::Leaf(text) = part {
                leaves.push(text);
            }
        });
        leaves
    }

    /// One line a node, indented, with its range; leaves carry their text.
    pub fn dump(&self, source: &str) -> String {
        let mut out = String::new();
        walk(self.root(), 0, source, &mut |depth, range, part| {
            let indent = "  ".repeat(depth);
            let line = match part {
                Seen::Node(rule) => write!(out, "{indent}{rule:?} {}..{}", range.start, range.end),
                Seen::Leaf(text) => write!(out, "{indent}{text:?}"),
            };
            line.and_then(|()| out.write_char('\n'))
                .expect("writing to a string does not fail");
        });
        out
    }
}

enum Seen<'a> {
    Node(Rule),
    Leaf(&'a str),
}

/// Visits nodes and leaves in the order of the text.
fn walk<'a>(
    node: Node<'_>,
    depth: usize,
    source: &'a str,
    visit: &mut impl FnMut(usize, Range<usize>, Seen<'a>),
) {
    visit(depth, node.range(), Seen::Node(node.rule));
    let mut at = node.start;
    for child in node.children() {
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
    visit: &mut impl FnMut(usize, Range<usize>, Seen<'a>),
) {
    if gap.is_empty() {
        return;
    }
    let text = &source[gap.clone()];
    let mut leaf = |start: usize, end: usize| {
        if start < end {
            let range = gap.start + start..gap.start + end;
            visit(depth, range, Seen::Leaf(&text[start..end]));
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
