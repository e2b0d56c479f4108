//! Text to abstract syntax. Nothing stops it: whatever the text, there is a file, and what is wrong with it is said.

mod expressions;
mod items;
mod literals;
mod sources;
mod training;
mod types;

pub(crate) use literals::UNITS;

use crate::ast::{File, Name};
use crate::diagnostic::{Code, Diagnostic};
use crate::layout::{Layout, layout};
use crate::parts::Same;
use crate::recover;
use crate::span::{FileId, Span};
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
    let tree = Tree::read(&layout);
    understand(file, text, &layout, tree)
}

/// A text that was parsed, kept so that a later version of it is parsed sooner.
#[derive(Clone, Debug)]
pub struct Earlier {
    source: String,
    masked: String,
    tree: Tree,
}

/// Reads a text as [`parse`] does. Where an earlier version of it is known, only the parts that differ are given to the
/// grammar.
pub fn parse_again(file: FileId, text: &str, earlier: &mut Option<Earlier>) -> Parsed {
    let layout = layout(text);
    let tree = match earlier {
        Some(Earlier {
            source,
            masked,
            tree,
        }) => {
            let same = Same::of((source, masked), (text, &layout.masked));
            Tree::read_again(&layout, same, tree)
        }
        None => Tree::read(&layout),
    };
    *earlier = Some(Earlier {
        source: text.to_owned(),
        masked: layout.masked.clone(),
        tree: tree.clone(),
    });
    understand(file, text, &layout, tree)
}

/// What a tree says.
fn understand(file: FileId, text: &str, layout: &Layout, tree: Tree) -> Parsed {
    let mut diagnostics = recover::report(tree.root(), text, file, layout);
    let mut parser = Parser {
        file,
        text,
        layout,
        diagnostics: Vec::new(),
    };
    let ast = parser.file(tree.root());
    diagnostics.append(&mut parser.diagnostics);
    diagnostics.sort_by_key(|diagnostic| diagnostic.primary.span.start);
    Parsed {
        ast,
        tree,
        diagnostics,
    }
}

/// Turns nodes of the tree into abstract syntax. Methods are named after what they return.
struct Parser<'a> {
    file: FileId,
    text: &'a str,
    layout: &'a Layout,
    diagnostics: Vec<Diagnostic>,
}

impl Parser<'_> {
    fn span(&self, node: Node<'_>) -> Span {
        Span::new(self.file, node.start, node.end)
    }

    fn source(&self, node: Node<'_>) -> &str {
        &self.text[node.range()]
    }

    fn error(&mut self, code: Code, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.diagnostics
            .push(Diagnostic::error(code, span, message));
        self.diagnostics.last_mut().expect("one was just pushed")
    }

    fn file(&mut self, node: Node<'_>) -> File {
        File {
            items: node.all(Rule::item).map(|item| self.item(item)).collect(),
            span: self.span(node),
        }
    }

    /// The name in an `ident` node, or in a rule that wraps one and may hold an error instead.
    fn name(&self, node: Node<'_>) -> Name {
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
    fn no_name(&self, node: Node<'_>) -> Name {
        Name {
            text: String::new(),
            span: Span::new(self.file, node.end, node.end),
        }
    }

    /// The first name among the children.
    fn first_name(&self, node: Node<'_>) -> Name {
        self.nth_name(node, 0)
    }

    fn nth_name(&self, node: Node<'_>, n: usize) -> Name {
        let mut names = node
            .children()
            .filter(|child| matches!(child.rule, Rule::name | Rule::name_here));
        names
            .nth(n)
            .map_or_else(|| self.no_name(node), |name| self.name(name))
    }

    fn names(&self, node: Node<'_>) -> Vec<Name> {
        node.all(Rule::name).map(|name| self.name(name)).collect()
    }

    /// Parts of these kinds may stand once among the children; each further one is an error.
    fn refuse_repeats(&mut self, node: Node<'_>, kinds: &[&[Rule]]) {
        for kind in kinds {
            for part in node
                .children()
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
