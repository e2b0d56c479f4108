//! From a graph to its text.

use std::fmt::Write as _;

use super::attributes::{float, written};
use super::{name, quoted};
use crate::graph::op::Op;
use crate::graph::space::SpaceKind;
use crate::graph::ty::{Dim, Elem, TensorType};
use crate::graph::{Graph, Init, NodeId, ParamKind};

/// The text of a graph: spaces and parameters that it uses, live nodes, outputs, effects. A training step is written part by
/// part; in which order a run takes its nodes is the schedule's.
pub fn print(graph: &Graph) -> String {
    let mut order = graph.order();
    let parts = Parts::of(graph);
    if let Some(parts) = &parts {
        order.sort_by_key(|id| parts.part(*id));
    }
    let mut printer = Printer {
        graph,
        numbers: vec![None; graph.bound()],
        text: String::new(),
    };
    printer.number(&order);
    printer.text = format!("graph {} {{\n", name(&graph.name));
    printer.header(&order);
    printer.lines(&order, parts.as_ref());
    for (output, id) in &graph.outputs {
        let value = printer.operand(*id);
        printer.push(&format!("return {} = {value}", name(output)));
    }
    for id in &graph.effects {
        printer.effect(*id);
    }
    printer.text.push_str("}\n");
    printer.text
}

struct Printer<'g> {
    graph: &'g Graph,
    /// The number of each node that has a line and a result.
    numbers: Vec<Option<usize>>,
    text: String,
}

impl Printer<'_> {
    /// Numbers what is not written where it is read.
    fn number(&mut self, order: &[NodeId]) {
        let inline = |id: NodeId| match &self.graph.node(id).op {
            Op::Param(_) | Op::Table(_) | Op::Size(_) => true,
            Op::Const(_) => self.graph.ty(id).dims.is_empty(),
            _ => self.is_effect_only(id),
        };
        let numbered: Vec<NodeId> = order.iter().copied().filter(|id| !inline(*id)).collect();
        for (number, id) in numbered.into_iter().enumerate() {
            self.numbers[id.index()] = Some(number);
        }
    }

    /// Effects whose result nobody reads are written without one, after the outputs.
    fn is_effect_only(&self, id: NodeId) -> bool {
        let times = self
            .graph
            .effects
            .iter()
            .filter(|effect| **effect == id)
            .count();
        times == 1
            && self.graph.users(id).is_empty()
            && self.graph.outputs.iter().all(|(_, output)| *output != id)
    }

    fn header(&mut self, order: &[NodeId]) {
        let mut params: Vec<&str> = Vec::new();
        for id in order {
            if let Op::Param(path)
            | Op::Table(path)
            | Op::Update { path, .. }
            | Op::Assign { path } = &self.graph.node(*id).op
            {
                params.push(path);
            }
        }
        params.sort_unstable();
        params.dedup();
        for at in self.used_spaces(order, &params) {
            self.space(at);
        }
        for path in params {
            self.param(path);
        }
        if self.text.lines().count() > 1 {
            self.text.push('\n');
        }
    }

    fn used_spaces(&self, order: &[NodeId], params: &[&str]) -> Vec<usize> {
        let mut used = vec![false; self.graph.spaces.len()];
        let types = order.iter().map(|id| self.graph.ty(*id));
        let declared = params
            .iter()
            .filter_map(|path| self.graph.params.get(*path))
            .map(|param| &param.ty);
        for dim in types.chain(declared).flat_map(|ty| &ty.dims) {
            if let Dim::Space(space) = dim {
                used[space.0 as usize] = true;
            }
        }
        for id in order {
            if let Op::Size(space) = self.graph.node(*id).op {
                used[space.0 as usize] = true;
            }
        }
        for at in (0..used.len()).rev() {
            if let SpaceKind::List { parent, .. } = self.graph.spaces[at].kind {
                used[parent.0 as usize] |= used[at];
            }
        }
        (0..used.len()).filter(|at| used[*at]).collect()
    }

    fn space(&mut self, at: usize) {
        let space = &self.graph.spaces[at];
        let kind = match &space.kind {
            SpaceKind::Batch => "batch".to_owned(),
            SpaceKind::Candidates => "candidates".to_owned(),
            SpaceKind::Catalogue { entity } => format!("catalogue({})", name(entity)),
            SpaceKind::List { parent, max: None } => {
                format!("list({})", self.dim(Dim::Space(*parent)))
            }
            SpaceKind::List {
                parent,
                max: Some(max),
            } => format!("list({}, {max})", self.dim(Dim::Space(*parent))),
            SpaceKind::Vocabulary { table } => format!("vocabulary({})", name(table)),
            SpaceKind::Axis(size) => format!("axis({size})"),
            SpaceKind::Flat => "flat".to_owned(),
        };
        self.push(&format!("space {} = {kind}", name(&space.name)));
    }

    fn param(&mut self, path: &str) {
        let Some(param) = self.graph.params.get(path) else {
            return;
        };
        let kind = match param.kind {
            ParamKind::Weight => "weight",
            ParamKind::Table => "table",
            ParamKind::State => "state",
        };
        let init = match param.init {
            Init::Constant(value) => float(value),
            Init::Uniform(bound) => format!("uniform({})", float(bound)),
            Init::Normal(deviation) => format!("normal({})", float(deviation)),
            Init::HeUniform => "he_uniform".to_owned(),
            Init::GlorotUniform => "glorot_uniform".to_owned(),
        };
        let ty = self.ty(&param.ty);
        self.push(&format!("{kind} {}: {ty} = {init}", name(path)));
    }

    /// The nodes that have lines. A heading stands where another part of a training step begins.
    fn lines(&mut self, order: &[NodeId], parts: Option<&Parts>) {
        let mut open = None;
        for id in order {
            if self.numbers[id.index()].is_none() {
                continue;
            }
            let part = parts.map(|parts| parts.part(*id));
            if let Some(heading) = part.filter(|_| part != open) {
                if open.is_some() {
                    self.text.push('\n');
                }
                self.push(heading.title());
                open = part;
            }
            self.line(*id);
        }
    }

    fn line(&mut self, id: NodeId) {
        let ty = self.ty(self.graph.ty(id));
        let number = self.numbers[id.index()].expect("lines have numbers");
        let value = self.value(id);
        self.push(&format!("%{number}: {ty} = {value}"));
    }

    fn effect(&mut self, id: NodeId) {
        let value = if self.is_effect_only(id) {
            self.value(id)
        } else {
            format!("run {}", self.operand(id))
        };
        self.push(&value);
    }

    /// The op, its operands and attributes.
    fn value(&self, id: NodeId) -> String {
        let node = self.graph.node(id);
        let mut text = node.op.entry().name.to_owned();
        match &node.op {
            Op::Input(input) => write!(text, " {}", name(input)),
            Op::Const(data) => write!(text, " {}", constant(data, node.ty.elem)),
            Op::Update { path, .. } | Op::Assign { path } => write!(text, " {}", name(path)),
            _ => Ok(()),
        }
        .expect("writing to a string does not fail");
        for operand in self.graph.operands(id) {
            text.push(' ');
            text.push_str(&self.operand(operand));
        }
        let attributes: Vec<_> = written(&node.op)
            .into_iter()
            .map(|(key, value)| format!("{key}: {value}"))
            .collect();
        if !attributes.is_empty() {
            text.push_str(&format!(" {{{}}}", attributes.join(", ")));
        }
        if matches!(node.op, Op::RandomUniform | Op::RandomNormal) {
            text.push_str(&format!(" @ {}", quoted(&node.site.path)));
        }
        text
    }

    fn operand(&self, id: NodeId) -> String {
        if let Some(number) = self.numbers[id.index()] {
            return format!("%{number}");
        }
        let node = self.graph.node(id);
        match &node.op {
            Op::Param(path) | Op::Table(path) => name(path),
            Op::Size(space) => format!("size({})", self.dim(Dim::Space(*space))),
            Op::Const(data) => constant(data, node.ty.elem),
            _ => unreachable!("only leaves are written where they are read"),
        }
    }

    fn ty(&self, ty: &TensorType) -> String {
        ty.show(&self.graph.spaces)
    }

    fn dim(&self, dim: Dim) -> String {
        name(&dim.show(&self.graph.spaces))
    }

    fn push(&mut self, line: &str) {
        self.text.push_str("  ");
        self.text.push_str(line);
        self.text.push('\n');
    }
}

