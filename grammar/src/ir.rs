//! Reads the textual form of graphs into plain data: lines of an op, its operands, attributes and type. What the ops
//! mean is the compiler's business.

use pest::Parser as _;
use pest::iterators::Pair;

use crate::diagnostic::Diagnostic;
use crate::recover::{DEEP, UNCLOSED, UNEXPECTED, UNOPENED};
use crate::span::{FileId, Span};

mod grammar {
    #![allow(missing_docs, unreachable_pub)]
    /// The parser that pest makes from `ir.pest`.
    #[derive(pest_derive::Parser)]
    #[grammar = "../ir.pest"]
    pub(crate) struct Grammar;
}

use grammar::{Grammar, Rule};

/// How deeply lists, records and calls may nest.
const MAX_DEPTH: usize = 64;

/// The graphs of a text, and what is wrong with it.
#[derive(Clone, Debug, Default)]
pub struct IrFile {
    /// The graphs in order. Lines that could not be read are left out and reported.
    pub graphs: Vec<IrGraph>,
    /// What could not be read, in the order of the text.
    pub diagnostics: Vec<Diagnostic>,
}

/// `graph NAME { LINES }`
#[derive(Clone, Debug)]
pub struct IrGraph {
    /// Its name.
    pub name: IrWord,
    /// Its lines in order.
    pub lines: Vec<IrLine>,
    /// Everything.
    pub span: Span,
}

/// `%2: f32[B] = exp %1 {key: value} @ "site"`, or a declaration such as `space B = rows(rating)`.
#[derive(Clone, Debug)]
pub struct IrLine {
    /// The value that the line defines (without `%`) and its type.
    pub result: Option<(IrWord, IrType)>,
    /// The op, or the first word of a declaration.
    pub op: IrWord,
    /// What follows it.
    pub operands: Vec<IrValue>,
    /// The type in a declaration, `param film.bias: f32[64] = zeros`.
    pub ty: Option<IrType>,
    /// What follows the `=` of a declaration.
    pub definition: Vec<IrValue>,
    /// `{key: value}` in the order of the text.
    pub attrs: Vec<(IrWord, IrValue)>,
    /// The text after `@`.
    pub site: Option<String>,
    /// Everything.
    pub span: Span,
}

/// A word and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IrWord {
    /// The word; strings stand without their quotes.
    pub text: String,
    /// Its place.
    pub span: Span,
}

/// `f32[B, 64]`, `f32`, `f32[B]?`
#[derive(Clone, Debug)]
pub struct IrType {
    /// `f32`
    pub elem: IrWord,
    /// The dimensions as written; `None` where no bracket is.
    pub dims: Option<Vec<IrWord>>,
    /// `?` follows.
    pub nullable: bool,
    /// Everything.
    pub span: Span,
}

/// An operand or the value of an attribute.
#[derive(Clone, Debug)]
pub struct IrValue {
    /// Its kind.
    pub kind: IrKind,
    /// Its place.
    pub span: Span,
}

/// Kinds of values.
#[derive(Clone, Debug, PartialEq)]
pub enum IrKind {
    /// `%12`, without the sign.
    Ref(String),
    /// `3`
    Int(i64),
    /// `0.5`, `1e-3`, `inf`, `-inf`, `nan`
    Float(f64),
    /// `"text"` with `\"`, `\\`, `\n` and `\t` resolved.
    Str(String),
    /// `true`, `film.mlp.0.weight`
    Word(String),
    /// `[1, 2]`
    List(Vec<IrValue>),
    /// `{a: 1}`
    Record(Vec<(IrWord, IrValue)>),
    /// `rows(rating)`
    Call(String, Vec<IrValue>),
}

impl PartialEq for IrValue {
    /// Values are equal wherever they stand.
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

/// Reads the graphs of a text.
pub fn read_ir(file: FileId, text: &str) -> IrFile {
    let mut reader = Reader {
        file,
        diagnostics: Vec::new(),
    };
    if let Some(at) = too_deep(text) {
        let message = format!("lists, records and calls nest at most {MAX_DEPTH} deep");
        reader.diagnostics.push(Diagnostic::error(
            DEEP,
            Span::new(file, at, at + 1),
            message,
        ));
        return IrFile {
            graphs: Vec::new(),
            diagnostics: reader.diagnostics,
        };
    }
    let mut pairs = Grammar::parse(Rule::file, text).expect("the grammar accepts every text");
    let root = pairs
        .next()
        .expect("a parse gives the rule that was asked for");
    let graphs = root
        .into_inner()
        .filter_map(|pair| reader.graph(pair))
        .collect();
    IrFile {
        graphs,
        diagnostics: reader.diagnostics,
    }
}

/// Where brackets nest too deeply on a line; strings are passed over.
fn too_deep(text: &str) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'\n' => quoted = false,
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'(' | b'[' | b'{' if !quoted => depth += 1,
            b')' | b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Some(at);
        }
    }
    None
}

struct Reader {
    file: FileId,
    diagnostics: Vec<Diagnostic>,
}

