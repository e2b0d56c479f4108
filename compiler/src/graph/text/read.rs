//! From a text to its graphs.

use std::collections::BTreeMap;

use reckon_grammar::diagnostic::{Code, Diagnostic};
use reckon_grammar::ir::{IrGraph, IrKind, IrLine, IrType, IrValue, IrWord, read_ir};
use reckon_grammar::span::{FileId, Span};

use super::attributes::{self, Attributes, number};
use crate::graph::op::Op;
use crate::graph::space::{Space, SpaceId, SpaceKind};
use crate::graph::ty::{Dim, Elem, TensorType};
use crate::graph::{Graph, Init, NodeId, Param, ParamKind, Site};

/// What is wrong with a line of a graph.
const LINE: Code = Code(101);

/// The graphs of a text, or all that is wrong with it.
pub fn read(file: FileId, text: &str) -> Result<Vec<Graph>, Vec<Diagnostic>> {
    let read = read_ir(file, text);
    let mut diagnostics = read.diagnostics;
    let mut graphs = Vec::new();
    for graph in &read.graphs {
        let mut reader = Reader {
            graph: Graph::new(graph.name.text.clone()),
            nodes: BTreeMap::new(),
        };
        reader.lines(graph, &mut diagnostics);
        graphs.push(reader.graph);
    }
    if diagnostics.is_empty() {
        Ok(graphs)
    } else {
        Err(diagnostics)
    }
}

struct Reader {
    graph: Graph,
    nodes: BTreeMap<String, NodeId>,
}

/// What is wrong, and where.
struct Wrong {
    span: Span,
    message: String,
}

type Read<T> = Result<T, Wrong>;

fn wrong<T>(span: Span, message: impl Into<String>) -> Read<T> {
    Err(Wrong {
        span,
        message: message.into(),
    })
}

impl Reader {
    fn lines(&mut self, graph: &IrGraph, diagnostics: &mut Vec<Diagnostic>) {
        for line in &graph.lines {
            if let Err(Wrong { span, message }) = self.line(line) {
                diagnostics.push(Diagnostic::error(LINE, span, message));
            }
        }
    }

    fn line(&mut self, line: &IrLine) -> Read<()> {
        match (line.op.text.as_str(), &line.result) {
            ("space", None) => self.space(line),
            ("weight", None) => self.param(line, ParamKind::Weight),
            ("table", None) => self.param(line, ParamKind::Table),
            ("state", None) => self.param(line, ParamKind::State),
            ("return", None) => {
                let (name, value) = (word(line, line.operands.first())?, self.defined(line)?);
                self.graph.outputs.push((name.to_owned(), value));
                Ok(())
            }
            ("run", None) => {
                let Some(value) = line.operands.first() else {
                    return wrong(line.span, "`run` takes a value");
                };
                let value = self.operand(value)?;
                self.graph.effects.push(value);
                Ok(())
            }
            ("update" | "assign", None) => {
                let effect = self.effect(line)?;
                self.graph.effects.push(effect);
                Ok(())
            }
            (_, Some((name, ty))) => {
                let ty = self.ty(ty)?;
                let node = self.node(line, ty)?;
                if self.nodes.insert(name.text.clone(), node).is_some() {
                    return wrong(name.span, format!("`%{}` is defined twice", name.text));
                }
                Ok(())
            }
            (op, None) => wrong(
                line.op.span,
                format!("`{op}` needs a result, `%0: f32 = {op} ..`"),
            ),
        }
    }

    fn space(&mut self, line: &IrLine) -> Read<()> {
        let name = word(line, line.operands.first())?.to_owned();
        let Some(definition) = line.definition.first() else {
            return wrong(line.span, "a space needs a kind");
        };
        let kind = match &definition.kind {
            IrKind::Word(kind) if kind == "batch" => SpaceKind::Batch,
            IrKind::Word(kind) if kind == "candidates" => SpaceKind::Candidates,
            IrKind::Word(kind) if kind == "flat" => SpaceKind::Flat,
            IrKind::Call(kind, arguments) => match (kind.as_str(), &arguments[..]) {
                ("catalogue", [entity]) => SpaceKind::Catalogue {
                    entity: word(line, Some(entity))?.to_owned(),
                },
                ("vocabulary", [table]) => SpaceKind::Vocabulary {
                    table: word(line, Some(table))?.to_owned(),
                },
                ("list", [parent]) => SpaceKind::List {
                    parent: self.space_of(line, parent)?,
                    max: None,
                },
                ("list", [parent, max]) => SpaceKind::List {
                    parent: self.space_of(line, parent)?,
                    max: Some(size(line, max)?),
                },
                ("axis", [axis]) => SpaceKind::Axis(size(line, axis)?),
                _ => return wrong(definition.span, format!("unknown kind of space `{kind}`")),
            },
            _ => return wrong(definition.span, "unknown kind of space"),
        };
        self.graph.add_space(Space { name, kind });
        Ok(())
    }