fn constant(data: &[f64], elem: Elem) -> String {
    let one = |value: &f64| match elem {
        Elem::F32 => float(*value),
        Elem::I64 => format!("{value}"),
        Elem::Bool => (*value != 0.0).to_string(),
    };
    match data {
        [value] => one(value),
        _ => format!("[{}]", data.iter().map(one).collect::<Vec<_>>().join(", ")),
    }
}

/// A part of a training step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Forward,
    Backward,
    Updates,
}

impl Part {
    fn title(self) -> &'static str {
        match self {
            Self::Forward => "// forward",
            Self::Backward => "// backward",
            Self::Updates => "// updates",
        }
    }
}

/// Which nodes of a training step the losses need, and which the gradients, by [`NodeId::index`].
struct Parts {
    losses: Vec<bool>,
    gradients: Vec<bool>,
}

impl Parts {
    /// The parts of a graph that takes the norm of gradients; other graphs have one part.
    fn of(graph: &Graph) -> Option<Self> {
        let is_norm = |id: &NodeId| graph.node(*id).op == Op::GlobalNorm;
        let norm = graph.roots().find(is_norm)?;
        let outputs = graph.outputs.iter().map(|(_, id)| *id);
        Some(Self {
            losses: graph.needed_by(outputs.filter(|id| !is_norm(id))),
            gradients: graph.needed_by(graph.operands(norm)),
        })
    }

    fn part(&self, id: NodeId) -> Part {
        if self.losses[id.index()] {
            Part::Forward
        } else if self.gradients[id.index()] {
            Part::Backward
        } else {
            Part::Updates
        }
    }
}