impl Reader {
    fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let start = pair.as_span().start();
        Span::new(self.file, start, start + pair.as_str().trim_end().len())
    }

    fn graph(&mut self, pair: Pair<'_, Rule>) -> Option<IrGraph> {
        if pair.as_rule() != Rule::graph {
            self.report(&pair);
            return None;
        }
        let span = self.span(&pair);
        let mut inner = pair.into_inner().skip(1);
        let name = inner
            .next()
            .map(|name| self.word(&name))
            .expect("a graph has a name");
        let mut lines = Vec::new();
        for pair in inner {
            match pair.as_rule() {
                Rule::line => lines.push(self.line(pair)),
                _ => self.report(&pair),
            }
        }
        Some(IrGraph { name, lines, span })
    }

    fn report(&mut self, pair: &Pair<'_, Rule>) {
        let span = self.span(pair);
        self.diagnostics.push(match pair.as_rule() {
            Rule::err_line => {
                Diagnostic::error(UNEXPECTED, span, "this line of a graph cannot be read")
                    .help("a line reads `%2: f32[B] = exp %1 {key: value}`")
            }
            Rule::err_brace => Diagnostic::error(UNOPENED, span, "this `}` closes nothing"),
            Rule::err_end => {
                Diagnostic::error(UNCLOSED, span, "expected `}`, found the end of the file")
            }
            _ => return,
        });
    }

    fn line(&self, pair: Pair<'_, Rule>) -> IrLine {
        let span = self.span(&pair);
        let mut line = IrLine {
            result: None,
            op: IrWord {
                text: String::new(),
                span,
            },
            operands: Vec::new(),
            ty: None,
            definition: Vec::new(),
            attrs: Vec::new(),
            site: None,
            span,
        };
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::result => {
                    let mut inner = part.into_inner();
                    let name = inner.next().map(|name| self.word(&name));
                    line.result = name.zip(inner.next().map(|ty| self.ty(ty)));
                }
                Rule::op => line.op = self.word(&part),
                Rule::declared => {
                    for part in part.into_inner() {
                        match part.as_rule() {
                            Rule::ty => line.ty = Some(self.ty(part)),
                            _ => {
                                line.definition =
                                    part.into_inner().map(|value| self.value(value)).collect()
                            }
                        }
                    }
                }
                Rule::attrs => {
                    line.attrs = part
                        .into_inner()
                        .flat_map(|record| self.fields(record))
                        .collect()
                }
                Rule::site => {
                    line.site = part.into_inner().next().map(|text| unquote(text.as_str()))
                }
                _ => line.operands.push(self.value(part)),
            }
        }
        line
    }

    fn word(&self, pair: &Pair<'_, Rule>) -> IrWord {
        let text = pair.as_str().trim_end();
        let text = match text.strip_prefix('%') {
            Some(name) => name.to_owned(),
            None if text.starts_with('"') => unquote(text),
            None => text.to_owned(),
        };
        IrWord {
            text,
            span: self.span(pair),
        }
    }

    fn ty(&self, pair: Pair<'_, Rule>) -> IrType {
        let (span, bracket) = (self.span(&pair), pair.as_str().contains('['));
        let nullable = pair.as_str().trim_end().ends_with('?');
        let mut inner = pair.into_inner();
        let elem = inner
            .next()
            .map(|elem| self.word(&elem))
            .expect("a type begins with its element");
        let dims = inner
            .filter(|dim| dim.as_rule() == Rule::dim)
            .map(|dim| self.word(&dim))
            .collect();
        IrType {
            elem,
            dims: bracket.then_some(dims),
            nullable,
            span,
        }
    }

    fn fields(&self, record: Pair<'_, Rule>) -> Vec<(IrWord, IrValue)> {
        let fields = record.into_inner().filter_map(|field| {
            let mut inner = field.into_inner();
            let name = inner.next().map(|name| self.word(&name));
            name.zip(inner.next().map(|value| self.value(value)))
        });
        fields.collect()
    }

    fn value(&self, pair: Pair<'_, Rule>) -> IrValue {
        let span = self.span(&pair);
        let kind = match pair.as_rule() {
            Rule::reference => IrKind::Ref(self.word(&pair).text),
            Rule::number => number(pair.as_str()),
            Rule::text => IrKind::Str(unquote(pair.as_str())),
            Rule::list => IrKind::List(pair.into_inner().map(|value| self.value(value)).collect()),
            Rule::record => IrKind::Record(self.fields(pair)),
            Rule::call => {
                let mut inner = pair.into_inner();
                let name = inner
                    .next()
                    .map(|name| self.word(&name).text)
                    .unwrap_or_default();
                IrKind::Call(name, inner.map(|value| self.value(value)).collect())
            }
            _ => IrKind::Word(self.word(&pair).text),
        };
        IrValue { kind, span }
    }
}

/// A whole number where it is written as one and fits, else a float.
fn number(text: &str) -> IrKind {
    match text.parse() {
        Ok(value) => IrKind::Int(value),
        Err(_) => IrKind::Float(
            text.parse()
                .expect("the grammar takes only what reads as a float"),
        ),
    }
}

fn unquote(quoted: &str) -> String {
    let quoted = quoted.trim_end();
    let inner = quoted.get(1..quoted.len() - 1).unwrap_or("");
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some(c) => text.push(c),
                None => {}
            },
            _ => text.push(c),
        }
    }
    text
}