    fn param(&mut self, line: &IrLine, kind: ParamKind) -> Read<()> {
        let path = word(line, line.operands.first())?.to_owned();
        let Some(ty) = &line.ty else {
            return wrong(line.span, format!("`{path}` needs a type"));
        };
        let ty = self.ty(ty)?;
        let init = match line.definition.first().map(|value| &value.kind) {
            Some(IrKind::Word(word)) if word == "he_uniform" => Some(Init::HeUniform),
            Some(IrKind::Word(word)) if word == "glorot_uniform" => Some(Init::GlorotUniform),
            Some(IrKind::Call(word, arguments)) => match (word.as_str(), &arguments[..]) {
                ("uniform", [bound]) => number(&bound.kind).map(Init::Uniform),
                ("normal", [deviation]) => number(&deviation.kind).map(Init::Normal),
                _ => None,
            },
            Some(kind) => number(kind).map(Init::Constant),
            None => None,
        };
        let Some(init) = init else {
            return wrong(line.span, format!("`{path}` needs its first values"));
        };
        self.graph.params.insert(path, Param { kind, ty, init });
        Ok(())
    }

    fn node(&mut self, line: &IrLine, ty: TensorType) -> Read<NodeId> {
        let site = Site {
            path: line.site.clone().unwrap_or_default(),
            ..Site::default()
        };
        let attrs = Attributes(
            line.attrs
                .iter()
                .map(|(key, value)| (key.text.as_str(), value))
                .collect(),
        );
        let (op, operands) = match line.op.text.as_str() {
            "input" => (
                Op::Input(word(line, line.operands.first())?.to_owned()),
                Vec::new(),
            ),
            "const" => (Op::Const(constant(line)?), Vec::new()),
            "param" | "table" | "size" => {
                return wrong(line.op.span, "stands as an operand where it is read");
            }
            "update" | "assign" => return self.effect(line),
            name => {
                let Some(op) = attributes::read(name, &attrs, &ty) else {
                    return wrong(
                        line.op.span,
                        format!("no op `{name}` with these attributes gives this type"),
                    );
                };
                let operands = line
                    .operands
                    .iter()
                    .map(|value| self.operand(value))
                    .collect::<Read<Vec<_>>>()?;
                (op, operands)
            }
        };
        self.graph
            .push_typed(op, &operands, ty, site)
            .or_else(|error| wrong(line.span, error.message))
    }

    fn effect(&mut self, line: &IrLine) -> Read<NodeId> {
        let path = word(line, line.operands.first())?.to_owned();
        let attrs = Attributes(
            line.attrs
                .iter()
                .map(|(key, value)| (key.text.as_str(), value))
                .collect(),
        );
        let op = if line.op.text == "assign" {
            Op::Assign { path: path.clone() }
        } else {
            let Some(rule) = attrs.rule() else {
                return wrong(line.span, "unknown rule of an update");
            };
            Op::Update {
                path: path.clone(),
                rule,
            }
        };
        let operands = line.operands[1..]
            .iter()
            .map(|value| self.operand(value))
            .collect::<Read<Vec<_>>>()?;
        let site = Site {
            path,
            ..Site::default()
        };
        self.graph
            .push(op, &operands, site)
            .or_else(|error| wrong(line.span, error.message))
    }

