//! Text to abstract syntax. Nothing stops it: whatever the text, there is a file, and what is wrong with it is said.

mod expressions;
mod items;
mod literals;
mod sources;
mod training;
mod types;

pub(crate) use literals::UNITS;
use pest::Parser as _;

use crate::ast::{File, Name};
use crate::diagnostic::{Code, Diagnostic};
use crate::layout::{Layout, layout};
use crate::recover;
use crate::span::{FileId, Span};
use crate::tree::grammar::Grammar;
use crate::tree::{Node, Rule, Tree};

/// What a text says, and what is wrong with it.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The file; broken parts are `Error` nodes or empty names.
    pub ast: File,
    /// The lossless tree.
    pub tree: Tree,
    /// All syntax errors in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads a text. Every text gives a file; its syntax errors have codes E0101 and up.
pub fn parse(file: FileId, text: &str) -> Parsed {
    let layout = layout(text);
    let tree = read_tree(&layout);
    let mut diagnostics = recover::report(&tree.root, text, file, &layout);
    let mut parser = Parser {
        file,
        text,
        layout: &layout,
        diagnostics: Vec::new(),
    };
    let ast = parser.file(&tree.root);
    diagnostics.append(&mut parser.diagnostics);
    diagnostics.sort_by_key(|diagnostic| diagnostic.primary.span.start);
    Parsed {
        ast,
        tree,
        diagnostics,
    }
}

/// The tree of a text that is ready for the grammar.
pub(crate) fn read_tree(layout: &Layout) -> Tree {
    let mut pairs =
        Grammar::parse(Rule::file, &layout.masked).expect("the grammar accepts every text");
    Tree::new(
        pairs
            .next()
            .expect("a parse gives the rule that was asked for"),
        layout,
    )
}

/// Turns nodes of the tree into abstract syntax. Methods are named after what they return.
struct Parser<'a> {
    file: FileId,
    text: &'a str,
    layout: &'a Layout,
    diagnostics: Vec<Diagnostic>,
}

impl Parser<'_> {
    fn span(&self, node: &Node) -> Span {
        Span::new(self.file, node.start, node.end)
    }

    fn source(&self, node: &Node) -> &str {
        &self.text[node.range()]
    }

    fn error(&mut self, code: Code, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.diagnostics
            .push(Diagnostic::error(code, span, message));
        self.diagnostics.last_mut().expect("one was just pushed")
    }

    fn file(&mut self, node: &Node) -> File {
        File {
            items: node.all(Rule::item).map(|item| self.item(item)).collect(),
            span: self.span(node),
        }
    }

    /// The name in an `ident` node, or in a rule that wraps one and may hold an error instead.
    fn name(&self, node: &Node) -> Name {
        let text = match node.rule {
            Rule::ident => self.source(node),
            _ => node
                .find(Rule::ident)
                .map_or("", |ident| self.source(ident)),
        };
        Name {
            text: text.to_owned(),
            span: self.span(node),
        }
    }

    /// An empty name at the end of a node in which the grammar found none.
    fn no_name(&self, node: &Node) -> Name {
        Name {
            text: String::new(),
            span: Span::new(self.file, node.end, node.end),
        }
    }

    /// The first name among the children.
    fn first_name(&self, node: &Node) -> Name {
        self.nth_name(node, 0)
    }

    fn nth_name(&self, node: &Node, n: usize) -> Name {
        let mut names = node
            .children
            .iter()
            .filter(|child| matches!(child.rule, Rule::name | Rule::name_here));
        names
            .nth(n)
            .map_or_else(|| self.no_name(node), |name| self.name(name))
    }

    fn names(&self, node: &Node) -> Vec<Name> {
        node.all(Rule::name).map(|name| self.name(name)).collect()
    }

    /// Parts of these kinds may stand once among the children; each further one is an error.
    fn refuse_repeats(&mut self, node: &Node, kinds: &[&[Rule]]) {
        for kind in kinds {
            for part in node
                .children
                .iter()
                .filter(|child| kind.contains(&child.rule))
                .skip(1)
            {
                let span = self.span(part);
                let message = format!("`{}` repeats what is said before", self.source(part));
                self.error(recover::UNEXPECTED, span, message);
            }
        }
    }

    /// The lines after `///` directly above a place, with nothing but line ends between.
    fn docs(&self, start: usize) -> Vec<String> {
        let before = self
            .layout
            .tokens
            .partition_point(|token| token.start < start);
        let mut docs = Vec::new();
        for token in self.layout.tokens[..before].iter().rev() {
            let text = token.text(self.text);
            match text.strip_prefix("///") {
                Some(doc) => docs.push(doc.strip_prefix(' ').unwrap_or(doc).trim_end().to_owned()),
                None if text == "\n" => {}
                None => break,
            }
        }
        docs.reverse();
        docs
    }
}