    fn operand(&mut self, value: &IrValue) -> Read<NodeId> {
        let scalar = |elem, value| (Op::Const(vec![value]), TensorType::new(elem, []));
        let (op, ty) = match &value.kind {
            IrKind::Ref(name) => {
                let found = self.nodes.get(name).copied();
                return found.map_or_else(
                    || wrong(value.span, format!("`%{name}` is not defined above")),
                    Ok,
                );
            }
            IrKind::Int(number) => scalar(Elem::I64, *number as f64),
            IrKind::Float(number) => scalar(Elem::F32, *number),
            IrKind::Word(word) if word == "true" => scalar(Elem::Bool, 1.0),
            IrKind::Word(word) if word == "false" => scalar(Elem::Bool, 0.0),
            IrKind::Word(path) | IrKind::Str(path) => match self.graph.params.get(path) {
                Some(Param {
                    kind: ParamKind::Table,
                    ty,
                    ..
                }) => (Op::Table(path.clone()), ty.clone()),
                Some(param) => (Op::Param(path.clone()), param.ty.clone()),
                None => return wrong(value.span, format!("parameter `{path}` is not declared")),
            },
            IrKind::Call(word, arguments) if word == "size" && arguments.len() == 1 => (
                Op::Size(self.space_at(value.span, &arguments[0])?),
                TensorType::scalar(),
            ),
            IrKind::Call(..) | IrKind::List(_) | IrKind::Record(_) => {
                return wrong(value.span, "cannot be an operand");
            }
        };
        self.graph
            .push_typed(op, &[], ty, Site::default())
            .or_else(|error| wrong(value.span, error.message))
    }

    fn defined(&mut self, line: &IrLine) -> Read<NodeId> {
        match line.definition.first() {
            Some(value) => self.operand(value),
            None => wrong(
                line.span,
                "`return` takes a name and a value, `return loss = %3`",
            ),
        }
    }

    fn ty(&self, ty: &IrType) -> Read<TensorType> {
        let Some(elem) = Elem::ALL
            .into_iter()
            .find(|elem| elem.name() == ty.elem.text)
        else {
            return wrong(
                ty.elem.span,
                format!("unknown element type `{}`", ty.elem.text),
            );
        };
        let dims = ty
            .dims
            .iter()
            .flatten()
            .map(|dim| self.dim(dim))
            .collect::<Read<Vec<_>>>()?;
        Ok(TensorType::new(elem, dims))
    }

    fn dim(&self, dim: &IrWord) -> Read<Dim> {
        match dim.text.parse() {
            Ok(size) => Ok(Dim::Fixed(size)),
            Err(_) => self.space_named(dim.span, &dim.text).map(Dim::Space),
        }
    }

    fn space_of(&self, line: &IrLine, value: &IrValue) -> Read<SpaceId> {
        self.space_at(line.span, value)
    }

    fn space_at(&self, span: Span, value: &IrValue) -> Read<SpaceId> {
        match &value.kind {
            IrKind::Word(name) | IrKind::Str(name) => self.space_named(value.span, name),
            _ => wrong(span, "expected the name of a space"),
        }
    }

    fn space_named(&self, span: Span, name: &str) -> Read<SpaceId> {
        match self
            .graph
            .spaces
            .iter()
            .position(|space| space.name == name)
        {
            Some(at) => Ok(SpaceId(
                u32::try_from(at).expect("a graph has fewer than 2^32 spaces"),
            )),
            None => wrong(span, format!("space `{name}` is not declared")),
        }
    }
}

fn word<'a>(line: &IrLine, value: Option<&'a IrValue>) -> Read<&'a str> {
    match value.map(|value| &value.kind) {
        Some(IrKind::Word(word) | IrKind::Str(word)) => Ok(word),
        _ => wrong(line.span, format!("`{}` takes a name", line.op.text)),
    }
}

fn size(line: &IrLine, value: &IrValue) -> Read<usize> {
    match value.kind {
        IrKind::Int(size) if size >= 0 => Ok(size as usize),
        _ => wrong(line.span, "expected a size"),
    }
}

fn constant(line: &IrLine) -> Read<Vec<f64>> {
    let element = |kind: &IrKind| match kind {
        IrKind::Word(word) if word == "true" => Some(1.0),
        IrKind::Word(word) if word == "false" => Some(0.0),
        kind => number(kind),
    };
    let data = match line.operands.first().map(|value| &value.kind) {
        Some(IrKind::List(items)) => items.iter().map(|item| element(&item.kind)).collect(),
        Some(kind) => element(kind).map(|value| vec![value]),
        None => None,
    };
    data.map_or_else(
        || wrong(line.span, "`const` takes a number or a list of numbers"),
        Ok,
    )
}
